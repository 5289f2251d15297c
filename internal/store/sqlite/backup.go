package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
)

// copyStep is how many pages are copied between two looks at the context: 4 MiB.
const copyStep = 1024

// Copy writes the state that the database at one path has now to a new file at another (mode 0600), while a server may be at work
// on it: it reads one snapshot and makes nobody wait. The copy has no side files, and is on disk when Copy returns.
// Every commit that was acknowledged before the call is in it. progress may be nil; it is told bytes.
//
// Errors: ErrNewer and ErrForeign, wrapped; fs.ErrNotExist and fs.ErrExist. Nothing is left of a copy that failed.
func Copy(ctx context.Context, from, to string, progress func(done, total int64)) (err error) {
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	src, err := openLook(from)
	if err != nil {
		return fmt.Errorf("copy database: %w", explain(err))
	}
	defer func() { err = errors.Join(err, src.close()) }()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}()
	if err := f.Close(); err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	if err := copyPages(ctx, src, to, progress); err != nil {
		return fmt.Errorf("copy database: %w", explain(err))
	}
	return nil
}

// openLook opens a connection that only reads, of a database that is ours and not newer than the program.
func openLook(path string) (*conn, error) {
	c, err := openConn(path, true, 5*time.Second, "query_only=1", "trusted_schema=0", "cell_size_check=1")
	if err != nil {
		return nil, err
	}
	newest, err := newestMigration()
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	current, err := schemaVersion(c)
	switch {
	case err != nil:
	case current > newest:
		err = fmt.Errorf("%w (its schema has version %d, this program knows %d)", ErrNewer, current, newest)
	case current == 0:
		err = fmt.Errorf("%w: it is empty", ErrForeign)
	default:
		return c, nil
	}
	return nil, errors.Join(err, c.close())
}

// copyPages copies a snapshot page by page. The open transaction keeps others' commits from starting the copy over.
func copyPages(ctx context.Context, src *conn, to string, progress func(done, total int64)) (err error) {
	dst, err := openConn(to, false, time.Second, "synchronous=OFF")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.close()) }()
	if _, err := src.exec("BEGIN"); err != nil {
		return err
	}
	defer func() {
		_, rerr := src.exec("ROLLBACK") // nothing was changed: this only ends the snapshot
		err = errors.Join(err, rerr)
	}()
	var size int64
	_, err = src.first("SELECT page_size FROM pragma_page_size", nil, func(r row) error { size = r.int(0); return nil })
	if err != nil {
		return err
	}
	if _, err := src.first("SELECT 1 FROM sqlite_schema", nil, noRow); err != nil { // the snapshot begins with the first read
		return err
	}
	b, err := dst.c.Backup("main", src.c, "main")
	if err != nil {
		return err
	}
	if err := stepAll(ctx, b, size, progress); err != nil {
		return errors.Join(err, b.Close())
	}
	if err := b.Finish(); err != nil {
		return err
	}
	failpoint.Pass("sqlite.copy.before")
	// The copy is one file, which can be read from a medium that cannot be written to.
	if err := dst.simple("PRAGMA journal_mode=DELETE"); err != nil {
		return err
	}
	f, err := os.Open(to) //nolint:gosec // as above
	if err != nil {
		return err
	}
	if err := errors.Join(failpoint.Hit("sqlite.copy.sync"), f.Sync(), f.Close()); err != nil {
		return err
	}
	failpoint.Pass("sqlite.copy.after")
	return nil
}

func stepAll(ctx context.Context, b *sqlite3.SQLiteBackup, size int64, progress func(done, total int64)) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		done, err := b.Step(copyStep)
		if err != nil {
			return err
		}
		if progress != nil {
			total := int64(b.PageCount())
			progress((total-int64(b.Remaining()))*size, total*size)
		}
		if done {
			return nil
		}
	}
}

// Look is a database that is only read: one state of it, whoever writes meanwhile. It is used by one goroutine, and closed.
type Look struct{ c *conn }

// OpenLook opens the database at path to look at the state that it has now. It does not bring the schema up to date.
//
// Errors: ErrNewer and ErrForeign, wrapped; fs.ErrNotExist.
func OpenLook(path string) (*Look, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	c, err := openLook(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", explain(err))
	}
	_, err = c.exec("BEGIN")
	if err == nil {
		_, err = c.first("SELECT 1 FROM sqlite_schema", nil, noRow) // the snapshot begins with the first read
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", explain(err)), c.close())
	}
	return &Look{c}, nil
}

// Close ends the look.
func (l *Look) Close() error { return l.c.close() }

// Refresh moves on to the state that the database has now.
func (l *Look) Refresh() error {
	if _, err := l.c.exec("ROLLBACK"); err != nil {
		return fmt.Errorf("look again: %w", err)
	}
	if _, err := l.c.exec("BEGIN"); err != nil {
		return fmt.Errorf("look again: %w", err)
	}
	if _, err := l.c.first("SELECT 1 FROM sqlite_schema", nil, noRow); err != nil {
		return fmt.Errorf("look again: %w", err)
	}
	return nil
}

// Schema returns the number of the database's last migration.
func (l *Look) Schema() (int64, error) { return schemaVersion(l.c) }

// Blobs calls fn with every blob that the database knows, in the order of their hashes.
func (l *Look) Blobs(fn func(store.BlobRow) error) error {
	err := l.c.query("SELECT sha256, size_bytes, state FROM blobs ORDER BY sha256", nil, func(r row) error {
		return fn(store.BlobRow{SHA256: r.text(0), SizeBytes: r.int(1), InPlace: r.int(2) == blobSettled, Dying: r.int(2) == blobDying})
	})
	if err != nil {
		return fmt.Errorf("list blobs: %w", err)
	}
	return nil
}

// Blob returns what the database knows of a blob.
func (l *Look) Blob(sha256 string) (b store.BlobRow, found bool, err error) {
	found, err = l.c.first("SELECT sha256, size_bytes, state FROM blobs WHERE sha256 = ?", []any{sha256}, func(r row) error {
		b = store.BlobRow{SHA256: r.text(0), SizeBytes: r.int(1), InPlace: r.int(2) == blobSettled, Dying: r.int(2) == blobDying}
		return nil
	})
	if err != nil {
		return b, false, fmt.Errorf("look up blob: %w", err)
	}
	return b, found, nil
}

// Counts returns how much there is in the database.
func (l *Look) Counts() (n store.Counts, err error) {
	_, err = l.c.first(`SELECT (SELECT count(*) FROM organizations), (SELECT count(*) FROM agents WHERE deleted_at = 0),
		(SELECT count(*) FROM jobs), (SELECT count(*) FROM jobs WHERE status IN (0, 2)) + (SELECT count(*) FROM jobs WHERE status = 1),
		(SELECT count(*) FROM steps)`, nil, func(r row) error {
		n = store.Counts{Organizations: r.int(0), Agents: r.int(1), Jobs: r.int(2), OpenJobs: r.int(3), Steps: r.int(4)}
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("count: %w", err)
	}
	return n, nil
}

// Newest returns when the newest job was made; zero when there is none.
func (l *Look) Newest() (at time.Time, err error) {
	_, err = l.c.first("SELECT coalesce(max(newest), 0) FROM agent_jobs", nil, func(r row) error { at = r.time(0); return nil })
	if err != nil {
		return at, fmt.Errorf("find the newest job: %w", err)
	}
	return at, nil
}

// Sealed reports whether there are secrets that only the key that is kept apart can open.
func (l *Look) Sealed() (sealed bool, err error) {
	_, err = l.c.first("SELECT EXISTS (SELECT 1 FROM secret_proof)", nil, func(r row) error { sealed = r.bool(0); return nil })
	if err != nil {
		return false, fmt.Errorf("look for secrets: %w", err)
	}
	return sealed, nil
}

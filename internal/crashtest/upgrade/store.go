package upgrade

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward/internal/crashtest/local"
)

const databaseName = "steward.db"

// execute changes a database.
func execute(ctx context.Context, database, data string, statements ...string) (err error) {
	db, err := local.OpenSQL(database, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("change database: %w", err)
		}
	}
	return nil
}

// lasting makes what is open never run out: a fixture is used for years. The caller closes the database when its files have been
// copied, because whoever closes a SQLite database last tidies it up.
func lasting(ctx context.Context, database, data string) (*sql.DB, error) {
	db, err := local.OpenSQL(database, data)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	statements := []string{
		`UPDATE jobs SET deadline = 9000000000000000 WHERE status < 3`,
		`UPDATE idempotency SET expires_at = 9000000000000000`,
	}
	if database != "" {
		statements = []string{
			`UPDATE jobs SET deadline = '2255-01-01' WHERE status < 3`,
			`UPDATE idempotency_keys SET expires_at = '2255-01-01'`,
		}
	}
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return nil, errors.Join(fmt.Errorf("put off what runs out: %w", err), db.Close())
		}
	}
	return db, nil
}

// allDue makes all events due that were not delivered, also those of webhooks that have failed and are given a pause.
func allDue(ctx context.Context, database, data string) error {
	if database != "" {
		return execute(ctx, database, data, `UPDATE webhook_deliveries SET due_at = now() - interval '1 hour' WHERE status = 0`,
			`UPDATE webhooks SET failed_at = now() - interval '1 hour' WHERE failed_at IS NOT NULL`)
	}
	return execute(ctx, database, data, `UPDATE webhook_deliveries SET due_at = 1 WHERE status = 0`, `UPDATE webhooks SET failed_at = 1 WHERE failed_at > 0`)
}

const schemaSQL = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`

// schemaOf returns the number of a database's last migration. Of a SQLite database a copy is looked at, so that it stays as a kill left it.
func schemaOf(ctx context.Context, database, data, temp string) (version int64, err error) {
	if database == "" {
		if temp, err = os.MkdirTemp(temp, "look"); err != nil {
			return 0, fmt.Errorf("make folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
		for _, name := range []string{databaseName, databaseName + "-wal"} {
			if err := copyFile(filepath.Join(data, name), filepath.Join(temp, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return 0, err
			}
		}
		data = temp
	}
	db, err := local.OpenSQL(database, data)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.QueryRowContext(ctx, schemaSQL).Scan(&version); err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from) //nolint:gosec // a file of the test
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := os.Create(to)         //nolint:gosec // a file of the test
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// notSQL are lines of a dump that only psql understands, or only a server as new as the dump's.
var notSQL = regexp.MustCompile(`(?m)^(\\.*|SET transaction_timeout.*)\n`)

// dump writes a PostgreSQL database as SQL. pgDump is the program pg_dump.
func dump(ctx context.Context, pgDump, database, to string) error {
	cmd := exec.CommandContext(ctx, pgDump, "--no-owner", "--no-privileges", "--inserts", "--rows-per-insert=50", "--dbname="+database) //nolint:gosec // the caller names the program
	text, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = errors.Join(err, errors.New(string(exit.Stderr)))
		}
		return fmt.Errorf("dump database: %w", err)
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = z.Write(notSQL.ReplaceAll(text, nil))
	if err = errors.Join(err, z.Close()); err != nil {
		return fmt.Errorf("compress dump: %w", err)
	}
	return writeFile(to, b.Bytes())
}

// load puts a dump into an empty database.
func load(ctx context.Context, database, from string) (err error) {
	f, err := os.Open(from) //nolint:gosec // a file of the test
	if err != nil {
		return fmt.Errorf("open dump: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("read dump: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return fmt.Errorf("read dump: %w", err)
	}
	c, err := pgx.Connect(ctx, database)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	if err := c.PgConn().Exec(ctx, string(text)).Close(); err != nil {
		return fmt.Errorf("load dump: %w", err)
	}
	return nil
}

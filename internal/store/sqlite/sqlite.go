// Package sqlite keeps Steward's records in one SQLite file: the embedded default that needs no other server.
//
//	s, err := sqlite.Open(ctx, filepath.Join(dir, "steward.db"), nil)
//
// The database is in WAL mode with synchronous=FULL: what a method acknowledged is on disk. One goroutine owns the only
// writing connection and commits the writes of many callers together; reads have connections of their own and never wait
// for a write. One process serves a database at a time; others may read it and, with patience, write.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// Options tunes a Store. The zero value is ready to use.
type Options struct {
	Readers     int           // connections for reads; 0 means 4, at most 64. More than the cores starve the writer.
	BusyTimeout time.Duration // how long to wait for another process that writes; 0 means 5s
	Logger      *slog.Logger  // nil means slog.Default()

	// Guard is told of a disk that fails or is full, and asked before each write; nil means one of the store's own.
	Guard *disk.Guard
	// Mark keeps a file beside the database (its name and -mark) by which Open notices that another one, or an older copy, was put in its place.
	Mark bool
	// Watch are files besides the database's own that must stay in their places, such as the lock of the data folder.
	Watch []string
	// AcceptLoss opens a database that Open refuses with ErrOlder, ErrOther, ErrGone, ErrBadMark or ErrDamagedLog.
	AcceptLoss bool
}

// Store is an open database. It implements store.Store.
type Store struct {
	writer  *writer
	readers chan *conn // idle connections; nil is one not opened yet
	path    string
	busy    time.Duration
	ready   chan struct{}

	closing   sync.Once
	closed    chan struct{}
	claimedAt storerow.Latest // Now of the claims
	runs      runAgents
	turn      turn          // used by the writer's goroutine alone
	marked    chan struct{} // closed when nobody moves the mark on any more
}

var _ store.Store = (*Store)(nil)

// Errors of Open.
var (
	// ErrNewer says that the database was written by a later version of the program.
	ErrNewer = errors.New("the database belongs to a newer version of Steward: upgrade the program, or restore a backup made before the upgrade")
	// ErrForeign says that the file is something else than a database of Steward.
	ErrForeign = errors.New("the file is not a database of Steward")
	// ErrDamaged says that SQLite cannot read the file.
	ErrDamaged = errors.New("the database is damaged: see what is left with steward verify, and restore the last good backup into a new folder with steward restore")
	// ErrReadOnly says that the file, its folder or the disk may not be written to.
	ErrReadOnly = errors.New("the database cannot be written to: give the user who runs the server the right to write there, or mount the disk for writing; " +
		"a disk that became read-only by itself is failing (dmesg)")
)

// Open opens the database at path, creates it (mode 0600) when there is none, and brings its schema up to date.
// nil opts means the defaults. The folder must exist.
//
// Errors: ErrNewer, ErrForeign, ErrDamaged, ErrDamagedLog, ErrOlder, ErrOther, ErrGone, ErrBadMark and ErrReadOnly, wrapped, for a database
// that must not be touched or cannot be; Invalid for bad options.
func Open(ctx context.Context, path string, opts *Options) (*Store, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkPlace(path, o.Mark); err != nil {
		if err = o.accept(path, err); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("open store: %w", explain(err))
	}
	c, err := openWriter(ctx, path, &o)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", explain(err))
	}
	s := &Store{
		readers: make(chan *conn, o.Readers),
		path:    path,
		busy:    o.BusyTimeout,
		ready:   make(chan struct{}, 1),
		closed:  make(chan struct{}),
		marked:  make(chan struct{}),
	}
	for range o.Readers {
		s.readers <- nil
	}
	s.writer = newWriter(c, path, &s.runs, &o, s.signal)
	if err := s.writer.places.look(); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), c.close())
	}
	go s.writer.loop()
	if o.Mark {
		go s.keepMark()
	} else {
		close(s.marked)
	}
	return s, nil
}

// accept returns what Open is refused for, unless it is a loss and losses are accepted. A log beside a database that it may not belong to
// is put aside, and then the mark: the next start, should this one be killed before the mark has moved on, has nothing to put aside any more.
func (o *Options) accept(path string, refusal error) error {
	keepsLog := errors.Is(refusal, ErrDamagedLog) || errors.Is(refusal, ErrBadMark)
	other := errors.Is(refusal, ErrOlder) || errors.Is(refusal, ErrOther) || errors.Is(refusal, ErrGone)
	if !o.AcceptLoss || !keepsLog && !other {
		return refusal
	}
	o.Logger.Warn("the database is opened all the same", "error", refusal)
	if keepsLog {
		return nil
	}
	for _, suffix := range []string{"-wal", "-shm", markSuffix} {
		err := os.Rename(path+suffix, path+suffix+".lost-"+time.Now().UTC().Format("20060102T150405"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("put the log and the mark aside: %w", err)
		}
	}
	return syncFolder(filepath.Dir(path))
}

// CheckPlace returns why Open would refuse the database at a path before it opens it: ErrOlder, ErrOther, ErrGone, ErrBadMark or
// ErrDamagedLog, wrapped.
// Nothing is changed. It is not to be used while a server is at work on the database.
func CheckPlace(path string) error { return checkPlace(path, true) }

// checkPlace looks at the files before SQLite does: it would put a log and a database together that do not belong together, and drop what
// stands behind a damaged place of the log.
func checkPlace(path string, marked bool) error {
	if marked {
		if err := checkMark(path); err != nil {
			return err
		}
	}
	return checkLog(path)
}

// writerPragmas returns what sets up the writing connection. The driver has set busy_timeout before.
func writerPragmas() []string {
	return []string{
		"journal_mode=WAL",
		"synchronous=FULL",
		"wal_autocheckpoint=0", // see fold
		"journal_size_limit=67108864",
		"cache_size=-16000",
		"temp_store=MEMORY",
	}
}

// openWriter opens the writing connection of a database whose schema it brings up to date. A file that is not ours, or of
// a newer program, is not changed.
func openWriter(ctx context.Context, path string, o *Options) (*conn, error) {
	busy := o.BusyTimeout
	if err := refuseOthers(path, busy); err != nil {
		return nil, err
	}
	c, err := openConn(path, false, busy)
	if err != nil {
		return nil, err
	}
	old, err := behind(c)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	was, err := recoverFault(c, path) // before anything is written
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	if old {
		if err := migrate(ctx, c, path, busy); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	if was != "" {
		o.Logger.Warn("the process before this one stopped because of its disk; the database goes on from what is on it",
			"was", strings.TrimSpace(was), "advice", "look at the disk (dmesg, smartctl), and run steward verify")
	}
	failpoint.Pass("sqlite.settings.before")
	for _, p := range writerPragmas() {
		if err := c.setPatiently(ctx, p, busy); err != nil {
			return nil, errors.Join(fmt.Errorf("set %s: %w", p, err), c.close())
		}
	}
	failpoint.Pass("sqlite.settings.after")
	if err := fillLists(ctx, c, o.Logger); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// setPatiently sets a pragma, and tries again for a while when the database is busy: SQLite does not wait by itself when it
// turns to WAL mode while another process has a new database open.
func (c *conn) setPatiently(ctx context.Context, pragma string, patience time.Duration) error {
	const pause = 5 * time.Millisecond
	for {
		err := c.simple("PRAGMA " + pragma)
		var se sqlite3.Error
		if !errors.As(err, &se) || se.Code != sqlite3.ErrBusy || patience <= 0 {
			return err
		}
		patience -= pause
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// withDefaults returns a checked copy with the defaults filled in.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Readers == 0 {
		c.Readers = 4
	}
	if c.BusyTimeout == 0 {
		c.BusyTimeout = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Guard == nil {
		c.Guard = disk.NewGuard(disk.Options{Logger: c.Logger})
	}
	c.Watch = slices.Clone(c.Watch)
	if c.Readers < 1 || c.Readers > 64 {
		return Options{}, storerow.OutOfRange("Readers", "Readers must be 1 to 64.")
	}
	if c.BusyTimeout < time.Millisecond || c.BusyTimeout > time.Hour {
		return Options{}, storerow.OutOfRange("BusyTimeout", "BusyTimeout must be 1ms to 1h.")
	}
	return c, nil
}

// create makes an empty file that only its owner can read, unless there is one, and makes its name durable.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // G304: the operator names the folder
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	if err := failpoint.Hit("sqlite.create.before"); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	failpoint.Pass("sqlite.create.after")
	return nil
}

// explain turns the driver's word for a foreign file into ours.
func explain(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	var se sqlite3.Error
	if !errors.As(err, &se) || errors.Is(err, ErrForeign) {
		return err
	}
	switch se.Code {
	case sqlite3.ErrNotADB:
		return fmt.Errorf("%w: %w", ErrForeign, err)
	case sqlite3.ErrCorrupt:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case sqlite3.ErrReadonly:
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case sqlite3.ErrFull:
		return disk.NoRoom(err)
	}
	return err
}

// Ping implements store.Store. A fault of the disk, and files that were replaced, are errors too: Unavailable with disk.ErrFailed inside.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.Intact(); err != nil {
		return err
	}
	return s.read(ctx, "ping", func(c *conn) error {
		_, err := c.first("SELECT 1", nil, func(row) error { return nil })
		return err
	})
}

// Close implements store.Store. Running reads and writes finish first; later ones are Unavailable.
func (s *Store) Close() error {
	var errs []error
	s.closing.Do(func() {
		close(s.closed)
		<-s.marked
		for range cap(s.readers) {
			if c := <-s.readers; c != nil {
				errs = append(errs, c.close())
			}
		}
		errs = append(errs, s.writer.close())
	})
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// Ready implements store.Queue.
func (s *Store) Ready() <-chan struct{} { return s.ready }

// signal tells one waiting worker that jobs may be claimable. It never blocks.
func (s *Store) signal() {
	select {
	case s.ready <- struct{}{}:
	default: // one is pending already
	}
}

// read runs fn on a connection of the read pool. what names the operation in errors.
func (s *Store) read(ctx context.Context, what string, fn func(c *conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closed:
		return storerow.Unavailable(errClosed)
	default:
	}
	var c *conn
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed:
		return storerow.Unavailable(errClosed)
	}
	defer func() { s.readers <- c }()
	if c == nil {
		err := s.writer.inPlace() // else it would read another database
		if err != nil {
			return err
		}
		if c, err = openConn(s.path, true, s.busy, "query_only=1", "temp_store=MEMORY"); err != nil {
			return failed(what, err)
		}
	}
	return failed(what, fn(c))
}

// snapshot is read with all queries of fn seeing one state of the database.
func (s *Store) snapshot(ctx context.Context, what string, fn func(c *conn) error) error {
	return s.read(ctx, what, func(c *conn) error {
		if _, err := c.exec("BEGIN"); err != nil {
			return err
		}
		err := fn(c)
		_, rerr := c.exec("ROLLBACK") // nothing was changed: this only ends the snapshot
		return errors.Join(err, rerr)
	})
}

// write runs fn in the writer's transaction and returns when it is on disk. what names the operation in errors.
// fn may run twice and must begin by resetting what it hands out.
func (s *Store) write(ctx context.Context, what string, fn func(tx *tx) error) error {
	return failed(what, s.writer.do(ctx, what, fn))
}

// failed turns what went wrong into an error of the contract: errors with a code pass, passing faults of the database are
// Unavailable, everything else is Internal behind the operation's name.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	var coded *steward.Error
	if errors.As(err, &coded) {
		return err
	}
	err = fmt.Errorf("%s: %w", what, err)
	var se sqlite3.Error
	if !errors.As(err, &se) {
		return err
	}
	switch se.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrNomem, sqlite3.ErrCantOpen:
		return storerow.Unavailable(err)
	default:
		return err
	}
}

// isUnique reports whether err says that a unique value is taken.
func isUnique(err error) bool {
	var se sqlite3.Error
	return errors.As(err, &se) &&
		(se.ExtendedCode == sqlite3.ErrConstraintUnique || se.ExtendedCode == sqlite3.ErrConstraintPrimaryKey)
}

package sqlite

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/disk"
)

// broken is what SQLite says when the disk fails.
func broken(extended sqlite3.ErrNoExtended, errno syscall.Errno) error {
	return sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: extended, SystemErrno: errno}
}

func TestWhatErrorsOfSQLiteMean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  sqlite3.Error
		kind disk.Kind
		full bool
	}{
		{err: sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrFsync, SystemErrno: syscall.EIO}, kind: disk.Broken},
		// Data that could not be allocated late is lost as any other.
		{err: sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrFsync, SystemErrno: syscall.ENOSPC}, kind: disk.Broken, full: true},
		{err: sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrDirFsync}, kind: disk.Broken},
		{err: sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrWrite, SystemErrno: syscall.EIO}, kind: disk.Broken},
		{err: sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrWrite, SystemErrno: syscall.EROFS}, kind: disk.ReadOnly},
		{err: sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrWrite, SystemErrno: syscall.EDQUOT}, full: true},
		{err: sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrSHMSize, SystemErrno: syscall.ENOSPC}, full: true},
		{err: sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrNoMem}},
		{err: sqlite3.Error{Code: sqlite3.ErrFull}, full: true},
		{err: sqlite3.Error{Code: sqlite3.ErrReadonly}, kind: disk.ReadOnly},
		{err: sqlite3.Error{Code: sqlite3.ErrReadonly, ExtendedCode: sqlite3.ErrReadonlyDbMoved}, kind: disk.Replaced},
		{err: sqlite3.Error{Code: sqlite3.ErrCorrupt}, kind: disk.Damaged},
		{err: sqlite3.Error{Code: sqlite3.ErrBusy}},
		{err: sqlite3.Error{Code: sqlite3.ErrConstraint}},
	} {
		kind, fault := faultOf(c.err)
		if kind != c.kind || fault != (c.kind != "") || isFull(c.err) != c.full {
			t.Errorf("%+v: kind %q, fault %v, full %v", c.err, kind, fault, isFull(c.err))
		}
	}
}

func TestAfterAFaultNothingIsWrittenAndTheNextStartGoesOn(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{
		"a sync":  broken(sqlite3.ErrIoErrFsync, syscall.EIO),
		"a write": broken(sqlite3.ErrIoErrWrite, syscall.EIO),
		"a plain": &os.PathError{Op: "sync", Err: syscall.EIO},
	} {
		var log bytes.Buffer
		path := filepath.Join(t.TempDir(), "steward.db")
		guard := disk.NewGuard(disk.Options{Logger: slog.New(slog.DiscardHandler)})
		s, err := Open(t.Context(), path, &Options{Guard: guard})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.write(t.Context(), "spend", spend(1, nil)); err != nil {
			t.Fatal(err)
		}
		release := hold(t, s)
		same := make(chan error, 1)
		go func() { same <- s.write(context.Background(), "spend", spend(2, nil)) }()
		queued(t, s, 1)
		bad := make(chan error, 1)
		go func() { bad <- s.write(context.Background(), "break", spend(3, fault)) }()
		queued(t, s, 2)
		for _, err := range []error{release(), <-same, <-bad, s.write(t.Context(), "spend", spend(4, nil)), s.Ping(t.Context())} {
			if steward.CodeOf(err) != steward.Unavailable || !errors.Is(err, disk.ErrFailed) {
				t.Errorf("%s: got %v, want Unavailable because the disk failed", name, err)
			}
		}
		if guard.Fault() == nil {
			t.Errorf("%s: the guard was not told", name)
		}
		if got, err := s.Spent(t.Context(), "o", "a", time.Unix(0, 0)); err != nil || got != 10+2 {
			t.Errorf("%s: reads: got %d (%v), want 12: what was acknowledged, and nothing else", name, got, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
		if LastFault(path) == "" {
			t.Errorf("%s: nothing is left for the next start", name)
		}
		s, err = Open(t.Context(), path, &Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if LastFault(path) != "" || !strings.Contains(log.String(), "stopped because of its disk") {
			t.Errorf("%s: the next start left the fault or did not tell it: %s", name, &log)
		}
		if err := s.write(t.Context(), "spend", spend(5, nil)); err != nil {
			t.Errorf("%s: the next start: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
	}
}

func TestAFaultIsLeftForTheNextStartAlsoWhenSomethingElseFailedBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "steward.db")
	guard := disk.NewGuard(disk.Options{Logger: slog.New(slog.DiscardHandler)})
	s, err := Open(t.Context(), path, &Options{Guard: guard})
	if err != nil {
		t.Fatal(err)
	}
	err = s.write(t.Context(), "spend", func(*tx) error {
		guard.Fail(disk.Broken, "sync a stored file", syscall.EIO) // while the database's own sync is under way
		return broken(sqlite3.ErrIoErrFsync, syscall.EIO)
	})
	if !errors.Is(err, disk.ErrFailed) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if LastFault(path) == "" {
		t.Error("nothing is left for the next start")
	}
}

func TestAFaultOfSomethingElseIsNotLeftAsOneOfTheDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "steward.db")
	guard := disk.NewGuard(disk.Options{Logger: slog.New(slog.DiscardHandler)})
	s, err := Open(t.Context(), path, &Options{Guard: guard})
	if err != nil {
		t.Fatal(err)
	}
	guard.Fail(disk.Broken, "sync a stored file", syscall.EIO)
	if err := s.write(t.Context(), "spend", spend(1, nil)); !errors.Is(err, disk.ErrFailed) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if was := LastFault(path); was != "" {
		t.Errorf("left for the next start: %s", was)
	}
}

// A log of a process whose sync failed is not built upon: it goes to the database before anything is added to it.
func TestTheLogOfAFailedProcessIsFoldedInBeforeTheNextWrite(t *testing.T) {
	t.Parallel()
	first := openAt(t)
	if err := first.write(t.Context(), "spend", spend(1, nil)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "steward.db")
	for _, suffix := range []string{"", "-wal"} { // as a kill leaves them
		text, err := os.ReadFile(first.path + suffix)
		if err != nil || len(text) == 0 {
			t.Fatalf("%s: %d bytes (%v)", suffix, len(text), err)
		}
		if err := os.WriteFile(path+suffix, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path+faultSuffix, []byte("a fault"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, &Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // it was read
	if st, err := os.Stat(path + "-wal"); err != nil || st.Size() != 0 {
		t.Errorf("the log has %d bytes (%v), want none", st.Size(), err)
	}
	if got, err := s.Spent(t.Context(), "o", "a", time.Unix(0, 0)); err != nil || got != 12 {
		t.Errorf("spent %d (%v), want 12", got, err)
	}
}

func TestAfterAFaultNothingIsMigratedBeforeTheLogIsFoldedIn(t *testing.T) {
	t.Parallel()
	s := openAt(t)
	err := s.write(t.Context(), "make the schema older", func(t *tx) error {
		_, err := t.change("DELETE FROM goose_db_version WHERE version_id = 8")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path+faultSuffix, []byte("a fault"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = s.snapshot(t.Context(), "read", func(c *conn) error {
		if _, err := schemaVersion(c); err != nil { // it holds the log
			return err
		}
		_, err := Open(t.Context(), s.path, &Options{BusyTimeout: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
		if steward.CodeOf(err) != steward.Unavailable {
			t.Errorf("a start while the log cannot be folded in: got %v, want Unavailable", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.read(t.Context(), "look", func(c *conn) error {
		version, err := schemaVersion(c)
		if version != 7 {
			t.Errorf("the schema has version %d, want 7 as before", version)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if LastFault(s.path) == "" {
		t.Error("the fault is forgotten")
	}
}

func TestAFullDiskIsToldAndPasses(t *testing.T) {
	t.Parallel()
	guard := disk.NewGuard(disk.Options{Logger: slog.New(slog.DiscardHandler)})
	s := openAt(t, Options{Guard: guard})
	err := s.write(t.Context(), "spend", spend(1, sqlite3.Error{Code: sqlite3.ErrFull}))
	if steward.CodeOf(err) != steward.Unavailable || !errors.Is(err, disk.ErrNoRoom) {
		t.Errorf("got %v, want Unavailable for want of room", err)
	}
	if err := guard.TakesWork(); !errors.Is(err, disk.ErrNoRoom) {
		t.Errorf("TakesWork: %v", err)
	}
	if err := s.write(t.Context(), "spend", spend(2, nil)); err != nil {
		t.Errorf("the next write: %v", err)
	}
	if err := guard.TakesWork(); err != nil {
		t.Errorf("TakesWork after a write: %v", err)
	}
}

func TestNothingIsAcknowledgedInAFileThatIsNotInItsPlace(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(path, lock string) error{
		"database replaced": func(path, _ string) error {
			return errors.Join(os.WriteFile(path+".new", nil, 0o600), os.Rename(path+".new", path))
		},
		"database removed": func(path, _ string) error { return os.Remove(path) },
		"log removed":      func(path, _ string) error { return os.Remove(path + "-wal") },
		"lock removed":     func(_, lock string) error { return os.Remove(lock) },
		"folder renamed":   func(path, _ string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+".away") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			path, lock := filepath.Join(dir, "steward.db"), filepath.Join(dir, "lock")
			if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(lock, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			guard := disk.NewGuard(disk.Options{Logger: slog.New(slog.DiscardHandler)})
			s, err := Open(t.Context(), path, &Options{Guard: guard, Watch: []string{lock}})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.write(t.Context(), "spend", spend(1, nil)); err != nil {
				t.Fatal(err)
			}
			if err := s.Intact(); err != nil {
				t.Errorf("Intact before: %v", err)
			}
			if err := harm(path, lock); err != nil {
				t.Fatal(err)
			}
			if err := s.write(t.Context(), "spend", spend(2, nil)); !errors.Is(err, disk.ErrFailed) {
				t.Errorf("a write was acknowledged (%v)", err)
			}
			if f := guard.Fault(); f == nil || f.Kind != disk.Replaced {
				t.Errorf("fault %+v, want one of a replaced file", f)
			}
			if _, err := s.Spent(t.Context(), "o", "a", time.Unix(0, 0)); !errors.Is(err, disk.ErrFailed) {
				t.Errorf("a read that has to open what is there now: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Logf("Close: %v", err) // SQLite may miss its files
			}
		})
	}
}

func TestTheLogIsFoldedIn(t *testing.T) {
	t.Parallel()
	s := openAt(t)
	long := strings.Repeat("x", 100_000)
	for n := range 400 { // 40 MB
		err := s.write(t.Context(), "write much", func(t *tx) error {
			_, err := t.change(`INSERT OR REPLACE INTO goose_db_version (id, version_id, is_applied, tstamp) VALUES (?, ?, 0, ?)`, 1000+n%10, 5000+n, long)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	st, err := os.Stat(s.path + "-wal")
	if err != nil || st.Size() > 2*foldPages*4096 {
		t.Errorf("the log has %d bytes (%v), want at most about %d", st.Size(), err, foldPages*4096)
	}
}

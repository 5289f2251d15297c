package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// faultSuffix ends the name of the file beside the database in which a process leaves why it stopped writing.
const faultSuffix = "-fault"

// refuse says what an error of a write means to its caller, and tells the guard. Errors with a code pass.
func (w *writer) refuse(err error) error {
	if err == nil || errors.Is(err, disk.ErrFailed) { // it was refused for a fault that is known, of whatever
		return err
	}
	var se sqlite3.Error
	kind, fault := disk.KindOf(err)
	full := disk.IsFull(err)
	if errors.As(err, &se) {
		kind, fault = faultOf(se)
		full = isFull(se)
	}
	switch {
	case fault:
		return w.fail(kind, "write to the database", err)
	case full:
		w.guard.Full()
		return disk.NoRoom(err)
	}
	return err
}

// fail keeps a fault, for this process and for the next one.
func (w *writer) fail(kind disk.Kind, what string, err error) error {
	if kind != disk.Replaced {
		w.noteFault.Do(func() { // also when something else on the disk has failed before
			// Whatever becomes of this file: a disk that takes nothing more has to be mounted anew, and then nothing is left of what was in memory only.
			text := fmt.Sprintf("%s %s: %v\n", time.Now().UTC().Format(time.RFC3339), what, err)
			_ = os.WriteFile(w.path+faultSuffix, []byte(text), 0o600)
		})
	}
	w.guard.Fail(kind, what, err)
	return w.guard.MayWrite()
}

// faultOf says whether an error of SQLite means that nothing can be trusted any more that is written from now on. A sync that failed does,
// whatever the reason: SQLite and the system may both take the next one for good.
func faultOf(se sqlite3.Error) (kind disk.Kind, fault bool) {
	switch se.Code {
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return disk.Damaged, true
	case sqlite3.ErrReadonly:
		if se.ExtendedCode == sqlite3.ErrReadonlyDbMoved {
			return disk.Replaced, true
		}
		return disk.ReadOnly, true
	case sqlite3.ErrIoErr:
	default:
		return "", false
	}
	switch se.ExtendedCode {
	case sqlite3.ErrIoErrNoMem, sqlite3.ErrIoErrBlocked:
		return "", false
	case sqlite3.ErrIoErrFsync, sqlite3.ErrIoErrDirFsync:
		return disk.Broken, true
	}
	if isFull(se) {
		return "", false
	}
	if se.SystemErrno == syscall.EROFS {
		return disk.ReadOnly, true
	}
	return disk.Broken, true
}

// isFull reports whether SQLite found no room.
func isFull(se sqlite3.Error) bool {
	return se.Code == sqlite3.ErrFull || se.Code == sqlite3.ErrIoErr && disk.IsFull(se.SystemErrno)
}

// places are the files that a server works in, as they were when they were opened.
type places struct {
	path   string
	others []string // besides the database and its log
	files  map[string]os.FileInfo
}

// look remembers the files as they are now.
func (p *places) look() error {
	p.files = map[string]os.FileInfo{}
	for _, path := range append([]string{p.path}, p.others...) {
		st, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("look at the database's files: %w", err)
		}
		p.files[path] = st
	}
	return nil
}

// intact returns an error when one of the files is not at its place any more. What is written then goes to a file that nobody will find.
// The log appears with the first write.
func (p *places) intact() error {
	for path, st := range p.files {
		if err := disk.Same(path, st, "the file "+path); err != nil {
			return err
		}
	}
	log := p.path + "-wal"
	if _, known := p.files[log]; known {
		return nil
	}
	st, err := os.Stat(log)
	switch {
	case err == nil:
		p.files[log] = st
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look at the database's files: %w", err)
	}
	return nil
}

// Intact returns an error, and stops all writing for good, when the database's files were replaced or removed under the server.
// Errors: Unavailable with disk.ErrFailed inside, also for another fault.
func (s *Store) Intact() error { return s.writer.intact() }

func (w *writer) intact() error {
	if err := w.guard.MayWrite(); err != nil {
		return err
	}
	return w.inPlace()
}

// inPlace is intact whatever else happened to the disk: what is in its place may be read.
func (w *writer) inPlace() error {
	w.placing.Lock()
	defer w.placing.Unlock()
	if w.left {
		return storerow.Unavailable(errClosed)
	}
	if err := w.places.intact(); err != nil {
		return w.fail(disk.Replaced, "look at the database's files", err)
	}
	return nil
}

// The log is folded into the database when so many of its pages (16 MB) are not there yet, as each time costs two more syncs. SQLite would do it by itself
// with every commit, but tell nobody that it failed.
const foldPages = 4000

// Times between two looks at the log's length, and after it could not be folded in for want of room.
const (
	foldEvery = 20 * time.Millisecond
	foldLater = time.Second
)

// fold moves what is in the log to the database when there is much of it.
func (w *writer) fold() {
	now := time.Now()
	if now.Before(w.foldAt) {
		return
	}
	w.foldAt = now.Add(foldEvery)
	pages, moved, err := w.checkpoint("NOOP")
	if err == nil && pages-moved >= foldPages {
		_, _, err = w.checkpoint("PASSIVE")
	}
	if err == nil {
		return
	}
	w.foldAt = now.Add(foldLater)
	if err = w.refuse(fmt.Errorf("fold the log into the database: %w", err)); w.guard.Fault() == nil {
		w.log.Warn("the database's log grows", "error", err)
	}
}

// checkpoint runs a checkpoint of a kind and returns how many pages the log has and how many of them are in the database.
func (w *writer) checkpoint(kind string) (pages, moved int64, err error) {
	_, err = w.conn.first("PRAGMA wal_checkpoint("+kind+")", nil, func(r row) error {
		pages, moved = r.int(1), r.int(2)
		return nil
	})
	return pages, moved, err
}

// recoverFault makes good what a failed sync may have left, when the process before this one stopped because of it: what the system still
// has in memory of the log looks as if it were on the disk, and would be built upon. All of it is written to the database anew.
func recoverFault(c *conn, path string) (was string, err error) {
	text, err := os.ReadFile(path + faultSuffix) //nolint:gosec // beside the database
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read what the last process left: %w", err)
	}
	var busy int64
	if _, err := c.first("PRAGMA wal_checkpoint(TRUNCATE)", nil, func(r row) error { busy = r.int(0); return nil }); err != nil {
		return "", fmt.Errorf("fold the log into the database: %w", err)
	}
	if busy != 0 {
		return "", storerow.Unavailable(errors.New("the log could not be folded into the database after a fault of the disk: another process reads it"))
	}
	if err := os.Remove(path + faultSuffix); err != nil {
		return "", fmt.Errorf("forget the last fault: %w", err)
	}
	return string(text), nil
}

// LastFault returns what the last process left that stopped because of the database's disk, "" when the last start was after it.
func LastFault(path string) string {
	text, err := os.ReadFile(path + faultSuffix) //nolint:gosec // beside the database
	if err != nil {
		return "" // there is none, or none to be told
	}
	return string(text)
}

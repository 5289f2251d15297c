package sqlite

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/stewardhq/steward/internal/disk"
)

// Beside the database lies a mark that says how far it was: a number that its header holds too, and that only rises. A start that finds a
// lower one there has another file before it than the last process left: an older copy, or the database of somebody else. The number begins
// anywhere, so that two installations have hardly ever the same.

// markSuffix ends the name of the mark, beside the database.
const markSuffix = "-mark"

// Errors of Open with Options.Mark.
var (
	// ErrOlder says that the database is an older copy of the one that was here.
	ErrOlder = errors.New("the database is an older copy of the one that was in this place: what was acknowledged since would be missing. " +
		"Put the newer one back with the files beside it (-wal), or restore a backup into a new folder with steward restore. " +
		"To go on with the older copy: steward serve --accept-loss")
	// ErrOther says that the database is not the one that was here.
	ErrOther = errors.New("the database is not the one that was in this place. " +
		"Put that one back, or give this one a data folder of its own with its files and keys. To go on with it here: steward serve --accept-loss")
	// ErrGone says that there is no database where one was.
	ErrGone = errors.New("the database file is gone or empty, and there was one in this place. " +
		"Is the disk mounted? Put the file back, or restore a backup into a new folder with steward restore. To begin anew: steward serve --accept-loss")
	// ErrBadMark says that what lies beside the database to tell it by makes no sense.
	ErrBadMark = errors.New("the mark beside the database (-mark) is damaged: it cannot be told whether this is the database that was in this place. " +
		"Look at the disk (dmesg, smartctl). To go on with this database, of which nothing is dropped: steward serve --accept-loss")
)

// mark is what lies beside the database.
type mark struct {
	Number uint32    `json:"number"`
	At     time.Time `json:"at"`
}

// How far numbers may be apart to be of one database.
const (
	mostAhead  = 1 << 12
	mostBehind = 1 << 16
)

// numberOffset is where SQLite keeps PRAGMA user_version in a file.
const numberOffset = 60

// readMark returns the mark of a database. ok is false when there is none.
func readMark(path string) (m mark, ok bool, err error) {
	text, err := os.ReadFile(path + markSuffix) //nolint:gosec // beside the database
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("read the mark beside the database: %w", err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, false, fmt.Errorf("%w (%w)", ErrBadMark, err)
	}
	return m, true, nil
}

// checkMark compares a database with its mark, before SQLite has seen the file: it would apply a log to it that another one left.
//
// Errors: ErrOlder, ErrOther, ErrGone and ErrBadMark, wrapped.
func checkMark(path string) error {
	m, ok, err := readMark(path)
	if err != nil || !ok {
		return err
	}
	since := func(e error) error {
		return fmt.Errorf("%w (it was last seen at %s)", e, m.At.UTC().Format(time.RFC3339))
	}
	number, err := readNumber(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return since(ErrGone)
	case err != nil:
		return err
	}
	switch ahead := int32(number - m.Number); { //nolint:gosec // numbers go round
	case ahead >= 0 && ahead <= mostAhead:
		return nil
	case number == 0, ahead < 0 && ahead >= -mostBehind:
		return since(ErrOlder)
	default:
		return since(ErrOther)
	}
}

// readNumber reads the number in the header of a database file.
func readNumber(path string) (uint32, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return 0, fmt.Errorf("read header: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	var b [4]byte
	if _, err := f.ReadAt(b[:], numberOffset); err != nil {
		return 0, fmt.Errorf("read header: %w", err)
	}
	return binary.BigEndian.Uint32(b[:]), nil
}

// How often the mark moves on while there are writes, and when it does first.
const (
	markEvery = 10 * time.Minute
	markFirst = 5 * time.Second
)

// keepMark moves the mark on from time to time until the store is closed.
func (s *Store) keepMark() {
	defer close(s.marked)
	timer := time.NewTimer(markFirst)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.closed:
			return
		}
		if err := s.writer.doMark(); err != nil && !errors.Is(err, errClosed) {
			s.writer.log.Warn("the mark beside the database was not moved on", "error", err)
		}
		timer.Reset(markEvery)
	}
}

// doMark has the writer move the mark on.
func (w *writer) doMark() error {
	done := make(chan error, 1)
	select {
	case w.marking <- done:
		return <-done
	case <-w.done:
		return errClosed
	}
}

// moveMark raises the number in the database, sees that it is in the file itself and not in the log alone, and writes it to the mark. Only
// the writer's goroutine calls it, or whoever has closed that.
func (w *writer) moveMark() error {
	if !w.marks {
		return nil
	}
	if err := w.intact(); err != nil {
		return err
	}
	var number uint32
	_, err := w.conn.first("PRAGMA user_version", nil, func(r row) error {
		number = uint32(r.int(0)) //nolint:gosec // 32 bits
		return nil
	})
	if err != nil {
		return w.refuse(fmt.Errorf("read the mark: %w", err))
	}
	if number == 0 {
		number = 1 + rand.Uint32N(1<<30) //nolint:gosec // it is no secret
	} else if number++; number == 0 {
		number = 1
	}
	// Not prepared: there is another number each time.
	if err := w.conn.simple(fmt.Sprintf("PRAGMA user_version=%d", int32(number))); err != nil { //nolint:gosec // as above
		return w.refuse(fmt.Errorf("write the mark: %w", err))
	}
	pages, moved, err := w.checkpoint("PASSIVE")
	if err != nil {
		return w.refuse(fmt.Errorf("fold the log into the database: %w", err))
	}
	if pages != moved {
		return nil // somebody reads; the next time will do
	}
	return w.writeMark(mark{Number: number, At: time.Now().UTC()})
}

// writeMark replaces the mark.
func (w *writer) writeMark(m mark) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode the mark: %w", err)
	}
	err = replaceFile(w.path+markSuffix, append(text, '\n'))
	if kind, fault := disk.KindOf(err); fault {
		return w.fail(kind, "write the mark", err)
	}
	return err
}

// replaceFile replaces a file whole or not at all, mode 0600.
func replaceFile(path string, text []byte) (err error) {
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // beside the database
	if err != nil {
		return fmt.Errorf("write the mark: %w", err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the mark: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	d, err := os.Open(path) //nolint:gosec // the database's folder
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}

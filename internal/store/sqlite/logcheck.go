package sqlite

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// ErrDamagedLog says that commits behind a damaged place of the write-ahead log would be lost.
var ErrDamagedLog = errors.New("the database's write-ahead log (-wal) is damaged, and SQLite would silently drop the commits behind the damage. " +
	"Look at the disk (dmesg, smartctl), put the file back from a copy, or restore the last good backup into a new folder with steward restore. " +
	"To go on without those commits: steward serve --accept-loss")

// Sizes in a write-ahead log.
const (
	logHeader   = 32
	frameHeader = 24
)

// frameSum is the running checksum of a log.
type frameSum struct{ a, b uint32 }

// add takes in bytes, a multiple of eight of them.
func (s frameSum) add(order binary.ByteOrder, p []byte) frameSum {
	if order == binary.ByteOrder(binary.BigEndian) {
		for ; len(p) >= 8; p = p[8:] {
			s.a += binary.BigEndian.Uint32(p) + s.b
			s.b += binary.BigEndian.Uint32(p[4:]) + s.a
		}
		return s
	}
	for ; len(p) >= 8; p = p[8:] {
		s.a += binary.LittleEndian.Uint32(p) + s.b
		s.b += binary.LittleEndian.Uint32(p[4:]) + s.a
	}
	return s
}

// checkLog looks whether the write-ahead log of a database lost commits that were on the disk once. A log ends where its checksums do: that
// is right for a commit that a crash cut off, and hides every commit behind a damaged place. The difference is that nobody writes a commit
// before the last one is on the disk: where a commit has a successor behind the end, it was acknowledged. (Damage in the last commit of
// all cannot be told from one that was cut off.)
//
// Errors: ErrDamagedLog, wrapped. The file is looked at again when it changes meanwhile, since others may write.
func checkLog(path string) error {
	const tries, pause = 3, 50 * time.Millisecond
	for n := 0; ; n++ {
		before, err := os.Stat(path + "-wal")
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look at the log: %w", err)
		}
		lost, err := lostCommits(path)
		if err != nil || lost == 0 {
			return err
		}
		after, err := os.Stat(path + "-wal")
		if n == tries || err == nil && after.Size() == before.Size() && after.ModTime().Equal(before.ModTime()) {
			return fmt.Errorf("%w (at least %d)", ErrDamagedLog, lost)
		}
		time.Sleep(pause)
	}
}

// lostCommits counts the acknowledged commits behind the end of the log of a database.
func lostCommits(path string) (lost int, err error) {
	f, err := os.Open(path + "-wal") //nolint:gosec // beside the database
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		return 0, fmt.Errorf("read the log: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	in := bufio.NewReaderSize(f, 1<<20)
	var head [logHeader]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, noMore(err) // it has no frames
	}
	w := newLogWalk(head[:])
	if w.pageSize == 0 {
		if w.pageSize, err = pageSizeOf(path); err != nil || w.pageSize == 0 {
			return 0, err // that the database is not one is found out by others
		}
	}
	frame := make([]byte, frameHeader+w.pageSize)
	for {
		if _, err := io.ReadFull(in, frame); err != nil {
			return w.lost, noMore(err)
		}
		w.take(frame)
	}
}

// noMore is the error of a read that was to fail at the end of a file.
func noMore(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return fmt.Errorf("read the log: %w", err)
}

// logWalk goes through the frames of a log.
type logWalk struct {
	order    binary.ByteOrder
	pageSize int
	whole    bool   // the chain of checksums from the start has not ended yet
	header   bool   // the header is what it was
	salt     uint64 // of the log, or of the last frame without a header
	last     frameSum
	commit   bool // the last frame was the end of a commit
	lost     int
}

func newLogWalk(head []byte) *logWalk {
	w := &logWalk{order: binary.LittleEndian}
	magic := binary.BigEndian.Uint32(head)
	if magic&1 != 0 {
		w.order = binary.BigEndian
	}
	w.last = frameSum{}.add(w.order, head[:24])
	if magic&^1 != 0x377f0682 || binary.BigEndian.Uint32(head[24:]) != w.last.a || binary.BigEndian.Uint32(head[28:]) != w.last.b {
		return w
	}
	w.pageSize = int(binary.BigEndian.Uint32(head[8:]))
	if w.pageSize < 512 || w.pageSize > 65536 {
		w.pageSize = 0
		return w
	}
	w.salt, w.header, w.whole = binary.BigEndian.Uint64(head[16:]), true, true
	return w
}

// take looks at the next frame.
func (w *logWalk) take(frame []byte) {
	salt := binary.BigEndian.Uint64(frame[8:])
	kept := frameSum{binary.BigEndian.Uint32(frame[16:]), binary.BigEndian.Uint32(frame[20:])}
	linked := salt == w.salt && w.last.add(w.order, frame[:8]).add(w.order, frame[frameHeader:]) == kept
	if w.whole && !linked {
		w.whole, w.commit = false, false
	} else if !w.whole && linked && w.commit {
		w.lost++ // the commit before this frame
	}
	// Of the next frame it is asked whether it was written right behind this one, whatever became of this one.
	w.last, w.commit = kept, binary.BigEndian.Uint32(frame[4:]) != 0 && (!w.header || salt == w.salt)
	if !w.header {
		w.salt = salt
	}
}

// pageSizeOf reads the size of pages from the header of a database, 0 when it has none.
func pageSizeOf(path string) (int, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return 0, fmt.Errorf("read header: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	var b [2]byte
	if _, err := f.ReadAt(b[:], 16); err != nil {
		return 0, noMore(err)
	}
	size := int(binary.BigEndian.Uint16(b[:]))
	if size == 1 {
		size = 65536
	}
	if size < 512 || size&(size-1) != 0 {
		return 0, nil
	}
	return size, nil
}

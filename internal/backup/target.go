package backup

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/stewardhq/steward/internal/failpoint"
)

// target is where a backup is written to.
type target interface {
	// put writes size bytes of r under a name and returns their SHA-256.
	put(name string, size int64, r io.Reader) (sha string, err error)
	// scratch returns the path of a file that may be made before it is put; for a folder it is the one that put would make.
	scratch(name string) string
	// commit gives the backup its name when all of it is on disk.
	commit() error
	// discard removes what is there when err is one, and lets go of it.
	discard(err *error)
}

// ErrBusy means that somebody else writes to the same target.
var ErrBusy = errors.New("another backup to the same place is under way")

// ErrURL means that the target is no place on this machine.
var ErrURL = errors.New("backups are written to a folder or a file of this machine, not to a URL")

// ErrExists means that the target is there already.
var ErrExists = errors.New("there is something already; backups are never written over")

const partial = ".partial"

// newTarget opens the target that a path names, and takes away what an interrupted backup has left of it.
func newTarget(path string) (target, error) {
	if strings.Contains(path, "://") {
		return nil, fmt.Errorf("backup %s: %w", path, ErrURL)
	}
	path = filepath.Clean(path)
	for _, ending := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst"} {
		if strings.HasSuffix(path, ending) {
			return newArchive(path, ending)
		}
	}
	return newFolderTarget(path)
}

// folderTarget writes a folder.
type folderTarget struct {
	path, temp string
	lock       *os.File
	made       map[string]bool // folders
	buf        []byte
}

func newFolderTarget(path string) (*folderTarget, error) {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("backup %s: %w", path, err)
	case len(entries) > 0:
		return nil, fmt.Errorf("backup %s: %w", path, ErrExists)
	}
	t := &folderTarget{path: path, temp: path + partial, made: map[string]bool{}, buf: make([]byte, bufferSize)}
	if err := t.takeOver(); err != nil {
		return nil, err
	}
	return t, nil
}

// bufferSize is how much is read at once.
const bufferSize = 256 << 10

// takeOver makes the temporary folder, or empties the one that an interrupted backup has left.
func (t *folderTarget) takeOver() error {
	if err := os.Mkdir(t.temp, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make backup folder: %w", err)
	}
	lock, err := os.Open(t.temp)
	if err != nil {
		return fmt.Errorf("make backup folder: %w", err)
	}
	if err := lockFile(lock); err != nil {
		return errors.Join(err, lock.Close())
	}
	entries, err := os.ReadDir(t.temp)
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	for _, e := range entries {
		name := e.Name()
		if _, ok := sizeLimit(name, 0); !ok && name != strings.TrimSuffix(filesName, "/") && !strings.HasPrefix(name, databaseName) {
			return errors.Join(fmt.Errorf("backup folder %s has something that is not of a backup: %s", t.temp, name), lock.Close())
		}
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(t.temp, e.Name())); err != nil {
			return errors.Join(err, lock.Close())
		}
	}
	t.lock = lock
	return nil
}

func (t *folderTarget) scratch(name string) string { return filepath.Join(t.temp, name) }

func (t *folderTarget) put(name string, size int64, r io.Reader) (sha string, err error) {
	hash := sha256.New()
	if name == databaseName { // it is there already
		n, err := io.CopyBuffer(hash, r, t.buf)
		if err == nil && n != size {
			err = errSize
		}
		return hex.EncodeToString(hash.Sum(nil)), err
	}
	path := filepath.Join(t.temp, filepath.FromSlash(name))
	if dir := filepath.Dir(path); !t.made[dir] {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
		t.made[dir] = true
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return "", err
	}
	n, err := io.CopyBuffer(plainWriter{f}, io.TeeReader(r, hash), t.buf)
	if err == nil && n != size {
		err = errSize
	}
	if err == nil {
		err = syncEach(f)
	}
	return hex.EncodeToString(hash.Sum(nil)), errors.Join(err, f.Close())
}

// errSize means that something changed its size while it was read.
var errSize = errors.New("it has not the size that it should have")

// plainWriter hides the methods of a file that would take the copy out of the hands of the buffer.
type plainWriter struct{ io.Writer }

func (t *folderTarget) commit() error {
	if err := failpoint.Hit("backup.sync.before"); err != nil {
		return fmt.Errorf("sync backup: %w", err)
	}
	if err := syncAll(t.temp); err != nil {
		return fmt.Errorf("sync backup: %w", err)
	}
	if err := failpoint.Hit("backup.rename.before"); err != nil {
		return fmt.Errorf("name backup: %w", err)
	}
	if err := os.Rename(t.temp, t.path); err != nil { // an empty folder gives way
		return fmt.Errorf("name backup: %w", err)
	}
	failpoint.Pass("backup.rename.after")
	if err := syncFolder(filepath.Dir(t.path)); err != nil {
		return fmt.Errorf("name backup: %w", err)
	}
	return nil
}

func (t *folderTarget) discard(err *error) {
	if *err != nil {
		*err = errors.Join(*err, os.RemoveAll(t.temp))
	}
	*err = errors.Join(*err, t.lock.Close())
}

// archive writes a tar file.
type archive struct {
	path, temp string
	file       *os.File
	buffered   *bufio.Writer
	packer     io.WriteCloser // nil for none
	tar        *tar.Writer
	buf        []byte
}

func newArchive(path, ending string) (*archive, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("backup %s: %w", path, ErrExists)
	}
	f, err := openPartial(path + partial)
	if err != nil {
		return nil, fmt.Errorf("make backup: %w", err)
	}
	a := &archive{path: path, temp: path + partial, file: f, buf: make([]byte, bufferSize)}
	if err := a.takeOver(ending); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return a, nil
}

// openPartial makes the file of an unfinished backup, and locks it. What a killed one left under the name is taken away, never written
// to: it may be a finished backup that lost this name of its two too late, and has another name by now.
//
// Errors: ErrBusy while another backup is being written there.
func openPartial(temp string) (*os.File, error) {
	const tries = 10 // against others who do the same
	for range tries {
		f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator names it
		left := errors.Is(err, fs.ErrExist)
		if left {
			f, err = os.OpenFile(temp, os.O_RDWR, 0) //nolint:gosec // as above
		}
		if errors.Is(err, fs.ErrNotExist) && left {
			continue // it was taken away meanwhile
		}
		if err != nil {
			return nil, err
		}
		if err := lockFile(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		own, err := f.Stat()
		switch there, lerr := os.Lstat(temp); {
		case err != nil:
			return nil, errors.Join(err, f.Close())
		case lerr == nil && os.SameFile(own, there) && !left:
			return f, nil
		case lerr == nil && os.SameFile(own, there):
			err = os.Remove(temp)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return nil, ErrBusy
}

func (a *archive) takeOver(ending string) error {
	if err := a.dropScratch(); err != nil {
		return fmt.Errorf("make backup: %w", err)
	}
	a.buffered = bufio.NewWriterSize(a.file, 1<<20)
	var w io.Writer = a.buffered
	switch ending {
	case ".tar.gz", ".tgz":
		a.packer = gzip.NewWriter(w)
	case ".tar.zst":
		packer, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return fmt.Errorf("make backup: %w", err)
		}
		a.packer = packer
	}
	if a.packer != nil {
		w = a.packer
	}
	a.tar = tar.NewWriter(w)
	return nil
}

func (a *archive) scratch(name string) string { return a.temp + "-" + name }

func (a *archive) put(name string, size int64, r io.Reader) (sha string, err error) {
	if err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, Format: tar.FormatPAX}); err != nil {
		return "", err
	}
	hash := sha256.New()
	n, err := io.CopyBuffer(plainWriter{a.tar}, io.TeeReader(r, hash), a.buf)
	if errors.Is(err, tar.ErrWriteTooLong) || (err == nil && n != size) {
		err = errSize
	}
	return hex.EncodeToString(hash.Sum(nil)), err
}

func (a *archive) commit() error {
	err := a.tar.Close()
	if err == nil && a.packer != nil {
		err = a.packer.Close()
	}
	if err == nil {
		err = a.buffered.Flush()
	}
	if err == nil {
		err = failpoint.Hit("backup.archive.sync.before")
	}
	if err == nil {
		err = a.file.Sync()
	}
	if err == nil {
		failpoint.Pass("backup.archive.sync.after")
		err = a.dropScratch()
	}
	if err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if err := failpoint.Hit("backup.archive.link.before"); err != nil {
		return fmt.Errorf("name backup: %w", err)
	}
	if err := os.Link(a.temp, a.path); err != nil { // a link never replaces what somebody made meanwhile
		return fmt.Errorf("name backup: %w", err)
	}
	failpoint.Pass("backup.archive.link.after")
	if err := os.Remove(a.temp); err != nil {
		return fmt.Errorf("name backup: %w", err)
	}
	failpoint.Pass("backup.archive.unlink.after")
	if err := syncFolder(filepath.Dir(a.path)); err != nil {
		return fmt.Errorf("name backup: %w", err)
	}
	return nil
}

func (a *archive) dropScratch() error {
	for _, ending := range []string{"", "-journal", "-wal", "-shm"} {
		if err := os.Remove(a.scratch(databaseName) + ending); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (a *archive) discard(err *error) {
	if *err != nil {
		if rerr := os.Remove(a.temp); !errors.Is(rerr, fs.ErrNotExist) {
			*err = errors.Join(*err, rerr)
		}
		*err = errors.Join(*err, a.dropScratch())
	}
	*err = errors.Join(*err, a.file.Close())
}

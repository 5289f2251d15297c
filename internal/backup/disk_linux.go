package backup

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/stewardhq/steward/internal/failpoint"
)

// lockFile takes the lock of a file or folder, which ends with the process. Errors: ErrBusy.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrBusy
	}
	return err
}

// syncEach is not needed: syncAll does it for all files at once, which takes a thousandth of the time when there are many.
func syncEach(*os.File) error { return nil }

// syncAll puts everything below a folder on disk.
func syncAll(path string) error {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	if err := failpoint.Hit("backup.foldersync.before"); err != nil {
		return err
	}
	f, err := os.Open(path) //nolint:gosec // as above
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	failpoint.Pass("backup.foldersync.after")
	return nil
}

// freeBytes returns how much a user may still write to the disk of a folder.
func freeBytes(path string) (int64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * st.Bsize, true //nolint:gosec // no disk is that large
}

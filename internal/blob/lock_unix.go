//go:build unix

package blob

import (
	"errors"
	"os"
	"syscall"

	"github.com/stewardhq/steward/internal/failpoint"
)

// lock takes the lock of a new temporary file. kept is false when another process removed the file just before.
func lock(f *os.File) (kept bool, err error) {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return false, os.NewSyscallError("flock", err)
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		return false, os.NewSyscallError("fstat", err)
	}
	return st.Nlink > 0, nil
}

// removeAbandoned removes a temporary file unless a living process holds its lock.
func removeAbandoned(path string) (gone bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // G304: below the operator's folder
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, os.NewSyscallError("flock", err)
	}
	return true, os.Remove(path)
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	if err := failpoint.Hit("blob.foldersync.before"); err != nil {
		return err
	}
	f, err := os.Open(path) //nolint:gosec // G304: below the operator's folder
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	failpoint.Pass("blob.foldersync.after")
	return nil
}

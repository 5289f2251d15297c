//go:build !linux

package backup

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrBusy
	}
	return err
}

func syncEach(f *os.File) error { return f.Sync() }

// syncAll makes the names in all folders below one durable.
func syncAll(path string) error {
	return filepath.WalkDir(path, func(at string, e os.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return syncFolder(at)
	})
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func freeBytes(string) (int64, bool) { return 0, false }

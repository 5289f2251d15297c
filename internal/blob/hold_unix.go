//go:build unix

package blob

import (
	"errors"
	"os"
	"syscall"
)

// lockShared takes the lock that several may have. ok is false where there are no locks.
func lockShared(f *os.File) (ok bool, err error) {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err != nil {
		return false, os.NewSyscallError("flock", err)
	}
	return true, nil
}

// lockAlone takes the lock for one, unless others have it.
func lockAlone(f *os.File) (ok bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, os.NewSyscallError("flock", err)
	}
	return true, nil
}

// giveTo gives a file to the owner of a folder.
func giveTo(f *os.File, folder os.FileInfo) error {
	own, err := f.Stat()
	if err != nil {
		return err
	}
	is, isOK := own.Sys().(*syscall.Stat_t)
	to, toOK := folder.Sys().(*syscall.Stat_t)
	if !isOK || !toOK || is.Uid == to.Uid {
		return nil
	}
	return f.Chown(int(to.Uid), int(to.Gid))
}

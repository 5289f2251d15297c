//go:build unix

package cli

import (
	"os"
	"syscall"
)

// lockFile keeps other processes from taking the file until this one closes it or ends, however it ends.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

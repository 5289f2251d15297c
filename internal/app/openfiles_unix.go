//go:build unix

package app

import (
	"math"
	"syscall"
)

// openFiles returns how many files the process may have open, connections included; 0 means as many as it likes. Go's runtime has raised
// the soft limit to the hard one.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) > math.MaxInt32 { //nolint:unconvert // signed on some systems
		return 0
	}
	return int(limit.Cur)
}

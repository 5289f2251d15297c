package ocr

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolate puts the child into a process group of its own, which is killed whole, also when this process dies.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// bound limits the memory of a child that runs. A child that has ended already needs no limit.
func bound(pid int, memoryBytes int64) {
	limit := unix.Rlimit{Cur: uint64(memoryBytes), Max: uint64(memoryBytes)} //nolint:gosec // never negative
	_ = unix.Prlimit(pid, unix.RLIMIT_AS, &limit, nil)                       // where it is refused the other limits still hold
	none := unix.Rlimit{}
	_ = unix.Prlimit(pid, unix.RLIMIT_CORE, &none, nil)  // as above
	_ = unix.Prlimit(pid, unix.RLIMIT_FSIZE, &none, nil) // as above: it has nothing to write but its pipes
}

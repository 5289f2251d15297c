package crashtest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// mountable says that the process has mounts of its own.
const mountable = "STEWARD_TEST_MOUNTS"

// Mountable runs the program again with mounts of its own, as root of a user namespace of its own when it is not root, unless it has
// been: then done is false and the caller goes on. Otherwise code is how the other one ended.
func Mountable() (done bool, code int, err error) {
	if os.Getenv(mountable) != "" {
		if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			return false, 0, fmt.Errorf("keep mounts to this process: %w", err)
		}
		return false, 0, nil
	}
	self, err := os.Executable()
	if err != nil {
		return true, 1, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command(self, os.Args[1:]...) //nolint:gosec,noctx // itself; signals of the terminal reach it, too
	cmd.Env = append(os.Environ(), mountable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return true, exit.ExitCode(), nil
	}
	if err != nil {
		return true, 1, fmt.Errorf("run with mounts of its own (it takes root, or user namespaces): %w", err)
	}
	return true, 0, nil
}

// mount makes a small disk and puts the data folder and the folder of files on it.
func (d *diskRun) mount() error {
	if err := os.MkdirAll(d.disk, 0o700); err != nil {
		return fmt.Errorf("make disk: %w", err)
	}
	if err := syscall.Mount("tmpfs", d.disk, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", diskSize)); err != nil {
		return fmt.Errorf("mount disk: %w", err)
	}
	for _, name := range []string{"data", "files"} {
		if err := os.Mkdir(filepath.Join(d.disk, name), 0o700); err != nil {
			return fmt.Errorf("make disk: %w", err)
		}
	}
	for name, at := range d.places() {
		if err := os.Mkdir(at, 0o700); err != nil {
			return fmt.Errorf("make disk: %w", err)
		}
		if err := d.plug(name); err != nil {
			return err
		}
	}
	return nil
}

// places are where the folders of the disk are seen.
func (d *diskRun) places() map[string]string {
	return map[string]string{"data": filepath.Join(d.o.Folder, "main"), "files": d.filesFolder()}
}

// plug makes a folder of the disk seen in its place; unplug takes it away, whoever uses it.
func (d *diskRun) plug(name string) error {
	if err := syscall.Mount(filepath.Join(d.disk, name), d.places()[name], "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", name, err)
	}
	return nil
}

func (d *diskRun) unplug(name string) error {
	if err := syscall.Unmount(d.places()[name], syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", name, err)
	}
	return nil
}

// unmount takes everything away.
func (d *diskRun) unmount() error {
	var errs []error
	for _, at := range append(slices.Collect(maps.Values(d.places())), d.disk) {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
			errs = append(errs, fmt.Errorf("unmount %s: %w", at, err))
		}
	}
	return errors.Join(errs...)
}

// freeze makes a folder read-only; thaw ends that.
func freeze(folder string) (thaw func() error, err error) {
	if err := syscall.Mount(folder, folder, "", syscall.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("bind %s: %w", folder, err)
	}
	if err := syscall.Mount("", folder, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return nil, errors.Join(fmt.Errorf("make %s read-only: %w", folder, err), syscall.Unmount(folder, syscall.MNT_DETACH))
	}
	return func() error {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", folder, err)
		}
		return nil
	}, nil
}

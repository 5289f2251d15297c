//go:build !linux

package crashtest

import "errors"

var errNoMounts = errors.New("tests with disks that fail need Linux")

// Mountable says that this system has no mounts of a process.
func Mountable() (done bool, code int, err error) { return true, 1, errNoMounts }

func (*diskRun) mount() error { return errNoMounts }

func (*diskRun) plug(string) error { return errNoMounts }

func (*diskRun) unplug(string) error { return errNoMounts }

func (*diskRun) unmount() error { return nil }

func freeze(string) (thaw func() error, err error) { return nil, errNoMounts }

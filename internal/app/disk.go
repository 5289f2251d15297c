package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/disk"
)

// DiskConfig says how the server deals with disks that are full or fail.
type DiskConfig struct {
	// ReserveMB is how many MiB are kept free for jobs under way, at most a tenth of the disk: with less no new work is taken.
	ReserveMB int `yaml:"reserve_mb"`
	// ExitAfter is for how long a server whose disk failed says so before it exits; below 0 it stays.
	ExitAfter time.Duration `yaml:"exit_after"`
}

// ErrDiskFailed is the error of Serve when nothing can be written any more. A new start goes on from what is on the disk.
var ErrDiskFailed = disk.ErrFailed

// ExitDiskFailed is the exit code of a server after ErrDiskFailed (EX_IOERR of sysexits.h), so that supervisors can tell.
const ExitDiskFailed = 74

// newGuard returns what watches the disks of the data folder and of a local folder of files.
func (s *Server) newGuard(where string) *disk.Guard {
	folders := []string{s.folder.path}
	if local := blob.LocalFolder(where); local != "" {
		folders = append(folders, local)
	}
	return disk.NewGuard(disk.Options{Reserve: int64(s.config.Disk.ReserveMB) << 20, Folders: folders, Logger: s.log})
}

// ready reports whether the server takes work.
func (s *Server) ready(ctx context.Context) error {
	if err := s.guard.TakesWork(); err != nil {
		return err
	}
	return s.store.Ping(ctx)
}

// watchDisk looks at the disks and at the database's files until ctx ends.
func (s *Server) watchDisk(ctx context.Context) error {
	files, ok := s.store.(interface{ Intact() error })
	if !ok {
		return s.guard.Watch(ctx, nil)
	}
	return s.guard.Watch(ctx, func() {
		_ = files.Intact() // the guard has been told
	})
}

// exitAfterFault ends the server after a fault of its disk. Until then it goes on to answer, so that clients, balancers and operators hear
// what has happened.
func (s *Server) exitAfterFault(ctx context.Context) error {
	select {
	case <-s.guard.Failed():
	case <-ctx.Done():
		return nil
	}
	if s.config.Disk.ExitAfter < 0 {
		return nil
	}
	timer := time.NewTimer(s.config.Disk.ExitAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return s.faultError()
}

func (s *Server) faultError() error {
	fault := s.guard.Fault()
	return fmt.Errorf("%w: %w; %s", ErrDiskFailed, fault, fault.Advice())
}

// endOf says of the error that ended the server whether a fault of its disk is behind it.
func (s *Server) endOf(err error) error {
	if err == nil || s.guard.Fault() == nil || errors.Is(err, ErrDiskFailed) {
		return err
	}
	return errors.Join(s.faultError(), err)
}

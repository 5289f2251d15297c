package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/stewardhq/steward/internal/failpoint"
)

const stagedPrefix = "staged-"

// scratch is a folder of temporary files. Each is locked by the process that writes it, so that another process can tell
// what a crash left behind from what is still being received.
type scratch struct {
	folder string
	logger *slog.Logger
}

// newScratch opens the folder, creating it when it is missing, and removes what nobody holds.
func newScratch(folder string, logger *slog.Logger) (*scratch, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	s := &scratch{folder: folder, logger: logger}
	if err := s.clear(); err != nil {
		return nil, fmt.Errorf("clear temporary files: %w", err)
	}
	return s, nil
}

// clear removes the temporary files whose process is gone.
func (s *scratch) clear() error {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return err
	}
	removed := 0
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), stagedPrefix) {
			continue
		}
		failpoint.Pass("blob.unfinished.before")
		gone, err := removeAbandoned(filepath.Join(s.folder, e.Name()))
		failpoint.Pass("blob.unfinished.after")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if gone {
			removed++
		}
	}
	if removed > 0 {
		s.logger.Info("removed unfinished uploads", "files", removed)
	}
	return nil
}

// create returns a new empty file, mode 0600, locked by this process until it is closed.
func (s *scratch) create() (*os.File, error) {
	for {
		f, err := os.CreateTemp(s.folder, stagedPrefix+"*")
		if err != nil {
			return nil, err
		}
		kept, err := lock(f)
		if kept && err == nil {
			return f, nil
		}
		// A process that starts right now took the file for an abandoned one; the next name is free of that race.
		s.drop(f, false)
		if err != nil {
			return nil, err
		}
	}
}

// drop closes a temporary file, and removes it unless it was moved away: its old name may be another's by now.
func (s *scratch) drop(f *os.File, moved bool) {
	if !moved {
		failpoint.Pass("blob.unstage.before")
		// Removed before closed: the lock holds until nothing is left.
		if err := os.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.logger.Warn("temporary file not removed", "error", err)
		}
		failpoint.Pass("blob.unstage.after")
	}
	if err := f.Close(); err != nil {
		s.logger.Warn("temporary file not closed", "error", err)
	}
}

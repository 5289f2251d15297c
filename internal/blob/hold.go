package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stewardhq/steward/internal/failpoint"
)

// While somebody outside holds a local folder, such as a backup, nothing that is deleted there is lost to him: it is moved aside, and
// removed when the last one lets go. A hold is a lock on a file, so that it ends with its process whatever happens to it.

const (
	tempName   = "tmp"   // the folder of temporary files, below the root
	holdName   = "hold"  // the locked file, there
	heldPrefix = "held-" // begins the names of what was moved aside, there
)

func heldPath(root, sha string) string { return filepath.Join(root, tempName, heldPrefix+sha) }

// Hold keeps the bytes of blobs that are deleted from now on readable for this Stock until release is called. Several may hold at
// once. A remote bucket cannot be held: ok is false, and release does nothing.
func (s *Stock) Hold() (release func() error, ok bool, err error) {
	nothing := func() error { return nil }
	if s.remote != nil {
		return nothing, false, nil
	}
	temp := filepath.Join(s.folder, tempName)
	st, err := os.Stat(temp)
	if errors.Is(err, fs.ErrNotExist) {
		return nothing, true, nil // no server has been here: nothing is deleted
	}
	if err != nil {
		return nil, false, fmt.Errorf("hold blobs: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(temp, holdName), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // G304: a name of our own in the operator's folder
	if err != nil {
		return nil, false, fmt.Errorf("hold blobs: %w", err)
	}
	held := false
	if err = giveTo(f, st); err == nil { // a backup that root makes must not lock the server's own user out
		held, err = lockShared(f)
	}
	if err != nil {
		return nil, false, errors.Join(fmt.Errorf("hold blobs: %w", err), f.Close())
	}
	if !held {
		return nothing, false, f.Close()
	}
	return func() error {
		err := clearHeld(temp, f)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return fmt.Errorf("let go of blobs: %w", err)
		}
		return nil
	}, true, nil
}

// clearHeld removes what was moved aside unless another one still holds it.
func clearHeld(temp string, hold *os.File) error {
	last, err := lockAlone(hold)
	if err != nil || !last {
		return err
	}
	entries, err := os.ReadDir(temp)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), heldPrefix) || !e.Type().IsRegular() {
			continue
		}
		failpoint.Pass("blob.letgo.before")
		if err := os.Remove(filepath.Join(temp, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		failpoint.Pass("blob.letgo.after")
	}
	return nil
}

// clearAbandoned removes what a killed holder left moved aside.
func clearAbandoned(root string) error {
	temp := filepath.Join(root, tempName)
	f, err := os.OpenFile(filepath.Join(temp, holdName), os.O_RDWR, 0) //nolint:gosec // G304: a name of our own in the operator's folder
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(clearHeld(temp, f), f.Close())
}

// moveAside takes a blob away from its place without losing its bytes when somebody holds the folder.
func (p *folder) moveAside(sha, path string) (moved bool, err error) {
	p.asking.Lock()
	defer p.asking.Unlock()
	free, f, err := p.free()
	if err != nil || f == nil {
		return false, err
	}
	if !free {
		failpoint.Pass("blob.setaside.before")
		p.aside, moved, err = true, true, os.Rename(path, heldPath(p.root, sha))
		failpoint.Pass("blob.setaside.after")
	}
	return moved, errors.Join(err, f.Close())
}

// free asks whether nobody holds the folder; f is the file whose lock says so until it is closed, nil when nobody ever held it. What this
// process has moved aside is removed then: its holder may have been killed, and another process's deletion taken for one.
func (p *folder) free() (free bool, f *os.File, err error) {
	temp := filepath.Join(p.root, tempName)
	if f, err = os.OpenFile(filepath.Join(temp, holdName), os.O_RDWR, 0); err != nil { //nolint:gosec // G304: a name of our own in the operator's folder
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return true, nil, err
	}
	if free, err = lockAlone(f); err == nil && free && p.aside {
		err = clearHeld(temp, f)
		p.aside = err != nil
	}
	if err != nil {
		return false, nil, errors.Join(err, f.Close())
	}
	return free, f, nil
}

// tidy implements place.
func (p *folder) tidy() error {
	p.asking.Lock()
	defer p.asking.Unlock()
	if !p.aside {
		return nil
	}
	_, f, err := p.free()
	if err != nil || f == nil {
		return err
	}
	return f.Close()
}

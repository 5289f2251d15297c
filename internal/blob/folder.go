package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// folder is a place on a local file system: root/ab/cd/abcd…, folders 0700, files 0600.
type folder struct {
	root string

	mu      sync.Mutex
	durable map[string]bool // fan-out folders whose own names are known to be on disk; at most 65,536 of 5 bytes
}

func newFolder(root string) (*folder, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	return &folder{root: root, durable: make(map[string]bool)}, nil
}

func (p *folder) path(sha string) string {
	return filepath.Join(p.root, filepath.FromSlash(pathOf(sha)))
}

func (p *folder) put(_ context.Context, sha string, size int64, tmp *os.File) (moved bool, err error) {
	path := p.path(sha)
	if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Size() == size {
		// The bytes were synced before they got their name; the name itself may still be on its way to the disk.
		return false, syncError(syncFolder(filepath.Dir(path)))
	}
	if err := tmp.Sync(); err != nil {
		return false, syncError(err)
	}
	if err := p.makeParents(sha); err != nil {
		return false, writeError("create blob folder", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return false, writeError("put blob in place", err)
	}
	return true, syncError(syncFolder(filepath.Dir(path)))
}

func syncError(err error) error {
	if err == nil {
		return nil
	}
	return writeError("sync blob", err)
}

// makeParents creates the fan-out folders of a blob and makes their names durable, once per folder and process.
func (p *folder) makeParents(sha string) error {
	first := filepath.Join(p.root, sha[:2])
	second := filepath.Join(first, sha[2:4])
	key := sha[:2] + "/" + sha[2:4]
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.durable[key] {
		return nil
	}
	if err := os.MkdirAll(second, 0o700); err != nil {
		return err
	}
	if !p.durable[sha[:2]] {
		if err := syncFolder(p.root); err != nil {
			return err
		}
		p.durable[sha[:2]] = true
	}
	if err := syncFolder(first); err != nil {
		return err
	}
	p.durable[key] = true
	return nil
}

func (p *folder) open(_ context.Context, sha string) (io.ReadSeekCloser, error) {
	f, err := os.Open(p.path(sha))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound(err)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	return f, nil
}

func (p *folder) remove(_ context.Context, sha string) error {
	path := p.path(sha)
	moved, err := p.moveAside(sha, path)
	if err == nil && !moved {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

func (p *folder) exists(_ context.Context, sha string) (bool, error) {
	_, err := os.Stat(p.path(sha))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for blob: %w", err)
	}
	return true, nil
}

func (p *folder) close() error { return nil }

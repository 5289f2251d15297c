package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/stewardhq/steward/internal/failpoint"
)

// folder is a place on a local file system: root/ab/cd/abcd…, folders 0700, files 0600.
type folder struct {
	root string

	asking sync.Mutex // held while the lock of holders is asked for: another deletion that asks would be taken for a holder
	aside  bool       // this process has moved something aside that may still be there; guarded by asking

	mu      sync.Mutex
	durable map[string]bool // fan-out folders whose own names are known to be on disk; at most 65,536 of 5 bytes

	log     *slog.Logger
	buffers *sync.Pool
	checked checked
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

func (p *folder) put(ctx context.Context, sha string, size int64, tmp *os.File) (moved bool, err error) {
	path := p.path(sha)
	switch sound, err := p.sound(ctx, sha); {
	case err != nil:
		return false, err
	case sound:
		// The bytes were synced before they got their name; the name itself may still be on its way to the disk.
		return false, syncError(syncFolder(filepath.Dir(path)))
	}
	st, err := tmp.Stat()
	if err != nil {
		return false, writeError("put blob in place", err)
	}
	if st.Size() != size {
		return false, syncError(fmt.Errorf("%d bytes were written, and the file has %d", size, st.Size()))
	}
	if err := syncFile(tmp); err != nil {
		return false, syncError(err)
	}
	if err := p.makeParents(sha); err != nil {
		return false, err
	}
	if err := failpoint.Hit("blob.rename.before"); err != nil {
		return false, writeError("put blob in place", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return false, writeError("put blob in place", err)
	}
	failpoint.Pass("blob.rename.after")
	return true, syncError(syncFolder(filepath.Dir(path)))
}

// syncFile puts what was written to a file on disk.
func syncFile(f *os.File) error {
	if err := failpoint.Hit("blob.sync.before"); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	failpoint.Pass("blob.sync.after")
	return nil
}

// syncError is the error of a sync, or of the opening of what was to be synced, which is a harmless one.
func syncError(err error) error {
	if err == nil {
		return nil
	}
	var path *fs.PathError
	return &failedWrite{op: "sync blob", err: err, sync: !errors.As(err, &path) || path.Op == "sync"}
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
	if err := failpoint.Hit("blob.mkdir.before"); err != nil {
		return writeError("create blob folder", err)
	}
	if err := os.MkdirAll(second, 0o700); err != nil {
		return writeError("create blob folder", err)
	}
	failpoint.Pass("blob.mkdir.after")
	if !p.durable[sha[:2]] {
		if err := syncError(syncFolder(p.root)); err != nil {
			return err
		}
		p.durable[sha[:2]] = true
	}
	if err := syncError(syncFolder(first)); err != nil {
		return err
	}
	p.durable[key] = true
	return nil
}

func (p *folder) open(ctx context.Context, sha string) (io.ReadSeekCloser, error) {
	f, err := os.Open(p.path(sha))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound(err)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	if err := p.check(ctx, sha, f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (p *folder) remove(_ context.Context, sha string) error {
	path := p.path(sha)
	if err := failpoint.Hit("blob.delete.before"); err != nil {
		return writeError("delete blob", err)
	}
	moved, err := p.moveAside(sha, path)
	if err == nil && !moved {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return writeError("delete blob", err)
	}
	failpoint.Pass("blob.delete.after")
	return syncError(syncFolder(filepath.Dir(path)))
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

package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	gocloud "gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/stewardhq/steward"
)

// Stock is a look at the blobs of a bucket from outside of the processes that serve it, for copying and checking. It never
// changes what is stored, and makes no folder. Its methods may be called concurrently.
type Stock struct {
	folder string          // of a local one
	remote *gocloud.Bucket // otherwise
}

// OpenStock opens the bucket at a URL as Open takes it. A local folder that is not there has no blobs.
//
// Errors: Invalid for a URL that names no bucket.
func OpenStock(ctx context.Context, rawURL string) (*Stock, error) {
	folder, local, err := localFolder(rawURL)
	if err != nil {
		return nil, err
	}
	if local {
		return &Stock{folder: folder}, nil
	}
	bucket, err := gocloud.OpenBucket(ctx, rawURL)
	if err != nil {
		return nil, &steward.Error{Code: steward.Invalid, Message: "The blob store cannot be opened: check its URL.", Err: err}
	}
	return &Stock{remote: bucket}, nil
}

// Local reports whether the blobs are in a folder of this machine.
func (s *Stock) Local() bool { return s.remote == nil }

// Folder returns the folder of a local one, "" otherwise.
func (s *Stock) Folder() string { return s.folder }

// Close releases what OpenStock took.
func (s *Stock) Close() error {
	if s.remote == nil {
		return nil
	}
	if err := s.remote.Close(); err != nil {
		return fmt.Errorf("close blob store: %w", err)
	}
	return nil
}

// Open returns what is stored as sha256 from its start, whether or not it has that hash, also of a blob that was deleted while it was held.
//
// Errors: NotFound.
func (s *Stock) Open(ctx context.Context, sha256 string) (io.ReadCloser, error) {
	if !isHash(sha256) {
		return nil, notFound(nil)
	}
	if s.remote != nil {
		return (&remote{bucket: s.remote}).read(ctx, sha256)
	}
	f, err := os.Open(filepath.Join(s.folder, filepath.FromSlash(pathOf(sha256))))
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(heldPath(s.folder, sha256))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, notFound(err)
	case err != nil:
		return nil, fmt.Errorf("open blob: %w", err)
	}
	return f, nil
}

// Size returns the number of bytes of a blob; found is false when there is none.
func (s *Stock) Size(ctx context.Context, sha256 string) (size int64, found bool, err error) {
	if !isHash(sha256) {
		return 0, false, nil
	}
	if s.remote != nil {
		attrs, err := s.remote.Attributes(ctx, pathOf(sha256))
		switch {
		case err == nil:
			return attrs.Size, true, nil
		case gcerrors.Code(err) == gcerrors.NotFound:
			return 0, false, nil
		}
		return 0, false, remoteError(ctx, "look for blob", err)
	}
	st, err := os.Stat(filepath.Join(s.folder, filepath.FromSlash(pathOf(sha256))))
	if errors.Is(err, fs.ErrNotExist) {
		st, err = os.Stat(heldPath(s.folder, sha256))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("look for blob: %w", err)
	case !st.Mode().IsRegular():
		return 0, false, fmt.Errorf("look for blob: %s is not a file", pathOf(sha256))
	}
	return st.Size(), true, nil
}

// Stored is something in a bucket.
type Stored struct {
	Name   string // with slashes, below the bucket
	SHA256 string // "" for what no bucket puts there
	Size   int64  // bytes
}

// Each calls fn with everything in the bucket but temporary files, in the order of names. An error of fn ends it.
func (s *Stock) Each(ctx context.Context, fn func(Stored) error) error {
	if s.remote != nil {
		return s.eachRemote(ctx, fn)
	}
	err := filepath.WalkDir(s.folder, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) { // deleted meanwhile, or there is no folder yet
				return nil
			}
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rel, err := filepath.Rel(s.folder, at)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if e.IsDir() {
			if name == tempName {
				return filepath.SkipDir
			}
			return nil
		}
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return fn(storedAt(name, st.Size(), st.Mode().IsRegular()))
	})
	if err != nil {
		return fmt.Errorf("list blobs: %w", err)
	}
	return nil
}

func (s *Stock) eachRemote(ctx context.Context, fn func(Stored) error) error {
	list := s.remote.List(nil)
	for {
		o, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return remoteError(ctx, "list blobs", err)
		}
		if err := fn(storedAt(o.Key, o.Size, !o.IsDir)); err != nil {
			return err
		}
	}
}

// storedAt tells a blob by its name.
func storedAt(name string, size int64, regular bool) Stored {
	stored := Stored{Name: name, Size: size}
	if sha := path.Base(name); regular && isHash(sha) && pathOf(sha) == name {
		stored.SHA256 = sha
	}
	return stored
}

// Path returns where a bucket keeps a blob, below its root and with slashes; "" for what is no SHA-256 in lower-case hex.
func Path(sha256 string) string {
	if !isHash(sha256) {
		return ""
	}
	return pathOf(sha256)
}

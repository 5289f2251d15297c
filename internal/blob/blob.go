// Package blob keeps bytes under the SHA-256 of their content: on a local folder or in any bucket that gocloud.dev/blob speaks to.
//
// Bytes come in through Stage, which streams them to a temporary file while hashing, and are put in place by Commit:
//
//	staged, err := bucket.Stage(ctx, r, limit)
//	if err != nil {
//		return err
//	}
//	defer staged.Discard()
//	// … decide by staged.Size(), staged.Head(), staged.SHA256() …
//	return staged.Commit(ctx)
//
// Whatever the size of the content, it takes one pooled buffer of memory. Content is immutable: committing the same bytes
// twice is the same as committing them once. The package does not know who refers to a blob and never deletes one by itself.
// Errors that callers can act on are *steward.Error; others name the operation.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	gocloud "gocloud.dev/blob"

	"github.com/stewardhq/steward"
)

const (
	// HeadSize is how many of the first bytes a Staged keeps for finding out the type of the content.
	HeadSize = 3 << 10

	bufferSize = 256 << 10
)

// Options tunes a Bucket. The zero value is ready to use.
type Options struct {
	TempDir string       // where content waits before its upload to a remote bucket; "" means os.TempDir. Local folders have their own.
	Logger  *slog.Logger // nil means slog.Default()
}

// Bucket is an open store of blobs. Safe for concurrent use, also by several processes on the same folder or remote bucket.
type Bucket struct {
	place   place
	scratch *scratch
	buffers sync.Pool
}

// place is where blobs stay for good.
type place interface {
	// put makes the staged file the content of sha and leaves the file open. moved says that the file has a new name now.
	// It must be harmless to do again.
	put(ctx context.Context, sha string, size int64, tmp *os.File) (moved bool, err error)
	open(ctx context.Context, sha string) (io.ReadSeekCloser, error)
	remove(ctx context.Context, sha string) error
	exists(ctx context.Context, sha string) (bool, error)
	close() error
}

// Open opens the bucket at url. "file:///folder" or a bare path is a local folder, created when it is missing (mode 0700);
// what uploads of crashed processes left in it is removed. Any other URL is a bucket of gocloud.dev/blob, such as
// "s3://name?region=eu-central-1", "gs://name", "azblob://name" or "mem://"; its scheme must have been registered by
// importing package clouds.
//
// Errors: Invalid for a URL that names no bucket.
func Open(ctx context.Context, rawURL string, opts *Options) (*Bucket, error) {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.TempDir == "" {
		o.TempDir = os.TempDir()
	}
	folder, local, err := localFolder(rawURL)
	if err != nil {
		return nil, err
	}
	b := &Bucket{buffers: sync.Pool{New: func() any { return new([bufferSize]byte) }}}
	if local {
		return b.openLocal(folder, o.Logger)
	}
	return b.openRemote(ctx, rawURL, o)
}

func (b *Bucket) openLocal(folder string, logger *slog.Logger) (*Bucket, error) {
	place, err := newFolder(folder)
	if err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	b.place = place
	b.scratch, err = newScratch(filepath.Join(folder, tempName), logger)
	if err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	if err := clearAbandoned(folder); err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	return b, nil
}

func (b *Bucket) openRemote(ctx context.Context, rawURL string, o Options) (*Bucket, error) {
	bucket, err := gocloud.OpenBucket(ctx, rawURL)
	if err != nil {
		return nil, &steward.Error{Code: steward.Invalid, Message: "The blob store cannot be opened: check its URL.", Err: err}
	}
	b.place = &remote{bucket: bucket}
	b.scratch, err = newScratch(filepath.Join(o.TempDir, "steward-blobs"), o.Logger)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open blob scratch folder: %w", err), bucket.Close())
	}
	return b, nil
}

// localFolder reports the folder that rawURL names when it is a local one.
func localFolder(rawURL string) (folder string, local bool, err error) {
	invalid := &steward.Error{Code: steward.Invalid, Message: "The blob store's URL must be a folder, file:///folder or the URL of a bucket."}
	if rawURL == "" {
		return "", false, invalid
	}
	if !strings.Contains(rawURL, "://") {
		return filepath.Clean(rawURL), true, nil
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", false, invalid // the cause would repeat the URL, which may hold a secret
	}
	if u.Scheme != "file" {
		return "", false, nil
	}
	if u.Path == "" || u.Host != "" && u.Host != "localhost" || u.RawQuery != "" {
		return "", false, invalid
	}
	return filepath.Clean(filepath.FromSlash(u.Path)), true, nil
}

// Open returns the content of sha256 (lower-case hex) from its start. The caller closes it. Readers of a blob that is
// deleted meanwhile keep reading on a local folder and fail on a remote bucket.
//
// Errors: NotFound.
func (b *Bucket) Open(ctx context.Context, sha256 string) (io.ReadSeekCloser, error) {
	if !isHash(sha256) {
		return nil, notFound(nil)
	}
	return b.place.open(ctx, sha256)
}

// Exists reports whether the content of sha256 is in place.
func (b *Bucket) Exists(ctx context.Context, sha256 string) (bool, error) {
	if !isHash(sha256) {
		return false, nil
	}
	return b.place.exists(ctx, sha256)
}

// Delete removes the content of sha256. Removing what is not there is no error.
func (b *Bucket) Delete(ctx context.Context, sha256 string) error {
	if !isHash(sha256) {
		return nil
	}
	return b.place.remove(ctx, sha256)
}

// Close releases the bucket. Staged content must be committed or discarded before.
func (b *Bucket) Close() error {
	if err := b.place.close(); err != nil {
		return fmt.Errorf("close blob store: %w", err)
	}
	return nil
}

// isHash reports whether s is a SHA-256 in lower-case hex, and with that safe as a file name.
func isHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// pathOf returns the path of a blob with its two levels of fan-out: ab/cd/abcd….
func pathOf(sha string) string { return sha[:2] + "/" + sha[2:4] + "/" + sha }

func notFound(cause error) error {
	return &steward.Error{Code: steward.NotFound, Message: "The file's content is not stored.", Err: cause}
}

// writeError names the operation and turns a full disk into Unavailable.
func writeError(op string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &steward.Error{Code: steward.Unavailable, Message: "There is no room left to store the file.", Err: fmt.Errorf("%s: %w", op, err)}
	}
	return fmt.Errorf("%s: %w", op, err)
}

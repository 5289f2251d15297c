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

	gocloud "gocloud.dev/blob"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/disk"
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
	Guard   *disk.Guard  // told of a disk that fails, and asked before writes; nil means one of the bucket's own
}

// Bucket is an open store of blobs. Safe for concurrent use, also by several processes on the same folder or remote bucket.
type Bucket struct {
	place   place
	scratch *scratch
	buffers sync.Pool
	guard   *disk.Guard
}

// place is where blobs stay for good.
type place interface {
	// put makes the staged file the content of sha and leaves the file open. moved says that the file has a new name now.
	// It must be harmless to do again.
	put(ctx context.Context, sha string, size int64, tmp *os.File) (moved bool, err error)
	open(ctx context.Context, sha string) (io.ReadSeekCloser, error)
	remove(ctx context.Context, sha string) error
	exists(ctx context.Context, sha string) (bool, error)
	// tidy removes deleted bytes that are left because somebody held them.
	tidy() error
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
	if o.Guard == nil {
		o.Guard = disk.NewGuard(disk.Options{Logger: o.Logger})
	}
	folder, local, err := localFolder(rawURL)
	if err != nil {
		return nil, err
	}
	b := &Bucket{buffers: sync.Pool{New: func() any { return new([bufferSize]byte) }}, guard: o.Guard}
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
	place.log, place.buffers = logger, &b.buffers
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

// LocalFolder returns the folder that a URL names as Open takes it, "" for a bucket that is elsewhere and for what is no URL.
func LocalFolder(rawURL string) string {
	folder, local, err := localFolder(rawURL)
	if err != nil || !local {
		return ""
	}
	return folder
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
// Bytes that are not those of the hash are not handed out: a local file is checked before it is opened, unless it was a few minutes ago
// and has not changed; of a remote one the last bytes are held back until all have been checked, if it is read from its start to its end.
//
// Errors: NotFound, also for damaged content (ErrDamaged).
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

// Sound reports whether the content of sha256 is in place, and its bytes are those of the hash. Those of a remote bucket are not read.
func (b *Bucket) Sound(ctx context.Context, sha256 string) (bool, error) {
	if !isHash(sha256) {
		return false, nil
	}
	if f, local := b.place.(*folder); local {
		return f.sound(ctx, sha256)
	}
	return b.place.exists(ctx, sha256)
}

// Delete removes the content of sha256. Removing what is not there is no error.
func (b *Bucket) Delete(ctx context.Context, sha256 string) error {
	if !isHash(sha256) {
		return nil
	}
	if err := b.guard.MayWrite(); err != nil {
		return err
	}
	return b.judge(b.place.remove(ctx, sha256))
}

// Tidy removes what was deleted while somebody held the folder who was killed since. It is to be called from time to time.
func (b *Bucket) Tidy() error {
	if err := b.place.tidy(); err != nil {
		return fmt.Errorf("remove deleted blobs: %w", err)
	}
	return nil
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

// failedWrite is a write to a local disk that did not succeed.
type failedWrite struct {
	op   string
	err  error
	sync bool // what was written may or may not be on the disk
}

// Error names the operation.
func (f *failedWrite) Error() string { return f.op + ": " + f.err.Error() }

// Unwrap returns the cause.
func (f *failedWrite) Unwrap() error { return f.err }

func writeError(op string, err error) error { return &failedWrite{op: op, err: err} }

// judge says what an error means to callers: a failed write is a fault of the disk, or passes.
func (b *Bucket) judge(err error) error {
	var f *failedWrite
	if !errors.As(err, &f) {
		return err
	}
	kind, fault := disk.KindOf(f.err)
	switch {
	case f.sync, fault && kind != disk.ReadOnly:
		b.guard.Fail(disk.Broken, f.op, f.err)
		return b.guard.MayWrite()
	case disk.IsFull(f.err):
		return disk.NoRoom(err)
	case fault, disk.IsDenied(f.err): // the database may be elsewhere
		return disk.NotWritable(err)
	}
	return err
}

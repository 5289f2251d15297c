package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/stewardhq/steward"
)

// ErrDamaged says that stored bytes are not those of their hash.
var ErrDamaged = errors.New("the stored bytes are not those of their hash")

func damaged(sha string) error {
	return &steward.Error{
		Code: steward.NotFound, Message: "The file's stored content is damaged and is not handed out.", Err: fmt.Errorf("%w: %s", ErrDamaged, sha),
	}
}

// What is remembered of files that were found sound.
const (
	mostChecked = 8192
	checkedFor  = 10 * time.Minute
)

// checked remembers which files have the bytes of their hash, as long as they are the same files.
type checked struct {
	mu    sync.Mutex
	files map[string]checkedFile
}

type checkedFile struct {
	info os.FileInfo
	at   time.Time
}

func (c *checked) has(sha string, now os.FileInfo) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, ok := c.files[sha]
	return ok && time.Since(was.at) < checkedFor && os.SameFile(was.info, now) && was.info.Size() == now.Size() && changedAt(was.info).Equal(changedAt(now))
}

// add remembers a file, unless it changed just now: clocks of file systems are coarse, and it may change again within a tick.
func (c *checked) add(sha string, info os.FileInfo) {
	if time.Since(changedAt(info)) < time.Second {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil || len(c.files) >= mostChecked {
		c.files = make(map[string]checkedFile)
	}
	c.files[sha] = checkedFile{info: info, at: time.Now()}
}

// sound reports whether a blob is there with the bytes of its hash.
func (p *folder) sound(ctx context.Context, sha string) (bool, error) {
	f, err := os.Open(p.path(sha))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for blob: %w", err)
	}
	err = p.check(ctx, sha, f)
	if cerr := f.Close(); err == nil && cerr != nil {
		return false, fmt.Errorf("look for blob: %w", cerr)
	}
	if errors.Is(err, ErrDamaged) {
		return false, nil
	}
	return err == nil, err
}

// check reads a file whose bytes must be those of a hash, unless it did so a few minutes ago. The file is at its start afterwards.
func (p *folder) check(ctx context.Context, sha string, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("check blob: %w", err)
	}
	if !info.Mode().IsRegular() {
		return damaged(sha)
	}
	if p.checked.has(sha, info) {
		return nil
	}
	buf, _ := p.buffers.Get().(*[bufferSize]byte)
	defer p.buffers.Put(buf)
	h := sha256.New()
	for at := int64(0); ; {
		if ctx.Err() != nil {
			return fmt.Errorf("check blob: %w", context.Cause(ctx))
		}
		n, err := f.ReadAt(buf[:], at)
		h.Write(buf[:n])
		at += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("check blob: %w", err)
		}
	}
	if hex.EncodeToString(h.Sum(nil)) != sha {
		p.log.ErrorContext(ctx, "a stored file is damaged and is not handed out", "sha256", sha,
			"advice", "send the same file again, or restore it from a backup; steward verify finds all that are damaged")
		return damaged(sha)
	}
	p.checked.add(sha, info)
	return nil
}

// checking is a reader of a remote blob that holds back its last bytes until all of them are known to be those of the hash. Only who reads
// from the start to the end is sure of it.
type checking struct {
	io.ReadSeekCloser
	sha  string
	size int64
	at   int64 // of the next read
	done int64 // so many bytes from the start are in the hash
	hash hash.Hash
}

func newChecking(r io.ReadSeekCloser, sha string, size int64) *checking {
	return &checking{ReadSeekCloser: r, sha: sha, size: size, hash: sha256.New()}
}

// Read implements io.Reader.
func (c *checking) Read(p []byte) (int, error) {
	n, err := c.ReadSeekCloser.Read(p)
	if c.at == c.done {
		c.hash.Write(p[:n])
		c.done += int64(n)
		ended := c.done >= c.size || errors.Is(err, io.EOF)
		if ended && hex.EncodeToString(c.hash.Sum(nil)) != c.sha {
			return 0, damaged(c.sha)
		}
	}
	c.at += int64(n)
	return n, err
}

// Seek implements io.Seeker.
func (c *checking) Seek(offset int64, whence int) (int64, error) {
	at, err := c.ReadSeekCloser.Seek(offset, whence)
	if err == nil {
		if c.at = at; at == 0 {
			c.done = 0
			c.hash.Reset()
		}
	}
	return at, err
}

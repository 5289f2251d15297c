package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/failpoint"
)

// Staged is content that was received and hashed but is not in place yet. It is to be used by one goroutine, and must end
// with Commit or Discard. It holds one open file.
type Staged struct {
	bucket *Bucket
	file   *os.File // nil once committed or discarded
	moved  bool     // the file has its final name
	sha    string
	size   int64
	head   []byte
}

// Stage reads r to its end into a temporary file. limit is the most bytes that are taken; 0 means no limit. It returns
// when r ends, when r fails, or at the first read after ctx ends; it cannot interrupt a read of r. Nothing is left behind
// when it fails.
//
// Errors: TooLarge over the limit; Unavailable when the disk is full, may not be written to, or failed (disk.ErrFailed); r's error, wrapped;
// ctx's cause.
func (b *Bucket) Stage(ctx context.Context, r io.Reader, limit int64) (_ *Staged, err error) {
	if err := b.guard.MayWrite(); err != nil {
		return nil, err
	}
	file, err := b.scratch.create()
	if err != nil {
		return nil, b.judge(writeError("stage content", err))
	}
	s := &Staged{bucket: b, file: file}
	defer func() {
		if err != nil {
			s.Discard()
		}
	}()
	if err := s.receive(ctx, r, limit); err != nil {
		return nil, b.judge(err)
	}
	return s, nil
}

// receive copies r to the temporary file while hashing it.
func (s *Staged) receive(ctx context.Context, r io.Reader, limit int64) error {
	buf, _ := s.bucket.buffers.Get().(*[bufferSize]byte)
	defer s.bucket.buffers.Put(buf)
	hash := sha256.New()
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("stage content: %w", context.Cause(ctx))
		}
		n, rerr := fill(r, buf[:])
		s.size += int64(n)
		if limit > 0 && s.size > limit {
			return &steward.Error{Code: steward.TooLarge, Message: "The file is larger than " + sizeText(limit) + "."}
		}
		if len(s.head) < HeadSize {
			s.head = append(s.head, buf[:min(n, HeadSize-len(s.head))]...)
		}
		hash.Write(buf[:n])
		if err := failpoint.Hit("blob.write.before"); err != nil {
			return writeError("stage content", err)
		}
		if _, err := s.file.Write(buf[:n]); err != nil {
			return writeError("stage content", err)
		}
		failpoint.Pass("blob.write.after")
		if errors.Is(rerr, io.EOF) {
			break
		}
		if rerr != nil {
			return fmt.Errorf("read content: %w", rerr)
		}
	}
	s.sha = hex.EncodeToString(hash.Sum(nil))
	return nil
}

// fill reads into buf until it is full or r stops. Readers of requests give few bytes at a time; whole buffers hash and
// write faster.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for empty := 0; n < len(buf) && err == nil; {
		var m int
		m, err = r.Read(buf[n:])
		if n += m; m > 0 {
			empty = 0
		} else if empty++; empty > 100 && err == nil {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

// SHA256 returns the content's hash in lower-case hex.
func (s *Staged) SHA256() string { return s.sha }

// Size returns the number of bytes.
func (s *Staged) Size() int64 { return s.size }

// Head returns the first bytes of the content, at most HeadSize. It is not to be changed.
func (s *Staged) Head() []byte { return s.head }

// ReadAt implements io.ReaderAt on the content until Commit or Discard.
func (s *Staged) ReadAt(p []byte, off int64) (int, error) {
	if s.file == nil {
		return 0, os.ErrClosed
	}
	return s.file.ReadAt(p, off)
}

// Commit puts the content in place, durably, and ends the Staged. After an error it may be tried again. Content that
// is in place already stays as it is, unless it is damaged.
//
// Errors: Unavailable when there is no room or the bucket does not answer (safe to retry), or the disk failed (disk.ErrFailed); ctx's cause.
func (s *Staged) Commit(ctx context.Context) error {
	if s.file == nil {
		return fmt.Errorf("commit content: %w", os.ErrClosed)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("commit content: %w", context.Cause(ctx))
	}
	if err := s.bucket.guard.MayWrite(); err != nil {
		return err
	}
	moved, err := s.bucket.place.put(ctx, s.sha, s.size, s.file)
	s.moved = s.moved || moved
	if err != nil {
		return s.bucket.judge(err)
	}
	s.Discard()
	return nil
}

// Discard drops the content unless it was committed. It may be called at any time and more than once.
func (s *Staged) Discard() {
	if s.file == nil {
		return
	}
	s.bucket.scratch.drop(s.file, s.moved)
	s.file = nil
}

// sizeText writes a limit the way people read it.
func sizeText(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

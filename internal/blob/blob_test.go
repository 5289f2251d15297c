package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	_ "gocloud.dev/blob/memblob" // mem://

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/blob"
)

// places opens one bucket of each kind.
func places(t *testing.T, run func(t *testing.T, b *blob.Bucket)) {
	t.Helper()
	for name, url := range map[string]string{"folder": filepath.Join(t.TempDir(), "blobs"), "gocloud": "mem://"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t, url, &blob.Options{TempDir: t.TempDir()}))
		})
	}
}

func open(t testing.TB, url string, opts *blob.Options) *blob.Bucket {
	t.Helper()
	b, err := blob.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return b
}

func stage(t testing.TB, b *blob.Bucket, content []byte) *blob.Staged {
	t.Helper()
	s, err := b.Stage(t.Context(), bytes.NewReader(content), 0)
	if err != nil {
		t.Fatalf("stage: %v", err)
	}
	return s
}

func store(t testing.TB, b *blob.Bucket, content []byte) (sha string) {
	t.Helper()
	s := stage(t, b, content)
	defer s.Discard()
	if err := s.Commit(t.Context()); err != nil {
		t.Fatalf("commit: %v", err)
	}
	return s.SHA256()
}

func read(t testing.TB, b *blob.Bucket, sha string) []byte {
	t.Helper()
	r, err := b.Open(t.Context(), sha)
	if err != nil {
		t.Fatalf("open %s: %v", sha, err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read %s: %v", sha, err)
	}
	return got
}

func exists(t testing.TB, b *blob.Bucket, sha string) bool {
	t.Helper()
	ok, err := b.Exists(t.Context(), sha)
	if err != nil {
		t.Fatalf("exists %s: %v", sha, err)
	}
	return ok
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	r.Read(b) //nolint:errcheck // never fails
	return b
}

func hashOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// files lists the regular files under folder.
func files(t testing.TB, folder string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatalf("walk: %v", err)
	}
	return out
}

func TestBucket(t *testing.T) {
	t.Parallel()
	t.Run("gives back what was committed, by its hash", func(t *testing.T) {
		t.Parallel()
		places(t, func(t *testing.T, b *blob.Bucket) {
			for _, n := range []int{0, 1, 255 << 10, 256 << 10, 256<<10 + 1, 3 << 20} {
				content := random(n)
				s := stage(t, b, content)
				if s.SHA256() != hashOf(content) || s.Size() != int64(n) || !bytes.Equal(s.Head(), content[:min(n, blob.HeadSize)]) {
					t.Errorf("%d bytes: staged as %s, %d bytes, %d of head", n, s.SHA256(), s.Size(), len(s.Head()))
				}
				if exists(t, b, s.SHA256()) {
					t.Errorf("%d bytes: in place before the commit", n)
				}
				if err := s.Commit(t.Context()); err != nil {
					t.Fatalf("%d bytes: commit: %v", n, err)
				}
				if got := read(t, b, s.SHA256()); !bytes.Equal(got, content) {
					t.Errorf("%d bytes: other content came back (%d bytes)", n, len(got))
				}
			}
		})
	})
	t.Run("seeks", func(t *testing.T) {
		t.Parallel()
		places(t, func(t *testing.T, b *blob.Bucket) {
			r, err := b.Open(t.Context(), store(t, b, []byte("0123456789")))
			if err != nil {
				t.Fatal(err)
			}
			end, err := r.Seek(0, io.SeekEnd)
			if err != nil || end != 10 {
				t.Fatalf("seek to the end: got %d, %v", end, err)
			}
			if _, err := r.Seek(4, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close()); err != nil || string(got) != "456789" {
				t.Fatalf("after the seek: got %q, %v", got, err)
			}
		})
	})
	t.Run("stores equal content once and says so to nobody", func(t *testing.T) {
		t.Parallel()
		places(t, func(t *testing.T, b *blob.Bucket) {
			first, second := store(t, b, []byte("same")), store(t, b, []byte("same"))
			if first != second || string(read(t, b, first)) != "same" {
				t.Fatalf("got %s and %s", first, second)
			}
		})
	})
	t.Run("deletes, and deleting nothing is no error", func(t *testing.T) {
		t.Parallel()
		places(t, func(t *testing.T, b *blob.Bucket) {
			sha := store(t, b, []byte("short life"))
			for range 2 {
				if err := b.Delete(t.Context(), sha); err != nil {
					t.Fatalf("delete: %v", err)
				}
			}
			if _, err := b.Open(t.Context(), sha); steward.CodeOf(err) != steward.NotFound {
				t.Fatalf("open: got %v, want not_found", err)
			}
			if exists(t, b, sha) {
				t.Fatal("still there")
			}
			if store(t, b, []byte("short life")); !exists(t, b, sha) {
				t.Fatal("cannot be stored again")
			}
		})
	})
	t.Run("knows no name that is not a hash", func(t *testing.T) {
		t.Parallel()
		places(t, func(t *testing.T, b *blob.Bucket) {
			sha := store(t, b, []byte("x"))
			for _, name := range []string{"", "..", "../../etc/passwd", strings.ToUpper(sha), sha[:63], sha + "0", "zz" + sha[2:]} {
				if _, err := b.Open(t.Context(), name); steward.CodeOf(err) != steward.NotFound {
					t.Errorf("open %q: got %v, want not_found", name, err)
				}
				if err := b.Delete(t.Context(), name); err != nil || exists(t, b, name) {
					t.Errorf("%q: delete says %v", name, err)
				}
			}
			if !exists(t, b, sha) {
				t.Error("a foreign name deleted the blob")
			}
		})
	})
	t.Run("discarded content is gone, and discarding twice is harmless", func(t *testing.T) {
		t.Parallel()
		places(t, func(t *testing.T, b *blob.Bucket) {
			s := stage(t, b, []byte("never mind"))
			s.Discard()
			s.Discard()
			if err := s.Commit(t.Context()); err == nil || exists(t, b, s.SHA256()) {
				t.Fatalf("commit after discard: %v", err)
			}
			if _, err := s.ReadAt(make([]byte, 1), 0); err == nil {
				t.Fatal("read after discard")
			}
		})
	})
	t.Run("staged content can be read anywhere", func(t *testing.T) {
		t.Parallel()
		places(t, func(t *testing.T, b *blob.Bucket) {
			s := stage(t, b, []byte("0123456789"))
			defer s.Discard()
			buf := make([]byte, 3)
			if _, err := s.ReadAt(buf, 7); err != nil || string(buf) != "789" {
				t.Fatalf("got %q, %v", buf, err)
			}
		})
	})
	t.Run("takes the same content from many at once", func(t *testing.T) {
		t.Parallel()
		places(t, func(t *testing.T, b *blob.Bucket) {
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for i := range 10 {
						store(t, b, fmt.Appendf(nil, "content %d", i%3))
					}
				})
			}
			wg.Wait()
			for i := range 3 {
				if want := fmt.Sprintf("content %d", i); string(read(t, b, hashOf([]byte(want)))) != want {
					t.Errorf("%s is damaged", want)
				}
			}
		})
	})
}

func TestStageFailures(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the client went away")
	broken := errors.New("broken pipe")
	cases := map[string]struct {
		ctx   context.Context
		r     io.Reader
		limit int64
		check func(error) bool
	}{
		"refuses content over the limit": {t.Context(), bytes.NewReader(random(2000)), 1999,
			func(err error) bool { return steward.CodeOf(err) == steward.TooLarge }},
		"hands on the reader's error": {t.Context(), io.MultiReader(bytes.NewReader(random(900000)), iotest.ErrReader(broken)), 0,
			func(err error) bool { return errors.Is(err, broken) }},
		"stops when the context ends": {cancelled, io.MultiReader(bytes.NewReader(random(300000)), readerFunc(func(p []byte) (int, error) {
			cancel(cause)
			return len(p), nil
		})), 0,
			func(err error) bool { return errors.Is(err, cause) }},
		"gives up on a reader that never gives anything": {t.Context(), readerFunc(func([]byte) (int, error) { return 0, nil }), 0,
			func(err error) bool { return errors.Is(err, io.ErrNoProgress) }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			b := open(t, folder, nil)
			s, err := b.Stage(c.ctx, c.r, c.limit)
			if s != nil || !c.check(err) {
				t.Errorf("got %v, %v", s, err)
			}
			if left := files(t, folder); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestStageLimit(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir(), nil)
	s, err := b.Stage(t.Context(), bytes.NewReader(random(2000)), 2000)
	if err != nil || s.Size() != 2000 {
		t.Fatalf("content of exactly the limit: got %v", err)
	}
	s.Discard()
	for limit, want := range map[int64]string{100 << 20: "100 MiB", 3 << 10: "3 KiB", 1000: "1000 bytes"} {
		_, err := b.Stage(t.Context(), io.LimitReader(readerFunc(func(p []byte) (int, error) { return len(p), nil }), limit+1), limit)
		if err == nil || !strings.Contains(err.Error(), "larger than "+want) {
			t.Errorf("limit %d: got %v", limit, err)
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	t.Run("keeps everything to its owner, in two levels", func(t *testing.T) {
		t.Parallel()
		root := filepath.Join(t.TempDir(), "deep", "blobs")
		b := open(t, "file://"+root, nil)
		sha := store(t, b, []byte("private"))
		want := filepath.Join(root, sha[:2], sha[2:4], sha)
		if got := files(t, root); len(got) != 1 || got[0] != want {
			t.Fatalf("got %v, want %s", got, want)
		}
		for path, mode := range map[string]fs.FileMode{want: 0o600, filepath.Dir(want): 0o700, root: 0o700, filepath.Join(root, "tmp"): 0o700} {
			if st, err := os.Stat(path); err != nil || st.Mode().Perm() != mode {
				t.Errorf("%s: got %v, %v, want mode %o", path, st.Mode(), err, mode)
			}
		}
	})
	t.Run("clears what a crash left, and nothing that is still being received", func(t *testing.T) {
		t.Parallel()
		root := t.TempDir()
		b := open(t, root, nil)
		alive := stage(t, b, []byte("still coming"))
		dead, foreign := filepath.Join(root, "tmp", "staged-123"), filepath.Join(root, "tmp", "README")
		for _, path := range []string{dead, foreign} {
			if err := os.WriteFile(path, []byte("half a fi"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		open(t, root, nil)
		if _, err := os.Stat(dead); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the abandoned file is still there: %v", err)
		}
		if _, err := os.Stat(foreign); err != nil {
			t.Errorf("a file that is none of ours: %v", err)
		}
		if err := alive.Commit(t.Context()); err != nil {
			t.Errorf("the living upload: %v", err)
		}
	})
	t.Run("heals content of the wrong length", func(t *testing.T) {
		t.Parallel()
		root := t.TempDir()
		b := open(t, root, nil)
		sha := store(t, b, []byte("whole"))
		if err := os.Truncate(filepath.Join(root, sha[:2], sha[2:4], sha), 2); err != nil {
			t.Fatal(err)
		}
		store(t, b, []byte("whole"))
		if got := read(t, b, sha); string(got) != "whole" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a reader outlives the deletion", func(t *testing.T) {
		t.Parallel()
		b := open(t, t.TempDir(), nil)
		sha := store(t, b, []byte("going"))
		r, err := b.Open(t.Context(), sha)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Delete(t.Context(), sha); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || string(got) != "going" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("a commit that fails can be tried again or discarded", func(t *testing.T) {
		t.Parallel()
		root := t.TempDir()
		b := open(t, root, nil)
		s := stage(t, b, []byte("patience"))
		blocker := filepath.Join(root, s.SHA256()[:2])
		if err := os.WriteFile(blocker, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(t.Context()); err == nil {
			t.Fatal("committed below a file")
		}
		if err := os.Remove(blocker); err != nil {
			t.Fatal(err)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if err := s.Commit(ended); !errors.Is(err, context.Canceled) {
			t.Fatalf("ended context: got %v", err)
		}
		if err := s.Commit(t.Context()); err != nil || string(read(t, b, s.SHA256())) != "patience" {
			t.Fatalf("second try: %v", err)
		}
	})
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "file://", "file://host/folder", "file:///folder?x=y", "ftp://host/x", "s3//no-scheme\x00://", "://"} {
		if _, err := blob.Open(t.Context(), url, nil); steward.CodeOf(err) != steward.Invalid {
			t.Errorf("%q: got %v, want invalid", url, err)
		}
	}
	if _, err := blob.Open(t.Context(), "s3://:secret@bu cket", nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a broken URL must not be repeated: got %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Open(t.Context(), file, nil); err == nil {
		t.Error("a file was opened as a folder")
	}
}

func TestRemoteUploadsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	scratch := t.TempDir()
	mem := open(t, "mem://", &blob.Options{TempDir: scratch})
	sha := store(t, mem, random(12<<20))
	if got := read(t, mem, sha); hashOf(got) != sha {
		t.Error("content of several parts is damaged")
	}
	if left := files(t, scratch); len(left) > 0 {
		t.Errorf("left in the scratch folder: %v", left)
	}
	s := stage(t, mem, []byte("half-way"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Commit(ctx); !errors.Is(err, context.Canceled) || exists(t, mem, s.SHA256()) {
		t.Errorf("cancelled commit: got %v", err)
	}
	s.Discard()
	if left := files(t, scratch); len(left) > 0 {
		t.Errorf("left in the scratch folder: %v", left)
	}
}

// TestStageTakesConstantMemory is not parallel: it counts what the process allocates.
func TestStageTakesConstantMemory(t *testing.T) {
	b := open(t, t.TempDir(), nil)
	store(t, b, random(1<<20)) // fills the pool
	const size = 90 << 20
	chunk := random(32 << 10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := b.Stage(t.Context(), io.LimitReader(readerFunc(func(p []byte) (int, error) { return copy(p, chunk), nil }), size), size)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("90 MiB took %d KiB of memory, want at most 1 MiB", got>>10)
	}
}

// BenchmarkStore measures 90 MiB from memory to durable, beside the same bytes written and synced with nothing else.
func BenchmarkStore(b *testing.B) {
	content := random(90 << 20)
	b.Run("folder", func(b *testing.B) {
		bucket := open(b, b.TempDir(), nil)
		b.SetBytes(int64(len(content)))
		b.ReportAllocs()
		for b.Loop() {
			sha := store(b, bucket, content)
			if err := bucket.Delete(b.Context(), sha); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("write and sync", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "plain")
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			writePlain(b, path, content)
		}
	})
}

func writePlain(b *testing.B, path string, content []byte) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{bytes.NewReader(content)}, make([]byte, 256<<10))
	if err := errors.Join(err, f.Sync(), f.Close(), os.Remove(path)); err != nil {
		b.Fatal(err)
	}
}

package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/disk"
)

// keep stores content in a local bucket and returns its hash and its file.
func keep(t *testing.T, b *blob.Bucket, root string, content []byte) (sha, path string) {
	t.Helper()
	s, err := b.Stage(t.Context(), bytes.NewReader(content), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	if err := s.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.SHA256(), filepath.Join(root, filepath.FromSlash(blob.Path(s.SHA256())))
}

func readAll(t *testing.T, b *blob.Bucket, sha string) ([]byte, error) {
	t.Helper()
	r, err := b.Open(t.Context(), sha)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // it was only read
	return io.ReadAll(r)
}

func TestDamagedContentIsNotHandedOutAndMendedByTheSameBytes(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	for name, harm := range map[string]func(path string) error{
		"a changed byte": func(path string) error {
			bad := bytes.Clone(content)
			bad[300_000] ^= 1
			return os.WriteFile(path, bad, 0o600)
		},
		"a changed byte with the old time": func(path string) error {
			st, err := os.Stat(path)
			bad := bytes.Clone(content)
			bad[0] ^= 1
			return errors.Join(err, os.Remove(path), os.WriteFile(path, bad, 0o600), os.Chtimes(path, time.Time{}, st.ModTime()))
		},
		"a cut":   func(path string) error { return os.Truncate(path, 1000) },
		"empty":   func(path string) error { return os.Truncate(path, 0) },
		"more":    func(path string) error { return os.WriteFile(path, append(bytes.Clone(content), 'x'), 0o600) },
		"a hole":  func(path string) error { return os.WriteFile(path, make([]byte, len(content)), 0o600) },
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			b, err := blob.Open(t.Context(), root, &blob.Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close() //nolint:errcheck // nothing is left to be lost
			sha, path := keep(t, b, root, content)
			if got, err := readAll(t, b, sha); err != nil || !bytes.Equal(got, content) {
				t.Fatalf("before: %d bytes, %v", len(got), err)
			}
			if err := harm(path); err != nil {
				t.Fatal(err)
			}
			if got, err := readAll(t, b, sha); steward.CodeOf(err) != steward.NotFound || len(got) > 0 || name != "removed" && !errors.Is(err, blob.ErrDamaged) {
				t.Errorf("got %d bytes and %v, want none and NotFound", len(got), err)
			}
			if ok, err := b.Sound(t.Context(), sha); ok || err != nil {
				t.Errorf("Sound: %v, %v", ok, err)
			}
			keep(t, b, root, content)
			if got, err := readAll(t, b, sha); err != nil || !bytes.Equal(got, content) {
				t.Errorf("after the same bytes came again: %d bytes, %v", len(got), err)
			}
			if ok, err := b.Sound(t.Context(), sha); !ok || err != nil {
				t.Errorf("Sound: %v, %v", ok, err)
			}
		})
	}
}

func TestACheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b, err := blob.Open(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	sha, _ := keep(t, b, root, []byte("content"))
	ctx, end := context.WithCancel(t.Context())
	end()
	if _, err := b.Open(ctx, sha); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOfRemoteContentTheEndIsHeldBackUntilAllIsChecked(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b, err := blob.Open(t.Context(), "mem://", &blob.Options{TempDir: root})
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	sha, _ := keep(t, b, root, content)
	if got, err := readAll(t, b, sha); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	r, err := b.Open(t.Context(), sha)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // it was only read
	// As net/http does for a whole download and for a part.
	if n, err := r.Seek(0, io.SeekEnd); err != nil || n != int64(len(content)) {
		t.Fatalf("Seek: %d, %v", n, err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	if _, err := io.CopyN(&whole, r, int64(len(content))); err != nil || !bytes.Equal(whole.Bytes(), content) {
		t.Errorf("%d bytes, %v", whole.Len(), err)
	}
	if _, err := r.Seek(1000, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 100)
	if _, err := io.ReadFull(r, part); err != nil || !bytes.Equal(part, content[1000:1100]) {
		t.Errorf("a part: %v", err)
	}
}

func TestAReadOnlyFolderRefusesAndPasses(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	guard := disk.NewGuard(disk.Options{Logger: slog.New(slog.DiscardHandler)})
	b, err := blob.Open(t.Context(), root, &blob.Options{Guard: guard})
	if err != nil {
		t.Fatal(err)
	}
	// The folder of temporary files is gone, as a folder that may not be used.
	if err := os.RemoveAll(filepath.Join(root, "tmp")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Stage(t.Context(), strings.NewReader("x"), 0); err == nil || guard.Fault() != nil {
		t.Errorf("got %v and fault %v, want an error that passes", err, guard.Fault())
	}
	if err := os.Mkdir(filepath.Join(root, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	keep(t, b, root, []byte("x"))
}

func TestAfterAFaultNothingIsStored(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	guard := disk.NewGuard(disk.Options{Logger: slog.New(slog.DiscardHandler)})
	b, err := blob.Open(t.Context(), root, &blob.Options{Guard: guard})
	if err != nil {
		t.Fatal(err)
	}
	sha, _ := keep(t, b, root, []byte("before"))
	s, err := b.Stage(t.Context(), strings.NewReader("under way"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	guard.Fail(disk.Broken, "commit", syscall.EIO)
	_, err = b.Stage(t.Context(), strings.NewReader("later"), 0)
	for what, err := range map[string]error{"Stage": err, "Commit": s.Commit(t.Context()), "Delete": b.Delete(t.Context(), sha)} {
		if steward.CodeOf(err) != steward.Unavailable || !errors.Is(err, disk.ErrFailed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got, err := readAll(t, b, sha); err != nil || string(got) != "before" {
		t.Errorf("what is there: %q, %v", got, err)
	}
}

package blob_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/blob"
)

// stored puts a text into a bucket and returns its hash.
func stored(t *testing.T, b *blob.Bucket, text string) string {
	t.Helper()
	s, err := b.Stage(t.Context(), strings.NewReader(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	if err := s.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.SHA256()
}

func TestWhatIsDeletedWhileTheFolderIsHeldCanStillBeRead(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "files")
	b, err := blob.Open(t.Context(), folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // a local folder has nothing to close
	first, second := stored(t, b, "first"), stored(t, b, "second")
	stock, err := blob.OpenStock(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	var releases []func() error
	for range 2 { // two hold it at once
		release, ok, err := stock.Hold()
		if err != nil || !ok {
			t.Fatalf("Hold: %v, %v", ok, err)
		}
		releases = append(releases, release)
	}
	if err := b.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if there, err := b.Exists(t.Context(), first); there || err != nil {
		t.Errorf("the server still has what it deleted: %v", err)
	}
	for range releases {
		r, err := stock.Open(t.Context(), first)
		if err != nil {
			t.Fatalf("a held blob: %v", err)
		}
		text, err := io.ReadAll(r)
		if err != nil || string(text) != "first" {
			t.Errorf("a held blob: %q, %v", text, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := releases[0](); err != nil {
			t.Fatal(err)
		}
		releases = releases[1:]
	}
	if _, err := stock.Open(t.Context(), first); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("after the last hold: %v", err)
	}
	if err := b.Delete(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(folder, "tmp", "held-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWhatAKilledHolderLeftIsRemovedAtTheNextStart(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "files")
	left := filepath.Join(folder, "tmp", "held-"+strings.Repeat("0", 64))
	if err := os.MkdirAll(filepath.Dir(left), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{left, filepath.Join(folder, "tmp", "hold")} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := blob.Open(t.Context(), folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // a local folder has nothing to close
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

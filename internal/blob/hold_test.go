package blob_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
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

// hold locks a folder as another process does, and returns what ends that without clearing anything up, as a kill does.
func hold(t *testing.T, folder string) (kill func()) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(folder, "tmp", "hold"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestDeletionsDoNotTakeEachOtherForHolders(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "files")
	b, err := blob.Open(t.Context(), folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()   //nolint:errcheck // a local folder has nothing to close
	hold(t, folder)() // somebody held it once
	var shas []string
	for i := range 200 {
		shas = append(shas, stored(t, b, fmt.Sprint("blob ", i)))
	}
	var others sync.WaitGroup
	done := make(chan struct{})
	for range 8 { // deletions of what is not there ask as well
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := b.Delete(t.Context(), strings.Repeat("0", 64)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, sha := range shas {
		if err := b.Delete(t.Context(), sha); err != nil {
			t.Error(err)
		}
	}
	close(done)
	others.Wait()
	if left, err := filepath.Glob(filepath.Join(folder, "tmp", "held-*")); err != nil || len(left) > 0 {
		t.Errorf("%d deleted blobs are left, %v", len(left), err)
	}
}

func TestWhatAKilledHolderLeftIsRemovedSoon(t *testing.T) {
	t.Parallel()
	for what, soon := range map[string]func(b *blob.Bucket, other string) error{
		"by the next deletion": func(b *blob.Bucket, other string) error { return b.Delete(t.Context(), other) },
		"when it is tidied":    func(b *blob.Bucket, _ string) error { return b.Tidy() },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "files")
			b, err := blob.Open(t.Context(), folder, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close() //nolint:errcheck // a local folder has nothing to close
			first, second := stored(t, b, "first"), stored(t, b, "second")
			left := func() int {
				names, err := filepath.Glob(filepath.Join(folder, "tmp", "held-*"))
				if err != nil {
					t.Fatal(err)
				}
				return len(names)
			}
			kill := hold(t, folder)
			if err := errors.Join(b.Delete(t.Context(), first), b.Tidy()); err != nil || left() != 1 {
				t.Errorf("while it is held: %d are left, %v", left(), err)
			}
			kill()
			if err := soon(b, second); err != nil || left() != 0 {
				t.Errorf("after the kill: %d are left, %v", left(), err)
			}
		})
	}
}

func TestAHolderThatIsRootLocksTheServersUserOutOfNothing(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "files")
	b, err := blob.Open(t.Context(), folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // a local folder has nothing to close
	server := os.Geteuid()
	if server == 0 { // nobody else can give files away
		server = 4711
		if err := os.Chown(filepath.Join(folder, "tmp"), server, server); err != nil {
			t.Fatal(err)
		}
	}
	stock, err := blob.OpenStock(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	release, ok, err := stock.Hold()
	if err != nil || !ok {
		t.Fatalf("Hold: %v, %v", ok, err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(filepath.Join(folder, "tmp", "hold"))
	if err != nil {
		t.Fatal(err)
	}
	if own, ok := st.Sys().(*syscall.Stat_t); !ok || int(own.Uid) != server {
		t.Errorf("the file that says so belongs to %d, want %d", own.Uid, server)
	}
}

package secret_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/secret"
)

const org = steward.OrganizationID("018f0000-0000-7000-8000-000000000001")

func open(t testing.TB, path string) *secret.Box {
	t.Helper()
	b, err := secret.Open(path)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return b
}

func seal(t testing.TB, b *secret.Box, row string, plaintext []byte) []byte {
	t.Helper()
	sealed, err := b.Seal(org, row, plaintext)
	if err != nil {
		t.Fatalf("seal: %v", err)
	}
	return sealed
}

func TestSealedSecrets(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key.json")
	b := open(t, path)
	t.Run("open for the same place, also after a restart", func(t *testing.T) {
		t.Parallel()
		for _, plaintext := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("long "), 10000)} {
			sealed := seal(t, b, "row", plaintext)
			if len(sealed) != len(plaintext)+secret.Overhead || len(plaintext) > 1 && bytes.Contains(sealed, plaintext[:20]) {
				t.Errorf("%d bytes became %d", len(plaintext), len(sealed))
			}
			for _, box := range []*secret.Box{b, open(t, path)} {
				if got, err := box.Open(org, "row", sealed); err != nil || !bytes.Equal(got, plaintext) {
					t.Errorf("got %d bytes, %v, want %d", len(got), err, len(plaintext))
				}
			}
		}
	})
	t.Run("differ each time", func(t *testing.T) {
		t.Parallel()
		if bytes.Equal(seal(t, b, "row", []byte("same")), seal(t, b, "row", []byte("same"))) {
			t.Error("two seals are equal")
		}
	})
	t.Run("open for no other place", func(t *testing.T) {
		t.Parallel()
		sealed := seal(t, b, "row", []byte("x"))
		other := open(t, filepath.Join(t.TempDir(), "other.json"))
		_, otherKey := other.Open(org, "row", sealed)
		_, otherRow := b.Open(org, "row2", sealed)
		_, otherOrg := b.Open(org+"r", "ow", sealed)
		for name, err := range map[string]error{"key": otherKey, "row": otherRow, "organization": otherOrg} {
			if steward.CodeOf(err) != steward.Internal || err.Error() != otherRow.Error() {
				t.Errorf("other %s: got %v", name, err)
			}
		}
	})
	t.Run("do not open when one bit is changed or a byte is missing", func(t *testing.T) {
		t.Parallel()
		sealed := seal(t, b, "row", []byte("secret"))
		for i := range sealed {
			damaged := bytes.Clone(sealed)
			damaged[i] ^= 1
			if _, err := b.Open(org, "row", damaged); err == nil {
				t.Errorf("opened with byte %d changed", i)
			}
			if _, err := b.Open(org, "row", sealed[:i]); err == nil {
				t.Errorf("opened with %d bytes", i)
			}
		}
	})
}

func TestRotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key.json")
	b := open(t, path)
	before := seal(t, b, "row", []byte("old"))
	if b.Stale(before) {
		t.Error("stale before the rotation")
	}
	if err := b.Rotate(); err != nil {
		t.Fatal(err)
	}
	after := seal(t, b, "row", []byte("new"))
	if !b.Stale(before) || b.Stale(after) || !b.Stale(nil) {
		t.Errorf("stale: before %v, after %v", b.Stale(before), b.Stale(after))
	}
	for _, box := range []*secret.Box{b, open(t, path)} {
		for want, sealed := range map[string][]byte{"old": before, "new": after} {
			if got, err := box.Open(org, "row", sealed); err != nil || string(got) != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := b.Rotate(); !errors.Is(err, fs.ErrNotExist) || b.Stale(after) {
		t.Errorf("rotation without a file: got %v, stale %v", err, b.Stale(after))
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	t.Run("is its owner's alone, and nothing stays beside it", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		path := filepath.Join(folder, "key.json")
		if err := open(t, path).Rotate(); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 1 {
			t.Fatalf("got %v, %v", entries, err)
		}
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("got %v, %v", st.Mode(), err)
		}
	})
	t.Run("is alone again after processes that were killed while they made it", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		path, old, fresh := filepath.Join(folder, "key.json"), filepath.Join(folder, ".key-1"), filepath.Join(folder, ".key-2")
		open(t, path)
		before := time.Now().Add(-time.Hour)
		if err := errors.Join(os.Link(path, filepath.Join(folder, ".key-3")), os.WriteFile(old, nil, 0o600), os.Chtimes(old, before, before), os.WriteFile(fresh, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		open(t, path)
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 2 || entries[0].Name() != ".key-2" { // it may be another's
			t.Errorf("got %v, %v", entries, err)
		}
	})
	t.Run("is refused when others can read it", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "key.json")
		open(t, path)
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := secret.Open(path); steward.CodeOf(err) != steward.Invalid || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("is the same for all that create it at once", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "key.json")
		boxes := make([]*secret.Box, 8)
		errs := make([]error, len(boxes))
		var wg sync.WaitGroup
		for i := range boxes {
			wg.Go(func() { boxes[i], errs[i] = secret.Open(path) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		sealed := seal(t, boxes[0], "row", []byte("shared"))
		for i, b := range boxes {
			if _, err := b.Open(org, "row", sealed); err != nil {
				t.Errorf("box %d: %v", i, err)
			}
		}
	})
	for name, content := range map[string]string{
		"empty": "", "not JSON": "TOPSECRET", "of another version": `{"version":2,"keys":[{"id":"AAAAAA==","key":"AAAA"}]}`, "without keys": `{"version":1,"keys":[]}`,
		"with a short key": `{"version":1,"keys":[{"id":"AAAAAA==","key":"VE9QU0VDUkVU"}]}`, "with a short id": `{"version":1,"keys":[{"id":"AA==","key":"TOPSECRET"}]}`,
	} {
		t.Run("is refused when it is "+name+", and stays as it is", func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "key.json")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := secret.Open(path)
			if steward.CodeOf(err) != steward.Invalid || strings.Contains(err.Error(), "TOPSECRET") {
				t.Errorf("got %v", err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != content {
				t.Errorf("the file is now %q, %v", got, err)
			}
		})
	}
	t.Run("needs its folder", func(t *testing.T) {
		t.Parallel()
		if _, err := secret.Open(filepath.Join(t.TempDir(), "none", "key.json")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
}

func TestBoxPrintsNothing(t *testing.T) {
	t.Parallel()
	b := open(t, filepath.Join(t.TempDir(), "key.json"))
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "box", b)
	for _, s := range []string{fmt.Sprintf("%v", b), fmt.Sprintf("%+v", b), fmt.Sprintf("%#v", b), fmt.Sprint(b)} {
		if s != "secret.Box" {
			t.Errorf("printed as %q", s)
		}
	}
	if !strings.Contains(out.String(), "box=secret.Box") {
		t.Errorf("logged as %q", out.String())
	}
}

func FuzzOpen(f *testing.F) {
	b := open(f, filepath.Join(f.TempDir(), "key.json"))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{1}, secret.Overhead))
	f.Add(seal(f, b, "another row", []byte("x")))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if _, err := b.Open(org, "row", sealed); steward.CodeOf(err) != steward.Internal {
			t.Fatalf("got %v", err)
		}
	})
}

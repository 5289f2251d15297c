package crashtest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stewardhq/steward/internal/crashtest/oracle"
)

// To open the files removes what nobody holds of them.
func TestTemporaryFilesAreFoundBeforeTheyAreRemoved(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	files, temp := filepath.Join(folder, "files"), filepath.Join(folder, "tmp")
	var want []string
	for _, path := range []string{filepath.Join(temp, "upload"), filepath.Join(files, "tmp", "other"), filepath.Join(files, "tmp", "staged-1")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		want = append(want, path)
	}
	g, err := openGround(t.Context(), "", folder, files, "", temp, filepath.Join(folder, "none"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := os.Stat(want[2]); err == nil {
		t.Error("a staged file was not removed: the test tests nothing")
	}
	w := &oracle.World{}
	if err := g.bytes(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.Strays, want) {
		t.Errorf("found %q, want %q", w.Strays, want)
	}
}

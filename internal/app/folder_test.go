package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/app"
)

// node returns the name of the installation in a data folder.
func node(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "node"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func TestAnInstallationKeepsItsName(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, other} {
		s, _ := start(t, d, nil)
		stop(t, s)
	}
	first := node(t, dir)
	s, _ := start(t, dir, nil)
	stop(t, s)
	if again := node(t, dir); again != first || first == "" {
		t.Errorf("the name was %q and is %q", first, again)
	}
	if node(t, other) == first {
		t.Error("two folders have one name: they would take each other's jobs for their own")
	}
}

// What a kill leaves of a file that was being written, or of a restore that was done.
func TestAStartClearsWhatAKillHasLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	restored := filepath.Join(dir, ".restored")
	for _, name := range []string{"node.tmp", "credentials.json.new.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(restored, "files"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, _ := start(t, dir, nil)
	stop(t, s)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".tmp") || e.Name() == ".restored" {
			t.Errorf("%s is still there", e.Name())
		}
	}
}

func TestTheDataFolderIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "folder")
	s, _ := start(t, dir, nil)
	defer stop(t, s)
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v, want 0700", info.Mode(), err)
	}
}

func TestTheFolderIsFreeAgainAfterAnEndOrAFailedStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := start(t, dir, nil)
	c := app.Defaults()
	c.Data, c.Listen = t.TempDir(), s.BaseURL()[len("http://"):] // taken
	if _, err := app.Open(t.Context(), c, app.Options{}); err == nil || !strings.Contains(err.Error(), "listen") {
		t.Errorf("a second server on the port: %v", err)
	}
	again, _ := start(t, c.Data, nil)
	stop(t, again)

	c.Data, c.Listen = dir, "127.0.0.1:0"
	if _, err := app.Open(t.Context(), c, app.Options{}); !errors.Is(err, app.ErrInUse) {
		t.Errorf("a second server on the folder: %v, want ErrInUse", err)
	}
	stop(t, s)
	s, _ = start(t, dir, nil)
	stop(t, s)
}

func TestAStartWaitsForALockThatIsGivenBackSoon(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close() //nolint:errcheck // nothing was written
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	const held = 200 * time.Millisecond
	began := time.Now()
	time.AfterFunc(held, func() {
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_UN); err != nil {
			t.Error(err)
		}
	})
	s, _ := start(t, dir, nil)
	if took := time.Since(began); took < held {
		t.Errorf("started after %s, while the folder was locked", took)
	}
	stop(t, s)
}

func TestAFolderThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := app.Defaults()
	c.Data, c.Listen = path, "127.0.0.1:0"
	if _, err := app.Open(t.Context(), c, app.Options{}); err == nil || !strings.Contains(err.Error(), "data folder") {
		t.Errorf("Open on a file: %v", err)
	}
}

package backup_test

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/backup"
)

// Not parallel: the environment is where the driver of the bucket looks for credentials.
func TestFilesInABucketAreBackedUpVerifiedAndRestored(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	memory := s3mem.New()
	if err := memory.CreateBucket("files"); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gofakes3.New(memory).Server())
	t.Cleanup(srv.Close)
	bucket := "s3://files?region=us-east-1&use_path_style=true&endpoint=" + srv.URL
	data := filepath.Join(t.TempDir(), "data")
	s, err := apptest.OpenWith(t.Context(), data, func(c *app.Config) { c.Files = bucket })
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(&client.Options{APIKey: s.APIKey, BaseURL: s.BaseURL()})
	if err != nil {
		t.Fatal(err)
	}
	var kept []*client.StoredFile
	for _, content := range []string{"one", strings.Repeat("two", 100_000)} {
		f, err := c.UploadFile(t.Context(), client.FileBytes("f.txt", []byte(content)), nil)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, f)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	source := backup.Source{Data: data, Files: bucket}
	target := filepath.Join(t.TempDir(), "b.tar.zst")
	made, err := backup.Create(t.Context(), backup.CreateParams{Source: source, Target: target, Program: "test"})
	if err != nil || made.Files.Count != 2 {
		t.Fatalf("%+v, %v", made, err)
	}
	wantFine(t, "the backup", verifyBackup(t, target))
	whole, err := backup.Verify(t.Context(), backup.VerifyParams{Source: source, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	wantFine(t, "the installation", whole)
	restored := filepath.Join(t.TempDir(), "restored")
	if _, err := backup.Restore(t.Context(), backup.RestoreParams{Path: target, Data: restored}); err != nil {
		t.Fatal(err)
	}
	wantFine(t, "the restored folder", verify(t, restored))

	sha := kept[0].SHA256
	name := sha[:2] + "/" + sha[2:4] + "/" + sha
	if _, err := memory.DeleteObject("files", name); err != nil { // with the sums of its own that it has in the bucket
		t.Fatal(err)
	}
	if _, err := memory.PutObject("files", name, map[string]string{}, bytes.NewReader([]byte("eno")), 3, nil); err != nil {
		t.Fatal(err)
	}
	broken, err := backup.Verify(t.Context(), backup.VerifyParams{Source: source, TempDir: t.TempDir()})
	if err != nil || broken.OK || !strings.Contains(findings(broken.Findings), sha) {
		t.Errorf("other bytes in the bucket: %+v, %v", broken, err)
	}
	if _, err := backup.Create(t.Context(), backup.CreateParams{Source: source, Target: filepath.Join(t.TempDir(), "b"), Program: "test"}); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("a backup of other bytes: %v", err)
	}
}

func TestABackupIsNotWrittenToAURL(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"s3://bucket/b.tar.zst", "file:///tmp/b", "gs://bucket"} {
		if _, err := create(t.Context(), t.TempDir(), target); !errors.Is(err, backup.ErrURL) {
			t.Errorf("%s: %v", target, err)
		}
	}
}

package clouds_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/blob"
	_ "github.com/stewardhq/steward/internal/blob/clouds"
)

// openS3 opens a bucket on an S3 server of this process. The environment is where the driver looks for credentials.
func openS3(t *testing.T) *blob.Bucket {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	backend := s3mem.New()
	if err := backend.CreateBucket("files"); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(srv.Close)
	scratch := t.TempDir()
	b, err := blob.Open(t.Context(), "s3://files?region=us-east-1&use_path_style=true&endpoint="+srv.URL, &blob.Options{TempDir: scratch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		entries, err := os.ReadDir(scratch + "/steward-blobs")
		if err != nil || len(entries) > 0 {
			t.Errorf("left in the scratch folder: %v, %v", entries, err)
		}
	})
	return b
}

func stage(t *testing.T, b *blob.Bucket, content []byte) *blob.Staged {
	t.Helper()
	s, err := b.Stage(t.Context(), bytes.NewReader(content), 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestS3(t *testing.T) {
	b := openS3(t)
	big := make([]byte, 12<<20) // three parts
	if _, err := rand.NewChaCha8([32]byte{}).Read(big); err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{{}, []byte("small"), big, []byte("small")} {
		s := stage(t, b, content)
		if err := s.Commit(t.Context()); err != nil {
			t.Fatalf("%d bytes: %v", len(content), err)
		}
		r, err := b.Open(t.Context(), s.SHA256())
		if err != nil {
			t.Fatalf("%d bytes: %v", len(content), err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: got %d back, %v", len(content), len(got), err)
		}
		half := int64(len(content) / 2)
		if _, err := r.Seek(half, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got, err = io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, content[half:]) {
			t.Errorf("%d bytes: got %d back from the middle, %v", len(content), len(got), err)
		}
	}
	s := stage(t, b, []byte("small"))
	s.Discard()
	for range 2 {
		if err := b.Delete(t.Context(), s.SHA256()); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if _, err := b.Open(t.Context(), s.SHA256()); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("open after delete: %v", err)
	}
	if ok, err := b.Exists(t.Context(), s.SHA256()); ok || err != nil {
		t.Errorf("exists after delete: %v, %v", ok, err)
	}
}

func TestS3GivesUpACancelledUpload(t *testing.T) {
	b := openS3(t)
	s := stage(t, b, []byte("never"))
	defer s.Discard()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Commit(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if ok, err := b.Exists(t.Context(), s.SHA256()); ok || err != nil {
		t.Errorf("exists: %v, %v", ok, err)
	}
}

func TestUnreachableBucketIsUnavailable(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	srv := httptest.NewServer(nil)
	srv.Close()
	b, err := blob.Open(t.Context(), "s3://files?region=us-east-1&use_path_style=true&endpoint="+srv.URL, &blob.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s := stage(t, b, []byte("x"))
	defer s.Discard()
	if err := s.Commit(t.Context()); steward.CodeOf(err) != steward.Unavailable {
		t.Errorf("commit: got %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestAllSchemesOpen shows that each driver is registered; nothing is asked of any cloud.
func TestAllSchemesOpen(t *testing.T) {
	t.Setenv("AZURE_STORAGE_ACCOUNT", "account")
	t.Setenv("AZURE_STORAGE_KEY", "a2V5")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	for _, url := range []string{"mem://", "s3://files?region=us-east-1", "azblob://files", "gs://files?access_id=-&anonymous=true"} {
		b, err := blob.Open(t.Context(), url, &blob.Options{TempDir: t.TempDir()})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if err := b.Close(); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

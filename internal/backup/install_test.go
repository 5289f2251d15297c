package backup_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/backup"
	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/store"
)

// create backs up a data folder.
func create(ctx context.Context, data, target string) (*backup.Created, error) {
	return backup.Create(ctx, backup.CreateParams{Source: backup.Source{Data: data}, Target: target, Program: "test"})
}

// mustCreate is create that has to succeed.
func mustCreate(t *testing.T, data, target string) *backup.Created {
	t.Helper()
	m, err := create(t.Context(), data, target)
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	return m
}

// verify checks a data folder.
func verify(t *testing.T, data string) *backup.Report {
	t.Helper()
	r, err := backup.Verify(t.Context(), backup.VerifyParams{Source: backup.Source{Data: data}, TempDir: t.TempDir()})
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return r
}

// verifyBackup checks a backup.
func verifyBackup(t *testing.T, path string) *backup.Report {
	t.Helper()
	r, err := backup.VerifyBackup(t.Context(), backup.VerifyBackupParams{Path: path, TempDir: t.TempDir()})
	if err != nil {
		t.Fatalf("VerifyBackup: %v", err)
	}
	return r
}

// wantFine fails for a report with findings.
func wantFine(t *testing.T, what string, r *backup.Report) {
	t.Helper()
	if !r.OK || len(r.Findings) > 0 {
		t.Errorf("%s: %s", what, findings(r.Findings))
	}
}

func findings(list []store.Finding) string {
	var b strings.Builder
	for _, f := range list {
		b.WriteString(f.Check + ": " + f.Message + "\n")
	}
	return b.String()
}

// execute changes a database behind the back of the program.
func execute(t *testing.T, data string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(data, "steward.db")+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// value reads one value of a database.
func value[T any](t *testing.T, data, query string, args ...any) (v T) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(data, "steward.db")+"?_busy_timeout=5000&mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return v
}

// blobFile returns where a data folder keeps a blob.
func blobFile(data, sha string) string {
	return filepath.Join(data, "files", filepath.FromSlash(blob.Path(sha)))
}

// flip changes one bit of a file.
func flip(t *testing.T, path string, at int64) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += int64(len(text))
	}
	text[at] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// copyFolder copies a folder of files.
func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

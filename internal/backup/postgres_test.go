package backup_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/backup"
	"github.com/stewardhq/steward/internal/store/pgtest"
)

// TestFilesOfAPostgresInstallation: they are copied and checked, and what is not in the backup is said.
func TestFilesOfAPostgresInstallation(t *testing.T) {
	t.Parallel()
	url, folder := pgtest.Database(t), filepath.Join(t.TempDir(), "data")
	s, err := apptest.OpenWith(t.Context(), folder, func(c *app.Config) { c.Database = url })
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLoad(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 8 {
		if err := l.once(t.Context(), n*20+3); err != nil { // which deletes nothing
			t.Fatal(err)
		}
	}
	for id := range l.jobs {
		if _, err := l.Wait(t.Context(), id, nil); err != nil {
			t.Fatal(err)
		}
	}
	src, to := backup.Source{Data: folder, Database: url}, filepath.Join(t.TempDir(), "b")
	m, err := backup.Create(t.Context(), backup.CreateParams{Source: src, Target: to})
	if err != nil || m.Database.Included || m.Database.Kind != "postgres" || m.Files.Count < 8 || len(m.Settings) > 0 || m.Counts.Jobs != 8 {
		t.Fatalf("Create: %+v, %v", m, err)
	}
	wantFine(t, "the backup", verifyBackup(t, to))
	check := func() *backup.Report {
		t.Helper()
		r, err := backup.Verify(t.Context(), backup.VerifyParams{Source: src})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	wantFine(t, "the installation", check())
	for _, f := range l.files {
		if err := os.Remove(blobFile(folder, hexSum(f))); err != nil {
			t.Fatal(err)
		}
		break
	}
	if r := check(); r.OK || len(r.Findings) != 1 || r.Findings[0].Check != "files" {
		t.Errorf("a missing file: %s", findings(r.Findings))
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

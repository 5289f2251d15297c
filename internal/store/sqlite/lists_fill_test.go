package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

func TestTheLogStaysShortWhileListsAreMadeAnew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "steward.db")
	refill := func(thousands int) int64 {
		t.Helper()
		s, err := sqlite.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range thousands {
			list := make([]store.NewJob, 1000)
			for i := range list {
				list[i] = benchJob(benchOrg, benchAgent)
			}
			if _, err := s.Submit(t.Context(), list); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite3", path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.ExecContext(t.Context(), "DELETE FROM job_codes; DELETE FROM job_bits; DELETE FROM job_texts; DELETE FROM job_chunks; INSERT INTO job_lists_missing (next, last) SELECT 1, max(seq) FROM jobs")
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if s, err = sqlite.Open(t.Context(), path, nil); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(path + "-wal")
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
		return st.Size()
	}
	once, often := refill(1), refill(5)
	if often > 3*once {
		t.Errorf("the log has %d bytes after six times a thousand jobs and %d after one, want about as many", often, once)
	}
}

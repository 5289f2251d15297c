package e2e

import (
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers pgx
	_ "github.com/mattn/go-sqlite3"    // registers sqlite3

	"github.com/stewardhq/steward/internal/store/pgtest"
)

// rows counts the rows of a table, past the program.
func (s *server) rows(table string) int {
	s.t.Helper()
	driver, source := "sqlite3", "file:"+filepath.Join(s.dir, "steward.db")+"?mode=ro&_busy_timeout=5000"
	if s.opts.database != "" {
		driver, source = "pgx", s.opts.database
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // only read
	var n int
	if err := db.QueryRowContext(s.t.Context(), "select count(*) from "+table).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// stored lists the files in the blob folder: those that are there to stay, and those that are being received.
func (s *server) stored() (blobs, staged []string) {
	s.t.Helper()
	root := filepath.Join(s.dir, "files")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // it vanished under the walk
			return nil
		case err != nil || d.IsDir():
			return err
		case filepath.Dir(path) == filepath.Join(root, "tmp"):
			staged = append(staged, d.Name())
		default:
			blobs = append(blobs, d.Name())
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return blobs, staged
}

// receiving reports whether the beginning of an upload is on disk.
func (s *server) receiving() bool {
	_, staged := s.stored()
	return len(staged) > 0
}

// untilNothing waits until no trace of an upload is left, in the folder and in the database.
func (s *server) untilNothing() {
	s.t.Helper()
	until(s.t, "nothing of the upload is left", func() bool {
		blobs, staged := s.stored()
		return len(blobs)+len(staged) == 0 && s.rows("files") == 0 && s.rows("blobs") == 0
	})
	if n := s.rows("jobs"); n != 0 {
		s.t.Errorf("%d jobs", n)
	}
}

// databases runs a test on both databases.
func databases(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, "")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.Database(t))
	})
}

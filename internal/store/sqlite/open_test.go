package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // the plain driver, to do what other programs might do to the file

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// newPath returns a path for a database in a folder of the test's own, with letters in it that URLs treat specially.
func newPath(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "données 100% #1?x=y&mode=memory")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatalf("Mkdir: %v", err)
	}
	return filepath.Join(dir, "steward.db")
}

// raw opens the file as any program could.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	link := filepath.Join(t.TempDir(), "link") // the driver's names have no room for the letters of newPath
	if err := os.Symlink(filepath.Dir(path), link); err != nil {
		t.Fatalf("Symlink: %v", err)
	}
	db, err := sql.Open("sqlite3", filepath.Join(link, filepath.Base(path)))
	if err != nil {
		t.Fatalf("sql.Open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// execute runs statements on a raw database.
func execute(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// made creates a database and closes it again.
func made(t *testing.T) string {
	t.Helper()
	path := newPath(t)
	s, err := sqlite.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return path
}

// refused expects Open to fail with a cause and returns the text of the error.
func refused(t *testing.T, path string, cause error) string {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, nil)
	if err == nil {
		t.Fatal("Open worked", s.Close())
	}
	if !errors.Is(err, cause) {
		t.Errorf("got error %v, want %v", err, cause)
	}
	return err.Error()
}

func TestOpenKeepsFilesPrivate(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	if _, err := open(t, path).Submit(t.Context(), []store.NewJob{benchJob(benchOrg, benchAgent)}); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files: got %v (%v), want the database and its log", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatalf("Stat: %v", err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s: got mode %o, want 600", filepath.Base(f), got)
		}
	}
}

func TestOpenKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, err := sqlite.Open(t.Context(), path, &sqlite.Options{Readers: 1})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	job := benchJob(benchOrg, benchAgent)
	if _, err := s.Submit(t.Context(), []store.NewJob{job}); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	got, err := open(t, path).Job(t.Context(), benchOrg, job.ID)
	if err != nil || got.Inputs[0].Value != job.Inputs[0].Value {
		t.Errorf("job after reopening: got %+v (%v)", got, err)
	}
}

func TestOpenRefusesNewerDatabase(t *testing.T) {
	t.Parallel()
	path := made(t)
	db := raw(t, path)
	execute(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	text := refused(t, path, sqlite.ErrNewer)
	for _, word := range []string{"newer version", "9999", "upgrade"} {
		if !strings.Contains(text, word) {
			t.Errorf("error %q does not say %q", text, word)
		}
	}
	execute(t, db, "DELETE FROM goose_db_version WHERE version_id = 9999")
	open(t, path)
}

func TestOpenRefusesForeignFiles(t *testing.T) {
	t.Parallel()
	text := newPath(t)
	content := strings.Repeat("This is a letter, not a database. ", 100)
	if err := os.WriteFile(text, []byte(content), 0o600); err != nil {
		t.Fatalf("WriteFile: %v", err)
	}
	refused(t, text, sqlite.ErrForeign)
	if got, err := os.ReadFile(text); err != nil || string(got) != content {
		t.Errorf("the foreign file was changed (%v)", err)
	}

	other := newPath(t)
	db := raw(t, other)
	execute(t, db, "CREATE TABLE recipes (name TEXT)")
	refused(t, other, sqlite.ErrForeign)
	var tables int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil || tables != 1 {
		t.Errorf("tables of the foreign database: got %d (%v), want 1", tables, err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	if _, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "missing", "steward.db"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: got error %v, want os.ErrNotExist", err)
	}
	for _, o := range []sqlite.Options{{Readers: -1}, {Readers: 65}, {BusyTimeout: -1}, {BusyTimeout: 2 * time.Hour}} {
		if _, err := sqlite.Open(t.Context(), newPath(t), &o); steward.CodeOf(err) != steward.Invalid {
			t.Errorf("%+v: got error %v, want Invalid", o, err)
		}
	}
}

func TestOpenGoesOnAfterAnInterruptedStart(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	db := raw(t, path)
	execute(t, db, "PRAGMA application_id = 1400141668") // the mark of Steward, and nothing else yet
	if _, err := open(t, path).Submit(t.Context(), []store.NewJob{benchJob(benchOrg, benchAgent)}); err != nil {
		t.Errorf("Submit: %v", err)
	}
}

//nolint:gochecknoglobals // flags of tests must be declared before they are parsed
var update = flag.Bool("update", false, "write the dump of the newest migration's schema to testdata")

// schema returns the statements that make what is in a database, the migrations' own book included, in order of creation.
func schema(t *testing.T, path string) []string {
	t.Helper()
	rows, err := raw(t, path).QueryContext(t.Context(), "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid")
	if err != nil {
		t.Fatalf("read schema: %v", err)
	}
	defer func() {
		if err := rows.Close(); err != nil {
			t.Errorf("close rows: %v", err)
		}
	}()
	var all []string
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			t.Fatalf("scan: %v", err)
		}
		all = append(all, statement+";\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("rows: %v", err)
	}
	return all
}

// dump returns a script that makes an empty database as the first n migrations leave it.
func dump(t *testing.T, path string, n int) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "-- The schema as migration %d left it.\nPRAGMA application_id = 1400141668;\n", n)
	b.WriteString(strings.Join(schema(t, path), ""))
	for v := range n + 1 {
		fmt.Fprintf(&b, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 1);\n", v)
	}
	return b.String()
}

// TestUpgradedSchemaEqualsFresh starts from the database of every released version. testdata holds a dump for each newest migration
// of a release: the schema as it left it. Write the dump of a new one with -update.
func TestUpgradedSchemaEqualsFresh(t *testing.T) {
	t.Parallel()
	migrations, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(migrations) == 0 {
		t.Fatalf("migrations: got %v (%v)", migrations, err)
	}
	path := made(t)
	fresh := slices.Sorted(slices.Values(schema(t, path)))
	if *update {
		name := fmt.Sprintf("testdata/schema_%04d.sql", len(migrations))
		if err := os.WriteFile(name, []byte(dump(t, path, len(migrations))), 0o600); err != nil {
			t.Fatalf("WriteFile: %v", err)
		}
	}
	dumps, err := filepath.Glob("testdata/schema_*.sql")
	newest := fmt.Sprintf("testdata/schema_%04d.sql", len(migrations))
	if err != nil || !slices.Contains(dumps, "testdata/schema_0001.sql") || !slices.Contains(dumps, newest) {
		t.Fatalf("dumps: got %v (%v), want those of the first release and %s; write it with: go test ./internal/store/sqlite -run Schema -update", dumps, err, newest)
	}
	for _, name := range dumps {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatalf("ReadFile: %v", err)
		}
		path := newPath(t)
		execute(t, raw(t, path), string(content))
		s := open(t, path)
		if got := slices.Sorted(slices.Values(schema(t, path))); !slices.Equal(got, fresh) {
			t.Errorf("schema upgraded from %s:\n%s\nwant\n%s", name, got, fresh)
		}
		if _, err := s.Submit(t.Context(), []store.NewJob{benchJob(benchOrg, benchAgent)}); err != nil {
			t.Errorf("Submit after the upgrade from %s: %v", name, err)
		}
	}
}

func TestWritesWaitForOtherProcesses(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, err := sqlite.Open(t.Context(), path, &sqlite.Options{BusyTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	other, err := raw(t, path).Conn(t.Context())
	if err != nil {
		t.Fatalf("Conn: %v", err)
	}
	defer func() {
		if err := other.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatalf("BEGIN: %v", err)
	}
	job := benchJob(benchOrg, benchAgent)
	if _, err := s.Submit(t.Context(), []store.NewJob{job}); steward.CodeOf(err) != steward.Unavailable {
		t.Errorf("Submit while another process writes: got error %v, want Unavailable", err)
	}
	if _, err := s.Job(t.Context(), benchOrg, job.ID); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("a read meanwhile: got error %v, want NotFound", err)
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatalf("ROLLBACK: %v", err)
	}
	if _, err := s.Submit(t.Context(), []store.NewJob{job}); err != nil {
		t.Errorf("Submit afterwards: %v", err)
	}
}

// BenchmarkOpen measures the opening of an existing database, which is part of every start.
func BenchmarkOpen(b *testing.B) {
	path := newPath(b)
	open(b, path)
	for b.Loop() {
		s, err := sqlite.Open(context.Background(), path, nil)
		if err != nil {
			b.Fatalf("Open: %v", err)
		}
		if err := s.Close(); err != nil {
			b.Fatalf("Close: %v", err)
		}
	}
}

func TestOpenByManyAtOnce(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	const callers = 6
	errs := make(chan error, callers)
	for range callers {
		go func() {
			s, err := sqlite.Open(context.Background(), path, nil)
			if err == nil {
				_, err = s.Submit(context.Background(), []store.NewJob{benchJob(benchOrg, benchAgent)})
				err = errors.Join(err, s.Close())
			}
			errs <- err
		}()
	}
	for range callers {
		if err := <-errs; err != nil {
			t.Errorf("Open and Submit beside others: %v", err)
		}
	}
	_, count, err := open(t, path).ListJobs(t.Context(), benchOrg, store.JobQuery{})
	if err != nil || count != callers {
		t.Errorf("jobs: got %d (%v), want %d", count, err, callers)
	}
}

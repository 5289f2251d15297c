package upgrade_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/mattn/go-sqlite3" // the driver sqlite3

	"github.com/stewardhq/steward/internal/crashtest/upgrade"
	"github.com/stewardhq/steward/internal/store/pgtest"
)

// newer marks a database as one of a later version.
const newer = `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`

// latest is the newest fixture of a database.
func latest(t *testing.T, database string) string {
	t.Helper()
	found, schema := "", int64(0)
	for _, f := range fixtures(t) {
		m, err := upgrade.ReadManifest(f)
		if err != nil {
			t.Fatal(err)
		}
		if m.Database == database && m.Schema > schema {
			found, schema = f, m.Schema
		}
	}
	return found
}

// newerFolder is a data folder that a later version has been killed on, its last words still in the write-ahead log.
func newerFolder(t *testing.T) string {
	t.Helper()
	ctx, folder, open := t.Context(), filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "open")
	if err := upgrade.Restore(ctx, latest(t, "sqlite"), open, ""); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(open, "steward.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // what was written is on disk by then
	if _, err := db.ExecContext(ctx, newer); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(folder, os.DirFS(open)); err != nil { // before it is closed, which would tidy it up
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(folder, "steward.db-wal")); err != nil || info.Size() == 0 {
		t.Fatalf("there is no write-ahead log: %v", err)
	}
	return folder
}

// filesIn hashes the files of a folder, those apart that a program locks or shares memory by.
func filesIn(t *testing.T, folder string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock" || strings.HasSuffix(path, "-shm") {
			return err
		}
		text, err := os.ReadFile(path)
		sum := sha256.Sum256(text)
		sums[strings.TrimPrefix(path, folder)] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// refuses runs the program, which has to end with an error that says something.
func refuses(t *testing.T, says string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), upgrade.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	text, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); !exited || ctx.Err() != nil || !bytes.Contains(text, []byte(says)) { //nolint:errorlint // it is not wrapped
		t.Errorf("%s: %v\n%s\nwant %q", args[0], err, text, says)
	}
}

const advice = "upgrade the program, or restore a backup made before the upgrade"

func TestAFolderOfALaterVersionIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	folder := newerFolder(t)
	before := filesIn(t, folder)
	refuses(t, advice, "serve", "--data", folder, "--listen", "127.0.0.1:0")
	refuses(t, advice, "backup", "--data", folder, filepath.Join(t.TempDir(), "copy"))
	refuses(t, advice, "verify", "--data", folder)
	unchanged(t, folder, before)
}

// unchanged wants a folder's files to be what they were.
func unchanged(t *testing.T, folder string, before map[string]string) {
	t.Helper()
	after := filesIn(t, folder)
	for name, sum := range before {
		if after[name] != sum {
			t.Errorf("%s has changed, or is gone", name)
		}
		delete(after, name)
	}
	for name := range after {
		t.Errorf("%s is new", name)
	}
}

func TestAPostgreSQLDatabaseOfALaterVersionIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	ctx, database, folder := t.Context(), pgtest.Empty(t), filepath.Join(t.TempDir(), "data")
	if err := upgrade.Restore(ctx, latest(t, "postgres"), folder, database); err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }() // it was only looked at
	if _, err := c.Exec(ctx, newer); err != nil {
		t.Fatal(err)
	}
	rows, before := rowsIn(t, c), filesIn(t, folder)
	refuses(t, advice, "serve", "--data", folder, "--listen", "127.0.0.1:0", "--database", database)
	if after := rowsIn(t, c); after != rows {
		t.Error("rows have changed")
	}
	unchanged(t, folder, before)
}

// rowsIn sums up all rows of all tables.
func rowsIn(t *testing.T, c *pgx.Conn) (sum string) {
	t.Helper()
	err := c.QueryRow(t.Context(), `select md5(string_agg(md5(query_to_xml(format('select * from %I order by 1', tablename), true, false, '')::text), ',' order by tablename))
		from pg_tables where schemaname = 'public'`).Scan(&sum)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestABackupOfALaterVersionIsRefused(t *testing.T) {
	t.Parallel()
	data, copied := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "copy")
	if err := upgrade.Restore(t.Context(), latest(t, "sqlite"), data, ""); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "backup", "--data", data, copied)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("backup: %v\n%s", err, text)
	}
	header := filepath.Join(copied, "steward-backup.json")
	text, err := os.ReadFile(header)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	fields["format_version"] = 99
	if text, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(header, text, 0o600); err != nil {
		t.Fatal(err)
	}
	before, target := filesIn(t, copied), filepath.Join(t.TempDir(), "restored")
	refuses(t, "newer", "restore", copied, "--data", target)
	refuses(t, "newer", "verify", copied)
	unchanged(t, copied, before)
	if left, err := os.ReadDir(target); err == nil && len(left) > 0 {
		t.Errorf("something was restored: %v", left)
	}
}

package app_test

import (
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/app/apptest"
)

// examined returns what Examine says, by name; the worst of several.
func examined(t *testing.T, data string, now time.Time, change func(*app.Config)) map[string]app.Examined {
	t.Helper()
	c := app.Defaults()
	c.Data, c.Listen, c.OCR = data, "127.0.0.1:0", app.OCROff
	if change != nil {
		change(&c)
	}
	by := map[string]app.Examined{}
	for _, e := range app.Examine(t.Context(), c, app.ExamineParams{Getenv: func(string) string { return "" }, Now: func() time.Time { return now }}) {
		if old, ok := by[e.Name]; !ok || old.Verdict == app.Fine {
			by[e.Name] = e
		}
		if (e.Verdict != app.Fine) == (e.Advice == "") {
			t.Errorf("%s: verdict %s with advice %q", e.Name, e.Verdict, e.Advice)
		}
	}
	return by
}

func want(t *testing.T, got app.Examined, v app.Verdict, text string) {
	t.Helper()
	if got.Verdict != v || !strings.Contains(got.Message, text) {
		t.Errorf("%+v, want %s with %q", got, v, text)
	}
}

func TestTheDoctorSeesAServerAndWhatIsWrong(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s, err := apptest.Open(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	want(t, examined(t, data, time.Now(), nil)["server"], app.Fine, "answers at")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for name, e := range examined(t, data, time.Now(), nil) {
		if e.Verdict == app.Problem {
			t.Errorf("%s: %+v", name, e)
		}
	}
	want(t, examined(t, data, time.Now(), nil)["server"], app.Fine, "No server runs")
	want(t, examined(t, data, time.Unix(0, 0), nil)["clock"], app.Problem, "believes that it is 1970")

	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nobody spoke to it
	want(t, examined(t, data, time.Now(), func(c *app.Config) { c.Listen = l.Addr().String() })["address"], app.Problem, "Another program listens")
	want(t, examined(t, data, time.Now(), func(c *app.Config) {
		c.Models.Providers = map[string]app.ProviderConfig{"openai": {Kind: "openai", APIKeyEnv: "NO_SUCH_KEY"}}
	})["models"], app.Problem, "NO_SUCH_KEY is not set")
	want(t, examined(t, data, time.Now(), func(c *app.Config) {
		c.Models.Providers = map[string]app.ProviderConfig{"openai": {Kind: "openai"}}
	})["models"], app.Warning, "No key is set for openai")
	want(t, examined(t, data, time.Now(), func(c *app.Config) { c.OCR, c.OCRPath = app.OCRAuto, "/no/such/tesseract" })["pictures"], app.Problem, "Tesseract")
	want(t, examined(t, data, time.Now(), func(c *app.Config) { c.Database = "postgres://u:hush@127.0.0.1:1/none" })["database"], app.Problem, "cannot be reached")

	for path, mode := range map[string]os.FileMode{"": 0o755, app.CredentialsFile: 0o644, "secret.key": 0o644} {
		if err := os.Chmod(filepath.Join(data, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	open := examined(t, data, time.Now(), nil)
	want(t, open["data folder"], app.Warning, "Others may look")
	want(t, open["credentials"], app.Warning, "Others may read")
	want(t, open["secret key"], app.Problem, "cannot be used")

	db, err := sql.Open("sqlite3", filepath.Join(data, "steward.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, examined(t, data, time.Now(), nil)["database"], app.Problem, "newer version")
	if err := os.Mkdir(filepath.Join(data, ".restoring"), 0o700); err != nil {
		t.Fatal(err)
	}
	want(t, examined(t, data, time.Now(), nil)["data folder"], app.Problem, "being restored")
	if _, err := apptest.Open(t.Context(), data); err == nil || !strings.Contains(err.Error(), "being restored") {
		t.Errorf("a start on an unfinished restore: %v", err)
	}
}

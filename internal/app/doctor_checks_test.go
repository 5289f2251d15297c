package app_test

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/app/apptest"
)

func TestTheDoctorOfAFolderThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	got := examined(t, filepath.Join(t.TempDir(), "new"), time.Now(), nil)
	for name, text := range map[string]string{
		"data folder": "is not there yet", "server": "No server runs", "database": "no database yet", "files": "no files yet", "credentials": "first start makes a key",
		"secret key": "no key yet", "models": "No provider is configured", "pictures": "not to be read", "address": "from this machine only",
	} {
		want(t, got[name], app.Fine, text)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, examined(t, file, time.Now(), nil)["data folder"], app.Problem, "is not a folder")
}

func TestTheDoctorLooksWhoCanReachTheAddress(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for _, c := range []struct {
		listen, public string
		verdict        app.Verdict
		says           string
	}{
		{"localhost:0", "", app.Fine, "from this machine only"},
		{"0.0.0.0:0", "", app.Warning, "no public_url"},
		{"0.0.0.0:0", "http://steward.example", app.Warning, "without encryption"},
		{"0.0.0.0:0", "https://steward.example", app.Fine, "clients use https://steward.example"},
		{"nowhere", "", app.Problem, "not host:port"},
		{"192.0.2.1:9", "", app.Problem, "not possible to listen"},
	} {
		got := examined(t, data, time.Now(), func(conf *app.Config) { conf.Listen, conf.PublicURL = c.listen, c.public })
		want(t, got["address"], c.verdict, c.says)
	}
}

func TestTheDoctorLooksAtTheSecretKeyAndTheCredentials(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s, err := apptest.Open(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for value, verdict := range map[string]app.Verdict{"short": app.Problem, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=": app.Fine} {
		c := app.Defaults()
		c.Data, c.Listen, c.OCR = data, "127.0.0.1:0", app.OCROff
		env := func(name string) string { return map[string]string{"STEWARD_SECRET_KEY": value}[name] }
		for _, e := range app.Examine(t.Context(), c, app.ExamineParams{Getenv: env, Now: time.Now}) {
			if e.Name == "secret key" && (e.Verdict != verdict || !strings.Contains(e.Message, "STEWARD_SECRET_KEY") || strings.Contains(e.Message+e.Advice, value)) {
				t.Errorf("key %q: %+v", value, e)
			}
		}
	}
	change := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	change(app.CredentialsFile, "no JSON")
	want(t, examined(t, data, time.Now(), nil)["credentials"], app.Warning, "cannot be read")
	if err := os.Remove(filepath.Join(data, app.CredentialsFile)); err != nil {
		t.Fatal(err)
	}
	want(t, examined(t, data, time.Now(), nil)["credentials"], app.Warning, "There is no")
	change("secret.key", "no key")
	want(t, examined(t, data, time.Now(), nil)["secret key"], app.Problem, "cannot be used")
}

func TestTheDoctorLooksAtTheDatabase(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s, err := apptest.Open(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(data, "steward.db")
	execute := func(statement string) {
		t.Helper()
		db, err := sql.Open("sqlite3", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	want(t, examined(t, data, time.Now(), nil)["database"], app.Fine, "SQLite, schema version")
	execute("DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
	want(t, examined(t, data, time.Now(), nil)["database"], app.Warning, "the next start brings it to")
	execute("PRAGMA application_id = 7")
	want(t, examined(t, data, time.Now(), nil)["database"], app.Problem, "another program")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := examined(t, data, time.Now(), nil)["database"]; got.Verdict != app.Problem {
		t.Errorf("rubbish: %+v", got)
	}
}

func TestTheDoctorSeesAServerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s, err := apptest.Open(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(broken.Close)
	text := `{"base_url":"` + broken.URL + `","api_key":"` + s.APIKey + `","organization_id":"x"}`
	if err := os.WriteFile(filepath.Join(data, app.CredentialsFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, examined(t, data, time.Now(), nil)["server"], app.Warning, "does not answer")
	if err := os.Remove(filepath.Join(data, app.CredentialsFile)); err != nil {
		t.Fatal(err)
	}
	want(t, examined(t, data, time.Now(), nil)["server"], app.Fine, "a second one would not start")
}

// Not parallel: the environment is where the driver of the bucket looks for credentials.
func TestTheDoctorAsksTheBucketOfTheFiles(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	memory := s3mem.New()
	if err := memory.CreateBucket("files"); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gofakes3.New(memory).Server())
	t.Cleanup(srv.Close)
	files := func(url string) app.Examined {
		return examined(t, t.TempDir(), time.Now(), func(c *app.Config) { c.Files = url })["files"]
	}
	const options = "?region=us-east-1&use_path_style=true&endpoint="
	want(t, files("s3://files"+options+srv.URL), app.Fine, "The blob store answers")
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(refusing.Close)
	want(t, files("s3://files"+options+refusing.URL), app.Problem, "does not answer")
	want(t, files("nonsense://files?secret=hush"), app.Problem, "cannot be opened")
}

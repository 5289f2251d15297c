package app_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
)

// start opens a server on a folder and a free port; first is what a first start made, if it was one.
func start(t *testing.T, dir string, change func(*app.Config), engines ...engine.Engine) (s *app.Server, first *app.Credentials) {
	t.Helper()
	c := app.Defaults()
	c.Data, c.Listen = dir, "127.0.0.1:0"
	if change != nil {
		change(&c)
	}
	s, err := app.Open(t.Context(), c, app.Options{Engines: engines, Getenv: func(string) string { return "" }, OnFirst: func(cred app.Credentials) { first = &cred }})
	if err != nil {
		t.Fatal(err)
	}
	return s, first
}

func stop(t *testing.T, s *app.Server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func readCredentials(t *testing.T, dir string) app.Credentials {
	t.Helper()
	path := filepath.Join(dir, app.CredentialsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c app.Credentials
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	return c
}

func TestACrashDuringTheFirstStartLocksNobodyOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, first := start(t, dir, nil)
	stop(t, s)
	file, pending := filepath.Join(dir, app.CredentialsFile), filepath.Join(dir, app.CredentialsFile+".new")

	// Killed after the database had the key and before the file was in place.
	if err := os.Rename(file, pending); err != nil {
		t.Fatal(err)
	}
	s, again := start(t, dir, nil)
	stop(t, s)
	if again == nil || again.APIKey != first.APIKey || readCredentials(t, dir).APIKey != first.APIKey {
		t.Errorf("the start after the crash showed %+v, want the first key", again)
	}

	// Killed before the database had the key: the pending one is worthless, and a start on a new database makes another.
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, app.CredentialsFile+".new"), []byte(`{"api_key":"`+first.APIKey+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, fresh := start(t, other, nil)
	stop(t, s)
	if fresh == nil || fresh.APIKey == first.APIKey || readCredentials(t, other).APIKey != fresh.APIKey {
		t.Errorf("the start made %+v", fresh)
	}
}

func TestALaterStartShowsNoKeyAndKeepsTheAddressCurrent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, first := start(t, dir, nil)
	stop(t, s)
	s, again := start(t, dir, nil) // another port
	defer stop(t, s)
	if again != nil {
		t.Errorf("a second start showed %+v", again)
	}
	if c := readCredentials(t, dir); c.APIKey != first.APIKey || c.BaseURL != s.BaseURL() {
		t.Errorf("credentials %+v, want the first key at %s", c, s.BaseURL())
	}
}

func TestOneFolderServesOneProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := start(t, dir, nil)
	defer stop(t, s)
	c := app.Defaults()
	c.Data, c.Listen = dir, "127.0.0.1:0"
	if _, err := app.Open(t.Context(), c, app.Options{}); err == nil || !strings.Contains(err.Error(), "in use by another steward process") {
		t.Errorf("a second server on the folder: %v", err)
	}
}

// serve runs a server until the returned function is called, which waits for its end.
func serve(t *testing.T, s *app.Server) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

func request(t *testing.T, method, url, key, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	text, err := io.ReadAll(resp.Body)
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestAWorkerAnswersOnlyHowItIs(t *testing.T) {
	t.Parallel()
	s, first := start(t, t.TempDir(), func(c *app.Config) { c.Roles = []string{"worker"} })
	defer stop(t, s)
	defer serve(t, s)()
	for path, want := range map[string]int{"/readyz": 200, "/healthz": 200, "/v1/agents/": 404, "/docs": 404} {
		if got, body := request(t, http.MethodGet, s.BaseURL()+path, first.APIKey, ""); got != want {
			t.Errorf("%s: %d %s, want %d", path, got, body, want)
		}
	}
}

func TestASynchronousCallerGetsTheAnswerOfAJobThatEndsInTheGracePeriod(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	slow := enginetest.Func{ID: "Slow", Do: func(ctx context.Context, _ *engine.Run) (*engine.Result, error) {
		close(begun)
		select {
		case <-release:
			return enginetest.Output("done")
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}}
	s, first := start(t, t.TempDir(), nil, slow)
	defer stop(t, s)
	end := serve(t, s)
	status, body := request(t, http.MethodPost, s.BaseURL()+"/v1/agents/", first.APIKey, `{"name":"a","engine_class_id":"Slow"}`)
	var agent struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(body), &agent); status != http.StatusCreated || err != nil {
		t.Fatalf("create agent: %d %s", status, body)
	}
	ended := make(chan struct{})
	go func() {
		<-begun
		go func() {
			end() // the process is told to stop while the job runs
			close(ended)
		}()
		close(release)
	}()
	status, body = request(t, http.MethodPost, s.BaseURL()+"/v1/agents/run/"+agent.ID+"/", first.APIKey, `{}`)
	if status != http.StatusOK || !strings.Contains(body, "done") {
		t.Errorf("the caller got %d %s", status, body)
	}
	<-ended
}

func TestWhatIsShownOfAConfigurationHidesItsSecrets(t *testing.T) {
	t.Parallel()
	c := app.Defaults()
	c.Files = "s3://bucket?region=eu-central-1&secret_key=s3cret"
	c.Models.Providers = map[string]app.ProviderConfig{"p": {Kind: "openai", APIKey: "s3cret", Headers: map[string]string{"X-Key": "s3cret"}, BaseURL: "https://host/v1?key=s3cret"}}
	for _, database := range []string{"postgres://u:s3cret@db/steward", "postgres://db/steward?user=u&password=s3cret", "postgres://u:s3cret@db:bad port/x"} {
		c.Database = database
		if shown := c.String(); strings.Contains(shown, "s3cret") || !strings.Contains(shown, "eu-central-1") {
			t.Errorf("shown of %s:\n%s", database, shown)
		}
	}
}

func TestAnInterruptedStartKeepsThePendingKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, first := start(t, dir, nil)
	stop(t, s)
	file, pending := filepath.Join(dir, app.CredentialsFile), filepath.Join(dir, app.CredentialsFile+".new")
	if err := os.Rename(file, pending); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := app.Defaults()
	c.Data, c.Listen = dir, "127.0.0.1:0"
	if s, err := app.Open(ctx, c, app.Options{}); err == nil {
		stop(t, s)
	}
	s, again := start(t, dir, nil)
	stop(t, s)
	if c := readCredentials(t, dir); c.APIKey != first.APIKey {
		t.Errorf("after an interrupted start another key was made (shown again: %v)", again != nil)
	}
}

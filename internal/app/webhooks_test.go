package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/app"
)

// TestAServerTellsWebhooksOfItsJobs runs a whole server whose jobs end, and a receiver beside it.
func TestAServerTellsWebhooksOfItsJobs(t *testing.T) {
	t.Parallel()
	events := make(chan steward.Event, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e steward.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Errorf("event: %v", err)
		}
		events <- e
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()

	dir := t.TempDir()
	s, first := start(t, dir, func(c *app.Config) { c.Fetch.Allow, c.Workers.Grace = []string{"127.0.0.1"}, 100*time.Millisecond })
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	defer func() {
		end()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
		stop(t, s)
	}()
	call := func(path, body string, want int, answer any) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.BaseURL()+path, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+first.APIKey)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != want {
			t.Fatalf("%s: %d %s (%v)", path, res.StatusCode, text, err)
		}
		if err := json.Unmarshal(text, answer); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	var agent steward.Agent
	call("/v1/agents/", `{"name":"Reader","engine_class_id":"MultimodalExtractionEngine","input_definitions":[{"key":"text","data_type":"text/plain","description":""}],
		"engine_config":{"instruction":"Read it","text":"${text}","output_schema":{"type":"object","properties":{"total":{"type":"string"}}}}}`, http.StatusCreated, &agent)
	var hook steward.Webhook
	call("/v1/webhooks/", fmt.Sprintf(`{"name":"Hook","url":%q,"events":["job_completed"]}`, receiver.URL), http.StatusCreated, &hook)
	call("/webhooks/"+string(hook.ID)+"/agents/", fmt.Sprintf(`{"agent_ids":[%q]}`, agent.ID), http.StatusCreated, &hook)
	var job steward.JobID
	call("/v1/agents/run/"+string(agent.ID)+"/async/", `{"text":"Total: 12.50 EUR"}`, http.StatusOK, &job)
	select {
	case e := <-events:
		if e.Job == nil || e.Job.ID != job || e.Agent.Name != "Reader" || e.Job.ResultURL != s.BaseURL()+"/v1/agents/jobs/"+string(job)+"/result/" {
			t.Errorf("event: %+v", e)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no event came")
	}
	info, err := os.Stat(filepath.Join(dir, "secret.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v (%v), want mode 0600", info, err)
	}
}

func TestSecretKeysComeFromAFileOrTheEnvironment(t *testing.T) {
	t.Parallel()
	const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	open := func(variable string, change func(*app.Config)) (string, error) {
		c := app.Defaults()
		c.Data, c.Listen = t.TempDir(), "127.0.0.1:0"
		if change != nil {
			change(&c)
		}
		s, err := app.Open(t.Context(), c, app.Options{Getenv: func(name string) string {
			if name == "STEWARD_SECRET_KEY" {
				return variable
			}
			return ""
		}})
		if err == nil {
			stop(t, s)
		}
		return c.Data, err
	}
	dir, err := open(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "secret.key")); !os.IsNotExist(err) {
		t.Errorf("a key's file beside the environment's key: %v", err)
	}
	file := filepath.Join(t.TempDir(), "shared.key")
	if _, err := open("", func(c *app.Config) { c.SecretKeyFile = file }); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the named file: %v (%v), want mode 0600", info, err)
	}
	_, err = open("not a key", nil)
	if err == nil || !strings.Contains(err.Error(), "STEWARD_SECRET_KEY") || strings.Contains(err.Error(), "not a key") {
		t.Errorf("a bad key: %v", err)
	}
}

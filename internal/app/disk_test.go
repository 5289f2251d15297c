package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/disk"
)

// awaitReadiness asks until readiness has a status, and returns what the server says of it.
func awaitReadiness(t *testing.T, base string, want int) string {
	t.Helper()
	patience, again := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer again.Stop()
	for {
		status, answer := request(t, http.MethodGet, base+"/readyz", "", "")
		if status == want {
			return answer
		}
		select {
		case <-again.C:
		case <-patience:
			t.Fatalf("readiness is %d %s, want %d", status, answer, want)
		}
	}
}

func TestAServerWhoseDatabaseIsReplacedSaysSoAndEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, first := start(t, dir, func(c *app.Config) { c.Disk.ExitAfter = time.Minute; c.Workers.Grace = 0 })
	ctx, end := context.WithCancel(t.Context())
	defer end()
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	db := filepath.Join(dir, "steward.db")
	if err := errors.Join(os.Rename(db, db+".away"), os.WriteFile(db, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if got := awaitReadiness(t, s.BaseURL(), http.StatusServiceUnavailable); !strings.Contains(got, "replaced or removed") || strings.Contains(got, dir) {
		t.Errorf("readiness says %s", got)
	}
	status, answer := request(t, http.MethodPost, s.BaseURL()+"/v1/agents/", first.APIKey, `{"name":"a","engine_class_id":"MultimodalExtractionEngine"}`)
	if status != http.StatusServiceUnavailable || !strings.Contains(answer, "replaced or removed") {
		t.Errorf("a write is answered with %d %s", status, answer)
	}
	doctor := examined(t, dir, time.Now(), nil)
	want(t, doctor["server"], app.Problem, "replaced or removed")
	end() // sooner than by itself
	err := <-done
	if !errors.Is(err, app.ErrDiskFailed) || !strings.Contains(err.Error(), "put the database's files back") {
		t.Errorf("Serve: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Logf("Close: %v", err) // SQLite may miss its files
	}
	if err := os.Rename(db+".away", db); err != nil {
		t.Fatal(err)
	}
	s, _ = start(t, dir, nil)
	stop(t, s)
}

func TestAServerThatMayNotWriteTakesNoWorkUntilItMay(t *testing.T) {
	t.Parallel()
	dir, files := t.TempDir(), filepath.Join(t.TempDir(), "files")
	s, first := start(t, dir, func(c *app.Config) { c.Files = files })
	end := serve(t, s)
	defer stop(t, s)
	defer end()
	_, made := request(t, http.MethodPost, s.BaseURL()+"/v1/agents/", first.APIKey,
		`{"name":"a","engine_class_id":"MultimodalExtractionEngine","engine_config":{"output_schema":{"type":"object","properties":{"a":{"type":"string"}}}}}`)
	var agent struct{ ID string }
	if err := json.Unmarshal([]byte(made), &agent); err != nil || agent.ID == "" {
		t.Fatalf("create agent: %s (%v)", made, err)
	}
	if err := os.Rename(files, files+".away"); err != nil { // as good as one that may not be used, also for root
		t.Fatal(err)
	}
	if got := awaitReadiness(t, s.BaseURL(), http.StatusServiceUnavailable); !strings.Contains(got, "may not write to its folders") {
		t.Errorf("readiness says %s", got)
	}
	status, answer := request(t, http.MethodPost, s.BaseURL()+"/v1/agents/run/"+agent.ID+"/async/", first.APIKey, `{}`)
	if status != http.StatusServiceUnavailable || !strings.Contains(answer, "may not write") {
		t.Errorf("a submission is answered with %d %s", status, answer)
	}
	if err := os.Rename(files+".away", files); err != nil {
		t.Fatal(err)
	}
	awaitReadiness(t, s.BaseURL(), http.StatusOK)
}

func TestTheDoctorExplainsDisks(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s, err := apptest.Open(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		room    disk.Room
		err     error
		verdict app.Verdict
		text    string
	}{
		"enough":     {disk.Room{Total: 100 << 30, Free: 50 << 30}, nil, app.Fine, "50.0 GiB are free"},
		"little":     {disk.Room{Total: 100 << 30, Free: 1 << 30}, nil, app.Warning, "1.0 GiB are free"},
		"reserve":    {disk.Room{Total: 100 << 30, Free: 200 << 20}, nil, app.Problem, "256 MiB are kept for jobs under way"},
		"small disk": {disk.Room{Total: 1 << 30, Free: 90 << 20}, nil, app.Problem, "102 MiB are kept for jobs under way"},
		"full":       {disk.Room{Total: 100 << 30}, nil, app.Problem, "is full"},
		"read-only":  {disk.Room{Total: 100 << 30, Free: 50 << 30, ReadOnly: true}, nil, app.Problem, "reading only"},
		"inodes":     {disk.Room{Total: 100 << 30, Free: 50 << 30, Files: 1000, FreeFiles: 9}, nil, app.Warning, "inodes"},
		"unknown":    {disk.Room{}, syscall.EIO, app.Warning, "cannot be told"},
	} {
		config := app.Defaults()
		config.Data, config.Listen, config.OCR, config.Files = data, "127.0.0.1:0", app.OCROff, filepath.Join(data, "files")
		seen := 0
		for _, e := range app.Examine(t.Context(), config, app.ExamineParams{
			Getenv: func(string) string { return "" }, Now: time.Now, Room: func(string) (disk.Room, error) { return c.room, c.err },
		}) {
			if strings.HasPrefix(e.Name, "disk") {
				seen++
				if e.Verdict != c.verdict || !strings.Contains(e.Message, c.text) || (e.Advice == "") != (c.verdict == app.Fine) {
					t.Errorf("%s: %+v", name, e)
				}
			}
		}
		if seen != 2 {
			t.Errorf("%s: %d disks were looked at, want that of the data folder and that of the files", name, seen)
		}
	}
}

func TestTheDoctorExplainsADatabaseThatIsNotWhatItWas(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	db := filepath.Join(data, "steward.db")
	run := func() {
		t.Helper()
		s, err := apptest.Open(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	run()
	older, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	run()
	newest, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	rubbish := append([]byte{}, newest...)
	for i := 4096; i < len(rubbish); i++ {
		rubbish[i] = 'x'
	}
	for name, c := range map[string]struct {
		content []byte
		text    string
	}{"older": {older, "older copy"}, "empty": {nil, "gone or empty"}, "damaged": {rubbish, "damaged"}} {
		if err := os.WriteFile(db, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		got := examined(t, data, time.Now(), nil)["database"]
		if want(t, got, app.Problem, c.text); got.Advice == "" {
			t.Errorf("%s: no advice", name)
		}
		if _, err := apptest.Open(t.Context(), data); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: a start says %v", name, err)
		}
	}
	if err := errors.Join(os.WriteFile(db, newest, 0o600), os.WriteFile(db+"-fault", []byte("2026-01-02 commit: disk I/O error"), 0o600)); err != nil {
		t.Fatal(err)
	}
	want(t, examined(t, data, time.Now(), nil)["last stop"], app.Warning, "commit: disk I/O error")
	run()
	if got, there := examined(t, data, time.Now(), nil)["last stop"]; there {
		t.Errorf("after a start: %+v", got)
	}
}

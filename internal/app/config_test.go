package app_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/app"
)

// env is an environment of these variables alone.
func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// file writes a configuration and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "steward.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, p app.LoadParams) app.Config {
	t.Helper()
	if p.Getenv == nil {
		p.Getenv = env(nil)
	}
	c, err := app.Load(p)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

func TestNothingConfiguredIsTheDefaults(t *testing.T) {
	t.Parallel()
	got := load(t, app.LoadParams{Override: func(c *app.Config) { c.Data = "nowhere" }})
	want := app.Defaults()
	want.Data = "nowhere"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Load = %+v, want %+v", got, want)
	}
}

func TestLaterPlacesOverrideEarlierOnes(t *testing.T) {
	t.Parallel()
	path := file(t, "listen: 127.0.0.1:1\nlog: {level: debug}\nworkers: {concurrency: 2, grace: 90s}\nroles: [api]\n")
	vars := map[string]string{
		"STEWARD_LISTEN": "127.0.0.1:2", "STEWARD_WORKERS": "3", "STEWARD_ROLES": "worker, api", "STEWARD_PUBLIC_URL": "https://env.test/",
		"STEWARD_DATABASE": "postgres://db/x", "STEWARD_FILES": "s3://bucket", "STEWARD_LOG_LEVEL": "",
		"STEWARD_OCR": "off", "STEWARD_OCR_LANGUAGES": "deu, eng", "STEWARD_OCR_PATH": "/opt/tesseract",
	}
	got := load(t, app.LoadParams{File: path, Getenv: env(vars), Override: func(c *app.Config) { c.Workers.Concurrency = 4 }})
	want := app.Defaults()
	want.Listen, want.Log.Level, want.Workers.Concurrency, want.Workers.Grace = "127.0.0.1:2", "debug", 4, 90*time.Second
	want.Roles, want.PublicURL, want.Database, want.Files = []string{"worker", "api"}, "https://env.test", "postgres://db/x", "s3://bucket"
	want.OCR, want.OCRLanguages, want.OCRPath = app.OCROff, []string{"deu", "eng"}, "/opt/tesseract"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Load\n got %+v\nwant %+v", got, want)
	}
}

func TestTheFileInTheDataFolderIsFoundByItself(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(file(t, "pdf: {max_pages: 7}"))
	for name, p := range map[string]app.LoadParams{
		"environment": {Getenv: env(map[string]string{"STEWARD_DATA": dir})},
		"flag":        {Override: func(c *app.Config) { c.Data = dir }},
		"flag over environment": {
			Getenv: env(map[string]string{"STEWARD_DATA": t.TempDir()}), Override: func(c *app.Config) { c.Data = dir },
		},
	} {
		if c := load(t, p); c.PDF.MaxPages != 7 || c.PDF.Instances != 2 {
			t.Errorf("%s: %+v", name, c.PDF)
		}
	}
}

func TestAFileThatSaysNothingIsFine(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n \n", "# only a comment\n", "---\n", "workers:\n"} {
		if c := load(t, app.LoadParams{File: file(t, text)}); c.Workers.Concurrency != 64 {
			t.Errorf("%q: %+v", text, c.Workers)
		}
	}
}

func TestRefusesWhatItCannotUseAndNamesIt(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"wrokers: {concurrency: 3}":                           "wrokers",
		"workers: {concurency: 3}":                            "concurency",
		"models: {providers: {a: {kind: openai, secret: x}}}": "secret",
		"workers: {concurrency: many}":                        "concurrency",
		"workers: {lease: 15}":                                "lease",
		"listen: [1]":                                         "listen",
		"data: ''":                                            "data: ",
		"listen: localhost":                                   "listen: ",
		"public_url: steward.test":                            "public_url: ",
		"public_url: ftp://steward.test":                      "public_url: ",
		"database: mysql://x":                                 "database: ",
		"roles: [api, cook]":                                  "roles: ",
		"log: {level: loud}":                                  "log.level: ",
		"log: {format: xml}":                                  "log.format: ",
		"workers: {concurrency: 0}":                           "workers.concurrency: ",
		"workers: {concurrency: 1001}":                        "workers.concurrency: ",
		"workers: {lease: 999ms}":                             "workers.lease: ",
		"workers: {lease: 61m}":                               "workers.lease: ",
		"workers: {grace: -1s}":                               "workers.grace: ",
		"workers: {job_timeout: 0s}":                          "workers.job_timeout: ",
		"workers: {job_timeout: 10000h}":                      "workers.job_timeout: ",
		"workers: {sync_timeout: 10ms}":                       "workers.sync_timeout: ",
		"workers: {max_crashes: 0}":                           "workers.max_crashes: ",
		"limits: {per_organization: -1}":                      "limits.per_organization: ",
		"limits: {per_agent: -1}":                             "limits.per_agent: ",
		"limits: {queued: 999}":                               "limits.queued: ",
		"limits: {queued_per_organization: -1}":               "limits.queued_per_organization: ",
		"requests: {per_key: -1}":                             "requests.per_key: ",
		"requests: {per_key: .nan}":                           "requests.per_key: ",
		"requests: {per_key_burst: -1}":                       "requests.per_key_burst: ",
		"requests: {per_address: .inf}":                       "requests.per_address: ",
		"requests: {active: -1}":                              "requests.active: ",
		"requests: {body_mib: 15}":                            "requests.body_mib: ",
		"requests: {wait: 0s}":                                "requests.wait: ",
		"requests: {wait: 11s}":                               "requests.wait: ",
		"requests: {connections: -1}":                         "requests.connections: ",
		"requests: {trusted_proxies: [proxy.example]}":        "requests.trusted_proxies: ",
		"requests: {trusted_proxies: [10.0.0.0/33]}":          "requests.trusted_proxies: ",
		"requests: {trusted_proxies: ['::ffff:10.0.0.1']}":    "requests.trusted_proxies: ",
		"limits: {per_provider: {openai: -1}}":                "limits.per_provider.openai: ",
		"budget: {organization_usd_per_day: -0.01}":           "budget.organization_usd_per_day: ",
		"budget: {agent_usd_per_day: .nan}":                   "budget.agent_usd_per_day: ",
		"budget: {agent_usd_per_day: .inf}":                   "budget.agent_usd_per_day: ",
		"pdf: {instances: 0}":                                 "pdf.instances: ",
		"pdf: {instances: 65}":                                "pdf.instances: ",
		"ocr: sometimes":                                      "ocr: ",
		"ocr_languages: []":                                   "ocr_languages: ",
		"pdf: {max_pages: 0}":                                 "pdf.max_pages: ",
		"listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n":          "listen",
		"{": "steward.yaml",
	} {
		_, err := app.Load(app.LoadParams{File: file(t, yaml), Getenv: env(nil)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", yaml, err, want)
		}
	}
}

func TestAMistakeInAFileDoesNotShowTheLinesAroundIt(t *testing.T) {
	t.Parallel()
	_, err := app.Load(app.LoadParams{Getenv: env(nil), File: file(t, "models:\n  providers:\n    a:\n      api_key: hunter2\n      knid: openai\n")})
	if err == nil || !strings.Contains(err.Error(), "knid") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("err = %v, want one that names the key and shows no other", err)
	}
}

func TestRefusesAnEnvironmentThatItCannotUse(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"STEWARD_WORKERS": "x", "STEWARD_LISTEN": "x", "STEWARD_ROLES": "api,,worker", "STEWARD_LOG_LEVEL": "x"} {
		if _, err := app.Load(app.LoadParams{Getenv: env(map[string]string{name: value, "STEWARD_DATA": t.TempDir()})}); err == nil {
			t.Errorf("%s=%s is taken", name, value)
		}
	}
}

func TestAFileThatWasNamedMustBeThere(t *testing.T) {
	t.Parallel()
	if _, err := app.Load(app.LoadParams{File: filepath.Join(t.TempDir(), "none.yaml"), Getenv: env(nil)}); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("Load = %v, want an error that names the file", err)
	}
}

// TestWhatIsShownCanBeReadBack: print-config is a configuration, but for its secrets.
func TestWhatIsShownCanBeReadBack(t *testing.T) {
	t.Parallel()
	c := load(t, app.LoadParams{File: file(t, `
listen: 127.0.0.1:1
workers: {grace: 90s, concurrency: 7}
limits: {per_provider: {openai: 8}}
budget: {agent_usd_per_day: 1.5}
models: {default: local/qwen3, providers: {local: {kind: openaicompat, base_url: "http://127.0.0.1:11434/v1", models: [qwen3], free: true}}}
fetch: {allow: [10.0.0.0/8]}
`)})
	again := load(t, app.LoadParams{File: file(t, c.String())})
	if a, b := c.String(), again.String(); a != b {
		t.Errorf("shown\n%s\nread back\n%s", a, b)
	}
}

func TestNothingThatIsShownIsASecret(t *testing.T) {
	t.Parallel()
	c := app.Defaults()
	c.Database = "postgres://steward:hunter2@db.test/steward?sslmode=require"
	c.Models.Providers = map[string]app.ProviderConfig{
		"a": {Kind: "openai", APIKey: "hunter2", Headers: map[string]string{"Authorization": "hunter2"}, BaseURL: "https://u:hunter2@a.test/v1"},
	}
	shown := c.String()
	if strings.Contains(shown, "hunter2") {
		t.Errorf("shown:\n%s", shown)
	}
	for _, want := range []string{"db.test/steward", "sslmode=require", "Authorization", "kind: openai", "a.test"} {
		if !strings.Contains(shown, want) {
			t.Errorf("shown without %q:\n%s", want, shown)
		}
	}
	if c.Models.Providers["a"].APIKey != "hunter2" || !strings.Contains(c.Database, "hunter2") {
		t.Error("showing a configuration changed it")
	}
}

package client_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward/client"
)

// leave writes what a local server leaves behind.
func leave(t *testing.T, folder, text string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "credentials.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnAddressThatIsNoneAndAKeyForAnotherHostAreTold(t *testing.T) { // not parallel: it sets the environment
	t.Chdir(t.TempDir())
	for _, name := range []string{"STEWARD_API_KEY", "STEWARD_BASE_URL", "STEWARD_DATA"} {
		t.Setenv(name, "")
	}
	leave(t, "steward-data", `{"api_key":"secret","base_url":"http://127.0.0.1:8080"}`)
	_, err := client.New(&client.Options{BaseURL: "steward.test:8080"})
	if err == nil || errors.Is(err, client.ErrNoAPIKey) || !strings.Contains(err.Error(), `base URL "steward.test:8080" is not an http or https URL`) {
		t.Errorf("New: %v", err)
	}
	_, err = client.New(&client.Options{BaseURL: "https://steward.test"})
	if !errors.Is(err, client.ErrNoAPIKey) || !strings.Contains(err.Error(), "the key in steward-data belongs to another host and is not sent to steward.test") {
		t.Errorf("New: %v", err)
	}
}

func TestFindsKeyAndAddress(t *testing.T) { // not parallel: it sets the environment
	for _, tt := range []struct {
		name       string
		env        map[string]string
		opts       client.Options
		here, data string // credentials in ./steward-data and in ./other
		base, key  string
		err        error
	}{
		{name: "nothing", err: client.ErrNoAPIKey},
		{name: "a key alone", opts: client.Options{APIKey: "k"}, base: "http://127.0.0.1:8080", key: "k"},
		{
			name: "the environment", env: map[string]string{"STEWARD_API_KEY": "k", "STEWARD_BASE_URL": "https://s.test/"},
			here: `{"api_key":"file","base_url":"http://file.test"}`, base: "https://s.test", key: "k",
		},
		{
			name: "options before the environment", env: map[string]string{"STEWARD_API_KEY": "e", "STEWARD_BASE_URL": "https://e.test"},
			opts: client.Options{APIKey: "k", BaseURL: "https://o.test"}, base: "https://o.test", key: "k",
		},
		{name: "the default folder", here: `{"api_key":"k","base_url":"http://127.0.0.1:9000"}`, base: "http://127.0.0.1:9000", key: "k"},
		{
			name: "the folder that the environment names", env: map[string]string{"STEWARD_DATA": "other"},
			here: `{"api_key":"no"}`, data: `{"api_key":"k","base_url":"http://a.test"}`, base: "http://a.test", key: "k",
		},
		{name: "the folder that the options name", opts: client.Options{DataFolder: "other"}, data: `{"api_key":"k"}`, base: "http://127.0.0.1:8080", key: "k"},
		{
			name: "the address of a file for a key of the environment", env: map[string]string{"STEWARD_API_KEY": "k"},
			here: `{"api_key":"no","base_url":"http://127.0.0.1:9000"}`, base: "http://127.0.0.1:9000", key: "k",
		},
		{
			name: "the key of a file for another port of this machine", opts: client.Options{BaseURL: "http://localhost:9999"},
			here: `{"api_key":"k","base_url":"https://steward.test"}`, base: "http://localhost:9999", key: "k",
		},
		{
			name: "the key of a file for the host that it names", opts: client.Options{BaseURL: "https://STEWARD.test:8443"},
			here: `{"api_key":"k","base_url":"https://steward.test"}`, base: "https://STEWARD.test:8443", key: "k",
		},
		{
			name: "no key of a file for a stranger", opts: client.Options{BaseURL: "https://stranger.test"},
			here: `{"api_key":"secret","base_url":"http://127.0.0.1:8080"}`, err: client.ErrNoAPIKey,
		},
		{
			name: "the key of a folder that was named, for any host", opts: client.Options{BaseURL: "https://a.test", DataFolder: "other"},
			data: `{"api_key":"k","base_url":"http://127.0.0.1:8080"}`, base: "https://a.test", key: "k",
		},
		{
			name: "a folder that was named before the environment", env: map[string]string{"STEWARD_API_KEY": "e", "STEWARD_BASE_URL": "https://e.test"},
			opts: client.Options{DataFolder: "other"}, data: `{"api_key":"k","base_url":"http://127.0.0.1:9000"}`, base: "http://127.0.0.1:9000", key: "k",
		},
		{
			name: "the environment when the folder that was named has nothing", env: map[string]string{"STEWARD_API_KEY": "e"},
			opts: client.Options{DataFolder: "other"}, here: `{"api_key":"no","base_url":"http://no.test"}`, base: "http://127.0.0.1:8080", key: "e",
		},
		{name: "spaces are no key", opts: client.Options{APIKey: "  "}, err: client.ErrNoAPIKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for _, name := range []string{"STEWARD_API_KEY", "STEWARD_BASE_URL", "STEWARD_DATA"} {
				t.Setenv(name, tt.env[name])
			}
			if tt.here != "" {
				leave(t, "steward-data", tt.here)
			}
			if tt.data != "" {
				leave(t, "other", tt.data)
			}
			s := newScript(status(200, "{}"))
			tt.opts.HTTPClient = &http.Client{Transport: s}
			c, err := client.New(&tt.opts)
			if !errors.Is(err, tt.err) {
				t.Fatalf("New: %v, want %v", err, tt.err)
			}
			if err != nil {
				return
			}
			if err := get(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if got := s.all()[0].header.Get("Authorization"); got != "Bearer "+tt.key || c.BaseURL() != tt.base {
				t.Errorf("%s with %q, want %s with %q", c.BaseURL(), got, tt.base, tt.key)
			}
		})
	}
}

func TestRefusesWhatCannotBeUsed(t *testing.T) { // not parallel: it sets the environment
	t.Setenv("STEWARD_BASE_URL", "")
	for _, base := range []string{"example.test:8080", "ftp://example.test", "http://", "://", "/v1"} {
		if _, err := client.New(&client.Options{APIKey: "k", BaseURL: base}); err == nil || !strings.Contains(err.Error(), base) {
			t.Errorf("New with %q: %v, want an error that names it", base, err)
		}
	}
	dir := t.TempDir()
	leave(t, dir, `{"api_key":`)
	if _, err := client.New(&client.Options{DataFolder: dir}); err == nil || !strings.Contains(err.Error(), "credentials.json") {
		t.Errorf("New with a broken file: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "credentials.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "credentials.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := client.New(&client.Options{DataFolder: dir}); err == nil || errors.Is(err, client.ErrNoAPIKey) {
		t.Errorf("New with an unreadable file: %v", err)
	}
}

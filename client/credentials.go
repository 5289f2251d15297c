package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// defaultBaseURL is where a server listens that nobody configured.
const defaultBaseURL = "http://127.0.0.1:8080"

// discover finds what the caller left out: in a data folder that he named, in the environment, in what a local server left in
// the usual place.
func (o *Options) discover() error {
	o.APIKey, o.BaseURL = trimKey(o.APIKey), strings.TrimSpace(o.BaseURL)
	if o.DataFolder != "" {
		named, err := readCredentials(o.DataFolder)
		if err != nil {
			return err
		}
		o.take(named.APIKey, named.BaseURL)
	}
	env := readEnvironment()
	o.take(env.get("API_KEY"), env.get("BASE_URL"))
	if err := o.tune(env); err != nil {
		return err
	}
	if o.BaseURL != "" {
		if err := checkBase(o.BaseURL); err != nil { // before a key is missed that no address can have
			return err
		}
	}
	noKey := ErrNoAPIKey
	if o.DataFolder == "" && (o.APIKey == "" || o.BaseURL == "") {
		local, err := readCredentials(usualFolder())
		if err != nil {
			return err
		}
		if local.APIKey != "" && !local.belongTo(o.BaseURL) {
			local.APIKey = ""
			noKey = fmt.Errorf("%w; the key in %s belongs to another host and is not sent to %s", ErrNoAPIKey, usualFolder(), hostOf(o.BaseURL))
		}
		o.take(local.APIKey, local.BaseURL)
	}
	o.take("", defaultBaseURL)
	if o.APIKey == "" {
		return noKey
	}
	return checkBase(o.BaseURL)
}

// checkBase checks the address of a server.
func checkBase(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("base URL %q is not an http or https URL, such as %s", base, defaultBaseURL)
	}
	return nil
}

// take fills what is still missing.
func (o *Options) take(key, base string) {
	if o.APIKey == "" {
		o.APIKey = trimKey(key)
	}
	if o.BaseURL == "" {
		o.BaseURL = strings.TrimSpace(base)
	}
}

func usualFolder() string {
	if folder := os.Getenv("STEWARD_DATA"); folder != "" {
		return folder
	}
	return "steward-data"
}

// trimKey takes a key also as it stands in a header or at the end of a file.
func trimKey(s string) string {
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), "Bearer "))
}

// credentials are what the first start of a local server wrote.
type credentials struct {
	APIKey  string `json:"api_key"`
	BaseURL string `json:"base_url"`
}

// belongTo reports whether the key may be sent to a server: one on this machine, or one on the host that the file names. A
// key that merely lies in the current folder goes to no other.
func (c *credentials) belongTo(base string) bool {
	if base == "" {
		return true
	}
	host := hostOf(base)
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return true
	}
	return host != "" && host == hostOf(c.BaseURL)
}

func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// readCredentials reads the file in a data folder. A missing file is no error.
func readCredentials(folder string) (credentials, error) {
	var c credentials
	text, err := os.ReadFile(filepath.Join(folder, "credentials.json")) //nolint:gosec // the caller names the folder
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read credentials: %w", err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("read credentials.json: %w", err)
	}
	return c, nil
}

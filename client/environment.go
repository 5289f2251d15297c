package client

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// The prefixes of variables.
const (
	ownPrefix     = "STEWARD_"
	broughtPrefix = "ROE_" // of programs that were written for another server of the run family
)

// environment is the client's part of the process's variables.
type environment struct {
	brought bool // variables of broughtPrefix count
}

// readEnvironment decides which variables count. Those of a brought program do when they name a server and a key of their own:
// a key alone is one for a server elsewhere, and must not be sent to whatever listens here.
func readEnvironment() environment {
	has := func(name string) bool { return strings.TrimSpace(os.Getenv(name)) != "" }
	own := has(ownPrefix+"API_KEY") || has(ownPrefix+"BASE_URL")
	return environment{brought: !own && has(broughtPrefix+"API_KEY") && has(broughtPrefix+"BASE_URL")}
}

// lookUp returns a variable and its whole name.
func (e environment) lookUp(name string) (value, whole string) {
	if v := strings.TrimSpace(os.Getenv(ownPrefix + name)); v != "" || !e.brought {
		return v, ownPrefix + name
	}
	return strings.TrimSpace(os.Getenv(broughtPrefix + name)), broughtPrefix + name
}

func (e environment) get(name string) string {
	value, _ := e.lookUp(name)
	return value
}

// duration reads a number of units into d unless that is set.
func (e environment) duration(d *time.Duration, name string, unit time.Duration) error {
	value, whole := e.lookUp(name)
	if *d != 0 || value == "" {
		return nil
	}
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || !(n >= 0) || n*float64(unit) > math.MaxInt64 {
		return fmt.Errorf("%s: %q is not a number of %v or more", whole, value, 0*unit)
	}
	*d = time.Duration(n * float64(unit))
	return nil
}

// tune reads the settings that the caller left out.
func (o *Options) tune(env environment) error {
	if o.OrganizationID == "" {
		o.OrganizationID = steward.OrganizationID(env.get("ORGANIZATION_ID"))
	}
	if o.Proxy == "" && o.HTTPClient == nil {
		o.Proxy = env.get("PROXY")
	}
	for _, d := range []struct {
		to   *time.Duration
		name string
		unit time.Duration
	}{
		{&o.Timeout, "TIMEOUT", time.Second}, {&o.ChunkDelay, "BATCH_CHUNK_DELAY", time.Second},
		{&o.RetryWait, "RETRY_INITIAL_MS", time.Millisecond}, {&o.MaxRetryWait, "RETRY_MAX_MS", time.Millisecond},
	} {
		if err := env.duration(d.to, d.name, d.unit); err != nil {
			return err
		}
	}
	if value, whole := env.lookUp("MAX_RETRIES"); value != "" && o.MaxRetries == 0 {
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%s: %q is not a whole number", whole, value)
		}
		if o.MaxRetries = n; n <= 0 {
			o.MaxRetries = -1
		}
	}
	return o.tuneHeader(env)
}

// tuneHeader adds the headers of the environment to the caller's, which win.
func (o *Options) tuneHeader(env environment) error {
	value, whole := env.lookUp("EXTRA_HEADERS")
	if value == "" {
		return nil
	}
	var more map[string]string
	if err := json.Unmarshal([]byte(value), &more); err != nil {
		return fmt.Errorf("%s: not a JSON object of texts", whole) // the value may hold secrets
	}
	header := http.Header{}
	for name, text := range more {
		header.Set(name, text)
	}
	for name, values := range o.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	o.Header = header
	return nil
}

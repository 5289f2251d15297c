package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func TestEveryCallHasARequestIDOfItsOwnThatItsTriesShare(t *testing.T) {
	t.Parallel()
	s := newScript(status(503, ""), status(200, "{}"), status(200, "{}"), status(200, "{}"))
	c := newTo(t, s, client.Options{})
	for _, c := range []*client.Client{c, c, c.With(client.CallOptions{RequestID: "case-7"})} {
		if err := get(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, r := range s.all() {
		ids = append(ids, r.header.Get("X-Request-Id"))
	}
	if ids[0] == "" || ids[0] != ids[1] || ids[2] == ids[0] || ids[2] == "" || ids[3] != "case-7" {
		t.Errorf("request ids = %q", ids)
	}
}

func TestAnErrorTellsTheRequestTheHeadersAndTheDetails(t *testing.T) {
	t.Parallel()
	s := newScript(status(409, `{"error":"taken","existing":{"id":"7"}}`, "X-Other", "o", "X-Request-Id", "from the server"), status(404, `["x"]`))
	c := newTo(t, s, client.Options{})
	var e *client.Error
	if err := get(t.Context(), c); !errors.As(err, &e) {
		t.Fatal(err)
	}
	existing, ok := e.Details()["existing"].(map[string]any)
	if !ok || existing["id"] != "7" || e.Header.Get("X-Other") != "o" || e.RequestID != "from the server" {
		t.Errorf("error = %+v", e)
	}
	if err := get(t.Context(), c.With(client.CallOptions{RequestID: "mine"})); !errors.As(err, &e) || e.RequestID != "mine" || e.Details() != nil {
		t.Errorf("error = %+v, want the id that was sent when the server names none", e)
	}
}

func TestWithChangesItsOwnCallsOnly(t *testing.T) {
	t.Parallel()
	s := newScript(status(200, "{}"))
	c := newTo(t, s, client.Options{Header: http.Header{"X-A": {"1"}, "X-B": {"2"}}, OrganizationID: someID})
	other := c.With(client.CallOptions{Header: http.Header{"x-b": {"3"}, "X-C": {"4"}, "Authorization": {"Bearer stolen"}}})
	for _, c := range []*client.Client{other, c} {
		if err := get(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	first, second := s.all()[0].header, s.all()[1].header
	if first.Get("X-A") != "1" || first.Get("X-B") != "3" || first.Get("X-C") != "4" || first.Get("Authorization") != "Bearer key" {
		t.Errorf("header = %v", first)
	}
	if second.Get("X-B") != "2" || second.Get("X-C") != "" || second.Get("X-Organization-Id") != someID {
		t.Errorf("header of the client itself = %v", second)
	}
}

func TestWithSetsTriesAndTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(status(500, ""))
		c := newVia(t, s, client.Options{})
		for retries, want := range map[int]int{-1: 1, 1: 2, 0: 4} {
			before := len(s.all())
			if err := get(t.Context(), c.With(client.CallOptions{MaxRetries: retries})); err == nil {
				t.Error("no error")
			}
			if got := len(s.all()) - before; got != want {
				t.Errorf("MaxRetries %d: %d tries, want %d", retries, got, want)
			}
		}
		h := &hang{}
		slow := newVia(t, h, client.Options{}).With(client.CallOptions{Timeout: 7 * time.Second, MaxRetries: -1})
		begun := time.Now()
		_, err := slow.UploadFile(t.Context(), client.FileBytes("a", []byte("x")), nil) // has no limit of its own
		if steward.CodeOf(err) != steward.Timeout || time.Since(begun) != 7*time.Second {
			t.Errorf("err = %v after %v, want a time-out after 7s", err, time.Since(begun))
		}
	})
}

func TestTheIdempotencyKeyOfACallServesRunsBatchesAndCreates(t *testing.T) {
	t.Parallel()
	s := newScript(status(200, `"`+someID+`"`), status(201, `{}`), status(201, `{}`), status(200, "{}"))
	c := newTo(t, s, client.Options{}).With(client.CallOptions{IdempotencyKey: "k"})
	ctx := t.Context()
	if err := start(ctx, c); err != nil {
		t.Fatal(err)
	}
	for _, p := range []client.BatchCreate{{}, {IdempotencyKey: "own"}} {
		if _, err := c.CreateBatch(ctx, agentID, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := create(ctx, c); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"k", "k", "own", "k"} {
		if got := s.all()[i].header.Get("Idempotency-Key"); got != want {
			t.Errorf("request %d has the key %q, want %q", i, got, want)
		}
	}
	if _, err := c.RunSync(ctx, agentID, client.RunParams{}); steward.CodeOf(err) != steward.Unsupported {
		t.Errorf("RunSync with a key: %v", err)
	}
}

func TestHooksSeeEveryTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reset := errors.New("connection reset")
		s := newScript(status(503, ""), broken(reset), status(200, "{}"))
		var before []string
		var after []client.Exchange
		c := newVia(t, s, client.Options{
			BeforeRequest: func(r *http.Request) error {
				r.Header.Add("X-Sig", "s")
				before = append(before, r.Method+" "+r.URL.Path)
				return nil
			},
			AfterResponse: func(e client.Exchange) { after = append(after, e) },
		})
		if err := get(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if len(before) != 3 || before[0] != "GET /v1/agents/"+someID+"/" || s.all()[2].header.Get("X-Sig") != "s" {
			t.Errorf("before = %q", before)
		}
		if len(after) != 3 || after[0].Response.StatusCode != 503 || after[1].Response != nil || !errors.Is(after[1].Err, reset) || after[2].Try != 3 || after[2].Request == nil {
			t.Errorf("after = %+v", after)
		}
	})
}

func TestAHookThatRefusesEndsTheCall(t *testing.T) {
	t.Parallel()
	no := errors.New("not today")
	s := newScript(status(200, "{}"))
	c := newTo(t, s, client.Options{BeforeRequest: func(*http.Request) error { return no }})
	if err := get(t.Context(), c); !errors.Is(err, no) || len(s.all()) != 0 {
		t.Errorf("err = %v after %d requests, want the hook's and none", err, len(s.all()))
	}
	_, err := c.Run(t.Context(), agentID, client.RunParams{Inputs: client.Inputs{"f": strings.NewReader("x")}})
	if !errors.Is(err, no) {
		t.Errorf("err = %v", err)
	}
}

func TestHooksAndCallsMayGoOnAtOnce(t *testing.T) {
	t.Parallel()
	s := newScript(status(200, "{}"))
	var mu sync.Mutex
	n := 0
	c := newTo(t, s, client.Options{
		Header:        http.Header{"X-A": {"1"}},
		BeforeRequest: func(r *http.Request) error { r.Header.Add("X-A", "2"); return nil },
		AfterResponse: func(client.Exchange) { mu.Lock(); n++; mu.Unlock() },
	})
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			c := c
			if i%2 == 0 {
				c = c.With(client.CallOptions{RequestID: "r", Header: http.Header{"X-B": {"3"}}})
			}
			if err := get(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, r := range s.all() {
		if got := strings.Join(r.header["X-A"], ","); got != "1,2" {
			t.Errorf("X-A = %s, want 1,2", got)
		}
	}
	if n != 20 {
		t.Errorf("told of %d tries, want 20", n)
	}
}

func TestADeletionThatAnEarlierTryMayHaveDoneIsDone(t *testing.T) {
	t.Parallel()
	gone := status(404, `{"detail":"Not found."}`)
	for name, tt := range map[string]struct {
		answers []http.HandlerFunc
		code    steward.Code
	}{
		"the answer was lost":       {[]http.HandlerFunc{broken(io.ErrUnexpectedEOF), gone}, ""},
		"the server fell":           {[]http.HandlerFunc{status(502, ""), status(429, ""), gone}, ""},
		"it never was":              {[]http.HandlerFunc{gone}, steward.NotFound},
		"it was only asked to wait": {[]http.HandlerFunc{status(429, ""), gone}, steward.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newVia(t, newScript(tt.answers...), client.Options{})
				if err := c.DeleteAgent(t.Context(), agentID); steward.CodeOf(err) != tt.code {
					t.Errorf("err = %v, want %q", err, tt.code)
				}
			})
		})
	}
}

func TestTheWaitsBetweenTriesCanBeSet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		s := newScript(func(w http.ResponseWriter, _ *http.Request) {
			at = append(at, time.Now())
			w.WriteHeader(http.StatusInternalServerError)
		})
		c := newVia(t, s, client.Options{RetryWait: time.Second, MaxRetryWait: 3 * time.Second})
		if err := get(t.Context(), c); err == nil {
			t.Error("no error")
		}
		for i, want := range []time.Duration{1, 2, 3} {
			want *= time.Second
			if got := at[i+1].Sub(at[i]); got < want*8/10 || got > want*12/10 {
				t.Errorf("wait %d is %v, want %v with a fifth of jitter", i, got, want)
			}
		}
	})
}

func TestTheEnvironmentOfABroughtProgramCounts(t *testing.T) { // not parallel: it sets the environment
	srv := httptest.NewServer(newScript(status(200, "{}")))
	defer srv.Close()
	for _, tt := range []struct {
		name string
		env  map[string]string
		base string // "" means that no key is found
		key  string
	}{
		{"key and server", map[string]string{"ROE_API_KEY": "r", "ROE_BASE_URL": "https://r.test"}, "https://r.test", "r"},
		{"a key for a server elsewhere", map[string]string{"ROE_API_KEY": "r"}, "", ""},
		{"a server without a key", map[string]string{"ROE_BASE_URL": "https://r.test"}, "", ""},
		{"a server of its own", map[string]string{"ROE_API_KEY": "r", "ROE_BASE_URL": "https://r.test", "STEWARD_BASE_URL": "https://s.test"}, "", ""},
		{"a key of its own", map[string]string{"ROE_API_KEY": "r", "ROE_BASE_URL": "https://r.test", "STEWARD_API_KEY": "s"}, "http://127.0.0.1:8080", "s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			clearEnvironment(t, tt.env)
			s := newScript(status(200, "{}"))
			c, err := client.New(&client.Options{HTTPClient: &http.Client{Transport: s}})
			if tt.base == "" {
				if !errors.Is(err, client.ErrNoAPIKey) {
					t.Fatalf("New: %v, want ErrNoAPIKey", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := get(t.Context(), c); err != nil || c.BaseURL() != tt.base || s.all()[0].header.Get("Authorization") != "Bearer "+tt.key {
				t.Errorf("%s with %v, %v", c.BaseURL(), s.all()[0].header, err)
			}
		})
	}
}

// clearEnvironment sets the client's variables to those of env alone.
func clearEnvironment(t *testing.T, env map[string]string) {
	t.Helper()
	for _, name := range []string{
		"API_KEY", "BASE_URL", "ORGANIZATION_ID", "TIMEOUT", "MAX_RETRIES", "BATCH_CHUNK_DELAY", "PROXY", "EXTRA_HEADERS", "RETRY_INITIAL_MS", "RETRY_MAX_MS", "DATA",
	} {
		for _, prefix := range []string{"STEWARD_", "ROE_"} {
			t.Setenv(prefix+name, env[prefix+name])
		}
	}
}

func TestTheEnvironmentTunesTheClient(t *testing.T) { // not parallel: it sets the environment
	clearEnvironment(t, map[string]string{
		"STEWARD_API_KEY": "k", "STEWARD_BASE_URL": "http://s.test", "STEWARD_MAX_RETRIES": "1", "STEWARD_EXTRA_HEADERS": `{"x-a":"1","x-b":"2"}`,
		"STEWARD_ORGANIZATION_ID": someID, "STEWARD_TIMEOUT": "0.5", "ROE_MAX_RETRIES": "9",
	})
	s := newScript(status(500, ""))
	c, err := client.New(&client.Options{HTTPClient: &http.Client{Transport: s}, Header: http.Header{"X-B": {"mine"}}, RetryWait: 1, MaxRetryWait: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := get(t.Context(), c); err == nil || len(s.all()) != 2 {
		t.Errorf("%d tries, want 2", len(s.all()))
	}
	if h := s.all()[0].header; h.Get("X-A") != "1" || h.Get("X-B") != "mine" || h.Get("X-Organization-Id") != someID {
		t.Errorf("header = %v", h)
	}
	h := &hang{}
	c, err = client.New(&client.Options{HTTPClient: &http.Client{Transport: h}, MaxRetries: -1})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := get(context.Background(), c); steward.CodeOf(err) != steward.Timeout || time.Since(begun) > 20*time.Second {
		t.Errorf("err = %v after %v, want a time-out after half a second", err, time.Since(begun))
	}
	t.Setenv("STEWARD_MAX_RETRIES", "0")
	s = newScript(status(500, ""))
	if c, err = client.New(&client.Options{HTTPClient: &http.Client{Transport: s}}); err != nil {
		t.Fatal(err)
	}
	if err := get(t.Context(), c); err == nil || len(s.all()) != 1 {
		t.Errorf("MAX_RETRIES=0: %d tries, want 1", len(s.all()))
	}
}

func TestVariablesThatCannotBeUnderstoodAreNamed(t *testing.T) { // not parallel: it sets the environment
	for name, value := range map[string]string{
		"TIMEOUT": "soon", "BATCH_CHUNK_DELAY": "-1", "RETRY_INITIAL_MS": "NaN", "RETRY_MAX_MS": "1e300", "MAX_RETRIES": "1.5", "EXTRA_HEADERS": `{"secret":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			clearEnvironment(t, map[string]string{"STEWARD_API_KEY": "k", "STEWARD_" + name: value})
			_, err := client.New(nil)
			if err == nil || !strings.Contains(err.Error(), "STEWARD_"+name) || strings.Contains(err.Error(), "secret") {
				t.Errorf("New: %v, want an error that names the variable and no secret", err)
			}
		})
	}
}

func TestAProxyIsUsed(t *testing.T) {
	t.Parallel()
	proxy := newScript(status(200, `{"id":"`+someID+`"}`))
	srv := httptest.NewServer(proxy)
	defer srv.Close()
	c := newClient(t, client.Options{APIKey: "key", BaseURL: "http://steward.test", Proxy: srv.URL})
	defer c.Close()
	if err := get(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := proxy.all(); len(got) != 1 || got[0].path != "/v1/agents/"+someID+"/" { // nobody else answers for steward.test
		t.Errorf("the proxy was asked for %+v", got)
	}
	if _, err := client.New(&client.Options{APIKey: "key", BaseURL: "http://steward.test", Proxy: "user:secret@"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("New with a bad proxy: %v", err)
	}
}

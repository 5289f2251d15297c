package rest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/rest"
	"github.com/stewardhq/steward/internal/store"
)

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	f := newFakes()
	full := rest.Options{Agents: agentFakes{f}, Jobs: jobFakes{f}, Identity: f, Files: fileFakes{f}, Webhooks: hookFakes{f}}
	if _, err := rest.New(full); err != nil {
		t.Fatalf("complete options are refused: %v", err)
	}
	for name, spoil := range map[string]func(o *rest.Options){
		"without agents":    func(o *rest.Options) { o.Agents = nil },
		"without identity":  func(o *rest.Options) { o.Identity = nil },
		"relative base URL": func(o *rest.Options) { o.BaseURL = "api.example.com" },
		"foreign scheme":    func(o *rest.Options) { o.BaseURL = "ftp://api.example.com" },
	} {
		o := full
		spoil(&o)
		if _, err := rest.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestUnknownPathsAreJSON404(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, path := range []string{"/", "/v1", "/v1/", "/nope", "/v1/agents/jobs/", "/v1/agents/not-a-uuid/", "/v1/agents/run/", "/v1//agents/"} {
		w := call(h, http.MethodGet, path, "")
		want(t, w, http.StatusNotFound, `{"detail":"Not found."}`)
		if ct := w.Header().Get("Content-Type"); ct != "application/json" {
			t.Errorf("%s: content type %q", path, ct)
		}
	}
}

func TestWrongMethodsAreJSON405(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for target, allow := range map[string]string{
		"/v1/agents/types/":                           "GET, HEAD",
		"/v1/agents/types":                            "GET, HEAD",
		"/v1/agents/jobs/" + jobID + "/status/":       "GET, HEAD",
		"/v1/agents/" + agentID + "/versions/current": "GET, HEAD",
		"/healthz": "GET, HEAD",
	} {
		w := call(h, http.MethodPut, target, `{}`)
		want(t, w, http.StatusMethodNotAllowed, `{"detail":"Method \"PUT\" not allowed."}`)
		if got := w.Header().Get("Allow"); got != allow {
			t.Errorf("%s: Allow %q, want %q", target, got, allow)
		}
	}
}

func TestKnownButUnbuiltCallsAre405(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	want(t, call(h, http.MethodGet, "/v1/tables/", ""), http.StatusMethodNotAllowed,
		`{"detail":"Listing tables is not offered by this version."}`)
	want(t, postJSON(h, "/v1/tables/query", `{}`), http.StatusMethodNotAllowed,
		`{"detail":"Querying tables is not offered by this version."}`)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/policies/", nil))
	want(t, w, http.StatusUnauthorized, "")
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for header, status := range map[string]int{
		"":                          http.StatusUnauthorized,
		"Bearer":                    http.StatusUnauthorized,
		"Bearer  ":                  http.StatusUnauthorized,
		"Basic " + token:            http.StatusUnauthorized,
		"Bearer wrong":              http.StatusUnauthorized,
		"Bearer " + token:           http.StatusOK,
		"bearer " + token:           http.StatusOK,
		"Bearer " + token + "\t":    http.StatusOK,
		"Bearer Bearer " + token:    http.StatusUnauthorized,
		"Token " + token:            http.StatusUnauthorized,
		"Bearer " + token + " more": http.StatusUnauthorized,
	} {
		r := httptest.NewRequest(http.MethodGet, "/v1/users/current_user/", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%q: status %d, want %d", header, w.Code, status)
		}
		if status == http.StatusUnauthorized && (w.Header().Get("WWW-Authenticate") != "Bearer" || !strings.HasPrefix(w.Body.String(), `{"detail":`)) {
			t.Errorf("%q: %v %s", header, w.Header(), w.Body)
		}
	}
}

func TestOrganizationIsOnlyACrossCheck(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	const path = "/v1/agents/"
	own := strings.ToUpper(strings.ReplaceAll(orgID, "-", ""))
	notUUID := `{"organization_id":"Must be a valid UUID."}`
	for name, c := range map[string]struct {
		w      *httptest.ResponseRecorder
		status int
		body   string
	}{
		"own in the query":         {call(h, "GET", path+"?organization_id="+orgID, ""), 200, ""},
		"own in another spelling":  {call(h, "GET", path+"?organization_id="+own, ""), 200, ""},
		"empty in the query":       {call(h, "GET", path+"?organization_id=", ""), 200, ""},
		"own in headers":           {call(h, "GET", path, "", "X-Organization-Id", orgID, "X-Roe-Organization-Id", orgID), 200, ""},
		"no UUID in the query":     {call(h, "GET", path+"?organization_id=acme", ""), 400, notUUID},
		"no UUID in a header":      {call(h, "GET", path, "", "X-Roe-Organization-Id", "acme"), 400, notUUID},
		"another in the query":     {call(h, "GET", path+"?organization_id="+otherOrg, ""), 403, ""},
		"another in a header":      {call(h, "GET", path, "", "X-Organization-Id", otherOrg), 403, ""},
		"second value is another":  {call(h, "GET", path+"?organization_id="+orgID+"&organization_id="+otherOrg, ""), 403, ""},
		"own in a JSON body":       {postJSON(h, path, `{"name":"a","engine_class_id":"b","organization_id":"`+orgID+`"}`), 201, ""},
		"another in a JSON body":   {postJSON(h, path, `{"name":"a","engine_class_id":"b","organization_id":"`+otherOrg+`"}`), 403, ""},
		"no UUID in a JSON body":   {postJSON(h, path, `{"name":"a","engine_class_id":"b","organization_id":"x"}`), 400, notUUID},
		"another in a form":        {postForm(h, path, "name=a&engine_class_id=b&organization_id="+otherOrg), 403, ""},
		"own in a form":            {postForm(h, path, "name=a&engine_class_id=b&organization_id="+orgID), 201, ""},
		"malformed query":          {call(h, "GET", path+"?organization_id=%zz", ""), 400, ""},
		"another on a status poll": {call(h, "GET", "/v1/agents/jobs/"+jobID+"/status/?organization_id="+otherOrg, ""), 403, ""},
		"another on a run's query": {postForm(h, "/v1/agents/run/"+agentID+"/async/?organization_id="+otherOrg, "a=b"), 403, ""},
	} {
		if c.w.Code != c.status || (c.body != "" && c.w.Body.String() != c.body) {
			t.Errorf("%s: %d %s, want %d %s", name, c.w.Code, c.w.Body, c.status, c.body)
		}
	}
}

// TestErrorTable goes through every code and shape.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	secret := errors.New("SELECT password FROM /var/db")
	for name, c := range map[string]struct {
		err        error
		status     int
		body       string
		retryAfter string
	}{
		"invalid":              {&steward.Error{Code: steward.Invalid, Message: "No."}, 400, `{"detail":"No."}`, ""},
		"invalid field":        {&steward.Error{Code: steward.Invalid, Field: "name", Message: "Bad."}, 400, `{"name":["Bad."]}`, ""},
		"missing input":        {steward.MissingInput("doc"), 400, `["Missing input key doc"]`, ""},
		"unauthenticated":      {&steward.Error{Code: steward.Unauthenticated}, 401, `{"detail":"Authentication credentials were not provided."}`, ""},
		"denied":               {&steward.Error{Code: steward.Denied, Message: "Not you."}, 403, `{"detail":"Not you."}`, ""},
		"not found":            {&steward.Error{Code: steward.NotFound}, 404, `{"detail":"Not found."}`, ""},
		"conflict":             {&steward.Error{Code: steward.Conflict, Message: "Ended."}, 409, `{"error":"Ended."}`, ""},
		"taken name":           {&steward.Error{Code: steward.Conflict, Field: "name", Message: "Taken."}, 400, `{"name":["Taken."]}`, ""},
		"too large":            {&steward.Error{Code: steward.TooLarge, Message: "Big."}, 413, `{"detail":"Big."}`, ""},
		"unsupported":          {&steward.Error{Code: steward.Unsupported}, 405, `{"detail":"This is not offered by this version."}`, ""},
		"unsupported type":     {&steward.Error{Code: steward.Unsupported, Field: "Content-Type"}, 415, `{"detail":"Unsupported media type."}`, ""},
		"unsupported option":   {&steward.Error{Code: steward.Unsupported, Field: "tags", Message: "No tags."}, 400, `{"tags":["No tags."]}`, ""},
		"range":                {&steward.Error{Code: steward.OutOfRange}, 416, `{"error":"The range lies outside the file."}`, ""},
		"no credit":            {&steward.Error{Code: steward.NoCredit, Message: "Budget of 3 USD used."}, 402, `{"detail":"Insufficient credits to start a new job"}`, ""},
		"rate limited":         {&steward.Error{Code: steward.RateLimited, RetryAfter: 1500 * time.Millisecond}, 429, `{"detail":"Request was throttled."}`, "2"},
		"rate limited, long":   {&steward.Error{Code: steward.RateLimited, RetryAfter: time.Hour}, 429, "", "60"},
		"unavailable":          {&steward.Error{Code: steward.Unavailable, Message: "Busy.", Err: secret}, 503, `{"detail":"Busy."}`, "1"},
		"timeout":              {&steward.Error{Code: steward.Timeout, Message: "Slow."}, 504, `{"detail":"Slow."}`, ""},
		"deadline":             {context.DeadlineExceeded, 504, `{"detail":"It took too long."}`, ""},
		"internal":             {&steward.Error{Code: steward.Internal, Message: secret.Error()}, 500, `{"detail":"Internal server error."}`, ""},
		"anything else":        {secret, 500, `{"detail":"Internal server error."}`, ""},
		"unknown code":         {&steward.Error{Code: "new"}, 500, `{"detail":"Internal server error."}`, ""},
		"message is no markup": {&steward.Error{Code: steward.Denied, Message: `a "b" <c>`}, 403, `{"detail":"a \"b\" <c>"}`, ""},
	} {
		f := newFakes()
		f.status = func(context.Context, steward.JobID) (*store.JobStatus, error) { return nil, c.err }
		f.getAgent = func(context.Context, steward.AgentID) (*steward.Agent, error) { return nil, c.err }
		h := door(t, f)
		// A plain handler and a typed one share the table.
		for _, target := range []string{"/v1/agents/jobs/" + jobID + "/status/", "/v1/agents/" + agentID + "/"} {
			w := call(h, http.MethodGet, target, "")
			if w.Code != c.status || (c.body != "" && w.Body.String() != c.body) || w.Header().Get("Retry-After") != c.retryAfter {
				t.Errorf("%s on %s: %d %s Retry-After %q, want %d %s %q",
					name, target, w.Code, w.Body, w.Header().Get("Retry-After"), c.status, c.body, c.retryAfter)
			}
			if strings.Contains(w.Body.String(), "password") {
				t.Errorf("%s: the answer tells the cause: %s", name, w.Body)
			}
		}
	}
}

func TestPanicsAreJSON500WithoutText(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.status = func(context.Context, steward.JobID) (*store.JobStatus, error) { panic("secret state") }
	f.getAgent = func(context.Context, steward.AgentID) (*steward.Agent, error) { panic("secret state") }
	var log bytes.Buffer
	h, err := rest.New(rest.Options{
		Agents: agentFakes{f}, Jobs: jobFakes{f}, Identity: f, Files: fileFakes{f}, Webhooks: hookFakes{f}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/v1/agents/jobs/" + jobID + "/status/", "/v1/agents/" + agentID + "/"} {
		w := call(h, http.MethodGet, target, "", "X-Request-Id", "mine")
		want(t, w, http.StatusInternalServerError, `{"detail":"Internal server error."}`)
		if ct := w.Header().Get("Content-Type"); ct != "application/json" {
			t.Errorf("content type %q", ct)
		}
	}
	if !strings.Contains(log.String(), "secret state") || !strings.Contains(log.String(), "request_id=mine") {
		t.Errorf("the log does not tell the panic: %s", log.String())
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for given, kept := range map[string]bool{
		"roe-0123456789abcdef01234567": true,
		strings.Repeat("x", 128):       true,
		strings.Repeat("x", 129):       false,
		"with space":                   false,
		"müll":                         false,
		"":                             false,
	} {
		got := call(h, http.MethodGet, "/nope", "", "X-Request-Id", given).Header().Get("X-Request-Id")
		if (got == given) != kept || got == "" {
			t.Errorf("%q: got %q", given, got)
		}
	}
}

func TestCompressionOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.list = func(context.Context, agents.ListParams) ([]steward.Agent, int64, error) {
		many := make([]steward.Agent, 20)
		for i := range many {
			many[i] = testAgent()
		}
		return many, 20, nil
	}
	f.reference = &steward.Reference{ResourceID: "big.txt", ContentType: "text/plain", SizeBytes: 10_000, SHA256: "ee"}
	f.content = bytes.Repeat([]byte("x"), 10_000)
	h := door(t, f)
	plain := call(h, http.MethodGet, "/v1/agents/", "")
	if plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("headers %v", plain.Header())
	}
	for accept, zipped := range map[string]bool{
		"gzip": true, "gzip, deflate": true, "br;q=1.0, GZIP;q=0.5": true, "*": true, "gzip;q=0": false, "identity": false, "": false,
	} {
		w := call(h, http.MethodGet, "/v1/agents/", "", "Accept-Encoding", accept)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("%q: compressed %v", accept, got)
			continue
		}
		if !zipped {
			continue
		}
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(body, plain.Body.Bytes()) {
			t.Errorf("%q: the compressed answer is another: %v", accept, err)
		}
	}
	for _, target := range []string{"/v1/agents/jobs/" + jobID + "/references/big.txt/", "/healthz"} {
		w := call(h, http.MethodGet, target, "", "Accept-Encoding", "gzip")
		if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", target, w.Code, w.Header())
		}
	}
}

// privateUser is identity with an owner whose address no client would take.
type privateUser struct{ *fakes }

func (privateUser) CurrentUser(context.Context) (*steward.User, error) {
	return &steward.User{ID: 7, DateJoined: when()}, nil
}

func TestCurrentUserAlwaysHasAnAddress(t *testing.T) {
	t.Parallel()
	f := newFakes()
	h, err := rest.New(rest.Options{Agents: agentFakes{f}, Jobs: jobFakes{f}, Identity: privateUser{f}, Files: fileFakes{f}, Webhooks: hookFakes{f}})
	if err != nil {
		t.Fatal(err)
	}
	w := call(h, http.MethodGet, "/v1/users/current_user/", "")
	if got := decode[steward.User](t, w).Email; got != "user-7@users.invalid" {
		t.Errorf("email %q", got)
	}
}

func TestLinksBeginWithTheConfiguredURL(t *testing.T) {
	t.Parallel()
	f := newFakes()
	h, err := rest.New(rest.Options{
		Agents: agentFakes{f}, Jobs: jobFakes{f}, Identity: f, Files: fileFakes{f}, Webhooks: hookFakes{f}, BaseURL: "https://api.example.org/",
	})
	if err != nil {
		t.Fatal(err)
	}
	w := call(h, http.MethodGet, "/v1/agents/jobs/"+jobID+"/result/", "")
	if !strings.Contains(w.Body.String(), `"url":"https://api.example.org/v1/agents/jobs/`+jobID+`/references/page-1.png/"`) {
		t.Errorf("links %s", w.Body)
	}
	// Without one they follow the request, TLS included.
	if w := call(door(t, f), http.MethodGet, "https://other.example/v1/agents/jobs/"+jobID+"/result/", ""); !strings.Contains(w.Body.String(), `"https://other.example/v1/`) {
		t.Errorf("links %s", w.Body)
	}
}

func TestNothingIsWrittenForAClientThatIsGone(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.status = func(ctx context.Context, _ steward.JobID) (*store.JobStatus, error) { return nil, ctx.Err() }
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequest(http.MethodGet, "/v1/agents/jobs/"+jobID+"/status/", nil).WithContext(ctx)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	door(t, f).ServeHTTP(w, r)
	if w.Code != 499 || w.Body.Len() != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestHealthAndReadiness(t *testing.T) {
	t.Parallel()
	f := newFakes()
	var down error
	h, err := rest.New(rest.Options{
		Agents: agentFakes{f}, Jobs: jobFakes{f}, Identity: f, Files: fileFakes{f}, Webhooks: hookFakes{f}, Logger: slog.New(slog.DiscardHandler),
		Ready: func(context.Context) error { return down },
	})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	want(t, get("/healthz"), http.StatusOK, `{"status":"ok"}`)
	want(t, get("/readyz/"), http.StatusOK, `{"status":"ok"}`)
	down = errors.New("dial /run/secret.sock")
	w := get("/readyz")
	want(t, w, http.StatusServiceUnavailable, `{"detail":"The server is not ready."}`)
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	want(t, get("/healthz"), http.StatusOK, "")
	down = disk.NoRoom(nil)
	w = get("/readyz")
	want(t, w, http.StatusServiceUnavailable, `{"detail":"The server's disk is full: no new work is taken until there is room again."}`)
	if w.Header().Get("Retry-After") != "10" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
}

func TestAccessLogIsAtDebug(t *testing.T) {
	t.Parallel()
	f := newFakes()
	for level, wanted := range map[slog.Level]bool{slog.LevelDebug: true, slog.LevelInfo: false} {
		var log bytes.Buffer
		h, err := rest.New(rest.Options{
			Agents: agentFakes{f}, Jobs: jobFakes{f}, Identity: f, Files: fileFakes{f}, Webhooks: hookFakes{f},
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level})),
		})
		if err != nil {
			t.Fatal(err)
		}
		call(h, http.MethodGet, "/v1/agents/types/?api_key=secret", "")
		if got := strings.Contains(log.String(), "path=/v1/agents/types/ status=200"); got != wanted {
			t.Errorf("%v: %s", level, log.String())
		}
		if strings.Contains(log.String(), "secret") || strings.Contains(log.String(), token) {
			t.Errorf("the log holds secrets: %s", log.String())
		}
	}
}

func TestHEADAnswersLikeGET(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(door(t, newFakes()))
	defer srv.Close()
	resp, err := http.Head(srv.URL + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || resp.ContentLength != int64(len(`{"status":"ok"}`)) {
		t.Errorf("status %d, length %d", resp.StatusCode, resp.ContentLength)
	}
}

package webhooks_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/safehttp"
	"github.com/stewardhq/steward/internal/secret"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
	"github.com/stewardhq/steward/internal/webhooks"
)

// start is the time at which the tests begin.
func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func newID[T steward.UUID]() T { return T(uuid.Must(uuid.NewV7()).String()) }

// world is the service over a database of its own, with an organization, an agent and a clock that stands still.
type world struct {
	*webhooks.Service
	t      testing.TB
	path   string // of the database
	store  *sqlite.Store
	box    *secret.Box
	web    *safehttp.Client
	clock  *clock.Fake
	org    steward.OrganizationID
	agent  steward.Agent
	logs   *logBook
	files  fileFolder
	sender *webhooks.Deliverer
}

// logBook keeps what is logged.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// fileFolder is a file service: texts by their hash.
type fileFolder map[string]string

type openText struct{ *strings.Reader }

func (openText) Close() error { return nil }

// Open implements webhooks.Files.
func (f fileFolder) Open(_ context.Context, file steward.File) (io.ReadSeekCloser, error) {
	text, ok := f[file.SHA256]
	if !ok {
		return nil, &steward.Error{Code: steward.NotFound, Message: "File not found."}
	}
	return openText{strings.NewReader(text)}, nil
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, path: filepath.Join(t.TempDir(), "steward.db"), clock: clock.NewFake(start()), org: newID[steward.OrganizationID](), logs: &logBook{},
		files: fileFolder{},
	}
	var err error
	w.store, err = sqlite.Open(t.Context(), w.path, nil)
	w.ok(err)
	t.Cleanup(func() { w.ok(w.store.Close()) })
	w.box, err = secret.Open(filepath.Join(t.TempDir(), "secret.key"))
	w.ok(err)
	w.web, err = webhooks.NewClient(nil, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "Steward-Webhooks/test")
	w.ok(err)
	w.build()
	w.agent = w.newAgent(w.org, "Reader")
	return w
}

// build makes the service and its deliverer, without jitter.
func (w *world) build() {
	w.Service = webhooks.New(w.store, w.box, w.web, w.files, w.clock, &webhooks.Options{
		BaseURL: "https://steward.example.com/", Logger: slog.New(slog.NewTextHandler(w.logs, nil)),
	})
	w.sender = webhooks.NewDeliverer(w.Service, &webhooks.DelivererOptions{Random: func() float64 { return 0 }, PollEvery: 5 * time.Millisecond})
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) newAgent(org steward.OrganizationID, name string) steward.Agent {
	w.t.Helper()
	a := steward.Agent{
		ID: newID[steward.AgentID](), Name: name, OrganizationID: org, EngineClassID: "E", EngineName: "E", CreatedAt: start(), UpdatedAt: start(),
	}
	v := steward.Version{
		ID: newID[steward.VersionID](), Name: name, VersionName: "version 1", OrganizationID: org, EngineClassID: "E", EngineName: "E", CreatedAt: start(),
		EngineConfig: json.RawMessage("{}"),
	}
	a.CurrentVersionID, v.BaseAgent = v.ID, a
	w.ok(w.store.CreateAgent(w.t.Context(), a, v))
	return a
}

// as returns a context for a key with scopes of an organization.
func (w *world) as(org steward.OrganizationID, scopes ...steward.Scope) context.Context {
	return steward.WithPrincipal(w.t.Context(), &steward.Principal{OrganizationID: org, UserID: 1, Scopes: scopes})
}

// admin is as for a key of the world's organization that may do everything.
func (w *world) admin() context.Context { return w.as(w.org, steward.ScopeAdmin) }

// hook makes a webhook that is linked to the agent.
func (w *world) hook(url string, edit func(p *webhooks.CreateParams)) *steward.Webhook {
	w.t.Helper()
	p := webhooks.CreateParams{Name: "Hook", URL: url, Events: []steward.EventType{steward.EventJobCompleted}}
	if edit != nil {
		edit(&p)
	}
	hook, err := w.Create(w.admin(), p)
	w.ok(err)
	_, err = w.Link(w.admin(), hook.ID, []steward.AgentID{w.agent.ID})
	w.ok(err)
	return hook
}

// job runs one job of the agent to its end at the clock's time.
func (w *world) job(edit func(j *store.NewJob, o *store.Outcome)) steward.JobID {
	w.t.Helper()
	now := w.clock.Now()
	j := store.NewJob{
		ID: newID[steward.JobID](), OrganizationID: w.org, AgentID: w.agent.ID, VersionID: w.agent.CurrentVersionID, VersionName: "version 1",
		EngineClassID: "E", CreatorID: 1, CreatedAt: now, Timeout: time.Hour, Metadata: []byte(`{"case":"A-1"}`),
	}
	o := store.Outcome{Status: steward.StatusSuccess, At: now, Usage: steward.Free(), Outputs: []steward.Datum{
		{Key: "output", DataType: "application/json", Value: `{"total": 12.5, "note": "<b>&"}`},
	}}
	if edit != nil {
		edit(&j, &o)
	}
	_, err := w.store.Submit(w.t.Context(), []store.NewJob{j})
	w.ok(err)
	claimed, err := w.store.Claim(w.t.Context(), store.ClaimRequest{
		Worker: store.Worker{Node: "n", Incarnation: "i"}, Now: now, Max: 1, Lease: time.Minute,
	})
	w.ok(err)
	if len(claimed) != 1 {
		w.t.Fatalf("claimed %d jobs, want 1", len(claimed))
	}
	w.ok(w.store.Finish(w.t.Context(), claimed[0].Lease, o))
	return j.ID
}

// pass sends what is due and expects a number of attempts.
func (w *world) pass(want int) {
	w.t.Helper()
	got, err := w.sender.Pass(w.t.Context())
	w.ok(err)
	if got != want {
		w.t.Fatalf("%d attempts, want %d", got, want)
	}
}

// only returns a webhook's only delivery.
func (w *world) only(hook *steward.Webhook) steward.Delivery {
	w.t.Helper()
	list, _, err := w.Deliveries(w.admin(), hook.ID, nil, 1, 100)
	w.ok(err)
	if len(list) != 1 {
		w.t.Fatalf("%d deliveries, want 1", len(list))
	}
	return list[0]
}

// read returns a webhook as it is now.
func (w *world) read(hook *steward.Webhook) *steward.Webhook {
	w.t.Helper()
	now, err := w.Get(w.admin(), hook.ID)
	w.ok(err)
	return now
}

// call is a request that a receiver got.
type call struct {
	method string
	header http.Header
	host   string
	body   []byte
}

// event decodes the body.
func (c *call) event(t *testing.T) steward.Event {
	t.Helper()
	var e steward.Event
	if err := json.Unmarshal(c.body, &e); err != nil {
		t.Fatalf("body is no event: %v\n%s", err, c.body)
	}
	return e
}

// receiver is a server that takes events.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
	got   chan struct{} // gets a value for every request that was answered
}

// newReceiver starts one that answers with answer, or 204 when it is nil.
func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{got: make(chan struct{}, 10_000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Errorf("read body: %v", err)
		}
		r.mu.Lock()
		r.calls = append(r.calls, call{method: req.Method, header: req.Header.Clone(), host: req.Host, body: body})
		r.mu.Unlock()
		if answer == nil {
			rw.WriteHeader(http.StatusNoContent)
		} else {
			answer(rw, req)
		}
		r.got <- struct{}{}
	}))
	t.Cleanup(r.Close)
	return r
}

// all returns the requests so far.
func (r *receiver) all() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call(nil), r.calls...)
}

// one returns the only request.
func (r *receiver) one(t *testing.T) call {
	t.Helper()
	calls := r.all()
	if len(calls) != 1 {
		t.Fatalf("%d requests, want 1", len(calls))
	}
	return calls[0]
}

// answers is a handler that answers a status.
func answers(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// keyBytes decodes a secret in the form that callers see.
func keyBytes(t *testing.T, secret string) []byte {
	t.Helper()
	coded, is := strings.CutPrefix(secret, "whsec_")
	if !is {
		t.Fatalf("secret %q does not begin with whsec_", secret)
	}
	key, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// code expects an error of a code and a field.
func code(t *testing.T, what string, err error, want steward.Code, field string) {
	t.Helper()
	var e *steward.Error
	if steward.CodeOf(err) != want {
		t.Errorf("%s: got error %v (code %q), want code %q", what, err, steward.CodeOf(err), want)
		return
	}
	if errorsAs(err, &e) && e.Field != field {
		t.Errorf("%s: field %q, want %q", what, e.Field, field)
	}
}

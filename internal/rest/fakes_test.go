package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/identity"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest"
	"github.com/stewardhq/steward/internal/rest/admit"
	"github.com/stewardhq/steward/internal/store"
)

// Ids of the fakes' world.
const (
	orgID     = "0190a000-0000-7000-8000-000000000001"
	otherOrg  = "0190a000-0000-7000-8000-0000000000ff"
	agentID   = "0190a000-0000-7000-8000-000000000002"
	versionID = "0190a000-0000-7000-8000-000000000003"
	jobID     = "0190a000-0000-7000-8000-000000000004"
	keyID     = "0190a000-0000-7000-8000-000000000005"
	token     = "sk-test-token"
)

// when is the time of everything.
func when() time.Time { return time.Date(2026, 1, 15, 10, 30, 0, 250_000_000, time.UTC) }

// fakes are the services under the door, each method a field that a test may replace.
type fakes struct {
	scopes []steward.Scope

	create   func(ctx context.Context, p agents.CreateParams) (*steward.Agent, error)
	getAgent func(ctx context.Context, id steward.AgentID) (*steward.Agent, error)
	list     func(ctx context.Context, p agents.ListParams) ([]steward.Agent, int64, error)
	versions func(ctx context.Context, id steward.AgentID) ([]steward.Version, error)

	checkRun func(ctx context.Context, agent steward.AgentID, version steward.VersionID) error
	submit   func(ctx context.Context, p jobs.RunParams) (steward.JobID, error)
	runSync  func(ctx context.Context, p jobs.RunParams) (*steward.Job, error)
	status   func(ctx context.Context, id steward.JobID) (*store.JobStatus, error)
	result   func(ctx context.Context, id steward.JobID) (*steward.Job, error)
	listJobs func(ctx context.Context, p jobs.ListParams) ([]steward.Job, int64, error)
	cancel   func(ctx context.Context, id steward.JobID) error
	steps    func(ctx context.Context, id steward.JobID) ([]steward.Step, error)
	artifact func(ctx context.Context, id steward.JobID, key string) (*steward.Artifact, error)

	many manyFakes

	createKey func(ctx context.Context, p identity.CreateKeyParams) (*steward.Key, string, error)

	reference *steward.Reference
	content   []byte

	mu       sync.Mutex
	runs     []jobs.RunParams
	stored   map[steward.FileID]storedFile
	released []steward.FileID
	uploads  int
	uploaded chan steward.FileID // unless nil, told of each upload
}

type storedFile struct {
	file    steward.File
	content []byte
	taken   bool
}

func newFakes() *fakes {
	return &fakes{scopes: []steward.Scope{steward.ScopeAdmin}, stored: map[steward.FileID]storedFile{}}
}

func notFound() error { return &steward.Error{Code: steward.NotFound, Message: "Not found."} }

func testUser() *steward.User {
	return &steward.User{
		ID: 7, OrganizationID: orgID, Email: "owner@example.com", FirstName: "Ada", LastName: "Owner", DisplayName: "Ada Owner",
		DateJoined: when(), IsActive: true, IsMFAEnabled: true,
	}
}

func testAgent() steward.Agent {
	info := testUser().Info()
	return steward.Agent{
		ID: agentID, Creator: &info, CreatedAt: when(), UpdatedAt: when(), Name: "Invoices", OrganizationID: orgID,
		EngineClassID: "PDFExtractionEngine", EngineName: "PDF extraction", CurrentVersionID: versionID, Tags: []steward.Tag{},
	}
}

func testVersion() steward.Version {
	a := testAgent()
	return steward.Version{
		ID: versionID, Name: a.Name, VersionName: "version 1", Creator: a.Creator, CreatedAt: when(),
		EngineClassID: a.EngineClassID, EngineName: a.EngineName,
		InputDefinitions: []steward.InputDefinition{{Key: "document", DataType: "application/pdf", Description: "An invoice"}},
		EngineConfig:     json.RawMessage(`{"instruction":"Read it"}`), OrganizationID: orgID, BaseAgent: a,
		PostActions: []steward.PostAction{}, Warnings: []string{},
	}
}

func testJob() *steward.Job {
	cost := steward.MicroUSD(1250)
	return &steward.Job{
		ID: jobID, OrganizationID: orgID, AgentID: agentID, VersionID: versionID, VersionName: "version 1",
		EngineClassID: "PDFExtractionEngine", CreatorID: 7, Status: steward.StatusSuccess, CreatedAt: when(),
		UpdatedAt: when().Add(2 * time.Second), StartedAt: when().Add(time.Second), EndedAt: when().Add(2 * time.Second),
		Metadata: json.RawMessage(`{"case":"A-1","n":3,"deep":{"x":null},"none":null}`),
		Inputs: []steward.Input{
			{Key: "document", DataType: "application/pdf", Description: "An invoice", Files: []steward.File{{
				ID: "0190a000-0000-7000-8000-00000000000a", Name: "inv.pdf", ContentType: "application/pdf", SizeBytes: 9, SHA256: "ab",
			}}},
			{Key: "note", DataType: "text/plain", Value: "a <b> & c"},
		},
		Outputs: []steward.Datum{{Key: "output", DataType: "application/json", Value: `{"total":12.5}`}},
		References: []steward.Reference{{
			ResourceID: "page-1.png", Kind: "page", ContentType: "image/png", SizeBytes: 4, SHA256: "cd", CapturedAt: when(),
		}},
		Events: []steward.StatusEvent{
			{Timestamp: when(), StatusCode: steward.StatusPending},
			{Timestamp: when().Add(time.Second), StatusCode: steward.StatusStarted},
			{Timestamp: when().Add(2 * time.Second), StatusCode: steward.StatusSuccess},
		},
		Usage: steward.Usage{InputTokens: 100, OutputTokens: 20, Cost: &cost},
	}
}

// Authenticate implements rest.IdentityService.
func (f *fakes) Authenticate(_ context.Context, tok string) (*steward.Principal, error) {
	if tok != token {
		return nil, &steward.Error{Code: steward.Unauthenticated, Message: "Invalid API key."}
	}
	return &steward.Principal{OrganizationID: orgID, UserID: 7, KeyID: keyID, Scopes: f.scopes}, nil
}

func (f *fakes) CurrentUser(ctx context.Context) (*steward.User, error) {
	if _, err := steward.PrincipalFrom(ctx, steward.ScopeRead); err != nil {
		return nil, err
	}
	return testUser(), nil
}

func (f *fakes) CreateKey(ctx context.Context, p identity.CreateKeyParams) (*steward.Key, string, error) {
	if f.createKey != nil {
		return f.createKey(ctx, p)
	}
	return &steward.Key{ID: keyID, OrganizationID: orgID, UserID: 7, Name: p.Name, Prefix: "sk-abc", Scopes: p.Scopes, CreatedAt: when()}, "sk-abc-secret", nil
}

func (f *fakes) ListKeys(context.Context) ([]steward.Key, error) { return nil, nil }

func (f *fakes) RevokeKey(_ context.Context, id steward.KeyID) error {
	if id != keyID {
		return notFound()
	}
	return nil
}

// agentFakes, jobFakes and fileFakes give the services whose method names clash.
type (
	agentFakes struct{ *fakes }
	jobFakes   struct{ *fakes }
	fileFakes  struct{ *fakes }
)

func (f agentFakes) Create(ctx context.Context, p agents.CreateParams) (*steward.Agent, error) {
	if f.create != nil {
		return f.create(ctx, p)
	}
	a := testAgent()
	a.Name = p.Name
	return &a, nil
}

func (f agentFakes) Get(ctx context.Context, id steward.AgentID) (*steward.Agent, error) {
	if f.getAgent != nil {
		return f.getAgent(ctx, id)
	}
	if id != agentID {
		return nil, notFound()
	}
	a := testAgent()
	return &a, nil
}

func (f agentFakes) List(ctx context.Context, p agents.ListParams) ([]steward.Agent, int64, error) {
	if f.list != nil {
		return f.list(ctx, p)
	}
	return []steward.Agent{testAgent()}, 1, nil
}

func (f agentFakes) Version(_ context.Context, agent steward.AgentID, version steward.VersionID) (*steward.Version, error) {
	if agent != agentID || (version != "" && version != versionID) {
		return nil, notFound()
	}
	v := testVersion()
	return &v, nil
}

func (f agentFakes) Versions(ctx context.Context, agent steward.AgentID) ([]steward.Version, error) {
	if f.versions != nil {
		return f.versions(ctx, agent)
	}
	if agent != agentID {
		return nil, notFound()
	}
	return []steward.Version{testVersion()}, nil
}

func (f agentFakes) EngineTypes(context.Context) ([]steward.EngineType, error) {
	return []steward.EngineType{{
		ClassID: "PDFExtractionEngine", EngineClassID: "PDFExtractionEngine", ID: "PDFExtractionEngine", DisplayName: "PDF extraction",
		Name: "PDF extraction", Categories: []string{}, InputSchema: json.RawMessage(`{"type":"object"}`),
		DefaultValues: json.RawMessage(`{}`), DefaultEngineConfig: json.RawMessage(`{}`),
		DefaultInputDefinitions: []steward.InputDefinition{}, Outputs: []steward.Datum{}, SupportsEval: true,
	}}, nil
}

func (f agentFakes) LanguageModels(_ context.Context, capability string) ([]steward.LanguageModel, error) {
	if !slices.Contains([]string{"", "text", "image", "audio", "video"}, capability) {
		return nil, &steward.Error{Code: steward.Invalid, Field: "capability", Message: "must be image, audio or video."}
	}
	return []steward.LanguageModel{{ID: "builtin", Aliases: []string{}, Providers: []string{"builtin"}, Capabilities: []string{"text"}}}, nil
}

func (f jobFakes) TestModel(ctx context.Context, id string) (*steward.ModelTest, error) {
	if _, err := steward.PrincipalFrom(ctx, steward.ScopeAdmin); err != nil {
		return nil, err
	}
	if id != "" && id != "builtin" {
		return nil, &steward.Error{Code: steward.Invalid, Field: "model", Message: "Unknown model."}
	}
	return &steward.ModelTest{Model: "builtin", Provider: "builtin", OK: true, Answer: json.RawMessage(`{"total":1240.5}`), Usage: steward.Free()}, nil
}

func (f jobFakes) CheckRun(ctx context.Context, agent steward.AgentID, version steward.VersionID) error {
	if f.checkRun != nil {
		return f.checkRun(ctx, agent, version)
	}
	if _, err := steward.PrincipalFrom(ctx, steward.ScopeRun); err != nil {
		return err
	}
	if agent != agentID || (version != "" && version != versionID) {
		return notFound()
	}
	return nil
}

// take records a run, and takes the files of it, as package jobs does.
func (f *fakes) take(p jobs.RunParams) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs = append(f.runs, p)
	for _, in := range p.Inputs {
		if in.File == nil || in.Key == "unknown" {
			continue
		}
		s := f.stored[in.File.ID]
		s.taken = true
		f.stored[in.File.ID] = s
	}
}

func (f jobFakes) Submit(ctx context.Context, p jobs.RunParams) (steward.JobID, error) {
	if f.submit != nil {
		return f.submit(ctx, p)
	}
	f.take(p)
	return jobID, nil
}

func (f jobFakes) RunSync(ctx context.Context, p jobs.RunParams) (*steward.Job, error) {
	if f.runSync != nil {
		return f.runSync(ctx, p)
	}
	f.take(p)
	return testJob(), nil
}

func (f jobFakes) Status(ctx context.Context, id steward.JobID) (*store.JobStatus, error) {
	if f.status != nil {
		return f.status(ctx, id)
	}
	if id != jobID {
		return nil, notFound()
	}
	return &store.JobStatus{
		ID: jobID, AgentID: agentID, Status: steward.StatusStarted, CreatedAt: when(), UpdatedAt: when().Add(time.Second),
		StartedAt: when().Add(time.Second), Progress: &steward.Progress{Done: 1, Total: 3},
	}, nil
}

func (f jobFakes) Result(ctx context.Context, id steward.JobID) (*steward.Job, error) {
	if f.result != nil {
		return f.result(ctx, id)
	}
	if id != jobID {
		return nil, notFound()
	}
	return testJob(), nil
}

func (f jobFakes) List(ctx context.Context, p jobs.ListParams) ([]steward.Job, int64, error) {
	if f.listJobs != nil {
		return f.listJobs(ctx, p)
	}
	return []steward.Job{*testJob()}, 1, nil
}

func (f jobFakes) Cancel(ctx context.Context, id steward.JobID) error {
	if f.cancel != nil {
		return f.cancel(ctx, id)
	}
	if id != jobID {
		return notFound()
	}
	return nil
}

func (f jobFakes) Steps(ctx context.Context, id steward.JobID) ([]steward.Step, error) {
	if f.steps != nil {
		return f.steps(ctx, id)
	}
	return nil, nil
}

func (f jobFakes) StepsInFull(ctx context.Context, id steward.JobID) ([]steward.Step, error) {
	steps, err := f.Steps(ctx, id)
	for i := range steps {
		steps[i].Output = json.RawMessage(`"in full"`)
	}
	return steps, err
}

// closer makes a reader of bytes a file.
type closer struct{ *bytes.Reader }

func (closer) Close() error { return nil }

func (f jobFakes) OpenReference(_ context.Context, job steward.JobID, ref steward.ReferenceID) (io.ReadSeekCloser, *steward.Reference, error) {
	if f.reference == nil || job != jobID || ref != f.reference.ResourceID {
		return nil, nil, notFound()
	}
	if f.content == nil {
		return nil, nil, errors.New("open /secret/path: disk fault")
	}
	return closer{bytes.NewReader(f.content)}, f.reference, nil
}

func (f jobFakes) Artifact(ctx context.Context, job steward.JobID, key string) (*steward.Artifact, error) {
	if f.artifact != nil {
		return f.artifact(ctx, job, key)
	}
	if job != jobID || key != "extraction_1.json" {
		return nil, notFound()
	}
	return &steward.Artifact{Key: key, Result: json.RawMessage(`{"a":1}`), Metadata: json.RawMessage(`{"secret":1}`)}, nil
}

func (f fileFakes) Upload(_ context.Context, name, declaredType string, r io.Reader) (steward.File, error) {
	content, err := io.ReadAll(io.LimitReader(r, 1<<20+1))
	if err != nil {
		return steward.File{}, fmt.Errorf("stage: %w", err)
	}
	if len(content) > 1<<20 {
		return steward.File{}, &steward.Error{Code: steward.TooLarge, Message: "The file is larger than 1 MiB."}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uploads++
	id := steward.FileID(fmt.Sprintf("0190a000-0000-7000-8000-1%011d", f.uploads))
	file := steward.File{ID: id, Name: name, ContentType: declaredType, SizeBytes: int64(len(content)), SHA256: "ab"}
	f.stored[id] = storedFile{file: file, content: content}
	if f.uploaded != nil {
		f.uploaded <- id
	}
	return file, nil
}

func (f fileFakes) Release(ctx context.Context, ids ...steward.FileID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		if s, ok := f.stored[id]; ok && !s.taken {
			delete(f.stored, id)
			f.released = append(f.released, id)
		}
	}
	return nil
}

func (f fileFakes) Open(_ context.Context, file steward.File) (io.ReadSeekCloser, error) {
	if file.SHA256 == "long" {
		return closer{bytes.NewReader([]byte(strings.Repeat("long ", 10)))}, nil
	}
	return nil, notFound()
}

// reset forgets what was asked for so far.
func (f *fakes) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs, f.released, f.uploads = nil, nil, 0
	clear(f.stored)
}

// lastRun returns the parameters of the only run.
func (f *fakes) lastRun(t *testing.T) jobs.RunParams {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.runs) != 1 {
		t.Fatalf("%d runs started, want 1", len(f.runs))
	}
	return f.runs[0]
}

// left returns how many uploads are stored and not taken by a job, and how many runs were started.
func (f *fakes) left() (untaken, runs int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.stored {
		if !s.taken {
			untaken++
		}
	}
	return untaken, len(f.runs)
}

// door builds the handler over fakes.
func door(t testing.TB, f *fakes) http.Handler {
	t.Helper()
	return doorWith(t, f, &admit.Options{})
}

// doorWith is door with limits; nil lets everything in.
func doorWith(t testing.TB, f *fakes, limits *admit.Options) http.Handler {
	t.Helper()
	h, err := rest.New(rest.Options{
		Agents: agentFakes{f}, Jobs: jobFakes{f}, Identity: f, Files: fileFakes{f}, Webhooks: hookFakes{f}, Limits: limits,
		Logger: slog.New(slog.DiscardHandler), Version: "1.2.3",
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// call makes a request with the key. header holds names and values in turn.
func call(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, rd)
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// postJSON and postForm are call with a content type.
func postJSON(h http.Handler, target, body string, header ...string) *httptest.ResponseRecorder {
	return call(h, http.MethodPost, target, body, append([]string{"Content-Type", jsonType}, header...)...)
}

func postForm(h http.Handler, target, body string, header ...string) *httptest.ResponseRecorder {
	return call(h, http.MethodPost, target, body, append([]string{"Content-Type", formType}, header...)...)
}

// want checks status and, unless it is "", the whole body.
func want(t *testing.T, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d; body %s", w.Code, status, w.Body)
	}
	if body != "" && w.Body.String() != body {
		t.Fatalf("body\n%s\nwant\n%s", w.Body, body)
	}
}

// decode reads a JSON answer.
func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("answer is not the expected JSON: %v\n%s", err, w.Body)
	}
	return v
}

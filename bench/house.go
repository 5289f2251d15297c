package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/store"
)

// workers is how many jobs run at once in the benchmarks.
const workers = 128

// stepEngine is an engine that does nothing but record steps.
type stepEngine struct {
	id      string
	steps   int
	started func(run *engine.Run) // may be nil
}

// Type implements engine.Engine.
func (e *stepEngine) Type() steward.EngineType {
	return steward.EngineType{
		ClassID: e.id, EngineClassID: e.id, ID: e.id, DisplayName: e.id, Name: e.id, Summary: "Records steps.", Description: "Records steps.",
		Categories: []string{}, DefaultInputDefinitions: []steward.InputDefinition{{Key: "text", DataType: "text/plain"}}, Outputs: []steward.Datum{},
	}
}

// Params implements engine.Engine.
func (e *stepEngine) Params() []engine.Param { return nil }

// Run implements engine.Engine.
func (e *stepEngine) Run(ctx context.Context, run *engine.Run) (*engine.Result, error) {
	if e.started != nil {
		e.started(run)
	}
	for i := range e.steps {
		spec := engine.StepSpec{Name: "step[" + strconv.Itoa(i) + "]", Kind: steward.StepCompute}
		if _, err := engine.Do(ctx, run, spec, func(context.Context) (string, error) { return "ok", nil }); err != nil {
			return nil, err
		}
	}
	return &engine.Result{Outputs: []steward.Datum{{Key: "output", DataType: "text/plain", Value: "ok"}}}, nil
}

// house is the real job service and worker over a store, with one agent.
type house struct {
	svc      *jobs.Service
	ctx      context.Context //nolint:containedctx // carries the principal that all calls act for
	agent    steward.AgentID
	finished tally
	stop     context.CancelFunc
	stopped  chan error
}

// countingStore tells a tally about every job whose end is durable.
type countingStore struct {
	store.Store
	finished *tally
}

// Finish implements store.Queue.
func (s countingStore) Finish(ctx context.Context, lease store.Lease, o store.Outcome) error {
	err := s.Store.Finish(ctx, lease, o)
	if err == nil {
		s.finished.add()
	}
	return err
}

// oneAgent resolves every id to the same version.
type oneAgent struct {
	version *steward.Version
	program *engine.Program
}

// Exists implements jobs.Agents.
func (a oneAgent) Exists(context.Context, steward.OrganizationID, steward.AgentID) error { return nil }

// Resolve implements jobs.Agents.
func (a oneAgent) Resolve(context.Context, steward.OrganizationID, steward.AgentID, steward.VersionID) (*steward.Version, *engine.Program, error) {
	return a.version, a.program, nil
}

// ForRun implements jobs.Agents.
func (a oneAgent) ForRun(context.Context, steward.OrganizationID, steward.AgentID, steward.VersionID) (*steward.Version, *engine.Program, error) {
	return a.version, a.program, nil
}

// noModels is a source without models.
type noModels struct{}

// Model implements engine.ModelSource.
func (noModels) Model(string) (model.Model, steward.LanguageModel, error) {
	return nil, steward.LanguageModel{}, errors.New("benchmarks use no models")
}

// noFiles is a file service for jobs without files.
type noFiles struct{}

var errNoFiles = errors.New("benchmarks use no files")

// Upload implements jobs.Files.
func (noFiles) Upload(context.Context, string, string, io.Reader) (steward.File, error) {
	return steward.File{}, errNoFiles
}

// Bury implements jobs.Files.
func (noFiles) Bury(context.Context, []string) (int, error) { return 0, nil }

// Release implements jobs.Files.
func (noFiles) Release(context.Context, ...steward.FileID) error { return nil }

// Open implements jobs.Files.
func (noFiles) Open(context.Context, steward.File) (io.ReadSeekCloser, error) { return nil, errNoFiles }

// CheckType implements jobs.Files.
func (noFiles) CheckType(string, string, steward.File) error { return errNoFiles }

// Stored implements jobs.Files.
func (noFiles) Stored(context.Context, steward.OrganizationID, steward.FileID) (steward.File, error) {
	return steward.File{}, errNoFiles
}

// SaveForJob implements jobs.Files.
func (noFiles) SaveForJob(context.Context, store.Lease, io.Reader) (string, int64, error) {
	return "", 0, errNoFiles
}

// HoldForJob implements jobs.Files.
func (noFiles) HoldForJob(context.Context, store.Lease, steward.File) error { return errNoFiles }

// FetchForJob implements jobs.Files.
func (noFiles) FetchForJob(context.Context, store.Lease, string, int64) (steward.File, error) {
	return steward.File{}, errNoFiles
}

// openHouse starts a job service and its worker over s.
func openHouse(ctx context.Context, s store.Store, e engine.Engine) (*house, error) {
	return openHouseWith(ctx, s, e, noModels{})
}

// openHouseWith is openHouse with models.
func openHouseWith(ctx context.Context, s store.Store, e engine.Engine, models engine.ModelSource) (*house, error) {
	registry, err := engine.NewRegistry(e)
	if err != nil {
		return nil, err
	}
	id := e.Type().ClassID
	program, err := engine.Compile(registry, models, engine.ProgramParams{EngineClassID: id})
	if err != nil {
		return nil, fmt.Errorf("compile program: %w", err)
	}
	org, agent := steward.OrganizationID(uuid.NewString()), steward.AgentID(uuid.NewString())
	version := &steward.Version{
		ID: steward.VersionID(uuid.NewString()), VersionName: "1", EngineClassID: id, OrganizationID: org, BaseAgent: steward.Agent{ID: agent},
	}
	h := &house{agent: agent, stopped: make(chan error, 1)}
	quiet := slog.New(slog.DiscardHandler)
	h.svc = jobs.New(countingStore{s, &h.finished}, oneAgent{version, program}, noFiles{}, clock.System{}, jobs.Options{Logger: quiet})
	worker, err := jobs.NewWorker(h.svc, models, jobs.WorkerOptions{Concurrency: workers})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	h.stop = stop
	go func() { h.stopped <- worker.Run(running) }()
	h.ctx = steward.WithPrincipal(ctx, &steward.Principal{OrganizationID: org, UserID: 1, Scopes: []steward.Scope{steward.ScopeAdmin}})
	return h, nil
}

// close stops the worker.
func (h *house) close() error {
	h.stop()
	return <-h.stopped
}

// submit submits one job.
func (h *house) submit(metadata json.RawMessage) error {
	_, err := h.svc.Submit(h.ctx, jobs.RunParams{
		AgentID: h.agent, Inputs: []jobs.RawInput{{Key: "text", Text: "hello"}}, Metadata: metadata,
	})
	return err
}

// rate measures how many jobs of an engine go from submission to their durable end in a second.
func (h *house) rate(n int) (float64, error) {
	return throughput(h.ctx, n, &h.finished, func(context.Context, int) error { return h.submit(nil) })
}

// stamped is the metadata that tells an engine when its job was submitted.
type stamped struct {
	At int64 `json:"at"` // nanoseconds of the Unix epoch
}

func stampNow() json.RawMessage {
	return json.RawMessage(`{"at":` + strconv.FormatInt(time.Now().UnixNano(), 10) + `}`)
}

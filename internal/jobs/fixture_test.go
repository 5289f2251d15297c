package jobs_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/files"
	"github.com/stewardhq/steward/internal/identity"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/safehttp"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// house is a data folder with the services over it. Several can be opened on one folder, one after the other.
type house struct {
	t      *testing.T
	ctx    context.Context // carries the owner
	store  *sqlite.Store
	files  *files.Service
	agents *agents.Service
	jobs   *jobs.Service
	models engine.ModelSource
}

type houseOptions struct {
	dir     string // "" means a new one
	engines []engine.Engine
	models  enginetest.Models
	source  agents.Models                                     // nil means models
	reckon  func(models enginetest.Models) engine.ModelSource // nil means models that cannot tell their cost beforehand
	jobs    jobs.Options
	clock   clock.Clock                       // nil means the system's
	wrap    func(st *sqlite.Store) jobs.Store // nil means the store as it is
	files   func(f jobs.Files) jobs.Files     // nil means the files as they are
}

func openHouse(t *testing.T, o houseOptions) *house {
	t.Helper()
	if o.dir == "" {
		o.dir = t.TempDir()
	}
	if o.clock == nil {
		o.clock = clock.System{}
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	ctx := t.Context()
	st, err := sqlite.Open(ctx, filepath.Join(o.dir, "steward.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() }) // tests that reopen the folder have closed it already
	bucket, err := blob.Open(ctx, filepath.Join(o.dir, "files"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() }) // as above
	web, err := safehttp.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := engine.NewRegistry(o.engines...)
	if err != nil {
		t.Fatal(err)
	}
	var models engine.ModelSource = o.models
	if o.reckon != nil {
		models = o.reckon(o.models)
	}
	h := &house{t: t, store: st, models: models, files: files.New(st, bucket, web, &files.Options{Logger: quiet})}
	var source agents.Models = o.models
	if o.source != nil {
		source, h.models = o.source, o.source
	}
	h.agents = agents.New(st, registry, source, o.clock)
	o.jobs.Logger, o.jobs.Models = quiet, models
	var js jobs.Store = st
	if o.wrap != nil {
		js = o.wrap(st)
	}
	var fs jobs.Files = h.files
	if o.files != nil {
		fs = o.files(fs)
	}
	h.jobs = jobs.New(js, h.agents, fs, o.clock, o.jobs)
	ids := identity.New(st, o.clock, quiet)
	h.ctx = owner(ctx, t, ids, filepath.Join(o.dir, "token"))
	return h
}

// owner returns a context with the principal of the folder's first key.
func owner(ctx context.Context, t *testing.T, ids *identity.Service, tokenFile string) context.Context {
	t.Helper()
	first, err := ids.Bootstrap(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if first != nil {
		writeFile(t, tokenFile, first.Token)
	}
	p, err := ids.Authenticate(ctx, readFile(t, tokenFile))
	if err != nil {
		t.Fatal(err)
	}
	return steward.WithPrincipal(ctx, p)
}

// work runs a worker until the returned function is called, which waits for its end.
func (h *house) work(o jobs.WorkerOptions) (stop func()) {
	h.t.Helper()
	if o.Node == "" {
		o.Node = "node"
	}
	w, err := jobs.NewWorker(h.jobs, h.models, o)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("worker: %v", err)
		}
	}
	h.t.Cleanup(stop)
	return stop
}

// agent makes an agent of an engine.
func (h *house) agent(name, engineID, config string) steward.AgentID {
	h.t.Helper()
	a, err := h.agents.Create(h.ctx, agents.CreateParams{Name: name, EngineClassID: engineID, EngineConfig: json.RawMessage(config)})
	if err != nil {
		h.t.Fatalf("create agent: %v", err)
	}
	return a.ID
}

func (h *house) submit(p jobs.RunParams) steward.JobID {
	h.t.Helper()
	id, err := h.jobs.Submit(h.ctx, p)
	if err != nil {
		h.t.Fatalf("submit: %v", err)
	}
	return id
}

// eventually polls a condition until it holds.
func (h *house) eventually(what string, holds func() bool) {
	h.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			h.t.Fatalf("waited 20 s until %s", what)
		}
	}
}

// until waits for a job to reach a status that ok accepts.
func (h *house) until(id steward.JobID, ok func(steward.Status) bool) *steward.Job {
	h.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		job, err := h.jobs.Get(h.ctx, id)
		if err != nil {
			h.t.Fatalf("get job: %v", err)
		}
		if ok(job.Status) {
			return job
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("job %s is %s after 20 s; events %+v", id, job.Status, job.Events)
		}
	}
	return nil
}

func (h *house) end(id steward.JobID) *steward.Job {
	h.t.Helper()
	return h.until(id, steward.Status.Terminal)
}

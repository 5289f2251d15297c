package jobs_test

import (
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
)

// renamed is a source whose default model has had its name changed.
type renamed struct{ name string }

// Models implements agents.Models.
func (r *renamed) Models() []steward.LanguageModel { return nil }

// Model implements engine.ModelSource.
func (r *renamed) Model(id string) (m model.Model, info steward.LanguageModel, err error) {
	m, info, err = enginetest.Models(nil).Model(id)
	if id == "" {
		info.ID = r.name
	}
	return m, info, err
}

func TestAResultIsNotKeptUnderWhatItWasNotMadeWith(t *testing.T) {
	t.Parallel()
	e := newReusable("Reusable")
	source := &renamed{name: "old"}
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}, source: source})
	agent := h.agentWith("a", "Reusable", steward.InputDefinition{Key: "text", DataType: "text/plain"})
	p := text("a")
	p.AgentID = agent
	queued := h.submit(p)
	source.name = "new" // the server starts anew with another default model
	stop := h.work(jobs.WorkerOptions{})
	if job := h.end(queued); job.Status != steward.StatusSuccess {
		t.Fatalf("ended %s with %+v", job.Status, job.Failure)
	}
	if job := h.end(h.submit(p)); job.Status != steward.StatusSuccess { // and fills the cache
		t.Errorf("with the new model: %s", job.Status)
	}
	if job := h.end(h.submit(p)); job.Status != steward.StatusCached {
		t.Errorf("with the new model again: %s", job.Status)
	}
	stop()
	source.name = "old"
	h.work(jobs.WorkerOptions{})
	if job := h.end(h.submit(p)); job.Status != steward.StatusSuccess || e.runs.Load() != 3 {
		t.Errorf("with the old model: %s after %d runs", job.Status, e.runs.Load())
	}
}

func TestAResultThatIsNotToBeReusedAnyMoreFillsNoCache(t *testing.T) {
	t.Parallel()
	before, after := newReusable("Reusable"), newReusable("Reusable")
	o := houseOptions{dir: t.TempDir(), engines: []engine.Engine{before}}
	old := openHouse(t, o)
	p := text("a")
	p.AgentID = old.agentWith("a", "Reusable", steward.InputDefinition{Key: "text", DataType: "text/plain"})
	queued := old.submit(p)
	o.engines = []engine.Engine{after.Func} // a later version, whose engine is not reusable
	stop := openHouse(t, o).work(jobs.WorkerOptions{})
	if job := old.end(queued); job.Status != steward.StatusSuccess || after.runs.Load() != 1 {
		t.Fatalf("ended %s with %+v", job.Status, job.Failure)
	}
	stop()
	old.work(jobs.WorkerOptions{})
	if job := old.end(old.submit(p)); job.Status != steward.StatusSuccess || before.runs.Load() != 1 {
		t.Errorf("as before: %s after %d runs", job.Status, before.runs.Load())
	}
}

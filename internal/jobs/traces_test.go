package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
)

// curious is an engine that asks a model about a document, waits for go after that if there is one, and says what it was told.
func curious(text string, goOn <-chan struct{}) engine.Engine {
	config := append(textParams(), engine.Param{Name: "store_traces", Kind: engine.KindBoolean})
	return enginetest.Func{ID: "Asking", Config: config, Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		m, _, err := run.Model("")
		if err != nil {
			return nil, err
		}
		resp, err := m.Generate(ctx, &model.Request{
			Step: "ask", System: "Be brief.", Documents: []grounding.Document{{Name: "d", Pages: []grounding.Page{{Number: 1, Text: text}}}},
		})
		if err != nil {
			return nil, err
		}
		if goOn != nil {
			select {
			case <-goOn:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		return enginetest.Output(len(resp.Value))
	}}
}

// answers is a model that says text and counts how often it was asked.
func answers(text string, asked *atomic.Int32) enginetest.Models {
	return enginetest.Models{"default": model.Func(func(context.Context, *model.Request) (*model.Response, error) {
		asked.Add(1)
		value, err := json.Marshal(text)
		return &model.Response{Value: value, Usage: steward.Free()}, err
	})}
}

// forgets runs the loop that forgets answers.
func (h *house) forgets() {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.jobs.ForgetAnswers(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("ForgetAnswers: %v", err)
		}
	})
}

// asked returns the step that asked the model, in full.
func (h *house) asked(id steward.JobID) steward.Step {
	h.t.Helper()
	steps, err := h.jobs.StepsInFull(h.ctx, id)
	if err != nil || len(steps) != 1 {
		h.t.Fatalf("steps %+v, %v", steps, err)
	}
	return steps[0]
}

func TestWhatModelsAreAskedIsKeptOnlyWhereItIsAskedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server bool
		config string
		kept   bool
	}{
		"by default":                {false, `{}`, false},
		"the server says so":        {true, `{}`, true},
		"the agent says so":         {false, `{"store_traces": true}`, true},
		"the agent says not to":     {true, `{"store_traces": "false"}`, false},
		"the agent and the server":  {true, `{"store_traces": true}`, true},
		"neither agent nor server":  {false, `{"store_traces": false}`, false},
		"an agent that says it so ": {false, `{"store_traces": "true"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for size, text := range map[string]string{"short": "the secret", "long": strings.Repeat("the secret ", 5000)} {
				var n atomic.Int32
				h := openHouse(t, houseOptions{engines: []engine.Engine{curious(text, nil)}, models: answers(text, &n), jobs: jobs.Options{StoreTraces: c.server}})
				stop := h.work(jobs.WorkerOptions{})
				id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Asking", c.config)})
				h.end(id)
				stop()
				h.forgets()
				st := h.asked(id)
				h.eventually(size+": the answer is gone", func() bool { st = h.asked(id); return c.kept || st.Output == nil })
				if got := strings.Contains(string(st.Output), "the secret"); got != c.kept {
					t.Errorf("%s: the answer is there: %t, want %t", size, got, c.kept)
				}
				if got := strings.Contains(string(st.Prompt), "the secret") && strings.Contains(string(st.Prompt), "Be brief."); got != c.kept {
					t.Errorf("%s: the prompt is there: %t, want %t", size, got, c.kept)
				}
				if len(st.InputHash) != 64 || len(st.OutputHash) != 64 || st.Usage.Cost == nil || st.EndedAt.IsZero() {
					t.Errorf("%s: what stays: %+v", size, st)
				}
			}
		})
	}
}

// While a job is open its answers are needed: a run that is taken up again asks nothing twice.
func TestAnswersStayUntilTheJobHasEnded(t *testing.T) {
	t.Parallel()
	for size, text := range map[string]string{"short": "the secret", "long": strings.Repeat("the secret ", 5000)} {
		t.Run(size, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			goOn := make(chan struct{})
			h := openHouse(t, houseOptions{engines: []engine.Engine{curious(text, goOn)}, models: answers(text, &n)})
			h.forgets()
			stop := h.work(jobs.WorkerOptions{Grace: -1})
			id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Asking", `{}`)})
			h.eventually("the model was asked", func() bool { return n.Load() > 0 && len(h.stepsOf(id)) > 0 })
			stop()
			if forgotten, _, err := h.store.ForgetAnswers(t.Context(), time.Now(), 10); err != nil || forgotten != 0 {
				t.Errorf("forgotten of an open job: %d, %v", forgotten, err)
			}
			close(goOn)
			h.work(jobs.WorkerOptions{})
			job := h.end(id)
			if job.Status != steward.StatusSuccess || n.Load() != 1 || job.Attempt < 2 {
				t.Errorf("ended %s in attempt %d after %d questions", job.Status, job.Attempt, n.Load())
			}
			var length int
			if err := json.Unmarshal([]byte(job.Outputs[0].Value), &length); err != nil || length < len(text) {
				t.Errorf("the second attempt was told %s, %v", job.Outputs[0].Value, err)
			}
		})
	}
}

func (h *house) stepsOf(id steward.JobID) []steward.Step {
	h.t.Helper()
	steps, err := h.jobs.Steps(h.ctx, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return steps
}

func TestTheFilesOfLongAnswersGoWithThem(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	h := openHouse(t, houseOptions{engines: []engine.Engine{curious("x", nil)}, models: answers(strings.Repeat("the secret ", 5000), &n)})
	stop := h.work(jobs.WorkerOptions{})
	id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Asking", `{}`)})
	h.end(id)
	stop()
	st := h.stepsOf(id)[0]
	file := steward.File{SHA256: st.OutputHash}
	body, err := h.files.Open(h.ctx, file)
	if err != nil {
		t.Fatalf("the answer's file before: %v", err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
	h.forgets()
	h.eventually("the answer's file is gone", func() bool {
		body, err := h.files.Open(h.ctx, file)
		if steward.CodeOf(err) == steward.NotFound {
			return true
		}
		if err := errors.Join(err, body.Close()); err != nil {
			t.Fatal(err)
		}
		return false
	})

}

package jobs_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
)

func TestAJobThatIsHeldBackBurnsNoRetries(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	always := enginetest.Func{ID: "Always", Do: func(context.Context, *engine.Run) (*engine.Result, error) {
		if calls.Add(100) < 300 {
			return nil, &steward.Failure{Code: steward.FailModelUnavailable, Message: "Held.", Transient: true, Held: true, RetryAfter: time.Millisecond}
		}
		return enginetest.Output("ok")
	}}
	late := enginetest.Func{ID: "Late", Do: func(context.Context, *engine.Run) (*engine.Result, error) {
		return nil, &steward.Failure{Code: steward.FailModelUnavailable, Message: "Held.", Transient: true, Held: true, RetryAfter: time.Hour}
	}}
	h := openHouse(t, houseOptions{engines: []engine.Engine{always, late}})
	h.work(jobs.WorkerOptions{Retries: jobs.Retries{Max: -1}, PollEvery: 20 * time.Millisecond})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Always", `{}`)}))
	if job.Status != steward.StatusSuccess || job.Attempt != 3 {
		t.Errorf("ended %s at attempt %d with %+v, want SUCCESS at 3", job.Status, job.Attempt, job.Failure)
	}
	lateID := h.submit(jobs.RunParams{AgentID: h.agent("b", "Late", `{}`), Timeout: time.Minute})
	if job := h.end(lateID); job.Status != steward.StatusFailure || job.Failure.Code != steward.FailModelUnavailable {
		t.Errorf("a hold beyond the deadline: ended %s with %+v", job.Status, job.Failure)
	}
}

// paidFailures is a model whose first calls fail and cost something all the same.
type paidFailures struct {
	meter
	failures, cost int32
}

// Generate implements model.Model.
func (m *paidFailures) Generate(ctx context.Context, req *model.Request) (*model.Response, error) {
	if m.calls.Load() < m.failures {
		m.calls.Add(1)
		cost := steward.MicroUSD(m.cost)
		return nil, &steward.Failure{
			Code: steward.FailProviderError, Message: "It broke off.", Transient: true, Usage: &steward.Usage{InputTokens: 7, Cost: &cost},
		}
	}
	return m.meter.Generate(ctx, req)
}

func TestWhatFailedCallsCostIsBooked(t *testing.T) {
	t.Parallel()
	m := &paidFailures{meter: meter{cost: 1000}, failures: 2, cost: 500}
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{costly("Costly", 1, false)}, models: enginetest.Models{"default": m}, reckon: reckon(1000),
		jobs: jobs.Options{Budget: jobs.Budget{PerOrganization: 1_000_000}},
	})
	h.work(jobs.WorkerOptions{Retries: jobs.Retries{First: time.Millisecond, Grow: 1}})
	agent := h.agent("a", "Costly", `{}`)
	job := h.end(h.submit(jobs.RunParams{AgentID: agent}))
	if job.Status != steward.StatusSuccess || job.Usage.Cost == nil || *job.Usage.Cost != 2000 || job.Usage.InputTokens != 24 {
		t.Errorf("ended %s %+v with usage %+v, want a cost of 2000", job.Status, job.Failure, job.Usage)
	}
	report, err := h.jobs.Usage(h.ctx, jobs.UsageParams{AgentID: agent})
	if err != nil || report.Totals.Cost != 2000 || report.Totals.Calls != 3 {
		t.Errorf("the books: %+v, %v", report, err)
	}
	for _, l := range report.Budgets {
		if l.Spent != 0.002 {
			t.Errorf("the budget: %+v", l)
		}
	}
	steps, err := h.jobs.Steps(h.ctx, job.ID)
	names := map[string]bool{}
	for i := range steps {
		names[steps[i].Name] = true
	}
	if err != nil || len(steps) != 3 {
		t.Errorf("steps %v, %v", names, err)
	}

	m.calls.Store(0)
	m.failures = 100
	job = h.end(h.submit(jobs.RunParams{AgentID: agent}))
	if job.Status != steward.StatusFailure || job.Usage.Cost == nil || *job.Usage.Cost != 1500 {
		t.Errorf("a job that failed: %s with usage %+v, want a cost of 1500", job.Status, job.Usage)
	}
}

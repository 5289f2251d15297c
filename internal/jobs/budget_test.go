package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/store"
)

// reckoned are models whose calls all may cost so much; below 0 nobody knows their prices.
type reckoned struct {
	enginetest.Models
	most steward.MicroUSD
}

// Estimator implements engine.Estimator.
func (r reckoned) Estimator(string) (model.Estimate, bool) {
	if r.most < 0 {
		return func(*model.Request) *steward.MicroUSD { return nil }, false
	}
	return func(*model.Request) *steward.MicroUSD { return &r.most }, true
}

func reckon(most steward.MicroUSD) func(enginetest.Models) engine.ModelSource {
	return func(m enginetest.Models) engine.ModelSource { return reckoned{m, most} }
}

// meter is a model whose calls cost so much and which counts them.
type meter struct {
	cost          steward.MicroUSD
	takes         time.Duration
	calls         atomic.Int32
	running, most atomic.Int32
}

// Generate implements model.Model.
func (m *meter) Generate(ctx context.Context, _ *model.Request) (*model.Response, error) {
	m.calls.Add(1)
	n := m.running.Add(1)
	for most := m.most.Load(); n > most && !m.most.CompareAndSwap(most, n); most = m.most.Load() {
	}
	defer m.running.Add(-1)
	timer := time.NewTimer(m.takes)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	cost := m.cost
	return &model.Response{
		Value: json.RawMessage(`"x"`), Model: "m-1", Provider: "p-1", Usage: steward.Usage{InputTokens: 10, CachedTokens: 4, OutputTokens: 5, ReasoningTokens: 2, Cost: &cost},
	}, nil
}

func (m *meter) models() enginetest.Models { return enginetest.Models{"default": m} }

func wantCostLimit(t *testing.T, job *steward.Job, words string) {
	t.Helper()
	if job.Status != steward.StatusFailure || job.Failure.Code != steward.FailCostLimit || !strings.Contains(job.Failure.Message, words) {
		t.Errorf("ended %s with %+v, want cost_limit with %q", job.Status, job.Failure, words)
	}
}

func TestParallelCallsOfARunKeepItsLimit(t *testing.T) {
	t.Parallel()
	m := &meter{cost: 300_000, takes: 20 * time.Millisecond}
	h := openHouse(t, houseOptions{engines: []engine.Engine{costly("Costly", 8, true)}, models: m.models(), reckon: reckon(300_000)})
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Costly", `{"max_cost_usd": 1}`)}))
	wantCostLimit(t, job, "spent 1.200000 USD, its limit is 1.000000")
	if m.calls.Load() != 4 || m.most.Load() > 3 {
		t.Errorf("%d calls, %d at once, want 4 and at most 3", m.calls.Load(), m.most.Load())
	}
	if *job.Usage.Cost != 1_200_000 {
		t.Errorf("cost %d", *job.Usage.Cost)
	}
}

func TestRunsOfAnOrganizationKeepItsBudgetTogether(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]jobs.Budget{
		"organization, day":   {PerOrganization: 1_000_000},
		"organization, month": {PerOrganizationMonth: 1_000_000},
		"agent, day":          {PerAgent: 1_000_000},
		"agent, month":        {PerAgentMonth: 1_000_000, PerOrganization: 5_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &meter{cost: 150_000, takes: 5 * time.Millisecond}
			h := openHouse(t, houseOptions{
				engines: []engine.Engine{costly("Costly", 3, true)}, models: m.models(), reckon: reckon(200_000), jobs: jobs.Options{Budget: b},
			})
			agent := h.agent("a", "Costly", `{}`)
			ids := make([]steward.JobID, 10)
			for i := range ids {
				ids[i] = h.submit(jobs.RunParams{AgentID: agent})
			}
			h.work(jobs.WorkerOptions{})
			for _, id := range ids {
				if job := h.end(id); job.Status != steward.StatusSuccess {
					wantCostLimit(t, job, "budget of the "+strings.Split(name, ",")[0]+" for this "+strings.Split(name, ", ")[1]+" is used up")
				}
			}
			if n := m.calls.Load(); n != 7 || m.most.Load() > 5 {
				t.Errorf("%d calls, %d at once, want 7 and at most 5", n, m.most.Load())
			}
			if _, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: agent}); steward.CodeOf(err) != steward.NoCredit {
				t.Errorf("another run: %v", err)
			}
			report, err := h.jobs.Usage(h.ctx, jobs.UsageParams{AgentID: agent})
			if err != nil || report.Totals.Cost != 1_050_000 || report.Totals.Calls != 7 {
				t.Fatalf("usage: %+v, %v", report, err)
			}
			used := false
			for _, l := range report.Budgets {
				used = used || l.Left == 0 && l.Limit == 1 && l.Spent == 1.05 && l.ResetsAt.After(time.Now())
			}
			if !used {
				t.Errorf("budgets: %+v", report.Budgets)
			}
		})
	}
}

func TestBudgetsOfOtherAgentsAndOrganizationsAreNotTouched(t *testing.T) {
	t.Parallel()
	m := &meter{cost: 2_000_000}
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{costly("Costly", 1, false)}, models: m.models(), reckon: reckon(1_000_000),
		jobs: jobs.Options{Budget: jobs.Budget{PerAgent: 1_000_000}},
	})
	h.work(jobs.WorkerOptions{})
	first, second := h.agent("a", "Costly", `{}`), h.agent("b", "Costly", `{}`)
	h.end(h.submit(jobs.RunParams{AgentID: first}))
	if _, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: first}); steward.CodeOf(err) != steward.NoCredit {
		t.Errorf("the agent that spent: %v", err)
	}
	if job := h.end(h.submit(jobs.RunParams{AgentID: second})); job.Status != steward.StatusSuccess {
		t.Errorf("the other agent: %s", job.Status)
	}
}

func TestAnOrganizationMayHaveABudgetOfItsOwn(t *testing.T) {
	t.Parallel()
	m := &meter{cost: 2_000_000}
	o := houseOptions{dir: t.TempDir(), engines: []engine.Engine{costly("Costly", 1, false)}, models: m.models(), reckon: reckon(2_000_000)}
	h := openHouse(t, o)
	p, err := steward.PrincipalFrom(h.ctx, steward.ScopeRead)
	if err != nil {
		t.Fatal(err)
	}
	agent := h.agent("a", "Costly", `{}`)
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	o.jobs.Budget = jobs.Budget{
		PerOrganization: 1, PerAgent: 1, Organizations: map[steward.OrganizationID]jobs.Budget{p.OrganizationID: {PerOrganizationMonth: 5_000_000}},
	}
	h = openHouse(t, o)
	h.work(jobs.WorkerOptions{})
	for range 3 {
		if job := h.end(h.submit(jobs.RunParams{AgentID: agent})); job.Status != steward.StatusSuccess {
			t.Fatalf("ended %s with %+v", job.Status, job.Failure)
		}
	}
	if _, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: agent}); steward.CodeOf(err) != steward.NoCredit {
		t.Errorf("over the organization's own budget: %v", err)
	}
	report, err := h.jobs.Usage(h.ctx, jobs.UsageParams{AgentID: agent})
	if err != nil || len(report.Budgets) != 1 || report.Budgets[0].Period != steward.BudgetMonth || report.Budgets[0].Left != 0 {
		t.Errorf("budgets: %+v, %v", report, err)
	}
}

func TestAModelOfUnknownPriceIsRefusedBeforeItsFirstCallWhereThereIsALimit(t *testing.T) {
	t.Parallel()
	m := &meter{}
	o := houseOptions{engines: []engine.Engine{costly("Costly", 2, false)}, models: m.models(), reckon: reckon(-1)}
	h := openHouse(t, o)
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Costly", `{"max_cost_usd": 1}`)}))
	wantCostLimit(t, job, "The price of the model default is unknown, so the run's limit of 1.000000 USD cannot be kept.")
	o.jobs.Budget = jobs.Budget{PerOrganizationMonth: 1}
	capped := openHouse(t, o)
	capped.work(jobs.WorkerOptions{})
	job = capped.end(capped.submit(jobs.RunParams{AgentID: capped.agent("a", "Costly", `{}`)}))
	wantCostLimit(t, job, "The price of the model default is unknown, so the budget of the organization for this month cannot be kept.")
	if n := m.calls.Load(); n != 0 {
		t.Errorf("%d calls were made", n)
	}
	if job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("b", "Costly", `{}`)})); job.Status != steward.StatusSuccess {
		t.Errorf("without a limit: %s", job.Status)
	}
}

func TestFreeModelsNeedNoMoney(t *testing.T) {
	t.Parallel()
	m := &meter{}
	h := openHouse(t, houseOptions{engines: []engine.Engine{costly("Costly", 3, true)}, models: m.models(), reckon: reckon(0)})
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Costly", `{"max_cost_usd": 0}`)}))
	if job.Status != steward.StatusSuccess {
		t.Errorf("ended %s with %+v", job.Status, job.Failure)
	}
	report, err := h.jobs.Usage(h.ctx, jobs.UsageParams{GroupBy: steward.UsageByModel})
	if err != nil || len(report.Results) != 1 || report.Results[0].Calls != 3 || report.Results[0].Model != "m-1" || report.Results[0].Provider != "p-1" {
		t.Errorf("usage: %+v, %v", report, err)
	}
}

// A run that waits for what another one has reserved ends when it is cancelled or its time is over.
func TestARunThatWaitsForMoneyCanBeEnded(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}, 10), make(chan struct{})
	m := model.Func(func(ctx context.Context, r *model.Request) (*model.Response, error) {
		begun <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return priced(100_000).Generate(ctx, r)
	})
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{costly("Costly", 1, false)}, models: enginetest.Models{"default": m}, reckon: reckon(900_000),
		jobs: jobs.Options{Budget: jobs.Budget{PerOrganization: 1_000_000}},
	})
	h.work(jobs.WorkerOptions{})
	agent := h.agent("a", "Costly", `{}`)
	first := h.submit(jobs.RunParams{AgentID: agent})
	<-begun
	cancelled, late := h.submit(jobs.RunParams{AgentID: agent}), h.submit(jobs.RunParams{AgentID: agent, Timeout: 100 * time.Millisecond})
	last := h.submit(jobs.RunParams{AgentID: agent})
	if job := h.end(late); job.Status != steward.StatusFailure || job.Failure.Code != steward.FailTimeout {
		t.Errorf("a run whose time was over: %s with %+v", job.Status, job.Failure)
	}
	h.until(cancelled, func(s steward.Status) bool { return s == steward.StatusStarted })
	if err := h.jobs.Cancel(h.ctx, cancelled); err != nil {
		t.Fatal(err)
	}
	if job := h.end(cancelled); job.Status != steward.StatusCancelled {
		t.Errorf("a run that was cancelled: %s with %+v", job.Status, job.Failure)
	}
	if len(begun) != 0 {
		t.Errorf("%d calls began beside the one that has reserved nearly all", len(begun))
	}
	close(release)
	for _, id := range []steward.JobID{first, last} {
		if job := h.end(id); job.Status != steward.StatusSuccess {
			t.Errorf("ended %s with %+v", job.Status, job.Failure)
		}
	}
}

func TestWithoutCreditNothingIsTakenIn(t *testing.T) {
	t.Parallel()
	m := &meter{cost: 1_000_000}
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{costly("Costly", 1, false)}, models: m.models(), reckon: reckon(1_000_000),
		jobs: jobs.Options{Budget: jobs.Budget{PerOrganizationMonth: 1_000_000}},
	})
	agent := h.agent("a", "Costly", `{}`)
	batch, err := h.jobs.CreateBatch(h.ctx, jobs.BatchParams{AgentID: agent})
	if err != nil {
		t.Fatal(err)
	}
	stop := h.work(jobs.WorkerOptions{})
	h.end(h.submit(jobs.RunParams{AgentID: agent}))
	stop()
	_, many := h.jobs.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: texts("a", "b")})
	_, items := h.jobs.AddItems(h.ctx, batch.ID, jobs.ItemsParams{Items: texts("a", "b")})
	_, resumed := h.jobs.ResumeBatch(h.ctx, batch.ID, nil)
	_, sync := h.jobs.RunSync(h.ctx, jobs.RunParams{AgentID: agent})
	for what, err := range map[string]error{"run-many": many, "items of a batch": items, "a resume": resumed, "a run": sync} {
		if steward.CodeOf(err) != steward.NoCredit {
			t.Errorf("%s: %v, want no credit", what, err)
		}
	}
	_, count, err := h.jobs.List(h.ctx, jobs.ListParams{JobQuery: store.JobQuery{AgentID: agent}})
	if err != nil || count != 1 {
		t.Errorf("%d jobs, %v, want the first alone", count, err)
	}
	if b, err := h.jobs.Batch(h.ctx, batch.ID); err != nil || b.Received != 0 || b.Usage.Calls != 0 {
		t.Errorf("the batch: %+v, %v", b, err)
	}
}

func TestABudgetIsThereAgainInTheNextMonth(t *testing.T) {
	t.Parallel()
	m := &meter{cost: 1_000_000}
	c := clock.NewFake(time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC))
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{costly("Costly", 1, false)}, models: m.models(), reckon: reckon(1_000_000), clock: c,
		jobs: jobs.Options{Budget: jobs.Budget{PerOrganizationMonth: 1_000_000}},
	})
	h.work(jobs.WorkerOptions{})
	agent := h.agent("a", "Costly", `{}`)
	h.end(h.submit(jobs.RunParams{AgentID: agent}))
	if _, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: agent}); steward.CodeOf(err) != steward.NoCredit {
		t.Errorf("in the same month: %v", err)
	}
	c.Advance(time.Hour)
	if job := h.end(h.submit(jobs.RunParams{AgentID: agent})); job.Status != steward.StatusSuccess {
		t.Errorf("in the next month: %s with %+v", job.Status, job.Failure)
	}
	report, err := h.jobs.Usage(h.ctx, jobs.UsageParams{From: new(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), GroupBy: steward.UsageByMonth})
	if err != nil || len(report.Results) != 2 || report.Results[0].Month != "2026-02" || report.Results[1].CostUSD != 1 || report.To != "2026-02-01" {
		t.Errorf("usage: %+v, %v", report, err)
	}
}

func TestTheFirstDayOfAllIsADayLikeOthers(t *testing.T) {
	t.Parallel()
	m := &meter{cost: 7}
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{costly("Costly", 1, false)}, models: m.models(), clock: clock.NewFake(time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC)),
	})
	h.work(jobs.WorkerOptions{})
	h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Costly", `{}`)}))
	for _, c := range []struct {
		p        jobs.UsageParams
		from, to string
		calls    int64
	}{
		{jobs.UsageParams{To: new(time.Time)}, "0001-01-01", "0001-01-01", 0},
		{jobs.UsageParams{From: new(time.Time)}, "0001-01-01", "2026-01-31", 1},
		{jobs.UsageParams{From: new(time.Time), To: new(time.Time)}, "0001-01-01", "0001-01-01", 0},
		{jobs.UsageParams{}, "2026-01-01", "2026-01-31", 1},
	} {
		report, err := h.jobs.Usage(h.ctx, c.p)
		if err != nil || report.From != c.from || report.To != c.to || report.Totals.Calls != c.calls {
			t.Errorf("asked for %v to %v: %+v, %v", c.p.From, c.p.To, report, err)
		}
	}
}

func TestUsageSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{})
	day := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	for field, p := range map[string]jobs.UsageParams{
		"to": {From: &day, To: new(day.AddDate(0, 0, -1))}, "group_by": {GroupBy: "week"},
	} {
		_, err := h.jobs.Usage(h.ctx, p)
		var e *steward.Error
		if !errors.As(err, &e) || e.Code != steward.Invalid || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := h.jobs.Usage(h.ctx, jobs.UsageParams{AgentID: "01890000-0000-7000-8000-000000000099"}); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("an unknown agent: %v", err)
	}
	if _, err := h.jobs.Usage(h.ctx, jobs.UsageParams{Page: 2}); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("a page behind the last: %v", err)
	}
	if _, err := h.jobs.Usage(context.Background(), jobs.UsageParams{}); steward.CodeOf(err) == "" {
		t.Error("nobody may read the books")
	}
	report, err := h.jobs.Usage(h.ctx, jobs.UsageParams{To: &day})
	if err != nil || report.From != "2026-01-01" || report.To != "2026-01-05" || report.GroupBy != steward.UsageByDay || report.Results == nil || report.Budgets == nil {
		t.Errorf("empty books: %+v, %v", report, err)
	}
}

// The usage of a batch holds what its items used, also before they were run again.
func TestABatchTellsWhatItUsed(t *testing.T) {
	t.Parallel()
	m := &meter{cost: 7}
	var failing atomic.Bool
	failing.Store(true)
	e := enginetest.Func{ID: "Costly", Config: textParams(), Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		mod, _, err := run.Model("")
		if err != nil {
			return nil, err
		}
		if _, err := mod.Generate(ctx, &model.Request{Step: "call"}); err != nil {
			return nil, err
		}
		if failing.Load() {
			return nil, &steward.Failure{Code: steward.FailModelRefused, Message: "No."}
		}
		return enginetest.Output("ok")
	}}
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}, models: m.models()})
	h.work(jobs.WorkerOptions{})
	agent := h.agentWith("a", "Costly", steward.InputDefinition{Key: "text", DataType: "text/plain"})
	batch, err := h.jobs.CreateBatch(h.ctx, jobs.BatchParams{AgentID: agent})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := h.jobs.AddItems(h.ctx, batch.ID, jobs.ItemsParams{Items: texts("a", "b")})
	if err != nil {
		t.Fatal(err)
	}
	var sum steward.MicroUSD
	for _, id := range ids {
		sum += *h.end(id).Usage.Cost
	}
	check := func(want steward.MicroUSD) {
		t.Helper()
		b, err := h.jobs.Batch(h.ctx, batch.ID)
		if err != nil || b.Usage.Cost != want || b.Usage.Calls != int64(want/7) {
			t.Errorf("usage of the batch: %+v, %v, want %d", b.Usage, err, want)
		}
	}
	check(sum)
	failing.Store(false)
	if _, err := h.jobs.ResumeBatch(h.ctx, batch.ID, nil); err != nil {
		t.Fatal(err)
	}
	items, _, err := h.jobs.BatchItems(h.ctx, batch.ID, store.ItemQuery{}, 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		h.end(it.JobID)
	}
	check(2 * sum)
}

func TestManyRunsAtOnceCostWhatTheBooksSay(t *testing.T) {
	t.Parallel()
	m := &meter{cost: 11}
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{costly("Costly", 4, true)}, models: m.models(), reckon: reckon(20),
		jobs: jobs.Options{Budget: jobs.Budget{PerOrganization: 1 << 40, PerAgentMonth: 1 << 40}},
	})
	h.work(jobs.WorkerOptions{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	var sum steward.MicroUSD
	for i := range 4 {
		agent := h.agent(fmt.Sprint("a", i), "Costly", `{"max_cost_usd": 1}`)
		wg.Go(func() {
			for range 10 {
				id, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: agent})
				if err != nil {
					t.Errorf("submit: %v", err)
					return
				}
				job := h.end(id)
				mu.Lock()
				sum += *job.Usage.Cost
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	report, err := h.jobs.Usage(h.ctx, jobs.UsageParams{GroupBy: steward.UsageByAgent})
	if err != nil || report.Totals.Cost != sum || sum != 4*10*4*11 || report.Totals.Calls != 160 || report.Totals.CachedTokens != 640 || len(report.Results) != 4 {
		t.Errorf("jobs cost %d, the books say %+v, %v", sum, report, err)
	}
}

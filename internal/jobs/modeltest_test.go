package jobs_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
)

// tested is a model that answers the question of a test for so much, after so many paid failures.
type tested struct {
	cost, failed steward.MicroUSD
	failures     int32
	calls        atomic.Int32
}

// Generate implements model.Model.
func (m *tested) Generate(context.Context, *model.Request) (*model.Response, error) {
	if m.calls.Add(1) <= m.failures {
		return nil, &steward.Failure{Code: steward.FailProviderError, Message: "It broke off.", Usage: &steward.Usage{InputTokens: 7, Cost: &m.failed}}
	}
	return &model.Response{
		Value: json.RawMessage(`{"invoice_number":"2026-0417","total":1240.5,"currency":"EUR"}`), Model: "m-1", Provider: "p-1", Finish: model.FinishStop,
		Usage: steward.Usage{InputTokens: 10, OutputTokens: 5, Cost: &m.cost}, Others: []model.Spent{{Model: "m-0", Provider: "p-0", Usage: steward.Usage{InputTokens: 2, Cost: &m.failed}}},
	}, nil
}

func (h *house) usage(group steward.UsageGroup) *steward.UsageReport {
	h.t.Helper()
	report, err := h.jobs.Usage(h.ctx, jobs.UsageParams{GroupBy: group})
	if err != nil {
		h.t.Fatal(err)
	}
	return report
}

func TestATestOfAModelIsInTheBooksAndKeepsTheBudget(t *testing.T) {
	t.Parallel()
	m := &tested{cost: 600_000, failed: 50_000, failures: 1}
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{enginetest.Steps{N: 0}}, models: enginetest.Models{"default": m}, reckon: reckon(600_000),
		jobs: jobs.Options{Budget: jobs.Budget{PerOrganization: 1_000_000}},
	})
	test, err := h.jobs.TestModel(h.ctx, "")
	if err != nil || test.Failure == nil || test.Usage.Cost == nil || *test.Usage.Cost != 50_000 {
		t.Fatalf("a test that fails and costs something: %+v, %v", test, err)
	}
	for i := range 2 {
		test, err = h.jobs.TestModel(h.ctx, "")
		if err != nil || !test.OK || test.Usage.Cost == nil || *test.Usage.Cost != 650_000 || test.Usage.InputTokens != 12 {
			t.Errorf("test %d: %+v, %v", i, test, err)
		}
	}
	if _, err := h.jobs.TestModel(h.ctx, ""); steward.CodeOf(err) != steward.NoCredit || m.calls.Load() != 3 {
		t.Errorf("over the budget: %v after %d calls", err, m.calls.Load())
	}
	if _, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: h.agent("a", "Steps0Engine", `{}`)}); steward.CodeOf(err) != steward.NoCredit {
		t.Errorf("a run over the budget: %v", err)
	}
	byAgent := h.usage(steward.UsageByAgent)
	if len(byAgent.Results) != 1 || byAgent.Results[0].AgentID != "" || byAgent.Totals.Cost != 1_350_000 || byAgent.Totals.Calls != 5 || byAgent.Budgets[0].Spent != 1.35 {
		t.Errorf("by agent: %+v", byAgent)
	}
	rows := h.usage(steward.UsageByModel).Results
	if len(rows) != 3 || rows[0].Model != "m-1" || rows[0].Cost != 1_200_000 || rows[1].Model != "m-0" || rows[1].Cost != 100_000 || rows[2].Model != "default" || rows[2].Cost != 50_000 {
		t.Errorf("by model: %+v", rows)
	}
}

func TestAModelWithoutAPriceIsNotTestedWhereThereIsABudget(t *testing.T) {
	t.Parallel()
	m := &tested{}
	h := openHouse(t, houseOptions{
		models: enginetest.Models{"default": m}, reckon: reckon(-1), jobs: jobs.Options{Budget: jobs.Budget{PerOrganization: 1_000_000}},
	})
	test, err := h.jobs.TestModel(h.ctx, "")
	if err != nil || test.Failure == nil || test.Failure.Code != steward.FailCostLimit || m.calls.Load() != 0 {
		t.Errorf("got %+v, %v after %d calls", test, err, m.calls.Load())
	}
}

func TestOnlyAdministratorsTestModels(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{models: enginetest.Models{"default": &tested{}}})
	p, err := steward.PrincipalFrom(h.ctx, steward.ScopeAdmin)
	if err != nil {
		t.Fatal(err)
	}
	reader := *p
	reader.Scopes = []steward.Scope{steward.ScopeRead, steward.ScopeRun, steward.ScopeWrite}
	if _, err := h.jobs.TestModel(steward.WithPrincipal(h.ctx, &reader), ""); steward.CodeOf(err) != steward.Denied {
		t.Errorf("without the scope: %v", err)
	}
	if _, err := h.jobs.TestModel(h.ctx, "no-such-model"); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("an unknown model: %v", err)
	}
}

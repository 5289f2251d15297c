package client_test

import (
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func TestTheBooksAreReadInPagesAndAsARange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	first, second := h.agent(t, textAgent("first")), h.agent(t, textAgent("second"))
	for _, agent := range []steward.AgentID{first, first, second} {
		if _, err := h.RunSync(ctx, agent, client.RunParams{Inputs: client.Inputs{"text": "Total: 5"}, SkipCache: true}); err != nil {
			t.Fatal(err)
		}
	}
	report, err := h.Usage(ctx, client.UsageQuery{GroupBy: steward.UsageByAgent, PageSize: 1})
	if err != nil || report.Count != 2 || len(report.Results) != 1 || report.Next == nil || report.Totals.Calls != 3 || report.Budgets == nil {
		t.Fatalf("the first page: %+v, %v", report, err)
	}
	if r := report.Results[0]; r.AgentID != first || r.AgentName != "first" || r.Calls != 2 || r.Cost != 0 || r.UnpricedCalls != 0 {
		t.Errorf("its row: %+v", r)
	}
	rows := h.UsageRows(ctx, client.UsageQuery{GroupBy: steward.UsageByAgent, PageSize: 1})
	for range 2 { // a range starts over
		var calls []int64
		for r, err := range rows {
			if err != nil {
				t.Fatal(err)
			}
			calls = append(calls, r.Calls)
		}
		if len(calls) != 2 || calls[0]+calls[1] != 3 {
			t.Errorf("calls by agent: %v", calls)
		}
	}
	models, err := h.Usage(ctx, client.UsageQuery{GroupBy: steward.UsageByModel, AgentID: second})
	if err != nil || len(models.Results) != 1 || models.Results[0].Model != "builtin" || models.Results[0].Provider != "builtin" || models.Totals.Calls != 1 {
		t.Errorf("by model: %+v, %v", models, err)
	}
	past, err := h.Usage(ctx, client.UsageQuery{From: time.Date(2020, 1, 31, 23, 0, 0, 0, time.UTC), To: time.Date(2020, 2, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil || past.From != "2020-01-31" || past.To != "2020-02-01" || past.Count != 0 || past.GroupBy != steward.UsageByDay {
		t.Errorf("long ago: %+v, %v", past, err)
	}
	if _, err := h.Usage(ctx, client.UsageQuery{GroupBy: "week"}); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("an unknown group: %v", err)
	}
	if _, err := h.Usage(ctx, client.UsageQuery{Page: 9}); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("a page behind the end: %v", err)
	}
	stranger := h.stranger(t)
	if foreign, err := stranger.Usage(ctx, client.UsageQuery{}); err != nil || foreign.Totals.Calls != 0 {
		t.Errorf("another organization's books: %+v, %v", foreign, err)
	}
	if _, err := stranger.Usage(ctx, client.UsageQuery{AgentID: first}); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("a foreign agent: %v", err)
	}
}

func TestStepsTellWhatIsKeptOfAModelCall(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	p := textAgent("traced")
	p.EngineConfig = map[string]any{"text": "${text}", "output_schema": map[string]any{"type": "object"}, "store_traces": true}
	id, err := h.Run(ctx, h.agent(t, p), client.RunParams{Inputs: client.Inputs{"text": "Total: 5"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Wait(ctx, id, nil); err != nil {
		t.Fatal(err)
	}
	steps, err := h.JobStepsInFull(ctx, id)
	if err != nil || len(steps) == 0 {
		t.Fatalf("%d steps, %v", len(steps), err)
	}
	st := steps[len(steps)-1]
	if st.Kind != steward.StepModel || st.Provider != "builtin" || len(st.OutputHash) != 64 || len(st.Prompt) == 0 || len(st.Output) == 0 {
		t.Errorf("the call: %+v", st)
	}
}

package rest_test

import (
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
)

const usagePath = "/v1/usage/"

func TestUsage(t *testing.T) {
	t.Parallel()
	f := newFakes()
	var got jobs.UsageParams
	f.many.usage = func(_ context.Context, p jobs.UsageParams) (*steward.UsageReport, error) {
		got = p
		tally := steward.Tally{
			Calls: 3, InputTokens: 30, CachedTokens: 12, CacheWriteTokens: 1, OutputTokens: 9, ReasoningTokens: 2, Cost: 1_500_000, UnpricedCalls: 1, CostUSD: 1.5,
		}
		r := &steward.UsageReport{From: "2026-01-01", To: "2026-01-31", GroupBy: steward.UsageByModel, Totals: tally, Budgets: []steward.BudgetLine{{
			Scope: steward.BudgetOrganization, Period: steward.BudgetMonth, Limit: 10, Spent: 1.5, Left: 8.5, ResetsAt: when(),
		}}}
		r.Count, r.Results = 3, []steward.UsageRow{{Model: "gpt-4.1", Provider: "openai", Tally: tally}}
		return r, nil
	}
	h := door(t, f)
	const tally = `"calls":3,"input_tokens":30,"cached_tokens":12,"cache_write_tokens":1,"output_tokens":9,"reasoning_tokens":2,` +
		`"cost_micro_usd":1500000,"unpriced_calls":1,"cost":1.5`
	want(t, call(h, http.MethodGet, usagePath+"?from=2026-01-01&to=2026-01-31T23:00:00Z&group_by=model&agent_id="+agentID+"&page=2&page_size=1", ""), http.StatusOK,
		`{"count":3,"next":"http://example.com/v1/usage/?agent_id=`+agentID+`&from=2026-01-01&group_by=model&page=3&page_size=1&to=2026-01-31T23%3A00%3A00Z",`+
			`"previous":"http://example.com/v1/usage/?agent_id=`+agentID+`&from=2026-01-01&group_by=model&page=1&page_size=1&to=2026-01-31T23%3A00%3A00Z",`+
			`"results":[{"model":"gpt-4.1","provider":"openai",`+tally+`}],"from":"2026-01-01","to":"2026-01-31","group_by":"model",`+
			`"totals":{`+tally+`},"budgets":[{"scope":"organization","period":"month","limit":10,"spent":1.5,"left":8.5,"resets_at":"2026-01-15T10:30:00.25Z"}]}`)
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	if wanted := (jobs.UsageParams{Page: 2, PageSize: 1, From: new(day(1)), To: new(day(31).Add(23 * time.Hour)), GroupBy: steward.UsageByModel, AgentID: agentID}); !reflect.DeepEqual(got, wanted) {
		t.Errorf("asked for %+v, want %+v", got, wanted)
	}
	want(t, call(h, http.MethodGet, "/v1/usage", ""), http.StatusOK, "")
	if wanted := (jobs.UsageParams{Page: 1, PageSize: 20}); !reflect.DeepEqual(got, wanted) {
		t.Errorf("without parameters %+v, want %+v", got, wanted)
	}
	want(t, call(h, http.MethodGet, usagePath+"?from=0001-01-01&to=0001-01-01", ""), http.StatusOK, "")
	if got.From == nil || got.To == nil || !got.From.IsZero() || !got.To.IsZero() {
		t.Errorf("the first day of all was read as %v to %v", got.From, got.To)
	}
	for query, body := range map[string]string{
		"from=yesterday": `{"from":["Enter a valid date and time, such as 2026-01-31T12:00:00Z."]}`,
		"to=2026-13-01":  `{"to":["Enter a valid date and time, such as 2026-01-31T12:00:00Z."]}`,
		"agent_id=x":     `{"agent_id":["\"x\" is not a valid UUID."]}`,
		"page=x":         `{"page":["A valid integer is required."]}`,
		"page_size=0":    `{"page_size":["Ensure this value is greater than or equal to 1."]}`,
	} {
		want(t, call(h, http.MethodGet, usagePath+"?"+query, ""), http.StatusBadRequest, body)
	}
	want(t, call(h, http.MethodGet, usagePath+"?organization_id="+otherOrg, ""), http.StatusForbidden, "")
	want(t, call(h, http.MethodGet, usagePath+"?page=0", ""), http.StatusNotFound, "")
	want(t, call(h, http.MethodPost, usagePath, ""), http.StatusMethodNotAllowed, "")
}

func TestStepsInFull(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.steps = func(context.Context, steward.JobID) ([]steward.Step, error) {
		return []steward.Step{{
			JobID: jobID, Name: "extract", Kind: steward.StepModel, InputHash: "a1", Attempt: 1, StartedAt: when(), EndedAt: when(), Usage: steward.Free(), Model: "m",
			Provider: "p", OutputHash: "b2", Prompt: []byte(`{"system":"s"}`), ForgetOutput: true,
		}}, nil
	}
	h := door(t, f)
	body := func(output string) string {
		return `{"count":1,"next":null,"previous":null,"results":[{"job_id":"` + jobID + `","name":"extract","kind":"model","input_hash":"a1","output":` + output +
			`,"attempt":1,"started_at":"2026-01-15T10:30:00.25Z","ended_at":"2026-01-15T10:30:00.25Z","usage":{"input_tokens":0,"output_tokens":0,"cost_micro_usd":0},` +
			`"model":"m","provider":"p","output_hash":"b2","prompt":{"system":"s"}}]}`
	}
	want(t, call(h, http.MethodGet, jobPath+"steps/", ""), http.StatusOK, body("null"))
	want(t, call(h, http.MethodGet, jobPath+"steps/?full=true", ""), http.StatusOK, body(`"in full"`))
	want(t, call(h, http.MethodGet, jobPath+"steps/?full=x", ""), http.StatusBadRequest, `{"full":["Must be a valid boolean."]}`)
}

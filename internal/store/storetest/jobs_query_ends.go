package storetest

import (
	"fmt"
	"slices"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// queryRanges has a thousand jobs of each time, so that those of one time lie in two of the parts that lists are made of.
func queryRanges(f *fixture) {
	const times, each = 9, 1000
	for i := range times {
		call := make([]store.NewJob, each)
		for n := range call {
			call[n] = f.job()
			call[n].CreatedAt, call[n].Metadata = after(i), fmt.Appendf(nil, `{"odd":%d}`, n%2)
		}
		f.submit(call...)
	}
	odd := []store.Label{{Key: "odd", Value: "1"}}
	for from := range times {
		for _, to := range slices.Compact([]int{from, max(from, times/2), times - 1}) {
			q := store.JobQuery{AgentID: f.agent, CreatedFrom: after(from), CreatedTo: after(to), Limit: 1}
			n := int64(to-from+1) * each
			_, count := f.list(q)
			want(f.t, fmt.Sprint("seconds ", from, " to ", to), count, n)
			q.Metadata = odd
			_, count = f.list(q)
			want(f.t, fmt.Sprint("odd ones of seconds ", from, " to ", to), count, n/2)
		}
	}
}

func queryVerdicts(f *fixture) {
	verdict := []steward.Datum{{Key: "output", Value: `{"verdict":"secret"}`}}
	q := store.JobQuery{Verdicts: []string{"secret"}}
	good := f.started()
	f.finish(good, store.Outcome{Status: steward.StatusSuccess, At: after(1), Outputs: verdict})
	bad := f.started()
	f.finish(bad, store.Outcome{Status: steward.StatusFailure, At: after(1), Outputs: verdict, Failure: &steward.Failure{Code: steward.FailInternal}})
	f.has("of a success and a failure", q, 1) // the lists may be brought up to date between the end and the deletion
	_, err := f.Purge(f.ctx(), f.org, good.JobID, after(2))
	must(f.t, "Purge", err)
	f.has("after its deletion", q, 0)
	f.has("the jobs", store.JobQuery{}, 2)
}

func queryParkedCost(f *fixture) {
	l := f.started()
	cost := steward.MicroUSD(777)
	must(f.t, "RecordStep", f.RecordStep(f.ctx(), l, steward.Step{
		JobID: l.JobID, Name: "a", Kind: steward.StepModel, StartedAt: now(), EndedAt: now(), Usage: steward.Usage{InputTokens: 5, Cost: &cost},
	}))
	req := f.request(after(60))
	req.MaxCrashes = 2
	want(f.t, "claimed after the crash", len(f.claim(req)), 0)
	want(f.t, "status after the crash", f.get(l.JobID).Status, steward.StatusRetry)
	_, err := f.Cancel(f.ctx(), f.org, l.JobID, after(61))
	must(f.t, "Cancel", err)
	j := f.get(l.JobID)
	want(f.t, "status", j.Status, steward.StatusCancelled)
	want(f.t, "tokens", j.Usage.InputTokens, 5)
	if j.Usage.Cost == nil || *j.Usage.Cost != cost {
		f.t.Errorf("cost: got %v, want %d", j.Usage.Cost, cost)
	}
	other := f.started()
	f.finish(other, store.Outcome{Status: steward.StatusSuccess, At: after(62), Usage: steward.Free()})
	got, _ := f.list(store.JobQuery{AgentID: f.agent, Order: []store.JobOrder{{By: store.ByCost, Descending: true}}})
	same(f.t, "by cost", got, []steward.JobID{l.JobID, other.JobID})
}

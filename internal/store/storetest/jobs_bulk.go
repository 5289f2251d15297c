package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Bulk tests the calls about many jobs at once.
func Bulk(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"statuses come in the order of the ids":               bulkStatuses,
		"results come in the order of the ids":                bulkResults,
		"one foreign or unknown id spoils the whole call":     bulkForeign,
		"more than 1000 ids are invalid":                      bulkTooMany,
		"open jobs of an agent are cancelled piece by piece":  cancelAgent,
		"open jobs of a batch are cancelled, the others stay": cancelBatch,
		"only jobs created by then are cancelled":             cancelCreated,
		"a filter names an agent or a batch":                  cancelInvalid,
	})
}

func bulkStatuses(f *fixture) {
	waiting := f.submitted()
	f.claimAt(now())
	queued := f.job()
	queued.RunAfter = after(60)
	f.submit(queued)
	done := f.submitted()
	l := f.claimOne(done, after(1))
	f.finish(l, store.Outcome{Status: steward.StatusFailure, At: after(2), Failure: fault()})
	ids := []steward.JobID{done, waiting, queued.ID, done}
	got, err := f.JobStatuses(f.ctx(), f.org, ids)
	must(f.t, "JobStatuses", err)
	want(f.t, "statuses", len(got), len(ids))
	for i, id := range ids {
		one, err := f.JobStatus(f.ctx(), f.org, id)
		must(f.t, "JobStatus", err)
		one.Cost = got[i].Cost // which only JobStatus promises
		same(f.t, "status", &got[i], one)
	}
	got, err = f.JobStatuses(f.ctx(), f.org, nil)
	must(f.t, "JobStatuses of none", err)
	if got == nil || len(got) != 0 {
		f.t.Errorf("statuses of none: %v", got)
	}
}

func bulkResults(f *fixture) {
	j := f.job()
	j.Metadata = []byte(`{"a":1}`)
	j.Inputs = []steward.Input{{Key: "text", DataType: "text/plain", Value: "v"}}
	f.submit(j)
	l := f.claimOne(j.ID, now())
	f.finish(l, store.Outcome{
		Status: steward.StatusSuccess, At: after(1), Outputs: []steward.Datum{{Key: "k", Value: "v"}}, Usage: steward.Usage{InputTokens: 3},
		References: []steward.Reference{{ResourceID: "page_1", SHA256: content()}},
	})
	open := f.submitted()
	ids := []steward.JobID{open, j.ID, open}
	got, err := f.JobResults(f.ctx(), f.org, ids)
	must(f.t, "JobResults", err)
	want(f.t, "results", len(got), len(ids))
	for i, id := range ids {
		full := f.get(id)
		full.Events = got[i].Events // which are left out
		same(f.t, "result", &got[i], full)
		want(f.t, "events", len(got[i].Events), 0)
	}
}

func bulkForeign(f *fixture) {
	mine, theirs := f.job(), f.jobOf(newID[steward.OrganizationID](), f.agent)
	f.submit(mine, theirs)
	for _, id := range []steward.JobID{theirs.ID, newID[steward.JobID]()} {
		ids := []steward.JobID{mine.ID, id}
		_, err := f.JobStatuses(f.ctx(), f.org, ids)
		code(f.t, "JobStatuses", err, steward.NotFound)
		_, err = f.JobResults(f.ctx(), f.org, ids)
		code(f.t, "JobResults", err, steward.NotFound)
	}
}

func bulkTooMany(f *fixture) {
	id := f.submitted()
	ids := slices.Repeat([]steward.JobID{id}, 1001)
	_, err := f.JobStatuses(f.ctx(), f.org, ids)
	code(f.t, "JobStatuses", err, steward.Invalid)
	_, err = f.JobResults(f.ctx(), f.org, ids)
	code(f.t, "JobResults", err, steward.Invalid)
	got, err := f.JobStatuses(f.ctx(), f.org, ids[1:])
	must(f.t, "JobStatuses of 1000", err)
	want(f.t, "statuses", len(got), 1000)
}

// cancelOpen cancels at most limit open jobs and expects n.
func (f *fixture) cancelOpen(filter store.OpenFilter, limit, n int) {
	f.t.Helper()
	got, err := f.CancelOpen(f.ctx(), f.org, filter, after(10), limit)
	must(f.t, "CancelOpen", err)
	want(f.t, "jobs of a piece", got, n)
}

func cancelAgent(f *fixture) {
	running := f.started()
	retried := f.started()
	f.finish(retried, store.Outcome{Status: steward.StatusRetry, At: after(1), RunAfter: after(60), Failure: fault()})
	ended := f.started()
	f.finish(ended, store.Outcome{Status: steward.StatusSuccess, At: after(1)})
	for range 5 {
		f.submitted()
	}
	elsewhere := f.jobOf(f.org, newID[steward.AgentID]())
	f.submit(elsewhere)
	filter := store.OpenFilter{Agent: f.agent}
	f.cancelOpen(filter, 4, 4)
	f.cancelOpen(filter, 4, 3)
	f.cancelOpen(filter, 4, 0)
	f.has("cancelled", store.JobQuery{Status: []steward.Status{steward.StatusCancelled}}, 6)
	want(f.t, "the retried one", history(f.get(retried.JobID)), "PENDING STARTED RETRY CANCELLED")
	want(f.t, "the other agent's", f.get(elsewhere.ID).Status, steward.StatusPending)
	want(f.t, "the ended one", f.get(ended.JobID).Status, steward.StatusSuccess)
	got, err := f.RenewLeases(f.ctx(), []store.LeaseRenewal{{Lease: running}}, after(11), 15*time.Second)
	must(f.t, "RenewLeases", err)
	same(f.t, "the running one is told", got, []store.Renewal{{CancelRequested: true}})
	f.finish(running, store.Outcome{Status: steward.StatusCancelled, At: after(12)})
	want(f.t, "the running one", f.get(running.JobID).Status, steward.StatusCancelled)
}

func cancelBatch(f *fixture) {
	batch := newID[steward.BatchID]()
	_, _, err := f.CreateBatch(f.ctx(), store.NewBatch{ID: batch, OrganizationID: f.org, AgentID: f.agent, CreatedAt: now()})
	must(f.t, "CreateBatch", err)
	alone := f.submitted()
	for i := range int64(5) {
		j := f.job()
		j.Batch = &store.BatchPlace{ID: batch, Index: i}
		f.submit(j)
	}
	f.claim(store.ClaimRequest{Worker: f.node, Now: now(), Max: 2, Lease: 15 * time.Second}) // alone and the first item
	f.cancelOpen(store.OpenFilter{Batch: batch}, 3, 3)
	f.cancelOpen(store.OpenFilter{Batch: batch}, 3, 2)
	f.cancelOpen(store.OpenFilter{Batch: batch}, 3, 0)
	f.has("cancelled", store.JobQuery{Status: []steward.Status{steward.StatusCancelled}}, 4)
	want(f.t, "the one of no batch", f.get(alone).Status, steward.StatusStarted)
	n, err := f.CancelOpen(f.ctx(), newID[steward.OrganizationID](), store.OpenFilter{Agent: f.agent}, after(10), 10)
	must(f.t, "CancelOpen of another organization", err)
	want(f.t, "jobs of another organization", n, 0)
}

func cancelCreated(f *fixture) {
	early, late := f.job(), f.job()
	late.CreatedAt = after(5)
	f.submit(early, late)
	f.cancelOpen(store.OpenFilter{Agent: f.agent, CreatedTo: after(4)}, 10, 1)
	want(f.t, "the early one", f.get(early.ID).Status, steward.StatusCancelled)
	want(f.t, "the late one", f.get(late.ID).Status, steward.StatusPending)
	f.cancelOpen(store.OpenFilter{Agent: f.agent, CreatedTo: after(5)}, 10, 1)
}

func cancelInvalid(f *fixture) {
	for what, c := range map[string]struct {
		filter store.OpenFilter
		limit  int
	}{
		"nothing named": {store.OpenFilter{}, 10}, "both named": {store.OpenFilter{Agent: f.agent, Batch: newID[steward.BatchID]()}, 10},
		"limit 0": {store.OpenFilter{Agent: f.agent}, 0}, "limit 1001": {store.OpenFilter{Agent: f.agent}, 1001},
	} {
		_, err := f.CancelOpen(f.ctx(), f.org, c.filter, after(10), c.limit)
		code(f.t, what, err, steward.Invalid)
	}
}

package storetest

import (
	"slices"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// JobLists tests the lists of jobs.
func JobLists(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"newest first, ties by id":                            listOrder,
		"pages meet without gap or repeat":                    listPages,
		"a job added while paging moves no other away":        listWhilePaging,
		"every status can be asked for":                       listStatus,
		"outputs and references are left out, verdicts shown": listLean,
		"arguments out of range are invalid":                  listInvalid,
	})
}

// list returns the ids of a page and the count.
func (f *fixture) list(q store.JobQuery) ([]steward.JobID, int64) {
	f.t.Helper()
	jobs, count, err := f.ListJobs(f.ctx(), f.org, q)
	must(f.t, "ListJobs", err)
	if jobs == nil {
		f.t.Error("ListJobs returned nil, want an empty slice")
	}
	got := make([]steward.JobID, 0, len(jobs))
	for _, j := range jobs {
		got = append(got, j.ID)
	}
	return got, count
}

func listOrder(f *fixture) {
	old, tieA, tieB, newest, other := f.job(), f.job(), f.job(), f.job(), f.jobOf(f.org, newID[steward.AgentID]())
	old.CreatedAt, newest.CreatedAt, other.CreatedAt = after(-1), after(1), after(2)
	f.submit(newest, tieB, old, other, tieA)
	got, count := f.list(store.JobQuery{AgentID: f.agent})
	same(f.t, "an agent's jobs", got, []steward.JobID{newest.ID, tieB.ID, tieA.ID, old.ID})
	want(f.t, "count", count, 4)
	got, count = f.list(store.JobQuery{})
	same(f.t, "all jobs", got, []steward.JobID{other.ID, newest.ID, tieB.ID, tieA.ID, old.ID})
	want(f.t, "count", count, 5)
	got, count = f.list(store.JobQuery{AgentID: newID[steward.AgentID]()})
	same(f.t, "jobs of no agent", got, []steward.JobID{})
	want(f.t, "count", count, 0)
}

func listPages(f *fixture) {
	var all []steward.JobID
	for i := range 50 {
		j := f.job()
		j.CreatedAt = after(i / 10) // ten at a time are of one age
		f.submit(j)
		all = append(all, j.ID)
	}
	slices.Reverse(all)
	first, count := f.list(store.JobQuery{AgentID: f.agent})
	same(f.t, "first page", first, all[:20])
	want(f.t, "count", count, 50)
	for _, q := range []store.JobQuery{
		{AgentID: f.agent, Limit: 7}, {Limit: 7},
		{AgentID: f.agent, Limit: 7, Status: []steward.Status{steward.StatusPending}},
		{Limit: 7, Status: []steward.Status{steward.StatusPending, steward.StatusSuccess}},
	} {
		var paged []steward.JobID
		for ; q.Offset < 50; q.Offset += 7 {
			page, _ := f.list(q)
			paged = append(paged, page...)
		}
		same(f.t, "all pages", paged, all)
		q.Offset = 50
		page, count := f.list(q)
		same(f.t, "beyond the end", page, []steward.JobID{})
		want(f.t, "count beyond the end", count, 50)
	}
}

func listWhilePaging(f *fixture) {
	a, b, c := f.job(), f.job(), f.job()
	b.CreatedAt, c.CreatedAt = after(1), after(2)
	f.submit(a, b, c)
	first, _ := f.list(store.JobQuery{Limit: 2})
	late := f.job()
	late.CreatedAt = after(-5) // older than all: it goes to the end
	f.submit(late)
	second, _ := f.list(store.JobQuery{Limit: 2, Offset: 2})
	same(f.t, "both pages", append(first, second...), []steward.JobID{c.ID, b.ID, a.ID, late.ID})
}

func listStatus(f *fixture) {
	byStatus := map[steward.Status]steward.JobID{}
	end := func(s steward.Status) {
		l := f.started()
		byStatus[s] = l.JobID
		o := store.Outcome{Status: s, At: after(1), RunAfter: after(3600)}
		f.finish(l, o)
	}
	for _, s := range []steward.Status{steward.StatusSuccess, steward.StatusFailure, steward.StatusCancelled, steward.StatusRetry} {
		end(s)
	}
	byStatus[steward.StatusStarted] = f.started().JobID
	byStatus[steward.StatusPending] = f.submitted()
	for s := steward.StatusPending; s <= steward.StatusCached; s++ {
		for _, agent := range []steward.AgentID{f.agent, ""} {
			wanted := []steward.JobID{}
			if id := byStatus[s]; id != "" {
				wanted = append(wanted, id)
			}
			got, count := f.list(store.JobQuery{AgentID: agent, Status: []steward.Status{s, s}})
			same(f.t, s.String(), got, wanted)
			want(f.t, s.String()+" count", count, int64(len(wanted)))
		}
	}
	got, count := f.list(store.JobQuery{Status: []steward.Status{steward.StatusPending, steward.StatusSuccess, steward.StatusStarted}})
	same(f.t, "three at once", got, []steward.JobID{
		byStatus[steward.StatusPending], byStatus[steward.StatusStarted], byStatus[steward.StatusSuccess],
	})
	want(f.t, "count of three", count, 3)
	got, count = f.list(store.JobQuery{Status: []steward.Status{99, -1}})
	same(f.t, "statuses that do not exist", got, []steward.JobID{})
	want(f.t, "count of statuses that do not exist", count, 0)
	_, count = f.list(store.JobQuery{AgentID: f.agent})
	want(f.t, "count of all", count, 6)
}

func listLean(f *fixture) {
	j := f.job()
	j.Inputs = []steward.Input{{Key: "text", DataType: "text/plain", Value: "v"}}
	j.Metadata = []byte(`{"a":1}`)
	f.submit(j)
	l := f.claimOne(j.ID, now())
	f.finish(l, store.Outcome{
		Status: steward.StatusSuccess, At: after(1), Outputs: []steward.Datum{{Key: "k", Value: `{"verdict":"fine"}`}},
		References: []steward.Reference{{ResourceID: "page_1", SHA256: content()}}, Usage: steward.Usage{InputTokens: 3},
	})
	jobs, _, err := f.ListJobs(f.ctx(), f.org, store.JobQuery{})
	must(f.t, "ListJobs", err)
	got := jobs[0]
	if len(got.Outputs)+len(got.References) != 0 {
		f.t.Errorf("the list has outputs %v, references %v", got.Outputs, got.References)
	}
	full := f.get(j.ID)
	full.Outputs, full.References, full.Verdict = got.Outputs, got.References, "fine"
	same(f.t, "everything else", &got, full)
}

func listInvalid(f *fixture) {
	for what, q := range map[string]store.JobQuery{
		"negative limit": {Limit: -1}, "limit over 1000": {Limit: 1001}, "negative offset": {Offset: -1},
	} {
		_, _, err := f.ListJobs(f.ctx(), f.org, q)
		code(f.t, what, err, steward.Invalid)
	}
}

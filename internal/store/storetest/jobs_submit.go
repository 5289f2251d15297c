package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// with runs tests in parallel, each with a fixture of its own.
func with(t *testing.T, open Open, tests map[string]func(f *fixture)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newFixture(t, open))
		})
	}
}

// Submit tests the queueing of jobs.
func Submit(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"a key is found as long as it lasts, in its scope":               idemFound,
		"a job is read as it was submitted":                              submitStored,
		"a plain job has the defaults":                                   submitPlain,
		"long, odd and many values come back to the byte":                submitValues,
		"jobs of a call are stored all or none":                          submitAllOrNone,
		"more than 1000 jobs, and jobs without the needful, are invalid": submitInvalid,
		"ready is signalled":                                             submitReady,
		"a key replays the first job":                                    keyReplays,
		"a key replays within one call":                                  keySameCall,
		"a key with another request is a conflict":                       keyConflict,
		"a key is one of its organization and agent":                     keyScope,
		"a key is forgotten after its time":                              keyExpires,
		"callers with one key at once get one job":                       keyConcurrent,
		"jobs of another organization are not found":                     jobsForeign,
	})
}

func submitStored(f *fixture) {
	n := f.job()
	file := f.reserved(content())
	text := f.reserved(content())
	n.CreatorID, n.Provider, n.RunAfter = 7, "openai", after(30)
	n.Metadata = []byte(`{"b": 1, "a": [true, null, "é"]}`)
	n.Inputs = []steward.Input{
		{Key: "text", Description: "d", DataType: "text/plain", Value: "Total: 12.50 €"},
		{Key: "data", DataType: "application/json", Value: `{"a":1}`, JSON: true},
		{Key: "docs", DataType: "application/pdf", Files: []steward.File{file.File, file.File}},
		{Key: "long", DataType: "text/plain", Text: &text.File},
	}
	f.submit(n)
	want := &steward.Job{
		ID: n.ID, OrganizationID: f.org, AgentID: f.agent, VersionID: n.VersionID, VersionName: "first",
		EngineClassID: "MultimodalExtractionEngine", CreatorID: 7, Status: steward.StatusPending, CreatedAt: now(), UpdatedAt: now(),
		RunAfter: after(30), Deadline: now().Add(time.Hour), Metadata: n.Metadata, Inputs: n.Inputs, Outputs: []steward.Datum{},
		References: []steward.Reference{}, Usage: steward.Free(),
		Events: []steward.StatusEvent{{Timestamp: now(), StatusCode: steward.StatusPending}},
	}
	same(f.t, "job", f.get(n.ID), want)
	got, err := f.JobStatus(f.ctx(), f.org, n.ID)
	must(f.t, "JobStatus", err)
	same(f.t, "status", got, &store.JobStatus{ID: n.ID, AgentID: f.agent, Status: steward.StatusPending, CreatedAt: now(), UpdatedAt: now(),
		Cost: new(steward.MicroUSD)})
}

func submitPlain(f *fixture) {
	n := f.job()
	f.submit(n)
	got := f.get(n.ID)
	want(f.t, "metadata", string(got.Metadata), "{}")
	want(f.t, "run after", got.RunAfter, now())
	want(f.t, "started at", got.StartedAt.IsZero(), true)
	want(f.t, "ended at", got.EndedAt.IsZero(), true)
	if got.Progress != nil || got.Failure != nil {
		f.t.Errorf("progress %v and failure %v of a new job, want none", got.Progress, got.Failure)
	}
	got2, err := f.Submit(f.ctx(), nil)
	must(f.t, "Submit of nothing", err)
	want(f.t, "answers for nothing", len(got2), 0)
}

func submitValues(f *fixture) {
	values := map[string]string{
		"megabyte": strings.Repeat("0123456789abcdef", 1<<16),
		"unicode":  "日本語 \U0001F9FE é \u2028 ﷺ",
		"control":  "nul \x00 bell \a escape \x1b tab \t cr \r\n quote ' \" backslash \\",
		"markup":   "<script>&amp;</script>",
		"empty":    "",
	}
	n := f.job()
	for k, v := range values {
		n.Inputs = append(n.Inputs, steward.Input{Key: k, DataType: "text/plain", Value: v})
	}
	n.Metadata = []byte(`{"n":12345678901234567890,"s":"` + strings.Repeat("é", 500_000) + `"}`)
	f.submit(n)
	claimed := f.claimAt(now())
	if len(claimed) != 1 {
		f.t.Fatalf("claimed %d jobs, want 1", len(claimed))
	}
	for _, job := range []*steward.Job{f.get(n.ID), &claimed[0].Job} {
		for _, in := range job.Inputs {
			if in.Value != values[in.Key] {
				f.t.Errorf("%s: got %d bytes %.40q, want %d bytes", in.Key, len(in.Value), in.Value, len(values[in.Key]))
			}
		}
		if string(job.Metadata) != string(n.Metadata) {
			f.t.Errorf("metadata changed: %d bytes, want %d", len(job.Metadata), len(n.Metadata))
		}
	}
	out := []steward.Datum{{Key: "all", DataType: "text/plain", Value: values["megabyte"]}, {Key: "c", Value: values["control"]}}
	f.finish(claimed[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: now(), Outputs: out})
	same(f.t, "outputs", f.get(n.ID).Outputs, out)
}

func submitAllOrNone(f *fixture) {
	first := f.submitted()
	a, b := f.job(), f.job()
	b.ID = first
	_, err := f.Submit(f.ctx(), []store.NewJob{a, b})
	code(f.t, "an id that is taken", err, steward.Conflict)
	_, err = f.Job(f.ctx(), f.org, a.ID)
	code(f.t, "the other job of the call", err, steward.NotFound)
	_, count, err := f.ListJobs(f.ctx(), f.org, store.JobQuery{})
	must(f.t, "ListJobs", err)
	want(f.t, "jobs", count, 1)
}

func submitInvalid(f *fixture) {
	_, err := f.Submit(f.ctx(), make([]store.NewJob, 1001))
	code(f.t, "1001 jobs", err, steward.Invalid)
	for what, spoil := range map[string]func(j *store.NewJob){
		"no id":           func(j *store.NewJob) { j.ID = "" },
		"no organization": func(j *store.NewJob) { j.OrganizationID = "" },
		"no agent":        func(j *store.NewJob) { j.AgentID = "" },
		"no time":         func(j *store.NewJob) { j.CreatedAt = time.Time{} },
		"no timeout":      func(j *store.NewJob) { j.Timeout = 0 },
	} {
		j := f.job()
		spoil(&j)
		_, err := f.Submit(f.ctx(), []store.NewJob{j})
		code(f.t, what, err, steward.Invalid)
	}
	full := make([]store.NewJob, 1000)
	for i := range full {
		full[i] = f.job()
	}
	f.submit(full...)
	want(f.t, "claimed", len(f.claimAt(now())), 1000)
}

// signalled waits for a value of Ready. PostgreSQL may take a moment to deliver it.
func (f *fixture) signalled(what string) {
	f.t.Helper()
	select {
	case <-f.Ready():
	case <-time.After(10 * time.Second):
		f.t.Errorf("no signal after %s", what)
	}
}

func submitReady(f *fixture) {
	if first := f.Ready(); first != f.Ready() {
		f.t.Error("Ready returned two channels")
	}
	for range 3 { // nobody reads in between: signals may be dropped, callers are never held up
		f.submitted()
	}
	f.signalled("Submit")
}

// keyed returns a job with an idempotency key that lasts for a minute.
func (f *fixture) keyed(key string, request byte) store.NewJob {
	j := f.job()
	j.IdempotencyKey, j.IdempotencyTo, j.RequestHash = key, after(60), [32]byte{31: request}
	return j
}

// replays submits j and expects the answer to be an earlier job.
func (f *fixture) replays(j store.NewJob, first steward.JobID) {
	f.t.Helper()
	got, err := f.Submit(f.ctx(), []store.NewJob{j})
	must(f.t, "Submit with a known key", err)
	same(f.t, "answer", got, []store.Submitted{{ID: first, Replayed: true}})
	_, err = f.Job(f.ctx(), j.OrganizationID, j.ID)
	code(f.t, "the replayed job", err, steward.NotFound)
}

func keyReplays(f *fixture) {
	first := f.keyed("k", 1)
	f.submit(first)
	f.replays(f.keyed("k", 1), first.ID)
	l := f.claimOne(first.ID, now())
	f.finish(l, store.Outcome{Status: steward.StatusFailure, At: now(), Failure: &steward.Failure{Code: steward.FailInternal, Message: "m"}})
	f.replays(f.keyed("k", 1), first.ID) // also when the job has ended
}

func keySameCall(f *fixture) {
	a, b, c := f.keyed("k", 1), f.keyed("k", 1), f.keyed("other", 1)
	got, err := f.Submit(f.ctx(), []store.NewJob{a, b, c})
	must(f.t, "Submit", err)
	same(f.t, "answers", got, []store.Submitted{{ID: a.ID}, {ID: a.ID, Replayed: true}, {ID: c.ID}})
	same(f.t, "claimed", ids(f.claimAt(now())), []steward.JobID{a.ID, c.ID})
}

func keyConflict(f *fixture) {
	first := f.keyed("k", 1)
	f.submit(first)
	fresh, other := f.job(), f.keyed("k", 2)
	_, err := f.Submit(f.ctx(), []store.NewJob{fresh, other})
	code(f.t, "another request", err, steward.Conflict)
	want(f.t, "field of the error", fieldOf(err), "Idempotency-Key")
	_, err = f.Job(f.ctx(), f.org, fresh.ID)
	code(f.t, "the other job of the call", err, steward.NotFound)
	f.replays(f.keyed("k", 1), first.ID)
}

func keyScope(f *fixture) {
	first := f.keyed("k", 1)
	sibling, foreign := f.keyed("k", 2), f.keyed("k", 3)
	sibling.AgentID = newID[steward.AgentID]()
	foreign.OrganizationID = newID[steward.OrganizationID]()
	f.submit(first, sibling, foreign, f.keyed("K", 4))
}

func keyExpires(f *fixture) {
	first := f.keyed("k", 1)
	f.submit(first)
	last := f.keyed("k", 1)
	last.CreatedAt = first.IdempotencyTo.Add(-time.Microsecond)
	f.replays(last, first.ID)
	second := f.keyed("k", 2)
	second.CreatedAt, second.IdempotencyTo = first.IdempotencyTo.Add(time.Microsecond), after(3600)
	f.submit(second)
	again := f.keyed("k", 2)
	again.CreatedAt = after(120)
	f.replays(again, second.ID)
}

func keyConcurrent(f *fixture) {
	const callers = 16
	type answer struct {
		store.Submitted
		err error
	}
	answers := make(chan answer, callers)
	for range callers {
		j := f.keyed("k", 1)
		go func() {
			got, err := f.Submit(f.ctx(), []store.NewJob{j})
			if err == nil && len(got) != 1 {
				err = errors.New("not one answer")
			}
			if err != nil {
				answers <- answer{err: err}
				return
			}
			answers <- answer{Submitted: got[0]}
		}()
	}
	firsts, seen := 0, map[steward.JobID]bool{}
	for range callers {
		a := <-answers
		if a.err != nil {
			f.t.Errorf("Submit: %v", a.err)
			continue
		}
		if !a.Replayed {
			firsts++
		}
		seen[a.ID] = true
	}
	want(f.t, "calls that stored a job", firsts, 1)
	want(f.t, "different answers", len(seen), 1)
	want(f.t, "jobs", len(f.claimAt(now())), 1)
}

func jobsForeign(f *fixture) {
	id, other := f.submitted(), newID[steward.OrganizationID]()
	_, err := f.Job(f.ctx(), other, id)
	code(f.t, "Job", err, steward.NotFound)
	_, err = f.JobStatus(f.ctx(), other, id)
	code(f.t, "JobStatus", err, steward.NotFound)
	_, err = f.Cancel(f.ctx(), other, id, now())
	code(f.t, "Cancel", err, steward.NotFound)
	_, err = f.Steps(f.ctx(), other, id)
	code(f.t, "Steps", err, steward.NotFound)
	_, err = f.Artifact(f.ctx(), other, id, "k")
	code(f.t, "Artifact", err, steward.NotFound)
	list, count, err := f.ListJobs(f.ctx(), other, store.JobQuery{AgentID: f.agent})
	must(f.t, "ListJobs", err)
	if list == nil || len(list) != 0 || count != 0 {
		f.t.Errorf("foreign list: got %v and count %d, want an empty slice and 0", list, count)
	}
	want(f.t, "status after all that", f.get(id).Status, steward.StatusPending)
}

func idemFound(f *fixture) {
	j := f.keyed("k", 7)
	f.submit(j)
	find := func(what string, org steward.OrganizationID, agent steward.AgentID, key string, at time.Time, wanted bool) {
		f.t.Helper()
		id, hash, ok, err := f.FindIdempotent(f.ctx(), org, agent, key, at)
		must(f.t, what, err)
		want(f.t, what, ok, wanted)
		if ok {
			want(f.t, what+": job", id, j.ID)
			want(f.t, what+": hash", hash, j.RequestHash)
		}
	}
	find("a key that lasts", f.org, f.agent, "k", after(59), true)
	find("a key that is over", f.org, f.agent, "k", after(60), false)
	find("another key", f.org, f.agent, "K", now(), false)
	find("another agent", f.org, newID[steward.AgentID](), "k", now(), false)
	find("another organization", newID[steward.OrganizationID](), f.agent, "k", now(), false)
}

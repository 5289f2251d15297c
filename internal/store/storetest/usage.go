package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Books tests what is known of usage, and that answers are forgotten.
func Books(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"a call adds what it used to its day":              usageOfCall,
		"what is in the books":                             usageOfKinds,
		"rows by day, month, agent, model and batch":       usageGroups,
		"pages and filters":                                usagePages,
		"others' books are closed":                         usageForeign,
		"many at once lose nothing":                        usageConcurrent,
		"a refused step is in no book":                     usageRefused,
		"deleting data and agents leaves the books":        usageKept,
		"what else is known of a call comes back":          callStored,
		"answers are forgotten when the job has ended":     answersForgotten,
		"the file of a long answer goes with it":           longAnswerForgotten,
		"a file that something else is kept in stays":      sharedAnswerKept,
		"answers of jobs that ended without a worker too":  lostAnswersForgotten,
		"answers are forgotten piece by piece, and once":   answersInPieces,
		"purged jobs have nothing left to forget":          purgedAnswers,
		"calls of the same second in different days apart": usageMidnight,
		"what no job used is booked under no agent":        usageOfNoJob,
	})
}

// call returns a step that asked a model.
func call(name, model, provider string, cost steward.MicroUSD) steward.Step {
	return steward.Step{
		Name: name, Kind: steward.StepModel, Output: json.RawMessage(`{"value":1}`), Attempt: 1, StartedAt: now(), EndedAt: after(1),
		Model: model, Provider: provider, OutputHash: "h-" + name,
		Usage: steward.Usage{InputTokens: 100, CachedTokens: 40, CacheWriteTokens: 10, OutputTokens: 20, ReasoningTokens: 5, Cost: &cost},
	}
}

func (f *fixture) usage(q store.UsageQuery) *store.UsagePage {
	f.t.Helper()
	page, err := f.Usage(f.ctx(), f.org, q)
	must(f.t, "Usage", err)
	return page
}

// leaseOf submits a job and claims it.
func (f *fixture) leaseOf(j store.NewJob) store.Lease {
	f.t.Helper()
	f.submit(j)
	return f.claimOne(j.ID, now())
}

func usageOfCall(f *fixture) {
	l := f.started()
	f.record(l, call("a", "m-1", "p", 7))
	f.record(l, call("b", "m-1", "p", 5))
	row := steward.UsageRow{Day: "2026-03-01", Tally: steward.Tally{
		Calls: 2, InputTokens: 200, CachedTokens: 80, CacheWriteTokens: 20, OutputTokens: 40, ReasoningTokens: 10, Cost: 12,
	}}
	same(f.t, "usage", f.usage(store.UsageQuery{}), &store.UsagePage{Rows: []steward.UsageRow{row}, Count: 1, Totals: row.Tally})
}

func usageOfKinds(f *fixture) {
	l := f.started()
	f.record(l, step("computed"))
	free := step("free")
	free.Usage = steward.Free()
	f.record(l, free)
	search := step("search")
	cost := steward.MicroUSD(1000)
	search.Kind, search.Usage.Cost = steward.StepFetch, &cost
	f.record(l, search)
	unpriced := call("unpriced", "m-2", "", 0)
	unpriced.Usage.Cost = nil
	f.record(l, unpriced)
	f.record(l, call("builtin", "builtin", "builtin", 0))
	rows := f.usage(store.UsageQuery{Group: steward.UsageByModel}).Rows
	tokens := steward.Tally{Calls: 1, InputTokens: 100, CachedTokens: 40, CacheWriteTokens: 10, OutputTokens: 20, ReasoningTokens: 5}
	without := tokens
	without.UnpricedCalls = 1
	same(f.t, "rows", rows, []steward.UsageRow{
		{Tally: steward.Tally{Calls: 1, Cost: 1000}},
		{Model: "builtin", Provider: "builtin", Tally: tokens},
		{Model: "m-2", Tally: without},
	})
}

// bookkeeping records calls of two agents, two models, a batch and three days in two months.
func (f *fixture) bookkeeping() (batch steward.BatchID, second steward.AgentID) {
	f.t.Helper()
	one, _ := created(f.t, f, f.org, "First", now())
	two, _ := created(f.t, f, f.org, "Second", now())
	first := one.ID
	f.agent, second = first, two.ID
	batch = f.batch()
	item := f.item(batch, 0)
	for _, c := range []struct {
		job   store.NewJob
		model string
		at    time.Time
		cost  steward.MicroUSD
	}{
		{item, "m-1", now(), 100},
		{f.jobOf(f.org, first), "m-2", now().AddDate(0, 0, -1), 20},
		{f.jobOf(f.org, second), "m-1", now().AddDate(0, 0, 1), 3},
	} {
		l := f.leaseOf(c.job)
		s := call("x", c.model, "p-"+c.model, c.cost)
		s.EndedAt = c.at
		f.record(l, s)
		f.finish(l, success(c.job.ID, after(2)))
	}
	return batch, second
}

func usageGroups(f *fixture) {
	batch, second := f.bookkeeping()
	one := func(cost steward.MicroUSD, n int64) steward.Tally {
		return steward.Tally{
			Calls: n, InputTokens: 100 * n, CachedTokens: 40 * n, CacheWriteTokens: 10 * n, OutputTokens: 20 * n, ReasoningTokens: 5 * n, Cost: cost,
		}
	}
	for group, rows := range map[steward.UsageGroup][]steward.UsageRow{
		steward.UsageByDay: {
			{Day: "2026-03-02", Tally: one(3, 1)}, {Day: "2026-03-01", Tally: one(100, 1)}, {Day: "2026-02-28", Tally: one(20, 1)},
		},
		steward.UsageByMonth: {{Month: "2026-03", Tally: one(103, 2)}, {Month: "2026-02", Tally: one(20, 1)}},
		steward.UsageByAgent: {
			{AgentID: f.agent, AgentName: "First", Tally: one(120, 2)}, {AgentID: second, AgentName: "Second", Tally: one(3, 1)},
		},
		steward.UsageByModel: {
			{Model: "m-1", Provider: "p-m-1", Tally: one(103, 2)}, {Model: "m-2", Provider: "p-m-2", Tally: one(20, 1)},
		},
		steward.UsageByBatch: {{BatchID: batch, BatchName: "Invoices", Tally: one(100, 1)}, {Tally: one(23, 2)}},
	} {
		page := f.usage(store.UsageQuery{Group: group})
		same(f.t, "by "+string(group), page, &store.UsagePage{Rows: rows, Count: int64(len(rows)), Totals: one(123, 3)})
	}
	_, err := f.Usage(f.ctx(), f.org, store.UsageQuery{Group: "week"})
	code(f.t, "an unknown group", err, steward.Invalid)
}

func usagePages(f *fixture) {
	batch, second := f.bookkeeping()
	first := f.usage(store.UsageQuery{Limit: 2})
	want(f.t, "rows of the first page", len(first.Rows), 2)
	want(f.t, "rows in all", first.Count, 3)
	want(f.t, "totals of a page", first.Totals.Cost, 123)
	rest := f.usage(store.UsageQuery{Limit: 2, Offset: 2})
	want(f.t, "rows of the last page", len(rest.Rows), 1)
	want(f.t, "its day", rest.Rows[0].Day, "2026-02-28")
	want(f.t, "rows behind the end", len(f.usage(store.UsageQuery{Offset: 3}).Rows), 0)
	for what, c := range map[string]struct {
		q    store.UsageQuery
		cost steward.MicroUSD
	}{
		"from a day":      {store.UsageQuery{From: now()}, 103},
		"to a day":        {store.UsageQuery{To: now()}, 120},
		"one day":         {store.UsageQuery{From: now(), To: now()}, 100},
		"no day":          {store.UsageQuery{From: after(86400 * 9)}, 0},
		"an agent":        {store.UsageQuery{AgentID: second}, 3},
		"a batch":         {store.UsageQuery{BatchID: batch}, 100},
		"a batch and day": {store.UsageQuery{BatchID: batch, To: now().AddDate(0, 0, -1)}, 0},
	} {
		page := f.usage(c.q)
		want(f.t, what, page.Totals.Cost, c.cost)
		if c.cost == 0 {
			want(f.t, what+": rows", len(page.Rows), 0)
			want(f.t, what+": count", page.Count, 0)
		}
	}
	_, err := f.Usage(f.ctx(), f.org, store.UsageQuery{Limit: 1001})
	code(f.t, "too long a page", err, steward.Invalid)
}

func usageForeign(f *fixture) {
	batch, second := f.bookkeeping()
	other := newID[steward.OrganizationID]()
	page, err := f.Usage(f.ctx(), other, store.UsageQuery{})
	must(f.t, "Usage of nobody", err)
	same(f.t, "usage of nobody", page, &store.UsagePage{Rows: []steward.UsageRow{}})
	for what, q := range map[string]store.UsageQuery{
		"a foreign agent": {AgentID: second}, "a foreign batch": {BatchID: batch},
	} {
		_, err := f.Usage(f.ctx(), other, q)
		code(f.t, what, err, steward.NotFound)
	}
	for what, q := range map[string]store.UsageQuery{
		"an unknown agent": {AgentID: newID[steward.AgentID]()}, "an unknown batch": {BatchID: newID[steward.BatchID]()}, "no id": {AgentID: "x"},
	} {
		_, err := f.Usage(f.ctx(), f.org, q)
		code(f.t, what, err, steward.NotFound)
	}
}

func usageConcurrent(f *fixture) {
	const jobs, calls = 16, 10
	f.fill(f.org, f.agent, jobs)
	var wg sync.WaitGroup
	for _, c := range f.claimAt(now()) {
		wg.Go(func() {
			for i := range calls {
				if err := f.RecordStep(f.ctx(), c.Lease, call(fmt.Sprint(i), "m", "p", 3)); err != nil {
					f.t.Errorf("RecordStep: %v", err)
				}
				if i%4 == 0 {
					if _, err := f.Usage(f.ctx(), f.org, store.UsageQuery{}); err != nil {
						f.t.Errorf("Usage: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
	totals := f.usage(store.UsageQuery{}).Totals
	want(f.t, "calls", totals.Calls, jobs*calls)
	want(f.t, "cost", totals.Cost, 3*jobs*calls)
	spent, err := f.Spent(f.ctx(), f.org, f.agent, now())
	must(f.t, "Spent", err)
	want(f.t, "spent", spent, 3*jobs*calls)
}

func usageRefused(f *fixture) {
	l := f.started()
	f.record(l, call("a", "m", "p", 1))
	code(f.t, "the same name again", f.RecordStep(f.ctx(), l, call("a", "m", "p", 50)), steward.Conflict)
	lost := l
	lost.Fence++
	code(f.t, "a lost lease", f.RecordStep(f.ctx(), lost, call("b", "m", "p", 50)), steward.Conflict)
	want(f.t, "cost", f.usage(store.UsageQuery{}).Totals.Cost, 1)
}

func usageKept(f *fixture) {
	f.bookkeeping()
	before := f.usage(store.UsageQuery{Group: steward.UsageByAgent})
	jobs, _, err := f.ListJobs(f.ctx(), f.org, store.JobQuery{})
	must(f.t, "ListJobs", err)
	for _, j := range jobs {
		f.purge(j.ID)
	}
	must(f.t, "DeleteAgent", f.DeleteAgent(f.ctx(), f.org, f.agent, after(20)))
	same(f.t, "the books", f.usage(store.UsageQuery{Group: steward.UsageByAgent}), before)
	want(f.t, "a deleted agent's", f.usage(store.UsageQuery{AgentID: f.agent}).Totals.Cost, 120)
}

func usageMidnight(f *fixture) {
	midnight := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	l := f.started()
	for i, at := range []time.Time{midnight.Add(-time.Microsecond), midnight} {
		s := call(fmt.Sprint(i), "m", "p", 1)
		s.EndedAt = at.In(time.FixedZone("east", 9*3600))
		f.record(l, s)
	}
	var days []string
	for _, r := range f.usage(store.UsageQuery{}).Rows {
		days = append(days, r.Day)
	}
	want(f.t, "days", strings.Join(days, " "), "2026-04-01 2026-03-31")
}

func callStored(f *fixture) {
	l := f.started()
	s := call("a", "m", "p", 1)
	s.Prompt, s.ForgetOutput = json.RawMessage(`{"system":"é"}`), true
	f.record(l, s)
	s.JobID = l.JobID
	loaded, err := f.LoadSteps(f.ctx(), l)
	must(f.t, "LoadSteps", err)
	same(f.t, "steps", loaded, []steward.Step{s})
}

// forget drops answers until none is left, and returns of how many jobs and what blobs are dying.
func (f *fixture) forget(limit int) (total int, dying []string) {
	f.t.Helper()
	for {
		n, d, err := f.ForgetAnswers(f.ctx(), after(30), limit)
		must(f.t, "ForgetAnswers", err)
		if n == 0 {
			return total, dying
		}
		total, dying = total+n, append(dying, d...)
	}
}

// outputs returns what is left of a job's steps, name=output.
func (f *fixture) outputs(id steward.JobID) string {
	f.t.Helper()
	steps, err := f.Steps(f.ctx(), f.org, id)
	must(f.t, "Steps", err)
	var all []string
	for _, s := range steps {
		all = append(all, s.Name+"="+string(s.Output))
	}
	return strings.Join(all, " ")
}

// answered records a step whose answer is to be forgotten, one whose answer stays, and one that asked nobody.
func (f *fixture) answered(l store.Lease) {
	f.t.Helper()
	s := call("secret", "m", "p", 1)
	s.ForgetOutput = true
	f.record(l, s)
	f.record(l, call("kept", "m", "p", 1))
	f.record(l, step("plain"))
}

const (
	allAnswers  = `secret={"value":1} kept={"value":1} plain={"ok":true}`
	leftAnswers = `secret= kept={"value":1} plain={"ok":true}`
)

func answersForgotten(f *fixture) {
	l := f.started()
	f.answered(l)
	n, _ := f.forget(10)
	want(f.t, "jobs while it runs", n, 0)
	f.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(1), RunAfter: after(5), Failure: fault()})
	n, _ = f.forget(10)
	want(f.t, "jobs while it waits", n, 0)
	want(f.t, "answers of an open job", f.outputs(l.JobID), allAnswers)
	again := f.claimOne(l.JobID, after(5))
	f.finish(again, success(l.JobID, after(6)))
	n, dying := f.forget(10)
	want(f.t, "jobs", n, 1)
	want(f.t, "dying", len(dying), 0)
	want(f.t, "answers", f.outputs(l.JobID), leftAnswers)
	steps, err := f.Steps(f.ctx(), f.org, l.JobID)
	must(f.t, "Steps", err)
	want(f.t, "the hash of what was forgotten", steps[0].OutputHash, "h-secret")
	want(f.t, "the cost of what was forgotten", *steps[0].Usage.Cost, 1)
}

// filedCall returns a step whose answer is kept as a file.
func filedCall(name, sha string) steward.Step {
	s := call(name, "m", "p", 1)
	s.Output, s.OutputHash, s.ForgetOutput = json.RawMessage(`{"file":"`+sha+`"}`), sha, true
	return s
}

func longAnswerForgotten(f *fixture) {
	l, sha := f.started(), content()
	_, err := f.RefJob(f.ctx(), l, sha, 5)
	must(f.t, "RefJob", err)
	f.record(l, filedCall("long", sha))
	f.finish(l, success(l.JobID, after(2)))
	n, dying := f.forget(10)
	want(f.t, "jobs", n, 1)
	same(f.t, "dying", dying, []string{sha})
	must(f.t, "Forget", f.Forget(f.ctx(), dying))
}

func sharedAnswerKept(f *fixture) {
	l := f.started()
	answer, reference := content(), content()
	for _, sha := range []string{answer, reference} {
		_, err := f.RefJob(f.ctx(), l, sha, 5)
		must(f.t, "RefJob", err)
	}
	f.record(l, filedCall("long", answer))
	page := step("page")
	page.Output = json.RawMessage(`{"file":"` + answer + `"}`)
	f.record(l, page)
	f.record(l, filedCall("saved", reference))
	o := success(l.JobID, after(2))
	o.References = append(o.References, steward.Reference{ResourceID: "r", SHA256: reference})
	f.finish(l, o)
	n, dying := f.forget(10)
	want(f.t, "jobs", n, 1)
	want(f.t, "dying", len(dying), 0)
	p := f.purge(l.JobID)
	slices.Sort(p.Dying)
	both := []string{answer, reference}
	slices.Sort(both)
	same(f.t, "dying with the job", p.Dying, both)
}

func lostAnswersForgotten(f *fixture) {
	l := f.started()
	f.answered(l)
	f.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(1), RunAfter: after(5), Failure: fault()})
	_, err := f.Cancel(f.ctx(), f.org, l.JobID, after(2))
	must(f.t, "Cancel", err)
	n, _ := f.forget(10)
	want(f.t, "jobs", n, 1)
	want(f.t, "answers", f.outputs(l.JobID), leftAnswers)
}

func answersInPieces(f *fixture) {
	const jobs = 5
	f.fill(f.org, f.agent, jobs)
	for _, c := range f.claimAt(now()) {
		f.answered(c.Lease)
		f.finish(c.Lease, success(c.JobID, after(2)))
	}
	n, _, err := f.ForgetAnswers(f.ctx(), after(30), 2)
	must(f.t, "ForgetAnswers", err)
	want(f.t, "jobs of a piece", n, 2)
	n, _ = f.forget(2)
	want(f.t, "jobs of the other pieces", n, jobs-2)
	_, _, err = f.ForgetAnswers(f.ctx(), after(30), 0)
	code(f.t, "a limit of nothing", err, steward.Invalid)
}

func purgedAnswers(f *fixture) {
	l := f.started()
	f.answered(l)
	f.finish(l, success(l.JobID, after(2)))
	f.purge(l.JobID)
	n, _ := f.forget(10)
	want(f.t, "jobs", n, 0)
}

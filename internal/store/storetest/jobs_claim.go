package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Claim tests what a claim hands out and how it marks it.
func Claim(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"a claimed job is started and comes whole":           claimStarts,
		"oldest RunAfter first, then in order of submitting": claimOrder,
		"a job is not claimed before its time":               claimNotYet,
		"a claimed job is not claimed again":                 claimOnce,
		"no more than Max are claimed":                       claimMax,
		"a job past its deadline fails":                      claimDeadline,
		"a deadline holds behind full limits":                claimDeadlineLimits,
		"a deadline holds before RunAfter":                   claimDeadlineDelayed,
		"a cancel holds behind full limits":                  claimCancelLimits,
		"look ahead finds the next deadline of a queued job": claimNextDeadline,
		"look ahead finds the next RunAfter or lease end":    claimNextReady,
		"arguments out of range are invalid":                 claimInvalid,
		"none ready is an empty slice":                       claimNone,
	})
}

func claimNone(f *fixture) {
	got := f.claimAt(now())
	if got == nil || len(got) != 0 {
		f.t.Errorf("got %v, want an empty slice", got)
	}
}

func claimStarts(f *fixture) {
	j := f.job()
	j.Inputs = []steward.Input{{Key: "text", DataType: "text/plain", Value: "v"}}
	f.submit(j)
	got := f.claimAt(after(5))
	if len(got) != 1 {
		f.t.Fatalf("claimed %d jobs, want 1", len(got))
	}
	want(f.t, "lease on", got[0].JobID, j.ID)
	want(f.t, "resumed", got[0].Resumed, false)
	stored := f.get(j.ID)
	same(f.t, "claimed job", &got[0].Job, stored)
	want(f.t, "status", stored.Status, steward.StatusStarted)
	want(f.t, "attempt", stored.Attempt, 1)
	want(f.t, "started at", stored.StartedAt, after(5))
	want(f.t, "updated at", stored.UpdatedAt, after(5))
	same(f.t, "events", stored.Events, []steward.StatusEvent{
		{Timestamp: now(), StatusCode: steward.StatusPending}, {Timestamp: after(5), StatusCode: steward.StatusStarted},
	})
}

func claimOrder(f *fixture) {
	a, b, c, d := f.job(), f.job(), f.job(), f.job()
	a.RunAfter, b.RunAfter, c.RunAfter, d.RunAfter = after(3), after(1), after(2), after(1)
	a.Provider, c.Provider = "one", "two" // providers make no difference to the order
	f.submit(a, b, c, d)
	same(f.t, "order", ids(f.claimAt(after(10))), []steward.JobID{b.ID, d.ID, c.ID, a.ID})
}

func claimNotYet(f *fixture) {
	j := f.job()
	j.RunAfter = after(10)
	f.submit(j)
	want(f.t, "claimed a microsecond early", len(f.claimAt(after(10).Add(-time.Microsecond))), 0)
	f.claimOne(j.ID, after(10))
}

func claimOnce(f *fixture) {
	f.started()
	want(f.t, "claimed again", len(f.claimAt(after(14))), 0)
}

func claimMax(f *fixture) {
	for range 5 {
		f.submitted()
	}
	req := f.request(now())
	for _, wanted := range []int{2, 2, 1, 0} {
		req.Max = 2
		want(f.t, "claimed", len(f.claim(req)), wanted)
	}
}

func claimDeadline(f *fixture) {
	queued, running, alive := f.job(), f.job(), f.job()
	queued.RunAfter = after(30)
	queued.Timeout, running.Timeout = time.Minute, time.Minute
	f.submit(running)
	f.claimOne(running.ID, now())
	f.submit(queued, alive)
	f.claimOne(alive.ID, after(60))
	for _, id := range []steward.JobID{queued.ID, running.ID} {
		got := f.get(id)
		want(f.t, "status", got.Status, steward.StatusFailure)
		want(f.t, "ended at", got.EndedAt, after(60))
		if got.Failure == nil || got.Failure.Code != steward.FailTimeout || got.Failure.Message == "" {
			f.t.Errorf("failure: got %+v, want code timeout with a message", got.Failure)
		}
		last := got.Events[len(got.Events)-1]
		want(f.t, "last event", last.StatusCode, steward.StatusFailure)
		want(f.t, "time of the last event", last.Timestamp, after(60))
		want(f.t, "code in the last event", fmt.Sprint(last.ErrorDetails["code"]), "timeout")
	}
	_, count := f.list(store.JobQuery{Status: []steward.Status{steward.StatusFailure}})
	want(f.t, "failed jobs listed", count, 2)
}

// full returns a claim at a time whose limits are reached by the one job that runs.
func (f *fixture) full(at time.Time) store.ClaimRequest {
	req := f.request(at)
	req.Limits = store.Limits{PerOrganization: 1, PerAgent: 1, PerProvider: map[string]int{"": 1}}
	return req
}

func claimDeadlineLimits(f *fixture) {
	lost, overdue := f.job(), f.job()
	lost.Timeout, overdue.Timeout = 10*time.Second, 10*time.Second
	f.submit(lost)
	l := f.claimOne(lost.ID, now())
	f.started()
	must(f.t, "HandOver", f.HandOver(f.ctx(), []store.Lease{l}))
	waiting := f.job()
	f.submit(waiting, overdue)
	want(f.t, "claimed", len(f.claim(f.full(after(10)))), 0)
	for _, id := range []steward.JobID{lost.ID, overdue.ID} {
		got := f.get(id)
		want(f.t, "status", got.Status, steward.StatusFailure)
		want(f.t, "ended at", got.EndedAt, after(10))
		if got.Failure == nil || got.Failure.Code != steward.FailTimeout {
			f.t.Errorf("failure: got %+v, want code timeout", got.Failure)
		}
	}
	want(f.t, "status of a job with time left", f.get(waiting.ID).Status, steward.StatusPending)
	_, count := f.list(store.JobQuery{AgentID: f.agent, Status: []steward.Status{steward.StatusFailure}})
	want(f.t, "failed jobs listed", count, 2)
}

func claimDeadlineDelayed(f *fixture) {
	j := f.job()
	j.RunAfter, j.Timeout = after(100), 10*time.Second
	f.submit(j)
	want(f.t, "claimed", len(f.claimAt(after(10))), 0)
	want(f.t, "status", f.get(j.ID).Status, steward.StatusFailure)
}

func claimCancelLimits(f *fixture) {
	l := f.started()
	f.started()
	f.cancel(l.JobID, 1, steward.StatusStarted)
	must(f.t, "HandOver", f.HandOver(f.ctx(), []store.Lease{l}))
	want(f.t, "claimed", len(f.claim(f.full(after(2)))), 0)
	got := f.get(l.JobID)
	want(f.t, "status", got.Status, steward.StatusCancelled)
	want(f.t, "ended at", got.EndedAt, after(2))
}

func claimNextDeadline(f *fixture) {
	queued, running := f.job(), f.job()
	queued.RunAfter, queued.Timeout, running.Timeout = after(100), 12*time.Second, 5*time.Second
	f.submit(running)
	f.claimOne(running.ID, now()) // its worker minds its deadline
	f.submit(queued)
	for _, c := range []struct {
		claim int
		next  time.Time
	}{{1, after(12)}, {12, after(15)}} { // then the end of the lease
		f.claimAt(after(c.claim))
		at, ok, err := f.NextReady(f.ctx())
		must(f.t, "NextReady", err)
		if !ok || !at.Equal(c.next) {
			f.t.Errorf("after a claim at %d s: got %v, %v; want %v", c.claim, at, ok, c.next)
		}
	}
	want(f.t, "status", f.get(queued.ID).Status, steward.StatusFailure)
}

func claimNextReady(f *fixture) {
	next := func(what string, want time.Time) {
		f.t.Helper()
		at, ok, err := f.NextReady(f.ctx())
		must(f.t, "NextReady", err)
		if ok != !want.IsZero() || !at.Equal(want) {
			f.t.Errorf("%s: got %v, %v; want %v", what, at, ok, want)
		}
	}
	next("an empty store", time.Time{})
	soon, later, foreign := f.job(), f.job(), f.jobOf(newID[steward.OrganizationID](), newID[steward.AgentID]())
	soon.RunAfter, later.RunAfter, foreign.RunAfter = after(20), after(30), after(10)
	f.submit(later, soon, foreign)
	want(f.t, "claimed", len(f.claimAt(now())), 0)
	next("the earliest RunAfter of all", after(10))
	f.claimOne(foreign.ID, after(10)) // until 25
	next("a RunAfter before a lease end", after(20))
	l := f.claimOne(soon.ID, after(20)) // until 35
	next("a lease end before a RunAfter", after(25))
	f.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(21), RunAfter: after(23)})
	next("the RunAfter of a retry", after(23))
}

func claimInvalid(f *fixture) {
	for what, spoil := range map[string]func(r *store.ClaimRequest){
		"Max 0":        func(r *store.ClaimRequest) { r.Max = 0 },
		"Max 1001":     func(r *store.ClaimRequest) { r.Max = 1001 },
		"short lease":  func(r *store.ClaimRequest) { r.Lease = time.Second - 1 },
		"long lease":   func(r *store.ClaimRequest) { r.Lease = time.Hour + 1 },
		"without time": func(r *store.ClaimRequest) { r.Now = time.Time{} },
	} {
		req := f.request(now())
		spoil(&req)
		_, err := f.Claim(f.ctx(), req)
		code(f.t, what, err, steward.Invalid)
	}
}

// Turns tests that claims are fair between organizations and agents.
func Turns(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"organizations come first, agents second":                  turnsShared,
		"one job behind ten thousand of others waits one claim":    turnsSingle,
		"claims of one job serve every organization in turn":       turnsRotate,
		"claims of one job serve every agent in turn":              turnsAgents,
		"lanes whose time has not come do not hide the others":     turnsFuture,
		"what nobody else wants goes to the one who has jobs left": turnsRest,
	})
}

// tally counts claimed jobs by organization and by agent.
func tally(claimed []store.Claimed) (orgs map[steward.OrganizationID]int, agents map[steward.AgentID]int) {
	orgs, agents = map[steward.OrganizationID]int{}, map[steward.AgentID]int{}
	for _, c := range claimed {
		orgs[c.Job.OrganizationID]++
		agents[c.Job.AgentID]++
	}
	return orgs, agents
}

// fill submits n jobs for an agent.
func (f *fixture) fill(org steward.OrganizationID, agent steward.AgentID, n int) {
	f.t.Helper()
	for n > 0 {
		jobs := make([]store.NewJob, min(n, 1000))
		for i := range jobs {
			jobs[i] = f.jobOf(org, agent)
		}
		f.submit(jobs...)
		n -= len(jobs)
	}
}

func turnsShared(f *fixture) {
	big, small := newID[steward.OrganizationID](), newID[steward.OrganizationID]()
	a1, a2, a3, b1 := newID[steward.AgentID](), newID[steward.AgentID](), newID[steward.AgentID](), newID[steward.AgentID]()
	f.fill(big, a1, 50)
	f.fill(big, a2, 50)
	f.fill(big, a3, 50)
	f.fill(small, b1, 50)
	req := f.request(now())
	req.Max = 24
	orgs, agents := tally(f.claim(req))
	want(f.t, "jobs of the organization with three agents", orgs[big], 12)
	want(f.t, "jobs of the organization with one agent", orgs[small], 12)
	for _, a := range []steward.AgentID{a1, a2, a3} {
		want(f.t, "jobs of one of three agents", agents[a], 4)
	}
}

func turnsSingle(f *fixture) {
	flood := newID[steward.OrganizationID]()
	f.fill(flood, newID[steward.AgentID](), 10_000)
	req := f.request(now())
	req.Max = 10
	want(f.t, "claimed from the flood alone", len(f.claim(req)), 10)
	id := f.submitted()
	got := f.claim(req)
	want(f.t, "claimed", len(got), 10)
	for _, c := range got {
		if c.JobID == id {
			return
		}
	}
	f.t.Error("the single job of an organization was not in the next claim")
}

func turnsRotate(f *fixture) {
	const organizations = 7
	for range organizations {
		f.fill(newID[steward.OrganizationID](), newID[steward.AgentID](), 20)
	}
	f.fill(newID[steward.OrganizationID](), newID[steward.AgentID](), 500)
	req := f.request(now())
	req.Max = 1
	seen := map[steward.OrganizationID]int{}
	for range 3 * (organizations + 1) {
		for _, c := range f.claim(req) {
			seen[c.Job.OrganizationID]++
		}
	}
	want(f.t, "organizations served", len(seen), organizations+1)
	for org, n := range seen {
		if n < 2 || n > 4 { // 3 each; a database may start its rounds anew once
			f.t.Errorf("organization %s was served %d times of 24 between 8", org, n)
		}
	}
}

func turnsAgents(f *fixture) {
	const agents = 5
	for range agents {
		f.fill(f.org, newID[steward.AgentID](), 20)
	}
	req := f.request(now())
	req.Max = 1
	var got []store.Claimed
	for range 3 * agents {
		got = append(got, f.claim(req)...)
	}
	_, seen := tally(got)
	want(f.t, "agents served", len(seen), agents)
	for agent, n := range seen {
		if n < 2 || n > 4 {
			f.t.Errorf("agent %s was served %d times of 15 between 5", agent, n)
		}
	}
}

func turnsFuture(f *fixture) {
	for range 30 {
		j := f.jobOf(newID[steward.OrganizationID](), newID[steward.AgentID]())
		j.RunAfter = after(60)
		sibling := f.jobOf(f.org, newID[steward.AgentID]())
		sibling.RunAfter = after(60)
		f.submit(j, sibling)
	}
	id := f.submitted()
	req := f.request(now())
	req.Max = 1
	same(f.t, "claimed", ids(f.claim(req)), []steward.JobID{id})
}

func turnsRest(f *fixture) {
	few, many := newID[steward.OrganizationID](), newID[steward.OrganizationID]()
	f.fill(few, newID[steward.AgentID](), 3)
	f.fill(many, newID[steward.AgentID](), 100)
	req := f.request(now())
	req.Max = 50
	orgs, _ := tally(f.claim(req))
	want(f.t, "jobs of the organization with few", orgs[few], 3)
	want(f.t, "jobs of the organization with many", orgs[many], 47)
}

// Limits tests the limits of how many jobs run at once.
func Limits(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"per organization, over all workers":       limitOrganization,
		"per agent":                                limitAgent,
		"per provider, over all organizations":     limitProvider,
		"a full provider does not hold up another": limitProviderOthers,
		"a lost job is picked up within its limit": limitExpired,
		"a job that ends makes room":               limitRoom,
		"limits bind claims made at once":          limitConcurrent,
	})
}

// limited claims everything at a time within limits.
func (f *fixture) limited(at time.Time, l store.Limits) []store.Claimed {
	f.t.Helper()
	req := f.request(at)
	req.Limits = l
	return f.claim(req)
}

func limitOrganization(f *fixture) {
	other := newID[steward.OrganizationID]()
	f.fill(f.org, f.agent, 5)
	f.fill(f.org, newID[steward.AgentID](), 5)
	f.fill(other, newID[steward.AgentID](), 2)
	orgs, _ := tally(f.limited(now(), store.Limits{PerOrganization: 3}))
	want(f.t, "jobs of the full organization", orgs[f.org], 3)
	want(f.t, "jobs of the other", orgs[other], 2)
	f.node = store.Worker{Node: "node-2", Incarnation: "start-9"}
	want(f.t, "jobs for another worker", len(f.limited(now(), store.Limits{PerOrganization: 3})), 0)
	want(f.t, "jobs within a wider limit", len(f.limited(now(), store.Limits{PerOrganization: 4})), 1)
	want(f.t, "jobs without limit", len(f.claimAt(now())), 6)
}

func limitAgent(f *fixture) {
	second := newID[steward.AgentID]()
	f.fill(f.org, f.agent, 5)
	f.fill(f.org, second, 5)
	_, agents := tally(f.limited(now(), store.Limits{PerAgent: 2}))
	want(f.t, "jobs of one agent", agents[f.agent], 2)
	want(f.t, "jobs of the other", agents[second], 2)
	want(f.t, "jobs after that", len(f.limited(now(), store.Limits{PerAgent: 2})), 0)
}

// provided submits n jobs of the fixture's agent for a model provider.
func (f *fixture) provided(provider string, n int) {
	f.t.Helper()
	jobs := make([]store.NewJob, n)
	for i := range jobs {
		jobs[i] = f.job()
		jobs[i].Provider = provider
	}
	for chunk := range slices.Chunk(jobs, 1000) {
		f.submit(chunk...)
	}
}

func limitProvider(f *fixture) {
	f.provided("openai", 3)
	f.org, f.agent = newID[steward.OrganizationID](), newID[steward.AgentID]()
	f.provided("openai", 3)
	limits := store.Limits{PerProvider: map[string]int{"openai": 4, "other": 1}}
	want(f.t, "jobs of a provider", len(f.limited(now(), limits)), 4)
	want(f.t, "jobs after that", len(f.limited(now(), limits)), 0)
}

func limitProviderOthers(f *fixture) {
	f.provided("full", 1200) // older than all others of the same agent
	f.provided("", 1)
	f.provided("free", 1)
	limits := store.Limits{PerProvider: map[string]int{"full": 1}}
	want(f.t, "jobs", len(f.limited(now(), limits)), 3)
	want(f.t, "jobs after that", len(f.limited(now(), limits)), 0)
	f.provided("free", 2)
	want(f.t, "jobs of the other provider", len(f.limited(now(), limits)), 2)
}

func limitExpired(f *fixture) {
	f.fill(f.org, f.agent, 3)
	one := store.Limits{PerOrganization: 1, PerAgent: 1}
	first := f.limited(now(), one)
	want(f.t, "claimed", len(first), 1)
	again := f.limited(after(60), one)
	same(f.t, "claimed after its lease ran out", ids(again), ids(first))
	want(f.t, "claimed after that", len(f.limited(after(60), one)), 0)
}

func limitRoom(f *fixture) {
	f.fill(f.org, f.agent, 2)
	one := store.Limits{PerAgent: 1}
	got := f.limited(now(), one)
	want(f.t, "claimed", len(got), 1)
	f.finish(got[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: now()})
	want(f.t, "claimed after the end of the first", len(f.limited(now(), one)), 1)
}

func limitConcurrent(f *fixture) {
	f.fill(f.org, f.agent, 100)
	const callers = 8
	got := make(chan int, callers)
	for range callers {
		go func() {
			req := f.request(now())
			req.Max, req.Limits = 5, store.Limits{PerAgent: 7}
			claimed, err := f.Claim(f.ctx(), req)
			if err != nil {
				f.t.Errorf("Claim: %v", err)
			}
			got <- len(claimed)
		}()
	}
	sum := 0
	for range callers {
		sum += <-got
	}
	if sum > 7 {
		f.t.Errorf("claims made at once took %d jobs, want at most 7", sum)
	}
	want(f.t, "jobs claimed in all", sum+len(f.limited(now(), store.Limits{PerAgent: 7})), 7)
}

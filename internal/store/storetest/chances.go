package storetest

import (
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Chances tests that a job which kills its worker ends, and that the jobs beside it do not.
func Chances(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"bystanders of three crashes are not poison":             chanceBystanders,
		"a step forgives the crashes before it":                  chanceForgiven,
		"a refused step forgives nothing":                        chanceNotForgiven,
		"a failed call that is booked forgives nothing":          chanceBooked,
		"a job on its last chance waits with its crash counted":  chanceParked,
		"its last chance is given once in a claim":               chanceAlone,
		"a job on its last chance holds up nobody":               chanceBehind,
		"a job on its last chance keeps the limits":              chanceLimits,
		"a retry on the last chance waits for its time":          chanceRetry,
		"a last chance that is handed over is given again":       chanceHandedOver,
		"a job on its last chance can be cancelled":              chanceCancelled,
		"a limit that was raised ends the waiting":               chanceRaised,
		"a limit that was lowered makes a queued job wait":       chanceLowered,
		"with one crash allowed there is no last chance to wait": chanceOne,
	})
}

// lastChance is request for a claim of a worker that runs nothing.
func (f *fixture) lastChance(at time.Time) store.ClaimRequest {
	req := f.request(at)
	req.LastChance = true
	return req
}

// cornered submits a job and lets it crash twice, so that it waits for its last chance since after(40).
func (f *fixture) cornered() steward.JobID {
	f.t.Helper()
	l := f.started()
	f.claimOne(l.JobID, after(20))
	want(f.t, "claimed after two crashes", len(f.claimAt(after(40))), 0)
	return l.JobID
}

func chanceBystanders(f *fixture) {
	f.fill(f.org, f.agent, 5)
	all := f.claimAt(now())
	want(f.t, "claimed", len(all), 5)
	for _, at := range []int{20, 40, 60, 80, 100, 120} { // the worker dies each time
		f.claim(f.lastChance(after(at)))
	}
	failed := 0
	for _, id := range ids(all) {
		if f.get(id).Status == steward.StatusFailure {
			failed++
		}
	}
	if failed > 4 {
		f.t.Errorf("after six crashes %d of 5 jobs are poison, want at most one for each crash from the third on", failed)
	}
	waiting, _ := f.list(store.JobQuery{Status: []steward.Status{steward.StatusRetry}})
	want(f.t, "jobs poisoned, on their last chance or waiting for it", failed+1+len(waiting), 5)
}

func chanceForgiven(f *fixture) {
	l := f.started()
	for i := range 6 {
		f.record(l, step(string(rune('a'+i))))
		want(f.t, "crashes after a step", f.get(l.JobID).Crashes, 0)
		l = f.claimOne(l.JobID, after(20*(i+1)))
		want(f.t, "crashes after a crash", f.get(l.JobID).Crashes, 1)
	}
	want(f.t, "claimed after a second crash", len(f.claimAt(after(140))), 0)
	again := f.claim(f.lastChance(after(141)))
	want(f.t, "claimed as its last chance", len(again), 1)
	f.record(again[0].Lease, step("z"))
	f.claimOne(l.JobID, after(200)) // an ordinary job again
}

func chanceNotForgiven(f *fixture) {
	first := f.started()
	f.record(first, step("a"))
	second := f.claimOne(first.JobID, after(20))
	code(f.t, "a step without a lease", f.RecordStep(f.ctx(), first, step("b")), steward.Conflict)
	code(f.t, "a step that was recorded", f.RecordStep(f.ctx(), second, step("a")), steward.Conflict)
	want(f.t, "crashes", f.get(first.JobID).Crashes, 1)
}

func chanceBooked(f *fixture) {
	l := f.started()
	l = f.claimOne(l.JobID, after(20))
	f.record(l, step("extract.failed[0]"))
	want(f.t, "crashes after a failed call", f.get(l.JobID).Crashes, 1)
	want(f.t, "claimed after a second crash", len(f.claimAt(after(40))), 0)
	again := f.claim(f.lastChance(after(41)))
	want(f.t, "claimed as its last chance", len(again), 1)
	f.record(again[0].Lease, step("extract.failed[1]"))
	want(f.t, "claimed after a third crash", len(f.claim(f.lastChance(after(60)))), 0)
	want(f.t, "status", f.get(l.JobID).Status, steward.StatusFailure)
}

func chanceParked(f *fixture) {
	id := f.cornered()
	for _, at := range []int{40, 41, 60} {
		want(f.t, "claimed without LastChance", len(f.claimAt(after(at))), 0)
		got := f.get(id)
		want(f.t, "status", got.Status, steward.StatusRetry)
		want(f.t, "crashes", got.Crashes, 2)
		want(f.t, "run after", got.RunAfter, after(40))
		want(f.t, "history", history(got), "PENDING STARTED RETRY STARTED RETRY")
		want(f.t, "message", got.Events[4].ErrorMessage, "The worker stopped; the run resumes.")
	}
	waiting, count := f.list(store.JobQuery{AgentID: f.agent, Status: []steward.Status{steward.StatusRetry}})
	want(f.t, "jobs listed as RETRY", len(waiting), 1)
	want(f.t, "number of jobs listed as RETRY", count, 1)
	got := f.claim(f.lastChance(after(61)))
	if len(got) != 1 {
		f.t.Fatalf("claimed %d jobs, want 1", len(got))
	}
	same(f.t, "claimed job", &got[0].Job, f.get(id))
	want(f.t, "crashes", got[0].Job.Crashes, 2)
	want(f.t, "attempt", got[0].Job.Attempt, 3)
	want(f.t, "resumed", got[0].Resumed, true)
	want(f.t, "history", history(&got[0].Job), "PENDING STARTED RETRY STARTED RETRY STARTED")
	f.finish(got[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: after(62)})
	want(f.t, "status", f.get(id).Status, steward.StatusSuccess)
}

func chanceAlone(f *fixture) {
	f.fill(f.org, f.agent, 3)
	f.claimAt(now())
	want(f.t, "claimed after a crash", len(f.claimAt(after(20))), 3)
	fresh := f.submitted()
	got := f.claim(f.lastChance(after(40)))
	want(f.t, "claimed after two crashes", len(got), 2)
	ordinary := 0
	for _, c := range got {
		if c.JobID == fresh {
			ordinary++
		}
	}
	want(f.t, "ordinary jobs among them", ordinary, 1)
	want(f.t, "claimed by another worker without LastChance", len(f.claimAt(after(41))), 0)
	want(f.t, "claimed by another worker with LastChance", len(f.claim(f.lastChance(after(41)))), 1)
}

func chanceBehind(f *fixture) {
	f.fill(f.org, f.agent, 20)
	f.claimAt(now())
	f.claimAt(after(20))
	fresh := f.submitted() // in the lane of the twenty
	req := f.request(after(40))
	req.Max = 1
	got := f.claim(req)
	same(f.t, "claimed beside twenty on their last chance", ids(got), []steward.JobID{fresh})
	expired := f.submitted()
	want(f.t, "claimed", len(f.claimAt(after(41))), 1)
	same(f.t, "claimed after its lease ran out", ids(f.claimAt(after(60))), []steward.JobID{fresh, expired})
}

func chanceLimits(f *fixture) {
	id := f.cornered()
	f.claimOne(f.submitted(), after(41))
	req := f.lastChance(after(42))
	req.Limits.PerAgent = 1
	want(f.t, "claimed from a full agent", len(f.claim(req)), 0)
	req.Limits.PerAgent = 2
	same(f.t, "claimed", ids(f.claim(req)), []steward.JobID{id})
}

func chanceRetry(f *fixture) {
	id := f.cornered()
	got := f.claim(f.lastChance(after(41)))
	f.finish(got[0].Lease, store.Outcome{Status: steward.StatusRetry, At: after(42), RunAfter: after(50)})
	want(f.t, "claimed before its time", len(f.claim(f.lastChance(after(49)))), 0)
	at, ok, err := f.NextReady(f.ctx())
	must(f.t, "NextReady", err)
	want(f.t, "it is told when", ok && at.Equal(after(50)), true)
	want(f.t, "claimed without LastChance", len(f.claimAt(after(50))), 0)
	same(f.t, "claimed", ids(f.claim(f.lastChance(after(50)))), []steward.JobID{id})
}

func chanceHandedOver(f *fixture) {
	id := f.cornered()
	got := f.claim(f.lastChance(after(41)))
	must(f.t, "HandOver", f.HandOver(f.ctx(), []store.Lease{got[0].Lease}))
	want(f.t, "claimed without LastChance", len(f.claimAt(after(42))), 0)
	same(f.t, "claimed", ids(f.claim(f.lastChance(after(43)))), []steward.JobID{id})
	want(f.t, "crashes", f.get(id).Crashes, 2)
	f.node.Incarnation = "start-2"
	f.takeBack(1)
	want(f.t, "claimed after the third crash", len(f.claimAt(after(44))), 0)
	want(f.t, "status", f.get(id).Status, steward.StatusFailure)
}

func chanceCancelled(f *fixture) {
	id := f.cornered()
	f.cancel(id, 41, steward.StatusCancelled)
	want(f.t, "claimed", len(f.claim(f.lastChance(after(42)))), 0)
}

func chanceRaised(f *fixture) {
	id := f.cornered()
	req := f.lastChance(after(41))
	req.MaxCrashes = 10
	same(f.t, "claimed", ids(f.claim(req)), []steward.JobID{id})
}

func chanceLowered(f *fixture) {
	l := f.started()
	l = f.claimOne(l.JobID, after(20))
	f.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(21), RunAfter: after(21)})
	req := f.request(after(22))
	req.MaxCrashes = 2
	want(f.t, "claimed with one crash left", len(f.claim(req)), 0)
	got := f.get(l.JobID)
	want(f.t, "run after", got.RunAfter, after(21))
	want(f.t, "history", history(got), "PENDING STARTED RETRY STARTED RETRY")
	req.LastChance = true
	same(f.t, "claimed as its last chance", ids(f.claim(req)), []steward.JobID{l.JobID})
}

func chanceOne(f *fixture) {
	id := f.submitted()
	req := f.request(now())
	req.MaxCrashes = 1
	same(f.t, "claimed", ids(f.claim(req)), []steward.JobID{id})
}

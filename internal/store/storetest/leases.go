package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Leases tests how jobs are kept, lost, handed over and taken back.
func Leases(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"a job is claimed again when its lease has run out":        leaseExpires,
		"a lost attempt leaves its mark in the events":             leaseEvents,
		"a renewed lease lasts":                                    leaseRenewed,
		"renewing says which leases are lost":                      leaseLost,
		"progress is stored and kept":                              leaseProgress,
		"a late worker cannot write":                               leaseFenced,
		"a late worker may go on while nobody has the job":         leaseLate,
		"too many crashes are poison":                              leasePoison,
		"the limit of crashes is the claim's":                      leaseMaxCrashes,
		"a poisoned job says what its steps consumed":              leasePoisonUsage,
		"a job handed over is claimable at once without a crash":   handOver,
		"a job handed over cannot be written any more":             handOverFenced,
		"a job handed over for ever is no poison":                  handOverManyTimes,
		"taking back frees what an earlier incarnation held":       takeBack,
		"taking back leaves others alone":                          takeBackOthers,
		"a worker disowns what it does not know of":                disown,
		"taking back does not count a crash for a job handed over": takeBackHandedOver,
		"a retry does not count a crash":                           retryNoCrash,
	})
}

func leaseExpires(f *fixture) {
	first := f.started()
	want(f.t, "claimed while the lease lasts", len(f.claimAt(after(15).Add(-time.Microsecond))), 0)
	got := f.claimAt(after(15))
	if len(got) != 1 {
		f.t.Fatalf("claimed %d jobs, want 1", len(got))
	}
	second := got[0]
	want(f.t, "job", second.JobID, first.JobID)
	want(f.t, "fencing token", second.Fence, first.Fence+1)
	want(f.t, "resumed", second.Resumed, true)
	want(f.t, "attempt", second.Job.Attempt, 2)
	want(f.t, "crashes", second.Job.Crashes, 1)
	want(f.t, "first start", second.Job.StartedAt, now())
	want(f.t, "last change of status", second.Job.UpdatedAt, after(15))
}

func leaseEvents(f *fixture) {
	l := f.started()
	f.claimOne(l.JobID, after(20))
	got := f.get(l.JobID)
	want(f.t, "history", history(got), "PENDING STARTED RETRY STARTED")
	lost := got.Events[2]
	want(f.t, "time of the loss", lost.Timestamp, after(20))
	want(f.t, "message of the loss", lost.ErrorMessage, "The worker stopped; the run resumes.")
	want(f.t, "status", got.Status, steward.StatusStarted)
	if got.Failure != nil {
		f.t.Errorf("failure of a running job: got %+v, want none", got.Failure)
	}
}

// renew renews one lease.
func (f *fixture) renew(l store.Lease, p *steward.Progress, until time.Time) store.Renewal {
	f.t.Helper()
	got, err := f.RenewLeases(f.ctx(), []store.LeaseRenewal{{Lease: l, Progress: p}}, now(), until.Sub(now()))
	must(f.t, "RenewLeases", err)
	if len(got) != 1 {
		f.t.Fatalf("RenewLeases answered %d leases, want 1", len(got))
	}
	return got[0]
}

func leaseRenewed(f *fixture) {
	l := f.started()
	want(f.t, "renewal", f.renew(l, nil, after(100)), store.Renewal{})
	want(f.t, "claimed while the renewed lease lasts", len(f.claimAt(after(99))), 0)
	f.claimOne(l.JobID, after(100))
}

func leaseLost(f *fixture) {
	f.fill(f.org, f.agent, 4)
	claimed := f.claimAt(now())
	kept, ended, cancelled, stolen := claimed[0].Lease, claimed[1].Lease, claimed[2].Lease, claimed[3].Lease
	f.finish(ended, store.Outcome{Status: steward.StatusSuccess, At: now()})
	_, err := f.Cancel(f.ctx(), f.org, cancelled.JobID, now())
	must(f.t, "Cancel", err)
	stolen.Fence--
	unknown := store.Lease{JobID: newID[steward.JobID](), Fence: 1}
	var renewals []store.LeaseRenewal
	for _, l := range []store.Lease{kept, ended, cancelled, stolen, unknown} {
		renewals = append(renewals, store.LeaseRenewal{Lease: l})
	}
	got, err := f.RenewLeases(f.ctx(), renewals, now(), 100*time.Second)
	must(f.t, "RenewLeases", err)
	same(f.t, "renewals", got, []store.Renewal{{}, {Lost: true}, {CancelRequested: true}, {Lost: true}, {Lost: true}})
	got, err = f.RenewLeases(f.ctx(), nil, now(), 100*time.Second)
	must(f.t, "RenewLeases of none", err)
	want(f.t, "renewals of none", len(got), 0)
}

func leaseProgress(f *fixture) {
	l := f.started()
	p := &steward.Progress{Done: 2, Total: 5, Message: "Seite 2 – \"é\""}
	f.renew(l, p, after(30))
	f.renew(l, nil, after(30))
	got, err := f.JobStatus(f.ctx(), f.org, l.JobID)
	must(f.t, "JobStatus", err)
	same(f.t, "progress", got.Progress, p)
	same(f.t, "progress of the job", f.get(l.JobID).Progress, p)
	stale := l
	stale.Fence--
	f.renew(stale, &steward.Progress{Done: 9}, after(30))
	same(f.t, "progress after a stale renewal", f.get(l.JobID).Progress, p)
}

// writes calls every method that needs a lease and expects all of them to fail with Conflict, or none.
func (f *fixture) refused(what string, l store.Lease) {
	f.t.Helper()
	before := f.get(l.JobID)
	_, err := f.LoadSteps(f.ctx(), l)
	code(f.t, what+": LoadSteps", err, steward.Conflict)
	want(f.t, what+": the error is ErrLeaseLost", errors.Is(err, store.ErrLeaseLost), true)
	want(f.t, what+": the error of RecordStep is ErrLeaseLost", errors.Is(f.RecordStep(f.ctx(), l, step("late")), store.ErrLeaseLost), true)
	code(f.t, what+": RecordStep", f.RecordStep(f.ctx(), l, step("late")), steward.Conflict)
	code(f.t, what+": SaveArtifact", f.SaveArtifact(f.ctx(), l, steward.Artifact{Key: "k", Result: []byte("1")}), steward.Conflict)
	_, err = f.RefJob(f.ctx(), l, content(), 1)
	code(f.t, what+": RefJob", err, steward.Conflict)
	for _, s := range []steward.Status{steward.StatusSuccess, steward.StatusFailure, steward.StatusRetry, steward.StatusCancelled} {
		o := store.Outcome{Status: s, At: after(1), Outputs: []steward.Datum{{Key: "late", Value: "v"}}}
		code(f.t, what+": Finish as "+s.String(), f.Finish(f.ctx(), l, o), steward.Conflict)
	}
	want(f.t, what+": renewal", f.renew(l, nil, after(1000)), store.Renewal{Lost: true})
	must(f.t, what+": HandOver", f.HandOver(f.ctx(), []store.Lease{l}))
	same(f.t, what+": job afterwards", f.get(l.JobID), before)
	steps, err := f.Steps(f.ctx(), f.org, l.JobID)
	must(f.t, "Steps", err)
	want(f.t, what+": steps afterwards", len(steps), 0)
}

func leaseFenced(f *fixture) {
	first := f.started()
	second := f.claimOne(first.JobID, after(20))
	f.refused("a lease that another worker has", first)
	f.finish(second, store.Outcome{Status: steward.StatusSuccess, At: after(21)})
	f.refused("a lease of a job that ended", second)

	queued := f.submitted()
	f.refused("a lease that nobody gave", store.Lease{JobID: queued, Fence: 0})
	l := f.claimOne(queued, after(21))
	f.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(21), RunAfter: after(900)})
	f.refused("a lease of a job that waits for its retry", l)
	_, err := f.LoadSteps(f.ctx(), store.Lease{JobID: newID[steward.JobID](), Fence: 1})
	code(f.t, "a lease of no job", err, steward.Conflict)
}

func leaseLate(f *fixture) {
	l := f.started()
	must(f.t, "RecordStep", f.RecordStep(f.ctx(), l, step("a")))
	want(f.t, "renewal after the end", f.renew(l, nil, after(100)), store.Renewal{})
	want(f.t, "claimed", len(f.claimAt(after(50))), 0)
	f.finish(l, store.Outcome{Status: steward.StatusSuccess, At: after(500)})
	want(f.t, "status", f.get(l.JobID).Status, steward.StatusSuccess)
}

func leasePoison(f *fixture) {
	l := f.started()
	f.claimOne(l.JobID, after(20))
	want(f.t, "claimed as its last chance", len(f.claim(f.lastChance(after(40)))), 1)
	want(f.t, "claimed after the third crash", len(f.claimAt(after(60))), 0)
	got := f.get(l.JobID)
	want(f.t, "status", got.Status, steward.StatusFailure)
	want(f.t, "crashes", got.Crashes, 3)
	want(f.t, "attempts", got.Attempt, 3)
	want(f.t, "ended at", got.EndedAt, after(60))
	if got.Failure == nil || got.Failure.Code != steward.FailPoison || got.Failure.Message == "" {
		f.t.Errorf("failure: got %+v, want code poison with a message", got.Failure)
	}
	want(f.t, "history", history(got), "PENDING STARTED RETRY STARTED RETRY STARTED FAILURE")
	last := got.Events[len(got.Events)-1]
	if last.ErrorMessage == "" || last.ErrorDetails["code"] != "poison" {
		f.t.Errorf("last event: got %+v, want a message and the code poison", last)
	}
	want(f.t, "claimed ever after", len(f.claimAt(after(1000))), 0)
}

func leaseMaxCrashes(f *fixture) {
	l := f.started()
	req := f.request(after(20))
	req.MaxCrashes = 1
	want(f.t, "claimed after the only crash", len(f.claim(req)), 0)
	want(f.t, "status", f.get(l.JobID).Status, steward.StatusFailure)
}

func leasePoisonUsage(f *fixture) {
	l := f.started()
	s := step("a")
	cost := steward.MicroUSD(25)
	s.Usage = steward.Usage{InputTokens: 10, OutputTokens: 2, Cost: &cost}
	must(f.t, "RecordStep", f.RecordStep(f.ctx(), l, s))
	s.Name = "b"
	must(f.t, "RecordStep", f.RecordStep(f.ctx(), l, s))
	req := f.request(after(20))
	req.MaxCrashes = 1
	f.claim(req)
	twice := steward.MicroUSD(50)
	same(f.t, "usage", f.get(l.JobID).Usage, steward.Usage{InputTokens: 20, OutputTokens: 4, Cost: &twice})
}

func handOver(f *fixture) {
	l := f.started()
	must(f.t, "HandOver", f.HandOver(f.ctx(), []store.Lease{l, {JobID: newID[steward.JobID](), Fence: 1}}))
	got := f.get(l.JobID)
	want(f.t, "status in between", got.Status, steward.StatusStarted)
	want(f.t, "history in between", history(got), "PENDING STARTED")
	f.node = store.Worker{Node: "node-2", Incarnation: "start-1"}
	claimed := f.claimAt(after(1))
	if len(claimed) != 1 {
		f.t.Fatalf("claimed %d jobs, want 1", len(claimed))
	}
	want(f.t, "resumed", claimed[0].Resumed, true)
	want(f.t, "attempt", claimed[0].Job.Attempt, 2)
	want(f.t, "crashes", claimed[0].Job.Crashes, 0)
	want(f.t, "history", history(&claimed[0].Job), "PENDING STARTED RETRY STARTED")
	must(f.t, "HandOver of a lost lease", f.HandOver(f.ctx(), []store.Lease{l}))
	want(f.t, "claimed after that", len(f.claimAt(after(2))), 0)
}

func handOverFenced(f *fixture) {
	l := f.started()
	must(f.t, "HandOver", f.HandOver(f.ctx(), []store.Lease{l}))
	f.refused("a lease that was handed over", l)
	f.claimOne(l.JobID, now())
}

func handOverManyTimes(f *fixture) {
	id := f.submitted()
	for i := range 10 {
		l := f.claimOne(id, after(i))
		must(f.t, "HandOver", f.HandOver(f.ctx(), []store.Lease{l}))
	}
	got := f.claimAt(after(10))
	want(f.t, "claimed", len(got), 1)
	want(f.t, "crashes", got[0].Job.Crashes, 0)
}

// takeBack takes back what earlier incarnations of the fixture's node held.
func (f *fixture) takeBack(wanted int) {
	f.t.Helper()
	n, err := f.TakeBack(f.ctx(), f.node)
	must(f.t, "TakeBack", err)
	want(f.t, "jobs taken back", n, wanted)
}

func takeBack(f *fixture) {
	f.fill(f.org, f.agent, 2)
	first := f.claimAt(now())
	f.takeBack(0) // the same incarnation still runs
	f.node.Incarnation = "start-2"
	f.takeBack(2)
	got := f.claimAt(after(1)) // long before the leases would have ended
	same(f.t, "claimed", ids(got), ids(first))
	want(f.t, "crashes", got[0].Job.Crashes, 1)
	want(f.t, "history", history(&got[0].Job), "PENDING STARTED RETRY STARTED")
	f.takeBack(0)
	want(f.t, "renewal of the new lease", f.renew(got[0].Lease, nil, after(30)), store.Renewal{})
	want(f.t, "renewal of the old lease", f.renew(first[0].Lease, nil, after(30)), store.Renewal{Lost: true})
}

// disown gives back what the fixture's node holds besides known.
func (f *fixture) disown(wanted int, known ...store.Lease) {
	f.t.Helper()
	n, err := f.Disown(f.ctx(), f.node, known)
	must(f.t, "Disown", err)
	want(f.t, "jobs disowned", n, wanted)
}

func disown(f *fixture) {
	f.fill(f.org, f.agent, 3)
	first := f.claimAt(now())
	f.disown(0, first[0].Lease, first[1].Lease, first[2].Lease)
	other := f.node
	f.node = store.Worker{Node: other.Node, Incarnation: "another"}
	f.disown(0)
	f.node = other
	f.disown(2, first[1].Lease, store.Lease{JobID: first[0].JobID, Fence: first[0].Fence - 1}) // a lease of before is none
	got := f.claimAt(after(1))
	want(f.t, "jobs claimed again", len(got), 2)
	for i := range got {
		want(f.t, "crashes", got[i].Job.Crashes, 0)
		want(f.t, "history", history(&got[i].Job), "PENDING STARTED RETRY STARTED") // as of a job handed over
	}
	want(f.t, "renewal of what is known", f.renew(first[1].Lease, nil, after(1)), store.Renewal{})
	want(f.t, "renewal of a lease that was disowned", f.renew(first[0].Lease, nil, after(1)), store.Renewal{Lost: true})
	f.disown(0, got[0].Lease, got[1].Lease, first[1].Lease)
}

func takeBackOthers(f *fixture) {
	f.started()
	f.node = store.Worker{Node: "node-2", Incarnation: "start-2"}
	f.takeBack(0)
	want(f.t, "claimed", len(f.claimAt(after(1))), 0)
	queued := f.submitted()
	l := f.claimOne(queued, after(1))
	f.finish(l, store.Outcome{Status: steward.StatusSuccess, At: after(1)})
	f.node.Incarnation = "start-3"
	f.takeBack(0) // nothing is held: one waits, one ended
}

func takeBackHandedOver(f *fixture) {
	l := f.started()
	must(f.t, "HandOver", f.HandOver(f.ctx(), []store.Lease{l}))
	f.node.Incarnation = "start-2"
	f.takeBack(0)
	got := f.claimAt(after(1))
	want(f.t, "claimed", len(got), 1)
	want(f.t, "crashes", got[0].Job.Crashes, 0)
}

func retryNoCrash(f *fixture) {
	l := f.started()
	f.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(1), RunAfter: after(2)})
	got := f.claimAt(after(100))
	want(f.t, "claimed", len(got), 1)
	want(f.t, "crashes", got[0].Job.Crashes, 0)
	want(f.t, "resumed", got[0].Resumed, true)
	want(f.t, "attempt", got[0].Job.Attempt, 2)
	if strings.Contains(history(&got[0].Job), "RETRY RETRY") {
		f.t.Errorf("history: got %s, want one RETRY", history(&got[0].Job))
	}
}

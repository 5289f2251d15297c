package storetest

import (
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Finish tests the ends of attempts.
func Finish(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"success stores what the job made":             finishSuccess,
		"failure says why":                             finishFailure,
		"cancelled by its worker":                      finishCancelled,
		"retry queues the job again and signals":       finishRetry,
		"a failure of an earlier attempt is forgotten": finishAfterRetry,
		"an end is final":                              finishFinal,
		"an outcome must be one of four":               finishInvalid,
	})
}

func finishSuccess(f *fixture) {
	l := f.started()
	cost, dollars := steward.MicroUSD(1234), 0.001234
	o := store.Outcome{
		Status: steward.StatusSuccess, At: after(3),
		Outputs: []steward.Datum{
			{Key: "result", Description: "d", DataType: "application/json", Value: `{"total":"12,50 €"}`, Cost: &dollars},
			{Key: "note", DataType: "text/plain", Value: ""},
		},
		References: []steward.Reference{{ResourceID: "page_1_00ff00ff.png", Kind: "page", ContentType: "image/png", SizeBytes: 9,
			SHA256: content(), SourceURL: "https://example.com/é", CapturedAt: after(2)}},
		Usage: steward.Usage{InputTokens: 1, CachedTokens: 2, OutputTokens: 3, ReasoningTokens: 4, Cost: &cost},
	}
	f.finish(l, o)
	got := f.get(l.JobID)
	want(f.t, "status", got.Status, steward.StatusSuccess)
	want(f.t, "started at", got.StartedAt, now())
	want(f.t, "updated at", got.UpdatedAt, after(3))
	want(f.t, "ended at", got.EndedAt, after(3))
	same(f.t, "outputs", got.Outputs, o.Outputs)
	same(f.t, "references", got.References, o.References)
	same(f.t, "usage", got.Usage, o.Usage)
	want(f.t, "history", history(got), "PENDING STARTED SUCCESS")
	want(f.t, "time of the last event", got.Events[2].Timestamp, after(3))
	st, err := f.JobStatus(f.ctx(), f.org, l.JobID)
	must(f.t, "JobStatus", err)
	same(f.t, "status record", st, &store.JobStatus{
		ID: l.JobID, AgentID: f.agent, Status: steward.StatusSuccess, CreatedAt: now(), UpdatedAt: after(3), StartedAt: now(), EndedAt: after(3),
		Cost: &cost,
	})
	want(f.t, "claimed afterwards", len(f.claimAt(after(1000))), 0)
}

// fault is a failure as engines return it.
func fault() *steward.Failure {
	return &steward.Failure{Code: steward.FailProviderError, Message: "The provider answered 503 – später.", Transient: true}
}

func finishFailure(f *fixture) {
	l := f.started()
	f.finish(l, store.Outcome{
		Status: steward.StatusFailure, At: after(3), Failure: fault(), Outputs: []steward.Datum{{Key: "k", Value: "v"}}, Usage: steward.Usage{OutputTokens: 1},
	})
	got := f.get(l.JobID)
	want(f.t, "status", got.Status, steward.StatusFailure)
	same(f.t, "failure", got.Failure, fault())
	want(f.t, "outputs of a failed job", len(got.Outputs), 0)
	same(f.t, "usage of unknown price", got.Usage, steward.Usage{OutputTokens: 1})
	want(f.t, "ended at", got.EndedAt, after(3))
	same(f.t, "last event", got.Events[2], steward.StatusEvent{
		Timestamp: after(3), StatusCode: steward.StatusFailure, ErrorMessage: fault().Message, ErrorDetails: map[string]any{"code": "provider_error"},
	})
	st, err := f.JobStatus(f.ctx(), f.org, l.JobID)
	must(f.t, "JobStatus", err)
	same(f.t, "failure in the status record", st.Failure, fault())
}

func finishCancelled(f *fixture) {
	l := f.started()
	f.finish(l, store.Outcome{Status: steward.StatusCancelled, At: after(3)})
	got := f.get(l.JobID)
	want(f.t, "status", got.Status, steward.StatusCancelled)
	want(f.t, "ended at", got.EndedAt, after(3))
	want(f.t, "history", history(got), "PENDING STARTED CANCELLED")
}

func finishRetry(f *fixture) {
	l := f.started()
	f.signalled("Submit")
	f.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(3), Failure: fault(), RunAfter: after(5)})
	f.signalled("Finish with RETRY")
	got := f.get(l.JobID)
	want(f.t, "status", got.Status, steward.StatusRetry)
	want(f.t, "ended at", got.EndedAt.IsZero(), true)
	want(f.t, "run after", got.RunAfter, after(5))
	same(f.t, "failure", got.Failure, fault())
	same(f.t, "last event", got.Events[2], steward.StatusEvent{
		Timestamp: after(3), StatusCode: steward.StatusRetry, ErrorMessage: fault().Message, ErrorDetails: map[string]any{"code": "provider_error"},
	})
	want(f.t, "claimed before its time", len(f.claimAt(after(4))), 0)
	again := f.claimAt(after(5))
	want(f.t, "claimed", len(again), 1)
	want(f.t, "fencing token", again[0].Fence, l.Fence+1)
	want(f.t, "history", history(&again[0].Job), "PENDING STARTED RETRY STARTED")
}

func finishAfterRetry(f *fixture) {
	l := f.started()
	f.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(1), Failure: fault(), RunAfter: after(1)})
	l = f.claimOne(l.JobID, after(2))
	if got := f.get(l.JobID).Failure; got != nil {
		f.t.Errorf("failure of a running job: got %+v, want none", got)
	}
	f.finish(l, store.Outcome{Status: steward.StatusSuccess, At: after(3), Failure: fault()})
	if got := f.get(l.JobID).Failure; got != nil {
		f.t.Errorf("failure of a job that succeeded: got %+v, want none", got)
	}
}

func finishFinal(f *fixture) {
	l := f.started()
	o := store.Outcome{Status: steward.StatusSuccess, At: after(1), Outputs: []steward.Datum{{Key: "k", Value: "first"}}}
	f.finish(l, o)
	o.Outputs[0].Value = "second"
	code(f.t, "a second Finish", f.Finish(f.ctx(), l, o), steward.Conflict)
	want(f.t, "output", f.get(l.JobID).Outputs[0].Value, "first")
	status, err := f.Cancel(f.ctx(), f.org, l.JobID, after(2))
	must(f.t, "Cancel of an ended job", err)
	want(f.t, "status after Cancel", status, steward.StatusSuccess)
	want(f.t, "history", history(f.get(l.JobID)), "PENDING STARTED SUCCESS")
}

func finishInvalid(f *fixture) {
	l := f.started()
	for _, s := range []steward.Status{steward.StatusPending, steward.StatusStarted, steward.StatusCached, 42} {
		code(f.t, s.String(), f.Finish(f.ctx(), l, store.Outcome{Status: s, At: after(1)}), steward.Invalid)
	}
	code(f.t, "without a time", f.Finish(f.ctx(), l, store.Outcome{Status: steward.StatusSuccess}), steward.Invalid)
	want(f.t, "status", f.get(l.JobID).Status, steward.StatusStarted)
}

// Cancel tests the cancelling of jobs.
func Cancel(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"a queued job ends at once":                         cancelQueued,
		"a job that waits for its retry ends at once":       cancelRetrying,
		"a running job is told and keeps its result":        cancelRunning,
		"a running job that would be tried again ends":      cancelInsteadOfRetry,
		"a job whose worker is gone ends at the next claim": cancelLost,
		"a job handed over ends at the next claim":          cancelHandedOver,
		"cancelling twice is cancelling once":               cancelTwice,
		"cancelling and claiming at once agree":             cancelRace,
	})
}

// cancel cancels a job and expects a status.
func (f *fixture) cancel(id steward.JobID, at int, wanted steward.Status) {
	f.t.Helper()
	got, err := f.Cancel(f.ctx(), f.org, id, after(at))
	must(f.t, "Cancel", err)
	want(f.t, "status that Cancel returns", got, wanted)
	want(f.t, "status of the job", f.get(id).Status, wanted)
}

func cancelQueued(f *fixture) {
	id := f.submitted()
	f.cancel(id, 1, steward.StatusCancelled)
	got := f.get(id)
	want(f.t, "ended at", got.EndedAt, after(1))
	want(f.t, "updated at", got.UpdatedAt, after(1))
	want(f.t, "history", history(got), "PENDING CANCELLED")
	want(f.t, "claimed", len(f.claimAt(after(2))), 0)
	_, err := f.Cancel(f.ctx(), f.org, newID[steward.JobID](), now())
	code(f.t, "an unknown job", err, steward.NotFound)
}

func cancelRetrying(f *fixture) {
	l := f.started()
	f.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(1), Failure: fault(), RunAfter: after(60)})
	f.cancel(l.JobID, 2, steward.StatusCancelled)
	got := f.get(l.JobID)
	want(f.t, "history", history(got), "PENDING STARTED RETRY CANCELLED")
	if got.Failure != nil {
		f.t.Errorf("failure of a cancelled job: got %+v, want none", got.Failure)
	}
	want(f.t, "claimed", len(f.claimAt(after(100))), 0)
}

func cancelRunning(f *fixture) {
	for _, s := range []steward.Status{steward.StatusSuccess, steward.StatusFailure, steward.StatusCancelled} {
		l := f.started()
		f.cancel(l.JobID, 1, steward.StatusStarted)
		want(f.t, "renewal", f.renew(l, nil, after(30)), store.Renewal{CancelRequested: true})
		f.finish(l, store.Outcome{Status: s, At: after(2), Failure: fault()})
		want(f.t, "status", f.get(l.JobID).Status, s)
	}
}

func cancelInsteadOfRetry(f *fixture) {
	l := f.started()
	f.cancel(l.JobID, 1, steward.StatusStarted)
	f.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(2), Failure: fault(), RunAfter: after(3), Usage: steward.Usage{InputTokens: 5}})
	got := f.get(l.JobID)
	want(f.t, "status", got.Status, steward.StatusCancelled)
	want(f.t, "ended at", got.EndedAt, after(2))
	want(f.t, "tokens", got.Usage.InputTokens, 5)
	want(f.t, "history", history(got), "PENDING STARTED CANCELLED")
	want(f.t, "claimed", len(f.claimAt(after(100))), 0)
}

func cancelLost(f *fixture) {
	l := f.started()
	f.cancel(l.JobID, 1, steward.StatusStarted)
	req := f.request(after(20))
	req.MaxCrashes = 1 // a cancel request goes before poison
	want(f.t, "claimed", len(f.claim(req)), 0)
	got := f.get(l.JobID)
	want(f.t, "status", got.Status, steward.StatusCancelled)
	want(f.t, "ended at", got.EndedAt, after(20))
	want(f.t, "history", history(got), "PENDING STARTED CANCELLED")
}

func cancelHandedOver(f *fixture) {
	l := f.started()
	must(f.t, "HandOver", f.HandOver(f.ctx(), []store.Lease{l}))
	f.cancel(l.JobID, 1, steward.StatusStarted)
	want(f.t, "claimed", len(f.claimAt(after(2))), 0)
	want(f.t, "status", f.get(l.JobID).Status, steward.StatusCancelled)
}

func cancelTwice(f *fixture) {
	id := f.submitted()
	f.cancel(id, 1, steward.StatusCancelled)
	f.cancel(id, 2, steward.StatusCancelled)
	want(f.t, "ended at", f.get(id).EndedAt, after(1))
	want(f.t, "history", history(f.get(id)), "PENDING CANCELLED")
}

func cancelRace(f *fixture) {
	for range 20 {
		id := f.submitted()
		done := make(chan steward.Status, 1)
		go func() {
			got, err := f.Cancel(f.ctx(), f.org, id, now())
			if err != nil {
				f.t.Errorf("Cancel: %v", err)
			}
			done <- got
		}()
		claimed := f.claimAt(now())
		status := <-done
		switch {
		case len(claimed) == 1 && status == steward.StatusStarted:
			f.finish(claimed[0].Lease, store.Outcome{Status: steward.StatusCancelled, At: now()})
		case len(claimed) == 0 && status == steward.StatusCancelled:
		default:
			f.t.Errorf("claimed %d jobs while Cancel answered %v", len(claimed), status)
		}
		want(f.t, "status", f.get(id).Status, steward.StatusCancelled)
	}
}

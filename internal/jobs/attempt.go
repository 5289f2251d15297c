package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
)

// Retries says how passing faults are tried again. The zero value is ready to use.
type Retries struct {
	Max   int           // retries after the first try; 0 means 2, -1 none
	First time.Duration // wait before the first retry; 0 means 2 s
	Grow  float64       // factor between waits; 0 means 4
}

func (r *Retries) setDefaults() {
	setDefault(&r.Max, 2)
	setDefault(&r.First, 2*time.Second)
	setDefault(&r.Grow, 4.0)
}

// maxRetryWait bounds what a provider may ask for.
const maxRetryWait = 15 * time.Minute

// wait returns how long to wait before retry n (from 0): exponential with a fifth of jitter, longer if the provider said so.
func (r *Retries) wait(n int, asked time.Duration) time.Duration {
	d := float64(r.First)
	for range n {
		d *= r.Grow
	}
	d *= 0.9 + 0.2*rand.Float64() //nolint:gosec // jitter needs no secrecy
	return min(max(time.Duration(d), asked), maxRetryWait)
}

// What a job waits at least that was held n times already: so much longer each time that its events stay few, and never so long that it
// loses its place in a provider's queue.
const (
	holdStep = time.Second
	maxHold  = 20 * time.Second
)

// hold returns how long a job waits that was stopped on this side before anything was asked, for the time that it was told.
func hold(n int, told time.Duration) time.Duration {
	return min(max(told, min(time.Duration(n+1)*holdStep, maxHold)), maxRetryWait)
}

// attempt is one try of one job in this process.
type attempt struct {
	w      *Worker
	lease  store.Lease
	job    steward.Job
	ctx    context.Context //nolint:containedctx // the attempt is its own scope: claimed, run and interrupted as one
	cancel context.CancelCauseFunc

	lastChance atomic.Bool // it has one crash left before it counts as poison
	did        *[32]byte   // key of what it does in the cache; nil before it is known

	mu       sync.Mutex
	until    time.Time
	progress *steward.Progress
}

// newAttempt returns an attempt whose lease lasts until a time. That is counted from before the claim: the process may have been stopped while
// it waited for the answer.
func newAttempt(base context.Context, w *Worker, c store.Claimed, until time.Time) *attempt {
	a := &attempt{w: w, lease: c.Lease, job: c.Job, until: until}
	a.ctx, a.cancel = context.WithCancelCause(base)
	a.lastChance.Store(w.opts.MaxCrashes > 1 && c.Job.Crashes >= w.opts.MaxCrashes-1)
	return a
}

// run does the attempt and writes down how it ended.
func (a *attempt) run() {
	log := a.w.log.With("job_id", a.lease.JobID, "attempt", a.job.Attempt)
	timeout := &steward.Failure{Code: steward.FailTimeout, Message: fmt.Sprintf("The job did not end within its %v.", a.job.Deadline.Sub(a.job.CreatedAt))}
	left := a.job.Deadline.Sub(a.w.svc.clock.Now())
	timer := time.AfterFunc(left, func() { a.cancel(timeout) })
	defer timer.Stop()
	defer a.cancel(nil)

	j := newJournal(a)
	result, err := a.work(j)
	if err != nil && a.ctx.Err() != nil {
		err = context.Cause(a.ctx) // the reason counts, not what it broke
	}
	switch {
	case errors.Is(err, errLeaseLost), errors.Is(err, store.ErrLeaseLost):
		log.WarnContext(a.ctx, "job left: its lease is lost")
		return
	case errors.Is(err, errHalted), errors.Is(err, disk.ErrFailed):
		log.WarnContext(a.ctx, "job left to the next process: nothing can be written any more")
		return
	case errors.Is(err, errShutdown):
		a.handOver()
		return
	}
	outcome := a.outcome(j, result, err)
	if err != nil {
		// Not err itself: failures can quote what a model said.
		f := a.failureOf(err)
		log.InfoContext(a.ctx, "job attempt failed", "status", outcome.Status.String(), "code", string(f.Code), "cause", f.Err)
	}
	a.finish(outcome)
}

// work runs the engine. A panic fails the attempt, not the process.
func (a *attempt) work(j *journal) (result *engine.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			a.w.log.ErrorContext(a.ctx, "engine panicked", "job_id", a.lease.JobID, "panic", p, "stack", string(debug.Stack()))
			err = &steward.Failure{Code: steward.FailInternal, Message: "The run failed because of an internal error."}
		}
	}()
	if a.job.Attempt > 1 {
		// Also when the run is interrupted already: what it used and saved before belongs to its end.
		if err := a.patiently(context.WithoutCancel(a.ctx), j.load); err != nil {
			return nil, err
		}
	}
	svc := a.w.svc
	version, prog, err := svc.agents.Resolve(a.ctx, a.job.OrganizationID, a.job.AgentID, a.job.VersionID)
	if err != nil {
		return nil, configFailure(err)
	}
	job := a.job
	if job.Inputs, err = svc.loadLongTexts(a.ctx, job.Inputs); err != nil {
		return nil, err
	}
	config, err := prog.Bind(job.Inputs)
	if err != nil {
		return nil, configFailure(err)
	}
	if a.did, err = keyOf(a.job.OrganizationID, version, prog, config, job.Inputs); err != nil {
		return nil, err
	}
	if config.Has("max_cost_usd") {
		j.setLimit(steward.MicroUSD(config.Float("max_cost_usd") * 1e6))
	}
	traces := svc.opts.StoreTraces
	if config.Has("store_traces") {
		traces = config.Bool("store_traces")
	}
	return prog.Engine.Run(a.ctx, engine.NewRun(engine.RunParams{
		Job: job, Config: config, Models: a.w.models, Journal: j, Clock: svc.clock, StoreTraces: traces,
		Logger: a.w.log.With("job_id", a.lease.JobID),
	}))
}

// configFailure makes a job failure of an error about the version or its inputs.
func configFailure(err error) error {
	var e *steward.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Code == steward.Invalid && e.Field == steward.InputField:
		return &steward.Failure{Code: steward.FailMissingInput, Message: e.Message, Err: err}
	case e.Code == steward.Invalid, e.Code == steward.NotFound:
		return &steward.Failure{Code: steward.FailInvalidConfig, Message: e.Message, Err: err}
	}
	return err
}

// outcome says what is to be written about an attempt's end.
func (a *attempt) outcome(j *journal, result *engine.Result, err error) store.Outcome {
	usage, refs := j.totals()
	o := store.Outcome{At: a.w.svc.clock.Now(), References: refs, Usage: usage, CacheKey: a.did}
	if err == nil {
		o.Status, o.Outputs = steward.StatusSuccess, result.Outputs
		if usage.Cost != nil && len(o.Outputs) > 0 {
			cost := usage.Cost.USD()
			o.Outputs[0].Cost = &cost
		}
		return o
	}
	f := a.failureOf(err)
	o.Failure = f
	retries, holds := a.retriesDone()
	switch {
	case f.Code == steward.FailCancelled:
		o.Status, o.Failure = steward.StatusCancelled, nil
	case f.Transient && (f.Held || retries < a.w.opts.Retries.Max):
		wait := a.w.opts.Retries.wait(retries, f.RetryAfter)
		if f.Held { // nothing was tried
			wait = hold(holds, f.RetryAfter)
		}
		o.Status, o.RunAfter = steward.StatusRetry, o.At.Add(wait)
		if !o.RunAfter.Before(a.job.Deadline) { // it could only end as timed out
			o.Status, o.RunAfter = steward.StatusFailure, time.Time{}
		}
	default:
		o.Status = steward.StatusFailure
	}
	return o
}

// failureOf makes a Failure of whatever an engine returned. A database that is away is a passing fault, for which no job fails however often
// it is met.
func (a *attempt) failureOf(err error) *steward.Failure {
	var f *steward.Failure
	if !errors.As(err, &f) && steward.CodeOf(err) == steward.Unavailable {
		return &steward.Failure{Code: steward.FailInternal, Message: "The server's storage was not available.", Transient: true, Held: true, Err: err}
	}
	return steward.FailureOf(err)
}

// retriesDone counts the retries after passing faults so far, and apart from them the times that the job was held on this side before
// anything was asked; resumptions after a crash are neither.
func (a *attempt) retriesDone() (retries, holds int) {
	for _, e := range a.job.Events {
		switch {
		case e.StatusCode != steward.StatusRetry || e.ErrorDetails["code"] == nil:
		case e.ErrorDetails["held"] == true:
			holds++
		default:
			retries++
		}
	}
	return retries, holds
}

// finish writes the outcome. One that the database will not take, whatever it is, becomes a failure without outputs: a job must
// not be tried for ever because its result cannot be stored.
func (a *attempt) finish(o store.Outcome) {
	ctx := context.WithoutCancel(a.ctx)
	failpoint.Pass("jobs.finish.before")
	err := a.patiently(ctx, func(ctx context.Context) error { return a.w.svc.store.Finish(ctx, a.lease, o) })
	failpoint.Pass("jobs.finish.after")
	if err != nil && steward.CodeOf(err) != steward.Unavailable && !errors.Is(err, store.ErrLeaseLost) {
		a.w.log.ErrorContext(ctx, "outcome refused by the database", "job_id", a.lease.JobID, "error", err)
		failed := store.Outcome{
			Status: steward.StatusFailure, At: a.w.svc.clock.Now(), Usage: o.Usage,
			Failure: &steward.Failure{Code: steward.FailInternal, Message: "The result of the run could not be stored."},
		}
		err = a.patiently(ctx, func(ctx context.Context) error { return a.w.svc.store.Finish(ctx, a.lease, failed) })
	}
	switch {
	case errors.Is(err, store.ErrLeaseLost):
		a.w.log.WarnContext(ctx, "outcome dropped: the lease is lost", "job_id", a.lease.JobID)
	case err != nil:
		a.w.log.ErrorContext(ctx, "outcome not stored; the job will run again", "job_id", a.lease.JobID, "error", err)
	}
}

// What bounds the writing of an attempt: one try, and tries that fail for reasons which may or may not pass.
const (
	writeTimeout = 30 * time.Second
	writeTries   = 5
)

// patiently calls fn again while the database is away: until the lease has run out, or the stopping worker has waited long enough. A full
// disk is waited for as long as it takes: it keeps everybody from taking the job over, too. Other faults, such as a connection that broke
// in the middle, get a few tries; a lost lease, invalid data and a disk that failed get none.
func (a *attempt) patiently(ctx context.Context, fn func(ctx context.Context) error) error {
	wait, other := 50*time.Millisecond, 0
	for {
		try, cancel := context.WithTimeout(ctx, writeTimeout)
		err := fn(try)
		cancel()
		code := steward.CodeOf(err)
		if code != steward.Unavailable {
			other++
		}
		switch {
		case err == nil, errors.Is(err, store.ErrLeaseLost), code == steward.Invalid, code == steward.Conflict, code == steward.TooLarge,
			errors.Is(err, disk.ErrFailed), other >= writeTries, a.w.givenUp(), ctx.Err() != nil:
			return unanswered(err)
		case a.w.svc.clock.Now().After(a.leaseEnd()) && !errors.Is(err, disk.ErrNoRoom):
			return unanswered(err)
		}
		time.Sleep(wait)
		wait = min(2*wait, 2*time.Second)
	}
}

// unanswered makes an error of a storage that did not answer in time one of a storage that is away: nothing is wrong with what was to be
// written.
func unanswered(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) || steward.CodeOf(err) == steward.Unavailable {
		return err
	}
	return &steward.Error{Code: steward.Unavailable, Message: "The server's storage did not answer in time.", Err: err}
}

// handOverTime is how long a stop tries to hand a job over.
const handOverTime = 5 * time.Second

// handOver leaves the job to the next process.
func (a *attempt) handOver() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), handOverTime)
	defer cancel()
	failpoint.Pass("jobs.handover.before")
	err := a.patiently(ctx, func(ctx context.Context) error { return a.w.svc.store.HandOver(ctx, []store.Lease{a.lease}) })
	if err != nil && !errors.Is(err, store.ErrLeaseLost) {
		a.w.log.WarnContext(ctx, "lease not handed over", "job_id", a.lease.JobID, "error", err)
	}
	failpoint.Pass("jobs.handover.after")
}

func (a *attempt) leaseEnd() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.until
}

func (a *attempt) renewed(until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.until = until
}

func (a *attempt) setProgress(p steward.Progress) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.progress = &p
}

// putBack restores progress that could not be stored, unless there is newer.
func (a *attempt) putBack(p *steward.Progress) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.progress == nil {
		a.progress = p
	}
}

// takeProgress returns what was said since the last heartbeat.
func (a *attempt) takeProgress() *steward.Progress {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.progress
	a.progress = nil
	return p
}

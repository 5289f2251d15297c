package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
)

// WorkerOptions tunes a Worker. The zero value is ready to use.
type WorkerOptions struct {
	Node        string        // stable name of this installation, for taking back its own jobs; "" means none are taken back
	Concurrency int           // jobs at once; 0 means 64, at most 1000
	Lease       time.Duration // 0 means 15 s
	Grace       time.Duration // how long running jobs may go on after Run's context ended; 0 means 10 s, below 0 not at all
	PollEvery   time.Duration // look for jobs without a signal; 0 means 1 s
	MaxCrashes  int           // 0 means 3
	Retries     Retries
	Limits      store.Limits
	PublicURL   string // base of reference URLs, without a slash at the end
}

// Reasons why an attempt is interrupted, besides the *steward.Failure of time-outs, budgets and cancellation.
var (
	errLeaseLost = errors.New("the lease is lost: another worker has the job, or it has ended")
	errShutdown  = errors.New("the process is stopping")
	errHalted    = errors.New("nothing can be written any more")
	errCancelled = &steward.Failure{Code: steward.FailCancelled, Message: "The job was cancelled."}
)

// Worker claims jobs and runs them. One Worker per process is enough.
type Worker struct {
	svc    *Service
	models engine.ModelSource
	opts   WorkerOptions
	worker store.Worker
	log    *slog.Logger

	mu      sync.Mutex
	running map[*attempt]struct{}
	freed   chan struct{} // gets a value when a running job ended
	drained time.Time     // when waiting for running jobs ends; zero until the worker stops
	doubt   time.Time     // until when claims of before may be carried out; zero means not at all; of the claim loop alone
	keeping sync.Mutex    // held while leases that have run out are renewed out of turn
	wg      sync.WaitGroup
}

// NewWorker returns a Worker for the jobs of a Service.
//
// Errors: an option out of range.
func NewWorker(svc *Service, models engine.ModelSource, opts WorkerOptions) (*Worker, error) {
	setDefault(&opts.Concurrency, 64)
	setDefault(&opts.Lease, 15*time.Second)
	setDefault(&opts.Grace, 10*time.Second)
	setDefault(&opts.PollEvery, time.Second)
	setDefault(&opts.MaxCrashes, 3)
	opts.Grace = max(opts.Grace, 0)
	opts.Retries.setDefaults()
	if opts.Concurrency < 1 || opts.Concurrency > 1000 {
		return nil, fmt.Errorf("worker concurrency %d: must be from 1 to 1000", opts.Concurrency)
	}
	if opts.Lease < time.Second || opts.Lease > time.Hour {
		return nil, fmt.Errorf("worker lease %v: must be from 1s to 1h", opts.Lease)
	}
	return &Worker{
		svc: svc, models: models, opts: opts, log: svc.log,
		worker:  store.Worker{Node: opts.Node, Incarnation: uuid.NewString()},
		running: map[*attempt]struct{}{}, freed: make(chan struct{}, 1),
	}, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Run takes back what an earlier incarnation of this node held, then claims and runs jobs until ctx ends. Then it claims no
// more, gives running jobs the grace period, interrupts the rest and hands their leases over: they go on in the next
// process at the step where they were. When the disk fails, running jobs are interrupted at once: nothing that they do could be recorded.
// It returns after everything it started has stopped.
func (w *Worker) Run(ctx context.Context) error {
	switch err := w.takeBack(ctx); {
	case errors.Is(err, disk.ErrFailed):
		return nil // whoever watches the disk says so, and ends the process
	case err != nil && ctx.Err() == nil:
		return err
	}
	// Attempts outlive ctx by the grace period, heartbeats outlive the attempts.
	base := context.WithoutCancel(ctx)
	beat, stopBeat := context.WithCancel(base)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		w.heartbeat(beat)
	}()
	claiming, halt := context.WithCancel(ctx)
	defer halt()
	go func() {
		select {
		case <-w.svc.opts.Disk.Failed():
			halt()
		case <-claiming.Done():
		}
	}()
	w.claimLoop(claiming, base)
	w.drain(base)
	stopBeat()
	<-beating
	return nil
}

// takeBack makes the jobs of this node's earlier incarnation claimable.
func (w *Worker) takeBack(ctx context.Context) error {
	if w.opts.Node == "" {
		return nil
	}
	failpoint.Pass("jobs.takeback.before")
	n, err := w.svc.store.TakeBack(ctx, w.worker)
	for errors.Is(err, disk.ErrNoRoom) {
		if err := w.svc.opts.Disk.AwaitRoom(ctx); err != nil {
			return err
		}
		n, err = w.svc.store.TakeBack(ctx, w.worker)
	}
	if err != nil {
		return fmt.Errorf("take back jobs: %w", err)
	}
	failpoint.Pass("jobs.takeback.after")
	if n > 0 {
		w.log.InfoContext(ctx, "jobs taken back", "count", n)
	}
	return nil
}

// claimLoop fills free slots with claimed jobs until ctx ends.
func (w *Worker) claimLoop(ctx, base context.Context) {
	ready := w.svc.store.Ready()
	failures := 0
	for ctx.Err() == nil {
		more := false
		if free := w.opts.Concurrency - w.countRunning(); free > 0 && w.svc.opts.Disk.TakesWork() == nil {
			n, err := w.claim(ctx, base, free)
			failures = w.noteClaim(ctx, failures, err)
			more = err == nil && n == free
		}
		if more {
			continue // the slots are full, or there was just enough: look again as soon as one is free
		}
		wait := w.opts.PollEvery
		if w.svc.opts.Disk.TakesWork() == nil { // else a job that is due stays so, whatever is asked
			wait = w.idle(ctx, failures)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ready:
		case <-w.freed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// noteClaim logs the first of a row of failures and its end, and counts them.
func (w *Worker) noteClaim(ctx context.Context, failures int, err error) int {
	switch {
	case err == nil && failures > 0:
		w.log.InfoContext(ctx, "jobs are claimed again", "failures", failures)
	case err != nil && failures == 0:
		w.log.ErrorContext(ctx, "jobs not claimed", "error", err)
	}
	if err == nil {
		return 0
	}
	return failures + 1
}

// claimGrace is how long a claim under way may take after the worker was told to stop, and giving back what it brought without an answer.
const claimGrace = 2 * time.Second

// disownEvery is the first wait between two tries to give jobs back at the end.
const disownEvery = 50 * time.Millisecond

// claim leases up to free jobs and starts them. A shutdown does not cut it off at once, so that what is claimed is also started.
func (w *Worker) claim(stopping, base context.Context, free int) (int, error) {
	ctx, cancel := context.WithTimeout(base, w.opts.Lease)
	defer cancel()
	defer context.AfterFunc(stopping, func() { time.AfterFunc(claimGrace, cancel) })()
	// One time for both: what runs out between the survey and the claim, as when the process is stopped there, is not claimed.
	now := w.svc.clock.Now()
	lapsed, lastChance := w.survey(now)
	if lapsed {
		w.renew(ctx) // after a jump of the clock, this process's own jobs would look abandoned
	}
	if err := w.disown(ctx, now); err != nil {
		return 0, err
	}
	claimed, err := w.svc.store.Claim(ctx, store.ClaimRequest{
		Worker: w.worker, Now: now, Max: free, Lease: w.opts.Lease, MaxCrashes: w.opts.MaxCrashes, Limits: w.opts.Limits,
		LastChance: !lastChance,
	})
	if err != nil {
		w.doubt = now.Add(w.opts.Lease) // it may have been carried out, or still be
		return 0, err
	}
	for _, c := range claimed {
		failpoint.Pass("jobs.claimed")
		w.start(newAttempt(base, w, c, now.Add(w.opts.Lease)))
	}
	return len(claimed), nil
}

// disown gives back what claims brought whose answer never came: nobody works on it, and its lease would have to run out, which counts as a
// crash. It is repeated for the length of a lease, as what was asked last may be carried out late.
func (w *Worker) disown(ctx context.Context, now time.Time) error {
	if w.doubt.IsZero() {
		return nil
	}
	attempts := w.attempts()
	known := make([]store.Lease, len(attempts))
	for i, a := range attempts {
		known[i] = a.lease
	}
	n, err := w.svc.store.Disown(ctx, w.worker, known)
	if err != nil {
		return fmt.Errorf("disown jobs: %w", err)
	}
	if n > 0 {
		w.log.WarnContext(ctx, "jobs given back: the answer to their claim was lost", "jobs", n)
	}
	if now.After(w.doubt) {
		w.doubt = time.Time{}
	}
	return nil
}

// start runs an attempt. An earlier one of the same job has lost its lease to it.
func (w *Worker) start(a *attempt) {
	w.mu.Lock()
	for old := range w.running {
		if old.lease.JobID == a.lease.JobID {
			old.cancel(errLeaseLost)
		}
	}
	w.running[a] = struct{}{}
	w.mu.Unlock()
	w.svc.hub.started(a)
	w.wg.Go(func() {
		defer w.ended(a)
		a.run()
	})
}

// survey reports whether the lease of a running job has run out by now, and whether one of them has its last chance
// before it counts as poison: those run one at a time, so that a job which kills its process takes no other with it.
func (w *Worker) survey(now time.Time) (lapsed, lastChance bool) {
	for _, a := range w.attempts() {
		lapsed = lapsed || now.After(a.leaseEnd())
		lastChance = lastChance || a.lastChance.Load()
	}
	return lapsed, lastChance
}

// ended frees an attempt's slot.
func (w *Worker) ended(a *attempt) {
	w.mu.Lock()
	delete(w.running, a)
	w.mu.Unlock()
	w.svc.hub.ended(a)
	if a.job.Batch != "" {
		w.svc.wakeBatches()
	}
	w.wake()
}

// wake makes the claim loop look again.
func (w *Worker) wake() {
	select {
	case w.freed <- struct{}{}:
	default:
	}
}

// progressed notes that an attempt recorded a step: what crashed before did not stop it, so the next job may have its last chance.
func (w *Worker) progressed(a *attempt) {
	if a.lastChance.CompareAndSwap(true, false) {
		w.wake()
	}
}

// givenUp reports whether the worker is stopping and has waited long enough even for what it cannot write.
func (w *Worker) givenUp() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.drained.IsZero() && w.svc.clock.Now().After(w.drained)
}

func (w *Worker) countRunning() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.running)
}

// maxClaimWait bounds the wait after claims that failed.
const maxClaimWait = 5 * time.Second

// idle is how long the loop may sleep without a signal: until the next job is due, at most PollEvery; longer and longer while
// claims fail.
func (w *Worker) idle(ctx context.Context, failures int) time.Duration {
	if failures > 0 {
		most := min(w.opts.PollEvery<<min(failures-1, 5), maxClaimWait)
		return most + rand.N(most/4+1) //nolint:gosec // so that not all workers come back at the same moment
	}
	if w.countRunning() >= w.opts.Concurrency {
		return w.opts.PollEvery
	}
	at, ok, err := w.svc.store.NextReady(ctx)
	if err != nil || !ok {
		return w.opts.PollEvery
	}
	return min(max(at.Sub(w.svc.clock.Now()), time.Millisecond), w.opts.PollEvery)
}

// heartbeat renews the leases of running jobs until ctx ends.
func (w *Worker) heartbeat(ctx context.Context) {
	tick := time.NewTicker(w.opts.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.renew(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// renew extends the leases of running jobs. It takes at most a third of a lease, so that a database which does not answer
// costs the jobs their leases and not more.
func (w *Worker) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, w.opts.Lease/3)
	defer cancel()
	attempts := w.attempts()
	if len(attempts) == 0 {
		return
	}
	now := w.svc.clock.Now()
	leases := make([]store.LeaseRenewal, len(attempts))
	for i, a := range attempts {
		leases[i] = store.LeaseRenewal{Lease: a.lease, Progress: a.takeProgress()}
	}
	failpoint.Pass("jobs.renew.before")
	renewals, err := w.svc.store.RenewLeases(ctx, leases, now, w.opts.Lease)
	if err != nil {
		w.log.WarnContext(ctx, "leases not renewed", "error", err, "jobs", len(leases))
		full := errors.Is(err, disk.ErrNoRoom) // which keeps others from taking them over, too
		for i, a := range attempts {
			a.putBack(leases[i].Progress)
			if w.svc.clock.Now().After(a.leaseEnd()) && !full {
				a.cancel(errLeaseLost) // somebody else may have it by now
			}
		}
		return
	}
	failpoint.Pass("jobs.renew.after")
	for i, r := range renewals {
		switch {
		case r.Lost:
			attempts[i].cancel(errLeaseLost)
		case r.CancelRequested:
			attempts[i].cancel(errCancelled)
		default:
			attempts[i].renewed(now.Add(w.opts.Lease))
		}
	}
}

// keep makes sure that an attempt still has its job before it begins something: a process that was stopped for longer than its leases last,
// and woken, would else do what another has done meanwhile.
func (w *Worker) keep(a *attempt) error {
	if !w.svc.clock.Now().After(a.leaseEnd()) {
		return nil
	}
	w.keeping.Lock()
	defer w.keeping.Unlock()
	if w.svc.clock.Now().After(a.leaseEnd()) {
		w.renew(context.WithoutCancel(a.ctx))
	}
	return context.Cause(a.ctx)
}

func (w *Worker) attempts() []*attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]*attempt, 0, len(w.running))
	for a := range w.running {
		list = append(list, a)
	}
	return list
}

// drain waits for the running jobs, at most the grace period, then interrupts what is left and hands it over.
func (w *Worker) drain(ctx context.Context) {
	w.mu.Lock()
	w.drained = w.svc.clock.Now().Add(w.opts.Grace + w.opts.Lease)
	w.mu.Unlock()
	done := make(chan struct{})
	go func() {
		w.wg.Wait()
		close(done)
	}()
	if left := w.countRunning(); left > 0 {
		w.log.InfoContext(ctx, "waiting for running jobs", "jobs", left, "grace", w.opts.Grace)
	}
	timer := time.NewTimer(w.opts.Grace)
	defer timer.Stop()
	why := errShutdown
	select {
	case <-done:
		w.leaveNothing(ctx)
		return
	case <-timer.C:
	case <-w.svc.opts.Disk.Failed():
		why = errHalted
	}
	left := w.attempts()
	failpoint.Pass("jobs.interrupt.before")
	for _, a := range left {
		a.cancel(why)
	}
	failpoint.Pass("jobs.interrupt.after")
	<-done
	w.leaveNothing(ctx)
	w.log.InfoContext(ctx, "jobs left to the next process", "jobs", len(left))
}

// leaveNothing gives back what the last claim brought if its answer never came. Nothing runs any more.
func (w *Worker) leaveNothing(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, claimGrace)
	defer cancel()
	for wait := disownEvery; ; wait = min(2*wait, disownEvery<<4) {
		err := w.disown(ctx, w.svc.clock.Now())
		if err == nil || w.svc.opts.Disk.Fault() != nil {
			return
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			w.log.WarnContext(ctx, "jobs of a claim without an answer are left until their lease ends", "error", err)
			return
		}
	}
}

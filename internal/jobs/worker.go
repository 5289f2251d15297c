package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/store"
)

// WorkerOptions tunes a Worker. The zero value is ready to use.
type WorkerOptions struct {
	Node        string        // stable name of this installation, for taking back its own jobs; "" means none are taken back
	Concurrency int           // jobs at once; 0 means 64, at most 1000
	Lease       time.Duration // 0 means 15 s
	Grace       time.Duration // how long running jobs may go on after Run's context ended; 0 means 10 s
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
	running map[steward.JobID]*attempt
	freed   chan struct{} // gets a value when a running job ended
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
		running: map[steward.JobID]*attempt{}, freed: make(chan struct{}, 1),
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
// process at the step where they were. It returns after everything it started has stopped.
func (w *Worker) Run(ctx context.Context) error {
	if w.opts.Node != "" {
		n, err := w.svc.store.TakeBack(ctx, w.worker)
		if err != nil {
			return fmt.Errorf("take back jobs: %w", err)
		}
		if n > 0 {
			w.log.InfoContext(ctx, "jobs taken back", "count", n)
		}
	}
	// Attempts outlive ctx by the grace period, heartbeats outlive the attempts.
	base := context.WithoutCancel(ctx)
	beat, stopBeat := context.WithCancel(base)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		w.heartbeat(beat)
	}()
	w.claimLoop(ctx, base)
	w.drain(base)
	stopBeat()
	<-beating
	return nil
}

// claimLoop fills free slots with claimed jobs until ctx ends.
func (w *Worker) claimLoop(ctx, base context.Context) {
	ready := w.svc.store.Ready()
	for ctx.Err() == nil {
		more := false
		if free := w.opts.Concurrency - w.countRunning(); free > 0 {
			n, err := w.claim(ctx, base, free)
			if err != nil && ctx.Err() == nil {
				w.log.ErrorContext(ctx, "jobs not claimed", "error", err)
			}
			more = err == nil && n == free
		}
		if more {
			continue // the slots are full, or there was just enough: look again as soon as one is free
		}
		timer := time.NewTimer(w.idle(ctx))
		select {
		case <-ready:
		case <-w.freed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// claim leases up to free jobs and starts them.
func (w *Worker) claim(ctx, base context.Context, free int) (int, error) {
	claimed, err := w.svc.store.Claim(ctx, store.ClaimRequest{
		Worker: w.worker, Now: w.svc.clock.Now(), Max: free, Lease: w.opts.Lease, MaxCrashes: w.opts.MaxCrashes, Limits: w.opts.Limits,
	})
	if err != nil {
		return 0, err
	}
	for _, c := range claimed {
		a := newAttempt(base, w, c)
		w.mu.Lock()
		w.running[c.JobID] = a
		w.mu.Unlock()
		w.svc.hub.started(c.JobID, a.cancel)
		w.wg.Go(func() {
			defer w.ended(a)
			a.run()
		})
	}
	return len(claimed), nil
}

// ended frees an attempt's slot.
func (w *Worker) ended(a *attempt) {
	w.mu.Lock()
	delete(w.running, a.lease.JobID)
	w.mu.Unlock()
	w.svc.hub.ended(a.lease.JobID)
	select {
	case w.freed <- struct{}{}:
	default:
	}
}

func (w *Worker) countRunning() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.running)
}

// idle is how long the loop may sleep without a signal: until the next job is due, at most PollEvery.
func (w *Worker) idle(ctx context.Context) time.Duration {
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

func (w *Worker) renew(ctx context.Context) {
	attempts := w.attempts()
	if len(attempts) == 0 {
		return
	}
	now := w.svc.clock.Now()
	leases := make([]store.LeaseRenewal, len(attempts))
	for i, a := range attempts {
		leases[i] = store.LeaseRenewal{Lease: a.lease, Progress: a.takeProgress()}
	}
	renewals, err := w.svc.store.RenewLeases(ctx, leases, now.Add(w.opts.Lease))
	if err != nil {
		w.log.WarnContext(ctx, "leases not renewed", "error", err, "jobs", len(leases))
		for _, a := range attempts {
			if w.svc.clock.Now().After(a.leaseEnd()) {
				a.cancel(errLeaseLost) // somebody else may have it by now
			}
		}
		return
	}
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

func (w *Worker) attempts() []*attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]*attempt, 0, len(w.running))
	for _, a := range w.running {
		list = append(list, a)
	}
	return list
}

// drain waits for the running jobs, at most the grace period, then interrupts what is left and hands it over.
func (w *Worker) drain(ctx context.Context) {
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
	select {
	case <-done:
		return
	case <-timer.C:
	}
	left := w.attempts()
	for _, a := range left {
		a.cancel(errShutdown)
	}
	<-done
	w.log.InfoContext(ctx, "jobs left to the next process", "jobs", len(left))
}

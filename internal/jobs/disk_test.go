package jobs_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

func quietGuard() *disk.Guard {
	return disk.NewGuard(disk.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

// onDisk is a store whose writes a guard may forbid, as the real one.
type onDisk struct {
	jobs.Store
	guard  *disk.Guard
	full   atomic.Bool
	writes atomic.Int32  // that were refused
	asked  atomic.Int32  // what is due next
	fills  bool          // once a worker has started
	turns  chan struct{} // what a worker that waits is woken by; nil: the store's own
}

func (o *onDisk) Ready() <-chan struct{} {
	if o.turns != nil {
		return o.turns
	}
	return o.Store.Ready()
}

func (o *onDisk) NextReady(ctx context.Context) (time.Time, bool, error) {
	o.asked.Add(1)
	return o.Store.NextReady(ctx)
}

func (o *onDisk) refused() error {
	err := o.guard.MayWrite()
	if err == nil && o.full.Load() {
		o.guard.Full()
		err = disk.NoRoom(nil)
	}
	if err != nil {
		o.writes.Add(1)
		return err
	}
	o.guard.Wrote()
	return nil
}

func (o *onDisk) RecordStep(ctx context.Context, l store.Lease, s steward.Step) error {
	if err := o.refused(); err != nil {
		return err
	}
	return o.Store.RecordStep(ctx, l, s)
}

func (o *onDisk) RenewLeases(ctx context.Context, l []store.LeaseRenewal, now time.Time, lease time.Duration) ([]store.Renewal, error) {
	if err := o.refused(); err != nil {
		return nil, err
	}
	return o.Store.RenewLeases(ctx, l, now, lease)
}

func (o *onDisk) Finish(ctx context.Context, l store.Lease, out store.Outcome) error {
	if err := o.refused(); err != nil {
		return err
	}
	return o.Store.Finish(ctx, l, out)
}

func (o *onDisk) Claim(ctx context.Context, r store.ClaimRequest) ([]store.Claimed, error) {
	if err := o.refused(); err != nil {
		return nil, err
	}
	return o.Store.Claim(ctx, r)
}

func (o *onDisk) TakeBack(ctx context.Context, w store.Worker) (int, error) {
	if err := o.refused(); err != nil {
		return 0, err
	}
	if o.fills {
		o.guard.Full()
	}
	return o.Store.TakeBack(ctx, w)
}

func TestAWorkerThatStartsOnAFullDiskWaits(t *testing.T) {
	t.Parallel()
	o := &onDisk{guard: quietGuard()}
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{enginetest.Steps{N: 1}}, jobs: jobs.Options{Disk: o.guard},
		wrap: func(st *sqlite.Store) jobs.Store { o.Store = st; return o },
	})
	id := h.submit(jobs.RunParams{AgentID: h.agent("one", "Steps1Engine", `{}`)})
	o.full.Store(true)
	h.work(jobs.WorkerOptions{Node: "n"})
	h.eventually("the worker has tried", func() bool { return o.writes.Load() > 0 })
	o.full.Store(false)
	o.guard.Wrote() // as whoever looks at the disk finds out
	if job := h.end(id); job.Status != steward.StatusSuccess {
		t.Errorf("ended %s", job.Status)
	}
}

func TestAWorkerOnAFullDiskAsksSeldomWhatIsDue(t *testing.T) {
	t.Parallel()
	o := &onDisk{guard: quietGuard(), fills: true, turns: make(chan struct{})}
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{enginetest.Steps{N: 1}}, jobs: jobs.Options{Disk: o.guard},
		wrap: func(st *sqlite.Store) jobs.Store { o.Store = st; return o },
	})
	id := h.submit(jobs.RunParams{AgentID: h.agent("one", "Steps1Engine", `{}`)})
	h.work(jobs.WorkerOptions{Node: "n", PollEvery: time.Hour})
	for range 10 { // turns of its loop
		o.turns <- struct{}{}
	}
	if n := o.asked.Load(); n > 0 {
		t.Errorf("asked %d times", n)
	}
	o.guard.Wrote()
	o.turns <- struct{}{}
	if job := h.end(id); job.Status != steward.StatusSuccess {
		t.Errorf("ended %s", job.Status)
	}
}

func TestAWorkerThatStartsAfterAFaultLeavesItToOthersToSaySo(t *testing.T) {
	t.Parallel()
	o := &onDisk{guard: quietGuard()}
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{enginetest.Steps{N: 1}}, jobs: jobs.Options{Disk: o.guard},
		wrap: func(st *sqlite.Store) jobs.Store { o.Store = st; return o },
	})
	o.guard.Fail(disk.Replaced, "look", errors.New("gone"))
	h.work(jobs.WorkerOptions{Node: "n"})() // its end without an error is what is looked at
}

// twoSteps is an engine of two steps, each of which reports its number and waits to go on.
func twoSteps(begun chan int, goOn chan struct{}) engine.Engine {
	return enginetest.Func{ID: "TwoSteps", Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		for n, name := range []string{"first", "second"} {
			_, err := engine.Do(ctx, run, engine.StepSpec{Name: name, Kind: steward.StepCompute}, func(ctx context.Context) (int, error) {
				begun <- n
				select {
				case <-goOn:
					return n, nil
				case <-ctx.Done():
					return 0, context.Cause(ctx)
				}
			})
			if err != nil {
				return nil, err
			}
		}
		return enginetest.Output("ok")
	}}
}

func TestAJobOnAFullDiskWaitsAndGoesOnWithoutRepeatingAStep(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan int, 8), make(chan struct{})
	o := &onDisk{guard: quietGuard()}
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{twoSteps(begun, goOn)}, jobs: jobs.Options{Disk: o.guard},
		wrap: func(st *sqlite.Store) jobs.Store { o.Store = st; return o },
	})
	h.work(jobs.WorkerOptions{Lease: time.Second})
	agent := h.agent("two", "TwoSteps", `{}`)
	id := h.submit(jobs.RunParams{AgentID: agent})
	<-begun
	o.full.Store(true)
	goOn <- struct{}{}
	// The lease runs out meanwhile, which nobody can write down.
	for deadline := time.Now().Add(1500 * time.Millisecond); time.Now().Before(deadline) || o.writes.Load() < 3; {
		select {
		case n := <-begun:
			t.Fatalf("step %d was begun on a full disk", n)
		case <-time.After(10 * time.Millisecond):
		}
	}
	_, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: agent})
	if steward.CodeOf(err) != steward.Unavailable || !errors.Is(err, disk.ErrNoRoom) {
		t.Errorf("a submission: %v", err)
	}
	_, err = h.jobs.CreateBatch(h.ctx, jobs.BatchParams{AgentID: agent})
	if !errors.Is(err, disk.ErrNoRoom) {
		t.Errorf("a batch: %v", err)
	}
	o.full.Store(false)
	if n := <-begun; n != 1 {
		t.Errorf("step %d was begun after there was room, want 1", n)
	}
	goOn <- struct{}{}
	if job := h.end(id); job.Status != steward.StatusSuccess || job.Attempt != 1 || len(begun) > 0 {
		t.Errorf("ended %s at attempt %d with %d more steps", job.Status, job.Attempt, len(begun))
	}
}

func TestAfterAFaultOfTheDiskNoStepIsBegunAndTheNextProcessGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun, goOn := make(chan int, 8), make(chan struct{})
	o := &onDisk{guard: quietGuard()}
	h := openHouse(t, houseOptions{
		dir: dir, engines: []engine.Engine{twoSteps(begun, goOn)}, jobs: jobs.Options{Disk: o.guard},
		wrap: func(st *sqlite.Store) jobs.Store { o.Store = st; return o },
	})
	stop := h.work(jobs.WorkerOptions{Node: "n", Grace: time.Hour})
	agent := h.agent("two", "TwoSteps", `{}`)
	id := h.submit(jobs.RunParams{AgentID: agent})
	<-begun
	goOn <- struct{}{}
	if n := <-begun; n != 1 {
		t.Fatalf("step %d was begun, want 1", n)
	}
	o.guard.Fail(disk.Broken, "commit", syscall.EIO)
	// The worker interrupts it by itself, and does not wait for it for an hour.
	stop()
	if _, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: agent}); steward.CodeOf(err) != steward.Unavailable || !errors.Is(err, disk.ErrFailed) {
		t.Errorf("a submission: %v", err)
	}
	job, err := h.jobs.Get(h.ctx, id)
	if err != nil || job.Status.Terminal() || len(begun) > 0 {
		t.Errorf("after the fault: %v (%v), %d more steps", job.Status, err, len(begun))
	}
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	h = openHouse(t, houseOptions{dir: dir, engines: []engine.Engine{twoSteps(begun, goOn)}})
	h.work(jobs.WorkerOptions{Node: "n"})
	if n := <-begun; n != 1 {
		t.Errorf("the next process began step %d, want 1: the first is recorded", n)
	}
	goOn <- struct{}{}
	if job := h.end(id); job.Status != steward.StatusSuccess || job.Attempt != 2 {
		t.Errorf("ended %s at attempt %d", job.Status, job.Attempt)
	}
}

package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// jumping is the system's clock with a jump.
type jumping struct{ by atomic.Int64 }

func (j *jumping) Now() time.Time {
	return clock.System{}.Now().Add(time.Duration(j.by.Load()))
}

// faulty is a store whose calls fail when told to.
type faulty struct {
	jobs.Store
	finish, claim, record func() error
}

func call(fn func() error) error {
	if fn == nil {
		return nil
	}
	return fn()
}

func (f *faulty) Finish(ctx context.Context, l store.Lease, o store.Outcome) error {
	if err := call(f.finish); err != nil && len(o.Outputs) > 0 {
		return err
	}
	return f.Store.Finish(ctx, l, o)
}

func (f *faulty) Claim(ctx context.Context, r store.ClaimRequest) ([]store.Claimed, error) {
	if err := call(f.claim); err != nil {
		return nil, err
	}
	return f.Store.Claim(ctx, r)
}

func (f *faulty) RecordStep(ctx context.Context, l store.Lease, s steward.Step) error {
	if err := f.Store.RecordStep(ctx, l, s); err != nil {
		return err
	}
	return call(f.record) // as when the answer to a commit is lost
}

func (f *faulty) wrap(st *sqlite.Store) jobs.Store {
	f.Store = st
	return f
}

func TestAJumpOfTheClockDoesNotStartAJobTwice(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	waiting, release := make(chan struct{}, 8), make(chan struct{})
	e := enginetest.Func{ID: "Slow", Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		_, err := engine.Do(ctx, run, engine.StepSpec{Name: "paid", Kind: steward.StepCompute}, func(ctx context.Context) (int, error) {
			calls.Add(1)
			waiting <- struct{}{}
			select {
			case <-release:
				return 1, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		})
		if err != nil {
			return nil, err
		}
		return enginetest.Output("ok")
	}}
	c := &jumping{}
	h := openHouse(t, houseOptions{engines: []engine.Engine{e, enginetest.Steps{N: 0}}, clock: c})
	h.work(jobs.WorkerOptions{Concurrency: 4})
	id := h.submit(jobs.RunParams{AgentID: h.agent("slow", "Slow", `{}`)})
	<-waiting
	quick := h.agent("quick", "Steps0Engine", `{}`)
	for range 3 {
		c.by.Add(int64(20 * time.Second)) // longer than a lease
		h.end(h.submit(jobs.RunParams{AgentID: quick}))
	}
	close(release)
	job := h.end(id)
	if job.Status != steward.StatusSuccess || job.Attempt != 1 || calls.Load() != 1 {
		t.Errorf("ended %s %+v at attempt %d, the step ran %d times", job.Status, job.Failure, job.Attempt, calls.Load())
	}
}

func TestAWorkerThatWokeTooLateBeginsNoStepOfAJobThatAnotherHas(t *testing.T) {
	t.Parallel()
	between, goOn := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	e := enginetest.Func{ID: "Between", Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		close(between)
		select { // as a stopped process does
		case <-goOn:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		_, err := engine.Do(ctx, run, engine.StepSpec{Name: "paid", Kind: steward.StepCompute}, func(context.Context) (int32, error) {
			return calls.Add(1), nil
		})
		if err != nil {
			return nil, err
		}
		return enginetest.Output("late")
	}}
	c := &jumping{}
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}, clock: c})
	h.work(jobs.WorkerOptions{Lease: 10 * time.Minute, PollEvery: time.Hour}) // its heart does not beat in this test, nor does it look for jobs
	id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Between", `{}`)})
	<-between
	later := c.Now().Add(20 * time.Minute)
	got, err := h.store.Claim(t.Context(), store.ClaimRequest{Worker: store.Worker{Node: "other", Incarnation: "1"}, Now: later, Max: 1, Lease: time.Hour})
	if err != nil || len(got) != 1 || got[0].JobID != id {
		t.Fatalf("claim = %+v, %v", got, err)
	}
	c.by.Add(int64(20 * time.Minute))
	close(goOn)
	if err := h.store.Finish(t.Context(), got[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: later, Outputs: []steward.Datum{{Key: "output", Value: "other"}}, Usage: steward.Free()}); err != nil {
		t.Fatal(err)
	}
	if job := h.end(id); job.Outputs[0].Value != "other" || calls.Load() != 0 {
		t.Errorf("ended with %+v, the step was done %d times by the late worker", job.Outputs, calls.Load())
	}
}

// stopped is a store whose first claim that finds a job is answered late.
type stopped struct {
	jobs.Store
	meanwhile func(claimed []store.Claimed)
}

func (s *stopped) Claim(ctx context.Context, r store.ClaimRequest) ([]store.Claimed, error) {
	claimed, err := s.Store.Claim(ctx, r)
	if len(claimed) > 0 && s.meanwhile != nil {
		s.meanwhile(claimed)
		s.meanwhile = nil
	}
	return claimed, err
}

func TestAWorkerThatWasStoppedWhileItClaimedBeginsNoStepOfAJobThatAnotherHas(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	e := enginetest.Steps{N: 1, Effect: func(context.Context, *engine.Run, string) error {
		calls.Add(1)
		return nil
	}}
	c, gate := &jumping{}, &stopped{}
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}, clock: c, wrap: func(st *sqlite.Store) jobs.Store {
		gate.Store = st
		return gate
	}})
	left := make(chan error, 1)
	gate.meanwhile = func([]store.Claimed) {
		later := c.Now().Add(20 * time.Minute)
		got, err := h.store.Claim(t.Context(), store.ClaimRequest{Worker: store.Worker{Node: "other", Incarnation: "1"}, Now: later, Max: 1, Lease: time.Hour})
		if err == nil && len(got) == 1 {
			err = h.store.Finish(t.Context(), got[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: later, Outputs: []steward.Datum{{Key: "output", Value: "other"}}, Usage: steward.Free()})
		}
		c.by.Add(int64(20 * time.Minute))
		left <- err
	}
	id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Steps1Engine", `{}`)})
	stop := h.work(jobs.WorkerOptions{Lease: 10 * time.Minute, PollEvery: time.Hour})
	if err := <-left; err != nil {
		t.Fatal(err)
	}
	job := h.end(id)
	stop() // which waits for the late attempt
	if job.Outputs[0].Value != "other" || calls.Load() != 0 {
		t.Errorf("ended with %+v, the step was done %d times by the late worker", job.Outputs, calls.Load())
	}
}

// loading is a store that tells when steps are about to be loaded.
type loading struct {
	jobs.Store
	about func()
}

func (l *loading) LoadSteps(ctx context.Context, lease store.Lease) ([]steward.Step, error) {
	l.about()
	return l.Store.LoadSteps(ctx, lease)
}

func TestACancelledJobKeepsWhatEarlierAttemptsUsed(t *testing.T) {
	t.Parallel()
	cost := steward.MicroUSD(10)
	recorded := make(chan struct{}, 2)
	e := enginetest.Func{ID: "Paid", Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		_, err := engine.DoMetered(ctx, run, engine.StepSpec{Name: "paid", Kind: steward.StepCompute}, func(context.Context) (int, steward.Usage, error) {
			return 1, steward.Usage{InputTokens: 3, Cost: &cost}, nil
		})
		if err != nil {
			return nil, err
		}
		recorded <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	gate := &loading{}
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}, wrap: func(st *sqlite.Store) jobs.Store {
		gate.Store = st
		return gate
	}})
	id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Paid", `{}`)})
	gate.about = func() { // the second attempt takes the journal up
		if err := h.jobs.Cancel(h.ctx, id); err != nil {
			t.Error(err)
		}
	}
	stop := h.work(jobs.WorkerOptions{Grace: -1})
	<-recorded
	stop()
	h.work(jobs.WorkerOptions{})
	job := h.end(id)
	if job.Status != steward.StatusCancelled || job.Attempt != 2 || job.Usage.Cost == nil || *job.Usage.Cost != cost || job.Usage.InputTokens != 3 {
		t.Errorf("ended %s at attempt %d with %+v", job.Status, job.Attempt, job.Usage)
	}
}

func TestAResultThatCannotBeStoredFailsTheJob(t *testing.T) {
	t.Parallel()
	f := &faulty{finish: func() error { return errors.New("string or blob too big") }}
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}, wrap: f.wrap})
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Steps0Engine", `{}`)}))
	if job.Status != steward.StatusFailure || job.Failure.Code != steward.FailInternal || strings.Contains(job.Failure.Message, "blob") {
		t.Errorf("ended %s with %+v", job.Status, job.Failure)
	}
}

func TestAResultThatADiskKeptWaitingTooLongIsNoFailure(t *testing.T) {
	t.Parallel()
	c := &jumping{}
	var tries atomic.Int32
	f := &faulty{finish: func() error {
		if tries.Add(1) > 1 {
			return nil
		}
		c.by.Add(int64(time.Minute)) // longer than a lease
		return fmt.Errorf("finish job: %w", context.DeadlineExceeded)
	}}
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 1}}, clock: c, wrap: f.wrap})
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Steps1Engine", `{}`)}))
	if job.Status != steward.StatusSuccess {
		t.Errorf("ended %s with %+v", job.Status, job.Failure)
	}
}

func TestAFinishedStepIsRecordedAlthoughTheRunIsBeingInterrupted(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, 40_000} { // in the row, in a file
		var calls atomic.Int32
		begun := make(chan struct{}, 8)
		e := enginetest.Func{ID: "Big", Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
			_, err := engine.Do(ctx, run, engine.StepSpec{Name: "paid", Kind: steward.StepModel}, func(ctx context.Context) (string, error) {
				if calls.Add(1) == 1 {
					begun <- struct{}{}
					<-ctx.Done() // the answer arrives just as the process is told to stop
				}
				return strings.Repeat("x", size), nil
			})
			if err != nil || ctx.Err() != nil {
				return nil, errors.Join(err, context.Cause(ctx))
			}
			return enginetest.Output("ok")
		}}
		h := openHouse(t, houseOptions{engines: []engine.Engine{e}})
		stop := h.work(jobs.WorkerOptions{Grace: -1})
		id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Big", `{}`)})
		<-begun
		stop()
		h.work(jobs.WorkerOptions{})
		if job := h.end(id); job.Status != steward.StatusSuccess || calls.Load() != 1 {
			t.Errorf("%d bytes: ended %s, the step ran %d times", size, job.Status, calls.Load())
		}
	}
}

func TestALostAnswerToARecordedStepIsNoFailure(t *testing.T) {
	t.Parallel()
	var faults atomic.Int32
	f := &faulty{record: func() error {
		if faults.Add(1) <= 2 {
			return &steward.Error{Code: steward.Unavailable, Message: "away"}
		}
		return nil
	}}
	var calls atomic.Int32
	e := enginetest.Steps{N: 1, Effect: func(context.Context, *engine.Run, string) error {
		calls.Add(1)
		return nil
	}}
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}, wrap: f.wrap})
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Steps1Engine", `{}`)}))
	if job.Status != steward.StatusSuccess || job.Attempt != 1 || calls.Load() != 1 {
		t.Errorf("ended %s %+v at attempt %d, the step ran %d times", job.Status, job.Failure, job.Attempt, calls.Load())
	}
}

func TestATakenStepNameFailsTheJobAtOnce(t *testing.T) {
	t.Parallel()
	e := enginetest.Func{ID: "Twice", Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		errs := make(chan error, 2)
		inside, both := make(chan struct{}), make(chan struct{})
		go func() {
			<-inside
			<-inside
			close(both)
		}()
		for range 2 {
			go func() {
				_, err := engine.Do(ctx, run, engine.StepSpec{Name: "same", Kind: steward.StepCompute}, func(context.Context) (int, error) {
					inside <- struct{}{}
					<-both
					return 1, nil
				})
				errs <- err
			}()
		}
		if err := errors.Join(<-errs, <-errs); err != nil {
			return nil, err
		}
		return enginetest.Output("ok")
	}}
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}})
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Twice", `{}`)}))
	if job.Status != steward.StatusFailure || job.Failure.Code != steward.FailInternal || job.Attempt != 1 {
		t.Errorf("ended %s with %+v at attempt %d", job.Status, job.Failure, job.Attempt)
	}
}

func TestClaimsThatFailAreNotRepeatedInATightLoop(t *testing.T) {
	t.Parallel()
	claims := make(chan struct{}, 1000)
	var broken atomic.Bool
	broken.Store(true)
	f := &faulty{claim: func() error {
		if broken.Load() {
			claims <- struct{}{}
			return errors.New("disk full")
		}
		return nil
	}}
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}, wrap: f.wrap})
	h.work(jobs.WorkerOptions{PollEvery: 50 * time.Millisecond})
	id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Steps0Engine", `{}`)})
	begun := time.Now()
	for range 4 { // the last ones after 50, 100 and 200 ms
		<-claims
	}
	if took := time.Since(begun); took < 200*time.Millisecond {
		t.Errorf("four claims failed within %v", took)
	}
	broken.Store(false)
	if job := h.end(id); job.Status != steward.StatusSuccess {
		t.Errorf("ended %s", job.Status)
	}
}

func TestTheTimeoutHoldsForAJobThatWaits(t *testing.T) {
	t.Parallel()
	e, waiting := waits("Waits")
	overloaded := enginetest.Func{ID: "Overloaded", Do: func(context.Context, *engine.Run) (*engine.Result, error) {
		return nil, &steward.Failure{Code: steward.FailProviderError, Transient: true, RetryAfter: 10 * time.Minute, Message: "Come back later."}
	}}
	h := openHouse(t, houseOptions{engines: []engine.Engine{e, overloaded}})
	h.work(jobs.WorkerOptions{Limits: store.Limits{PerAgent: 1}, PollEvery: 50 * time.Millisecond, Grace: -1})
	agent := h.agent("a", "Waits", `{}`)
	h.submit(jobs.RunParams{AgentID: agent})
	<-waiting
	behind := h.submit(jobs.RunParams{AgentID: agent, Timeout: 100 * time.Millisecond})
	if job := h.end(behind); job.Status != steward.StatusFailure || job.Failure.Code != steward.FailTimeout {
		t.Errorf("behind a full limit: ended %s with %+v", job.Status, job.Failure)
	}
	late := h.submit(jobs.RunParams{AgentID: h.agent("b", "Overloaded", `{}`), Timeout: time.Minute})
	if job := h.end(late); job.Status != steward.StatusFailure || job.Failure.Code != steward.FailProviderError {
		t.Errorf("a retry behind the deadline: ended %s with %+v", job.Status, job.Failure)
	}
}

func TestAReplayIsAnsweredWhateverHasChangedSince(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{costly("Costly", 1, false)}, models: enginetest.Models{"default": priced(2_000_000)},
		jobs: jobs.Options{Budget: jobs.Budget{PerOrganization: 1_000_000}},
	})
	h.work(jobs.WorkerOptions{})
	agent := h.agent("a", "Costly", `{}`)
	p := jobs.RunParams{AgentID: agent, IdempotencyKey: "k", Inputs: []jobs.RawInput{{Key: "b", Text: "2"}, {Key: "a", Text: "1"}}}
	id := h.submit(p)
	h.end(id)
	if _, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: agent}); steward.CodeOf(err) != steward.NoCredit {
		t.Fatalf("a new job over the budget: %v", err)
	}
	p.Inputs[0], p.Inputs[1] = p.Inputs[1], p.Inputs[0] // clients send fields in any order
	if again, err := h.jobs.Submit(h.ctx, p); err != nil || again != id {
		t.Errorf("replay = %s, %v, want %s", again, err, id)
	}
}

func TestAModelWithoutAPriceCannotKeepALimit(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	m := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
		n.Add(1)
		return &model.Response{Value: json.RawMessage(`"x"`), Usage: steward.Usage{InputTokens: 1}}, nil
	})
	h := openHouse(t, houseOptions{engines: []engine.Engine{costly("Costly", 10, false)}, models: enginetest.Models{"default": m}})
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Costly", `{"max_cost_usd": 1}`)}))
	if job.Status != steward.StatusFailure || job.Failure.Code != steward.FailCostLimit || n.Load() != 1 {
		t.Errorf("ended %s with %+v after %d calls", job.Status, job.Failure, n.Load())
	}
	if free := h.end(h.submit(jobs.RunParams{AgentID: h.agent("b", "Costly", `{}`)})); free.Status != steward.StatusSuccess || free.Usage.Cost != nil {
		t.Errorf("without a limit: ended %s, cost %v", free.Status, free.Usage.Cost)
	}
}

func TestOnlyTheJobThatKillsItsProcessIsPoisoned(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 1}}})
	agent := h.agent("a", "Steps1Engine", `{}`)
	ids := make([]steward.JobID, 64)
	for i := range ids {
		ids[i] = h.submit(jobs.RunParams{AgentID: agent})
	}
	for i := range 3 { // three processes that die with all they got
		w := store.Worker{Node: "n", Incarnation: string(rune('a' + i))}
		if _, err := h.store.TakeBack(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if _, err := h.store.Claim(t.Context(), store.ClaimRequest{Worker: w, Now: clock.System{}.Now(), Max: 64, Lease: 15 * time.Second, LastChance: true}); err != nil {
			t.Fatal(err)
		}
	}
	h.work(jobs.WorkerOptions{Node: "n"})
	poisoned := 0
	for _, id := range ids {
		if job := h.end(id); job.Status != steward.StatusSuccess {
			poisoned++
		}
	}
	if poisoned > 1 {
		t.Errorf("%d of 64 jobs were poisoned; at most the one on its last chance may be", poisoned)
	}
}

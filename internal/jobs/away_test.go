package jobs_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// away is the error of a database that is not there.
func away() error {
	return &steward.Error{Code: steward.Unavailable, Message: "away", Err: errors.New("connection refused")}
}

// lossy is a store whose answers get lost.
type lossy struct {
	jobs.Store
	claims, records, loads atomic.Int32 // how many answers are lost from now on
}

func (l *lossy) wrap(st *sqlite.Store) jobs.Store {
	l.Store = st
	return l
}

// lost counts an answer that is lost.
func lost(n *atomic.Int32) bool { return n.Add(-1) >= 0 }

func (l *lossy) Claim(ctx context.Context, r store.ClaimRequest) ([]store.Claimed, error) {
	got, err := l.Store.Claim(ctx, r)
	if err == nil && len(got) > 0 && lost(&l.claims) {
		return nil, away()
	}
	return got, err
}

func (l *lossy) RecordStep(ctx context.Context, lease store.Lease, s steward.Step) error {
	err := l.Store.RecordStep(ctx, lease, s)
	if err == nil && lost(&l.records) {
		return away()
	}
	return err
}

func (l *lossy) LoadSteps(ctx context.Context, lease store.Lease) ([]steward.Step, error) {
	if lost(&l.loads) {
		return nil, away()
	}
	return l.Store.LoadSteps(ctx, lease)
}

func TestAClaimWhoseAnswerIsLostIsGivenBackAtOnce(t *testing.T) {
	t.Parallel()
	var l lossy
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 1}}, wrap: l.wrap})
	agent := h.agent("a", "Steps1Engine", `{}`)
	l.claims.Store(2)
	ids := []steward.JobID{h.submit(jobs.RunParams{AgentID: agent}), h.submit(jobs.RunParams{AgentID: agent})}
	began := time.Now()
	h.work(jobs.WorkerOptions{Lease: time.Hour, PollEvery: 50 * time.Millisecond})
	for _, id := range ids {
		if job := h.end(id); job.Status != steward.StatusSuccess || job.Crashes != 0 {
			t.Errorf("ended %s with %d crashes after %v: %+v", job.Status, job.Crashes, time.Since(began), job.Events)
		}
	}
}

func TestAStopGivesBackAClaimWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	var l lossy
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 1}}, wrap: l.wrap})
	id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Steps1Engine", `{}`)})
	l.claims.Store(1)
	stop := h.work(jobs.WorkerOptions{Lease: time.Hour, PollEvery: time.Hour})
	h.eventually("an answer is lost", func() bool { return l.claims.Load() <= 0 })
	stop()
	h.work(jobs.WorkerOptions{Node: "another"})
	if job := h.end(id); job.Status != steward.StatusSuccess || job.Crashes != 0 {
		t.Errorf("ended %s with %d crashes", job.Status, job.Crashes)
	}
}

func TestAStepWhoseRecordCannotBeLookedUpAtFirstIsNoFailure(t *testing.T) {
	t.Parallel()
	var l lossy
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 2}}, wrap: l.wrap})
	l.records.Store(1)
	l.loads.Store(2)
	h.work(jobs.WorkerOptions{})
	id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Steps2Engine", `{}`)})
	if job := h.end(id); job.Status != steward.StatusSuccess || job.Attempt != 1 {
		t.Errorf("ended %s at attempt %d: %+v", job.Status, job.Attempt, job.Failure)
	}
}

func TestNoJobFailsBecauseItsDatabaseWasAwayOften(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	e := enginetest.Func{ID: "Unlucky", Do: func(context.Context, *engine.Run) (*engine.Result, error) {
		if tries.Add(1) <= 3 {
			return nil, away()
		}
		return enginetest.Output("ok")
	}}
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}})
	h.work(jobs.WorkerOptions{PollEvery: 20 * time.Millisecond, Retries: jobs.Retries{Max: -1}})
	id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Unlucky", `{}`)})
	if job := h.end(id); job.Status != steward.StatusSuccess || tries.Load() != 4 {
		t.Errorf("ended %s after %d tries: %+v", job.Status, tries.Load(), job.Failure)
	}
}

package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// full wants an error of a full backlog.
func full(t *testing.T, what string, err error, code steward.Code) {
	t.Helper()
	var e *steward.Error
	if !errors.As(err, &e) || e.Code != code || e.RetryAfter <= 0 {
		t.Errorf("%s with a full backlog: %v, want %s with a time to come back", what, err, code)
	}
}

// counted counts how often a store is asked how much waits.
type counted struct {
	jobs.Store
	counts atomic.Int32
	before func() // a count; nil: nothing
}

func (c *counted) CountQueued(ctx context.Context) (map[steward.OrganizationID]int64, error) {
	c.counts.Add(1)
	if c.before != nil {
		c.before()
	}
	return c.Store.CountQueued(ctx)
}

func TestAFullBacklogTakesNothingIn(t *testing.T) {
	t.Parallel()
	for code, limits := range map[steward.Code]jobs.Backlog{
		steward.RateLimited: {PerOrganization: 5},
		steward.Unavailable: {Total: 5},
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}, jobs: jobs.Options{Backlog: limits}})
			agent := h.agent("a", "Steps0Engine", `{}`)
			run := func(text string) jobs.RunParams {
				return jobs.RunParams{AgentID: agent, Inputs: []jobs.RawInput{{Key: "text", Text: text}}, IdempotencyKey: text}
			}
			batch, err := h.jobs.CreateBatch(h.ctx, jobs.BatchParams{AgentID: agent})
			if err != nil {
				t.Fatal(err)
			}
			first := h.submit(run("first"))
			if _, err := h.jobs.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: numbers(4)}); err != nil {
				t.Fatalf("up to the limit: %v", err)
			}
			_, err = h.jobs.Submit(h.ctx, run("one more"))
			full(t, "Submit", err, code)
			_, err = h.jobs.RunSync(h.ctx, run("one more"))
			full(t, "RunSync", err, code)
			_, err = h.jobs.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: numbers(2)})
			full(t, "RunMany", err, code)
			_, err = h.jobs.AddItems(h.ctx, batch.ID, jobs.ItemsParams{Items: numbers(1)})
			full(t, "AddItems", err, code)
			_, err = h.jobs.ResumeBatch(h.ctx, batch.ID, nil)
			full(t, "ResumeBatch", err, code)
			if id, err := h.jobs.Submit(h.ctx, run("first")); err != nil || id != first {
				t.Errorf("a key that was used: %s, %v, want the first job", id, err)
			}
			if counts, err := h.store.CountQueued(h.ctx); err != nil || len(counts) != 1 {
				t.Errorf("queued %v, %v", counts, err)
			}
			h.work(jobs.WorkerOptions{})
			h.end(first)
			h.eventually("the backlog has room again", func() bool {
				_, err := h.jobs.Submit(h.ctx, run("one more"))
				return err == nil
			})
		})
	}
}

func TestWhatWaitedBeforeTheStartCountsToo(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}})
	agent := h.agent("a", "Steps0Engine", `{}`)
	if _, err := h.jobs.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: numbers(4)}); err != nil {
		t.Fatal(err)
	}
	for code, limits := range map[steward.Code]jobs.Backlog{
		steward.RateLimited: {PerOrganization: 5},
		steward.Unavailable: {Total: 5},
	} {
		again := jobs.New(h.store, h.agents, h.files, clock.System{}, jobs.Options{Backlog: limits, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
		_, err := again.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: numbers(2)})
		full(t, "RunMany", err, code)
	}
	one := jobs.New(h.store, h.agents, h.files, clock.System{}, jobs.Options{Backlog: jobs.Backlog{PerOrganization: 5, Total: 5}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if _, err := one.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: numbers(1)}); err != nil {
		t.Errorf("what has room is refused: %v", err)
	}
}

// heldCount is a backlog of two jobs whose counts wait until they may go on.
type heldCount struct {
	*house
	counted
	jumping
	svc         *jobs.Service
	agent       steward.AgentID
	begun, goOn chan struct{}
}

func newHeldCount(t *testing.T) *heldCount {
	h := &heldCount{begun: make(chan struct{}, 1), goOn: make(chan struct{})}
	h.house = openHouse(t, houseOptions{
		engines: []engine.Engine{enginetest.Steps{N: 0}},
		wrap:    func(st *sqlite.Store) jobs.Store { h.Store = st; return &h.counted },
	})
	h.agent = h.house.agent("a", "Steps0Engine", `{}`)
	h.svc = jobs.New(&h.counted, h.agents, h.files, &h.jumping, jobs.Options{Backlog: jobs.Backlog{Total: 2}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	return h
}

// add has so many jobs come in.
func (h *heldCount) add(ctx context.Context, n int) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := h.svc.RunMany(ctx, jobs.ManyParams{AgentID: h.agent, Items: numbers(n)})
		ended <- err
	}()
	return ended
}

func (h *heldCount) hold() { h.before = func() { h.begun <- struct{}{}; <-h.goOn } }

func TestNothingIsLetInBeforeAnythingWasCounted(t *testing.T) {
	t.Parallel()
	h := newHeldCount(t)
	h.submit(jobs.RunParams{AgentID: h.agent})
	h.hold()
	first := h.add(h.ctx, 1)
	<-h.begun
	second := h.add(h.ctx, 2)
	select {
	case err := <-second:
		t.Fatalf("let in or refused before anything was counted: %v", err)
	case <-h.begun:
		t.Fatal("counted twice at once")
	case <-time.After(50 * time.Millisecond):
	}
	close(h.goOn)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := <-second; steward.CodeOf(err) != steward.Unavailable {
		t.Errorf("beyond the limit: %v", err)
	}
}

func TestNothingIsRefusedByWhatAnOldCountSays(t *testing.T) {
	t.Parallel()
	h := newHeldCount(t)
	if err := <-h.add(h.ctx, 2); err != nil {
		t.Fatal(err)
	}
	stop := h.work(jobs.WorkerOptions{})
	h.eventually("nothing waits", func() bool {
		counts, err := h.Store.CountQueued(h.ctx)
		return err == nil && len(counts) == 0
	})
	stop()
	h.by.Add(int64(time.Minute))
	h.hold()
	gone, hangUp := context.WithCancel(h.ctx)
	first := h.add(gone, 1)
	<-h.begun
	second := h.add(h.ctx, 1) // full, as far as is known
	select {
	case err := <-second:
		t.Fatalf("let in or refused by an old count: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	hangUp()
	h.goOn <- struct{}{} // the count of one who has gone fails
	if err := <-first; err == nil {
		t.Error("a count under a context that has ended did not fail")
	}
	<-h.begun // so another one counts
	close(h.goOn)
	if err := <-second; err != nil {
		t.Errorf("with room: %v", err)
	}
}

func TestTheBacklogIsCountedSeldom(t *testing.T) {
	t.Parallel()
	c := &counted{}
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{enginetest.Steps{N: 0}}, jobs: jobs.Options{Backlog: jobs.Backlog{Total: 1000, PerOrganization: 1000}},
		wrap: func(st *sqlite.Store) jobs.Store { c.Store = st; return c },
	})
	agent := h.agent("a", "Steps0Engine", `{}`)
	for i := range 300 {
		h.submit(jobs.RunParams{AgentID: agent, Inputs: []jobs.RawInput{{Key: "text", Text: fmt.Sprint(i)}}})
	}
	if n := c.counts.Load(); n > 2 {
		t.Errorf("300 runs had what waits counted %d times", n)
	}
}

func TestWithoutLimitsNothingIsCounted(t *testing.T) {
	t.Parallel()
	c := &counted{}
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}, wrap: func(st *sqlite.Store) jobs.Store { c.Store = st; return c }})
	h.submit(jobs.RunParams{AgentID: h.agent("a", "Steps0Engine", `{}`), Inputs: []jobs.RawInput{{Key: "text", Text: "x"}}})
	if n := c.counts.Load(); n != 0 {
		t.Errorf("what waits was counted %d times", n)
	}
}

package jobs_test

import (
	"context"
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
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// asked counts how a store is asked for statuses.
type asked struct {
	jobs.Store
	one, many atomic.Int32
}

func (a *asked) JobStatus(ctx context.Context, org steward.OrganizationID, id steward.JobID) (*store.JobStatus, error) {
	defer a.one.Add(1)
	return a.Store.JobStatus(ctx, org, id)
}

func (a *asked) JobStatuses(ctx context.Context, org steward.OrganizationID, ids []steward.JobID) ([]store.JobStatus, error) {
	defer a.many.Add(1)
	return a.Store.JobStatuses(ctx, org, ids)
}

// ended is how a wait ended.
type ended struct {
	agent  steward.AgentID
	status steward.Status
	err    error
}

// wait has n clients wait for runs of an agent.
func (h *house) wait(agent steward.AgentID, n int) <-chan ended {
	done := make(chan ended, n)
	for i := range n {
		go func() {
			job, err := h.jobs.RunSync(h.ctx, jobs.RunParams{AgentID: agent, Inputs: []jobs.RawInput{{Key: "text", Text: fmt.Sprint(i)}}})
			e := ended{agent: agent, err: err}
			if err == nil {
				e.status = job.Status
			}
			done <- e
		}()
	}
	return done
}

func TestManyWaitersAskTheDatabaseTogether(t *testing.T) {
	t.Parallel()
	const n = 300
	a := &asked{}
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}, wrap: func(st *sqlite.Store) jobs.Store { a.Store = st; return a }})
	agent := h.agent("a", "Steps0Engine", `{}`)
	done := h.wait(agent, n)
	h.eventually("all wait", func() bool { return a.one.Load() >= n })
	from := a.many.Load()
	h.eventually("the database was asked three times", func() bool { return a.many.Load() >= from+3 })
	if got := a.one.Load(); got > n+n/10 { // one look each, as they began
		t.Errorf("%d waiters looked %d times for themselves while nothing happened", n, got)
	}
	if _, err := h.jobs.CancelAll(h.ctx, agent); err != nil {
		t.Fatal(err)
	}
	for range n {
		if e := <-done; e.err != nil || e.status != steward.StatusCancelled {
			t.Fatalf("a wait ended with %+v", e)
		}
	}
}

func TestAWaiterLearnsOfAJobThatAnotherProcessRan(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 1}}})
	done := h.wait(h.agent("a", "Steps1Engine", `{}`), 3)
	other := *h // another process, as far as the waiters can tell
	other.jobs = jobs.New(h.store, h.agents, h.files, clock.System{}, jobs.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	other.work(jobs.WorkerOptions{Node: "other"})
	for range 3 {
		select {
		case e := <-done:
			if e.err != nil || e.status != steward.StatusSuccess {
				t.Errorf("a wait ended with %+v", e)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a waiter never learned of the end")
		}
	}
}

func TestAWaiterForADeletedAgentsJobLearnsOfItAndOthersGoOn(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}})
	doomed, staying := h.agent("doomed", "Steps0Engine", `{}`), h.agent("staying", "Steps0Engine", `{}`)
	gone, stays := h.wait(doomed, 1), h.wait(staying, 1)
	h.eventually("both wait", func() bool {
		counts, err := h.store.CountQueued(h.ctx)
		total := int64(0)
		for _, n := range counts {
			total += n
		}
		return err == nil && total == 2
	})
	if err := h.agents.Delete(h.ctx, doomed); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-gone:
		if steward.CodeOf(e.err) != steward.NotFound {
			t.Errorf("the wait for a deleted agent's job ended with %+v", e)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the waiter never learned that the agent was deleted")
	}
	if _, err := h.jobs.CancelAll(h.ctx, staying); err != nil {
		t.Fatal(err)
	}
	if e := <-stays; e.err != nil || e.status != steward.StatusCancelled {
		t.Errorf("the other wait ended with %+v", e)
	}
}

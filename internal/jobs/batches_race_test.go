package jobs_test

import (
	"context"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// meddled is a store in which something happens around the calls about batches.
type meddled struct {
	jobs.Store
	beforeCancel func()
	retry        func(limit int) (n int)
}

func (m *meddled) CancelBatch(ctx context.Context, org steward.OrganizationID, id steward.BatchID, at time.Time) error {
	m.beforeCancel()
	return m.Store.CancelBatch(ctx, org, id, at)
}

func (m *meddled) RetryItems(
	_ context.Context, _ steward.OrganizationID, _ steward.BatchID, _ []steward.Status, _ time.Time, limit int,
) (int, error) {
	return m.retry(limit), nil
}

// meddledHouse is a batchHouse over a meddled store and a clock that jumps.
func meddledHouse(t *testing.T, m *meddled, c *jumping) *batchHouse {
	t.Helper()
	b := &batchHouse{waiting: make(chan struct{}, 10)}
	b.house = openHouse(t, houseOptions{
		engines: []engine.Engine{picky(b.waiting)}, clock: c, wrap: func(st *sqlite.Store) jobs.Store { m.Store = st; return m },
	})
	b.agent = b.agentWith("a", "Picky", steward.InputDefinition{Key: "text", DataType: "text/plain"})
	return b
}

func TestAPieceThatComesWhileItsBatchIsCancelledIsCancelledToo(t *testing.T) {
	t.Parallel()
	m, c := &meddled{}, &jumping{}
	b := meddledHouse(t, m, c)
	batch := b.open(jobs.BatchParams{})
	b.add(batch.ID, 0, texts("early"))
	m.beforeCancel = func() {
		c.by.Add(int64(time.Second))
		b.add(batch.ID, 1, texts("late"))
	}
	got, err := b.jobs.CancelBatch(b.ctx, batch.ID)
	if err != nil || got.Counts != (steward.BatchCounts{Cancelled: 2}) {
		t.Errorf("CancelBatch = %+v, %v", got, err)
	}
}

func TestAResumeEndsAlthoughItsItemsKeepFailing(t *testing.T) {
	t.Parallel()
	m := &meddled{}
	b := meddledHouse(t, m, &jumping{})
	batch := b.open(jobs.BatchParams{})
	ids := b.add(batch.ID, 0, texts("bad 1", "bad 2", "bad 3"))
	b.work(jobs.WorkerOptions{})
	for _, id := range ids {
		b.end(id)
	}
	retried := 0
	m.retry = func(limit int) int {
		if retried += limit; retried > 3 {
			return 0 // enough is seen
		}
		return limit // all of them: they have failed again
	}
	if _, err := b.jobs.ResumeBatch(b.ctx, batch.ID, nil); err != nil || retried != 3 {
		t.Errorf("of 3 failed items %d were asked for, %v", retried, err)
	}
}

func TestACompletedBatchIsNotCancelled(t *testing.T) {
	t.Parallel()
	b := newBatchHouse(t)
	batch := b.open(jobs.BatchParams{})
	b.add(batch.ID, 0, texts("a"))
	b.work(jobs.WorkerOptions{})
	if _, err := b.jobs.CloseBatch(b.ctx, batch.ID); err != nil {
		t.Fatal(err)
	}
	b.completed(batch.ID)
	got, err := b.jobs.CancelBatch(b.ctx, batch.ID)
	if err != nil || got.StateOf() != steward.BatchCompleted || got.CancelledAt != nil {
		t.Errorf("CancelBatch = %+v, %v", got, err)
	}
}

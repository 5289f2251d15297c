package sqlite

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// RetryItems implements store.Batches.
func (s *Store) RetryItems(
	ctx context.Context, org steward.OrganizationID, id steward.BatchID, statuses []steward.Status, at time.Time, limit int,
) (n int, err error) {
	if err := storerow.AtMost(limit); err != nil {
		return 0, err
	}
	event, err := storerow.Event(at, steward.StatusPending, nil)
	if err != nil {
		return 0, err
	}
	err = s.write(ctx, "retry batch items", func(t *tx) error {
		n = 0
		if err := t.batchOf(org, id); err != nil {
			return err
		}
		items, err := t.retryable(id, storerow.Retryable(statuses), at, limit)
		if err != nil {
			return err
		}
		for _, it := range items {
			if err := t.retryItem(id, it, at, storerow.Events("", event)); err != nil {
				return err
			}
		}
		if n = len(items); n == 0 {
			return nil
		}
		t.ready = true
		_, err = t.change("UPDATE batches SET cancelled_at = 0, completed_at = 0, counts = '' WHERE id = ?", id)
		return err
	})
	return n, err
}

// failedItem is an item that is to be queued again.
type failedItem struct {
	seq         int64
	lane        lane
	versionName string
	metadata    string
	inputs      string
}

// retryable returns items of a batch that ended as one of statuses and can run again, by index within a status. Jobs that were queued
// at that time or later are not meant: they may be what an earlier piece of the same resume queued.
func (c *conn) retryable(id steward.BatchID, statuses []steward.Status, at time.Time, limit int) (items []failedItem, err error) {
	for _, st := range statuses {
		err := c.query(`SELECT seq, organization_id, agent_id, version_name, metadata, inputs FROM jobs INDEXED BY jobs_by_batch
			WHERE batch_id <> '' AND batch_id = ? AND status = ? AND refused = 0 AND data_deleted_at = 0 AND created_at < ? ORDER BY batch_index LIMIT ?`,
			[]any{id, st, at, limit - len(items)}, func(r row) error {
				items = append(items, failedItem{r.int(0), lane{r.text(1), r.text(2)}, r.text(3), r.text(4), r.text(5)})
				return nil
			})
		if err != nil {
			return nil, err
		}
	}
	return items, nil
}

// retryItem puts a new job in the place of an item's job.
func (t *tx) retryItem(batch steward.BatchID, it failedItem, at time.Time, events string) error {
	fresh, err := uuid.NewV7()
	if err != nil {
		return err
	}
	id := steward.JobID(fresh.String())
	if _, err := t.change("UPDATE jobs SET batch_id = '' WHERE seq = ?", it.seq); err != nil {
		return err
	}
	var seq int64
	_, err = t.first(`INSERT INTO jobs (id, organization_id, agent_id, provider, status, run_after, deadline, created_at, updated_at,
			version_id, version_name, engine_class_id, creator_id, events, metadata, inputs, batch_id, batch_index, batch_hash, cache_key, cache_ttl)
		SELECT ?1, organization_id, agent_id, provider, 0, ?2, ?2 + deadline - created_at, ?2, ?2,
			version_id, version_name, engine_class_id, creator_id, ?3, metadata, inputs, ?4, batch_index, batch_hash, cache_key, cache_ttl
		FROM jobs WHERE seq = ?5 RETURNING seq`, []any{id, at, events, batch, it.seq}, func(r row) error { seq = r.int(0); return nil })
	if err != nil {
		return err
	}
	if _, err := t.exec("INSERT INTO blob_jobs (sha256, job_seq) SELECT sha256, ? FROM blob_jobs WHERE job_seq = ?", seq, it.seq); err != nil {
		return err
	}
	inputs, err := storerow.ParseList[steward.Input](it.inputs)
	if err != nil {
		inputs = nil // a damaged record is found by its id alone
	}
	t.lists = append(t.lists, storedNote(it.lane, seq, id, at, joblist.NewTerms(it.versionName, []byte(it.metadata)), joblist.Text(inputs)))
	return nil
}

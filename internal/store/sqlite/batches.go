package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// CreateBatch implements store.Batches.
func (s *Store) CreateBatch(ctx context.Context, b store.NewBatch) (id steward.BatchID, replayed bool, err error) {
	if err := storerow.CheckNewBatch(&b); err != nil {
		return "", false, err
	}
	err = s.write(ctx, "create batch", func(t *tx) error {
		id, replayed = b.ID, false
		if b.IdempotencyKey != "" {
			if id, replayed, err = t.knownBatch(&b); err != nil || replayed {
				return err
			}
			id = b.ID
		}
		if alive, err := t.seen.alive(t.conn, string(b.AgentID)); err != nil || !alive {
			return orNotFound("Agent", alive, err)
		}
		_, err := t.change(`INSERT INTO batches (id, organization_id, agent_id, version_id, version_name, creator_id, name, metadata,
				created_at, idempotency_key, request_hash)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, b.ID, b.OrganizationID, b.AgentID, b.VersionID, b.VersionName, b.CreatorID, b.Name,
			storerow.Metadata(b.Metadata), b.CreatedAt, b.IdempotencyKey, b.RequestHash[:])
		if isUnique(err) {
			return storerow.Conflict("id", "A batch with this id exists already.")
		}
		return err
	})
	return id, replayed, err
}

// knownBatch looks for an earlier batch of the same idempotency key. Errors: Conflict when its request was another one.
func (t *tx) knownBatch(b *store.NewBatch) (first steward.BatchID, known bool, err error) {
	same := false
	known, err = t.first(`SELECT id, request_hash FROM batches
		WHERE organization_id = ? AND agent_id = ? AND idempotency_key = ? AND idempotency_key <> ''`,
		[]any{b.OrganizationID, b.AgentID, b.IdempotencyKey}, func(r row) error {
			first, same = steward.BatchID(r.text(0)), bytes.Equal(r.blob(1), b.RequestHash[:])
			return nil
		})
	if err == nil && known && !same {
		err = storerow.KeyReused()
	}
	return first, known, err
}

// item looks for the job that is stored as a new job's item. Errors: NotFound for the batch; Conflict when the item had other
// content, or is new while the batch takes no more.
func (t *tx) item(q *queuedJob) (first steward.JobID, known bool, err error) {
	var closed, same bool
	found, err := t.first("SELECT closed_at FROM batches WHERE id = ? AND organization_id = ?", []any{q.Batch.ID, q.OrganizationID},
		func(r row) error { closed = r.int(0) != 0; return nil })
	if err := orNotFound("Batch", found, err); err != nil {
		return "", false, err
	}
	known, err = t.first("SELECT id, batch_hash FROM jobs INDEXED BY jobs_by_place WHERE batch_id <> '' AND batch_id = ? AND batch_index = ?",
		[]any{q.Batch.ID, q.Batch.Index}, func(r row) error {
			first, same = steward.JobID(r.text(0)), bytes.Equal(r.blob(1), q.Batch.Hash[:])
			return nil
		})
	switch {
	case err != nil:
		return "", false, err
	case known && !same:
		return "", false, storerow.ItemChanged(q.Batch.Index)
	case !known && closed:
		return "", false, storerow.BatchClosed()
	}
	return first, known, nil
}

// batchColumns are read by scanBatch.
const batchColumns = `id, organization_id, agent_id, version_id, version_name, creator_id, name, metadata, created_at, closed_at,
	cancelled_at, completed_at, counts`

// storedBatch is a batch with its counts encoded.
type storedBatch struct {
	steward.Batch
	counts string
}

func scanBatch(r row) storedBatch {
	b := steward.Batch{
		ID: steward.BatchID(r.text(0)), OrganizationID: steward.OrganizationID(r.text(1)), AgentID: steward.AgentID(r.text(2)),
		VersionID: steward.VersionID(r.text(3)), VersionName: r.text(4), CreatorID: steward.UserID(r.int(5)), Name: r.text(6),
		Metadata: storerow.Raw(r.text(7)), CreatedAt: r.time(8), ClosedAt: storerow.TimePtr(r.int(9)),
		CancelledAt: storerow.TimePtr(r.int(10)), CompletedAt: storerow.TimePtr(r.int(11)),
	}
	b.State = b.StateOf()
	return storedBatch{b, r.text(12)}
}

// Batch implements store.Batches.
func (s *Store) Batch(ctx context.Context, org steward.OrganizationID, id steward.BatchID) (*steward.Batch, error) {
	var b storedBatch
	err := s.snapshot(ctx, "get batch", func(c *conn) error {
		found, err := c.first("SELECT "+batchColumns+" FROM batches WHERE id = ? AND organization_id = ? AND "+ofLiving, []any{id, org},
			func(r row) error { b = scanBatch(r); return nil })
		if err := orNotFound("Batch", found, err); err != nil {
			return err
		}
		return c.countItems(&b)
	})
	if err != nil {
		return nil, err
	}
	return &b.Batch, nil
}

// ListBatches implements store.Batches.
func (s *Store) ListBatches(ctx context.Context, org steward.OrganizationID, q store.BatchQuery) (batches []steward.Batch, count int64, err error) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	where, args := "organization_id = ? AND "+ofLiving, []any{org}
	if q.AgentID != "" {
		where, args = where+" AND agent_id = ?", append(args, q.AgentID)
	}
	err = s.snapshot(ctx, "list batches", func(c *conn) error {
		_, err := c.first("SELECT count(*) FROM batches WHERE "+where, args, func(r row) error { count = r.int(0); return nil })
		if err != nil {
			return err
		}
		var list []storedBatch
		err = c.query("SELECT "+batchColumns+" FROM batches WHERE "+where+" ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?",
			append(args, limit, q.Offset), func(r row) error { list = append(list, scanBatch(r)); return nil })
		if err != nil {
			return err
		}
		batches = make([]steward.Batch, 0, len(list))
		for i := range list {
			if err := c.countItems(&list[i]); err != nil {
				return err
			}
			batches = append(batches, list[i].Batch)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return batches, count, nil
}

// countItems fills the counts of a batch: those that were stored when it was completed, or those of its jobs.
func (c *conn) countItems(b *storedBatch) (err error) {
	if b.counts != "" {
		counts, err := storerow.ParseObject[steward.BatchCounts](b.counts)
		if err != nil {
			return err
		}
		b.Counts = *counts
	} else if b.Counts, err = c.itemCounts(b.ID); err != nil {
		return err
	}
	b.Received = b.Counts.Total()
	_, err = c.first(`SELECT batch_index + 1 FROM jobs INDEXED BY jobs_by_place WHERE batch_id <> '' AND batch_id = ?
		ORDER BY batch_index DESC LIMIT 1`, []any{b.ID}, func(r row) error { b.NextIndex = r.int(0); return nil })
	return err
}

// itemCounts counts the jobs of a batch.
func (c *conn) itemCounts(id steward.BatchID) (counts steward.BatchCounts, err error) {
	err = c.query("SELECT status, count(*) FROM jobs INDEXED BY jobs_by_batch WHERE batch_id <> '' AND batch_id = ? GROUP BY status", []any{id},
		func(r row) error { counts.Add(steward.Status(r.int(0)), r.int(1)); return nil })
	return counts, err
}

// batchOf checks that a batch is the organization's. Errors: NotFound.
func (c *conn) batchOf(org steward.OrganizationID, id steward.BatchID) error {
	found, err := c.first("SELECT 1 FROM batches WHERE id = ? AND organization_id = ? AND "+ofLiving, []any{id, org}, noRow)
	return orNotFound("Batch", found, err)
}

// BatchItems implements store.Batches.
func (s *Store) BatchItems(ctx context.Context, org steward.OrganizationID, id steward.BatchID, q store.ItemQuery) (
	items []steward.BatchItem, count int64, err error,
) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	err = s.snapshot(ctx, "list batch items", func(c *conn) error {
		items, count = []steward.BatchItem{}, 0
		if err := c.batchOf(org, id); err != nil {
			return err
		}
		places, n, err := c.itemPlaces(id, &q, limit)
		if err != nil {
			return err
		}
		count = n
		for _, p := range places {
			item, err := c.batchItem(p.seq)
			if err != nil {
				return err
			}
			items = append(items, item)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return items, count, nil
}

// itemPlace is an item's place in its batch.
type itemPlace struct{ index, seq int64 }

// itemPlaces finds a page of items and counts them. Without a filter one index has them in order; with one, each status has its
// own run of another, and the heads of the runs are merged.
func (c *conn) itemPlaces(id steward.BatchID, q *store.ItemQuery, limit int) (page []itemPlace, count int64, err error) {
	parts := []string{"jobs INDEXED BY jobs_by_place WHERE batch_id <> '' AND batch_id = ? AND batch_index >= ?"}
	if len(q.Status) > 0 {
		parts = nil
		for st := steward.StatusPending; st <= steward.StatusCached; st++ {
			if slices.Contains(q.Status, st) {
				parts = append(parts, "jobs INDEXED BY jobs_by_batch WHERE batch_id <> '' AND batch_id = ? AND batch_index >= ? AND status = "+
					string(rune('0'+int(st)))) //nolint:gosec // G115: a status has one digit
			}
		}
	}
	for _, from := range parts {
		args := []any{id, q.From}
		_, err := c.first("SELECT count(*) FROM "+from, args, func(r row) error { count += r.int(0); return nil })
		if err != nil {
			return nil, 0, err
		}
		err = c.query("SELECT batch_index, seq FROM "+from+" ORDER BY batch_index LIMIT ?", append(args, q.Offset+limit),
			func(r row) error { page = append(page, itemPlace{r.int(0), r.int(1)}); return nil })
		if err != nil {
			return nil, 0, err
		}
	}
	slices.SortFunc(page, func(a, b itemPlace) int { return cmp.Compare(a.index, b.index) })
	return page[min(q.Offset, len(page)):min(q.Offset+limit, len(page))], count, nil
}

// batchItem reads one item.
func (c *conn) batchItem(seq int64) (item steward.BatchItem, err error) {
	_, err = c.first("SELECT batch_index, id, status, created_at, ended_at, failure FROM jobs WHERE seq = ?", []any{seq}, func(r row) error {
		item = steward.BatchItem{
			Index: r.int(0), JobID: steward.JobID(r.text(1)), Status: steward.Status(r.int(2)), CreatedAt: r.time(3), EndedAt: storerow.TimePtr(r.int(4)),
		}
		f, err := storerow.ParseObject[steward.Failure](r.text(5))
		if f != nil {
			item.ErrorMessage, item.FailureCode = f.Message, f.Code
		}
		return err
	})
	return item, err
}

// CloseBatch implements store.Batches.
func (s *Store) CloseBatch(ctx context.Context, org steward.OrganizationID, id steward.BatchID, at time.Time) error {
	return s.write(ctx, "close batch", func(t *tx) error {
		if err := t.batchOf(org, id); err != nil {
			return err
		}
		_, err := t.change("UPDATE batches SET closed_at = ? WHERE id = ? AND closed_at = 0", at, id)
		return err
	})
}

// CancelBatch implements store.Batches.
func (s *Store) CancelBatch(ctx context.Context, org steward.OrganizationID, id steward.BatchID, at time.Time) error {
	return s.write(ctx, "cancel batch", func(t *tx) error {
		if err := t.batchOf(org, id); err != nil {
			return err
		}
		_, err := t.change("UPDATE batches SET cancelled_at = ?1, closed_at = iif(closed_at = 0, ?1, closed_at) WHERE id = ?2 AND cancelled_at = 0", at, id)
		return err
	})
}

// CompleteBatches implements store.Batches. It looks before it writes, as there is nothing to do most times.
func (s *Store) CompleteBatches(ctx context.Context, at time.Time, limit int) (ids []steward.BatchID, err error) {
	if err := storerow.AtMost(limit); err != nil {
		return nil, err
	}
	err = s.snapshot(ctx, "complete batches", func(c *conn) error { ids, err = c.endedBatches(limit); return err })
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	err = s.write(ctx, "complete batches", func(t *tx) error {
		if ids, err = t.endedBatches(limit); err != nil {
			return err
		}
		for _, id := range ids {
			if err := t.completeBatch(id, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// endedBatches returns closed batches without open jobs that are not marked as completed yet.
func (c *conn) endedBatches(limit int) (ids []steward.BatchID, err error) {
	err = c.query(`SELECT id FROM batches INDEXED BY batches_to_complete WHERE closed_at > 0 AND completed_at = 0 AND NOT EXISTS (
			SELECT 1 FROM jobs INDEXED BY jobs_by_batch WHERE batch_id <> '' AND batch_id = batches.id AND status IN (0, 1, 2))
		ORDER BY closed_at LIMIT ?`, []any{limit}, func(r row) error { ids = append(ids, steward.BatchID(r.text(0))); return nil })
	return ids, err
}

// completeBatch marks a batch as completed and stores its counts, which do not change any more.
func (t *tx) completeBatch(id steward.BatchID, at time.Time) error {
	counts, err := t.itemCounts(id)
	if err != nil {
		return err
	}
	encoded, err := storerow.Object(&counts)
	if err != nil {
		return err
	}
	_, err = t.change("UPDATE batches SET completed_at = ?, counts = ? WHERE id = ?", at, encoded, id)
	return err
}

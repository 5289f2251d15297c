package postgres

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

const (
	ownBatchSQL = `select id from batches where id = $1 and (organization_id = $2) is true` + ofLiving
	itemsSQL    = `
select p.batch_index, p.id, p.status, p.created_at, p.ended_at, p.failure from jobs p
where p.batch_id = $1 and p.batch_index >= $2 and (p.status = any ($3)) is true
order by p.batch_index limit $4 offset $5`
	countMatchingSQL = `
select count(*) from jobs where batch_id = $1 and batch_index >= $2 and (status = any ($3)) is true`
)

// BatchItems implements store.Batches.
func (s *Store) BatchItems(ctx context.Context, org steward.OrganizationID, id steward.BatchID, q store.ItemQuery) (
	items []steward.BatchItem, count int64, err error,
) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	orgID, okOrg := toUID(org)
	batchID, ok := toUID(id)
	if !okOrg || !ok {
		return nil, 0, storerow.NotFound("Batch")
	}
	items = []steward.BatchItem{}
	batch := &pgx.Batch{}
	batch.Queue(ownBatchSQL, batchID, orgID).QueryRow(func(row pgx.Row) error {
		var found uid
		return notFound("Batch", row.Scan(&found))
	})
	statuses := statusSet(q.Status)
	batch.Queue(countMatchingSQL, batchID, q.From, statuses).QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	batch.Queue(itemsSQL, batchID, q.From, statuses, limit, q.Offset).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			item, err := scanItem(rows)
			if err != nil {
				return err
			}
			items = append(items, item)
		}
		return rows.Err()
	})
	if err := s.snapshot(ctx, "list items of batch", batch); err != nil {
		return nil, 0, err
	}
	return items, count, nil
}

func scanItem(row pgx.Row) (item steward.BatchItem, err error) {
	var id uid
	var created, ended pgtype.Timestamptz
	var failure string
	if err := row.Scan(&item.Index, &id, &item.Status, &created, &ended, &failure); err != nil {
		return item, err
	}
	item.JobID, item.CreatedAt, item.EndedAt = fromUID[steward.JobID](id), fromStamp(created), fromStampPtr(ended)
	f, err := storerow.ParseObject[steward.Failure](failure)
	if f != nil {
		item.ErrorMessage, item.FailureCode = f.Message, f.Code
	}
	return item, err
}

// statusSet returns each status once; none means all.
func statusSet(statuses []steward.Status) []int16 {
	var wanted [steward.StatusCached + 1]bool
	for _, st := range statuses {
		if st >= 0 && st <= steward.StatusCached {
			wanted[st] = true
		}
	}
	set := []int16{}
	for st, ok := range wanted {
		if ok || len(statuses) == 0 {
			set = append(set, int16(st))
		}
	}
	return set
}

const (
	lockBatchSQL = `select 1 from batches where id = $1 and (organization_id = $2) is true` + ofLiving + ` for no key update`
	// retryableSQL locks the jobs of items that can be queued again, in the order of their ids like everywhere. Jobs that were
	// queued at that time or later are not meant: they may be what an earlier piece of the same resume queued.
	retryableSQL = `
select id, batch_index, batch_hash from jobs where id in (
    select id from jobs where batch_id = $1 and (status = any ($2)) is true and (data_deleted_at is null and not refused and created_at < $4) is true
    order by batch_index limit $3)
order by id for no key update`
	// leaveBatchSQL takes jobs out of their batch, so that their places are free.
	leaveBatchSQL = `update jobs set batch_id = null, batch_hash = null where id = any ($1)`
	// retrySQL puts new jobs in the places of old ones.
	retrySQL = `
with given as materialized (
    select g.*, nextval('job_seq') as seq
    from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bytea[]) as g (old_id, id, batch_index, batch_hash)),
stored as (
    insert into jobs (id, organization_id, agent_id, version_id, version_name, engine_class_id, lane, creator_id,
        created_at, updated_at, run_after, deadline, delayed, metadata, inputs, events, status, seq,
        batch_id, batch_index, batch_hash, cache_key, cache_ttl)
    select g.id, j.organization_id, j.agent_id, j.version_id, j.version_name, j.engine_class_id, j.lane, j.creator_id,
        $5::timestamptz, $5, $5, $5 + (j.deadline - j.created_at), false, j.metadata, j.inputs, $6, 0, g.seq,
        $7, g.batch_index, g.batch_hash, j.cache_key, j.cache_ttl
    from given g cross join lateral (select * from jobs where id = g.old_id limit 1) j),
files as (
    insert into job_files (job_id, file_id)
    select g.id, f.file_id from given g cross join lateral (select file_id from job_files where job_id = g.old_id) f)
insert into job_list (seq, organization_id, agent_id, id, created_at, version_name, labels, inputs)
select g.seq, l.organization_id, l.agent_id, g.id, $5, l.version_name, l.labels, l.inputs
from given g cross join lateral (select seq from jobs where id = g.old_id limit 1) j
cross join lateral (select * from job_list where seq = j.seq limit 1) l`
	continueBatchSQL = `update batches set cancelled_at = null, completed_at = null, counts = '' where id = $1`
)

// RetryItems implements store.Batches.
func (s *Store) RetryItems(ctx context.Context, org steward.OrganizationID, id steward.BatchID, statuses []steward.Status, at time.Time, limit int) (int, error) {
	if err := storerow.AtMost(limit); err != nil {
		return 0, err
	}
	orgID, okOrg := toUID(org)
	batchID, ok := toUID(id)
	if !okOrg || !ok {
		return 0, storerow.NotFound("Batch")
	}
	statuses = storerow.Retryable(statuses)
	n := 0
	err := s.inTx(ctx, "queue items of batch again", func(tx pgx.Tx) (err error) {
		var one int
		if err := tx.QueryRow(ctx, lockBatchSQL, batchID, orgID).Scan(&one); err != nil {
			return notFound("Batch", err)
		}
		n, err = retryItems(ctx, tx, batchID, statuses, at, limit)
		return err
	})
	if err == nil && n > 0 {
		s.wake()
	}
	return n, err
}

// retryItems queues items of a locked batch again and returns how many.
func retryItems(ctx context.Context, tx pgx.Tx, batch uid, statuses []steward.Status, at time.Time, limit int) (int, error) {
	if len(statuses) == 0 {
		return 0, nil
	}
	rows, err := tx.Query(ctx, retryableSQL, batch, statusSet(statuses), limit, stamp(at))
	if err != nil {
		return 0, err
	}
	var old, fresh []uid
	var indexes []int64
	var hashes [][]byte
	var id uid
	var index int64
	var hash []byte
	if _, err = pgx.ForEachRow(rows, []any{&id, &index, &hash}, func() error {
		next, err := uuid.NewV7()
		old, fresh = append(old, id), append(fresh, uid{Bytes: next, Valid: true})
		indexes, hashes = append(indexes, index), append(hashes, bytes.Clone(hash))
		return err
	}); err != nil || len(old) == 0 {
		return 0, err
	}
	event, err := storerow.Event(at, steward.StatusPending, nil)
	if err != nil {
		return 0, err
	}
	queue := &pgx.Batch{}
	queue.Queue(leaveBatchSQL, old)
	queue.Queue(retrySQL, old, fresh, indexes, hashes, stamp(at), storerow.Events("", event), batch)
	queue.Queue(continueBatchSQL, batch)
	queue.Queue(notifySQL)
	return len(old), tx.SendBatch(ctx, queue).Close()
}

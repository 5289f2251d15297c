package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// leaseColumns turns leases into two columns. A lease on something that is no id is lost, as it matches no row.
func leaseColumns(leases []store.Lease) (ids []uid, fences []int64) {
	ids, fences = make([]uid, len(leases)), make([]int64, len(leases))
	for i, l := range leases {
		id, ok := toUID(l.JobID)
		if !ok {
			continue
		}
		ids[i], fences[i] = id, l.Fence
	}
	return ids, fences
}

// heldSQL locks the jobs of the leases $1, $2 that still hold, in the order of their ids, so that transactions which lock
// several jobs never wait for each other in a circle. held.ord is the place in the arguments.
const heldSQL = `
held as materialized (
    select g.ord, j.* from (
        select * from unnest($1::uuid[], $2::bigint[]) with ordinality as g (job_id, job_fence, ord) order by job_id) g
    cross join lateral (
        select id, cancel_requested from jobs
        where id = g.job_id and fence = g.job_fence and status = 1 and not handed_over
        for no key update) j)`

const renewSQL = `
with ` + heldSQL + `
update jobs j set lease_until = coalesce($4::timestamptz, clock_timestamp()) + $5::interval, progress = case when h.progress = '' then j.progress else h.progress end
from (select held.*, ($3::text[])[held.ord] as progress from held) h
where j.id = h.id
returning h.ord, h.cancel_requested`

// RenewLeases implements store.Queue.
func (s *Store) RenewLeases(ctx context.Context, leases []store.LeaseRenewal, now time.Time, lease time.Duration) ([]store.Renewal, error) {
	answers := make([]store.Renewal, len(leases))
	if len(leases) == 0 {
		return answers, nil
	}
	plain, progress := make([]store.Lease, len(leases)), make([]string, len(leases))
	for i, l := range leases {
		plain[i], answers[i].Lost = l.Lease, true
		var err error
		if progress[i], err = storerow.Object(l.Progress); err != nil {
			return nil, err
		}
	}
	ids, fences := leaseColumns(plain)
	// One message to the database and back: no transaction stays open, with the jobs locked, where the network is cut.
	err := retry(func() error {
		return single("renew leases", func() error {
			for i := range answers {
				answers[i] = store.Renewal{Lost: true}
			}
			rows, err := s.pool.Query(ctx, renewSQL, ids, fences, progress, s.leaseTime(now), lease)
			if err != nil {
				return err
			}
			var ord int
			var cancel bool
			_, err = pgx.ForEachRow(rows, []any{&ord, &cancel}, func() error {
				answers[ord-1] = store.Renewal{CancelRequested: cancel}
				return nil
			})
			return err
		})
	})
	return answers, translate("renew leases", err)
}

// HandOver implements store.Queue.
func (s *Store) HandOver(ctx context.Context, leases []store.Lease) error {
	if len(leases) == 0 {
		return nil
	}
	ids, fences := leaseColumns(leases)
	err := s.inTx(ctx, "hand over jobs", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
with `+heldSQL+`
update jobs j set lease_until = null, handed_over = true, last_chance = false from held where j.id = held.id`, ids, fences)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, notifySQL)
		return err
	})
	if err == nil {
		s.wake()
	}
	return err
}

const takeBackSQL = `
update jobs set lease_until = null, handed_over = false, last_chance = false
where id in (
    select id from jobs where status = 1 and lease_until is not null and node = $1 and incarnation <> $2 order by id for update)`

// TakeBack implements store.Queue.
func (s *Store) TakeBack(ctx context.Context, worker store.Worker) (int, error) {
	n := 0
	err := s.inTx(ctx, "take back jobs", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, takeBackSQL, worker.Node, worker.Incarnation)
		if err != nil {
			return err
		}
		n = int(tag.RowsAffected())
		_, err = tx.Exec(ctx, notifySQL)
		return err
	})
	if err == nil {
		s.wake()
	}
	return n, err
}

const disownSQL = `
update jobs set lease_until = null, handed_over = true, last_chance = false
where id in (
    select j.id from jobs j
    where j.status = 1 and j.lease_until is not null and j.node = $1 and j.incarnation = $2 and not j.handed_over
        and (select true from unnest($3::uuid[], $4::bigint[]) as k (id, fence) where k.id = j.id and k.fence = j.fence limit 1) is null
    order by j.id for update)`

// Disown implements store.Queue.
func (s *Store) Disown(ctx context.Context, worker store.Worker, known []store.Lease) (int, error) {
	ids, fences := leaseColumns(known)
	n := 0
	err := s.inTx(ctx, "disown jobs", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, disownSQL, worker.Node, worker.Incarnation, ids, fences)
		if n = int(tag.RowsAffected()); err != nil || n == 0 {
			return err
		}
		_, err = tx.Exec(ctx, notifySQL)
		return err
	})
	if err == nil && n > 0 {
		s.wake()
	}
	return n, err
}

// LoadSteps implements store.Queue.
func (s *Store) LoadSteps(ctx context.Context, lease store.Lease) ([]steward.Step, error) {
	id, ok := toUID(lease.JobID)
	if !ok {
		return nil, storerow.LeaseLost()
	}
	var steps []steward.Step
	batch := &pgx.Batch{}
	batch.Queue(`select 1 from jobs where id = $1 and fence = $2 and status = 1 and not handed_over`, id, lease.Fence).QueryRow(func(row pgx.Row) error {
		var one int
		return row.Scan(&one)
	})
	queueSteps(batch, id, lease.JobID, &steps)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, translate("load steps", leaseLost(err))
	}
	return steps, nil
}

// SaveArtifact implements store.Queue.
func (s *Store) SaveArtifact(ctx context.Context, lease store.Lease, a steward.Artifact) error {
	if err := storable("key", a.Key, "result", string(a.Result), "metadata", string(a.Metadata), "input", string(a.Input), "usage", string(a.Usage)); err != nil {
		return err
	}
	return s.inTx(ctx, "save artifact", func(tx pgx.Tx) error {
		id, err := hold(ctx, tx, lease)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
insert into artifacts (job_id, key, result, metadata, input, usage) values ($1, $2, $3, $4, $5, $6)
on conflict (job_id, key) do update set result = excluded.result, metadata = excluded.metadata, input = excluded.input, usage = excluded.usage`,
			id, a.Key, string(a.Result), string(a.Metadata), string(a.Input), string(a.Usage))
		return err
	})
}

// hold keeps a job from being claimed or ended by somebody else until the transaction ends.
//
// Errors: Conflict when the lease is lost.
func hold(ctx context.Context, tx pgx.Tx, lease store.Lease) (uid, error) {
	id, ok := toUID(lease.JobID)
	if !ok {
		return uid{}, storerow.LeaseLost()
	}
	var one int
	err := tx.QueryRow(ctx, `select 1 from jobs where id = $1 and fence = $2 and status = 1 and not handed_over for share`, id, lease.Fence).Scan(&one)
	return id, leaseLost(err)
}

package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

const (
	// askCancelSQL marks running jobs; their workers are told when they renew their leases.
	askCancelSQL = `update jobs set cancel_requested = true where id = any ($1)`
	// cancelSQL ends jobs that wait.
	cancelSQL = `
with done as (
    update jobs j set cancel_requested = true, status = 5, updated_at = $4, ended_at = $4, failure = '', usage = g.usage,
        events = left(j.events, -1) || ',' || $5 || ']'
    from unnest($1::uuid[], $2::text[], $3::bigint[]) as g (id, usage, cost)
    where j.id = g.id
    returning '' as verdict, '' as verdict_term, g.cost, ` + endedColumns + `)
insert into job_ends (` + endColumns + `) select ` + endColumnsOfDone + ` from done`
)

// Cancel implements store.Jobs.
func (s *Store) Cancel(ctx context.Context, org steward.OrganizationID, id steward.JobID, at time.Time) (steward.Status, error) {
	orgID, okOrg := toUID(org)
	jobID, okJob := toUID(id)
	if !okOrg || !okJob {
		return 0, storerow.NotFound("Job")
	}
	var status steward.Status
	err := s.inTx(ctx, "cancel job", func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select status from jobs where id = $1 and (organization_id = $2) is true`+ofLiving+` for update`, jobID, orgID).Scan(&status)
		if err != nil {
			return notFound("Job", err)
		}
		switch {
		case status.Terminal():
			return nil
		case status == steward.StatusStarted:
			return cancelJobs(ctx, tx, nil, []uid{jobID}, at)
		}
		status = steward.StatusCancelled
		return cancelJobs(ctx, tx, []uid{jobID}, nil, at)
	})
	return status, err
}

// cancelJobs ends locked jobs that wait and marks those that run.
func cancelJobs(ctx context.Context, tx pgx.Tx, waiting, running []uid, at time.Time) error {
	batch := &pgx.Batch{}
	if len(waiting) > 0 {
		event, err := storerow.Event(at, steward.StatusCancelled, nil)
		if err != nil {
			return err
		}
		consumed, err := stepUsages(ctx, tx, waiting)
		if err != nil {
			return err
		}
		usages, costs := make([]string, len(waiting)), make([]pgtype.Int8, len(waiting))
		for i, id := range waiting {
			if usages[i], costs[i], err = sumUsage(consumed[id]); err != nil {
				return err
			}
		}
		batch.Queue(cancelSQL, waiting, usages, costs, stamp(at), event)
	}
	if len(running) > 0 {
		batch.Queue(askCancelSQL, running)
	}
	if batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, batch).Close()
}

// Open jobs of an agent and of a batch that no cancel was asked for. Those of an agent stand in its lanes, or are at work.
const (
	openOfAgentSQL = `
select id from (
    (select id from jobs j
    where j.status <= 2 and j.lease_until is null and not j.last_chance and j.lane >= $5 and j.lane < $6
        and (not j.cancel_requested and j.created_at <= $3) is true
    order by j.lane, j.run_after, j.id limit $4)
    union
    select id from jobs j
    where j.organization_id = $2 and j.agent_id = $1 and (j.status >= 1 and j.status <= 2) is true
        and (not j.cancel_requested and j.created_at <= $3) is true) open
limit $4`
	openOfBatchSQL = `
select id from jobs j
where j.batch_id = $1 and (j.status <= 2) is true and (j.organization_id = $2) is true
    and (not j.cancel_requested and j.created_at <= $3) is true
limit $4`
	lockOpenSQL = `
select id, status from jobs where id = any ($1) and (status <= 2 and not cancel_requested) is true order by id for no key update`
)

// CancelOpen implements store.Jobs.
func (s *Store) CancelOpen(ctx context.Context, org steward.OrganizationID, f store.OpenFilter, at time.Time, limit int) (int, error) {
	if err := storerow.AtMost(limit); err != nil {
		return 0, err
	}
	if (f.Agent == "") == (f.Batch == "") {
		return 0, storerow.OutOfRange("Agent", "Either an agent or a batch must be named.")
	}
	sql, of := openOfAgentSQL, string(f.Agent)
	if f.Batch != "" {
		sql, of = openOfBatchSQL, string(f.Batch)
	}
	orgID, okOrg := toUID(org)
	id, ok := toUID(of)
	if !okOrg || !ok {
		return 0, nil
	}
	to := pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	if !f.CreatedTo.IsZero() {
		to = stamp(f.CreatedTo)
	}
	lanes := []any{}
	if f.Batch == "" {
		l := lane{org: orgID, agent: id}
		lanes = []any{l.key(), l.end()}
	}
	n := 0
	err := s.inTx(ctx, "cancel open jobs", func(tx pgx.Tx) error {
		n = 0
		for n < limit {
			found, cancelled, err := cancelSome(ctx, tx, sql, append([]any{id, orgID, to, limit - n}, lanes...), at)
			n += cancelled
			if err != nil || found < limit-n+cancelled {
				return err
			}
		}
		return nil
	})
	return n, err
}

// cancelSome cancels jobs that a query finds. Of those found some may have ended before they could be locked.
func cancelSome(ctx context.Context, tx pgx.Tx, sql string, args []any, at time.Time) (found, cancelled int, err error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return 0, 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uid])
	if err != nil || len(ids) == 0 {
		return 0, 0, err
	}
	// Jobs are locked in the order of their ids, as everywhere.
	slices.SortFunc(ids, compareUID)
	if rows, err = tx.Query(ctx, lockOpenSQL, ids); err != nil {
		return 0, 0, err
	}
	var waiting, running []uid
	var id uid
	var status steward.Status
	if _, err = pgx.ForEachRow(rows, []any{&id, &status}, func() error {
		if status == steward.StatusStarted {
			running = append(running, id)
		} else {
			waiting = append(waiting, id)
		}
		return nil
	}); err != nil {
		return 0, 0, err
	}
	return len(ids), len(waiting) + len(running), cancelJobs(ctx, tx, waiting, running, at)
}

package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

const (
	// lockHoldsSQL lets the calls of an organization take turns; what is read behind it is what the call before has left.
	lockHoldsSQL = `select pg_advisory_xact_lock(hashtextextended($1::text, 6))`
	// dropDeadHoldsSQL forgets holds of jobs that have ended or that another attempt has.
	dropDeadHoldsSQL = `
delete from holds h where h.organization_id = $1
    and not exists (select from jobs j where j.id = h.job_id and j.fence = h.fence and (j.status = 1) is true)`
	heldMoneySQL = `
select coalesce(sum(h.micro_usd), 0)::bigint, count(*), coalesce(bool_or(h.micro_usd is null), false) from holds h
where h.organization_id = $1 and ($2::uuid is null or h.agent_id = $2)
    and exists (select from jobs j where j.id = h.job_id and j.fence = h.fence and (j.status = 1) is true
        and (j.lease_until > coalesce($3::timestamptz, clock_timestamp())) is true)`
	holdSQL     = `insert into holds (id, organization_id, agent_id, job_id, fence, micro_usd) values ($1, $2, $3, $4, $5, $6)`
	dropHoldSQL = `delete from holds where id = $1`
)

// Hold implements store.Books.
func (s *Store) Hold(ctx context.Context, h store.Hold) (a store.HoldAnswer, err error) {
	id, okID := toUID(h.ID)
	org, okOrg := toUID(h.OrganizationID)
	agent, okAgent := toUID(h.AgentID)
	job, okJob := toUID(h.JobID)
	if !okID || !okOrg || !okAgent || !okJob {
		return a, storerow.OutOfRange("ID", "A hold needs ids.")
	}
	err = s.inTx(ctx, "hold money", func(tx pgx.Tx) error {
		a = store.HoldAnswer{}
		if _, err := tx.Exec(ctx, lockHoldsSQL, string(h.OrganizationID)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropDeadHoldsSQL, org); err != nil {
			return err
		}
		fits := true
		for i := range h.Limits {
			ok, left, err := s.fits(ctx, tx, &h, &h.Limits[i])
			if err != nil {
				return err
			}
			fits = fits && ok
			if !left {
				a.UsedUp = &h.Limits[i]
				return nil
			}
		}
		if !fits {
			return nil
		}
		_, err := tx.Exec(ctx, holdSQL, id, org, agent, job, h.Fence, (*int64)(h.Amount))
		a.Held = err == nil
		return err
	})
	return a, err
}

// fits reports whether a limit lets a call begin, and whether anything of it is left.
func (s *Store) fits(ctx context.Context, tx pgx.Tx, h *store.Hold, l *store.HoldLimit) (fits, left bool, err error) {
	q := store.UsageQuery{From: l.Since}
	if l.Agent {
		q.AgentID = h.AgentID
	}
	args, err := booksArgs(h.OrganizationID, &q)
	if err != nil {
		return false, false, err
	}
	var spent, held steward.MicroUSD
	var underWay int64
	var alone bool
	batch := &pgx.Batch{}
	batch.Queue(spentSQL, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&spent) })
	batch.Queue(heldMoneySQL, args[0], args[3], s.leaseTime(h.Now)).QueryRow(func(row pgx.Row) error { return row.Scan(&held, &underWay, &alone) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return false, false, err
	}
	return l.Fits(h.Amount, spent, held, underWay, alone), spent < l.Amount, nil
}

// DropHold implements store.Books.
func (s *Store) DropHold(ctx context.Context, id string) error {
	hold, ok := toUID(id)
	if !ok {
		return nil
	}
	_, err := s.change(ctx, "drop hold", dropHoldSQL, hold)
	return translate("drop hold", err)
}

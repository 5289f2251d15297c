package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// Bounds of one claim.
const (
	maxRounds  = 16   // rounds of reading lanes and taking jobs
	maxExpired = 1000 // leases looked at that ran out
)

// claimLock is the advisory lock that claims with limits take, so that they see each other's jobs.
const claimLock int64 = 0x5754_4344_0001

// Claim implements store.Queue.
//
// A claim reads the heads of the lanes (organization, agent, provider) that have claimable jobs, locks some jobs of each,
// deals them out, and repeats that until it has enough or nothing is left.
func (s *Store) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	if err := storerow.CheckClaim(&req); err != nil {
		return nil, err
	}
	var c *claim
	err := s.inTx(ctx, "claim jobs", func(tx pgx.Tx) error {
		c = &claim{tx: tx, req: &req, turns: &s.turns, now: stamp(req.Now), claimed: []store.Claimed{}}
		return c.run(ctx)
	})
	if err != nil {
		return nil, err
	}
	s.claimedUntil(req.Now)
	return c.claimed, nil
}

// claimedUntil remembers the time of the latest claim, from which NextReady looks ahead.
func (s *Store) claimedUntil(now time.Time) {
	for us := storerow.Micros(now); ; {
		old := s.claimedAt.Load()
		if us <= old || s.claimedAt.CompareAndSwap(old, us) {
			return
		}
	}
}

// claim is one call of Claim inside its transaction.
type claim struct {
	tx      pgx.Tx
	req     *store.ClaimRequest
	turns   *turns
	now     pgtype.Timestamptz
	running running
	claimed []store.Claimed
}

func (c *claim) run(ctx context.Context) error {
	if err := c.prepare(ctx); err != nil {
		return err
	}
	for range maxRounds {
		more, err := c.round(ctx)
		if err != nil || !more || len(c.claimed) >= c.req.Max {
			return err
		}
	}
	return nil
}

// releaseExpiredSQL ends leases that ran out: their jobs become claimable, in the place of their lane where run_after puts them.
const releaseExpiredSQL = `
update jobs set lease_until = null, handed_over = false
where id in (
    select id from jobs where status = 1 and lease_until is not null and lease_until <= $1
    order by lease_until limit $2 for update skip locked)`

const countRunningSQL = `
select lane, count(*) from jobs where status = 1 and lease_until is not null and lease_until > $1 group by lane`

// prepare ends the leases that ran out and, when there are limits, counts what runs.
func (c *claim) prepare(ctx context.Context) error {
	batch := &pgx.Batch{}
	limited := c.req.Limits.PerOrganization > 0 || c.req.Limits.PerAgent > 0 || len(c.req.Limits.PerProvider) > 0
	if limited {
		batch.Queue(`select pg_advisory_xact_lock($1)`, claimLock)
	}
	batch.Queue(releaseExpiredSQL, c.now, maxExpired)
	if limited {
		c.running = newRunning()
		batch.Queue(countRunningSQL, c.now).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var key []byte
				var n int
				if err := rows.Scan(&key, &n); err != nil {
					return err
				}
				c.running.add(parseLane(key), n)
			}
			return rows.Err()
		})
	}
	return c.tx.SendBatch(ctx, batch).Close()
}

// round takes jobs once from the lanes. more is false when another round would find nothing.
func (c *claim) round(ctx context.Context) (more bool, err error) {
	lanes, cut, err := c.lanes(ctx)
	if err != nil || len(lanes) == 0 {
		return false, err
	}
	orgs := c.turns.order(lanes)
	quotas := c.quotas(orgs, c.req.Max-len(c.claimed))
	if err := c.candidates(ctx, orgs, quotas); err != nil {
		return false, err
	}
	d := c.deal(orgs)
	if err := c.store(ctx, d); err != nil {
		return false, err
	}
	// A lane that gave its whole quota may have more, and so may lanes beyond those that were read.
	more = cut
	for _, q := range quotas {
		more = more || q.full
	}
	return more && len(d.chosen)+len(d.ended) > 0, nil
}

const candidatesSQL = `
select l.ord, c.fence, c.handed_over, c.cancel_requested, ` + jobColumns + `
from unnest($1::bytea[], $2::integer[]) with ordinality as l (lane, quota, ord)
cross join lateral (
    select * from jobs j
    where j.status <= 2 and j.lease_until is null and j.lane = l.lane and j.run_after <= $3
    order by j.run_after, j.id limit l.quota
    for update skip locked) c`

// candidate is a locked job that can be claimed.
type candidate struct {
	lane            lane
	fence           int64
	handedOver      bool
	cancelRequested bool
	row             jobRow
	judgement       storerow.Judgement
}

// candidates locks up to quota jobs of each lane and puts them under their agents.
func (c *claim) candidates(ctx context.Context, orgs []*orgTurn, quotas []*laneQuota) error {
	lanes, sizes := make([][]byte, len(quotas)), make([]int32, len(quotas))
	for i, q := range quotas {
		lanes[i], sizes[i] = q.lane.key(), int32(q.size) //nolint:gosec // at most 1000
	}
	rows, err := c.tx.Query(ctx, candidatesSQL, lanes, sizes, c.now)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var ord int64
		k := &candidate{}
		if err := rows.Scan(append([]any{&ord, &k.fence, &k.handedOver, &k.cancelRequested}, k.row.into()...)...); err != nil {
			return err
		}
		q := quotas[ord-1]
		q.got++
		q.full = q.got >= q.size
		k.lane = q.lane
		k.judgement = c.judge(k)
		q.agent.candidates = append(q.agent.candidates, k)
	}
	for _, o := range orgs {
		o.sort()
	}
	return rows.Err()
}

func (c *claim) judge(k *candidate) storerow.Judgement {
	end := storerow.TakenBack
	if k.handedOver {
		end = storerow.HandedOver
	}
	return storerow.Judge(storerow.Candidate{
		Status:          steward.Status(k.row.row.Status),
		LeaseEnd:        end,
		Crashes:         int(k.row.row.Crashes),
		Deadline:        micros(k.row.deadlineTime),
		CancelRequested: k.cancelRequested,
	}, c.req.Now, c.req.MaxCrashes)
}

// dealt is what a round decided.
type dealt struct {
	chosen []*candidate // to be started
	ended  []*candidate // to be ended
}

const startSQL = `
update jobs j set status = 1, attempt = j.attempt + 1, fence = j.fence + 1, crashes = g.crashes, updated_at = $4,
    started_at = coalesce(j.started_at, $4), lease_until = $5, node = $6, incarnation = $7, handed_over = false, failure = '', events = g.events
from unnest($1::uuid[], $2::integer[], $3::text[]) as g (id, crashes, events)
where j.id = g.id`

const endSQL = `
update jobs j set status = g.status, crashes = g.crashes, updated_at = $7, ended_at = $7, node = '', incarnation = '', handed_over = false,
    events = g.events, failure = g.failure, usage = g.usage
from unnest($1::uuid[], $2::smallint[], $3::integer[], $4::text[], $5::text[], $6::text[]) as g (id, status, crashes, events, failure, usage)
where j.id = g.id`

// store writes what a round decided and adds the started jobs to the result.
func (c *claim) store(ctx context.Context, d dealt) error {
	batch := &pgx.Batch{}
	if len(d.chosen) > 0 {
		if err := c.queueStart(batch, d.chosen); err != nil {
			return err
		}
	}
	if len(d.ended) > 0 {
		if err := c.queueEnd(ctx, batch, d.ended); err != nil {
			return err
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	return c.tx.SendBatch(ctx, batch).Close()
}

func (c *claim) queueStart(batch *pgx.Batch, chosen []*candidate) error {
	started, err := storerow.Event(c.req.Now, steward.StatusStarted, nil)
	if err != nil {
		return err
	}
	lost, err := storerow.LostEvent(c.req.Now)
	if err != nil {
		return err
	}
	n := len(chosen)
	ids, crashes, events := make([]uid, n), make([]int32, n), make([]string, n)
	for i, k := range chosen {
		r := &k.row.row
		if k.judgement.Lost {
			r.Events = storerow.Events(r.Events, lost)
		}
		r.Events = storerow.Events(r.Events, started)
		r.Status, r.Failure, r.Crashes = int64(steward.StatusStarted), "", int64(k.judgement.Crashes)
		r.Attempt++
		k.fence++
		k.row.updated = c.now
		if !k.row.started.Valid {
			k.row.started = c.now
		}
		ids[i], crashes[i], events[i] = k.row.id, int32(r.Crashes), r.Events //nolint:gosec // counts crashes of a process
		job, err := k.row.decode()
		if err != nil {
			return err
		}
		c.claimed = append(c.claimed, store.Claimed{
			Lease: store.Lease{JobID: job.ID, Fence: k.fence}, Job: *job, Resumed: job.Attempt > 1,
		})
	}
	batch.Queue(startSQL, ids, crashes, events, c.now, stamp(c.req.Now.Add(c.req.Lease)), c.req.Worker.Node, c.req.Worker.Incarnation)
	return nil
}

func (c *claim) queueEnd(ctx context.Context, batch *pgx.Batch, ended []*candidate) error {
	n := len(ended)
	ids, statuses, crashes := make([]uid, n), make([]int16, n), make([]int32, n)
	events, failures, usages := make([]string, n), make([]string, n), make([]string, n)
	for i, k := range ended {
		j := k.judgement
		event, err := storerow.Event(c.req.Now, j.Status, j.Failure)
		if err != nil {
			return err
		}
		if failures[i], err = storerow.Object(j.Failure); err != nil {
			return err
		}
		if usages[i], err = stepUsage(ctx, c.tx, k.row.id); err != nil {
			return err
		}
		events[i] = storerow.Events(k.row.row.Events, event)
		ids[i], statuses[i], crashes[i] = k.row.id, int16(j.Status), int32(j.Crashes) //nolint:gosec // a status, and a count of crashes
	}
	batch.Queue(endSQL, ids, statuses, crashes, events, failures, usages, c.now)
	return nil
}

const nextReadySQL = `
select least(
    (select run_after from jobs where status <= 2 and lease_until is null and delayed and run_after > $1 order by run_after limit 1),
    (select lease_until from jobs where status = 1 and lease_until is not null and lease_until > $1 order by lease_until limit 1))`

// NextReady implements store.Queue. What is ready already is judged by the time of this process's latest claim.
func (s *Store) NextReady(ctx context.Context) (time.Time, bool, error) {
	var at pgtype.Timestamptz
	err := s.pool.QueryRow(ctx, nextReadySQL, time.UnixMicro(s.claimedAt.Load()).UTC()).Scan(&at)
	if err != nil {
		return time.Time{}, false, translate("find next job", err)
	}
	return fromStamp(at), at.Valid, nil
}

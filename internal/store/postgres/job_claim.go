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
	maxQuota   = 1000 // jobs locked of one lane in a round
	maxExpired = 1000 // leases looked at that ran out
	maxEnded   = 500  // jobs ended because their time is over, and as many because a cancel was asked for
	maxChances = 100  // jobs on their last chance looked at
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
		c = &claim{tx: tx, req: &req, turns: &s.turns, now: stamp(req.Now), leaseNow: s.leaseTime(req.Now), claimed: []store.Claimed{}}
		return c.run(ctx)
	})
	if err != nil {
		return nil, err
	}
	s.claimedAt.Note(req.Now)
	s.ahead.Store(micros(c.seen) - micros(c.now))
	if c.parked {
		s.wake()
	}
	return c.claimed, nil
}

// claim is one call of Claim inside its transaction.
type claim struct {
	tx      pgx.Tx
	req     *store.ClaimRequest
	turns   *turns
	now     pgtype.Timestamptz
	running running
	claimed []store.Claimed

	leaseNow pgtype.Timestamptz // the time by which leases are measured; null means the database's clock
	seen     pgtype.Timestamptz // what that time was when the claim began
	chance   bool               // a job on its last chance was handed out
	parked   bool               // others were parked
	skipped  int                // jobs ended or parked in the rounds so far
}

func (c *claim) run(ctx context.Context) error {
	if err := c.prepare(ctx); err != nil {
		return err
	}
	if err := c.endIdle(ctx); err != nil {
		return err
	}
	if err := c.takeLastChance(ctx); err != nil || len(c.claimed) >= c.req.Max {
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
update jobs set lease_until = null, handed_over = false, last_chance = false
where id in (
    select id from jobs where status = 1 and lease_until is not null and lease_until <= coalesce($1::timestamptz, statement_timestamp())
    order by lease_until limit $2 for update skip locked)`

const countRunningSQL = `
select lane, count(*) from jobs
where status = 1 and lease_until is not null and lease_until > coalesce($1::timestamptz, statement_timestamp()) group by lane`

// prepare ends the leases that ran out and, when there are limits, counts what runs.
func (c *claim) prepare(ctx context.Context) error {
	batch := &pgx.Batch{}
	limited := c.req.Limits.PerOrganization > 0 || c.req.Limits.PerAgent > 0 || len(c.req.Limits.PerProvider) > 0
	if limited {
		batch.Queue(`select pg_advisory_xact_lock($1)`, claimLock)
	}
	batch.Queue(`select coalesce($1::timestamptz, statement_timestamp())`, c.leaseNow).QueryRow(func(row pgx.Row) error { return row.Scan(&c.seen) })
	batch.Queue(releaseExpiredSQL, c.leaseNow, maxExpired)
	if limited {
		c.running = newRunning()
		batch.Queue(countRunningSQL, c.leaseNow).Query(func(rows pgx.Rows) error {
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

// Jobs that end without being run, wherever they stand in their lanes and whatever the limits: their time is over, or a
// cancel was asked for before their worker went away.
const (
	overdueSQL = `
select ` + idleColumns + ` from jobs
where status <= 2 and lease_until is null and deadline <= $1 order by deadline limit $2 for update skip locked`
	cancelledSQL = `
select ` + idleColumns + ` from jobs
where status <= 2 and lease_until is null and cancel_requested order by updated_at limit $1 for update skip locked`
	idleColumns = `id, status, crashes, deadline, events, progress, handed_over, cancel_requested`
)

// endIdle ends the jobs of overdueSQL and cancelledSQL, a bounded number of them.
func (c *claim) endIdle(ctx context.Context) error {
	var d dealt
	seen := map[uid]bool{}
	collect := func(rows pgx.Rows) error {
		for rows.Next() {
			k := &candidate{}
			r := &k.row
			err := rows.Scan(&r.id, &r.row.Status, &r.row.Crashes, &r.deadlineTime, &r.row.Events, &r.row.Progress, &k.handedOver, &k.cancelRequested)
			if err != nil {
				return err
			}
			k.judgement = c.judge(k)
			if !seen[r.id] && k.judgement.Status != steward.StatusStarted {
				seen[r.id] = true
				d.ended = append(d.ended, k)
			}
		}
		return rows.Err()
	}
	batch := &pgx.Batch{}
	batch.Queue(overdueSQL, c.now, maxEnded).Query(collect)
	batch.Queue(cancelledSQL, maxEnded).Query(collect)
	if err := c.tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return c.store(ctx, d)
}

const lastChanceSQL = `
select lane, fence, handed_over, cancel_requested, ` + jobColumns + ` from jobs
where status <= 2 and lease_until is null and last_chance and run_after <= $1
order by run_after, id limit $2 for update skip locked`

// takeLastChance claims one of the jobs that wait for their last chance, the oldest that the limits allow.
func (c *claim) takeLastChance(ctx context.Context) error {
	if !c.req.LastChance {
		return nil
	}
	var d dealt
	rows, err := c.tx.Query(ctx, lastChanceSQL, c.now, maxChances)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() && !c.chance && len(d.chosen) < c.req.Max {
		k := &candidate{}
		var key []byte
		if err := rows.Scan(append([]any{&key, &k.fence, &k.handedOver, &k.cancelRequested}, k.row.into()...)...); err != nil {
			return err
		}
		k.lane = parseLane(key)
		k.judgement = c.judge(k)
		if k.judgement.Status == steward.StatusStarted && c.running.room(k.lane, &c.req.Limits, 1) == 0 {
			continue
		}
		if c.admit(k, &d) {
			d.chosen = append(d.chosen, k)
			c.running.add(k.lane, 1)
		}
	}
	rows.Close() // those not taken stay locked until the commit, a moment only
	if err := rows.Err(); err != nil {
		return err
	}
	return c.store(ctx, d)
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
	c.skipped += len(d.ended) + len(d.parked)
	// A lane that gave its whole quota may have more, and so may lanes beyond those that were read.
	more = cut
	for _, q := range quotas {
		more = more || q.full
	}
	return more && len(d.chosen)+len(d.ended)+len(d.parked) > 0, nil
}

const candidatesSQL = `
select l.ord, c.fence, c.handed_over, c.cancel_requested, ` + jobColumns + `
from unnest($1::bytea[], $2::integer[]) with ordinality as l (lane, quota, ord)
cross join lateral (
    select * from jobs j
    where j.status <= 2 and j.lease_until is null and not j.last_chance and j.lane = l.lane and j.run_after <= $3
    order by j.run_after, j.id limit l.quota
    for update skip locked) c`

// candidate is a locked job that can be claimed.
type candidate struct {
	lane            lane
	fence           int64
	handedOver      bool
	cancelRequested bool
	row             jobRow
	job             *steward.Job // row as it was, once it is admitted
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
	parked []*candidate // to wait for their last chance
}

const startSQL = `
update jobs j set status = 1, attempt = j.attempt + 1, fence = j.fence + 1, crashes = g.crashes, updated_at = $4,
    started_at = coalesce(j.started_at, $4), lease_until = coalesce($5::timestamptz, clock_timestamp()) + $6::interval,
    node = $7, incarnation = $8, handed_over = false, last_chance = g.last_chance, failure = '', events = g.events
from unnest($1::uuid[], $2::integer[], $3::text[], $9::boolean[]) as g (id, crashes, events, last_chance)
where j.id = g.id`

const parkSQL = `
update jobs j set status = case when j.status = 1 then 2 else j.status end, crashes = g.crashes, last_chance = true, handed_over = false,
    updated_at = case when j.status = 1 then $4 else j.updated_at end, run_after = case when j.status = 1 then $4 else j.run_after end,
    node = '', incarnation = '', events = g.events
from unnest($1::uuid[], $2::integer[], $3::text[]) as g (id, crashes, events)
where j.id = g.id`

const endSQL = `
with done as (
    update jobs j set status = g.status, crashes = g.crashes, updated_at = $7, ended_at = $7, node = '', incarnation = '', handed_over = false,
        last_chance = false, progress = g.progress, events = g.events, failure = g.failure, usage = g.usage
    from unnest($1::uuid[], $2::smallint[], $3::integer[], $4::text[], $5::text[], $6::text[], $8::text[], $9::bigint[])
        as g (id, status, crashes, events, failure, usage, progress, cost)
    where j.id = g.id
    returning '' as verdict, '' as verdict_term, g.cost, ` + endedColumns + `)
insert into job_ends (` + endColumns + `) select ` + endColumnsOfDone + ` from done`

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
	if len(d.parked) > 0 {
		c.parked = true
		if err := c.queuePark(batch, d.parked); err != nil {
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
	ids, crashes, events, chances := make([]uid, n), make([]int32, n), make([]string, n), make([]bool, n)
	for i, k := range chosen {
		r := &k.row.row
		if k.judgement.Lost {
			r.Events = storerow.Events(r.Events, lost)
		}
		r.Events = storerow.Events(r.Events, started)
		ids[i], crashes[i], events[i], chances[i] = k.row.id, int32(k.judgement.Crashes), r.Events, k.judgement.LastChance //nolint:gosec // a small count
		if err := c.started(k); err != nil {
			return err
		}
		c.claimed = append(c.claimed, store.Claimed{
			Lease: store.Lease{JobID: k.job.ID, Fence: k.fence + 1}, Job: *k.job, Resumed: k.job.Attempt > 1,
		})
	}
	batch.Queue(startSQL, ids, crashes, events, c.now, c.leaseNow, c.req.Lease, c.req.Worker.Node, c.req.Worker.Incarnation, chances)
	return nil
}

// started changes a candidate's job as startSQL changes its row.
func (c *claim) started(k *candidate) (err error) {
	j := k.job
	j.Status, j.Failure, j.Crashes, j.UpdatedAt = steward.StatusStarted, nil, k.judgement.Crashes, fromStamp(c.now)
	j.Attempt++
	if j.StartedAt.IsZero() {
		j.StartedAt = j.UpdatedAt
	}
	j.Events, err = storerow.ParseList[steward.StatusEvent](k.row.row.Events)
	return err
}

func (c *claim) queuePark(batch *pgx.Batch, parked []*candidate) error {
	lost, err := storerow.LostEvent(c.req.Now)
	if err != nil {
		return err
	}
	n := len(parked)
	ids, crashes, events := make([]uid, n), make([]int32, n), make([]string, n)
	for i, k := range parked {
		ids[i], crashes[i], events[i] = k.row.id, int32(k.judgement.Crashes), k.row.row.Events //nolint:gosec // a small count
		if k.judgement.Lost {
			events[i] = storerow.Events(events[i], lost)
		}
	}
	batch.Queue(parkSQL, ids, crashes, events, c.now)
	batch.Queue(notifySQL)
	return nil
}

func (c *claim) queueEnd(ctx context.Context, batch *pgx.Batch, ended []*candidate) error {
	n := len(ended)
	ids, statuses, crashes := make([]uid, n), make([]int16, n), make([]int32, n)
	events, failures, usages, progress := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	costs := make([]pgtype.Int8, n)
	for i, k := range ended {
		ids[i] = k.row.id
	}
	consumed, err := stepUsages(ctx, c.tx, ids)
	if err != nil {
		return err
	}
	for i, k := range ended {
		j := k.judgement
		event, err := storerow.Event(c.req.Now, j.Status, j.Failure)
		if err != nil {
			return err
		}
		if failures[i], err = storerow.Object(j.Failure); err != nil {
			return err
		}
		if usages[i], costs[i], err = sumUsage(consumed[k.row.id]); err != nil {
			return err
		}
		events[i], progress[i] = storerow.Events(k.row.row.Events, event), k.row.row.Progress
		statuses[i], crashes[i] = int16(j.Status), int32(j.Crashes) //nolint:gosec // a status, and a count of crashes
	}
	batch.Queue(endSQL, ids, statuses, crashes, events, failures, usages, c.now, progress, costs)
	return nil
}

// $1 is the latest claim's time by the worker's clock, $2 by that of leases.
const nextReadySQL = `
select least(
    (select run_after from jobs where status <= 2 and lease_until is null and delayed and run_after > $1 order by run_after limit 1),
    (select deadline from jobs where status <= 2 and lease_until is null and deadline > $1 order by deadline limit 1),
    (select lease_until - ($2::timestamptz - $1) from jobs
    where status = 1 and lease_until is not null and lease_until > $2 order by lease_until limit 1))`

// NextReady implements store.Queue. What is ready already is judged by the time of this process's latest claim; the ends of
// leases are told by the clock that this claim was made by.
func (s *Store) NextReady(ctx context.Context) (time.Time, bool, error) {
	var at pgtype.Timestamptz
	claimed := s.claimedAt.Micros()
	err := s.pool.QueryRow(ctx, nextReadySQL, time.UnixMicro(claimed).UTC(), time.UnixMicro(claimed+s.ahead.Load()).UTC()).Scan(&at)
	if err != nil {
		return time.Time{}, false, translate("find next job", err)
	}
	return fromStamp(at), at.Valid, nil
}

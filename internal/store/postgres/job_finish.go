package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// finishing is one call of Finish, encoded by its caller.
type finishing struct {
	storerow.Ending
	job     uid
	fence   int64
	verdict verdict
	cost    pgtype.Int8
	lasting bool   // it would fail so again
	did     []byte // key of what the run did; nil when it is not to be compared
}

// finishWeight counts a job, and 8 KiB of outputs as one more.
func finishWeight(f *finishing) int { return 1 + (len(f.Outputs)+len(f.References))>>13 }

// Finish implements store.Queue.
func (s *Store) Finish(ctx context.Context, lease store.Lease, o store.Outcome) error {
	id, ok := toUID(lease.JobID)
	if !ok {
		return storerow.LeaseLost()
	}
	end, err := storerow.EncodeOutcome(o)
	if err != nil {
		return err
	}
	f := &finishing{Ending: end, job: id, fence: lease.Fence, cost: costOf(o.Usage)}
	f.lasting = o.Failure != nil && storerow.Lasting(o.Failure.Code)
	if o.CacheKey != nil {
		f.did = o.CacheKey[:]
	}
	if o.Status.Succeeded() {
		f.verdict = verdictOf(o.Outputs)
	}
	if err := s.finish.do(ctx, f); err != nil {
		return fmt.Errorf("finish job: %w", err)
	}
	if o.Status == steward.StatusRetry {
		s.wake()
	}
	return nil
}

// finishSQL ends attempts whose lease holds and answers their places in the arguments. A retry of a job whose cancel was
// asked for turns into its end. Jobs that end go into the lists, and their results into the cache.
const finishSQL = `
with held as materialized (
    select g.*, j.is_cancelled, case when j.is_cancelled then 5 else g.new_status end as final_status
    from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::boolean[], $16::bytea[]) with ordinality
        as g (job_id, job_fence, new_status, at, after, new_outputs, new_refs, new_failure, new_usage, event, cancelled,
            verdict, verdict_term, cost, lasting, did, ord)
    cross join lateral (
        select cancel_requested and g.new_status = 2 as is_cancelled from jobs
        where id = g.job_id and fence = g.job_fence and status = 1 and not handed_over for no key update) j),
done as (
    update jobs j set status = h.final_status, updated_at = h.at, ended_at = case when h.final_status = 2 then null else h.at end,
        run_after = coalesce(h.after, j.run_after), delayed = j.delayed or h.after is not null,
        lease_until = null, node = '', incarnation = '', outputs = h.new_outputs, refs = h.new_refs,
        failure = case when h.is_cancelled then '' else h.new_failure end, usage = h.new_usage,
        events = left(j.events, -1) || ',' || case when h.is_cancelled then h.cancelled else h.event end || ']'
    from held h where j.id = h.job_id
    returning h.ord, h.verdict, h.verdict_term, h.cost, h.lasting, h.did, ` + endedColumns + `, j.cache_key, j.cache_ttl),
listed as (
    insert into job_ends (` + endColumns + `) select ` + endColumnsOfDone + ` from done where status >= 3),
remembered as (
    insert into job_cache as c (key, organization_id, job_id, failed, made_at, expires_at)
    select distinct on (cache_key, organization_id) cache_key, organization_id, id, status = 4, ended_at, ended_at + cache_ttl
    from done where cache_key is not null and (did is null or did = cache_key) and (status = 3 or status = 4 and lasting)
    order by cache_key, organization_id, status, ended_at desc
    on conflict (key, organization_id) do update
    set job_id = excluded.job_id, failed = excluded.failed, made_at = excluded.made_at, expires_at = excluded.expires_at
    where not excluded.failed or c.failed or c.expires_at <= excluded.made_at)
select ord from done`

// finishBatch ends many attempts in one transaction.
func (s *Store) finishBatch(ctx context.Context, calls []*finishing) []error {
	errs := make([]error, len(calls))
	batch := make([]int, 0, len(calls)) // indices of calls
	first := map[uid]bool{}
	retries := false
	for i, f := range calls {
		if first[f.job] {
			errs[i] = storerow.LeaseLost() // the other one ends it
			continue
		}
		first[f.job] = true
		batch = append(batch, i)
		retries = retries || f.Status == steward.StatusRetry
	}
	// Jobs are locked in the order of their ids.
	slices.SortFunc(batch, func(a, b int) int { return compareUID(calls[a].job, calls[b].job) })
	done := make([]bool, len(batch))
	err := retry(func() error {
		clear(done)
		return s.storeOutcomes(ctx, calls, batch, done, retries)
	})
	if err != nil {
		return all(len(calls), translate("store outcomes", err))
	}
	for n, i := range batch {
		if !done[n] {
			errs[i] = storerow.LeaseLost()
		}
	}
	return errs
}

// storeOutcomes sends finishSQL for the calls that batch lists and notes in done which of them were stored.
func (s *Store) storeOutcomes(ctx context.Context, calls []*finishing, batch []int, done []bool, retries bool) error {
	n := len(batch)
	jobs, fences, statuses := make([]uid, n), make([]int64, n), make([]int16, n)
	ats, afters := make([]pgtype.Timestamptz, n), make([]pgtype.Timestamptz, n)
	outputs, refs, failures, usages := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	events, cancels := make([]string, n), make([]string, n)
	verdicts, terms, costs, lasting := make([]string, n), make([]string, n), make([]pgtype.Int8, n), make([]bool, n)
	did := make([][]byte, n)
	for k, i := range batch {
		f := calls[i]
		jobs[k], fences[k], statuses[k], ats[k], afters[k] = f.job, f.fence, int16(f.Status), stamp(f.At), stamp(f.RunAfter) //nolint:gosec // 0 to 6
		outputs[k], refs[k], failures[k], usages[k] = f.Outputs, f.References, f.Failure, f.Usage
		events[k], cancels[k] = f.Event, f.Cancelled
		verdicts[k], terms[k], costs[k], lasting[k], did[k] = f.verdict.text, f.verdict.term, f.cost, f.lasting, f.did
	}
	b := &pgx.Batch{}
	b.Queue(finishSQL, jobs, fences, statuses, ats, afters, outputs, refs, failures, usages, events, cancels,
		verdicts, terms, costs, lasting, did).Query(func(rows pgx.Rows) error {
		var ord int
		_, err := pgx.ForEachRow(rows, []any{&ord}, func() error { done[ord-1] = true; return nil })
		return err
	})
	if retries {
		b.Queue(notifySQL)
	}
	return single("store outcomes", func() error { return s.pool.SendBatch(ctx, b).Close() })
}

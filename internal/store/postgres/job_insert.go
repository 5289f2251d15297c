package postgres

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
)

// insertJobsSQL stores jobs with their places in the lists. One that has a source gets its result.
const insertJobsSQL = `
with given as materialized (
    select g.*, case when g.status >= 3 then g.created_at end as ended_at, nextval('job_seq') as seq
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::bytea[], $8::bigint[],
        $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::boolean[], $13::text[], $14::text[], $15::text[],
        $16::smallint[], $17::text[], $18::text[], $19::text[], $20::text[],
        $21::uuid[], $22::bigint[], $23::bytea[], $24::bytea[], $25::interval[], $26::uuid[])
    as g (id, organization_id, agent_id, version_id, version_name, engine_class_id, lane, creator_id,
        created_at, run_after, deadline, delayed, metadata, inputs, events,
        status, failure, usage, labels, text,
        batch_id, batch_index, batch_hash, cache_key, cache_ttl, source)),
stored as (
    insert into jobs (id, organization_id, agent_id, version_id, version_name, engine_class_id, lane, creator_id,
        created_at, updated_at, ended_at, run_after, deadline, delayed, metadata, inputs, events, status, seq,
        failure, usage, outputs, refs, batch_id, batch_index, batch_hash, cache_key, cache_ttl, cached_from, refused)
    select g.id, g.organization_id, g.agent_id, g.version_id, g.version_name, g.engine_class_id, g.lane, g.creator_id,
        g.created_at, g.created_at, g.ended_at, g.run_after, g.deadline, g.delayed, g.metadata, g.inputs, g.events, g.status, g.seq,
        coalesce(s.failure, g.failure), g.usage, coalesce(replace(s.outputs, s.id::text, g.id::text), ''), coalesce(s.refs, ''),
        g.batch_id, g.batch_index, g.batch_hash, g.cache_key, g.cache_ttl, g.source, g.status = 4
    from given g left join lateral (select id, failure, outputs, refs from jobs where id = g.source limit 1) s on true),
listed as (
    insert into job_list (seq, organization_id, agent_id, id, created_at, version_name, labels, inputs)
    select seq, organization_id, agent_id, id, created_at, version_name, labels, text from given)
insert into job_ends (seq, organization_id, agent_id, id, created_at, ended_at, status, verdict, verdict_term, cost)
select g.seq, g.organization_id, g.agent_id, g.id, g.created_at, g.ended_at, g.status, coalesce(s.verdict, ''), coalesce(s.verdict_term, ''), 0
from given g left join lateral (
    select e.verdict, e.verdict_term from jobs j
    cross join lateral (select verdict, verdict_term from job_ends where seq = j.seq limit 1) e
    where j.id = g.source limit 1) s on true
where g.status >= 3`

// jobColumnsOf turns rows into the columns of insertJobsSQL.
func jobColumnsOf(rows []*newRow) []any {
	n := len(rows)
	ids, orgs, agents, versions := make([]uid, n), make([]uid, n), make([]uid, n), make([]uid, n)
	names, engines, lanes := make([]string, n), make([]string, n), make([][]byte, n)
	creators, delayed := make([]int64, n), make([]bool, n)
	created, after, deadlines := make([]pgtype.Timestamptz, n), make([]pgtype.Timestamptz, n), make([]pgtype.Timestamptz, n)
	metadata, inputs, events := make([]string, n), make([]string, n), make([]string, n)
	for i, r := range rows {
		ids[i], orgs[i], agents[i], versions[i] = r.id, r.org, r.agent, r.version
		names[i], engines[i], lanes[i] = r.job.VersionName, r.job.EngineClassID, lane{r.org, r.agent, r.job.Provider}.key()
		creators[i], delayed[i] = int64(r.job.CreatorID), r.delayed
		created[i], after[i], deadlines[i] = r.createdAt, r.runAfter, r.deadline
		metadata[i], inputs[i], events[i] = r.metadata, r.inputs, r.events
		if r.source.Valid {
			events[i] = r.cachedEvents
		}
	}
	columns := []any{ids, orgs, agents, versions, names, engines, lanes, creators, created, after, deadlines, delayed, metadata, inputs, events}
	return append(columns, ownColumnsOf(rows)...)
}

// ownColumnsOf returns the columns that say what is special about jobs.
func ownColumnsOf(rows []*newRow) []any {
	n := len(rows)
	statuses, failures, usages, labels, texts := make([]int16, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	batches, indexes, hashes := make([]uid, n), make([]int64, n), make([][]byte, n)
	keys, ttls, sources := make([][]byte, n), make([]pgtype.Interval, n), make([]uid, n)
	for i, r := range rows {
		statuses[i], failures[i], usages[i], labels[i], texts[i] = int16(r.status()), r.failure, r.usage, r.labels, r.text //nolint:gosec // 0 to 6
		batches[i], sources[i] = r.batch, r.source
		if b := r.job.Batch; b != nil {
			indexes[i], hashes[i] = b.Index, b.Hash[:]
		}
		if c := r.job.Cache; c != nil && !r.ended() {
			keys[i], ttls[i] = c.Key[:], interval(c.TTL)
		}
	}
	return []any{statuses, failures, usages, labels, texts, batches, indexes, hashes, keys, ttls, sources}
}

// interval is a duration for an interval column.
func interval(d time.Duration) pgtype.Interval {
	return pgtype.Interval{Microseconds: d.Microseconds(), Valid: true}
}

// status returns what a row's job begins with.
func (r *newRow) status() steward.Status {
	switch {
	case r.job.Refused != nil:
		return steward.StatusFailure
	case r.source.Valid:
		return steward.StatusCached
	}
	return steward.StatusPending
}

// ended reports whether the job ends as soon as it is stored.
func (r *newRow) ended() bool { return r.status().Terminal() }

// asksCache reports whether the job may be answered from the cache.
func (r *newRow) asksCache() bool {
	return r.job.Refused == nil && r.job.Cache != nil && r.job.Cache.Read
}

// plain reports whether the job can be stored without looking at anything else.
func (r *newRow) plain() bool {
	return r.job.IdempotencyKey == "" && r.job.Batch == nil && len(r.files) == 0 && !r.asksCache()
}

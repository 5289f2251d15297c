package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
)

// listSource is what a transaction sees of the jobs of an agent, or of all agents of an organization: what is folded, and the rows
// that are not. It implements joblist.Source.
type listSource struct {
	ctx   context.Context //nolint:containedctx // the source lives as long as one call
	tx    pgx.Tx
	org   uid
	agent uid // null for all of the organization; then only ended statuses have terms
	order []store.JobOrder
	cache *listCache

	fold     int64 // how often rows were folded
	era      int64 // of the cache
	spans    spanList
	chunks   []joblist.Span
	jobs     []foldedJob // that are not folded
	ends     []foldedEnd
	postings map[string]*joblist.Set // with what is not folded; may be shared, so they must not be changed
}

var _ interface {
	joblist.Source
	joblist.Ranged
	joblist.Gathered
} = (*listSource)(nil)

// lane returns where the jobs are listed.
func (l *listSource) lane() uid { return laneOf(l.org, l.agent) }

const (
	freshJobsSQL = `
select seq, organization_id, agent_id, id, created_at, version_name, labels from job_list
where organization_id = $1 and xid >= coalesce((select folded from job_lists where one), '0') and ($2::uuid is null or agent_id = $2) is true`
	freshEndsSQL = `
select seq, organization_id, agent_id, ended_at, status, verdict_term, cost, duration from job_ends
where organization_id = $1 and xid >= coalesce((select folded from job_lists where one), '0') and ($2::uuid is null or agent_id = $2) is true`
	spansSQL = `
select chunk, fold, created_from, created_to, ended_from, ended_to, id_from, id_to from job_spans where lane = $1`
	// foldsSQL answers the latest fold, and whether another one is still known.
	foldsSQL = `
select coalesce(l.folds, 0), f.id, exists (select from job_folds where fold = $1 and (id = $2) is true)
from (select (select folds from job_lists where one) as folds) l left join job_folds f on f.fold = l.folds`
	// leftOutSQL answers the deleted agents of an organization, or the one that is asked for when it is deleted.
	leftOutSQL = `
select id from agents a where (a.deleted_at is not null) is true and a.id = $2
union all
select id from agents a where a.deleted_at is not null and (a.organization_id = $1 and $2::uuid is null) is true`
)

// leaveOutSQL reads the jobs of several lanes.
const leaveOutSQL = `
select b.chunk, b.bits from unnest($1::uuid[]) as g (lane)
cross join lateral (select chunk, bits from job_bits where lane = g.lane and term = $2 offset 0) b`

// All implements joblist.Source. It reads in addition what is not folded, which all other methods need.
func (l *listSource) All() (*joblist.Set, []joblist.Span, error) {
	l.postings, l.spans = map[string]*joblist.Set{}, spanList{}
	l.jobs, l.ends, l.chunks = nil, nil, nil
	var deleted []uid
	latest, era := l.cache.newest()
	batch := &pgx.Batch{}
	batch.Queue(leftOutSQL, l.org, l.agent).Query(func(rows pgx.Rows) (err error) {
		deleted, err = pgx.CollectRows(rows, pgx.RowTo[uid])
		return err
	})
	batch.Queue(foldsSQL, latest.fold, latest.id).QueryRow(func(row pgx.Row) error {
		var now foldMark
		var known bool
		err := row.Scan(&now.fold, &now.id, &known)
		l.fold, l.era = now.fold, l.cache.enter(now, known, era)
		return err
	})
	batch.Queue(spansSQL, l.lane()).Query(l.spans.read)
	batch.Queue(freshJobsSQL, l.org, l.agent).Query(l.readJobs)
	batch.Queue(freshEndsSQL, l.org, l.agent).Query(l.readEnds)
	if err := l.tx.SendBatch(l.ctx, batch).Close(); err != nil {
		return nil, nil, err
	}
	all, err := l.stored(allTerm)
	if err != nil {
		return nil, nil, err
	}
	all = all.Clone()
	for i := range l.jobs {
		j := &l.jobs[i]
		all.Add(j.seq)
		l.spans.at(j.seq).created(j.created, j.id)
	}
	for i := range l.ends {
		l.spans.at(l.ends[i].seq).ended(l.ends[i].ended)
	}
	l.chunks = l.spans.spans()
	return all, l.chunks, l.leaveOut(all, deleted)
}

// leaveOut removes the jobs of deleted agents.
func (l *listSource) leaveOut(all *joblist.Set, deleted []uid) error {
	if len(deleted) == 0 {
		return nil
	}
	lanes, left := make([]uid, len(deleted)), make(map[uid]bool, len(deleted))
	for i, agent := range deleted {
		lanes[i], left[agent] = laneOf(l.org, agent), true
	}
	gone := &joblist.Set{}
	if err := l.mergeBits(gone, leaveOutSQL, lanes, allTerm); err != nil {
		return err
	}
	for i := range l.jobs {
		if left[l.jobs[i].agent] {
			gone.Add(l.jobs[i].seq)
		}
	}
	all.AndNot(gone)
	return nil
}

func (l *listSource) readJobs(rows pgx.Rows) error {
	for rows.Next() {
		var j foldedJob
		if err := rows.Scan(&j.seq, &j.org, &j.agent, &j.id, &j.created, &j.version, &j.labels); err != nil {
			return err
		}
		l.jobs = append(l.jobs, j)
	}
	return rows.Err()
}

func (l *listSource) readEnds(rows pgx.Rows) error {
	for rows.Next() {
		var e foldedEnd
		if err := rows.Scan(&e.seq, &e.org, &e.agent, &e.ended, &e.status, &e.verdictTerm, &e.cost, &e.duration); err != nil {
			return err
		}
		l.ends = append(l.ends, e)
	}
	return rows.Err()
}

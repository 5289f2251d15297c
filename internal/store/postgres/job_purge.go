package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

const (
	lockPurgedSQL = `
select id, seq, organization_id, agent_id, status, data_deleted_at is not null, inputs, outputs, refs
from jobs where id = any ($1) order by id for update`
	emptyJobSQL = `
update jobs j set inputs = g.inputs, outputs = '', refs = '', data_deleted_at = $3
from unnest($1::uuid[], $2::text[]) as g (id, inputs) where j.id = g.id`
	emptyListSQL     = `update job_list set inputs = '' where seq = any ($1)`
	emptyEndSQL      = `update job_ends set verdict = '', verdict_term = '' where seq = any ($1)`
	dropStepsSQL     = `delete from steps where job_id = any ($1)`
	dropCallsSQL     = `delete from model_calls where job_id = any ($1)`
	dropArtifactsSQL = `delete from artifacts where job_id = any ($1)`
	dropResultsSQL   = `
delete from job_cache c using (select cache_key, organization_id, id from jobs where id = any ($1) and (cache_key is not null) is true) j
where c.key = j.cache_key and c.organization_id = j.organization_id and c.job_id = j.id`
	leaveFilesSQL = `delete from job_files where job_id = any ($1) returning file_id`
	leaveBlobsSQL = `delete from job_blobs where job_id = any ($1) returning sha256`
	lockFilesSQL  = `select id from files where id = any ($1) order by id for update`
	// dropFilesSQL removes files that no job holds any more. Uploads that no job ever took have a time to expire instead.
	dropFilesSQL = `
delete from files f
where f.id = any ($1) and (f.expires_at is null and not f.kept) is true and not exists (select from job_files j where j.file_id = f.id)
returning f.sha256`
)

// Purge implements store.Jobs.
func (s *Store) Purge(ctx context.Context, org steward.OrganizationID, id steward.JobID, at time.Time) (store.Purged, error) {
	orgID, okOrg := toUID(org)
	jobID, okJob := toUID(id)
	if !okOrg || !okJob {
		return store.Purged{}, storerow.NotFound("Job")
	}
	var done store.Purged
	err := s.inTx(ctx, "delete data of job", func(tx pgx.Tx) error {
		var status steward.Status
		err := tx.QueryRow(ctx, `select status from jobs where id = $1 and (organization_id = $2) is true`+ofLiving, jobID, orgID).Scan(&status)
		if err != nil {
			return notFound("Job", err)
		}
		if !status.Terminal() {
			return storerow.Conflict("", "The job has not ended yet.")
		}
		done, err = s.purge(ctx, tx, []uid{jobID}, at)
		return err
	})
	return done, err
}

// purge empties ended jobs that were not emptied before.
func (s *Store) purge(ctx context.Context, tx pgx.Tx, ids []uid, at time.Time) (store.Purged, error) {
	p := purging{tx: tx, at: at}
	if err := p.lock(ctx, ids); err != nil || len(p.jobs) == 0 {
		return p.done, err
	}
	p.done.Had = true
	if err := p.empty(ctx); err != nil {
		return p.done, err
	}
	if err := p.release(ctx); err != nil {
		return p.done, err
	}
	damaged, err := p.list(ctx)
	s.tellDamage(ctx, damaged)
	return p.done, err
}

// list tells the lists that the jobs have no data any more, and returns how many rows of these are damaged.
func (p *purging) list(ctx context.Context) (damaged int, err error) {
	g := newGathering()
	for i, seq := range p.seqs {
		lane := laneOf(p.orgs[i], p.agents[i])
		g.add(lane, joblist.PurgedTerm, seq)
		g.span(lane, seq) // which says that something changed
	}
	if _, err := p.tx.Exec(ctx, lockFoldSQL, foldLock); err != nil {
		return 0, err
	}
	err = g.store(ctx, p.tx)
	return g.damaged, err
}

// purging is the deletion of the data of some jobs.
type purging struct {
	tx     pgx.Tx
	at     time.Time
	jobs   []uid
	seqs   []int64
	orgs   []uid // of each job, as what follows
	agents []uid
	inputs []string // what stays of them
	done   store.Purged
}

// lock takes those of the jobs that have ended and still have data.
func (p *purging) lock(ctx context.Context, ids []uid) error {
	rows, err := p.tx.Query(ctx, lockPurgedSQL, ids)
	if err != nil {
		return err
	}
	var id, org, agent uid
	var seq int64
	var status steward.Status
	var emptied bool
	var inputs, outputs, refs string
	_, err = pgx.ForEachRow(rows, []any{&id, &seq, &org, &agent, &status, &emptied, &inputs, &outputs, &refs}, func() error {
		if emptied || !status.Terminal() {
			return nil
		}
		p.jobs, p.seqs = append(p.jobs, id), append(p.seqs, seq)
		p.orgs, p.agents = append(p.orgs, org), append(p.agents, agent)
		p.done.Outputs += entries(outputs) + entries(refs)
		p.inputs = append(p.inputs, storerow.Bare(inputs))
		return nil
	})
	return err
}

// entries returns how many entries a JSON array has; what cannot be read counts as one.
func entries(list string) int {
	parsed, err := storerow.ParseList[any](list)
	if err != nil {
		return 1
	}
	return len(parsed)
}

// empty removes what stands in rows of the jobs.
func (p *purging) empty(ctx context.Context) error {
	batch := &pgx.Batch{}
	count := func(into *int) func(pgconn.CommandTag) error {
		return func(tag pgconn.CommandTag) error {
			*into = int(tag.RowsAffected())
			return nil
		}
	}
	batch.Queue(dropResultsSQL, p.jobs)
	batch.Queue(emptyJobSQL, p.jobs, p.inputs, stamp(p.at))
	batch.Queue(emptyListSQL, p.seqs)
	batch.Queue(emptyEndSQL, p.seqs)
	batch.Queue(dropStepsSQL, p.jobs).Exec(count(&p.done.Steps))
	batch.Queue(dropCallsSQL, p.jobs)
	batch.Queue(dropArtifactsSQL, p.jobs).Exec(count(&p.done.Artifacts))
	return p.tx.SendBatch(ctx, batch).Close()
}

// release gives up the files of the jobs. Rows are locked before it is counted who else refers to them: whoever takes the same file or
// blob either waits for this transaction or is seen by it.
func (p *purging) release(ctx context.Context) error {
	files, err := collect[uid](ctx, p.tx, leaveFilesSQL, p.jobs)
	if err != nil {
		return err
	}
	blobs, err := collect[string](ctx, p.tx, leaveBlobsSQL, p.jobs)
	if err != nil {
		return err
	}
	if len(files) > 0 {
		if _, err := p.tx.Exec(ctx, lockFilesSQL, files); err != nil {
			return err
		}
		dropped, err := collect[string](ctx, p.tx, dropFilesSQL, files)
		if err != nil {
			return err
		}
		p.done.Files, blobs = len(dropped), append(blobs, dropped...)
	}
	if len(blobs) > 0 {
		p.done.Dying, err = mourn(ctx, p.tx, blobs, p.at)
	}
	return err
}

// collect runs a query for one column.
func collect[T any](ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

const (
	// Jobs of deleted agents are in no list any more: what lists know of them goes when they are emptied, so that what is left in
	// job_ends is what is left to do.
	deletedJobsSQL = `
select j.id, j.seq from agents a
cross join lateral (select seq, id from job_ends where agent_id = a.id order by ended_at limit $1) j
where a.deleted_at is not null limit $1`
	forgetListSQL = `delete from job_list where seq = any ($1)`
	forgetEndsSQL = `delete from job_ends where seq = any ($1)`
	// doneLanesSQL answers the lanes of deleted agents of which nothing is left to do, but something in lists. It computes laneOf.
	doneLanesSQL = `
select g.lane from agents a cross join lateral (
    select encode(substring(sha256(uuid_send(a.organization_id) || uuid_send(a.id)) for 16), 'hex')::uuid as lane) g
where a.deleted_at is not null and not exists (select from job_ends e where e.agent_id = a.id)
    and (exists (select from job_bits b where b.lane = g.lane and b.term > '') or exists (select from job_columns c where c.lane = g.lane))`
	// What is left of the sets says only which jobs are to be left out of the lists of the whole organization.
	forgetBitsSQL    = `delete from job_bits where lane = any ($1) and term > ''`
	forgetColumnsSQL = `delete from job_columns where lane = any ($1)`
)

// PurgeDeleted implements store.Jobs.
func (s *Store) PurgeDeleted(ctx context.Context, at time.Time, limit int) (n int, dying []string, err error) {
	if limit <= 0 {
		return 0, nil, storerow.OutOfRange("limit", "limit must be positive.")
	}
	err = s.inTx(ctx, "delete data of deleted agents", func(tx pgx.Tx) error {
		n, dying = 0, nil
		var ids []uid
		var seqs []int64
		rows, err := tx.Query(ctx, deletedJobsSQL, limit)
		if err != nil {
			return err
		}
		var id uid
		var seq int64
		if _, err = pgx.ForEachRow(rows, []any{&id, &seq}, func() error {
			ids, seqs = append(ids, id), append(seqs, seq)
			return nil
		}); err != nil {
			return err
		}
		if len(ids) == 0 {
			return forgetLanes(ctx, tx)
		}
		slices.SortFunc(ids, compareUID)
		done, err := s.purge(ctx, tx, ids, at)
		if err != nil {
			return err
		}
		n, dying = len(ids), done.Dying
		batch := &pgx.Batch{}
		batch.Queue(forgetListSQL, seqs)
		batch.Queue(forgetEndsSQL, seqs)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil || len(ids) == limit {
			return err
		}
		return forgetLanes(ctx, tx)
	})
	return n, dying, err
}

// forgetLanes removes what lists know of deleted agents whose jobs were all emptied.
func forgetLanes(ctx context.Context, tx pgx.Tx) error {
	lanes, err := collect[uid](ctx, tx, doneLanesSQL)
	if err != nil || len(lanes) == 0 {
		return err
	}
	batch := &pgx.Batch{}
	batch.Queue(lockFoldSQL, foldLock)
	batch.Queue(forgetBitsSQL, lanes)
	batch.Queue(forgetColumnsSQL, lanes)
	return tx.SendBatch(ctx, batch).Close()
}

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

// jobColumns are what jobRow scans, the long ones last.
const jobColumns = `id, organization_id, agent_id, version_id, version_name, engine_class_id, creator_id, status, created_at, updated_at,
    started_at, ended_at, run_after, deadline, attempt, crashes, progress, metadata, events, failure, usage, inputs, outputs, refs`

// listedJobColumns are jobColumns without what lists leave out.
const listedJobColumns = `id, organization_id, agent_id, version_id, version_name, engine_class_id, creator_id, status, created_at, updated_at,
    started_at, ended_at, run_after, deadline, attempt, crashes, progress, metadata, events, failure, usage, '' as inputs, '' as outputs, '' as refs`

// jobRow is a row of jobs as the driver reads it.
type jobRow struct {
	row                                                      storerow.Job
	id, org, agent, version                                  uid
	created, updated, started, ended, runAfter, deadlineTime pgtype.Timestamptz
}

func (r *jobRow) into() []any {
	j := &r.row
	return []any{
		&r.id, &r.org, &r.agent, &r.version, &j.VersionName, &j.EngineClassID, &j.CreatorID, &j.Status, &r.created, &r.updated,
		&r.started, &r.ended, &r.runAfter, &r.deadlineTime, &j.Attempt, &j.Crashes, &j.Progress, &j.Metadata, &j.Events, &j.Failure, &j.Usage,
		&j.Inputs, &j.Outputs, &j.References,
	}
}

func (r *jobRow) decode() (*steward.Job, error) {
	j := &r.row
	j.ID, j.OrganizationID, j.AgentID, j.VersionID = fromUID[string](r.id), fromUID[string](r.org), fromUID[string](r.agent), fromUID[string](r.version)
	j.CreatedAt, j.UpdatedAt, j.StartedAt, j.EndedAt = micros(r.created), micros(r.updated), micros(r.started), micros(r.ended)
	j.RunAfter, j.Deadline = micros(r.runAfter), micros(r.deadlineTime)
	return j.Decode()
}

// A row is always found by its own id. "is true" keeps the planner from going through all rows of the organization instead,
// which looks as good as long as the table is small.
const (
	jobSQL    = `select ` + jobColumns + ` from jobs where id = $1 and (organization_id = $2) is true`
	statusSQL = `
select agent_id, status, created_at, updated_at, started_at, ended_at, failure, progress
from jobs where id = $1 and (organization_id = $2) is true`
)

// Job implements store.Jobs.
func (s *Store) Job(ctx context.Context, org steward.OrganizationID, id steward.JobID) (*steward.Job, error) {
	orgID, okOrg := toUID(org)
	jobID, okJob := toUID(id)
	if !okOrg || !okJob {
		return nil, storerow.NotFound("Job")
	}
	var r jobRow
	err := s.pool.QueryRow(ctx, jobSQL, jobID, orgID).Scan(r.into()...)
	if err != nil {
		return nil, translate("read job", notFound("Job", err))
	}
	job, err := r.decode()
	return job, translate("read job", err)
}

// JobStatus implements store.Jobs.
func (s *Store) JobStatus(ctx context.Context, org steward.OrganizationID, id steward.JobID) (*store.JobStatus, error) {
	orgID, okOrg := toUID(org)
	jobID, okJob := toUID(id)
	if !okOrg || !okJob {
		return nil, storerow.NotFound("Job")
	}
	var agent uid
	var created, updated, started, ended pgtype.Timestamptz
	var failure, progress string
	st := store.JobStatus{ID: id}
	err := s.pool.QueryRow(ctx, statusSQL, jobID, orgID).Scan(&agent, &st.Status, &created, &updated, &started, &ended, &failure, &progress)
	if err != nil {
		return nil, translate("read job status", notFound("Job", err))
	}
	st.AgentID = fromUID[steward.AgentID](agent)
	st.CreatedAt, st.UpdatedAt, st.StartedAt, st.EndedAt = fromStamp(created), fromStamp(updated), fromStamp(started), fromStamp(ended)
	if st.Failure, err = storerow.ParseObject[steward.Failure](failure); err != nil {
		return nil, translate("read job status", err)
	}
	st.Progress, err = storerow.ParseObject[steward.Progress](progress)
	return &st, translate("read job status", err)
}

// Lists merge one index range for each status, and read the whole rows of the page alone.
const (
	listAgentJobsSQL = `
select ` + listedJobColumns + ` from (
    select r.id as page_id from unnest($1::smallint[]) as st (status) cross join lateral (
        select id, created_at from jobs j
        where (j.organization_id = $2) is true and j.agent_id = $3 and j.status = st.status
        order by j.created_at desc, j.id desc limit $4::bigint + $5::bigint) r
    order by r.created_at desc, r.id desc limit $4 offset $5) p
cross join lateral (select * from jobs where id = p.page_id limit 1) j
order by created_at desc, id desc`
	listOrganizationJobsSQL = `
select ` + listedJobColumns + ` from (
    select r.id as page_id from unnest($1::smallint[]) as st (status) cross join lateral (
        select id, created_at from jobs j
        where j.organization_id = $2 and j.status = st.status
        order by j.created_at desc, j.id desc limit $3::bigint + $4::bigint) r
    order by r.created_at desc, r.id desc limit $3 offset $4) p
cross join lateral (select * from jobs where id = p.page_id limit 1) j
order by created_at desc, id desc`
	countAgentJobsSQL = `
select coalesce(sum(r.n), 0)::bigint from unnest($1::smallint[]) as st (status) cross join lateral (
    select count(*) as n from jobs j where (j.organization_id = $2) is true and j.agent_id = $3 and j.status = st.status) r`
	countOrganizationJobsSQL = `
select coalesce(sum(r.n), 0)::bigint from unnest($1::smallint[]) as st (status) cross join lateral (
    select count(*) as n from jobs j where j.organization_id = $2 and j.status = st.status) r`
)

// ListJobs implements store.Jobs.
func (s *Store) ListJobs(ctx context.Context, org steward.OrganizationID, q store.JobQuery) ([]steward.Job, int64, error) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	jobs, count := []steward.Job{}, int64(0)
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(q.AgentID)
	if !okOrg || (!okAgent && q.AgentID != "") {
		return jobs, 0, nil
	}
	listSQL, countSQL, args := listOrganizationJobsSQL, countOrganizationJobsSQL, []any{statusSet(q.Status), orgID}
	if okAgent {
		listSQL, countSQL, args = listAgentJobsSQL, countAgentJobsSQL, append(args, agentID)
	}
	batch := &pgx.Batch{}
	batch.Queue(countSQL, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	batch.Queue(listSQL, append(args[:len(args):len(args)], limit, q.Offset)...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var r jobRow
			if err := rows.Scan(r.into()...); err != nil {
				return err
			}
			job, err := r.decode()
			if err != nil {
				return err
			}
			jobs = append(jobs, *job)
		}
		return rows.Err()
	})
	if err := s.snapshot(ctx, "list jobs", batch); err != nil {
		return nil, 0, err
	}
	return jobs, count, nil
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
			set = append(set, int16(st)) //nolint:gosec // 0 to 6
		}
	}
	return set
}

// queueOwned queues a query that fails with pgx.ErrNoRows unless the organization has the job.
func queueOwned(batch *pgx.Batch, org, job uid) {
	batch.Queue(`select 1 from jobs where id = $1 and (organization_id = $2) is true`, job, org).QueryRow(func(row pgx.Row) error {
		var one int
		return row.Scan(&one)
	})
}

const stepsSQL = `
select name, kind, input_hash, output, attempt, started_at, ended_at, usage, model from steps where job_id = $1 order by seq`

// scanStep reads a row of stepsSQL.
func scanStep(row pgx.Row, job steward.JobID) (steward.Step, error) {
	st := steward.Step{JobID: job}
	var output, usage string
	var started, ended pgtype.Timestamptz
	if err := row.Scan(&st.Name, &st.Kind, &st.InputHash, &output, &st.Attempt, &started, &ended, &usage, &st.Model); err != nil {
		return st, err
	}
	st.Output, st.StartedAt, st.EndedAt = storerow.Raw(output), fromStamp(started), fromStamp(ended)
	var err error
	st.Usage, err = storerow.ParseUsage(usage)
	return st, err
}

// queueSteps queues the reading of a job's steps into steps.
func queueSteps(batch *pgx.Batch, id uid, job steward.JobID, steps *[]steward.Step) {
	*steps = []steward.Step{}
	batch.Queue(stepsSQL, id).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			st, err := scanStep(rows, job)
			if err != nil {
				return err
			}
			*steps = append(*steps, st)
		}
		return rows.Err()
	})
}

// Steps implements store.Jobs.
func (s *Store) Steps(ctx context.Context, org steward.OrganizationID, id steward.JobID) ([]steward.Step, error) {
	orgID, okOrg := toUID(org)
	jobID, okJob := toUID(id)
	if !okOrg || !okJob {
		return nil, storerow.NotFound("Job")
	}
	var steps []steward.Step
	batch := &pgx.Batch{}
	queueOwned(batch, orgID, jobID)
	queueSteps(batch, jobID, id, &steps)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, translate("read steps", notFound("Job", err))
	}
	return steps, nil
}

// Artifact implements store.Jobs.
func (s *Store) Artifact(ctx context.Context, org steward.OrganizationID, id steward.JobID, key string) (*steward.Artifact, error) {
	orgID, okOrg := toUID(org)
	jobID, okJob := toUID(id)
	if !okOrg || !okJob || storable("", key) != nil {
		return nil, storerow.NotFound("Artifact")
	}
	a := steward.Artifact{Key: key}
	var result, metadata, input, usage string
	err := s.pool.QueryRow(ctx, `
select a.result, a.metadata, a.input, a.usage from jobs j
cross join lateral (select * from artifacts a where a.job_id = j.id and a.key = $3 limit 1) a
where j.id = $1 and (j.organization_id = $2) is true`, jobID, orgID, key).Scan(&result, &metadata, &input, &usage)
	if err != nil {
		return nil, translate("read artifact", notFound("Artifact", err))
	}
	a.Result, a.Metadata, a.Input, a.Usage = storerow.Raw(result), storerow.Raw(metadata), storerow.Raw(input), storerow.Raw(usage)
	return &a, nil
}

// Spent implements store.Jobs.
func (s *Store) Spent(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, since time.Time) (steward.MicroUSD, error) {
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(agent)
	if !okOrg || (!okAgent && agent != "") {
		return 0, nil
	}
	var sum int64
	err := s.pool.QueryRow(ctx, `
select coalesce(sum(micro_usd), 0)::bigint from spending
where organization_id = $1 and ($2::uuid is null or agent_id = $2) and day >= ($3::timestamptz at time zone 'UTC')::date`,
		orgID, agentID, since.UTC()).Scan(&sum)
	return steward.MicroUSD(sum), translate("read spending", err)
}

// Cancel implements store.Jobs.
func (s *Store) Cancel(ctx context.Context, org steward.OrganizationID, id steward.JobID, at time.Time) (steward.Status, error) {
	orgID, okOrg := toUID(org)
	jobID, okJob := toUID(id)
	if !okOrg || !okJob {
		return 0, storerow.NotFound("Job")
	}
	event, err := storerow.Event(at, steward.StatusCancelled, nil)
	if err != nil {
		return 0, err
	}
	var status steward.Status
	err = s.inTx(ctx, "cancel job", func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select status from jobs where id = $1 and (organization_id = $2) is true for update`, jobID, orgID).Scan(&status)
		if err != nil {
			return notFound("Job", err)
		}
		switch {
		case status.Terminal():
			return nil
		case status == steward.StatusStarted:
			_, err = tx.Exec(ctx, `update jobs set cancel_requested = true where id = $1`, jobID)
			return err
		}
		status = steward.StatusCancelled
		steps, err := stepUsages(ctx, tx, []uid{jobID})
		if err != nil {
			return err
		}
		usage, err := storerow.SumUsage(steps[jobID])
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
update jobs set cancel_requested = true, status = 5, updated_at = $2, ended_at = $2, failure = '', usage = $4,
    events = left(events, -1) || ',' || $3 || ']'
where id = $1`, jobID, stamp(at), event, usage)
		return err
	})
	return status, err
}

const stepUsagesSQL = `select job_id, usage from steps where job_id = any ($1)`

// stepUsages returns the encoded usage of jobs' recorded steps, for jobs that end without their worker.
func stepUsages(ctx context.Context, tx pgx.Tx, jobs []uid) (map[uid][]string, error) {
	rows, err := tx.Query(ctx, stepUsagesSQL, jobs)
	if err != nil {
		return nil, err
	}
	usages := map[uid][]string{}
	var job uid
	var usage string
	_, err = pgx.ForEachRow(rows, []any{&job, &usage}, func() error {
		usages[job] = append(usages[job], usage)
		return nil
	})
	return usages, err
}

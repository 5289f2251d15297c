package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// jobColumns are what jobRow scans, the long ones last.
const (
	jobColumns    = shortColumns + `, events, inputs, outputs, refs`
	listedColumns = shortColumns + `, events, inputs, '' as outputs, '' as refs`
	resultColumns = shortColumns + `, '' as events, inputs, outputs, refs`
	shortColumns  = `id, organization_id, agent_id, version_id, version_name, engine_class_id, creator_id, status, created_at, updated_at,
    started_at, ended_at, run_after, deadline, attempt, crashes, batch_id, batch_index, cached_from, data_deleted_at,
    progress, metadata, failure, usage`
)

// jobRow is a row of jobs as the driver reads it.
type jobRow struct {
	row                                                      storerow.Job
	id, org, agent, version, batch, cachedFrom               uid
	created, updated, started, ended, runAfter, deadlineTime pgtype.Timestamptz
	dataDeleted                                              pgtype.Timestamptz
	batchIndex                                               int64
}

func (r *jobRow) into() []any {
	j := &r.row
	return []any{
		&r.id, &r.org, &r.agent, &r.version, &j.VersionName, &j.EngineClassID, &j.CreatorID, &j.Status, &r.created, &r.updated,
		&r.started, &r.ended, &r.runAfter, &r.deadlineTime, &j.Attempt, &j.Crashes, &r.batch, &r.batchIndex, &r.cachedFrom, &r.dataDeleted,
		&j.Progress, &j.Metadata, &j.Failure, &j.Usage, &j.Events, &j.Inputs, &j.Outputs, &j.References,
	}
}

func (r *jobRow) decode() (*steward.Job, error) {
	j := &r.row
	j.ID, j.OrganizationID, j.AgentID, j.VersionID = fromUID[string](r.id), fromUID[string](r.org), fromUID[string](r.agent), fromUID[string](r.version)
	j.CreatedAt, j.UpdatedAt, j.StartedAt, j.EndedAt = micros(r.created), micros(r.updated), micros(r.started), micros(r.ended)
	j.RunAfter, j.Deadline = micros(r.runAfter), micros(r.deadlineTime)
	j.BatchID, j.CachedFrom, j.DataDeletedAt = fromUID[string](r.batch), fromUID[string](r.cachedFrom), micros(r.dataDeleted)
	if r.batch.Valid {
		j.BatchIndex = r.batchIndex
	}
	return j.Decode()
}

// ofLiving is a condition for rows of agents that were not deleted.
const ofLiving = ` and (select deleted_at from agents where agents.id = agent_id) is null`

// A row is always found by its own id. "is true" keeps the planner from going through all rows of the organization instead,
// which looks as good as long as the table is small.
const (
	jobSQL    = `select ` + jobColumns + ` from jobs where id = $1 and (organization_id = $2) is true` + ofLiving
	statusSQL = `
select ` + statusColumns + ` from jobs where id = $1 and (organization_id = $2) is true` + ofLiving
	manyStatusColumns = `id, agent_id, status, created_at, updated_at, started_at, ended_at, failure, progress, '' as usage`
	statusColumns     = `id, agent_id, status, created_at, updated_at, started_at, ended_at, failure, progress, usage`
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
	st, err := scanStatus(s.pool.QueryRow(ctx, statusSQL, jobID, orgID))
	if err != nil {
		return nil, translate("read job status", notFound("Job", err))
	}
	return &st, nil
}

// scanStatus reads statusColumns.
func scanStatus(row pgx.Row) (st store.JobStatus, err error) {
	var id, agent uid
	var created, updated, started, ended pgtype.Timestamptz
	var failure, progress, consumed string
	if err := row.Scan(&id, &agent, &st.Status, &created, &updated, &started, &ended, &failure, &progress, &consumed); err != nil {
		return st, err
	}
	st.ID, st.AgentID = fromUID[steward.JobID](id), fromUID[steward.AgentID](agent)
	st.CreatedAt, st.UpdatedAt, st.StartedAt, st.EndedAt = fromStamp(created), fromStamp(updated), fromStamp(started), fromStamp(ended)
	if st.Failure, err = storerow.ParseObject[steward.Failure](failure); err != nil {
		return st, err
	}
	if st.Progress, err = storerow.ParseObject[steward.Progress](progress); err != nil {
		return st, err
	}
	usage, err := storerow.ParseUsage(consumed)
	st.Cost = usage.Cost
	return st, err
}

// queueOwned queues a query that fails with pgx.ErrNoRows unless the organization has the job.
func queueOwned(batch *pgx.Batch, org, job uid) {
	batch.Queue(`select 1 from jobs where id = $1 and (organization_id = $2) is true`+ofLiving, job, org).QueryRow(func(row pgx.Row) error {
		var one int
		return row.Scan(&one)
	})
}

const stepsSQL = `
select s.name, s.kind, s.input_hash, s.output, s.attempt, s.started_at, s.ended_at, s.usage, s.model,
    coalesce(m.provider, ''), coalesce(m.output_hash, ''), coalesce(m.prompt, ''), coalesce(m.forget, false)
from steps s
left join lateral (select * from model_calls m where m.job_id = s.job_id and m.name = s.name limit 1) m on s.kind = 'model'
where s.job_id = $1 order by s.seq`

// scanStep reads a row of stepsSQL.
func scanStep(row pgx.Row, job steward.JobID) (steward.Step, error) {
	st := steward.Step{JobID: job}
	var output, usage, prompt string
	var started, ended pgtype.Timestamptz
	err := row.Scan(&st.Name, &st.Kind, &st.InputHash, &output, &st.Attempt, &started, &ended, &usage, &st.Model,
		&st.Provider, &st.OutputHash, &prompt, &st.ForgetOutput)
	if err != nil {
		return st, err
	}
	st.Prompt = storerow.Raw(prompt)
	st.Output, st.StartedAt, st.EndedAt = storerow.Raw(output), fromStamp(started), fromStamp(ended)
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
where j.id = $1 and (j.organization_id = $2) is true`+ofLiving, jobID, orgID, key).Scan(&result, &metadata, &input, &usage)
	if err != nil {
		return nil, translate("read artifact", notFound("Artifact", err))
	}
	a.Result, a.Metadata, a.Input, a.Usage = storerow.Raw(result), storerow.Raw(metadata), storerow.Raw(input), storerow.Raw(usage)
	return &a, nil
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

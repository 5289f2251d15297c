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

// stepRecord is one call of RecordStep, encoded by its caller.
type stepRecord struct {
	job    uid
	fence  int64
	step   steward.Step
	output string
	usage  string
	tally  steward.Tally
	books  bool // tally goes into the books
}

// stepKey names a step.
type stepKey struct {
	job  uid
	name string
}

func (r *stepRecord) key() stepKey { return stepKey{r.job, r.step.Name} }

// stepWeight counts a step, and 8 KiB of output or prompt as one more.
func stepWeight(r *stepRecord) int { return 1 + (len(r.output)+len(r.step.Prompt))>>13 }

// stepTaken is the error for a step's name that is recorded already.
func stepTaken() error { return storerow.Conflict("name", "A step of this name is recorded already.") }

// RecordStep implements store.Queue.
func (s *Store) RecordStep(ctx context.Context, lease store.Lease, step steward.Step) error {
	id, ok := toUID(lease.JobID)
	if !ok {
		return storerow.LeaseLost()
	}
	r := &stepRecord{job: id, fence: lease.Fence, step: step, output: string(step.Output)}
	if err := storable("name", step.Name, "kind", string(step.Kind), "input_hash", step.InputHash, "model", step.Model, "output", r.output,
		"provider", step.Provider, "output_hash", step.OutputHash, "prompt", string(step.Prompt)); err != nil {
		return err
	}
	var err error
	if r.usage, err = storerow.Usage(step.Usage); err != nil {
		return err
	}
	r.tally, r.books = steward.TallyOf(&step)
	if err := s.steps.do(ctx, r); err != nil {
		return fmt.Errorf("record step: %w", err)
	}
	return nil
}

// stepBatch records many steps in one transaction.
func (s *Store) stepBatch(ctx context.Context, calls []*stepRecord) []error {
	errs := make([]error, len(calls))
	batch := make([]*stepRecord, 0, len(calls))
	first := map[stepKey]*stepRecord{}
	books := false
	for i, r := range calls {
		if first[r.key()] != nil {
			errs[i] = stepTaken() // the other one is on its way
			continue
		}
		first[r.key()] = r
		batch = append(batch, r)
		books = books || r.books
	}
	// Jobs are locked in the order of their ids.
	slices.SortFunc(batch, func(a, b *stepRecord) int { return compareUID(a.job, b.job) })
	held, err := s.storeSteps(ctx, batch, books)
	if err != nil {
		return all(len(calls), err)
	}
	for i, r := range calls {
		if errs[i] != nil {
			continue
		}
		stored, ok := held[r.key()]
		switch {
		case !ok:
			errs[i] = storerow.LeaseLost()
		case !stored:
			errs[i] = stepTaken()
		}
	}
	return errs
}

// recordStepsSQL answers one row for each step whose lease holds, and tells whether the step was stored.
const recordStepsSQL = `
with held as materialized (
    select g.*, j.organization_id, j.agent_id, j.batch_id
    from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::timestamptz[], $9::timestamptz[],
        $10::text[], $11::text[], $12::boolean[])
        as g (job_id, job_fence, name, kind, input_hash, output, attempt, started_at, ended_at, usage, model, progress)
    cross join lateral (
        select organization_id, agent_id, batch_id from jobs
        where id = g.job_id and fence = g.job_fence and status = 1 and not handed_over for share) j),
stored as (
    insert into steps (job_id, name, kind, input_hash, output, attempt, started_at, ended_at, usage, model)
    select job_id, name, kind, input_hash, output, attempt, started_at, ended_at, usage, model from held
    on conflict (job_id, name) do nothing
    returning job_id, name),
calm as ( -- a step is progress: what crashed before did not stop the job
    update jobs j set crashes = 0, last_chance = false from stored s join held h using (job_id, name)
    where j.id = s.job_id and h.progress and j.crashes > 0)
select job_id, name, organization_id, agent_id, batch_id, false as stored from held
union all
select job_id, name, null, null, null, true from stored`

// heldStep is what recordStepsSQL tells about a step.
type heldStep struct {
	agent  agentKey
	batch  uid // not valid outside of batches
	stored bool
}

// storeSteps stores steps and, when books says that there is something, what they add to the books. The result names the steps whose lease
// holds; false means that the name was taken.
func (s *Store) storeSteps(ctx context.Context, batch []*stepRecord, books bool) (map[stepKey]bool, error) {
	var held map[stepKey]*heldStep
	store := func(q querier) (err error) {
		held, err = recordSteps(ctx, q, batch)
		return err
	}
	var err error
	if books {
		err = s.inTx(ctx, "store steps", func(tx pgx.Tx) error {
			if err := store(tx); err != nil {
				return err
			}
			return keepBooks(ctx, tx, batch, held)
		})
	} else {
		err = retry(func() error { return single("store plain steps", func() error { return store(s.pool) }) })
	}
	if err != nil {
		return nil, translate("store steps", err)
	}
	stored := make(map[stepKey]bool, len(held))
	for k, h := range held {
		stored[k] = h.stored
	}
	return stored, nil
}

func recordSteps(ctx context.Context, q querier, batch []*stepRecord) (map[stepKey]*heldStep, error) {
	n := len(batch)
	jobs, fences, attempts := make([]uid, n), make([]int64, n), make([]int32, n)
	names, kinds, hashes, outputs, usages, models := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	started, ended, progress := make([]pgtype.Timestamptz, n), make([]pgtype.Timestamptz, n), make([]bool, n)
	for i, r := range batch {
		jobs[i], fences[i], attempts[i] = r.job, r.fence, int32(r.step.Attempt) //nolint:gosec // a small count
		names[i], kinds[i], hashes[i], outputs[i], usages[i], models[i] = r.step.Name, string(r.step.Kind), r.step.InputHash, r.output, r.usage, r.step.Model
		started[i], ended[i], progress[i] = stamp(r.step.StartedAt), stamp(r.step.EndedAt), !r.step.Failed()
	}
	rows, err := q.Query(ctx, recordStepsSQL, jobs, fences, names, kinds, hashes, outputs, attempts, started, ended, usages, models, progress)
	if err != nil {
		return nil, err
	}
	held := make(map[stepKey]*heldStep, n)
	var job, org, agent, of uid
	var name string
	var stored bool
	_, err = pgx.ForEachRow(rows, []any{&job, &name, &org, &agent, &of, &stored}, func() error {
		k := stepKey{job, name}
		if stored {
			held[k].stored = true
		} else {
			held[k] = &heldStep{agent: agentKey{org, agent}, batch: of}
		}
		return nil
	})
	return held, err
}

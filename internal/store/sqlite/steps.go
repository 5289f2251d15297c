package sqlite

import (
	"context"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// RecordStep implements store.Queue.
func (s *Store) RecordStep(ctx context.Context, l store.Lease, step steward.Step) error {
	usage, err := storerow.Usage(step.Usage)
	if err != nil {
		return err
	}
	tally, inBooks := steward.TallyOf(&step)
	return s.write(ctx, "record step", func(t *tx) error {
		n, err := t.exec(`INSERT INTO steps (job_seq, name, kind, input_hash, attempt, started_at, ended_at, model, usage, output)
			SELECT seq, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM jobs WHERE `+holds+` ON CONFLICT (job_seq, name) DO NOTHING`,
			step.Name, step.Kind, step.InputHash, step.Attempt, step.StartedAt, step.EndedAt, step.Model, usage, step.Output, l.JobID, l.Fence)
		if err != nil {
			return err
		}
		t.wrote = n > 0
		if n > 0 && l.Fence > 1 && !step.Failed() { // progress: what crashed before did not stop the job; the first claim has no crashes behind it
			if _, err := t.exec("UPDATE jobs SET crashes = 0, last_chance = 0 WHERE id = ? AND crashes > 0", l.JobID); err != nil {
				return err
			}
		}
		if n == 0 {
			if _, err := t.leased(l); err != nil {
				return err
			}
			return storerow.Conflict("name", "A step of this name is recorded already.")
		}
		if inBooks {
			return t.metered(l, &step, tally)
		}
		return nil
	})
}

// LoadSteps implements store.Queue.
func (s *Store) LoadSteps(ctx context.Context, l store.Lease) ([]steward.Step, error) {
	var steps []steward.Step
	err := s.snapshot(ctx, "load steps", func(c *conn) error {
		j, err := c.leased(l)
		if err != nil {
			return err
		}
		steps, err = c.steps(j.seq, l.JobID)
		return err
	})
	return steps, err
}

// Steps implements store.Jobs.
func (s *Store) Steps(ctx context.Context, org steward.OrganizationID, id steward.JobID) ([]steward.Step, error) {
	var steps []steward.Step
	err := s.snapshot(ctx, "list steps", func(c *conn) error {
		seq, err := c.jobNumber(org, id)
		if err != nil {
			return err
		}
		steps, err = c.steps(seq, id)
		return err
	})
	return steps, err
}

// jobNumber returns the number of an organization's job. Errors: NotFound.
func (c *conn) jobNumber(org steward.OrganizationID, id steward.JobID) (seq int64, err error) {
	found, err := c.first("SELECT seq FROM jobs WHERE id = ? AND organization_id = ?"+notDeleted, []any{id, org},
		func(r row) error { seq = r.int(0); return nil })
	return seq, orNotFound("Job", found, err)
}

// steps returns a job's steps in the order of their recording.
func (c *conn) steps(seq int64, id steward.JobID) ([]steward.Step, error) {
	list := []steward.Step{}
	err := c.query(`SELECT s.name, s.kind, s.input_hash, s.attempt, s.started_at, s.ended_at, s.model, s.usage, s.output,
			m.provider, m.output_hash, m.prompt, m.forget
		FROM steps s LEFT JOIN model_calls m ON m.job_seq = s.job_seq AND m.name = s.name
		WHERE s.job_seq = ? ORDER BY s.seq`, []any{seq}, func(r row) error {
		usage, err := storerow.ParseUsage(r.text(7))
		if err != nil {
			return err
		}
		list = append(list, steward.Step{
			JobID: id, Name: r.text(0), Kind: steward.StepKind(r.text(1)), InputHash: r.text(2), Attempt: int(r.int(3)),
			StartedAt: r.time(4), EndedAt: r.time(5), Model: r.text(6), Usage: usage, Output: storerow.Raw(r.text(8)),
			Provider: r.text(9), OutputHash: r.text(10), Prompt: storerow.Raw(r.text(11)), ForgetOutput: r.bool(12),
		})
		return nil
	})
	return list, err
}

// stepUsage adds up what a job's steps consumed, encoded, for a job that ends without a worker to say it.
func (c *conn) stepUsage(seq int64) (string, error) {
	var steps []string
	err := c.query("SELECT usage FROM steps WHERE job_seq = ?", []any{seq}, func(r row) error {
		steps = append(steps, r.text(0))
		return nil
	})
	if err != nil {
		return "", err
	}
	return storerow.SumUsage(steps)
}

// SaveArtifact implements store.Queue.
func (s *Store) SaveArtifact(ctx context.Context, l store.Lease, a steward.Artifact) error {
	return s.write(ctx, "save artifact", func(t *tx) error {
		j, err := t.leased(l)
		if err != nil {
			return err
		}
		_, err = t.change(`INSERT INTO artifacts (job_seq, key, result, metadata, input, usage) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET result = excluded.result, metadata = excluded.metadata, input = excluded.input, usage = excluded.usage`,
			j.seq, a.Key, a.Result, a.Metadata, a.Input, a.Usage)
		return err
	})
}

// Artifact implements store.Jobs.
func (s *Store) Artifact(ctx context.Context, org steward.OrganizationID, id steward.JobID, key string) (*steward.Artifact, error) {
	a := &steward.Artifact{Key: key}
	err := s.snapshot(ctx, "get artifact", func(c *conn) error {
		seq, err := c.jobNumber(org, id)
		if err != nil {
			return err
		}
		found, err := c.first("SELECT result, metadata, input, usage FROM artifacts WHERE job_seq = ? AND key = ?", []any{seq, key},
			func(r row) error {
				a.Result, a.Metadata = storerow.Raw(r.text(0)), storerow.Raw(r.text(1))
				a.Input, a.Usage = storerow.Raw(r.text(2)), storerow.Raw(r.text(3))
				return nil
			})
		return orNotFound("Artifact", found, err)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

package sqlite

import (
	"context"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// jobColumns are the columns of a whole job in the order of scanJob; headColumns leave out what lists leave out.
const (
	headColumns = `id, organization_id, agent_id, version_id, version_name, engine_class_id, creator_id, status, created_at,
		updated_at, started_at, ended_at, run_after, deadline, attempt, crashes, progress, failure, usage, events, metadata`
	jobColumns = headColumns + ", refs, outputs, inputs"
)

// scanHead reads headColumns.
func scanHead(r row) storerow.Job {
	return storerow.Job{
		ID: r.text(0), OrganizationID: r.text(1), AgentID: r.text(2), VersionID: r.text(3), VersionName: r.text(4),
		EngineClassID: r.text(5), CreatorID: r.int(6), Status: r.int(7), CreatedAt: r.int(8), UpdatedAt: r.int(9),
		StartedAt: r.int(10), EndedAt: r.int(11), RunAfter: r.int(12), Deadline: r.int(13), Attempt: r.int(14), Crashes: r.int(15),
		Progress: r.text(16), Failure: r.text(17), Usage: r.text(18), Events: r.text(19), Metadata: r.text(20),
	}
}

// scanJob reads jobColumns.
func scanJob(r row) storerow.Job {
	j := scanHead(r)
	j.References, j.Outputs, j.Inputs = r.text(21), r.text(22), r.text(23)
	return j
}

// Job implements store.Jobs.
func (s *Store) Job(ctx context.Context, org steward.OrganizationID, id steward.JobID) (*steward.Job, error) {
	var raw storerow.Job
	err := s.read(ctx, "get job", func(c *conn) error {
		found, err := c.first("SELECT "+jobColumns+" FROM jobs WHERE id = ? AND organization_id = ?", []any{id, org},
			func(r row) error { raw = scanJob(r); return nil })
		return orNotFound("Job", found, err)
	})
	if err != nil {
		return nil, err
	}
	j, err := raw.Decode()
	if err != nil {
		return nil, failed("get job", err)
	}
	return j, nil
}

// orNotFound returns err, or NotFound when nothing was found.
func orNotFound(noun string, found bool, err error) error {
	if err == nil && !found {
		return storerow.NotFound(noun)
	}
	return err
}

// JobStatus implements store.Jobs.
func (s *Store) JobStatus(ctx context.Context, org steward.OrganizationID, id steward.JobID) (*store.JobStatus, error) {
	var st store.JobStatus
	err := s.read(ctx, "get job status", func(c *conn) error {
		found, err := c.first(`SELECT agent_id, status, created_at, updated_at, started_at, ended_at, failure, progress
			FROM jobs WHERE id = ? AND organization_id = ?`, []any{id, org}, func(r row) (err error) {
			st = store.JobStatus{
				ID: id, AgentID: steward.AgentID(r.text(0)), Status: steward.Status(r.int(1)),
				CreatedAt: r.time(2), UpdatedAt: r.time(3), StartedAt: r.time(4), EndedAt: r.time(5),
			}
			if st.Failure, err = storerow.ParseObject[steward.Failure](r.text(6)); err != nil {
				return err
			}
			st.Progress, err = storerow.ParseObject[steward.Progress](r.text(7))
			return err
		})
		return orNotFound("Job", found, err)
	})
	if err != nil {
		return nil, err
	}
	return &st, nil
}

// Cancel implements store.Jobs.
func (s *Store) Cancel(ctx context.Context, org steward.OrganizationID, id steward.JobID, at time.Time) (steward.Status, error) {
	event, err := storerow.Event(at, steward.StatusCancelled, nil)
	if err != nil {
		return 0, err
	}
	var status steward.Status
	err = s.write(ctx, "cancel job", func(t *tx) error {
		var seq int64
		var l lane
		found, err := t.first("SELECT seq, organization_id, agent_id, status FROM jobs WHERE id = ? AND organization_id = ?", []any{id, org},
			func(r row) error {
				seq, l, status = r.int(0), lane{r.text(1), r.text(2)}, steward.Status(r.int(3))
				return nil
			})
		if err := orNotFound("Job", found, err); err != nil || status.Terminal() {
			return err
		}
		if status == steward.StatusStarted {
			_, err := t.change("UPDATE jobs SET cancel_requested = 1 WHERE seq = ?", seq)
			return err
		}
		t.moved(l, status, steward.StatusCancelled)
		status = steward.StatusCancelled
		_, err = t.change("UPDATE jobs SET status = ?, updated_at = ?, ended_at = ?, failure = '', events = "+appendEvents+" WHERE seq = ?",
			status, at, at, event, seq)
		return err
	})
	return status, err
}

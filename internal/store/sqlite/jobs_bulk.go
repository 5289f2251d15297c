package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// maxBulk is how many jobs one call may ask for.
const maxBulk = 1000

// checkBulk refuses calls that ask for too much. Errors: Invalid.
func checkBulk(ids []steward.JobID) error {
	if len(ids) > maxBulk {
		return storerow.OutOfRange("job_ids", fmt.Sprintf("At most %d jobs can be asked for at once.", maxBulk))
	}
	return nil
}

// agentsSeen remembers of which agents it is known that they are not deleted.
type agentsSeen map[string]bool

// alive reports whether an agent is not deleted.
func (seen agentsSeen) alive(c *conn, agent string) (bool, error) {
	alive, known := seen[agent]
	if known {
		return alive, nil
	}
	deleted, err := c.first("SELECT 1 FROM agents INDEXED BY agents_deleted WHERE id = ? AND deleted_at > 0", []any{agent}, noRow)
	seen[agent] = !deleted
	return !deleted, err
}

// JobStatuses implements store.Jobs.
func (s *Store) JobStatuses(ctx context.Context, org steward.OrganizationID, ids []steward.JobID) ([]store.JobStatus, error) {
	if err := checkBulk(ids); err != nil {
		return nil, err
	}
	list, seen := make([]store.JobStatus, 0, len(ids)), agentsSeen{}
	err := s.snapshot(ctx, "get job statuses", func(c *conn) error {
		for _, id := range ids {
			var st store.JobStatus
			found, err := c.first("SELECT "+statusColumns+" FROM jobs WHERE id = ? AND organization_id = ?", []any{id, org},
				func(r row) (err error) { st, err = scanStatus(id, r); return err })
			if err == nil && found {
				found, err = seen.alive(c, string(st.AgentID))
			}
			if err := orNotFound("Job", found, err); err != nil {
				return err
			}
			list = append(list, st)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// JobResults implements store.Jobs.
func (s *Store) JobResults(ctx context.Context, org steward.OrganizationID, ids []steward.JobID) ([]steward.Job, error) {
	if err := checkBulk(ids); err != nil {
		return nil, err
	}
	rows, seen := make([]storerow.Job, 0, len(ids)), agentsSeen{}
	err := s.snapshot(ctx, "get job results", func(c *conn) error {
		for _, id := range ids {
			var raw storerow.Job
			found, err := c.first("SELECT "+jobColumns+" FROM jobs WHERE id = ? AND organization_id = ?", []any{id, org},
				func(r row) error { raw = scanJob(r); return nil })
			if err == nil && found {
				found, err = seen.alive(c, raw.AgentID)
			}
			if err := orNotFound("Job", found, err); err != nil {
				return err
			}
			raw.Events = "" // nobody asks for them, and they are long
			rows = append(rows, raw)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	jobs := make([]steward.Job, 0, len(rows))
	for i := range rows {
		j, err := rows[i].Decode()
		if err != nil {
			return nil, failed("get job results", err)
		}
		jobs = append(jobs, *j)
	}
	return jobs, nil
}

// CancelOpen implements store.Jobs.
func (s *Store) CancelOpen(ctx context.Context, org steward.OrganizationID, f store.OpenFilter, at time.Time, limit int) (n int, err error) {
	if err := storerow.AtMost(limit); err != nil {
		return 0, err
	}
	if (f.Agent == "") == (f.Batch == "") {
		return 0, storerow.OutOfRange("Agent", "One of agent and batch must be named.")
	}
	event, err := storerow.Event(at, steward.StatusCancelled, nil)
	if err != nil {
		return 0, err
	}
	err = s.write(ctx, "cancel open jobs", func(t *tx) error {
		n = 0
		jobs, err := t.openJobs(org, f, limit)
		if err != nil {
			return err
		}
		for i := range jobs {
			if _, err := t.cancel(&jobs[i], at, event); err != nil {
				return err
			}
		}
		n = len(jobs)
		return nil
	})
	return n, err
}

// openJobs returns at most limit of the jobs that a filter chooses and of which no cancel was asked for: queued ones first, so that
// none of them is started meanwhile.
func (c *conn) openJobs(org steward.OrganizationID, f store.OpenFilter, limit int) (jobs []openJob, err error) {
	until := int64(endOfLane)
	if !f.CreatedTo.IsZero() {
		until = storerow.Micros(f.CreatedTo)
	}
	parts := []string{
		"INDEXED BY jobs_ready WHERE status IN (0, 2) AND last_chance IN (0, 1) AND organization_id = ?1 AND agent_id = ?2",
		"INDEXED BY jobs_running WHERE status = 1 AND organization_id = ?1 AND agent_id = ?2",
	}
	which := []any{org, f.Agent}
	if f.Batch != "" {
		parts = []string{
			"INDEXED BY jobs_by_batch WHERE batch_id <> '' AND batch_id = ?2 AND status IN (0, 2) AND organization_id = ?1",
			"INDEXED BY jobs_by_batch WHERE batch_id <> '' AND batch_id = ?2 AND status = 1 AND organization_id = ?1",
		}
		which[1] = f.Batch
	}
	for _, part := range parts {
		if len(jobs) == limit {
			break
		}
		err := c.query("SELECT "+openColumns+" FROM jobs "+part+" AND cancel_requested = 0 AND created_at <= ?3 LIMIT ?4",
			append(which, until, limit-len(jobs)), func(r row) error { jobs = append(jobs, scanOpen(r)); return nil })
		if err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

package sqlite

import (
	"context"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// jobColumns are the columns of a whole job in the order of scanJob, listColumns those of a job in a list in the order of scanListed.
const (
	headColumns = `id, organization_id, agent_id, version_id, version_name, engine_class_id, creator_id, status, created_at,
		updated_at, started_at, ended_at, run_after, deadline, attempt, crashes, progress, failure, usage, events, metadata`
	headWidth   = 21
	tailColumns = ", batch_id, batch_index, cached_from, data_deleted_at"
	jobColumns  = headColumns + ", refs, outputs, inputs" + tailColumns
	listColumns = headColumns + ", inputs, verdict" + tailColumns
)

// notDeleted is the condition on a job that its agent is not deleted.
const notDeleted = " AND NOT EXISTS (SELECT 1 FROM agents INDEXED BY agents_deleted WHERE id = jobs.agent_id AND deleted_at > 0)"

// scanHead reads headColumns.
func scanHead(r row) storerow.Job {
	return storerow.Job{
		ID: r.text(0), OrganizationID: r.text(1), AgentID: r.text(2), VersionID: r.text(3), VersionName: r.text(4),
		EngineClassID: r.text(5), CreatorID: r.int(6), Status: r.int(7), CreatedAt: r.int(8), UpdatedAt: r.int(9),
		StartedAt: r.int(10), EndedAt: r.int(11), RunAfter: r.int(12), Deadline: r.int(13), Attempt: r.int(14), Crashes: r.int(15),
		Progress: r.text(16), Failure: r.text(17), Usage: r.text(18), Events: r.text(19), Metadata: r.text(20),
	}
}

// scanTail reads tailColumns.
func scanTail(j *storerow.Job, r row) {
	j.BatchID, j.BatchIndex, j.CachedFrom, j.DataDeletedAt = r.text(0), r.int(1), r.text(2), r.int(3)
}

// scanJob reads jobColumns.
func scanJob(r row) storerow.Job {
	j := scanHead(r)
	j.References, j.Outputs, j.Inputs = r.text(headWidth), r.text(headWidth+1), r.text(headWidth+2)
	scanTail(&j, r[headWidth+3:])
	return j
}

// Job implements store.Jobs.
func (s *Store) Job(ctx context.Context, org steward.OrganizationID, id steward.JobID) (*steward.Job, error) {
	var raw storerow.Job
	err := s.read(ctx, "get job", func(c *conn) error {
		found, err := c.first("SELECT "+jobColumns+" FROM jobs WHERE id = ? AND organization_id = ?"+notDeleted, []any{id, org},
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
		found, err := c.first("SELECT "+statusColumns+", usage FROM jobs WHERE id = ? AND organization_id = ?"+notDeleted, []any{id, org},
			func(r row) (err error) {
				if st, err = scanStatus(id, r); err != nil {
					return err
				}
				u, err := storerow.ParseUsage(r.text(statusWidth))
				st.Cost = u.Cost
				return err
			})
		return orNotFound("Job", found, err)
	})
	if err != nil {
		return nil, err
	}
	return &st, nil
}

// statusColumns are the columns of a status in the order of scanStatus.
const (
	statusColumns = "agent_id, status, created_at, updated_at, started_at, ended_at, failure, progress"
	statusWidth   = 8
)

func scanStatus(id steward.JobID, r row) (st store.JobStatus, err error) {
	st = store.JobStatus{
		ID: id, AgentID: steward.AgentID(r.text(0)), Status: steward.Status(r.int(1)),
		CreatedAt: r.time(2), UpdatedAt: r.time(3), StartedAt: r.time(4), EndedAt: r.time(5),
	}
	if st.Failure, err = storerow.ParseObject[steward.Failure](r.text(6)); err != nil {
		return st, err
	}
	st.Progress, err = storerow.ParseObject[steward.Progress](r.text(7))
	return st, err
}

// Cancel implements store.Jobs.
func (s *Store) Cancel(ctx context.Context, org steward.OrganizationID, id steward.JobID, at time.Time) (steward.Status, error) {
	event, err := storerow.Event(at, steward.StatusCancelled, nil)
	if err != nil {
		return 0, err
	}
	var status steward.Status
	err = s.write(ctx, "cancel job", func(t *tx) error {
		var j openJob
		found, err := t.first("SELECT "+openColumns+" FROM jobs WHERE id = ? AND organization_id = ?"+notDeleted, []any{id, org},
			func(r row) error { j = scanOpen(r); return nil })
		if err := orNotFound("Job", found, err); err != nil {
			return err
		}
		status, err = t.cancel(&j, at, event)
		return err
	})
	return status, err
}

// openJob is a job as its cancellation needs it.
type openJob struct {
	seq       int64
	lane      lane
	status    steward.Status
	startedAt int64
	id        string
}

// openColumns are read by scanOpen.
const openColumns = "seq, organization_id, agent_id, status, started_at, id"

func scanOpen(r row) openJob {
	return openJob{r.int(0), lane{r.text(1), r.text(2)}, steward.Status(r.int(3)), r.int(4), r.text(5)}
}

// cancel ends a queued job, marks a running one, and leaves an ended one. It returns the status afterwards. event is the encoded
// event of the end.
func (t *tx) cancel(j *openJob, at time.Time, event string) (steward.Status, error) {
	if j.status.Terminal() {
		return j.status, nil
	}
	if j.status == steward.StatusStarted {
		_, err := t.change("UPDATE jobs SET cancel_requested = 1 WHERE seq = ?", j.seq)
		return j.status, err
	}
	usage := ""
	if j.status == steward.StatusRetry { // what it used before, told or not
		var err error
		if usage, err = t.stepUsage(j.seq); err != nil {
			return 0, err
		}
	}
	t.ended(&endOfJob{
		lane: j.lane, seq: j.seq, id: j.id, status: steward.StatusCancelled, at: at, startedAt: j.startedAt, cost: costOf(usage),
		terms: joblist.EndTerms(steward.StatusCancelled, nil),
	})
	_, err := t.change("UPDATE jobs SET status = ?, updated_at = ?, ended_at = ?, failure = '', usage = ?, events = "+appendEvents+" WHERE seq = ?",
		steward.StatusCancelled, at, at, usage, event, j.seq)
	return steward.StatusCancelled, err
}

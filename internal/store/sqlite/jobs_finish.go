package sqlite

import (
	"context"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// leased is a running job as the holder of its lease sees it.
type leased struct {
	seq             int64
	lane            lane
	cancelRequested bool
}

// holds is the condition under which a lease is good: nobody claimed the job since, it has not ended, and the lease was not
// handed over. A lease past its end is good until somebody else takes the job.
const holds = "id = ? AND status = 1 AND fence = ? AND lease_end <> 0"

// leased returns the job of a lease. Errors: Conflict when the lease is lost.
func (c *conn) leased(l store.Lease) (j leased, err error) {
	found, err := c.first("SELECT seq, organization_id, agent_id, cancel_requested FROM jobs WHERE "+holds, []any{l.JobID, l.Fence},
		func(r row) error {
			j = leased{seq: r.int(0), lane: lane{r.text(1), r.text(2)}, cancelRequested: r.bool(3)}
			return nil
		})
	if err == nil && !found {
		err = storerow.LeaseLost()
	}
	return j, err
}

// ending is an Outcome with its JSON encoded.
type ending struct {
	store.Outcome
	outputs, references, failure, usage string
	event                               string
}

// encodeOutcome checks and encodes an outcome.
func encodeOutcome(o store.Outcome) (e ending, err error) {
	if err := storerow.CheckOutcome(&o); err != nil {
		return ending{}, err
	}
	e.Outcome = o
	if !o.Status.Succeeded() {
		o.Outputs = nil
	}
	if o.Status != steward.StatusFailure && o.Status != steward.StatusRetry {
		o.Failure = nil
	}
	if e.outputs, err = storerow.List(o.Outputs); err != nil {
		return ending{}, err
	}
	if e.references, err = storerow.List(o.References); err != nil {
		return ending{}, err
	}
	if e.failure, err = storerow.Object(o.Failure); err != nil {
		return ending{}, err
	}
	if e.usage, err = storerow.Usage(o.Usage); err != nil {
		return ending{}, err
	}
	e.event, err = storerow.Event(o.At, o.Status, o.Failure)
	return e, err
}

// Finish implements store.Queue.
func (s *Store) Finish(ctx context.Context, l store.Lease, o store.Outcome) error {
	end, err := encodeOutcome(o)
	if err != nil {
		return err
	}
	var cancelled ending // in place of a retry, if a cancel was asked for
	if o.Status == steward.StatusRetry {
		o.Status = steward.StatusCancelled
		if cancelled, err = encodeOutcome(o); err != nil {
			return err
		}
	}
	return s.write(ctx, "finish job", func(t *tx) error {
		j, err := t.leased(l)
		if err != nil {
			return err
		}
		if end.Status == steward.StatusRetry && !j.cancelRequested {
			return t.retry(j, &end)
		}
		if end.Status == steward.StatusRetry {
			return t.finish(j, &cancelled)
		}
		return t.finish(j, &end)
	})
}

// finish ends a job for good.
func (t *tx) finish(j leased, e *ending) error {
	t.moved(j.lane, steward.StatusStarted, e.Status)
	_, err := t.change(`UPDATE jobs SET status = ?, updated_at = ?, ended_at = ?, outputs = ?, refs = ?, failure = ?, usage = ?,
			lease_end = 0, node = '', incarnation = '', events = `+appendEvents+`
		WHERE seq = ?`, e.Status, e.At, e.At, e.outputs, e.references, e.failure, e.usage, e.event, j.seq)
	return err
}

// retry queues a job again.
func (t *tx) retry(j leased, e *ending) error {
	runAfter := e.RunAfter
	if runAfter.IsZero() {
		runAfter = e.At
	}
	t.moved(j.lane, steward.StatusStarted, steward.StatusRetry)
	t.ready = true
	_, err := t.change(`UPDATE jobs SET status = 2, updated_at = ?, run_after = ?, refs = ?, failure = ?, usage = ?,
			lease_end = 0, node = '', incarnation = '', events = `+appendEvents+`
		WHERE seq = ?`, e.At, runAfter, e.references, e.failure, e.usage, e.event, j.seq)
	return err
}

// RenewLeases implements store.Queue.
func (s *Store) RenewLeases(ctx context.Context, leases []store.LeaseRenewal, until time.Time) ([]store.Renewal, error) {
	progress := make([]string, len(leases))
	for i := range leases {
		var err error
		if progress[i], err = storerow.Object(leases[i].Progress); err != nil {
			return nil, err
		}
	}
	var out []store.Renewal
	err := s.write(ctx, "renew leases", func(t *tx) error {
		out = make([]store.Renewal, 0, len(leases))
		for i := range leases {
			r, err := t.renew(leases[i].Lease, progress[i], until)
			if err != nil {
				return err
			}
			out = append(out, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// renew extends one lease. progress "" leaves what is stored.
func (t *tx) renew(l store.Lease, progress string, until time.Time) (store.Renewal, error) {
	t.wrote = true
	r := store.Renewal{Lost: true}
	err := t.query(`UPDATE jobs SET lease_end = ?, progress = iif(? = '', progress, ?) WHERE `+holds+` RETURNING cancel_requested`,
		[]any{until, progress, progress, l.JobID, l.Fence}, func(row row) error {
			r = store.Renewal{CancelRequested: row.bool(0)}
			return nil
		})
	return r, err
}

// HandOver implements store.Queue.
func (s *Store) HandOver(ctx context.Context, leases []store.Lease) error {
	return s.write(ctx, "hand over jobs", func(t *tx) error {
		for _, l := range leases {
			n, err := t.change("UPDATE jobs SET lease_end = 0, node = '', incarnation = '' WHERE "+holds, l.JobID, l.Fence)
			if err != nil {
				return err
			}
			t.ready = t.ready || n > 0
		}
		return nil
	})
}

// TakeBack implements store.Queue.
func (s *Store) TakeBack(ctx context.Context, worker store.Worker) (int, error) {
	var n int64
	err := s.write(ctx, "take back jobs", func(t *tx) (err error) {
		n, err = t.change(`UPDATE jobs INDEXED BY jobs_running SET lease_end = 1
			WHERE status = 1 AND lease_end <> 0 AND node = ? AND incarnation <> ?`, worker.Node, worker.Incarnation)
		t.ready = t.ready || n > 0
		return err
	})
	return int(n), err
}

// NextReady implements store.Queue. A job is not claimable yet when its time is after that of the latest claim; before the
// first claim every open job counts.
func (s *Store) NextReady(ctx context.Context) (at time.Time, ok bool, err error) {
	after := s.claimedAt.Load()
	err = s.snapshot(ctx, "look ahead", func(c *conn) error {
		var next int64
		soonest := func(r row) error { //nolint:unparam // the form of a scan
			if us := r.int(0); us > 0 && (next == 0 || us < next) {
				next = us
			}
			return nil
		}
		_, err := c.first("SELECT min(lease_end) FROM jobs INDEXED BY jobs_running WHERE status = 1 AND lease_end > ?", []any{after}, soonest)
		if err != nil {
			return err
		}
		if err := c.eachLane(func(l slot) error {
			_, err := c.first(`SELECT run_after FROM jobs INDEXED BY jobs_ready
				WHERE status IN (0, 2) AND organization_id = ? AND agent_id = ? AND provider = ? AND run_after > ?
				ORDER BY run_after LIMIT 1`, []any{l.lane.organization, l.lane.agent, l.provider, after}, soonest)
			return err
		}); err != nil {
			return err
		}
		at, ok = storerow.Time(next), next != 0
		return nil
	})
	return at, ok, err
}

// eachLane calls fn for every slot with queued jobs.
func (c *conn) eachLane(fn func(l slot) error) error {
	for at := (slot{}); ; {
		found, err := c.first(`SELECT organization_id, agent_id, provider FROM jobs INDEXED BY jobs_ready
			WHERE status IN (0, 2) AND (organization_id, agent_id, provider, run_after) > (?, ?, ?, ?)
			ORDER BY organization_id, agent_id, provider, run_after LIMIT 1`,
			[]any{at.lane.organization, at.lane.agent, at.provider, endOfLane},
			func(r row) error {
				at = slot{lane{r.text(0), r.text(1)}, r.text(2)}
				return nil
			})
		if err != nil || !found {
			return err
		}
		if err := fn(at); err != nil {
			return err
		}
	}
}

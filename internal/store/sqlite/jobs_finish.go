package sqlite

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
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

// Finish implements store.Queue.
func (s *Store) Finish(ctx context.Context, l store.Lease, o store.Outcome) error {
	e, err := encodeEnd(&o)
	if err != nil {
		return err
	}
	return s.write(ctx, "finish job", func(t *tx) error {
		j, err := t.ending(l)
		switch {
		case err != nil:
			return err
		case e.Status != steward.StatusRetry:
			return t.finish(&j, e)
		case j.cancelRequested:
			return t.finish(&j, e.cancelled()) // in place of the retry
		}
		return t.retry(j.leased, &e.Ending)
	})
}

// encodeEnd checks and encodes the end of an attempt. Errors: Invalid.
func encodeEnd(o *store.Outcome) (*jobEnd, error) {
	end, err := storerow.EncodeOutcome(*o)
	if err != nil {
		return nil, err
	}
	var outputs []steward.Datum // as they are stored
	if o.Status.Succeeded() {
		outputs = o.Outputs
	}
	e := &jobEnd{Ending: end, terms: joblist.EndTerms(o.Status, outputs), cost: joblist.CostOf(o.Usage), did: o.CacheKey}
	if v, ok := joblist.Verdict(outputs); ok {
		e.verdict = joblist.ShortVerdict(v)
	}
	return e, nil
}

// cancelled returns the end of a job that was to be tried again, but of which a cancel was asked for.
func (e *jobEnd) cancelled() *jobEnd {
	c := *e
	c.Status, c.Failure, c.Event = steward.StatusCancelled, "", e.Cancelled
	c.terms = joblist.EndTerms(steward.StatusCancelled, nil)
	return &c
}

// jobEnd is the end of a job with what lists want to know of it.
type jobEnd struct {
	storerow.Ending
	terms   []string
	verdict string
	cost    int64
	did     *[32]byte // key of what the run did; nil when it is not to be compared
}

// endingJob is a running job as its end needs it.
type endingJob struct {
	leased
	id        string
	startedAt int64
	fill      cacheFill
}

// ending returns the job of a lease that ends. Errors: Conflict when the lease is lost.
func (c *conn) ending(l store.Lease) (j endingJob, err error) {
	found, err := c.first("SELECT seq, organization_id, agent_id, cancel_requested, started_at, cache_ttl, cache_key FROM jobs WHERE "+holds,
		[]any{l.JobID, l.Fence}, func(r row) error {
			j.leased = leased{seq: r.int(0), lane: lane{r.text(1), r.text(2)}, cancelRequested: r.bool(3)}
			j.id, j.startedAt = string(l.JobID), r.int(4)
			j.fill = cacheFill{organization: r.text(1), key: bytes.Clone(r.blob(6)), ttl: r.int(5)}
			return nil
		})
	if err == nil && !found {
		err = storerow.LeaseLost()
	}
	return j, err
}

// finish ends a job for good.
func (t *tx) finish(j *endingJob, e *jobEnd) error {
	t.ended(&endOfJob{
		lane: j.lane, seq: j.seq, id: j.id, status: e.Status, at: e.At, startedAt: j.startedAt, cost: e.cost, terms: e.terms,
	})
	_, err := t.change(`UPDATE jobs SET status = ?, updated_at = ?, ended_at = ?, outputs = ?, refs = ?, failure = ?, usage = ?, verdict = ?,
			lease_end = 0, node = '', incarnation = '', events = `+appendEvents+`
		WHERE seq = ?`, e.Status, e.At, e.At, e.Outputs, e.References, e.Failure, e.Usage, e.verdict, e.Event, j.seq)
	if err != nil || e.did != nil && !bytes.Equal(e.did[:], j.fill.key) {
		return err
	}
	return t.fillCache(j.fill, j.seq, e.Status, e.Failure, e.At)
}

// retry queues a job again.
func (t *tx) retry(j leased, e *storerow.Ending) error {
	t.ready = true
	_, err := t.change(`UPDATE jobs SET status = 2, updated_at = ?, run_after = ?, refs = ?, failure = ?, usage = ?,
			lease_end = 0, node = '', incarnation = '', events = `+appendEvents+`
		WHERE seq = ?`, e.At, e.RunAfter, e.References, e.Failure, e.Usage, e.Event, j.seq)
	return err
}

// RenewLeases implements store.Queue.
func (s *Store) RenewLeases(ctx context.Context, leases []store.LeaseRenewal, now time.Time, lease time.Duration) ([]store.Renewal, error) {
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
			r, err := t.renew(leases[i].Lease, progress[i], now.Add(lease))
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

// Disown implements store.Queue.
func (s *Store) Disown(ctx context.Context, worker store.Worker, known []store.Lease) (int, error) {
	var n int64
	err := s.write(ctx, "disown jobs", func(t *tx) error {
		n = 0
		var held []store.Lease
		if err := t.query(`SELECT id, fence FROM jobs INDEXED BY jobs_running
			WHERE status = 1 AND lease_end > 1 AND node = ? AND incarnation = ?`, []any{worker.Node, worker.Incarnation}, func(r row) error {
			held = append(held, store.Lease{JobID: steward.JobID(r.text(0)), Fence: r.int(1)})
			return nil
		}); err != nil {
			return err
		}
		for _, l := range held {
			if slices.Contains(known, l) {
				continue
			}
			left, err := t.change("UPDATE jobs SET lease_end = 0, node = '', incarnation = '' WHERE "+holds, l.JobID, l.Fence)
			if err != nil {
				return err
			}
			n += left
		}
		t.ready = t.ready || n > 0
		return nil
	})
	return int(n), err
}

// NextReady implements store.Queue. A job is not claimable yet when its time is after that of the latest claim; before the
// first claim every open job counts.
func (s *Store) NextReady(ctx context.Context) (at time.Time, ok bool, err error) {
	after := s.claimedAt.Micros()
	err = s.snapshot(ctx, "look ahead", func(c *conn) error {
		var next int64
		for _, query := range []string{
			"SELECT min(lease_end) FROM jobs INDEXED BY jobs_running WHERE status = 1 AND lease_end > ?",
			"SELECT min(run_after) FROM jobs INDEXED BY jobs_due WHERE status IN (0, 2) AND last_chance = 0 AND run_after > ?",
			"SELECT min(run_after) FROM jobs INDEXED BY jobs_due WHERE status IN (0, 2) AND last_chance = 1 AND run_after > ?",
			"SELECT min(deadline) FROM jobs INDEXED BY jobs_deadline WHERE status IN (0, 2) AND deadline > ?",
		} {
			_, err := c.first(query, []any{after}, func(r row) error {
				if us := r.int(0); us > 0 && (next == 0 || us < next) {
					next = us
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		at, ok = storerow.Time(next), next != 0
		return nil
	})
	return at, ok, err
}

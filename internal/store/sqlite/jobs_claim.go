package sqlite

import (
	"context"
	"errors"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

const (
	// maxSettled bounds how many jobs one claim ends (poison, timeout, cancelled) or parks besides the ones it hands out, so
	// that a flood of dead jobs does not hold up the writer. The rest waits for the next claim.
	maxSettled = 1000
	// maxOverdue is how many of them may be queued jobs whose time is over.
	maxOverdue = 500
	// maxChances is how many jobs on their last chance a claim looks at.
	maxChances = 100
)

// claimedRow is a claimed job before its JSON is decoded, which is done after the writer has moved on.
type claimedRow struct {
	fence int64
	job   storerow.Job
}

// Claim implements store.Queue.
func (s *Store) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	if err := storerow.CheckClaim(&req); err != nil {
		return nil, err
	}
	var rows []claimedRow
	err := s.write(ctx, "claim jobs", func(t *tx) error {
		c := claim{tx: t, req: &req, turn: &s.turn}
		if err := c.run(); err != nil {
			return err
		}
		rows = c.claimed
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.claimedAt.Note(req.Now)
	claimed := make([]store.Claimed, 0, len(rows))
	var unreadable []claimedRow
	for i := range rows {
		job, err := rows[i].job.Decode()
		if err != nil {
			unreadable = append(unreadable, rows[i])
			continue
		}
		claimed = append(claimed, store.Claimed{
			Lease:   store.Lease{JobID: job.ID, Fence: rows[i].fence},
			Job:     *job,
			Resumed: job.Attempt > 1,
		})
	}
	if len(unreadable) > 0 {
		// Should this not work, their leases run out and a later claim tries again; the other jobs are claimed all the same.
		_ = s.failUnreadable(context.WithoutCancel(ctx), &req, unreadable)
	}
	return claimed, nil
}

// failUnreadable ends claimed jobs whose records cannot be decoded.
func (s *Store) failUnreadable(ctx context.Context, req *store.ClaimRequest, rows []claimedRow) error {
	return s.write(ctx, "fail unreadable jobs", func(t *tx) error {
		for i := range rows {
			err := t.failUnreadable(req, &rows[i])
			if err != nil && !errors.Is(err, store.ErrLeaseLost) {
				return err
			}
		}
		return nil
	})
}

func (t *tx) failUnreadable(req *store.ClaimRequest, r *claimedRow) error {
	leased, err := t.leased(store.Lease{JobID: steward.JobID(r.job.ID), Fence: r.fence})
	if err != nil {
		return err
	}
	j := storerow.Unreadable(int(r.job.Crashes))
	event, err := storerow.Event(req.Now, j.Status, j.Failure)
	if err != nil {
		return err
	}
	c := claim{tx: t, req: req}
	if err := c.settle(leased.seq, leased.lane, j); err != nil {
		return err
	}
	events, progress := storerow.Mend(r.job.Events, r.job.Progress)
	_, err = t.change("UPDATE jobs SET events = ?, progress = ? WHERE seq = ?", storerow.Events(events, event), progress, leased.seq)
	return err
}

// claim is one call of Claim inside the writer's transaction.
type claim struct {
	*tx
	req     *store.ClaimRequest
	turn    *turn
	claimed []claimedRow
	settled int
	running running
	chance  bool      // a job on its last chance was handed out
	few     bool      // due lists all lanes that have due jobs
	due     []dueLane // in the order of slots
}

// candidate is a job that could be claimed.
type candidate struct {
	storerow.Candidate
	seq   int64
	fence int64
	lane  lane
	job   storerow.Job
}

// candidateColumns are read by scanCandidate.
const candidateColumns = "lease_end, cancel_requested, fence, " + jobColumns

func scanCandidate(seq int64, r row) candidate {
	k := candidate{seq: seq, fence: r.int(2), job: scanJob(r[3:])}
	k.lane = lane{k.job.OrganizationID, k.job.AgentID}
	k.Candidate = storerow.Candidate{
		Status: steward.Status(k.job.Status), LeaseEnd: r.int(0), Crashes: int(k.job.Crashes), Deadline: k.job.Deadline, CancelRequested: r.bool(1),
	}
	return k
}

// run ends queued jobs whose time is over, then hands out jobs whose leases ran out, for they were started first, then one
// on its last chance, then queued ones in turn.
func (c *claim) run() error {
	if err := c.countRunning(); err != nil {
		return err
	}
	if err := c.endOverdue(); err != nil {
		return err
	}
	if err := c.takeExpired(); err != nil {
		return err
	}
	if err := c.takeLastChance(); err != nil {
		return err
	}
	return c.takeReady()
}

// full reports whether the claim has all that it may take.
func (c *claim) full() bool { return len(c.claimed) >= c.req.Max || c.settled >= maxSettled }

// brief is what the judgement of a candidate needs.
type brief struct {
	storerow.Candidate
	seq  int64
	slot slot
}

// briefColumns are read by scanBrief.
const briefColumns = "seq, organization_id, agent_id, provider, status, lease_end, crashes, deadline, cancel_requested"

func scanBrief(r row) brief {
	return brief{
		storerow.Candidate{Status: steward.Status(r.int(4)), LeaseEnd: r.int(5), Crashes: int(r.int(6)), Deadline: r.int(7), CancelRequested: r.bool(8)},
		r.int(0), slot{lane{r.text(1), r.text(2)}, r.text(3)},
	}
}

// briefs runs a query of briefColumns.
func (c *claim) briefs(query string, args ...any) (list []brief, err error) {
	err = c.query(query, args, func(r row) error {
		list = append(list, scanBrief(r))
		return nil
	})
	return list, err
}

// endOverdue ends queued jobs whose deadline has passed, wherever they stand in their lanes and whatever the limits.
func (c *claim) endOverdue() error {
	list, err := c.briefs("SELECT "+briefColumns+` FROM jobs INDEXED BY jobs_deadline
		WHERE status IN (0, 2) AND deadline <= ? ORDER BY deadline LIMIT ?`, c.req.Now, maxOverdue)
	if err != nil {
		return err
	}
	for _, b := range list {
		if err := c.settle(b.seq, b.slot.lane, storerow.Judge(b.Candidate, c.req.Now, c.req.MaxCrashes)); err != nil {
			return err
		}
	}
	return nil
}

// takeExpired claims jobs whose leases ran out, oldest lease first, as far as the limits allow. Those that are to be ended
// need no room.
func (c *claim) takeExpired() error {
	list, err := c.briefs("SELECT "+briefColumns+` FROM jobs INDEXED BY jobs_running
		WHERE status = 1 AND lease_end <= ? ORDER BY lease_end, organization_id, agent_id, provider, seq`, c.req.Now)
	if err != nil {
		return err
	}
	for _, b := range list {
		if c.full() {
			return nil
		}
		j := storerow.Judge(b.Candidate, c.req.Now, c.req.MaxCrashes)
		if j.Status != steward.StatusStarted {
			err = c.settle(b.seq, b.slot.lane, j)
		} else if c.running.room(b.slot, &c.req.Limits) {
			err = c.take(b.seq, b.slot)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takeLastChance claims one of the jobs that wait for their last chance, the oldest that the limits allow.
func (c *claim) takeLastChance() error {
	if !c.req.LastChance {
		return nil
	}
	list, err := c.briefs("SELECT "+briefColumns+` FROM jobs INDEXED BY jobs_due
		WHERE status IN (0, 2) AND last_chance = 1 AND run_after <= ? ORDER BY run_after, seq LIMIT ?`, c.req.Now, maxChances)
	if err != nil {
		return err
	}
	for _, b := range list {
		if c.full() || c.chance {
			return nil
		}
		if !c.running.room(b.slot, &c.req.Limits) {
			continue
		}
		if err := c.take(b.seq, b.slot); err != nil {
			return err
		}
	}
	return nil
}

// take claims the job seq, or ends it when its time is over, or parks it when it must not run now.
func (c *claim) take(seq int64, s slot) error {
	var k candidate
	_, err := c.first("SELECT "+candidateColumns+" FROM jobs WHERE seq = ?", []any{seq}, func(r row) error {
		k = scanCandidate(seq, r)
		return nil
	})
	if err != nil {
		return err
	}
	j := storerow.Judge(k.Candidate, c.req.Now, c.req.MaxCrashes)
	if j.Status != steward.StatusStarted {
		return c.settle(k.seq, k.lane, j)
	}
	if j.LastChance && (c.chance || !c.req.LastChance) {
		return c.park(&k, j)
	}
	c.chance = c.chance || j.LastChance
	if err := c.start(&k, j); err != nil {
		return err
	}
	c.running.add(s, 1)
	return nil
}

// park takes a job on its last chance out of its lane, with its crash counted, until a claim wants it.
func (c *claim) park(k *candidate, j storerow.Judgement) error {
	c.settled++
	c.ready = true
	if k.Status != steward.StatusStarted {
		_, err := c.change("UPDATE jobs SET last_chance = 1 WHERE seq = ?", k.seq)
		return err
	}
	lost, err := storerow.LostEvent(c.req.Now)
	if err != nil {
		return err
	}
	_, err = c.change(`UPDATE jobs SET status = 2, updated_at = ?, run_after = ?, crashes = ?, last_chance = 1,
			lease_end = 0, node = '', incarnation = '', events = `+appendEvents+`
		WHERE seq = ?`, c.req.Now, c.req.Now, j.Crashes, lost, k.seq)
	return err
}

// settle ends a job that is not to be run any more.
func (c *claim) settle(seq int64, l lane, j storerow.Judgement) error {
	c.settled++
	event, err := storerow.Event(c.req.Now, j.Status, j.Failure)
	if err != nil {
		return err
	}
	failure, err := storerow.Object(j.Failure)
	if err != nil {
		return err
	}
	usage, err := c.stepUsage(seq)
	if err != nil {
		return err
	}
	end := endOfJob{lane: l, seq: seq, status: j.Status, at: c.req.Now, cost: costOf(usage), terms: joblist.EndTerms(j.Status, nil)}
	_, err = c.first("SELECT id, started_at FROM jobs WHERE seq = ?", []any{seq}, func(r row) error {
		end.id, end.startedAt = r.text(0), r.int(1)
		return nil
	})
	if err != nil {
		return err
	}
	c.ended(&end)
	_, err = c.change(`UPDATE jobs SET status = ?, updated_at = ?, ended_at = ?, crashes = ?, failure = ?, usage = ?,
			lease_end = 0, node = '', incarnation = '', events = `+appendEvents+`
		WHERE seq = ?`, j.Status, c.req.Now, c.req.Now, j.Crashes, failure, usage, event, seq)
	return err
}

// appendEvents is the SQL that puts the events of a parameter, joined by commas, behind those of a row.
// A job always has its first event, so the array is never empty.
const appendEvents = "substr(events, 1, length(events) - 1) || ',' || ? || ']'"

// start leases a job to the worker.
func (c *claim) start(k *candidate, j storerow.Judgement) error {
	events, err := storerow.Event(c.req.Now, steward.StatusStarted, nil)
	if err != nil {
		return err
	}
	if j.Lost {
		lost, err := storerow.LostEvent(c.req.Now)
		if err != nil {
			return err
		}
		events = lost + "," + events
	}
	now, job := storerow.Micros(c.req.Now), &k.job
	job.Status, job.UpdatedAt, job.Crashes, job.Failure = int64(steward.StatusStarted), now, int64(j.Crashes), ""
	job.Attempt++
	job.Events = storerow.Events(job.Events, events)
	if job.StartedAt == 0 {
		job.StartedAt = now
	}
	c.claimed = append(c.claimed, claimedRow{fence: k.fence + 1, job: *job})
	_, err = c.change(`UPDATE jobs SET status = 1, updated_at = ?, started_at = ?, lease_end = ?, fence = ?, attempt = ?, crashes = ?, last_chance = ?,
			node = ?, incarnation = ?, failure = '', events = ? WHERE seq = ?`,
		now, job.StartedAt, c.req.Now.Add(c.req.Lease), k.fence+1, job.Attempt, job.Crashes, j.LastChance,
		c.req.Worker.Node, c.req.Worker.Incarnation, job.Events, k.seq)
	return err
}

// slot is what limits are about: an organization's agent and the provider of its model.
type slot struct {
	lane     lane
	provider string
}

// running counts the jobs that run, as far as limits ask for it. Jobs whose lease ran out do not count.
type running struct {
	organizations map[string]int
	agents        map[lane]int
	providers     map[string]int
}

// countRunning fills c.running when there are limits.
func (c *claim) countRunning() error {
	l := &c.req.Limits
	if l.PerOrganization <= 0 && l.PerAgent <= 0 && len(l.PerProvider) == 0 {
		return nil
	}
	c.running = running{map[string]int{}, map[lane]int{}, map[string]int{}}
	return c.query(`SELECT organization_id, agent_id, provider, count(*) FROM jobs INDEXED BY jobs_running
		WHERE status = 1 AND lease_end > ? GROUP BY 1, 2, 3`, []any{c.req.Now}, func(r row) error {
		c.running.add(slot{lane{r.text(0), r.text(1)}, r.text(2)}, int(r.int(3)))
		return nil
	})
}

// add counts n more jobs of a slot.
func (r *running) add(s slot, n int) {
	if r.organizations == nil {
		return // no limits, nothing to count
	}
	r.organizations[s.lane.organization] += n
	r.agents[s.lane] += n
	r.providers[s.provider] += n
}

// room reports whether the limits let one more job of the slot run.
func (r *running) room(s slot, l *store.Limits) bool {
	if l.PerOrganization > 0 && r.organizations[s.lane.organization] >= l.PerOrganization {
		return false
	}
	if l.PerAgent > 0 && r.agents[s.lane] >= l.PerAgent {
		return false
	}
	most := l.PerProvider[s.provider]
	return most <= 0 || r.providers[s.provider] < most
}

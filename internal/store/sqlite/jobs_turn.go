package sqlite

import (
	"cmp"
	"math"
	"slices"

	"github.com/stewardhq/steward/internal/store/storerow"
)

// The order in which ready jobs are handed out.
//
// The index jobs_ready holds them by lane (organization, agent, provider) and, within a lane, by run_after. A claim goes
// round the organizations, one job each, and within an organization round its agents, so that ten thousand jobs of one
// organization stand behind the single job of another. It hops from lane to lane with one look-up each, never walks over
// the jobs of a lane, and looks at no more lanes than it needs. Where it stopped is remembered, so that the next claim
// goes on with the next organization.

// turn is where the last claim stopped: the organization served last, and the agent served last in each organization.
// It is kept in memory only; after a restart the round starts anew.
type turn struct {
	organization string
	agents       map[string]string // by organization
}

// maxTurnAgents bounds the memory of turn.agents.
const maxTurnAgents = 10_000

// served remembers that a job of l was handed out.
func (t *turn) served(l lane) {
	if t.agents == nil || len(t.agents) >= maxTurnAgents {
		t.agents = map[string]string{}
	}
	t.organization = l.organization
	t.agents[l.organization] = l.agent
}

// readyOrganization is an organization with queued jobs during one claim.
type readyOrganization struct {
	id     string
	start  string        // the agent served last, with which the round ends
	ahead  *readyLane    // the lane that the round has found but not used yet
	at     slot          // the lane that the round has found last
	round  round         // how far the round is
	agents []*readyAgent // those found so far that had a job, in the order of the round
	next   int           // index of the agent whose turn it is, once the round is over
}

// round says how far a round over all lanes is: behind its start, before its start, or over.
type round int

const (
	roundBehind round = iota
	roundBefore
	roundOver
)

// readyAgent is an agent with ready jobs during one claim.
type readyAgent struct {
	lane  lane
	lanes []*readyLane
}

// readyLane is the queue of one slot during one claim. It is read in chunks that grow, as most claims take few of a lane.
type readyLane struct {
	slot  slot
	buf   []readyJob
	last  readyJob // the last one read
	chunk int
	done  bool // nothing left to read
}

// readyJob is a queued job.
type readyJob struct {
	runAfter int64
	seq      int64
}

func (j readyJob) before(k readyJob) bool {
	return j.runAfter < k.runAfter || j.runAfter == k.runAfter && j.seq < k.seq
}

// takeReady claims queued jobs: one of each organization while it finds them, then round after round of those that had one.
func (c *claim) takeReady() error {
	if c.full() {
		return nil
	}
	if found, err := c.lookDue(); err != nil || !found {
		return err
	}
	var orgs []*readyOrganization
	start, wrapped := c.turn.organization, c.turn.organization == ""
	for at := start; !c.full(); {
		id, err := c.nextOrganization(at)
		if err != nil {
			return err
		}
		if id == "" && !wrapped {
			at, wrapped = "", true
			continue
		}
		if id == "" || wrapped && start != "" && id > start {
			break
		}
		at = id
		o := &readyOrganization{id: id, start: c.turn.agents[id], at: slot{lane{id, c.turn.agents[id]}, behindAll}}
		served, err := c.serve(o)
		if err != nil {
			return err
		}
		if served {
			orgs = append(orgs, o)
		}
	}
	return c.goRound(orgs)
}

// goRound claims one job of each organization in turn until nobody has one left.
func (c *claim) goRound(orgs []*readyOrganization) error {
	for len(orgs) > 0 {
		kept := orgs[:0]
		for _, o := range orgs {
			if c.full() {
				return nil
			}
			served, err := c.serve(o)
			if err != nil {
				return err
			}
			if served {
				kept = append(kept, o)
			}
		}
		orgs = kept
	}
	return nil
}

// serve claims one job of an organization: of an agent not found yet in this claim, or of the next one that has a job.
// It reports whether there was any.
func (c *claim) serve(o *readyOrganization) (bool, error) {
	for o.round != roundOver {
		a, err := c.nextAgent(o)
		if err != nil {
			return false, err
		}
		if a == nil {
			break
		}
		o.agents = append(o.agents, a)
		if served, err := c.serveAgent(a); served || err != nil {
			return served, err
		}
	}
	for len(o.agents) > 0 {
		o.next %= len(o.agents)
		served, err := c.serveAgent(o.agents[o.next])
		if err != nil {
			return false, err
		}
		if served {
			o.next++
			return true, nil
		}
		o.agents = append(o.agents[:o.next], o.agents[o.next+1:]...)
	}
	return false, nil
}

// serveAgent claims the agent's oldest job that the limits allow and reports whether there was any.
func (c *claim) serveAgent(a *readyAgent) (bool, error) {
	var best *readyLane
	for _, l := range a.lanes {
		if !c.running.room(l.slot, &c.req.Limits) {
			continue
		}
		if err := c.fill(l); err != nil {
			return false, err
		}
		if len(l.buf) > 0 && (best == nil || l.buf[0].before(best.buf[0])) {
			best = l
		}
	}
	if best == nil {
		return false, nil
	}
	job := best.buf[0]
	best.buf = best.buf[1:]
	c.turn.served(a.lane)
	return true, c.take(job.seq, best.slot)
}

// fill reads the next jobs of a lane when none is left in memory.
func (c *claim) fill(l *readyLane) error {
	if len(l.buf) > 0 || l.done {
		return nil
	}
	l.chunk = min(max(4, l.chunk*4), c.req.Max+maxSettled)
	err := c.query(`SELECT run_after, seq FROM jobs INDEXED BY jobs_ready
		WHERE status IN (0, 2) AND last_chance = 0 AND organization_id = ? AND agent_id = ? AND provider = ? AND run_after <= ? AND (run_after, seq) > (?, ?)
		ORDER BY run_after, seq LIMIT ?`,
		[]any{l.slot.lane.organization, l.slot.lane.agent, l.slot.provider, c.req.Now, l.last.runAfter, l.last.seq, l.chunk},
		func(r row) error {
			l.last = readyJob{r.int(0), r.int(1)}
			l.buf = append(l.buf, l.last)
			return nil
		})
	l.done = len(l.buf) < l.chunk
	return err
}

// maxDue is how many due jobs count as few.
const maxDue = 256

// dueLane is a lane with its first due job.
type dueLane struct {
	slot slot
	head readyJob
}

// lookDue reports whether any job is due. When there are few, it notes their lanes, so that the round goes over these and
// not over thousands of lanes whose jobs are all for later.
func (c *claim) lookDue() (found bool, err error) {
	many, err := c.first(`SELECT 1 FROM jobs INDEXED BY jobs_due WHERE status IN (0, 2) AND last_chance = 0 AND run_after <= ? LIMIT 1 OFFSET ?`,
		[]any{c.req.Now, maxDue}, noRow)
	if err != nil || many {
		return many, err
	}
	c.few = true
	seen := map[slot]bool{}
	err = c.query(`SELECT organization_id, agent_id, provider, run_after, seq FROM jobs INDEXED BY jobs_due
		WHERE status IN (0, 2) AND last_chance = 0 AND run_after <= ? ORDER BY run_after, seq`, []any{c.req.Now}, func(r row) error {
		l := dueLane{slot{lane{r.text(0), r.text(1)}, r.text(2)}, readyJob{r.int(3), r.int(4)}}
		if !seen[l.slot] {
			seen[l.slot] = true
			c.due = append(c.due, l)
		}
		return nil
	})
	slices.SortFunc(c.due, func(a, b dueLane) int { return a.slot.compare(b.slot) })
	return len(c.due) > 0, err
}

// compare orders slots as the index does.
func (s slot) compare(o slot) int {
	return cmp.Or(cmp.Compare(s.lane.organization, o.lane.organization), cmp.Compare(s.lane.agent, o.lane.agent), cmp.Compare(s.provider, o.provider))
}

// dueBehind returns the first due lane behind at, the zero one when there is none.
func (c *claim) dueBehind(at slot) dueLane {
	for _, l := range c.due {
		if l.slot.compare(at) > 0 {
			return l
		}
	}
	return dueLane{}
}

// nextOrganization returns the first organization behind after that has queued jobs, "" when there is none.
func (c *claim) nextOrganization(after string) (id string, err error) {
	if c.few {
		return c.dueBehind(slot{lane{after, behindAll}, behindAll}).slot.lane.organization, nil
	}
	_, err = c.first(`SELECT organization_id FROM jobs INDEXED BY jobs_ready
		WHERE status IN (0, 2) AND last_chance = 0 AND organization_id > ? ORDER BY organization_id LIMIT 1`, []any{after},
		func(r row) error { id = r.text(0); return nil })
	return id, err
}

// nextAgent goes on with an organization's round to the next agent that has a ready job, with all its lanes that have.
// It returns nil when the round is over.
func (c *claim) nextAgent(o *readyOrganization) (*readyAgent, error) {
	first, err := c.nextLane(o)
	if err != nil || first == nil {
		return nil, err
	}
	a := &readyAgent{lane: first.slot.lane, lanes: []*readyLane{first}}
	for {
		l, err := c.nextLane(o)
		if err != nil || l == nil {
			return a, err
		}
		if l.slot.lane != a.lane {
			o.ahead = l
			return a, nil
		}
		a.lanes = append(a.lanes, l)
	}
}

// nextLane goes on with an organization's round to the next lane whose first job is ready. It returns nil when the round is
// over.
func (c *claim) nextLane(o *readyOrganization) (*readyLane, error) {
	if l := o.ahead; l != nil {
		o.ahead = nil
		return l, nil
	}
	for o.round != roundOver {
		at, head, found, err := c.hop(o.at)
		switch {
		case err != nil:
			return nil, err
		case !found && o.round == roundBehind && o.start != "":
			o.at, o.round = slot{lane: lane{organization: o.id}}, roundBefore
			continue
		case !found || o.round == roundBefore && at.lane.agent > o.start:
			o.round = roundOver
			return nil, nil
		}
		o.at = at
		if storerow.Micros(c.req.Now) >= head.runAfter {
			return &readyLane{slot: at, buf: []readyJob{head}, last: head}, nil
		}
	}
	return nil, nil
}

const (
	// endOfLane is a run_after behind all jobs of a lane. SQLite looks up the first row that is equal to or greater than the
	// values of a row comparison and walks on from there, so without it each hop would walk over the lane's jobs.
	endOfLane = math.MaxInt64
	// behindAll is behind all ids and the names of all providers.
	behindAll = "\U0010FFFF"
)

// hop returns the first lane behind at in the same organization, with its first job.
func (c *claim) hop(at slot) (next slot, head readyJob, found bool, err error) {
	if c.few {
		l := c.dueBehind(at)
		return l.slot, l.head, l.slot.lane.organization == at.lane.organization, nil
	}
	found, err = c.first(`SELECT agent_id, provider, run_after, seq FROM jobs INDEXED BY jobs_ready
		WHERE status IN (0, 2) AND last_chance = 0 AND organization_id = ? AND (agent_id, provider, run_after) > (?, ?, ?)
		ORDER BY agent_id, provider, run_after, seq LIMIT 1`,
		[]any{at.lane.organization, at.lane.agent, at.provider, endOfLane}, func(r row) error {
			next, head = slot{lane{at.lane.organization, r.text(0)}, r.text(1)}, readyJob{r.int(2), r.int(3)}
			return nil
		})
	return next, head, found, err
}

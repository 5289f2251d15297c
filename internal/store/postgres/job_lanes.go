package postgres

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// lane is a queue of its own: what limits and fairness are about.
type lane struct {
	org, agent uid
	provider   string
}

// key returns the lane as rows keep it; the order of keys is that of organizations, then agents, then providers.
func (l lane) key() []byte {
	key := make([]byte, 0, 32+len(l.provider))
	key = append(key, l.org.Bytes[:]...)
	key = append(key, l.agent.Bytes[:]...)
	return append(key, l.provider...)
}

// end returns a key behind all lanes of the agent.
func (l lane) end() []byte { return append(lane{org: l.org, agent: l.agent}.key(), 0xff) }

// parseLane is the inverse of key.
func parseLane(key []byte) lane {
	return lane{
		org: uid{Bytes: [16]byte(key[:16]), Valid: true}, agent: uid{Bytes: [16]byte(key[16:32]), Valid: true}, provider: string(key[32:]),
	}
}

// agentKey is an organization's agent.
type agentKey struct{ org, agent uid }

// running counts the jobs that run, as far as limits ask for it.
type running struct {
	counts        bool
	organizations map[uid]int
	agents        map[agentKey]int
	providers     map[string]int
}

func newRunning() running {
	return running{counts: true, organizations: map[uid]int{}, agents: map[agentKey]int{}, providers: map[string]int{}}
}

// add counts n more jobs of a lane.
func (r *running) add(l lane, n int) {
	if !r.counts {
		return
	}
	r.organizations[l.org] += n
	r.agents[agentKey{l.org, l.agent}] += n
	r.providers[l.provider] += n
}

// room returns how many more jobs of the lane may run, at most most.
func (r *running) room(l lane, limits *store.Limits, most int) int {
	if !r.counts {
		return most
	}
	if limits.PerOrganization > 0 {
		most = min(most, limits.PerOrganization-r.organizations[l.org])
	}
	if limits.PerAgent > 0 {
		most = min(most, limits.PerAgent-r.agents[agentKey{l.org, l.agent}])
	}
	if n := limits.PerProvider[l.provider]; n > 0 {
		most = min(most, n-r.providers[l.provider])
	}
	return max(most, 0)
}

// full lists the organizations, agents and providers that have no room left, as parts of a lane's key.
func (r *running) full(limits *store.Limits) (orgs, agents, providers [][]byte) {
	orgs, agents, providers = [][]byte{}, [][]byte{}, [][]byte{}
	if limits.PerOrganization > 0 {
		for id, n := range r.organizations {
			if n >= limits.PerOrganization {
				orgs = append(orgs, id.Bytes[:])
			}
		}
	}
	if limits.PerAgent > 0 {
		for k, n := range r.agents {
			if n >= limits.PerAgent {
				agents = append(agents, k.agent.Bytes[:])
			}
		}
	}
	for provider, most := range limits.PerProvider {
		if most > 0 && r.providers[provider] >= most {
			providers = append(providers, []byte(provider))
		}
	}
	return orgs, agents, providers
}

// lanesSQL hops over the index jobs_claimable: one look-up for each lane, none for the jobs in it. It goes from behind the
// lane $1 to the lane $2, skips lanes whose jobs are all for later or that limits have closed ($4 to $6), and leaves an
// organization after $7 open lanes.
const lanesSQL = `
with recursive hop as (
    (select lane, is_open, case when is_open then 1 else 0 end as open_lanes
    from (
        select j.lane, ` + isOpenSQL + ` as is_open
        from jobs j
        where j.status <= 2 and j.lease_until is null and not j.last_chance and j.lane > $1 and j.lane <= $2
        order by j.lane, j.run_after, j.id limit 1) first)
    union all
    select next.lane, next.is_open,
        case when substr(next.lane, 1, 16) = substr(hop.lane, 1, 16) then hop.open_lanes else 0 end + case when next.is_open then 1 else 0 end
    from hop cross join lateral (
        select j.lane, ` + isOpenSQL + ` as is_open
        from jobs j
        where j.status <= 2 and j.lease_until is null and not j.last_chance and j.lane <= $2
            and j.lane > case when hop.open_lanes >= $7 then substr(hop.lane, 1, 16) || '\xffffffffffffffffffffffffffffffff'::bytea else hop.lane end
        order by j.lane, j.run_after, j.id limit 1) next
)
select lane, open_lanes from hop where is_open limit $8`

// isOpenSQL tells whether the first job of a lane may be claimed.
const isOpenSQL = `j.run_after <= $3 and substr(j.lane, 1, 16) <> all ($4::bytea[]) and substr(j.lane, 17, 16) <> all ($5::bytea[])
            and substr(j.lane, 33) <> all ($6::bytea[])`

// lastKey returns a key behind every lane.
func lastKey() []byte { return bytes.Repeat([]byte{0xff}, 33) }

// behind returns a key behind all lanes of an organization.
func behind(org uid) []byte { return append(slices.Clone(org.Bytes[:]), lastKey()[:16]...) }

// lanes returns lanes with jobs to hand out, in the order of the index, at most perOrganization of one organization.
// cut reports whether there may be more.
func (c *claim) lanes(ctx context.Context) (lanes []lane, cut bool, err error) {
	perOrganization := max(c.req.Max-len(c.claimed), 16)
	s := scan{claim: c, perOrganization: perOrganization, most: 4 * perOrganization, seen: map[lane]bool{}}
	return s.run(ctx)
}

// scan is one reading of lanes.
type scan struct {
	*claim
	perOrganization, most int
	lanes                 []lane
	seen                  map[lane]bool
	crowded               []uid // organizations that were left with lanes unread
}

func (s *scan) run(ctx context.Context) ([]lane, bool, error) {
	from, resume := s.turns.starts()
	for _, last := range resume {
		if _, err := s.hop(ctx, last.end(), behind(last.org)); err != nil {
			return nil, false, err
		}
	}
	filled, err := s.hop(ctx, from, lastKey())
	if err == nil && !filled && len(from) > 0 {
		filled, err = s.hop(ctx, []byte{}, from)
	}
	if err != nil {
		return nil, false, err
	}
	s.turns.left(filled, s.crowded)
	return s.lanes, filled || len(s.crowded) > 0, nil
}

// hop reads the open lanes behind from, up to to. filled reports that there may be more.
func (s *scan) hop(ctx context.Context, from, to []byte) (filled bool, err error) {
	room := s.most - len(s.lanes)
	if room <= 0 {
		return true, nil
	}
	orgs, agents, providers := s.running.full(&s.req.Limits)
	rows, err := s.tx.Query(ctx, lanesSQL, from, to, s.now, orgs, agents, providers, s.perOrganization, room)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var key []byte
		var open int
		if err := rows.Scan(&key, &open); err != nil {
			return false, err
		}
		n++
		l := parseLane(key)
		if !s.seen[l] {
			s.seen[l] = true
			s.lanes = append(s.lanes, l)
		}
		if open == s.perOrganization && !slices.Contains(s.crowded, l.org) {
			s.crowded = append(s.crowded, l.org)
		}
	}
	return n >= room, rows.Err()
}

// turns remembers between claims where the round of organizations and agents stands. It lives in memory: each process
// has a round of its own, and a new one after its start. Safe for concurrent use.
type turns struct {
	mu      sync.Mutex
	org     uid         // the organization served last
	agents  map[uid]uid // the agent served last in each organization
	many    bool        // there are more lanes than one claim reads
	crowded []uid       // organizations of which one claim does not read all lanes
}

// maxTurns bounds the memory of turns.
const maxTurns = 10_000

// starts returns where reading begins: from is the key behind which lanes are read, and each lane of resume stands for an
// agent behind which its organization is read in addition. While all lanes are read anyhow, that is the beginning, and order
// sees to the turns.
func (t *turns) starts() (from []byte, resume []lane) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from = []byte{}
	if t.many && t.org.Valid {
		from = behind(t.org)
	}
	for _, org := range t.crowded {
		if agent := t.agents[org]; agent.Valid {
			resume = append(resume, lane{org: org, agent: agent})
		}
	}
	return from, resume
}

// left notes what reading did not get to.
func (t *turns) left(many bool, crowded []uid) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.many, t.crowded = many, crowded
}

// served notes that a job of a lane was handed out.
func (t *turns) served(l lane) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.agents == nil || len(t.agents) >= maxTurns {
		t.agents = map[uid]uid{}
	}
	t.org = l.org
	t.agents[l.org] = l.agent
}

// orgTurn is an organization during one round, with its agents in the order of their turns.
type orgTurn struct {
	id     uid
	agents []*agentTurn
	next   int
}

// agentTurn is an agent during one round.
type agentTurn struct {
	id         uid
	lanes      []lane
	candidates []*candidate // oldest first
}

// order puts lanes under organizations and agents, those first whose turn it is.
func (t *turns) order(lanes []lane) []*orgTurn {
	t.mu.Lock()
	defer t.mu.Unlock()
	byOrg := map[uid]*orgTurn{}
	byAgent := map[agentKey]*agentTurn{}
	var orgs []*orgTurn
	for _, l := range lanes {
		o := byOrg[l.org]
		if o == nil {
			o = &orgTurn{id: l.org}
			byOrg[l.org] = o
			orgs = append(orgs, o)
		}
		k := agentKey{l.org, l.agent}
		a := byAgent[k]
		if a == nil {
			a = &agentTurn{id: l.agent}
			byAgent[k] = a
			o.agents = append(o.agents, a)
		}
		a.lanes = append(a.lanes, l)
	}
	rotate(orgs, func(o *orgTurn) uid { return o.id }, t.org)
	for _, o := range orgs {
		rotate(o.agents, func(a *agentTurn) uid { return a.id }, t.agents[o.id])
	}
	return orgs
}

// rotate sorts list by id, beginning with the first one behind last.
func rotate[T any](list []T, id func(T) uid, last uid) {
	served := func(x T) bool { return last.Valid && compareUID(id(x), last) <= 0 }
	slices.SortFunc(list, func(x, y T) int {
		if p, q := served(x), served(y); p != q {
			if q {
				return -1
			}
			return 1
		}
		return compareUID(id(x), id(y))
	})
}

// laneQuota is how many jobs a round locks of a lane.
type laneQuota struct {
	lane  lane
	agent *agentTurn
	size  int
	got   int
	full  bool // it gave all that was asked for
}

// quotas shares want jobs out over lanes: to each as many as its turn could bring it, rounded up, and more the more jobs the
// rounds before could not hand out.
func (c *claim) quotas(orgs []*orgTurn, want int) []*laneQuota {
	var list []*laneQuota
	perOrg := ceil(want, len(orgs))
	for _, o := range orgs {
		perAgent := ceil(perOrg, len(o.agents))
		for _, a := range o.agents {
			for _, l := range a.lanes {
				size := c.running.room(l, &c.req.Limits, perAgent)
				if size > 0 {
					size = min(size+c.skipped, maxQuota)
				}
				list = append(list, &laneQuota{lane: l, agent: a, size: size})
			}
		}
	}
	return list
}

func ceil(n, parts int) int { return (n + parts - 1) / parts }

// sort puts each agent's candidates in order: its lanes come one after the other.
func (o *orgTurn) sort() {
	for _, a := range o.agents {
		slices.SortFunc(a.candidates, func(x, y *candidate) int {
			return cmp.Or(x.row.runAfter.Time.Compare(y.row.runAfter.Time), compareUID(x.row.id, y.row.id))
		})
	}
}

// deal goes round the organizations and, in each, round its agents, one job each, until the claim is full or nothing is
// left that limits allow. Jobs that are not to be run any more are ended and count for nobody.
func (c *claim) deal(orgs []*orgTurn) dealt {
	var d dealt
	want := c.req.Max - len(c.claimed)
	for served := true; served && len(d.chosen) < want; {
		served = false
		for _, o := range orgs {
			if len(d.chosen) >= want {
				break
			}
			if k := c.next(o, &d); k != nil {
				d.chosen = append(d.chosen, k)
				c.running.add(k.lane, 1)
				c.turns.served(k.lane)
				served = true
			}
		}
	}
	return d
}

// next takes the next job of an organization, of the agent whose turn it is. nil when there is none.
func (c *claim) next(o *orgTurn, d *dealt) *candidate {
	for range o.agents {
		a := o.agents[o.next%len(o.agents)]
		o.next++
		if k := c.oldest(a, d); k != nil {
			return k
		}
	}
	return nil
}

// admit reports whether a candidate may be handed out. One that may not is put under those to be ended or parked.
func (c *claim) admit(k *candidate, d *dealt) bool {
	j := &k.judgement
	if j.Status == steward.StatusStarted && j.LastChance && (c.chance || !c.req.LastChance) {
		d.parked = append(d.parked, k)
		return false
	}
	if j.Status == steward.StatusStarted {
		var err error
		if k.job, err = k.row.decode(); err == nil {
			c.chance = c.chance || j.LastChance
			return true
		}
		*j = storerow.Unreadable(int(k.row.row.Crashes))
		k.row.row.Events, k.row.row.Progress = storerow.Mend(k.row.row.Events, k.row.row.Progress)
	}
	d.ended = append(d.ended, k)
	return false
}

// oldest takes the agent's oldest job that limits allow, and ends or parks those before it that are not to be run.
func (c *claim) oldest(a *agentTurn, d *dealt) *candidate {
	for i := 0; i < len(a.candidates); {
		k := a.candidates[i]
		if k.judgement.Status == steward.StatusStarted && c.running.room(k.lane, &c.req.Limits, 1) == 0 {
			i++
			continue
		}
		a.candidates = slices.Delete(a.candidates, i, i+1)
		if c.admit(k, d) {
			return k
		}
	}
	return nil
}

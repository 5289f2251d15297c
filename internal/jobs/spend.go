package jobs

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/store"
)

// spendings watches the budgets of organizations and agents. What is spent is read from the database at most once a second; what this
// process spends in between is added at once, and what its calls under way may still cost is reserved (see reservations).
type spendings struct {
	store  store.Books
	budget Budget
	clock  clock.Clock

	reservations
	known map[spender]*purse // guarded by reservations.mu
}

// spender is an organization, or one of its agents when agent is set, in days or in months.
type spender struct {
	org    steward.OrganizationID
	agent  steward.AgentID
	period steward.BudgetPeriod
}

// spendFresh is how long an amount counts as known.
const spendFresh = time.Second

func newSpendings(s store.Books, b Budget, c clock.Clock) *spendings {
	return &spendings{store: s, budget: b, clock: c, known: map[spender]*purse{}}
}

// periodOf returns when the period that a time is in began and when the next one begins, in UTC.
func periodOf(p steward.BudgetPeriod, at time.Time) (from, to time.Time) {
	y, m, d := at.UTC().Date()
	if p == steward.BudgetMonth {
		from = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 1, 0)
	}
	from = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, 0, 1)
}

// limitsOf returns the limits that an organization and, unless agent is "", an agent have.
func (s *spendings) limitsOf(org steward.OrganizationID, agent steward.AgentID) map[spender]steward.MicroUSD {
	b := s.budget.of(org)
	if b == nil {
		return nil
	}
	limits := map[spender]steward.MicroUSD{}
	add := func(agent steward.AgentID, p steward.BudgetPeriod, limit steward.MicroUSD) {
		if limit > 0 {
			limits[spender{org, agent, p}] = limit
		}
	}
	add("", steward.BudgetDay, b.PerOrganization)
	add("", steward.BudgetMonth, b.PerOrganizationMonth)
	if agent != "" {
		add(agent, steward.BudgetDay, b.PerAgent)
		add(agent, steward.BudgetMonth, b.PerAgentMonth)
	}
	return limits
}

// of returns the budget of an organization, nil when it has none.
func (b *Budget) of(org steward.OrganizationID) *Budget {
	own, ok := b.Organizations[org]
	if ok {
		b = &own
	}
	if b.PerOrganization == 0 && b.PerAgent == 0 && b.PerOrganizationMonth == 0 && b.PerAgentMonth == 0 {
		return nil
	}
	return b
}

// maxKnown bounds how many amounts are kept; those that nobody uses and that nobody has asked for in knownIdle make room. Who has asked
// for a purse is far sooner among its users, so that all who spend from the same purse have the same one.
const (
	maxKnown  = 10_000
	knownIdle = time.Minute
)

// purses returns the purses of an organization's agent, none of them older than a second. Empty means that there are no limits.
func (s *spendings) purses(ctx context.Context, org steward.OrganizationID, agent steward.AgentID) ([]*purse, error) {
	now := s.clock.Now()
	limits := s.limitsOf(org, agent)
	if len(limits) == 0 {
		return nil, nil
	}
	list := make([]*purse, 0, len(limits))
	s.mu.Lock()
	for who, limit := range limits {
		p := s.known[who]
		if p == nil {
			s.makeRoom(now)
			p = &purse{of: who, limit: limit}
			s.known[who] = p
		}
		p.asked = now
		list = append(list, p)
	}
	s.mu.Unlock()
	return list, s.refresh(ctx, list, false)
}

// makeRoom is called with the lock.
func (s *spendings) makeRoom(now time.Time) {
	if len(s.known) < maxKnown {
		return
	}
	maps.DeleteFunc(s.known, func(_ spender, p *purse) bool { return p.users == 0 && now.Sub(p.asked) >= knownIdle })
}

// refresh reads what purses have spent from the database: those that were read too long ago or in the period before, or all of them. A
// purse goes over into a new day or month here, with what calls under way have reserved: where they end, their cost is counted.
func (s *spendings) refresh(ctx context.Context, list []*purse, all bool) error {
	for _, p := range list {
		if p.of.org == "" { // a job's
			continue
		}
		now := s.clock.Now()
		s.mu.Lock()
		from, _ := periodOf(p.of.period, now)
		if from.Before(p.from) { // the clock was set back
			from = p.from
		}
		fresh, own := !all && from.Equal(p.from) && now.Sub(p.read) < spendFresh, p.own
		s.mu.Unlock()
		if fresh {
			continue
		}
		amount, err := s.store.Spent(ctx, p.of.org, p.of.agent, from)
		if err != nil {
			return fmt.Errorf("read spending: %w", err)
		}
		s.mu.Lock()
		// What was spent here while the database was asked may be in the amount or not: it counts twice until the next look, never not at all.
		if !from.Before(p.from) { // nobody has read a later period meanwhile
			p.from, p.base, p.counted, p.read = from, amount, own, now
		}
		s.mu.Unlock()
	}
	return nil
}

// check fails when a budget of the organization or of the agent is used up. Errors: NoCredit.
func (s *spendings) check(ctx context.Context, org steward.OrganizationID, agent steward.AgentID) error {
	list, err := s.purses(ctx, org, agent)
	if err != nil {
		return err
	}
	s.mu.Lock()
	unsure := false
	for _, p := range list {
		unsure = unsure || p.base < p.limit && p.spent() >= p.limit
	}
	s.mu.Unlock()
	if unsure {
		if err := s.refresh(ctx, list, true); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range list {
		if p.usedUp() {
			return &steward.Error{Code: steward.NoCredit, Message: "Insufficient credits to start a new job"}
		}
	}
	return nil
}

// add counts what a job has just spent. own is the purse of the job, nil when it has none.
func (s *spendings) add(org steward.OrganizationID, agent steward.AgentID, amount steward.MicroUSD, at time.Time, own *purse) {
	limits := s.limitsOf(org, agent)
	if len(limits) == 0 && own == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if own != nil {
		own.own += amount
	}
	for who := range limits {
		if p := s.known[who]; p != nil && !at.Before(p.from) { // else the purse is in the next period already
			p.own += amount
		}
	}
}

// What a call that other processes keep waiting waits between two looks.
const (
	holdFirst = 20 * time.Millisecond
	holdMost  = 500 * time.Millisecond
)

// hold waits until a call may begin beside those of other processes on the same database, and returns what is to be called when it has
// ended. purses are those of which this process has reserved amount already: nobody waits for a purse that waits here itself.
//
// Errors: *errUsedUp; the cause of ctx; those of the store.
func (s *spendings) hold(ctx context.Context, lease store.Lease, org steward.OrganizationID, agent steward.AgentID, purses []*purse, amount *steward.MicroUSD) (
	end func(), err error,
) {
	h := store.Hold{Lease: lease, ID: uuid.NewString(), OrganizationID: org, AgentID: agent, Amount: amount}
	if len(holdLimits(purses, s.clock.Now())) == 0 || amount != nil && *amount <= 0 {
		return func() {}, nil
	}
	for wait := holdFirst; ; wait = min(2*wait, holdMost) {
		h.Now = s.clock.Now()
		h.Limits = holdLimits(purses, h.Now) // the wait may have gone over midnight
		a, err := s.store.Hold(ctx, h)
		switch {
		case err != nil && ctx.Err() != nil:
			s.drop(ctx, h.ID) // it may have been noted
			return nil, context.Cause(ctx)
		case err != nil:
			s.drop(ctx, h.ID)
			return nil, fmt.Errorf("hold money: %w", err)
		case a.Held:
			return func() { s.drop(ctx, h.ID) }, nil
		case a.UsedUp != nil:
			return nil, &errUsedUp{of: limitedBy(purses, a.UsedUp, h.Now)}
		}
		if !pause(ctx, wait) {
			return nil, context.Cause(ctx)
		}
	}
}

// holdLimits returns the limits of purses that are shared with other processes, for the periods that a time is in.
func holdLimits(purses []*purse, at time.Time) (limits []store.HoldLimit) {
	for _, p := range purses {
		if p.of.org != "" {
			limits = append(limits, p.holdLimit(at))
		}
	}
	return limits
}

// limitedBy returns whose limit at a time it is.
func limitedBy(purses []*purse, l *store.HoldLimit, at time.Time) spender {
	for _, p := range purses {
		if p.of.org != "" && p.holdLimit(at) == *l {
			return p.of
		}
	}
	return spender{}
}

// drop forgets a hold. One that cannot be dropped counts until its job's lease is at an end.
func (s *spendings) drop(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	_ = s.store.DropHold(ctx, id) // see above
}

// lines returns the budgets of an organization and, unless agent is "", an agent, with what is left of them.
func (s *spendings) lines(ctx context.Context, org steward.OrganizationID, agent steward.AgentID) ([]steward.BudgetLine, error) {
	now := s.clock.Now()
	limits := s.limitsOf(org, agent)
	agents := []steward.AgentID{""}
	if agent != "" {
		agents = append(agents, agent)
	}
	lines := []steward.BudgetLine{}
	for _, a := range agents {
		for _, p := range []steward.BudgetPeriod{steward.BudgetDay, steward.BudgetMonth} {
			from, to := periodOf(p, now)
			limit, ok := limits[spender{org, a, p}]
			if !ok {
				continue
			}
			spent, err := s.store.Spent(ctx, org, a, from)
			if err != nil {
				return nil, fmt.Errorf("read spending: %w", err)
			}
			l := steward.BudgetLine{
				Scope: steward.BudgetOrganization, Period: p, AgentID: a, ResetsAt: to,
				Limit: limit.USD(), Spent: spent.USD(), Left: max(limit-spent, 0).USD(),
			}
			if a != "" {
				l.Scope = steward.BudgetAgent
			}
			lines = append(lines, l)
		}
	}
	return lines, nil
}

// purse is a limit with what was spent of it and what is reserved. All of it is guarded by reservations.mu.
type purse struct {
	of    spender // zero for a job's
	limit steward.MicroUSD

	from    time.Time        // when the period began that base is about; zero before the first look
	base    steward.MicroUSD // spent, as the database said
	read    time.Time        // when it said so
	asked   time.Time        // when somebody last asked for the purse
	own     steward.MicroUSD // spent here since the purse was made
	counted steward.MicroUSD // the part of own that is in base for sure

	reserved steward.MicroUSD // what calls under way may cost
	underWay int              // calls under way that may cost something
	alone    bool             // the one under way cannot tell what it may cost
	users    int              // calls that wait or are under way
}

// holdLimit returns the limit for the period that a time is in.
func (p *purse) holdLimit(at time.Time) store.HoldLimit {
	from, _ := periodOf(p.of.period, at)
	return store.HoldLimit{Agent: p.of.agent != "", Since: from, Amount: p.limit}
}

// spent returns what was spent. It may be too much for a second, never too little by what this process spent.
func (p *purse) spent() steward.MicroUSD { return p.base + p.own - p.counted }

// usedUp reports whether nothing is left, for sure.
func (p *purse) usedUp() bool {
	if p.of.org == "" {
		return p.spent() >= p.limit
	}
	return p.base >= p.limit
}

// fits reports whether a call may begin beside those of this process.
func (p *purse) fits(amount *steward.MicroUSD) bool {
	l := store.HoldLimit{Amount: p.limit}
	return l.Fits(amount, p.spent(), p.reserved, int64(p.underWay), p.alone)
}

// reservations keeps parallel calls from spending what is left together. A call takes from all its purses at once or from none, and
// waits without holding anything, so that calls cannot wait for each other in a circle: those that are under way wait for no purse.
type reservations struct {
	mu      sync.Mutex
	waiting []*waiter // first come, first served, unless others fit and the first does not
}

// waiter is a call that waits for its purses.
type waiter struct {
	purses []*purse
	amount *steward.MicroUSD
	ready  chan struct{} // closed when it was decided about
	poke   chan struct{} // gets a value when it should look again at what was spent
	broke  *purse        // the purse that is used up; nil when the call may begin
}

// errUsedUp is about a purse that has nothing left.
type errUsedUp struct {
	of           spender
	spent, limit steward.MicroUSD
}

func (e *errUsedUp) Error() string {
	if e.of.org == "" {
		return fmt.Sprintf("The run has spent %.6f USD, its limit is %.6f.", e.spent.USD(), e.limit.USD())
	}
	return fmt.Sprintf("The budget of the %s is used up.", e.of)
}

// String names the budget for people.
func (s spender) String() string {
	whose := "organization"
	if s.agent != "" {
		whose = "agent"
	}
	return fmt.Sprintf("%s for this %s", whose, s.period)
}

// reserve waits until a call that may cost amount (nil: nobody knows) may begin, and returns what is to be called when it has ended.
// look is called now and then while it waits, without the lock, to read again what was spent: at once, or unless it was read a moment ago.
//
// Errors: *errUsedUp; the cause of ctx; those of look.
func (r *reservations) reserve(ctx context.Context, purses []*purse, amount *steward.MicroUSD, look func(all bool) error) (end func(), err error) {
	if len(purses) == 0 || amount != nil && *amount <= 0 {
		return func() {}, nil // what costs nothing exceeds nothing
	}
	w := &waiter{purses: purses, amount: amount, ready: make(chan struct{}), poke: make(chan struct{}, 1)}
	r.mu.Lock()
	for _, p := range purses {
		p.users++
	}
	r.waiting = append(r.waiting, w)
	r.grant()
	r.mu.Unlock()
	timer := time.NewTimer(spendFresh)
	defer timer.Stop()
	for {
		sure := false
		select {
		case <-w.ready:
			if w.broke != nil {
				return nil, r.leave(w, nil)
			}
			return func() { r.release(w) }, nil
		case <-ctx.Done():
			return nil, r.leave(w, context.Cause(ctx))
		case <-w.poke:
			sure = true
		case <-timer.C: // others may have spent
			timer.Reset(spendFresh)
		}
		if err := look(sure); err != nil {
			return nil, r.leave(w, err)
		}
		r.mu.Lock()
		r.grant()
		r.mu.Unlock()
	}
}

// grant decides about waiting calls. A call that does not fit into a purse keeps those behind it from that purse, so that small calls
// cannot starve a large one. Where it is unsure whether a purse is used up, as amounts may have been counted twice, one of those who wait
// for it is asked to look. It is called with the lock.
func (r *reservations) grant() {
	if len(r.waiting) == 0 {
		return
	}
	full, asked := map[*purse]bool{}, map[*purse]bool{}
	left := r.waiting[:0]
	for _, w := range r.waiting {
		fits := true
		for _, p := range w.purses {
			if p.usedUp() {
				w.broke = p
				break
			}
			fits = fits && !full[p] && p.fits(w.amount)
		}
		switch {
		case w.broke != nil:
			close(w.ready)
			continue
		case fits:
			w.take()
			close(w.ready)
			continue
		}
		left = append(left, w)
		for _, p := range w.purses {
			if full[p] || p.fits(w.amount) {
				continue
			}
			full[p] = true
			if p.spent() >= p.limit && !asked[p] {
				asked[p] = true
				w.nudge()
			}
		}
	}
	clear(r.waiting[len(left):])
	r.waiting = left
}

// nudge asks the waiting call to look again at what was spent.
func (w *waiter) nudge() {
	select {
	case w.poke <- struct{}{}:
	default: // it was asked already
	}
}

// take reserves. It is called with the lock.
func (w *waiter) take() {
	for _, p := range w.purses {
		p.underWay++
		if w.amount == nil {
			p.alone = true
		} else {
			p.reserved += *w.amount
		}
	}
}

// release gives back what a call that has ended had reserved. What it cost has been counted before.
func (r *reservations) release(w *waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range w.purses {
		p.users--
		p.underWay--
		if w.amount == nil {
			p.alone = false
		} else {
			p.reserved -= *w.amount
		}
	}
	r.grant()
}

// leave takes a call that will not be made out of the queue, also when it was just granted, and returns why: err, or the purse that is
// used up.
func (r *reservations) leave(w *waiter, err error) error {
	r.mu.Lock()
	for i, other := range r.waiting {
		if other == w {
			r.waiting = append(r.waiting[:i], r.waiting[i+1:]...)
			break
		}
	}
	granted := false
	select {
	case <-w.ready:
		granted = w.broke == nil
	default:
		close(w.ready)
	}
	if w.broke != nil && err == nil {
		err = &errUsedUp{of: w.broke.of, spent: w.broke.spent(), limit: w.broke.limit}
	}
	if !granted {
		for _, p := range w.purses {
			p.users--
		}
		r.grant() // those behind it need not wait for it
	}
	r.mu.Unlock()
	if granted {
		r.release(w)
	}
	return err
}

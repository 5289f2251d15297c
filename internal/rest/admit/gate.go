package admit

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/stewardhq/steward"
)

// GateOptions says how much a Gate lets in.
type GateOptions struct {
	Size  int64         // units that are inside at once, above 0
	Share int64         // units of one owner that are inside at once; 0 means Size
	Wait  time.Duration // how long one may wait for its turn in a passing rush; 0 means not at all
	Queue int           // how many may wait; 0 means 10,000
	Busy  string        // what is told when the gate is full, and Own when the owner's share is
	Own   string
}

// Gate bounds what is under way at once. Owners who wait take turns, so that one who asks for much does not hold up the others; the
// requests of one owner go in the order in which they came.
//
// A rush may wait for Wait. When somebody has been waiting all the time for that long, more comes than can be done: from then on those
// who would wait longer than a tenth of Wait are refused, so that what is let in is still done soon. Safe for concurrent use.
type Gate struct {
	o GateOptions

	mu      sync.Mutex
	used    int64
	owners  map[string]*owner // those who have something inside or waiting
	turns   list.List         // of *owner: those who wait, the next one first
	waiting int
	since   time.Time // since when somebody has been waiting all the time; zero: nobody waits
}

// owner is one of those who share a gate.
type owner struct {
	name  string
	used  int64
	queue list.List     // of *waiter, the first to go in first
	turn  *list.Element // in turns; nil while nobody of it waits
}

// waiter is one who waits.
type waiter struct {
	n     int64
	came  time.Time
	owner *owner
	place *list.Element // in the owner's queue; nil when it has left it
	told  chan struct{} // closed when the one who waits is let in or refused
	in    bool          // let in; set before told is closed
}

// NewGate returns a gate that nobody is in.
func NewGate(o GateOptions) *Gate {
	if o.Share <= 0 || o.Share > o.Size {
		o.Share = o.Size
	}
	if o.Queue == 0 {
		o.Queue = 10_000
	}
	return &Gate{o: o, owners: map[string]*owner{}}
}

// Pass is the right to be inside a gate. The zero Pass is of no gate.
type Pass struct {
	gate  *Gate
	owner *owner
	n     int64
}

// Leave gives the pass back. Leaving twice is harmless. It is not for concurrent use.
func (p *Pass) Leave() {
	if p.gate == nil {
		return
	}
	g := p.gate
	p.gate = nil
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used -= p.n
	p.owner.used -= p.n
	g.forget(p.owner)
	g.letIn()
}

// Held reports whether the pass is one that was not given back.
func (p *Pass) Held() bool { return p.gate != nil }

// Enter lets n units of an owner in, after a wait if need be. What is larger than a share counts as a whole share. A nil gate lets
// everybody in.
//
// Errors: RateLimited when the owner has its share inside already; Unavailable when the gate is full; ctx's error.
func (g *Gate) Enter(ctx context.Context, who string, n int64) (Pass, error) {
	if g == nil {
		return Pass{}, nil
	}
	n = max(min(n, g.o.Share), 1)
	g.mu.Lock()
	own := g.owner(who)
	if own.turn == nil && g.fits(own, n) {
		g.enter(own, n)
		g.mu.Unlock()
		return Pass{g, own, n}, nil
	}
	if g.o.Wait <= 0 || g.waiting >= g.o.Queue {
		defer g.mu.Unlock()
		defer g.forget(own)
		return Pass{}, g.refusal(own, n)
	}
	w := g.enqueue(own, n)
	g.mu.Unlock()
	return g.wait(ctx, w)
}

// enqueue has one wait. The caller holds mu.
func (g *Gate) enqueue(own *owner, n int64) *waiter {
	w := &waiter{n: n, came: time.Now(), owner: own, told: make(chan struct{})}
	if g.waiting++; g.waiting == 1 {
		g.since = w.came
	}
	w.place = own.queue.PushBack(w)
	if own.turn == nil {
		own.turn = g.turns.PushBack(own)
	}
	return w
}

// wait returns when the one who waits is let in or refused.
func (g *Gate) wait(ctx context.Context, w *waiter) (Pass, error) {
	late := time.NewTimer(g.o.Wait)
	defer late.Stop()
	select {
	case <-w.told:
	case <-late.C:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	pass := Pass{g, w.owner, w.n}
	switch {
	case w.in && ctx.Err() == nil:
		return pass, nil
	case w.in: // nobody is there any more
		g.used -= w.n
		w.owner.used -= w.n
	default:
		g.drop(w)
	}
	err := g.refusal(w.owner, w.n)
	g.forget(w.owner)
	g.letIn() // what one who has gone held up
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return Pass{}, err
}

// letIn lets in as many of those who wait as fit, one of each owner in turn. The caller holds mu.
func (g *Gate) letIn() {
	if g.waiting == 0 {
		return
	}
	now := time.Now()
	for blocked := 0; blocked < g.turns.Len(); {
		own, w := g.next()
		switch {
		case g.overdue(w, now):
			g.drop(w)
			close(w.told)
		case g.fits(own, w.n):
			g.drop(w)
			g.enter(own, w.n)
			w.in = true
			close(w.told)
			blocked = 0
		default:
			blocked++
		}
		if own.turn != nil {
			g.turns.MoveToBack(own.turn)
		}
	}
}

// next returns whose turn it is. Somebody must be waiting. The caller holds mu.
func (g *Gate) next() (*owner, *waiter) {
	own, _ := g.turns.Front().Value.(*owner)
	w, _ := own.queue.Front().Value.(*waiter)
	return own, w
}

// overdue reports whether one has waited for so long that it is refused now that others are waiting all the time.
func (g *Gate) overdue(w *waiter, now time.Time) bool {
	return now.Sub(g.since) > g.o.Wait && now.Sub(w.came) > g.o.Wait/10
}

// drop takes one out of the queue. The caller holds mu.
func (g *Gate) drop(w *waiter) {
	if w.place == nil {
		return // it was refused already
	}
	own := w.owner
	own.queue.Remove(w.place)
	w.place = nil
	if g.waiting--; g.waiting == 0 {
		g.since = time.Time{}
	}
	if own.queue.Len() == 0 {
		g.turns.Remove(own.turn)
		own.turn = nil
	}
}

// fits reports whether n more units of an owner have room. The caller holds mu.
func (g *Gate) fits(own *owner, n int64) bool {
	return g.used+n <= g.o.Size && own.used+n <= g.o.Share
}

// enter counts n units. The caller holds mu.
func (g *Gate) enter(own *owner, n int64) {
	g.used += n
	own.used += n
}

// owner returns the owner of a name. The caller holds mu.
func (g *Gate) owner(name string) *owner {
	own := g.owners[name]
	if own == nil {
		own = &owner{name: name}
		g.owners[name] = own
	}
	return own
}

// forget drops an owner that has nothing inside or waiting. The caller holds mu.
func (g *Gate) forget(own *owner) {
	if own.used == 0 && own.turn == nil && g.owners[own.name] == own { // else it was dropped before, and another has its name
		delete(g.owners, own.name)
	}
}

// retryAfter is what refused clients are told to wait at least.
const retryAfter = time.Second

// refusal says why n units of an owner are not let in. The caller holds mu.
func (g *Gate) refusal(own *owner, n int64) error {
	if g.o.Share < g.o.Size && own.used+n > g.o.Share {
		return &steward.Error{Code: steward.RateLimited, Message: g.o.Own, RetryAfter: retryAfter}
	}
	return &steward.Error{Code: steward.Unavailable, Message: g.o.Busy, RetryAfter: retryAfter}
}

// Inside returns how many units are inside, and how many requests wait.
func (g *Gate) Inside() (units int64, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.used, g.waiting
}

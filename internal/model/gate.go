package model

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/stewardhq/steward"
)

// Gate keeps the calls of one provider and key within what the provider allows: requests and tokens per window as it says
// itself in its answers (see RateInfo), and the pauses that it asks for. Nothing is held back before the provider has said something. It
// is safe for concurrent use.
//
// Providers refill their windows steadily, so what is left is taken to grow evenly up to the limit, as fast as the provider's last
// word tells. Calls that have to wait stand in a queue, first come, first served: each is told its own time, and its place
// is kept for it until then, and for half a minute more.
type Gate struct {
	mu     sync.Mutex
	models map[string]*allowance // by the provider's name for the model
}

// NewGate returns a gate that lets everything pass until it is told of a limit.
func NewGate() *Gate { return &Gate{models: map[string]*allowance{}} }

// maxAllowances bounds how many models a gate remembers; the names come from configurations.
const maxAllowances = 256

// allowance is what a provider allows for one model.
type allowance struct {
	requests, tokens window
	paused           time.Time     // no call before it
	backoff          time.Duration // of the last pause that was not the provider's own wish
	underWay         int64         // calls that have begun and have not been observed
	pending          int64         // their estimated tokens
	queue            []*place      // calls that wait, first come first
}

// place is a call's place in a queue.
type place struct {
	call   string    // which call it is kept for; calls that ask the same may take one another's
	tokens int64     // that the call needs
	lapses time.Time // when it is given up unless the call has come back; zero while the call waits here
}

const (
	placeKept = 30 * time.Second // how long a place is kept beyond the time that its call was told
	maxPlaces = 10_000           // in a queue; a call beyond them gets the last one's time
)

// window is a limit that refills.
type window struct {
	limit, left float64
	rate        float64   // that comes back per nanosecond, above 0
	at          time.Time // when left was observed
	known       bool
}

// available is what may be used at a time.
func (w *window) available(now time.Time) float64 {
	return min(w.left+w.rate*float64(now.Sub(w.at)), w.limit)
}

// wait is how long until need is available after what those ahead need. What can never be is asked for as soon as the window is full.
func (w *window) wait(now time.Time, ahead, need float64) time.Duration {
	if !w.known {
		return 0
	}
	missing := ahead + min(need, w.limit) - w.available(now)
	if missing <= 1e-6 { // a rounding's worth
		return 0
	}
	return time.Duration(min(math.Ceil(missing/w.rate), float64(maxQueueWait)))
}

// maxQueueWait bounds the time that a call is told.
const maxQueueWait = 24 * time.Hour

// take uses some of what is available.
func (w *window) take(now time.Time, n float64) {
	if w.known {
		w.left, w.at = max(w.available(now)-n, 0), now
	}
}

// defaultWindow is how long a window takes to refill when the provider does not say.
const defaultWindow = time.Minute

// observe takes over what the provider said. Calls under way may not be in its count yet; they are taken off.
func (w *window) observe(now time.Time, limit, left int64, reset time.Time, underWay float64) {
	if left < 0 {
		return
	}
	if limit < 0 {
		limit = max(left, int64(w.limit))
	}
	most := float64(max(limit, left, 1))
	rate := most / float64(defaultWindow)
	used := most - float64(left)
	switch {
	case used > 0 && reset.After(now): // times may be cut to seconds, so that a window does not refill faster than in one
		rate = min(used/float64(reset.Sub(now)), most/float64(time.Second))
	case w.known && w.limit == most:
		rate = w.rate
	}
	*w = window{limit: most, left: max(float64(left)-underWay, 0), rate: rate, at: now, known: true}
}

// ObserveRate implements RateObserver.
func (g *Gate) ObserveRate(r RateInfo) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.of(r.Model)
	// The call that this answer belongs to is in the provider's count; the others may be.
	others := max(a.underWay-1, 0)
	share := 0.0
	if a.underWay > 0 {
		share = float64(a.pending) * float64(others) / float64(a.underWay)
	}
	a.requests.observe(now, r.RequestsLimit, r.RequestsLeft, r.RequestsReset, float64(others))
	a.tokens.observe(now, r.TokensLimit, r.TokensLeft, r.TokensReset, share)
	if !r.Limited {
		a.backoff = 0
		return
	}
	wait := r.RetryAfter
	if wait <= 0 { // one that does not say for how long is asked less and less
		if a.paused.After(now) { // of calls that were under way together the first one counts
			return
		}
		a.backoff = min(max(2*a.backoff, time.Second), 30*time.Second)
		wait = a.backoff
	}
	if until := now.Add(wait); until.After(a.paused) {
		a.paused = until
	}
}

// pause is how long no call is to be made.
func (g *Gate) pause(model string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Until(g.of(model).paused)
}

func (g *Gate) of(model string) *allowance {
	a := g.models[model]
	if a == nil {
		if len(g.models) >= maxAllowances {
			for name, old := range g.models {
				if old.underWay == 0 && !old.waitedFor(time.Now()) {
					delete(g.models, name)
				}
			}
		}
		a = &allowance{}
		g.models[model] = a
	}
	return a
}

// waitedFor reports whether calls stand in the queue, without those that have not come back.
func (a *allowance) waitedFor(now time.Time) bool {
	a.queue = slices.DeleteFunc(a.queue, func(p *place) bool { return !p.lapses.IsZero() && now.After(p.lapses) })
	return len(a.queue) > 0
}

// wait is how long the call at index i of the queue has to wait; i may be the queue's length, for a call that would join it.
func (a *allowance) wait(now time.Time, i int, tokens int64) time.Duration {
	ahead := 0.0
	for _, p := range a.queue[:i] {
		ahead += a.need(p.tokens)
	}
	return max(a.paused.Sub(now), a.requests.wait(now, float64(i), 1), a.tokens.wait(now, ahead, float64(tokens)))
}

// need is what of a call's tokens counts: one that is larger than the limit takes a whole window.
func (a *allowance) need(tokens int64) float64 {
	if a.tokens.known {
		return min(float64(tokens), a.tokens.limit)
	}
	return float64(tokens)
}

func (a *allowance) begin(now time.Time, tokens int64) {
	a.requests.take(now, 1)
	a.tokens.take(now, float64(tokens))
	a.underWay++
	a.pending += tokens
}

// pass lets a call begin that need not wait, and reports whether it did.
func (g *Gate) pass(model string, tokens int64) bool {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.of(model)
	if a.waitedFor(now) || a.wait(now, 0, tokens) > 0 {
		return false
	}
	a.begin(now, tokens)
	return true
}

// join gives a call the place that was kept for it, or else the last one.
func (g *Gate) join(model, call string, tokens int64) *place {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.of(model)
	a.waitedFor(time.Now())
	for _, p := range a.queue {
		if p.call == call && !p.lapses.IsZero() {
			p.lapses = time.Time{}
			return p
		}
	}
	p := &place{call: call, tokens: tokens}
	if len(a.queue) < maxPlaces {
		a.queue = append(a.queue, p)
	}
	return p
}

// advance begins the call of a place whose time has come, or says how long it has to wait.
func (g *Gate) advance(model string, p *place) (wait time.Duration) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.of(model)
	a.waitedFor(now)
	i := slices.Index(a.queue, p)
	if i < 0 { // the queue was full
		i = len(a.queue)
	}
	if wait = a.wait(now, i, p.tokens); wait > 0 {
		return wait
	}
	a.queue = slices.DeleteFunc(a.queue, func(q *place) bool { return q == p })
	a.begin(now, p.tokens)
	return 0
}

// keep holds a place for a call that comes back after wait.
func (g *Gate) keep(p *place, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p.lapses = time.Now().Add(wait + placeKept)
}

// giveUp gives a place back.
func (g *Gate) giveUp(model string, p *place) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.of(model)
	a.queue = slices.DeleteFunc(a.queue, func(q *place) bool { return q == p })
}

func (g *Gate) leave(model string, tokens int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.of(model)
	a.underWay = max(a.underWay-1, 0)
	a.pending = max(a.pending-tokens, 0)
}

// WithRate makes every call of m wait until g lets it pass. model is the provider's name for it. A wait longer than maxWait, or
// longer than ctx allows, is not made: the call fails as Transient and Held, with its place's time as RetryAfter, so that the job can
// free its worker meanwhile. The same request finds its place again when it comes back then.
func WithRate(m Model, g *Gate, model string, maxWait time.Duration) Model {
	if maxWait <= 0 {
		maxWait = RetryOptions{}.filled().MaxWait
	}
	return Func(func(ctx context.Context, req *Request) (*Response, error) {
		tokens := EstimateTokens(req)
		if !g.pass(model, tokens) {
			if err := g.await(ctx, model, g.join(model, callKey(req), tokens), maxWait); err != nil {
				return nil, err
			}
		}
		defer g.leave(model, tokens)
		resp, err := m.Generate(ctx, req)
		return resp, g.withPause(model, err)
	})
}

// lookAgain is how often a waiting call looks whether its turn comes sooner than it was told.
const lookAgain = time.Second

// await waits for the turn of a place, or fails when that takes too long. The place is gone then, or kept for later.
func (g *Gate) await(ctx context.Context, model string, p *place, maxWait time.Duration) error {
	giveUp := time.Now().Add(maxWait)
	for {
		wait := g.advance(model, p)
		if wait == 0 {
			return nil
		}
		deadline, bounded := ctx.Deadline()
		if at := time.Now().Add(wait); at.After(giveUp) || bounded && !at.Before(deadline) {
			g.keep(p, wait)
			return limited(model, wait)
		}
		if !sleep(ctx, min(wait, lookAgain)) {
			g.giveUp(model, p)
			return ctx.Err()
		}
	}
}

// callKey tells calls apart by what they ask.
func callKey(req *Request) string {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(digest(req)); err != nil { // a schema that is no JSON: the step's name has to do
		return req.Step
	}
	return req.Step + " " + string(h.Sum(nil))
}

// withPause adds to a passing failure how long the provider is not to be asked, unless it said so itself.
func (g *Gate) withPause(model string, err error) error {
	var f *steward.Failure
	if !errors.As(err, &f) || !f.Transient || f.RetryAfter > 0 {
		return err
	}
	wait := g.pause(model)
	if wait <= 0 {
		return err
	}
	timed := *f
	timed.RetryAfter, timed.Err = wait, err
	return &timed
}

func limited(model string, wait time.Duration) error {
	return &steward.Failure{
		Code: steward.FailProviderError, Transient: true, Held: true, RetryAfter: wait,
		Message: fmt.Sprintf("The provider of the model %s allows no further call for %s.", model, wait.Round(time.Second)),
	}
}

const (
	bytesPerToken   = 3    // of text; most texts have four, so that the estimate is rather too high
	tokensPerImage  = 1500 // of a picture, about what providers count for a page
	tokensOfPreface = 300  // our own rules
)

// EstimateTokens estimates the input tokens of a request, rather too high than too low.
func EstimateTokens(req *Request) int64 {
	bytes := len(req.System) + len(req.Instruction) + len(req.Schema) + len(req.Feedback)
	images := 0
	for i := range req.Documents {
		for j := range req.Documents[i].Pages {
			page := &req.Documents[i].Pages[j]
			bytes += len(page.Text)
			if page.Picture != nil {
				images++
			}
		}
	}
	return int64(bytes/bytesPerToken + images*tokensPerImage + tokensOfPreface)
}

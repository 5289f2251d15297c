package webhooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

const (
	perWebhook = 16  // attempts under way at one webhook
	inTotal    = 128 // and at all of them

	// A receiver that takes long gets fewer at once, so that a few of them cannot hold all the places.
	slowFrom = 2 * time.Second
	perSlow  = 2

	// A webhook that fails again and again is tried with one event at a time, at growing distances, so that a short outage under load
	// is not taken for its end.
	failingFrom  = 5 // straight failures
	firstPause   = time.Second
	longestPause = time.Minute

	maxFailures = 50 // straight ones, after which a webhook is made inactive
)

// Reasons for which a webhook is made inactive.
const (
	reasonFailures = "50 attempts in a row failed."
	reasonGone     = "The receiver answered 410 Gone."
)

// schedule is how long is waited after the first failed attempt, the second and so on, before jitter. After the last one the
// delivery is given up.
func schedule() []time.Duration {
	return []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}
}

// jitterShare is by how much of a wait it may grow, so that what failed together does not come back together.
const jitterShare = 0.1

// DelivererOptions tunes a Deliverer. The zero value is ready to use.
type DelivererOptions struct {
	PollEvery time.Duration  // how often it looks for what is due; 0 means 500ms
	Lease     time.Duration  // after which another process may send what this one took; 0 means 1m, at least 30s
	Grace     time.Duration  // for attempts under way when Run is to end; 0 means 5s, negative none
	Random    func() float64 // from 0 to 1, for jitter; nil means a random one
}

// Deliverer sends what is due. Several may run on one database, in as many processes. Make it with NewDeliverer.
type Deliverer struct {
	s    *Service
	opts DelivererOptions

	mu     sync.Mutex
	busy   map[steward.WebhookID]*place
	total  int           // attempts under way
	turn   int           // where the next round begins to share out places
	freed  chan struct{} // gets a value when an attempt has ended
	warned time.Time     // of the key that does not fit
}

// place is what a deliverer knows of one webhook.
type place struct {
	underWay int
	slow     bool // its latest attempt took long

	// Straight failures in this process, and the time of the last: results reach the database later than the next round begins.
	failures int
	failedAt time.Time // zero after a success
}

// recordLag is for how long a failure counts that the database does not show: it has it by then, or does not want it any more.
const recordLag = 5 * time.Second

// NewDeliverer returns a deliverer for the service's events. nil opts is fine.
func NewDeliverer(s *Service, opts *DelivererOptions) *Deliverer {
	var o DelivererOptions
	if opts != nil {
		o = *opts
	}
	if o.PollEvery <= 0 {
		o.PollEvery = 500 * time.Millisecond
	}
	if o.Lease == 0 {
		o.Lease = time.Minute
	}
	o.Lease = max(o.Lease, 3*attemptTimeout)
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	return &Deliverer{s: s, opts: o, busy: map[steward.WebhookID]*place{}, freed: make(chan struct{}, 1)}
}

// Run sends what is due and sweeps what is old until ctx ends; attempts under way then get a grace period. It returns nil. Failures of
// the database are logged and tried again.
func (d *Deliverer) Run(ctx context.Context) error {
	sending, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	r := newRecorder(d.s)
	var background, attempts sync.WaitGroup
	background.Go(func() { r.run(sending) })
	background.Go(func() { d.sweepAll(ctx) })
	for ctx.Err() == nil {
		more, err := d.round(ctx, func(c store.ClaimedDelivery) {
			attempts.Go(func() { r.results <- d.deliver(sending, c); d.left(c.Webhook.ID) })
		})
		if err != nil && ctx.Err() == nil {
			d.s.log.WarnContext(ctx, "events not sent for now", slog.Any("error", err))
		}
		d.wait(ctx, more)
	}
	grace := time.AfterFunc(max(d.opts.Grace, 0), cutOff)
	attempts.Wait()
	grace.Stop()
	close(r.results)
	background.Wait()
	return nil
}

// wait returns when there may be something to do.
func (d *Deliverer) wait(ctx context.Context, more bool) {
	freed := d.freed
	if !more { // nothing waits for a place
		freed = nil
	}
	timer := time.NewTimer(d.opts.PollEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-d.s.wake:
	case <-freed:
	case <-timer.C:
	}
}

// Pass claims what is due, sends it and records the results, once, and returns how many attempts it made.
func (d *Deliverer) Pass(ctx context.Context) (int, error) {
	var claimed []store.ClaimedDelivery
	if _, err := d.round(ctx, func(c store.ClaimedDelivery) { claimed = append(claimed, c) }); err != nil {
		return 0, err
	}
	results := make([]store.DeliveryResult, len(claimed))
	var wg sync.WaitGroup
	for i, c := range claimed {
		wg.Go(func() { results[i] = d.deliver(ctx, c); d.left(c.Webhook.ID) })
	}
	wg.Wait()
	return len(results), newRecorder(d.s).store(context.WithoutCancel(ctx), results)
}

// round claims as much of what is due as there are places for, and starts each. more reports that places ran out.
func (d *Deliverer) round(ctx context.Context, start func(c store.ClaimedDelivery)) (more bool, err error) {
	now := d.s.clock.Now()
	due, err := d.s.store.DueWebhooks(ctx, now)
	if err != nil {
		return false, fmt.Errorf("look for due events: %w", err)
	}
	if len(due) == 0 {
		return false, nil
	}
	if err := d.s.vault.fits(ctx); err != nil {
		return false, d.once(err)
	}
	takes, more := d.share(due, now)
	if len(takes) == 0 {
		return more, nil
	}
	claimed, err := d.s.store.ClaimDeliveries(ctx, now, now.Add(d.opts.Lease), takes)
	if err != nil {
		return false, fmt.Errorf("claim events: %w", err)
	}
	d.mu.Lock()
	for _, c := range claimed {
		d.place(c.Webhook.ID).underWay++
		d.total++
	}
	d.mu.Unlock()
	wanted := 0
	for _, t := range takes {
		wanted += t.Max
	}
	for _, c := range claimed {
		start(c)
	}
	return more || len(claimed) == wanted, nil
}

// once returns err now and then, and nil in between: what an operator must mend is not logged at every look.
func (d *Deliverer) once(err error) error {
	now := d.s.clock.Now()
	if now.Sub(d.warned) < 10*time.Minute {
		return nil
	}
	d.warned = now
	return err
}

// place returns what is known of a webhook. The caller holds mu.
func (d *Deliverer) place(id steward.WebhookID) *place {
	p := d.busy[id]
	if p == nil {
		p = &place{}
		d.busy[id] = p
	}
	return p
}

// share gives the free places to webhooks: each its own part first, then what is left to those who want more. more reports that one
// waits for places.
func (d *Deliverer) share(due []store.DueWebhook, now time.Time) (takes []store.DeliveryTake, more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	free := inTotal - d.total
	if len(due) == 0 || free <= 0 {
		return nil, len(due) > 0
	}
	d.turn++
	begin := d.turn % len(due)
	part := max(free/len(due), 1)
	wants := make([]int, len(due))
	gets := make([]int, len(due))
	for round := range 2 {
		for i := range due {
			at := (begin + i) % len(due)
			if round == 0 {
				var full bool
				wants[at], full = d.room(&due[at], now)
				more = more || full
			}
			n := min(wants[at]-gets[at], free)
			if round == 0 {
				n = min(n, part)
			}
			gets[at] += n
			free -= n
		}
	}
	for i, n := range gets {
		more = more || n < wants[i]
		if n > 0 {
			takes = append(takes, store.DeliveryTake{Webhook: due[i].ID, Max: n})
		}
	}
	return takes, more
}

// room is how many more attempts may begin at a webhook now. full reports that some may as soon as others have ended.
// The caller holds mu.
func (d *Deliverer) room(w *store.DueWebhook, now time.Time) (n int, full bool) {
	underWay, most := 0, perWebhook
	failures, failedAt := w.FailureCount, w.FailedAt
	if p := d.busy[w.ID]; p != nil {
		underWay = p.underWay
		if p.slow {
			most = perSlow
		}
		if p.failedAt.After(failedAt) && now.Sub(p.failedAt) < recordLag {
			failures, failedAt = max(failures, p.failures), p.failedAt
		}
	}
	if failures >= failingFrom {
		most = 1
		pause := longestPause
		if doublings := failures - failingFrom; doublings < 6 {
			pause = firstPause << doublings
		}
		if now.Sub(failedAt) < pause {
			return 0, false
		}
	}
	return max(most-underWay, 0), underWay >= most
}

// left gives a place back.
func (d *Deliverer) left(id steward.WebhookID) {
	d.mu.Lock()
	p := d.busy[id]
	p.underWay--
	d.total--
	if p.underWay == 0 && !p.slow && p.failedAt.IsZero() {
		delete(d.busy, id)
	}
	d.mu.Unlock()
	select {
	case d.freed <- struct{}{}:
	default: // one is pending already
	}
}

// note remembers what an attempt tells about a webhook's receiver.
func (d *Deliverer) note(id steward.WebhookID, a *attempt, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.place(id)
	p.slow = a.took >= slowFrom
	if a.ok() {
		p.failures, p.failedAt = 0, time.Time{}
	} else {
		p.failures, p.failedAt = p.failures+1, now
	}
}

// Waits after which an event is looked at again that could not be sent for reasons of this server.
const (
	soonAgain  = 5 * time.Second
	laterAgain = time.Minute
)

// deliver makes one attempt and says what is to become of the delivery.
func (d *Deliverer) deliver(ctx context.Context, c store.ClaimedDelivery) store.DeliveryResult {
	r := store.DeliveryResult{ID: c.ID, Webhook: c.Webhook.ID, Fence: c.Fence}
	body, err := d.s.body(ctx, &c)
	if errors.Is(err, errNothing) {
		r.At, r.Verdict = d.s.clock.Now(), store.DeliveryDropped
		return r
	}
	var a *attempt
	if err == nil {
		a, err = d.s.send(ctx, c.Webhook, c.ID, body)
	}
	r.At = d.s.clock.Now()
	if err != nil {
		r.Verdict, r.NextAt = store.DeliveryReleased, r.At
		if ctx.Err() == nil {
			r.NextAt = r.At.Add(d.again(err))
			d.s.log.ErrorContext(ctx, "event not sent", slog.String("delivery_id", string(c.ID)), slog.String("webhook_id", string(c.Webhook.ID)), slog.Any("error", err))
		}
		return r
	}
	d.note(c.Webhook.ID, a, r.At)
	d.judge(&r, a, c.Attempts+1)
	return r
}

// again is how long to wait after a failure of this server.
func (d *Deliverer) again(err error) time.Duration {
	if steward.CodeOf(err) == steward.Unavailable {
		return soonAgain
	}
	return laterAgain
}

// judge says what is to become of a delivery after its nth attempt.
func (d *Deliverer) judge(r *store.DeliveryResult, a *attempt, n int) {
	r.StartedAt, r.Duration, r.Response, r.Body, r.Error = a.began, a.took, a.status, a.excerpt, a.problem()
	waits := schedule()
	switch {
	case a.ok():
		r.Verdict = store.DeliveryDone
	case a.status == 410:
		r.Verdict, r.Disable = store.DeliveryGivenUp, reasonGone
	case n > len(waits):
		r.Verdict = store.DeliveryGivenUp
	default:
		wait := waits[n-1]
		wait += time.Duration(float64(wait) * jitterShare * d.opts.Random())
		r.Verdict, r.NextAt = store.DeliveryRetry, r.At.Add(max(wait, a.retryAfter))
	}
}

// Package admit decides which requests of a door are worked on, before they cost anything: how many come from one key, how many are
// worked on at once, how many bytes of their bodies are held, and how many clients are waited for.
//
//	d := admit.New(admit.Options{PerKey: admit.Rate{PerSecond: 5000}})
//	pass, err := d.Enter(ctx, admit.Heavy, organization)
//	if err != nil {
//		return err // RateLimited or Unavailable, with RetryAfter
//	}
//	defer pass.Leave()
//
// What an organization alone asks too much of is refused as RateLimited, what the server has too much of as Unavailable. Refused requests
// have done nothing. Memory is bounded whatever comes. Safe for concurrent use.
package admit

import (
	"context"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/stewardhq/steward"
)

// Class is what a request costs.
type Class int

// The classes of requests.
const (
	Normal Class = iota // a look-up or a write
	Heavy               // many rows, or much text
	Upload              // a stream of files, which is as slow as its client
	Waiter              // a client that waits for a job: it costs a connection and little else
	Free                // nothing is asked, as for whether the process is alive
)

// Options says what is let in. 0 means the default of a number of requests, and no limit of a rate.
type Options struct {
	PerKey     Rate // requests with a key, each key
	PerAddress Rate // requests without a valid key, each address (of IPv6, each network of 64 bits)

	Active    int           // normal requests at once; 0 means 32 for each processor, at least 64
	Heavy     int           // heavy requests at once; 0 means 4 for each processor, at least 8
	Uploads   int           // uploads at once; 0 means 256
	Waiters   int           // clients that wait at once; 0 means 20,000
	BodyBytes int64         // of bodies over TinyBody that are held in memory at once; 0 means 128 MiB
	Wait      time.Duration // how long a request may wait for its turn in a passing rush; 0 means 300 ms

	Logger *slog.Logger // nil means slog.Default()
}

// Sizes of bodies.
const (
	// TinyBody is the largest body that is read before the request has its turn, and held by nobody's leave: connections alone bound them.
	TinyBody = 16 << 10
	// SmallBody is the largest body that counts as small.
	SmallBody = 1 << 20
	// smallPart of BodyBytes is kept for small bodies, so that they do not wait for large ones.
	smallPart = 4
)

// Waits in multiples of Options.Wait, for what takes longer.
const (
	heavyWaits = 5
	bodyWaits  = 5
)

// Door is what requests pass. A nil Door lets everything in.
type Door struct {
	active, heavy, uploads, waiters *Gate
	small, large                    *Gate

	keys, addresses *Limiter
	seed            maphash.Seed
	tokens          tokens

	log *slog.Logger
	mu  sync.Mutex
	// told is when refusals were logged last, and untold how many came since.
	told   time.Time
	untold int
}

// New returns a door.
func New(o Options) *Door {
	o.fill()
	const own, all = "Your organization has as many requests of this kind under way as it may have.", "The server has too much to do right now."
	gate := func(size int64, wait time.Duration) *Gate {
		return NewGate(GateOptions{Size: size, Share: (3*size + 3) / 4, Wait: wait, Own: own, Busy: all})
	}
	small := o.BodyBytes / smallPart
	return &Door{
		active: gate(int64(o.Active), o.Wait), heavy: gate(int64(o.Heavy), heavyWaits*o.Wait), uploads: gate(int64(o.Uploads), heavyWaits*o.Wait),
		waiters: NewGate(GateOptions{Size: int64(o.Waiters), Own: own, Busy: "Too many clients wait for runs; start the run with async and ask for its status."}),
		small:   gate(small, bodyWaits*o.Wait), large: gate(o.BodyBytes-small, bodyWaits*o.Wait),
		keys: NewLimiter(o.PerKey), addresses: NewLimiter(o.PerAddress), seed: maphash.MakeSeed(), log: o.Logger,
	}
}

// fill sets defaults.
func (o *Options) fill() {
	cores := runtime.GOMAXPROCS(0)
	defaultTo(&o.Active, max(32*cores, 64))
	defaultTo(&o.Heavy, max(4*cores, 8))
	defaultTo(&o.Uploads, 256)
	defaultTo(&o.Waiters, 20_000)
	defaultTo(&o.BodyBytes, 128<<20)
	defaultTo(&o.Wait, 300*time.Millisecond)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Enter lets a request of a class in. who is the organization that asks.
//
// Errors: RateLimited, Unavailable; ctx's.
func (d *Door) Enter(ctx context.Context, class Class, who string) (Pass, error) {
	if d == nil {
		return Pass{}, nil
	}
	gate := d.active
	switch class {
	case Heavy:
		gate = d.heavy
	case Upload:
		gate = d.uploads
	case Waiter:
		gate = d.waiters
	case Free:
		return Pass{}, nil
	}
	return d.noted(ctx, gate, who, 1)
}

// Hold lets a body of n bytes be held in memory. Small bodies have room of their own, tiny ones need none. One that is larger than an
// organization's share of the room gets the whole share.
//
// Errors: those of Enter.
func (d *Door) Hold(ctx context.Context, who string, n int64) (Pass, error) {
	if d == nil || n <= TinyBody {
		return Pass{}, nil
	}
	gate := d.large
	if n <= SmallBody {
		gate = d.small
	}
	return d.noted(ctx, gate, who, n)
}

// noted enters a gate, and logs now and then that requests are refused.
func (d *Door) noted(ctx context.Context, gate *Gate, who string, n int64) (Pass, error) {
	pass, err := gate.Enter(ctx, who, n)
	if err != nil && ctx.Err() == nil {
		d.note(ctx, err)
	}
	return pass, err
}

// noteEvery is how often refusals are logged.
const noteEvery = 10 * time.Second

func (d *Door) note(ctx context.Context, err error) {
	now := time.Now()
	d.mu.Lock()
	d.untold++
	n := d.untold
	tell := now.Sub(d.told) >= noteEvery
	if tell {
		d.told, d.untold = now, 0
	}
	d.mu.Unlock()
	if tell {
		d.log.WarnContext(ctx, "requests are refused: more comes than can be done", "refused", n, "latest", err.Error())
	}
}

// Key counts a request of a key.
func (d *Door) Key(id steward.KeyID) Left {
	if d == nil {
		return Left{OK: true}
	}
	return d.keys.Take(string(id))
}

// Stranger reports whether a request without a key that is known may come from an address: host:port, as connections have it.
func (d *Door) Stranger(remote string) Left {
	if d == nil {
		return Left{OK: true}
	}
	return d.addresses.Look(place(remote))
}

// Refused counts a request without a valid key. token is what came in a key's place; "" when there was none.
func (d *Door) Refused(remote, token string) {
	if d == nil {
		return
	}
	d.addresses.Take(place(remote))
	if token != "" {
		d.tokens.drop(maphash.String(d.seed, token))
	}
}

// place is the part of an address that one who asks cannot choose freely.
func place(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		network, err := ip.Prefix(64)
		if err != nil {
			return remote
		}
		ip = network.Addr()
	}
	return ip.String()
}

// Known reports whether a token was good a while ago: its requests are not held up by what others do at the same address.
func (d *Door) Known(token string) bool {
	return d != nil && d.tokens.known(maphash.String(d.seed, token))
}

// Accepted notes that a token is good.
func (d *Door) Accepted(token string) {
	if d != nil {
		d.tokens.add(maphash.String(d.seed, token))
	}
}

// maxTokens bounds how many good tokens are remembered.
const maxTokens = 20_000

// tokens remembers good tokens: those of the last so many, and of as many before. The zero value remembers none.
type tokens struct {
	mu          sync.RWMutex
	young, aged map[uint64]struct{}
}

func (t *tokens) known(h uint64) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, young := t.young[h]
	_, aged := t.aged[h]
	return young || aged
}

func (t *tokens) drop(h uint64) {
	if !t.known(h) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.young, h)
	delete(t.aged, h)
}

func (t *tokens) add(h uint64) {
	t.mu.RLock()
	_, there := t.young[h]
	t.mu.RUnlock()
	if there {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.young) >= maxTokens {
		t.aged, t.young = t.young, nil
	}
	if t.young == nil {
		t.young = map[uint64]struct{}{}
	}
	t.young[h] = struct{}{}
}

package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stewardhq/steward"
)

// books is what the tests of reservations spend from: purses whose database is always up to date.
type books struct {
	reservations
	looks atomic.Int32
}

func (b *books) look(bool) error { b.looks.Add(1); return nil }

// call reserves amount, takes so long, costs so much, and says whether it began.
func (b *books) call(ctx context.Context, purses []*purse, amount *steward.MicroUSD, takes time.Duration, cost steward.MicroUSD) error {
	end, err := b.reserve(ctx, purses, amount, b.look)
	if err != nil {
		return err
	}
	defer end()
	time.Sleep(takes) // virtual
	b.spend(purses, cost)
	return nil
}

// spend is what recording a step does: to the database first, to the purses second.
func (b *books) spend(purses []*purse, cost steward.MicroUSD) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range purses {
		p.own += cost
		if p.of.org != "" {
			p.base, p.counted = p.base+cost, p.own
		}
	}
}

func usd(micro steward.MicroUSD) *steward.MicroUSD { return &micro }

func shared(limit steward.MicroUSD) *purse { return &purse{of: spender{org: "o"}, limit: limit} }

func TestParallelCallsDoNotExceedALimitTogether(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit, amount, cost steward.MicroUSD
		began               int32 // calls
		atOnce              int32
	}{
		"as many as fit":                        {1000, 250, 250, 4, 4},
		"the last one may exceed it":            {1000, 300, 300, 4, 3},
		"what was not needed is free again":     {1000, 500, 100, 10, 2},
		"one that is larger than all goes":      {1000, 5000, 5000, 1, 1},
		"those that are larger go one by one":   {1000, 5000, 400, 3, 1},
		"free calls need no money":              {1000, 0, 0, 20, 20},
		"calls that cost more than was thought": {1000, 100, 2000, 10, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var b books
				p := []*purse{{limit: c.limit}}
				var began, running, most atomic.Int32
				var wg sync.WaitGroup
				for range 20 {
					wg.Go(func() {
						end, err := b.reserve(t.Context(), p, &c.amount, b.look)
						if used := (*errUsedUp)(nil); err != nil && !errors.As(err, &used) {
							t.Errorf("reserve: %v", err)
						}
						if err != nil {
							return
						}
						defer end()
						began.Add(1)
						raise(&most, running.Add(1))
						time.Sleep(time.Second) // virtual
						running.Add(-1)
						b.spend(p, c.cost)
					})
				}
				wg.Wait()
				if began.Load() != c.began || most.Load() != c.atOnce {
					t.Errorf("%d calls began, %d at once, want %d and %d", began.Load(), most.Load(), c.began, c.atOnce)
				}
				if len(b.waiting) != 0 || p[0].reserved != 0 || p[0].underWay != 0 || p[0].users != 0 {
					t.Errorf("left behind: %d waiting, %+v", len(b.waiting), p[0])
				}
			})
		})
	}
}

// raise makes most at least n.
func raise(most *atomic.Int32, n int32) {
	for {
		old := most.Load()
		if old >= n || most.CompareAndSwap(old, n) {
			return
		}
	}
}

func TestACallOfUnknownCostGoesAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b books
		p := []*purse{{limit: 1000}}
		var wg sync.WaitGroup
		var running atomic.Int32
		for i := range 6 {
			amount := usd(1)
			if i%2 == 0 {
				amount = nil
			}
			wg.Go(func() {
				end, err := b.reserve(t.Context(), p, amount, b.look)
				if err != nil {
					t.Errorf("reserve: %v", err)
					return
				}
				defer end()
				if n := running.Add(1); amount == nil && n != 1 {
					t.Errorf("%d calls beside one of unknown cost", n-1)
				}
				time.Sleep(time.Second) // virtual
				running.Add(-1)
			})
			synctest.Wait()
		}
		wg.Wait()
	})
}

func TestSmallCallsDoNotStarveALargeOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b books
		p := []*purse{shared(1_000_000)}
		p[0].base = 999_000
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 4 { // always two of them under way
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 250 * time.Millisecond) // virtual
				for ctx.Err() == nil {
					_ = b.call(ctx, p, usd(100), time.Second, 0) // ends when the large one has begun
				}
			})
		}
		time.Sleep(10 * time.Second) // virtual
		begun := time.Now()
		if err := b.call(t.Context(), p, usd(950), 0, 0); err != nil {
			t.Error(err)
		}
		if waited := time.Since(begun); waited > 2*time.Second {
			t.Errorf("the large call waited %v", waited)
		}
		stop()
		wg.Wait()
	})
}

func TestAWaitingCallLeavesWhenItsRunEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b books
		p := []*purse{{limit: 1000}}
		hold, err := b.reserve(t.Context(), p, usd(900), b.look)
		if err != nil {
			t.Fatal(err)
		}
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		left := make(chan error)
		go func() { left <- b.call(ctx, p, usd(200), 0, 0) }()
		synctest.Wait()
		behind := make(chan error)
		go func() { behind <- b.call(t.Context(), p, usd(100), 0, 0) }()
		synctest.Wait()
		cancel(gone)
		if err := <-left; !errors.Is(err, gone) {
			t.Errorf("the call that left: %v", err)
		}
		if err := <-behind; err != nil { // it fits beside the first one
			t.Errorf("the call behind it: %v", err)
		}
		hold()
		if p[0].users != 0 || p[0].reserved != 0 {
			t.Errorf("left behind: %+v", p[0])
		}
	})
}

// What this process spent may count twice for a moment. That keeps calls waiting, and fails none.
func TestWhatMayHaveBeenCountedTwiceFailsNoCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b books
		p := shared(1000)
		p.base, p.own = 600, 600 // the same 600
		looked := 0
		look := func(all bool) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			looked++
			p.counted = p.own
			return nil
		}
		end, err := b.reserve(t.Context(), []*purse{p}, usd(100), look)
		if err != nil || looked != 1 {
			t.Fatalf("reserve: %v after %d looks", err, looked)
		}
		end()
		p.base = 1000
		_, err = b.reserve(t.Context(), []*purse{p}, usd(100), look)
		if used := (*errUsedUp)(nil); !errors.As(err, &used) {
			t.Errorf("a used up purse: %v", err)
		}
		failed := errors.New("the database is away")
		p.base, p.own = 0, 5000
		if _, err := b.reserve(t.Context(), []*purse{p}, usd(100), func(bool) error { return failed }); !errors.Is(err, failed) {
			t.Errorf("a look that fails: %v", err)
		}
		if len(b.waiting) != 0 || p.users != 0 {
			t.Errorf("left behind: %d waiting, %+v", len(b.waiting), p)
		}
	})
}

// Runs of many agents, each with a limit of its own and both with shared ones, never wait for each other in a circle, and exceed no
// limit by more than a call.
func TestCallsThatShareManyBudgetsAllEnd(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				var b books
				org, agents := shared(5000+steward.MicroUSD(rnd.IntN(5000))), []*purse{shared(4000), shared(3000), shared(1 << 40)}
				all := append([]*purse{org}, agents...)
				var wg sync.WaitGroup
				const most = 400
				for range 30 {
					own := &purse{limit: steward.MicroUSD(200 + rnd.IntN(1500))}
					all = append(all, own)
					purses := []*purse{org, agents[rnd.IntN(3)], own}
					for range 1 + rnd.IntN(6) { // parallel steps
						ctx, cancel := t.Context(), context.CancelFunc(func() {})
						if rnd.IntN(4) == 0 {
							ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.IntN(20))*time.Second)
						}
						cost := steward.MicroUSD(1 + rnd.IntN(most))
						amount := usd(cost + steward.MicroUSD(rnd.IntN(100)))
						if rnd.IntN(10) == 0 {
							amount = nil
						}
						takes := time.Duration(rnd.IntN(3000)) * time.Millisecond
						wg.Go(func() {
							defer cancel()
							for range 3 {
								if b.call(ctx, purses, amount, takes, cost) != nil {
									return
								}
							}
						})
					}
				}
				wg.Wait() // a circle would be reported as a deadlock
				for i, p := range all {
					if p.spent() >= p.limit+most || p.reserved != 0 || p.underWay != 0 || p.users != 0 || p.alone {
						t.Errorf("purse %d: %+v", i, p)
					}
				}
				if len(b.waiting) != 0 {
					t.Errorf("%d calls are still waiting", len(b.waiting))
				}
			})
		})
	}
}

func TestPeriodsBeginInUTC(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 3, 0, 0, 0, time.FixedZone("east", 9*3600)) // still December in UTC
	for period, want := range map[steward.BudgetPeriod][2]string{
		steward.BudgetDay:   {"2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z"},
		steward.BudgetMonth: {"2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"},
	} {
		from, to := periodOf(period, at)
		if got := [2]string{from.Format(time.RFC3339), to.Format(time.RFC3339)}; got != want {
			t.Errorf("%s: got %v, want %v", period, got, want)
		}
	}
}

package admit_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/rest/admit"
)

// enter goes in or fails the test.
func enter(t *testing.T, g *admit.Gate, who string, n int64) *admit.Pass {
	t.Helper()
	p, err := g.Enter(t.Context(), who, n)
	if err != nil {
		t.Fatalf("%s with %d units: %v", who, n, err)
	}
	return &p
}

// code returns how entering fails; "" when it does not.
func code(t *testing.T, g *admit.Gate, who string, n int64) steward.Code {
	t.Helper()
	p, err := g.Enter(t.Context(), who, n)
	if err == nil {
		p.Leave()
		return ""
	}
	var e *steward.Error
	if !errors.As(err, &e) || e.RetryAfter <= 0 || e.Message == "" {
		t.Errorf("refusal %#v: want a message and a time to come back", err)
	}
	return steward.CodeOf(err)
}

func TestAFullGateRefusesAtOnceWhenNobodyMayWait(t *testing.T) {
	t.Parallel()
	g := admit.NewGate(admit.GateOptions{Size: 2, Busy: "busy", Own: "own"})
	a, b := enter(t, g, "a", 1), enter(t, g, "b", 1)
	if got := code(t, g, "c", 1); got != steward.Unavailable {
		t.Errorf("the third of two: %q", got)
	}
	a.Leave()
	a.Leave() // leaving twice gives nothing back twice
	c := enter(t, g, "c", 1)
	if got := code(t, g, "d", 1); got != steward.Unavailable {
		t.Errorf("after one pass was given back twice, a third goes in: %q", got)
	}
	b.Leave()
	c.Leave()
	if units, waiting := g.Inside(); units != 0 || waiting != 0 {
		t.Errorf("%d units and %d waiters are left", units, waiting)
	}
}

func TestAnOwnersShareLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	g := admit.NewGate(admit.GateOptions{Size: 4, Share: 3, Busy: "busy", Own: "own"})
	enter(t, g, "greedy", 3)
	if got := code(t, g, "greedy", 1); got != steward.RateLimited {
		t.Errorf("beyond its share: %q", got)
	}
	enter(t, g, "other", 1)
	if got := code(t, g, "third", 1); got != steward.Unavailable {
		t.Errorf("a full gate: %q", got)
	}
}

func TestWhatIsLargerThanAShareCountsAsAShare(t *testing.T) {
	t.Parallel()
	g := admit.NewGate(admit.GateOptions{Size: 8, Share: 6, Busy: "busy", Own: "own"})
	p := enter(t, g, "a", 100)
	if units, _ := g.Inside(); units != 6 {
		t.Errorf("%d units are inside, want 6", units)
	}
	p.Leave()
	enter(t, g, "a", 6)
}

func TestThoseWhoWaitGoInInTurnByOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admit.NewGate(admit.GateOptions{Size: 1, Wait: time.Hour, Busy: "busy", Own: "own"})
		first := enter(t, g, "x", 1)
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		for _, who := range []string{"a", "a", "a", "b", "c"} {
			wg.Go(func() {
				p, err := g.Enter(t.Context(), who, 1)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, who)
				mu.Unlock()
				p.Leave()
			})
			synctest.Wait()
		}
		first.Leave()
		wg.Wait()
		if want := []string{"a", "b", "c", "a", "a"}; !slices.Equal(order, want) {
			t.Errorf("the order was %v, want %v", order, want)
		}
	})
}

func TestALargeOneThatWaitsDoesNotHoldUpOthersSmallOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admit.NewGate(admit.GateOptions{Size: 10, Wait: time.Hour, Busy: "busy", Own: "own"})
		inside := enter(t, g, "a", 8)
		var wg sync.WaitGroup
		wg.Go(func() {
			p, err := g.Enter(t.Context(), "large", 9)
			if err != nil {
				t.Error(err)
			}
			p.Leave()
		})
		synctest.Wait()
		enter(t, g, "small", 1).Leave()
		inside.Leave()
		wg.Wait()
	})
}

func TestARushMayWaitAndThenIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admit.NewGate(admit.GateOptions{Size: 1, Wait: time.Second, Busy: "busy", Own: "own"})
		p := enter(t, g, "a", 1)
		began := time.Now()
		if got := code(t, g, "b", 1); got != steward.Unavailable || time.Since(began) != time.Second {
			t.Errorf("%q after %v, want unavailable after a second", got, time.Since(began))
		}
		time.AfterFunc(900*time.Millisecond, p.Leave)
		began = time.Now()
		enter(t, g, "b", 1)
		if took := time.Since(began); took != 900*time.Millisecond {
			t.Errorf("let in after %v, want 900ms", took)
		}
	})
}

// TestLastingOverloadShortensTheWait has three come in the time that one takes.
func TestLastingOverloadShortensTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const wait, work = time.Second, 10 * time.Millisecond
		g := admit.NewGate(admit.GateOptions{Size: 4, Wait: wait, Busy: "busy", Own: "own"})
		var mu sync.Mutex
		var wg sync.WaitGroup
		var accepted, refused int
		var longest time.Duration
		began := time.Now()
		for i := range 6000 {
			wg.Go(func() {
				came := time.Now()
				p, err := g.Enter(t.Context(), []string{"a", "b", "c"}[i%3], 1)
				waited := time.Since(came)
				mu.Lock()
				if err != nil {
					refused++
				} else if accepted++; came.Sub(began) > 2*wait {
					longest = max(longest, waited)
				}
				mu.Unlock()
				if err == nil {
					time.Sleep(work) // virtual
					p.Leave()
				}
			})
			time.Sleep(work / 12) // virtual
		}
		wg.Wait()
		if longest == 0 || longest > wait/10+2*work {
			t.Errorf("the longest wait under lasting overload was %v, want at most a tenth of %v", longest, wait)
		}
		if accepted < 1900 || accepted+refused != 6000 {
			t.Errorf("%d were let in and %d refused, want a third of 6000 let in", accepted, refused)
		}
		time.Sleep(wait) // virtual
		enter(t, g, "a", 1).Leave()
		if units, waiting := g.Inside(); units != 0 || waiting != 0 {
			t.Errorf("%d units and %d waiters are left", units, waiting)
		}
	})
}

func TestOneWhoGoesAwayWhileWaitingLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admit.NewGate(admit.GateOptions{Size: 1, Wait: time.Hour, Busy: "busy", Own: "own"})
		p := enter(t, g, "a", 1)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := g.Enter(ctx, "b", 1); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the context's error", err)
		}
		p.Leave()
		if units, waiting := g.Inside(); units != 0 || waiting != 0 {
			t.Errorf("%d units and %d waiters are left", units, waiting)
		}
	})
}

func TestACrowdNeverExceedsTheGate(t *testing.T) {
	t.Parallel()
	g := admit.NewGate(admit.GateOptions{Size: 10, Share: 7, Wait: time.Minute, Busy: "busy", Own: "own"})
	var mu sync.Mutex
	inside, own := int64(0), map[string]int64{}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			who, n := string(rune('a'+i%3)), int64(1+i%4)
			for range 200 {
				p, err := g.Enter(context.Background(), who, n)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if inside, own[who] = inside+n, own[who]+n; inside > 10 || own[who] > 7 {
					t.Errorf("%d units are inside, %d of %s", inside, own[who], who)
				}
				mu.Unlock()
				mu.Lock()
				inside, own[who] = inside-n, own[who]-n
				mu.Unlock()
				p.Leave()
			}
		})
	}
	wg.Wait()
	if units, waiting := g.Inside(); units != 0 || waiting != 0 {
		t.Errorf("%d units and %d waiters are left", units, waiting)
	}
}

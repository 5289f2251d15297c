package model_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

// bucket is a provider that allows some requests a minute, refilled steadily, and says what is left.
type bucket struct {
	gate   *model.Gate
	limit  float64
	silent bool // it says what is left in its first answer alone

	mu      sync.Mutex
	left    float64
	at      time.Time
	calls   int
	refused int
}

func (b *bucket) Generate(context.Context, *model.Request) (*model.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	rate := b.limit / float64(time.Minute)
	if b.calls++; b.calls == 1 {
		b.left, b.at = b.limit, now
	}
	b.left, b.at = min(b.left+rate*float64(now.Sub(b.at)), b.limit), now
	limited := b.left < 1-1e-6
	if limited {
		b.refused++
	} else {
		b.left--
	}
	if !b.silent || b.calls == 1 {
		b.gate.ObserveRate(limits(func(r *model.RateInfo) {
			r.RequestsLimit, r.RequestsLeft, r.Limited = int64(b.limit), int64(max(b.left, 0)), limited
			r.RequestsReset = now.Add(time.Duration((b.limit - float64(r.RequestsLeft)) / rate))
		}))
	}
	if limited {
		return nil, passing(0)
	}
	return &model.Response{}, nil
}

func TestManyJobsGetThroughANarrowGateWithoutARetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{gate: model.NewGate(), limit: 20}
		m := model.WithRetry(model.WithRate(b, b.gate, "m", 0), model.RetryOptions{})
		if _, err := m.Generate(t.Context(), &model.Request{}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 150 {
			wg.Go(func() {
				req := &model.Request{Step: "ask", Instruction: fmt.Sprint(i)}
				for held := 0; ; held++ {
					_, err := m.Generate(t.Context(), req)
					if err == nil {
						return
					}
					f := steward.FailureOf(err)
					if !f.Held || held > 5 {
						t.Errorf("job %d: held %d times, then %v", i, held, err)
						return
					}
					time.Sleep(f.RetryAfter + 2*time.Second) // virtual: a job comes back a little late
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); b.refused > 0 || took < 6*time.Minute || took > 9*time.Minute {
			t.Errorf("the provider refused %d calls, all took %s, want none and about 7 minutes", b.refused, took)
		}
	})
}

func TestEachWaitingCallIsToldItsOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := model.NewGate()
		m := model.WithRate(&failing{}, g, "m", 10*time.Second)
		g.ObserveRate(limits(func(r *model.RateInfo) {
			r.RequestsLimit, r.RequestsLeft, r.RequestsReset = 3, 0, time.Now().Add(time.Minute)
		}))
		ask := func(name string) (time.Duration, error) {
			return began(t.Context(), m, &model.Request{Step: name})
		}
		for i, name := range []string{"a", "b", "c"} {
			_, err := ask(name)
			if f := steward.FailureOf(err); !f.Held || f.RetryAfter.Round(time.Second) != time.Duration(i+1)*20*time.Second {
				t.Errorf("%s: %v, retry after %s", name, err, f.RetryAfter)
			}
		}
		time.Sleep(21 * time.Second) // virtual
		if _, err := ask("d"); steward.FailureOf(err).RetryAfter < 40*time.Second {
			t.Errorf("a newcomer went ahead: %v", err)
		}
		if took, err := ask("a"); err != nil || took != 0 {
			t.Errorf("the first one's place is lost: %v after %s", err, took)
		}
		// The others never come back: their places lapse.
		time.Sleep(3 * time.Minute) // virtual
		for range 3 {
			if took, err := ask("e"); err != nil || took != 0 {
				t.Errorf("behind places that lapsed: %v after %s", err, took)
			}
		}
	})
}

func TestAPlaceOfACallThatWasGivenUpIsFree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := model.NewGate()
		m := model.WithRate(&failing{}, g, "m", time.Minute)
		g.ObserveRate(limits(func(r *model.RateInfo) {
			r.RequestsLimit, r.RequestsLeft, r.RequestsReset = 6, 0, time.Now().Add(time.Minute)
		}))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := began(ctx, m, &model.Request{Step: "a"}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if took, err := began(t.Context(), m, &model.Request{Step: "b"}); err != nil || took.Round(time.Second) != 9*time.Second {
			t.Errorf("the next one waited %s: %v", took, err)
		}
	})
}

func TestAGateKeepsTheRateThatItWasTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{gate: model.NewGate(), limit: 20, silent: true}
		m := model.WithRate(b, b.gate, "m", time.Minute)
		start := time.Now()
		for range 60 {
			if _, err := m.Generate(t.Context(), &model.Request{}); err != nil {
				t.Fatalf("after %s and %d calls: %v", time.Since(start), b.calls, err)
			}
		}
		if took := time.Since(start); took < 119*time.Second || took > 125*time.Second {
			t.Errorf("60 calls at 20 a minute took %s, want 2 minutes", took)
		}
	})
}

func TestATrialThatNeverLeftDoesNotCloseABreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fault error
		calls := 0
		b := model.NewBreaker("p", model.BreakerOptions{Faults: 1})
		m := model.WithBreaker(model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			calls++
			return nil, fault
		}), b)
		ask := func() *steward.Failure {
			_, err := m.Generate(t.Context(), &model.Request{})
			return steward.FailureOf(err)
		}
		fault = passing(0)
		_ = ask()                    // opens it
		time.Sleep(10 * time.Second) // virtual
		fault = &steward.Failure{Code: steward.FailProviderError, Message: "the gate", Transient: true, Held: true, RetryAfter: time.Minute}
		_ = ask() // stopped on this side
		fault = passing(0)
		_ = ask() // the next one tries
		if f := ask(); calls != 3 || f.Code != steward.FailModelUnavailable || !f.Held || f.RetryAfter != 20*time.Second {
			t.Errorf("after %d calls: %v, retry after %s; want it open for twice as long", calls, f, f.RetryAfter)
		}
	})
}

func TestOnlyTheTrialEndsTheTrial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		calls := 0
		m := model.WithBreaker(model.Func(func(ctx context.Context, _ *model.Request) (*model.Response, error) {
			mu.Lock()
			calls++
			n := calls
			mu.Unlock()
			if n != 2 { // the second fails at once
				time.Sleep(time.Duration(15*n) * time.Second) // virtual
			}
			return nil, passing(0)
		}), model.NewBreaker("p", model.BreakerOptions{Faults: 1}))
		ask := func() { _, _ = m.Generate(t.Context(), &model.Request{}) } // all fail
		var wg sync.WaitGroup
		wg.Go(ask)                   // ends at 15 s
		time.Sleep(time.Millisecond) // virtual
		ask()                        // opens for 10 s
		time.Sleep(11 * time.Second) // virtual
		wg.Go(ask)                   // tries, for 45 s
		time.Sleep(30 * time.Second) // virtual: the first has ended
		wg.Go(ask)
		wg.Wait()
		if calls != 3 {
			t.Errorf("%d calls went out, want no second trial beside the first", calls)
		}
	})
}

func TestWhatFailedCallsUsedIsKept(t *testing.T) {
	t.Parallel()
	used := func() error {
		return &steward.Failure{Code: steward.FailProviderError, Message: "paid", Transient: true, RetryAfter: time.Millisecond,
			Usage: &steward.Usage{InputTokens: 1_000_000}}
	}
	two := 2.0
	e := model.Entry{Price: &model.Price{Input: &two, Output: &two}}
	m := model.WithRetry(model.WithPrice(&failing{errs: []error{used(), used()}}, e), model.RetryOptions{})
	resp, err := m.Generate(t.Context(), &model.Request{})
	if err != nil || resp.Usage.Cost == nil || *resp.Usage.Cost != 4_000_000 || resp.Usage.InputTokens != 2_000_000 {
		t.Errorf("answered after two paid failures: %+v, %v", resp, err)
	}
	m = model.WithRetry(model.WithPrice(&failing{errs: []error{used(), used(), used(), used(), used(), used()}}, e), model.RetryOptions{})
	_, err = model.WithFallback(m, m).Generate(t.Context(), &model.Request{})
	if u := steward.FailureOf(err).Usage; u == nil || u.Cost == nil || *u.Cost != 12_000_000 {
		t.Errorf("six paid failures used %+v", u)
	}
}

func TestCachedTokensWithoutAPriceCostAsMuchAsFreshOnes(t *testing.T) {
	t.Parallel()
	two := 2.0
	p := &model.Price{Input: &two, Output: &two}
	if cost := p.Cost(steward.Usage{InputTokens: 100, CachedTokens: 90, OutputTokens: 10}); cost == nil || *cost != 220 {
		t.Errorf("cost %v, want 220", cost)
	}
}

func TestFallbacksOfAModelWithoutAProviderGoByAllItsNames(t *testing.T) {
	t.Parallel()
	c := config()
	c.Providers, c.Default = nil, ""
	c.Aliases = map[string]string{"quick": "claude-haiku-4-5"}
	c.Fallbacks = map[string][]string{"claude-haiku-4-5-20251001": {"builtin"}}
	r := registry(t, c)
	for _, name := range []string{"claude-haiku-4-5-20251001", "claude-haiku-4-5", "quick"} {
		if _, info, err := r.Model(name); err != nil || info.ID != model.BuiltinID {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
}

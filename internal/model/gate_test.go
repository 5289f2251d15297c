package model_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// limits is a provider's word with everything unknown but what set fills in.
func limits(set func(*model.RateInfo)) model.RateInfo {
	r := model.RateInfo{Model: "m", RequestsLimit: -1, RequestsLeft: -1, TokensLimit: -1, TokensLeft: -1}
	set(&r)
	return r
}

// began calls m and returns how long it waited for the call, with its error.
func began(ctx context.Context, m model.Model, req *model.Request) (time.Duration, error) {
	start := time.Now()
	_, err := m.Generate(ctx, req)
	return time.Since(start), err
}

func TestAGateHoldsNothingBackBeforeTheProviderSpoke(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := model.WithRate(&failing{}, model.NewGate(), "m", 0)
		for range 1000 {
			if took, err := began(t.Context(), m, &model.Request{}); err != nil || took != 0 {
				t.Fatalf("a call waited %s: %v", took, err)
			}
		}
	})
}

func TestAGateWaitsForWhatTheWindowRefills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := model.NewGate()
		m := model.WithRate(&failing{}, g, "m", time.Minute)
		// 60 requests a minute, all used: one comes back each second.
		g.ObserveRate(limits(func(r *model.RateInfo) {
			r.RequestsLimit, r.RequestsLeft, r.RequestsReset = 60, 0, time.Now().Add(time.Minute)
		}))
		for i := range 3 {
			if took, err := began(t.Context(), m, &model.Request{}); err != nil || took < 900*time.Millisecond || took > 1100*time.Millisecond {
				t.Errorf("call %d waited %s: %v", i, took, err)
			}
		}
	})
}

func TestAGateCountsTheTokensOfCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := model.NewGate()
		m := model.WithRate(&failing{}, g, "m", time.Hour)
		long := &model.Request{Documents: []grounding.Document{grounding.FromText(0, "a", string(make([]byte, 30_000)))}}
		need := model.EstimateTokens(long)
		g.ObserveRate(limits(func(r *model.RateInfo) {
			r.TokensLimit, r.TokensLeft, r.TokensReset = 2*need, need, time.Now().Add(time.Minute)
		}))
		if took, err := began(t.Context(), m, long); err != nil || took != 0 {
			t.Errorf("a call that fits waited %s: %v", took, err)
		}
		if took, err := began(t.Context(), m, long); err != nil || took < 55*time.Second || took > 61*time.Second {
			t.Errorf("a call that does not fit waited %s, want as long as half of the limit takes: %v", took, err)
		}
		// A call that is larger than the whole limit is let through with a full window: it would wait for ever otherwise.
		huge := &model.Request{Instruction: string(make([]byte, 900_000))}
		if took, err := began(t.Context(), m, huge); err != nil || took > 121*time.Second {
			t.Errorf("a call beyond the limit waited %s: %v", took, err)
		}
	})
}

func TestAGateLeavesLongWaitsToTheJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := model.NewGate()
		m := model.WithRate(&failing{}, g, "m", 10*time.Second)
		g.ObserveRate(limits(func(r *model.RateInfo) { r.Limited, r.RetryAfter = true, time.Minute }))
		took, err := began(t.Context(), m, &model.Request{})
		if f := steward.FailureOf(err); took != 0 || !f.Transient || f.RetryAfter != time.Minute {
			t.Errorf("got %v (%v) after %s", err, f.RetryAfter, took)
		}
		time.Sleep(55 * time.Second) // virtual
		if took, err := began(t.Context(), m, &model.Request{}); err != nil || took != 5*time.Second {
			t.Errorf("the rest of the pause took %s: %v", took, err)
		}
	})
}

func TestAProviderThatLimitsWithoutSayingForHowLongIsAskedLessAndLess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := model.NewGate()
		storm := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			g.ObserveRate(limits(func(r *model.RateInfo) { r.Limited = true }))
			return nil, passing(0)
		})
		m := model.WithRate(storm, g, "m", time.Minute)
		for _, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second} {
			took, err := began(t.Context(), m, &model.Request{})
			if took != want {
				t.Errorf("waited %s, want %s", took, want)
			}
			if f := steward.FailureOf(err); !f.Transient || f.RetryAfter <= 0 {
				t.Errorf("got %v, want a passing failure that says when to come back", err)
			}
		}
		g.ObserveRate(limits(func(r *model.RateInfo) { r.RequestsLimit, r.RequestsLeft = 10, 10 }))
		time.Sleep(time.Minute) // virtual
		if _, err := began(t.Context(), m, &model.Request{}); err == nil {
			t.Fatal("the storm answered")
		}
		if took, _ := began(t.Context(), m, &model.Request{}); took != time.Second {
			t.Errorf("after an answer the pause is %s, want the first one again", took)
		}
	})
}

func TestWaitingAtAGateEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := model.NewGate()
		m := model.WithRate(&failing{}, g, "m", time.Minute)
		g.ObserveRate(limits(func(r *model.RateInfo) { r.Limited, r.RetryAfter = true, 30*time.Second }))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if took, err := began(ctx, m, &model.Request{}); !errors.Is(err, context.Canceled) || took != time.Second {
			t.Errorf("got %v after %s", err, took)
		}
	})
}

func TestAGateCountsCallsThatTheProviderHasNotSeenYet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := model.NewGate()
		var mu sync.Mutex
		asked := 0
		slow := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			mu.Lock()
			asked++
			mu.Unlock()
			time.Sleep(10 * time.Second) // virtual
			return &model.Response{}, nil
		})
		m := model.WithRate(slow, g, "m", 10*time.Second) // less than the window takes to refill by one
		g.ObserveRate(limits(func(r *model.RateInfo) {
			r.RequestsLimit, r.RequestsLeft, r.RequestsReset = 100, 5, time.Now().Add(time.Hour)
		}))
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { _, _ = m.Generate(t.Context(), &model.Request{}) }) // those over the limit fail
		}
		wg.Wait()
		if asked != 5 {
			t.Errorf("%d calls went out, 5 were allowed", asked)
		}
	})
}

func TestABreakerLeavesAProviderAloneThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		down := true
		remote := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			if calls++; down {
				return nil, passing(0)
			}
			return &model.Response{}, nil
		})
		m := model.WithBreaker(remote, model.NewBreaker("p", model.BreakerOptions{}))
		ask := func() error { _, err := m.Generate(t.Context(), &model.Request{}); return err }
		for range 20 {
			if err := ask(); err == nil {
				t.Fatal("a call was answered")
			}
		}
		if calls != 5 {
			t.Errorf("%d calls went out, want 5 until it opens", calls)
		}
		if f := steward.FailureOf(ask()); f.Code != steward.FailModelUnavailable || !f.Transient || f.RetryAfter != 10*time.Second {
			t.Errorf("open: got %v, retry after %s", f, f.RetryAfter)
		}
		time.Sleep(10 * time.Second) // virtual
		if err := ask(); err == nil || calls != 6 {
			t.Errorf("%d calls after the pause (%v), want one that tries", calls, err)
		}
		if f := steward.FailureOf(ask()); f.RetryAfter != 20*time.Second || calls != 6 {
			t.Errorf("the second pause is %s, want twice the first", f.RetryAfter)
		}
		time.Sleep(20 * time.Second) // virtual
		down = false
		for range 3 {
			if err := ask(); err != nil {
				t.Errorf("the provider is back: %v", err)
			}
		}
	})
}

func TestOnlyOneCallTriesWhetherAProviderIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		calls := 0
		remote := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			mu.Lock()
			calls++
			mu.Unlock()
			time.Sleep(5 * time.Second) // virtual
			return nil, passing(0)
		})
		m := model.WithBreaker(remote, model.NewBreaker("p", model.BreakerOptions{Faults: 1}))
		all := func() {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() { _, _ = m.Generate(t.Context(), &model.Request{}) }) // all fail
			}
			wg.Wait()
		}
		if _, err := m.Generate(t.Context(), &model.Request{}); err == nil {
			t.Fatal("a call was answered")
		}
		time.Sleep(time.Hour) // virtual
		all()
		if calls != 2 {
			t.Errorf("%d calls went out, want the first and the one that tries", calls)
		}
	})
}

func TestABreakerIsNotMovedByRefusalsLimitsAndCallsGivenUp(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{
		"a refusal":    &steward.Failure{Code: steward.FailModelRefused, Message: "no"},
		"a rate limit": passing(time.Minute),
		"a bug":        errors.New("ours"),
	} {
		m := model.WithBreaker(model.Func(func(context.Context, *model.Request) (*model.Response, error) { return nil, fault }),
			model.NewBreaker("p", model.BreakerOptions{}))
		for range 20 {
			if _, err := m.Generate(t.Context(), &model.Request{}); !errors.Is(err, fault) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := model.WithBreaker(model.Func(func(context.Context, *model.Request) (*model.Response, error) { return nil, passing(0) }),
		model.NewBreaker("p", model.BreakerOptions{}))
	for range 20 {
		if _, err := m.Generate(ctx, &model.Request{}); steward.FailureOf(err).Code == steward.FailModelUnavailable {
			t.Fatal("calls that were given up here opened the breaker")
		}
	}
}

func TestAFallbackAnswersWhenAModelCannot(t *testing.T) {
	t.Parallel()
	answering := func(id string) model.Model {
		return model.Func(func(context.Context, *model.Request) (*model.Response, error) { return &model.Response{Model: id}, nil })
	}
	failingWith := func(err error) model.Model {
		return model.Func(func(context.Context, *model.Request) (*model.Response, error) { return nil, err })
	}
	code := func(c steward.FailureCode) error { return &steward.Failure{Code: c, Message: string(c)} }
	for _, test := range []struct {
		name  string
		chain []model.Model
		want  string // the model that answers
		fails steward.FailureCode
	}{
		{"the first answers", []model.Model{answering("a"), answering("b")}, "a", ""},
		{"the first is away", []model.Model{failingWith(passing(0)), answering("b")}, "b", ""},
		{"two are away", []model.Model{failingWith(code(steward.FailModelUnavailable)), failingWith(code(steward.FailProviderNotConfigured)), answering("c")}, "c", ""},
		{"all are away", []model.Model{failingWith(code(steward.FailModelUnavailable)), failingWith(passing(0))}, "", steward.FailModelUnavailable},
		{"a refusal is an answer", []model.Model{failingWith(code(steward.FailModelRefused)), answering("b")}, "", steward.FailModelRefused},
		{"a long text stays long", []model.Model{failingWith(code(steward.FailContextOverflow)), answering("b")}, "", steward.FailContextOverflow},
	} {
		resp, err := model.WithFallback(test.chain...).Generate(t.Context(), &model.Request{})
		switch {
		case test.fails != "" && (err == nil || steward.FailureOf(err).Code != test.fails):
			t.Errorf("%s: got %v", test.name, err)
		case test.fails == "" && (err != nil || resp.Model != test.want):
			t.Errorf("%s: got %v, %v", test.name, resp, err)
		}
	}
}

package model_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

// paidFault is a Dialer whose models of one provider break off after an answer of so many tokens, once or always.
func paidFault(provider string, tokens int64, passes bool) model.Dialer {
	return func(name string, _ model.ProviderConfig, e model.Entry) (model.Model, error) {
		if name != provider {
			return model.Func(func(context.Context, *model.Request) (*model.Response, error) {
				return &model.Response{Model: e.ID, Usage: steward.Usage{InputTokens: 3, Cost: new(steward.MicroUSD)}, Finish: model.FinishStop}, nil
			}), nil
		}
		calls := 0
		return model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			if calls++; passes && calls > 1 {
				return &model.Response{Model: e.ID, Usage: steward.Usage{InputTokens: 3}, Finish: model.FinishStop}, nil
			}
			return nil, &steward.Failure{
				Code: steward.FailProviderError, Message: "broke off", Transient: passes, Usage: &steward.Usage{InputTokens: tokens, Cost: new(steward.MicroUSD)},
			}
		}), nil
	}
}

func TestWhatAModelUsedIsNotCountedUnderTheOneThatAnswered(t *testing.T) {
	t.Parallel()
	c := config()
	c.Dial = paidFault("openai", 70, false)
	c.Fallbacks = map[string][]string{"gpt-4.1-2025-04-14": {"local/qwen3:8b"}}
	m, _, err := registry(t, c).Model("gpt-4.1")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := m.Generate(t.Context(), &model.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Model != "local/qwen3:8b" || resp.Usage.InputTokens != 3 || len(resp.Others) != 1 || resp.Others[0].Usage.InputTokens != 70 ||
		resp.Others[0].Model != "gpt-4.1-2025-04-14" || resp.Others[0].Provider != "openai" {
		t.Errorf("%s answered with usage %+v and others' %+v", resp.Model, resp.Usage, resp.Others)
	}
}

func TestWhatAModelUsedBeforeItAnsweredIsItsOwn(t *testing.T) {
	t.Parallel()
	c := config()
	c.Dial = paidFault("openai", 70, true)
	m, _, err := registry(t, c).Model("gpt-4.1")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := m.Generate(t.Context(), &model.Request{})
	if err != nil || resp.Usage.InputTokens != 73 || len(resp.Others) != 0 {
		t.Errorf("got %+v, %v", resp, err)
	}
}

func TestAFailureTellsWhatEachModelUsed(t *testing.T) {
	t.Parallel()
	breaks := func(tokens int64) model.Model {
		return model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			return nil, &steward.Failure{Code: steward.FailProviderError, Message: "broke off", Usage: &steward.Usage{InputTokens: tokens}}
		})
	}
	c := config()
	c.Dial = func(name string, _ model.ProviderConfig, _ model.Entry) (model.Model, error) {
		return breaks(map[string]int64{"openai": 70, "local": 5}[name]), nil
	}
	c.Fallbacks = map[string][]string{"gpt-4.1-2025-04-14": {"local/qwen3:8b"}}
	m, _, err := registry(t, c).Model("gpt-4.1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Generate(t.Context(), &model.Request{})
	spent := model.SpentBy(err)
	var f *steward.Failure
	if !errors.As(err, &f) || f.Usage == nil || f.Usage.InputTokens != 75 || len(spent) != 2 ||
		spent[0].Model != "gpt-4.1-2025-04-14" || spent[0].Provider != "openai" || spent[0].Usage.InputTokens != 70 ||
		spent[1].Model != "local/qwen3:8b" || spent[1].Provider != "local" || spent[1].Usage.InputTokens != 5 {
		t.Errorf("got %v that used %+v", err, spent)
	}
	if spent := model.SpentBy(errors.New("no call")); spent != nil {
		t.Errorf("an error of ours used %+v", spent)
	}
}

func TestAPauseOfTheProviderDoesNotHideWhichModelUsedWhat(t *testing.T) {
	t.Parallel()
	c := config()
	c.Dial = paidFault("openai", 70, true)
	c.Retry.Attempts = 1
	m, _, err := registry(t, c).Model("gpt-4.1")
	if err != nil {
		t.Fatal(err)
	}
	gate := model.NewGate()
	paused := model.Func(func(ctx context.Context, req *model.Request) (*model.Response, error) {
		gate.ObserveRate(model.RateInfo{Model: "m", Limited: true, RetryAfter: time.Hour})
		return m.Generate(ctx, req)
	})
	_, err = model.WithRate(paused, gate, "m", 0).Generate(t.Context(), &model.Request{})
	var f *steward.Failure
	if !errors.As(err, &f) || f.RetryAfter <= 0 {
		t.Fatalf("no pause in %v", err)
	}
	if spent := model.SpentBy(err); len(spent) != 1 || spent[0].Model != "gpt-4.1-2025-04-14" || spent[0].Provider != "openai" || spent[0].Usage.InputTokens != 70 {
		t.Errorf("got %+v", spent)
	}
}

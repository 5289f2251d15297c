package model_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

// away is a Dialer whose models of one provider do not answer.
func away(provider string) model.Dialer {
	return func(name string, _ model.ProviderConfig, e model.Entry) (model.Model, error) {
		if name != provider {
			return named(name + ":" + e.RemoteID(name)), nil
		}
		return model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			return nil, &steward.Failure{Code: steward.FailModelUnavailable, Message: "away"}
		}), nil
	}
}

func TestConfiguredFallbacksAreAskedInTheirOrder(t *testing.T) {
	t.Parallel()
	c := config()
	c.Dial = away("openai")
	c.Fallbacks = map[string][]string{
		"gpt-4.1-2025-04-14":       {"gemini-3-flash-preview", "local/qwen3:8b", "builtin"}, // the first has no provider here
		"grok-4.20-0309-reasoning": {"gpt-5"},
	}
	r := registry(t, c)
	for ask, want := range map[string]string{"gpt-4.1": "local:qwen3:8b", "house": "local:qwen3:8b", "grok-4.20-0309-reasoning": "cloud:my-five"} {
		m, info, err := r.Model(ask)
		if err != nil {
			t.Fatalf("%s: %v", ask, err)
		}
		resp, err := m.Generate(t.Context(), &model.Request{})
		if err != nil || resp.Model != want {
			t.Errorf("%s: answered by %v (%v), want %s", ask, resp, err, want)
		}
		if !info.Configured || info.Provider == "" {
			t.Errorf("%s: described as %+v", ask, info)
		}
	}
	c.Fallbacks = map[string][]string{"gpt-4.1": {"no-such-model"}}
	if _, err := model.NewRegistry(c); err == nil || !strings.Contains(err.Error(), "no-such-model") {
		t.Errorf("a fallback that leads nowhere: %v", err)
	}
}

func TestFallbacksOfTheEnvironment(t *testing.T) {
	t.Parallel()
	c := model.FromEnv(func(name string) string {
		if name == "STEWARD_MODEL_FALLBACKS" {
			return "gpt-5=claude-sonnet-4-6 | local/qwen3, claude-opus-4-8=builtin"
		}
		return ""
	})
	if got := strings.Join(c.Fallbacks["gpt-5"], " "); got != "claude-sonnet-4-6 local/qwen3" || len(c.Fallbacks["claude-opus-4-8"]) != 1 {
		t.Errorf("got %v", c.Fallbacks)
	}
}

func TestProbeTellsRightFromWrongAndFromFailure(t *testing.T) {
	t.Parallel()
	_, info, err := registry(t, config()).Model("")
	if err != nil {
		t.Fatal(err)
	}
	answers := func(value string) model.Model {
		return model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			return &model.Response{Value: []byte(value), Model: "m", Finish: model.FinishStop}, nil
		})
	}
	for _, test := range []struct {
		value string
		ok    bool
		fails steward.FailureCode
	}{
		{`{"invoice_number":"2026-0417","total":1240.5,"currency":"EUR"}`, true, ""},
		{`{"invoice_number":"2026-0417","total":1240,"currency":"EUR"}`, false, ""},
		{`{"total":"much"}`, false, steward.FailSchemaMismatch},
	} {
		got, err := model.Probe(t.Context(), answers(test.value), info)
		if err != nil || got.OK != test.ok || got.Grounded {
			t.Errorf("%s: %+v, %v", test.value, got, err)
		}
		if (got.Failure != nil) != (test.fails != "") || got.Failure != nil && got.Failure.Code != test.fails {
			t.Errorf("%s: failure %v", test.value, got.Failure)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := model.Probe(ctx, model.Func(func(ctx context.Context, _ *model.Request) (*model.Response, error) { return nil, ctx.Err() }), info); err == nil {
		t.Error("a probe that was given up has a result")
	}
}

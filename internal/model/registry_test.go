package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

// named answers with the name it was made with.
func named(name string) model.Model {
	return model.Func(func(context.Context, *model.Request) (*model.Response, error) {
		return &model.Response{Value: []byte(`{}`), Model: name, Finish: model.FinishStop, Usage: steward.Usage{InputTokens: 10, OutputTokens: 10}}, nil
	})
}

// dialed is a Dialer whose models say who they are; it counts its calls.
func dialed(count *atomic.Int64) model.Dialer {
	return func(name string, _ model.ProviderConfig, e model.Entry) (model.Model, error) {
		count.Add(1)
		return named(name + ":" + e.RemoteID(name)), nil
	}
}

func config() model.Config {
	return model.Config{
		Builtin: named("builtin"),
		Dial:    dialed(new(atomic.Int64)),
		Providers: map[string]model.ProviderConfig{
			"openai": {Kind: model.KindOpenAI, APIKey: "k"},
			"local":  {Kind: model.KindOpenAICompat, BaseURL: "http://127.0.0.1:11434/v1", Models: []string{"qwen3:8b"}, Free: true},
			"gate":   {Kind: model.KindOpenAICompat, BaseURL: "http://198.51.100.7/v1"},
			"cloud":  {Kind: model.KindAzure, BaseURL: "https://x.openai.azure.com", ModelIDs: map[string]string{"gpt-5-2025-08-07": "my-five"}},
			"aws":    {Kind: model.KindBedrock},
		},
		Aliases: map[string]string{"house": "gpt-4.1", "claude-sonnet-4-6": "local/qwen3:8b", "gemini-3-flash-preview": "gemini-3.1-pro-preview"},
	}
}

func registry(t *testing.T, c model.Config) *model.Registry {
	t.Helper()
	r, err := model.NewRegistry(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNamesLeadToTheirProviders(t *testing.T) {
	t.Parallel()
	r := registry(t, config())
	tests := []struct{ ask, id, answers string }{
		{"", "builtin", "builtin"},
		{"builtin", "builtin", "builtin"},
		{"gpt-4.1", "gpt-4.1-2025-04-14", "openai:gpt-4.1-2025-04-14"},
		{"house", "gpt-4.1-2025-04-14", "openai:gpt-4.1-2025-04-14"},
		{"gpt-5", "gpt-5-2025-08-07", "cloud:my-five"}, // a provider that lists the model goes first
		{"claude-haiku-4-5", "claude-haiku-4-5-20251001", "aws:us.anthropic.claude-haiku-4-5-20251001-v1:0"},
		{"claude-sonnet-4-6", "qwen3:8b", "local:qwen3:8b"},
		{"qwen3:8b", "qwen3:8b", "local:qwen3:8b"},
		{"gate/any/thing", "gate/any/thing", "gate:any/thing"},
		{"openai/gpt-4.1-2025-04-14", "gpt-4.1-2025-04-14", "openai:gpt-4.1-2025-04-14"},
		{"openai/ft:gpt-4.1:me", "openai/ft:gpt-4.1:me", "openai:ft:gpt-4.1:me"},
	}
	for _, test := range tests {
		m, info, err := r.Model(test.ask)
		if err != nil {
			t.Errorf("%q: %v", test.ask, err)
			continue
		}
		resp, err := m.Generate(t.Context(), &model.Request{})
		if err != nil {
			t.Fatal(err)
		}
		wantID := test.id
		if test.ask == "claude-sonnet-4-6" {
			wantID = "local/qwen3:8b"
		}
		if info.ID != wantID || resp.Model != test.answers || !info.Configured {
			t.Errorf("%q: got id %q answered by %q, want %q by %q", test.ask, info.ID, resp.Model, wantID, test.answers)
		}
		if info.Default != (test.answers == "builtin") {
			t.Errorf("%q: default is %t", test.ask, info.Default)
		}
	}
}

func TestPricesAreFilledIn(t *testing.T) {
	t.Parallel()
	r := registry(t, config())
	for id, want := range map[string]int64{"builtin": 0, "gpt-4.1": 100, "qwen3:8b": 0, "gate/x": -1, "gpt-5": 113} {
		m, _, err := r.Model(id)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := m.Generate(t.Context(), &model.Request{})
		if err != nil {
			t.Fatal(err)
		}
		cost := resp.Usage.Cost
		if (cost == nil) != (want < 0) || (cost != nil && int64(*cost) != want) {
			t.Errorf("%s: cost %v, want %d", id, cost, want)
		}
	}
}

func TestUnknownNamesGetAHint(t *testing.T) {
	t.Parallel()
	r := registry(t, config())
	tests := []struct {
		ask  string
		code steward.FailureCode
		says []string
	}{
		{"gpt-4.2-2025-04-14", steward.FailInvalidConfig, []string{`"gpt-4.2-2025-04-14"`, "gpt-4.1-2025-04-14"}},
		{"claude-opus", steward.FailInvalidConfig, []string{`"claude-opus"`, "claude-opus-4-"}},
		{"zzzzzzzzzzzzzzzzzzzzzz", steward.FailInvalidConfig, []string{"zzzz", "list of models"}},
		{"nobody/model", steward.FailInvalidConfig, []string{"nobody/model"}},
		{"gemini-3.1-pro-preview", steward.FailProviderNotConfigured, []string{"gemini-3.1-pro-preview", "GEMINI_API_KEY", "OPENROUTER_API_KEY", "alias"}},
		{"gemini-3-flash-preview", steward.FailProviderNotConfigured, []string{"gemini-3.1-pro-preview"}},
		{"grok-4.20-0309-reasoning", steward.FailProviderNotConfigured, []string{"XAI_API_KEY"}},
	}
	for _, test := range tests {
		_, _, err := r.Model(test.ask)
		var f *steward.Failure
		if !errors.As(err, &f) || f.Code != test.code || f.Transient {
			t.Errorf("%q: got %v, want %s", test.ask, err, test.code)
			continue
		}
		for _, want := range test.says {
			if !strings.Contains(strings.ToUpper(f.Message), strings.ToUpper(want)) {
				t.Errorf("%q: %q does not say %q", test.ask, f.Message, want)
			}
		}
	}
}

func TestModelsListsWhatCanBeNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "models.json")
	file := `{"models": [{"id": "gpt-5-2025-08-07", "providers": ["openai"], "deprecated": true}, {"id": "tiny", "providers": ["local"], "supports_json_schema": true}]}`
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config()
	c.CatalogueFile, c.Default = path, "house"
	r := registry(t, c)
	byID := map[string]steward.LanguageModel{}
	for _, m := range r.Models() {
		if m.Aliases == nil || m.Providers == nil || m.Capabilities == nil {
			t.Errorf("%s: a list is null: %+v", m.ID, m)
		}
		byID[m.ID] = m
	}
	if _, listed := byID["gpt-5-2025-08-07"]; listed {
		t.Error("a deprecated model is listed")
	}
	if _, _, err := r.Model("gpt-5-2025-08-07"); err != nil {
		t.Errorf("a deprecated model cannot be used: %v", err)
	}
	if m := byID["tiny"]; !m.Configured || !m.SupportsJSONSchema {
		t.Errorf("tiny: got %+v, want it served by the provider it names", m)
	}
	if m := byID["qwen3:8b"]; !m.Configured || m.SupportsJSONSchema || !slices.Equal(m.Providers, []string{"local"}) {
		t.Errorf("qwen3:8b: got %+v", m)
	}
	if !byID["gpt-4.1-2025-04-14"].Default || byID["builtin"].Default {
		t.Error("the default is not the one configured")
	}
	if byID["grok-4.20-0309-reasoning"].Configured || !byID["builtin"].Configured {
		t.Error("configured is wrong")
	}
}

func TestProvidersAreConnectedAtTheFirstCallAndOnce(t *testing.T) {
	t.Parallel()
	var count atomic.Int64
	c := config()
	c.Dial = dialed(&count)
	r := registry(t, c)
	r.Models()
	m, _, err := r.Model("gpt-4.1")
	if err != nil {
		t.Fatal(err)
	}
	if count.Load() != 0 {
		t.Fatal("a provider was connected before anybody asked it")
	}
	for range 3 {
		again, _, err := r.Model("gpt-4.1-2025-04-14")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []model.Model{m, again} {
			if _, err := m.Generate(t.Context(), &model.Request{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if count.Load() != 1 {
		t.Errorf("connected %d times, want once", count.Load())
	}
}

func TestADialThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	fails := true
	c := config()
	c.Dial = func(string, model.ProviderConfig, model.Entry) (model.Model, error) {
		if fails {
			return nil, &steward.Failure{Code: steward.FailInvalidConfig, Message: "not yet"}
		}
		return named("ready"), nil
	}
	m, _, err := registry(t, c).Model("gpt-4.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Generate(t.Context(), &model.Request{}); steward.FailureOf(err).Code != steward.FailInvalidConfig {
		t.Fatalf("got %v", err)
	}
	fails = false
	if _, err := m.Generate(t.Context(), &model.Request{}); err != nil {
		t.Errorf("got %v after the fault was gone", err)
	}
}

func TestManyNamesDoNotGrowTheRegistryForEver(t *testing.T) {
	t.Parallel()
	var count atomic.Int64
	c := config()
	c.Dial = dialed(&count)
	r := registry(t, c)
	for i := range 2000 {
		m, _, err := r.Model(fmt.Sprintf("gate/m%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := m.Generate(t.Context(), &model.Request{}); err != nil || resp.Model != fmt.Sprintf("gate:m%d", i) {
			t.Fatalf("got %v %v", resp, err)
		}
	}
}

func TestAWrongConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	with := func(change func(*model.Config)) model.Config {
		c := config()
		change(&c)
		return c
	}
	provider := func(name string, p model.ProviderConfig) model.Config {
		return with(func(c *model.Config) { c.Providers = map[string]model.ProviderConfig{name: p}; c.Aliases = nil })
	}
	tests := []struct {
		name   string
		config model.Config
		says   string
	}{
		{"no builtin", with(func(c *model.Config) { c.Builtin = nil }), "builtin"},
		{"nothing to dial with", with(func(c *model.Config) { c.Dial = nil }), "dial"},
		{"a kind nobody knows", provider("x", model.ProviderConfig{Kind: "carrier-pigeon"}), "carrier-pigeon"},
		{"a name with a slash", provider("a/b", model.ProviderConfig{Kind: model.KindOpenAI}), `"a/b"`},
		{"the name of builtin", provider("builtin", model.ProviderConfig{Kind: model.KindOpenAI}), "builtin"},
		{"a compatible server without a URL", provider("x", model.ProviderConfig{Kind: model.KindOpenAICompat}), "base URL"},
		{"a URL of another kind", provider("x", model.ProviderConfig{Kind: model.KindOpenAI, BaseURL: "file:///etc"}), "http"},
		{"a URL with a password", provider("x", model.ProviderConfig{Kind: model.KindOpenAI, BaseURL: "https://me:hunter22@host/"}), "password"},
		{"an alias to nowhere", with(func(c *model.Config) { c.Aliases = map[string]string{"a": "gpt-nothing-at-all"} }), `"a"`},
		{"an alias without a target", with(func(c *model.Config) { c.Aliases = map[string]string{"a": ""} }), `"a"`},
		{"aliases in a circle", with(func(c *model.Config) { c.Aliases = map[string]string{"a": "b", "b": "a"} }), "circle"},
		{"a default to nowhere", with(func(c *model.Config) { c.Default = "nope-nope-nope" }), "default"},
		{"a default without a provider", with(func(c *model.Config) { c.Default = "grok-4.20-0309-reasoning" }), "XAI_API_KEY"},
		{"a catalogue file that is not there", with(func(c *model.Config) { c.CatalogueFile = filepath.Join(t.TempDir(), "none.json") }), "catalogue file"},
	}
	for _, test := range tests {
		_, err := model.NewRegistry(test.config)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want an error that says %q", test.name, err, test.says)
		}
		if err != nil && strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: the error shows the password: %v", test.name, err)
		}
	}
}

func TestTheEnvironmentBecomesAConfiguration(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"OPENAI_API_KEY": "k1", "OPENAI_BASE_URL": "https://proxy.example/v1", "ANTHROPIC_API_KEY": " k2 ", "GOOGLE_API_KEY": "k3",
		"OPENROUTER_API_KEY": "k4", "XAI_API_KEY": "k5", "AZURE_OPENAI_API_KEY": "k6", "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com",
		"AZURE_OPENAI_DEPLOYMENT": "mine", "AWS_ACCESS_KEY_ID": "id", "AWS_REGION": "eu-central-1",
		"STEWARD_MODEL_BASE_URL": "http://localhost:11434/v1", "STEWARD_MODEL_API_KEY": "k7", "STEWARD_MODEL": "qwen3:8b, llama4",
		"STEWARD_MODEL_ALIASES": "gpt-4.1-2025-04-14=qwen3:8b",
	}
	c := model.FromEnv(func(name string) string { return env[name] })
	wants := map[string]struct {
		kind model.Kind
		key  string
		base string
	}{
		"openai":     {model.KindOpenAI, "k1", "https://proxy.example/v1"},
		"anthropic":  {model.KindAnthropic, "k2", ""},
		"google":     {model.KindGoogle, "k3", ""},
		"openrouter": {model.KindOpenRouter, "k4", ""},
		"xai":        {model.KindXAI, "k5", ""},
		"azure":      {model.KindAzure, "k6", "https://r.openai.azure.com"},
		"bedrock":    {model.KindBedrock, "", ""},
		"local":      {model.KindOpenAICompat, "k7", "http://localhost:11434/v1"},
	}
	if len(c.Providers) != len(wants) {
		t.Errorf("got %d providers, want %d", len(c.Providers), len(wants))
	}
	for name, want := range wants {
		if p := c.Providers[name]; p.Kind != want.kind || p.APIKey != want.key || p.BaseURL != want.base {
			t.Errorf("%s: got %v", name, p)
		}
	}
	if local := c.Providers["local"]; !local.Free || !slices.Equal(local.Models, []string{"qwen3:8b", "llama4"}) || c.Default != "qwen3:8b" {
		t.Errorf("local: got %v, default %q", local, c.Default)
	}
	if c.Providers["bedrock"].Region != "eu-central-1" || !slices.Equal(c.Providers["azure"].Models, []string{"mine"}) {
		t.Error("the region or the deployment is lost")
	}
	c.Builtin, c.Dial = named("builtin"), dialed(new(atomic.Int64))
	for _, id := range []string{"gpt-4.1-2025-04-14", "gpt-4.1"} {
		if _, info, err := registry(t, c).Model(id); err != nil || info.ID != "qwen3:8b" {
			t.Errorf("%s: got %q %v, want the local model that it is mapped to", id, info.ID, err)
		}
	}
}

func TestAnEmptyEnvironmentLeavesBuiltin(t *testing.T) {
	t.Parallel()
	c := model.FromEnv(func(string) string { return "" })
	c.Builtin = named("builtin")
	_, info, err := registry(t, c).Model("")
	if err != nil || info.ID != model.BuiltinID || !info.Default {
		t.Errorf("got %+v %v", info, err)
	}
}

func TestAConfigurationCanBeLogged(t *testing.T) {
	t.Parallel()
	p := model.ProviderConfig{Kind: model.KindOpenAI, APIKey: "sk-hidden", Headers: map[string]string{"X-Auth": "also-hidden"}}
	encoded, err := json.Marshal(map[string]any{"p": p})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(encoded), fmt.Sprint(p), fmt.Sprintf("%+v", p), fmt.Sprintf("%#v", p), fmt.Sprintf("%v", map[string]model.ProviderConfig{"a": p})} {
		if strings.Contains(text, "hidden") {
			t.Errorf("a secret is shown: %s", text)
		}
	}
}

package model_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

func catalogue(t *testing.T) *model.Catalogue {
	t.Helper()
	c, err := model.DefaultCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCatalogueNamesTheDocumentedModels(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	for _, id := range []string{
		"builtin", "gpt-5.4-pro-2026-03-05", "gpt-5.4-2026-03-05", "gpt-5.4-mini-2026-03-17", "gpt-5.4-nano-2026-03-17", "gpt-5.2-2025-12-11",
		"gpt-5-2025-08-07", "gpt-4.1-2025-04-14", "claude-opus-4-7", "claude-opus-4-6", "claude-sonnet-4-6", "claude-haiku-4-5-20251001",
		"gemini-3.1-pro-preview", "gemini-3-flash-preview", "grok-4.20-0309-reasoning", "gpt-5.5-pro-2026-04-23", "gpt-5.5-2026-04-23", "claude-opus-4-8",
	} {
		e, ok := c.Find(id)
		if !ok || e.ID != id || e.Deprecated || !slices.Contains(e.Capabilities, "text") || e.ContextWindow == 0 || e.MaxOutputTokens == 0 {
			t.Errorf("%s: got %+v", id, e)
		}
	}
	if e, ok := c.Find("gpt-4.1"); !ok || e.ID != "gpt-4.1-2025-04-14" {
		t.Errorf("the alias gpt-4.1 leads to %q", e.ID)
	}
}

func TestThePricesOfTheDocumentedModelsAreKnown(t *testing.T) {
	t.Parallel()
	for _, e := range catalogue(t).Entries() {
		if e.Price == nil || e.Price.Input == nil || e.Price.Output == nil {
			t.Errorf("%s has no price", e.ID)
		}
		if p := e.Price; p != nil && e.ID != model.BuiltinID && (!strings.HasPrefix(p.Source, "https://") || p.AsOf == "") {
			t.Errorf("%s: source %q as of %q", e.ID, p.Source, p.AsOf)
		}
	}
}

func TestWhatClaudeModelsWriteIntoACacheCostsAQuarterMore(t *testing.T) {
	t.Parallel()
	for _, e := range catalogue(t).Entries() {
		if !slices.Contains(e.Providers, "anthropic") {
			continue
		}
		plain, kept := e.Price.Cost(steward.Usage{InputTokens: 1_000_000}), e.Price.Cost(steward.Usage{InputTokens: 1_000_000, CacheWriteTokens: 1_000_000})
		if plain == nil || kept == nil || *kept*4 != *plain*5 {
			t.Errorf("%s: %v, kept %v", e.ID, plain, kept)
		}
	}
}

func TestLongInputsHaveAPriceOfTheirOwn(t *testing.T) {
	t.Parallel()
	e, ok := catalogue(t).Find("gpt-5.4")
	if !ok {
		t.Fatal("gpt-5.4 is not there")
	}
	for _, c := range []struct {
		usage steward.Usage
		want  steward.MicroUSD
	}{
		{steward.Usage{InputTokens: 272_000, OutputTokens: 1000}, 680_000 + 15_000},
		{steward.Usage{InputTokens: 272_001, OutputTokens: 1000}, 1_360_005 + 22_500},
		{steward.Usage{InputTokens: 300_000, CachedTokens: 300_000}, 150_000},
	} {
		if got := e.Price.Cost(c.usage); got == nil || *got != c.want {
			t.Errorf("%+v costs %v, want %d", c.usage, got, c.want)
		}
	}
	pro, _ := catalogue(t).Find("gpt-5.4-pro")
	if got := pro.Price.Cost(steward.Usage{InputTokens: 300_000, CachedTokens: 300_000}); got == nil || *got != 18_000_000 {
		t.Errorf("cached tokens without a price of their own cost %v", got)
	}
}

func TestCatalogueFileIsReadStrictly(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, says string }{
		{"no JSON", `{"models": [`, "parse model catalogue"},
		{"an unknown key", `{"models": [{"id": "a", "providers": ["x"], "pirce": null}]}`, "pirce"},
		{"text behind it", `{"models": []} {}`, "text after"},
		{"no id", `{"models": [{"providers": ["x"]}]}`, "models[0]"},
		{"no provider", `{"models": [{"id": "a"}]}`, `"a": providers is empty`},
		{"an id twice", `{"models": [{"id": "a", "providers": ["x"]}, {"id": "b", "aliases": ["a"], "providers": ["x"]}]}`, `name "a" is taken`},
		{"a capability nobody knows", `{"models": [{"id": "a", "providers": ["x"], "capabilities": ["smell"]}]}`, `"smell"`},
		{"a price below zero", `{"models": [{"id": "a", "providers": ["x"], "price": {"input": -1}}]}`, "below zero"},
		{"a window below zero", `{"models": [{"id": "a", "providers": ["x"], "context_window": -1}]}`, "below zero"},
		{"a price of long inputs that is not whole", `{"models": [{"id": "a", "providers": ["x"], "price": {"input": 1, "output": 1, "long": {"over": 5, "input": 1}}}]}`, "long inputs"},
		{"a price of no day", `{"models": [{"id": "a", "providers": ["x"], "price": {"input": 1, "as_of": "today"}}]}`, "as_of"},
		{"an empty alias", `{"models": [{"id": "a", "providers": ["x"], "aliases": [""]}]}`, "alias is empty"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := model.ParseCatalogue([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want an error that says %q", err, test.says)
			}
		})
	}
}

func FuzzParseCatalogue(f *testing.F) {
	f.Add([]byte(`{"models": [{"id": "a", "aliases": ["b"], "providers": ["x"], "price": {"input": 1, "cached": null, "output": 2}}]}`))
	f.Add([]byte(`{"models": null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := model.ParseCatalogue(data)
		if err != nil {
			return
		}
		for _, e := range c.Entries() {
			if found, ok := c.Find(e.ID); !ok || found.ID != e.ID {
				t.Fatalf("%q is not found again", e.ID)
			}
		}
	})
}

func TestMergeReplacesByIDAndTakesAliasesOver(t *testing.T) {
	t.Parallel()
	over, err := model.ParseCatalogue([]byte(`{"models": [
		{"id": "gpt-5-2025-08-07", "aliases": [], "providers": ["local"], "context_window": 9},
		{"id": "qwen3", "aliases": ["gpt-4.1"], "providers": ["local"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	merged, err := catalogue(t).Merge(over)
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := merged.Find("gpt-5-2025-08-07"); e.ContextWindow != 9 || e.Price != nil {
		t.Errorf("gpt-5: got %+v, want the file's entry alone", e)
	}
	if e, _ := merged.Find("gpt-4.1"); e.ID != "qwen3" {
		t.Errorf("gpt-4.1 leads to %q, want qwen3", e.ID)
	}
	if _, ok := merged.Find("gpt-4.1-2025-04-14"); !ok {
		t.Error("the entry whose alias was taken is gone")
	}
	clash, err := model.ParseCatalogue([]byte(`{"models": [{"id": "x", "aliases": ["builtin"], "providers": ["p"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := catalogue(t).Merge(clash); err == nil || !strings.Contains(err.Error(), "builtin") {
		t.Errorf("got %v, want an error that names builtin", err)
	}
}

func TestCostIsExactRoundedUpAndHonest(t *testing.T) {
	t.Parallel()
	dollars := func(v float64) *float64 { return &v }
	full := &model.Price{Input: dollars(2), Cached: dollars(0.5), Output: dollars(8)}
	noCache := &model.Price{Input: dollars(2), Output: dollars(8)}
	usage := steward.Usage{InputTokens: 1000, CachedTokens: 400, OutputTokens: 100}
	uncached := steward.Usage{InputTokens: 1, OutputTokens: 0}
	tests := []struct {
		name  string
		price *model.Price
		usage steward.Usage
		want  int64 // -1 is unknown
	}{
		{"fresh, cached and output", full, usage, 600*2 + 200 + 800},
		{"half a micro-dollar counts as one", &model.Price{Input: dollars(0.5), Cached: dollars(0), Output: dollars(0)}, uncached, 1},
		{"no price", nil, usage, -1},
		{"no price of output", &model.Price{Input: dollars(1)}, usage, -1},
		{"no price of what was cached", noCache, usage, 1000*2 + 800},
		{"no price of a cache that was not used", noCache, uncached, 2},
		{"free", &model.Price{Input: dollars(0), Cached: dollars(0), Output: dollars(0)}, usage, 0},
	}
	for _, test := range tests {
		got := test.price.Cost(test.usage)
		if (got == nil) != (test.want < 0) || (got != nil && int64(*got) != test.want) {
			t.Errorf("%s: got %v, want %d", test.name, got, test.want)
		}
	}
}

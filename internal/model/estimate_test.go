package model_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// bigRequest has a text of 30,000 bytes and a picture.
func bigRequest(maxOutput int64) *model.Request {
	return &model.Request{
		Step: "s", System: "Be brief.", MaxOutputTokens: maxOutput,
		Documents: []grounding.Document{{Name: "d", Pages: []grounding.Page{
			{Number: 1, Text: strings.Repeat("0123456789", 3000)}, {Number: 2, Picture: &grounding.Picture{Key: "sha-1"}},
		}}},
	}
}

func TestWhatACallMayCostIsKnownBeforehand(t *testing.T) {
	t.Parallel()
	c := config()
	c.CatalogueFile = catalogueFile(t, `{"models": [
		{"id": "limited", "aliases": [], "providers": ["openai"], "capabilities": ["text"], "context_window": 5000, "max_output_tokens": 1000,
			"price": {"input": 2, "cached": 0.5, "cache_write": 4, "output": 10}, "deprecated": false},
		{"id": "endless", "aliases": [], "providers": ["openai"], "capabilities": ["text"], "price": {"input": 2, "cached": 0.5, "output": 10}, "deprecated": false},
		{"id": "half", "aliases": [], "providers": ["openai"], "capabilities": ["text"], "price": {"input": 2, "cached": null, "output": null}, "deprecated": false}
	]}`)
	c.Fallbacks = map[string][]string{"gpt-4.1": {"limited"}, "gpt-5": {"half"}}
	r := registry(t, c)
	tokens := model.EstimateTokens(bigRequest(0))
	if tokens < 11_500 || tokens > 13_000 {
		t.Fatalf("the request is reckoned at %d tokens", tokens)
	}
	full := steward.MicroUSD(2*tokens + 10*800)
	for name, tt := range map[string]struct {
		ask    string
		output int64
		want   *steward.MicroUSD
		priced bool
	}{
		"no more than the window and the model's longest answer": {"limited", 0, micro(5000*4 + 1000*10), true},
		"the request's limit":                        {"limited", 100, micro(5000*4 + 100*10), true},
		"a limit beyond the model's":                 {"limited", 1 << 30, micro(5000*4 + 1000*10), true},
		"no window is known":                         {"endless", 800, &full, true},
		"nobody knows how long the answer may be":    {"endless", 0, nil, true},
		"a price is missing":                         {"half", 100, nil, false},
		"a free provider":                            {"qwen3:8b", 0, micro(0), true},
		"builtin":                                    {"", 0, micro(0), true},
		"a model without a catalogue entry":          {"gate/any/thing", 10, nil, false},
		"a fallback of which a price is missing":     {"gpt-5", 100, nil, false},
		"an alias, and the dearest of two, answered": {"house", 100, micro(2*tokens + 8*100), true},
	} {
		estimate, priced := r.Estimator(tt.ask)
		got := estimate(bigRequest(tt.output))
		if priced != tt.priced || (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
			t.Errorf("%s: got %v, priced %t, want %v, %t", name, shown(got), priced, shown(tt.want), tt.priced)
		}
	}
}

func catalogueFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "catalogue.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func micro(n int64) *steward.MicroUSD { return (*steward.MicroUSD)(&n) }

func shown(m *steward.MicroUSD) any {
	if m == nil {
		return "unknown"
	}
	return *m
}

func TestAnswersSayWhoseModelItWas(t *testing.T) {
	t.Parallel()
	r := registry(t, config())
	for ask, want := range map[string]string{"": "builtin", "gpt-4.1": "openai", "qwen3:8b": "local", "gpt-5": "cloud"} {
		m, _, err := r.Model(ask)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := m.Generate(t.Context(), &model.Request{})
		if err != nil || resp.Provider != want {
			t.Errorf("%q: answered by %+v, %v, want %s", ask, resp, err, want)
		}
	}
}

func TestAPromptHasAllTextsAndNamesItsPictures(t *testing.T) {
	t.Parallel()
	req := bigRequest(7)
	req.Instruction, req.Schema, req.Feedback = "Find the total.", json.RawMessage(`{"type":"object"}`), "not a number"
	prompt, err := req.Prompt()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		System, Instruction, Feedback string
		Schema                        json.RawMessage
		MaxOutputTokens               int64 `json:"max_output_tokens"`
		Documents                     []struct {
			Name  string
			Pages []struct {
				Number        int
				Text, Picture string
			}
		}
	}
	if err := json.Unmarshal(prompt, &got); err != nil {
		t.Fatal(err)
	}
	if got.System != "Be brief." || got.Instruction != req.Instruction || got.Feedback != req.Feedback || string(got.Schema) != string(req.Schema) || got.MaxOutputTokens != 7 {
		t.Errorf("prompt %s", prompt)
	}
	if d := got.Documents; len(d) != 1 || d[0].Name != "d" || len(d[0].Pages) != 2 || len(d[0].Pages[0].Text) != 30_000 || d[0].Pages[1].Picture != "sha-1" {
		t.Errorf("documents %.200s", prompt)
	}
	if empty, err := (&model.Request{}).Prompt(); err != nil || string(empty) != `{"documents":[]}` {
		t.Errorf("nothing asked: %s, %v", empty, err)
	}
}

package answer_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/grounding"
)

func TestEveryValueIsGroundedOrMarked(t *testing.T) {
	t.Parallel()
	docs := []grounding.Document{grounding.FromText(0, "text", "Total due 12.50 EUR to Acme")}
	value := json.RawMessage(`{"total":12.5,"payee":{"name":"Acme","city":"Oslo"},"tags":["a"],"none":null,"empty":[],"a/b":true}`)
	got, err := answer.Sources(docs, value, []grounding.Claim{
		{Path: "/total", Quote: "Total due 12.50", Confidence: 0.9},
		{Path: "/payee", Quote: "to Acme", Confidence: 0.8},
		{Path: "/tags/0", Quote: "an invented quote"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range got {
		list = append(list, fmt.Sprintf("%s %v %q", e.Path, e.Unverified, e.Quote))
	}
	want := `[/total false "Total due 12.50" /payee false "to Acme" /tags/0 true "" /a~1b true ""]`
	if fmt.Sprint(list) != want {
		t.Errorf("sources %v, want %s", list, want)
	}
	if got, err := answer.Sources(docs, json.RawMessage(`{}`), nil); err != nil || got == nil {
		t.Errorf("no values: %v, %v, want an empty list", got, err)
	}
}

package builtin_test

import (
	"encoding/json"
	"testing"

	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/builtin"
)

func TestACellThatGoesOnInTheNextLineIsQuotedWhole(t *testing.T) {
	t.Parallel()
	const whole = "Kette 11-fach, 118 Glieder, vernickelt, mit Kettenschloss"
	for _, c := range cases(t, "../../../testdata/corpus") {
		if c.Name != "invoice-18-german-pages" {
			continue
		}
		doc, err := load(t.Context(), openReader(t), c)
		if err != nil {
			t.Fatal(err)
		}
		docs := []grounding.Document{doc}
		resp, err := builtin.New().Generate(t.Context(), &model.Request{Documents: docs, Schema: c.Schema})
		if err != nil || !json.Valid(resp.Value) {
			t.Fatalf("%v, %v", resp, err)
		}
		for _, e := range grounding.Verify(docs, resp.Claims) {
			if e.Quote == whole && len(e.Boxes) == 2 && !e.Unverified {
				return
			}
		}
		t.Fatalf("no claim quotes %q: %+v", whole, resp.Claims)
	}
	t.Fatal("the document is not there")
}

package answer_test

import (
	"encoding/json"
	"fmt"
	"strings"
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
	want := `[/total false "Total due 12.50" /payee/name false "to Acme" /payee/city true "" /tags/0 true "" /a~1b true ""]`
	if fmt.Sprint(list) != want {
		t.Errorf("sources %v, want %s", list, want)
	}
	if got, err := answer.Sources(docs, json.RawMessage(`{}`), nil); err != nil || got == nil {
		t.Errorf("no values: %v, %v, want an empty list", got, err)
	}
}

func TestClaimsAboutAWholeListAreBounded(t *testing.T) {
	t.Parallel()
	const n = 1000
	var page, value strings.Builder
	var claims []grounding.Claim
	for i := range n {
		fmt.Fprintf(&page, "row %d is fine\n", 5000+i)
		fmt.Fprintf(&value, ",%t", i%2 == 0)
		claims = append(claims, grounding.Claim{Quote: fmt.Sprintf("row %d is fine", 5000+i)})
	}
	docs := []grounding.Document{grounding.FromText(0, "text", page.String())}
	got, err := answer.Sources(docs, json.RawMessage("["+value.String()[1:]+"]"), claims)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 4*n || got[0].Unverified || got[4*n-1].Unverified {
		t.Errorf("%d entries for %d values, want 4 verified ones each", len(got), n)
	}

	// Each value has its own quote among those about the list, up to the bound; behind it values are looked for by themselves.
	value.Reset()
	for i := range n {
		fmt.Fprintf(&value, ",%d", 5000+i)
	}
	got, err = answer.Sources(docs, json.RawMessage("["+value.String()[1:]+"]"), claims)
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for _, e := range got {
		if e.Unverified {
			t.Fatalf("%s is not verified", e.Path)
		}
		if strings.HasSuffix(e.Quote, "fine") {
			own++
		}
	}
	if len(got) != n || own < 190 || own > 210 {
		t.Errorf("%d entries, %d by a claim, want %d and about 200", len(got), own, n)
	}
}

func TestAClaimThatIsMadeTwiceIsOnePieceOfEvidence(t *testing.T) {
	t.Parallel()
	docs := []grounding.Document{grounding.FromText(0, "text", "Total due 12.50 EUR to Acme")}
	claim := grounding.Claim{Path: "/total", Quote: "Total due 12.50"}
	quoted := grounding.Claim{Path: "/total", Quote: `"Total due 12.50"`}
	got, err := answer.Sources(docs, json.RawMessage(`{"total":12.5}`), []grounding.Claim{claim, claim, quoted, {Path: "/total", Quote: "12.50 EUR"}})
	if err != nil || len(got) != 2 || got[0].Quote != "Total due 12.50" || got[1].Quote != "12.50 EUR" {
		t.Errorf("got %+v, %v", got, err)
	}
}

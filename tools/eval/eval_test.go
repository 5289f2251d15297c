package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/extracteval"
	"github.com/stewardhq/steward/internal/grounding"
)

func TestTheTableOfBuiltinIsPrinted(t *testing.T) {
	t.Parallel()
	var out, progress bytes.Buffer
	if err := run(t.Context(), []string{"-corpus", "../../testdata/corpus", "-models", "builtin", "-per-kind", "1"}, &out, &progress); err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	for _, want := range []string{"| builtin | 1 invoice | 0 | 100.0 % |", "| builtin | **all 6** | 0 | 100.0 % |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, out.String())
		}
	}
}

func TestAnAnswerThatDoesNotMatchAndAFalseMarkAreSeen(t *testing.T) {
	t.Parallel()
	schema := json.RawMessage(`{"type":"object","required":["n"],"properties":{"n":{"type":"number"},"t":{"type":"string"}},"additionalProperties":false}`)
	for value, fits := range map[string]bool{
		`{"n":1,"t":"a"}`: true, `{"n":null}`: true, `{}`: true, `{"n":"1"}`: false, `{"n":1,"x":1}`: false, `[]`: false,
	} {
		if err := mismatch(schema, json.RawMessage(value)); (err == nil) != fits {
			t.Errorf("%s: %v", value, err)
		}
	}
	word := func(start, end int, x0, y0 float64) grounding.Word {
		return grounding.Word{Start: start, End: end, Box: steward.Box{X0: x0, Y0: y0, X1: x0 + 40, Y1: y0 + 10}}
	}
	pages := []grounding.Page{{Text: "Total:  1,240.50 EUR"}, {Text: "second"}, {
		Text: "brass cabinet  40\npull  new\n", Words: []grounding.Word{word(0, 5, 0, 0), word(6, 13, 50, 0), word(15, 17, 200, 0), word(18, 22, 0, 12), word(24, 27, 200, 12)},
	}}
	cell := []steward.Box{{X0: 0, Y0: 0, X1: 90, Y1: 10}, {X0: 0, Y0: 12, X1: 40, Y1: 22}}
	for quote, there := range map[string]bool{"Brass cabinet pull": true, "brass cabinet": true, "brass cabinet new": false, "cabinet pull": false} {
		if got := stands(&steward.Evidence{Page: 3, Quote: quote, Boxes: cell}, pages); got != there {
			t.Errorf("%q stands in the cell: %t", quote, got)
		}
	}
	for quote, there := range map[string]bool{"total: 1,240.50": true, "1240.50 eur": true, "1,240.60": false, "": false, "second": false} {
		if got := stands(&steward.Evidence{Page: 1, Quote: quote}, pages); got != there {
			t.Errorf("%q stands: %t", quote, got)
		}
	}
	if stands(&steward.Evidence{Page: 4, Quote: "second"}, pages) {
		t.Error("a page beyond the end has a quote")
	}
	bad := []line{{model: "m", kind: "invoice", documents: 2, answers: 2, valid: 1}, {model: "m", kind: "alert", documents: 1, given: 3, verified: 3, false: 1}}
	if err := verdict(bad); err == nil || !strings.Contains(err.Error(), "do not match") || !strings.Contains(err.Error(), "do not stand") {
		t.Errorf("the verdict is %v", err)
	}
	if err := verdict([]line{{answers: 2, valid: 2, given: 1, verified: 1}}); err != nil {
		t.Errorf("a faultless line fails: %v", err)
	}
}

func TestASampleHasSoManyOfEachKind(t *testing.T) {
	t.Parallel()
	cases := []extracteval.Case{{Name: "a", Kind: "x"}, {Name: "b", Kind: "y"}, {Name: "c", Kind: "x"}, {Name: "d", Kind: "x"}}
	if got := sample(cases, 2); len(got) != 3 || got[2].Name != "c" {
		t.Errorf("got %v", got)
	}
	if got := sample(cases, 0); len(got) != 4 {
		t.Errorf("0 keeps %d of 4", len(got))
	}
}

func TestACorpusThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "none")
	if err := os.MkdirAll(missing, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-corpus", missing}, new(bytes.Buffer), new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v", err)
	}
}

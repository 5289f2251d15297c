package builtin_test

import (
	"testing"

	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model/builtin"
)

func TestConfidenceRisesWithTheScoreAndStaysBelowOne(t *testing.T) {
	t.Parallel()
	confidence := builtin.Confidence("table 0.60:0.500 0.80:0.900\nnonsense\nunknown 0.1:0.2\n")
	for score, want := range map[float64]float64{0.1: 0.5, 0.6: 0.5, 0.7: 0.7, 0.8: 0.9, 1: 0.9} {
		if got := confidence("table", score); got != want {
			t.Errorf("table %v: got %v, want %v", score, got, want)
		}
	}
	if got := confidence("list", 1.5); got != 0.99 {
		t.Errorf("without a curve: got %v, want 0.99", got)
	}
}

func TestALabelSaysMoreThanAGuess(t *testing.T) {
	t.Parallel()
	schema := object("invoice_number", text, "vendor_name", text)
	resp := generate(t, builtin.New(), schema, grounding.FromText(0, "t", "Acme Tools Ltd\n1 Mill Road\nLeeds LS1 4AP\n\nInvoice number: A-17\n"))
	if len(resp.Claims) != 2 {
		t.Fatalf("got %s", resp.Value)
	}
	for _, c := range resp.Claims {
		if c.Confidence <= 0.5 || c.Confidence > 0.99 {
			t.Errorf("%s: confidence %v", c.Path, c.Confidence)
		}
	}
}

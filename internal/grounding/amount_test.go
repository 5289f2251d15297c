package grounding_test

import (
	"testing"

	"github.com/stewardhq/steward/internal/grounding"
)

func TestAnAmountStandsWithItsSignAndTheUnitBesideIt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		quote, value string
		want         bool
	}{
		// Signs, currencies and comparisons count.
		{"Total amount: $12,345.00", "€12,345.00", false},
		{"Total amount: €12,345.00", "€12,345.00", true},
		{"Total amount: EUR 12.345,00", "€12,345.00", true},
		{"Credit 1,250.00 EUR", "-1,250.00 EUR", false},
		{"Credit -1,250.00 EUR", "-1,250.00 EUR", true},
		{"Credit -1,250.00 EUR", "1,250.00 EUR", false},
		{"Credit (1,250.00 EUR)", "-1,250.00 EUR", true},
		{"Credit 1,250.00 EUR", "(1,250.00 EUR)", false},
		{"Credit -$1,250.00", "$-1,250.00", true},
		{"Credit USD -1,250.00", "USD 1,250.00", false},
		{"Credit USD -1,250.00", "-1,250.00 USD", true},
		{"1,250.00- EUR", "1,250.00-EUR", true},
		{"limit > 50000", "< 50000", false},
		{"limit < 50000", "< 50000", true},
		{"limit <= 50000", "= 50000", false},
		{"limit >50000 units", "<50000 units", false},
		{"limit > 50000 units", ">50000 units", true},
		{"lost -1250 points", "+1250 points", false},
		{"won 1250 points", "+1250 points", true},
		{"rate 12345 %", "12345 ‰", false},
		{"call +49 (30) 123-456", "+4930123456", true},
		{"offer $12,345.00 today", "(offer: 12,345.00, today)", false},
		// A unit is a word.
		{"Quantity 12 pkg shipped", "12 kg", false},
		{"weight 12kg", "12 kg", true},
		{"12 kgs", "12 kg", false},
		// It stands beside its number.
		{"12.50 USD (10.00 EUR)", "12.50 EUR", false},
		{"12.50 USD (10.00 EUR)", "10.00 EUR", true},
		{"12.50 USD (10.00 EUR)", "12.50 USD", true},
		{"10.00 EUR 12.50 USD", "12.50 EUR", false},
		{"USD 12.50 EUR 10.00", "12.50 EUR", false},
		{"USD 12.50 EUR 10.00", "10.00 EUR", true},
		{"due in 30 hours, at most 14 days", "30 days", false},
		{"due in 30 hours, at most 14 days", "14 days", true},
		{"14 days (30 hours)", "30 days", false},
		{"thirty (30) days", "30 days", true},
		{"within thirty days", "30 days", true},
		{"thirty hours or 14 days", "30 days", false},
		{"a 30-day term", "30 day", true},
		{"Days: 30", "30 days", true},
		{"Total in EUR: 12.50", "12.50 EUR", true},
		{"Total (EUR) 12.50", "EUR 12.50", true},
		{"3 items $12.50", "12.50 USD", true},
		{"3 million EUR", "3000000 EUR", true},
		{"3 million EUR", "3 EUR", false},
		{"5.5 %", "5,5%", true},
		// A sign that several currencies have.
		{"HK$ 500", "USD", false},
		{"HK$ 500", "HKD", true},
		{"HK$500", "$500", false},
		{"US$ 500", "USD 500", true},
		{"$ 500", "USD", true},
		{"$5.00 CAD", "5.00 CAD", true},
		{"$5.00 CAD", "5.00 USD", false},
		{"Total 12.50 ₺", "₺12.50", true},
		{"Total 12.50 ₽", "₺12.50", false},
		{"Total 12.50", "12.50 EUR", false},
		// A date with a time of day is nothing more than that.
		{"Date 2026-02-03", "2026-02-03 99999 EUR refunded", false},
		{"2026-02-03 14:30", "2026-02-03 14:30 approved by the board", false},
		{"2026-02-03 14:30", "2026-02-03T14:30:00.000+01:00", true},
		{"2026-02-03 14:30", "2026-02-03 02:30 PM", true},
		{"2026-02-03 02:30", "2026-02-03 02:30 PM", false},
		{"2026-02-03 14:30", "2026-02-03 14:30 UTC", true},
		{"2026-02-03 9:05", "2026-02-03 9:05", true},
		{"2026-02-03", "2026-02-03 9:05:00", false},
		{"2026-02-03 14:30", "2026-02-03 14:75", false},
	}
	for _, tt := range tests {
		if got := grounding.Supports(tt.quote, text(tt.value)); got != tt.want {
			t.Errorf("Supports(%q, %q) = %t, want %t", tt.quote, tt.value, got, tt.want)
		}
	}
}

func TestBracketsMakeAMinusOnlyAroundAnAmount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		quote, value string
		want         bool
	}{
		{"(5 items)", "-5", false},
		{"(2 pcs)", "-2", false},
		{"(5 items)", "5", true},
		{"(5)", "-5", true},
		{"(1,250.00 EUR)", "-1250", true},
		{"(1,250.00 €)", "-1250", true},
		{"($1,250.00)", "-1250", true},
		{"(12 %)", "-12", true},
		{"($3.2 million)", "-3200000", true},
		{"5 cent per call", "100", false},
		{"one hundred", "100", true},
	}
	for _, tt := range tests {
		if got := grounding.Supports(tt.quote, number(tt.value)); got != tt.want {
			t.Errorf("Supports(%q, %s) = %t, want %t", tt.quote, tt.value, got, tt.want)
		}
	}
}

func TestAnAmountIsNotLocatedWithoutItsSign(t *testing.T) {
	t.Parallel()
	for source, value := range map[string]string{"Credit -1,250.00 EUR": "1,250.00 EUR", "Fee HK$500.00": "$500.00"} {
		x := grounding.NewIndex([]grounding.Document{grounding.FromText(0, "t", source)})
		if e := x.Ground(grounding.Claim{Path: "/v"}, text(value)); !e.Unverified {
			t.Errorf("%s is verified by %q of %q", value, e.Quote, source)
		}
	}
}

package model

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
)

// The question of Probe.
const (
	probeText   = "INVOICE\nInvoice number: 2026-0417\nIssued by: Alder & Finch Ltd\nTotal due: 1,240.50 EUR\nPayable within 30 days.\n"
	probeSchema = `{"type": "object", "additionalProperties": false, "required": ["invoice_number", "total", "currency"], "properties": {
		"invoice_number": {"type": "string", "description": "Invoice number"},
		"total": {"type": "number", "description": "Total due"},
		"currency": {"type": "string", "description": "Currency of the total, as a code of three letters"}}}`
	probeNumber, probeTotal, probeCurrency = "2026-0417", 1240.50, "EUR"
	probeTokens                            = 2000 // at most, of the answer; reasoning counts
)

// Probe asks m, which info describes, one small question whose answer is known. It costs what one short call costs, three when the
// answers do not have the shape that is asked for.
//
// A failure of the model is part of the result. Errors: ctx.Err().
func Probe(ctx context.Context, m Model, info steward.LanguageModel) (*steward.ModelTest, error) {
	doc := grounding.FromText(0, "invoice.txt", probeText)
	start := time.Now()
	resp, err := Ask(ctx, m, &Request{
		Step: "probe", Instruction: "Read the invoice.", Documents: []grounding.Document{doc},
		Schema: json.RawMessage(probeSchema), Evidence: true, MaxOutputTokens: probeTokens,
	})
	t := &steward.ModelTest{Model: info.ID, Provider: info.Provider, LatencyMS: time.Since(start).Milliseconds()}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		t.Failure = steward.FailureOf(err)
		if !errors.As(err, new(*steward.Failure)) {
			t.Failure = &steward.Failure{Code: steward.FailInternal, Message: "The model could not be asked.", Err: err}
		}
		return t, nil
	}
	t.Model, t.Answer, t.Usage = resp.Model, resp.Value, resp.Usage
	var got struct {
		Number   string  `json:"invoice_number"`
		Total    float64 `json:"total"`
		Currency string  `json:"currency"`
	}
	t.OK = json.Unmarshal(resp.Value, &got) == nil && got.Number == probeNumber && got.Total == probeTotal && got.Currency == probeCurrency
	t.Grounded = grounded([]grounding.Document{doc}, resp.Claims)
	return t, nil
}

// grounded reports whether there are claims and every one holds.
func grounded(docs []grounding.Document, claims []grounding.Claim) bool {
	for _, e := range grounding.Verify(docs, claims) {
		if e.Unverified {
			return false
		}
	}
	return len(claims) > 0
}

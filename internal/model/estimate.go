package model

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/stewardhq/steward"
)

// Estimate returns what a request may cost at most, as far as can be told beforehand; nil when it cannot.
type Estimate func(req *Request) *steward.MicroUSD

// estimate returns what a request to the entry's model may cost: as many input tokens as its texts and pictures may have, at the price of
// what is written into a cache, and as much output as it may have. nil when a price, or the longest answer, is not known.
func (e *Entry) estimate(req *Request) *steward.MicroUSD {
	if !e.priced() {
		return nil
	}
	input, output := EstimateTokens(req), req.MaxOutputTokens
	if e.ContextWindow > 0 {
		input = min(input, e.ContextWindow)
	}
	price := e.Price.at(input)
	in, out := *price.Input, *price.Output
	if price.CacheWrite != nil {
		in = max(in, *price.CacheWrite)
	}
	if in == 0 && out == 0 {
		return new(steward.MicroUSD)
	}
	for _, limit := range []int64{e.MaxOutputTokens, e.ContextWindow} {
		if limit > 0 && (output == 0 || output > limit) {
			output = limit
		}
	}
	if output == 0 && out > 0 {
		return nil
	}
	cost := steward.MicroUSD(math.Ceil(float64(input)*in + float64(output)*out))
	return &cost
}

// priced reports whether it can be known what a call of the entry's model cost.
func (e *Entry) priced() bool { return e.Price != nil && e.Price.Input != nil && e.Price.Output != nil }

// Estimator returns what tells the cost of requests to the model of that name before they are made: the dearest of those that may
// answer, fallbacks included. priced reports whether the prices of all of them are known, so that the cost will be known afterwards. For
// a name that Model refuses the answer means nothing.
func (r *Registry) Estimator(id string) (estimate Estimate, priced bool) {
	if id == "" {
		id = r.defaultID()
	}
	found, err := r.resolve(id)
	targets := r.fallbacks(id, found)
	if err == nil {
		targets = append(targets, found)
	}
	priced = true
	for i := range targets {
		priced = priced && targets[i].entry.priced()
	}
	return func(req *Request) *steward.MicroUSD {
		var most *steward.MicroUSD
		for i := range targets {
			cost := targets[i].entry.estimate(req)
			if cost == nil {
				return nil
			}
			if most == nil || *cost > *most {
				most = cost
			}
		}
		return most
	}, priced
}

// withProvider notes in m's answers whose model it was, and in failures that used something which model used it.
func withProvider(m Model, id, name string) Model {
	return Func(func(ctx context.Context, req *Request) (*Response, error) {
		resp, err := m.Generate(ctx, req)
		if err != nil {
			if used := usedBy(err); used != nil {
				err = withSpent(err, []Spent{{Model: id, Provider: name, Usage: *used}})
			}
			return nil, err
		}
		resp.Provider = name
		return resp, nil
	})
}

// tracedPage is a page as a trace keeps it. A picture is kept as the key that says what its bytes are.
type tracedPage struct {
	Number  int    `json:"number"`
	Text    string `json:"text,omitempty"`
	Picture string `json:"picture,omitempty"`
}

// tracedDocument is a document as a trace keeps it.
type tracedDocument struct {
	Name        string       `json:"name,omitempty"`
	ContentType string       `json:"content_type,omitempty"`
	Pages       []tracedPage `json:"pages"`
}

// Prompt returns what a request asks, as JSON for those who keep traces: its texts in full, its pictures by their keys.
func (req *Request) Prompt() (json.RawMessage, error) {
	documents := make([]tracedDocument, len(req.Documents))
	for i := range req.Documents {
		d := &req.Documents[i]
		documents[i] = tracedDocument{Name: d.Name, ContentType: d.ContentType, Pages: make([]tracedPage, len(d.Pages))}
		for j := range d.Pages {
			p := tracedPage{Number: d.Pages[j].Number, Text: d.Pages[j].Text}
			if d.Pages[j].Picture != nil {
				p.Picture = d.Pages[j].Picture.Key
			}
			documents[i].Pages[j] = p
		}
	}
	out, err := json.Marshal(struct {
		System          string           `json:"system,omitempty"`
		Instruction     string           `json:"instruction,omitempty"`
		Documents       []tracedDocument `json:"documents"`
		Schema          json.RawMessage  `json:"schema,omitempty"`
		Feedback        string           `json:"feedback,omitempty"`
		Temperature     *float64         `json:"temperature,omitempty"`
		ReasoningEffort string           `json:"reasoning_effort,omitempty"`
		MaxOutputTokens int64            `json:"max_output_tokens,omitempty"`
	}{req.System, req.Instruction, documents, req.Schema, req.Feedback, req.Temperature, req.ReasoningEffort, req.MaxOutputTokens})
	if err != nil {
		return nil, fmt.Errorf("encode prompt: %w", err)
	}
	return out, nil
}

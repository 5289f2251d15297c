// Package model speaks to language models: one interface, decorators around it, a catalogue of what can be named.
//
// A Model answers a Request about Documents, with JSON for a schema and with Claims of where its values stand. Providers
// are reached over charm.land/fantasy; package builtin is a reader that needs none. Journal, budget, price and retry are
// decorators: each implements Model around another.
//
// A Model is safe for concurrent use. It returns *steward.Failure for everything that can be said to a user;
// Transient ones may be tried again.
package model

import (
	"context"
	"encoding/json"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
)

// Model answers requests.
type Model interface {
	// Generate answers one request. It honours ctx and never returns a nil Response without an error.
	Generate(ctx context.Context, req *Request) (*Response, error)
}

// Request is one question to a model.
type Request struct {
	Step            string               // name of the journal's step, stable within the run, such as "extract"
	System          string               // rules of the house; "" means none
	Instruction     string               // what the caller's configuration asks for; may be ""
	Documents       []grounding.Document // what is to be read, texts and pictures in their order; data, never instructions
	Schema          json.RawMessage      // JSON Schema (an object) of the answer; nil means free text
	Nullable        bool                 // null is an answer for anything that is not stated, required or not
	Evidence        bool                 // ask for quotes; builtin always gives them
	Temperature     *float64             // nil means the provider's default; dropped when the model has none
	ReasoningEffort string               // low, medium, high or ""; dropped when the model has none
	MaxOutputTokens int64                // 0 means the model's own limit
	ImageDetail     string               // how closely pictures are looked at: auto, low, high; "" means auto
	Feedback        string               // the validator's words about the last answer, when this is a second try
}

// Response is a model's answer. It is JSON in the journal.
type Response struct {
	Value  json.RawMessage   `json:"value"` // JSON by the schema, or a JSON string for free text
	Claims []grounding.Claim `json:"claims,omitempty"`
	Usage  steward.Usage     `json:"usage"`
	Model  string            `json:"model"`  // catalogue id of the model that answered
	Finish Finish            `json:"finish"` // why it stopped

	Provider string `json:"provider,omitempty"` // whose model it was; "" when unknown

	// Others is what other models used that were asked before and failed. Usage does not hold it. Whoever keeps the books reads it
	// where the call is made; a journal does not keep it here.
	Others []Spent `json:"-"`

	// Warnings say what could not be done as asked, one sentence each, such as a picture that the model cannot see.
	Warnings []string `json:"warnings,omitempty"`
	// UsageWarning says why Usage is not what the provider counted; "" when it is. It is one of Warnings.
	UsageWarning string `json:"usage_warning,omitempty"`
}

// Finish says why a model stopped.
type Finish string

// The reasons to stop.
const (
	FinishStop    Finish = "stop"
	FinishLength  Finish = "length"  // the output limit cut the answer
	FinishRefusal Finish = "refusal" // the model or a filter declined
)

// Func makes a Model of a function.
type Func func(ctx context.Context, req *Request) (*Response, error)

// Generate implements Model.
func (f Func) Generate(ctx context.Context, req *Request) (*Response, error) { return f(ctx, req) }

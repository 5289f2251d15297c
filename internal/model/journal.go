package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/stewardhq/steward/internal/grounding"
)

// Do makes a call as the step of that name, or returns what an earlier attempt recorded for it. Package engine has one.
type Do func(ctx context.Context, c Call, call func(ctx context.Context) (*Response, error)) (*Response, error)

// Call is what a journal is told of a call before it is made.
type Call struct {
	Step    string
	Input   any      // JSON-encodable and small; it goes into the hash that ties a record to what was asked
	Request *Request // not to be changed
}

// WithJournal makes every call of m a step named by Request.Step. Budgets and cancellation speak through do as well: it is
// asked before the call is made. Put it outside every other decorator, and inside Ask, so that each try is its own step.
//
// Errors: those of m and of do; a Request without Step.
func WithJournal(m Model, do Do) Model {
	return Func(func(ctx context.Context, req *Request) (*Response, error) {
		if req.Step == "" {
			return nil, fmt.Errorf("journal a model call: the request has no step name")
		}
		return do(ctx, Call{Step: req.Step, Input: digest(req), Request: req}, func(ctx context.Context) (*Response, error) {
			return m.Generate(ctx, req)
		})
	})
}

// requestDigest is what the journal hashes of a request: everything that decides the answer, documents by their hash.
type requestDigest struct {
	System          string          `json:"system,omitempty"`
	Instruction     string          `json:"instruction,omitempty"`
	Documents       []string        `json:"documents,omitempty"` // SHA-256, hex
	Schema          json.RawMessage `json:"schema,omitempty"`
	Nullable        bool            `json:"nullable,omitempty"`
	Evidence        bool            `json:"evidence,omitempty"`
	Temperature     *float64        `json:"temperature,omitempty"`
	ReasoningEffort string          `json:"reasoning_effort,omitempty"`
	MaxOutputTokens int64           `json:"max_output_tokens,omitempty"`
	ImageDetail     string          `json:"image_detail,omitempty"`
	Feedback        string          `json:"feedback,omitempty"`
}

func digest(req *Request) requestDigest {
	d := requestDigest{
		System:          req.System,
		Instruction:     req.Instruction,
		Schema:          req.Schema,
		Nullable:        req.Nullable,
		Evidence:        req.Evidence,
		Temperature:     req.Temperature,
		ReasoningEffort: req.ReasoningEffort,
		MaxOutputTokens: req.MaxOutputTokens,
		ImageDetail:     req.ImageDetail,
		Feedback:        req.Feedback,
	}
	for i := range req.Documents {
		d.Documents = append(d.Documents, documentHash(&req.Documents[i]))
	}
	return d
}

// documentHash is the SHA-256 of a document's place, name, text and pictures, which count by their keys. Positions on the page do
// not count: models do not see them.
func documentHash(doc *grounding.Document) string {
	h := sha256.New()
	put := func(text string) {
		h.Write([]byte(strconv.Itoa(len(text)))) // lengths keep neighbours apart; a hash never fails to write
		h.Write([]byte{':'})
		h.Write([]byte(text))
	}
	put(strconv.Itoa(doc.FileIndex))
	put(doc.Name)
	put(doc.ContentType)
	for i := range doc.Pages {
		put(strconv.Itoa(doc.Pages[i].Number))
		put(doc.Pages[i].Text)
		if picture := doc.Pages[i].Picture; picture != nil {
			put("picture")
			put(picture.Key)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

package model

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
)

// AskOptions tunes AskWith. The zero value is what Ask does.
type AskOptions struct {
	Retries int  // further tries after an answer that does not match; 0 means 2, below 0 means none
	Relaxed bool // ask for and accept null for whatever is not stated, as of builtin; see Schema.Check and Request.Nullable
}

// Ask asks m and returns an answer that matches the request's schema. An answer that does not is asked for again with the
// validator's messages, at most twice, each try under its own step: Step, Step.retry[1], Step.retry[2]. The Usage is the sum
// of all tries. For an array schema Value is the array itself and the paths of the claims are those of the array.
// A request without a schema is asked once, and its Value is a JSON string.
//
// The answer of builtin is checked as Relaxed and not asked for again: it would be the same.
//
// Errors, besides m's: *steward.Failure with FailInvalidConfig for a schema that cannot be used, FailModelRefused,
// FailContextOverflow when the output limit cut the answer, FailSchemaMismatch when the last try does not match either.
func Ask(ctx context.Context, m Model, req *Request) (*Response, error) {
	return AskWith(ctx, m, req, AskOptions{})
}

// AskWith is Ask with options.
func AskWith(ctx context.Context, m Model, req *Request, o AskOptions) (*Response, error) {
	if len(req.Schema) == 0 {
		resp, err := m.Generate(ctx, req)
		if err != nil {
			return nil, err
		}
		if resp.Finish == FinishRefusal {
			return nil, refusal(resp)
		}
		return resp, nil
	}
	schema, err := CompileSchema(req.Schema)
	if err != nil {
		return nil, err
	}
	return askFor(ctx, m, req, schema, o)
}

// Structured is a Model that answers every request through AskWith, with o for all of them.
func Structured(m Model, o AskOptions) Model {
	return Func(func(ctx context.Context, req *Request) (*Response, error) { return AskWith(ctx, m, req, o) })
}

func askFor(ctx context.Context, m Model, req *Request, schema *Schema, o AskOptions) (*Response, error) {
	retries := o.Retries
	if retries == 0 {
		retries = 2
	}
	usage := steward.Free()
	feedback := req.Feedback
	for try := 0; ; try++ {
		next := *req
		next.Step = stepName(req.Step, try)
		next.Schema = schema.Asked()
		next.Nullable = req.Nullable || o.Relaxed
		next.Feedback = feedback
		resp, err := m.Generate(ctx, &next)
		if err != nil {
			return nil, err
		}
		usage = usage.Add(resp.Usage)
		answer, problems, err := judge(resp, schema, next.Nullable)
		if err != nil {
			return nil, err
		}
		if len(problems) == 0 {
			answer.Usage = usage
			return answer, nil
		}
		if try >= retries || resp.Model == BuiltinID {
			return nil, &steward.Failure{
				Code:    steward.FailSchemaMismatch,
				Message: "output did not match output_schema: " + problems[0],
			}
		}
		feedback = Feedback(problems, resp.Value)
	}
}

// judge turns a model's answer into the caller's shape and lists what is wrong with it.
func judge(resp *Response, schema *Schema, relaxed bool) (*Response, []string, error) {
	switch resp.Finish {
	case FinishRefusal:
		return nil, nil, refusal(resp)
	case FinishLength:
		return nil, nil, &steward.Failure{
			Code: steward.FailContextOverflow,
			Message: fmt.Sprintf("The model's answer was cut at its output limit after %d tokens. Raise max_output_tokens or ask for less at once.",
				resp.Usage.OutputTokens),
		}
	}
	value, ok := schema.Unwrap(resp.Value)
	if !ok {
		return nil, []string{`the answer is not an object with the list under "` + wrapKey + `"`}, nil
	}
	if problems := schema.Check(value, relaxed || resp.Model == BuiltinID); len(problems) > 0 {
		if isText(value) {
			problems = []string{"the answer is text, not JSON"}
		}
		return nil, problems, nil
	}
	answer := *resp
	answer.Value = value
	if schema.wrapped {
		answer.Claims = unwrapClaims(resp.Claims)
	}
	return &answer, nil, nil
}

func isText(value json.RawMessage) bool { return len(value) > 0 && value[0] == '"' }

func unwrapClaims(claims []grounding.Claim) []grounding.Claim {
	out := make([]grounding.Claim, 0, len(claims))
	for _, c := range claims {
		if rest, ok := strings.CutPrefix(c.Path, "/"+wrapKey); ok && (rest == "" || rest[0] == '/') {
			c.Path = rest
		}
		out = append(out, c)
	}
	return out
}

func refusal(resp *Response) error {
	message := "The model declined to answer."
	var words string
	if err := json.Unmarshal(resp.Value, &words); err == nil && strings.TrimSpace(words) != "" {
		message = "The model declined to answer: " + clipText(strings.Join(strings.Fields(words), " "), 300)
	}
	return &steward.Failure{Code: steward.FailModelRefused, Message: message}
}

// maxEcho is how much of a wrong answer is shown to the model again, in bytes.
const maxEcho = 8 << 10

// Feedback puts the validator's messages about an answer into the words that a model is asked again with.
func Feedback(problems []string, answer json.RawMessage) string {
	var b strings.Builder
	b.WriteString("Your last answer did not match the schema:\n")
	for _, p := range problems {
		b.WriteString("- " + p + "\n")
	}
	b.WriteString("Answer again with the whole JSON, these points corrected and everything else kept.\nYour last answer was:\n")
	b.WriteString(clipText(string(answer), maxEcho))
	return b.String()
}

// Package answer asks a language model about documents that may be too long for one question, and makes one answer of the
// parts: values merged, every claim of where a value stands checked against the documents, the output put together.
//
//	got, err := question.Ask(ctx, parts, nil)
//	result, err := answer.Compose(got.Value, answer.Extras{Sources: sources})
package answer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// Parallel is how many parts of one question are asked at once.
const Parallel = 4

// Question is what is asked about every part.
type Question struct {
	Model           model.Model // journaled: see engine.Run.Model
	Instruction     string
	Schema          json.RawMessage // JSON Schema of the answer; required
	Evidence        bool            // ask for claims; builtin makes them always
	Temperature     *float64        // nil means the provider's default
	ReasoningEffort string
	MaxOutputTokens int64
}

// Part is a piece of the documents that is asked about in one step.
type Part struct {
	Step      string // stable within the run
	Label     string // for failures, such as "Pages 1-10 of a.pdf"; "" means that it is everything
	Documents []grounding.Document
}

// Answer is a model's answer.
type Answer struct {
	Value  json.RawMessage   // matches the schema; null and absent values allowed
	Claims []grounding.Claim // about values that are there
	Model  string            // catalogue id of the model that answered first
}

// NewQuestion makes a Question of a run's model parameters (see engine.ModelParams) and returns it with the model's description.
//
// Errors: *steward.Failure as engine.Run.Model.
func NewQuestion(run *engine.Run, instruction string, schema json.RawMessage) (*Question, steward.LanguageModel, error) {
	m, info, err := run.Model(run.Config.String("model"))
	if err != nil {
		return nil, info, err
	}
	q := &Question{
		Model: m, Instruction: instruction, Schema: schema, Evidence: info.ID == model.BuiltinID,
		ReasoningEffort: run.Config.String("reasoning_effort"),
		MaxOutputTokens: int64(run.Config.Int("max_output_tokens")),
	}
	if run.Config.Has("temperature") {
		t := run.Config.Float("temperature")
		q.Temperature = &t
	}
	return q, info, nil
}

// Sources decides whether the answer is to come with its places: as use_source says, else when the model names them anyway.
func (q *Question) Sources(c engine.Config) bool {
	if c.Has("use_source") {
		q.Evidence = c.Bool("use_source")
	}
	return q.Evidence
}

// Ask asks about every part, Parallel at once, and merges the answers in the order of parts: arrays are joined without what
// an earlier part already had, other values keep the first that is not null. done, if not nil, is told how many parts are
// answered. After a failure no further part is begun; those under way are finished, so that the next attempt finds them.
//
// Errors: *steward.Failure that names the part when there are several; FailSchemaMismatch when the merged answer does not match.
func (q *Question) Ask(ctx context.Context, parts []Part, done func(n int)) (*Answer, error) {
	schema, err := model.CompileSchema(q.Schema)
	if err != nil {
		return nil, err
	}
	answers, err := q.askAll(ctx, parts, done)
	if err != nil {
		return nil, err
	}
	if len(answers) == 0 {
		return nil, errors.New("ask: no parts")
	}
	m := &merger{}
	for _, a := range answers {
		if err := m.add(a.Value, a.Claims); err != nil {
			return nil, fmt.Errorf("merge answers: %w", err)
		}
	}
	value, claims, err := m.result()
	if err != nil {
		return nil, fmt.Errorf("merge answers: %w", err)
	}
	if problems := schema.Check(value, true); len(problems) > 0 {
		return nil, &steward.Failure{Code: steward.FailSchemaMismatch, Message: "output did not match output_schema: " + problems[0]}
	}
	return &Answer{Value: value, Claims: claims, Model: answers[0].Model}, nil
}

// askAll asks about all parts and returns the answers in their order.
func (q *Question) askAll(ctx context.Context, parts []Part, done func(n int)) ([]*model.Response, error) {
	var (
		wg      sync.WaitGroup
		next    atomic.Int64
		failed  atomic.Bool
		answers = make([]*model.Response, len(parts))
		errs    = make([]error, len(parts))
		mu      sync.Mutex
		n       int
	)
	for range min(Parallel, len(parts)) {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(parts) {
					return
				}
				if answers[i], errs[i] = q.ask(ctx, &parts[i]); errs[i] != nil {
					failed.Store(true)
					return
				}
				mu.Lock()
				n++
				if done != nil {
					done(n)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, named(err, parts[i].Label)
		}
	}
	return answers, nil
}

// ask asks about one part. A panic is an error: it must not take the process, and other runs, with it.
func (q *Question) ask(ctx context.Context, p *Part) (resp *model.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in step %s: %v\n%s", p.Step, v, debug.Stack())
		}
	}()
	return model.AskWith(ctx, q.Model, &model.Request{
		Step: p.Step, Instruction: q.Instruction, Documents: p.Documents, Schema: q.Schema, Evidence: q.Evidence,
		Temperature: q.Temperature, ReasoningEffort: q.ReasoningEffort, MaxOutputTokens: q.MaxOutputTokens,
	}, model.AskOptions{Relaxed: true})
}

// named puts the part's label before the message of a failure that is about the part.
func named(err error, label string) error {
	var f *steward.Failure
	if label == "" || !errors.As(err, &f) {
		return err
	}
	switch f.Code {
	case steward.FailCancelled, steward.FailCostLimit, steward.FailTimeout, steward.FailInvalidConfig:
		return err
	}
	about := *f
	about.Message = label + ": " + f.Message
	about.Err = err
	return &about
}

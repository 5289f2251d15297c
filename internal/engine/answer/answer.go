// Package answer asks a language model about documents that may be too long for one question, and makes one answer of the
// parts: values merged, every claim of where a value stands checked against the documents, the output put together.
//
//	got, err := question.Ask(ctx, parts, nil)
//	result, err := answer.Compose(got.Value, answer.Extras{Sources: sources})
package answer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	MaxOutputTokens int64  // of one answer, never exceeded; 0 means the model's own limit, which is raised to MaxAnswer when it cuts an answer
	ImageDetail     string // how closely pictures are looked at: auto, low, high; "" means auto

	MaxAnswer int64  // tokens that the model can answer with; 0 means unknown
	MaxLeaves int    // a schema with more values than this is asked for in parts; 0 means 100, below 0 never
	MergeStep string // step of the call that settles what parts of a document disagree about; "" means "merge"

	compiled *model.Schema // of Schema, shared with other runs of the version; nil compiles it
}

// Part is a piece of the documents that is asked about in one step, such as a batch of pages. A page may be shown as its text,
// as its Picture, or both: set what the model is to see, in the order in which it stands in the document. Parts are given in the
// order of the documents, because values are taken from the first part that states them, and lists are joined part by
// part: an item of a list that the border between two parts cuts becomes one again.
//
// A part that is too long for the model, or whose answer is, is cut in two and asked about again; the caller need not care. Step is
// then followed by .half[0] and .half[1], for a wide schema by .fields[a-b], the values a to b of it, for further
// tries by .retry[n]; keep it below 120 bytes.
type Part struct {
	Step      string // stable within the run
	Label     string // for failures, such as "Pages 1-10 of a.pdf"; "" means that it is everything
	Documents []grounding.Document
}

// Answer is a model's answer.
type Answer struct {
	Value    json.RawMessage   // matches the schema; null and absent values allowed. What is required or may be null is there
	Claims   []grounding.Claim // about values that are there
	Model    string            // catalogue id of the model that answered first
	Warnings []string          // what could not be done, in words for users, those of the model's answers first; none twice

	schema *model.Schema
}

// NewQuestion makes a Question of a run's model parameters (see engine.ModelParams) and returns it with the model's description.
//
// Errors: *steward.Failure as engine.Run.Model.
func NewQuestion(run *engine.Run, instruction string, schema json.RawMessage) (*Question, steward.LanguageModel, error) {
	m, info, err := run.Model(run.Config.String("model"))
	if err != nil {
		return nil, info, err
	}
	compiled, err := run.Config.Schema("output_schema")
	if err != nil {
		return nil, info, err
	}
	q := &Question{
		Model: m, Instruction: instruction, Schema: schema, Evidence: info.ID == model.BuiltinID,
		ReasoningEffort: run.Config.String("reasoning_effort"),
		MaxOutputTokens: int64(run.Config.Int("max_output_tokens")),
		ImageDetail:     run.Config.String("image_detail"),
		MaxAnswer:       info.MaxOutputTokens,
	}
	if compiled != nil && bytes.Equal(compiled.Source(), schema) {
		q.compiled = compiled
	}
	if info.ID == model.BuiltinID { // it judges a document as a whole
		q.MaxLeaves = -1
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

// Ask asks about every part, Parallel at once, and merges the answers in the order of parts. Lists are joined: what an earlier part
// already had is left out, and an item that a border cut is put together. Of other values the first that is not null
// is taken; when parts disagree, one further call sees the candidates with their quotes and picks (not for builtin). What the
// documents do not state is null where the schema requires it or allows null. done, if not nil, is told how many parts are answered.
// A list that has become longer than the schema allows is cut, and Warnings says so, as it does where minItems, minProperties or contains ask for more.
// After a failure no further part is begun; those under way are finished, so that the next attempt finds them.
//
// Errors: *steward.Failure that names the part when there are several; FailModelRefused at once; FailContextOverflow when a part
// is too long and cannot be cut further; FailSchemaMismatch when an answer or the merged one does not match.
func (q *Question) Ask(ctx context.Context, parts []Part, done func(n int)) (*Answer, error) {
	schema, err := q.compiled, error(nil)
	if schema == nil {
		if schema, err = model.CompileSchema(q.Schema); err != nil {
			return nil, err
		}
	}
	if len(parts) == 0 {
		return nil, errors.New("ask: no parts")
	}
	fields, err := q.fields(schema, q.maxLeaves())
	if err != nil {
		return nil, err
	}
	answers, err := q.askAll(ctx, parts, fields, done)
	if err != nil {
		return nil, err
	}
	m := &merger{}
	got := &Answer{Model: answers[0][0][0][0].Model, schema: schema}
	for _, f := range answers {
		for i, p := range f {
			for _, s := range p {
				m.next()
				for _, resp := range s {
					got.warn(resp.Warnings...)
					if err := m.add(resp.Value, resp.Claims, parts[i].Label); err != nil {
						return nil, fmt.Errorf("merge answers: %w", err)
					}
				}
			}
		}
	}
	if got.Model != model.BuiltinID {
		warnings, err := q.settle(ctx, m, schema)
		if err != nil {
			return nil, err
		}
		got.warn(warnings...)
	}
	m.root.fill(schema.Root())
	got.Warnings = append(got.Warnings, m.root.trim(schema.Root(), "")...)
	if got.Value, got.Claims, err = m.result(); err != nil {
		return nil, fmt.Errorf("merge answers: %w", err)
	}
	if problems := schema.Check(got.Value, true); len(problems) > 0 {
		return nil, &steward.Failure{Code: steward.FailSchemaMismatch, Message: "output did not match output_schema: " + problems[0]}
	}
	got.Warnings = append(got.Warnings, shortfalls(schema, got.Value)...)
	return got, nil
}

// maxWarnings is how many warnings an Answer has, and one more that says so.
const maxWarnings = 100

// warn adds warnings that are not there yet.
func (a *Answer) warn(list ...string) {
	for _, w := range list {
		switch n := len(a.Warnings); {
		case n > maxWarnings || slices.Contains(a.Warnings, w):
		case n == maxWarnings:
			a.Warnings = append(a.Warnings, "There were further warnings, which are left out.")
		default:
			a.Warnings = append(a.Warnings, w)
		}
	}
}

// span is what was asked about one run of pages: one response, or several that have different properties.
type span []*model.Response

// askAll asks about all parts for all fields and returns the answers by field, part and span.
func (q *Question) askAll(ctx context.Context, parts []Part, fields []field, done func(n int)) ([][][]span, error) {
	var (
		wg      sync.WaitGroup
		next    atomic.Int64
		failed  atomic.Bool
		answers = make([][][]span, len(fields))
		errs    = make([]error, len(parts)*len(fields))
		mu      sync.Mutex
		open    = make([]int, len(parts)) // fields of a part that are still asked for
		n       int
	)
	for f := range fields {
		answers[f] = make([][]span, len(parts))
	}
	for p := range parts {
		open[p] = len(fields)
	}
	for range min(Parallel, len(errs)) {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(errs) {
					return
				}
				p, f := i/len(fields), i%len(fields)
				if answers[f][p], errs[i] = q.ask(ctx, parts[p], fields[f]); errs[i] != nil {
					failed.Store(true)
					return
				}
				mu.Lock()
				if open[p]--; open[p] == 0 {
					n++
					if done != nil {
						done(n)
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, named(err, parts[i/len(fields)].Label)
		}
	}
	return answers, nil
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

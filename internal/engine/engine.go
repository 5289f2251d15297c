// Package engine is what a run does: the registry of engines, the reading of their configuration, and the Run through
// which an engine sees its inputs and records its steps.
//
// An engine is stateless and safe for concurrent use. Everything it does that costs time or money, or that the world can
// see, goes through Do, so that a run which is taken up again after a crash finds the result instead of doing it twice:
//
//	page, err := engine.Do(ctx, run, engine.StepSpec{Name: "file[0].text", Kind: steward.StepDocument}, read)
package engine

import (
	"context"
	"encoding/json"
	"io"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

// Engine is a kind of work.
type Engine interface {
	// Type describes the engine: ids, names, summary, default inputs, outputs. InputSchema and the default values are
	// filled in by the Registry from Params.
	Type() steward.EngineType
	// Params declares the configuration, in the order in which documentation shows it.
	Params() []Param
	// Run does the work. It returns *steward.Failure for what a user can be told, ctx's cause when interrupted.
	Run(ctx context.Context, run *Run) (*Result, error)
}

// Result is what an engine produced.
type Result struct {
	Outputs []steward.Datum // the first is "output", application/json, unless the engine says otherwise
}

// ModelSource finds models by the ids that configurations name.
type ModelSource interface {
	// Model returns the model for a catalogue id or alias; "" means the server's default. The result is priced, retries passing
	// faults and keeps to its provider's limit; it is not journaled (model.WithJournal) and answers are not validated (model.Ask).
	// Errors: *steward.Failure with FailInvalidConfig for an unknown id, FailProviderNotConfigured for one without a provider.
	Model(id string) (model.Model, steward.LanguageModel, error)
}

// Estimator is a ModelSource that can tell what calls may cost before they are made.
type Estimator interface {
	// Estimator returns the estimate of a model, and whether the cost of its calls will be known afterwards. See model.Registry.
	Estimator(id string) (estimate model.Estimate, priced bool)
}

// Reckon returns what tells the cost of calls of a model beforehand, and whether it will be known afterwards. Sources that are no
// Estimator tell nothing beforehand.
func Reckon(models ModelSource, id string) (estimate model.Estimate, priced bool) {
	if e, ok := models.(Estimator); ok {
		return e.Estimator(id)
	}
	return func(*model.Request) *steward.MicroUSD { return nil }, true
}

// Journal records a run's steps. Package jobs implements it over the store.
type Journal interface {
	// Recorded returns a step of an earlier attempt.
	Recorded(name string) (steward.Step, bool)
	// Record stores a finished step durably. Errors: the run was taken away (stop at once).
	Record(ctx context.Context, step steward.Step) error
	// Begin is called before every step that is not recorded: cancellation, deadline and budgets speak here. end is called
	// when the step has ended, recorded or failed.
	Begin(ctx context.Context, spec StepSpec) (end func(), err error)
	// Progress notes how far the run is; cheap, may be called often.
	Progress(p steward.Progress)
	// OpenFile reads a stored file. The caller closes it.
	OpenFile(ctx context.Context, f steward.File) (io.ReadSeekCloser, error)
	// Fetch gets a URL under the house's rules and keeps it as a file of the run. Of a picture it takes at most maxPicture bytes, 0 meaning
	// as many as of any file; a longer one is a failure.
	Fetch(ctx context.Context, url string, maxPicture int64) (steward.File, error)
	// StoredFile returns a file of the run's organization by its id.
	StoredFile(ctx context.Context, id steward.FileID) (steward.File, error)
	// SaveReference stores a file for the job's readers and returns it with its URL.
	SaveReference(ctx context.Context, name steward.ReferenceID, kind, contentType string, r io.Reader) (steward.Reference, string, error)
}

// StepSpec names a step.
type StepSpec struct {
	Name  string // stable within the run; at most 200 bytes
	Kind  steward.StepKind
	Input any    // what the step is given; hashed into the journal, not stored. nil means nothing
	Model string // for StepModel

	// For StepModel; a call that is under way must not begin another one, which might wait for its end.
	Provider string                          // whose model it is; "" when unknown
	Reserve  *steward.MicroUSD               // what the step may cost at most, as far as can be told; nil when it cannot
	Unpriced bool                            // nobody will know what it cost: it is refused where there is a limit
	Prompt   func() (json.RawMessage, error) // what is asked, for those who keep it; nil means nothing to keep

	others []model.Spent // what other models used that were asked before
}

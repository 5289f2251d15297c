// Package enginetest has engines for tests and benchmarks: they do nothing but steps, and can tell an observer outside the
// process what they did.
package enginetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/model"
)

// Steps is an engine whose runs do N recorded steps, one after the other, and answer {"steps": N}. Its class id is
// "Steps<N>Engine"; it takes an optional input "text".
type Steps struct {
	N      int
	Effect func(ctx context.Context, run *engine.Run, step string) error // called inside each step; may be nil
}

// Type implements engine.Engine.
func (s Steps) Type() steward.EngineType {
	id := fmt.Sprintf("Steps%dEngine", s.N)
	return steward.EngineType{
		ClassID: id, DisplayName: id, Summary: "Does steps.", Description: "Does steps.", Categories: []string{"workflow"},
		DefaultInputDefinitions: []steward.InputDefinition{{Key: "text", DataType: "text/plain", Description: "Any text"}},
		Outputs:                 []steward.Datum{{Key: "output", DataType: "application/json"}},
	}
}

// Params implements engine.Engine.
func (s Steps) Params() []engine.Param {
	return []engine.Param{
		{Name: "text", Kind: engine.KindText, Bindable: true, Description: "Any text."},
		{Name: "max_cost_usd", Kind: engine.KindNumber, Description: "Budget of a run."},
	}
}

// Run implements engine.Engine.
func (s Steps) Run(ctx context.Context, run *engine.Run) (*engine.Result, error) {
	for i := range s.N {
		name := fmt.Sprintf("step[%d]", i)
		_, err := engine.Do(ctx, run, engine.StepSpec{Name: name, Kind: steward.StepCompute}, func(ctx context.Context) (int, error) {
			if s.Effect == nil {
				return i, nil
			}
			return i, s.Effect(ctx, run, name)
		})
		if err != nil {
			return nil, err
		}
	}
	return &engine.Result{Outputs: []steward.Datum{{Key: "output", DataType: "application/json", Value: fmt.Sprintf(`{"steps":%d}`, s.N)}}}, nil
}

// Func is an engine made of a function. Its class id is ID.
type Func struct {
	ID     string
	Config []engine.Param
	Do     func(ctx context.Context, run *engine.Run) (*engine.Result, error)
}

// Type implements engine.Engine.
func (f Func) Type() steward.EngineType {
	return steward.EngineType{ClassID: f.ID, DisplayName: f.ID, Summary: f.ID, Categories: []string{"workflow"}}
}

// Params implements engine.Engine.
func (f Func) Params() []engine.Param { return f.Config }

// Run implements engine.Engine.
func (f Func) Run(ctx context.Context, run *engine.Run) (*engine.Result, error) {
	return f.Do(ctx, run)
}

// Output is the result with one JSON datum.
func Output(v any) (*engine.Result, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode output: %w", err)
	}
	return &engine.Result{Outputs: []steward.Datum{{Key: "output", DataType: "application/json", Value: string(text)}}}, nil
}

// Models is a catalogue for tests: model ids and what answers for them. The id "" is answered by "default".
type Models map[string]model.Model

// Model implements engine.ModelSource.
func (m Models) Model(id string) (model.Model, steward.LanguageModel, error) {
	if id == "" {
		id = "default"
	}
	if mod, ok := m[id]; ok {
		return mod, steward.LanguageModel{ID: id, Providers: []string{"test"}, Capabilities: []string{"text"}}, nil
	}
	if id == "default" {
		return model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			return nil, errors.New("this test has no model")
		}), steward.LanguageModel{ID: id, Providers: []string{"test"}}, nil
	}
	return nil, steward.LanguageModel{}, &steward.Failure{Code: steward.FailInvalidConfig, Message: fmt.Sprintf("model %q is not known", id)}
}

// Models lists nothing.
func (m Models) Models() []steward.LanguageModel { return nil }

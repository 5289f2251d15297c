package enginetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
)

// CrashClassID is the id of the engine Crash.
const CrashClassID = "CrashEngine"

// Crash is an engine whose results can be foretold, for tests that kill it: each of its steps makes a value of the one before,
// costs a known amount, and is told to an observer outside of the process. How many steps there are and what comes after them is the
// configuration's.
type Crash struct {
	// Effect is told of each step while it is done. With a key it is a change in the world, which the observer makes once for the key.
	Effect func(ctx context.Context, run *engine.Run, step, key string) error
	// Fault makes the engine wrong in one way, so that tests can show that this is noticed; see CrashFaults.
	Fault string
}

// CrashFaults lists the ways in which a Crash can be wrong: it does a step again that is recorded, or makes the same change under
// another key.
func CrashFaults() []string { return []string{"repeat_step", "double_effect"} }

// Type implements engine.Engine.
func (Crash) Type() steward.EngineType {
	return steward.EngineType{
		ClassID: CrashClassID, DisplayName: "Crash", Summary: "Can be killed.", Description: "Can be killed.", Categories: []string{"workflow"},
		DefaultInputDefinitions: []steward.InputDefinition{{Key: "text", DataType: "text/plain", Description: "Any text"}},
		Outputs:                 []steward.Datum{{Key: "output", DataType: "application/json"}},
	}
}

// Params implements engine.Engine.
func (Crash) Params() []engine.Param {
	flag := func(name, what string) engine.Param {
		return engine.Param{Name: name, Kind: engine.KindBoolean, Default: false, Description: what}
	}
	return []engine.Param{
		{Name: "text", Kind: engine.KindText, Bindable: true, Description: "Any text."},
		{Name: "steps", Kind: engine.KindInteger, Default: 3, Description: "How many steps."},
		{Name: "pause_ms", Kind: engine.KindInteger, Default: 0, Description: "How long a step takes."},
		flag("keyed", "Make a change in the world, under a key."),
		flag("save", "Save a file, and let the outputs of steps be so long that they are kept as files."),
		flag("hold", "Wait until the run is cancelled."),
		flag("fail", "Fail after the steps."),
		flag("retry", "Have a passing fault at the first attempt."),
		flag("model", "Let the steps be calls of a model, which budgets are for."),
		{Name: "max_cost_usd", Kind: engine.KindNumber, Description: "Budget of a run."},
	}
}

// crashPadding makes an output too long for a row.
const crashPadding = 40_000

// CrashValue is what a run of a number of steps answers to a text.
func CrashValue(text string, steps int) string {
	for i := range steps {
		text = crashStep(text, i)
	}
	return text
}

func crashStep(before string, i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s|%d", before, i))
	return hex.EncodeToString(sum[:8])
}

// CrashUsage is what step i of a run uses.
func CrashUsage(i int) steward.Usage {
	cost := steward.MicroUSD(10 + i)
	return steward.Usage{InputTokens: int64(3 + i), OutputTokens: 2, Cost: &cost}
}

// Run implements engine.Engine.
func (e Crash) Run(ctx context.Context, run *engine.Run) (*engine.Result, error) {
	value, padding := run.Config.String("text"), ""
	if run.Config.Bool("save") {
		padding = strings.Repeat(" ", crashPadding)
	}
	steps := run.Config.Int("steps")
	for i := range steps {
		name := fmt.Sprintf("step[%d]", i)
		out, err := engine.DoMetered(ctx, run, crashSpec(run, name, i), func(ctx context.Context) (string, steward.Usage, error) {
			if err := e.tell(ctx, run, name, ""); err != nil {
				return "", steward.Usage{}, err
			}
			wait(ctx, time.Duration(run.Config.Int("pause_ms"))*time.Millisecond)
			return crashStep(value, i) + padding, CrashUsage(i), ctx.Err()
		})
		if err != nil {
			return nil, err
		}
		value = strings.TrimRight(out, " ")
	}
	if e.Fault == "repeat_step" && run.Job.Attempt > 1 && steps > 0 {
		if err := e.tell(ctx, run, "step[0]", ""); err != nil {
			return nil, err
		}
	}
	return e.end(ctx, run, value)
}

// crashSpec says what step i is.
func crashSpec(run *engine.Run, name string, i int) engine.StepSpec {
	spec := engine.StepSpec{Name: name, Kind: steward.StepCompute}
	if run.Config.Bool("model") {
		spec.Kind, spec.Model, spec.Reserve = steward.StepModel, "crash", CrashUsage(i).Cost
	}
	return spec
}

// end does what comes after the steps.
func (e Crash) end(ctx context.Context, run *engine.Run, value string) (*engine.Result, error) {
	if run.Config.Bool("keyed") {
		if err := e.change(ctx, run); err != nil {
			return nil, err
		}
	}
	if run.Config.Bool("save") {
		if _, _, err := run.SaveReference(ctx, "proof.txt", "page", "text/plain", strings.NewReader("proof of "+value)); err != nil {
			return nil, err
		}
	}
	if run.Config.Bool("hold") {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	if run.Config.Bool("retry") && run.Job.Attempt == 1 {
		return nil, &steward.Failure{Code: steward.FailProviderError, Message: "The provider is busy.", Transient: true}
	}
	if run.Config.Bool("fail") {
		return nil, &steward.Failure{Code: steward.FailModelRefused, Message: "The model will not answer this."}
	}
	return Output(map[string]string{"value": value})
}

// change makes a change in the world under a key that every attempt knows.
func (e Crash) change(ctx context.Context, run *engine.Run) error {
	key := string(run.Job.ID) + "/change"
	if e.Fault == "double_effect" {
		key += fmt.Sprint(run.Job.Attempt)
		if err := e.tell(ctx, run, "change", key+"again"); err != nil {
			return err
		}
	}
	_, err := engine.Do(ctx, run, engine.StepSpec{Name: "change", Kind: steward.StepCompute}, func(ctx context.Context) (bool, error) {
		return true, e.tell(ctx, run, "change", key)
	})
	return err
}

func (e Crash) tell(ctx context.Context, run *engine.Run, step, key string) error {
	if e.Effect == nil {
		return nil
	}
	return e.Effect(ctx, run, step, key)
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

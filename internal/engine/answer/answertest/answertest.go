// Package answertest runs engines in tests: a journal in memory that survives attempts, and files in memory.
package answertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/engine"
)

// World is what outlives the attempts of one job.
type World struct {
	OnBegin func(spec engine.StepSpec) error // speaks before each step that is not recorded; may be nil
	Web     map[string]steward.File          // what stands at URLs; other URLs cannot be fetched

	mu       sync.Mutex
	steps    map[string]steward.Step
	done     []string // names of steps in the order in which they were done
	files    map[string][]byte
	progress steward.Progress
}

// NewWorld returns an empty World.
func NewWorld() *World {
	return &World{steps: map[string]steward.Step{}, files: map[string][]byte{}}
}

// File stores data as a file of the job.
func (w *World) File(name string, data []byte) steward.File {
	return w.FileOf(name, "application/pdf", data)
}

// FileOf stores data of some content type as a file of the job.
func (w *World) FileOf(name, contentType string, data []byte) steward.File {
	sum := sha256.Sum256(data)
	f := steward.File{Name: name, ContentType: contentType, SizeBytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files[f.SHA256] = data
	return f
}

// Run compiles a configuration, binds inputs and runs one attempt.
func (w *World) Run(ctx context.Context, t testing.TB, e engine.Engine, models engine.ModelSource, config map[string]any, inputs ...steward.Input) (*engine.Result, error) {
	t.Helper()
	reg, err := engine.NewRegistry(e)
	if err != nil {
		t.Fatalf("registry: %v", err)
	}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatalf("configuration: %v", err)
	}
	defs := make([]steward.InputDefinition, 0, len(inputs))
	for _, in := range inputs {
		defs = append(defs, steward.InputDefinition{Key: in.Key, DataType: in.DataType, AcceptsMultipleFiles: true})
	}
	prog, err := engine.Compile(reg, models, engine.ProgramParams{EngineClassID: e.Type().ClassID, Definitions: defs, Config: raw})
	if err != nil {
		return nil, err
	}
	bound, err := prog.Bind(inputs)
	if err != nil {
		return nil, err
	}
	job := steward.Job{ID: "0198d2a0-0000-7000-8000-000000000001", Attempt: 1, Inputs: inputs}
	return e.Run(ctx, engine.NewRun(engine.RunParams{Job: job, Config: bound, Models: models, Journal: w, Clock: clock.System{}}))
}

// Done lists the steps that were done, in order, over all attempts.
func (w *World) Done() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.done)
}

// Step returns a recorded step.
func (w *World) Step(name string) steward.Step {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.steps[name]
}

// Forget removes a step from the journal, as if the process had died before it was recorded.
func (w *World) Forget(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.steps, name)
}

// LastProgress is the last word about how far the run is.
func (w *World) LastProgress() steward.Progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.progress
}

// Recorded implements engine.Journal.
func (w *World) Recorded(name string) (steward.Step, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.steps[name]
	return s, ok
}

// Record implements engine.Journal.
func (w *World) Record(_ context.Context, step steward.Step) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps[step.Name] = step
	w.done = append(w.done, step.Name)
	return nil
}

// Begin implements engine.Journal.
func (w *World) Begin(ctx context.Context, spec engine.StepSpec) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.OnBegin != nil {
		if err := w.OnBegin(spec); err != nil {
			return nil, err
		}
	}
	return func() {}, nil
}

// Progress implements engine.Journal.
func (w *World) Progress(p steward.Progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress = p
}

// memoryFile is an open file.
type memoryFile struct{ *bytes.Reader }

// Close implements io.Closer.
func (memoryFile) Close() error { return nil }

// OpenFile implements engine.Journal.
func (w *World) OpenFile(_ context.Context, f steward.File) (io.ReadSeekCloser, error) {
	w.mu.Lock()
	data, ok := w.files[f.SHA256]
	w.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("no file %s", f.Name)
	}
	return memoryFile{bytes.NewReader(data)}, nil
}

// Fetch implements engine.Journal.
func (w *World) Fetch(_ context.Context, url string, _ int64) (steward.File, error) {
	if f, ok := w.Web[url]; ok {
		f.SourceURL = url
		return f, nil
	}
	return steward.File{}, &steward.Failure{Code: steward.FailFetchBlocked, Message: "Cannot fetch " + url + "."}
}

// StoredFile implements engine.Journal.
func (w *World) StoredFile(_ context.Context, id steward.FileID) (steward.File, error) {
	return steward.File{}, &steward.Error{Code: steward.NotFound, Message: "no file " + string(id)}
}

// SaveReference implements engine.Journal.
func (w *World) SaveReference(_ context.Context, name steward.ReferenceID, kind, contentType string, r io.Reader) (steward.Reference, string, error) {
	n, err := io.Copy(io.Discard, r)
	return steward.Reference{ResourceID: name, Kind: kind, ContentType: contentType, SizeBytes: n}, "https://steward.test/references/" + string(name) + "/", err
}

package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/model"
)

// MaxStepName is the longest name of a step, in bytes.
const MaxStepName = 200

// Run is one attempt of one job, as its engine sees it. Its methods may be called concurrently by the engine's goroutines.
type Run struct {
	Job    steward.Job // what is run; not to be changed
	Config Config      // the version's configuration with the job's inputs put in

	models  ModelSource
	journal Journal
	clock   clock.Clock
	log     *slog.Logger
	traces  bool
}

// RunParams makes a Run. All fields but Logger are required.
type RunParams struct {
	Job     steward.Job
	Config  Config
	Models  ModelSource
	Journal Journal
	Clock   clock.Clock
	Logger  *slog.Logger // nil means slog.Default()

	// StoreTraces keeps what models are asked, and what they answer beyond the run's end.
	StoreTraces bool
}

// NewRun returns the Run of one attempt.
func NewRun(p RunParams) *Run {
	if p.Logger == nil {
		p.Logger = slog.Default()
	}
	return &Run{Job: p.Job, Config: p.Config, models: p.Models, journal: p.Journal, clock: p.Clock, log: p.Logger, traces: p.StoreTraces}
}

// Do runs one step of r, or returns its result from an earlier attempt without calling fn. The result is stored as JSON,
// durably, before Do returns; T must survive encoding and decoding. Errors of fn are returned and not recorded: the next attempt tries again. What
// a *steward.Failure of fn used is booked.
//
// Errors: those of fn; the cause of ctx when the run is interrupted (cancelled, timed out, over budget, lease lost).
func Do[T any](ctx context.Context, r *Run, spec StepSpec, fn func(ctx context.Context) (T, error)) (T, error) {
	return DoMetered(ctx, r, spec, func(ctx context.Context) (T, steward.Usage, error) {
		v, err := fn(ctx)
		return v, steward.Free(), err
	})
}

// DoMetered is Do for a step that tells what it used, which is added to the job's tokens and cost.
func DoMetered[T any](ctx context.Context, r *Run, spec StepSpec, fn func(ctx context.Context) (T, steward.Usage, error)) (T, error) {
	return doStep(ctx, r, &spec, fn)
}

// doStep does a step. fn may still change the model, the provider and the others of spec.
func doStep[T any](ctx context.Context, r *Run, spec *StepSpec, fn func(ctx context.Context) (T, steward.Usage, error)) (T, error) {
	var zero T
	if spec.Name == "" || len(spec.Name) > MaxStepName {
		return zero, fmt.Errorf("step name %q: must have 1 to %d bytes", spec.Name, MaxStepName)
	}
	if done, ok := r.journal.Recorded(spec.Name); ok {
		var v T
		if err := json.Unmarshal(done.Output, &v); err != nil {
			return zero, fmt.Errorf("step %s: read recorded output: %w", spec.Name, err)
		}
		return v, nil
	}
	end, err := r.journal.Begin(ctx, *spec)
	if err != nil {
		return zero, err
	}
	defer end()
	hash, err := hashInput(spec.Input)
	if err != nil {
		return zero, fmt.Errorf("step %s: hash input: %w", spec.Name, err)
	}
	started := r.clock.Now()
	v, usage, err := fn(ctx)
	if err != nil {
		return zero, interruption(ctx, r.book(ctx, spec, hash, started, err))
	}
	if err := r.bookSpent(ctx, spec, hash, started, spec.others); err != nil { // before the step itself, or a crash in between would lose it
		return zero, err
	}
	out, err := json.Marshal(v)
	if err != nil {
		return zero, fmt.Errorf("step %s: encode output: %w", spec.Name, err)
	}
	step := steward.Step{
		JobID: r.Job.ID, Name: spec.Name, Kind: spec.Kind, InputHash: hash, Output: out, Attempt: r.Job.Attempt,
		StartedAt: started, EndedAt: r.clock.Now(), Usage: usage, Model: spec.Model,
	}
	if err := r.trace(spec, &step); err != nil {
		return zero, fmt.Errorf("step %s: %w", spec.Name, err)
	}
	if err := r.journal.Record(ctx, step); err != nil {
		return zero, fmt.Errorf("step %s: %w", spec.Name, err)
	}
	return v, nil
}

// book records what a failed step used (see bookSpent), so that the job's cost, the books and the budgets know of it. The step itself
// stays undone. The failure comes back without what is booked.
func (r *Run) book(ctx context.Context, spec *StepSpec, hash string, started time.Time, failed error) error {
	var f *steward.Failure
	spent := model.SpentBy(failed)
	if !errors.As(failed, &f) || len(spent) == 0 {
		return failed
	}
	booked := *f
	booked.Usage, booked.Err = nil, failed
	if err := r.bookSpent(ctx, spec, hash, started, spent); err != nil {
		return errors.Join(&booked, err)
	}
	return &booked
}

// bookSpent records what failed calls of a step used, each model's as a step of its own (see steward.FailedStep).
func (r *Run) bookSpent(ctx context.Context, spec *StepSpec, hash string, started time.Time, spent []model.Spent) error {
	for i := range spent {
		asked := *spec
		asked.Model, asked.Provider = cmp.Or(spent[i].Model, spec.Model), cmp.Or(spent[i].Provider, spec.Provider)
		name := ""
		for n, taken := 0, true; taken; n++ {
			name = steward.FailedStep(spec.Name, n, MaxStepName)
			_, taken = r.journal.Recorded(name)
		}
		step := steward.Step{
			JobID: r.Job.ID, Name: name, Kind: spec.Kind, InputHash: hash, Output: json.RawMessage("null"), Attempt: r.Job.Attempt,
			StartedAt: started, EndedAt: r.clock.Now(), Usage: spent[i].Usage, Model: asked.Model,
		}
		err := r.trace(&asked, &step)
		if err == nil {
			err = r.journal.Record(ctx, step)
		}
		if err != nil {
			return fmt.Errorf("step %s: %w", name, err)
		}
	}
	return nil
}

// trace fills in what is kept of a model call besides its answer.
func (r *Run) trace(spec *StepSpec, step *steward.Step) (err error) {
	if spec.Kind != steward.StepModel {
		return nil
	}
	sum := sha256.Sum256(step.Output)
	step.Provider, step.OutputHash = spec.Provider, hex.EncodeToString(sum[:])
	if !r.traces {
		step.ForgetOutput = true
		return nil
	}
	if spec.Prompt != nil {
		step.Prompt, err = spec.Prompt()
	}
	return err
}

// interruption prefers the reason why ctx ended over the error that its end caused.
func interruption(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
		return cause
	}
	return err
}

// Model returns the model that a configuration names; "" means the server's default. Each call of it is a recorded step named
// by Request.Step, and counts against the job's budget.
//
// Errors: *steward.Failure FailInvalidConfig, FailProviderNotConfigured.
func (r *Run) Model(id string) (model.Model, steward.LanguageModel, error) {
	m, info, err := r.models.Model(id)
	if err != nil {
		return nil, info, err
	}
	estimate, priced := Reckon(r.models, id)
	journal := func(ctx context.Context, c model.Call, call func(ctx context.Context) (*model.Response, error)) (*model.Response, error) {
		spec := StepSpec{
			Name: c.Step, Kind: steward.StepModel, Input: c.Input, Model: info.ID, Provider: info.Provider,
			Reserve: estimate(c.Request), Unpriced: !priced, Prompt: c.Request.Prompt,
		}
		return doStep(ctx, r, &spec, func(ctx context.Context) (*model.Response, steward.Usage, error) {
			resp, err := call(ctx)
			if err != nil {
				return nil, steward.Usage{}, err
			}
			// Another one than was asked for may have answered.
			spec.Model, spec.Provider, spec.others = cmp.Or(resp.Model, spec.Model), cmp.Or(resp.Provider, spec.Provider), resp.Others
			return resp, resp.Usage, nil
		})
	}
	return model.WithJournal(m, journal), info, nil
}

// What one parameter's files may come to, wherever they are from.
const (
	maxFiles     = 20
	maxFileBytes = 250 << 20
)

// Files returns the files that a configuration parameter stands for: uploads, stored files by id, URLs (fetched as steps).
// The result is empty when the parameter is.
//
// Errors: *steward.Failure naming the parameter.
func (r *Run) Files(ctx context.Context, param string) ([]steward.File, error) {
	return r.Pictures(ctx, param, 0)
}

// Pictures is Files for a parameter of which no picture behind a URL may be longer than so many bytes: its download stops there. 0 means
// as long as any file.
func (r *Run) Pictures(ctx context.Context, param string, maxRemote int64) ([]steward.File, error) {
	var files []steward.File
	refs := r.Config.FileRefs(param)
	if len(refs) > maxFiles {
		return nil, &steward.Failure{Code: steward.FailInvalidConfig, Message: fmt.Sprintf("%s names %d files, at most %d can be read.", param, len(refs), maxFiles)}
	}
	var total int64
	for i, ref := range refs {
		f, err := r.resolveFile(ctx, param, i, ref, maxRemote)
		if err != nil {
			return nil, named(err, fmt.Sprintf("%s[%d]", param, i))
		}
		if total += f.SizeBytes; total > maxFileBytes {
			return nil, &steward.Failure{Code: steward.FailUnsupportedFile, Message: fmt.Sprintf("The files of %s exceed %d MiB together.", param, maxFileBytes>>20)}
		}
		files = append(files, f)
	}
	return files, nil
}

// named puts the name of a file, which is counted from 0, before the message of its failure.
func named(err error, file string) error {
	var f *steward.Failure
	if !errors.As(err, &f) {
		return err
	}
	about := *f
	about.Message = file + ": " + strings.TrimPrefix(f.Message, file[:strings.IndexByte(file, '[')]+": ")
	about.Err = err
	return &about
}

func (r *Run) resolveFile(ctx context.Context, param string, i int, ref FileRef, maxPicture int64) (steward.File, error) {
	switch {
	case ref.File != nil && ref.File.SHA256 == "" && ref.File.SourceURL != "":
		return r.fetch(ctx, param, i, ref.File.SourceURL, maxPicture)
	case ref.File != nil:
		return *ref.File, nil
	case steward.IsFileID(ref.Text):
		id, err := steward.ParseFileID(param, ref.Text)
		if err != nil {
			return steward.File{}, err
		}
		f, err := r.journal.StoredFile(ctx, id)
		if steward.CodeOf(err) == steward.NotFound {
			return f, &steward.Failure{Code: steward.FailMissingInput, Message: fmt.Sprintf("%s: stored file %s does not exist.", param, id)}
		}
		return f, err
	case IsURL(ref.Text):
		return r.fetch(ctx, param, i, ref.Text, maxPicture)
	default:
		return steward.File{}, &steward.Failure{
			Code:    steward.FailMissingInput,
			Message: fmt.Sprintf("%s: %q is neither a file, a stored file's id nor an http(s) URL.", param, clip(ref.Text, 80)),
		}
	}
}

// fetch gets a parameter's URL as one step.
func (r *Run) fetch(ctx context.Context, param string, i int, url string, maxPicture int64) (steward.File, error) {
	spec := StepSpec{Name: fmt.Sprintf("fetch.%s[%d]", param, i), Kind: steward.StepFetch, Input: url}
	return Do(ctx, r, spec, func(ctx context.Context) (steward.File, error) { return r.journal.Fetch(ctx, url, maxPicture) })
}

// OpenFile reads a stored file. The caller closes it.
func (r *Run) OpenFile(ctx context.Context, f steward.File) (io.ReadSeekCloser, error) {
	return r.journal.OpenFile(ctx, f)
}

// SaveReference stores a file for the job's readers. name must match ^[A-Za-z0-9._-]{1,128}$. It returns the URL that belongs
// into the output's "references". Saving the same name again with the same bytes is harmless.
func (r *Run) SaveReference(ctx context.Context, name steward.ReferenceID, kind, contentType string, body io.Reader) (steward.Reference, string, error) {
	return r.journal.SaveReference(ctx, name, kind, contentType, body)
}

// Progress tells how far the run is. Cheap: it is stored with the next heartbeat.
func (r *Run) Progress(done, total int, message string) {
	r.journal.Progress(steward.Progress{Done: done, Total: total, Message: message})
}

// Log returns the run's logger. Never log inputs, prompts or outputs.
func (r *Run) Log() *slog.Logger { return r.log }

// Now returns the current time.
func (r *Run) Now() time.Time { return r.clock.Now() }

// hashInput returns the hex SHA-256 of a step's input, "" for nil.
func hashInput(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(v); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

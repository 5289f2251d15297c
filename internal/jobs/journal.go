package jobs

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
)

// journal is the record of one attempt's steps. It implements engine.Journal over the store.
type journal struct {
	a *attempt

	mu       sync.Mutex
	steps    map[string]steward.Step
	inFlight int // steps begun and not ended
	usage    steward.Usage
	known    steward.MicroUSD // what is known of the cost
	unpriced string           // a model that was asked and whose price is unknown
	limit    *purse           // nil means none of the run's own
	refs     map[steward.ReferenceID]steward.Reference
}

func newJournal(a *attempt) *journal {
	return &journal{a: a, steps: map[string]steward.Step{}, usage: steward.Free(), refs: map[steward.ReferenceID]steward.Reference{}}
}

// referenceStep is the start of the names of steps that saved a reference.
const referenceStep = "reference."

// filed stands in a step's row for an output, or a prompt, that is kept as a file.
type filed struct {
	SHA256 string `json:"steward_output_sha256"`
	Bytes  int64  `json:"bytes"`
}

// filedMark is how the JSON of filed begins.
const filedMark = `{"steward_output_sha256":`

// load reads what earlier attempts recorded. It may be called again after an error of the database.
func (j *journal) load(ctx context.Context) error {
	steps, err := j.a.w.svc.store.LoadSteps(ctx, j.a.lease)
	if err != nil {
		return fmt.Errorf("load steps: %w", err)
	}
	for i := range steps {
		st := &steps[i]
		if st.Output, err = j.a.w.svc.unfile(ctx, st.Output); err != nil {
			return fmt.Errorf("load step %s: %w", st.Name, err)
		}
	}
	for i := range steps {
		if err := j.note(steps[i]); err != nil {
			return fmt.Errorf("load step %s: %w", steps[i].Name, err)
		}
	}
	return nil
}

// unfile returns the JSON of an output or a prompt, from its file when it is kept in one.
func (s *Service) unfile(ctx context.Context, out json.RawMessage) (json.RawMessage, error) {
	if !bytes.HasPrefix(out, []byte(filedMark)) {
		return out, nil
	}
	var f filed
	if err := json.Unmarshal(out, &f); err != nil {
		return nil, fmt.Errorf("read output: %w", err)
	}
	return s.readAll(ctx, steward.File{SHA256: f.SHA256, SizeBytes: f.Bytes}, f.Bytes)
}

// note takes a recorded step into the attempt's totals.
func (j *journal) note(st steward.Step) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.steps[st.Name] = st
	j.usage = j.usage.Add(st.Usage)
	switch {
	case st.Usage.Cost != nil:
		j.known += *st.Usage.Cost
	case j.unpriced == "":
		j.unpriced = cmp.Or(st.Model, "that was asked")
	}
	if strings.HasPrefix(st.Name, referenceStep) {
		var ref steward.Reference
		if err := json.Unmarshal(st.Output, &ref); err != nil {
			return fmt.Errorf("read reference: %w", err)
		}
		j.refs[ref.ResourceID] = ref
	}
	return nil
}

// setLimit gives the run a limit of its own. It is called before the first step is begun.
func (j *journal) setLimit(m steward.MicroUSD) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.limit = &purse{limit: m, base: j.known}
}

// Recorded implements engine.Journal.
func (j *journal) Recorded(name string) (steward.Step, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	st, ok := j.steps[name]
	return st, ok
}

// Begin implements engine.Journal: interruptions first, then the budgets of the job, the organization and the agent, for which it may
// have to wait, as it does for room on a full disk: what is begun then could not be recorded.
func (j *journal) Begin(ctx context.Context, spec engine.StepSpec) (end func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := j.a.w.svc.opts.Disk.AwaitRoom(ctx); err != nil {
		return nil, err
	}
	release := func() {}
	if spec.Kind == steward.StepModel {
		if release, err = j.reserve(ctx, &spec); err != nil {
			return nil, err
		}
	}
	if err := j.a.w.keep(j.a); err != nil {
		release()
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.inFlight++
	return func() {
		j.mu.Lock()
		j.inFlight--
		j.mu.Unlock()
		release()
	}, nil
}

// reserve waits until a call may spend what it may cost.
func (j *journal) reserve(ctx context.Context, spec *engine.StepSpec) (release func(), err error) {
	spend, org, agent := j.a.w.svc.spend, j.a.job.OrganizationID, j.a.job.AgentID
	purses, err := spend.purses(ctx, org, agent)
	if err != nil {
		return nil, err
	}
	switch {
	case spec.Unpriced && j.limit != nil:
		return nil, j.unpricedModel(spec.Model)
	case spec.Unpriced && len(purses) > 0:
		return nil, unpricedBudget(spec.Model, purses[0])
	}
	if j.limit != nil {
		j.mu.Lock()
		unpriced := j.unpriced
		j.mu.Unlock()
		if unpriced != "" {
			return nil, j.unpricedModel(unpriced)
		}
		purses = append(purses, j.limit)
	}
	here, err := spend.reserve(ctx, purses, spec.Reserve, func(all bool) error { return spend.refresh(ctx, purses, all) })
	if err != nil {
		return nil, costLimit(err)
	}
	everywhere, err := spend.hold(ctx, j.a.lease, org, agent, purses, spec.Reserve)
	if err != nil {
		here()
		return nil, costLimit(err)
	}
	return func() {
		everywhere()
		here()
	}, nil
}

func unpricedBudget(name string, p *purse) error {
	return &steward.Failure{Code: steward.FailCostLimit, Message: fmt.Sprintf(
		"The price of the model %s is unknown, so the budget of the %s cannot be kept.", name, p.of)}
}

// costLimit makes a failure of a budget that is used up.
func costLimit(err error) error {
	if used := (*errUsedUp)(nil); errors.As(err, &used) {
		return &steward.Failure{Code: steward.FailCostLimit, Message: used.Error()}
	}
	return err
}

func (j *journal) unpricedModel(name string) error {
	return &steward.Failure{Code: steward.FailCostLimit, Message: fmt.Sprintf(
		"The price of the model %s is unknown, so the run's limit of %.6f USD cannot be kept.", name, j.limit.limit.USD())}
}

// overLimit returns the failure of a job that has used up its budget, nil while there is something left.
func (j *journal) overLimit() error {
	if j.limit == nil {
		return nil
	}
	j.mu.Lock()
	unpriced, known := j.unpriced, j.known
	j.mu.Unlock()
	switch {
	case unpriced != "":
		return j.unpricedModel(unpriced)
	case known < j.limit.limit, j.limit.limit == 0 && known == 0:
		return nil
	}
	return &steward.Failure{Code: steward.FailCostLimit, Message: (&errUsedUp{spent: known, limit: j.limit.limit}).Error()}
}

// Record implements engine.Journal. A step that uses up the budget interrupts the steps beside it.
func (j *journal) Record(ctx context.Context, st steward.Step) error {
	// A finished step is recorded even when the run has just been interrupted: the work is done and paid for.
	ctx = context.WithoutCancel(ctx)
	stored := st
	for _, text := range []*json.RawMessage{&stored.Output, &stored.Prompt} {
		// What looks like the mark of a filed one is filed too, so that the mark can be trusted.
		if len(*text) <= inlineBytes && !bytes.HasPrefix(*text, []byte(filedMark)) {
			continue
		}
		var err error
		if *text, err = j.file(ctx, *text); err != nil {
			return fmt.Errorf("store output: %w", err)
		}
	}
	if err := failpoint.Hit("jobs.record.before"); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if err := j.store(ctx, stored); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	failpoint.Pass("jobs.record.after")
	if !st.Failed() {
		j.a.w.progressed(j.a)
	}
	if err := j.note(st); err != nil {
		return err
	}
	if st.Usage.Cost != nil {
		j.a.w.svc.spend.add(j.a.job.OrganizationID, j.a.job.AgentID, *st.Usage.Cost, st.EndedAt, j.limit)
	}
	j.mu.Lock()
	waiting := j.inFlight > 1
	j.mu.Unlock()
	if err := j.overLimit(); err != nil && waiting {
		j.a.cancel(err)
	}
	return nil
}

// file keeps an output as a file and returns what stands for it.
func (j *journal) file(ctx context.Context, out json.RawMessage) (json.RawMessage, error) {
	var f filed
	err := j.a.patiently(ctx, func(ctx context.Context) (err error) {
		f.SHA256, f.Bytes, err = j.a.w.svc.files.SaveForJob(ctx, j.a.lease, bytes.NewReader(out))
		return err
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(f)
}

// store records a step, again while the database is away. A try that seemed to fail may have been stored: then the next one finds
// its name taken by the same step.
func (j *journal) store(ctx context.Context, st steward.Step) error {
	tries := 0
	return j.a.patiently(ctx, func(ctx context.Context) error {
		tries++
		err := j.a.w.svc.store.RecordStep(ctx, j.a.lease, st)
		if tries > 1 && steward.CodeOf(err) == steward.Conflict && !errors.Is(err, store.ErrLeaseLost) {
			return j.isStored(ctx, st, err)
		}
		return err
	})
}

// isStored returns nil when the database has this very step, taken when it has another of its name, and why it could not be asked.
func (j *journal) isStored(ctx context.Context, st steward.Step, taken error) error {
	steps, err := j.a.w.svc.store.LoadSteps(ctx, j.a.lease)
	if err != nil {
		return fmt.Errorf("look for a step: %w", err)
	}
	if slices.ContainsFunc(steps, func(s steward.Step) bool {
		return s.Name == st.Name && s.Attempt == st.Attempt && s.StartedAt.Equal(st.StartedAt)
	}) {
		return nil
	}
	return taken
}

// Progress implements engine.Journal.
func (j *journal) Progress(p steward.Progress) { j.a.setProgress(p) }

// OpenFile implements engine.Journal.
func (j *journal) OpenFile(ctx context.Context, f steward.File) (io.ReadSeekCloser, error) {
	return j.a.w.svc.files.Open(ctx, f)
}

// Fetch implements engine.Journal.
func (j *journal) Fetch(ctx context.Context, url string, maxPicture int64) (steward.File, error) {
	return j.a.w.svc.files.FetchForJob(ctx, j.a.lease, url, maxPicture)
}

// StoredFile implements engine.Journal.
func (j *journal) StoredFile(ctx context.Context, id steward.FileID) (steward.File, error) {
	f, err := j.a.w.svc.files.Stored(ctx, j.a.job.OrganizationID, id)
	if err != nil {
		return f, err
	}
	return f, j.a.w.svc.files.HoldForJob(ctx, j.a.lease, f)
}

// referenceName is what a reference may be called: one path segment that needs no escaping.
var referenceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// SaveReference implements engine.Journal. The saving is a step of its own, so a resumed run knows the reference.
func (j *journal) SaveReference(ctx context.Context, name steward.ReferenceID, kind, contentType string, body io.Reader) (steward.Reference, string, error) {
	if !referenceName.MatchString(string(name)) {
		return steward.Reference{}, "", fmt.Errorf("reference %q: not a valid name", name)
	}
	url := fmt.Sprintf("%s/v1/agents/jobs/%s/references/%s/", j.a.w.opts.PublicURL, j.a.job.ID, name)
	step := referenceStep + string(name)
	if _, done := j.Recorded(step); done {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.refs[name], url, nil
	}
	end, err := j.Begin(ctx, engine.StepSpec{Name: step, Kind: steward.StepCompute})
	if err != nil {
		return steward.Reference{}, "", err
	}
	defer end()
	now := j.a.w.svc.clock.Now()
	sum, n, err := j.a.w.svc.files.SaveForJob(ctx, j.a.lease, body)
	if err != nil {
		return steward.Reference{}, "", fmt.Errorf("save reference %s: %w", name, err)
	}
	ref := steward.Reference{ResourceID: name, Kind: kind, ContentType: contentType, SizeBytes: n, SHA256: sum, CapturedAt: now}
	out, err := json.Marshal(ref)
	if err != nil {
		return steward.Reference{}, "", fmt.Errorf("encode reference: %w", err)
	}
	return ref, url, j.Record(ctx, steward.Step{
		JobID: j.a.job.ID, Name: step, Kind: steward.StepCompute, Output: out, Attempt: j.a.job.Attempt,
		StartedAt: now, EndedAt: j.a.w.svc.clock.Now(), Usage: steward.Free(),
	})
}

// totals returns what the job used over all attempts and the references it saved, by name.
func (j *journal) totals() (steward.Usage, []steward.Reference) {
	j.mu.Lock()
	defer j.mu.Unlock()
	refs := make([]steward.Reference, 0, len(j.refs))
	for _, name := range slices.Sorted(maps.Keys(j.refs)) {
		refs = append(refs, j.refs[name])
	}
	return j.usage, refs
}

package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/store"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// textParams is a configuration of one text and one document.
func textParams() []engine.Param {
	return []engine.Param{
		{Name: "text", Kind: engine.KindText, Bindable: true},
		{Name: "doc", Kind: engine.KindFiles, Bindable: true},
		{Name: "model", Kind: engine.KindModel},
		{Name: "max_cost_usd", Kind: engine.KindNumber},
	}
}

func TestAJobRunsItsStepsAndKeepsItsOutputs(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 3}}})
	h.work(jobs.WorkerOptions{})
	agent := h.agent("three", "Steps3Engine", `{}`)

	job := h.end(h.submit(jobs.RunParams{AgentID: agent, Inputs: []jobs.RawInput{{Key: "text", Text: "hello"}}, Metadata: json.RawMessage(`{"case":7}`)}))

	if job.Status != steward.StatusSuccess || len(job.Outputs) != 1 || job.Outputs[0].Value != `{"steps":3}` {
		t.Fatalf("job ended %s with %+v", job.Status, job.Outputs)
	}
	if string(job.Metadata) != `{"case":7}` || job.Attempt != 1 || len(job.Inputs) != 1 || job.Inputs[0].Value != "hello" {
		t.Errorf("metadata %s, attempt %d, inputs %+v", job.Metadata, job.Attempt, job.Inputs)
	}
	var codes []steward.Status
	for _, e := range job.Events {
		codes = append(codes, e.StatusCode)
	}
	if fmt.Sprint(codes) != "[PENDING STARTED SUCCESS]" {
		t.Errorf("events %v", codes)
	}
	steps, err := h.jobs.Steps(h.ctx, job.ID)
	if err != nil || len(steps) != 3 || steps[2].Name != "step[2]" {
		t.Errorf("steps %+v, %v", steps, err)
	}
}

func TestRunSyncReturnsTheEndedJobAndTimesOutWhileTheJobGoesOn(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{enginetest.Steps{N: 0}, enginetest.Func{ID: "Slow", Do: func(ctx context.Context, _ *engine.Run) (*engine.Result, error) {
			select {
			case <-release:
				return enginetest.Output("done")
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}},
		jobs: jobs.Options{SyncTimeout: 300 * time.Millisecond},
	})
	h.work(jobs.WorkerOptions{})

	job, err := h.jobs.RunSync(h.ctx, jobs.RunParams{AgentID: h.agent("quick", "Steps0Engine", `{}`)})
	if err != nil || job.Status != steward.StatusSuccess {
		t.Fatalf("RunSync = %+v, %v", job, err)
	}
	_, err = h.jobs.RunSync(h.ctx, jobs.RunParams{AgentID: h.agent("slow", "Slow", `{}`)})
	if steward.CodeOf(err) != steward.Timeout {
		t.Fatalf("RunSync of a slow job = %v, want a time-out", err)
	}
	close(release)
	list, _, err := h.jobs.List(h.ctx, jobs.ListParams{})
	if err != nil || len(list) != 2 {
		t.Fatalf("List = %d jobs, %v", len(list), err)
	}
	if got := h.end(list[0].ID); got.Status != steward.StatusSuccess {
		t.Errorf("the job that outlived its caller ended %s", got.Status)
	}
}

func TestAPassingFaultIsRetriedWithStatusRetryInBetween(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	flaky := enginetest.Func{ID: "Flaky", Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		if _, err := engine.Do(ctx, run, engine.StepSpec{Name: "paid", Kind: steward.StepCompute}, func(context.Context) (int32, error) {
			return calls.Add(100), nil
		}); err != nil {
			return nil, err
		}
		if calls.Add(1)%100 < 3 {
			return nil, &steward.Failure{Code: steward.FailProviderError, Message: "The provider is overloaded.", Transient: true}
		}
		return enginetest.Output("ok")
	}}
	h := openHouse(t, houseOptions{engines: []engine.Engine{flaky}})
	h.work(jobs.WorkerOptions{Retries: jobs.Retries{First: 10 * time.Millisecond}})

	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Flaky", `{}`)}))

	if job.Status != steward.StatusSuccess || job.Attempt != 3 {
		t.Fatalf("ended %s at attempt %d, want SUCCESS at 3: %+v", job.Status, job.Attempt, job.Failure)
	}
	if got := calls.Load(); got != 103 {
		t.Errorf("the recorded step ran %d times, the rest %d times", got/100, got%100)
	}
	var codes []string
	for _, e := range job.Events {
		codes = append(codes, e.StatusCode.String())
		if e.StatusCode == steward.StatusRetry && e.ErrorMessage != "The provider is overloaded." {
			t.Errorf("retry event says %q", e.ErrorMessage)
		}
	}
	if got := strings.Join(codes, " "); got != "PENDING STARTED RETRY STARTED RETRY STARTED SUCCESS" {
		t.Errorf("events %s", got)
	}
}

func TestRetriesEndAndLastingFaultsAreNotRetried(t *testing.T) {
	t.Parallel()
	fail := func(id string, f *steward.Failure) engine.Engine {
		return enginetest.Func{ID: id, Do: func(context.Context, *engine.Run) (*engine.Result, error) { return nil, f }}
	}
	h := openHouse(t, houseOptions{engines: []engine.Engine{
		fail("Always", &steward.Failure{Code: steward.FailProviderError, Message: "Away.", Transient: true}),
		fail("Mismatch", &steward.Failure{Code: steward.FailSchemaMismatch, Message: "Wrong.", Err: errors.New("secret detail")}),
		enginetest.Func{ID: "Panics", Do: func(context.Context, *engine.Run) (*engine.Result, error) { panic("boom") }},
		enginetest.Func{ID: "Plain", Do: func(context.Context, *engine.Run) (*engine.Result, error) { return nil, errors.New("disk on fire") }},
	}})
	h.work(jobs.WorkerOptions{Retries: jobs.Retries{First: time.Millisecond, Grow: 1}})
	for _, c := range []struct {
		engine   string
		code     steward.FailureCode
		attempts int
	}{{"Always", steward.FailProviderError, 3}, {"Mismatch", steward.FailSchemaMismatch, 1}, {"Panics", steward.FailInternal, 1}, {"Plain", steward.FailInternal, 1}} {
		job := h.end(h.submit(jobs.RunParams{AgentID: h.agent(c.engine, c.engine, `{}`)}))
		if job.Status != steward.StatusFailure || job.Failure == nil || job.Failure.Code != c.code || job.Attempt != c.attempts {
			t.Errorf("%s ended %s at attempt %d with %+v, want %s at %d", c.engine, job.Status, job.Attempt, job.Failure, c.code, c.attempts)
			continue
		}
		if strings.Contains(job.Failure.Message, "secret") || strings.Contains(job.Failure.Message, "fire") || strings.Contains(job.Failure.Message, "boom") {
			t.Errorf("%s shows its cause: %q", c.engine, job.Failure.Message)
		}
	}
}

// waits returns an engine whose run waits inside a step until it is interrupted, and a channel that tells when it waits.
func waits(id string) (engine.Engine, chan struct{}) {
	waiting := make(chan struct{}, 16)
	return enginetest.Func{ID: id, Config: textParams(), Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		_, err := engine.Do(ctx, run, engine.StepSpec{Name: "wait", Kind: steward.StepCompute}, func(ctx context.Context) (int, error) {
			waiting <- struct{}{}
			<-ctx.Done()
			return 0, ctx.Err()
		})
		return nil, err
	}}, waiting
}

func TestCancelInterruptsAWaitingStep(t *testing.T) {
	t.Parallel()
	e, waiting := waits("Waits")
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}})
	h.work(jobs.WorkerOptions{})
	id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Waits", `{}`)})
	<-waiting
	begun := time.Now()
	for range 2 { // twice is harmless
		if err := h.jobs.Cancel(h.ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if job := h.end(id); job.Status != steward.StatusCancelled {
		t.Errorf("ended %s", job.Status)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("cancelling took %v", took)
	}
	if err := h.jobs.Cancel(h.ctx, id); err != nil {
		t.Errorf("cancelling an ended job: %v", err)
	}
}

func TestCancelReachesAWorkerOfAnotherProcessByHeartbeat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, waiting := waits("Waits")
	worker := openHouse(t, houseOptions{dir: dir, engines: []engine.Engine{e}})
	other := openHouse(t, houseOptions{dir: dir, engines: []engine.Engine{e}})
	worker.work(jobs.WorkerOptions{Lease: time.Second})
	id := worker.submit(jobs.RunParams{AgentID: worker.agent("a", "Waits", `{}`)})
	<-waiting
	if err := other.jobs.Cancel(other.ctx, id); err != nil {
		t.Fatal(err)
	}
	if job := worker.end(id); job.Status != steward.StatusCancelled {
		t.Errorf("ended %s", job.Status)
	}
}

func TestAQueuedJobIsCancelledAtOnce(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}})
	id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Steps0Engine", `{}`)})
	if err := h.jobs.Cancel(h.ctx, id); err != nil {
		t.Fatal(err)
	}
	st, err := h.jobs.Status(h.ctx, id)
	if err != nil || st.Status != steward.StatusCancelled {
		t.Errorf("status %+v, %v", st, err)
	}
}

func TestTheTimeoutInterruptsAWaitingStep(t *testing.T) {
	t.Parallel()
	e, _ := waits("Waits")
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}})
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Waits", `{}`), Timeout: 200 * time.Millisecond}))
	if job.Status != steward.StatusFailure || job.Failure.Code != steward.FailTimeout {
		t.Errorf("ended %s with %+v", job.Status, job.Failure)
	}
}

// costly is an engine that makes n model calls, one after the other or all at once.
func costly(id string, n int, parallel bool) engine.Engine {
	return enginetest.Func{ID: id, Config: textParams(), Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		m, _, err := run.Model(run.Config.String("model"))
		if err != nil {
			return nil, err
		}
		var wg sync.WaitGroup
		errs := make([]error, n)
		for i := range n {
			call := func() { _, errs[i] = m.Generate(ctx, &model.Request{Step: fmt.Sprintf("call[%d]", i)}) }
			if parallel {
				wg.Go(call)
			} else if call(); errs[i] != nil {
				break
			}
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		return enginetest.Output("ok")
	}}
}

func priced(micro steward.MicroUSD) model.Model {
	return model.Func(func(context.Context, *model.Request) (*model.Response, error) {
		cost := micro
		return &model.Response{Value: json.RawMessage(`"x"`), Usage: steward.Usage{InputTokens: 10, OutputTokens: 5, Cost: &cost}}, nil
	})
}

func TestTheJobsBudgetStopsTheNextCallAndTheMoneySpentIsKept(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{costly("Costly", 10, false)}, models: enginetest.Models{"default": priced(400_000)}})
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Costly", `{"max_cost_usd": 1}`)}))
	if job.Status != steward.StatusFailure || job.Failure.Code != steward.FailCostLimit {
		t.Fatalf("ended %s with %+v", job.Status, job.Failure)
	}
	if job.Usage.Cost == nil || *job.Usage.Cost != 1_200_000 || job.Usage.InputTokens != 30 {
		t.Errorf("usage %+v, want three calls", job.Usage)
	}
}

func TestTheBudgetInterruptsCallsThatWait(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	slow := model.Func(func(ctx context.Context, r *model.Request) (*model.Response, error) {
		if n.Add(1) == 1 {
			return priced(2_000_000).Generate(ctx, r)
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	h := openHouse(t, houseOptions{engines: []engine.Engine{costly("Costly", 3, true)}, models: enginetest.Models{"default": slow}})
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Costly", `{"max_cost_usd": 1}`)}))
	if job.Status != steward.StatusFailure || job.Failure.Code != steward.FailCostLimit {
		t.Errorf("ended %s with %+v", job.Status, job.Failure)
	}
}

func TestTheDaysBudgetRefusesNewJobs(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{
		engines: []engine.Engine{costly("Costly", 1, false)}, models: enginetest.Models{"default": priced(700_000)},
		jobs: jobs.Options{Budget: jobs.Budget{PerOrganization: 1_000_000}},
	})
	h.work(jobs.WorkerOptions{})
	agent := h.agent("a", "Costly", `{}`)
	for range 2 {
		if job := h.end(h.submit(jobs.RunParams{AgentID: agent})); job.Status != steward.StatusSuccess {
			t.Fatalf("ended %s", job.Status)
		}
	}
	if _, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: agent}); steward.CodeOf(err) != steward.NoCredit {
		t.Errorf("submit over the day's budget = %v", err)
	}
}

func TestAShutdownHandsJobsOverWithoutCountingACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, waiting := waits("Waits")
	h := openHouse(t, houseOptions{dir: dir, engines: []engine.Engine{e}})
	stop := h.work(jobs.WorkerOptions{Grace: 10 * time.Millisecond})
	agent := h.agent("a", "Waits", `{}`)
	id := h.submit(jobs.RunParams{AgentID: agent})
	<-waiting
	for range 4 { // more often than a job may crash
		stop()
		job, err := h.jobs.Get(h.ctx, id)
		if err != nil || job.Status.Terminal() || job.Crashes != 0 {
			t.Fatalf("after the shutdown: %+v, %v", job, err)
		}
		stop = h.work(jobs.WorkerOptions{Grace: 10 * time.Millisecond})
		<-waiting
	}
}

func TestAJobThatLostItsLeaseWritesNothingMore(t *testing.T) {
	t.Parallel()
	e, waiting := waits("Waits")
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}})
	h.work(jobs.WorkerOptions{Lease: time.Second})
	id := h.submit(jobs.RunParams{AgentID: h.agent("a", "Waits", `{}`)})
	<-waiting
	// Another worker's clock is an hour ahead: for it the lease has run out.
	later := time.Now().Add(time.Hour)
	got, err := h.store.Claim(t.Context(), store.ClaimRequest{Worker: store.Worker{Node: "other", Incarnation: "1"}, Now: later, Max: 1, Lease: time.Hour})
	if err != nil || len(got) != 1 || got[0].JobID != id {
		t.Fatalf("claim = %+v, %v", got, err)
	}
	if err := h.store.Finish(t.Context(), got[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: later, Outputs: []steward.Datum{{Key: "output", Value: "other"}}, Usage: steward.Free()}); err != nil {
		t.Fatal(err)
	}
	job := h.end(id)
	if job.Status != steward.StatusSuccess || job.Outputs[0].Value != "other" {
		t.Errorf("ended %s with %+v", job.Status, job.Outputs)
	}
}

func TestAnIdempotencyKeyGivesTheFirstJobAndRefusesOtherContent(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 1}}})
	agent := h.agent("a", "Steps1Engine", `{}`)
	p := jobs.RunParams{AgentID: agent, IdempotencyKey: "k", Inputs: []jobs.RawInput{{Key: "text", Text: "one"}}}
	var wg sync.WaitGroup
	ids := make([]steward.JobID, 20)
	for i := range ids {
		wg.Go(func() { ids[i] = h.submit(p) })
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("one key gave %s and %s", ids[0], id)
		}
	}
	p.Inputs[0].Text = "two"
	_, err := h.jobs.Submit(h.ctx, p)
	var e *steward.Error
	if !errors.As(err, &e) || e.Code != steward.Invalid || !strings.Contains(e.Message, "Idempotency-Key") {
		t.Errorf("other content under the key = %v", err)
	}
	if _, count, err := h.jobs.List(h.ctx, jobs.ListParams{JobQuery: store.JobQuery{AgentID: agent}}); err != nil || count != 1 {
		t.Errorf("%d jobs stored, %v", count, err)
	}
}

func TestLongTextsAndOutputsTravelAsFiles(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("all work and no play\n", 100_000)
	echo := enginetest.Func{ID: "Echo", Config: textParams(), Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		out, err := engine.Do(ctx, run, engine.StepSpec{Name: "echo", Kind: steward.StepCompute}, func(context.Context) (string, error) {
			return run.Config.String("text"), nil
		})
		if err != nil {
			return nil, err
		}
		if run.Job.Attempt == 1 { // the second attempt reads the step back
			return nil, &steward.Failure{Code: steward.FailProviderError, Message: "again", Transient: true}
		}
		return enginetest.Output(len(out))
	}}
	h := openHouse(t, houseOptions{engines: []engine.Engine{echo}})
	h.work(jobs.WorkerOptions{Retries: jobs.Retries{First: time.Millisecond}})
	agent := h.agentWithText("a", "Echo")
	job := h.end(h.submit(jobs.RunParams{AgentID: agent, Inputs: []jobs.RawInput{{Key: "text", Text: long}}}))
	if job.Status != steward.StatusSuccess || job.Outputs[0].Value != fmt.Sprint(len(long)) {
		t.Fatalf("ended %s with %+v %+v", job.Status, job.Outputs, job.Failure)
	}
	if job.Inputs[0].Value != long[:500] || job.Inputs[0].Text == nil {
		t.Errorf("the row holds %d bytes of the long text, want its beginning", len(job.Inputs[0].Value))
	}
	steps, err := h.jobs.Steps(h.ctx, job.ID)
	if err != nil || len(steps[0].Output) > 1000 {
		t.Errorf("the step's row holds %d bytes, %v", len(steps[0].Output), err)
	}
}

func TestReferencesSurviveARetry(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	saver := enginetest.Func{ID: "Saver", Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		_, url, err := run.SaveReference(ctx, "page_1.png", "page", "image/png", strings.NewReader(fmt.Sprintf("try %d", tries.Add(1))))
		if err != nil {
			return nil, err
		}
		if tries.Load() == 1 {
			return nil, &steward.Failure{Code: steward.FailProviderError, Message: "again", Transient: true}
		}
		return enginetest.Output(map[string]any{"references": []string{url}})
	}}
	h := openHouse(t, houseOptions{engines: []engine.Engine{saver}})
	h.work(jobs.WorkerOptions{Retries: jobs.Retries{First: time.Millisecond}, PublicURL: "http://steward.example"})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Saver", `{}`)}))
	want := fmt.Sprintf(`{"references":["http://steward.example/v1/agents/jobs/%s/references/page_1.png/"]}`, job.ID)
	if job.Status != steward.StatusSuccess || job.Outputs[0].Value != want {
		t.Fatalf("ended %s with %+v, want %s", job.Status, job.Outputs, want)
	}
	body, ref, err := h.jobs.OpenReference(h.ctx, job.ID, "page_1.png")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }() // only read
	text := make([]byte, 16)
	n, _ := body.Read(text)
	if string(text[:n]) != "try 1" || ref.SizeBytes != 5 {
		t.Errorf("reference holds %q, %+v: want what the first attempt saved", text[:n], ref)
	}
	if _, _, err := h.jobs.OpenReference(h.ctx, job.ID, "other.png"); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("unknown reference = %v", err)
	}
}

// agentWithText makes an agent with a text input.
func (h *house) agentWithText(name, engineID string) steward.AgentID {
	h.t.Helper()
	return h.agentWith(name, engineID, steward.InputDefinition{Key: "text", DataType: "text/plain"})
}

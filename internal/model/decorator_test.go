package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// passing is a fault that may go away.
func passing(after time.Duration) error {
	return &steward.Failure{Code: steward.FailProviderError, Message: "later", Transient: true, RetryAfter: after}
}

// failing answers with the given errors in turn, then well; it notes when it was called.
type failing struct {
	errs  []error
	calls []time.Time
}

func (f *failing) Generate(context.Context, *model.Request) (*model.Response, error) {
	f.calls = append(f.calls, time.Now())
	if n := len(f.calls) - 1; n < len(f.errs) {
		return nil, f.errs[n]
	}
	return &model.Response{Value: json.RawMessage(`{}`), Finish: model.FinishStop}, nil
}

func TestRetryWaitsShortlyAndLeavesTheRestToTheJob(t *testing.T) {
	t.Parallel()
	forGood := &steward.Failure{Code: steward.FailModelRefused, Message: "no"}
	tests := []struct {
		name     string
		errs     []error
		deadline time.Duration
		calls    int
		fails    bool
		min, max time.Duration // of the whole
	}{
		{"a hiccup", []error{passing(0)}, 0, 2, false, 500 * time.Millisecond, 625 * time.Millisecond},
		{"two hiccups", []error{passing(0), passing(0)}, 0, 3, false, 2500 * time.Millisecond, 3125 * time.Millisecond},
		{"the provider's own wait", []error{passing(7 * time.Second)}, 0, 2, false, 7 * time.Second, 7 * time.Second},
		{"too long a wait", []error{passing(11 * time.Second)}, 0, 1, true, 0, 0},
		{"a fault that stays", []error{passing(0), passing(0), passing(0)}, 0, 3, true, 2500 * time.Millisecond, 3125 * time.Millisecond},
		{"a fault for good", []error{forGood}, 0, 1, true, 0, 0},
		{"an error of ours", []error{errors.New("bug")}, 0, 1, true, 0, 0},
		{"a deadline before the next call", []error{passing(5 * time.Second)}, 4 * time.Second, 1, true, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				f := &failing{errs: test.errs}
				start := time.Now()
				_, err := model.WithRetry(f, model.RetryOptions{}).Generate(ctx, &model.Request{})
				took := time.Since(start)
				if (err != nil) != test.fails || len(f.calls) != test.calls || took < test.min || took > test.max {
					t.Errorf("got %v after %d calls and %s", err, len(f.calls), took)
				}
				if test.fails && !errors.Is(err, test.errs[test.calls-1]) {
					t.Errorf("got %v, want the last fault as it was", err)
				}
			})
		})
	}
}

func TestRetryStopsWaitingWhenTheRunIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		f := &failing{errs: []error{passing(9 * time.Second)}}
		start := time.Now()
		if _, err := model.WithRetry(f, model.RetryOptions{}).Generate(ctx, &model.Request{}); err == nil {
			t.Error("a cancelled call succeeded")
		}
		if took := time.Since(start); took != time.Second || len(f.calls) != 1 {
			t.Errorf("came back after %s and %d calls", took, len(f.calls))
		}
	})
}

func TestALimiterBoundsCallsAndHonoursCancellation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		under, most := 0, 0
		slow := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			mu.Lock()
			under++
			most = max(most, under)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			under--
			mu.Unlock()
			return &model.Response{}, nil
		})
		limited := model.WithConcurrency(slow, model.NewLimiter(3))
		start := time.Now()
		var all sync.WaitGroup
		for range 9 {
			all.Go(func() {
				if _, err := limited.Generate(t.Context(), &model.Request{}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		impatient, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := limited.Generate(impatient, &model.Request{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a caller without a slot got %v", err)
		}
		all.Wait()
		if took := time.Since(start); most != 3 || took != 3*time.Second {
			t.Errorf("%d calls at once, %s in all; want 3 and 3s", most, took)
		}
	})
}

func TestALimiterGivesASlotBackAfterAFault(t *testing.T) {
	t.Parallel()
	limited := model.WithConcurrency(&failing{errs: []error{passing(0), passing(0)}}, model.NewLimiter(1))
	for range 2 {
		if _, err := limited.Generate(t.Context(), &model.Request{}); err == nil {
			t.Fatal("want a fault")
		}
	}
	if _, err := limited.Generate(t.Context(), &model.Request{}); err != nil {
		t.Error(err)
	}
	if _, err := model.NewLimiter(0).Acquire(t.Context()); err != nil {
		t.Errorf("no limit: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := model.NewLimiter(1).Acquire(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended run got a slot: %v", err)
	}
}

// journal records steps as an engine does: the first call makes the record, later ones find it.
type journal struct {
	steps map[string]*model.Response
	names []string
	hash  map[string]string
}

func (j *journal) do(ctx context.Context, c model.Call, call func(context.Context) (*model.Response, error)) (*model.Response, error) {
	step := c.Step
	data, err := json.Marshal(c.Input)
	if err != nil {
		return nil, err
	}
	if j.steps == nil {
		j.steps, j.hash = map[string]*model.Response{}, map[string]string{}
	}
	j.names = append(j.names, step)
	j.hash[step] = string(data)
	if resp, ok := j.steps[step]; ok {
		return resp, nil
	}
	resp, err := call(ctx)
	if err != nil {
		return nil, err
	}
	j.steps[step] = resp
	return resp, nil
}

func TestJournaledCallsAreMadeOnce(t *testing.T) {
	t.Parallel()
	f := &failing{}
	j := &journal{}
	m := model.WithJournal(f, j.do)
	for range 3 {
		if _, err := m.Generate(t.Context(), &model.Request{Step: "extract"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.calls) != 1 || !slices.Equal(j.names, []string{"extract", "extract", "extract"}) {
		t.Errorf("%d calls, steps %v", len(f.calls), j.names)
	}
	if _, err := m.Generate(t.Context(), &model.Request{}); err == nil {
		t.Error("a call without a step's name was made")
	}
}

func TestTheJournalsInputTellsRequestsApart(t *testing.T) {
	t.Parallel()
	zero := 0.0
	doc := func(text string) []grounding.Document {
		return []grounding.Document{{Name: "a", Pages: []grounding.Page{{Number: 1, Text: text}}}}
	}
	base := func() *model.Request { return &model.Request{Step: "s", Instruction: "i", Documents: doc("text")} }
	inputOf := func(req *model.Request) string {
		j := &journal{}
		if _, err := model.WithJournal(&failing{}, j.do).Generate(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		return j.hash["s"]
	}
	same := inputOf(base())
	words := base()
	words.Documents[0].Pages[0].Words = []grounding.Word{{Start: 0, End: 4}}
	if inputOf(words) != same || inputOf(base()) != same {
		t.Error("equal requests have different inputs")
	}
	for name, change := range map[string]func(*model.Request){
		"instruction": func(r *model.Request) { r.Instruction = "j" },
		"system":      func(r *model.Request) { r.System = "x" },
		"text":        func(r *model.Request) { r.Documents = doc("other") },
		"page":        func(r *model.Request) { r.Documents[0].Pages[0].Number = 2 },
		"schema":      func(r *model.Request) { r.Schema = json.RawMessage(`{}`) },
		"nullable":    func(r *model.Request) { r.Nullable = true },
		"evidence":    func(r *model.Request) { r.Evidence = true },
		"temperature": func(r *model.Request) { r.Temperature = &zero },
		"effort":      func(r *model.Request) { r.ReasoningEffort = "low" },
		"limit":       func(r *model.Request) { r.MaxOutputTokens = 5 },
		"feedback":    func(r *model.Request) { r.Feedback = "f" },
	} {
		req := base()
		change(req)
		if inputOf(req) == same {
			t.Errorf("another %s has the same input", name)
		}
	}
	if len(inputOf(&model.Request{Step: "s", Documents: doc(string(make([]byte, 100000)))})) > 500 {
		t.Error("the documents' text stands in the input")
	}
}

func TestAModelsOwnCostIsKept(t *testing.T) {
	t.Parallel()
	free := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
		return &model.Response{Usage: steward.Free()}, nil
	})
	one := 1.0
	priced := model.WithPrice(free, model.Entry{Price: &model.Price{Input: &one, Cached: &one, Output: &one}})
	resp, err := priced.Generate(t.Context(), &model.Request{})
	if err != nil || resp.Usage.Cost == nil || *resp.Usage.Cost != 0 {
		t.Errorf("got %+v %v", resp, err)
	}
	if _, err := model.WithPrice(&failing{errs: []error{passing(0)}}, model.Entry{}).Generate(t.Context(), &model.Request{}); err == nil {
		t.Error("the fault is lost")
	}
}

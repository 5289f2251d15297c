package answer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// filler answers every property that it is asked for with what the pages it was given say ("name=value"), and fails as its limits say.
type filler struct {
	maxPages  int // more pages are too long to read; 0 means any number
	maxBytes  int // more text is too long to read; 0 means any length
	maxLeaves int // more values cut the answer; 0 means any number
	maxItems  int // more list items cut the answer; 0 means any number

	mu    sync.Mutex
	steps []string
}

func (f *filler) Generate(_ context.Context, req *model.Request) (*model.Response, error) {
	f.mu.Lock()
	f.steps = append(f.steps, req.Step)
	f.mu.Unlock()
	pages, bytes := 0, 0
	said := map[string]string{}
	items := []string{}
	for _, d := range req.Documents {
		for _, p := range d.Pages {
			pages++
			bytes += len(p.Text)
			for _, word := range strings.Fields(p.Text) {
				if name, value, ok := strings.Cut(word, "="); ok {
					said[name] = value
				}
				if item, ok := strings.CutPrefix(word, "item:"); ok {
					items = append(items, item)
				}
			}
		}
	}
	if f.maxPages > 0 && pages > f.maxPages || f.maxBytes > 0 && bytes > f.maxBytes {
		return nil, &steward.Failure{Code: steward.FailContextOverflow, Message: "The documents are too long."}
	}
	schema, err := model.CompileSchema(req.Schema)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, p := range schema.Root().Properties() {
		switch {
		case p.Name == "items":
			out[p.Name] = items
		case said[p.Name] != "":
			out[p.Name] = said[p.Name]
		}
	}
	value, err := json.Marshal(out)
	resp := &model.Response{Value: value, Model: "m", Finish: model.FinishStop, Usage: steward.Usage{OutputTokens: 10}}
	if f.maxLeaves > 0 && schema.Leaves() > f.maxLeaves || f.maxItems > 0 && len(items) > f.maxItems {
		resp.Finish, resp.Value = model.FinishLength, json.RawMessage(`{}`)
	}
	return resp, err
}

// sorted lists the steps that were asked.
func (f *filler) sorted() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(slices.Values(f.steps))
}

func wideSchema(n int) json.RawMessage {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"f%03d":{"type":"string"}`, i))
	}
	return json.RawMessage(`{"type":"object","additionalProperties":false,"required":["f000"],"properties":{` + strings.Join(list, ",") + `}}`)
}

func pagesOf(texts ...string) []grounding.Document {
	d := grounding.Document{Name: "a.pdf"}
	for i, text := range texts {
		d.Pages = append(d.Pages, grounding.Page{Number: i + 1, Text: text})
	}
	return []grounding.Document{d}
}

func TestAWideSchemaIsAskedForInParts(t *testing.T) {
	t.Parallel()
	f := &filler{maxLeaves: 100}
	q := answer.Question{Model: f, Schema: wideSchema(250)}
	var told []int
	got, err := q.Ask(t.Context(), []answer.Part{
		{Step: "p0", Documents: pagesOf("f000=a f249=z")}, {Step: "p1", Documents: pagesOf("f100=m")},
	}, func(n int) { told = append(told, n) })
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Value) != `{"f000":"a","f249":"z","f100":"m"}` && string(got.Value) != `{"f000":"a","f100":"m","f249":"z"}` {
		t.Errorf("got %s", got.Value)
	}
	want := "p0.fields[0-83] p0.fields[168-249] p0.fields[84-167] p1.fields[0-83] p1.fields[168-249] p1.fields[84-167]"
	if steps := strings.Join(f.sorted(), " "); steps != want {
		t.Errorf("steps %s, want %s", steps, want)
	}
	if fmt.Sprint(told) != "[1 2]" {
		t.Errorf("told %v parts", told)
	}
}

func TestHowWideASchemaMayBeFollowsTheQuestion(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		q     answer.Question
		calls int
	}{
		"100 at once":               {answer.Question{}, 2},
		"as the caller says":        {answer.Question{MaxLeaves: 60}, 3},
		"never":                     {answer.Question{MaxLeaves: -1}, 1},
		"short answers":             {answer.Question{MaxAnswer: 1500}, 3},
		"short answers with quotes": {answer.Question{MaxAnswer: 1800, Evidence: true}, 8},
		"long answers":              {answer.Question{MaxAnswer: 100_000}, 2},
	} {
		f := &filler{}
		q := tt.q
		q.Model, q.Schema = f, wideSchema(150)
		if _, err := q.Ask(t.Context(), []answer.Part{{Step: "p", Documents: pagesOf("")}}, nil); err != nil || len(f.steps) != tt.calls {
			t.Errorf("%s: %d calls %v, %v; want %d", name, len(f.steps), f.steps, err, tt.calls)
		}
	}
}

func TestWhatIsTooLongIsCutInTwo(t *testing.T) {
	t.Parallel()
	list := json.RawMessage(`{"type":"object","properties":{"items":{"type":"array","items":{"type":"string"}}}}`)
	pages := pagesOf("item:a", "item:b", "item:c item:d", "item:e", "item:f")
	tests := []struct {
		name  string
		model *filler
		docs  []grounding.Document
		want  string
		steps string
	}{
		{"too many pages", &filler{maxPages: 2}, pages, `{"items":["a","b","c","d","e","f"]}`,
			"p p.half[0] p.half[1] p.half[1].half[0] p.half[1].half[1]"},
		{"too long an answer", &filler{maxItems: 3}, pages, `{"items":["a","b","c","d","e","f"]}`,
			"p p.half[0] p.half[1] p.half[1].half[0] p.half[1].half[1]"},
		{"several files", &filler{maxPages: 1}, append(pagesOf("item:a"), grounding.Document{FileIndex: 1, Pages: []grounding.Page{{Number: 1, Text: "item:b"}}}),
			`{"items":["a","b"]}`, "p p.half[0] p.half[1]"},
		{"one long page", &filler{maxBytes: 3000}, pagesOf("item:a" + strings.Repeat(" word", 800) + " item:b"), `{"items":["a","b"]}`,
			"p p.half[0] p.half[1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q := answer.Question{Model: tt.model, Schema: list}
			got, err := q.Ask(t.Context(), []answer.Part{{Step: "p", Documents: tt.docs}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Value) != tt.want {
				t.Errorf("got %s, want %s", got.Value, tt.want)
			}
			if steps := strings.Join(tt.model.sorted(), " "); steps != tt.steps {
				t.Errorf("steps %s, want %s", steps, tt.steps)
			}
		})
	}
}

func TestAnAnswerAboutOnePageThatIsTooLongIsAskedForInParts(t *testing.T) {
	t.Parallel()
	f := &filler{maxLeaves: 3}
	q := answer.Question{Model: f, Schema: wideSchema(10)}
	got, err := q.Ask(t.Context(), []answer.Part{{Step: "p", Documents: pagesOf("f000=a f004=b f009=c")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var value map[string]string
	if err := json.Unmarshal(got.Value, &value); err != nil || !maps.Equal(value, map[string]string{"f000": "a", "f004": "b", "f009": "c"}) {
		t.Errorf("got %s, %v", got.Value, err)
	}
}

func TestWhatCannotBeCutFurtherFails(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*filler{"to read": {maxBytes: 1}, "to answer": {maxItems: 1}} {
		q := answer.Question{Model: f, Schema: json.RawMessage(`{"type":"object","properties":{"items":{"type":"array"}}}`)}
		_, err := q.Ask(t.Context(), []answer.Part{{Step: "p", Label: "Page 1", Documents: pagesOf("item:a item:b")}}, nil)
		if got := steward.FailureOf(err); got.Code != steward.FailContextOverflow || !strings.HasPrefix(got.Message, "Page 1: ") || len(f.steps) != 1 {
			t.Errorf("%s: %v after %d calls", name, err, len(f.steps))
		}
	}
	// A model that always overflows ends the question, however long the documents are.
	f := &filler{maxBytes: 1}
	q := answer.Question{Model: f, Schema: json.RawMessage(anything)}
	docs := pagesOf(strings.Fields(strings.Repeat("page ", 300))...)
	if _, err := q.Ask(t.Context(), []answer.Part{{Step: "p", Documents: docs}}, nil); steward.FailureOf(err).Code != steward.FailContextOverflow || len(f.steps) > 12 {
		t.Errorf("%v after %d calls", err, len(f.steps))
	}
}

func TestEndlessAnswersEnd(t *testing.T) {
	t.Parallel()
	calls := 0
	m := model.Func(func(_ context.Context, req *model.Request) (*model.Response, error) {
		calls++
		if req.MaxOutputTokens != 100 || strings.Contains(req.Step, "longer") {
			t.Errorf("step %s with a limit of %d", req.Step, req.MaxOutputTokens)
		}
		return &model.Response{Value: json.RawMessage(`{"f001":"`), Model: "m", Finish: model.FinishLength, Usage: steward.Usage{OutputTokens: 100}}, nil
	})
	q := answer.Question{Model: m, Schema: wideSchema(80), MaxOutputTokens: 100, MaxAnswer: 8000}
	_, err := q.Ask(t.Context(), []answer.Part{{Step: "p", Documents: pagesOf("a", "b", "c", "d")}}, nil)
	if steward.FailureOf(err).Code != steward.FailContextOverflow || !errors.Is(err, model.ErrCut) || calls > 30 {
		t.Errorf("%v after %d calls", err, calls)
	}
	if !strings.Contains(err.Error(), "max_output_tokens, 100.") {
		t.Errorf("%v does not name the limit", err)
	}
}

func TestAnAnswerThatTheUsersLimitCutsIsAskedForByHalves(t *testing.T) {
	t.Parallel()
	var steps []string
	m := model.Func(func(_ context.Context, req *model.Request) (*model.Response, error) {
		steps = append(steps, req.Step)
		resp := &model.Response{Value: json.RawMessage(`{"f000":"x"}`), Model: "m", Finish: model.FinishStop, Usage: steward.Usage{OutputTokens: 100}}
		if len(req.Documents[0].Pages) > 1 {
			resp.Finish = model.FinishLength
		}
		if req.MaxOutputTokens != 100 {
			t.Errorf("step %s with a limit of %d", req.Step, req.MaxOutputTokens)
		}
		return resp, nil
	})
	q := answer.Question{Model: m, Schema: wideSchema(3), MaxOutputTokens: 100, MaxAnswer: 8000}
	got, err := q.Ask(t.Context(), []answer.Part{{Step: "p", Documents: pagesOf("a", "b")}}, nil)
	if want := []string{"p", "p.half[0]", "p.half[1]"}; err != nil || !slices.Equal(steps, want) {
		t.Errorf("%v, %v after %v, want %v", got, err, steps, want)
	}
}

// recorder is a journal: what was answered once is not asked again.
type recorder struct {
	mu    sync.Mutex
	steps map[string]*model.Response
}

func (r *recorder) do(ctx context.Context, c model.Call, call func(context.Context) (*model.Response, error)) (*model.Response, error) {
	step := c.Step
	r.mu.Lock()
	done := r.steps[step]
	r.mu.Unlock()
	if done != nil {
		return done, nil
	}
	resp, err := call(ctx)
	if err == nil {
		r.mu.Lock()
		r.steps[step] = resp
		r.mu.Unlock()
	}
	return resp, err
}

func TestAResumedQuestionRepeatsNoAnswer(t *testing.T) {
	t.Parallel()
	r := &recorder{steps: map[string]*model.Response{}}
	ask := func(f *filler) (*answer.Answer, error) {
		q := answer.Question{Model: model.WithJournal(f, r.do), Schema: wideSchema(50), MaxLeaves: 20}
		return q.Ask(t.Context(), []answer.Part{
			{Step: "p0", Documents: pagesOf("f000=a", "f000=b", "f021=c")}, {Step: "p1", Documents: pagesOf("f000=d")},
		}, nil)
	}
	first := &filler{maxPages: 2, maxLeaves: 10}
	want, err := ask(first)
	if err != nil {
		t.Fatal(err)
	}
	for step := range r.steps {
		answers := len(r.steps)
		kept := r.steps[step]
		delete(r.steps, step)
		again := &filler{maxPages: 2, maxLeaves: 10}
		got, err := ask(again)
		if err != nil || string(got.Value) != string(want.Value) {
			t.Fatalf("without %s: %v, %v", step, got, err)
		}
		// What failed is not in the journal and is tried again: the provider refuses it without charge.
		answered := slices.DeleteFunc(again.sorted(), func(s string) bool { return s != step && r.steps[s] == nil })
		if len(answered) != 1 || answered[0] != step || len(r.steps) != answers {
			t.Fatalf("without %s: asked %v", step, answered)
		}
		r.steps[step] = kept
	}
	if _, ok := r.steps["merge"]; !ok {
		t.Error("the parts disagree about f000, and nobody was asked")
	}
}

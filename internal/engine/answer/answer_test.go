package answer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

const anything = `{"type":"object"}`

// script answers step by step from a table: the value, and claims as path=quote.
type script map[string]struct {
	value  string
	claims []grounding.Claim
	err    error
}

// Generate implements model.Model.
func (s script) Generate(_ context.Context, req *model.Request) (*model.Response, error) {
	a, ok := s[req.Step]
	if !ok {
		return nil, fmt.Errorf("no answer for step %s", req.Step)
	}
	if a.err != nil {
		return nil, a.err
	}
	return &model.Response{Value: json.RawMessage(a.value), Claims: a.claims, Model: "test", Usage: steward.Free(), Finish: model.FinishStop}, nil
}

// merge asks a model that answers part i with values[i].
func merge(t *testing.T, schema string, values ...string) (*answer.Answer, error) {
	t.Helper()
	s := script{}
	picks := s["merge"]
	picks.value = `{}` // no candidate is preferred: the first one stays
	s["merge"] = picks
	var parts []answer.Part
	for i, v := range values {
		step := fmt.Sprint("p", i)
		entry := s[step]
		entry.value = v
		s[step] = entry
		parts = append(parts, answer.Part{Step: step, Label: "Part " + step})
	}
	q := answer.Question{Model: s, Schema: json.RawMessage(schema)}
	return q.Ask(t.Context(), parts, nil)
}

func TestAnswersAreMergedInTheOrderOfTheParts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		schema string
		values []string
		want   string
	}{
		{"one answer stays as it is", anything, []string{`{"b":1.50,"a":"<x>"}`}, `{"b":1.50,"a":"<x>"}`},
		{"first value that is not null", anything, []string{`{"a":null,"b":1}`, `{"a":"x","b":2,"c":null}`, `{"c":3}`}, `{"a":"x","b":1,"c":3}`},
		{"false and empty text are values", anything, []string{`{"a":false,"b":""}`, `{"a":true,"b":"x"}`}, `{"a":false,"b":""}`},
		{"objects within", anything, []string{`{"o":{"a":1}}`, `{"o":{"a":2,"b":3}}`}, `{"o":{"a":1,"b":3}}`},
		{"arrays are joined", anything, []string{`{"l":[1,2]}`, `{"l":[3]}`, `{"l":[]}`}, `{"l":[1,2,3]}`},
		{"what an earlier part had is not repeated", anything, []string{`{"l":[{"a":1,"b":2}]}`, `{"l":[{"b":2,"a":1},{"a":1}]}`}, `{"l":[{"a":1,"b":2},{"a":1}]}`},
		{"equal items of one part stay", anything, []string{`{"l":["tea","tea"]}`, `{"l":["tea","cup","cup"]}`}, `{"l":["tea","tea","cup","cup"]}`},
		{"other kind than before is left out", anything, []string{`{"a":[1]}`, `{"a":{"b":2}}`}, `{"a":[1]}`},
		{"digits are kept", anything, []string{`{"n":12345678901234567890.10}`, `{}`}, `{"n":12345678901234567890.10}`},
		{"array at the top", `{"type":"array","items":{"type":"integer"}}`, []string{`{"items":[1]}`, `{"items":[1,2]}`}, `[1,2]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := merge(t, tt.schema, tt.values...)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Value) != tt.want {
				t.Errorf("got %s, want %s", got.Value, tt.want)
			}
		})
	}
}

func TestClaimsFollowTheirValues(t *testing.T) {
	t.Parallel()
	s := script{
		"p0": {value: `{"total":null,"seller":{"name":"A"},"l":[{"x":1}]}`, claims: []grounding.Claim{
			{Path: "/seller/name", Quote: "A"}, {Path: "/l/0/x", Quote: "1"}, {Path: "/total", Quote: "nothing"}, {Path: "/none/0", Quote: "ghost"},
		}},
		"p1": {value: `{"total":7,"seller":{"name":"B","a/b":"c"},"l":[{"x":1},{"x":2}]}`, claims: []grounding.Claim{
			{Path: "/total", Quote: "7"}, {Path: "/seller/name", Quote: "B"}, {Path: "/seller/a~1b", Quote: "c"},
			{Path: "/l/0/x", Quote: "1 again"}, {Path: "/l/1/x", Quote: "2"}, {Path: "/l/1/x", Quote: "2"},
		}},
		"merge": {value: `{"value_1":1}`},
	}
	q := answer.Question{Model: s, Schema: json.RawMessage(anything)}
	got, err := q.Ask(t.Context(), []answer.Part{{Step: "p0"}, {Step: "p1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range got.Claims {
		lines = append(lines, c.Path+"="+c.Quote)
	}
	want := "/seller/name=A /l/0/x=1 /total=7 /seller/a~1b=c /l/1/x=2"
	if s := strings.Join(lines, " "); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

func TestNullStandsForWhatIsAbsent(t *testing.T) {
	t.Parallel()
	schema := `{"type":"object","required":["a","b"],"properties":{"a":{"type":"string"},"b":{"type":"integer"}}}`
	got, err := merge(t, schema, `{"a":null,"b":1}`, `{"b":null}`)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Value) != `{"a":null,"b":1}` {
		t.Errorf("got %s", got.Value)
	}
}

func TestAMergedAnswerMustMatchTheSchema(t *testing.T) {
	t.Parallel()
	_, err := merge(t, `{"type":"object","anyOf":[{"properties":{"l":{"type":"array","maxItems":2}}},{"required":["m"],"not":{"required":["l"]}}]}`, `{"l":[1,2]}`, `{"l":[3]}`)
	if f := steward.FailureOf(err); f.Code != steward.FailSchemaMismatch {
		t.Errorf("got %v", err)
	}
}

func TestAFailureNamesItsPart(t *testing.T) {
	t.Parallel()
	cause := &steward.Failure{Code: steward.FailProviderError, Message: "busy", Transient: true}
	limit := &steward.Failure{Code: steward.FailCostLimit, Message: "too dear"}
	tests := []struct {
		err  *steward.Failure
		want string
	}{{cause, "Pages 1-2: busy"}, {limit, "too dear"}}
	for _, tt := range tests {
		q := answer.Question{Model: script{"p": {err: tt.err}}, Schema: json.RawMessage(anything)}
		_, err := q.Ask(t.Context(), []answer.Part{{Step: "p", Label: "Pages 1-2"}}, nil)
		f := steward.FailureOf(err)
		if f.Message != tt.want || f.Code != tt.err.Code || f.Transient != tt.err.Transient || !errors.Is(err, tt.err) {
			t.Errorf("got %+v, want %q", f, tt.want)
		}
	}
}

func TestAfterAFailureNoPartIsBegunAndThoseUnderWayAreFinished(t *testing.T) {
	t.Parallel()
	var (
		mu      sync.Mutex
		begun   int
		ended   int
		allIn   = make(chan struct{})
		release = make(chan struct{})
	)
	m := model.Func(func(_ context.Context, req *model.Request) (*model.Response, error) {
		mu.Lock()
		begun++
		if begun == answer.Parallel {
			close(allIn)
		}
		mu.Unlock()
		<-allIn
		if req.Step == "p0" {
			defer close(release)
			return nil, errors.New("broken")
		}
		<-release
		mu.Lock()
		defer mu.Unlock()
		ended++
		return &model.Response{Value: json.RawMessage(`{}`), Usage: steward.Free()}, nil
	})
	var parts []answer.Part
	for i := range 40 {
		parts = append(parts, answer.Part{Step: fmt.Sprint("p", i)})
	}
	q := answer.Question{Model: m, Schema: json.RawMessage(anything)}
	if _, err := q.Ask(t.Context(), parts, nil); err == nil || err.Error() != "broken" {
		t.Errorf("got %v", err)
	}
	// A part may have been begun between the failure and its being noticed.
	if begun > 2*answer.Parallel || ended < answer.Parallel-1 {
		t.Errorf("%d begun, %d ended", begun, ended)
	}
}

func TestTellsHowManyPartsAreDone(t *testing.T) {
	t.Parallel()
	s := script{}
	var parts []answer.Part
	for i := range 9 {
		step := fmt.Sprint("p", i)
		entry := s[step]
		entry.value = `{}`
		s[step] = entry
		parts = append(parts, answer.Part{Step: step})
	}
	var told []int
	q := answer.Question{Model: s, Schema: json.RawMessage(anything)}
	if _, err := q.Ask(t.Context(), parts, func(n int) { told = append(told, n) }); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(told) != "[1 2 3 4 5 6 7 8 9]" {
		t.Errorf("told %v", told)
	}
}

func TestLongTextsAreCutAtBordersAndOverlap(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "Paragraph %d says something of its own.\nIt has two lines.\n\n", i)
	}
	text := b.String()
	for _, room := range []int{1, 500, 4000, len(text) - 1, len(text)} {
		pieces := answer.SplitText(text, room)
		if room == len(text) && len(pieces) != 1 {
			t.Errorf("a text that fits was cut into %d", len(pieces))
		}
		for i := range 300 {
			whole := fmt.Sprintf("Paragraph %d says", i)
			found := false
			for _, p := range pieces {
				found = found || strings.Contains(p, whole)
			}
			if !found {
				t.Errorf("room %d: %q is in no piece whole", room, whole)
			}
		}
		for _, p := range pieces {
			if len(p) > max(room, 200) {
				t.Errorf("room %d: piece of %d bytes", room, len(p))
			}
		}
	}
}

func TestRoomFollowsTheWindow(t *testing.T) {
	t.Parallel()
	for window, want := range map[int64]int{0: 100_000, 10_000: 21_000, 1 << 62: int(int64(1<<40) * 21 / 10)} {
		if got := answer.Room(steward.LanguageModel{ContextWindow: window}); got != want {
			t.Errorf("window %d: got %d, want %d", window, got, want)
		}
	}
}

func TestExtrasStandBesideTheAnswer(t *testing.T) {
	t.Parallel()
	extras := answer.Extras{Sources: []steward.Evidence{{Path: "/a", Unverified: true}}, Warnings: []string{"w"}}
	got, err := answer.Compose(json.RawMessage(`{"z":1,"a":2}`), extras)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"z":1,"a":2,"_sources":[{"path":"/a","file_index":0,"file_name":"","confidence":0,"unverified":true}],` +
		`"_grounding":{"fields":2,"verified":0,"unverified":2,"not_found":0},"_warnings":["w"]}`
	if len(got.Outputs) != 1 || got.Outputs[0].Key != "output" || got.Outputs[0].DataType != "application/json" || got.Outputs[0].Value != want {
		t.Errorf("got %+v, want %s", got.Outputs, want)
	}

	got, err = answer.Compose(json.RawMessage(`[1]`), extras)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Outputs) != 4 || got.Outputs[0].Value != `[1]` || got.Outputs[1].Key != "_sources" || got.Outputs[2].Key != "_grounding" || got.Outputs[3].Value != `["w"]` {
		t.Errorf("got %+v", got.Outputs)
	}
}

func TestAnEmptyListOfSourcesIsShown(t *testing.T) {
	t.Parallel()
	got, err := answer.Compose(json.RawMessage(`{}`), answer.Extras{Sources: []steward.Evidence{}})
	if err != nil || got.Outputs[0].Value != `{"_sources":[],"_grounding":{"fields":0,"verified":0,"unverified":0,"not_found":0}}` {
		t.Errorf("got %+v, %v", got, err)
	}
}

func FuzzMergeKeepsJSONValid(f *testing.F) {
	f.Add(`{"a":[1,{"b":null}],"c":"d"}`, `{"a":[1,2],"c":null,"e":{"f":1e400}}`, "/a/1/b")
	f.Add(`{"":{"~":1}}`, `{"":{"~":2,"/":3}}`, "//~0")
	f.Fuzz(func(t *testing.T, a, b, path string) {
		if !json.Valid([]byte(a)) || !json.Valid([]byte(b)) {
			return
		}
		s := script{
			"a": {value: a, claims: []grounding.Claim{{Path: path}}},
			"b": {value: b, claims: []grounding.Claim{{Path: path}}},
		}
		q := answer.Question{Model: s, Schema: json.RawMessage(anything)}
		got, err := q.Ask(t.Context(), []answer.Part{{Step: "a"}, {Step: "b"}}, nil)
		if err != nil {
			return
		}
		if !json.Valid(got.Value) {
			t.Fatalf("%s and %s became %s", a, b, got.Value)
		}
	})
}

func FuzzSplitTextLosesNothing(f *testing.F) {
	f.Add("a b c\n\nd", 3)
	f.Add(strings.Repeat("ü", 500), 201)
	f.Fuzz(func(t *testing.T, text string, room int) {
		if !utf8.ValidString(text) {
			return
		}
		at := 0
		for i, p := range answer.SplitText(text, room) {
			if !utf8.ValidString(p) {
				t.Fatalf("piece %d is cut inside a character", i)
			}
			// Each piece begins no later than where the one before it ended.
			start := strings.LastIndex(text[:min(len(text), at+len(p))], p)
			if start < 0 || start > at {
				t.Fatalf("piece %d does not follow at %d", i, at)
			}
			at = max(at, start+len(p))
		}
		if at != len(text) {
			t.Fatalf("%d of %d bytes are in no piece", len(text)-at, len(text))
		}
	})
}

package model_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// speaker says the given values in turn, the last one again and again, and keeps the requests.
type speaker struct {
	values []string
	id     string
	claims []grounding.Claim
	asked  []model.Request
}

func (s *speaker) Generate(_ context.Context, req *model.Request) (*model.Response, error) {
	value := s.values[min(len(s.asked), len(s.values)-1)]
	s.asked = append(s.asked, *req)
	id := s.id
	if id == "" {
		id = "some-model"
	}
	cost := steward.MicroUSD(3)
	return &model.Response{
		Value: json.RawMessage(value), Claims: s.claims, Model: id, Finish: model.FinishStop,
		Usage: steward.Usage{InputTokens: 10, OutputTokens: 5, Cost: &cost},
	}, nil
}

const personSchema = `{"type":"object","required":["name","age"],"additionalProperties":false,
	"properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0},"role":{"enum":["buyer","seller"]}}}`

func TestAnswersThatDoNotMatchAreAskedForAgain(t *testing.T) {
	t.Parallel()
	good := `{"name":"Ada","age":36}`
	tests := []struct {
		name   string
		values []string
		steps  []string
		says   string // of the failure; "" is success
	}{
		{"right at once", []string{good}, []string{"s"}, ""},
		{"right at the second try", []string{`{"name":"Ada"}`, good}, []string{"s", "s.retry[1]"}, ""},
		{"right at the third try", []string{`"no JSON"`, `{"name":1,"age":1}`, good}, []string{"s", "s.retry[1]", "s.retry[2]"}, ""},
		{"never right", []string{`{"name":"Ada","age":-1}`}, []string{"s", "s.retry[1]", "s.retry[2]"}, "output did not match output_schema: at /age: "},
		{"never JSON", []string{`"text"`}, []string{"s", "s.retry[1]", "s.retry[2]"}, "output did not match output_schema: the answer is text, not JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &speaker{values: test.values}
			j := &journal{}
			resp, err := model.Ask(t.Context(), model.WithJournal(s, j.do), &model.Request{Step: "s", Schema: json.RawMessage(personSchema)})
			if !slices.Equal(j.names, test.steps) {
				t.Errorf("steps: got %v, want %v", j.names, test.steps)
			}
			if test.says != "" {
				if f := steward.FailureOf(err); f.Code != steward.FailSchemaMismatch || !strings.HasPrefix(f.Message, test.says) || f.Transient {
					t.Errorf("got %v, want schema_mismatch that says %q", err, test.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			n := int64(len(test.steps))
			if string(resp.Value) != good || resp.Usage.InputTokens != 10*n || resp.Usage.Cost == nil || int64(*resp.Usage.Cost) != 3*n {
				t.Errorf("got %s, usage %+v", resp.Value, resp.Usage)
			}
			if n > 1 && !strings.Contains(s.asked[1].Feedback, "did not match") {
				t.Errorf("feedback: %q", s.asked[1].Feedback)
			}
		})
	}
}

func TestAResumedAskUsesTheRecordedTries(t *testing.T) {
	t.Parallel()
	j := &journal{}
	req := &model.Request{Step: "s", Schema: json.RawMessage(personSchema)}
	first := &speaker{values: []string{`{"name":"Ada"}`, `{"name":"Ada","age":36}`}}
	if _, err := model.Ask(t.Context(), model.WithJournal(first, j.do), req); err != nil {
		t.Fatal(err)
	}
	again := &speaker{values: []string{`{}`}}
	resp, err := model.Ask(t.Context(), model.WithJournal(again, j.do), req)
	if err != nil || string(resp.Value) != `{"name":"Ada","age":36}` || len(again.asked) != 0 {
		t.Errorf("got %v %v after %d new calls", resp, err, len(again.asked))
	}
}

func TestTheNumberOfTriesCanBeChosen(t *testing.T) {
	t.Parallel()
	for retries, calls := range map[int]int{-1: 1, 0: 3, 1: 2} {
		s := &speaker{values: []string{`{}`}}
		m := model.Structured(s, model.AskOptions{Retries: retries})
		if _, err := m.Generate(t.Context(), &model.Request{Step: "s", Schema: json.RawMessage(personSchema)}); err == nil || len(s.asked) != calls {
			t.Errorf("retries %d: %d calls, error %v; want %d calls and an error", retries, len(s.asked), err, calls)
		}
	}
}

func TestAnArrayIsAskedForInAnObject(t *testing.T) {
	t.Parallel()
	schema := `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"array","items":{"$ref":"#/$defs/row"},
		"$defs":{"row":{"type":"object","required":["n"],"properties":{"n":{"type":"integer"},"more":{"$ref":"#"}}}}}`
	s := &speaker{
		values: []string{`{"items":[{"n":"one"}]}`, `{"items":[{"n":1,"more":[{"n":2}]}]}`},
		claims: []grounding.Claim{{Path: "/items/0/n", Quote: "one"}, {Path: "/items", Quote: "all"}, {Path: "/other", Quote: "x"}},
	}
	resp, err := model.Ask(t.Context(), s, &model.Request{Step: "s", Schema: json.RawMessage(schema)})
	if err != nil {
		t.Fatal(err)
	}
	if string(resp.Value) != `[{"n":1,"more":[{"n":2}]}]` {
		t.Errorf("got %s, want the bare list", resp.Value)
	}
	if got := []string{resp.Claims[0].Path, resp.Claims[1].Path, resp.Claims[2].Path}; !slices.Equal(got, []string{"/0/n", "", "/other"}) {
		t.Errorf("claims: got %q", got)
	}
	if !strings.Contains(s.asked[1].Feedback, "at /0/n: got string, want integer") {
		t.Errorf("feedback: %s", s.asked[1].Feedback)
	}
	asked := &speaker{values: []string{`{"items":[]}`}}
	wrapped, err := model.CompileSchema(s.asked[0].Schema)
	if err != nil {
		t.Fatalf("what was asked for is no schema: %v", err)
	}
	if problems := wrapped.Check(json.RawMessage(`{"items":[{"n":1,"more":[{"n":"x"}]}]}`), false); len(problems) != 1 {
		t.Errorf("its references are lost: %v", problems)
	}
	bare := &speaker{values: []string{`[{"n":1}]`}}
	for _, m := range []*speaker{asked, bare} {
		if _, err := model.Ask(t.Context(), m, &model.Request{Step: "s", Schema: json.RawMessage(schema)}); err != nil {
			t.Errorf("%v: %v", m.values, err)
		}
	}
	if _, err := model.Ask(t.Context(), &speaker{values: []string{`{"rows":[]}`}}, &model.Request{Step: "s", Schema: json.RawMessage(schema)}); steward.FailureOf(err).Code != steward.FailSchemaMismatch {
		t.Errorf("a list under another name: %v", err)
	}
}

func TestSchemasThatCannotBeUsedAreRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, schema, says string }{
		{"no JSON", `{"type":`, "not JSON"},
		{"no object", `[]`, "not a JSON object"},
		{"a wrong type", `{"type":"objekt"}`, "/type"},
		{"a wrong keyword", `{"type":"object","properties":{"a":{"minimum":"x"}}}`, "minimum"},
		{"a scalar at the top", `{"type":"string"}`, "must be an object or an array"},
		{"a reference to the web", `{"type":"object","properties":{"a":{"$ref":"https://example.com/s.json"}}}`, "not followed"},
		{"a reference to a file", `{"type":"object","properties":{"a":{"$ref":"file:///etc/passwd"}}}`, "not followed"},
		{"a reference to nothing", `{"type":"object","properties":{"a":{"$ref":"#/$defs/none"}}}`, "none"},
		{"a pattern that is none", `{"type":"object","properties":{"a":{"pattern":"("}}}`, "pattern"},
		{"too large", `{"type":"object","description":"` + strings.Repeat("x", 2<<20) + `"}`, "larger than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &speaker{values: []string{`{}`}}
			_, err := model.Ask(t.Context(), s, &model.Request{Step: "s", Schema: json.RawMessage(test.schema)})
			f := steward.FailureOf(err)
			if f.Code != steward.FailInvalidConfig || !strings.Contains(f.Message, test.says) || len(s.asked) != 0 {
				t.Errorf("got %v after %d calls, want invalid_config that says %q", err, len(s.asked), test.says)
			}
			if strings.Contains(f.Message, "output-schema:") {
				t.Errorf("the message shows a made-up address: %s", f.Message)
			}
		})
	}
}

func TestDraftsAreReadByTheirName(t *testing.T) {
	t.Parallel()
	// In draft 7 a list under "items" describes the places of a tuple; in 2020-12 that is "prefixItems".
	seven := `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"p":{"items":[{"type":"string"},{"type":"integer"}]}}}`
	twenty := `{"type":"object","properties":{"p":{"prefixItems":[{"type":"string"},{"type":"integer"}]}}}`
	for _, raw := range []string{seven, twenty} {
		schema, err := model.CompileSchema(json.RawMessage(raw))
		if err != nil {
			t.Fatal(err)
		}
		if problems := schema.Check(json.RawMessage(`{"p":["a",1]}`), false); len(problems) != 0 {
			t.Errorf("%s: %v", raw, problems)
		}
		if problems := schema.Check(json.RawMessage(`{"p":["a","b"]}`), false); len(problems) != 1 || !strings.HasPrefix(problems[0], "at /p/1: ") {
			t.Errorf("%s: got %v", raw, problems)
		}
	}
}

func TestRelaxedAllowsNullAndAbsenceAndNothingElse(t *testing.T) {
	t.Parallel()
	raw := `{"type":"object","required":["a","list","kind","who"],"minProperties":4,
		"properties":{"a":{"type":"string"},"required":{"type":"string"},"n":{"type":"integer","minimum":1},
			"list":{"type":"array","minItems":1,"items":{"type":"object","required":["x"],"properties":{"x":{"type":"number"}}}},
			"kind":{"enum":["in","out"]},
			"who":{"oneOf":[{"type":"object","required":["person"],"properties":{"person":{"type":"string"}}},
				{"type":"object","required":["firm"],"properties":{"firm":{"type":"string"}}}]},
			"not":{"not":{"required":["secret"]}}}}`
	schema, err := model.CompileSchema(json.RawMessage(raw))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		value   string
		relaxed bool
	}{
		{`{}`, true},
		{`{"a":null,"list":null,"kind":null,"who":null,"n":null}`, true},
		{`{"a":"x","list":[],"kind":"in","who":{}}`, true},
		{`{"a":"x","list":[{"x":null},null,{}],"kind":"in","who":{"person":null}}`, true},
		{`{"required":"a property of that name"}`, true},
		{`{"a":1}`, false},
		{`{"n":0}`, false},
		{`{"kind":"sideways"}`, false},
		{`{"list":[{"x":"1"}]}`, false},
		{`{"required":5}`, false},
		{`{"not":{"secret":1}}`, false},
		{`[]`, false},
	}
	for _, test := range tests {
		if problems := schema.Check(json.RawMessage(test.value), true); (len(problems) == 0) != test.relaxed {
			t.Errorf("%s: relaxed got %v, want it valid: %t", test.value, problems, test.relaxed)
		}
		if problems := schema.Check(json.RawMessage(test.value), false); len(problems) == 0 {
			t.Errorf("%s is valid as it stands", test.value)
		}
	}
}

func TestBuiltinIsCheckedRelaxedAndAskedOnce(t *testing.T) {
	t.Parallel()
	req := &model.Request{Step: "s", Schema: json.RawMessage(personSchema)}
	nulls := &speaker{id: model.BuiltinID, values: []string{`{"name":null,"age":null,"role":null}`}}
	resp, err := model.Ask(t.Context(), nulls, req)
	if err != nil || string(resp.Value) != `{"name":null,"age":null,"role":null}` {
		t.Errorf("got %v %v, want its nulls kept", resp, err)
	}
	wrong := &speaker{id: model.BuiltinID, values: []string{`{"age":"old"}`}}
	if _, err := model.Ask(t.Context(), wrong, req); steward.FailureOf(err).Code != steward.FailSchemaMismatch || len(wrong.asked) != 1 {
		t.Errorf("got %v after %d calls, want schema_mismatch after one", err, len(wrong.asked))
	}
	other := &speaker{values: []string{`{"name":null,"age":null}`}}
	if _, err := model.AskWith(t.Context(), other, req, model.AskOptions{Relaxed: true}); err != nil {
		t.Errorf("another model, relaxed: %v", err)
	}
}

func TestTheCallersRequestIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	req := &model.Request{Step: "s", Schema: json.RawMessage(`{"type":"array"}`)}
	if _, err := model.Ask(t.Context(), &speaker{values: []string{`{}`, `{"items":[]}`}}, req); err != nil {
		t.Fatal(err)
	}
	if req.Step != "s" || req.Feedback != "" || string(req.Schema) != `{"type":"array"}` {
		t.Errorf("got %+v", req)
	}
}

func TestAFaultOfTheModelIsReturnedAsItIs(t *testing.T) {
	t.Parallel()
	fault := passing(0)
	for _, schema := range []string{"", personSchema} {
		req := &model.Request{Step: "s", Schema: json.RawMessage(schema)}
		if _, err := model.Ask(t.Context(), &failing{errs: []error{fault}}, req); err != fault { //nolint:errorlint // the same value is meant
			t.Errorf("got %v", err)
		}
	}
}

func FuzzCompileSchema(f *testing.F) {
	for _, seed := range []string{
		personSchema, `{"type":"array","items":{"$ref":"#"}}`, `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}`,
		`{"oneOf":[{"type":"object"}],"anyOf":[true],"allOf":[false]}`, `{"type":["object","null"],"properties":{"a":true}}`, `{"required":5}`,
	} {
		f.Add([]byte(seed), []byte(`{"items":[{"a":null}]}`))
	}
	f.Fuzz(func(t *testing.T, raw, value []byte) {
		schema, err := model.CompileSchema(raw)
		if err != nil {
			if f := steward.FailureOf(err); f.Code != steward.FailInvalidConfig {
				t.Fatalf("got %v", err)
			}
			return
		}
		if !json.Valid(schema.Asked()) {
			t.Fatalf("asked for %q, which is no JSON", schema.Asked())
		}
		if !json.Valid(value) {
			return
		}
		inner, ok := schema.Unwrap(value)
		if ok && len(schema.Check(inner, false)) == 0 && !strings.Contains(string(inner), "null") && !strings.Contains(string(raw), "not") &&
			!strings.Contains(string(raw), "if") && !strings.Contains(string(raw), "ontains") && !strings.Contains(string(raw), "unevaluated") {
			if problems := schema.Check(inner, true); len(problems) != 0 {
				t.Fatalf("%s: %s is valid, and not when relaxed: %v", raw, inner, problems)
			}
		}
	})
}

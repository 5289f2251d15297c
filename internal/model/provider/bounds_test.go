package provider_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/providertest"
)

func verdictRequest() *model.Request {
	req := invoiceRequest()
	req.Evidence = true
	req.Schema = json.RawMessage(`{"type":"object","required":["because","verdict"],"properties":{` +
		`"because":{"type":"string","maxLength":500},"verdict":{"type":"string","enum":["yes","no"]},"a_note":{"type":"string","maxLength":100000}}}`)
	return req
}

const verdictAnswer = `{"result":{"because":"so","verdict":"yes","a_note":null},"evidence":[]}`

func TestModelsAreAskedInTheAuthorsOrder(t *testing.T) {
	t.Parallel()
	for _, w := range providertest.Wires() {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t, w, providertest.Reply{Text: verdictAnswer})
			if _, err := connect(t, s, patient()).Generate(t.Context(), verdictRequest()); err != nil {
				t.Fatal(err)
			}
			body := strings.ReplaceAll(s.Requests()[0].Text, `\"`, `"`) // it may stand in the prompt, as text
			at := -1
			for _, name := range []string{`"result":{`, `"because":{`, `"verdict":{`, `"a_note":{`, `"evidence":{`, `"path":{`, `"quote":{`, `"confidence":{`} {
				next := strings.Index(body, name)
				if next <= at {
					t.Fatalf("%s does not stand behind those before it: %s", name, body)
				}
				at = next
			}
		})
	}
}

func TestServersOfOpenModelsAreAskedWithBounds(t *testing.T) {
	t.Parallel()
	s := providertest.New(t, providertest.Compatible, providertest.Reply{Text: verdictAnswer})
	if _, err := connect(t, s, patient()).Generate(t.Context(), verdictRequest()); err != nil {
		t.Fatal(err)
	}
	r := s.Requests()[0]
	schema := []string{"response_format", "json_schema", "schema", "properties"}
	for path, want := range map[string]any{
		"evidence/maxItems":                         6.0,
		"evidence/items/properties/quote/maxLength": 300.0,
		"evidence/items/properties/path/maxLength":  200.0,
		"result/properties/because/maxLength":       500.0,
		"result/properties/a_note/maxLength":        nil, // longer than a grammar can count
		"evidence/items/properties/confidence/type": "number",
	} {
		if got := r.At(append(schema[:len(schema):len(schema)], strings.Split(path, "/")...)...); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

func TestAServerThatKnowsNoBoundsIsAskedWithoutThem(t *testing.T) {
	t.Parallel()
	bounds := func(r providertest.Request) bool {
		return r.At("response_format", "json_schema", "schema", "properties", "evidence", "maxItems") != nil
	}
	s := providertest.New(t, providertest.Compatible, refuser(bounds))
	m := connect(t, s, patient())
	for range 2 {
		if _, err := m.Generate(t.Context(), verdictRequest()); err != nil {
			t.Fatal(err)
		}
	}
	var got []bool
	for _, r := range s.Requests() {
		got = append(got, bounds(r))
	}
	if want := []bool{true, false, false}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := modes(s); !reflect.DeepEqual(got, []string{"json_schema", "json_schema", "json_schema"}) {
		t.Errorf("got %v", got)
	}
}

func TestAnAnswerIsWholeWhenOnlyItsEvidenceIsCut(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text  string
		whole bool
	}{
		"in an entry":         {`{"result":{"because":"so","verdict":"yes","a_note":null},"evidence":[{"path":"/verdict","file":1,"page":1,"quote":"Total`, true},
		"before the evidence": {`{"result":{"because":"so","verdict":"yes","a_note":null}`, true},
		"in the answer":       {`{"result":{"because":"so","verdict":"yes","a_no`, false},
		"evidence first":      {`{"evidence":[],"result":{"because":"so","verdict":"yes"`, false},
		"no answer at all":    {`Well, {`, false},
	}
	for _, w := range providertest.Wires() {
		for name, test := range tests {
			t.Run(string(w)+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := providertest.New(t, w, providertest.Reply{Text: test.text, Finish: providertest.Length})
				resp, err := connect(t, s, patient()).Generate(t.Context(), verdictRequest())
				if err != nil {
					t.Fatal(err)
				}
				want := map[bool]model.Finish{true: model.FinishStop, false: model.FinishLength}[test.whole]
				if resp.Finish != want || len(resp.Warnings) > 0 != test.whole {
					t.Errorf("got %s with %q, want %s", resp.Finish, resp.Warnings, want)
				}
				var got struct{ Because, Verdict string }
				if err := json.Unmarshal(resp.Value, &got); test.whole && (err != nil || got.Because != "so" || got.Verdict != "yes") {
					t.Errorf("got %s, %v", resp.Value, err)
				}
			})
		}
	}
}

package answer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// picker answers part i with values[i] and the call that settles conflicts with picks.
type picker struct {
	values []string
	claims [][]grounding.Claim
	picks  string
	id     string
	fault  error
	asked  []*model.Request
}

func (p *picker) Generate(_ context.Context, req *model.Request) (*model.Response, error) {
	resp := &model.Response{Model: "m", Finish: model.FinishStop}
	if p.id != "" {
		resp.Model = p.id
	}
	var i int
	if _, err := fmt.Sscanf(req.Step, "p%d", &i); err == nil {
		resp.Value = json.RawMessage(p.values[i])
		if i < len(p.claims) {
			resp.Claims = p.claims[i]
		}
		return resp, nil
	}
	p.asked = append(p.asked, req)
	if p.fault != nil {
		return nil, p.fault
	}
	resp.Value = json.RawMessage(p.picks)
	return resp, nil
}

func (p *picker) ask(t *testing.T, schema string) (*answer.Answer, error) {
	t.Helper()
	var parts []answer.Part
	for i := range p.values { // one at a time: the picker is not made for several
		parts = append(parts, answer.Part{Step: fmt.Sprint("p", i), Label: fmt.Sprintf("Pages %d of a.pdf", i+1)})
	}
	q := answer.Question{Model: p, Instruction: "Read the totals.", Schema: json.RawMessage(schema)}
	return q.Ask(t.Context(), parts, nil)
}

func TestOneCallSettlesWhatPartsDisagreeAbout(t *testing.T) {
	t.Parallel()
	p := &picker{
		values: []string{`{"total":10,"seller":"ACME  GmbH","o":{"date":"2026-01-01"}}`, `{"total":20.0,"seller":"Acme GmbH","o":{"date":null}}`, `{"total":20,"o":{"date":"2026-03-01"}}`},
		claims: [][]grounding.Claim{
			{{Path: "/total", Quote: "Subtotal 10", Page: 1}}, {{Path: "/total", Quote: "Carried 20", Page: 4}}, {{Path: "/total", Quote: "Grand total 20", Page: 9}},
		},
		picks: `{"value_1":2,"value_2":null}`,
	}
	got, err := p.ask(t, `{"type":"object","properties":{"total":{"type":"number","description":"What is to be paid."}}}`)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Value) != `{"total":20.0,"seller":"ACME  GmbH","o":{"date":"2026-01-01"}}` {
		t.Errorf("got %s", got.Value)
	}
	var quotes []string
	for _, c := range got.Claims {
		quotes = append(quotes, c.Quote)
	}
	if strings.Join(quotes, ", ") != "Carried 20, Grand total 20" {
		t.Errorf("claims %q: want those of the candidate that was picked", quotes)
	}
	if len(p.asked) != 1 || p.asked[0].Step != "merge" || p.asked[0].Evidence {
		t.Fatalf("asked %d times", len(p.asked))
	}
	shown := p.asked[0].Documents[0].Pages[0].Text
	for _, want := range []string{"value_1: /total", "meaning: What is to be paid.", `1: 10 (from Pages 1 of a.pdf) page 1 of file 1: "Subtotal 10"`,
		`2: 20.0 (from Pages 2 of a.pdf) page 4 of file 1: "Carried 20" page 9 of file 1: "Grand total 20"`, "value_2: /o/date", `2: "2026-03-01" (from Pages 3 of a.pdf)`} {
		if !strings.Contains(shown, want) {
			t.Errorf("the candidates do not show %q:\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "/seller") {
		t.Error("the same name in another case was taken for a conflict")
	}
	if !strings.Contains(p.asked[0].Instruction, "Read the totals.") {
		t.Error("the task is not told")
	}
}

func TestNoCallIsMadeWhereThereIsNothingToSettle(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*picker{
		"equal values":   {values: []string{`{"a":1,"b":"x y"}`, `{"a":1.0,"b":"X  y","c":2}`}},
		"nulls":          {values: []string{`{"a":null}`, `{"a":1}`, `{}`}},
		"lists":          {values: []string{`{"a":[1]}`, `{"a":[2]}`}},
		"builtin":        {values: []string{`{"a":1}`, `{"a":2}`}, id: model.BuiltinID},
		"a single part":  {values: []string{`{"a":1}`}},
		"another kind":   {values: []string{`{"a":[1]}`, `{"a":2}`}},
		"a list at top":  {values: []string{`{"items":[1]}`, `{"items":[1]}`}},
		"an object more": {values: []string{`{"a":{"b":1}}`, `{"a":{"c":1}}`}},
	} {
		if _, err := p.ask(t, anything); err != nil || len(p.asked) != 0 {
			t.Errorf("%s: %d calls, %v", name, len(p.asked), err)
		}
	}
}

func TestTheModelCanOnlyPickACandidate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		picks string
		calls int
	}{
		"a number of none":     {`{"value_1":7}`, 3},
		"a value of its own":   {`{"value_1":"30"}`, 3},
		"a value in its place": {`{"a":30}`, 3},
		"text":                 {`"the second"`, 3},
		"nothing":              {`{}`, 1},
	} {
		p := &picker{values: []string{`{"a":10}`, `{"a":20}`}, picks: tt.picks}
		got, err := p.ask(t, anything)
		if err != nil || string(got.Value) != `{"a":10}` || len(p.asked) != tt.calls {
			t.Errorf("%s: %v, %v after %d calls; want the first value after %d", name, got, err, len(p.asked), tt.calls)
			continue
		}
		if warned := len(got.Warnings) == 1 && strings.Contains(got.Warnings[0], "/a"); warned != (tt.calls > 1) {
			t.Errorf("%s: warnings %q", name, got.Warnings)
		}
	}
}

func TestFaultsWhileSettling(t *testing.T) {
	t.Parallel()
	busy := &steward.Failure{Code: steward.FailProviderError, Message: "busy", Transient: true}
	limit := &steward.Failure{Code: steward.FailCostLimit, Message: "too dear"}
	refused := &steward.Failure{Code: steward.FailModelRefused, Message: "no"}
	for _, f := range []*steward.Failure{busy, limit, refused} {
		p := &picker{values: []string{`{"a":10}`, `{"a":20}`}, fault: f}
		got, err := p.ask(t, anything)
		if f == refused {
			if err != nil || len(got.Warnings) != 1 {
				t.Errorf("refused: %v, %v", got, err)
			}
			continue
		}
		if g := steward.FailureOf(err); g.Code != f.Code || g.Transient != f.Transient {
			t.Errorf("got %v, want %v", err, f)
		}
	}
}

func TestManyConflictsAreSettledInSeveralCalls(t *testing.T) {
	t.Parallel()
	value := func(add int) string {
		out := map[string]int{}
		for i := range 100 {
			out[fmt.Sprintf("n%03d", i)] = i + add
		}
		data, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	p := &picker{values: []string{value(0), value(1000)}, picks: `{"value_1":2}`}
	got, err := p.ask(t, anything)
	if err != nil || len(p.asked) != 2 || p.asked[1].Step != "merge[60]" {
		t.Fatalf("%d calls, %v", len(p.asked), err)
	}
	var out map[string]int
	if err := json.Unmarshal(got.Value, &out); err != nil || out["n000"] != 1000 || out["n001"] != 1 || out["n060"] != 1060 {
		t.Errorf("got %s", got.Value)
	}
}

func TestAnItemThatABorderCutsBecomesOne(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		values []string
		want   string
	}{
		{"the rest stands behind the border", []string{`{"l":[{"name":"A","n":1},{"name":"B","n":null}]}`, `{"l":[{"name":"B","n":2},{"name":"C","n":3}]}`},
			`{"l":[{"name":"A","n":1},{"name":"B","n":2},{"name":"C","n":3}]}`},
		{"its lists go on", []string{`{"l":[{"id":7,"sub":["x"]}]}`, `{"l":[{"id":7,"sub":["x","y"]}]}`}, `{"l":[{"id":7,"sub":["x","y"]}]}`},
		{"over three parts", []string{`{"l":[{"itemNo":7,"a":1}]}`, `{"l":[{"itemNo":7,"b":2}]}`, `{"l":[{"itemNo":7,"c":3}]}`}, `{"l":[{"itemNo":7,"a":1,"b":2,"c":3}]}`},
		{"behind what both parts have", []string{`{"l":[{"name":"A","n":1},{"name":"B"}]}`, `{"l":[{"name":"A","n":1},{"name":"B","n":2}]}`},
			`{"l":[{"name":"A","n":1},{"name":"B","n":2}]}`},
		{"they state different things", []string{`{"l":[{"name":"B","n":1}]}`, `{"l":[{"name":"B","n":2}]}`}, `{"l":[{"name":"B","n":1},{"name":"B","n":2}]}`},
		{"no key is shared", []string{`{"l":[{"name":"A","cur":"EUR","n":null}]}`, `{"l":[{"name":null,"cur":"EUR","n":2}]}`},
			`{"l":[{"name":"A","cur":"EUR","n":null},{"name":null,"cur":"EUR","n":2}]}`},
		{"another part stands between", []string{`{"l":[{"name":"B","n":null}]}`, `{"l":[]}`, `{"l":[{"name":"B","n":2}]}`}, `{"l":[{"name":"B","n":null},{"name":"B","n":2}]}`},
		{"not the last and the first", []string{`{"l":[{"name":"B","n":null},{"name":"C","n":1}]}`, `{"l":[{"name":"D","n":1},{"name":"B","n":2}]}`},
			`{"l":[{"name":"B","n":null},{"name":"C","n":1},{"name":"D","n":1},{"name":"B","n":2}]}`},
		{"texts", []string{`{"l":["a b"]}`, `{"l":["a  b","c"]}`}, `{"l":["a b","c"]}`},
		{"nulls do not make a difference", []string{`{"l":[{"a":1,"b":null}]}`, `{"l":[{"a":1.0}]}`}, `{"l":[{"a":1,"b":null}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := merge(t, anything, tt.values...)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Value) != tt.want {
				t.Errorf("got %s, want %s", got.Value, tt.want)
			}
		})
	}
}

func TestClaimsFollowAnItemThatWasPutTogether(t *testing.T) {
	t.Parallel()
	p := &picker{
		values: []string{`{"l":[{"name":"A","n":1},{"name":"B"}]}`, `{"l":[{"name":"B","n":2},{"name":"C","n":3}]}`},
		claims: [][]grounding.Claim{{{Path: "/l/1/name", Quote: "B"}}, {{Path: "/l/0/n", Quote: "2"}, {Path: "/l/1/n", Quote: "3"}}},
	}
	got, err := p.ask(t, anything)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, c := range got.Claims {
		paths = append(paths, c.Path+"="+c.Quote)
	}
	if strings.Join(paths, " ") != "/l/1/name=B /l/1/n=2 /l/2/n=3" {
		t.Errorf("claims %v", paths)
	}
}

func TestWhatIsRequiredOrMayBeNullIsThere(t *testing.T) {
	t.Parallel()
	schema := `{"type":"object","required":["a","rows"],"properties":{"a":{"type":"string"},"b":{"type":["number","null"]},"c":{"type":"string"},
		"rows":{"type":"array","items":{"$ref":"#/$defs/row"}},"o":{"type":"object","properties":{"x":{"type":["string","null"]}}}},
		"$defs":{"row":{"type":"object","required":["n","m"],"properties":{"n":{"type":"integer"},"m":{"type":"integer"}}}}}`
	got, err := merge(t, schema, `{"rows":[{"n":1}],"o":{}}`)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"rows":[{"n":1,"m":null}],"o":{"x":null},"a":null,"b":null}`; string(got.Value) != want {
		t.Errorf("got %s, want %s", got.Value, want)
	}
}

func TestExtrasCountWhatIsGrounded(t *testing.T) {
	t.Parallel()
	schema := `{"type":"object","properties":{"total":{"type":"number"},"status":{"enum":["paid","unpaid"]},"seller":{"type":"string"},
		"signed":{"type":"boolean"},"note":{"type":"string"},"iban":{"type":["string","null"]},"rows":{"type":"array","items":{"properties":{"n":{"type":"integer"},"k":{}}}},
		"none":{"type":"array","items":{"type":"string"}}}}`
	p := &picker{
		values: []string{`{"total":12.5,"status":"paid","seller":"Acme","signed":true,"note":"","rows":[{"n":5}],"none":[]}`},
		claims: [][]grounding.Claim{{
			{Path: "/total", Quote: "Total 12.50", Confidence: 0.9}, {Path: "/status", Quote: "settled in full", Confidence: 0.8},
			{Path: "/seller", Quote: "Total 12.50", Confidence: 1}, {Path: "/signed", Quote: "signed by hand", Confidence: 1},
		}},
	}
	got, err := p.ask(t, schema)
	if err != nil {
		t.Fatal(err)
	}
	docs := []grounding.Document{grounding.FromText(0, "t", "Acme. Total 12.50, settled in full. signed by hand.")}
	extras, err := got.Extras(docs)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range extras.Sources {
		list = append(list, fmt.Sprintf("%s %t", e.Path, e.Unverified))
	}
	if s := strings.Join(list, ", "); s != "/total false, /status false, /seller true, /signed false, /rows/0/n true" {
		t.Errorf("sources %s", s)
	}
	// Not found: note, iban, none, rows/0/k.
	if *extras.Grounding != (steward.Grounding{Fields: 9, Verified: 3, Unverified: 2, NotFound: 4}) {
		t.Errorf("got %+v", *extras.Grounding)
	}
	result, err := answer.Compose(got.Value, extras)
	if err != nil || !strings.HasSuffix(result.Outputs[0].Value, `,"_grounding":{"fields":9,"verified":3,"unverified":2,"not_found":4}}`) {
		t.Errorf("got %v, %v", result, err)
	}
}

// FuzzMergeInventsNothing checks that every value of a merged answer is one of an answer to a part, and that the counts of its
// grounding add up.
func FuzzMergeInventsNothing(f *testing.F) {
	f.Add(`{"a":[{"name":"x","n":null}],"b":1}`, `{"a":[{"name":"x","n":2}],"b":2}`, `{"b":3}`, 2)
	f.Add(`{"a":{"b":[[1],[2]]}}`, `{"a":{"b":[[2],[3]]}}`, `{"a":{"b":null}}`, 1)
	f.Add(`{"a":"x"}`, `{"a":"y"}`, `{"a":"z"}`, 3)
	f.Fuzz(func(t *testing.T, a, b, c string, pick int) {
		p := &picker{values: []string{a, b, c}, picks: fmt.Sprintf(`{"value_1":%d}`, pick)}
		leaves := map[string]bool{"null": true}
		for _, v := range p.values {
			if !json.Valid([]byte(v)) || strings.TrimSpace(v)[0] != '{' {
				return
			}
			var decoded any
			if err := json.Unmarshal([]byte(v), &decoded); err != nil {
				return
			}
			collect(decoded, leaves)
		}
		got, err := p.ask(t, anything)
		if err != nil {
			if steward.FailureOf(err).Code == steward.FailInternal && !strings.Contains(err.Error(), "read JSON") {
				t.Fatal(err)
			}
			return
		}
		var decoded any
		if err := json.Unmarshal(got.Value, &decoded); err != nil {
			t.Fatalf("%s: %v", got.Value, err)
		}
		merged := map[string]bool{}
		collect(decoded, merged)
		for leaf := range merged {
			if !leaves[leaf] {
				t.Fatalf("%s is in none of %q", leaf, p.values)
			}
		}
		extras, err := got.Extras([]grounding.Document{grounding.FromText(0, "t", a+b+c)})
		if err != nil {
			t.Fatal(err)
		}
		if g := extras.Grounding; g.Verified+g.Unverified+g.NotFound != g.Fields || g.Verified > len(extras.Sources) {
			t.Fatalf("grounding %+v of %d sources", g, len(extras.Sources))
		}
	})
}

func collect(v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for _, m := range v {
			collect(m, into)
		}
	case []any:
		for _, e := range v {
			collect(e, into)
		}
	default:
		into[fmt.Sprintf("%T %v", v, v)] = true
		if v == nil {
			into["null"] = true
		}
	}
}

func TestWarningsOfTheModelsAnswersAreKeptOnce(t *testing.T) {
	t.Parallel()
	p := &picker{values: []string{`{"a":1}`, `{"a":2}`, `{"a":1}`}, picks: `{"value_1":1}`}
	warning := model.Func(func(ctx context.Context, req *model.Request) (*model.Response, error) {
		resp, err := p.Generate(ctx, req)
		if err == nil {
			resp.Warnings = []string{"It cannot see."}
			if req.Step == "merge" {
				resp.Warnings = append(resp.Warnings, "It counted no tokens.")
			}
		}
		return resp, err
	})
	q := answer.Question{Model: warning, Schema: json.RawMessage(`{"type":"object","properties":{"a":{"type":"integer"}}}`)}
	got, err := q.Ask(t.Context(), []answer.Part{{Step: "p0"}, {Step: "p1"}, {Step: "p2"}}, nil)
	if err != nil || strings.Join(got.Warnings, " ") != "It cannot see. It counted no tokens." {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWarningsWithoutEndAreCut(t *testing.T) {
	t.Parallel()
	many := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
		resp := &model.Response{Value: json.RawMessage(`{}`), Model: "m", Finish: model.FinishStop}
		for i := range 300 {
			resp.Warnings = append(resp.Warnings, fmt.Sprint("warning ", i))
		}
		return resp, nil
	})
	q := answer.Question{Model: many, Schema: json.RawMessage(`{"type":"object","properties":{"a":{"type":"integer"}}}`)}
	got, err := q.Ask(t.Context(), []answer.Part{{Step: "p"}}, nil)
	if err != nil || len(got.Warnings) != 101 || !strings.Contains(got.Warnings[100], "further warnings") {
		t.Errorf("got %d warnings, %v", len(got.Warnings), err)
	}
}

package extracteval_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/extracteval"
)

func page(n int) *int { return &n }

// one is a case with a single field "/v".
func one(class extracteval.Class, expected string) extracteval.Case {
	return extracteval.Case{
		Name: "one", Kind: "invoice", Expected: json.RawMessage(`{"v":` + expected + `}`),
		Fields: []extracteval.Field{{Path: "/v", Class: class, Verbatim: true, Page: page(1), Quote: "Total due 12.50 EUR"}},
	}
}

func score(t *testing.T, c extracteval.Case, answer string, evidence ...steward.Evidence) []extracteval.Outcome {
	t.Helper()
	result, err := extracteval.Score(c, json.RawMessage(answer), evidence)
	if err != nil {
		t.Fatal(err)
	}
	return result.Outcomes
}

func TestValuesAreComparedByTheirClass(t *testing.T) {
	t.Parallel()
	tests := []struct {
		class         extracteval.Class
		expected, got string
		want          extracteval.Verdict
	}{
		{extracteval.Text, `"Acme  Ltd"`, `" Acme Ltd\n"`, extracteval.Right},
		{extracteval.Text, `"Acme Ltd"`, `"ACME LTD"`, extracteval.Wrong},
		{extracteval.Text, `"Acme Ltd"`, `"Acme Ltd."`, extracteval.Wrong},
		{extracteval.Text, `"12"`, `12`, extracteval.Wrong},
		{extracteval.Date, `"2026-03-04"`, `"2026-03-04"`, extracteval.Right},
		{extracteval.Date, `"2026-03-04"`, `"2026-03-04T00:00:00Z"`, extracteval.Right},
		{extracteval.Date, `"2026-03-04"`, `"2026-04-03"`, extracteval.Wrong},
		{extracteval.Date, `"2026-03-04"`, `"2026-03-04 and later"`, extracteval.Wrong},
		{extracteval.Date, `"2026-03-04T06:15:00Z"`, `"2026-03-04T07:15:00+01:00"`, extracteval.Right},
		{extracteval.Date, `"2026-03-04T06:15:00Z"`, `"2026-03-04"`, extracteval.Wrong},
		{extracteval.Amount, `1204.5`, `1204.50`, extracteval.Right},
		{extracteval.Amount, `1204.5`, `1204.501`, extracteval.Right},
		{extracteval.Amount, `1204.5`, `1204.51`, extracteval.Wrong},
		{extracteval.Amount, `1204.5`, `-1204.5`, extracteval.Wrong},
		{extracteval.Amount, `1204.5`, `"1204.50"`, extracteval.Wrong},
		{extracteval.Number, `3`, `3.0`, extracteval.Right},
		{extracteval.Number, `1.5`, `1.501`, extracteval.Wrong},
		{extracteval.Currency, `"EUR"`, `"eur"`, extracteval.Wrong},
		{extracteval.Email, `"a@b.example"`, `"A@B.example"`, extracteval.Right},
		{extracteval.Phone, `"+44 (0)20 7946"`, `"+440207946"`, extracteval.Right},
		{extracteval.Phone, `"+44 20 7946"`, `"44 20 7946"`, extracteval.Wrong},
		{extracteval.URL, `"https://a.example"`, `"https://a.example/"`, extracteval.Right},
		{extracteval.URL, `"https://a.example"`, `"a.example"`, extracteval.Wrong},
		{extracteval.IBAN, `"DE44 7502 0073"`, `"DE4475020073"`, extracteval.Right},
		{extracteval.TaxID, `"DE298114506"`, `"DE 298 114 506"`, extracteval.Right},
		{extracteval.Enum, `"credit_card"`, `"credit card"`, extracteval.Wrong},
		{extracteval.Boolean, `true`, `true`, extracteval.Right},
		{extracteval.Boolean, `true`, `"true"`, extracteval.Wrong},
		{extracteval.Boolean, `false`, `null`, extracteval.Missed},
		{extracteval.Text, `null`, `"Acme"`, extracteval.Invented},
		{extracteval.Text, `null`, `null`, extracteval.Absent},
		{extracteval.Text, `null`, `{}`, extracteval.Absent},
		{extracteval.Text, `null`, `{"a":1}`, extracteval.Invented},
		{extracteval.Text, `"Acme"`, `["Acme"]`, extracteval.Wrong},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s %s against %s is %s", test.class, test.got, test.expected, test.want), func(t *testing.T) {
			t.Parallel()
			outcomes := score(t, one(test.class, test.expected), `{"v":`+test.got+`}`)
			if len(outcomes) != 1 || outcomes[0].Verdict != test.want {
				t.Errorf("got %+v, want one outcome, %s", outcomes, test.want)
			}
		})
	}
}

func TestEvidenceIsRightWhenItShowsTheValue(t *testing.T) {
	t.Parallel()
	amount, text := one(extracteval.Amount, `12.5`), one(extracteval.Text, `"Total due"`)
	also := one(extracteval.Amount, `12.5`)
	also.Fields[0].Also = []extracteval.Place{{Page: 3, Quote: "12.50"}}
	unpaged := one(extracteval.Amount, `12.5`)
	unpaged.Fields[0].Page = page(0)
	tests := []struct {
		name     string
		c        extracteval.Case
		evidence steward.Evidence
		want     bool
	}{
		{"the labelled words", amount, steward.Evidence{Path: "/v", Page: 1, Quote: "Total due 12.50 EUR"}, true},
		{"words around them", amount, steward.Evidence{Path: "/v", Page: 1, Quote: "Sum: Total  due\n12.50 EUR, now"}, true},
		{"a part of them", amount, steward.Evidence{Path: "/v", Page: 1, Quote: "12.50"}, true},
		{"a part that ends inside a word", amount, steward.Evidence{Path: "/v", Page: 1, Quote: "Total du"}, false},
		{"the number in another form", amount, steward.Evidence{Path: "/v", Page: 1, Quote: "zu zahlen 12,5"}, true},
		{"another number", amount, steward.Evidence{Path: "/v", Page: 1, Quote: "zu zahlen 112,50"}, false},
		{"the words on another page", amount, steward.Evidence{Path: "/v", Page: 2, Quote: "Total due 12.50 EUR"}, false},
		{"a further labelled page", also, steward.Evidence{Path: "/v", Page: 3, Quote: "now 12.50"}, true},
		{"any page of a text without pages", unpaged, steward.Evidence{Path: "/v", Page: 1, Quote: "12.50"}, true},
		{"a text that holds the value on another page", text, steward.Evidence{Path: "/v", Page: 2, Quote: "The Total due is"}, true},
		{"an unverified quote", amount, steward.Evidence{Path: "/v", Page: 1, Quote: "12.50", Unverified: true}, false},
		{"no quote", amount, steward.Evidence{Path: "/v", Page: 1}, false},
		{"evidence of another field", amount, steward.Evidence{Path: "/w", Page: 1, Quote: "12.50"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer := string(test.c.Expected)
			outcomes := score(t, test.c, answer, test.evidence)
			if len(outcomes) != 1 || outcomes[0].Verdict != extracteval.Right || outcomes[0].Grounded != test.want {
				t.Errorf("got %+v, want right and grounded %v", outcomes, test.want)
			}
		})
	}
}

func TestAWrongValueIsNeverGrounded(t *testing.T) {
	t.Parallel()
	outcomes := score(t, one(extracteval.Amount, `12.5`), `{"v": 13}`, steward.Evidence{Path: "/v", Page: 1, Quote: "Total due 12.50 EUR"})
	if outcomes[0].Grounded {
		t.Errorf("got %+v", outcomes[0])
	}
}

// table is a case with rows of a name and a price, and a list of tags.
func table() extracteval.Case {
	c := extracteval.Case{
		Name: "table", Kind: "invoice",
		Expected: json.RawMessage(`{"rows":[{"name":"A","price":1},{"name":"B","price":2},{"name":"C","price":3}],"tags":["x","y"]}`),
	}
	for i, quote := range []string{"A 1", "B 2", "C 3"} {
		for _, leaf := range []struct {
			name  string
			class extracteval.Class
		}{{"name", extracteval.Text}, {"price", extracteval.Amount}} {
			c.Fields = append(c.Fields, extracteval.Field{
				Path: fmt.Sprintf("/rows/%d/%s", i, leaf.name), Class: extracteval.LineItem, ItemClass: leaf.class,
				Verbatim: true, Page: page(1), Quote: quote,
			})
		}
	}
	for i, quote := range []string{"x", "y"} {
		c.Fields = append(c.Fields, extracteval.Field{
			Path: fmt.Sprintf("/tags/%d", i), Class: extracteval.List, Verbatim: true, Page: page(1), Quote: quote,
		})
	}
	return c
}

func TestArraysAreAlignedBeforeTheyAreCompared(t *testing.T) {
	t.Parallel()
	const rows = `"rows":[{"name":"A","price":1},{"name":"B","price":2},{"name":"C","price":3}]`
	tests := []struct {
		name, answer string
		want         extracteval.Figures
	}{
		{"everything right", `{` + rows + `,"tags":["x","y"]}`, extracteval.Figures{Right: 8}},
		{"a list in another order", `{` + rows + `,"tags":["y","x"]}`, extracteval.Figures{Right: 8}},
		{"a list with one more", `{` + rows + `,"tags":["y","x","z"]}`, extracteval.Figures{Right: 8, Invented: 1}},
		{"a list item twice", `{` + rows + `,"tags":["x","x"]}`, extracteval.Figures{Right: 7, Missed: 1, Invented: 1}},
		{
			"the first row missing", `{"rows":[{"name":"B","price":2},{"name":"C","price":3}],"tags":["x","y"]}`,
			extracteval.Figures{Right: 6, Missed: 2},
		},
		{
			"a row too many in the middle",
			`{"rows":[{"name":"A","price":1},{"name":"B","price":2},{"name":"net","price":9},{"name":"C","price":3}],"tags":["x","y"]}`,
			extracteval.Figures{Right: 8, Invented: 2},
		},
		{
			"one cell wrong", `{"rows":[{"name":"A","price":1},{"name":"B","price":7},{"name":"C","price":3}],"tags":["x","y"]}`,
			extracteval.Figures{Right: 7, Wrong: 1},
		},
		{
			"a row that is all wrong", `{"rows":[{"name":"A","price":1},{"name":"?","price":7},{"name":"C","price":3}],"tags":["x","y"]}`,
			extracteval.Figures{Right: 6, Wrong: 2},
		},
		{
			"rows in another order",
			`{"rows":[{"name":"C","price":3},{"name":"A","price":1},{"name":"B","price":2}],"tags":["x","y"]}`,
			extracteval.Figures{Right: 6, Missed: 2, Invented: 2},
		},
		{"a word where rows belong", `{"rows":"none","tags":["x","y"]}`, extracteval.Figures{Right: 2, Missed: 6, Invented: 1}},
		{"a number where the answer belongs", `7`, extracteval.Figures{Missed: 8, Invented: 1}},
		{"a key that nobody asked for", `{` + rows + `,"tags":["x","y"],"mood":"fine"}`, extracteval.Figures{Right: 8, Invented: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			result, err := extracteval.Score(table(), json.RawMessage(test.answer), nil)
			if err != nil {
				t.Fatal(err)
			}
			var report extracteval.Report
			report.Add(result)
			if report.All != test.want {
				t.Errorf("got %+v, want %+v", report.All, test.want)
			}
		})
	}
}

func TestEvidenceFollowsTheAlignedRow(t *testing.T) {
	t.Parallel()
	outcomes := score(t, table(), `{"rows":[{"name":"B","price":2}],"tags":["y"]}`,
		steward.Evidence{Path: "/rows/0", Page: 1, Quote: "B 2"},
		steward.Evidence{Path: "/tags/0", Page: 1, Quote: "y"})
	var grounded []string
	for _, o := range outcomes {
		if o.Grounded {
			grounded = append(grounded, o.Path+"="+o.AnswerPath)
		}
	}
	want := []string{"/rows/1/name=/rows/0/name", "/rows/1/price=/rows/0/price", "/tags/1=/tags/0"}
	if !slices.Equal(grounded, want) {
		t.Errorf("got %v, want %v", grounded, want)
	}
}

func TestEvidenceOfALeafGoesBeforeThatOfItsRow(t *testing.T) {
	t.Parallel()
	outcomes := score(t, table(), `{"rows":[{"name":"A"}]}`,
		steward.Evidence{Path: "/rows/0", Page: 1, Quote: "A 1"},
		steward.Evidence{Path: "/rows/0/name", Page: 1, Quote: "somewhere else"})
	for _, o := range outcomes {
		if o.Grounded {
			t.Errorf("got %+v, want nothing grounded", o)
		}
	}
}

func TestSurplusRowsAndItemsHaveTheirClass(t *testing.T) {
	t.Parallel()
	outcomes := score(t, table(), `{"rows":[{"extra":{"deep":1}}],"tags":["z"],"a~b/c":"d"}`)
	classes := map[string]extracteval.Class{}
	for _, o := range outcomes {
		if o.Verdict == extracteval.Invented {
			classes[o.AnswerPath] = o.Class
		}
	}
	want := map[string]extracteval.Class{
		"/rows/0/extra/deep": extracteval.LineItem, "/tags/0": extracteval.List, "/a~0b~1c": extracteval.Text,
	}
	for path, class := range want {
		if classes[path] != class {
			t.Errorf("%s: got class %q, want %q", path, classes[path], class)
		}
	}
}

func TestScoreRefusesWhatIsNotOneJSONValue(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{``, `{`, `{} {}`, `nothing`} {
		if _, err := extracteval.Score(table(), json.RawMessage(answer), nil); err == nil {
			t.Errorf("%q: got no error", answer)
		}
	}
	damaged := table()
	damaged.Expected = json.RawMessage(`{`)
	if _, err := extracteval.Score(damaged, json.RawMessage(`{}`), nil); err == nil {
		t.Error("damaged expected answer: got no error")
	}
}

func FuzzScoreCountsEveryExpectedLeafOnce(f *testing.F) {
	f.Add(`{"rows":[{"name":"A","price":1}],"tags":["x"]}`)
	f.Add(`{"rows":{"0":{"name":"A"}},"tags":[["x"],{}]}`)
	f.Add(`[1e400, "\u0000", null]`)
	f.Fuzz(func(t *testing.T, answer string) {
		result, err := extracteval.Score(table(), json.RawMessage(answer), nil)
		if err != nil {
			return
		}
		var report extracteval.Report
		report.Add(result)
		if got := report.All.Expected(); got != 8 {
			t.Errorf("got %d expected leaves, want 8: %+v", got, result.Outcomes)
		}
		if f1 := report.All.F1(); f1 < 0 || f1 > 1 || strings.Contains(fmt.Sprint(f1), "NaN") {
			t.Errorf("F1 is %v", f1)
		}
	})
}

package joblist_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
)

func TestTermsOfNewJobs(t *testing.T) {
	t.Parallel()
	label := func(k, v string) string { return joblist.LabelTerm(store.Label{Key: k, Value: v}) }
	for metadata, want := range map[string][]string{
		``:                               nil,
		`{}`:                             nil,
		`{"a":"b"}`:                      {label("a", "b")},
		`{"a":1}`:                        {label("a", "1")},
		`{"a":"1"}`:                      {label("a", "1")},
		`{"a":null}`:                     {label("a", "null")},
		`{"a":{"b": [1, "x"]},"c":true}`: {label("a", `{"b":[1,"x"]}`), label("c", "true")},
		`{"a":"é\u0000"}`:                {label("a", "é\x00")},
		`[1]`:                            nil,
		`{"a":`:                          nil,
		`{"a":1,"a":2}`:                  {label("a", "2")},
	} {
		want = append([]string{joblist.VersionTerm("v1")}, want...)
		slices.Sort(want)
		got := joblist.NewTerms("v1", []byte(metadata))
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", metadata, got, want)
		}
	}
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, `,"k%d":1`, i)
	}
	got := joblist.NewTerms("", []byte("{"+many.String()[1:]+"}"))
	if len(got) != 1+joblist.MaxLabels || !slices.Contains(got, label("k0", "1")) || slices.Contains(got, label("k999", "1")) {
		t.Errorf("of 1000 members %d are terms, want the first %d by their keys", len(got)-1, joblist.MaxLabels)
	}
}

func TestTermsDoNotMixUp(t *testing.T) {
	t.Parallel()
	l := func(k, v string) string { return joblist.LabelTerm(store.Label{Key: k, Value: v}) }
	terms := []string{
		l("a", "bc"), l("ab", "c"), l("abc", ""), l("", "abc"), l("a 1", "b"), l("a", "1 b"),
		joblist.VerdictTerm("a"), joblist.VerdictTerm(""), joblist.VersionTerm(""), joblist.VersionTerm("s3"), joblist.StatusTerm(3), joblist.PurgedTerm,
	}
	for i, term := range terms {
		if slices.Contains(terms[:i], term) || strings.Contains(term, "\x00") {
			t.Errorf("term %q stands for two things, or has a NUL", term)
		}
		if strings.HasPrefix(term, joblist.VersionPrefix) != (i == 8 || i == 9) {
			t.Errorf("term %q begins like that of a version, or does not", term)
		}
	}
}

func TestTermsOfEndedJobs(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`{"verdict":"approve","summary":"s"}`: "approve", `{"verdict":""}`: "", `{"x":{"verdict":"no"},"verdict":"é"}`: "é",
		`{"verdict":1}`: "-", `{"verdict":null}`: "-", `["verdict"]`: "-", `{"verdict"`: "-", ``: "-", `{"result":{"verdict":"x"}}`: "-",
	} {
		outputs := []steward.Datum{{Value: value}, {Value: `{"verdict":"second"}`}}
		wantTerms := []string{joblist.StatusTerm(steward.StatusSuccess)}
		if want != "-" {
			wantTerms = append(wantTerms, joblist.VerdictTerm(want))
		}
		if got := joblist.EndTerms(steward.StatusSuccess, outputs); !slices.Equal(got, wantTerms) {
			t.Errorf("%s: got %q, want %q", value, got, wantTerms)
		}
	}
	if got := joblist.EndTerms(steward.StatusFailure, nil); !slices.Equal(got, []string{"s4"}) {
		t.Errorf("without outputs: %q", got)
	}
}

func TestShortVerdict(t *testing.T) {
	t.Parallel()
	if got := joblist.ShortVerdict("approve\x00d"); got != "approve d" {
		t.Errorf("got %q", got)
	}
	if got := joblist.ShortVerdict(strings.Repeat("é", 300)); got != strings.Repeat("é", 100) {
		t.Errorf("a long one: %d bytes", len(got))
	}
}

func TestTextThatListsAreSearchedFor(t *testing.T) {
	t.Parallel()
	file := func(name string) []steward.File { return []steward.File{{Name: name}} }
	for want, inputs := range map[string][]steward.Input{
		"":                      nil,
		"große rechnung\nb.pdf": {{Key: "k", Value: "GROSSE"[:3] + "ße Rechnung"}, {Files: file("B.PDF")}},
		"a\n1.50\nb\nx":         {{JSON: true, Value: `{"key":"A","n":1.50,"list":["b",{"deep":"x"},true,null]}`}},
		"one\ntwo":              {{JSON: true, Value: `["one","two"]`}},
		"just text":             {{JSON: true, Value: `"just text"`}},
		`{"broken`:              {{JSON: true, Value: `{"broken`}},
		"nul here":              {{Value: "nul\x00here"}},
		"12":                    {{JSON: true, Value: "12"}},
		"v\nw":                  {{JSON: true, Value: `{"a":{"b":"v"},"c":{},"d":[],"e":"w"}`}},
	} {
		if got := joblist.Text(inputs); got != want {
			t.Errorf("%+v: got %q, want %q", inputs, got, want)
		}
	}
	long := joblist.Text([]steward.Input{{Value: strings.Repeat("é", 400)}, {Value: strings.Repeat("€", 400)}, {Value: "never"}})
	if len(long) > joblist.MaxText || len(long) < joblist.MaxText-3 || !utf8.ValidString(long) || strings.Contains(long, "never") {
		t.Errorf("a long text: %d bytes, ends with %q", len(long), long[len(long)-6:])
	}
}

func FuzzText(f *testing.F) {
	f.Add(`{"a":[1,"b",{"c":null}]}`, true)
	f.Add("plain \xff text", false)
	f.Fuzz(func(t *testing.T, value string, isJSON bool) {
		got := joblist.Text([]steward.Input{{Value: value, JSON: isJSON}, {Value: value}})
		if len(got) > joblist.MaxText || strings.Contains(got, "\x00") {
			t.Errorf("%q: %d bytes %q", value, len(got), got)
		}
	})
}

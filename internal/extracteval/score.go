package extracteval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stewardhq/steward"
)

// Verdict is what became of one leaf.
type Verdict string

// The verdicts.
const (
	Right    Verdict = "right"    // the expected value
	Wrong    Verdict = "wrong"    // another value than the expected one
	Missed   Verdict = "missed"   // no value where one is expected
	Invented Verdict = "invented" // a value where none is expected
	Absent   Verdict = "absent"   // no value where none is expected; no figure counts it as a success
)

// Outcome is the comparison of one leaf.
type Outcome struct {
	Path       string // JSON Pointer into the expected answer; into the given one for a leaf that is not expected there
	AnswerPath string // JSON Pointer into the given answer; "" when it has no such leaf
	Class      Class
	Verbatim   bool // of the label; true also for surplus rows and list items, so that inventing them has its price
	Verdict    Verdict
	Expected   any  // string, json.Number, bool or nil
	Got        any  // any JSON value, or nil
	Grounded   bool // for Right: some evidence of the leaf shows where the value stands
}

// Result is the comparison of one case.
type Result struct {
	Name     string
	Kind     string
	Outcomes []Outcome
	Err      error // why there was no answer; nil otherwise
}

// Score compares an answer with a case's expected one, leaf by leaf.
//
// Values. Dates are equal as ISO dates (an expected time of day must fit, too), amounts to the cent, numbers as numbers, booleans,
// currencies and enumerations exactly, text after white space folding and in the same case. Phone numbers are equal in their digits,
// tax ids and IBANs without white space, e-mail addresses in any case, URLs without a slash at the end. A string is never equal
// to a number.
//
// Arrays. Items of a list of scalars are matched as a set, whatever their order. Rows of an array of objects are aligned in
// order, such that as many leaves as possible agree: a row that is missing costs its own leaves and not those of the rows below it.
// Surplus rows and items count as invented, leaf by leaf.
//
// Evidence. A right value is grounded when one entry for its path, or for the nearest path above it, is verified, and
// either stands on a labelled page and contains the labelled words or is contained in them, or holds the value itself; a bare
// number proves itself only on a labelled page. In a text without pages every page fits.
//
// Errors: value is not one JSON value, or the case's own files are damaged.
func Score(c Case, value json.RawMessage, evidence []steward.Evidence) (Result, error) {
	result := Result{Name: c.Name, Kind: c.Kind}
	expected, err := decode(c.Expected)
	if err != nil {
		return result, fmt.Errorf("score %s: expected answer: %w", c.Name, err)
	}
	got, err := decode(value)
	if err != nil {
		return result, fmt.Errorf("score %s: answer: %w", c.Name, err)
	}
	s := &scorer{labels: map[string]*Field{}, evidence: evidence}
	for i := range c.Fields {
		s.labels[c.Fields[i].Path] = &c.Fields[i]
	}
	s.compare("", "", expected, got)
	result.Outcomes = s.outcomes
	return result, nil
}

func decode(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return v, nil
}

type scorer struct {
	labels   map[string]*Field
	evidence []steward.Evidence
	outcomes []Outcome
}

// compare walks both answers. path is a pointer into the expected one, at into the given one.
func (s *scorer) compare(path, at string, expected, got any) {
	switch e := expected.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok && got != nil {
			s.invent(at, got, false)
		}
		s.objects(path, at, e, g)
	case []any:
		g, ok := got.([]any)
		if !ok && got != nil {
			s.invent(at, got, false)
		}
		s.arrays(path, at, e, g)
	default:
		s.leaf(path, at, expected, got)
	}
}

func (s *scorer) objects(path, at string, expected, got map[string]any) {
	keys := slices.Collect(maps.Keys(expected))
	for key := range got {
		if _, ok := expected[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		step := "/" + escape(key)
		s.compare(path+step, at+step, expected[key], got[key])
	}
}

func (s *scorer) arrays(path, at string, expected, got []any) {
	matches := match(expected, got, s.agreement(path))
	taken := map[int]bool{}
	for i, j := range matches {
		step := path + "/" + strconv.Itoa(i)
		if j < 0 {
			s.compare(step, "", expected[i], nil)
			continue
		}
		taken[j] = true
		s.compare(step, at+"/"+strconv.Itoa(j), expected[i], got[j])
	}
	for j, item := range got {
		if !taken[j] {
			s.invent(at+"/"+strconv.Itoa(j), item, true)
		}
	}
}

// agreement returns how many leaves of a given item agree with expected item i of the array at path.
func (s *scorer) agreement(path string) func(i int, expected, got any) int {
	return func(i int, expected, got any) int {
		trial := &scorer{labels: s.labels}
		trial.compare(path+"/"+strconv.Itoa(i), "", expected, got)
		n := 0
		for _, o := range trial.outcomes {
			if o.Verdict == Right {
				n++
			}
		}
		return n
	}
}

func (s *scorer) leaf(path, at string, expected, got any) {
	label := s.labels[path]
	if expected == nil && label == nil {
		s.invent(at, got, false)
		return
	}
	if label == nil {
		label = &Field{Class: Text} // a corpus without labels for this leaf is still compared
	}
	o := Outcome{Path: path, AnswerPath: at, Class: label.Class, Verbatim: label.Verbatim, Expected: expected, Got: got}
	if empty(got) {
		got = nil
	}
	switch {
	case expected == nil && got == nil:
		o.Verdict = Absent
	case expected == nil:
		o.Verdict = Invented
	case got == nil:
		o.Verdict = Missed
	case equal(label.compareAs(), expected, got):
		o.Verdict = Right
		o.Grounded = s.grounded(label, at, expected)
	default:
		o.Verdict = Wrong
	}
	s.outcomes = append(s.outcomes, o)
}

// empty reports whether a value says nothing: an empty object or array where a scalar or nothing is expected.
func empty(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return v == nil
}

// invent counts every leaf of a given value that has no counterpart. surplus marks items beyond those of an array.
func (s *scorer) invent(at string, got any, surplus bool) {
	switch g := got.(type) {
	case nil:
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(g)) {
			s.invent(at+"/"+escape(key), g[key], surplus)
		}
	case []any:
		for i, item := range g {
			s.invent(at+"/"+strconv.Itoa(i), item, surplus)
		}
	default:
		o := Outcome{Path: at, AnswerPath: at, Class: classByShape(at), Verbatim: surplus, Verdict: Invented, Got: got}
		s.outcomes = append(s.outcomes, o)
	}
}

// classByShape names the class of a leaf without label: an item of a list, a cell of a row, or text.
func classByShape(path string) Class {
	parts := strings.Split(path, "/")
	for i, part := range slices.Backward(parts) {
		if _, err := strconv.Atoi(part); err != nil {
			continue
		}
		if i == len(parts)-1 {
			return List
		}
		return LineItem
	}
	return Text
}

// escape writes a key as a reference token of a JSON Pointer.
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

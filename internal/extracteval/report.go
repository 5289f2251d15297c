package extracteval

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Figures counts the outcomes of a group of leaves. A wrong value counts against precision and against recall.
type Figures struct {
	Right    int
	Wrong    int
	Missed   int
	Invented int
	Absent   int // rightly left empty; in no ratio
	Grounded int // of Right: with evidence that shows the value
}

// Precision is the share of given values that are right, 0 to 1. Without any given value it is 0.
func (f Figures) Precision() float64 { return ratio(f.Right, f.Right+f.Wrong+f.Invented) }

// Recall is the share of expected values that were given, 0 to 1. Without any expected value it is 0.
func (f Figures) Recall() float64 { return ratio(f.Right, f.Right+f.Wrong+f.Missed) }

// F1 is the harmonic mean of Precision and Recall, 0 to 1.
func (f Figures) F1() float64 {
	return ratio(2*f.Right, 2*f.Right+2*f.Wrong+f.Invented+f.Missed)
}

// EvidenceAccuracy is the share of right values whose evidence shows where they stand, 0 to 1.
func (f Figures) EvidenceAccuracy() float64 { return ratio(f.Grounded, f.Right) }

// Expected is the number of leaves that have a value in the expected answers.
func (f Figures) Expected() int { return f.Right + f.Wrong + f.Missed }

func ratio(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func (f *Figures) count(o Outcome) {
	switch o.Verdict {
	case Right:
		f.Right++
		if o.Grounded {
			f.Grounded++
		}
	case Wrong:
		f.Wrong++
	case Missed:
		f.Missed++
	case Invented:
		f.Invented++
	case Absent:
		f.Absent++
	}
}

// Report sums up the results of a corpus. The zero value is an empty report.
type Report struct {
	All      Figures            // every leaf
	Verbatim Figures            // leaves whose value stands verbatim in the document, and surplus rows and list items
	Single   Figures            // leaves outside of line items: long tables weigh nothing here
	Classes  map[Class]Figures  // by type of field; classes that do not occur are missing
	Kinds    map[string]Figures // by kind of document
	Results  []Result           // in the order of the cases
}

// Add counts the result of a case.
func (r *Report) Add(result Result) {
	if r.Classes == nil {
		r.Classes, r.Kinds = map[Class]Figures{}, map[string]Figures{}
	}
	kind := r.Kinds[result.Kind]
	for _, o := range result.Outcomes {
		r.All.count(o)
		kind.count(o)
		if o.Verbatim {
			r.Verbatim.count(o)
		}
		if o.Class != LineItem {
			r.Single.count(o)
		}
		class := r.Classes[o.Class]
		class.count(o)
		r.Classes[o.Class] = class
	}
	r.Kinds[result.Kind] = kind
	r.Results = append(r.Results, result)
}

// Failed returns the results of the cases that had no answer.
func (r *Report) Failed() []Result {
	var failed []Result
	for _, result := range r.Results {
		if result.Err != nil {
			failed = append(failed, result)
		}
	}
	return failed
}

// Markdown returns two tables for the documentation: by type of field with the sums below, and by kind of document.
func (r *Report) Markdown() string {
	var b strings.Builder
	head(&b, "Field type")
	for _, class := range Classes() {
		if f, ok := r.Classes[class]; ok {
			row(&b, string(class), f)
		}
	}
	row(&b, "**all fields**", r.All)
	row(&b, "**without line items**", r.Single)
	row(&b, "**stands verbatim**", r.Verbatim)
	b.WriteString("\n")
	head(&b, "Kind of document")
	kinds := make([]string, 0, len(r.Kinds))
	for kind := range r.Kinds {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		documents := 0
		for _, result := range r.Results {
			if result.Kind == kind {
				documents++
			}
		}
		row(&b, fmt.Sprintf("%s (%d)", kind, documents), r.Kinds[kind])
	}
	return b.String()
}

func head(b *strings.Builder, first string) {
	b.WriteString("| " + first + " | Expected | Right | Wrong | Missed | Invented | Precision | Recall | F1 | Evidence |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
}

func row(b *strings.Builder, name string, f Figures) {
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | %s | %s | %s | %s |\n", name, f.Expected(), f.Right, f.Wrong, f.Missed, f.Invented,
		share(f.Precision(), f.Right+f.Wrong+f.Invented), share(f.Recall(), f.Expected()),
		share(f.F1(), f.Expected()+f.Invented), share(f.EvidenceAccuracy(), f.Right))
}

// share writes a ratio, or a dash when it is one of nothing.
func share(v float64, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f", v)
}

// WriteMistakes lists what went wrong, one line a leaf, worst documents first: for the engineer who wants to do better.
func (r *Report) WriteMistakes(w io.Writer) error {
	results := slices.Clone(r.Results)
	slices.SortStableFunc(results, func(a, b Result) int { return cmp.Compare(b.mistakes(), a.mistakes()) })
	for _, result := range results {
		if result.mistakes() == 0 && result.Err == nil {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %d mistakes\n", result.Name, result.mistakes()); err != nil {
			return err
		}
		if result.Err != nil {
			if _, err := fmt.Fprintf(w, "  failed: %v\n", result.Err); err != nil {
				return err
			}
			continue
		}
		if err := result.writeMistakes(w); err != nil {
			return err
		}
	}
	return nil
}

func (r Result) mistakes() int {
	n := 0
	for _, o := range r.Outcomes {
		if o.mistaken() {
			n++
		}
	}
	return n
}

func (o Outcome) mistaken() bool {
	switch o.Verdict {
	case Absent:
		return false
	case Right:
		return !o.Grounded
	}
	return true
}

func (r Result) writeMistakes(w io.Writer) error {
	for _, o := range r.Outcomes {
		if !o.mistaken() {
			continue
		}
		verdict := string(o.Verdict)
		if o.Verdict == Right {
			verdict = "right, but not grounded"
		}
		if _, err := fmt.Fprintf(w, "  %s %s (%s): want %v, got %v\n", verdict, o.Path, o.Class, o.Expected, o.Got); err != nil {
			return err
		}
	}
	return nil
}

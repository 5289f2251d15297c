package builtin_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/extracteval"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/builtin"
)

var update = flag.Bool("update", false, "write confidence.txt") //nolint:gochecknoglobals // a flag

// sample is a value that the reader gave, with what is known of it.
type sample struct {
	document string
	kind     string // of its evidence
	score    float64
	right    bool
	item     bool    // a leaf of an array of objects
	weight   float64 // in the fit
}

// The sets of documents: the first two make the curves, the third only tests them.
const (
	tunedSet   = "../../../testdata/corpus"
	heldSet    = "../../../testdata/corpus-heldout"
	foreignSet = "../../../testdata/corpus-heldout-world"
)

// TestConfidenceTellsHowManyAreRight fits the curves of confidence.txt (with -update), and checks that the stored ones tell the truth
// better than the scores of the rules do, also on documents that neither rules nor curves were made with.
func TestConfidenceTellsHowManyAreRight(t *testing.T) {
	t.Parallel()
	sets := map[string][]sample{}
	for _, dir := range []string{tunedSet, heldSet, foreignSet} {
		sets[dir] = samples(t, dir)
	}
	train := balanced(sets[tunedSet], sets[heldSet])
	if *update {
		if err := os.WriteFile("confidence.txt", []byte(fit(train)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile("confidence.txt")
	if err != nil {
		t.Fatal(err)
	}
	raw, curve := builtin.Confidence(""), builtin.Confidence(string(stored))
	t.Logf("\n%s", stored)
	for _, set := range []struct {
		name  string
		s     []sample
		bound float64
	}{{"corpus", sets[tunedSet], 0.08}, {"held out", sets[heldSet], 0.08}, {"held out, other languages", sets[foreignSet], 0.1}} {
		before, after := calibration(set.s, raw), calibration(set.s, curve)
		crossed := crossValidated(set.s, train)
		t.Logf("%s: %d values, expected calibration error %.3f before, %.3f after, %.3f with curves fitted without the document\n%s", set.name, len(set.s), before.ece, after.ece, crossed.ece, after)
		if after.ece > set.bound || crossed.ece > set.bound+0.02 {
			t.Errorf("%s: expected calibration error %.3f, cross-validated %.3f; want at most %.2f", set.name, after.ece, crossed.ece, set.bound)
		}
	}
	all := slices.Concat(sets[heldSet], sets[foreignSet])
	if before, after := calibration(all, raw), calibration(all, curve); after.ece > before.ece {
		t.Errorf("held-out documents: the curves err by %.3f, the bare scores by %.3f", after.ece, before.ece)
	}
	if fitted := builtin.Confidence(fit(train)); math.Abs(calibration(train, fitted).ece-calibration(train, curve).ece) > 0.03 {
		t.Error("confidence.txt is out of date: run this test with -update")
	}
}

// samples reads the documents below dir and says of each value given whether it is right.
func samples(t *testing.T, dir string) []sample {
	t.Helper()
	reader := openReader(t)
	m := builtin.New()
	var out []sample
	for _, c := range cases(t, dir) {
		var origins []builtin.Origin
		report := extracteval.Measure(t.Context(), []extracteval.Case{c}, func(ctx context.Context, c extracteval.Case) (json.RawMessage, []steward.Evidence, error) {
			doc, err := load(ctx, reader, c)
			if err != nil {
				return nil, nil, err
			}
			req := &model.Request{Documents: []grounding.Document{doc}, Schema: c.Schema}
			if origins, err = m.Origins(ctx, req); err != nil {
				return nil, nil, err
			}
			resp, err := m.Generate(ctx, req)
			if err != nil {
				return nil, nil, err
			}
			return resp.Value, nil, nil
		})
		out = append(out, judged(t, report.Results[0], origins)...)
	}
	return out
}

// judged joins the origins of an answer's values to their verdicts.
func judged(t *testing.T, r extracteval.Result, origins []builtin.Origin) []sample {
	t.Helper()
	if r.Err != nil {
		t.Fatalf("%s: %v", r.Name, r.Err)
	}
	verdicts := map[string]extracteval.Outcome{}
	for _, o := range r.Outcomes {
		verdicts[o.AnswerPath] = o
	}
	var out []sample
	for _, o := range origins {
		v, ok := verdicts[o.Path]
		if !ok || v.Verdict == extracteval.Missed || v.Verdict == extracteval.Absent {
			continue
		}
		out = append(out, sample{document: r.Name, kind: o.Kind, score: o.Score, right: v.Verdict == extracteval.Right, item: v.Class == extracteval.LineItem})
	}
	return out
}

// balanced joins sets so that each weighs the same, and no document more than 25 values of a kind of evidence.
func balanced(sets ...[]sample) []sample {
	var out []sample
	for _, s := range sets {
		count := map[string]float64{}
		for _, x := range s {
			count[x.document+" "+x.kind]++
		}
		total := 0.0
		from := len(out)
		for _, x := range s {
			x.weight = min(1, 25/count[x.document+" "+x.kind])
			total += x.weight
			out = append(out, x)
		}
		for i := from; i < len(out); i++ {
			out[i].weight *= 500 / total
		}
	}
	return out
}

// fit makes a rising curve of each kind of evidence by isotonic regression over bins of at least 12 values' weight; the share of right
// values over all kinds counts as 4 more in each.
func fit(train []sample) string {
	kinds := map[string][]sample{}
	right, total := 0.0, 0.0
	for _, s := range train {
		kinds[s.kind] = append(kinds[s.kind], s)
		total += s.weight
		if s.right {
			right += s.weight
		}
	}
	names := []string{}
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		b.WriteString(name)
		last := -1.0
		for _, k := range isotonic(kinds[name], right/total) {
			if k.score-last < 0.005 {
				continue
			}
			fmt.Fprintf(&b, " %.2f:%.3f", k.score, k.share)
			last = k.score
		}
		b.WriteString("\n")
	}
	return b.String()
}

type bin struct{ score, share, weight float64 }

func isotonic(s []sample, prior float64) []bin {
	s = slices.Clone(s)
	slices.SortStableFunc(s, func(a, b sample) int { return cmp.Compare(a.score, b.score) })
	var bins []bin
	cur := bin{}
	for i, x := range s {
		cur.weight += x.weight
		cur.score += x.score * x.weight
		if x.right {
			cur.share += x.weight
		}
		if cur.weight >= 12 && (i+1 == len(s) || s[i+1].score-x.score > 0.004) || i+1 == len(s) {
			cur.score, cur.share = cur.score/cur.weight, (cur.share+4*prior)/(cur.weight+4)
			bins = append(bins, cur)
			cur = bin{}
		}
	}
	for i := 1; i < len(bins); {
		if i > 0 && bins[i].share < bins[i-1].share { // pool what falls
			a, b := bins[i-1], bins[i]
			w := a.weight + b.weight
			bins[i-1] = bin{(a.score*a.weight + b.score*b.weight) / w, (a.share*a.weight + b.share*b.weight) / w, w}
			bins = slices.Delete(bins, i, i+1)
			i = max(i-1, 1)
			continue
		}
		i++
	}
	return bins
}

// table is how confidences and shares of right values agree, by tenths.
type table struct {
	ece  float64
	bins [10]struct{ n, right, confidence float64 }
}

func (c table) String() string {
	var b strings.Builder
	for i, x := range c.bins {
		if x.n > 0 {
			fmt.Fprintf(&b, "| %.1f to %.1f | %.0f | %.3f | %.3f |\n", float64(i)/10, float64(i+1)/10, x.n, x.confidence/x.n, x.right/x.n)
		}
	}
	return b.String()
}

func (c *table) add(s sample, confidence float64) {
	x := &c.bins[min(int(confidence*10+1e-9), 9)]
	x.n++
	x.confidence += confidence
	if s.right {
		x.right++
	}
}

func (c *table) sum() {
	total := 0.0
	for _, x := range c.bins {
		total += x.n
	}
	c.ece = 0
	for _, x := range c.bins {
		c.ece += math.Abs(x.confidence-x.right) / total
	}
}

func calibration(s []sample, confidence func(string, float64) float64) table {
	var c table
	for _, x := range s {
		c.add(x, confidence(x.kind, x.score))
	}
	c.sum()
	return c
}

// crossValidated judges each fifth of the documents with curves that were fitted without them.
func crossValidated(s, train []sample) table {
	var c table
	part := func(name string) int {
		n := 0
		for _, r := range filepath.Base(name) {
			n += int(r)
		}
		return n % 5
	}
	for k := range 5 {
		var rest []sample
		for _, x := range train {
			if part(x.document) != k {
				rest = append(rest, x)
			}
		}
		confidence := builtin.Confidence(fit(rest))
		for _, x := range s {
			if part(x.document) == k {
				c.add(x, confidence(x.kind, x.score))
			}
		}
	}
	c.sum()
	return c
}

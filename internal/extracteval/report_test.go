package extracteval_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/extracteval"
)

func TestFiguresAreTheUsualRatios(t *testing.T) {
	t.Parallel()
	f := extracteval.Figures{Right: 6, Wrong: 2, Missed: 4, Invented: 1, Absent: 9, Grounded: 3}
	for name, pair := range map[string][2]float64{
		"precision": {f.Precision(), 6.0 / 9}, "recall": {f.Recall(), 6.0 / 12},
		"f1": {f.F1(), 2 * (6.0 / 9) * (6.0 / 12) / (6.0/9 + 6.0/12)}, "evidence": {f.EvidenceAccuracy(), 0.5},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-12 {
			t.Errorf("%s: got %v, want %v", name, pair[0], pair[1])
		}
	}
}

func TestFiguresOfNothingAreZero(t *testing.T) {
	t.Parallel()
	var f extracteval.Figures
	if f.Precision() != 0 || f.Recall() != 0 || f.F1() != 0 || f.EvidenceAccuracy() != 0 {
		t.Errorf("got %v %v %v %v", f.Precision(), f.Recall(), f.F1(), f.EvidenceAccuracy())
	}
}

// sample is a report of one good case, one with mistakes and one that failed.
func sample(t *testing.T) *extracteval.Report {
	t.Helper()
	report := &extracteval.Report{}
	for name, answer := range map[string]string{"good": `{"v":12.5}`, "bad": `{"v":13,"w":"surplus"}`} {
		c := one(extracteval.Amount, `12.5`)
		c.Name = name
		result, err := extracteval.Score(c, json.RawMessage(answer), []steward.Evidence{{Path: "/v", Page: 1, Quote: "12.50"}})
		if err != nil {
			t.Fatal(err)
		}
		report.Add(result)
	}
	report.Add(extracteval.Result{Name: "lost", Kind: "receipt", Err: errors.New("no answer")})
	return report
}

func TestLineItemsAreLeftOutOfTheSingleFields(t *testing.T) {
	t.Parallel()
	result, err := extracteval.Score(table(), table().Expected, nil)
	if err != nil {
		t.Fatal(err)
	}
	var report extracteval.Report
	report.Add(result)
	if report.All.Right != 8 || report.Single.Right != 2 {
		t.Errorf("got %d of all and %d single fields right, want 8 and 2", report.All.Right, report.Single.Right)
	}
}

func TestMarkdownShowsClassesSumsAndKinds(t *testing.T) {
	t.Parallel()
	got := sample(t).Markdown()
	for _, want := range []string{
		"| amount | 2 | 1 | 1 | 0 | 0 | 0.500 | 0.500 | 0.500 | 1.000 |\n",
		"| text | 0 | 0 | 0 | 0 | 1 | 0.000 | – | 0.000 | – |\n",
		"| **all fields** | 2 | 1 | 1 | 0 | 1 | 0.333 | 0.500 | 0.400 | 1.000 |\n",
		"| **without line items** | 2 | 1 | 1 | 0 | 1 | 0.333 |",
		"| **stands verbatim** | 2 | 1 | 1 | 0 | 0 | 0.500 | 0.500 | 0.500 | 1.000 |\n",
		"| invoice (2) | 2 |",
		"| receipt (1) | 0 |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestMistakesNameWhatWasWantedAndGot(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := sample(t).WriteMistakes(&b); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, want := range []string{
		"bad: 2 mistakes\n  wrong /v (amount): want 12.5, got 13\n  invented /w (text): want <nil>, got surplus\n",
		"lost: 0 mistakes\n  failed: no answer\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "good") {
		t.Errorf("a case without mistakes is listed:\n%s", got)
	}
}

type refusing struct{ after int }

func (w *refusing) Write(p []byte) (int, error) {
	if w.after--; w.after < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestMistakesReportAFailingWriter(t *testing.T) {
	t.Parallel()
	for after := range 4 {
		if err := sample(t).WriteMistakes(&refusing{after}); err == nil {
			t.Errorf("after %d writes: got no error", after)
		}
	}
}

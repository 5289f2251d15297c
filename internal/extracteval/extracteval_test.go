package extracteval_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/extracteval"
)

const corpus = "../../testdata/corpus"

func load(t *testing.T) []extracteval.Case {
	t.Helper()
	cases, err := extracteval.Load(corpus)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// perfect answers a case with its own expected answer and labelled quotes.
func perfect(_ context.Context, c extracteval.Case) (json.RawMessage, []steward.Evidence, error) {
	var evidence []steward.Evidence
	for _, f := range c.Fields {
		if f.Page != nil {
			evidence = append(evidence, steward.Evidence{Path: f.Path, Page: *f.Page, Quote: f.Quote})
		}
	}
	return c.Expected, evidence, nil
}

func TestTheExpectedAnswersOfTheCorpusScoreFull(t *testing.T) {
	t.Parallel()
	report := extracteval.Measure(t.Context(), load(t), perfect)
	for name, f := range map[string]extracteval.Figures{"all": report.All, "verbatim": report.Verbatim} {
		if f.Right == 0 || f.F1() != 1 || f.EvidenceAccuracy() != 1 {
			t.Errorf("%s: %d right, F1 %v, evidence %v, want 1 and 1", name, f.Right, f.F1(), f.EvidenceAccuracy())
		}
	}
	for _, result := range report.Results {
		for _, o := range result.Outcomes {
			if o.Verdict != extracteval.Right && o.Verdict != extracteval.Absent {
				t.Errorf("%s %s: %s", result.Name, o.Path, o.Verdict)
			}
		}
	}
}

func TestAnEmptyAnswerScoresNothing(t *testing.T) {
	t.Parallel()
	empty := func(context.Context, extracteval.Case) (json.RawMessage, []steward.Evidence, error) {
		return json.RawMessage(`{}`), nil, nil
	}
	cases := load(t)
	full := extracteval.Measure(t.Context(), cases, perfect)
	report := extracteval.Measure(t.Context(), cases, empty)
	if got := report.All; got.Right != 0 || got.Wrong != 0 || got.Invented != 0 || got.Missed != full.All.Right {
		t.Errorf("got %+v, want %d missed and nothing else", got, full.All.Right)
	}
}

func TestEveryExpectedValueOfTheCorpusIsLabelledOnce(t *testing.T) {
	t.Parallel()
	for _, c := range load(t) {
		seen := map[string]bool{}
		for _, f := range c.Fields {
			if seen[f.Path] {
				t.Errorf("%s: %s is labelled twice", c.Name, f.Path)
			}
			seen[f.Path] = true
			if !slices.Contains(extracteval.Classes(), f.Class) {
				t.Errorf("%s: %s has the unknown class %q", c.Name, f.Path, f.Class)
			}
			if (f.Page == nil) != (f.Quote == "") {
				t.Errorf("%s: %s has a page without a quote, or a quote without a page", c.Name, f.Path)
			}
		}
		result, err := extracteval.Score(c, c.Expected, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range result.Outcomes {
			if !seen[o.Path] {
				t.Errorf("%s: %s has no label", c.Name, o.Path)
			}
		}
	}
}

func TestTheQuotesOfTextDocumentsStandInThem(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, c := range load(t) {
		if c.ContentType != "text/plain" {
			continue
		}
		raw, err := os.ReadFile(c.Source)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(string(raw)), " ")
		for _, f := range c.Fields {
			if !strings.Contains(text, f.Quote) {
				t.Errorf("%s: %s: %q does not stand in the document", c.Name, f.Path, f.Quote)
			}
			checked++
		}
	}
	if checked == 0 {
		t.Error("no text document was checked")
	}
}

func TestTheCorpusIsAsLargeAndAsMixedAsItSays(t *testing.T) {
	t.Parallel()
	cases := load(t)
	if len(cases) < 48 {
		t.Errorf("got %d documents, want at least 48", len(cases))
	}
	kinds, pdfs := map[string]int{}, 0
	for _, c := range cases {
		kinds[c.Kind]++
		if c.ContentType == "application/pdf" {
			pdfs++
		}
	}
	for _, kind := range []string{"invoice", "receipt", "resume", "listing", "alert", "contract"} {
		if kinds[kind] < 6 {
			t.Errorf("got %d documents of kind %s, want at least 6", kinds[kind], kind)
		}
	}
	if share := float64(pdfs) / float64(len(cases)); share < 0.5 || share > 0.7 {
		t.Errorf("got %.0f %% PDFs, want about 60", 100*share)
	}
}

func TestLoadRefusesWhatIsNoCorpus(t *testing.T) {
	t.Parallel()
	t.Run("a folder without documents", func(t *testing.T) {
		t.Parallel()
		if _, err := extracteval.Load(t.TempDir()); err == nil {
			t.Error("got no error")
		}
	})
	for name, labels := range map[string]string{
		"damaged labels":           `{"kind": `,
		"a source of another type": `{"source": "document.docx"}`,
		"a source that is missing": `{"source": "document.pdf"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "broken-01"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "broken-01", "fields.json"), []byte(labels), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := extracteval.Load(dir)
			if err == nil || !strings.Contains(err.Error(), "broken-01") {
				t.Errorf("got %v, want an error that names the document", err)
			}
		})
	}
}

func TestACaseWithoutAnAnswerCountsAsMissed(t *testing.T) {
	t.Parallel()
	cases := load(t)[:2]
	broken := errors.New("the reader broke")
	report := extracteval.Measure(t.Context(), cases, func(ctx context.Context, c extracteval.Case) (json.RawMessage, []steward.Evidence, error) {
		if c.Name == cases[0].Name {
			return nil, nil, broken
		}
		return json.RawMessage(`{"not":`), nil, nil
	})
	failed := report.Failed()
	if len(failed) != 2 || !errors.Is(failed[0].Err, broken) || failed[1].Err == nil {
		t.Fatalf("got failures %v, want both", failed)
	}
	if report.All.Missed == 0 || report.All.Right != 0 {
		t.Errorf("got %+v, want everything missed", report.All)
	}
}

func TestMeasureStopsAskingWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	report := extracteval.Measure(ctx, load(t), func(ctx context.Context, c extracteval.Case) (json.RawMessage, []steward.Evidence, error) {
		asked++
		cancel()
		return perfect(ctx, c)
	})
	if asked != 1 || len(report.Failed()) != len(report.Results)-1 {
		t.Errorf("asked %d times, %d of %d failed", asked, len(report.Failed()), len(report.Results))
	}
}

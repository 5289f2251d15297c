package builtin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/extracteval"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/builtin"
)

// floors are the figures that a corpus must reach.
type floors struct {
	f1, precision, evidence float64 // of the fields whose value stands verbatim
}

func TestReadsTheCorpus(t *testing.T) {
	t.Parallel()
	report := measure(t, "../../../testdata/corpus", floors{f1: 0.86, precision: 0.96, evidence: 0.98})
	logFaults(t, report)
}

// TestReadsDocumentsThatNobodyTunedFor measures the reader on documents whose layouts and labels its makers had not seen. Do not tune to
// them: they tell what to expect of documents from outside. What is wrong in them is not even printed.
func TestReadsDocumentsThatNobodyTunedFor(t *testing.T) {
	t.Parallel()
	measure(t, "../../../testdata/corpus-heldout", floors{f1: 0.75, precision: 0.87, evidence: 0.95})
}

// TestReadsDocumentsOfOtherLanguagesThatNobodyTunedFor is the same for other languages, merged cells and tables over several pages.
func TestReadsDocumentsOfOtherLanguagesThatNobodyTunedFor(t *testing.T) {
	t.Parallel()
	measure(t, "../../../testdata/corpus-heldout-world", floors{f1: 0.85, precision: 0.9, evidence: 0.98})
}

// measure fills the schema of every document below dir, logs the figures and compares them with the floors.
func measure(t *testing.T, dir string, least floors) *extracteval.Report {
	t.Helper()
	report := extracteval.Measure(t.Context(), cases(t, dir), extractor(t))
	t.Logf("%s\n%s", dir, report.Markdown())
	for _, r := range report.Failed() {
		t.Errorf("%s: %v", r.Name, r.Err)
	}
	v := report.Verbatim
	if v.F1() < least.f1 || v.Precision() < least.precision || v.EvidenceAccuracy() < least.evidence {
		t.Errorf("verbatim fields: F1 %.3f, precision %.3f, evidence %.3f; want at least %+v", v.F1(), v.Precision(), v.EvidenceAccuracy(), least)
	}
	return report
}

// cases loads the documents below dir.
func cases(t testing.TB, dir string) []extracteval.Case {
	t.Helper()
	cs, err := extracteval.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return cs
}

// extractor reads documents and fills their schemas.
func extractor(t testing.TB) extracteval.Extract {
	t.Helper()
	reader := openReader(t)
	m := builtin.New()
	return func(ctx context.Context, c extracteval.Case) (json.RawMessage, []steward.Evidence, error) {
		return extract(ctx, reader, m, c)
	}
}

// openReader returns a reader of documents that is closed when the test ends.
func openReader(t testing.TB) *document.Reader {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	reader := document.Open(document.Options{CacheDir: filepath.Join(cache, "steward-test-pdf")})
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Errorf("close reader: %v", err)
		}
	})
	return reader
}

// extract reads a case's document, asks the model and verifies its claims, as the engines do.
func extract(ctx context.Context, reader *document.Reader, m *builtin.Model, c extracteval.Case) (json.RawMessage, []steward.Evidence, error) {
	doc, err := load(ctx, reader, c)
	if err != nil {
		return nil, nil, err
	}
	docs := []grounding.Document{doc}
	resp, err := m.Generate(ctx, &model.Request{Documents: docs, Schema: c.Schema})
	if err != nil {
		return nil, nil, err
	}
	evidence := grounding.Verify(docs, resp.Claims)
	for _, e := range evidence {
		if e.Unverified {
			return nil, nil, fmt.Errorf("the claim for %s does not stand in the document", e.Path)
		}
	}
	return resp.Value, evidence, nil
}

func load(ctx context.Context, reader *document.Reader, c extracteval.Case) (doc grounding.Document, err error) {
	data, err := os.ReadFile(c.Source)
	if err != nil {
		return doc, err
	}
	if c.ContentType == "text/plain" {
		return grounding.FromText(0, filepath.Base(c.Source), string(data)), nil
	}
	pdf, err := reader.Open(ctx, c.Name, bytes.NewReader(data), int64(len(data)), "")
	if err != nil {
		return doc, err
	}
	defer func() {
		if cerr := pdf.Close(); err == nil {
			err = cerr
		}
	}()
	doc = grounding.Document{Name: filepath.Base(c.Source), ContentType: c.ContentType}
	for n := 1; n <= pdf.PageCount(); n++ {
		page, err := pdf.Page(ctx, n)
		if err != nil {
			return doc, err
		}
		doc.Pages = append(doc.Pages, page)
	}
	return doc, nil
}

// logFaults lists what is wrong, case by case.
func logFaults(t *testing.T, report *extracteval.Report) {
	t.Helper()
	for _, r := range report.Results {
		right, all := 0, 0
		for _, o := range r.Outcomes {
			if o.Verdict == extracteval.Right {
				right++
			}
			if o.Verdict != extracteval.Absent {
				all++
			}
		}
		t.Logf("%-32s %3d of %3d", r.Name, right, all)
		for _, o := range r.Outcomes {
			switch {
			case o.Verdict == extracteval.Absent:
			case o.Verdict != extracteval.Right:
				t.Logf("    %-9s %-34s want %v, got %v (verbatim %v)", o.Verdict, o.Path, o.Expected, o.Got, o.Verbatim)
			case !o.Grounded:
				t.Logf("    ungrounded %-34s %v", o.Path, o.Expected)
			}
		}
	}
}

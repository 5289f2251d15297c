package document_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/grounding"
)

// place is a spot of a document of the corpus where a value stands.
type place struct {
	Page  int    `json:"page"`
	Quote string `json:"quote"`
}

// labels reads where the values of a corpus document stand.
func labels(t *testing.T, dir string) []place {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "fields.json"))
	if err != nil {
		t.Fatal(err)
	}
	var labelled struct {
		Fields []struct {
			place
			Also []place `json:"also"`
		} `json:"fields"`
	}
	if err := json.Unmarshal(raw, &labelled); err != nil {
		t.Fatal(err)
	}
	var places []place
	for _, f := range labelled.Fields {
		if f.Quote != "" {
			places = append(places, f.place)
		}
		places = append(places, f.Also...)
	}
	return places
}

func TestEveryLabelledQuoteOfTheCorpusStandsInThePageThatWasRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/corpus/*/document.pdf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	r := newReader(t, document.Options{})
	found, all := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p := open(t, r, data)
		var doc grounding.Document
		for n := 1; n <= p.PageCount(); n++ {
			doc.Pages = append(doc.Pages, read(t, p, n))
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		for _, l := range labels(t, filepath.Dir(file)) {
			all++
			m, ok := grounding.Find([]grounding.Document{doc}, l.Quote, 0, l.Page)
			switch {
			case !ok:
				t.Errorf("%s: page %d: %q does not stand in the text", file, l.Page, l.Quote)
			case doc.Pages[m.Page].Number != l.Page:
				t.Errorf("%s: %q found on page %d, not %d", file, l.Quote, doc.Pages[m.Page].Number, l.Page)
			case len(doc.Pages[m.Page].Boxes(m.Start, m.End)) == 0:
				t.Errorf("%s: %q has no place on its page", file, l.Quote)
			default:
				found++
			}
		}
	}
	t.Logf("%d of %d quotes in %d files", found, all, len(files))
}

package e2e

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stewardhq/steward"
)

// sheet is a page as pdftotext sees it: a reader that has nothing in common with the program's own.
type sheet struct {
	Width  float64 `xml:"width,attr"`
	Height float64 `xml:"height,attr"`
	Words  []struct {
		X0   float64 `xml:"xMin,attr"`
		Y0   float64 `xml:"yMin,attr"`
		X1   float64 `xml:"xMax,attr"`
		Y1   float64 `xml:"yMax,attr"`
		Text string  `xml:",chardata"`
	} `xml:"word"`
}

// readSheets reads a PDF with pdftotext, which is installed when it is missing.
func readSheets(t *testing.T, pdf []byte) []sheet {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "../../scripts/poppler.sh").CombinedOutput(); err != nil {
		t.Fatalf("scripts/poppler.sh: %v\n%s", err, out)
	}
	path := filepath.Join(t.TempDir(), "a.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "pdftotext", "-bbox", path, "-").Output()
	if err != nil {
		t.Fatalf("pdftotext: %v", err)
	}
	var page struct {
		Sheets []sheet `xml:"body>doc>page"`
	}
	dec := xml.NewDecoder(strings.NewReader(string(out)))
	dec.Strict, dec.Entity = false, xml.HTMLEntity
	if err := dec.Decode(&page); err != nil {
		t.Fatalf("pdftotext: %v", err)
	}
	return page.Sheets
}

// squeeze takes white space out.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// within returns the words whose middle lies in one of the boxes, box by box, from left to right, without white space.
func (s *sheet) within(boxes []steward.Box) string {
	var b strings.Builder
	for _, box := range boxes {
		var found []int
		for i, w := range s.Words {
			if x, y := (w.X0+w.X1)/2, (w.Y0+w.Y1)/2; x >= box.X0 && x <= box.X1 && y >= box.Y0 && y <= box.Y1 {
				found = append(found, i)
			}
		}
		slices.SortStableFunc(found, func(a, b int) int {
			if s.Words[a].X0 < s.Words[b].X0 {
				return -1
			}
			return 1
		})
		for _, i := range found {
			b.WriteString(squeeze(s.Words[i].Text))
		}
	}
	return b.String()
}

// text returns all words in the order in which they stand in the file, without white space.
func (s *sheet) text() string {
	var b strings.Builder
	for _, w := range s.Words {
		b.WriteString(squeeze(w.Text))
	}
	return b.String()
}

// checkEvidence holds every piece of evidence against the file itself. It returns how many are verified, and how many not.
func checkEvidence(t *testing.T, sheets []sheet, file string, sources []steward.Evidence) (verified, unverified int) {
	t.Helper()
	for _, e := range sources {
		if e.Unverified {
			unverified++
			if e.Quote != "" || len(e.Boxes) != 0 || e.Confidence != 0 {
				t.Errorf("%s: unverified, but shown as grounded: %+v", e.Path, e)
			}
			continue
		}
		verified++
		if e.FileIndex != 0 || e.FileName != file || e.Page < 1 || e.Page > len(sheets) || e.Confidence <= 0 || e.Confidence > 1 {
			t.Errorf("%s: %+v", e.Path, e)
			continue
		}
		page := &sheets[e.Page-1]
		if e.Quote == "" || len([]rune(e.Quote)) > 300 || len(e.Boxes) == 0 {
			t.Errorf("%s: quote %q with %d boxes", e.Path, e.Quote, len(e.Boxes))
		}
		for _, b := range e.Boxes {
			if b.X0 < 0 || b.Y0 < 0 || b.X0 >= b.X1 || b.Y0 >= b.Y1 || b.X1 > page.Width || b.Y1 > page.Height {
				t.Errorf("%s: box %+v does not lie in the page of %v x %v points", e.Path, b, page.Width, page.Height)
			}
		}
		if got, want := page.within(e.Boxes), squeeze(e.Quote); got != want && !strings.Contains(got, want) {
			t.Errorf("%s: the boxes on page %d hold %q, the quote is %q", e.Path, e.Page, got, want)
		}
		for word := range strings.FieldsSeq(e.Quote) {
			if !strings.Contains(page.text(), word) {
				t.Errorf("%s: %q of the quote does not stand on page %d", e.Path, word, e.Page)
			}
		}
	}
	return verified, unverified
}

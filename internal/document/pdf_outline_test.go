package document_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/document/documenttest"
)

// withOutline is a PDF of three pages. refs are the bodies of its bookmarks; %[n]d in them is the number of the n-th object, the
// first being the outline itself.
func withOutline(bodies ...string) []byte {
	first := documenttest.Extra(3)
	numbers := make([]any, len(bodies)+1)
	for i := range numbers {
		numbers[i] = first + i
	}
	f := documenttest.File{Sheets: make([]documenttest.Sheet, 3), Catalog: fmt.Sprintf("/Outlines %d 0 R", first)}
	for _, b := range bodies {
		f.Objects = append(f.Objects, fmt.Sprintf(b+"%.0[1]s", numbers...))
	}
	return f.Build()
}

func outline(t *testing.T, data []byte) []document.Heading {
	t.Helper()
	got, err := open(t, newReader(t, document.Options{}), data).Outline(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTheOutlineHasLevelsAndPages(t *testing.T) {
	t.Parallel()
	got := outline(t, withOutline(
		"<< /Type /Outlines /First %[2]d 0 R /Last %[5]d 0 R >>",
		"<< /Title (Part One) /Parent %[1]d 0 R /Next %[5]d 0 R /First %[3]d 0 R /Last %[4]d 0 R /Dest [6 0 R /Fit] >>",
		"<< /Title <FEFF00DC006200650072000D000A00730069006300680074> /Parent %[2]d 0 R /Next %[4]d 0 R /A << /S /GoTo /D [8 0 R /XYZ 0 0 0] >> >>",
		"<< /Title ( ) /Parent %[2]d 0 R /Dest [8 0 R /Fit] >>",
		"<< /Title (Elsewhere) /Parent %[1]d 0 R /A << /S /URI /URI (https://example.org) >> >>",
	))
	want := []document.Heading{{Title: "Part One", Level: 1, Page: 1}, {Title: "Über sicht", Level: 2, Page: 2}, {Title: "Elsewhere", Level: 1}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAnOutlineThatLeadsBackToItselfEnds(t *testing.T) {
	t.Parallel()
	got := outline(t, withOutline(
		"<< /Type /Outlines /First %[2]d 0 R /Last %[3]d 0 R >>",
		"<< /Title (A) /Parent %[1]d 0 R /Next %[3]d 0 R /First %[2]d 0 R >>",
		"<< /Title (B) /Parent %[1]d 0 R /Next %[2]d 0 R /First %[2]d 0 R >>",
	))
	if want := []document.Heading{{Title: "A", Level: 1}, {Title: "B", Level: 1}}; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAnOutlineIsCapped(t *testing.T) {
	t.Parallel()
	deep := []string{"<< /Type /Outlines /First %[2]d 0 R >>"}
	for i := range 50 {
		deep = append(deep, fmt.Sprintf("<< /Title (L%d) /First %%[%d]d 0 R >>", i+1, i+3))
	}
	if got := outline(t, withOutline(append(deep, "<< /Title (end) >>")...)); len(got) != 32 || got[31].Level != 32 {
		t.Errorf("%d headings of 50 levels", len(got))
	}
	first := documenttest.Extra(1)
	f := documenttest.File{Sheets: make([]documenttest.Sheet, 1), Catalog: fmt.Sprintf("/Outlines %d 0 R", first)}
	f.Objects = append(f.Objects, fmt.Sprintf("<< /First %d 0 R >>", first+1))
	for i := range 10_100 {
		f.Objects = append(f.Objects, fmt.Sprintf("<< /Title (T) /Next %d 0 R >>", first+i+2))
	}
	if got := outline(t, f.Build()); len(got) != 10_000 {
		t.Errorf("%d headings of 10,100", len(got))
	}
}

func TestAPDFWithoutBookmarksHasNoOutline(t *testing.T) {
	t.Parallel()
	p := open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{}))
	if got, err := p.Outline(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Outline(t.Context()); err == nil {
		t.Error("outline of a closed PDF: no error")
	}
}

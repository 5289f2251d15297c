package document_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/document/documenttest"
)

// form is a page with a filled-in field of each kind and a typed note. When needed, the program that shows it must make the
// fields' looks itself.
func form(needed bool) []byte {
	n := documenttest.Extra(1)
	look := func(w, h int, font, content string) string {
		return documenttest.Stream(fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 %d %d] /Resources << /Font << %s >> >>", w, h, font), content)
	}
	field := func(kind string, y int, more string) string {
		return fmt.Sprintf("<< /Type /Annot /Subtype /Widget /F 4 /DA (/F 10 Tf 0 g) /FT /%s /Rect [100 %d 300 %d] %s >>", kind, y, y+20, more)
	}
	return documenttest.File{
		Sheets: []documenttest.Sheet{{
			Content: documenttest.At(50, 700, 10, "Name:") + documenttest.At(50, 660, 10, "City:") + documenttest.At(50, 620, 10, "Agreed:") +
				documenttest.At(50, 580, 10, "Land:") + documenttest.At(50, 540, 10, "Spam:"),
			Extra: fmt.Sprintf("/Annots [%d 0 R %d 0 R %d 0 R %d 0 R %d 0 R %d 0 R %d 0 R]", n, n+1, n+2, n+3, n+4, n+5, n+6),
		}},
		Catalog: fmt.Sprintf("/AcroForm << /Fields [%d 0 R %d 0 R %d 0 R %d 0 R %d 0 R %d 0 R] /DA (/F 10 Tf 0 g) /DR << /Font << /F 3 0 R >> >> /NeedAppearances %v >>",
			n, n+1, n+2, n+3, n+4, n+6, needed),
		Objects: []string{
			field("Tx", 695, fmt.Sprintf("/T (name) /V (Ada Amory) /AP << /N %d 0 R >>", n+7)),
			field("Tx", 655, "/T (city) /V (Bergen)"), // no look of its own
			fmt.Sprintf("<< /Type /Annot /Subtype /Widget /F 4 /FT /Btn /T (ok) /V /Yes /AS /Yes /Rect [100 615 115 630] /AP << /N << /Yes %d 0 R /Off %d 0 R >> >> >>", n+8, n+9),
			field("Ch", 575, "/Ff 131072 /T (land) /V (no) /Opt [[(no) (Norway)] [(se) (Sweden)]]"),
			fmt.Sprintf("<< /Type /Annot /Subtype /Widget /F 4 /FT /Btn /T (spam) /V /Off /AS /Off /Rect [100 535 115 550] /AP << /N << /Yes %d 0 R /Off %d 0 R >> >> >>", n+8, n+9),
			"<< /Type /Annot /Subtype /FreeText /Contents (Typed by hand) /Rect [100 480 300 500] /F 4 /DA (/F 10 Tf 1 0 0 rg) >>",
			"<< /Type /Annot /Subtype /Widget /F 2 /DA (/F 10 Tf 0 g) /FT /Tx /T (secret) /V (Hidden) /Rect [100 440 300 460] >>",
			look(200, 20, "/F 3 0 R", "/Tx BMC q BT /F 10 Tf 2 7 Td (Ada Amory) Tj ET Q EMC"),
			look(15, 15, "", "2 2 m 7 12 l 12 2 l f"), // a mark that is only drawn
			look(15, 15, "", ""),
		},
	}.Build()
}

func TestFilledInFieldsAndTypedNotesAreText(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	for _, needed := range []bool{false, true} {
		p := open(t, r, form(needed))
		want := "Name:  Ada Amory\n\nCity:  Bergen\n\nAgreed:  ✔\n\nLand:  Norway\n\nSpam:\n\nTyped by hand\n"
		for range 2 { // reading again shows nothing twice
			page := read(t, p, 1)
			wantText(t, page.Text, want)
			if b := wordBox(t, page, "Bergen"); b.X0 < 100 || b.X1 > 300 || b.Y0 < 842-675 || b.Y1 > 842-655 {
				t.Errorf("the city stands at %+v, not in its field", b)
			}
			if b, want := wordBox(t, page, "✔"), (steward.Box{X0: 100, Y0: 842 - 630, X1: 115, Y1: 842 - 615}); b != want {
				t.Errorf("the tick stands at %+v, want %+v", b, want)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFieldsAreShownInPictures(t *testing.T) {
	t.Parallel()
	p := open(t, newReader(t, document.Options{}), form(false))
	img := draw(t, p, 1, document.PictureOptions{DPI: 72})
	for name, place := range map[string][4]int{"name": {100, 127, 300, 147}, "city": {100, 167, 300, 187}, "tick": {100, 212, 115, 227}, "note": {100, 342, 300, 362}} {
		if !inked(img, place) {
			t.Errorf("nothing is drawn at the %s", name)
		}
	}
	if inked(img, [4]int{100, 382, 300, 402}) {
		t.Error("a hidden field is drawn")
	}
}

func TestAFormOfManyFieldsIsReadInTime(t *testing.T) {
	t.Parallel()
	const fields = 400
	n := documenttest.Extra(1)
	var refs strings.Builder
	var objects []string
	for i := range fields {
		fmt.Fprintf(&refs, "%d 0 R ", n+i)
		x, y := 20+140*(i%4), 820-8*(i/4)
		objects = append(objects, fmt.Sprintf("<< /Type /Annot /Subtype /Widget /F 4 /DA (/F 5 Tf 0 g) /FT /Tx /T (f%d) /V (v%d) /Rect [%d %d %d %d] >>", i, i, x, y-7, x+100, y))
	}
	data := documenttest.File{
		Sheets:  []documenttest.Sheet{{Extra: "/Annots [" + refs.String() + "]"}},
		Catalog: "/AcroForm << /Fields [" + refs.String() + "] /DR << /Font << /F 3 0 R >> >> >>",
		Objects: objects,
	}.Build()
	page := read(t, open(t, newReader(t, document.Options{}), data), 1)
	if len(page.Words) != fields || !strings.Contains(page.Text, "v399") {
		t.Errorf("%d words: %q", len(page.Words), page.Text)
	}
}

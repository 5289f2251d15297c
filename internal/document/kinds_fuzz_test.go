package document_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
)

// fuzzKind gives a kind's reader foreign bytes: it answers a document that keeps its promises, or a failure.
func fuzzKind(f *testing.F, name, contentType string) {
	f.Helper()
	r := newReader(f, document.Options{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 || bytes.Contains(data, []byte("%PDF-")) { // PDFs have their own tests
			return
		}
		d, err := r.OpenAny(t.Context(), name, contentType, bytes.NewReader(data), int64(len(data)), "")
		if err != nil {
			if failure := (*steward.Failure)(nil); !errors.As(err, &failure) {
				t.Fatalf("not a failure: %v", err)
			}
			return
		}
		for n := 1; n <= d.PageCount(); n++ {
			page, err := d.Page(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			if !utf8.ValidString(page.Text) || page.Number != n || math.IsNaN(page.Width) {
				t.Fatalf("page %d: %+v", n, page)
			}
			if d.Kind() == document.KindImage && page.Width*page.Height < 1e6 {
				if img, err := d.Picture(t.Context(), n, document.PictureOptions{LongEdge: 64}); err == nil && (img.Width > 64 || img.Height > 64) {
					t.Fatalf("%d × %d", img.Width, img.Height)
				}
			}
		}
		outline, err := d.Outline(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range outline {
			if h.Title == "" || h.Level < 1 || h.Page < 0 || h.Page > d.PageCount() {
				t.Fatalf("%+v of %d pages", h, d.PageCount())
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// seed adds files of testdata.
func seed(f *testing.F, patterns ...string) {
	f.Helper()
	for _, p := range patterns {
		files, err := filepath.Glob(p)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %d files, %v", p, len(files), err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
}

func FuzzWord(f *testing.F) {
	seed(f, "testdata/office/*.docx")
	f.Add(word(f, `<w:p><w:pPr><w:outlineLvl w:val="0"/><w:numPr><w:ilvl w:val="8"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>a</w:t><w:br w:type="page"/></w:r></w:p><w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="99999"/></w:tcPr><w:p/></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>`,
		map[string]string{"word/numbering.xml": `<w:numbering><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="8"><w:start w:val="-9"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%9%1"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>`}))
	fuzzKind(f, "a.docx", "")
}

func FuzzExcel(f *testing.F) {
	seed(f, "testdata/office/*.xlsx")
	f.Add(excel(f, `<row r="9"><c r="ZZZZZZ1" t="s"><v>-1</v></c><c r="A1" s="9"><v>1e308</v></c></row>`, `<si/>`, `<cellXfs><xf numFmtId="14"/></cellXfs>`))
	fuzzKind(f, "a.xlsx", "")
}

// FuzzCellFormats fuzzes what stands in a cell and its format, which mutated archives rarely reach.
func FuzzCellFormats(f *testing.F) {
	for _, code := range []string{"General", `#,##0.00_);[Red]("$"#,##0.00)`, "[h]:mm:ss.000", "0.00E+00", `[>=1e3]0,;"x"`, "yyyy\\-mm", "# ??/??", `[$€-407] "`, "[", "\\", "_", "*"} {
		f.Add(code, 46056.5)
		f.Add(code, -1e300)
	}
	f.Fuzz(func(t *testing.T, code string, v float64) {
		if shown := document.ShowNumber(code, v); !utf8.ValidString(shown) && utf8.ValidString(code) {
			t.Fatalf("%q", shown)
		}
	})
}

func FuzzHTML(f *testing.F) {
	for _, s := range []string{"<html><table><tr><td>a<td colspan=9999>b<tr rowspan=x><td><table><td>c</table></table>", "<html><ol start=-9><li><ul><li>x</ol><pre> a\n b</pre><q>", "<html></td><h1 hidden><h2>t</h2>", "<html><div style='display:none'><table></div>x"} {
		f.Add([]byte(s))
	}
	fuzzKind(f, "a.html", "text/html")
}

func FuzzMail(f *testing.F) {
	f.Add(mixed("From: a@a.example\r\nSubject: =?utf-8?q?x?=\r\nMessage-ID: <1>\r\n", "Content-Type: text/html\r\n\r\n<b>x", attach("a.csv", "text/csv", []byte("a;b\n1;2")), attach("a.png", "image/png", picture(f, "png", 3, 2))))
	f.Add([]byte("From: a\nTo: b\nMIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\n=C3=BC=\n"))
	fuzzKind(f, "a.eml", "message/rfc822")
}

func FuzzText(f *testing.F) {
	f.Add([]byte("\xFF\xFEa\x00"))
	f.Add([]byte("# head\n\ftext\x00\x80"))
	fuzzKind(f, "a.md", "text/markdown; charset=shift_jis")
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("sep=;\na;\"b\nc\";\n;;\n"))
	f.Add([]byte("a\tb|c,d\n\"x"))
	fuzzKind(f, "a.csv", "")
}

func FuzzPicture(f *testing.F) {
	seed(f, "testdata/images/*.webp")
	for _, format := range []string{"png", "jpeg", "gif", "tiff", "bmp"} {
		f.Add(picture(f, format, 5, 4))
	}
	f.Add(pagesOfTIFF(f, picture(f, "tiff", 3, 2), picture(f, "tiff", 2, 3)))
	fuzzKind(f, "a", "")
}

// Package documenttest makes small PDFs for tests.
package documenttest

import (
	"bytes"
	"fmt"
	"strings"
)

// Sheet is a page of a PDF made for a test. In its content Helvetica is /F and Courier /C.
type Sheet struct {
	Content string // in the PDF's own language; see At
	Rotate  int    // degrees clockwise
	Box     string // MediaBox; "" means A4
	Crop    string // CropBox; "" means none
	Extra   string // more of the page's dictionary, such as "/Annots [8 0 R]"
}

// File is a PDF made for a test.
type File struct {
	Sheets  []Sheet
	Catalog string   // more of the catalog, such as "/Outlines 8 0 R"
	Objects []string // further objects; the first one has the number Extra says
}

// Extra is the number of the first further object of a PDF of so many sheets.
func Extra(sheets int) int { return 6 + 2*sheets }

// Stream is the body of an object that is a stream.
func Stream(dictionary, content string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dictionary, len(content), content)
}

// At draws text with its baseline at x, y from the lower left, in size points.
func At(x, y, size float64, text string) string {
	text = strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(text)
	return fmt.Sprintf("BT /F %g Tf 1 0 0 1 %g %g Tm (%s) Tj ET\n", size, x, y, text)
}

// Lines draws lines of text from the top, leading points apart.
func Lines(x, y, size, leading float64, texts ...string) string {
	var b strings.Builder
	for i, t := range texts {
		b.WriteString(At(x, y-float64(i)*leading, size, t))
	}
	return b.String()
}

// Build makes a PDF of sheets. Byte 1 of a text is the ligature fi, byte 173 the soft hyphen.
func Build(sheets ...Sheet) []byte { return File{Sheets: sheets}.Build() }

// Build makes the PDF. The texts are those of the function Build.
func (f File) Build() []byte {
	sheets := f.Sheets
	var (
		b       bytes.Buffer
		offsets []int
	)
	object := func(body string) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(offsets), body)
	}
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	object("<< /Type /Catalog /Pages 2 0 R " + f.Catalog + " >>")
	var kids []string
	for i := range sheets {
		kids = append(kids, fmt.Sprintf("%d 0 R", 6+2*i))
	}
	object(fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(sheets), strings.Join(kids, " ")))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding 5 0 R >>")
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>")
	object("<< /Type /Encoding /BaseEncoding /WinAnsiEncoding /Differences [1 /fi 173 /uni00AD] >>")
	for i, s := range sheets {
		if s.Box == "" {
			s.Box = "0 0 595 842"
		}
		extra := ""
		if s.Crop != "" {
			extra = fmt.Sprintf(" /CropBox [%s]", s.Crop)
		}
		object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [%s]%s /Rotate %d /Contents %d 0 R /Resources << /Font << /F 3 0 R /C 4 0 R >> >> %s >>",
			s.Box, extra, s.Rotate, 7+2*i, s.Extra))
		object(Stream("", s.Content))
	}
	for _, o := range f.Objects {
		object(o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return b.Bytes()
}

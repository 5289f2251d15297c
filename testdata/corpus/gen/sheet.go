package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// theme is the look of a PDF.
type theme struct {
	family string  // Helvetica, Times or Courier: the fonts that every reader has
	size   float64 // of running text, in points
	accent [3]int  // red, green, blue of headings and bars
	letter bool    // US Letter instead of A4
	margin float64 // points
}

// font is how a piece of text is set. The zero value is running text at the left.
type font struct {
	size   float64 // 0 means the theme's
	bold   bool
	italic bool
	align  byte // 'L' (or 0), 'R', 'C'
	accent bool
	white  bool
	gray   bool
}

// sheet is a PDF being drawn: a cursor that moves down in a column, and the pages under it.
type sheet struct {
	pdf    *fpdf.Fpdf
	tr     func(string) string // UTF-8 to the fonts' encoding
	rec    *recorder
	theme  theme
	x, w   float64 // the current column
	y      float64 // top of what comes next
	bottom float64 // where the page ends
	page   int
	header []block // drawn at the top of every page after the first
	footer []block // drawn at the bottom of every page
}

// block draws itself at the cursor and moves it down.
type block func(s *sheet)

func newSheet(rec *recorder, th theme, title string) *sheet {
	size := "A4"
	if th.letter {
		size = "Letter"
	}
	pdf := fpdf.New("P", "pt", size, "")
	day := time.Date(2026, 1, 15, 9, 0, 0, 0, time.UTC)
	pdf.SetCreationDate(day)
	pdf.SetModificationDate(day)
	pdf.SetCatalogSort(true)
	pdf.SetProducer("corpus generator", true)
	pdf.SetTitle(title, true)
	pdf.SetAutoPageBreak(false, 0)
	s := &sheet{pdf: pdf, tr: pdf.UnicodeTranslatorFromDescriptor(""), rec: rec, theme: th}
	s.x = th.margin
	width, _ := pdf.GetPageSize()
	s.w = width - 2*th.margin
	return s
}

// render draws blocks and returns the file.
func (s *sheet) render(blocks ...block) ([]byte, error) {
	s.newPage()
	for _, b := range blocks {
		b(s)
	}
	var out bytes.Buffer
	if err := s.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("write pdf: %w", err)
	}
	return out.Bytes(), nil
}

func (s *sheet) newPage() {
	s.pdf.AddPage()
	s.page++
	_, height := s.pdf.GetPageSize()
	x, w := s.x, s.w
	width, _ := s.pdf.GetPageSize()
	s.x, s.w = s.theme.margin, width-2*s.theme.margin
	s.bottom = height
	if len(s.footer) > 0 {
		s.y = height - s.theme.margin - 28
		end := s.y - 10
		for _, b := range s.footer {
			b(s)
		}
		s.bottom = end
	} else {
		s.bottom = height - s.theme.margin
	}
	s.y = s.theme.margin
	if s.page > 1 {
		for _, b := range s.header {
			b(s)
		}
	}
	s.x, s.w = x, w
}

// need starts a new page when less than h points are left.
func (s *sheet) need(h float64) {
	if s.y+h > s.bottom {
		s.newPage()
	}
}

func (s *sheet) size(f font) float64 {
	if f.size == 0 {
		return s.theme.size
	}
	return f.size
}

func (s *sheet) leading(f font) float64 { return s.size(f) * 1.32 }

func (s *sheet) use(f font) {
	style := ""
	if f.bold {
		style += "B"
	}
	if f.italic {
		style += "I"
	}
	s.pdf.SetFont(s.theme.family, style, s.size(f))
	switch c := s.theme.accent; {
	case f.white:
		s.pdf.SetTextColor(255, 255, 255)
	case f.accent:
		s.pdf.SetTextColor(c[0], c[1], c[2])
	case f.gray:
		s.pdf.SetTextColor(110, 110, 110)
	default:
		s.pdf.SetTextColor(20, 20, 20)
	}
}

// width returns how wide the words of a marked-up text are.
func (s *sheet) width(markup string, f font) float64 {
	s.use(f)
	return s.pdf.GetStringWidth(s.tr(s.rec.plain(markup)))
}

// line sets one line at (x, y), y being its top, in a column of width w. It records the marks and does not move the cursor.
func (s *sheet) line(x, y, w float64, f font, markup string) {
	s.set(x, y, w, f, s.rec.draw(s.page, markup))
}

// set places words whose marks are already recorded.
func (s *sheet) set(x, y, w float64, f font, words string) {
	s.use(f)
	words = s.tr(words)
	switch f.align {
	case 'R':
		x += w - s.pdf.GetStringWidth(words)
	case 'C':
		x += (w - s.pdf.GetStringWidth(words)) / 2
	}
	s.pdf.Text(x, y+s.size(f), words)
}

// wrap breaks the words of a marked-up text into lines that fit into w.
func (s *sheet) wrap(markup string, f font, w float64) []string {
	s.use(f)
	var lines []string
	var line string
	for _, word := range strings.Fields(s.rec.plain(markup)) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && s.pdf.GetStringWidth(s.tr(longer)) > w {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	return append(lines, line)
}

// wrapped sets a text on as many lines as it needs at (x, y) and returns the height used.
func (s *sheet) wrapped(x, y, w float64, f font, markup string) float64 {
	lines := s.wrap(markup, f, w)
	s.rec.draw(s.page, markup)
	for i, l := range lines {
		s.set(x, y+float64(i)*s.leading(f), w, f, l)
	}
	return float64(len(lines)) * s.leading(f)
}

func (s *sheet) fill(x, y, w, h float64, r, g, b int) {
	s.pdf.SetFillColor(r, g, b)
	s.pdf.Rect(x, y, w, h, "F")
}

func (s *sheet) stroke(x0, y0, x1, y1, width float64) {
	s.pdf.SetDrawColor(170, 170, 170)
	s.pdf.SetLineWidth(width)
	s.pdf.Line(x0, y0, x1, y1)
}

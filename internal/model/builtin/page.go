package builtin

import (
	"context"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stewardhq/steward/internal/grounding"
)

// Limits of what is read; the rest of a larger input is not looked at.
const (
	maxRows      = 100_000
	maxTextBytes = 16 << 20
	maxCells     = 48  // in a row
	maxTokens    = 400 // in a cell
	maxRowBytes  = 16 << 10
)

// page is a page of a document.
type page struct {
	file   int
	number int
	text   string
	words  []grounding.Word
	first  int // index of its first row
	rows   int
}

// row is a line that is not blank.
type row struct {
	page   *page
	start  int // byte range in the page's text
	end    int
	cells  []cell
	gap    bool    // a blank line, a wide space or a page break stands before it
	bullet bool    // it begins with a bullet, which its first cell does not include
	height float64 // of its letters; 0 when unknown
}

// cell is a part of a row that stands apart from the others.
type cell struct {
	start, end int     // byte range in the page's text, trimmed
	x0, x1     float64 // place on the line: points when known, else columns
	slot       int     // number of pipes before it; 0 when the row has none
	marks      []mark
}

// source is everything that was read, rows in reading order.
type source struct {
	rows   []row
	pages  []*page
	hits   map[phrase][]hit // where the form's labels stand
	style  style
	widths map[*page]float64
}

func (r *row) text(i int) string { c := &r.cells[i]; return r.page.text[c.start:c.end] }

func (r *row) line() string { return r.page.text[r.start:r.end] }

// readPages cuts documents into rows and cells and finds the labels in them.
func readPages(ctx context.Context, docs []grounding.Document, v *vocabulary) (*source, error) {
	s := &source{hits: map[phrase][]hit{}, widths: map[*page]float64{}}
	bytes := 0
	for d := range docs {
		for p := range docs[d].Pages {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			pg := &docs[d].Pages[p]
			bytes += len(pg.Text)
			if bytes > maxTextBytes || len(s.rows) >= maxRows {
				break
			}
			s.addPage(docs[d].FileIndex, pg)
		}
	}
	lb := labeller{vocab: v, src: s}
	for i := range s.rows {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		lb.row(i)
	}
	s.style = judgeStyle(s)
	return s, nil
}

func (s *source) addPage(file int, gp *grounding.Page) {
	pg := &page{file: file, number: gp.Number, text: gp.Text, words: gp.Words, first: len(s.rows)}
	s.pages = append(s.pages, pg)
	gap, lastBottom := true, 0.0
	for start := 0; start < len(pg.text); {
		end := strings.IndexByte(pg.text[start:], '\n')
		if end < 0 {
			end = len(pg.text)
		} else {
			end += start
		}
		if len(s.rows) >= maxRows {
			break
		}
		r := row{page: pg, start: start, end: end, gap: gap}
		if end-start > maxRowBytes {
			r.end = start + cutRune(pg.text[start:], maxRowBytes)
		}
		if cutCells(&r); len(r.cells) == 0 {
			gap = gap || strings.TrimSpace(pg.text[start:end]) == ""
		} else {
			top, bottom := place(pg, &r)
			if r.height > 0 && lastBottom > 0 && top-lastBottom > 1.1*r.height {
				r.gap = true
			}
			lastBottom = bottom
			s.rows = append(s.rows, r)
			gap = false
		}
		start = end + 1
	}
	pg.rows = len(s.rows) - pg.first
}

// cutCells fills the row's cells and bullet, and trims its range. Rows of rules ("-----", "|---|---|") get no cell.
func cutCells(r *row) {
	text := r.page.text
	i, end := r.start, r.end
	i = skipBullet(r, i)
	column := float64(utf8.RuneCountInString(text[r.start:i]))
	slot := strings.Count(text[r.start:i], "|")
	for i < end && len(r.cells) < maxCells {
		start, x0 := i, column
		last, lastX := i, column // end of the text seen, without blanks behind it
		blanks := 0
		for i < end {
			c, n := utf8.DecodeRuneInString(text[i:])
			if separator(c) {
				break
			}
			if blank(c) {
				blanks++
				if blanks >= 2 && last > start || c == '\t' {
					break
				}
				if last == start {
					start, x0 = i+n, column+1
					last = start
				}
			} else {
				blanks = 0
				last, lastX = i+n, column+1
			}
			i += n
			column++
		}
		if last > start && !ruleText(text[start:last]) {
			start, last = bare(text, start, last)
			if strings.HasPrefix(text[start:last], ": ") { // "Label      : value"
				start += 2
			}
			r.cells = append(r.cells, cell{start: start, end: last, x0: x0, x1: lastX, slot: slot})
		}
		from := i
		i, column = skipBlanks(text, i, end, column)
		slot += strings.Count(text[from:i], "|")
	}
	if len(r.cells) > 0 {
		r.start, r.end = r.cells[0].start, r.cells[len(r.cells)-1].end
	}
}

func skipBlanks(text string, i, end int, column float64) (int, float64) {
	for i < end {
		c, n := utf8.DecodeRuneInString(text[i:])
		if !blank(c) && !separator(c) {
			break
		}
		i += n
		column++
		if c == '\t' {
			column += 7 - float64(int(column-1)%8)
		}
	}
	return i, column
}

// skipBullet returns where the text behind bullets and heading signs begins.
func skipBullet(r *row, i int) int {
	text := r.page.text
	for i < r.end {
		c, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case blank(c):
			i += n
		case strings.ContainsRune("•▪◦‣·●○■►–—", c) || strings.ContainsRune("-*+>", c) && i+n < r.end && text[i+n] == ' ':
			r.bullet = true
			i += n
		case c == '#' && headingSign(text[i:r.end]):
			i += n
		default:
			return i
		}
	}
	return i
}

// headingSign reports whether s begins with the heading signs of Markdown.
func headingSign(s string) bool {
	rest := strings.TrimLeft(s, "#")
	return len(s)-len(rest) <= 6 && len(rest) > 1 && rest[0] == ' ' && rest[1] != ' '
}

// bare moves a and b inwards over the signs of bold and code text.
func bare(text string, a, b int) (int, int) {
	for _, sign := range []string{"**", "__"} {
		if b-a > 4 && strings.HasPrefix(text[a:b], sign) && strings.HasSuffix(text[a:b], sign) {
			a, b = a+2, b-2
		}
	}
	return a, b
}

func blank(c rune) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\u00a0' || c == '\f' || c == '\v'
}

func separator(c rune) bool { return c == '|' || c == '│' || c == '┃' || c == '║' || c == '¦' }

// ruleText reports whether s is drawn, not written: lines, dots, stars.
func ruleText(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune("-=_.*~+:─━═┄┈—–┌┐└┘├┤┬┴┼╔╗╚╝╠╣╦╩╬ ", c) {
			return false
		}
	}
	return true
}

// place fills x positions and the height from the page's words and returns the top and bottom of the row, 0 when unknown.
func place(pg *page, r *row) (top, bottom float64) {
	if len(pg.words) == 0 {
		return 0, 0
	}
	w := sort.Search(len(pg.words), func(i int) bool { return pg.words[i].End > r.start })
	var heights []float64
	for c := range r.cells {
		ce := &r.cells[c]
		found := false
		for ; w < len(pg.words) && pg.words[w].Start < ce.end; w++ {
			b := pg.words[w].Box
			if pg.words[w].End <= ce.start {
				continue
			}
			if !found {
				ce.x0, ce.x1, found = b.X0, b.X1, true
			}
			ce.x0, ce.x1 = min(ce.x0, b.X0), max(ce.x1, b.X1)
			if top == 0 || b.Y0 < top {
				top = b.Y0
			}
			bottom = max(bottom, b.Y1)
			heights = append(heights, b.Y1-b.Y0)
		}
	}
	if len(heights) > 0 {
		slices.Sort(heights)
		r.height = heights[len(heights)/2]
	}
	return top, bottom
}

// apart is the distance within which two x positions of this page count as aligned.
func (pg *page) apart() float64 {
	if len(pg.words) > 0 {
		return 9
	}
	return 2
}

// heading reports whether row i reads like a heading: one short cell without a sentence's end.
func (s *source) heading(i int) bool {
	r := &s.rows[i]
	if len(r.cells) != 1 || r.bullet {
		return false
	}
	t := r.text(0)
	if len(t) > 60 || strings.ContainsAny(t[len(t)-1:], ".,;") {
		return false
	}
	n := 0
	upper := 0
	for w := range strings.FieldsSeq(t) {
		n++
		if c, _ := utf8.DecodeRuneInString(w); unicode.IsUpper(c) {
			upper++
		}
		if n > 7 || strings.ContainsAny(w, "0123456789@") && n > 1 {
			return false
		}
	}
	return upper > 0 && (upper*2 >= n || strings.HasSuffix(t, ":"))
}

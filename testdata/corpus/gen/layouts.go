package main

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Layouts beside those of blocks.go: rows at tab stops, framed boxes, leaders of real dots, timelines, and tables whose heads wrap.

// stanza sets a text whose line breaks are its own, as an address has them.
func stanza(f font, markup string) block {
	return func(s *sheet) {
		ls := strings.Split(s.rec.plain(markup), "\n")
		s.need(float64(len(ls)) * s.leading(f))
		s.rec.draw(s.page, markup)
		for _, l := range ls {
			s.set(s.x, s.y, s.w, f, strings.TrimSpace(l))
			s.y += s.leading(f)
		}
	}
}

// spread sets cells on one line, each in its own part of the column's width.
func spread(f font, shares []float64, cells ...string) block {
	return func(s *sheet) {
		s.need(s.leading(f))
		x := s.x
		for i, c := range cells {
			w := shares[i] * s.w
			s.line(x, s.y, w, f, c)
			x += w
		}
		s.y += s.leading(f) + 1
	}
}

// strip sets rows of small labels with the row of their values under each; no lines are drawn.
func strip(shares []float64, labelsAndValues ...string) block {
	return func(s *sheet) {
		small := font{size: s.theme.size - 2, bold: true}
		ps := pairsOf(labelsAndValues)
		for len(ps) > 0 {
			n := min(len(shares), len(ps))
			var labels, values []string
			for _, p := range ps[:n] {
				labels, values = append(labels, p.label), append(values, p.value)
			}
			spread(small, shares, labels...)(s)
			spread(font{}, shares, values...)(s)
			s.y += 4
			ps = ps[n:]
		}
	}
}

// underneath sets values over lines, each with its small label below.
func underneath(shares []float64, labelsAndValues ...string) block {
	return func(s *sheet) {
		small := font{size: s.theme.size - 2.5, gray: true}
		ps := pairsOf(labelsAndValues)
		for len(ps) > 0 {
			n := min(len(shares), len(ps))
			s.need(s.leading(font{}) + s.leading(small) + 8)
			x := s.x
			for i, p := range ps[:n] {
				w := shares[i] * s.w
				s.line(x, s.y, w, font{}, p.value)
				end := s.y + s.leading(font{}) + 1
				s.stroke(x, end, x+w-10, end, 0.5)
				s.line(x, end+1, w, small, p.label)
				x += w
			}
			s.y += s.leading(font{}) + s.leading(small) + 8
			ps = ps[n:]
		}
	}
}

// boxes sets one row of framed cells of their own widths, each with its label in the upper left corner and its value, which may
// have line breaks, below.
func boxes(shares []float64, labelsAndValues ...string) block {
	return func(s *sheet) {
		small := font{size: s.theme.size - 2.5}
		ps := pairsOf(labelsAndValues)
		n := 1
		for _, p := range ps {
			n = max(n, 1+strings.Count(p.value, "\n"))
		}
		h := s.leading(small) + float64(n)*s.leading(font{}) + 8
		s.need(h)
		left, y, w := s.x, s.y, s.w
		x := left
		for i, p := range ps {
			cell := shares[i] * w
			s.pdf.SetDrawColor(90, 90, 90)
			s.pdf.SetLineWidth(0.7)
			s.pdf.Rect(x, y, cell, h, "D")
			s.line(x+4, y+2, cell-8, small, p.label)
			s.x, s.w, s.y = x+4, cell-8, y+3+s.leading(small)
			stanza(font{}, p.value)(s)
			x += cell
		}
		s.x, s.w, s.y = left, w, y+h
	}
}

// span is a heading over so many columns of a table.
type span struct {
	columns int
	head    string
}

// spanned sets headings over a table, each in the middle of the columns that it spans, with a line under it.
func spanned(shares []float64, heads ...span) block {
	return func(s *sheet) {
		f := font{bold: true, align: 'C'}
		s.need(4 * s.leading(f))
		x, first := s.x, 0
		for _, h := range heads {
			w := 0.0
			for _, share := range shares[first : first+h.columns] {
				w += share * s.w
			}
			if h.head != "" {
				s.line(x, s.y, w, f, h.head)
				s.stroke(x+cellPad, s.y+s.leading(f)+1, x+w-cellPad, s.y+s.leading(f)+1, 0.6)
			}
			x, first = x+w, first+h.columns
		}
		s.y += s.leading(f) + 2
	}
}

// leaders sets a label, dots that are part of the text, and the value after them at width points.
func leaders(width float64, labelsAndValues ...string) block {
	return func(s *sheet) {
		for _, p := range pairsOf(labelsAndValues) {
			s.need(s.leading(font{}))
			dots := " "
			for s.width(p.label+dots+".", font{}) < width-3 {
				dots += "."
			}
			s.line(s.x, s.y, width, font{}, p.label+dots)
			s.y += s.wrapped(s.x+width, s.y, s.w-width, font{}, p.value) + 2
		}
		s.y += 3
	}
}

// flush sets labels at the right end of a column of labelWidth and the values after it.
func flush(labelWidth float64, labelsAndValues ...string) block {
	return func(s *sheet) {
		for _, p := range pairsOf(labelsAndValues) {
			s.need(s.leading(font{}))
			s.line(s.x, s.y, labelWidth, font{align: 'R', bold: true}, p.label)
			s.y += s.wrapped(s.x+labelWidth+8, s.y, s.w-labelWidth-8, font{}, p.value) + 1
		}
		s.y += 3
	}
}

// entry is a point of a timeline.
type entry struct {
	when string
	what []block
}

// timeline sets dates in a column of width points at the left, and what happened beside them.
func timeline(width float64, entries ...entry) block {
	return func(s *sheet) {
		for _, e := range entries {
			s.need(3 * s.leading(font{}))
			s.line(s.x, s.y, width, font{gray: true}, e.when)
			s.x, s.w = s.x+width, s.w-width
			for _, b := range e.what {
				b(s)
			}
			s.x, s.w = s.x-width, s.w+width
			s.y += 6
		}
	}
}

// capitals sets a heading with a line just under its words.
func capitals(text string) block {
	return func(s *sheet) {
		f := font{bold: true}
		s.need(s.leading(f) + 30)
		s.y += 6
		s.line(s.x, s.y, s.w, f, text)
		s.y += s.leading(f) + 1
		s.stroke(s.x, s.y, s.x+s.width(text, f), s.y, 0.9)
		s.y += 5
	}
}

// ledger is a table whose head cells wrap, or are left out when all are empty. Its rows are those of table, and two kinds more:
// a row whose first cell begins with "=" is a sum, set bold, and one that begins with "+" goes on with the item above it.
func ledger(lk look, path string, cols []col, rows [][]string) block {
	return func(s *sheet) {
		t := &tableDrawer{s, lk, cols}
		heads := make([]string, len(cols))
		for i, c := range cols {
			heads[i] = c.head
		}
		if strings.Join(heads, "") != "" {
			ledgerRow(t, font{bold: true}, heads)
			if !lk.frame && !lk.bare {
				s.stroke(s.x, s.y, s.x+s.w, s.y, 1)
			}
		}
		for _, r := range markLedger(path, cols, rows) {
			if len(r.cells) == 1 {
				t.row(0, r.cells)
				continue
			}
			if r.goesOn && !lk.frame {
				s.y -= 1.5 * t.above()
			}
			ledgerRow(t, font{bold: r.sum}, r.cells)
		}
		if !lk.frame && !lk.bare {
			s.stroke(s.x, s.y, s.x+s.w, s.y, 1)
		}
		s.y += 8
	}
}

type ledgerLine struct {
	cells  []string
	sum    bool
	goesOn bool // belongs to the item above
}

func markLedger(path string, cols []col, rows [][]string) []ledgerLine {
	var made []ledgerLine
	item := -1
	for _, row := range rows {
		switch first := row[0]; {
		case len(row) == 1:
			made = append(made, ledgerLine{cells: row})
		case strings.HasPrefix(first, "="):
			made = append(made, ledgerLine{cells: append([]string{first[1:]}, row[1:]...), sum: true})
		case strings.HasPrefix(first, "+"):
			made = append(made, ledgerLine{cells: markItem(path, item, cols, append([]string{first[1:]}, row[1:]...)), goesOn: true})
		default:
			item++
			made = append(made, ledgerLine{cells: markItem(path, item, cols, row)})
		}
	}
	return made
}

// markItem marks the cells of item i of a ledger.
func markItem(path string, i int, cols []col, row []string) []string {
	padded := make([][]string, 0, i+1)
	for range i {
		padded = append(padded, []string{"", ""}) // places of the items before
	}
	marked := markRows(path, cols, append(padded, row))
	return marked[len(marked)-1]
}

func ledgerRow(t *tableDrawer, f font, cells []string) {
	s := t.s
	h := 0.0
	for c, cell := range cells {
		h = max(h, float64(len(s.wrap(cell, f, t.cols[c].share*s.w-2*cellPad)))*s.leading(f)+2*t.above())
	}
	s.need(h)
	x := s.x
	for c, cell := range cells {
		w := t.cols[c].share * s.w
		f.align = t.cols[c].align
		s.wrapped(x+cellPad, s.y+t.above(), w-2*cellPad, f, cell)
		x += w
	}
	if t.look.frame {
		t.frame(h)
	}
	s.y += h
}

// ends writes lines of a plain text whose values end at the same column.
func ends(width int, labelsAndValues ...string) string {
	var b strings.Builder
	for _, p := range pairsOf(labelsAndValues) {
		words, _, err := parseMarkup(p.label)
		if err != nil {
			words = p.label // the recorder reports it
		}
		b.WriteString(p.label + pad(p.value, col{share: float64(width - utf8.RuneCountInString(words)), align: 'R'}) + "\n")
	}
	return trimLines(b.String())
}

// bordered writes a row of a table drawn with bars; widths are of the words, in characters. A cell with a negative width is set
// at the right.
func bordered(widths []int, cells ...string) string {
	row := "|"
	for i, c := range cells {
		w := widths[i]
		row += " " + pad(c, col{share: math.Abs(float64(w)), align: sideOf(w)}) + " |"
	}
	return row + "\n"
}

func sideOf(width int) byte {
	if width < 0 {
		return 'R'
	}
	return 'L'
}

// nextPage goes on at the top of a new page.
func nextPage() block { return func(s *sheet) { s.newPage() } }

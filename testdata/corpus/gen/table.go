package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// col is a column of a table.
type col struct {
	head  string
	field string  // name of the leaf that the column's cells hold; "" for none
	share float64 // part of the table's width, 0 to 1; in a text, characters
	align byte    // 'L' (or 0), 'R' or 'C'
}

// look is how a table in a PDF is drawn.
type look struct {
	bar   bool // head on a coloured bar
	frame bool // lines around every cell
	zebra bool // every other row shaded
	bare  bool // no lines at all
	again bool // head repeated on each page
	airy  bool // more room above and below the words
}

// markRows marks the cells of line items: row i of column c holds path/i/c.field. Cells that already carry a mark and empty
// ones stay as they are, with "/#/" in a mark replaced by the index. A row with a single cell is a heading inside the table and holds no item.
func markRows(path string, cols []col, rows [][]string) [][]string {
	var marked [][]string
	i := 0
	for _, row := range rows {
		if len(row) == 1 {
			marked = append(marked, row)
			continue
		}
		cells := make([]string, len(row))
		for c, cell := range row {
			cells[c] = cell
			if path != "" && cols[c].field != "" && cell != "" && !strings.Contains(cell, "{") {
				cells[c] = fmt.Sprintf("{%s/%d/%s|%s}", path, i, cols[c].field, cell)
			}
			cells[c] = strings.ReplaceAll(cells[c], "/#/", fmt.Sprintf("/%d/", i))
		}
		marked = append(marked, cells)
		i++
	}
	return marked
}

// asAbove fills in what blank cells of the named columns mean: the value of the cell above them. That cell, drawn once, is marked for all its rows.
func asAbove(path string, cols []col, rows [][]string, fields ...string) [][]string {
	made := make([][]string, len(rows))
	for i, row := range rows {
		made[i] = slices.Clone(row)
	}
	for c, column := range cols {
		if slices.Contains(fields, column.field) {
			repeatDown(path, c, column.field, made)
		}
	}
	return made
}

// repeatDown marks each cell of column c for its own item and for those below it whose cell is blank.
func repeatDown(path string, c int, field string, rows [][]string) {
	item, owner := -1, -1
	for i, row := range rows {
		if len(row) == 1 || strings.HasPrefix(row[0], "=") || strings.HasPrefix(row[0], "+") {
			continue
		}
		item++
		if row[c] != "" {
			owner = i
		}
		if owner >= 0 {
			rows[owner][c] = fmt.Sprintf("{%s/%d/%s|%s}", path, item, field, rows[owner][c])
		}
	}
}

// table draws rows under a head. path is the array that the rows fill, "" for none.
func table(lk look, path string, cols []col, rows [][]string) block {
	return func(s *sheet) {
		t := &tableDrawer{s, lk, cols}
		t.head()
		for i, row := range markRows(path, cols, rows) {
			t.row(i, row)
		}
		if !lk.frame && !lk.bare {
			s.stroke(s.x, s.y, s.x+s.w, s.y, 0.6)
		}
		s.y += 8
	}
}

type tableDrawer struct {
	s    *sheet
	look look
	cols []col
}

// cellPad is the room around the words of a cell, in points.
const cellPad = 3

// above is the room above the words of a cell.
func (t *tableDrawer) above() float64 {
	if t.look.airy {
		return cellPad + 3
	}
	return cellPad
}

func (t *tableDrawer) head() {
	s := t.s
	f := font{bold: true, white: t.look.bar}
	h := s.leading(f) + 2*t.above()
	s.need(2 * h)
	if t.look.bar {
		c := s.theme.accent
		s.fill(s.x, s.y, s.w, h, c[0], c[1], c[2])
	}
	x := s.x
	for _, c := range t.cols {
		w := c.share * s.w
		f.align = c.align
		s.line(x+cellPad, s.y+t.above(), w-2*cellPad, f, c.head)
		x += w
	}
	if t.look.frame {
		t.frame(h)
	}
	s.y += h
	if !t.look.bar && !t.look.bare {
		s.stroke(s.x, s.y, s.x+s.w, s.y, 0.8)
	}
}

func (t *tableDrawer) row(i int, cells []string) {
	s := t.s
	if len(cells) == 1 {
		s.need(s.leading(font{}) + 2*t.above())
		s.line(s.x+cellPad, s.y+t.above(), s.w, font{bold: true}, cells[0])
		s.y += s.leading(font{}) + 2*t.above()
		return
	}
	h := 0.0
	for c, cell := range cells {
		n := len(s.wrap(cell, font{}, t.cols[c].share*s.w-2*cellPad))
		h = max(h, float64(n)*s.leading(font{})+2*t.above())
	}
	if s.y+h > s.bottom {
		s.newPage()
		if t.look.again {
			t.head()
		}
	}
	if t.look.zebra && i%2 == 1 {
		s.fill(s.x, s.y, s.w, h, 242, 243, 246)
	}
	x := s.x
	for c, cell := range cells {
		w := t.cols[c].share * s.w
		s.wrapped(x+cellPad, s.y+t.above(), w-2*cellPad, font{align: t.cols[c].align}, cell)
		x += w
	}
	if t.look.frame {
		t.frame(h)
	}
	s.y += h
}

func (t *tableDrawer) frame(h float64) {
	x := t.s.x
	t.s.pdf.SetDrawColor(150, 150, 150)
	t.s.pdf.SetLineWidth(0.5)
	for _, c := range t.cols {
		w := c.share * t.s.w
		t.s.pdf.Rect(x, t.s.y, w, h, "D")
		x += w
	}
}

// textTable writes rows as lines of a plain text, padded to the columns' widths in characters.
func textTable(path string, cols []col, rows [][]string) string {
	var b strings.Builder
	for _, c := range cols {
		b.WriteString(pad(c.head, c))
	}
	b.WriteString("\n")
	for _, row := range markRows(path, cols, rows) {
		for i, cell := range row {
			b.WriteString(pad(cell, cols[i]))
		}
		b.WriteString("\n")
	}
	return trimLines(b.String())
}

func pad(markup string, c col) string {
	words, _, err := parseMarkup(markup)
	if err != nil {
		return markup // the recorder reports it
	}
	space := strings.Repeat(" ", max(int(c.share)-utf8.RuneCountInString(words), 0))
	if c.align == 'R' {
		return space + markup
	}
	return markup + space
}

func trimLines(s string) string {
	ls := strings.Split(s, "\n")
	for i := range ls {
		ls[i] = strings.TrimRight(ls[i], " ")
	}
	return strings.Join(ls, "\n")
}

package builtin

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

func letter(r rune) bool { return unicode.IsLetter(r) }

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// extent returns where text[a:b] of a cell stands on its line: by the page's words where they are known, else by its share of the
// cell's characters.
func (r *row) extent(ce *cell, a, b int) (x0, x1 float64) {
	words := r.page.words
	i := sort.Search(len(words), func(i int) bool { return words[i].End > a })
	if i < len(words) && words[i].Start < b {
		x0, x1 = words[i].Box.X0, words[i].Box.X1
		for ; i < len(words) && words[i].Start < b; i++ {
			x0, x1 = min(x0, words[i].Box.X0), max(x1, words[i].Box.X1)
		}
		return x0, x1
	}
	scale := (ce.x1 - ce.x0) / float64(max(ce.end-ce.start, 1))
	return ce.x0 + float64(a-ce.start)*scale, ce.x0 + float64(b-ce.start)*scale
}

// splitCell cuts a cell whose words stand in two columns ("1 KE-10118" under "Pos Art.-Nr."), and reports whether it did: the cut is
// at the last blank where the words before it overlap one column alone and those behind it the next.
func (r *row) splitCell(ce *cell, cols []column) (left, right cell, ok bool) {
	text := r.page.text[ce.start:ce.end]
	if len(text) > 120 {
		return left, right, false
	}
	for i := len(text) - 2; i > 0; i-- {
		if text[i] != ' ' {
			continue
		}
		left, right = *ce, *ce
		left.end, right.start = ce.start+i, ce.start+i+1
		left.x0, left.x1 = r.extent(ce, left.start, left.end)
		right.x0, right.x1 = r.extent(ce, right.start, right.end)
		a, b := onlyOver(cols, left.x0, left.x1), onlyOver(cols, right.x0, right.x1)
		if a >= 0 && b == a+1 {
			return left, right, true
		}
	}
	return left, right, false
}

// onlyOver returns the one column that x0 to x1 overlaps, or -1.
func onlyOver(cols []column, x0, x1 float64) int {
	found := -1
	for i, c := range cols {
		if min(x1, c.x1)-max(x0, c.x0) <= 0.5 {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// cut returns the row with its cells cut at the columns that they run over, where it has fewer cells than the table has columns.
func (h *header) cut(r *row) *row {
	if len(r.page.words) == 0 || len(r.cells) >= len(h.columns) || r.cells[0].slot > 0 {
		return r
	}
	for c := range len(h.columns) {
		if c >= len(r.cells) || strings.IndexByte(r.text(c), ' ') < 0 {
			continue
		}
		left, right, ok := r.splitCell(&r.cells[c], h.columns)
		if !ok || r.meets(h.columns, c, &left, &right) {
			continue
		}
		n := *r
		n.cells = append(append(append([]cell{}, r.cells[:c]...), left, right), r.cells[c+1:]...)
		r = &n
	}
	return r
}

// meets reports whether one half of cell c would share its column with a neighbour.
func (r *row) meets(cols []column, c int, left, right *cell) bool {
	if c > 0 && nearest(cols, r.cells[c-1].x0, r.cells[c-1].x1) == nearest(cols, left.x0, left.x1) {
		return true
	}
	return c+1 < len(r.cells) && nearest(cols, r.cells[c+1].x0, r.cells[c+1].x1) == nearest(cols, right.x0, right.x1)
}

// displaced reports whether a row that has as many cells as the table has columns does not stand cell under head: a cell overlaps another
// column than its own and not its own.
func (h *header) displaced(r *row) bool {
	if len(r.page.words) == 0 {
		return false
	}
	for c := range r.cells {
		if at := onlyOver(h.columns, r.cells[c].x0, r.cells[c].x1); at >= 0 && at != c {
			return true
		}
	}
	return false
}

// cutHead returns row i, the head of a table, with its cells cut where two heads stand close together: the first row of amounts below has
// a cell for each of them, and both are known labels.
func (f *filler) cutHead(i int) *row {
	r := &f.src.rows[i]
	if len(r.page.words) == 0 || !f.widerBelow(i) {
		return r
	}
	var below []column
	for k := i + 1; k < len(f.src.rows) && k <= i+3 && below == nil; k++ {
		if n := &f.src.rows[k]; n.page == r.page && hasAmount(n.line()) {
			for _, ce := range n.cells {
				below = append(below, column{x0: ce.x0, x1: ce.x1})
			}
		}
	}
	for c := range below {
		if c >= len(r.cells) {
			break
		}
		left, right, ok := r.splitCell(&r.cells[c], below)
		if !ok {
			continue
		}
		a, b := f.walk(r.page.text[left.start:left.end]), f.walk(r.page.text[right.start:right.end])
		if a == 0 || b == 0 {
			continue
		}
		left.marks = []mark{{phrase: a, start: left.start, end: left.end, value: left.end, term: termEnd}}
		right.marks = []mark{{phrase: b, start: right.start, end: right.end, value: right.end, term: termEnd}}
		n := *r
		n.cells = append(append(append([]cell{}, r.cells[:c]...), left, right), r.cells[c+1:]...)
		r = &n
	}
	return r
}

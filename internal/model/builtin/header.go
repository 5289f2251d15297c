package builtin

import (
	"slices"
	"strings"
	"unicode"
)

// repeatsClosely reports whether the same header stands again within a few rows, as on cards that each have one row.
func repeatsClosely(headers []header, best header) bool {
	last, n := -1, 0
	for _, h := range headers {
		if !sameColumns(h, best) {
			continue
		}
		if last >= 0 && h.row-last < 8 {
			n++
		}
		last = h.row
	}
	return n > 0 && len(best.columns) < 5
}

func sameColumns(a, b header) bool {
	var x, y []*field
	for _, c := range a.columns {
		if c.child != nil {
			x = append(x, c.child)
		}
	}
	for _, c := range b.columns {
		if c.child != nil {
			y = append(y, c.child)
		}
	}
	return slices.Equal(x, y)
}

// headers finds the rows that name at least two of the properties.
func (f *filler) headers(children []*field) []header {
	index := map[phrase][]label{} // phrase → (index of child, weight)
	for i, c := range children {
		for _, l := range append(slices.Clone(c.labels), c.own...) {
			index[l.phrase] = append(index[l.phrase], label{phrase(i), l.weight})
		}
	}
	need := min(2, len(children))
	var out []header
	for i := 0; i < len(f.src.rows) && len(out) < maxHeaders; i++ {
		r := &f.src.rows[i]
		if f.claimed[i] || len(r.cells) < 2 {
			continue
		}
		if h, ok := f.headerAt(i, index, children, need); ok {
			out = append(out, h)
			i = h.last
		}
	}
	return out
}

// headerAt reads row i, with row i+1 when the header goes over two lines, as a header.
func (f *filler) headerAt(i int, index map[phrase][]label, children []*field, need int) (header, bool) {
	r := f.cutHead(i)
	h := header{row: i, last: i}
	var options []option
	wide := slices.ContainsFunc(r.cells, func(c cell) bool { return len(c.marks) > 1 }) && f.widerBelow(i)
	for c := range r.cells {
		cols, opts := headerCell(r, c, index, len(h.columns), wide)
		h.columns = append(h.columns, cols...)
		options = append(options, opts...)
	}
	if len(options) == 0 {
		return h, false
	}
	for c := range r.cells {
		if r.keyed(c) && !r.pureLabel(c) || hasAmount(r.text(c)) {
			return h, false
		}
	}
	options = append(options, f.secondLine(&h, index)...)
	options = append(options, f.spanned(&h, index)...)
	for i := range options {
		if options[i].child < 0 {
			options[i].child = f.amountChild(children)
		}
	}
	options = slices.DeleteFunc(options, func(o option) bool { return o.child < 0 })
	h.pick(options, children)
	enough := h.filled >= need && h.filled*5 >= len(h.columns)*2
	return h, enough
}

// amountChild returns the index of the child that holds a line's amount, or -1.
func (f *filler) amountChild(children []*field) int {
	for i, c := range children {
		if c.kind == kindAmount && (f.ownGroup(c, "line amount") || f.ownGroup(c, "transaction amount")) {
			return i
		}
	}
	return -1
}

// option is a possible child of a column.
type option struct {
	column, child int
	weight        float64
}

// widerBelow reports whether the first row of amounts below row i has more cells than it: two headers run into one then.
func (f *filler) widerBelow(i int) bool {
	n := len(f.src.rows[i].cells)
	for k := i + 1; k < len(f.src.rows) && k <= i+3; k++ {
		r := &f.src.rows[k]
		if r.page == f.src.rows[i].page && hasAmount(r.line()) {
			return len(r.cells) > n
		}
	}
	return false
}

// headerCell makes columns of a header's cell: one, or one for each label when several stand in it.
func headerCell(r *row, c int, index map[phrase][]label, at int, wide bool) ([]column, []option) {
	ce := &r.cells[c]
	whole := []column{{x0: ce.x0, x1: ce.x1, slot: ce.slot}}
	var opts []option
	var marks []mark
	for _, m := range ce.marks {
		if len(index[m.phrase]) > 0 {
			marks = append(marks, m)
		}
	}
	if w := strings.Trim(r.text(c), "() "); isCurrencyCode(w) || w == "€" || w == "$" || w == "£" {
		opts = append(opts, option{at, -1, 0.6})
	}
	covered := 0
	for _, m := range marks {
		covered += m.end - m.start
	}
	for k := 1; k < len(marks); k++ {
		if strings.TrimSpace(r.page.text[marks[k-1].end:marks[k].start]) != "" && strings.Trim(r.page.text[marks[k-1].end:marks[k].start], " ./%()") != "" {
			covered = 0
		}
	}
	if len(marks) > 1 && wide {
		covered = ce.end - ce.start
	}
	if len(marks) > 1 && covered*10 >= (ce.end-ce.start)*8-10*len(marks) {
		cols := make([]column, len(marks))
		for k, m := range marks {
			scale := (ce.x1 - ce.x0) / float64(ce.end-ce.start)
			cols[k] = column{x0: ce.x0 + float64(m.start-ce.start)*scale, x1: ce.x0 + float64(m.end-ce.start)*scale}
			for _, l := range index[m.phrase] {
				opts = append(opts, option{at + k, int(l.phrase), l.weight})
			}
		}
		return cols, opts
	}
	for _, m := range ce.marks {
		lead := float64(m.lead) * 0.15
		if m.lead > 2 || m.term == termValue && m.end-m.start < (ce.end-m.start)*2/5 && strings.Count(r.page.text[m.end:ce.end], " ") > 2 {
			continue
		}
		if m.term == termValue {
			lead += 0.1
		}
		for _, l := range index[m.phrase] {
			if w := l.weight - lead; w > 0.4 {
				opts = append(opts, option{at, int(l.phrase), w})
			}
		}
	}
	return whole, opts
}

// secondLine joins the next row to the header when it has no digits and stands close under it.
func (f *filler) secondLine(h *header, index map[phrase][]label) []option {
	i := h.row + 1
	if i+1 >= len(f.src.rows) {
		return nil
	}
	r, n := &f.src.rows[h.row], &f.src.rows[i]
	if n.page != r.page || n.gap || hasDigit(n.line()) || len(n.cells) > len(h.columns) || f.src.rows[i+1].page == r.page && !hasDigit(f.src.rows[i+1].line()) {
		return nil
	}
	var opts []option
	for c := range n.cells {
		col := nearest(h.columns, n.cells[c].x0, n.cells[c].x1)
		if len(n.cells[c].marks) == 0 && n.cells[c].end-n.cells[c].start > 14 {
			return nil
		}
		for _, m := range n.cells[c].marks {
			for _, l := range index[m.phrase] {
				opts = append(opts, option{col, int(l.phrase), l.weight * 0.9})
			}
		}
		if c < len(h.columns) {
			upper := f.headText(r, h.columns[col])
			if ph := f.walk(upper + " " + n.text(c)); ph != 0 {
				for _, l := range index[ph] {
					opts = append(opts, option{col, int(l.phrase), l.weight})
				}
			}
		}
	}
	if len(opts) > 0 {
		h.last = i
	}
	return opts
}

// spanned joins the heads to the headings that span them in the row above: "Domestic" over "Units" and "Revenue".
func (f *filler) spanned(h *header, index map[phrase][]label) []option {
	if h.row == 0 {
		return nil
	}
	r, up := &f.src.rows[h.row], &f.src.rows[h.row-1]
	if up.page != r.page || r.gap || f.claimed[h.row-1] || len(up.cells) >= len(h.columns) || len(up.line()) > 160 {
		return nil
	}
	var opts []option
	for k, col := range h.columns {
		head := f.headText(r, col)
		c := spanOf(up.cells, h.columns, k)
		if head == "" || c < 0 {
			continue
		}
		over := up.text(c)
		for _, text := range []string{over + " " + head, head + " " + over} {
			if ph := f.walk(text); ph != 0 {
				for _, l := range index[ph] {
					opts = append(opts, option{k, int(l.phrase), l.weight + 0.05})
				}
			}
		}
	}
	return opts
}

// spanOf returns the cell of the row above whose middle is nearest to column k, or -1.
func spanOf(cells []cell, cols []column, k int) int {
	mid := (cols[k].x0 + cols[k].x1) / 2
	best, dist := -1, 0.0
	for c := range cells {
		if d := abs((cells[c].x0+cells[c].x1)/2 - mid); best < 0 || d < dist {
			best, dist = c, d
		}
	}
	return best
}

func (f *filler) headText(r *row, col column) string {
	for c := range r.cells {
		if r.cells[c].x0 == col.x0 {
			return r.text(c)
		}
	}
	return ""
}

// walk returns the phrase that all words of text make, or 0.
func (f *filler) walk(text string) phrase { return f.form.vocab.find(text) }

// pick gives each column its best child, each child once, the surest first.
func (h *header) pick(options []option, children []*field) {
	slices.SortStableFunc(options, func(a, b option) int {
		if d := compareDown(a.weight, b.weight); d != 0 {
			return d
		}
		return a.column - b.column
	})
	used := make([]bool, len(children))
	for _, o := range options {
		c := &h.columns[o.column]
		if c.child != nil || used[o.child] {
			continue
		}
		c.child, c.weight = children[o.child], o.weight
		used[o.child] = true
		h.filled++
		h.weight += o.weight
	}
	for _, o := range options { // "Estimate" holds the low and the high one
		c := &h.columns[o.column]
		if !used[o.child] && c.child != nil && c.upper == nil && children[o.child].upper != c.child.upper && children[o.child].lower != c.child.lower {
			c.upper = children[o.child]
			used[o.child] = true
		}
	}
}

// bySlot returns the column of a table drawn with pipes that has this number, or -1.
func bySlot(cols []column, slot int) int {
	if slot == 0 {
		return -1
	}
	return slices.IndexFunc(cols, func(c column) bool { return c.slot == slot })
}

// nearest returns the column that a piece from x0 to x1 belongs to: the one it overlaps most, else the closest.
func nearest(cols []column, x0, x1 float64) int {
	best, bestScore := 0, -1e18
	for i, c := range cols {
		overlap := min(x1, c.x1) - max(x0, c.x0)
		edge := min(abs(x0-c.x0), abs(x1-c.x1), abs((x0+x1)-(c.x0+c.x1))/2)
		score := -edge
		if overlap > 0 {
			score = 1000 + overlap - edge
		}
		if score > bestScore {
			best, bestScore = i, score
		}
	}
	return best
}

// doubt takes a child from a column whose first cells it cannot read.
func (f *filler) doubt(h *header) {
	for k := range h.columns {
		child := h.columns[k].child
		if child == nil || !strictKind(child) {
			continue
		}
		read, rows := 0, 0
		for i := h.last + 1; i < len(f.src.rows) && i < h.last+8 && rows < 3; i++ {
			r := &f.src.rows[i]
			if len(r.cells) != len(h.columns) || r.page != f.src.rows[h.row].page {
				continue
			}
			rows++
			if _, ok := f.read(child, r.page, r.cells[k].start, r.cells[k].end, howCell); ok || nothing(r.text(k)) {
				read++
			}
		}
		if rows > 0 && read == 0 {
			h.columns[k].child = nil
			h.filled--
		}
	}
}

// adopt gives columns that no label fits to the children that are left, where the cells below leave no choice: the only
// column of dates, of amounts, or of words.
func (f *filler) adopt(h *header, children []*field) {
	for _, class := range []func(*field) bool{
		func(c *field) bool { return c.kind == kindDate || c.kind == kindDateTime },
		func(c *field) bool { return c.kind == kindAmount },
		func(c *field) bool { return c.kind == kindText || c.kind == kindName },
	} {
		var child *field
		lone := true
		for _, c := range children {
			if class(c) && !slices.ContainsFunc(h.columns, func(o column) bool { return o.child == c }) {
				lone = lone && child == nil
				child = c
			}
		}
		if child == nil || !lone {
			continue
		}
		if k := f.onlyColumn(h, child); k >= 0 {
			h.columns[k].child, h.columns[k].weight = child, 0.6
			h.filled++
		}
	}
}

// onlyColumn returns the free column whose cells in the first rows a child can read, when there is exactly one; else -1.
func (f *filler) onlyColumn(h *header, child *field) int {
	fits := make([]int, len(h.columns))
	rows := 0
	for i := h.last + 1; i < len(f.src.rows) && i < h.last+8 && rows < 3; i++ {
		r := &f.src.rows[i]
		if len(r.cells) != len(h.columns) || r.page != f.src.rows[h.row].page {
			continue
		}
		rows++
		for k := range h.columns {
			words := !hasAmount(r.text(k)) && strings.IndexFunc(r.text(k), unicode.IsLetter) >= 0 && r.cells[k].end-r.cells[k].start > 3
			if h.columns[k].child != nil || !strictKind(child) && (!words || len(f.src.style.calendar.dates(r.text(k))) > 0) || child.kind == kindAmount && !hasAmount(r.text(k)) {
				continue
			}
			if _, ok := f.read(child, r.page, r.cells[k].start, r.cells[k].end, howCell); ok {
				fits[k]++
			}
		}
	}
	found := -1
	for k, n := range fits {
		if rows == 0 || n < rows {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = k
	}
	return found
}

func (f *filler) repeats(h header, r *row) bool {
	head := &f.src.rows[h.row]
	return len(r.cells) == len(head.cells) && r.text(0) == head.text(0) && r.text(len(r.cells)-1) == head.text(len(head.cells)-1)
}

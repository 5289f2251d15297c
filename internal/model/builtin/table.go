package builtin

import (
	"slices"
	"strings"
	"unicode"
)

// column is a column of a table: where its header stands and which property it fills.
type column struct {
	x0, x1 float64
	child  *field // nil for a column that nobody asked for
	weight float64
}

// header is a table's header row with its columns.
type header struct {
	row, last int // first and last row of the header
	columns   []column
	filled    int // columns with a child
	weight    float64
}

// Limits of a table.
const (
	maxTableRows = 5000
	maxHeaders   = 600
)

// array fills an array field.
func (f *filler) array(fd *field) {
	it := fd.node.items
	if it == nil || it.typ == "null" {
		return
	}
	if it.typ != "object" {
		if it.typ != "array" {
			f.lists[fd] = limit(f.list(fd), fd.node.maxItems)
		}
		return
	}
	rows := f.table(fd)
	if len(rows) == 0 {
		rows = f.entries(fd)
	}
	if len(rows) == 0 {
		rows = f.priced(fd)
	}
	f.tables[fd] = limit(rows, fd.node.maxItems)
}

func limit[T any](s []T, n *int) []T {
	if n != nil && *n >= 0 && len(s) > *n {
		return s[:*n]
	}
	return s
}

// leafChildren lists the properties of an array's elements that can stand in cells, nested objects opened.
func leafChildren(fd *field) []*field {
	var out []*field
	for _, c := range fd.children {
		switch c.kind {
		case kindObject:
			out = append(out, leafChildren(c)...)
		case kindArray, kindNothing:
		default:
			out = append(out, c)
		}
	}
	return out
}

// table reads the rows of the tables whose header fits the array's properties.
func (f *filler) table(fd *field) []record {
	children := leafChildren(fd)
	if len(children) == 0 {
		return nil
	}
	headers := f.headers(children)
	if len(headers) == 0 {
		return nil
	}
	best := headers[0]
	for _, h := range headers[1:] {
		if h.filled > best.filled || h.filled == best.filled && h.weight > best.weight+0.5 {
			best = h
		}
	}
	var out []record
	for _, h := range headers {
		if !sameColumns(h, best) || f.claimed[h.row] || len(out) >= maxTableRows {
			continue
		}
		rows := f.rows(h, children)
		if len(rows) == 0 {
			continue
		}
		for i := h.row; i <= h.last; i++ {
			f.claimed[i] = true
		}
		out = append(out, rows...)
	}
	return out
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
	r := &f.src.rows[i]
	h := header{row: i, last: i}
	var options []option
	for c := range r.cells {
		if r.keyed(c) && !r.pureLabel(c) || hasAmount(r.text(c)) {
			return h, false
		}
		cols, opts := headerCell(r, c, index, len(h.columns))
		h.columns = append(h.columns, cols...)
		options = append(options, opts...)
	}
	if len(options) == 0 {
		return h, false
	}
	options = append(options, f.secondLine(&h, index)...)
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

// headerCell makes columns of a header's cell: one, or one for each label when several stand in it.
func headerCell(r *row, c int, index map[phrase][]label, at int) ([]column, []option) {
	ce := &r.cells[c]
	whole := []column{{x0: ce.x0, x1: ce.x1}}
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
		if m.lead > 2 || m.term == termValue && m.end-m.start < (ce.end-m.start)*2/5 {
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

// hasAmount reports whether a text has a number with decimals or a currency.
func hasAmount(s string) bool {
	if !hasDigit(s) {
		return false
	}
	for _, n := range numbers(s, false) {
		if n.decimals > 0 || n.currency != "" && !n.bare {
			return true
		}
	}
	return false
}

// rows reads the rows below a header until a row that closes the table.
func (f *filler) rows(h header, children []*field) []record {
	var out []record
	page := f.src.rows[h.row].page
	strange := 0
	for i := h.last + 1; i < len(f.src.rows) && len(out) < maxTableRows; i++ {
		r := &f.src.rows[i]
		if f.claimed[i] {
			break
		}
		if r.page != page && i > h.last+1 && f.repeats(h, r) {
			break // the same header again: it is read as a table of its own
		}
		if f.closing(r, &h) {
			break
		}
		rec, numbers := f.record(h, r, i)
		if f.complete(rec, numbers, &h) {
			strange = 0
			out = append(out, rec)
			f.claimed[i] = true
			continue
		}
		if len(out) > 0 && r.page == page && strange == 0 && !r.gap && f.goesOn(out[len(out)-1], h, r) {
			f.claimed[i] = true
			continue
		}
		if strange++; strange > 3 && r.page == page || strange > 12 {
			break
		}
		if r.page != page && strange > 8 {
			break
		}
	}
	if len(out) > 0 {
		_ = children
	}
	return out
}

func (f *filler) repeats(h header, r *row) bool {
	head := &f.src.rows[h.row]
	return len(r.cells) == len(head.cells) && r.text(0) == head.text(0) && r.text(len(r.cells)-1) == head.text(len(head.cells)-1)
}

// closing reports whether a row is a sum that ends a table: it begins with the label of one and lacks what items have.
func (f *filler) closing(r *row, h *header) bool {
	for c := range r.cells {
		m, ok := r.label(c)
		if !ok && (len(r.cells[c].marks) == 0 || r.cells[c].marks[0].lead > 0 || len(r.text(c)) > 34) {
			if c == 0 && len(r.cells) > 1 {
				continue
			}
			if !ok {
				continue
			}
		}
		if !f.sumLabel(m.phrase) {
			continue
		}
		filled := len(r.cells)
		return filled <= 2 || filled*2 < len(h.columns) || filled < len(h.columns)-1 || c > 0 && c == len(r.cells)-2
	}
	return false
}

// sumLabel reports whether a phrase is that of a sum below a table.
func (f *filler) sumLabel(ph phrase) bool {
	for _, g := range f.form.members[ph] {
		if g.weak {
			continue
		}
		switch f.form.groups[g.group].id {
		case "total", "subtotal", "tax", "amount due", "amount paid", "change", "cash", "tip", "closing balance":
			return true
		}
	}
	return false
}

// record reads the cells of a row by their columns. numbers counts the numeric properties that were read; it is -1 when a
// cell of a numeric column cannot be read.
func (f *filler) record(h header, r *row, i int) (rec record, numbers int) {
	rec = record{}
	cells := make([][]int, len(h.columns))
	for c := range r.cells {
		k := c
		if len(r.cells) != len(h.columns) {
			k = nearest(h.columns, r.cells[c].x0, r.cells[c].x1)
		}
		cells[k] = append(cells[k], c)
	}
	for k, col := range h.columns {
		if col.child == nil || len(cells[k]) == 0 {
			continue
		}
		first, last := r.cells[cells[k][0]], r.cells[cells[k][len(cells[k])-1]]
		if strictKind(col.child) && len(cells[k]) > 1 {
			c := f.onlyReadable(col.child, r, cells[k])
			if c < 0 {
				return rec, -1
			}
			first, last = r.cells[c], r.cells[c]
		}
		rd, ok := f.read(col.child, r.page, first.start, last.end, howCell)
		if !ok {
			if strictKind(col.child) && !nothing(r.page.text[first.start:last.end]) {
				return rec, -1
			}
			continue
		}
		if strictKind(col.child) {
			numbers++
		}
		rec[col.child] = f.cellCandidate(rd, r, i)
	}
	f.rowCurrency(rec, h, r, i)
	return rec, numbers
}

// onlyReadable returns the one of several cells that the field can read, or -1.
func (f *filler) onlyReadable(fd *field, r *row, cells []int) int {
	found := -1
	for _, c := range cells {
		if _, ok := f.read(fd, r.page, r.cells[c].start, r.cells[c].end, howCell); !ok {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = c
	}
	return found
}

// cellCandidate makes a candidate of a cell's value; its quote is the row when the value alone is not telling.
func (f *filler) cellCandidate(rd reading, r *row, i int) candidate {
	qs, qe := rd.start, rd.end
	if rd.end-rd.start < 12 && r.end-r.start <= 260 {
		qs, qe = r.start, r.end
	}
	return candidate{rd.value, r.page, rd.start, rd.end, qs, qe, 0.95 * rd.fit, i}
}

// rowCurrency fills a currency that no column holds from the amounts of the row.
func (f *filler) rowCurrency(rec record, h header, r *row, i int) {
	for _, c := range h.columns {
		if c.child == nil || c.child.parent == nil {
			continue
		}
		for _, sib := range c.child.parent.children {
			if _, ok := rec[sib]; sib.kind != kindCurrency || ok {
				continue
			}
			if rd, ok := f.read(sib, r.page, r.start, r.end, howCell); ok {
				rec[sib] = f.cellCandidate(rd, r, i)
			}
		}
		return
	}
}

// strictKind reports whether a field's cells must have a certain pattern.
func strictKind(fd *field) bool {
	switch fd.kind {
	case kindAmount, kindNumber, kindMeasure, kindPercent, kindDate, kindDateTime, kindIBAN, kindEmail:
		return true
	}
	return fd.numeric()
}

// complete reports whether a record is an element: enough of the header's columns are filled, some number among them.
func (f *filler) complete(rec record, numbers int, h *header) bool {
	if numbers < 0 || len(rec) == 0 {
		return false
	}
	strict := 0
	for _, c := range h.columns {
		if c.child != nil && strictKind(c.child) {
			strict++
		}
	}
	if strict > 0 && numbers == 0 {
		return false
	}
	need := 2
	if h.filled < 2 {
		need = 1
	}
	return len(rec) >= need && len(rec)*3 >= h.filled
}

// goesOn adds a row that holds only words below a text column to the record above it, and reports whether it did.
func (f *filler) goesOn(rec record, h header, r *row) bool {
	if len(r.cells) != 1 || r.bullet && len(r.text(0)) > 80 {
		return false
	}
	ce := &r.cells[0]
	col := h.columns[nearest(h.columns, ce.x0, ce.x1)]
	if m, ok := r.label(0); ok && f.sumLabel(m.phrase) || pageMark(r.text(0)) {
		return false
	}
	if col.child == nil || strictKind(col.child) || ce.x0 < col.x0-2*r.page.apart() {
		return col.child == nil
	}
	c, ok := rec[col.child]
	if !ok || c.page != r.page || !strings.HasPrefix(string(c.value), `"`) {
		return false
	}
	text := strings.TrimSuffix(string(c.value), `"`) + strings.TrimPrefix(string(jsonString(" "+fold(r.text(0)))), `"`)
	if len(text) > 600 {
		return true
	}
	c.value = []byte(text)
	rec[col.child] = c
	return true
}

// pageMark reports whether a line only counts pages or says that something goes on.
func pageMark(s string) bool {
	l := strings.ToLower(s)
	if strings.HasPrefix(l, "page ") || strings.HasPrefix(l, "seite ") || strings.Contains(l, "continued") || strings.Contains(l, "carried forward") || strings.Contains(l, "übertrag") {
		return len(l) < 40
	}
	return strings.IndexFunc(s, unicode.IsLetter) < 0
}

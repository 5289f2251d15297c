package builtin

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// column is a column of a table: where its header stands and which property it fills.
type column struct {
	x0, x1 float64
	child  *field // nil for a column that nobody asked for
	slot   int    // number of the column in a table drawn with pipes; 0 in others
	upper  *field // the other end of a range that child begins; mostly nil
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
			f.lists[fd] = came(limit(f.list(fd), fd.node.maxItems), viaList)
		}
		return
	}
	rows, from := f.table(fd), viaTable
	if len(rows) == 0 {
		rows, from = f.entries(fd), viaEntry
	}
	if len(rows) == 0 {
		rows, from = f.priced(fd), viaPriced
	}
	if from != viaTable { // whose cells say so themselves
		for _, rec := range rows {
			rec.came(from)
		}
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
			if !c.again { // a column is the element's own
				out = append(out, leafChildren(c)...)
			}
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
	cards := repeatsClosely(headers, best)
	for _, h := range headers {
		if !sameColumns(h, best) || f.claimed[h.row] || len(out) >= maxTableRows {
			continue
		}
		f.doubt(&h)
		f.adopt(&h, children)
		rows := f.rows(h)
		if cards && len(rows) > 1 {
			for _, rec := range rows[1:] {
				for _, c := range rec {
					delete(f.claimed, c.order)
				}
			}
			rows = rows[:1]
		}
		if len(rows) == 0 {
			continue
		}
		for i := h.row; i <= h.last; i++ {
			f.claimed[i] = true
		}
		if len(out) > 0 && len(rows[0]) < len(out[len(out)-1]) { // the first row of a page may go on with a group
			rows = append([]record{out[len(out)-1]}, rows...)
			out = out[:len(out)-1]
		}
		f.asAbove(h, rows)
		out = append(out, rows...)
	}
	poorer(out)
	return out
}

// poorer lowers the scores of rows that have fewer values than the fullest: some of them are no items.
func poorer(rows []record) {
	most := 0
	for _, rec := range rows {
		most = max(most, len(rec))
	}
	for _, rec := range rows {
		if len(rec) == most {
			continue
		}
		for fd, c := range rec {
			c.score *= 0.85 + 0.15*float64(len(rec))/float64(most)
			rec[fd] = c
		}
	}
}

// startsWith reports whether a row begins with a label of the group.
func (f *filler) startsWith(r *row, id string) bool {
	m, ok := r.label(0)
	return ok && f.inGroup(m.phrase, id)
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
func (f *filler) rows(h header) []record {
	var out []record
	page := f.src.rows[h.row].page
	strange, most, gaps := 0, 0, false
	for i := h.last + 1; i < len(f.src.rows) && len(out) < maxTableRows; i++ {
		r := &f.src.rows[i]
		if f.claimed[i] {
			break
		}
		if r.page != page && i > h.last+1 && f.repeats(h, r) {
			break // the same header again: it is read as a table of its own
		}
		if len(r.cells) == 2 && f.startsWith(r, "previous balance") {
			page = r.page
			continue
		}
		rec, numbers := f.record(h, r, i)
		if (len(rec) < most || most == 0) && carries(r) && (len(out) > 0 || r.page != f.src.rows[h.row].page || i == h.last+1) {
			f.claimed[i] = true
			page, strange = r.page, 0
			continue
		}
		if f.closing(r, &h) {
			k := -1
			if len(out) > 0 {
				k = f.resumes(h, i, most)
			}
			if k < 0 {
				break
			}
			f.claimed[i] = true
			i, page, strange = k-1, f.src.rows[k].page, 0
			continue
		}
		if r.cells[0].slot == 0 && r.keyed(0) && !r.pureLabel(0) {
			break
		}
		if len(out) > 0 && f.tableEnds(r, &h, rec, page, most, gaps) {
			k := f.resumes(h, i, most)
			if k < 0 || f.src.rows[k].page == r.page {
				break
			}
			i, page, strange = k-1, f.src.rows[k].page, 0
			continue
		}
		if len(out) > 1 && (f.sumOf(rec, out) || f.totals(r, rec, out)) {
			break
		}
		if f.complete(rec, numbers, &h) {
			gaps = gaps || r.gap && len(out) > 0 && r.page == page
			most = max(most, len(rec))
			page = r.page
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
	return out
}

// sumOf reports whether a row is the sum of the rows above it in all of its amounts.
func (f *filler) sumOf(rec record, above []record) bool {
	return f.sums(rec, above) && len(rec) < len(above[len(above)-1])
}

// sums reports whether the amounts of a record are the sums of those above them.
func (f *filler) sums(rec record, above []record) bool {
	if len(above) > 500 {
		return false
	}
	amounts := 0
	for fd, c := range rec {
		if fd.kind != kindAmount || !fd.numeric() {
			continue
		}
		v, err := strconv.ParseFloat(string(c.value), 64)
		if err != nil {
			return false
		}
		sum := 0.0
		for _, r := range above {
			if o, ok := r[fd]; ok {
				x, err := strconv.ParseFloat(string(o.value), 64)
				if err != nil {
					return false
				}
				sum += x
			}
		}
		if amounts++; abs(sum-v) > 0.005 {
			return false
		}
	}
	return amounts > 0
}

// tableEnds reports whether a row behind others is no part of their table: it stands apart and is poorer than they are.
func (f *filler) tableEnds(r *row, h *header, rec record, page *page, most int, gaps bool) bool {
	if r.page != page {
		return false
	}
	if r.gap && !gaps && (len(r.cells) == 1 || len(rec)*2 <= most) {
		return true
	}
	return len(r.cells) <= 2 && len(h.columns) >= 4 && most >= 4 && !hasAmount(r.text(len(r.cells)-1)) && len(r.cells) > 1
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
	r = h.cut(r)
	aligned := len(r.cells) == len(h.columns) && !h.displaced(r)
	for c := range r.cells {
		k := c
		if s := bySlot(h.columns, r.cells[c].slot); s >= 0 {
			k = s
		} else if r.cells[c].slot > 0 && h.columns[0].slot > 0 {
			continue
		} else if !aligned {
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
		c := f.cellCandidate(rd, r, i)
		c.score *= 0.8 + 0.2*min(col.weight, 1)
		rec[col.child] = c
		if col.upper != nil {
			if rd, ok := f.read(col.upper, r.page, first.start, last.end, howCell); ok {
				rec[col.upper] = f.cellCandidate(rd, r, i)
			}
		}
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
	c := rd.at(r.page, qs, qe, 0.95*rd.fit, i)
	c.via = viaTable
	return c
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
	if f.subheading(c, ce, r) {
		return true
	}
	text := strings.TrimSuffix(string(c.value), `"`) + strings.TrimPrefix(string(jsonString(" "+fold(r.text(0)))), `"`)
	if len(text) > 600 {
		return true
	}
	c.value, c.joined = []byte(text), true
	rec[col.child] = c
	return true
}

// subheading reports whether words below an item head the next ones: the item's own words left room on their line, and
// these begin like a heading.
func (f *filler) subheading(c candidate, ce *cell, r *row) bool {
	t := r.text(0)
	if !capitalized(t) || strings.Count(t, " ") > 3 {
		return false
	}
	first := f.src.rows[c.order]
	k := slices.IndexFunc(first.cells, func(o cell) bool { return o.start <= c.start && c.start < o.end })
	if k < 0 || k+1 >= len(first.cells) || ce.x0 > first.cells[k].x0+r.page.apart() {
		return false
	}
	room := first.cells[k+1].x0 - first.cells[k].x0
	return first.cells[k].x1-first.cells[k].x0 < 0.6*room
}

// pageMark reports whether a line only counts pages or says that something goes on.
func pageMark(s string) bool {
	l := strings.ToLower(s)
	if strings.HasPrefix(l, "page ") || strings.HasPrefix(l, "seite ") || strings.Contains(l, "continued") || strings.Contains(l, "carried forward") || strings.Contains(l, "übertrag") {
		return len(l) < 40
	}
	return strings.IndexFunc(s, unicode.IsLetter) < 0
}

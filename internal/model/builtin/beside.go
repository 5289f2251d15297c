package builtin

import (
	"slices"
	"strings"
)

// captionRow reports whether a row holds labels whose values stand in the row above it: it has no digits, follows a row
// of as many cells, and nothing follows it.
func (f *filler) captionRow(i int) bool {
	if i == 0 {
		return false
	}
	r, p := &f.src.rows[i], &f.src.rows[i-1]
	if len(r.cells) < 2 || r.gap || p.page != r.page || len(p.cells) != len(r.cells) || hasDigit(r.line()) || strings.Contains(r.line(), ":") {
		return false
	}
	if i+1 < len(f.src.rows) && f.src.rows[i+1].page == r.page && !f.src.rows[i+1].gap {
		return false
	}
	known := 0
	for c := range r.cells {
		if r.pureLabel(c) {
			known++
		}
		if p.pureLabel(c) || p.keyed(c) {
			return false
		}
	}
	return known*2 >= len(r.cells) && hasDigit(p.line())
}

// above reads the cell over a label that is a caption.
func (f *filler) above(out []candidate, fd *field, h *hit, weight float64) []candidate {
	r, p := &f.src.rows[h.row], &f.src.rows[h.row-1]
	c := h.cell
	if abs(p.cells[c].x0-r.cells[c].x0) > 3*r.page.apart() {
		return out
	}
	if cand, ok := f.make(fd, h, p.cells[c].start, p.cells[c].end, howCell, weight); ok {
		cand.qs, cand.qe = f.quoteSpan(p.page, cand.start, cand.end, p)
		out = append(out, cand)
	}
	return out
}

// gridRow reports whether a row holds labels whose values stand in the row below it.
func (f *filler) gridRow(i int) bool {
	if i+1 >= len(f.src.rows) {
		return false
	}
	r, n := &f.src.rows[i], &f.src.rows[i+1]
	if len(r.cells) < 2 || n.page != r.page || n.gap || len(n.cells) != len(r.cells) || hasDigit(r.line()) || strings.Contains(r.line(), ":") {
		return false
	}
	known := 0
	for c := range r.cells {
		if r.pureLabel(c) {
			known++
		}
		if n.pureLabel(c) || n.keyed(c) {
			return false
		}
	}
	return known == len(r.cells) || len(r.cells) > 2 && known > 0 && hasDigit(n.line())
}

// behind reads the text behind a label's colon, up to the next label with a colon in the same cell.
func (f *filler) behind(out []candidate, fd *field, h *hit, weight float64) []candidate {
	r := &f.src.rows[h.row]
	ce := &r.cells[h.cell]
	end := ce.end
	for _, m := range ce.marks {
		if m.start > h.value && m.term == termColon && m.lead == 0 {
			end = m.start
			break
		}
	}
	if fd.kind == kindEnum || fd.kind == kindBool { // "Decision: [ ] None  [x] Report"
		for c := h.cell + 1; c < len(r.cells) && end == r.cells[c-1].end && box(strings.ToLower(r.text(c))) != boxNone && box(strings.ToLower(r.page.text[h.value:ce.end])) != boxNone; c++ {
			end = r.cells[c].end
		}
	}
	if c, ok := f.make(fd, h, h.value, end, howCell, weight); ok {
		return append(out, f.wrapped(fd, h, c, end))
	}
	if c, ok := f.make(fd, h, h.value, end, howLead, weight*0.9); ok {
		return append(out, c)
	}
	if fd.kind == kindAmount { // "VAT 19 %: on 100.00    19.00"
		if c, ok := f.right(fd, h, weight*0.95); ok {
			return append(out, c)
		}
	}
	return out
}

// wrapped adds the next lines to a text behind a label when they go on in the same column: addresses and long texts.
func (f *filler) wrapped(fd *field, h *hit, c candidate, end int) candidate {
	r := &f.src.rows[h.row]
	if !slices.Contains([]kind{kindAddress, kindParagraph, kindText}, fd.kind) || end != r.cells[h.cell].end || fd.numeric() {
		return c
	}
	ce := &r.cells[h.cell]
	if h.cell != len(r.cells)-1 {
		return c
	}
	for i := h.row + 1; i < len(f.src.rows) && i <= h.row+12; i++ {
		n := &f.src.rows[i]
		if n.page != r.page || n.gap || n.bullet || len(n.cells) != 1 || n.keyed(0) || f.claimed[i] {
			break
		}
		indented := n.cells[0].x0 > ce.x0+r.page.apart()
		long := ce.x1-ce.x0 > 0.75*f.src.width(r.page)
		if !indented && (!long || fd.kind == kindText || f.src.heading(i)) {
			break
		}
		c.end = n.cells[0].end
		c.qe = c.end
	}
	c.value = jsonString(fold(c.page.text[c.start:c.end]))
	return c
}

// width is the widest cell's right end on a page, for telling full lines.
func (s *source) width(pg *page) float64 {
	if w, ok := s.widths[pg]; ok {
		return w
	}
	w := 0.0
	for i := pg.first; i < pg.first+pg.rows; i++ {
		for c := range s.rows[i].cells {
			w = max(w, s.rows[i].cells[c].x1-s.rows[i].cells[c].x0)
		}
	}
	s.widths[pg] = w
	return w
}

// right reads the cells right of a label, up to the next label.
func (f *filler) right(fd *field, h *hit, weight float64) (candidate, bool) {
	r := &f.src.rows[h.row]
	if h.cell+1 >= len(r.cells) {
		return candidate{}, false
	}
	if fd.numeric() && (fd.kind == kindAmount || fd.kind == kindNumber) && h.cell+2 < len(r.cells) && currencyCell(r.text(h.cell+1)) && !r.pureLabel(h.cell+2) { // "Total    EUR    45.00"
		return f.make(fd, h, r.cells[h.cell+2].start, r.cells[h.cell+2].end, howCell, weight)
	}
	certain := h.term == termColon && !strings.HasSuffix(r.text(h.cell+1), ":")
	if r.pureLabel(h.cell+1) && !certain && !f.valueWord(fd, r, h.cell+1) {
		return candidate{}, false
	}
	last := h.cell + 1
	for last+1 < len(r.cells) && !r.pureLabel(last+1) && !r.keyed(last+1) {
		last++
	}
	if fd.kind == kindAmount || fd.kind == kindPercent {
		for c := last; c > h.cell; c-- {
			if cand, ok := f.make(fd, h, r.cells[c].start, r.cells[c].end, howCell, weight); ok {
				return cand, true
			}
		}
		return f.make(fd, h, r.cells[h.cell+1].start, r.cells[last].end, howRow, weight)
	}
	if r.keyed(h.cell+1) && h.term != termColon {
		return candidate{}, false
	}
	c := &r.cells[h.cell+1]
	if m, ok := r.label(h.cell + 1); ok && m.term == termColon {
		return candidate{}, false
	}
	if wordy(fd) && !certain && (f.labelish(r, h.cell+1) || formLine(r.text(h.cell+1))) {
		return candidate{}, false
	}
	if cand, ok := f.make(fd, h, c.start, c.end, howCell, weight); ok {
		return f.column(fd, h, cand, h.cell+1), true
	}
	return candidate{}, false
}

// currencyCell reports whether a cell holds a currency and nothing else.
func currencyCell(s string) bool {
	code, at := currencyEnding(s)
	return code != "" && at == 0
}

// labelish reports whether cell c reads like a label, all of whose words are words of labels: "Invoice no. and date".
func (f *filler) labelish(r *row, c int) bool {
	ce := &r.cells[c]
	if ce.end-ce.start > 30 || len(ce.marks) == 0 || ce.marks[0].lead > 0 || !strings.Contains(r.text(c), " ") {
		return false
	}
	for _, t := range f.form.vocab.tokens(nil, r.page.text, ce.start, ce.end, 8) {
		if t.id == 0 || hasDigit(r.page.text[t.start:t.end]) {
			return false
		}
	}
	return true
}

// wordy reports whether any words can be a field's value.
func wordy(fd *field) bool {
	switch fd.kind {
	case kindText, kindName, kindAddress, kindCode, kindTaxID, kindParagraph:
		return true
	}
	return false
}

// valueWord reports whether a cell that reads like a label can be the value of an enumeration or a boolean.
func (f *filler) valueWord(fd *field, r *row, c int) bool {
	if fd.kind != kindEnum && fd.kind != kindBool || r.text(c)[len(r.text(c))-1] == ':' {
		return false
	}
	_, ok := f.read(fd, r.page, r.cells[c].start, r.cells[c].end, howCell)
	return ok
}

// column adds the lines below a value cell that go on in its column while the label's column is empty.
func (f *filler) column(fd *field, h *hit, c candidate, at int) candidate {
	if fd.kind != kindAddress && fd.kind != kindParagraph && fd.kind != kindText {
		return c
	}
	r := &f.src.rows[h.row]
	if at != len(r.cells)-1 {
		return c
	}
	for i := h.row + 1; i < len(f.src.rows) && i <= h.row+12; i++ {
		n := &f.src.rows[i]
		if n.page != r.page || n.gap || len(n.cells) != 1 || n.bullet {
			break
		}
		d := n.cells[0].x0 - r.cells[at].x0
		if d > r.page.apart() || d < -r.page.apart() {
			break
		}
		c.end, c.qe = n.cells[0].end, n.cells[0].end
	}
	c.value = jsonString(fold(c.page.text[c.start:c.end]))
	return c
}

// below reads the cell under a label: the next line's cell in the same column.
func (f *filler) below(out []candidate, fd *field, h *hit, weight float64) []candidate {
	r := &f.src.rows[h.row]
	if f.itemHeader(h.row) {
		return out
	}
	for i := h.row + 1; i < len(f.src.rows) && i <= h.row+2; i++ {
		n := &f.src.rows[i]
		if n.page != r.page || f.claimed[i] {
			return out
		}
		c, ok := under(r, h.cell, n)
		if !ok {
			continue
		}
		if n.pureLabel(c) && !f.valueWord(fd, n, c) || f.labelWord(fd, n, c) || wordy(fd) && (len(n.cells) > 1 && f.labelish(n, c) || formLine(n.text(c))) {
			return out
		}
		if n.keyed(c) && fd.kind != kindParagraph || fd.kind == kindParagraph && h.term == termEnd {
			return out
		}
		w := weight
		if n.gap {
			w *= 0.9
		}
		if len(r.cells) == 1 && h.term == termEnd && fd.kind == kindText && !h.tight(r) {
			w *= 0.7
		}
		if cand, ok := f.make(fd, h, n.cells[c].start, n.cells[c].end, howCell, w); ok {
			cand.qs, cand.qe = f.quoteSpan(n.page, cand.start, cand.end, n)
			return append(out, cand)
		}
		return out
	}
	return out
}

// labelWord reports whether a cell that may be a text value is rather a label: the row's other cells are values beside it.
func (f *filler) labelWord(fd *field, r *row, c int) bool {
	if strictKind(fd) || fd.kind == kindEnum || fd.kind == kindBool || c+1 >= len(r.cells) {
		return false
	}
	m, ok := r.label(c)
	return ok && m.term == termEnd && !r.pureLabel(c+1)
}

// tight reports whether the label is all of its cell.
func (h *hit) tight(r *row) bool { return h.end-h.start >= r.cells[h.cell].end-r.cells[h.cell].start-1 }

// under finds the cell of n that stands below cell c of r: they overlap, or begin or end at the same place.
func under(r *row, c int, n *row) (int, bool) {
	ce := &r.cells[c]
	tol := r.page.apart()
	best, bestD := -1, 1e9
	for i := range n.cells {
		o := &n.cells[i]
		if o.x0 > ce.x1+tol || o.x1 < ce.x0-tol {
			continue
		}
		d := min(abs(o.x0-ce.x0), abs(o.x1-ce.x1), abs((o.x0+o.x1)-(ce.x0+ce.x1))/2)
		if d < bestD {
			best, bestD = i, d
		}
	}
	if best >= 0 && len(r.cells) > 1 && len(n.cells) > 1 && bestD > 12*tol {
		return -1, false
	}
	return best, best >= 0
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}

// itemHeader reports whether a row is the header of a table of items rather than a row of labels above their values.
func (f *filler) itemHeader(i int) bool {
	r := &f.src.rows[i]
	if len(r.cells) < 3 {
		return false
	}
	n := 0
	for c := range r.cells {
		m, ok := r.label(c)
		if !ok {
			continue
		}
		for _, g := range f.form.members[m.phrase] {
			switch f.form.groups[g.group].id {
			case "quantity", "unit price", "line amount", "item description", "line number":
				n++
			default:
				continue
			}
			break
		}
	}
	return n >= 3 || n >= 2 && i+2 < len(f.src.rows) && f.src.rows[i+1].page == r.page && len(f.src.rows[i+2].cells) >= 2 && !f.src.rows[i+2].gap
}

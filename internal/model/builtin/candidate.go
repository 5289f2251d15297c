package builtin

import (
	"encoding/json"
	"slices"
	"strings"
)

// candidate is a value that a field may take.
type candidate struct {
	value      json.RawMessage
	page       *page
	start, end int // byte range of the value in the page's text
	qs, qe     int // byte range of the quote
	score      float64
	order      int // where it stands: the index of its row
}

// Limits of the search for one field.
const (
	maxHits       = 400 // labels looked at for one field
	maxCandidates = 24
	accept        = 0.5 // score from which a candidate is taken
)

// labelled collects the candidates that stand beside, behind or below a label of the field.
func (f *filler) labelled(fd *field) []candidate {
	var out []candidate
	looked := 0
	for _, l := range fd.labels {
		for i := range f.src.hits[l.phrase] {
			if looked++; looked > maxHits || len(out) >= maxCandidates {
				return out
			}
			out = f.atHit(out, fd, &f.src.hits[l.phrase][i], l.weight)
		}
	}
	return out
}

// atHit appends the candidates of one label.
func (f *filler) atHit(out []candidate, fd *field, h *hit, weight float64) []candidate {
	r := &f.src.rows[h.row]
	ce := &r.cells[h.cell]
	if f.claimed[h.row] {
		return out
	}
	weight *= leadFactor(h)
	if h.row > 12 && slices.Equal(fd.words, []string{"title"}) && !f.form.resume {
		weight *= 0.6
	}
	if weight < accept {
		return f.prose(out, fd, h, weight)
	}
	switch h.term {
	case termColon:
		if h.value < ce.end {
			return f.behind(out, fd, h, weight)
		}
		if c, ok := f.right(fd, h, weight); ok {
			return append(out, c)
		}
		return f.below(out, fd, h, weight)
	case termEnd:
		if c, ok := f.right(fd, h, weight*0.98); ok {
			out = append(out, c)
		}
		return f.below(out, fd, h, weight*0.95)
	}
	if e, factor, ok := f.extended(h); ok && weight*factor >= accept {
		if n := len(out); h.lead == 0 {
			if out = f.atHit(out, fd, &e, weight*factor/leadFactor(h)); len(out) > n {
				return out
			}
		}
	}
	return f.lead(out, fd, h, weight)
}

// extended reads a label that goes on with words of its own ("Refresh rate: 165 Hz" for "refresh"): up to three words
// without digits before the colon or the end of the cell. The factor is lower when they are words of other labels.
func (f *filler) extended(h *hit) (hit, float64, bool) {
	r := &f.src.rows[h.row]
	ce := &r.cells[h.cell]
	text := r.page.text
	stop := ce.end
	if i := strings.IndexByte(text[h.end:min(ce.end, h.end+40)], ':'); i >= 0 {
		stop = h.end + i
	}
	factor, n := 1.0, 0
	end := h.end
	for _, t := range f.form.vocab.tokens(nil, text, h.end, stop, 5) {
		w := text[t.start:t.end]
		n++
		switch {
		case n > 3 || hasDigit(w):
			return hit{}, 0, false
		case isCurrencyCode(w), t.id != 0 && f.form.vocab.noise[t.id]:
		case t.id != 0:
			factor *= 0.7
		default:
			factor *= 0.88
		}
		end = t.end
	}
	if n == 0 || stop == ce.end && (len(r.cells) == 1 && !f.shortRow(h.row+1) || strings.ContainsAny(text[h.end:stop], ".,;%$€£")) {
		return hit{}, 0, false
	}
	e := *h
	e.end = end
	e.term, e.value = terminator(text, end, ce.end)
	if e.term == termValue {
		return hit{}, 0, false
	}
	return e, factor, true
}

// shortRow reports whether row i is a short line, as values below their labels are.
func (f *filler) shortRow(i int) bool {
	return i < len(f.src.rows) && len(f.src.rows[i].line()) < 60
}

// leadFactor lowers the weight of a label that does not begin its cell.
func leadFactor(h *hit) float64 {
	switch {
	case h.lead == 0:
		return 1
	case h.odd:
		if h.term == termColon && h.lead <= 3 {
			return 0.6
		}
		return 0.3
	case h.lead == 1:
		return 0.85
	case h.lead == 2:
		return 0.7
	}
	return 0.3
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

// make reads text[a:b] of the hit's page and scores it; the quote goes from the label to the value.
func (f *filler) make(fd *field, h *hit, a, b int, way how, weight float64) (candidate, bool) {
	r := &f.src.rows[h.row]
	rd, ok := f.read(fd, r.page, a, b, way)
	if !ok {
		return candidate{}, false
	}
	qs := h.start
	if rd.start < qs {
		qs = rd.start
	}
	return candidate{rd.value, r.page, rd.start, rd.end, qs, max(rd.end, h.end), weight * rd.fit, h.row}, true
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
		if !indented && !(long && fd.kind != kindText && !f.src.heading(i)) {
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
	certain := h.term == termColon && !strings.HasSuffix(r.text(h.cell+1), ":")
	if r.pureLabel(h.cell+1) && !certain && !f.valueWord(fd, r, h.cell+1) {
		return candidate{}, false
	}
	last := h.cell + 1
	for last+1 < len(r.cells) && !r.pureLabel(last+1) && !r.keyed(last+1) {
		last++
	}
	if fd.kind == kindAmount || fd.kind == kindPercent {
		return f.make(fd, h, r.cells[h.cell+1].start, r.cells[last].end, howRow, weight)
	}
	if r.keyed(h.cell+1) && h.term != termColon {
		return candidate{}, false
	}
	c := &r.cells[h.cell+1]
	if m, ok := r.label(h.cell + 1); ok && m.term == termColon {
		return candidate{}, false
	}
	if cand, ok := f.make(fd, h, c.start, c.end, howCell, weight); ok {
		return f.column(fd, h, cand, h.cell+1), true
	}
	return candidate{}, false
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
		if n.pureLabel(c) && !f.valueWord(fd, n, c) || f.labelWord(fd, n, c) {
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

// lead reads a value that follows its label without a colon ("Invoice # 123", "Total $45.00").
func (f *filler) lead(out []candidate, fd *field, h *hit, weight float64) []candidate {
	r := &f.src.rows[h.row]
	ce := &r.cells[h.cell]
	if c, ok := f.make(fd, h, h.value, ce.end, howLead, weight*0.92); ok {
		return append(out, c)
	}
	if (fd.kind == kindName || fd.kind == kindText) && h.lead == 0 && weight > 0.7 && preposition(r.page.text[h.start:h.end]) && h.end < len(r.page.text) &&
		ce.end-h.value < 60 && capitalized(r.page.text[h.value:ce.end]) { // "Sold by Acme GmbH"
		if c, ok := f.make(fd, h, h.value, ce.end, howCell, weight*0.85); ok {
			return append(out, c)
		}
	}
	if fd.kind == kindAmount && h.lead == 0 && ce.end-h.end < 40 { // "VAT 19 % on 100.00    19.00", "Total due in EUR    45.00"
		if c, ok := f.right(fd, h, weight*f.rest(h)); ok {
			return append(out, c)
		}
		if c, ok := f.make(fd, h, h.value, ce.end, howRow, weight*0.85*f.rest(h)); ok {
			return append(out, c)
		}
	}
	if fd.kind == kindPercent && h.lead == 0 {
		if c, ok := f.make(fd, h, h.start, r.end, howRow, weight*0.9); ok {
			return append(out, c)
		}
	}
	return f.prose(out, fd, h, weight)
}

// preposition reports whether a label of several words ends with one, so that what follows is its value.
func preposition(label string) bool {
	i := strings.LastIndexByte(label, ' ')
	if i < 0 {
		return false
	}
	switch strings.ToLower(label[i+1:]) {
	case "by", "to", "from", "von", "an", "par", "à", "for":
		return true
	}
	return false
}

// rest judges the words between a label and the end of its cell: other labels' words mean that it is another label.
func (f *filler) rest(h *hit) float64 {
	r := &f.src.rows[h.row]
	factor := 1.0
	toks := f.form.vocab.tokens(nil, r.page.text, h.end, r.cells[h.cell].end, 12)
	for _, t := range toks {
		w := r.page.text[t.start:t.end]
		switch {
		case hasDigit(w), isCurrencyCode(w), t.id != 0 && f.form.vocab.noise[t.id]:
		case strings.Contains(" on from for at to and in ", " "+strings.ToLower(w)+" "):
		case t.id != 0:
			factor *= 0.6
		default:
			factor *= 0.9
		}
	}
	return factor
}

// prose reads a value in the sentence around a label: dates, amounts, spans of time.
func (f *filler) prose(out []candidate, fd *field, h *hit, weight float64) []candidate {
	switch fd.kind {
	case kindDate, kindDateTime, kindAmount, kindMeasure, kindDuration, kindIBAN, kindEmail, kindPercent, kindLastFour:
	default:
		return out
	}
	if h.lead > 0 {
		weight /= leadFactor(h)
	}
	pg := f.src.rows[h.row].page
	s := f.sentence(h)
	if s.end-s.start < 30 || f.src.rows[h.row].cells[h.cell].end-f.src.rows[h.row].cells[h.cell].start < 30 {
		return out
	}
	behind := min(s.end, h.end+120)
	try := func(a, b int, w float64) bool {
		rd, ok := f.read(fd, pg, a, b, howNear)
		if ok {
			out = append(out, candidate{rd.value, pg, rd.start, rd.end, min(rd.start, h.start), max(rd.end, h.end), weight * w * rd.fit, h.row})
		}
		return ok
	}
	if named(pg.text, h) { // `January 5, 2024 (the "Effective Date")`
		if f.backward(fd, pg, max(s.start, h.start-120), h.start, h, weight*0.9, &out) {
			return out
		}
	}
	if try(h.end, behind, 0.72) {
		return out
	}
	if fd.kind == kindMeasure || fd.kind == kindDuration || fd.kind == kindPercent {
		f.backward(fd, pg, max(s.start, h.start-80), h.start, h, weight*0.7, &out)
	}
	return out
}

// backward reads the last value before a label.
func (f *filler) backward(fd *field, pg *page, a, b int, h *hit, score float64, out *[]candidate) bool {
	a += cutForward(pg.text[a:b])
	var last reading
	found := false
	for a < b {
		rd, ok := f.read(fd, pg, a, b, howNear)
		if !ok || rd.end <= a {
			break
		}
		last, found = rd, true
		a = rd.end
	}
	if found {
		*out = append(*out, candidate{last.value, pg, last.start, last.end, last.start, h.end, score, h.row})
	}
	return found
}

// cutForward returns the offset of the first word that begins in s, so that no word is read from its middle.
func cutForward(s string) int {
	for i := range s {
		if s[i] == ' ' || s[i] == '\n' {
			return i
		}
	}
	return 0
}

// named reports whether a label stands in quotation marks inside parentheses, as defined terms of contracts do.
func named(text string, h *hit) bool {
	front := text[max(0, h.start-12):h.start]
	for i := len(front) - 1; i >= 0; i-- {
		switch front[i] {
		case '(':
			return true
		case ')', '.', ';', ':':
			return false
		}
	}
	return false
}

// sentence returns the sentence around a label: up to a full stop before a capital, an empty line, or 400 bytes.
func (f *filler) sentence(h *hit) span {
	r := &f.src.rows[h.row]
	text := r.page.text
	start, end := h.start, h.end
	for start > 0 && h.start-start < 400 && !sentenceEnd(text, start-1) {
		start--
	}
	for end < len(text) && end-h.end < 400 && !sentenceEnd(text, end) {
		end++
	}
	for start > 0 && start < len(text) && text[start]&0xC0 == 0x80 {
		start++
	}
	for end < len(text) && text[end]&0xC0 == 0x80 {
		end++
	}
	return span{start, end}
}

// sentenceEnd reports whether a sentence ends at byte i.
func sentenceEnd(text string, i int) bool {
	switch text[i] {
	case '.', '!', '?', ';':
		j := i + 1
		for j < len(text) && (text[j] == ' ' || text[j] == '\n') {
			j++
		}
		if j == i+1 {
			return j == len(text)
		}
		w := i
		for w > 0 && wordByte(text[w-1]) {
			w--
		}
		return j == len(text) || i-w > 3 && !(text[j] >= 'a' && text[j] <= 'z') || text[i] == ';' || digit(text[max(0, i-1)]) && text[j] >= 'A' && text[j] <= 'Z'
	case '\n':
		j := i + 1
		for j < len(text) && text[j] == ' ' {
			j++
		}
		return j >= len(text) || text[j] == '\n' || text[j] == '\r'
	}
	return false
}

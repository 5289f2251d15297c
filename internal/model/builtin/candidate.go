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
	via        via
	own        bool        // a heading or the label says that it is the field's party's
	ditto      bool        // it stands in the row of another element, for this one too
	order      int         // where it stands: the index of its row
	joined     bool        // the value goes on in further lines of its cell, which the range of the quote has not
	list       []candidate // elements, for an array inside an entry
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
			h := &f.src.hits[l.phrase][i]
			n := len(out)
			out = f.atHit(out, fd, h, l.weight)
			f.atLabel(out[n:], h)
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
	if h.odd && h.lead == 1 && fd.kind == kindCode && h.term == termValue {
		weight *= 0.65 // "Sales contract no. 17"
	} else {
		weight *= leadFactor(h)
	}
	if h.row > 12 && slices.Equal(fd.words, []string{"title"}) && !f.form.resume {
		weight *= 0.58 // the title of a person who signs
	}
	if fd.kind == kindNumber && h.lead > 0 {
		if c, ok := f.counted(fd, h, weight); ok {
			return append(out, c)
		}
	}
	if weight < accept {
		return f.prose(out, fd, h, weight)
	}
	if fd.kind == kindAmount && h.term == termEnd && strings.Contains(r.text(h.cell), "%") && !hasDigit(r.text(h.cell)) {
		return out // "% IVA" is over rates
	}
	if fd.kind == kindBool {
		if c, ok := f.boxed(h, weight); ok {
			return append(out, c)
		}
	}
	switch h.term {
	case termColon:
		if h.value < ce.end {
			return f.behind(out, fd, h, weight)
		}
		if c, ok := f.right(fd, h, weight); ok {
			return append(out, c)
		}
		if h.cell+1 < len(r.cells) && !r.pureLabel(h.cell+1) && !r.keyed(h.cell+1) {
			return out // what stands beside the label is no such value
		}
		return f.below(out, fd, h, weight)
	case termEnd:
		if f.captionRow(h.row) {
			return f.above(out, fd, h, weight*0.96)
		}
		if f.gridRow(h.row) {
			return f.below(out, fd, h, weight*0.97)
		}
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

// counted reads the number right before a label in a short cell: "12,482 ratings", "2 available / 14 sold".
func (f *filler) counted(fd *field, h *hit, weight float64) (candidate, bool) {
	r := &f.src.rows[h.row]
	ce := &r.cells[h.cell]
	if ce.end-ce.start > 40 || h.term == termColon {
		return candidate{}, false
	}
	ns := numbers(r.page.text[ce.start:h.start], f.src.style.comma)
	if len(ns) == 0 || strings.TrimSpace(r.page.text[ce.start+ns[len(ns)-1].end:h.start]) != "" || ns[len(ns)-1].currency != "" || ns[len(ns)-1].percent {
		return candidate{}, false
	}
	n := ns[len(ns)-1]
	rd, ok := f.read(fd, r.page, ce.start+n.start, ce.start+n.end, howCell)
	if !ok {
		return candidate{}, false
	}
	return rd.at(r.page, rd.start, h.end, 0.72*weight/leadFactor(h), h.row), true
}

// boxed reads the check box in front of a label: "[x] Pets allowed".
func (f *filler) boxed(h *hit, weight float64) (candidate, bool) {
	r := &f.src.rows[h.row]
	ce := &r.cells[h.cell]
	if h.term == termColon {
		return candidate{}, false
	}
	value := ""
	switch box(strings.ToLower(r.page.text[max(ce.start, h.start-16):h.start])) {
	case boxChecked:
		value = "true"
	case boxEmpty:
		value = "false"
	default:
		return candidate{}, false
	}
	s := max(ce.start, h.start-16)
	for s < h.start && r.page.text[s]&0xC0 == 0x80 {
		s++
	}
	return reading{json.RawMessage(value), h.start, h.end, 1}.at(r.page, s, h.end, weight, h.row), true
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
		case t.id != 0 && f.form.vocab.spell[t.id] == "number":
			factor *= 0.95
		case t.id != 0:
			factor *= 0.7
		default:
			factor *= 0.88
		}
		end = t.end
	}
	if n == 0 || stop == ce.end && (len(r.cells) == 1 || strings.ContainsAny(text[h.end:stop], ".,;%$€£")) {
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
	return rd.at(r.page, qs, max(rd.end, h.end), weight*rd.fit, h.row), true
}

// lead reads a value that follows its label without a colon ("Invoice # 123", "Total $45.00").
func (f *filler) lead(out []candidate, fd *field, h *hit, weight float64) []candidate {
	r := &f.src.rows[h.row]
	ce := &r.cells[h.cell]
	if (fd.kind == kindText || fd.kind == kindName || fd.kind == kindCode) && len(r.cells) > 2 && h.lead == 0 && weight > 0.85 && f.tightPair(h) {
		if c, ok := f.make(fd, h, h.value, ce.end, howCell, weight*0.8); ok { // "ANALYST MBRENNAN" among others of its sort
			return append(out, c)
		}
	}
	if (fd.kind == kindAmount || fd.kind == kindNumber && fd.numeric()) && h.lead == 0 && ce.end-h.end < 40 { // "Labour 1.5 h    142.50"
		if c, ok := f.right(fd, h, weight*f.rest(h)); ok {
			return append(out, c)
		}
	}
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

// tightPair reports whether a cell is a label in capitals and one word of capitals or digits, as terminals print them.
func (f *filler) tightPair(h *hit) bool {
	r := &f.src.rows[h.row]
	label, value := r.page.text[h.start:h.end], r.page.text[h.value:r.cells[h.cell].end]
	return capitals(label) && !strings.Contains(value, " ") && strings.ToUpper(value) == value && f.walk(value) == 0
}

// preposition reports whether a label of several words ends with one, so that what follows is its value.
func preposition(label string) bool {
	i := strings.LastIndexByte(label, ' ')
	if i < 0 {
		return false
	}
	switch strings.ToLower(label[i+1:]) {
	case "by", "to", "from", "von", "an", "par", "à", "for", "hd", "attn", "por", "da", "door":
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
		case among(strings.ToLower(w), " on from for at to and in "):
		case t.id != 0:
			factor *= 0.6
		default:
			factor *= 0.9
		}
	}
	return factor
}

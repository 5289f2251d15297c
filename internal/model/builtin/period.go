package builtin

import (
	"slices"
	"strings"
)

// periodLabels are the ideas whose values are ranges of dates.
func periodLabels() []string {
	return []string{"service period", "term", "period", "validity", "valid", "duration", "stay", "delivery", "rental period", "coverage period", "policy period", "insurance period"}
}

// period reads the start or the end of a range of dates: behind a label of a period, or the only range of the documents.
func (f *filler) period(fd *field) []candidate {
	first := f.boundary(fd)
	if first == 0 {
		return nil
	}
	var out []candidate
	for _, l := range f.periodPhrases(fd) {
		for i := range f.src.hits[l.phrase] {
			h := &f.src.hits[l.phrase][i]
			if len(out) > 4 || f.claimed[h.row] || h.lead > 0 && h.odd {
				continue
			}
			if c, ok := f.rangeAt(fd, h, first, l.weight); ok {
				out = append(out, c)
			}
		}
	}
	if len(out) == 0 {
		out = f.onlyRange(fd, first)
	}
	return out
}

// boundary is 1 for a field that asks for a start, 2 for an end and 0 for neither.
func (f *filler) boundary(fd *field) int {
	for _, w := range fd.words {
		switch w {
		case "start", "from", "begin", "commencement", "inception", "arrival", "von", "ab", "beginn", "debut", "desde", "inicio", "inizio", "dal", "vanaf":
			return 1
		case "end", "until", "to", "till", "through", "expiry", "departure", "bis", "ende", "fin", "hasta", "fine", "fim", "tot":
			return 2
		}
	}
	return 0
}

// periodPhrases are the labels of periods, those with the field's own words first.
func (f *filler) periodPhrases(fd *field) []label {
	var own []string
	for _, w := range fd.words {
		if !among(w, " start end from to until date on begin von bis ab beginn ende debut fin desde hasta inicio inizio fine ") {
			own = append(own, w)
		}
	}
	var out []label
	add := func(text string, weight float64) {
		if ph := f.walk(text); ph != 0 && !slices.ContainsFunc(out, func(l label) bool { return l.phrase == ph }) {
			out = append(out, label{ph, weight})
		}
	}
	if len(own) > 0 {
		add(strings.Join(own, " "), 0.85)
	}
	for _, p := range periodLabels() {
		add(p, 0.75)
		for _, g := range f.form.groups {
			if g.id == p {
				for _, text := range g.labels {
					add(text, 0.74)
				}
			}
		}
	}
	return out
}

// rangeAt reads the range of dates behind, right of, below or in the sentence of a label.
func (f *filler) rangeAt(fd *field, h *hit, which int, weight float64) (candidate, bool) {
	r := &f.src.rows[h.row]
	try := func(pg *page, a, b, row int, w float64) (candidate, bool) {
		if a >= b {
			return candidate{}, false
		}
		rg, ok := f.ranges(pg.text[a:b], false)
		if !ok {
			return candidate{}, false
		}
		return f.rangeEnd(fd, pg, a, rg, which, row, weight*w)
	}
	if c, ok := try(r.page, h.end, r.end, h.row, 1); ok {
		return c, true
	}
	if h.term != termValue && h.row+1 < len(f.src.rows) {
		n := &f.src.rows[h.row+1]
		if k, ok := under(r, h.cell, n); ok && n.page == r.page {
			return try(n.page, n.cells[k].start, n.cells[k].end, h.row+1, 0.95)
		}
	}
	s := f.sentence(h)
	return try(r.page, h.end, s.end, h.row, 0.85)
}

// rangeEnd makes a candidate of one end of a range in pg.text[a:].
func (f *filler) rangeEnd(fd *field, pg *page, a int, rg dateRange, which, row int, score float64) (candidate, bool) {
	d := rg.from
	if which == 2 {
		d = rg.to
	}
	if d.year == 0 || !d.settle(f.src.style.order) {
		return candidate{}, false
	}
	v, ok := dateValue(fd, pg.text[a:], d)
	if !ok || !admits(fd.node, v) {
		return candidate{}, false
	}
	return reading{v, a + d.start, a + d.end, 1}.at(pg, a+rg.start, a+rg.end, score, row), true
}

// onlyRange takes the one range of full dates in the documents.
func (f *filler) onlyRange(fd *field, which int) []candidate {
	var out []candidate
	for i := range f.src.rows {
		r := &f.src.rows[i]
		if f.claimed[i] || len(r.line()) < 12 {
			continue
		}
		for c := range r.cells {
			rg, ok := f.ranges(r.text(c), false)
			if !ok || rg.open || !rg.from.settle(f.src.style.order) || rg.from.day == 0 {
				continue
			}
			if cand, ok := f.rangeEnd(fd, r.page, r.cells[c].start, rg, which, i, 0.58); ok {
				out = append(out, cand)
			}
		}
		if len(out) > 1 {
			return nil
		}
	}
	return out
}

package builtin

import (
	"slices"
	"strings"
)

// carryWords begin rows that carry a sum over a page's end; such a row is no item and ends no table.
//
//nolint:misspell // words of other languages
const carryWords = "übertrag|uebertrag|vortrag|zwischensumme|zwischentotal|carried forward|carried over|carry over|carry forward|brought forward|balance forward|" +
	"balance brought|continued from|continued on|amount brought|amount carried|page total|page subtotal|subtotal page|report|à reporter|a reporter|reporté|sous-total|sous total|" +
	"suma y sigue|suma anterior|suma y continúa|total anterior|riporto|da riportare|a riportare|a transportar|transporte|transport|subtotaal|over te brengen|overgebracht"

// carries reports whether a row carries a sum over: its first words say so and nothing but numbers stands behind them.
func carries(r *row) bool {
	for c := range r.cells {
		t := strings.ToLower(r.text(c))
		if !strings.ContainsFunc(t, letter) {
			continue
		}
		for w := range strings.SplitSeq(carryWords, "|") {
			rest, ok := strings.CutPrefix(t, w)
			if ok && ofPage(rest) {
				return c == len(r.cells)-1 || onlyNumbers(r, c+1)
			}
		}
		return false
	}
	return false
}

// ofPage reports whether what stands behind the words of a carried sum only names a page: "von Seite 2".
func ofPage(s string) bool {
	for w := range strings.FieldsSeq(s) {
		w = strings.Trim(w, ".,:;()/-€$£")
		if strings.ContainsFunc(w, letter) && !among(w, " page seite blatt von of vom de la from to auf aus página pagina folio feuille hoja p s pag eur ") {
			return false
		}
	}
	return s == "" || !letter(firstRune(s))
}

// onlyNumbers reports whether the cells from c on have digits and at most a currency's letters.
func onlyNumbers(r *row, c int) bool {
	for ; c < len(r.cells); c++ {
		letters := 0
		for _, x := range r.text(c) {
			if letter(x) {
				letters++
			}
		}
		if letters > 3 || !hasDigit(r.text(c)) {
			return false
		}
	}
	return true
}

// resumes returns the row at which a table goes on behind row i, which looks like its end, or -1: soon, or near the top of the next page,
// stands a carried sum or a row that is as full as the fullest item, and no other head before it. The sum at row i was one of a
// group or of a page then.
func (f *filler) resumes(h header, i, most int) int {
	if most < 3 {
		return -1
	}
	page := f.src.rows[i].page
	looked, turned := 0, false
	for k := i + 1; k < len(f.src.rows) && looked < 12; k++ {
		r := &f.src.rows[k]
		if r.page != page {
			if turned {
				return -1
			}
			page, turned, looked = r.page, true, 0
		}
		looked++
		switch {
		case f.claimed[k], turned && f.repeats(h, r), len(r.cells) >= 3 && !hasDigit(r.line()):
			return -1 // another head, or the same one, under which it is read
		case carries(r):
			return k
		case f.closing(r, &h):
			if turned {
				return -1
			}
			continue
		case !turned && looked > 3:
			continue
		}
		rec, numbers := f.record(h, r, k)
		if numbers > 0 && len(rec) >= most && f.wordy(rec) && f.complete(rec, numbers, &h) {
			return k
		}
	}
	return -1
}

// wordy reports whether a record has words of its own: an item is named, a line of sums is not.
func (f *filler) wordy(rec record) bool {
	for fd, c := range rec {
		if !strictKind(fd) && len(fd.node.enum) == 0 && strings.Count(string(c.value), "") > 5 && strings.ContainsFunc(string(c.value), letter) {
			return true
		}
	}
	return false
}

// totals reports whether a row begins with the label of a sum and lacks the words of the item that stood above it.
func (f *filler) totals(r *row, rec record, above []record) bool {
	m, ok := r.label(0)
	if !ok || m.term != termEnd || !f.sumLabel(m.phrase) || len(above) == 0 {
		return false
	}
	return f.sums(rec, above)
}

// asAbove fills the blank cells of a table's first column, where they plainly mean "as above": the column names groups, each
// item has other words of its own, and the first item has a value there.
func (f *filler) asAbove(h header, rows []record) {
	k := slices.IndexFunc(h.columns, func(c column) bool { return c.child != nil })
	if k < 0 || len(rows) < 2 {
		return
	}
	fd := h.columns[k].child
	if !f.groups(fd) || !f.grouped(h, fd, rows) {
		return
	}
	var last candidate
	for _, rec := range rows {
		if c, ok := rec[fd]; ok {
			last = c
			continue
		}
		c := last
		c.qs, c.qe = c.start, c.end
		c.score *= 0.9
		c.ditto = true
		rec[fd] = c
	}
}

// groups reports whether a field's values may stand once for several rows: names and dates do, numbers and codes do not.
func (f *filler) groups(fd *field) bool {
	if fd.numeric() || f.ownGroup(fd, "sku") || f.ownGroup(fd, "line number") {
		return false
	}
	switch fd.kind {
	case kindText, kindName, kindDate, kindEnum:
		return true
	}
	return false
}

// grouped reports whether the blanks of a table's first column look like groups: the first row has a value, no value stands twice in
// a row, and every row without one has words in another column.
func (f *filler) grouped(h header, fd *field, rows []record) bool {
	if _, ok := rows[0][fd]; !ok {
		return false
	}
	blanks, before := 0, ""
	for _, rec := range rows {
		c, ok := rec[fd]
		if ok {
			if string(c.value) == before && fd.kind != kindDate {
				return false
			}
			before = string(c.value)
			continue
		}
		blanks++
		named := slices.ContainsFunc(h.columns, func(col column) bool {
			c, ok := rec[col.child]
			return col.child != nil && col.child != fd && !strictKind(col.child) && ok && strings.ContainsFunc(string(c.value), letter)
		})
		if !named || len(rec)+1 < len(rows[0])-1 {
			return false
		}
	}
	return blanks > 0
}

package builtin

import (
	"slices"
	"strings"
	"unicode"
)

// priced reads a list without a header, as receipts have it: words and a price on each line, up to the first sum.
func (f *filler) priced(fd *field) []record {
	var name, qty, unit, amount *field
	for _, c := range leafChildren(fd) {
		switch {
		case c.kind == kindAmount && (f.ownGroup(c, "unit price") && !f.ownGroup(c, "line amount") || hasWord(c, "unit")) && unit == nil:
			unit = c
		case c.kind == kindAmount && amount == nil:
			amount = c
		case (c.kind == kindNumber || c.kind == kindMeasure) && counts(c) && qty == nil:
			qty = c
		case c.kind == kindNumber && c.numeric() && amount == nil:
			amount = c
		case (c.kind == kindText || c.kind == kindName || c.kind == kindParagraph) && name == nil:
			name = c
		}
	}
	dated := slices.ContainsFunc(leafChildren(fd), func(c *field) bool { return c.kind == kindDate || c.kind == kindDateTime })
	if name == nil || amount == nil && unit == nil || dated || !itemList(fd) {
		return nil
	}
	if amount == nil {
		amount, unit = unit, nil
	}
	var out []record
	var taken []int
	for i := range f.src.rows {
		r := &f.src.rows[i]
		if f.claimed[i] || len(out) >= maxTableRows {
			continue
		}
		if len(out) > 0 && f.sumRow(r) {
			break
		}
		if len(out) > 0 && i-taken[len(taken)-1] > 4 {
			break
		}
		rec, ok := f.pricedRow(r, i, name, qty, unit, amount)
		if ok {
			out = append(out, rec)
			taken = append(taken, i)
			continue
		}
		if len(out) > 0 && taken[len(taken)-1] == i-1 && f.detail(out[len(out)-1], r, i, qty, unit) {
			taken = append(taken, i)
		}
	}
	if len(out) < 1 || !f.sumBelow(taken) {
		return nil
	}
	for _, i := range taken {
		f.claimed[i] = true
	}
	return out
}

// counts reports whether a field is named like a number of pieces.
func counts(fd *field) bool {
	return slices.ContainsFunc(fd.words, func(w string) bool { return among(w, " quantity count pieces piece unit pc pcs number times ") })
}

// itemList reports whether an array is named like a list of things that were sold.
func itemList(fd *field) bool {
	return slices.ContainsFunc(fd.words, func(w string) bool {
		//nolint:misspell // words of other languages
		return among(w, " item line product purchase article service charge entry position row good order dish meal ticket fee lines items "+
			" artikel posten positionen waren leistung leistungen articles ligne lignes produit achat prestation articulo linea lineas producto concepto consumo compra detalle articolo riga righe voce voci prodotto artigo linha produto regel ")
	})
}

func hasWord(fd *field, w string) bool {
	for _, o := range fd.words {
		if o == w {
			return true
		}
	}
	return false
}

// sumBelow reports whether a sum follows within a few rows of the last price, which tells a receipt from other lists.
func (f *filler) sumBelow(taken []int) bool {
	if len(taken) == 0 {
		return false
	}
	last := taken[len(taken)-1]
	for i := last + 1; i < len(f.src.rows) && i < last+8; i++ {
		if f.sumRow(&f.src.rows[i]) {
			return true
		}
	}
	return false
}

// sumRow reports whether a row is a sum, a tax or a payment.
func (f *filler) sumRow(r *row) bool {
	if len(r.cells[0].marks) == 0 || r.cells[0].marks[0].lead > 0 {
		return false
	}
	m := r.cells[0].marks[0]
	return f.sumLabel(m.phrase) || f.inGroup(m.phrase, "discount") || f.inGroup(m.phrase, "service charge")
}

// pricedRow reads words and a price: two cells or more, the last one an amount, no label in front.
func (f *filler) pricedRow(r *row, i int, name, qty, unit, amount *field) (record, bool) {
	n := len(r.cells)
	if n < 2 || n > 5 || r.keyed(0) || f.sumRow(r) {
		return nil, false
	}
	price, ok := f.read(amount, r.page, r.cells[n-1].start, r.cells[n-1].end, howCell)
	if !ok || !hasAmount(r.text(n-1)) || len(r.text(n-1)) > 16 || price.value[0] == '-' {
		return nil, false
	}
	at := 0
	rec := record{}
	quote := func(rd reading) candidate {
		c := f.cellCandidate(rd, r, i)
		c.score = 0.85
		return c
	}
	if qty != nil && n > 2 && allDigits(r.text(0)) {
		if rd, ok := f.read(qty, r.page, r.cells[0].start, r.cells[0].end, howCell); ok {
			rec[qty] = quote(rd)
			at = 1
		}
	}
	s, e := r.cells[at].start, r.cells[at].end
	if qty != nil && at == 0 {
		s = f.leadingCount(rec, r, i, qty, s, e)
	}
	if strings.IndexFunc(r.page.text[s:e], unicode.IsLetter) < 0 {
		return nil, false
	}
	words, ok := f.read(name, r.page, s, e, howCell)
	if !ok {
		return nil, false
	}
	if i > 0 && countLine(r.page.text[s:e]) { // the words stand on the line above: "BANANAS" over "1.32 lb @ 0.69/lb    0.91"
		p := &f.src.rows[i-1]
		if p.page != r.page || len(p.cells) != 1 || p.keyed(0) || hasAmount(p.text(0)) || f.claimed[i-1] || r.gap {
			return nil, false
		}
		if words, ok = f.read(name, p.page, p.start, p.end, howCell); !ok {
			return nil, false
		}
		f.countAndPrice(rec, r, i, s, e, qty, unit)
	}
	rec[name], rec[amount] = quote(words), quote(price)
	for c := at + 1; c < n-1; c++ {
		f.between(rec, r, i, c, qty, unit)
	}
	return rec, true
}

func allDigits(s string) bool { return s != "" && len(s) <= 4 && strings.Trim(s, "0123456789") == "" }

// leadingCount takes "2 x" or "2" in front of the words as the quantity and returns where the words begin.
func (f *filler) leadingCount(rec record, r *row, i int, qty *field, s, e int) int {
	text := r.page.text[s:e]
	n, j := integer(text, 0, 3)
	if j == 0 || n == 0 || j >= len(text) {
		return s
	}
	rest := strings.TrimLeft(text[j:], " ")
	for _, x := range []string{"x ", "X ", "× ", "* "} {
		rest = strings.TrimPrefix(rest, x)
	}
	if len(rest) == len(text[j:]) || rest == "" || digit(rest[0]) {
		return s
	}
	if rd, ok := f.read(qty, r.page, s, s+j, howCell); ok {
		c := f.cellCandidate(rd, r, i)
		c.score = 0.8
		rec[qty] = c
		return e - len(rest)
	}
	return s
}

// between reads a middle cell: a count, a price for one, or "2 x 1.50".
func (f *filler) between(rec record, r *row, i, c int, qty, unit *field) {
	f.countAndPrice(rec, r, i, r.cells[c].start, r.cells[c].end, qty, unit)
}

// detail reads a line below an item that only says "2 x 1.50" or "2 @ $1.50 ea".
func (f *filler) detail(rec record, r *row, i int, qty, unit *field) bool {
	if !countLine(r.line()) {
		return false
	}
	f.countAndPrice(rec, r, i, r.start, r.end, qty, unit)
	return true
}

// countLine reports whether a text only counts: "2 x 1.50", "1.32 lb @ 0.69/lb".
func countLine(s string) bool {
	for w := range strings.FieldsSeq(strings.ToLower(s)) {
		for p := range strings.SplitSeq(w, "/") {
			p = strings.TrimLeft(strings.Trim(p, "$€£.,()@"), "0123456789.,")
			if strings.IndexFunc(p, unicode.IsLetter) >= 0 && !among(p, " x ea each qty pcs kg g lb lbs oz l ml stk pc per unit usd eur gbp chf at ") {
				return false
			}
		}
	}
	return hasDigit(s)
}

// countAndPrice fills the quantity and the unit price from a text that holds one or both.
func (f *filler) countAndPrice(rec record, r *row, i, s, e int, qty, unit *field) {
	text := r.page.text[s:e]
	if len(text) > 1 && len(text) < 5 && (text[0] == 'x' || text[0] == 'X') && digit(text[1]) {
		s, text = s+1, text[1:] // "x2"
	}
	for _, n := range numbers(text, f.src.style.comma) {
		fd := unit
		if n.decimals == 0 && n.currency == "" {
			fd = qty
		}
		if fd == nil {
			continue
		}
		if _, ok := rec[fd]; ok {
			continue
		}
		if rd, ok := f.read(fd, r.page, s+n.start, s+n.end, howCell); ok {
			c := f.cellCandidate(rd, r, i)
			c.score = 0.8
			rec[fd] = c
		}
	}
}

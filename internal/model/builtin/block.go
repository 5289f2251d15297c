package builtin

import (
	"slices"
	"strings"
)

// block is what stands under a heading such as "Bill to", in its column.
type block struct {
	lines []blockLine
	rows  span // indexes of the rows, end excluded
	x0    float64
	x1    float64
}

// blockLine is a cell of a block.
type blockLine struct {
	page       *page
	row, cell  int
	start, end int
	keyed      bool // it has a label of its own
}

const maxBlockRows = 14

// inBlock collects candidates from the blocks of the field's party.
func (f *filler) inBlock(fd *field) []candidate {
	if len(fd.party) == 0 || fd.attr == "" && len(fd.own) == 0 {
		return nil
	}
	var out []candidate
	looked := 0
	for _, l := range fd.party {
		if l.weight < 0.6 {
			continue
		}
		for i := range f.src.hits[l.phrase] {
			if looked++; looked > 60 {
				return out
			}
			h := &f.src.hits[l.phrase][i]
			if h.lead > 0 || h.term == termValue || f.claimed[h.row] {
				continue
			}
			b := f.block(h)
			out = f.fromBlock(out, fd, b, h, l.weight*0.93)
		}
	}
	return out
}

// block reads the lines that belong to a heading: the rest of its cell, or the cells below it up to a gap.
func (f *filler) block(h *hit) block {
	r := &f.src.rows[h.row]
	ce := &r.cells[h.cell]
	b := block{rows: span{h.row, h.row + 1}, x0: ce.x0 - 2*r.page.apart(), x1: 1e9}
	if h.cell+1 < len(r.cells) {
		b.x1 = r.cells[h.cell+1].x0 - r.page.apart()
	}
	inline := h.term == termColon && h.value < ce.end
	if inline {
		b.lines = append(b.lines, blockLine{r.page, h.row, h.cell, h.value, ce.end, false})
	} else if h.cell+1 == len(r.cells)-1 && !r.keyed(h.cell+1) && !r.pureLabel(h.cell+1) && !f.labelish(r, h.cell+1) && len(r.cells) == 2 && f.besides(h) {
		c := &r.cells[h.cell+1] // "Bill to    Acme Corp" with the address below the name
		b.lines = append(b.lines, blockLine{r.page, h.row, h.cell + 1, c.start, c.end, false})
		b.x0, b.x1 = c.x0-r.page.apart(), 1e9
	}
	for i := h.row + 1; i < len(f.src.rows) && i <= h.row+maxBlockRows; i++ {
		n := &f.src.rows[i]
		if n.page != r.page || f.claimed[i] || n.gap && (len(b.lines) > 0 || i > h.row+1) {
			break
		}
		c := -1
		for k := range n.cells {
			if n.cells[k].x0 >= b.x0 && n.cells[k].x0 < b.x1 {
				c = k
				break
			}
		}
		if c < 0 {
			continue
		}
		if inline && n.cells[c].x0 < ce.x0+1 && n.keyed(c) && !f.partyLabel(n, c) {
			break
		}
		if m, ok := n.label(c); ok && m.lead == 0 && f.headsParty(m.phrase) {
			break
		}
		b.lines = append(b.lines, blockLine{n.page, i, c, n.cells[c].start, n.cells[c].end, n.keyed(c) || n.pureLabel(c)})
		b.rows.end = i + 1
	}
	return b
}

// besides reports whether the row below a heading goes on in the column of the heading's right neighbour, not in its own.
func (f *filler) besides(h *hit) bool {
	if h.row+1 >= len(f.src.rows) {
		return true
	}
	r, n := &f.src.rows[h.row], &f.src.rows[h.row+1]
	if n.page != r.page || n.gap {
		return true
	}
	return abs(n.cells[0].x0-r.cells[h.cell+1].x0) <= r.page.apart() && len(n.cells) == 1
}

// partyLabel reports whether a cell's label is of a party's attribute (VAT number, phone, …).
func (f *filler) partyLabel(r *row, c int) bool {
	m, ok := r.label(c)
	if !ok {
		return false
	}
	for _, g := range f.form.members[m.phrase] {
		switch f.form.groups[g.group].id {
		case "vendor tax number", "customer tax number", "email", "phone", "fax", "website", "address", "contact person", "registration number", "iban", "bic", "country", "full name":
			return true
		}
	}
	return false
}

// headsParty reports whether a phrase is the heading of a party's block.
func (f *filler) headsParty(ph phrase) bool {
	for _, g := range f.form.members[ph] {
		switch f.form.groups[g.group].id {
		case "vendor", "customer", "ship to":
			if !g.weak {
				return true
			}
		}
	}
	return false
}

// fromBlock appends what the block says of the field's attribute.
func (f *filler) fromBlock(out []candidate, fd *field, b block, h *hit, weight float64) []candidate {
	add := func(l blockLine, rd reading, w float64) {
		qs, qe := f.quoteSpan(l.page, rd.start, rd.end, &f.src.rows[l.row])
		out = append(out, rd.at(l.page, qs, qe, w*rd.fit, l.row))
	}
	for _, l := range fd.own { // "Name: Jane" inside the block
		for i := range f.src.hits[l.phrase] {
			o := &f.src.hits[l.phrase][i]
			x := f.src.rows[o.row].cells[o.cell].x0
			if o.row >= b.rows.start && o.row < b.rows.end && x >= b.x0 && x < b.x1 && (o.row > h.row || o.cell > h.cell || o.start > h.start) {
				out = f.atHit(out, fd, o, l.weight*min(1, weight*1.05))
			}
		}
	}
	switch fd.attr {
	case "name":
		if l, ok := b.name(); ok {
			if rd, ok := f.read(fd, l.page, l.start, l.end, howCell); ok && !f.typed(l.page.text[l.start:l.end]) {
				add(l, rd, weight)
			}
		}
	case "email", "phone", "website", "tax", "iban", "bic":
		for _, l := range b.lines {
			if rd, ok := f.inLine(fd, l); ok {
				add(l, rd, weight)
				break
			}
		}
	default:
		if c, ok := f.addressPart(fd, b); ok {
			c.score *= weight
			out = append(out, c)
		}
	}
	return out
}

// inLine reads a typed value anywhere in a line.
func (f *filler) inLine(fd *field, l blockLine) (reading, bool) {
	if l.keyed {
		if i := strings.IndexByte(l.page.text[l.start:l.end], ':'); i > 0 {
			if m, ok := f.src.rows[l.row].label(l.cell); ok && fd.kind == kindPhone && f.inGroup(m.phrase, "fax") && !slices.Contains(fd.words, "fax") {
				return reading{}, false
			}
			return f.strict(fd, l.page, l.start+i+1, l.end)
		}
	}
	return f.strict(fd, l.page, l.start, l.end)
}

// strict reads a value whose pattern alone tells what it is.
func (f *filler) strict(fd *field, pg *page, a, b int) (reading, bool) {
	text := pg.text[a:b]
	var s []span
	switch fd.kind {
	case kindEmail:
		s = emails(text)
	case kindPhone:
		s = phones(text)
	case kindURL:
		s = urls(text)
	case kindIBAN:
		s = ibans(text)
	case kindBIC:
		s = bics(text)
	case kindTaxID:
		s = taxIDs(text)
	}
	if len(s) == 0 {
		return reading{}, false
	}
	r := reading{jsonString(text[s[0].start:s[0].end]), a + s[0].start, a + s[0].end, 1}
	return r, admits(fd.node, r.value)
}

func (f *filler) inGroup(ph phrase, id string) bool {
	for _, g := range f.form.members[ph] {
		if f.form.groups[g.group].id == id && !g.weak {
			return true
		}
	}
	return false
}

// name is the first line without a label.
func (b *block) name() (blockLine, bool) {
	for _, l := range b.lines {
		if !l.keyed {
			return l, true
		}
	}
	return blockLine{}, false
}

// typed reports whether a line is an e-mail address, a web address, a phone number, a date or a number rather than words.
func (f *filler) typed(s string) bool {
	if len(emails(s)) > 0 || len(s) > 0 && len(ibans(s)) > 0 {
		return true
	}
	if u := urls(s); len(u) > 0 && u[0].end-u[0].start > len(s)/2 {
		return true
	}
	if p := phones(s); len(p) > 0 && p[0].end-p[0].start > len(s)/2-4 {
		return true
	}
	if d := f.src.style.calendar.dates(s); len(d) > 0 && d[0].end-d[0].start > len(s)/2 {
		return true
	}
	return len(taxIDs(s)) > 0 && len(s) < 24
}

// address returns the lines behind the name that make up the postal address.
func (f *filler) address(b block) []blockLine {
	var out []blockLine
	named := false
	for _, l := range b.lines {
		t := l.page.text[l.start:l.end]
		if l.keyed || f.typed(t) {
			if len(out) > 0 {
				break
			}
			continue
		}
		if !named {
			named = true
			if !hasDigit(t) || !streetLike(t) {
				continue
			}
		}
		low := strings.ToLower(t)
		if strings.HasPrefix(low, "attn") || strings.HasPrefix(low, "c/o") && len(out) == 0 || strings.HasPrefix(low, "att:") {
			continue
		}
		if len(out) == 0 && !hasDigit(t) && len(b.lines) > 3 && !streetLike(t) {
			continue // a person or a department before the street
		}
		out = append(out, l)
		if len(out) == 5 {
			break
		}
	}
	return out
}

// streetLike reports whether a line has the look of a street: a number and a word for a way, or a number at its start or end.
func streetLike(s string) bool {
	l := " " + strings.ToLower(s) + " "
	for _, w := range []string{" street", "strasse", "straße", "str.", " st ", " st.", " ave", " road", " rd", " lane", " ln", " blvd", " boulevard", " drive", " dr ", "weg ", "gasse", "platz", "allee", " rue ", " via ", " calle ", " way", " court", " suite", " p.o. box", " po box", " quay", " square", " row", " place", " highway", "straat", "laan", " floor", " unit ",
		" avenue", " impasse ", " quai ", " chemin ", " allée ", " place ", " calle ", " c/ ", " avenida ", " avda", " plaza ", " paseo ", " ctra", " viale ", " corso ", " piazza ", " rua ", " largo ", "ring ", "damm ", "ufer "} {
		if strings.Contains(l, w) {
			return true
		}
	}
	fs := strings.Fields(s)
	return len(fs) >= 2 && len(fs) <= 6 && (hasDigit(fs[0]) && len(fs[0]) < 6 || hasDigit(fs[len(fs)-1]) && len(fs[len(fs)-1]) < 5)
}

// addressPart reads the address or a part of it from a block.
func (f *filler) addressPart(fd *field, b block) (candidate, bool) {
	lines := f.address(b)
	if len(lines) == 0 {
		return candidate{}, false
	}
	first, last := lines[0], lines[len(lines)-1]
	whole := func(a, z blockLine) (candidate, bool) {
		parts := make([]string, 0, len(lines))
		for _, l := range lines {
			if l.row >= a.row && l.row <= z.row {
				parts = append(parts, fold(strings.Trim(l.page.text[l.start:l.end], ", ")))
			}
		}
		v := jsonString(strings.Join(parts, "\n"))
		return reading{v, a.start, a.end, 1}.at(a.page, a.start, a.end, 1, a.row), len(parts) > 0
	}
	switch fd.attr {
	case "address":
		if streetOnly(fd) {
			return whole(first, first)
		}
		return whole(first, last)
	case "street", "line1":
		return whole(first, first)
	case "line2":
		return candidate{}, false
	}
	for i := len(lines) - 1; i >= 0; i-- {
		l := lines[i]
		for _, p := range placeParts(l.page.text[l.start:l.end], i == len(lines)-1 && i > 0) {
			if p.attr == fd.attr || p.attr == "zip" && fd.attr == "postal" {
				s, e := l.start+p.start, l.start+p.end
				v := jsonString(l.page.text[s:e])
				if fd.kind == kindEnum {
					rd, ok := f.read(fd, l.page, s, e, howCell)
					if !ok {
						continue
					}
					v = rd.value
				}
				return reading{v, s, e, 1}.at(l.page, l.start, l.end, 0.95, l.row), admits(fd.node, v)
			}
		}
	}
	return candidate{}, false
}

// streetOnly reports whether a title or description asks for the street alone.
func streetOnly(fd *field) bool {
	return strings.Contains(strings.ToLower(fd.node.title+" "+fd.node.description), "street")
}

// part is a piece of an address line.
type part struct {
	span
	attr string
}

// placeParts cuts "Bend, OR 97701", "8001 Zürich", "London SW1A 1AA" and a country's name into their parts.
func placeParts(s string, last bool) []part {
	fs := fieldSpans(s)
	if len(fs) == 0 {
		return nil
	}
	word := func(i int) string { return strings.Trim(s[fs[i].start:fs[i].end], ",") }
	n := len(fs)
	if last && !hasDigit(s) && n <= 3 {
		return []part{{span{0, len(s)}, "country"}}
	}
	w := word(0)
	if hasDigit(w) && len(w) >= 4 && len(w) <= 8 && strings.Trim(w, "0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" && n > 1 { // 8001 Zürich
		c := fs[1]
		c.end = len(s)
		if len(word(1)) == 2 && strings.ToUpper(word(1)) == word(1) && n > 2 { // 3089 JK Rotterdam
			return []part{{span{fs[0].start, fs[1].end}, "zip"}, {span{fs[2].start, len(s)}, "city"}}
		}
		return []part{{fs[0], "zip"}, {c, "city"}}
	}
	z := word(n - 1)
	if n >= 3 && hasDigit(z) && len(z) >= 5 && len(word(n-2)) == 2 && strings.ToUpper(word(n-2)) == word(n-2) && !hasDigit(word(n-2)) { // Bend, OR 97701
		city := span{fs[0].start, fs[n-3].end}
		if i := strings.LastIndexByte(strings.TrimRight(s[:city.end], ","), ','); i >= 0 {
			city.start = i + 2
		}
		city.end = len(strings.TrimRight(s[:city.end], ","))
		if city.start >= city.end {
			return nil
		}
		return []part{{fs[n-1], "zip"}, {fs[n-2], "state"}, {city, "city"}}
	}
	if n >= 3 && hasDigit(z) && hasDigit(word(n-2)) && len(z) == 3 { // London SW1A 1AA
		return []part{{span{fs[n-2].start, fs[n-1].end}, "zip"}, {span{fs[0].start, len(strings.TrimRight(s[:fs[n-3].end], ","))}, "city"}}
	}
	return nil
}

func fieldSpans(s string) []span {
	var out []span
	start := -1
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != ' ' && s[i] != '\t' {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			out = append(out, span{start, i})
			start = -1
		}
	}
	return out
}

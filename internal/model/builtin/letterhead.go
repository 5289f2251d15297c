package builtin

import (
	"slices"
	"strings"
	"unicode"
)

// firm is who wrote the documents, as far as the first page shows without a label.
type firm struct {
	found bool
	row   int
	cell  int
	score float64
}

// Limits of the look at the first page.
const (
	topRows  = 60
	headRows = 5
)

// author finds the firm that wrote the documents: a line at the top of the first page, or one whose words are those of the
// documents' web or mail addresses, or one that ends with the form of a company. It is computed once.
func (f *filler) author() firm {
	lands := f.territory() // asks for the author itself, once the headings are read
	if f.firm != nil {
		return *f.firm
	}
	f.firm = &firm{}
	if len(f.src.pages) == 0 {
		return *f.firm
	}
	hosts := f.hosts()
	pg := f.src.pages[0]
	mail := len(f.src.rows) > 0 && f.src.rows[0].keyed(0)
	for i := pg.first; i < pg.first+pg.rows; i++ {
		if i > topRows && i < pg.first+pg.rows-8 {
			continue
		}
		r := &f.src.rows[i]
		for c := range r.cells {
			if at := lands[cellKey{i, c}]; at.surely && at.roles&authors == 0 {
				continue // under "Bill to"
			}
			s := f.firmScore(r, c, i, hosts)
			if mail && i < headRows {
				s -= 0.3
			}
			if s > f.firm.score {
				*f.firm = firm{true, i, c, s}
			}
		}
	}
	if f.firm.score < accept {
		*f.firm = firm{}
	}
	return *f.firm
}

// firmScore says how much a cell looks like the name of the documents' author.
func (f *filler) firmScore(r *row, c, i int, hosts []string) float64 {
	t := r.text(c)
	t = t[:firmCut(t)]
	if m, ok := r.label(c); (ok || m.phrase != 0) && hasDigit(t) || len(t) > 0 && strings.HasSuffix(t, ",") {
		return 0
	}
	if f.claimed[i] || r.keyed(c) || r.pureLabel(c) || documentTitle(t) || len(t) > 60 || len(t) < 3 || f.typed(t) || !capitalized(t) && !digit(t[0]) {
		return 0
	}
	if strings.IndexFunc(t, unicode.IsLetter) < 0 || hasDigit(t) && streetLike(t) || len(placeParts(t, false)) > 0 || strings.ContainsAny(t, "!?") || strings.HasSuffix(t, ".") && !abbreviated(strings.TrimSuffix(t, ".")) {
		return 0
	}
	if f.isValue(r, c) {
		return 0
	}
	score := 0.0
	if i < headRows && c == 0 {
		score = 0.6 - 0.06*float64(i)
	} else if i < headRows {
		score = 0.5 - 0.03*float64(i)
	}
	if f.nameOfHost(t, hosts) {
		score = max(score, 0.45) + 0.3
	}
	if wordsIn(lastWords(t), firmWords) > 0 {
		score += 0.05
		if i == 0 {
			score += 0.07
		}
		if strings.Contains(strings.ToLower(t), "bank") && i > headRows {
			return 0
		}
		if score < 0.3 && strings.Count(f.src.pages[0].text, t) > 1 {
			score = 0.45
		}
		if score < 0.4 && f.addressBelow(i, c) {
			score = 0.52
		}
	}
	return score
}

// firmCut returns where a firm's name ends before its address: "Acme GmbH, Ringstr. 5", "Acme GmbH · Ringstr. 5".
func firmCut(t string) int {
	for _, sep := range []string{" · ", " • ", " * "} {
		if i := strings.Index(t, sep); i > 2 {
			return i
		}
	}
	if e := firmEnd(t); e > 0 {
		return e
	}
	return len(t)
}

// isValue reports whether a cell is a value: a label stands left of it or above it.
func (f *filler) isValue(r *row, c int) bool {
	if c > 0 {
		if _, ok := r.label(c - 1); ok || r.pureLabel(c-1) {
			return true
		}
	}
	return false
}

func lastWords(s string) string {
	fs := strings.Fields(s)
	if len(fs) > 2 {
		fs = fs[len(fs)-2:]
	}
	return strings.Join(fs, " ")
}

// hosts lists the names in the documents' web and mail addresses: "acme" of info@acme.com.
func (f *filler) hosts() []string {
	var out []string
	for p, pg := range f.src.pages {
		if p > 3 {
			break
		}
		var found []string
		for _, s := range emails(pg.text) {
			_, host, _ := strings.Cut(pg.text[s.start:s.end], "@")
			found = append(found, host)
		}
		for _, s := range urls(pg.text) {
			h := pg.text[s.start:s.end]
			if _, rest, ok := strings.Cut(h, "://"); ok {
				h = rest
			}
			h, _, _ = strings.Cut(strings.TrimPrefix(h, "www."), "/")
			found = append(found, h)
		}
		for _, h := range found {
			h = strings.ToLower(h)
			if i := strings.LastIndexByte(h, '.'); i > 0 {
				h = h[:i]
			}
			if h = squeeze(h); len(h) > 3 && !slices.Contains(out, h) && len(out) < 20 {
				out = append(out, h)
			}
		}
	}
	return out
}

// squeeze keeps the letters and digits of s, umlauts written out.
func squeeze(s string) string {
	s = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "é", "e", "è", "e", "&", "and").Replace(strings.ToLower(s))
	return strings.Map(func(r rune) rune {
		if r < 128 && wordByte(byte(r)) && r != '_' { //nolint:gosec // G115: below 128, as the line says
			return r
		}
		return -1
	}, s)
}

// nameOfHost reports whether a line's first words are those of a host.
func (f *filler) nameOfHost(t string, hosts []string) bool {
	s, fs := squeeze(t), strings.Fields(t)
	for _, h := range hosts {
		if len(h) >= 5 && strings.Contains(s, h) || len(s) >= 5 && strings.Contains(h, s) {
			return true
		}
		if len(fs) >= 2 {
			if two := squeeze(fs[0] + fs[1]); len(two) >= 6 && strings.Contains(h, two) {
				return true
			}
		}
	}
	return false
}

// addressBelow reports whether the next row goes on with an address in the same column.
func (f *filler) addressBelow(i, c int) bool {
	if i+1 >= len(f.src.rows) {
		return false
	}
	r, n := &f.src.rows[i], &f.src.rows[i+1]
	k, ok := under(r, c, n)
	if !ok || n.page != r.page || n.gap {
		return false
	}
	t := n.text(k)
	return hasDigit(t) && (streetLike(t) || len(placeParts(t, false)) > 0 || streetLike(strings.Split(t, ",")[0]))
}

// authorNames are fields, besides vendors and merchants, that the author of a document answers.
const authorNames = " station forwarder practice house auctioneer lab agency office dealer airline company organization hotel restaurant insurer issuer creditor absender garage workshop clinic airline provider charity carrier bank lender publisher sender supplier vendor seller merchant store shop firm "

// asksAuthor reports whether a field asks for the firm that wrote the document.
func (f *filler) asksAuthor(fd *field) bool {
	if fd.attr != "" && fd.attr != "name" || fd.inTable || f.form.resume {
		return false
	}
	ws := fd.words
	if n := len(ws); n > 1 && (ws[n-1] == "name" || ws[n-1] == "company") {
		ws = ws[:n-1]
	}
	if slices.Equal(fd.words, []string{"name"}) && fd.parent != nil && fd.parent.name != "" {
		ws = fd.parent.words
	}
	if len(ws) == 1 && among(ws[0], authorNames) {
		return true
	}
	return f.seller(fd)
}

// letterhead takes the author's name.
func (f *filler) letterhead(fd *field) []candidate {
	a := f.author()
	if !a.found {
		return nil
	}
	r := &f.src.rows[a.row]
	s := r.cells[a.cell].start
	e := s + firmCut(r.text(a.cell))
	rd, ok := f.read(fd, r.page, s, e, howCell)
	if !ok {
		return nil
	}
	return []candidate{rd.at(r.page, rd.start, rd.end, min(0.75, max(0.6, a.score)), a.row)}
}

// authorBlock is the column of lines under the author's name.
func (f *filler) authorBlock() (block, bool) {
	a := f.author()
	if !a.found {
		return block{}, false
	}
	r := &f.src.rows[a.row]
	b := block{lines: []blockLine{{r.page, a.row, a.cell, r.cells[a.cell].start, r.cells[a.cell].end, false}}, rows: span{a.row, a.row + 1}}
	for i := a.row + 1; i < len(f.src.rows) && i < a.row+8; i++ {
		n := &f.src.rows[i]
		c := slices.IndexFunc(n.cells, func(c cell) bool {
			return c.x0 < r.cells[a.cell].x1+r.page.apart() && c.x1 > r.cells[a.cell].x0-r.page.apart()
		})
		if n.page != r.page || n.gap || c < 0 {
			break
		}
		b.lines = append(b.lines, blockLine{n.page, i, c, n.cells[c].start, n.cells[c].end, n.keyed(c)})
		b.rows.end = i + 1
	}
	return b, true
}

// authorParts reads the author's address and what else stands under its name.
func (f *filler) authorParts(fd *field) []candidate {
	if fd.attr == "name" {
		return nil
	}
	lone := slices.Equal(fd.words, []string{"address"}) && (fd.parent == nil || fd.parent.name == "") && f.someAuthor()
	if !lone && (fd.attr == "" || !f.ownerAsksAuthor(fd)) {
		return nil
	}
	b, ok := f.authorBlock()
	if !ok {
		return nil
	}
	part := *fd
	if lone {
		part.attr = "address"
	}
	c, ok := f.addressPart(&part, b)
	if !ok || part.attr == "address" && !hasDigit(string(c.value)) {
		return nil
	}
	c.score *= 0.64
	return []candidate{c}
}

// ownerAsksAuthor reports whether the party that a field is about is the author.
func (f *filler) ownerAsksAuthor(fd *field) bool {
	var owner []string
	switch {
	case fd.parent != nil && fd.parent.name != "":
		owner = fd.parent.words
	case len(fd.words) > 1:
		owner = fd.words[:len(fd.words)-1]
	default:
		return false
	}
	if len(owner) == 1 && among(owner[0], authorNames) {
		return true
	}
	ph := f.walk(strings.Join(owner, " "))
	return ph != 0 && (f.inGroup(ph, "vendor") || f.inGroup(ph, "merchant"))
}

// someAuthor reports whether any field of the form asks for the author.
func (f *filler) someAuthor() bool { return slices.ContainsFunc(f.form.leaves, f.asksAuthor) }

// addressee finds the block of an address without a heading that is not the author's, as letters have it in their window.
func (f *filler) addressee() (block, bool) {
	a := f.author()
	if !a.found || len(f.src.pages) == 0 {
		return block{}, false
	}
	name := f.src.rows[a.row].text(a.cell)
	pg := f.src.pages[0]
	for i := pg.first; i < pg.first+pg.rows && i < 40; i++ {
		r := &f.src.rows[i]
		for c := range r.cells {
			if f.claimed[i] || len(placeParts(r.text(c), false)) == 0 || r.keyed(c) {
				continue
			}
			b := f.upward(i, c)
			if len(b.lines) >= 3 && len(b.lines) <= 6 && b.lines[0].page.text[b.lines[0].start:b.lines[0].end] != name && a.row != b.lines[0].row {
				return b, true
			}
		}
	}
	return block{}, false
}

// upward collects the lines that end with cell c of row i in its column, without a label among them.
func (f *filler) upward(i, c int) block {
	base := &f.src.rows[i]
	x := base.cells[c].x0
	lines := []blockLine{{base.page, i, c, base.cells[c].start, base.cells[c].end, false}}
	for k := i; k > base.page.first && len(lines) < 8; k-- {
		if f.src.rows[k].gap {
			break
		}
		n := &f.src.rows[k-1]
		j := slices.IndexFunc(n.cells, func(o cell) bool { return abs(o.x0-x) <= base.page.apart() })
		if j < 0 || n.pureLabel(j) || n.keyed(j) || f.typed(n.text(j)) || documentTitle(n.text(j)) {
			break
		}
		lines = append(lines, blockLine{n.page, k - 1, j, n.cells[j].start, n.cells[j].end, false})
	}
	slices.Reverse(lines)
	return block{lines: lines, rows: span{lines[0].row, i + 1}}
}

// addressed reads a customer from the addressee's block.
func (f *filler) addressed(fd *field) []candidate {
	if !f.asksAddressee(fd) {
		return nil
	}
	b, ok := f.addressee()
	if !ok {
		return nil
	}
	if fd.attr == "" || fd.attr == "name" {
		l := b.lines[0]
		rd, ok := f.read(fd, l.page, l.start, l.end, howCell)
		if !ok {
			return nil
		}
		return []candidate{rd.at(l.page, rd.start, rd.end, 0.62, l.row)}
	}
	c, ok := f.addressPart(fd, b)
	if !ok {
		return nil
	}
	c.score *= 0.62
	return []candidate{c}
}

// asksAddressee reports whether a field is about the customer of an invoice.
func (f *filler) asksAddressee(fd *field) bool {
	owner := fd.words
	switch {
	case fd.parent != nil && fd.parent.name != "":
		owner = fd.parent.words
	case fd.attr != "" && len(fd.words) > 1:
		owner = fd.words[:len(fd.words)-1]
	}
	ph := f.walk(strings.Join(owner, " "))
	return ph != 0 && f.inGroup(ph, "customer") && (fd.kind == kindName || fd.kind == kindText || fd.kind == kindAddress || fd.attr != "")
}

// onlyTaxID gives the documents' only tax id to their author.
func (f *filler) onlyTaxID(fd *field) []candidate {
	if f.asksAddressee(fd) || f.form.about(fd, "customer") {
		return nil
	}
	var out []candidate
	for i := range f.src.rows {
		r := &f.src.rows[i]
		for c := range r.cells {
			rd, ok := f.strict(fd, r.page, r.cells[c].start, r.cells[c].end)
			if !ok || f.another(fd, r.page, rd.start, i) {
				continue
			}
			if len(out) > 0 && string(out[0].value) != string(rd.value) {
				return nil
			}
			out = append(out, rd.at(r.page, rd.start, rd.end, 0.66, i))
		}
	}
	if len(out) > 1 {
		out = out[:1]
	}
	return out
}

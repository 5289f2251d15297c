package builtin

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unlabelled collects candidates that no label speaks for: the only value of a pattern, the title of the document, the
// name at the top.
func (f *filler) unlabelled(fd *field) []candidate {
	switch fd.kind {
	case kindEmail, kindPhone, kindURL, kindIBAN, kindBIC:
		return f.onlyOne(fd)
	case kindName, kindText:
		return f.top(fd)
	case kindCode:
		if f.form.resume {
			return f.topPlace(fd, attrOf(fd.words))
		}
		return f.titleCode(fd)
	case kindTime:
		return f.onlyTime(fd)
	case kindTaxID:
		return f.onlyTaxID(fd)
	case kindDate, kindDateTime:
		return append(append(f.period(fd), f.topDate(fd)...), f.onlyDate(fd)...)
	case kindAmount:
		return f.loneAmount(fd)
	case kindLastFour:
		return f.masked(fd)
	}
	return nil
}

// onlyOne takes a value of a pattern when all the documents' values of it are equal; of several e-mail addresses or phone
// numbers, that of the top rows when there is only one.
func (f *filler) onlyOne(fd *field) []candidate {
	var out []candidate
	distinct := map[string]bool{}
	for i := range f.src.rows {
		if f.claimed[i] {
			continue
		}
		r := &f.src.rows[i]
		for c := range r.cells {
			a := r.cells[c].start
			for a < r.cells[c].end {
				rd, ok := f.strict(fd, r.page, a, r.cells[c].end)
				if !ok {
					break
				}
				a = rd.end
				if f.foreign(fd, r, c, r.page.text[rd.start:rd.end]) || f.another(fd, r.page, rd.start, i) {
					continue
				}
				if !distinct[string(rd.value)] {
					distinct[string(rd.value)] = true
					out = append(out, rd.at(r.page, rd.start, rd.end, 0.66, i))
				}
			}
		}
		if len(out) > 8 {
			break
		}
	}
	if len(out) == 0 || len(out) == 1 && len(distinct) == 1 {
		return out
	}
	head := out[0].order < f.src.pages[0].first+12 && out[1].order > f.src.pages[0].first+16
	if head || f.form.resume {
		return out[:1]
	}
	return nil
}

// foreign reports whether a value belongs to another idea: a fax for a phone, a profile for a web site.
func (f *filler) foreign(fd *field, r *row, c int, value string) bool {
	wants := func(w string) bool { return slices.Contains(fd.words, w) }
	low := strings.ToLower(value)
	switch fd.kind {
	case kindURL:
		for _, site := range []string{"linkedin", "github", "xing", "twitter", "facebook", "instagram"} {
			if strings.Contains(low, site) != wants(site) && (wants(site) || strings.Contains(low, site)) {
				return true
			}
		}
	case kindPhone:
		if m, ok := r.label(c); ok && f.inGroup(m.phrase, "fax") != wants("fax") {
			return f.inGroup(m.phrase, "fax") || wants("fax")
		}
		return wants("fax")
	}
	return false
}

// titleCode takes the one code in the title of the document as the number of the document: "ORDER FORM OF-22-9907". Only
// the form's first field of a number named like a document is meant.
func (f *filler) titleCode(fd *field) []candidate {
	if !f.firstPaperNumber(fd) {
		return nil
	}
	for i := 0; i < len(f.src.rows) && i < 6; i++ {
		r := &f.src.rows[i]
		for c := range r.cells {
			fs := fieldSpans(r.text(c))
			if len(fs) < 2 || len(fs) > 6 || r.keyed(c) {
				continue
			}
			words := r.text(c)[:fs[len(fs)-1].start]
			code := strings.Trim(r.text(c)[fs[len(fs)-1].start:fs[len(fs)-1].end], "*#:")
			if last := lastWord(words); len(last) <= 3 && capitals(last) && !among(strings.ToLower(last), " no nr id ") {
				continue // the word may be a part of the code: "OC 118-447"
			}
			if hasDigit(words) || !capitals(strings.TrimSpace(words)) && !documentTitle(words) || !likeCode(code) {
				continue
			}
			s := r.cells[c].start + strings.LastIndex(r.text(c), code)
			if rd, ok := f.read(fd, r.page, s, s+len(code), howCell); ok {
				return []candidate{rd.at(r.page, r.cells[c].start, rd.end, 0.6, i)}
			}
		}
	}
	return nil
}

func lastWord(s string) string {
	fs := strings.Fields(s)
	if len(fs) == 0 {
		return ""
	}
	return strings.Trim(fs[len(fs)-1], ".:#")
}

// firstPaperNumber reports whether fd is the first field of the form that asks for the number of a document.
func (f *filler) firstPaperNumber(fd *field) bool {
	for _, o := range f.form.leaves {
		if o.kind != kindCode || len(o.words) == 0 || !among(o.words[len(o.words)-1], " number reference code key ") {
			continue
		}
		w := o.words[0]
		paper := among(w, paperWords) || among(w, " alert case claim tour folio reference number confirmation conf statement agreement ra booking referral record ")
		return o == fd && paper
	}
	return false
}

// likeCode reports whether a word is a code rather than a number or a word: digits, and letters or a dash with them.
func likeCode(w string) bool {
	if len(w) < 4 || len(w) > 24 || !hasDigit(w) || strings.ContainsAny(w, "$€£%,") {
		return false
	}
	if _, ok := numericDate(w, 0); ok && digit(w[0]) {
		return false
	}
	return strings.ContainsAny(w, "-/") || strings.IndexFunc(w, unicode.IsUpper) >= 0
}

// topDate takes the date that stands alone on a line near the top, with a place before it or not, as that of the letter.
func (f *filler) topDate(fd *field) []candidate {
	ws := fd.words
	if len(ws) == 0 || !among(ws[0], paperWords) && !slices.Equal(ws, []string{"date"}) {
		return nil
	}
	for i := 0; i < len(f.src.rows) && i < 16; i++ {
		r := &f.src.rows[i]
		for c := range r.cells {
			text := r.text(c)
			ds := f.src.style.calendar.dates(text)
			if len(ds) != 1 || len(r.cells) > 1 && c == 0 || ds[0].end < len(text) || ds[0].start > 20 || ds[0].start > 0 && !strings.HasSuffix(strings.TrimSpace(text[:ds[0].start]), ",") {
				continue
			}
			if c > 0 || i > 0 && f.src.rows[i-1].pureLabel(0) && !r.gap {
				if c > 0 && r.pureLabel(c-1) || c == 0 {
					continue
				}
			}
			if rd, ok := f.read(fd, r.page, r.cells[c].start, r.cells[c].end, howCell); ok {
				return []candidate{rd.at(r.page, rd.start, rd.end, 0.6, i)}
			}
		}
	}
	return nil
}

// onlyTime takes the time behind the first date that has one.
func (f *filler) onlyTime(fd *field) []candidate {
	for _, pg := range f.src.pages {
		for _, d := range f.src.style.calendar.dates(pg.text) {
			if d.clock == "" {
				continue
			}
			a := d.start + strings.IndexByte(pg.text[d.start:d.end], ':') - 2
			if a < d.start {
				continue
			}
			if rd, ok := f.read(fd, pg, a, d.end, howCell); ok {
				return []candidate{rd.at(pg, d.start, d.end, 0.65, f.rowAt(pg, a))}
			}
		}
	}
	return nil
}

// onlyDate takes the one date of the documents for the one date of the form.
func (f *filler) onlyDate(fd *field) []candidate {
	for _, o := range f.form.leaves {
		if o != fd && (o.kind == kindDate || o.kind == kindDateTime) {
			return nil
		}
	}
	var out []candidate
	for _, pg := range f.src.pages {
		for _, d := range f.src.style.calendar.dates(pg.text) {
			if len(out) > 0 {
				return nil
			}
			rd, ok := f.read(fd, pg, d.start, d.end, howCell)
			if !ok {
				return nil
			}
			out = append(out, rd.at(pg, rd.start, rd.end, 0.6, f.rowAt(pg, d.start)))
		}
	}
	return out
}

// masked takes the digits behind the only masked card number.
func (f *filler) masked(fd *field) []candidate {
	var out []candidate
	for i := range f.src.rows {
		r := &f.src.rows[i]
		if !strings.ContainsAny(r.line(), "*•xX#…") || f.claimed[i] {
			continue
		}
		for c := range r.cells {
			text := r.text(c)
			k := strings.LastIndexAny(text, "*•#…xX")
			if k < 3 || !strings.Contains(text, "**") && !strings.Contains(text, "••") && !strings.Contains(strings.ToLower(text), "xx") && !strings.Contains(text, "…") {
				continue
			}
			if rd, ok := f.read(fd, r.page, r.cells[c].start, r.cells[c].end, howCell); ok {
				if len(out) > 0 && string(out[0].value) != string(rd.value) {
					return nil
				}
				out = append(out, rd.at(r.page, r.cells[c].start, rd.end, 0.75, i))
			}
		}
	}
	return out
}

// titleNames, personNames and firmNames say which fields the top of a document answers.
const (
	titleNames  = "|title|listing title|product title|item title|headline|agreement title|contract title|document title|product name|name|item name|listing name|job title|model name|model|position|vacancy|product|event|subject|"
	personNames = "|name|full name|candidate name|applicant name|candidate|applicant|person name|"
)

// top reads the title of a listing or a contract, the name of a resume's owner, or the firm of a letterhead.
func (f *filler) top(fd *field) []candidate {
	name := strings.Join(fd.words, " ")
	in := func(list string) bool {
		return strings.Contains(list, "|"+name+"|")
	}
	root := fd.parent == nil || fd.parent.name == "" || slices.ContainsFunc(fd.parent.words, func(w string) bool {
		return among(w, " candidate person contact personal applicant profile basics listing product ")
	})
	switch {
	case f.form.resume && root && in(personNames):
		return f.topLine(fd, personLike, 0.75)
	case f.form.resume && root && f.ownGroup(fd, "position"):
		return f.topLine(fd, func(s string) bool { return wordsIn(s, postWords) > 0 && !hasDigit(s) && len(s) < 60 }, 0.7)
	case f.form.resume && root && among(attrOf(fd.words), " city zip postal state "):
		return append(f.topPlace(fd, attrOf(fd.words)), f.topLine(fd, func(s string) bool { return placeLike(s) && fd.words[len(fd.words)-1] == "city" }, 0.6)...)
	case f.form.resume && f.ownGroup(fd, "location"):
		return f.topLine(fd, placeLike, 0.66)
	case f.asksAuthor(fd) && !f.asksTitle():
		return f.letterhead(fd)
	case root && !f.form.resume && in(titleNames):
		return f.title(fd)
	}
	return nil
}

// seller reports whether a field asks for the firm that wrote the document.
func (f *filler) seller(fd *field) bool {
	if fd.attr != "" && fd.attr != "name" {
		return false
	}
	for _, l := range append(slices.Clone(fd.labels), fd.party...) {
		if l.weight > 0.8 && (f.inGroup(l.phrase, "vendor") || f.inGroup(l.phrase, "merchant")) && !f.inGroup(l.phrase, "customer") {
			if f.nameOf(fd, "vendor") || f.nameOf(fd, "merchant") {
				return true
			}
		}
	}
	return false
}

// nameOf reports whether the field's own words, or those of the object around it, name the group.
func (f *filler) nameOf(fd *field, id string) bool {
	var own []string
	own = append(own, strings.Join(fd.words, " "))
	if fd.parent != nil && fd.parent.name != "" {
		own = append(own, strings.Join(fd.parent.words, " "))
	} else if n := len(fd.words); n > 1 {
		own = append(own, strings.Join(fd.words[:n-1], " "))
	}
	for _, o := range own {
		if ph := f.walk(o); ph != 0 && f.inGroup(ph, id) && o != "from" {
			return true
		}
	}
	return false
}

// topLine takes the first line at the top that passes.
func (f *filler) topLine(fd *field, pass func(string) bool, score float64) []candidate {
	for i := 0; i < len(f.src.rows) && i < 6; i++ {
		r := &f.src.rows[i]
		for c := range r.cells {
			t := r.text(c)
			if i == 0 && c == 0 && score < 0.67 {
				continue // the name itself
			}
			if _, labelled := r.label(c); labelled || !pass(t) || documentTitle(t) {
				continue
			}
			if rd, ok := f.read(fd, r.page, r.cells[c].start, r.cells[c].end, howCell); ok {
				return []candidate{rd.at(r.page, rd.start, rd.end, score, i)}
			}
		}
	}
	return nil
}

// personLike reports whether a line may be a person's name: two to five capitalized words without digits.
func personLike(s string) bool {
	fs := strings.Fields(s)
	if len(fs) < 2 || len(fs) > 5 || hasDigit(s) || strings.ContainsAny(s, "@:/|") {
		return false
	}
	upper := 0
	for _, w := range fs {
		if r, _ := utf8.DecodeRuneInString(w); unicode.IsUpper(r) {
			upper++
		}
	}
	return upper >= 2 && upper >= len(fs)-1
}

// documentTitle reports whether a line only says what kind of document it is.
func documentTitle(s string) bool {
	ws := words(s)
	if len(ws) == 0 || len(ws) > 5 {
		return false
	}
	known := 0
	for _, w := range ws {
		if among(w, " invoice tax receipt sales commercial proforma pro forma bill statement rechnung facture fattura factura quittung beleg quote quotation order purchase credit note debit memo copy original duplicate page of resume curriculum vitae cv lebenslauf résumé resumé confidential draft final customer guest check e agreement contract alert report notice notification internal listing delivery kassenbon ticket de reçu account summary overview information details specification ") || hasDigit(w) {
			known++
		}
	}
	return known == len(ws)
}

// topPlace takes a part of the place in the first rows: "Houston, TX 77005".
func (f *filler) topPlace(fd *field, attr string) []candidate {
	for i := 0; i < len(f.src.rows) && i < 6; i++ {
		r := &f.src.rows[i]
		for c := range r.cells {
			for _, p := range placeParts(r.text(c), false) {
				if p.attr != attr && (p.attr != "zip" || attr != "postal") {
					continue
				}
				a := r.cells[c].start
				if rd, ok := f.read(fd, r.page, a+p.start, a+p.end, howCell); ok {
					return []candidate{rd.at(r.page, r.cells[c].start, r.cells[c].end, 0.66, i)}
				}
			}
		}
	}
	return nil
}

// asksTitle reports whether the form asks for the title of a thing or a post, which then stands at the top instead of a firm.
func (f *filler) asksTitle() bool {
	return slices.ContainsFunc(f.form.leaves, func(fd *field) bool {
		return (fd.parent == nil || fd.parent.name == "") && strings.Contains(titleNames, "|"+strings.Join(fd.words, " ")+"|")
	})
}

// asksPaper reports whether a title is that of the document itself.
func asksPaper(fd *field) bool {
	return slices.Equal(fd.words, []string{"title"}) || slices.ContainsFunc(fd.words, func(w string) bool { return among(w, paperWords) || among(w, " headline subject ") })
}

// placeLike reports whether a line is a place: "Tacoma, WA".
func placeLike(s string) bool {
	a, b, ok := strings.Cut(s, ", ")
	return ok && capitalized(a) && capitalized(b) && !strings.ContainsAny(s, "@:/0123456789") && strings.Count(s, " ") < 5 && wordsIn(s, postWords) == 0 && wordsIn(s, firmWords) == 0
}

// loneAmount takes the only amount that stands alone on its line, without a label, as the price of a listing.
func (f *filler) loneAmount(fd *field) []candidate {
	if fd.money != "" {
		return f.onlyMoney(fd)
	}
	if !f.ownGroup(fd, "price") || !fd.numeric() || len(f.src.pages) == 0 {
		return nil
	}
	var out []candidate
	for i := range f.src.rows {
		r := &f.src.rows[i]
		first := r.text(0)
		if len(r.cells) > 3 || f.claimed[i] || len(first) > 24 || i > 400 || i > 0 && f.src.rows[i-1].pureLabel(0) {
			continue
		}
		if rd, ok := f.read(fd, r.page, r.start, r.cells[0].end, howCell); ok && hasAmount(first) && rd.end-rd.start > len(first)-4 {
			out = append(out, rd.at(r.page, rd.start, rd.end, 0.62, i))
		}
	}
	if len(out) != 1 {
		return nil
	}
	return out
}

// onlyMoney takes the only amount in the currency that the field's name asks for.
func (f *filler) onlyMoney(fd *field) []candidate {
	var out []candidate
	for _, pg := range f.src.pages {
		for _, n := range numbers(pg.text, f.src.style.comma) {
			if n.currency != fd.money {
				continue
			}
			rd, ok := numberReading(fd, &n, 1)
			if !ok || len(out) > 0 {
				return nil
			}
			out = append(out, rd.at(pg, rd.start, rd.end, 0.6, f.rowAt(pg, n.start)))
		}
	}
	return out
}

// title takes the first line, or the one in the largest letters of the first rows, without "For sale:".
func (f *filler) title(fd *field) []candidate {
	best := -1
	for i := 0; i < len(f.src.rows) && i < 8; i++ {
		r := &f.src.rows[i]
		if r.page != f.src.pages[0] {
			break
		}
		t := r.text(0)
		if len(t) < 4 || strings.HasSuffix(t, ".") && len(t) > 60 || f.typed(t) || strings.IndexFunc(t, unicode.IsLetter) < 0 || len(r.cells) > 2 {
			continue
		}
		if !asksPaper(fd) && (documentTitle(t) || strings.HasSuffix(t, "?")) {
			continue // "Contract summary", "Who is it for?" are no products
		}
		if r.keyed(0) && !strings.HasPrefix(strings.ToLower(t), "for sale") {
			continue
		}
		if best < 0 || r.height > f.src.rows[best].height+1 {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	r := &f.src.rows[best]
	a := r.cells[0].start
	if i := strings.Index(r.text(0), ": "); i > 0 && i < 12 {
		a += i + 2
	}
	rd, ok := f.read(fd, r.page, a, r.cells[0].end, howCell)
	if !ok {
		return nil
	}
	return []candidate{rd.at(r.page, rd.start, rd.end, 0.6, best)}
}

package builtin

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// piece is a part of an entry's head.
type piece struct {
	page       *page
	row        int
	start, end int
}

func (p piece) text() string { return p.page.text[p.start:p.end] }

// entry reads the rows of one entry; row a has its dates.
func (f *filler) entry(start, a, end int, roles map[string]*field, study bool) record {
	rec := record{}
	r := &f.src.rows[a]
	rg, _ := f.ranges(r.line(), study)
	f.entryDates(rec, r, a, rg, roles)
	var pieces []piece
	last := a
	for i := start; i < end && i <= a+2; i++ {
		n := &f.src.rows[i]
		if i > a && (n.bullet || n.gap || len(n.line()) > 90 || strings.HasSuffix(n.line(), ".") || len(pieces) >= 2 && f.settled(pieces, roles, study)) {
			break
		}
		for c := range n.cells {
			s, e := n.cells[c].start, n.cells[c].end
			if i == a {
				for _, part := range cutOut(s, e, r.start+rg.start, r.start+rg.end) {
					pieces = append(pieces, f.cutPiece(piece{n.page, i, part.start, part.end})...)
				}
				continue
			}
			pieces = append(pieces, f.cutPiece(piece{n.page, i, s, e})...)
		}
		last = i
	}
	f.entryNames(rec, pieces, roles, study)
	f.entryText(rec, last+1, end, roles)
	return rec
}

// settled reports whether the pieces already name the post and the firm.
func (f *filler) settled(pieces []piece, roles map[string]*field, study bool) bool {
	first, second := roles[rolePosition], roles[roleCompany]
	if study {
		first, second = roles[roleDegree], roles[roleSchool]
	}
	return first != nil && second != nil && len(pieces) >= 2
}

// cutOut returns what of s..e lies outside a..b.
func cutOut(s, e, a, b int) []span {
	if b <= s || a >= e {
		return []span{{s, e}}
	}
	var out []span
	if a > s {
		out = append(out, span{s, a})
	}
	if b < e {
		out = append(out, span{b, e})
	}
	return out
}

// cutPiece cuts a text at the signs that part a post from a firm, and drops what has no letters.
func (f *filler) cutPiece(p piece) []piece {
	text := p.text()
	var cuts []span
	for i := 0; i < len(text); i++ {
		for _, w := range []string{" | ", " — ", " – ", " - ", " · ", " • ", " @ ", " at ", " bei ", " chez ", "; ", " / "} {
			if strings.HasPrefix(text[i:], w) {
				cuts = append(cuts, span{i, i + len(w)})
				i += len(w) - 1
				break
			}
		}
	}
	var out []piece
	from := 0
	add := func(s, e int) {
		s, e = trim(text, s, e)
		for s < e && strings.IndexByte(",-()|:;", text[s]) >= 0 {
			s++
		}
		for s < e && (strings.IndexByte(",-|:;", text[e-1]) >= 0 || text[e-1] == '(' || text[e-1] == ')' && strings.IndexByte(text[s:e], '(') < 0) {
			e--
		}
		for _, sign := range []string{"–", "—", "·", "•"} {
			s += len(text[s:e]) - len(strings.TrimPrefix(text[s:e], sign))
			e -= len(text[s:e]) - len(strings.TrimSuffix(text[s:e], sign))
		}
		s, e = trim(text, s, e)
		if s < e && strings.IndexFunc(text[s:e], unicode.IsLetter) >= 0 {
			out = append(out, piece{p.page, p.row, p.start + s, p.start + e})
		}
	}
	for _, c := range cuts {
		add(from, c.start)
		from = c.end
	}
	add(from, len(text))
	return out
}

// entryDates fills the start and the end.
func (f *filler) entryDates(rec record, r *row, i int, rg dateRange, roles map[string]*field) {
	put := func(role string, d date) {
		fd := roles[role]
		if fd == nil || d.year == 0 || !d.settle(f.src.style.order) {
			return
		}
		v, ok := entryDate(fd, r.line(), d)
		if !ok || !admits(fd.node, v) {
			return
		}
		rec[fd] = reading{v, r.start + d.start, r.start + d.end, 1}.at(r.page, r.start+rg.start, r.start+rg.end, 0.9, i)
	}
	if rg.single {
		if roles[roleYear] != nil {
			put(roleYear, rg.from)
		} else {
			put(roleEnd, rg.from)
		}
		return
	}
	put(roleStart, rg.from)
	put(roleEnd, rg.to)
	if fd := roles[roleEnd]; rg.open && fd != nil && fd.node.typ == "string" && fd.node.format == "" && fd.node.pattern == nil && !strings.Contains(fd.node.description, "null") {
		s := r.start + rg.end - len(lastField(r.line()[rg.start:rg.end]))
		rec[fd] = reading{jsonString(r.page.text[s : r.start+rg.end]), s, r.start + rg.end, 1}.at(r.page, r.start+rg.start, r.start+rg.end, 0.85, i)
	}
	if fd := roles[roleCurrent]; fd != nil {
		v := json.RawMessage("false")
		if rg.open {
			v = json.RawMessage("true")
		}
		rec[fd] = reading{v, r.start + rg.start, r.start + rg.end, 1}.at(r.page, r.start+rg.start, r.start+rg.end, 0.85, i)
	}
	if fd := roles[rolePeriod]; fd != nil {
		v := jsonString(r.line()[rg.start:rg.end])
		rec[fd] = reading{v, r.start + rg.start, r.start + rg.end, 1}.at(r.page, r.start+rg.start, r.start+rg.end, 0.85, i)
	}
	if !rg.open {
		put(roleYear, rg.to)
	}
}

func lastField(s string) string { return s[strings.LastIndexAny(s, " -–—")+1:] }

// entryDate writes the date of an entry: a year for whole numbers, ISO for dates, else as the field's description has it.
func entryDate(fd *field, text string, d date) (json.RawMessage, bool) {
	if fd.numeric() {
		return json.RawMessage(strconv.Itoa(d.year)), true
	}
	desc := strings.ToLower(fd.node.description + " " + fd.node.title)
	if strings.Contains(desc, "year") && !strings.Contains(desc, "month") && fd.node.format == "" {
		return jsonString(strconv.Itoa(d.year)), true
	}
	if d.month > 0 && (strings.Contains(desc, "yyyy-mm") || fd.node.pattern != nil && fd.node.pattern.MatchString(d.iso())) && fd.node.format == "" {
		return jsonString(d.iso()[:7]), true
	}
	return dateValue(&field{kind: kindDate, node: fd.node}, text, d)
}

const postWords = ` engineer manager developer analyst director consultant specialist assistant officer lead head architect designer
administrator coordinator technician planner nurse teacher intern trainee apprentice supervisor executive president founder accountant
scientist researcher programmer editor writer representative associate partner clerk cashier chef driver operator controller auditor
buyer lecturer professor tutor secretary receptionist agent advisor adviser strategist producer owner cto ceo cfo coo vp freelance
freelancer ingenieur entwickler leiter berater sachbearbeiter mechanic electrician barista waiter welder foreman investigator inspector
machinist fitter librarian journalist translator paralegal lawyer attorney counsel physician pharmacist therapist sales marketing
volunteer fellow resident sergeant captain steward underwriter broker trader treasurer bookkeeper copywriter photographer animator
caretaker carpenter plumber gardener baker cook server bartender host guard dispatcher expeditor staff principal senior junior chief `

const schoolWords = ` university college school institute academy hochschule universität université eth epfl polytechnic gymnasium faculty
mit conservatory lyceum escuela universidad école istituto universiteit fachhochschule berufsschule seminary universitet politecnico `

const degreeWords = ` bachelor master bsc msc ba ma phd mba diploma doctor doctorate associate certificate degree bachelors masters b.sc
m.sc b.a m.a ph.d b.eng m.eng beng meng llb llm jd md abitur matura licence diplom hnd a-levels bs ms b.s m.s minor apprenticeship matur
bcom mcom bfa mfa baccalauréat maturité promotion lehre bed btech mtech `

const firmWords = ` inc inc. llc ltd ltd. gmbh ag corp corp. corporation company co. group bank partners plc s.a. sa sarl bv b.v. nv ab as oy
holdings solutions systems technologies labs services consulting hospital studio agency limited oyj kg se university associates industries
lda srl s.r.l. spa s.p.a. sas eurl ou oü doo zrt kft aps a/s fze fzco llp lp pty pte bhd jsc kg ohg ug gbr e.v. eg mbh spółka
logistics software foundation ministry clinic hotel restaurant stores college school council insurance energy hydro paper media foods `

// wordsIn counts the words of s that stand in a list.
func wordsIn(s, list string) int {
	n := 0
	for w := range strings.FieldsSeq(strings.ToLower(s)) {
		w = strings.Trim(w, ",()'’")
		if among(w, list) || strings.Contains(list, "\n"+w+" ") || strings.Contains(list, " "+w+"\n") ||
			among(strings.TrimSuffix(w, "."), list) {
			n++
		}
	}
	return n
}

// entryNames tells the post from the firm, or the degree from the school, among the pieces of the head.
func (f *filler) entryNames(rec record, pieces []piece, roles map[string]*field, study bool) {
	what, where, list, places := roles[rolePosition], roles[roleCompany], postWords, firmWords
	if study {
		what, where, list, places = roles[roleDegree], roles[roleSchool], degreeWords, schoolWords
	}
	if len(pieces) == 1 {
		pieces = commaPieces(pieces[0], list, places)
	}
	w, p := pickPieces(pieces, list, places)
	used := map[int]bool{}
	put := func(fd *field, k int, score float64) {
		if k < 0 {
			return
		}
		used[k] = true
		if fd == nil {
			return
		}
		pc := pieces[k]
		rd, ok := f.read(fd, pc.page, pc.start, pc.end, howCell)
		if ok {
			rec[fd] = rd.at(pc.page, rd.start, rd.end, score, pc.row)
		}
	}
	if p >= 0 && !study {
		pieces, used = splitPlace(pieces, p), map[int]bool{}
	}
	if study && roles[roleField] != nil && w >= 0 {
		pieces = splitSubject(pieces, w)
	}
	put(what, w, 0.85)
	put(where, p, 0.85)
	f.entryRest(rec, pieces, used, roles, study)
}

// entryRest gives what is left to the place and the field of study.
func (f *filler) entryRest(rec record, pieces []piece, used map[int]bool, roles map[string]*field, study bool) {
	for k, pc := range pieces {
		if used[k] {
			continue
		}
		fd := roles[rolePlace]
		if study && roles[roleField] != nil {
			if _, ok := rec[roles[roleField]]; !ok {
				fd = roles[roleField]
			}
		}
		if fd == nil {
			continue
		}
		if _, ok := rec[fd]; ok || study && hasDigit(pc.text()) {
			continue
		}
		if rd, ok := f.read(fd, pc.page, pc.start, pc.end, howCell); ok && len(pc.text()) < 60 {
			rec[fd] = rd.at(pc.page, rd.start, rd.end, 0.7, pc.row)
		}
	}
}

// commaPieces cuts one text at its commas where that parts a post from a firm.
func commaPieces(p piece, what, where string) []piece {
	text := p.text()
	var parts []span
	from := 0
	for i := 0; i+1 < len(text); i++ {
		if text[i] == ',' && !companyForm(text[i+1:]) {
			parts = append(parts, span{from, i})
			from = i + 1
		}
	}
	parts = append(parts, span{from, len(text)})
	if len(parts) == 1 {
		return []piece{p}
	}
	var out []piece
	for k, s := range parts {
		a, b := trim(text, s.start, s.end)
		t := text[a:b]
		if k > 0 && wordsIn(t, what) == 0 && wordsIn(t, where) == 0 && k > 1 {
			last := &out[len(out)-1]
			last.end = p.start + b // "Berlin, Germany"
			continue
		}
		out = append(out, piece{p.page, p.row, p.start + a, p.start + b})
	}
	return out
}

// pickPieces returns which piece is the post and which the firm; -1 for none.
func pickPieces(pieces []piece, what, where string) (w, p int) {
	w, p = -1, -1
	bestW, bestP := 0, 0
	for k, pc := range pieces {
		if n := wordsIn(pc.text(), what) - wordsIn(pc.text(), where); n > bestW {
			w, bestW = k, n
		}
	}
	for k, pc := range pieces {
		if n := wordsIn(pc.text(), where); k != w && n > bestP {
			p, bestP = k, n
		}
	}
	for k := range pieces {
		if p < 0 && k != w && w >= 0 {
			p = k
		}
	}
	for k := range pieces {
		if w < 0 && p >= 0 && k != p {
			w = k
		}
	}
	if w < 0 && p < 0 && len(pieces) >= 2 {
		w, p = 0, 1
	}
	if w < 0 && p < 0 && len(pieces) == 1 {
		p = 0
	}
	return w, p
}

// splitPlace cuts "Acme Corp, Berlin" and "Acme Corp (Berlin)" behind the firm.
func splitPlace(pieces []piece, p int) []piece {
	text := pieces[p].text()
	if i := strings.LastIndex(text, " ("); i > 2 && strings.HasSuffix(text, ")") && capitalized(text[i+2:]) {
		out := slices.Clone(pieces)
		rest := piece{pieces[p].page, pieces[p].row, pieces[p].start + i + 2, pieces[p].end - 1}
		out[p].end = pieces[p].start + i
		return append(out, rest)
	}
	for i := range len(text) {
		if text[i] == ',' && !companyForm(text[i+1:]) && len(text)-i < 40 {
			out := slices.Clone(pieces)
			a, b := trim(text, i+1, len(text))
			rest := piece{pieces[p].page, pieces[p].row, pieces[p].start + a, pieces[p].start + b}
			out[p].end = pieces[p].start + i
			return append(out, rest)
		}
	}
	return pieces
}

// splitSubject cuts "BSc in Physics", "Master of Science, Computer Science" behind the degree.
func splitSubject(pieces []piece, w int) []piece {
	text := pieces[w].text()
	for _, sep := range []string{" in ", ", "} {
		if i := strings.Index(text, sep); i > 0 {
			out := slices.Clone(pieces)
			rest := piece{pieces[w].page, pieces[w].row, pieces[w].start + i + len(sep), pieces[w].end}
			out[w].end = pieces[w].start + i
			return append(out, rest)
		}
	}
	return pieces
}

// entryText fills the description or the list of highlights with the rows behind the head.
func (f *filler) entryText(rec record, from, to int, roles map[string]*field) {
	fd := roles[roleText]
	if fd == nil || from >= to {
		return
	}
	if fd.kind == kindArray {
		f.entryList(rec, fd, from, to)
		return
	}
	a := &f.src.rows[from]
	end := a.end
	var parts []string
	for i := from; i < to; i++ {
		n := &f.src.rows[i]
		if n.page != a.page {
			break
		}
		parts = append(parts, n.line())
		end = n.end
	}
	v := jsonString(fold(strings.Join(parts, " ")))
	if len(v) < 2000 && admits(fd.node, v) {
		rec[fd] = reading{v, a.start, end, 1}.at(a.page, a.start, end, 0.8, from)
	}
}

// entryList fills an array inside an entry with the entry's bullets.
func (f *filler) entryList(rec record, fd *field, from, to int) {
	if it := fd.node.items; it == nil || it.typ != "string" {
		return
	}
	element := &field{kind: kindParagraph, node: fd.node.items, inTable: true}
	var out []candidate
	for i := from; i < to; i++ {
		n := &f.src.rows[i]
		if !n.bullet {
			if k := len(out) - 1; k >= 0 && n.page == out[k].page && !n.gap && len(n.cells) == 1 { // a bullet's second line
				out[k].end, out[k].qe = n.end, n.end
				out[k].value = jsonString(fold(n.page.text[out[k].start:n.end]))
			}
			continue
		}
		if rd, ok := f.read(element, n.page, n.start, n.end, howCell); ok && len(out) < maxListItems {
			out = append(out, rd.at(n.page, rd.start, rd.end, 0.85, i))
		}
	}
	if len(out) > 0 {
		rec[fd] = candidate{list: out}
	}
}

// capitalized reports whether s begins with a capital.
func capitalized(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsUpper(r)
}

package builtin

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clauses reads what contracts say in sentences: parties, the law that governs.
func (f *filler) clauses(fd *field) []candidate {
	name := strings.Join(fd.words, " ")
	switch {
	case strings.Contains(name, "governing law") || strings.Contains(name, "applicable law"):
		return f.law(fd)
	case fd.kind == kindName || fd.kind == kindText || fd.attr == "name":
		return f.partyByRole(fd)
	}
	return nil
}

// law reads "governed by (and construed in accordance with) the laws of the State of New York".
func (f *filler) law(fd *field) []candidate {
	for p, pg := range f.src.pages {
		low := f.lowered(p)
		i := strings.Index(low, "governed by")
		if i < 0 {
			i = strings.Index(low, "subject to the law")
		}
		if i < 0 {
			continue
		}
		for _, w := range []string{"laws of ", "law of ", "laws of\n", "law of\n"} {
			j := strings.Index(low[i:min(len(low), i+200)], w)
			if j < 0 {
				continue
			}
			s := i + j + len(w)
			for _, w := range []string{"the ", "state of ", "commonwealth of ", "province of "} {
				if rest, ok := strings.CutPrefix(low[s:], w); ok {
					s = len(low) - len(rest)
				}
			}
			e := nameEnd(pg.text, s)
			if rd, ok := f.read(fd, pg, s, e, howCell); ok {
				return []candidate{rd.at(pg, i, rd.end, 0.85, f.rowAt(pg, s))}
			}
		}
		s := i + len("governed by ")
		for _, w := range []string{" law,", " law.", " law ", " law\n"} {
			if j := strings.Index(low[min(s, len(low)):min(len(low), s+40)], w); j > 0 && unicode.IsUpper(rune(pg.text[s])) {
				if rd, ok := f.read(fd, pg, s, s+j+len(" law"), howCell); ok {
					return []candidate{rd.at(pg, i, rd.end, 0.8, f.rowAt(pg, s))}
				}
			}
		}
	}
	return nil
}

// nameEnd returns where a name that begins at s ends: before a comma, a stop, a parenthesis or words in small letters other
// than "of" and "and".
func nameEnd(text string, s int) int {
	e := s
	for i := s; i < len(text) && i-s < 120; {
		a, b := nextWord(text, i)
		if a < 0 {
			break
		}
		if a > s && strings.ContainsAny(text[i:a], ",.;()\"“”:") {
			break
		}
		r, _ := utf8.DecodeRuneInString(text[a:])
		w := text[a:b]
		if !unicode.IsUpper(r) && w != "of" && w != "and" && w != "the" {
			break
		}
		if unicode.IsUpper(r) {
			e = b
		}
		i = b
	}
	return e
}

// defined is a party of a contract as its opening names it: `Acme Inc., a Delaware corporation (the "Supplier")`.
type defined struct {
	page       *page
	start, end int // the name
	role       string
	quoteEnd   int
}

// openingParties reads the parties of "between X (the "A") and Y (the "B")". It is computed once.
func (f *filler) openingParties() []defined {
	if f.partiesDone {
		return f.partyList
	}
	f.partiesDone = true
	for p, pg := range f.src.pages {
		if p > 2 {
			break
		}
		low := f.lowered(p)
		for _, w := range []string{"by and between", "between", "by and among", "zwischen"} {
			i := wordIndex(low, w)
			if i < 0 {
				continue
			}
			if list := readParties(pg, i+len(w)); len(list) >= 2 {
				f.partyList = list
				return list
			}
		}
	}
	return nil
}

// wordIndex finds w as whole words.
func wordIndex(s, w string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], w)
		if i < 0 {
			return -1
		}
		i += from
		e := i + len(w)
		if (i == 0 || !wordByte(s[i-1])) && (e == len(s) || !wordByte(s[e])) {
			return i
		}
		from = e
	}
}

// readParties reads up to four parties from i on.
func readParties(pg *page, i int) []defined {
	var out []defined
	end := min(len(pg.text), i+1500)
	for len(out) < 4 && i < end {
		s := skipIntro(pg.text, i)
		if s >= end {
			break
		}
		e := partyEnd(pg.text, s)
		r, _ := utf8.DecodeRuneInString(pg.text[s:])
		if e <= s || e-s > 120 || !unicode.IsUpper(r) && !unicode.IsDigit(r) {
			break
		}
		d := defined{page: pg, start: s, end: e, quoteEnd: e}
		var next int
		d.role, next = roleBehind(pg.text, e, min(end, e+400))
		if next > e {
			d.quoteEnd = next
		}
		out = append(out, d)
		j := joiner(pg.text, next, min(end, next+300))
		if j < 0 {
			break
		}
		i = j
	}
	return out
}

// skipIntro skips blanks, numbering, colons and articles before a name.
func skipIntro(text string, i int) int {
	for i < len(text) {
		c, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsSpace(c) || strings.ContainsRune(":,-–•*", c):
			i += n
		case c == '(' && i+2 < len(text) && text[i+2] == ')':
			i += 3
		case digit(text[i]) && i+1 < len(text) && (text[i+1] == '.' || text[i+1] == ')'):
			i += 2
		default:
			return i
		}
	}
	return i
}

// partyEnd returns the end of a party's name: a comma that no company form follows, a parenthesis, "and", a line's end
// after which no name goes on.
func partyEnd(text string, s int) int {
	for i := s; i < len(text) && i-s < 160; i++ {
		switch c := text[i]; {
		case c == '(' || c == ';' || c == '"':
			return trimEnd(text, s, i)
		case strings.HasPrefix(text[i:], "“"):
			return trimEnd(text, s, i)
		case c == ',':
			if !companyForm(text[i+1:]) {
				return i
			}
		case strings.HasPrefix(text[i:], " and ") || strings.HasPrefix(text[i:], "\nand ") || strings.HasPrefix(text[i:], " und "),
			strings.HasPrefix(text[i:], " with ") || strings.HasPrefix(text[i:], " whose ") || strings.HasPrefix(text[i:], " of ") && i+4 < len(text) && (digit(text[i+4]) || wordsIn(text[s:i], firmWords) > 0), strings.HasPrefix(text[i:], " located "),
			strings.HasPrefix(text[i:], " hereinafter"):
			return trimEnd(text, s, i)
		case c == '\n' && (i+1 < len(text) && text[i+1] == '\n' || i-s < 40 && strings.HasPrefix(text[i:], "\nand")):
			return trimEnd(text, s, i)
		case c == ' ' && i+1 < len(text) && text[i+1] == ' ':
			return trimEnd(text, s, i)
		case c == '.' && (i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\n') && i-s > 5 && !abbreviated(text[s:i]):
			return i
		}
	}
	return s
}

func trimEnd(text string, s, e int) int {
	_, e = trim(text, s, e)
	return e
}

// companyForm reports whether a text goes on with the legal form of a company: "Acme, Inc."
func companyForm(rest string) bool {
	rest = strings.TrimLeft(rest, " \n")
	for _, w := range []string{"Inc", "LLC", "L.L.C", "Ltd", "Corp", "LLP", "L.P", "LP", "S.A", "GmbH", "PLC", "Co.", "P.C", "N.A", "Jr", "S.L", "S.R.L", "S.r.l", "S.p.A", "s.n.c", "Lda", "SARL", "SAS", "B.V", "N.V", "e.K"} {
		if strings.HasPrefix(rest, w) {
			return true
		}
	}
	return false
}

func abbreviated(s string) bool {
	for _, w := range []string{"Inc", "Ltd", "Corp", "Co", "L.L.C", "S.A", "B.V", "N.V", "L.P", "S.p.A", "S.r.l", "Mr", "Mrs", "Ms", "Dr", "St", "Pty", "a.s", "s.r.o"} {
		if strings.HasSuffix(s, w) {
			return true
		}
	}
	i := strings.LastIndexAny(s, " .")
	return len(s)-i == 2
}

// roleBehind reads the defined term behind a name: (the "Supplier"), ("Supplier"), (hereinafter Supplier), as Supplier.
func roleBehind(text string, i, end int) (role string, next int) {
	seg := text[i:end]
	if k := strings.Index(seg, "\n\n"); k >= 0 {
		seg = seg[:k]
	}
	open := strings.IndexAny(seg, "\"“")
	if stop := strings.Index(seg, " and "); stop >= 0 && open > stop && strings.IndexByte(seg[:open], '(') < 0 {
		return "", i
	}
	if plain := strings.IndexByte(seg, '('); plain >= 0 && (open < 0 || plain+3 < open && strings.IndexByte(seg[plain:open], ')') >= 0) {
		if e := strings.IndexByte(seg[plain:], ')'); e > 2 && e < 40 && !strings.Contains(seg[:plain], " and ") {
			role = strings.TrimPrefix(strings.TrimPrefix(seg[plain+1:plain+e], "the "), "hereinafter ")
			return strings.TrimPrefix(role, "the "), i + plain + e + 1
		}
	}
	if open < 0 {
		return "", i
	}
	s := open + 1
	if strings.HasPrefix(seg[open:], "“") {
		s = open + len("“")
	}
	n := strings.IndexAny(seg[s:], "\"”")
	if n <= 0 || n > 40 {
		return "", i
	}
	e := s + n
	if c := strings.IndexByte(seg[e:], ')'); c >= 0 && c < 60 {
		e += c + 1
	}
	return seg[s : s+n], i + e
}

// joiner returns where the next party begins behind "and", or -1.
func joiner(text string, i, end int) int {
	seg := text[min(i, end):end]
	for _, w := range []string{" and ", "\nand ", " and\n", "\nand\n", "\nAND\n", " AND ", " und ", "; and", "\n(2)", "\n2."} {
		if j := strings.Index(seg, w); j >= 0 && !strings.Contains(seg[:j], ". ") {
			return i + j + len(w)
		}
	}
	return -1
}

// partyByRole finds the party whose defined role is the field's name.
func (f *filler) partyByRole(fd *field) []candidate {
	var roles []label
	for _, l := range append(slices.Clone(fd.labels), fd.party...) {
		if l.weight >= 0.8 {
			roles = append(roles, l)
		}
	}
	var out []candidate
	for i, d := range f.openingParties() {
		score := 0.0
		if ph := f.walk(d.role); d.role != "" && ph != 0 {
			for _, l := range roles {
				if l.phrase == ph {
					score = max(score, 0.93*l.weight)
				}
			}
		}
		name := strings.Join(fd.words, " ")
		if i == 0 && (strings.HasPrefix(name, "party a") || strings.HasPrefix(name, "first party") || name == "party 1" || name == "party1") ||
			i == 1 && (strings.HasPrefix(name, "party b") || strings.HasPrefix(name, "second party") || name == "party 2" || name == "party2") {
			score = 0.9
		}
		if score == 0 || fd.attr != "" && fd.attr != "name" {
			continue
		}
		if rd, ok := f.read(fd, d.page, d.start, d.end, howCell); ok {
			out = append(out, rd.at(d.page, rd.start, rd.end, score, f.rowAt(d.page, d.start)))
		}
	}
	return out
}

// parties lists the names of a contract's parties.
func (f *filler) parties(fd *field) []candidate {
	var out []candidate
	for _, d := range f.openingParties() {
		if rd, ok := f.read(fd, d.page, d.start, d.end, howCell); ok {
			out = append(out, rd.at(d.page, rd.start, rd.end, 0.88, f.rowAt(d.page, d.start)))
		}
	}
	return out
}

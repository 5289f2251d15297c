package builtin

import (
	"strings"
	"unicode/utf8"
)

// term says what follows a label.
type term uint8

const (
	termValue term = iota // other words
	termColon             // a colon, an equals sign, a dash or dot leaders
	termEnd               // nothing: the cell ends
)

// mark is a known label in a cell.
type mark struct {
	phrase     phrase
	start, end int // byte range of its words in the page's text
	value      int // where a value in the same cell may begin
	term       term
	lead       int8 // words of the cell before it; 0 when the cell begins with it
	odd        bool // the words before it are numbers or other labels' words
}

// hit is a mark with its place.
type hit struct {
	mark
	row, cell int
}

// labeller finds the vocabulary's phrases in rows: the longest at each place, left to right, none inside another.
type labeller struct {
	vocab *vocabulary
	src   *source
	toks  []token
}

func (l *labeller) row(i int) {
	r := &l.src.rows[i]
	for c := range r.cells {
		l.cell(i, c)
	}
}

func (l *labeller) cell(i, c int) {
	r := &l.src.rows[i]
	ce := &r.cells[c]
	text := r.page.text
	l.toks = l.vocab.tokens(l.toks[:0], text, ce.start, ce.end, maxTokens)
	lead, odd := 0, false
	for t := 0; t < len(l.toks); {
		id := l.toks[t].id
		if id != 0 && l.vocab.noise[id] {
			t++
			continue
		}
		ph, last := l.longest(text, t)
		if ph != 0 && insideWord(text, l.toks[t].start) {
			ph = 0 // the middle of a code such as "NPV/PO/0552"
		}
		if w := text[l.toks[t].start:l.toks[t].end]; ph == 0 && t == 0 && (strings.EqualFold(w, "your") || strings.EqualFold(w, "our")) {
			t++
			continue
		}
		if ph == 0 {
			w := text[l.toks[t].start:l.toks[t].end]
			if t == 0 && (connector(w) || numbering(text, l.toks[0], ce.end)) || rate(text, l.toks[t], ce.end) {
				t++
				continue
			}
			lead++
			odd = odd || id != 0 || hasDigit(w)
			t++
			continue
		}
		m := mark{phrase: ph, start: l.toks[t].start, end: l.toks[last].end, lead: int8(min(lead, 100)), odd: odd}
		m.term, m.value = terminator(text, m.end, ce.end)
		ce.marks = append(ce.marks, m)
		l.src.hits[ph] = append(l.src.hits[ph], hit{m, i, c})
		lead += last - t + 1
		odd = true
		t = last + 1
		if m.term == termColon {
			lead, odd = 0, false // what follows a colon may begin a label of its own
		}
	}
}

// insideWord reports whether a "/", "-" or "_" joins the word at i to one before it.
func insideWord(text string, i int) bool {
	return i > 1 && strings.IndexByte("/-_", text[i-1]) >= 0 && (digit(text[i-2]) || text[i-2] >= 'A' && text[i-2] <= 'Z') && text[i] >= 'A' && text[i] <= 'Z'
}

// connector reports whether a word before a label changes nothing: "plus shipping", "zzgl. MwSt.".
func connector(w string) bool {
	switch strings.ToLower(w) {
	case "plus", "less", "zzgl", "inkl", "incl", "including", "add", "and", "dont", "abzgl", "abzüglich", "zuzüglich", "davon", "moins", "menos", "meno", "mas", "más":
		return true
	}
	return false
}

// numbering reports whether a token is the number of a form's line: "14. Turnover", "3) Name".
func numbering(text string, t token, end int) bool {
	if t.end-t.start > 2 || !digit(text[t.start]) || t.end+1 >= end {
		return false
	}
	return (text[t.end] == '.' || text[t.end] == ')') && text[t.end+1] == ' '
}

// rate reports whether a token is the number of a percentage: "19 % MwSt."
func rate(text string, t token, end int) bool {
	if !digit(text[t.start]) {
		return false
	}
	i := t.end
	for i < end && (digit(text[i]) || text[i] == ' ' || text[i] == ',' || text[i] == '.') {
		i++
	}
	return i < end && text[i] == '%'
}

// longest follows the trie from token t and returns the longest phrase and its last token.
func (l *labeller) longest(text string, t int) (best phrase, last int) {
	cur := phrase(0)
	for j := t; j < len(l.toks); j++ {
		if j > t && !joined(text, l.toks[j-1], l.toks[j]) && !l.aside(text, j) {
			break
		}
		id := l.toks[j].id
		if id == 0 {
			break
		}
		if l.vocab.noise[id] && j > t {
			continue
		}
		next, ok := l.vocab.edges[uint64(cur)<<32|uint64(id)] //nolint:gosec // G115: indexes of slices are not negative
		if !ok {
			break
		}
		cur = next
		if l.vocab.ends[cur] {
			best, last = cur, j
		}
	}
	return best, last
}

// aside reports whether token j stands in parentheses and tells whose value a label means: "VAT ID (buyer)".
func (l *labeller) aside(text string, j int) bool {
	gap := text[l.toks[j-1].end:l.toks[j].start]
	if id := l.toks[j].id; id == 0 || len(gap) > 3 || strings.TrimSpace(gap) != "(" {
		return false
	}
	return among(l.vocab.spell[l.toks[j].id], " seller buyer customer supplier vendor client net gross ")
}

// joined reports whether only blanks and light punctuation stand between two words of a label.
func joined(text string, a, b token) bool {
	gap := text[a.end:b.start]
	if len(gap) > 6 {
		return false
	}
	for _, c := range gap {
		switch c {
		case ' ', '-', '/', '&', '\'', '’', '_', '\u00a0', '‐', '–':
		case '.':
			if a.end-a.start > 4 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// terminator says what follows a label that ends at i in a cell that ends at end, and where its value may begin.
func terminator(text string, i, end int) (term, int) {
	i = skipSigns(text, i, end)
	i = skipPlainWord(text, i, end)
	if i < end && (text[i] == '(' || text[i] == '[') { // "(EUR)", "(19 %)", "[optional]"
		if j := strings.IndexAny(text[i:min(end, i+40)], ")]"); j > 0 {
			k := skipSigns(text, i+j+1, end)
			if k >= end {
				return termEnd, end
			}
			if t, v := terminator(text, k, end); t == termColon {
				return t, v
			}
		}
	}
	if i >= end {
		return termEnd, end
	}
	c, n := utf8.DecodeRuneInString(text[i:])
	switch {
	case c == ':' || c == '：' || c == '=' || c == '→':
		return termColon, skipSpace(text, i+n, end)
	case strings.HasPrefix(text[i:end], "..") || c == '…' || strings.HasPrefix(text[i:end], "__"):
		j := i
		for j < end && (strings.IndexByte("._ ", text[j]) >= 0 || strings.HasPrefix(text[j:end], "…")) {
			_, w := utf8.DecodeRuneInString(text[j:])
			j += w
		}
		if j >= end {
			return termEnd, end
		}
		return termColon, j
	case (c == '-' || c == '–' || c == '—') && i+n < end && text[i+n] == ' ' && text[i-1] == ' ':
		return termColon, skipSpace(text, i+n, end)
	}
	return termValue, i
}

// skipPlainWord skips a word that adds nothing to a heading: "Customer details".
func skipPlainWord(text string, i, end int) int {
	s, e := nextWord(text[:end], i)
	if s != i {
		return i
	}
	switch strings.ToLower(text[s:e]) {
	case "details", "information", "info", "data", "particulars", "angaben":
		return skipSigns(text, e, end)
	}
	return i
}

// skipSigns skips blanks, one abbreviation dot, closing signs and a question mark.
func skipSigns(text string, i, end int) int {
	if i < end && text[i] == '.' && (i+1 >= end || text[i+1] != '.') {
		i++
	}
	for i < end {
		c, n := utf8.DecodeRuneInString(text[i:])
		if !blank(c) && c != ')' && c != ']' && c != '?' && c != '*' && c != '”' && c != '"' {
			break
		}
		i += n
	}
	return i
}

func skipSpace(text string, i, end int) int {
	for i < end {
		c, n := utf8.DecodeRuneInString(text[i:])
		if !blank(c) && c != '\n' && c != '*' {
			break
		}
		i += n
	}
	return i
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

// label returns the mark with which cell c of r begins, and whether the mark is all of the cell's label: what follows is
// the cell's end or a colon.
func (r *row) label(c int) (mark, bool) {
	marks := r.cells[c].marks
	if len(marks) == 0 || marks[0].lead > 0 {
		return mark{}, false
	}
	return marks[0], marks[0].term != termValue
}

// pureLabel reports whether cell c is a label and nothing else.
func (r *row) pureLabel(c int) bool {
	m, ok := r.label(c)
	return ok && (m.term == termEnd || m.value >= r.cells[c].end) || strings.HasSuffix(r.text(c), ":") && len(r.text(c)) < 50
}

// formLine reports whether a text begins like a line of a numbered form: "7. Deadweight".
func formLine(t string) bool {
	for _, w := range []string{"Artikel ", "Article ", "Section ", "Clause ", "§ ", "Artículo ", "Art. "} {
		if rest, ok := strings.CutPrefix(t, w); ok && rest != "" && digit(rest[0]) {
			return true
		}
	}
	n, e := integer(t, 0, 2)
	return n > 0 && e+2 < len(t) && (t[e] == '.' || t[e] == ')') && t[e+1] == ' ' && capitalized(t[e+2:])
}

// keyed reports whether cell c begins with a label and a colon, known or not ("Anything: value").
func (r *row) keyed(c int) bool {
	if m, ok := r.label(c); ok && m.term == termColon {
		return true
	}
	t := r.text(c)
	i := strings.IndexByte(t, ':')
	return i > 1 && i < 40 && strings.Count(t[:i], " ") < 5 && (i+1 == len(t) || t[i+1] == ' ') && !digit(t[i-1])
}

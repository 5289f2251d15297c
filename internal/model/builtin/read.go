package builtin

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// how says where a value stands in relation to its label.
type how uint8

const (
	howCell how = iota // the text is the value: a cell, or what stands behind a colon
	howRow             // the text is the rest of a row, in which the last amount counts
	howLead            // the value begins the text, right behind the label's words
	howNear            // the value is somewhere in the text, which is part of a sentence
)

// reading is a value that was read from a text.
type reading struct {
	value      json.RawMessage
	start, end int     // byte range in the page's text
	fit        float64 // 0 to 1: how much it looks like what was asked for
}

// at makes a candidate of the reading: the page, the byte range of the quote, the score and the index of the row.
func (r reading) at(pg *page, qs, qe int, score float64, row int) candidate {
	return candidate{value: r.value, page: pg, start: r.start, end: r.end, qs: qs, qe: qe, score: score, order: row}
}

// read reads a value of the field's kind from pg.text[a:b].
func (f *filler) read(fd *field, pg *page, a, b int, h how) (reading, bool) {
	a, b = trim(pg.text, a, b)
	if a >= b {
		return reading{}, false
	}
	text := pg.text[a:b]
	if h != howNear && len(text) > 2000 {
		text = text[:cutRune(text, 2000)]
	}
	r, ok := f.readKind(fd, text, h)
	if !ok || !admits(fd.node, r.value) {
		return reading{}, false
	}
	r.start, r.end = a+r.start, a+r.end
	return r, true
}

func cutRune(s string, n int) int {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

// trim moves a and b inwards over white space.
func trim(text string, a, b int) (int, int) {
	for a < b {
		c, n := utf8.DecodeRuneInString(text[a:b])
		if !unicode.IsSpace(c) {
			break
		}
		a += n
	}
	for a < b {
		c, n := utf8.DecodeLastRuneInString(text[a:b])
		if !unicode.IsSpace(c) {
			break
		}
		b -= n
	}
	return a, b
}

func (f *filler) readKind(fd *field, text string, h how) (reading, bool) {
	switch fd.kind {
	case kindDate, kindDateTime:
		return f.readDate(fd, text, h)
	case kindTime:
		return readTime(text, h)
	case kindAmount:
		return f.readAmount(fd, text, h)
	case kindNumber, kindMeasure:
		return f.readNumber(fd, text, h)
	case kindPercent:
		return f.readPercent(fd, text, h)
	case kindCurrency:
		return f.readCurrency(fd, text)
	case kindEmail:
		return firstSpan(text, emails(text), h)
	case kindPhone:
		return readPhone(text, h)
	case kindURL:
		return firstSpan(text, urls(text), h)
	case kindIBAN:
		return firstSpan(text, ibans(text), h)
	case kindBIC:
		return firstSpan(text, bics(text), h)
	case kindTaxID:
		return readTaxID(text, h)
	case kindEnum:
		return f.readEnum(fd, text, h)
	case kindBool:
		return readBool(text, h)
	case kindCode:
		return readCode(text, h)
	case kindLastFour:
		return readLastFour(text)
	case kindDuration:
		return readDuration(text, h)
	case kindText, kindName, kindAddress, kindParagraph:
		return readText(fd, text, h)
	}
	return reading{}, false
}

// atLead reports whether what stands before a value is only connecting words.
func atLead(text string, start int, h how) bool {
	if h != howLead {
		return true
	}
	for w := range strings.FieldsSeq(text[:start]) {
		w = strings.ToLower(strings.Trim(w, ".,:;()"))
		if w != "" && !among(w, " is of was on as at by in from until dated the = to no nr date amounts for day and be: ") && currencyAfter(w, 0) == "" {
			return false
		}
	}
	return true
}

func firstSpan(text string, spans []span, h how) (reading, bool) {
	if len(spans) == 0 || !atLead(text, spans[0].start, h) {
		return reading{}, false
	}
	s := spans[0]
	return reading{jsonString(text[s.start:s.end]), s.start, s.end, 1}, true
}

func (f *filler) readDate(fd *field, text string, h how) (reading, bool) {
	if f.boundary(fd) == 2 && len(text) < 200 {
		if rg, ok := f.ranges(text, false); ok && atLead(text, rg.start, h) && rg.to.year > 0 && rg.to.settle(f.src.style.order) && rg.to.day > 0 {
			if value, ok := dateValue(fd, text, rg.to); ok {
				return reading{value, rg.to.start, rg.to.end, 1}, true
			}
		}
	}
	for _, d := range f.src.style.calendar.dates(text) {
		if !atLead(text, d.start, h) {
			return reading{}, false
		}
		if !d.settle(f.src.style.order) {
			if h == howNear {
				continue
			}
			return reading{}, false
		}
		if value, ok := dateValue(fd, text, d); ok {
			fit := 1.0
			if h == howCell && len(text) > d.end-d.start+25 {
				fit = 0.9
			}
			return reading{value, d.start, d.end, fit}, true
		}
	}
	if fd.inTable && fd.node.typ == "string" && fd.node.format == "" && h == howCell && f.dayAndMonth(text) {
		return reading{jsonString(text), 0, len(text), 0.9}, true
	}
	return reading{}, false
}

// dayAndMonth reports whether a cell is a date without its year: "02/03", "3. Feb".
func (f *filler) dayAndMonth(text string) bool {
	if len(text) > 10 || !hasDigit(text) {
		return false
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/-. ", r) })
	if len(parts) != 2 {
		return false
	}
	for _, p := range parts {
		n, e := integer(p, 0, 2)
		m, _ := f.src.style.calendar.month(p, 0)
		if (e != len(p) || n < 1 || n > 31) && m == 0 {
			return false
		}
	}
	return true
}

// dateValue writes a date as the field asks for it.
func dateValue(fd *field, text string, d date) (json.RawMessage, bool) {
	n := fd.node
	switch {
	case n.typ == "integer" || n.typ == "number":
		return json.RawMessage(strconv.Itoa(d.year)), true
	case fd.kind == kindDateTime:
		if d.clock == "" {
			return nil, false
		}
		zone := ""
		if len(d.clock) == 8 {
			zone = "Z"
		}
		return jsonString(d.iso() + "T" + d.clock + zone), true
	case n.format == "date":
		return jsonString(d.iso()), d.day > 0
	case printed(n):
		return jsonString(text[d.start:d.end]), true
	case d.day > 0 || strings.Contains(n.description, "YYYY-MM"):
		return jsonString(d.iso()), true
	}
	return jsonString(text[d.start:d.end]), true
}

// printed reports whether the description asks for the words of the document.
func printed(n *node) bool {
	d := strings.ToLower(n.description)
	for _, w := range []string{"as printed", "as written", "verbatim", "as it stands", "as shown", "as stated", "as it appears"} {
		if strings.Contains(d, w) {
			return true
		}
	}
	return false
}

func readTime(text string, h how) (reading, bool) {
	for i := range len(text) {
		if !digit(text[i]) || i > 0 && (wordByte(text[i-1]) || text[i-1] == ':') {
			continue
		}
		clock, e := clockAt(text, i)
		if clock == "" {
			continue
		}
		if !atLead(text, i, h) {
			return reading{}, false
		}
		return reading{jsonString(strings.TrimSpace(text[i:e])), i, e, 1}, true
	}
	return reading{}, false
}

func (f *filler) readAmount(fd *field, text string, h how) (reading, bool) {
	var pick *number
	ns := numbers(text, f.src.style.comma)
	ds := f.datesIn(text, h)
	for i := range ns {
		n := &ns[i]
		if n.percent || within(ds, n.ns) || !likeAmount(n, text, h) && !bound(ns, i, text) || !atLead(text, n.start, h) && h == howLead && (!fd.upper || pick == nil) {
			continue
		}
		if fd.money != "" && n.currency != fd.money && (n.currency != "" || h != howCell && h != howRow) {
			continue
		}
		if pick == nil || h == howRow || pick.bare && !n.bare || fd.upper {
			pick = n
		}
		if h == howNear || fd.lower {
			break
		}
	}
	if pick == nil {
		return reading{}, false
	}
	fit := 1.0
	if pick.bare {
		fit = 0.9
	}
	if !fd.numeric() {
		return reading{jsonString(text[pick.start:pick.end]), pick.start, pick.end, fit}, true
	}
	return numberReading(fd, pick, fit)
}

// bound reports whether number i is one end of a range such as "72,000 - 88,000".
func bound(ns []number, i int, text string) bool {
	joins := func(a, b *number) bool {
		switch strings.TrimSpace(text[a.end:b.start]) {
		case "-", "–", "—", "to", "bis", "and":
			return true
		}
		return false
	}
	return i > 0 && joins(&ns[i-1], &ns[i]) || i+1 < len(ns) && joins(&ns[i], &ns[i+1])
}

// datesIn returns the dates of text when numbers of dates could be taken for values.
func (f *filler) datesIn(text string, h how) []date {
	if h == howCell && len(text) < 16 {
		return nil
	}
	return f.src.style.calendar.dates(text)
}

func within(ds []date, i int) bool {
	for _, d := range ds {
		if i >= d.start && i < d.end {
			return true
		}
	}
	return false
}

// likeAmount reports whether a number may be money where it stands: bare digits only when nothing else stands there.
func likeAmount(n *number, text string, h how) bool {
	if !n.bare {
		return n.currency != "" || n.decimals <= 2 || h == howCell && n.decimals <= 6
	}
	if h == howNear || n.ne-n.ns > 9 {
		return false
	}
	rest := strings.TrimSpace(text[n.end:])
	front := strings.TrimSpace(text[:n.start])
	if h == howLead {
		return rest == ""
	}
	return front == "" && (rest == "" || strings.HasPrefix(rest, "(") || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, "per ") || rest == ".-" || rest == ".–") || h == howRow && rest == ""
}

func numberReading(fd *field, n *number, fit float64) (reading, bool) {
	v, ok := n.value()
	if !ok || fd.node.typ == "integer" && v != math.Trunc(v) || math.Abs(v) > 1e15 {
		return reading{}, false
	}
	return reading{json.RawMessage(strconv.FormatFloat(v, 'f', -1, 64)), n.start, n.end, fit}, true
}

func (f *filler) readNumber(fd *field, text string, h how) (reading, bool) {
	if fd.kind == kindMeasure {
		if m, ok := f.measure(fd, text, h); ok {
			return m, true
		}
		if h == howNear {
			return reading{}, false
		}
	}
	ns := numbers(text, f.src.style.comma)
	ds := f.datesIn(text, h)
	for i := range ns {
		n := &ns[i]
		if within(ds, n.ns) && (fd.node.typ != "integer" || n.text != yearIn(ds, n)) || n.percent || h == howNear {
			continue
		}
		if !atLead(text, n.start, h) || h == howCell && n.start > 24 {
			break
		}
		if fd.kind == kindMeasure && otherUnit(text[n.end:], fd.unit) {
			return reading{}, false
		}
		if h == howLead && n.bare && n.ne-n.ns == 4 && strings.HasSuffix(text[:n.start], "in ") {
			break // a year
		}
		if h == howCell && len(text)-n.end > 30 || h == howCell && strings.HasPrefix(text[n.end:], ". ") {
			break
		}
		if fd.upper && i+1 < len(ns) && bound(ns, i, text) {
			n = &ns[i+1]
		}
		fit := 1.0
		if strings.TrimSpace(text[:n.start]) != "" {
			fit = 0.85
		}
		if !fd.numeric() {
			return reading{jsonString(text[n.start:n.end]), n.start, n.end, fit}, true
		}
		return numberReading(fd, n, fit)
	}
	return reading{}, false
}

// yearIn returns the year of the date that a number is part of, as text.
func yearIn(ds []date, n *number) string {
	for _, d := range ds {
		if n.ns >= d.start && n.ne <= d.end && d.day > 0 {
			return "" // a full date is no number
		}
		if n.ns >= d.start && n.ne <= d.end {
			return strconv.Itoa(d.year)
		}
	}
	return ""
}

// otherUnit reports whether a unit follows that is not the wanted one.
func otherUnit(rest, unit string) bool {
	fs := strings.Fields(rest)
	if len(fs) == 0 {
		return false
	}
	u := unitOf(strings.Trim(fs[0], ".,;()'’"))
	return u != "" && u != unit
}

func (f *filler) readPercent(fd *field, text string, h how) (reading, bool) {
	for _, n := range numbers(text, f.src.style.comma) {
		whole := n.start == 0 && n.end == len(text) && (h == howCell || fd.inTable)
		if !n.percent && !whole || h == howNear && !n.percent {
			continue
		}
		if !fd.numeric() {
			return reading{jsonString(text[n.start:n.end]), n.start, n.end, 1}, true
		}
		if fd.node.maximum != nil && *fd.node.maximum <= 1 || strings.Contains(strings.ToLower(fd.node.description), "fraction") {
			v, ok := n.value()
			if !ok {
				continue
			}
			v = math.Round(v*1e6) / 1e8
			return reading{json.RawMessage(strconv.FormatFloat(v, 'f', -1, 64)), n.start, n.end, 1}, true
		}
		return numberReading(fd, &n, 1)
	}
	return reading{}, false
}

func (f *filler) readCurrency(fd *field, text string) (reading, bool) {
	code, s, e := currencyIn(text)
	if code == "" {
		return reading{}, false
	}
	if len(fd.node.enum) > 0 && !enumHas(fd.node.enum, code) {
		return reading{}, false
	}
	return reading{jsonString(code), s, e, 1}, true
}

// currencyIn returns the first ISO code of text, else the currency of its first amount.
func currencyIn(text string) (code string, start, end int) {
	for i := 0; i+3 <= len(text); i++ {
		if isCurrencyCode(text[i:i+3]) && (i == 0 || !asciiLetter(text[i-1])) && (i+3 == len(text) || !asciiLetter(text[i+3])) {
			return text[i : i+3], i, i + 3
		}
	}
	for _, n := range numbers(text, false) {
		if n.currency != "" {
			return n.currency, n.start, n.end
		}
	}
	if c, i := currencyEnding(text); c != "" && len(text) < 6 {
		return c, i, len(text)
	}
	return "", 0, 0
}

// admits checks a value against the node's own limits.
func admits(n *node, v json.RawMessage) bool {
	if n.pattern == nil && n.minimum == nil && n.maximum == nil && n.maxLength == nil {
		return true
	}
	var s string
	if json.Unmarshal(v, &s) == nil {
		return (n.pattern == nil || n.pattern.MatchString(s)) && (n.maxLength == nil || utf8.RuneCountInString(s) <= *n.maxLength)
	}
	x, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return true
	}
	return (n.minimum == nil || x >= *n.minimum) && (n.maximum == nil || x <= *n.maximum)
}

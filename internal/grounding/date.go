package grounding

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// day is a date; Day is 0 for a month of a year.
type day struct{ year, month, day int }

// valid reports whether such a date exists.
func (d day) valid() bool {
	if d.year < 1000 || d.year > 2999 || d.month < 1 || d.month > 12 || d.day < 0 {
		return false
	}
	return d.day <= daysOf(d.year, d.month)
}

func daysOf(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// order is how numeric dates of a source are written.
type order int

const (
	orderUnknown order = iota
	dayFirst
	monthFirst
)

// foundDate is one way to read a date that stands in a text.
type foundDate struct {
	start, end int // bytes of the folded text
	date       day
	order      order // the order that this reading takes; orderUnknown when the form leaves no choice
	dotted     bool
}

// piece is a run of digits, a run of letters, or one other character.
type piece struct {
	start, end int
	kind       byte // '0' digits, 'a' letters, or the character itself, 0 for one that is not ASCII
	spaced     bool // white space stands before it
	value      int  // of at most four digits, or of eight; -1 otherwise
	month      int  // that the letters name
}

// pieces cuts a folded text.
func pieces(text string) []piece {
	out := make([]piece, 0, len(text)/4+1)
	spaced := false
	for i := 0; i < len(text); {
		c := text[i]
		p := piece{start: i, spaced: spaced, value: -1}
		spaced = false
		switch {
		case c == ' ':
			spaced = true
			i++
			continue
		case isDigit(c):
			for i < len(text) && isDigit(text[i]) {
				i++
			}
			p.kind, p.value = '0', valueOf(text[p.start:i])
		case c < utf8.RuneSelf && !isLetter(c):
			p.kind = c
			i++
		default:
			i = wordEnd(text, i)
			if i == p.start {
				_, n := utf8.DecodeRuneInString(text[i:])
				i += n
				break
			}
			p.kind, p.month = 'a', monthOf(text[p.start:i])
		}
		p.end = i
		out = append(out, p)
	}
	return out
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// wordEnd returns where the letters that begin at i end; Chinese and Japanese signs for year, month and day are none.
func wordEnd(text string, i int) int {
	for i < len(text) {
		if text[i] < utf8.RuneSelf {
			if !isLetter(text[i]) {
				return i
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if !unicode.IsLetter(r) || unspaced(r) {
			return i
		}
		i += n
	}
	return i
}

func valueOf(digits string) int {
	if len(digits) > 4 && len(digits) != 8 {
		return -1
	}
	n := 0
	for _, c := range []byte(digits) {
		n = 10*n + int(c-'0')
	}
	return n
}

// monthOf returns the month that a word names in English, German, French, Spanish, Italian, Dutch or Portuguese, 0 for none.
func monthOf(word string) int {
	if len(word) < 3 || len(word) > 12 {
		return 0
	}
	switch strings.ToLower(word) {
	case "january", "jan", "januar", "jänner", "janvier", "janv", "enero", "ene", "gennaio", "gen", "januari", "janeiro":
		return 1
	case "february", "feb", "februar", "feber", "février", "févr", "fév", "fevrier", "febrero", "febbraio", "februari", "fevereiro", "fev":
		return 2
	case "march", "mar", "märz", "mär", "maerz", "mrz", "mars", "marzo", "maart", "mrt", "março", "marco":
		return 3
	case "april", "apr", "avril", "avr", "abril", "abr", "aprile":
		return 4
	case "may", "mai", "mayo", "maggio", "mag", "mei", "maio":
		return 5
	case "june", "jun", "juni", "juin", "junio", "giugno", "giu", "junho":
		return 6
	case "july", "jul", "juli", "juillet", "juil", "julio", "luglio", "lug", "julho":
		return 7
	case "august", "aug", "août", "aout", "agosto", "ago", "augustus":
		return 8
	case "september", "sep", "sept", "septembre", "septiembre", "setiembre", "settembre", "set", "setembro":
		return 9
	case "october", "oct", "oktober", "okt", "octobre", "octubre", "ottobre", "ott", "outubro", "out":
		return 10
	case "november", "nov", "novembre", "noviembre", "novembro":
		return 11
	case "december", "dec", "dezember", "dez", "décembre", "déc", "diciembre", "dic", "dicembre", "dezembro":
		return 12
	}
	return 0
}

// datesIn lists the dates that stand in a folded text, each with every order that its form allows.
func datesIn(text string, yield func(d foundDate)) {
	r := dateReader{text: text, list: pieces(text), yield: yield}
	for i := range r.list {
		switch p := &r.list[i]; {
		case p.kind == '0' && r.attached(i):
		case p.kind == '0':
			r.number(i)
		case p.month > 0:
			r.month(i)
		}
	}
}

type dateReader struct {
	text  string
	list  []piece
	yield func(d foundDate)
}

// at returns the i-th piece; one of no kind beyond the ends.
func (r *dateReader) at(i int) piece {
	if i < 0 || i >= len(r.list) {
		return piece{kind: 1, value: -1, spaced: true}
	}
	return r.list[i]
}

func (r *dateReader) emit(from, to int, d day, o order, dotted bool) {
	if d.valid() {
		r.yield(foundDate{r.list[from].start, r.list[to].end, d, o, dotted})
	}
}

// attached reports whether the digits at i go on a chain of numbers, such as a version or an address.
func (r *dateReader) attached(i int) bool {
	sep := r.at(i - 1)
	return !r.at(i).spaced && !sep.spaced && isDateMark(sep.kind) && r.at(i-2).kind == '0'
}

// chained reports whether another number follows tightly behind piece i.
func (r *dateReader) chained(i int) bool {
	sep, next := r.at(i+1), r.at(i+2)
	return isDateMark(sep.kind) && !sep.spaced && next.kind == '0' && !next.spaced
}

func isDateMark(kind byte) bool { return kind == '-' || kind == '/' || kind == '.' }

func (r *dateReader) digits(i, atLeast, atMost int) (int, bool) {
	p := r.at(i)
	n := p.end - p.start
	return p.value, p.kind == '0' && p.value >= 0 && n >= atLeast && n <= atMost
}

// number reads a date that begins with digits.
func (r *dateReader) number(i int) {
	p := r.list[i]
	switch p.end - p.start {
	case 8:
		r.emit(i, i, day{p.value / 10000, p.value / 100 % 100, p.value % 100}, orderUnknown, false)
	case 4:
		r.yearFirst(i)
	case 1, 2:
		r.numeric(i)
		r.dayName(i)
	}
}

// yearFirst reads 2026-02-03, 2026/2/3, 2026-02 and 2026年2月3日.
func (r *dateReader) yearFirst(i int) {
	year := r.at(i).value
	mark := r.at(i + 1)
	month, ok := r.digits(i+2, 1, 2)
	if !ok || !isDateMark(mark.kind) && r.text[mark.start:mark.end] != "年" {
		return
	}
	second := r.at(i + 3)
	if n, ok := r.digits(i+4, 1, 2); ok && (second.kind == mark.kind && isDateMark(mark.kind) || second.kind == 0 && r.text[second.start:second.end] == "月") {
		if !r.chained(i + 4) {
			r.emit(i, i+4, day{year, month, n}, orderUnknown, false)
		}
		return
	}
	r.emit(i, i+2, day{year, month, 0}, orderUnknown, false)
}

// numeric reads 03.02.2026, 3/2/26, 02/2026 and the first date of 01.01. - 31.01.2026.
func (r *dateReader) numeric(i int) {
	mark := r.at(i + 1)
	if !isDateMark(mark.kind) || mark.spaced {
		return
	}
	first := r.at(i).value
	if year, ok := r.digits(i+2, 4, 4); ok && !r.at(i+2).spaced && !r.chained(i+2) {
		r.emit(i, i+2, day{year, first, 0}, orderUnknown, false)
		return
	}
	second, ok := r.digits(i+2, 1, 2)
	if !ok || r.at(i+3).kind != mark.kind || r.at(i+3).spaced {
		return
	}
	if year, ok := r.year(i + 4); ok && !r.chained(i+4) {
		r.both(i, i+4, first, second, year, mark.kind == '.')
		return
	}
	to := i + 4 // the second date of a range has the year
	if !joinsRange(r.text[r.at(to).start:r.at(to).end]) {
		return
	}
	if _, ok := r.digits(to+1, 1, 2); ok && r.at(to+2).kind == mark.kind && r.at(to+4).kind == mark.kind {
		if year, ok := r.year(to + 5); ok {
			r.both(i, i+2, first, second, year, mark.kind == '.')
		}
	}
}

// year reads a year of four digits, or of two.
func (r *dateReader) year(i int) (int, bool) {
	if n, ok := r.digits(i, 4, 4); ok {
		return n, true
	}
	n, ok := r.digits(i, 2, 2)
	if n < 70 {
		return 2000 + n, ok
	}
	return 1900 + n, ok
}

// both yields the two orders of a numeric date, as far as they exist and differ.
func (r *dateReader) both(from, to, first, second, year int, dotted bool) {
	dmy, mdy := day{year, second, first}, day{year, first, second}
	if first == 0 || second == 0 {
		return
	}
	if dmy == mdy {
		r.emit(from, to, dmy, orderUnknown, dotted)
		return
	}
	r.emit(from, to, dmy, dayFirst, dotted)
	r.emit(from, to, mdy, monthFirst, dotted)
}

// joinsRange reports whether a word or sign stands between the ends of a range of dates.
func joinsRange(s string) bool {
	switch strings.ToLower(s) {
	case "-", "to", "bis", "until", "through", "till", "au", "al", "a", "hasta", "and", "und", "et", "y", "tot", "/", "&":
		return true
	}
	return false
}

// skip passes ordinal endings, dots, commas and little words between the parts of a date.
func (r *dateReader) skip(i int) int {
	for range 4 {
		p := r.at(i)
		switch p.kind {
		case '.', ',', '-', '/', '\'':
			i++
		case 'a':
			switch strings.ToLower(r.text[p.start:p.end]) {
			case "st", "nd", "rd", "th", "er", "of", "de", "del", "day", "di":
				i++
			}
		}
	}
	return i
}

// dayName reads 3 February 2026, 3. Februar 2026, 3-Feb-26 and the first date of 1 - 31 January 2026 or of
// 1 January - 31 March 2026.
func (r *dateReader) dayName(i int) {
	n := r.at(i).value
	at := r.skip(i + 1)
	if month := r.at(at).month; month > 0 {
		year, to, ok := r.yearAfter(at)
		if !ok {
			year, _, ok = r.endOfRange(at+1, true)
			to = at
		}
		if ok && n > 0 {
			r.emit(i, to, day{year, month, n}, orderUnknown, false)
		}
		return
	}
	if year, month, ok := r.endOfRange(at, false); ok && n > 0 {
		r.emit(i, i, day{year, month, n}, orderUnknown, false)
	}
}

// yearAfter reads the year behind the name of a month at i, and returns its piece.
func (r *dateReader) yearAfter(i int) (year, at int, ok bool) {
	at = r.skip(i + 1)
	year, ok = r.digits(at, 4, 4)
	if !ok { // two digits only behind a sign or tight: Feb '26, 3-Feb-26, 03FEB26
		k := r.at(at - 1).kind
		tight := at == i+1 && !r.at(at).spaced && !r.at(i).spaced
		if tight || k == '\'' || k == '-' || k == '/' {
			year, ok = r.year(at)
		}
	}
	return year, at, ok
}

// endOfRange reads "- 31 January 2026" at i and returns its year and month.
func (r *dateReader) endOfRange(i int, named bool) (year, month int, ok bool) {
	p := r.at(i)
	if named && p.kind == '.' {
		i++
		p = r.at(i)
	}
	if r.at(i-1).kind != '-' || named { // skip may have passed the hyphen
		if p.kind == 1 || !joinsRange(r.text[p.start:p.end]) {
			return 0, 0, false
		}
		i++
	}
	if _, ok := r.digits(i, 1, 2); !ok {
		return 0, 0, false
	}
	at := r.skip(i + 1)
	month = r.at(at).month
	if month == 0 {
		return 0, 0, false
	}
	year, _, ok = r.yearAfter(at)
	return year, month, ok
}

// month reads February 3, 2026, Feb 3rd 2026, January 1 - 31, 2026 and February 2026.
func (r *dateReader) month(i int) {
	month := r.list[i].month
	at := r.skip(i + 1)
	if year, ok := r.digits(at, 4, 4); ok {
		r.emit(i, at, day{year, month, 0}, orderUnknown, false)
		return
	}
	n, ok := r.digits(at, 1, 2)
	if !ok || n == 0 {
		return
	}
	next := r.skip(at + 1)
	if year, ok := r.digits(next, 4, 4); ok {
		r.emit(i, next, day{year, month, n}, orderUnknown, false)
		return
	}
	p := r.at(at + 1)
	if p.kind == 1 || !joinsRange(r.text[p.start:p.end]) {
		return
	}
	last, other := at+2, month
	if m := r.at(last).month; m > 0 {
		last, other = r.skip(last+1), m
	}
	end, ok := r.digits(last, 1, 2)
	if !ok {
		return
	}
	if year, ok := r.digits(r.skip(last+1), 4, 4); ok {
		r.emit(i, at, day{year, month, n}, orderUnknown, false)
		r.emit(i, r.skip(last+1), day{year, other, end}, orderUnknown, false)
	}
}

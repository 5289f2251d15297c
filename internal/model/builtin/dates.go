package builtin

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// date is a date in a text. Day is 0 for a month, Month is 0 for a bare year.
type date struct {
	start, end       int // byte range
	year, month, day int
	clock            string // "15:04:05" and what follows of zone; "" without a time
	numeric          bool   // day and month were read in an assumed order
	a, b             int    // the two numbers when numeric
	sep              byte
	monthFirst       bool // written "March 5": speaks for month-first numeric dates
	dayFirst         bool // written "5 March"
}

// iso returns the date as 2006-01-02, 2006-01 or 2006.
func (d *date) iso() string {
	switch {
	case d.month == 0:
		return fmt.Sprintf("%04d", d.year)
	case d.day == 0:
		return fmt.Sprintf("%04d-%02d", d.year, d.month)
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
}

// order is the order of day and month in numeric dates.
type order uint8

const (
	orderUnknown order = iota
	dayMonth
	monthDay
)

// settle decides day and month of a numeric date; false when nothing decides.
func (d *date) settle(o order) bool {
	if !d.numeric {
		return true
	}
	switch {
	case d.a > 12 && d.b <= 12, d.a == d.b:
		o = dayMonth
	case d.b > 12 && d.a <= 12:
		o = monthDay
	case d.sep == '.' && o == orderUnknown:
		o = dayMonth
	}
	switch o {
	case dayMonth:
		d.day, d.month = d.a, d.b
	case monthDay:
		d.month, d.day = d.a, d.b
	default:
		return false
	}
	return validDay(d.year, d.month, d.day)
}

func validDay(y, m, d int) bool {
	if m < 1 || m > 12 || d < 1 || y < 1000 || y > 2999 {
		return false
	}
	days := [...]int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	leap := y%4 == 0 && (y%100 != 0 || y%400 == 0)
	return d <= days[m-1] && (m != 2 || d < 29 || leap)
}

// months maps names of months in English, German, French, Spanish, Italian, Portuguese and Dutch, and their short forms, to numbers.
const months = `january=1 januar=1 janvier=1 enero=1 gennaio=1 jänner=1 jan=1 february=2 februar=2 février=2 fevrier=2 febrero=2
febbraio=2 févr=2 feb=2 fév=2 march=3 märz=3 marzo=3 mars=3 maerz=3 mar=3 mär=3 april=4 avril=4 abril=4 aprile=4 apr=4 avr=4 may=5
maggio=5 mayo=5 mai=5 june=6 juni=6 juin=6 junio=6 giugno=6 jun=6 july=7 juli=7 juillet=7 julio=7 luglio=7 juil=7 jul=7 august=8
août=8 agosto=8 aug=8 september=9 septembre=9 septiembre=9 settembre=9 sept=9 sep=9 october=10 oktober=10 octobre=10 octubre=10
ottobre=10 oct=10 okt=10 november=11 novembre=11 noviembre=11 nov=11 december=12 dezember=12 décembre=12 diciembre=12 dicembre=12
dec=12 dez=12 déc=12
janeiro=1 fevereiro=2 março=3 maio=5 junho=6 julho=7 setembro=9 outubro=10 novembro=11 dezembro=12 januari=1 februari=2 maart=3 mei=5
augustus=8 setiembre=9 julio=7 luglio=7 agosto=8`

// monthTable returns months as a map.
func monthTable() map[string]int {
	out := make(map[string]int, 100)
	for pair := range strings.FieldsSeq(months) {
		name, num, _ := strings.Cut(pair, "=")
		n := 0
		for _, c := range num {
			n = n*10 + int(c-'0')
		}
		out[plain(name)] = n
	}
	return out
}

// calendar finds dates. It is read only.
type calendar struct{ months map[string]int }

// dates returns the dates of text in order.
func (c *calendar) dates(text string) []date {
	var out []date
	for i := 0; i < len(text); {
		ch := text[i]
		if !digit(ch) && !asciiLetter(ch) && ch < utf8.RuneSelf {
			i++
			continue
		}
		if d, ok := c.at(text, i); ok {
			d.withClock(text)
			out = append(out, d)
			i = d.end
			continue
		}
		_, e := nextWord(text, i)
		i = max(e, i+1)
	}
	return out
}

// at reads the date that begins at i, which is the start of a word.
func (c *calendar) at(text string, i int) (date, bool) {
	if i >= len(text) {
		return date{}, false
	}
	if !digit(text[i]) {
		return c.monthName(text, i)
	}
	if d, ok := numericDate(text, i); ok {
		return d, true
	}
	return c.dayName(text, i)
}

// integer reads up to limit digits at i.
func integer(text string, i, limit int) (n, end int) {
	for end = i; end < len(text) && digit(text[end]) && end-i < limit; end++ {
		n = n*10 + int(text[end]-'0')
	}
	if end < len(text) && digit(text[end]) {
		return 0, i // longer than asked for
	}
	return n, end
}

// numericDate reads 2024-03-05, 05/03/2024, 5.3.24, 20240305, 03/2024 and 2024-03.
func numericDate(text string, i int) (date, bool) {
	d := date{start: i}
	a, e := integer(text, i, 8)
	if e-i == 8 { // 20240305
		d.year, d.month, d.day, d.end = a/10000, a/100%100, a%100, e
		return d, d.year >= 1900 && d.year <= 2099 && validDay(d.year, d.month, d.day) && closed(text, e)
	}
	if e == i || e-i == 3 || e-i > 4 || e >= len(text) || strings.IndexByte("-/.", text[e]) < 0 {
		return d, false
	}
	sep := text[e]
	b, e2 := integer(text, skipOne(text, e+1, sep), 4)
	if e2 == e+1 || e2-e > 6 {
		return d, false
	}
	if e2 < len(text) && text[e2] == sep {
		start3 := skipOne(text, e2+1, sep)
		if y, e3 := integer(text, start3, 4); e3 > start3 {
			return fullDate(text, d, [3]int{a, b, y}, [3]int{e - i, e2 - e - 1, e3 - start3}, sep, e3)
		}
	}
	switch { // month and year
	case e-i == 4 && e2-e-1 == 2 && sep != '.' && b >= 1 && b <= 12 && plausibleYear(a) && closed(text, e2):
		d.year, d.month, d.end = a, b, e2
		return d, true
	case e2-e-1 == 4 && sep == '/' && a >= 1 && a <= 12 && plausibleYear(b) && closed(text, e2):
		d.year, d.month, d.end = b, a, e2
		return d, true
	}
	return d, false
}

// skipOne skips a blank behind a dot: "5. 3. 2024".
func skipOne(text string, i int, sep byte) int {
	if sep == '.' && i+1 < len(text) && text[i] == ' ' && digit(text[i+1]) {
		return i + 1
	}
	return i
}

func fullDate(text string, d date, v, digits [3]int, sep byte, end int) (date, bool) {
	if !closed(text, end) && !clockFollows(text, end) {
		return d, false
	}
	d.end, d.sep = end, sep
	if digits[0] == 4 {
		d.year, d.month, d.day = v[0], v[1], v[2]
		return d, digits[1] <= 2 && digits[2] <= 2 && plausibleYear(d.year) && validDay(d.year, d.month, d.day)
	}
	if digits[0] > 2 || digits[1] > 2 || digits[2] == 3 || digits[2] == 1 {
		return d, false
	}
	d.year = fullYear(v[2], digits[2])
	d.numeric, d.a, d.b = true, v[0], v[1]
	okEither := validDay(d.year, d.b, d.a) || validDay(d.year, d.a, d.b)
	return d, okEither && plausibleYear(d.year)
}

func fullYear(y, digits int) int {
	switch {
	case digits > 2:
		return y
	case y < 70:
		return 2000 + y
	}
	return 1900 + y
}

func plausibleYear(y int) bool { return y >= 1900 && y <= 2099 }

// closed reports whether a date may end at i: no letter, digit or date sign goes on.
func closed(text string, i int) bool {
	if i >= len(text) {
		return true
	}
	c := text[i]
	if digit(c) || asciiLetter(c) || c == '_' || c >= utf8.RuneSelf && wordRuneAt(text, i) {
		return false
	}
	return c != '-' && c != '/' && c != '.' || i+1 >= len(text) || !digit(text[i+1]) && (c != '-' || !asciiLetter(text[i+1]))
}

func wordRuneAt(text string, i int) bool {
	r, _ := utf8.DecodeRuneInString(text[i:])
	return wordRune(r)
}

func clockFollows(text string, i int) bool {
	return i+1 < len(text) && (text[i] == 'T' || text[i] == 't') && digit(text[i+1])
}

// dayName reads "5 March 2024", "5th of March, 2024", "05-Mar-24", "5. März 2024", "5th day of March 2024".
func (c *calendar) dayName(text string, i int) (date, bool) {
	d := date{start: i}
	day, e := integer(text, i, 2)
	if e == i || day < 1 || day > 31 {
		return d, false
	}
	if m, f := c.month(text, e); m > 0 { // 18FEB26
		if y, g := integer(text, f, 4); (g-f == 2 || g-f == 4) && closed(text, g) && validDay(fullYear(y, g-f), m, day) {
			d.year, d.month, d.day, d.end = fullYear(y, g-f), m, day, g
			return d, true
		}
	}
	e = ordinal(text, e)
	e = skipGap(text, e, " .-/\u00a0")
	for _, w := range []string{"day of ", "of ", "de "} {
		if len(text)-e > len(w) && strings.EqualFold(text[e:e+len(w)], w) {
			e += len(w)
		}
	}
	m, e := c.month(text, e)
	if m == 0 {
		return d, false
	}
	y, e := yearAt(text, e)
	if y == 0 || !validDay(y, m, day) {
		return d, false
	}
	d.year, d.month, d.day, d.end, d.dayFirst = y, m, day, e, true
	return d, true
}

// monthName reads "March 5, 2024", "Mar. 5th 2024", "March 2024", "Mar-24" is not a date.
func (c *calendar) monthName(text string, i int) (date, bool) {
	d := date{start: i}
	m, e := c.month(text, i)
	if m == 0 {
		return d, false
	}
	f := skipGap(text, e, " .-\u00a0")
	if day, g := integer(text, f, 2); g > f && day >= 1 && day <= 31 {
		g = ordinal(text, g)
		if y, h := yearAt(text, g); y > 0 && h-g > 4 && validDay(y, m, day) {
			d.year, d.month, d.day, d.end, d.monthFirst = y, m, day, h, true
			return d, true
		}
	}
	f = skipGap(text, e, " .,-/'’\u00a0")
	if y, g := integer(text, f, 4); g-f == 4 && plausibleYear(y) && closed(text, g) {
		d.year, d.month, d.end = y, m, g
		return d, true
	}
	return d, false
}

// month reads a month's name at i.
func (c *calendar) month(text string, i int) (m, end int) {
	end = i
	for end < len(text) && end-i < 12 {
		r, n := utf8.DecodeRuneInString(text[end:])
		if r < utf8.RuneSelf && !asciiLetter(byte(r)) || r >= utf8.RuneSelf && !wordRune(r) { //nolint:gosec // G115: below RuneSelf, as the line says
			break
		}
		end += n
	}
	if end-i < 3 {
		return 0, i
	}
	if end < len(text) && digit(text[end]) && end-i != 3 {
		return 0, i
	}
	var buf [48]byte
	return c.months[string(lower(buf[:0], text[i:end]))], end
}

// ordinal skips "st", "nd", "rd" and "th".
func ordinal(text string, i int) int {
	if i+2 <= len(text) {
		switch strings.ToLower(text[i : i+2]) {
		case "st", "nd", "rd", "th", "er", "º", "ª", "°":
			return i + 2
		}
	}
	return i
}

// skipGap skips up to three of the given signs, and line ends.
func skipGap(text string, i int, signs string) int {
	for n := 0; n < 3 && i < len(text); n++ {
		r, w := utf8.DecodeRuneInString(text[i:])
		if r != '\n' && !strings.ContainsRune(signs, r) {
			break
		}
		i += w
	}
	return i
}

// yearAt reads a year of four digits, or of two behind a "-", "/" or an apostrophe.
func yearAt(text string, i int) (y, end int) {
	f := skipGap(text, i, " .,-/'’\u00a0")
	if f == i {
		return 0, i
	}
	for _, w := range []string{"de ", "del "} { // "5 de marzo de 2026"
		if strings.HasPrefix(text[f:], w) {
			f += len(w)
		}
	}
	y, e := integer(text, f, 4)
	switch {
	case e-f == 4 && plausibleYear(y) && closed(text, e):
		return y, e
	case e-f == 2 && strings.ContainsAny(text[i:f], "-/'’") && closed(text, e):
		return fullYear(y, 2), e
	}
	return 0, i
}

// withClock takes the time that follows the date.
func (d *date) withClock(text string) {
	i := d.end
	for _, s := range []string{"T", " at ", ", at ", ", ", " um ", " à ", " - ", "  ", " ", " @ "} {
		if !strings.HasPrefix(text[i:], s) {
			continue
		}
		if clock, e := clockAt(text, i+len(s)); clock != "" {
			d.clock, d.end = clock, e
			return
		}
	}
}

// clockAt reads "14:05", "14:05:30.123Z", "2:05 pm" and a zone, and returns it as 15:04:05 with the zone.
func clockAt(text string, i int) (clock string, end int) {
	h, e := integer(text, i, 2)
	if e == i || e >= len(text) || text[e] != ':' || h > 23 {
		return "", i
	}
	m, e2 := integer(text, e+1, 2)
	if e2 != e+3 || m > 59 {
		return "", i
	}
	sec := 0
	if e2 < len(text) && text[e2] == ':' {
		if s, e3 := integer(text, e2+1, 2); e3 == e2+3 && s < 60 {
			sec, e2 = s, e3
		}
		if e2+1 < len(text) && text[e2] == '.' && digit(text[e2+1]) {
			for e2++; e2 < len(text) && digit(text[e2]); e2++ {
			}
		}
	}
	h, e2 = halfDay(text, h, e2)
	zone, e2 := zoneAt(text, e2)
	return fmt.Sprintf("%02d:%02d:%02d%s", h, m, sec, zone), e2
}

func halfDay(text string, h, i int) (hour, end int) {
	j := i
	if j < len(text) && text[j] == ' ' {
		j++
	}
	s := strings.ToLower(strings.ReplaceAll(text[j:min(len(text), j+4)], ".", ""))
	n := 2
	if j+1 < len(text) && text[j+1] == '.' {
		n = 4
	}
	switch {
	case strings.HasPrefix(s, "pm") && (len(s) == 2 || !asciiLetter(s[2])):
		if h < 12 {
			h += 12
		}
		return h, min(len(text), j+n)
	case strings.HasPrefix(s, "am") && (len(s) == 2 || !asciiLetter(s[2])):
		if h == 12 {
			h = 0
		}
		return h, min(len(text), j+n)
	}
	return h, i
}

func zoneAt(text string, i int) (zone string, end int) {
	rest := text[i:]
	switch {
	case strings.HasPrefix(rest, "Z") && (len(rest) == 1 || !asciiLetter(rest[1])):
		return "Z", i + 1
	case strings.HasPrefix(rest, " UTC"), strings.HasPrefix(rest, " GMT"):
		return "Z", i + 4
	case len(rest) >= 6 && (rest[0] == '+' || rest[0] == '-') && digit(rest[1]) && digit(rest[2]) && rest[3] == ':' && digit(rest[4]) && digit(rest[5]):
		return rest[:6], i + 6
	}
	return "", i
}

package grounding

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what kind of value a claim is about.
type Kind int

// The kinds.
const (
	Any    Kind = iota // not judged: a quote that stands is enough. Booleans are of this kind
	Text               // a text, be it a name, a date, an amount with its unit
	Number             // a number
	Choice             // one of Value.Choices, the words of an enumeration
)

// Value is a value of an answer, as Index.Ground judges whether a quote supports it.
type Value struct {
	Kind    Kind
	Text    string   // of a Number its JSON form
	Choices []string // of a Choice all words of the enumeration
}

// Supports reports whether a value stands in a text of the source in any of its forms.
//
// A Text stands there when its letters and figures do: case, white space, hyphenation and punctuation do not count; a date in any
// of its forms (2026-02-03, 3 February 2026, 03.02.2026, 02/03/2026); an amount when its number does, with its sign, and its unit
// beside it; a currency's code when its sign does; a name in the order "Doe, Jane". A Number stands there in any form: 1.234,50 and 1,234.50 are
// 1234.5, 12 % is 12 and 0.12, 3 million is 3000000. A Choice is contradicted only by a quote that has another word of the
// enumeration and not this one. A value never stands in a part of a longer word or number.
func Supports(quote string, v Value) bool { return supports(Fold(quote), v, orderUnknown) }

// supports judges a folded quote; known is the order of numeric dates in the source.
func supports(quote string, v Value, known order) bool {
	switch v.Kind {
	case Any:
		return true
	case Number:
		d, ok := parseDecimal(v.Text)
		return ok && hasNumber(quote, d)
	case Choice:
		return !contradicts(quote, v)
	}
	return hasText(quote, v.Text, known)
}

// hasNumber reports whether a number stands in a folded text, in figures or words.
func hasNumber(text string, d decimal) bool {
	found := false
	numbersIn(text, func(n foundNumber) { found = found || n.value == d })
	if found {
		return true
	}
	words := numberWords(d)
	if len(words) == 0 {
		return false
	}
	text = lower(text)
	for _, w := range words {
		if hasWhole(text, w) {
			return true
		}
	}
	return false
}

// contradicts reports whether a quote has another word of an enumeration and not the one that was chosen.
func contradicts(quote string, v Value) bool {
	quote = spoken(quote)
	if hasWhole(quote, spoken(v.Text)) {
		return false
	}
	for _, c := range v.Choices {
		if hasWhole(quote, spoken(c)) {
			return true
		}
	}
	return false
}

// spoken writes the word of an enumeration as a text would: fleet_card as "fleet card".
func spoken(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' {
			return ' '
		}
		return r
	}, lower(Fold(s)))
}

// hasText reports whether a text value stands in a folded quote in one of its forms.
func hasText(quote, value string, known order) bool {
	value = strings.Trim(lower(Fold(value)), ` .,;:"'`)
	if value == "" {
		return false
	}
	low := lower(quote)
	if currencyOf(value) != "" {
		return hasCurrency(low, value)
	}
	a, isAmount := parseAmount(value)
	if isAmount && a.money { // its sign and its currency count
		return a.standsIn(low)
	}
	if hasWhole(low, value) || hasCompact(low, value) {
		return true
	}
	if d, ok := wholeDate(value); ok {
		return hasDate(low, d, known)
	}
	return isAmount && a.standsIn(low) || hasSwapped(low, value) || hasAddress(low, value)
}

// hasWhole reports whether words stand in a text without being cut out of longer words or numbers.
func hasWhole(text, words string) bool {
	return indexWhole(text, words) >= 0
}

// indexWhole returns where words stand in a text as hasWhole means it, -1 when they do not.
func indexWhole(text, words string) int {
	if words == "" {
		return -1
	}
	for from := 0; ; {
		i := strings.Index(text[from:], words)
		if i < 0 {
			return -1
		}
		i += from
		if edges(text, i, i+len(words)) == whole {
			return i
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		from = i + n
	}
}

// minCompact is the least number of letters and figures that are compared without what stands between them.
const minCompact = 5

// hasCompact compares letters and figures alone, so that DE89 3704 is DE893704, and e-mail is email. It begins and ends at the borders of words.
// Beside figures the signs, currencies and comparisons must agree, too.
func hasCompact(text, value string) bool {
	want, _ := compact(value)
	if len(want) < minCompact || isFigures(value) {
		return false
	}
	have, at := compact(text)
	for from := 0; ; {
		i := strings.Index(have[from:], want)
		if i < 0 {
			return false
		}
		i += from
		start := at[i]
		_, n := utf8.DecodeRuneInString(text[at[i+len(want)-1]:])
		if end := at[i+len(want)-1] + n; edges(text, start, end) == whole && sameSymbols(text, start, end, value) {
			return true
		}
		_, n = utf8.DecodeRuneInString(have[i:])
		from = i + n
	}
}

// isFigures reports whether a value is a number with a sign or separators, which is compared as one. Figures with zeros before
// them, and those that are grouped as no number is, are a mark, such as a telephone number.
func isFigures(value string) bool {
	bare := strings.TrimLeft(value, "-")
	if strings.Trim(bare, "0123456789") == "" {
		return bare != value
	}
	one := false
	numbersIn(bare, func(n foundNumber) { one = one || n.start == 0 && n.end == len(bare) })
	mark := len(bare) > 1 && bare[0] == '0' && isDigit(bare[1])
	return one && !mark
}

// compact keeps letters and figures, and the separators between figures of a number; at says where each byte's character came from.
func compact(s string) (string, []int) {
	out := make([]byte, 0, len(s))
	at := make([]int, 0, len(s))
	for i, r := range s {
		keep := unicode.IsLetter(r) || unicode.IsDigit(r)
		if (r == '.' || r == ',') && i > 0 && i+1 < len(s) {
			keep = isDigit(s[i-1]) && isDigit(s[i+1])
		}
		if !keep {
			continue
		}
		n := len(out)
		out = utf8.AppendRune(out, r)
		for range len(out) - n {
			at = append(at, i)
		}
	}
	return string(out), at
}

// sameSymbols reports whether what stands at [start,end) of a text has the signs, currencies and comparisons of a value. Those that stand
// before or behind it count when the value has such ones there.
func sameSymbols(text string, start, end int, value string) bool {
	if !strings.ContainsAny(value, "0123456789") {
		return true
	}
	outside := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	if head := value[:len(value)-len(strings.TrimLeftFunc(value, outside))]; strings.Trim(head, " ([{\"'") != "" {
		start = max(len(strings.TrimRightFunc(text[:start], outside)), start-12)
	}
	if tail := value[len(strings.TrimRightFunc(value, outside)):]; strings.Trim(tail, " )]}\"'") != "" {
		end = min(len(text)-len(strings.TrimLeftFunc(text[end:], outside)), end+12)
	}
	return symbols(text[start:end]) == symbols(value)
}

// symbols keeps what changes the meaning of figures: a minus, a currency, a comparison, a percent sign. A plus changes nothing.
func symbols(s string) string {
	var out []rune
	before := ' '
	for i, r := range s {
		switch {
		case r == '-':
			next, _ := utf8.DecodeRuneInString(s[i+1:])
			if !wordy(before) && (unicode.IsDigit(next) || unicode.Is(unicode.Sc, next)) || unicode.IsDigit(before) && !wordy(next) && next != ' ' && i+1 < len(s) {
				out = append(out, r)
			}
		case r != '+' && unicode.In(r, unicode.Sc, unicode.Sm, unicode.No) || r == '%' || r == '‰' || r == '°':
			out = append(out, r)
		}
		before = r
	}
	return string(out)
}

// moment is a date, with a time of day when it has one.
type moment struct {
	day
	clock string // such as "14:30", "" for none or midnight
}

// wholeDate reads a value that is nothing but one date. value is folded and in lower case.
func wholeDate(value string) (moment, bool) {
	var m moment
	date, rest := value, ""
	if len(value) > 10 && (value[10] == 't' || value[10] == ' ') && value[4] == '-' {
		date, rest = value[:10], value[11:]
	}
	if rest != "" {
		clock, ok := wholeClock(rest)
		if !ok {
			return m, false
		}
		if clock != "00:00" {
			m.clock = clock
		}
	}
	n := 0
	datesIn(date, func(d foundDate) {
		if d.start == 0 && d.end == len(date) && d.order != monthFirst {
			m.day = d.date
			n++
		}
	})
	return m, n == 1
}

// wholeClock reads a text that is nothing but a time of day with its zone, such as 14:30, 14:30:00.000z, 2:30 pm and 14:30 +01:00, as 14:30.
func wholeClock(s string) (clock string, ok bool) {
	hour, rest := cutFigures(s)
	rest, ok = strings.CutPrefix(rest, ":")
	minute, rest := cutFigures(rest)
	h := valueOf(hour)
	if !ok || hour == "" || len(hour) > 2 || h > 24 || len(minute) != 2 || minute > "59" {
		return "", false
	}
	if tail, found := strings.CutPrefix(rest, ":"); found {
		second, tail := cutFigures(tail)
		if len(second) != 2 || second > "60" {
			return "", false
		}
		if fraction, found := strings.CutPrefix(tail, "."); found {
			second, tail = cutFigures(fraction)
			if second == "" {
				return "", false
			}
		}
		rest = tail
	}
	rest = strings.TrimPrefix(rest, " ")
	for _, half := range []string{"am", "pm"} {
		tail, found := strings.CutPrefix(rest, half)
		if !found || h < 1 || h > 12 {
			continue
		}
		rest = strings.TrimPrefix(tail, " ")
		if h %= 12; half == "pm" {
			h += 12
		}
		break
	}
	return string([]byte{'0' + byte(h/10), '0' + byte(h%10)}) + ":" + minute, isZone(rest) //nolint:gosec // G115: an hour
}

// cutFigures cuts the figures off that a text begins with.
func cutFigures(s string) (figures, rest string) {
	rest = strings.TrimLeft(s, "0123456789")
	return s[:len(s)-len(rest)], rest
}

// isZone reports whether a text is a zone of time, such as z, cet, +01:00 and utc+1, or none.
func isZone(s string) bool {
	switch s {
	case "", "z", "h", "uhr", "utc", "gmt", "bst", "wet", "cet", "cest", "eet", "eest", "est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt", "ist", "jst":
		return true
	}
	s = strings.TrimPrefix(strings.TrimPrefix(s, "utc"), "gmt")
	if s == "" || s[0] != '+' && s[0] != '-' {
		return false
	}
	hour, rest := cutFigures(s[1:])
	if len(hour) == 4 && rest == "" {
		return true
	}
	minute, after := cutFigures(strings.TrimPrefix(rest, ":"))
	return (len(hour) == 1 || len(hour) == 2) && after == "" && (rest == "" || rest[0] == ':' && len(minute) == 2)
}

// hasDate reports whether a date stands in a text in one of its forms. Of the orders of a numeric date those are tried
// that the source allows.
func hasDate(text string, m moment, known order) bool {
	found := false
	datesIn(text, func(d foundDate) {
		same := d.date == m.day || m.day.day == 0 && d.date.year == m.year && d.date.month == m.month
		found = found || same && d.allowed(known)
	})
	return found && (m.clock == "" || hasClock(text, m.clock))
}

// allowed reports whether a reading agrees with the order of the source's dates. With dots the day comes first, unless the source
// says otherwise.
func (d *foundDate) allowed(known order) bool {
	if known == orderUnknown && d.dotted {
		known = dayFirst
	}
	return d.order == orderUnknown || known == orderUnknown || d.order == known
}

// hasClock reports whether a time of day such as 14:30 stands in a text, be it as 14.30, 2:30 or 2.30 pm.
func hasClock(text, clock string) bool {
	hour := int(clock[0]-'0')*10 + int(clock[1]-'0')
	minute := clock[3:5]
	list := pieces(text)
	for i := range list {
		if list[i].kind != '0' || list[i].end-list[i].start > 2 {
			continue
		}
		h, next := list[i].value, i+1
		exact := minute == "00"
		if i+2 < len(list) && (list[i+1].kind == ':' || list[i+1].kind == '.' || list[i+1].kind == 'a' && text[list[i+1].start:list[i+1].end] == "h") &&
			text[list[i+2].start:list[i+2].end] == minute {
			exact, next = true, i+3
			if h == hour {
				return true
			}
		}
		if exact && next < len(list) && list[next].kind == 'a' {
			switch half := text[list[next].start:list[next].end]; {
			case half == "p" || half == "pm":
				h = h%12 + 12
			case half == "a" || half == "am":
				h %= 12
			case half != "h" && half != "uhr":
				continue
			}
			if h == hour {
				return true
			}
		}
	}
	return false
}

// hasSwapped reports whether a name stands in a text with its parts in the other order: "Jane Doe" as "Doe, Jane".
func hasSwapped(text, value string) bool {
	if last, first, ok := strings.Cut(value, ", "); ok {
		return first != "" && !strings.Contains(first, ",") && hasWhole(text, first+" "+last)
	}
	words := strings.Fields(value)
	if len(words) < 2 || len(words) > 4 || strings.ContainsAny(value, "0123456789") {
		return false
	}
	n := len(words) - 1
	return hasWhole(text, words[n]+", "+strings.Join(words[:n], " "))
}

// hasAddress reports whether a web address stands in a text without its scheme.
func hasAddress(text, value string) bool {
	bare, ok := strings.CutPrefix(value, "https://")
	if !ok {
		bare, ok = strings.CutPrefix(value, "http://")
	}
	bare = strings.TrimSuffix(bare, "/")
	return ok && len(bare) > 3 && (hasWhole(text, bare) || hasWhole(text, strings.TrimPrefix(bare, "www.")))
}

// lower is strings.ToLower for letters whose lower case has as many bytes; other letters stay, so that places in the text do.
func lower(s string) string {
	plain := true
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			out = append(out, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if l := unicode.ToLower(r); utf8.RuneLen(l) == n && r != utf8.RuneError {
			out = utf8.AppendRune(out, l)
		} else {
			out = append(out, s[i:i+n]...)
		}
		i += n
	}
	return string(out)
}

package builtin

import (
	"encoding/json"
	"strconv"
	"strings"
)

// numberWords are spelled-out numbers up to a hundred.
const numberWords = "zero=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 eleven=11 twelve=12 thirteen=13 fourteen=14 " +
	"fifteen=15 sixteen=16 seventeen=17 eighteen=18 nineteen=19 twenty=20 twenty-four=24 thirty=30 thirty-six=36 forty=40 forty-five=45 fifty=50 sixty=60 seventy=70 eighty=80 ninety=90 " +
	"ein=1 einem=1 zwei=2 drei=3 vier=4 fünf=5 sechs=6 zwölf=12 un=1 deux=2 trois=3 quatre=4 "

// spelled returns the number that a word spells.
func spelled(w string) (int, bool) {
	w = strings.ToLower(w)
	i := strings.Index(" "+numberWords, " "+w+"=")
	if i < 0 || w == "" || strings.Contains(w, "=") {
		return 0, false
	}
	n, _ := integer(numberWords, i+len(w)+1, 3)
	return n, true
}

// quantity is a number with a unit: "30 days", "thirty (30) days", "two months'", "84,300 km", "24-month".
type quantity struct {
	start, end int
	text       string // normalized number
	unit       string
}

// quantities returns the numbers with units of text.
func (f *filler) quantities(text string) []quantity {
	var out []quantity
	ns := numbers(hyphenated(text), f.src.style.comma)
	n := 0
	for i := 0; i < len(text); {
		s, e := nextWord(text, i)
		if s < 0 {
			break
		}
		i = e
		for n < len(ns) && ns[n].ns < s {
			n++
		}
		num, start, end := "", s, e
		if n < len(ns) && ns[n].ns == s {
			num, end = ns[n].text, ns[n].ne
		} else if v, ok := spelled(text[s:e]); ok {
			num = strconv.Itoa(v)
		} else {
			continue
		}
		if u, ue := unitBehind(text, end); u != "" {
			out = append(out, quantity{start, ue, num, u})
			i = ue
		} else {
			i = max(end, e)
		}
	}
	return out
}

// hyphenated makes "24-month" readable as a number with its unit: a hyphen between a digit and a letter becomes a blank.
func hyphenated(text string) string {
	if !strings.Contains(text, "-") {
		return text
	}
	b := []byte(text)
	for i := 1; i+1 < len(b); i++ {
		if b[i] == '-' && digit(b[i-1]) && asciiLetter(b[i+1]) {
			b[i] = ' '
		}
	}
	return string(b)
}

// unitBehind reads the unit behind a number; "(30)", "calendar", "business", "working" and a hyphen may stand between.
func unitBehind(text string, i int) (unit string, end int) {
	if i < len(text) && text[i] == '-' {
		i++
	}
	for range 3 {
		s, e := nextWord(text, i)
		if s < 0 || s-i > 2 {
			return "", i
		}
		if strings.ContainsAny(text[i:s], ".,;:/") {
			return "", i
		}
		if e < len(text) && strings.HasPrefix(text[e:], "²") {
			e += len("²")
		}
		w := text[s:e]
		if u := unitOf(w); u != "" && w != "in" {
			return u, e
		}
		if !among(strings.ToLower(w), " calendar business working consecutive full additional clear ") && (!hasDigit(w) || s == i || text[s-1] != '(') {
			return "", i
		}
		i = e
		if i < len(text) && text[i] == ')' {
			i++
		}
	}
	return "", i
}

// measure reads the number that has the field's unit. Years count as twelve months.
func (f *filler) measure(fd *field, text string, h how) (reading, bool) {
	for _, q := range f.quantities(text) {
		if !atLead(text, q.start, h) {
			return reading{}, false
		}
		v, err := strconv.ParseFloat(q.text, 64)
		switch {
		case err != nil:
			continue
		case q.unit == fd.unit:
		case q.unit == "years" && fd.unit == "months":
			v *= 12
		default:
			continue
		}
		if fd.node.typ == "integer" && v != float64(int64(v)) {
			continue
		}
		return reading{json.RawMessage(strconv.FormatFloat(v, 'f', -1, 64)), q.start, q.end, 1}, true
	}
	return reading{}, false
}

// readDuration reads a span of time as it is printed; a short text behind the label counts as one.
func readDuration(text string, h how) (reading, bool) {
	f := &filler{src: &source{}}
	for _, q := range f.quantities(text) {
		if !among(q.unit, " days months years weeks hours ") || !atLead(text, q.start, h) {
			continue
		}
		return reading{jsonString(fold(text[q.start:q.end])), q.start, q.end, 0.95}, true
	}
	if h == howCell && len(text) < 60 && !nothing(text) && !strings.HasSuffix(text, ".") {
		return reading{jsonString(fold(text)), 0, len(text), 0.8}, true
	}
	return reading{}, false
}

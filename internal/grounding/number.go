package grounding

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// decimal is a number in the one form in which numbers are compared: a sign, digits without zeros at their ends, a power of
// ten, such as "-1245e-1" for -124.50. Zero is "0".
type decimal string

// maxDigits bounds the figures of a number that is compared; longer ones are no numbers but marks.
const maxDigits = 40

// decimalOf makes a decimal of figures, which may have zeros at both ends.
func decimalOf(negative bool, digits string, exponent int) decimal {
	digits = strings.TrimLeft(digits, "0")
	n := len(digits)
	digits = strings.TrimRight(digits, "0")
	if digits == "" {
		return "0"
	}
	text := digits + "e" + strconv.Itoa(exponent+n-len(digits))
	if negative {
		text = "-" + text
	}
	return decimal(text)
}

// negated returns -d.
func (d decimal) negated() decimal {
	if rest, ok := strings.CutPrefix(string(d), "-"); ok {
		return decimal(rest)
	}
	if d == "0" {
		return d
	}
	return "-" + d
}

// scaled returns d times ten to the power of n.
func (d decimal) scaled(n int) decimal {
	digits, exponent, ok := strings.Cut(string(d), "e")
	if !ok || n == 0 {
		return d
	}
	e, err := strconv.Atoi(exponent)
	if err != nil {
		return d // not one of ours
	}
	return decimal(digits + "e" + strconv.Itoa(e+n))
}

// parseDecimal reads a number as JSON writes it.
func parseDecimal(text string) (decimal, bool) {
	text, negative := strings.CutPrefix(text, "-")
	mantissa, power, scientific := strings.Cut(strings.ToLower(text), "e")
	exponent := 0
	if scientific {
		e, err := strconv.Atoi(power)
		if err != nil || e > 400 || e < -400 {
			return "", false
		}
		exponent = e
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || len(digits) > 2*maxDigits || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	return decimalOf(negative, digits, exponent-len(fraction)), true
}

// foundNumber is one way to read figures that stand in a text.
type foundNumber struct {
	start, end int // bytes of the folded text
	value      decimal
}

// numbersIn lists every way to read the figures of a folded text as numbers: 1.234 is 1.234 and 1234, 12 % is 12 and 0.12,
// 5 million is 5 and 5000000, (5) and 5- are 5 and -5. What is part of a number is none: 234.50 does not stand in 1,234.50.
func numbersIn(text string, yield func(n foundNumber)) {
	r := numberReader{text: text, yield: yield}
	for i := 0; i < len(text); {
		if !isDigit(text[i]) {
			i++
			continue
		}
		figures := r.figures(i)
		r.token(figures)
		r.spaced(figures)
		i = figures.end
	}
}

// numberReader reads the numbers of one text.
type numberReader struct {
	text  string
	yield func(n foundNumber)
}

// figures are groups of digits with one separator between each two.
type figures struct {
	start, end int
	groups     []string
	marks      []byte // one fewer than groups
}

// maxGroups bounds the groups of one number.
const maxGroups = 12

// figures reads the groups that begin at i.
func (r *numberReader) figures(i int) figures {
	f := figures{start: i, end: i}
	for {
		j := f.end
		for j < len(r.text) && isDigit(r.text[j]) {
			j++
		}
		f.groups = append(f.groups, r.text[f.end:j])
		f.end = j
		if j+1 >= len(r.text) || !isDigit(r.text[j+1]) || len(f.groups) == maxGroups {
			return f
		}
		c := r.text[j]
		if c != '.' && c != ',' && c != '\'' {
			return f
		}
		f.marks = append(f.marks, c)
		f.end++
	}
}

// token yields the readings of groups without blanks.
func (r *numberReader) token(f figures) {
	found := false
	emit := func(d decimal) {
		found = true
		r.variants(f.start, f.end, d)
	}
	f.readings(emit)
	if found {
		return
	}
	at := f.start // a date or a version: each group is a number of its own
	for _, g := range f.groups {
		if len(g) <= maxDigits {
			r.yield(foundNumber{at, at + len(g), decimalOf(false, g, 0)})
		}
		at += len(g) + 1
	}
}

// readings yields what the groups may mean as one number.
func (f *figures) readings(yield func(d decimal)) {
	n := len(f.groups)
	total := 0
	for _, g := range f.groups {
		total += len(g)
	}
	if total > maxDigits {
		return
	}
	all := strings.Join(f.groups, "")
	if n == 1 {
		yield(decimalOf(false, all, 0))
		return
	}
	last := f.groups[n-1]
	point := f.marks[n-2]
	if grouped(f.groups) && same(f.marks) {
		yield(decimalOf(false, all, 0))
	}
	if point != '\'' && (n == 2 || grouped(f.groups[:n-1]) && same(f.marks[:n-2]) && f.marks[0] != point) {
		yield(decimalOf(false, all, -len(last)))
	}
}

// grouped reports whether groups are those of one whole number: 1 234 567, or 12 34 567 as in India.
func grouped(groups []string) bool {
	n := len(groups)
	if n == 1 {
		return true
	}
	if len(groups[0]) > 3 || groups[0] == "0" || len(groups[n-1]) != 3 {
		return false
	}
	threes, twos := true, len(groups[0]) <= 2
	for _, g := range groups[1 : n-1] {
		threes, twos = threes && len(g) == 3, twos && len(g) == 2
	}
	return threes || twos
}

// same reports whether all separators are one.
func same(marks []byte) bool {
	for _, c := range marks {
		if c != marks[0] {
			return false
		}
	}
	return true
}

// spaced yields the numbers that begin with f and go on behind single blanks: 1 234 567,50.
func (r *numberReader) spaced(f figures) {
	if len(f.marks) > 0 || len(f.groups[0]) > 3 || f.groups[0] == "0" {
		return
	}
	digits, end := f.groups[0], f.end
	for range 4 {
		if end+1 >= len(r.text) || r.text[end] != ' ' || !isDigit(r.text[end+1]) {
			return
		}
		next := r.figures(end + 1)
		if len(next.groups[0]) != 3 || len(next.groups) > 2 || len(next.marks) == 1 && next.marks[0] == '\'' {
			return
		}
		digits, end = digits+next.groups[0], next.end
		if len(next.groups) == 2 {
			r.variants(f.start, end, decimalOf(false, digits+next.groups[1], -len(next.groups[1])))
			return
		}
		r.variants(f.start, end, decimalOf(false, digits, 0))
	}
}

// variants yields d with the signs and sizes that its surroundings allow, each with the signs and words that make it so.
func (r *numberReader) variants(start, end int, d decimal) {
	plus, minus, from, to := r.signs(start, end)
	emit := func(end int, d decimal) {
		if plus {
			r.yield(foundNumber{start, end, d})
		}
		if minus {
			r.yield(foundNumber{from, max(to, end), d.negated()})
		}
	}
	emit(end, d)
	if n, length := r.scale(end); n != 0 {
		emit(end+length, d.scaled(n))
	}
}

// signs says which signs a number may have, and from where to where a negative one goes. A hyphen tight before it is a minus
// unless a word or a number stands before the hyphen; brackets around it, a hyphen tight behind it and the word minus allow both.
func (r *numberReader) signs(start, end int) (plus, minus bool, from, to int) {
	before := strings.TrimRight(r.text[:start], "$€£¥")
	after := r.text[end:]
	if head, ok := strings.CutSuffix(before, "-"); ok {
		from = len(head)
		if head == "" || !wordyByte(head[len(head)-1]) {
			head = strings.TrimRight(head, " ")
			return head != "" && isDigit(head[len(head)-1]), true, from, end
		}
		return true, false, start, end
	}
	closing := closingBracket(after)
	switch {
	case strings.HasSuffix(before, "(") && closing >= 0:
		return true, true, len(before) - 1, end + closing + 1
	case strings.HasPrefix(after, "-") && (len(after) == 1 || !wordyByte(after[1]) || currencyAfter(strings.ToLower(after[1:min(len(after), 9)])) != ""):
		return true, true, start, end + 1
	case strings.HasSuffix(strings.ToLower(before[max(len(before)-6, 0):]), "minus "):
		return true, true, len(before) - 6, end
	}
	return true, false, start, end
}

// closingBracket returns where the bracket stands that closes behind a number, -1 when more stands before it than a currency, a size and
// blanks: "(5 items)" says what 5 is and does not make it negative.
func closingBracket(after string) int {
	after = after[:min(len(after), 24)]
	for i := 0; i < len(after); {
		rest := after[i:]
		if rest[0] == ')' {
			return i
		}
		n := len(rest) - len(strings.TrimLeftFunc(rest, unicode.IsLetter))
		if word := strings.ToLower(rest[:n]); n > 0 && currencyOf(word) == "" && powerOf(word, i == 0) == 0 {
			return -1
		}
		if n == 0 {
			var r rune
			if r, n = utf8.DecodeRuneInString(rest); !strings.ContainsRune(" %‰", r) && !unicode.Is(unicode.Sc, r) {
				return -1
			}
		}
		i += n
	}
	return -1
}

// wordyByte reports whether a byte is part of a word or a number.
func wordyByte(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// scale returns the power of ten that a word or sign behind a number stands for, and the bytes up to its end; 0 when there is none.
func (r *numberReader) scale(end int) (power, length int) {
	rest := r.text[end:]
	tight := strings.TrimPrefix(rest, " ")
	blank := len(rest) - len(tight)
	switch {
	case strings.HasPrefix(tight, "%"):
		return -2, blank + 1
	case strings.HasPrefix(tight, "‰"):
		return -3, blank + len("‰")
	}
	n := 0
	for n < len(tight) && n < 12 && wordyByte(tight[n]) && !isDigit(tight[n]) {
		n++
	}
	power = powerOf(strings.ToLower(tight[:n]), blank == 0)
	return power, blank + n
}

// powerOf returns the power of ten that a word stands for. Single letters mean one only when they stand tight behind the figures.
func powerOf(word string, tight bool) int {
	switch word {
	case "percent", "prozent":
		return -2
	case "thousand", "tsd", "tausend", "mille", "mil":
		return 3
	case "lakh":
		return 5
	case "million", "millions", "millionen", "millones", "millón", "mio", "mln", "mn":
		return 6
	case "crore":
		return 7
	case "billion", "billions", "bn", "mrd", "milliarde", "milliarden", "milliard", "milliards":
		return 9
	case "k":
		if tight {
			return 3
		}
	case "m":
		if tight {
			return 6
		}
	}
	return 0
}

// numberWords are small numbers in words, in English, German, French and Spanish.
func numberWords(d decimal) []string {
	switch d {
	case "0":
		return []string{"zero", "null", "zéro", "cero", "nil"}
	case "1e0":
		return []string{"one", "eins", "ein", "eine", "un", "une", "uno", "una", "once", "first"}
	case "2e0":
		return []string{"two", "zwei", "deux", "dos", "twice", "second"}
	case "3e0":
		return []string{"three", "drei", "trois", "tres", "third"}
	case "4e0":
		return []string{"four", "vier", "quatre", "cuatro", "fourth"}
	case "5e0":
		return []string{"five", "fünf", "cinq", "cinco", "fifth"}
	case "6e0":
		return []string{"six", "sechs", "seis", "sixth"}
	case "7e0":
		return []string{"seven", "sieben", "sept", "siete", "seventh"}
	case "8e0":
		return []string{"eight", "acht", "huit", "ocho", "eighth"}
	case "9e0":
		return []string{"nine", "neun", "neuf", "nueve", "ninth"}
	case "1e1":
		return []string{"ten", "zehn", "dix", "diez", "tenth"}
	case "11e0":
		return []string{"eleven", "elf", "onze"}
	case "12e0":
		return []string{"twelve", "zwölf", "douze", "doce"}
	case "14e0":
		return []string{"fourteen", "vierzehn", "quatorze", "catorce"}
	case "15e0":
		return []string{"fifteen", "fünfzehn", "quinze", "quince"}
	case "2e1":
		return []string{"twenty", "zwanzig", "vingt", "veinte"}
	case "3e1":
		return []string{"thirty", "dreißig", "dreissig", "trente", "treinta"}
	case "6e1":
		return []string{"sixty", "sechzig", "soixante", "sesenta"}
	case "9e1":
		return []string{"ninety", "neunzig", "noventa"}
	case "1e2":
		return []string{"hundred", "hundert", "cien"}
	}
	return nil
}

// CanonicalNumber brings a number as JSON writes it into a form that equal numbers share: 1, 1.0 and 10e-1 are the same.
// false when text is no such number, or one of more than 80 figures.
func CanonicalNumber(text string) (string, bool) {
	d, ok := parseDecimal(text)
	return string(d), ok
}

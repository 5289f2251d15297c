package grounding

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// amount is a text that is one number with a sign and with units beside it, such as "-12.50 EUR", "< 5 %" and "30 days".
type amount struct {
	values []decimal // the readings of its figures
	units  []string  // at most one from before and one from behind the figures, in lower case
	money  bool      // a unit is a currency
}

// maxUnit is the longest unit of an amount, in bytes.
const maxUnit = 20

// parseAmount reads a value that is nothing but one amount. value is folded and in lower case. Figures with zeros before them are a mark.
func parseAmount(value string) (amount, bool) {
	first := strings.IndexAny(value, "0123456789")
	last := strings.LastIndexAny(value, "0123456789") + 1
	if first < 0 || strings.Trim(value[first:last], "0123456789.,' ") != "" {
		return amount{}, false
	}
	figures := value[first:last]
	if len(figures) > 1 && figures[0] == '0' && isDigit(figures[1]) {
		return amount{}, false
	}
	before, after, negative, ok := cutSign(strings.TrimLeft(value[:first], " "), strings.TrimRight(value[last:], " "))
	if !ok {
		return amount{}, false
	}
	var a amount
	for _, u := range []string{before, strings.TrimPrefix(after, "-")} {
		if u = strings.TrimSpace(u); u == "" {
			continue
		}
		if len(u) > maxUnit {
			return amount{}, false
		}
		a.units = append(a.units, u)
		a.money = a.money || currencyOf(u) != ""
	}
	numbersIn(figures, func(n foundNumber) {
		if n.start != 0 || n.end != len(figures) {
			return
		}
		if negative {
			n.value = n.value.negated()
		}
		a.values = append(a.values, n.value)
	})
	return a, len(a.values) > 0
}

// cutSign takes the sign of an amount from what stands before and behind its figures: -5, -$5, $-5, 5- and ($5) are negative. false when a
// hyphen joins the figures to a word, as in a mark.
func cutSign(before, after string) (head, tail string, negative, ok bool) {
	if head, found := strings.CutSuffix(before, "-"); found {
		return head, after, true, head == "" || !wordyByte(head[len(head)-1])
	}
	if head, found := strings.CutPrefix(before, "-"); found {
		return head, after, true, true
	}
	if tail, found := strings.CutPrefix(after, "-"); found && (tail == "" || currencyOf(strings.TrimSpace(tail)) != "") {
		return before, tail, true, true
	}
	if head, found := strings.CutPrefix(before, "("); found && strings.Contains(after, ")") {
		head, tail := strings.TrimSpace(head), strings.TrimSpace(strings.Replace(after, ")", "", 1))
		paid := head+tail != ""
		for _, u := range []string{head, tail} {
			paid = paid && (u == "" || currencyOf(u) != "")
		}
		if paid {
			return head, tail, true, true
		}
	}
	return strings.TrimSuffix(before, "+"), after, false, true
}

// standsIn reports whether an amount stands in a folded text in lower case: its number, with its sign, and its units beside it.
func (a *amount) standsIn(text string) bool {
	found := false
	numbersIn(text, func(n foundNumber) {
		found = found || slices.Contains(a.values, n.value) && a.unitsAt(text, n.start, n.end)
	})
	if found {
		return true
	}
	for _, d := range a.values {
		for _, word := range numberWords(d) {
			for from := 0; ; {
				i := indexWhole(text[from:], word)
				if i < 0 {
					break
				}
				i += from
				from = i + len(word)
				if edges(text, i, from) == whole && a.unitsAt(text, i, from) {
					return true
				}
			}
		}
	}
	return false
}

// unitsAt reports whether the units stand beside the number at [start,end) of a text, which may have its sign and brackets with it.
func (a *amount) unitsAt(text string, start, end int) bool {
	from, to := start, end
	if i := strings.IndexAny(text[start:end], "0123456789"); i > 0 {
		from += i
	}
	if strings.HasSuffix(text[:end], ")") { // the unit is in the brackets
		to = start + strings.LastIndexAny(text[start:end], "0123456789") + 1
	}
	left, tight := leftOf(text[:from], start < from)
	right := rightOf(text[to:])
	for _, u := range a.units {
		code := currencyOf(u)
		if code == "" {
			if !endsInUnit(left, u, tight) && !beginsWithUnit(right, u) {
				return false
			}
			continue
		}
		lead, trail := currencyBefore(left, tight), currencyAfter(right)
		if lead != "" && sameCurrency(text, lead, u) {
			continue
		}
		if trail == "" || !sameCurrency(text, trail, u) || lead != "" && !loose(lead, code) {
			return false
		}
	}
	return true
}

// maxGap is how many blanks and brackets may stand between a number and its unit.
const maxGap = 3

// leftOf is a text up to a number without the blanks, brackets and signs at its end, "" when those are too many. tight tells that there were
// none.
func leftOf(text string, signed bool) (left string, tight bool) {
	marks, most := " :()[]|", maxGap
	if signed {
		marks, most = marks+"-+", maxGap+1
	}
	left = strings.TrimRight(text, marks)
	if len(text)-len(left) > most {
		return "", false
	}
	return left, len(left) == len(text)
}

// rightOf is a text behind a number without the blanks and brackets at its beginning, "" when those are too many.
func rightOf(text string) string {
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		return rest
	}
	right := strings.TrimLeft(text, " ()[]|")
	if len(text)-len(right) > maxGap {
		return ""
	}
	return right
}

// endsInUnit reports whether a text ends in a unit that is not that of another number: "30" has none in "14 days 30".
func endsInUnit(text, unit string, tight bool) bool {
	head, ok := strings.CutSuffix(text, unit)
	if !ok {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(head)
	first, _ := utf8.DecodeRuneInString(unit)
	if sameWord(last, first) || isComparison(last) && isComparison(first) {
		return false
	}
	return tight || !endsInFigure(head)
}

// endsInFigure reports whether a number stands right before.
func endsInFigure(text string) bool {
	text = strings.TrimRight(text, " ")
	return text != "" && isDigit(text[len(text)-1])
}

// beginsWithUnit reports whether a text begins with a unit, which is not a part of a longer word.
func beginsWithUnit(text, unit string) bool {
	rest, ok := strings.CutPrefix(text, unit)
	last, _ := utf8.DecodeLastRuneInString(unit)
	next, _ := utf8.DecodeRuneInString(rest)
	return ok && !sameWord(last, next)
}

func isComparison(r rune) bool {
	return strings.ContainsRune("<>=≤≥≠≈±~", r) && r != utf8.RuneError
}

// currencyBefore returns the currency that a text ends in, "" for none and for one that belongs to the number before it.
func currencyBefore(text string, tight bool) string {
	head := text
	r, n := utf8.DecodeLastRuneInString(head)
	if unicode.Is(unicode.Sc, r) {
		head = head[:len(head)-n]
	}
	head = strings.TrimRightFunc(head, unicode.IsLetter)
	if !tight && endsInFigure(head) && !paidBefore(head) {
		return ""
	}
	return currency(text[len(head):])
}

// paidBefore reports whether the number that a text ends in has a currency before it, and so needs none behind it.
func paidBefore(text string) bool {
	head := strings.TrimRight(text, "0123456789.,' ")
	if r, _ := utf8.DecodeLastRuneInString(head); unicode.Is(unicode.Sc, r) {
		return true
	}
	return currencyOf(head[len(strings.TrimRightFunc(head, unicode.IsLetter)):]) != ""
}

// currencyAfter returns the currency that a text begins with, "" for none.
func currencyAfter(text string) string {
	rest := strings.TrimLeftFunc(text, unicode.IsLetter)
	r, n := utf8.DecodeRuneInString(rest)
	if unicode.Is(unicode.Sc, r) {
		rest = rest[n:]
	}
	return currency(text[:len(text)-len(rest)])
}

// currency returns what it is given when that is a currency, else "".
func currency(word string) string {
	if currencyOf(word) == "" {
		return ""
	}
	return word
}

// cutsAmount reports whether an amount at i of a text lacks the minus, the bracket or a part of the currency that stands before it.
func cutsAmount(text string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	first, _ := utf8.DecodeRuneInString(text[i:])
	if before == '-' {
		head, _ := utf8.DecodeLastRuneInString(text[:i-1])
		return !wordy(head)
	}
	return before == '(' || unicode.Is(unicode.Sc, first) && unicode.IsLetter(before)
}

// hasCurrency reports whether a currency stands in a text by its sign or its code.
func hasCurrency(text, value string) bool {
	code := currencyOf(value)
	if hasWhole(text, code) {
		return true
	}
	for i, r := range text {
		if !unicode.Is(unicode.Sc, r) {
			continue
		}
		if found := currencyBefore(text[:i+utf8.RuneLen(r)], true); found != "" && sameCurrency(text, found, value) {
			return true
		}
	}
	return false
}

// sameCurrency reports whether two names are those of one currency in a text. A sign that several have is the one whose code the text names.
func sameCurrency(text, found, want string) bool {
	if found == want {
		return true
	}
	if currencyOf(found) != currencyOf(want) {
		return false
	}
	for _, other := range shared(found) {
		if hasWhole(text, other) {
			return false
		}
	}
	return true
}

// loose reports whether a sign may stand for a currency when the code stands elsewhere: $ for Canadian dollars in "$5 CAD".
func loose(sign, code string) bool { return slices.Contains(shared(sign), code) }

// shared are the currencies that a sign stands for beside the one that it usually does.
func shared(sign string) []string {
	switch sign {
	case "$":
		return []string{"cad", "aud", "nzd", "hkd", "sgd", "twd", "mxn", "brl", "ars", "clp", "cop"}
	case "¥":
		return []string{"cny", "rmb"}
	case "£":
		return []string{"egp", "lbp"}
	}
	return nil
}

// currencyOf returns the code of a currency that is named by its code or its sign, in lower case; "" for other words. Signs that
// have no code here are their own.
func currencyOf(word string) string {
	switch word {
	case "€":
		return "eur"
	case "$", "us$":
		return "usd"
	case "£":
		return "gbp"
	case "¥":
		return "jpy"
	case "₹":
		return "inr"
	case "₩":
		return "krw"
	case "hk$":
		return "hkd"
	case "a$", "au$":
		return "aud"
	case "c$", "ca$":
		return "cad"
	case "nz$":
		return "nzd"
	case "s$":
		return "sgd"
	case "r$":
		return "brl"
	case "nt$":
		return "twd"
	case "eur", "usd", "gbp", "jpy", "inr", "krw", "chf", "sek", "nok", "dkk", "pln", "czk", "huf", "cny", "rmb", "cad", "aud", "nzd", "hkd", "sgd",
		"twd", "brl", "mxn", "zar", "thb", "idr", "myr", "php", "vnd", "ils", "aed", "sar", "rub", "uah", "ron", "bgn", "ars", "clp", "cop", "egp", "lbp":
		return word
	}
	if r, n := utf8.DecodeRuneInString(word); n == len(word) && unicode.Is(unicode.Sc, r) {
		return word
	}
	return ""
}

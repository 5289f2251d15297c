package builtin

import (
	"strings"
	"unicode"
)

func readPhone(text string, h how) (reading, bool) {
	if r, ok := firstSpan(text, phones(text), h); ok {
		return r, ok
	}
	if h != howCell || len(text) > 24 { // behind a label any run of enough digits is one
		return reading{}, false
	}
	digits := 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case !strings.ContainsRune("+-()/. ext\u00a0", c):
			return reading{}, false
		}
	}
	return reading{jsonString(text), 0, len(text), 0.9}, digits >= 5 && digits <= 15
}

func readTaxID(text string, h how) (reading, bool) {
	if r, ok := firstSpan(text, taxIDs(text), h); ok {
		return r, ok
	}
	r, ok := readCode(text, h)
	if !ok || hasAmount(text) || r.end-r.start < 7 || r.end-r.start > 22 {
		return reading{}, false
	}
	return r, true
}

// readCode reads an identifier: the first word with a digit, with the short parts that go on behind single blanks when the
// text is nothing else.
func readCode(text string, h how) (reading, bool) {
	if h == howNear {
		return reading{}, false
	}
	fs := strings.Fields(text)
	if len(fs) == 0 || strings.ContainsAny(text, "$€£") {
		return reading{}, false
	}
	if h == howCell && len(text) <= 40 && len(fs) <= 6 && codeParts(fs) {
		e := len(strings.TrimRight(text, ".,;"))
		return reading{jsonString(text[:e]), 0, e, 1}, true
	}
	if h == howLead && len(fs) > 1 && len(text) <= 30 && strings.Trim(text, "0123456789 -") == "" { // "Merchant ID 4400 8817 203"
		return reading{jsonString(text), 0, len(text), 0.95}, true
	}
	for i, w := range fs {
		t := strings.Trim(w, ".,;:()[]\"'")
		t = strings.TrimPrefix(t, "#")
		if t == "" || strings.EqualFold(t, "no") || strings.EqualFold(t, "nr") {
			continue
		}
		if i > 1 || !hasDigit(t) && (h != howCell || i > 0 || strings.ToUpper(t) != t || len(t) <= 3 || len(fs) > 1) {
			break
		}
		s := strings.Index(text, t)
		fit := 1.0
		if i > 0 {
			fit = 0.8
		}
		if len(t) == 1 || h == howLead && len(t) < 3 {
			fit = 0.7
		}
		return reading{jsonString(t), s, s + len(t), fit}, true
	}
	return reading{}, false
}

// codeParts reports whether every word has a digit or is a short run of capitals.
func codeParts(fs []string) bool {
	some := false
	for _, w := range fs {
		d := hasDigit(w)
		some = some || d
		if !d && (len(w) > 6 || strings.ToUpper(w) != w) {
			return false
		}
		if _, ok := numericDate(w, 0); digit(w[0]) && ok && len(fs) > 1 {
			return false
		}
	}
	return some
}

// readLastFour reads the last four digits of a card: the digits at the end of stars, or four digits alone.
func readLastFour(text string) (reading, bool) {
	for i := 0; i < len(text); i++ {
		if !digit(text[i]) {
			continue
		}
		e := i
		for e < len(text) && digit(text[e]) {
			e++
		}
		masked := i > 0 && (strings.ContainsAny(text[max(0, i-6):i], "*•xX#…") || strings.HasSuffix(text[:i], ".."))
		lone := e-i == 4 && strings.Count(text, " ") <= 3
		if e-i == 4 && (masked || lone) && (e == len(text) || !wordByte(text[e]) && text[e] != '-' && text[e] != '/') {
			return reading{jsonString(text[i:e]), i, e, 1}, true
		}
		i = e
	}
	return reading{}, false
}

// readText reads words. A field of names does not take a date, an amount or a sentence.
func readText(fd *field, text string, h how) (reading, bool) {
	if h == howLead && fd.kind == kindText && hasDigit(text) && len(text) < 24 && !strings.Contains(text, " ") && len(text) > 3 {
		return reading{jsonString(text), 0, len(text), 0.85}, true // "Ticket 26-0447"
	}
	if h == howNear || h == howLead {
		return reading{}, false
	}
	limit := 300
	if fd.kind == kindParagraph {
		limit = 2000
	}
	e := len(text)
	if !fd.inTable {
		e = len(strings.TrimRight(text, ",;"))
	}
	text = text[:e]
	if n := len(text); n > limit || n == 0 || strings.IndexFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) < 0 {
		return reading{}, false
	}
	if nothing(text) {
		return reading{}, false
	}
	fit := 1.0
	if fd.kind == kindName && !fd.inTable {
		if i := strings.IndexAny(text, "<@"); i > 0 { // "Jane Roe <jane@roe.example>", "Jane Roe, jane@roe.example"
			if text[i] == '@' {
				i = strings.LastIndexAny(text[:i], " ,;(")
			}
			if i > 2 {
				e = len(strings.TrimRight(text[:i], " ,;<(-"))
				text = text[:e]
			}
		}
		if i := firmEnd(text); i > 0 {
			e, text = i, text[:i]
		}
		if i := strings.Index(text, ", "); i > 2 && i+2 < len(text) && (text[i+2] >= 'a' && text[i+2] <= 'z' || digit(text[i+2])) { // "Anna Vogt, born on …"
			e, text = i, text[:i]
		}
		if i := strings.Index(text, ", "); i > 2 && hasDigit(text[i:]) && streetLike(text[i+2:]) { // "Klinikum Lahntal, Bergstraße 60"
			e, text = i, text[:i]
		}
		if i := strings.LastIndex(text, " ("); i > 2 && strings.Trim(text[i+2:], "0123456789,.') ") == "" { // "analogvault (2,318)"
			e, text = i, text[:i]
		}
	}
	if fd.kind == kindName {
		if strings.IndexFunc(text, unicode.IsLetter) < 0 || len(text) > 120 {
			return reading{}, false
		}
		if strings.HasSuffix(text, ".") && strings.Count(text, " ") > 6 {
			fit = 0.6
		}
	}
	return reading{jsonString(fold(text)), 0, e, fit}, true
}

// firmEnd returns where the name of a firm ends before a comma and its place ("Acme GmbH, Berlin"), or 0.
func firmEnd(text string) int {
	i := strings.IndexByte(text, ',')
	if i < 0 || companyForm(text[i+1:]) {
		return 0
	}
	j := strings.LastIndexByte(text[:i], ' ')
	if j > 0 && wordsIn(text[j+1:i], firmWords) > 0 {
		return i
	}
	return 0
}

// nothing reports whether a text stands for the absence of a value.
func nothing(s string) bool {
	switch strings.ToLower(strings.Trim(s, " .()-")) {
	case "", "n/a", "na", "none", "nil", "null", "not applicable", "not available", "not provided", "unknown", "tbd", "not stated", "not specified", "keine", "aucun", "aucune", "k.a", "entfällt", "not given", "unsigned", "not recorded", "not held", "not taken", "none given", "not entered":
		return true
	}
	return len(s) > 2 && s[0] == '(' && s[len(s)-1] == ')' && !hasDigit(s) && strings.Count(s, "(") == 1
}

// fold makes runs of white space one blank.
func fold(s string) string {
	if !strings.ContainsAny(s, "\n\t\r\u00a0") && !strings.Contains(s, "  ") {
		return strings.TrimSpace(s)
	}
	return strings.Join(strings.Fields(s), " ")
}

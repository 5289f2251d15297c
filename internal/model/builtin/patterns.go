package builtin

import (
	"strings"
	"unicode/utf8"
)

// span is a byte range.
type span struct{ start, end int }

// emails returns the e-mail addresses of text.
func emails(text string) []span {
	var out []span
	for i := 0; ; {
		at := strings.IndexByte(text[i:], '@')
		if at < 0 {
			return out
		}
		at += i
		s, e := at, at+1
		for s > i && (wordByte(text[s-1]) || strings.IndexByte(".+-%'", text[s-1]) >= 0) {
			s--
		}
		for e < len(text) && (wordByte(text[e]) || text[e] == '.' || text[e] == '-') {
			e++
		}
		for e > at+1 && !wordByte(text[e-1]) {
			e--
		}
		for s < at && !wordByte(text[s]) {
			s++
		}
		dot := strings.LastIndexByte(text[at:e], '.')
		if s < at && dot > 1 && e-at-dot > 2 {
			out = append(out, span{s, e})
		}
		i = max(e, at+1)
	}
}

func wordByte(c byte) bool { return asciiLetter(c) || digit(c) || c == '_' }

// urls returns web addresses: with a scheme, with "www.", or a bare host of a usual top-level domain with or without path.
func urls(text string) []span {
	var out []span
	for i := 0; i < len(text); {
		if !wordByte(text[i]) {
			i++
			continue
		}
		e := i
		for e < len(text) && text[e] > ' ' && strings.IndexByte("\"<>|,;()[]{}", text[e]) < 0 && (text[e] < utf8.RuneSelf || wordRuneAt(text, e)) {
			e++
		}
		end := e
		for end > i && strings.IndexByte(".:!?'", text[end-1]) >= 0 {
			end--
		}
		if isURL(text[i:end]) {
			out = append(out, span{i, end})
		}
		i = max(e, i+1)
	}
	return out
}

func isURL(s string) bool {
	l := strings.ToLower(s)
	if strings.Contains(l, "@") && !strings.Contains(l, "://") || len(s) < 4 {
		return false
	}
	if rest, ok := strings.CutPrefix(l, "https://"); ok {
		return strings.Contains(rest, ".") || rest != ""
	}
	if rest, ok := strings.CutPrefix(l, "http://"); ok {
		return rest != ""
	}
	host, _, _ := strings.Cut(l, "/")
	dot := strings.LastIndexByte(host, '.')
	if dot < 1 || hasDigit(host[dot:]) || strings.Contains(host, "..") {
		return false
	}
	if strings.HasPrefix(host, "www.") {
		return strings.Count(host, ".") > 1
	}
	return among(host[dot+1:], " com org net io dev de ch at fr uk co eu us it es nl be se no dk pl me app ai info biz shop store edu gov example ")
}

// ibans returns the IBANs of text whose check digits are right, with blanks inside or not.
func ibans(text string) []span {
	var out []span
	for i := 0; i+15 <= len(text); i++ {
		if text[i] < 'A' || text[i] > 'Z' || text[i+1] < 'A' || text[i+1] > 'Z' || !digit(text[i+2]) || !digit(text[i+3]) || i > 0 && wordByte(text[i-1]) {
			continue
		}
		if e := ibanEnd(text, i); e > 0 {
			out = append(out, span{i, e})
			i = e - 1
		}
	}
	return out
}

// ibanEnd returns the end of the longest valid IBAN at i, or 0. Groups are parted by one blank.
func ibanEnd(text string, i int) int {
	var digits [34]byte
	n, best := 0, 0
	for j := i; j < len(text) && n < 34; j++ {
		c := text[j]
		if c == ' ' && j+1 < len(text) && upperDigit(text[j+1]) {
			continue
		}
		if !upperDigit(c) {
			break
		}
		digits[n] = c
		n++
		if n >= 15 && (j+1 == len(text) || !wordByte(text[j+1])) && n == ibanLength(string(digits[:2])) && mod97(digits[:n]) {
			best = j + 1
		}
	}
	return best
}

func upperDigit(c byte) bool { return digit(c) || c >= 'A' && c <= 'Z' }

// ibanLength is the length of a country's IBANs, 0 for a country without.
func ibanLength(country string) int {
	const lengths = `AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18
FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 MR27
MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 `
	i := strings.Index(lengths, country)
	if i < 0 || len(country) != 2 {
		return 0
	}
	n, _ := integer(lengths, i+2, 2)
	return n
}

// mod97 checks the digits of an IBAN by ISO 7064.
func mod97(s []byte) bool {
	m := 0
	for i := range s {
		c := s[(i+4)%len(s)]
		if digit(c) {
			m = (m*10 + int(c-'0')) % 97
		} else {
			m = (m*100 + int(c-'A') + 10) % 97
		}
	}
	return m == 1
}

// bics returns the codes of banks: eight or eleven capitals and digits with a country in the middle.
func bics(text string) []span {
	var out []span
	for i := 0; i < len(text); {
		s, e := nextWord(text, i)
		if s < 0 {
			break
		}
		w := text[s:e]
		if (len(w) == 8 || len(w) == 11) && strings.IndexFunc(w[:6], func(r rune) bool { return r < 'A' || r > 'Z' }) < 0 &&
			strings.IndexFunc(w[6:], func(r rune) bool { return r > 127 || !upperDigit(byte(r)) }) < 0 { //nolint:gosec // G115: at most 127, as the line says
			out = append(out, span{s, e})
		}
		i = e
	}
	return out
}

// phones returns telephone numbers: 7 to 15 digits with usual signs between, no date and no amount.
func phones(text string) []span {
	var out []span
	for i := 0; i < len(text); i++ {
		c := text[i]
		if i > 1 && text[i-1] == ' ' && digit(text[i-2]) && c != '+' && c != '(' {
			for i+1 < len(text) && digit(text[i]) && digit(text[i+1]) {
				i++
			}
			continue // the middle of a longer run of digits
		}
		if !digit(c) && c != '+' && c != '(' || i > 0 && (wordByte(text[i-1]) || strings.IndexByte("-/.,#", text[i-1]) >= 0) {
			continue
		}
		e, digits := phoneEnd(text, i)
		if digits >= 7 && digits <= 15 && likePhone(text[i:e], digits) {
			out = append(out, span{i, e})
			i = e - 1
			continue
		}
		for i+1 < len(text) && digit(text[i]) && digit(text[i+1]) {
			i++
		}
	}
	return out
}

// phoneEnd returns the end of digits and signs at i, and how many digits there are. An extension is part of it.
func phoneEnd(text string, i int) (end, digits int) {
	end = i
	for j := i; j < len(text); j++ {
		c := text[j]
		switch {
		case digit(c):
			digits++
			end = j + 1
		case c == '+' && j == i, c == '(' || c == ')', c == '-', c == '.', c == '/':
		case c == ' ' && j+1 < len(text) && text[j+1] != ' ':
		default:
			return end, digits
		}
	}
	return end, digits
}

// likePhone tells a phone number from dates, amounts and other numbers.
func likePhone(s string, digits int) bool {
	if len(s)-digits > 9 {
		return false
	}
	if s[0] == '+' {
		return true
	}
	if strings.Contains(s, "/") && strings.Count(s, "/") > 1 || strings.Count(s, "(") != strings.Count(s, ")") {
		return false
	}
	if _, ok := numericDate(s, 0); ok && digit(s[0]) {
		return false
	}
	groups := strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	switch {
	case len(groups) == 1:
		return s[0] == '0' && digits >= 9 && digits <= 12
	case s[0] == '(' || s[0] == '0':
		return true
	case len(groups) == 3 && len(groups[0]) == 3 && len(groups[1]) == 3 && len(groups[2]) == 4:
		return true
	case len(groups) == 4 && groups[0] == "1" && len(groups[3]) == 4:
		return true
	case len(groups) == 2 && len(groups[0]) == 3 && len(groups[1]) == 4:
		return strings.Contains(s, "-")
	}
	return false
}

// taxIDs returns VAT numbers with a country ("DE123456789", "CHE-123.456.789 MWST", "GB 123 4567 89") and US employer numbers ("12-3456789").
func taxIDs(text string) []span {
	var out []span
	for i := 0; i < len(text); {
		s, e := nextWord(text, i)
		if s < 0 {
			break
		}
		i = e
		if end := taxIDEnd(text, s, e); end > 0 {
			out = append(out, span{s, end})
			i = end
		}
	}
	return out
}

func taxIDEnd(text string, s, e int) int {
	w := text[s:e]
	if e-s == 2 && digit(w[0]) && digit(w[1]) && e < len(text) && text[e] == '-' { // 12-3456789
		if _, end := integer(text, e+1, 7); end == e+8 {
			return end
		}
		return 0
	}
	if indianTaxID(w) {
		return e
	}
	if strings.HasPrefix(w, "CHE") {
		return swissEnd(text, s)
	}
	if len(w) < 2 || !among(w[:2], " AT BE BG CY CZ DE DK EE EL ES FI FR GB HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI NO ") {
		return 0
	}
	digits, end := 0, s+2
	for j := s + 2; j < len(text) && digits < 13; j++ {
		c := text[j]
		if digit(c) || c >= 'A' && c <= 'Z' && (j <= s+2 || text[j-1] != ' ') {
			if digit(c) {
				digits++
			}
			end = j + 1
			continue
		}
		if (c == ' ' || c == '.') && j+1 < len(text) && digit(text[j+1]) {
			continue
		}
		break
	}
	if (digits >= 8 || digits == 7 && w[:2] == "IE") && digits <= 12 && end-s <= 18 && (end == len(text) || !wordByte(text[end])) {
		return end
	}
	return 0
}

// indianTaxID reports whether w is a GSTIN: state, PAN, entity, "Z" and a check sign.
func indianTaxID(w string) bool {
	if len(w) != 15 || w[13] != 'Z' {
		return false
	}
	for i := range len(w) {
		letter := i >= 2 && i < 7 || i == 11
		if letter && (w[i] < 'A' || w[i] > 'Z') || (i < 2 || i >= 7 && i < 11) && !digit(w[i]) || !upperDigit(w[i]) {
			return false
		}
	}
	return true
}

// swissEnd reads CHE-123.456.789; what of MWST, TVA or IVA stands behind is not part of the number.
func swissEnd(text string, s int) int {
	j := s + 3
	digits := 0
	for j < len(text) && digits < 9 && (digit(text[j]) || strings.IndexByte("-. ", text[j]) >= 0) {
		if digit(text[j]) {
			digits++
		}
		j++
	}
	if digits != 9 {
		return 0
	}
	return j
}

package builtin

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// number is a number in a text with what stands around it.
type number struct {
	start, end int    // byte range with sign and currency
	ns, ne     int    // byte range of the digits
	text       string // normalized: "-1234.5"
	decimals   int
	currency   string // ISO 4217 code; "" when none stands beside it
	percent    bool
	bare       bool // digits only: no grouping, decimals, currency or sign
}

// value returns the number for JSON.
func (n *number) value() (float64, bool) {
	f, err := strconv.ParseFloat(n.text, 64)
	return f, err == nil
}

// currencyCodes are four bytes each.
const currencyCodes = "USD EUR GBP CHF JPY CNY CAD AUD NZD SEK NOK DKK PLN CZK HUF RON BGN TRY INR BRL MXN ZAR SGD HKD KRW THB IDR " +
	"MYR PHP VND ILS AED SAR QAR KWD RUB UAH ARS CLP COP PEN NGN KES EGP MAD ISK BTC ETH "

// currencySign is how a currency is written beside an amount.
type currencySign struct{ sign, code string }

// currencySigns are tried in this order, so longer ones come first.
func currencySigns() [27]currencySign {
	return [27]currencySign{
		{"US$", "USD"}, {"CA$", "CAD"}, {"AU$", "AUD"}, {"NZ$", "NZD"}, {"HK$", "HKD"}, {"C$", "CAD"}, {"A$", "AUD"}, {"S$", "SGD"},
		{"R$", "BRL"}, {"$", "USD"}, {"€", "EUR"}, {"£", "GBP"}, {"¥", "JPY"}, {"₹", "INR"}, {"₩", "KRW"}, {"₺", "TRY"}, {"₽", "RUB"},
		{"₪", "ILS"}, {"₫", "VND"}, {"₴", "UAH"}, {"฿", "THB"}, {"zł", "PLN"}, {"Kč", "CZK"}, {"SFr.", "CHF"}, {"Fr.", "CHF"},
		{"Rs.", "INR"}, {"kr", "SEK"},
	}
}

// isCurrencyCode reports whether s is an ISO 4217 code in capitals.
func isCurrencyCode(s string) bool {
	if len(s) != 3 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for i := 0; i < len(currencyCodes); i += 4 {
		if currencyCodes[i:i+3] == s {
			return true
		}
	}
	return false
}

// numbers returns the numbers of text in order; those inside words, codes, dates and times are left out.
func numbers(text string, comma bool) []number {
	var out []number
	for i := 0; i < len(text); i++ {
		if !digit(text[i]) && !bareDecimals(text, i) {
			continue
		}
		end := digitRun(text, i)
		n, ok := numberAt(text, i, end, comma)
		if ok {
			out = append(out, n)
			end = max(end, n.end)
		}
		i = max(end-1, i)
	}
	return out
}

// bareDecimals reports whether the dot at i begins a number such as ".75".
func bareDecimals(text string, i int) bool {
	return text[i] == '.' && i+1 < len(text) && digit(text[i+1]) && (i == 0 || text[i-1] == ' ' || text[i-1] == '$')
}

// digitRun returns the end of digits and the group and decimal signs between them.
func digitRun(text string, i int) int {
	for i < len(text) {
		c, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case c >= '0' && c <= '9':
			i++
		case strings.ContainsRune(".,'’", c) && i+n < len(text) && digit(text[i+n]):
			i += n
		case (c == ' ' || c == '\u00a0' || c == '\u202f' || c == '\u2009') && spacedGroup(text, i, n, 0):
			i += n
		default:
			return i
		}
	}
	return i
}

// spacedGroup reports whether the blank at i stands between digit groups: one to three digits before, exactly three behind,
// and, for an ordinary space, decimals or another group behind those ("1 234,56").
func spacedGroup(text string, i, n, depth int) bool {
	b := i
	for b > 0 && digit(text[b-1]) {
		b--
	}
	if i-b < 1 || i-b > 3 || b > 0 && (text[b-1] == '.' || text[b-1] == ',' || asciiLetter(text[b-1])) {
		return false
	}
	j := i + n
	if j+3 > len(text) || !digit(text[j]) || !digit(text[j+1]) || !digit(text[j+2]) || j+3 < len(text) && digit(text[j+3]) {
		return false
	}
	if n > 1 { // a space made for it
		return true
	}
	if i-b == 3 && b >= 1 && text[b-1] != ' ' {
		return false
	}
	rest := text[j+3:]
	return len(rest) >= 3 && rest[0] == ',' && digit(rest[1]) && digit(rest[2]) || len(rest) > 3 && rest[0] == ' ' && depth < 4 && spacedGroup(text, j+3, 1, depth+1)
}

// numberAt reads the number whose digits are text[i:end].
func numberAt(text string, i, end int, comma bool) (number, bool) {
	n := number{ns: i, ne: end, start: i, end: end}
	if end-i > 40 || insideCode(text, i, end) {
		return n, false
	}
	var ok bool
	if n.text, n.decimals, ok = normalize(text[i:end], comma); !ok {
		return n, false
	}
	n.bare = n.decimals == 0 && strings.Trim(text[i:end], "0123456789") == ""
	neg := n.before(text)
	neg = n.after(text) || neg
	if neg && n.text != "0" {
		n.text = "-" + n.text
		n.bare = false
	}
	return n, true
}

// insideCode reports whether the digits are part of a word, a code, a date or a time.
func insideCode(text string, i, end int) bool {
	if i > 0 {
		c, _ := utf8.DecodeLastRuneInString(text[:i])
		if c == '_' || c == '#' || c == '@' || c == ':' && i > 1 && digit(text[i-2]) || c == '*' || wordRune(c) && !currencyBefore(text, i) {
			return true
		}
		if (c == '-' || c == '/') && i > 1 && (digit(text[i-2]) || asciiLetter(text[i-2])) {
			return true
		}
	}
	if end < len(text) {
		c := text[end]
		if i == 0 && (text[end:] == "/100" || text[end:] == "/10" || text[end:] == "/5" || text[end:] == "/1000") {
			return false // a score: "92/100"
		}
		if c == '/' && strings.Contains(text[i:end], ".") && strings.Count(text[i:end], ".") == 1 {
			return false // "3.7/4.0"
		}
		if c == '_' || c == '@' || (c == ':' || c == '-' || c == '/') && end+1 < len(text) && (digit(text[end+1]) || asciiLetter(text[end+1]) && c == '-') {
			return true
		}
		if asciiLetter(c) && currencyAfter(text, end) == "" && !unitAfter(text[end:]) {
			return true
		}
	}
	return false
}

// unitAfter reports whether s begins with a unit that is written against its number.
func unitAfter(s string) bool {
	for u := range strings.FieldsSeq("kg g mg cm mm m km l ml x h hrs GB TB MB W V mAh oz lb lbs in ft pcs hp Hz K k pt px % Stk") {
		if strings.HasPrefix(s, u) && (len(s) == len(u) || !asciiLetter(s[len(u)])) {
			return true
		}
	}
	return false
}

func currencyBefore(text string, i int) bool {
	if i >= 3 && isCurrencyCode(text[i-3:i]) && (i == 3 || !asciiLetter(text[i-4])) {
		return true
	}
	for _, s := range currencySigns() {
		if strings.HasSuffix(text[:i], s.sign) {
			return true
		}
	}
	return false
}

func currencyAfter(text string, i int) string {
	rest := text[i:]
	if len(rest) >= 3 && isCurrencyCode(rest[:3]) && (len(rest) == 3 || !asciiLetter(rest[3])) {
		return rest[:3]
	}
	for _, s := range currencySigns() {
		if strings.HasPrefix(rest, s.sign) {
			e := len(s.sign)
			if asciiLetter(s.sign[0]) && e < len(rest) && asciiLetter(rest[e]) {
				continue
			}
			return rest[:e]
		}
	}
	return ""
}

// before takes the currency and the sign in front of the digits and reports whether the number is negative.
func (n *number) before(text string) (negative bool) {
	i := n.start
	if j := n.sign(text, i); j < i {
		negative, i = true, j
	}
	j := len(strings.TrimRightFunc(text[max(0, i-8):i], blank)) + max(0, i-8)
	if i-j <= 2 {
		if code, s := currencyEnding(text[:j]); code != "" {
			n.currency, i = code, s
			n.bare = false
			if k := n.sign(text, i); k < i {
				negative, i = true, k
			}
		}
	}
	if i > 0 && text[i-1] == '(' {
		negative = negative || closedParen(text, n.ne)
	}
	n.start = i
	return negative
}

// sign returns the start of a minus sign that ends at i, else i.
func (n *number) sign(text string, i int) int {
	for _, s := range []string{"-", "−", "–"} {
		if j := i - len(s); strings.HasSuffix(text[:i], s) && (j == 0 || strings.IndexByte(" (\t$", text[j-1]) >= 0 || text[j-1] >= utf8.RuneSelf) {
			return j
		}
	}
	return i
}

// currencyEnding returns the currency with which s ends and where it starts.
func currencyEnding(s string) (code string, start int) {
	if n := len(s); n >= 3 && isCurrencyCode(s[n-3:]) && (n == 3 || !asciiLetter(s[n-4])) {
		return s[n-3:], n - 3
	}
	for _, c := range currencySigns() {
		if !strings.HasSuffix(s, c.sign) {
			continue
		}
		i := len(s) - len(c.sign)
		if asciiLetter(c.sign[0]) && i > 0 && asciiLetter(s[i-1]) {
			continue
		}
		return c.code, i
	}
	return "", 0
}

// closedParen reports whether only a currency stands between i and a closing parenthesis: "(1,234.00)" is negative.
func closedParen(text string, i int) bool {
	j := strings.IndexByte(text[i:min(len(text), i+6)], ')')
	return j >= 0 && strings.TrimSpace(strings.TrimPrefix(text[i:i+j], currencyAfter(text, i))) == ""
}

// after takes the currency or percent sign behind the digits and reports whether a minus sign or "CR" stands there.
func (n *number) after(text string) (negative bool) {
	i := n.end
	j := i
	for j < len(text) && j-i < 2 {
		c, w := utf8.DecodeRuneInString(text[j:])
		if !blank(c) {
			break
		}
		j += w
	}
	if j < len(text) && text[j] == '%' {
		n.percent, n.end, n.bare = true, j+1, false
		return false
	}
	if strings.HasPrefix(text[j:], "percent") || strings.HasPrefix(text[j:], "per cent") {
		n.percent, n.end, n.bare = true, j+len("percent"), false
		return false
	}
	if n.currency == "" {
		if sign := currencyAfter(text, j); sign != "" {
			code, _ := currencyEnding(sign)
			n.currency, n.end, n.bare = code, j+len(sign), false
		}
	}
	if strings.HasPrefix(text[i:], "-") && (i+1 == len(text) || text[i+1] == ' ') {
		n.end, negative = i+1, true
	}
	return negative
}

// normalize turns printed digits into "1234.56". comma says that the document writes decimals behind a comma.
func normalize(s string, comma bool) (text string, decimals int, ok bool) {
	lastDot, lastComma := strings.LastIndexByte(s, '.'), strings.LastIndexByte(s, ',')
	dots, commas := strings.Count(s, "."), strings.Count(s, ",")
	point := -1
	switch {
	case dots > 0 && commas > 0:
		point = max(lastDot, lastComma)
		if point == lastDot && dots > 1 || point == lastComma && commas > 1 {
			return "", 0, false
		}
	case dots == 1 && (!groupOf3(s, lastDot) || !comma):
		point = lastDot
	case commas == 1 && (!groupOf3(s, lastComma) || comma):
		point = lastComma
	}
	if dots > 1 && commas == 0 && !grouped(s, '.') || commas > 1 && dots == 0 && !grouped(s, ',') {
		return "", 0, false
	}
	var b strings.Builder
	for i := range len(s) {
		switch {
		case digit(s[i]):
			b.WriteByte(s[i])
			if point >= 0 && i > point {
				decimals++
			}
		case i == point:
			if b.Len() == 0 {
				b.WriteByte('0')
			}
			b.WriteByte('.')
		}
	}
	return trimZeros(b.String()), decimals, true
}

// groupOf3 reports whether exactly three digits stand behind the sign at i, at most three before it.
func groupOf3(s string, i int) bool { return len(s)-i-1 == 3 && i >= 1 && i <= 3 }

// grouped reports whether every group behind a sign has three digits, or two before the last as in India.
func grouped(s string, sign byte) bool {
	parts := strings.Split(s, string(sign))
	for i, p := range parts[1:] {
		if len(p) != 3 && (len(p) != 2 || i == len(parts)-2) {
			return false
		}
	}
	return len(parts[0]) <= 3
}

func trimZeros(s string) string {
	s = strings.TrimLeft(s, "0")
	if s == "" || s[0] == '.' {
		s = "0" + s
	}
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

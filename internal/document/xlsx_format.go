package document

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// format is how numbers are shown: one section for all, or sections for positive, negative and zero ones.
type format struct{ sections []section }

// section is a part of a format.
type section struct {
	pieces    []piece
	date      bool
	percent   int // how many % there are
	thousands bool
	scale     int    // commas behind the figures, each a division by 1000
	whole     int    // least figures before the point
	least     int    // least figures behind the point
	most      int    // most figures behind it
	exponent  int    // figures of the exponent; 0 when there is none
	plus      bool   // the exponent shows a plus
	fraction  bool   // shown as a fraction, whose figures are not looked at
	condition string // "" or a comparison such as ">=100"
	general   bool
	numbers   bool // it has places for figures
}

// piece is a piece of a section: a text that is shown, the figures, or a part of a date.
type piece struct {
	text string
	kind byte // 't' text, 'n' the number, 'd' a part of a date in text, '@' the value as it is
}

// builtinFormat is the code of a format that has a number and no code in the file. Those that depend on the reader's country are
// shown in a form that cannot be mistaken: days as 2006-01-02.
func builtinFormat(id int) string {
	switch id {
	case 1:
		return "0"
	case 2:
		return "0.00"
	case 3:
		return "#,##0"
	case 4:
		return "#,##0.00"
	case 5, 6:
		return `"$"#,##0;-"$"#,##0`
	case 7, 8:
		return `"$"#,##0.00;-"$"#,##0.00`
	case 9:
		return "0%"
	case 10:
		return "0.00%"
	case 11:
		return "0.00E+00"
	case 12:
		return "# ?/?"
	case 13:
		return "# ??/??"
	case 14, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58:
		return "yyyy-mm-dd"
	case 15:
		return "d-mmm-yy"
	case 16:
		return "d-mmm"
	case 17:
		return "mmm-yy"
	case 18:
		return "h:mm AM/PM"
	case 19:
		return "h:mm:ss AM/PM"
	case 20, 32, 34, 55:
		return "h:mm"
	case 21, 33, 35, 56:
		return "h:mm:ss"
	case 22:
		return "yyyy-mm-dd h:mm"
	case 37, 38:
		return "#,##0;-#,##0"
	case 39, 40:
		return "#,##0.00;-#,##0.00"
	case 41, 42:
		return "#,##0;-#,##0;-"
	case 43, 44:
		return "#,##0.00;-#,##0.00;-"
	case 45:
		return "mm:ss"
	case 46:
		return "[h]:mm:ss"
	case 47:
		return "mm:ss.0"
	case 48:
		return "##0.0E+0"
	case 49:
		return "@"
	}
	return "General"
}

// parseFormat reads a format's code. What it does not know is shown as it is written.
func parseFormat(code string) format {
	var f format
	for _, s := range splitSections(code) {
		f.sections = append(f.sections, parseSection(s))
		if len(f.sections) == 4 {
			break
		}
	}
	return f
}

// splitSections cuts a code at its semicolons.
func splitSections(code string) []string {
	var all []string
	start, quoted, bracket := 0, false, false
	for i := 0; i < len(code); i++ {
		switch c := code[i]; {
		case quoted:
			quoted = c != '"'
		case bracket:
			bracket = c != ']'
		case c == '"':
			quoted = true
		case c == '[':
			bracket = true
		case c == '\\':
			i++
		case c == ';':
			all = append(all, code[start:i])
			start = i + 1
		}
	}
	return append(all, code[start:])
}

// parseSection reads a section.
func parseSection(code string) section {
	s := section{}
	if strings.EqualFold(strings.TrimSpace(code), "general") || code == "" {
		s.general = code != ""
		return s
	}
	s.date = isDateCode(code)
	for i := 0; i < len(code); {
		i += s.take(code[i:])
	}
	return s
}

// take reads one piece and tells its length.
func (s *section) take(code string) int {
	r, size := utf8.DecodeRuneInString(code)
	switch {
	case r == '"':
		end := strings.IndexByte(code[1:], '"')
		if end < 0 {
			end = len(code) - 1
		}
		s.text(code[1 : 1+end])
		return min(end+2, len(code))
	case r == '\\' && len(code) > 1:
		_, n := utf8.DecodeRuneInString(code[1:])
		s.text(code[1 : 1+n])
		return 1 + n
	case (r == '_' || r == '*') && len(code) > 1:
		_, n := utf8.DecodeRuneInString(code[1:]) // a blank as wide as the next character; a character that fills
		if r == '_' {
			s.text(" ")
		}
		return 1 + n
	case r == '[':
		return s.bracket(code)
	case r == '@':
		s.pieces = append(s.pieces, piece{kind: '@'})
		return size
	case s.date:
		return s.datePart(code)
	case strings.ContainsRune("0#?", r):
		return s.figures(code)
	case r == '.' && len(code) > 1 && strings.ContainsRune("0#?", rune(code[1])):
		return s.figures(code)
	case r == '%':
		s.percent++
	case len(code) >= 7 && strings.EqualFold(code[:7], "general"):
		s.pieces = append(s.pieces, piece{kind: '@'})
		return 7
	}
	s.text(code[:size])
	return size
}

// text adds a text that is shown.
func (s *section) text(t string) {
	if n := len(s.pieces); n > 0 && s.pieces[n-1].kind == 't' {
		s.pieces[n-1].text += t
		return
	}
	s.pieces = append(s.pieces, piece{kind: 't', text: t})
}

// bracket reads what stands in brackets: a colour, a condition, a currency, or hours beyond a day.
func (s *section) bracket(code string) int {
	end := strings.IndexByte(code, ']')
	if end < 0 {
		s.text(code)
		return len(code)
	}
	inner := code[1:end]
	switch {
	case strings.HasPrefix(inner, "$"):
		currency, _, _ := strings.Cut(inner[1:], "-")
		s.text(currency)
	case inner != "" && strings.ContainsRune("<>=", rune(inner[0])):
		s.condition = inner
	case inner != "" && strings.Trim(strings.ToLower(inner), "hms") == "":
		s.pieces = append(s.pieces, piece{kind: 'd', text: "[" + strings.ToLower(inner[:1]) + "]"})
	}
	return end + 1
}

// figures reads the places for figures, which count once in a section.
func (s *section) figures(code string) int {
	i, point := 0, false
	first := !s.numbers
	for ; i < len(code); i++ {
		c := code[i]
		switch {
		case c == '0' || c == '#' || c == '?':
			switch {
			case !first:
			case point && c == '0':
				s.least, s.most = s.most+1, s.most+1
			case point:
				s.most++
			case c == '0':
				s.whole++
			}
		case c == '.' && !point:
			point = true
		case c == ',' && !point:
			if i+1 < len(code) && strings.ContainsRune("0#?", rune(code[i+1])) {
				s.thousands = true
			} else {
				s.scale++
			}
		case c == ',':
			s.scale++
		case c == '/' || c == ' ' && strings.Contains(code[i:], "/"):
			s.fraction = true
		case (c == 'E' || c == 'e') && i+1 < len(code) && (code[i+1] == '+' || code[i+1] == '-'):
			s.plus = code[i+1] == '+'
			for i += 2; i < len(code) && strings.ContainsRune("0#?", rune(code[i])); i++ {
				s.exponent++
			}
			s.place(first)
			return i
		default:
			s.place(first)
			return i
		}
	}
	s.place(first)
	return i
}

// place notes where the number is shown.
func (s *section) place(first bool) {
	if first {
		s.numbers = true
		s.pieces = append(s.pieces, piece{kind: 'n'})
	}
}

// isDateCode reports whether a section shows a date or a time.
func isDateCode(code string) bool {
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case '"':
			end := strings.IndexByte(code[i+1:], '"')
			if end < 0 {
				return false
			}
			i += end + 1
		case '\\', '_', '*':
			i++
		case '[':
			end := strings.IndexByte(code[i:], ']')
			if end < 0 {
				return false
			}
			if inner := strings.ToLower(code[i+1 : i+end]); inner != "" && strings.Trim(inner, "hms") == "" {
				return true
			}
			i += end
		case '0', '#', '?', '@':
			return false
		case 'd', 'D', 'y', 'Y', 'h', 'H', 's', 'S', 'm', 'M':
			return true
		}
	}
	return false
}

// datePart reads a part of a date.
func (s *section) datePart(code string) int {
	upper := strings.ToUpper(code)
	for _, mark := range []string{"AM/PM", "A/P"} {
		if strings.HasPrefix(upper, mark) {
			s.pieces = append(s.pieces, piece{kind: 'd', text: mark})
			return len(mark)
		}
	}
	c := code[0] | 0x20
	if strings.IndexByte("dmyhs", c) >= 0 {
		n := 1
		for n < len(code) && code[n]|0x20 == c {
			n++
		}
		s.pieces = append(s.pieces, piece{kind: 'd', text: strings.Repeat(string(c), min(n, 5))})
		return n
	}
	if code[0] == '.' && len(code) > 1 && code[1] == '0' {
		n := 1
		for n < len(code) && code[n] == '0' {
			n++
		}
		s.pieces = append(s.pieces, piece{kind: 'd', text: strings.Repeat("0", min(n-1, 6))})
		return n
	}
	_, size := utf8.DecodeRuneInString(code)
	s.text(code[:size])
	return size
}

// show writes a number as its cell shows it; raw is how the file writes it.
func (f format) show(v float64, raw string, from04 bool) string {
	s, negative := f.section(v)
	switch {
	case s == nil || s.general || len(s.pieces) == 0 && len(f.sections) == 1:
		return general(v, raw)
	case s.date:
		if text, ok := s.showDate(v, from04); ok {
			return oneLine(text)
		}
		return general(v, raw)
	}
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	for _, p := range s.pieces {
		switch p.kind {
		case 't':
			b.WriteString(p.text)
		case 'n':
			b.WriteString(s.number(math.Abs(v)))
		case '@':
			b.WriteString(general(v, raw))
		}
	}
	return oneLine(b.String())
}

// section chooses the section for a number, and tells whether a minus is to be written before it.
func (f format) section(v float64) (*section, bool) {
	n := len(f.sections)
	if n == 0 {
		return nil, false
	}
	conditional := false
	for i := range f.sections {
		if c := f.sections[i].condition; c != "" {
			conditional = true
			if meets(v, c) {
				return &f.sections[i], v < 0 && i != 1
			}
		}
	}
	if conditional {
		for i := range f.sections {
			if f.sections[i].condition == "" {
				return &f.sections[i], v < 0
			}
		}
	}
	switch {
	case v < 0 && n >= 2:
		return &f.sections[1], false
	case v == 0 && n >= 3:
		return &f.sections[2], false
	}
	return &f.sections[0], v < 0
}

// meets reports whether a number meets a condition.
func meets(v float64, condition string) bool {
	op := strings.TrimRight(condition, "0123456789.-+eE ")
	limit, err := strconv.ParseFloat(strings.TrimSpace(condition[len(op):]), 64)
	if err != nil {
		return false
	}
	switch strings.TrimSpace(op) {
	case "<":
		return v < limit
	case "<=":
		return v <= limit
	case ">":
		return v > limit
	case ">=":
		return v >= limit
	case "=":
		return v == limit
	case "<>":
		return v != limit
	}
	return false
}

// general writes a number as cells without a format show it: up to eleven characters.
func general(v float64, raw string) string {
	if len(raw) <= 11 && !strings.ContainsAny(raw, "eE") {
		return raw
	}
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return raw
	case a != 0 && (a < 1e-9 || a >= 1e15):
		return strings.ToUpper(strconv.FormatFloat(v, 'g', 6, 64))
	}
	return strconv.FormatFloat(roundTo(v, 9), 'f', -1, 64)
}

// roundTo rounds to at most that many figures behind the point, and to the fifteen that Excel keeps.
func roundTo(v float64, places int) float64 {
	if out, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 15, 64), 64); err == nil {
		v = out
	}
	if out, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', places, 64), 64); err == nil {
		return out
	}
	return v
}

// number writes the figures of a number that is not negative.
func (s *section) number(v float64) string {
	v *= math.Pow(100, float64(s.percent))
	v /= math.Pow(1000, float64(s.scale))
	if s.fraction {
		return strconv.FormatFloat(roundTo(v, 4), 'f', -1, 64)
	}
	if s.exponent > 0 {
		text := strings.ToUpper(strconv.FormatFloat(v, 'e', min(s.most, 15), 64))
		if !s.plus {
			text = strings.Replace(text, "E+", "E", 1)
		}
		return text
	}
	if v >= 1e21 {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	text := halfUp(v, min(s.most, 30))
	whole, behind, _ := strings.Cut(text, ".")
	for len(behind) > s.least && strings.HasSuffix(behind, "0") {
		behind = behind[:len(behind)-1]
	}
	if whole == "0" && s.whole == 0 {
		whole = ""
	}
	whole = strings.Repeat("0", max(0, min(s.whole, 30)-len(whole))) + whole
	if s.thousands {
		whole = grouped(whole)
	}
	if behind != "" {
		return whole + "." + behind
	}
	return whole
}

// halfUp writes v with so many figures behind the point, rounding halves away from zero as cells do: 1.005 is shown as 1.01.
func halfUp(v float64, places int) string {
	text := strconv.FormatFloat(v, 'f', places, 64)
	if v == 0 || places > 10 {
		return text
	}
	exact := strconv.FormatFloat(roundTo(v, 15), 'f', -1, 64)
	if _, behind, ok := strings.Cut(exact, "."); ok && len(behind) == places+1 && behind[places] == '5' {
		return strconv.FormatFloat(v+math.Pow10(-places-2), 'f', places, 64)
	}
	return text
}

// grouped sets commas.
func grouped(digits string) string {
	var b strings.Builder
	for i, c := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// showDate writes a day and time; false for a number that is none.
func (s *section) showDate(v float64, from04 bool) (string, bool) {
	if v < 0 || v > 2_958_466 { // the last day of the year 9999
		return "", false
	}
	t := excelTime(v, from04)
	half := false
	for _, p := range s.pieces {
		half = half || p.kind == 'd' && (p.text == "AM/PM" || p.text == "A/P")
	}
	var b strings.Builder
	for i, p := range s.pieces {
		switch p.kind {
		case 't':
			b.WriteString(p.text)
		case 'd':
			b.WriteString(dateText(t, v, p.text, half, s.isMinute(i)))
		}
	}
	return b.String(), true
}

// excelTime is the time of a number of days.
func excelTime(v float64, from04 bool) time.Time {
	start := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if from04 {
		start = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	} else if v < 60 {
		start = start.AddDate(0, 0, 1) // its calendar has a 29th of February in 1900
	}
	days, part := math.Modf(v)
	return start.AddDate(0, 0, int(days)).Add(time.Duration(math.Round(part*86_400_000)) * time.Millisecond)
}

// isMinute reports whether the m of piece i means minutes: it stands behind hours or before seconds.
func (s *section) isMinute(i int) bool {
	for j := i - 1; j >= 0; j-- {
		if p := s.pieces[j]; p.kind == 'd' {
			if p.text[0] == 'h' || p.text == "[h]" {
				return true
			}
			break
		}
	}
	for j := i + 1; j < len(s.pieces); j++ {
		if p := s.pieces[j]; p.kind == 'd' {
			return p.text[0] == 's' || p.text == "[s]"
		}
	}
	return false
}

// dateText writes one part of a date.
func dateText(t time.Time, v float64, part string, half, minute bool) string {
	if minute && (part == "m" || part == "mm") {
		return strings.TrimPrefix(t.Format("04"), onlyIf(part == "m", "0"))
	}
	hour := t.Format("15")
	if half {
		hour = t.Format("03")
	}
	switch part {
	case "yyyy", "yyy", "yyyyy":
		return t.Format("2006")
	case "y", "yy":
		return t.Format("06")
	case "m":
		return t.Format("1")
	case "mm":
		return t.Format("01")
	case "mmm":
		return t.Format("Jan")
	case "mmmm":
		return t.Format("January")
	case "mmmmm":
		return t.Format("Jan")[:1]
	case "d":
		return t.Format("2")
	case "dd":
		return t.Format("02")
	case "ddd":
		return t.Format("Mon")
	case "dddd", "ddddd":
		return t.Format("Monday")
	case "h":
		n, _ := strconv.Atoi(hour) // two figures
		return strconv.Itoa(n)
	case "hh", "hhh", "hhhh", "hhhhh":
		return hour
	case "s":
		return strconv.Itoa(t.Second())
	case "ss", "sss", "ssss", "sssss":
		return t.Format("05")
	case "[h]":
		return strconv.Itoa(int(math.Floor(v*24 + 1e-9)))
	case "[m]":
		return strconv.Itoa(int(math.Floor(v*1440 + 1e-9)))
	case "[s]":
		return strconv.Itoa(int(math.Round(v * 86400)))
	case "AM/PM":
		return t.Format("PM")
	case "A/P":
		return t.Format("PM")[:1]
	}
	if strings.Trim(part, "0") == "" { // parts of a second
		return "." + pad(t.Nanosecond(), 9)[:len(part)]
	}
	return ""
}

// onlyIf is s when ok, else "".
func onlyIf(ok bool, s string) string {
	if ok {
		return s
	}
	return ""
}

// pad writes n with leading zeros.
func pad(n, width int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, width-len(s))) + s
}

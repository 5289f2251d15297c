package builtin

import "strings"

// style is how a document writes numbers and dates.
type style struct {
	comma    bool   // decimals stand behind a comma
	order    order  // of numeric dates
	currency string // the one currency that its amounts have; "" when there is none or several
	calendar *calendar
}

// maxStyleBytes is how much text is looked at to judge the style.
const maxStyleBytes = 256 << 10

// judgeStyle looks for what decides: amounts with decimals, dates that can be read in one way only, currencies, postal
// codes, spelled-out dates.
func judgeStyle(s *source) style {
	st := style{calendar: &calendar{monthTable()}}
	seen := 0
	e := evidence{codes: map[string]int{}}
	for _, pg := range s.pages {
		if seen += len(pg.text); seen > maxStyleBytes {
			break
		}
		e.page(pg.text, st.calendar)
	}
	st.comma = e.commas > e.points
	st.currency = e.onlyCurrency()
	st.order = e.order()
	return st
}

// evidence counts what speaks for a style.
type evidence struct {
	commas, points       int
	dayFirst, monthFirst int // numeric dates that can be read in one way only
	dayName, monthName   int // spelled-out dates
	dollars, euros       int // signs of the United States, signs of Europe
	codes                map[string]int
	first                string // first currency seen
}

func (e *evidence) page(text string, c *calendar) {
	for i := 1; i+2 < len(text); i++ {
		if text[i] == ',' && text[i+1] == '-' && digit(text[i-1]) { // "5.000,-"
			e.commas++
		}
		if (text[i] != ',' && text[i] != '.') || !digit(text[i-1]) || !digit(text[i+1]) || !digit(text[i+2]) {
			continue
		}
		if i+3 < len(text) && (digit(text[i+3]) || (text[i+3] == '.' || text[i+3] == '/') && i+4 < len(text) && digit(text[i+4])) {
			continue
		}
		if text[i] == ',' {
			e.commas++
		} else {
			e.points++
		}
	}
	for _, d := range c.dates(text) {
		switch {
		case d.numeric && d.a > 12, d.numeric && d.sep == '.':
			e.dayFirst++
		case d.numeric && d.b > 12:
			e.monthFirst++
		case d.monthFirst:
			e.monthName++
		case d.dayFirst:
			e.dayName++
		}
	}
	for _, n := range numbers(text, false) {
		if n.currency != "" {
			if e.first == "" {
				e.first = n.currency
			}
			e.codes[n.currency]++
		}
	}
	for i := 0; i+3 <= len(text); i++ {
		if text[i] >= 'A' && text[i] <= 'Z' && isCurrencyCode(text[i:i+3]) && among(text[i:i+3], " USD EUR GBP CHF JPY CAD AUD NZD SEK NOK DKK PLN CZK INR CNY ") && (i == 0 || !asciiLetter(text[i-1])) && closed(text, i+3) {
			e.codes[text[i:i+3]]++
			e.first = first(e.first, text[i:i+3])
			i += 2
		}
	}
	e.dollars += statesOf(text)
	for _, w := range []string{"VAT", "MwSt", "USt", "TVA", "IVA", "GmbH", "Ltd", "£", "€"} {
		if strings.Contains(text, w) {
			e.euros++
		}
	}
}

// statesOf counts "NY 10001": two capitals and a postal code of five digits.
func statesOf(text string) int {
	n := 0
	for i := 1; i+9 <= len(text); i++ {
		if text[i+2] != ' ' || !digit(text[i+3]) || text[i] < 'A' || text[i] > 'Z' || text[i+1] < 'A' || text[i+1] > 'Z' {
			continue
		}
		if _, e := integer(text, i+3, 5); e == i+8 && text[i-1] == ' ' {
			n++
		}
	}
	return n
}

func (e *evidence) onlyCurrency() string {
	if e.codes["USD"] > 0 && len(e.codes) == 2 { // "$" beside "CAD" is the Canadian one
		for _, c := range []string{"CAD", "AUD", "NZD", "SGD", "HKD"} {
			if e.codes[c] > 0 {
				return c
			}
		}
	}
	if len(e.codes) == 1 {
		return e.first
	}
	return ""
}

// order weighs the evidence; numeric dates count most.
func (e *evidence) order() order {
	switch {
	case e.dayFirst > 0 && e.monthFirst == 0:
		return dayMonth
	case e.monthFirst > 0 && e.dayFirst == 0:
		return monthDay
	case e.dayFirst > 0:
		return orderUnknown
	case e.dayName > 0 && e.monthName == 0:
		return dayMonth
	case e.monthName > 0 && e.dayName == 0:
		return monthDay
	}
	us, eu := e.dollars, e.euros
	if e.codes["USD"] > 0 && len(e.codes) == 1 {
		us++
	}
	for _, c := range []string{"EUR", "GBP", "CHF", "AUD", "NZD", "INR", "SEK", "DKK", "NOK", "PLN"} {
		if e.codes[c] > 0 {
			eu++
		}
	}
	if e.commas > e.points {
		eu += 2
	}
	switch {
	case us > 0 && eu == 0:
		return monthDay
	case eu > 0 && us == 0:
		return dayMonth
	}
	return orderUnknown
}

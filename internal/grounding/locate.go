package grounding

import (
	"strings"
	"unicode"
)

// spot is a place in the folded text of a page.
type spot struct {
	document, page int
	start, end     int
}

// spots are the places where a value stands; more than one are ambiguous, wherever they are.
type spots struct {
	first spot
	n     int
}

// add notes a place. The same place read twice is one.
func (s *spots) add(at spot) {
	if s.n > 0 && at.document == s.first.document && at.page == s.first.page && at.start < s.first.end && s.first.start < at.end {
		return
	}
	if s.n == 0 {
		s.first = at
	}
	s.n++
}

// located finds values that have no quote of their own. It is built when the first such value is looked for.
type located struct {
	numbers map[decimal]*spots
	dates   map[day]*spots
}

// Locate returns where a value stands, when it stands at one place alone and is long enough to mean it: a text of four letters
// or figures, a number of three figures, a date whose order of day and month is certain. Choices and values of kind Any are never located.
func (x *Index) Locate(v Value) (Match, bool) {
	var found spots
	switch v.Kind {
	case Number:
		d, ok := parseDecimal(v.Text)
		if !ok || figuresOf(d) < 3 {
			return Match{}, false
		}
		if s := x.values().numbers[d]; s != nil {
			found = *s
		}
	case Text:
		if found = x.locateText(v.Text); found.n == 0 {
			return x.locateInCells(v.Text)
		}
	default:
		return Match{}, false
	}
	if found.n != 1 {
		return Match{}, false
	}
	return x.match(found.first)
}

// figuresOf counts the figures of a number as it is usually written.
func figuresOf(d decimal) int {
	digits, exponent, _ := strings.Cut(strings.TrimPrefix(string(d), "-"), "e")
	n := len(digits)
	if !strings.HasPrefix(exponent, "-") {
		n += min(valueOf(exponent), 9)
	}
	return n
}

// locateText finds a text value as it is, else the date that it is.
func (x *Index) locateText(text string) spots {
	var found spots
	value := bareText(text)
	if m, ok := wholeDate(value); ok {
		if m.clock != "" || m.day.day == 0 {
			return found
		}
		if s := x.values().dates[m.day]; s != nil {
			return *s
		}
		return found
	}
	if !isTelling(value) {
		return found
	}
	grams := gramsOf(value)
	a, isAmount := parseAmount(value)
	for d := range x.docs {
		for p := range x.docs[d].Pages {
			f := x.page(d, p)
			if !f.mayHave(grams) {
				continue
			}
			low := f.lowered()
			for from := 0; found.n < 2; {
				i := indexWhole(low[from:], value)
				if i < 0 {
					break
				}
				i += from
				cut := isAmount && a.money && cutsAmount(low, i)
				if !cut && edges(low, i, i+len(value)) == whole { // seen with what stands before from, too
					found.add(spot{d, p, i, i + len(value)})
				}
				from = i + len(value)
			}
		}
	}
	return found
}

// bareText is a text as it is compared with others.
func bareText(text string) string { return strings.Trim(lower(Fold(text)), ` .,;:"'`) }

// isTelling reports whether a text has four letters or figures.
func isTelling(text string) bool {
	letters := 0
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			letters++
		}
	}
	return letters >= 4
}

// locateInCells finds a text in the cells that take several lines.
func (x *Index) locateInCells(text string) (Match, bool) {
	value := bareText(text)
	if _, date := wholeDate(value); date || !isTelling(value) {
		return Match{}, false
	}
	m, n := x.locateWrapped(value)
	return m, n == 1
}

// match turns a place in a folded text into one of the source.
func (x *Index) match(s spot) (Match, bool) {
	text := x.docs[s.document].Pages[s.page].Text
	start, end, ok := x.page(s.document, s.page).span(text, s.start, s.end)
	return Match{Document: s.document, Page: s.page, Start: start, End: end}, ok
}

// values reads the numbers and dates of all pages, once.
func (x *Index) values() *located {
	if x.found != nil {
		return x.found
	}
	l := &located{numbers: map[decimal]*spots{}, dates: map[day]*spots{}}
	known := x.dateOrder()
	for d := range x.docs {
		for p := range x.docs[d].Pages {
			text := x.page(d, p).text
			numbersIn(text, func(n foundNumber) {
				if figuresOf(n.value) >= 3 {
					add(l.numbers, n.value, spot{d, p, n.start, n.end})
				}
			})
			datesIn(text, func(f foundDate) {
				certain := f.order == orderUnknown || known != orderUnknown || f.dotted
				if certain && f.allowed(known) && f.date.day > 0 {
					add(l.dates, f.date, spot{d, p, f.start, f.end})
				}
			})
		}
	}
	x.found = l
	return l
}

func add[K comparable](m map[K]*spots, key K, at spot) {
	s := m[key]
	if s == nil {
		s = &spots{}
		m[key] = s
	}
	s.add(at)
}

// dateOrder tells from the dates that can only be read one way, such as 25/03/2026, how numeric dates are written here. Sources
// that use both ways have no order.
func (x *Index) dateOrder() order {
	if x.ordered {
		return x.order
	}
	x.ordered = true
	var seen [3]int
	for d := range x.docs {
		for p := range x.docs[d].Pages {
			last := foundDate{start: -1}
			count := func() {
				if last.start >= 0 && last.order != orderUnknown {
					seen[last.order]++
				}
			}
			datesIn(x.page(d, p).text, func(f foundDate) {
				if f.start == last.start { // both orders exist: it tells nothing
					last.order = orderUnknown
					return
				}
				count()
				last = f
			})
			count()
		}
	}
	switch {
	case seen[dayFirst] > 0 && seen[monthFirst] == 0:
		x.order = dayFirst
	case seen[monthFirst] > 0 && seen[dayFirst] == 0:
		x.order = monthFirst
	}
	return x.order
}

// Package pageselect finds the pages of a document that words describe: page ranges, entries of a table of contents, and what pages
// are about.
//
//	criteria, err := pageselect.Parse("@PAGERANGE: 3, 5-15; @TOC: Annex A\nthe balance sheet")
//	found, err := pageselect.Select(ctx, criteria, pageselect.Params{File: file, …})
//
// A description has parts, separated by ';' and line ends:
//
//	@PAGERANGE: 3, 5-15   pages n, ranges n-m, n- (to the end), -m (from the beginning), and "last"; also @PAGERANGE(3, 5-15),
//	                      and the list alone
//	@TOC: Annex A, Notes  entries of the table of contents; also @TOC(…). A title in "quotes" may hold commas
//	anything else         what pages are about
//
// Parse, Entries and Match are pure.
package pageselect

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Source says by which kind of part a page was found.
type Source string

// The sources, the strongest first.
const (
	PageRange Source = "pagerange"
	TOC       Source = "toc"
	Semantic  Source = "semantic"
)

// Bounds of a description.
const (
	maxParts = 200
	maxItems = 2000 // ranges and titles of all parts
	maxText  = 100_000
)

// Criteria is a parsed description. Immutable.
type Criteria struct {
	parts []part
}

// part is one part of a description.
type part struct {
	source Source
	text   string // as it was written, without blanks around it
	ranges []pageRange
	titles []string
}

// pageRange is a range of pages as it was written, counted from 1, both ends included.
type pageRange struct {
	from int    // lastPage means the last page alone
	to   int    // 0 means the last page
	text string // shortened for messages
}

// lastPage as from means the last page alone.
const lastPage = -1

// Parse reads a description. An empty one gives Criteria that are Empty.
//
// Errors are for users.
func Parse(s string) (*Criteria, error) {
	if len(s) > maxText {
		return nil, fmt.Errorf("the description of the pages is longer than %d bytes", maxText)
	}
	c := &Criteria{}
	items := 0
	for _, text := range strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == '\n' || r == '\r' }) {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := parsePart(text)
		if err != nil {
			return nil, err
		}
		if items += len(p.ranges) + len(p.titles); items > maxItems || len(c.parts) == maxParts {
			return nil, fmt.Errorf("the description of the pages has more than %d parts or %d ranges and titles", maxParts, maxItems)
		}
		c.parts = append(c.parts, p)
	}
	return c, nil
}

// Check reports what is wrong with a description.
func Check(s string) error {
	_, err := Parse(s)
	return err
}

// Empty reports whether nothing is described.
func (c *Criteria) Empty() bool { return len(c.parts) == 0 }

// Has reports whether a part is of that kind.
func (c *Criteria) Has(s Source) bool {
	for i := range c.parts {
		if c.parts[i].source == s {
			return true
		}
	}
	return false
}

// parsePart reads one part.
func parsePart(text string) (part, error) {
	if list, marked, err := cutMark(text, "@PAGERANGE"); err != nil {
		return part{}, errors.New("write @PAGERANGE: 3, 5-15, not " + quoted(text))
	} else if marked {
		ranges, err := parseRanges(list)
		return part{source: PageRange, text: text, ranges: ranges}, err
	}
	if list, marked, err := cutMark(text, "@TOC"); err != nil {
		return part{}, errors.New("write @TOC: Chapter 1, Annex A, not " + quoted(text))
	} else if marked {
		titles := splitTitles(list)
		if len(titles) == 0 {
			return part{}, fmt.Errorf("%s names no entry of the table of contents", quoted(text))
		}
		return part{source: TOC, text: text, titles: titles}, nil
	}
	if isList(text) {
		ranges, err := parseRanges(text)
		return part{source: PageRange, text: text, ranges: ranges}, err
	}
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return part{}, fmt.Errorf("%s says nothing about pages", quoted(text))
	}
	return part{source: Semantic, text: text}, nil
}

// cutMark takes a mark off a part. marked is false when another kind of part stands there.
func cutMark(text, mark string) (list string, marked bool, err error) {
	if len(text) < len(mark) || !strings.EqualFold(text[:len(mark)], mark) {
		return "", false, nil
	}
	rest := strings.TrimSpace(text[len(mark):])
	switch {
	case strings.HasPrefix(rest, ":"):
		return rest[1:], true, nil
	case strings.HasPrefix(rest, "(") && strings.HasSuffix(rest, ")"):
		return rest[1 : len(rest)-1], true, nil
	}
	return "", false, errors.New("neither a colon nor brackets")
}

// isList reports whether a part is a list of pages without its mark.
func isList(text string) bool {
	return strings.Trim(text, "0123456789-, \t") == "" && strings.ContainsAny(text, "0123456789") || strings.EqualFold(text, "last")
}

// parseRanges reads a list of pages and ranges.
func parseRanges(list string) ([]pageRange, error) {
	var ranges []pageRange
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		r, ok := parseRange(item)
		if !ok {
			return nil, fmt.Errorf("%s is not a page or a range of pages, such as 3, 5-15, 20- or last", quoted(item))
		}
		ranges = append(ranges, r)
	}
	if len(ranges) == 0 {
		return nil, errors.New("@PAGERANGE names no pages")
	}
	return ranges, nil
}

// parseRange reads "n", "n-m", "n-", "-m" or "last".
func parseRange(item string) (pageRange, bool) {
	if strings.EqualFold(item, "last") {
		return pageRange{from: lastPage, text: item}, true
	}
	text := shortened(item)
	a, b, isRange := strings.Cut(strings.ReplaceAll(item, "–", "-"), "-")
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	from, okFrom := pageNumber(a)
	if !isRange {
		return pageRange{from, from, text}, okFrom
	}
	to, okTo := pageNumber(b)
	switch {
	case okFrom && okTo && from <= to:
		return pageRange{from, to, text}, true
	case okFrom && (b == "" || strings.EqualFold(b, "last")):
		return pageRange{from, 0, text}, true
	case okTo && a == "":
		return pageRange{1, to, text}, true
	}
	return pageRange{}, false
}

// pageNumber reads the number of a page. One that no int holds is the largest int: no document has that page either.
func pageNumber(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, (err == nil || errors.Is(err, strconv.ErrRange)) && n >= 1 && s[0] != '+'
}

// splitTitles cuts a list of titles at its commas, those in quotes aside.
func splitTitles(list string) []string {
	var titles []string
	var b strings.Builder
	end := rune(0) // the quote that ends the title; 0 outside of quotes
	flush := func() {
		if title := strings.Join(strings.Fields(b.String()), " "); title != "" {
			titles = append(titles, title)
		}
		b.Reset()
	}
	for _, r := range list {
		switch {
		case end != 0 && r == end:
			end = 0
		case end == 0 && strings.TrimSpace(b.String()) == "" && closing(r) != 0:
			end = closing(r)
		case end == 0 && r == ',':
			flush()
		default:
			b.WriteRune(r)
		}
	}
	flush()
	return titles
}

// closing is the quote that ends what r begins; 0 when r begins nothing.
func closing(r rune) rune {
	switch r {
	case '"':
		return '"'
	case '“':
		return '”'
	case '„':
		return '“'
	case '«':
		return '»'
	}
	return 0
}

// quoted shows a user's words in a message.
func quoted(s string) string { return strconv.Quote(shortened(s)) }

// shortened cuts a user's words to what a message shows of them.
func shortened(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// pages returns the pages that a range names in a document of count pages, and whether it names others too.
func (r pageRange) pages(count int) (from, to int, outside bool) {
	switch {
	case r.from == lastPage:
		return count, count, false
	case r.to == 0:
		return r.from, count, r.from > count
	}
	return r.from, min(r.to, count), r.to > count
}

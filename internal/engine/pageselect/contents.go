package pageselect

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/grounding"
)

// Bounds of printed tables of contents.
const (
	contentsPages = 15   // pages of a document among which one is looked for
	maxEntries    = 5000 // of one
	maxTitle      = 200  // characters of a title
	fewLines      = 3    // of a table under its heading, at least
	manyLines     = 5    // of one without a heading, at least
	aheadLines    = 10   // of a page in which the heading stands
)

// printed is an entry of a table of contents as it is printed.
type printed struct {
	title  string
	label  int     // the number of the page as it is printed
	roman  bool    // in Roman figures
	indent float64 // of the line, in points; 0 when unknown
	leader bool    // dots lead to the number
	on     int     // page that it stands on
}

// Contents finds the printed table of contents among the first 15 of pages, which begin with the document's first one, and
// returns its entries with the pages that they lead to: the printed numbers, moved by as much as the headings found on the pages stand
// away from them. The result is empty when there is none. sure is false when no heading was found, so that the printed numbers had to
// be taken for the document's.
func Contents(pages []grounding.Page, count int) (entries []document.Heading, sure bool) {
	return resolve(parseContents(pages), pages, count)
}

// parseContents finds the entries as they are printed.
func parseContents(pages []grounding.Page) []printed {
	var all []printed
	last := -1 // index of the last page of the table
	for i := range pages[:min(len(pages), contentsPages)] {
		lines, headed := contentsLines(&pages[i])
		enough := headed && len(lines) >= fewLines || isRun(lines, manyLines)
		goesOn := last >= 0 && i == last+1 && isRun(lines, fewLines)
		switch {
		case last >= 0 && i > last+1:
			return all
		case (enough || goesOn) && len(all)+len(lines) <= maxEntries:
			all, last = append(all, lines...), i
		}
	}
	return all
}

// isRun reports whether lines are those of a table of contents by themselves: enough of them, led to their numbers by dots, and the
// numbers rise.
func isRun(lines []printed, least int) bool {
	leaders, falls, last := 0, 0, 0
	for _, l := range lines {
		if l.leader {
			leaders++
		}
		if !l.roman {
			if l.label < last {
				falls++
			}
			last = l.label
		}
	}
	return len(lines) >= least && leaders*2 > len(lines) && falls*5 <= len(lines)
}

// contentsLines returns the lines of a page that could be entries, and whether a heading says that they are.
func contentsLines(p *grounding.Page) (lines []printed, headed bool) {
	start, seen := 0, 0
	pending := "" // a title whose number stands on the next line
	for text := range strings.Lines(p.Text) {
		at := start
		start += len(text)
		text = strings.TrimSpace(text)
		if text == "" {
			pending = ""
			continue
		}
		if seen++; seen <= aheadLines && isContentsHeading(text) {
			headed, lines, pending = true, nil, ""
			continue
		}
		e, ok := contentsLine(text)
		switch {
		case ok && pending != "" && !startsNumbered(e.title) && utf8.RuneCountInString(pending+e.title) < maxTitle:
			e.title = pending + " " + e.title
			fallthrough
		case ok:
			e.indent, e.on = indentOf(p, at), p.Number
			lines = append(lines, e)
			pending = ""
		case startsNumbered(text) && len(text) < maxTitle:
			pending = text
		default:
			pending = ""
		}
	}
	return lines, headed
}

// isContentsHeading reports whether a line is the heading of a table of contents.
func isContentsHeading(line string) bool {
	switch plain(line) {
	case "contents", "table of contents", "index", "contents page", "list of contents", "inhalt", "inhaltsverzeichnis", "inhaltsubersicht",
		"sommaire", "table des matieres", "indice", "indice general", "contenido", "tabla de contenido", "tabla de contenidos", "inhoud",
		"inhoudsopgave", "indholdsfortegnelse", "innehall", "sumario", "sommario", "spis tresci":
		return true
	}
	return false
}

// leaders are the characters that lead from a title to its number.
const leaders = ".·…_‥․‧-–"

// contentsLine reads a line "title .... 12" or "title    12".
func contentsLine(line string) (printed, bool) {
	i := strings.LastIndexFunc(line, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(leaders, r) })
	if i < 0 {
		return printed{}, false
	}
	_, size := utf8.DecodeRuneInString(line[i:])
	label, roman, ok := pageLabel(line[i+size:])
	if !ok {
		return printed{}, false
	}
	rest := line[:i+size]
	title := strings.TrimRightFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(leaders, r) })
	dots, blanks := 0, 0
	for _, r := range rest[len(title):] {
		switch {
		case r == '…' || r == '‥':
			dots += 2
		case unicode.IsSpace(r):
			blanks++
		default:
			dots++
		}
	}
	e := printed{title: strings.Join(strings.Fields(title), " "), label: label, roman: roman, leader: dots >= 2}
	n := utf8.RuneCountInString(e.title)
	if !e.leader && (blanks < 2 || dots > 0) || n == 0 || n > maxTitle || !strings.ContainsFunc(e.title, unicode.IsLetter) {
		return printed{}, false
	}
	return e, true
}

// pageLabel reads a printed page number, in Arabic or small Roman figures.
func pageLabel(s string) (n int, roman, ok bool) {
	if s == "" || len(s) > 7 {
		return 0, false, false
	}
	if n, ok := pageNumber(s); ok {
		return n, false, len(s) <= 4
	}
	for i := range len(s) {
		value := romanDigit(s[i])
		if value == 0 {
			return 0, false, false
		}
		if i+1 < len(s) && romanDigit(s[i+1]) > value {
			value = -value
		}
		n += value
	}
	return n, true, n > 0
}

// romanDigit is what a small Roman figure counts; 0 for other characters.
func romanDigit(c byte) int {
	switch c {
	case 'i':
		return 1
	case 'v':
		return 5
	case 'x':
		return 10
	case 'l':
		return 50
	case 'c':
		return 100
	}
	return 0
}

// startsNumbered reports whether a title begins with its number, or with the word for a division and its number.
func startsNumbered(title string) bool {
	t := tokens(title)
	return len(t) > 1 && isNumber(t[0]) || len(t) > 1 && isDivision(t[0]) && (isNumber(t[1]) || len(t[1]) == 1)
}

// indentOf is how far from the left the line that begins at a byte of the page's text stands.
func indentOf(p *grounding.Page, at int) float64 {
	i, _ := slices.BinarySearchFunc(p.Words, at, func(w grounding.Word, at int) int { return w.Start - at })
	if i < len(p.Words) {
		return p.Words[i].Box.X0
	}
	return 0
}

// levels gives each entry its level: by the depth of its number, else by how far it is indented.
func levels(list []printed) []int {
	numbered := 0
	var indents []float64
	for _, e := range list {
		if depthOf(e.title) > 0 {
			numbered++
		}
		if i, found := slices.BinarySearch(indents, e.indent); !found {
			indents = slices.Insert(indents, i, e.indent)
		}
	}
	steps := indents[:0:0] // indents that are apart from one another
	for _, x := range indents {
		if len(steps) == 0 || x-steps[len(steps)-1] > indentStep {
			steps = append(steps, x)
		}
	}
	out := make([]int, len(list))
	for i, e := range list {
		rank := 0
		for rank+1 < len(steps) && e.indent >= steps[rank+1]-indentStep/2 {
			rank++
		}
		switch depth := depthOf(e.title); {
		case depth > 0 && numbered*2 >= len(list):
			out[i] = depth
		case numbered*2 >= len(list):
			out[i] = 1
		default:
			out[i] = rank + 1
		}
	}
	return out
}

// indentStep is by how many points the lines of the next level stand further in, at least.
const indentStep = 5

// depthOf is the depth of the number that a title begins with: 1 for "2" and "Chapter 2", 2 for "2.3"; 0 when it has none.
func depthOf(title string) int {
	t := tokens(title)
	switch {
	case len(t) > 1 && isDivision(t[0]) && isNumber(t[1]):
		return 1 + strings.Count(t[1], ".")
	case len(t) > 1 && isDivision(t[0]) && len(t[1]) == 1:
		return 1
	case len(t) > 1 && isNumber(t[0]):
		return 1 + strings.Count(t[0], ".")
	}
	return 0
}

// resolve finds the pages that entries lead to.
func resolve(list []printed, pages []grounding.Page, count int) (entries []document.Heading, sure bool) {
	if len(list) == 0 {
		return nil, false
	}
	lines := lineIndex(pages, list)
	votes := map[int]int{}
	for _, e := range list {
		if e.roman {
			continue
		}
		seen := map[int]bool{}
		for _, page := range lines.find(e.title) {
			if d := page - e.label; !seen[d] {
				seen[d] = true
				votes[d]++
			}
		}
	}
	offset, most := 0, 0
	for d, n := range votes {
		if n > most || n == most && abs(d) < abs(offset) || n == most && abs(d) == abs(offset) && d > offset {
			offset, most = d, n
		}
	}
	level := levels(list)
	for i, e := range list {
		page := e.label + offset
		if e.roman {
			page = e.label
			if at := lines.find(e.title); len(at) > 0 {
				page = at[0]
			}
		}
		if page < 1 || page > count {
			page = 0
		}
		entries = append(entries, document.Heading{Title: e.title, Level: level[i], Page: page})
	}
	return entries, most > 0
}

func abs(n int) int { return max(n, -n) }

// lineFinder finds lines on pages by their words.
type lineFinder map[string][]int

// lineIndex makes a finder of the lines of pages, those of the table of contents aside.
func lineIndex(pages []grounding.Page, table []printed) lineFinder {
	skip := map[int]bool{}
	for _, e := range table {
		skip[e.on] = true
	}
	lines := lineFinder{}
	for i := range pages {
		if skip[pages[i].Number] {
			continue
		}
		for text := range strings.Lines(pages[i].Text) {
			if len(text) > 2*maxTitle {
				continue
			}
			key := plain(text)
			if at := lines[key]; key != "" && (len(at) == 0 || at[len(at)-1] != pages[i].Number) {
				lines[key] = append(at, pages[i].Number)
			}
		}
	}
	return lines
}

// find returns the pages on which a title stands as a line of its own, with or without its number.
func (l lineFinder) find(title string) []int {
	t := tokens(title)
	if at := l[strings.Join(t, " ")]; len(at) > 0 {
		return at
	}
	if len(t) > 1 && isNumber(t[0]) {
		return l[strings.Join(t[1:], " ")]
	}
	return nil
}

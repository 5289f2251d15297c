package grounding

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stewardhq/steward"
)

// Span is a byte range in a page's text.
type Span struct{ Start, End int }

// cellEnd parts cells in wrapped.text; it stands in no quote that is looked for.
const cellEnd = "\x1e"

// wrapped holds the texts of those cells of a page that take several lines, so that quotes are looked for in them as in the page.
type wrapped struct {
	text  string // the lines of the cells: lines end with "\n", cells with cellEnd
	lines []Span // of the page, in the order of text
	at    []int  // where each of them begins in text
	folded
}

// wrapped returns the cells of a page that take several lines, nil when there are none.
func (x *Index) wrapped(d, p int) *wrapped {
	if x.cells == nil {
		x.cells = map[[2]int]*wrapped{}
	}
	at := [2]int{d, p}
	w, known := x.cells[at]
	if !known {
		w = makeWrapped(&x.docs[d].Pages[p])
		x.cells[at] = w
	}
	return w
}

func makeWrapped(p *Page) *wrapped {
	cells := wrappedCells(p)
	if len(cells) == 0 {
		return nil
	}
	var w wrapped
	var b strings.Builder
	for _, cell := range cells {
		for i, s := range cell {
			if i > 0 {
				b.WriteByte('\n')
			}
			w.at = append(w.at, b.Len())
			w.lines = append(w.lines, s)
			b.WriteString(p.Text[s.Start:s.End])
		}
		b.WriteString(cellEnd)
	}
	w.text = b.String()
	w.folded = *foldPage(w.text)
	return &w
}

// spans turns a range of the cells' text, which lies in one cell, into ranges of the page's text.
func (w *wrapped) spans(start, end int) []Span {
	i, _ := slices.BinarySearch(w.at, start+1)
	var out []Span
	for i--; i < len(w.at) && w.at[i] < end; i++ {
		from := w.lines[i].Start + max(start-w.at[i], 0)
		out = append(out, Span{from, min(w.lines[i].Start+end-w.at[i], w.lines[i].End)})
	}
	return out
}

// matchOf is a match in the cells' text as one of the page.
func (w *wrapped) matchOf(d, p, start, end int) Match {
	parts := w.spans(start, end)
	m := Match{Document: d, Page: p, Start: parts[0].Start, End: parts[len(parts)-1].End}
	if len(parts) > 1 {
		m.Parts = parts
	}
	return m
}

// findWrapped looks for a folded quote in the cells of the pages that a pass of find is about.
func (x *Index) findWrapped(q string, words []gram, file, page int, pass ...int) (Match, bool) {
	if strings.Contains(q, cellEnd) {
		return Match{}, false
	}
	for _, n := range pass {
		for d := range x.docs {
			hinted := x.docs[d].FileIndex == file
			for p := range x.docs[d].Pages {
				if passOf(hinted, x.docs[d].Pages[p].Number == page) != n || len(x.docs[d].Pages[p].Words) == 0 || !x.page(d, p).mayHaveParted(words) {
					continue
				}
				w := x.wrapped(d, p)
				if w == nil {
					continue
				}
				if start, end, got := w.find(w.text, q); got == whole {
					return w.matchOf(d, p, start, end), true
				}
			}
		}
	}
	return Match{}, false
}

// locateWrapped finds a text in the cells, all of them; text is in lower case.
func (x *Index) locateWrapped(text string) (m Match, n int) {
	if strings.Contains(text, cellEnd) {
		return m, 0
	}
	grams := wordGrams(text)
	for d := range x.docs {
		for p := range x.docs[d].Pages {
			if len(x.docs[d].Pages[p].Words) == 0 || !x.page(d, p).mayHaveParted(grams) {
				continue
			}
			w := x.wrapped(d, p)
			if w == nil {
				continue
			}
			low := w.lowered()
			for from := 0; n < 2; {
				i := indexWhole(low[from:], text)
				if i < 0 {
					break
				}
				i += from
				from = i + len(text)
				if start, end, ok := w.span(w.text, i, from); ok && edges(low, i, from) == whole {
					m = w.matchOf(d, p, start, end)
					n++
				}
			}
		}
	}
	return m, n
}

// wordGrams lists the grams of the words of a folded text.
func wordGrams(text string) []gram {
	var out []gram
	for word := range strings.FieldsSeq(text) {
		out = append(out, gramsOf(word)...)
	}
	return out
}

// mayHaveParted is mayHave for words that may stand apart, of which a hyphen may part one.
func (f *folded) mayHaveParted(grams []gram) bool {
	const spanning = 3 // grams that a hyphen breaks
	missing := 0
	for i := range grams {
		if !f.mayHave(grams[i : i+1]) {
			if missing++; missing > spanning {
				return false
			}
		}
	}
	return true
}

// boxes returns the places of a match, one box for each line.
func (p *Page) boxes(m Match) []steward.Box {
	if len(m.Parts) == 0 {
		return p.Boxes(m.Start, m.End)
	}
	var out []steward.Box
	for _, s := range m.Parts {
		out = append(out, p.Boxes(s.Start, s.End)...)
	}
	return out
}

// quote returns the words of a match as they stand in the page, the lines of a cell joined by "\n".
func (p *Page) quote(m Match) string {
	if len(m.Parts) == 0 {
		return p.Text[m.Start:m.End]
	}
	lines := make([]string, len(m.Parts))
	for i, s := range m.Parts {
		lines[i] = p.Text[s.Start:s.End]
	}
	return strings.Join(lines, "\n")
}

// find returns the first whole place of a quote in a text, else the first one that cuts a number at its separator. f is the
// text in folded form.
func (f *folded) find(text, q string) (start, end int, best fit) {
	for from := 0; ; {
		i := strings.Index(f.text[from:], q)
		if i < 0 {
			return start, end, best
		}
		i += from
		if a, b, ok := f.span(text, i, i+len(q)); ok {
			if got := edges(text, a, b); got > best && !parts(text[:a], text[a:]) && !parts(text[:b], text[b:]) {
				start, end, best = a, b, got
			}
			if best == whole {
				return start, end, best
			}
		}
		_, n := utf8.DecodeRuneInString(f.text[i:])
		from = i + n
	}
}

package pageselect

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/grounding"
)

// What makes a line a heading.
const (
	largeLine  = 1.18 // heights of the usual line
	mostWords  = 14
	mostLetter = 110
	sampled    = 200_000 // words by which the usual height is found
)

// Headings lists the lines of pages that look like headings: large or numbered lines, and such as "Annex B", that are short and end no
// sentence. A line that comes again on later pages, as a running head does, is listed once. Levels follow the depth of the
// numbers, else the size.
func Headings(pages []grounding.Page) []document.Heading {
	usual := usualHeight(pages)
	type candidate struct {
		document.Heading
		height float64
		depth  int
	}
	var list []candidate
	seen := map[string]bool{}
	for i := range pages {
		p := &pages[i]
		start := 0
		for text := range strings.Lines(p.Text) {
			at := start
			start += len(text)
			title := strings.Join(strings.Fields(text), " ")
			if !couldBeTitle(title) {
				continue
			}
			height, depth := heightOf(p, at, at+len(text)), depthOf(title)
			large := usual > 0 && height >= largeLine*usual
			if !large && !(depth > 0 && startsCapital(title) && height >= 0.95*usual) {
				continue
			}
			key := plain(title)
			if seen[key] || len(list) == maxEntries {
				continue
			}
			seen[key] = true
			list = append(list, candidate{document.Heading{Title: title, Page: p.Number}, height, depth})
		}
	}
	var sizes []float64
	for _, c := range list {
		if s := math.Round(c.height); !slices.Contains(sizes, s) {
			sizes = append(sizes, s)
		}
	}
	slices.SortFunc(sizes, func(a, b float64) int { return int(b - a) })
	out := make([]document.Heading, len(list))
	for i, c := range list {
		if c.Level = c.depth; c.depth == 0 {
			c.Level = 1 + slices.Index(sizes, math.Round(c.height))
		}
		out[i] = c.Heading
	}
	return out
}

// couldBeTitle reports whether a line has the form of a heading.
func couldBeTitle(s string) bool {
	n := utf8.RuneCountInString(s)
	if n < 2 || n > mostLetter || len(strings.Fields(s)) > mostWords || !strings.ContainsFunc(s, unicode.IsLetter) {
		return false
	}
	if _, isEntry := contentsLine(s); isEntry {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(s)
	return !strings.ContainsRune(".,;", last)
}

// startsCapital reports whether the first letter of a title is a capital one.
func startsCapital(s string) bool {
	i := strings.IndexFunc(s, unicode.IsLetter)
	r, _ := utf8.DecodeRuneInString(s[max(i, 0):])
	return i >= 0 && !unicode.IsLower(r)
}

// usualHeight is the median height of the words of pages; 0 when their places are unknown.
func usualHeight(pages []grounding.Page) float64 {
	var heights []float64
	for i := range pages {
		for _, w := range pages[i].Words {
			if len(heights) == sampled {
				break
			}
			heights = append(heights, w.Box.Y1-w.Box.Y0)
		}
	}
	if len(heights) == 0 {
		return 0
	}
	slices.Sort(heights)
	return heights[len(heights)/2]
}

// heightOf is the height of the tallest word of a piece of a page's text; 0 when places are unknown.
func heightOf(p *grounding.Page, from, to int) float64 {
	i, _ := slices.BinarySearchFunc(p.Words, from, func(w grounding.Word, at int) int { return w.Start - at })
	tall := 0.0
	for ; i < len(p.Words) && p.Words[i].Start < to; i++ {
		tall = math.Max(tall, p.Words[i].Box.Y1-p.Words[i].Box.Y0)
	}
	return tall
}

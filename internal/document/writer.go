package document

import (
	"math"
	"slices"
	"strings"

	"github.com/stewardhq/steward/internal/grounding"
)

// paragraphGap is the free space between two lines that is shown as an empty line, in heights of a line.
const paragraphGap = 0.8

// maxPad is the widest gap between parts, in spaces.
const maxPad = 40

// writer builds the text of a page and notes where its words stand.
type writer struct {
	text strings.Builder
	page *grounding.Page
	last *box // of the last row; nil before the first
}

// block writes rows that belong together.
func (w *writer) block(rows []row) {
	for i := range rows {
		w.row(&rows[i])
	}
}

// row writes one line. Parts are set apart by spaces in proportion to their gap, so that an empty cell can be seen.
func (w *writer) row(r *row) {
	if w.last != nil {
		gap := r.box.y0 - w.last.y1
		if gap > paragraphGap*math.Min(r.box.height(), w.last.height()) || r.box.y1 < w.last.y0 {
			w.text.WriteByte('\n')
		}
	}
	for i, p := range r.parts {
		if i > 0 {
			gap := p.box.x0 - r.parts[i-1].box.x1
			n := int(math.Round(gap / math.Max(1, 0.45*r.box.height())))
			w.text.WriteString(strings.Repeat(" ", min(max(n, 2), maxPad)))
		}
		w.part(p.words)
	}
	w.text.WriteByte('\n')
	w.last = &r.box
}

// part writes words with single spaces.
func (w *writer) part(words []word) {
	for i, word := range words {
		if i > 0 {
			w.text.WriteByte(' ')
		}
		start := w.text.Len()
		w.text.WriteString(word.text)
		w.page.Words = append(w.page.Words, grounding.Word{Start: start, End: w.text.Len(), Box: word.place().stewardBox()})
	}
}

// upright writes the words that go up or down the page, each run of neighbours as a line, after everything else.
func (w *writer) upright(words []word) {
	if len(words) == 0 {
		return
	}
	if w.text.Len() > 0 {
		w.text.WriteByte('\n')
	}
	for len(words) > 0 {
		n := 1
		for n < len(words) && math.Abs(words[n].box.midX()-words[0].box.midX()) < sameRow*words[0].box.width() {
			n++
		}
		w.part(slices.Clone(words[:n]))
		w.text.WriteByte('\n')
		words = words[n:]
	}
}

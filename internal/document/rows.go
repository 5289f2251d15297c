package document

import (
	"math"
	"slices"
	"strings"
	"unicode"
)

// row is one line across the page or across a column.
type row struct {
	parts []part // from left to right
	box   box
}

// part is a piece of a row that stands apart from its neighbours by a gap.
type part struct {
	words []word
	box   box
}

// Thresholds, in heights of a line (which is about 1.15 of the font's size).
const (
	sameRow     = 0.45 // words whose middles are closer than this stand on one line
	partGap     = 0.75 // a gap wider than this parts two columns or cells
	loosePart   = 0.95 // the same in a line whose words are set loosely
	bigWord     = 0.75 // words lower than this share of a line's tallest one are small
	tangle      = 0.4  // words of one line overlap by less than this share of their width
	looseMedian = 0.30 // the median gap that makes a line a loose one
)

// rows gathers words into lines, top to bottom.
func rows(words []word) []row {
	var all []row
	for _, line := range lines(words) {
		for _, l := range disentangle(line) {
			all = append(all, makeRow(l))
		}
	}
	return all
}

// lines gathers words whose middles are near each other, top to bottom. It changes the order of words.
func lines(words []word) [][]word {
	slices.SortStableFunc(words, func(a, b word) int { return compare(a.box.midY(), b.box.midY()) })
	var (
		all  [][]word
		line []word
		mid  float64 // mean of the middles of line
		tall float64 // greatest height in line
	)
	for _, w := range words {
		h := w.box.height()
		if len(line) > 0 && math.Abs(w.box.midY()-mid) > sameRow*math.Min(math.Max(tall, h), 2.5*math.Min(tall, h)) {
			all = append(all, line)
			line, mid, tall = nil, 0, 0
		}
		line = append(line, w)
		mid += (w.box.midY() - mid) / float64(len(line))
		tall = math.Max(tall, h)
	}
	if len(line) > 0 {
		all = append(all, line)
	}
	return all
}

// disentangle parts a line that holds several: large letters may stand beside two lines of small ones. Each large word
// goes to the small line that it is level with.
func disentangle(line []word) [][]word {
	if !tangled(line) {
		return [][]word{line}
	}
	tall := 0.0
	for _, w := range line {
		tall = math.Max(tall, w.box.height())
	}
	var small, large []word
	for _, w := range line {
		if w.box.height() < bigWord*tall {
			small = append(small, w)
		} else {
			large = append(large, w)
		}
	}
	if len(small) == 0 {
		return [][]word{line}
	}
	parts := lines(small)
	for _, w := range large {
		best := 0
		for i := range parts {
			if math.Abs(parts[i][0].box.y1-w.box.y1) < math.Abs(parts[best][0].box.y1-w.box.y1) {
				best = i
			}
		}
		parts[best] = append(parts[best], w)
	}
	return parts
}

// tangled reports whether two words of a line stand above one another.
func tangled(line []word) bool {
	sorted := slices.Clone(line)
	slices.SortFunc(sorted, func(a, b word) int { return compare(a.box.x0, b.box.x0) })
	right := math.Inf(-1)
	for _, w := range sorted {
		if w.box.x0 < right-tangle*w.box.width() {
			return true
		}
		right = math.Max(right, w.box.x1)
	}
	return false
}

// makeRow orders the words of a line and cuts it into parts.
func makeRow(words []word) row {
	slices.SortStableFunc(words, func(a, b word) int { return compare(a.box.x0, b.box.x0) })
	r := row{box: words[0].box}
	limit := partLimit(words)
	start := 0
	right := words[0].box.x1
	for i, w := range words {
		r.box = r.box.join(w.box)
		if i > 0 && w.box.x0-right > limit*words[i-1].slack() {
			r.parts = append(r.parts, makePart(words[start:i]))
			start = i
		}
		right = math.Max(right, w.box.x1)
	}
	r.parts = append(r.parts, makePart(words[start:]))
	return r
}

// partLimit is the gap that parts the words of a line, in points.
func partLimit(words []word) float64 {
	var gaps, heights []float64
	for i, w := range words {
		heights = append(heights, w.box.height())
		if i > 0 {
			gaps = append(gaps, math.Max(0, w.box.x0-words[i-1].box.x1))
		}
	}
	h, g := median(heights), median(gaps)
	if len(gaps) >= 6 && g < h && gaps[len(gaps)-1] < 1.5*g && makePart(words).isText() {
		return math.Inf(1) // a line of prose that was stretched to fill its column
	}
	if len(gaps) >= 4 && g > looseMedian*h && g < 0.6*h {
		return loosePart * h
	}
	return partGap * h
}

// slack widens the gap that parts a word from the next one: sentences may stand further apart than words.
func (w word) slack() float64 {
	if strings.ContainsAny(w.text[len(w.text)-1:], ".?!") {
		return 1.25
	}
	return 1
}

// makePart joins words; a part written mostly right to left is turned into its reading order.
func makePart(words []word) part {
	p := part{words: slices.Clone(words), box: words[0].box}
	rtl := 0
	for _, w := range words {
		p.box = p.box.join(w.box)
		if w.rtl {
			rtl++
		}
	}
	if rtl*2 > len(words) {
		slices.Reverse(p.words)
	}
	return p
}

// median of vs, 0 when there are none. It changes the order of vs.
func median(vs []float64) float64 {
	if len(vs) == 0 {
		return 0
	}
	slices.Sort(vs)
	return vs[len(vs)/2]
}

// compare orders numbers; NaN never occurs.
func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// isText reports whether a part is made of letters rather than figures.
func (p part) isText() bool {
	letters, others := p.letters()
	return float64(letters) >= minLetters*float64(letters+others)
}

// letters counts the letters and the other characters of a part.
func (p part) letters() (letters, others int) {
	for _, w := range p.words {
		for _, r := range w.text {
			if unicode.IsLetter(r) || strings.ContainsRune(",.;:'’-", r) {
				letters++
			} else {
				others++
			}
		}
	}
	return letters, others
}

package grounding

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stewardhq/steward"
)

// A cell of a table that goes on in the next line stands in a page's text with the other cells of its row between its lines.
// Its lines are told from those of other cells by their places: see wrapReader.continues. What cannot be told is left apart.

// Thresholds, in heights of a line unless said otherwise.
const (
	wrapPitch    = 1.75 // lines of one cell follow each other within this
	wrapTight    = 1.3  // and within this when only the words tell that they belong together
	wrapLeast    = 0.6  // and not closer than this
	wrapAligned  = 0.35 // edges that are closer than this are aligned
	wrapHeights  = 1.5  // times that one line may be as high as the other
	wrapSpace    = 0.2  // a blank between words, at least
	wrapSame     = 0.15 // share by which the pitches within one cell may differ
	wrapTighter  = 0.87 // share of the pitch of rows below which the pitch of a cell's lines tells them apart
	wrapLooser   = 1.04 // share of the pitch of rows above which lines are none of one cell
	wrapTangle   = 0.2  // lines that overlap by more than this belong to one row whose cells are centred
	wrapCells    = 64   // cells in a line; a line with more is not looked at
	wrapReach    = 60   // lines above and below that tell how wide a column is
	wrapMaxLines = 20_000
)

// segment is a part of a line that stands apart from the others: a cell, or one line of it.
type segment struct {
	first, last int // words
	line        int
	box         steward.Box
	next        *segment // the same cell's next line; nil when there is none
	goesOn      bool     // it is the next line of another one
}

func (s *segment) width() float64  { return s.box.X1 - s.box.X0 }
func (s *segment) height() float64 { return s.box.Y1 - s.box.Y0 }
func (s *segment) middle() float64 { return (s.box.Y0 + s.box.Y1) / 2 }

// overlaps reports whether two segments stand above one another, be it by a part.
func (s *segment) overlaps(o *segment) bool {
	return s.box.X0 < o.box.X1 && o.box.X0 < s.box.X1
}

// aligned reports whether two segments begin, end or are centred at one place.
func (s *segment) aligned(o *segment) bool {
	near := wrapAligned * min(s.height(), o.height())
	return math.Abs(s.box.X0-o.box.X0) <= near || math.Abs(s.box.X1-o.box.X1) <= near ||
		math.Abs(s.box.X0+s.box.X1-o.box.X0-o.box.X1) <= 2*near
}

// lineOf is a line of the page with its segments from left to right.
type lineOf struct {
	list []*segment
	box  steward.Box
}

func (l *lineOf) middle() float64 { return (l.box.Y0 + l.box.Y1) / 2 }

// wrapReader finds the cells of one page that go on in the next line.
type wrapReader struct {
	page  *Page
	lines []lineOf
}

// wrapColumn is a column of the row at hand: the lines of its cell, so far.
type wrapColumn struct {
	list   []*segment
	lo, hi float64 // where its neighbours end and begin
}

func (c *wrapColumn) last() *segment { return c.list[len(c.list)-1] }

// wrappedCells returns the cells of a page that take several lines: the byte ranges of their lines, in order.
func wrappedCells(p *Page) [][]Span {
	r := wrapReader{page: p}
	if !r.read() {
		return nil
	}
	for i := 0; i < len(r.lines); {
		i = r.row(i)
	}
	var out [][]Span
	for i := range r.lines {
		for _, s := range r.lines[i].list {
			if s.next == nil || s.goesOn {
				continue
			}
			var cell []Span
			for ; s != nil; s = s.next {
				cell = append(cell, Span{p.Words[s.first].Start, p.Words[s.last].End})
			}
			out = append(out, cell)
		}
	}
	return out
}

// read cuts the page into lines and segments. false when its words have no order or are too many.
func (r *wrapReader) read() bool {
	words, text := r.page.Words, r.page.Text
	last := 0
	var s *segment
	for i := range words {
		w := &words[i]
		if w.Start < last || w.End <= w.Start || w.End > len(text) {
			return false
		}
		between := text[last:w.Start]
		last = w.End
		switch {
		case s == nil || strings.Contains(between, "\n"):
			if len(r.lines) == wrapMaxLines {
				return false
			}
			r.lines = append(r.lines, lineOf{})
		case len(between) < 2:
			s.last, s.box = i, join(s.box, w.Box)
			continue
		}
		l := &r.lines[len(r.lines)-1]
		s = &segment{first: i, last: i, line: len(r.lines) - 1, box: w.Box}
		l.list = append(l.list, s)
	}
	for i := range r.lines {
		l := &r.lines[i]
		l.box = l.list[0].box
		for _, s := range l.list {
			l.box = join(l.box, s.box)
		}
		slices.SortStableFunc(l.list, func(a, b *segment) int {
			switch {
			case a.box.X0 < b.box.X0:
				return -1
			case a.box.X0 > b.box.X0:
				return 1
			}
			return 0
		})
	}
	return true
}

func join(a, b steward.Box) steward.Box {
	return steward.Box{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}

// row links the lines of the cells of the row that begins at line i and returns where the next row begins.
func (r *wrapReader) row(i int) int {
	columns, next := r.columns(i)
	if len(columns) < 2 {
		return next
	}
	type link struct {
		above, below *segment
		spoken       bool // the words themselves go on
	}
	var run [][]link // by line
	widest := 0.0
	j := next
	for ; j < len(r.lines); j++ {
		places := r.continues(columns, j)
		if places == nil {
			break
		}
		var links []link
		for k, at := range places {
			below := r.lines[j].list[k]
			above := columns[at].last()
			links = append(links, link{above, below, r.spoken(above, below)})
			widest = max(widest, below.middle()-above.middle())
			columns[at].list = append(columns[at].list, below)
		}
		run = append(run, links)
	}
	if len(run) == 0 {
		return next
	}
	over := r.over(i, columns)
	apart := r.spaced(i-max(len(over)-1, 0), j, widest)
	for n, links := range run {
		for _, l := range links {
			if apart == farther || apart == alike && !l.spoken {
				return next + n
			}
		}
		for _, l := range links {
			l.above.next, l.below.goesOn = l.below, true
		}
	}
	for k := 1; apart == closer && k < len(over); k++ {
		over[k].next, over[k-1].goesOn = over[k-1], true
	}
	return j
}

// columns returns the columns of the row that begins at line i, and the line behind it. Cells that are centred in their row
// may stand in a line of their own between the lines of a higher one; they are columns as well.
func (r *wrapReader) columns(i int) ([]wrapColumn, int) {
	list := slices.Clone(r.lines[i].list)
	next := i + 1
	if next < len(r.lines) && r.tangled(i, next) {
		list = append(list, r.lines[next].list...)
		next++
	}
	if len(list) > wrapCells {
		return nil, next
	}
	slices.SortStableFunc(list, func(a, b *segment) int {
		if a.box.X0 < b.box.X0 {
			return -1
		}
		return 1
	})
	columns := make([]wrapColumn, len(list))
	for k, s := range list {
		c := wrapColumn{list: []*segment{s}, lo: math.Inf(-1), hi: math.Inf(1)}
		if k > 0 {
			c.lo = list[k-1].box.X1
		}
		if k+1 < len(list) {
			c.hi = list[k+1].box.X0
		}
		if c.lo > s.box.X0 || c.hi < s.box.X1 { // they overlap, as no cells do
			return nil, i + 1
		}
		columns[k] = c
	}
	return columns, next
}

// tangled reports whether line j stands between the lines of a cell of line i: it overlaps with it, and has other columns.
func (r *wrapReader) tangled(i, j int) bool {
	a, b := &r.lines[i], &r.lines[j]
	if len(a.list) > wrapCells || len(b.list) > wrapCells || b.middle() <= a.middle() ||
		a.box.Y1-b.box.Y0 < wrapTangle*min(a.box.Y1-a.box.Y0, b.box.Y1-b.box.Y0) {
		return false
	}
	for _, s := range a.list {
		if slices.ContainsFunc(b.list, s.overlaps) {
			return false
		}
	}
	return true
}

// continues returns, for every segment of line j, the column whose cell it goes on; nil when one of them does not, or when the line may be a row of its own. A
// line that goes on
//   - has at most half as many segments as the row has columns, each below another column and none below two,
//   - aligned with the line above it, as high as it, and directly below,
//   - and of each the first word found no room in the line above, as wide as the column is.
func (r *wrapReader) continues(columns []wrapColumn, j int) []int {
	list := r.lines[j].list
	if 2*len(list) > len(columns) {
		return nil
	}
	places := make([]int, len(list))
	for k, s := range list {
		at := -1
		for c := range columns {
			if !slices.ContainsFunc(columns[c].list, s.overlaps) {
				continue
			}
			if at >= 0 {
				return nil
			}
			at = c
		}
		if at < 0 || !r.fits(&columns[at], s, len(list)) || slices.Contains(places[:k], at) {
			return nil
		}
		places[k] = at
	}
	return places
}

// fits reports whether s may be the next line of a column's cell. n is the number of segments in its line.
func (r *wrapReader) fits(c *wrapColumn, s *segment, n int) bool {
	above := c.last()
	if !stacked(above, s) || s.box.X0 < c.lo || s.box.X1 > c.hi {
		return false
	}
	if len(c.list) > 1 {
		pitch := above.middle() - c.list[len(c.list)-2].middle()
		if math.Abs(s.middle()-above.middle()-pitch) > wrapSame*pitch {
			return false
		}
	}
	if !r.lettered(s) && (n > 1 || !r.lettered(above)) {
		return false
	}
	return r.noRoom(c, above, s)
}

// stacked reports whether b stands directly below a, aligned with it and about as high.
func stacked(a, b *segment) bool {
	low, high := min(a.height(), b.height()), max(a.height(), b.height())
	pitch := b.middle() - a.middle()
	return low > 0 && high <= wrapHeights*low && pitch >= wrapLeast*high && pitch <= wrapPitch*high && a.overlaps(b) && a.aligned(b)
}

// noRoom reports whether the first word of below would have made its line above wider than any line of the column is. A word
// that was broken at a hyphen needs no such proof.
func (r *wrapReader) noRoom(c *wrapColumn, above, below *segment) bool {
	text := r.text(above)
	first, _ := utf8.DecodeRuneInString(r.text(below))
	if n := len(text); text[n-1] == '-' && n > 1 && text[n-2] != ' ' && unicode.IsLower(first) {
		return true
	}
	word := r.page.Words[below.first].Box
	need := above.width() + wrapSpace*above.height() + word.X1 - word.X0
	for i := max(above.line-wrapReach, 0); i < min(above.line+wrapReach, len(r.lines)); i++ {
		for _, s := range r.lines[i].list {
			if s.box.X0 >= c.hi {
				break
			}
			if s.width() >= need && s.box.X0 >= c.lo && s.box.X1 <= c.hi && s.overlaps(above) && s.aligned(above) {
				return false
			}
		}
	}
	return true
}

// spacing says how far the lines of a cell stand apart, seen from the lines around their row.
type spacing int

const (
	farther spacing = iota // than other lines do: they are no lines of one cell
	alike
	closer // than rows do: they are
)

// spaced judges the lines of a row that begins at line i and ends before line j by the line above the row and the one below it. pitch is
// the widest of theirs.
func (r *wrapReader) spaced(i, j int, pitch float64) spacing {
	least := math.Inf(1)
	for _, at := range []int{i - 1, j - 1} {
		if at < 0 || at+1 >= len(r.lines) {
			continue
		}
		if away := r.lines[at+1].middle() - r.lines[at].middle(); away > 0 { // not of another column of the page
			least = min(least, away)
		}
	}
	switch {
	case pitch > wrapLooser*least:
		return farther
	case pitch <= wrapTighter*least && !math.IsInf(least, 1):
		return closer
	}
	return alike
}

// spoken reports whether the words of two lines, set tightly, say themselves that the one goes on with the other.
func (r *wrapReader) spoken(above, below *segment) bool {
	first, _ := utf8.DecodeRuneInString(r.text(below))
	text := r.text(above)
	if below.middle()-above.middle() > wrapTight*min(above.height(), below.height()) {
		return false
	}
	return unicode.IsLower(first) || strings.ContainsRune(",;-/&(", plain(lastRune(text)))
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

// over returns the lines of a cell that begins above the row at line i, from the one in the row upwards: those of the only cell of several
// lines, when it is centred beside the others, as many above the row as below it and at the same pitch. nil when there is none.
func (r *wrapReader) over(i int, columns []wrapColumn) []*segment {
	var c *wrapColumn
	for k := range columns {
		if len(columns[k].list) > 1 {
			if c != nil {
				return nil
			}
			c = &columns[k]
		}
	}
	if c == nil || c.list[0].line != i || c.list[0].goesOn || i < len(c.list)-1 {
		return nil
	}
	pitch := c.list[1].middle() - c.list[0].middle()
	below := c.list[0]
	over := []*segment{below}
	for k := 1; k < len(c.list); k++ {
		l := r.lines[i-k].list
		s := l[0]
		if len(l) != 1 || s.next != nil || s.goesOn || s.box.X0 < c.lo || s.box.X1 > c.hi ||
			!stacked(s, below) || math.Abs(below.middle()-s.middle()-pitch) > wrapSame*pitch || !r.noRoom(c, s, below) {
			return nil
		}
		over = append(over, s)
		below = s
	}
	return over
}

// text is what stands in a segment.
func (r *wrapReader) text(s *segment) string {
	return r.page.Text[r.page.Words[s.first].Start:r.page.Words[s.last].End]
}

// lettered reports whether a segment has letters, not figures alone.
func (r *wrapReader) lettered(s *segment) bool {
	return strings.ContainsFunc(r.text(s), unicode.IsLetter)
}

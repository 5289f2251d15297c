package document

import (
	"math"
	"slices"
	"unicode"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
)

// point is a place on the shown page in points, origin top left.
type point struct{ x, y float64 }

// box is a rectangle on the shown page.
type box struct{ x0, y0, x1, y1 float64 }

func (b box) width() float64  { return b.x1 - b.x0 }
func (b box) height() float64 { return b.y1 - b.y0 }
func (b box) midY() float64   { return (b.y0 + b.y1) / 2 }
func (b box) midX() float64   { return (b.x0 + b.x1) / 2 }

// join returns the smallest box around both.
func (b box) join(c box) box {
	return box{math.Min(b.x0, c.x0), math.Min(b.y0, c.y0), math.Max(b.x1, c.x1), math.Max(b.y1, c.y1)}
}

// affine turns the page's own coordinates (origin at its lower left, unrotated) into shown ones.
type affine struct{ xx, xy, yx, yy, dx, dy float64 }

// box turns a rectangle given by two opposite corners.
func (a affine) box(left, top, right, bottom float64) box {
	x0, y0 := a.xx*left+a.yx*top+a.dx, a.xy*left+a.yy*top+a.dy
	x1, y1 := a.xx*right+a.yx*bottom+a.dx, a.xy*right+a.yy*bottom+a.dy
	return box{math.Min(x0, x1), math.Min(y0, y1), math.Max(x0, x1), math.Max(y0, y1)}
}

// glyph is one character in the engine's order, which is the document's drawing order with blanks put in.
type glyph struct {
	r   rune
	box box
}

// softHyphens are what the engine puts for a hyphen at which a word was broken over two lines.
const (
	brokenHyphen1 = 0x02
	brokenHyphen2 = 0xFFFE
	softHyphen    = 0xAD
)

// blank reports whether the character parts words and has no ink of its own.
func (g glyph) blank() bool {
	if g.r == brokenHyphen1 || g.r == brokenHyphen2 {
		return false
	}
	return g.r <= ' ' || unicode.IsSpace(g.r) || unicode.IsControl(g.r)
}

// sheet is a page before its layout is understood.
type sheet struct {
	width, height float64
	toShown       affine
	glyphs        []glyph
}

// tickMark is what stands for a tick that is only drawn.
const tickMark = '✔'

// tick puts a mark where a box is ticked, unless a letter of the page's text stands there.
func (s *sheet) tick(ticks []rect) {
	for _, r := range ticks {
		b := s.toShown.box(r.left, r.top, r.right, r.bottom)
		if !slices.ContainsFunc(s.glyphs, func(g glyph) bool { return !g.blank() && b.holds(g.box.midX(), g.box.midY()) }) {
			s.glyphs = append(s.glyphs, glyph{r: ' '}, glyph{r: tickMark, box: b})
		}
	}
}

// holds reports whether a point lies in the box.
func (b box) holds(x, y float64) bool { return b.x0 <= x && x <= b.x1 && b.y0 <= y && y <= b.y1 }

// word is a run of glyphs without a gap.
type word struct {
	text    string
	box     box
	rtl     bool // written right to left
	upright bool // its letters go up or down the page
	single  bool // it is one glyph, so its direction cannot be seen
	told    *box // its place as it is told, where that is not the box of its layout; may be nil
}

// place is where the word is told to stand.
func (w *word) place() box {
	if w.told != nil {
		return *w.told
	}
	return w.box
}

// layout turns the glyphs into a page.
func (s *sheet) layout(number int) grounding.Page {
	page := grounding.Page{Number: number, Width: round(s.width), Height: round(s.height)}
	var level, upright []word
	for _, w := range s.words() {
		if w.upright {
			upright = append(upright, w)
		} else {
			level = append(level, w)
		}
	}
	out := &writer{page: &page}
	for _, block := range blocks(rows(level)) {
		out.block(block)
	}
	out.upright(upright)
	page.Text = out.text.String()
	return page
}

// round cuts a coordinate to hundredths of a point.
func round(v float64) float64 { return math.Round(v*100) / 100 }

// stewardBox is b in the form of the wire.
func (b box) stewardBox() steward.Box {
	return steward.Box{X0: round(b.x0), Y0: round(b.y0), X1: round(b.x1), Y1: round(b.y1)}
}

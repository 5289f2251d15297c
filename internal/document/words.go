package document

import (
	"math"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// wordGap is the gap that parts two words, in heights of their line.
const wordGap = 0.35

// words cuts the glyphs at blanks, at gaps and where the writing jumps.
func (s *sheet) words() []word {
	var (
		words []word
		run   []glyph
	)
	flush := func() {
		if w, ok := makeWord(run); ok {
			words = append(words, w)
		}
		run = run[:0]
	}
	for _, g := range s.glyphs {
		if g.blank() {
			flush()
			continue
		}
		if n := len(run); n > 0 && apart(run[n-1].box, g.box) {
			flush()
		}
		run = append(run, g)
	}
	flush()
	turnSingles(words)
	return words
}

// turnSingles makes words of one character upright that stand in line with an upright neighbour.
func turnSingles(words []word) {
	turn := func(w, neighbour *word) {
		if w.single && neighbour.upright && math.Abs(w.box.midX()-neighbour.box.midX()) < sameRow*neighbour.box.width() {
			w.upright = true
		}
	}
	for i := 1; i < len(words); i++ {
		turn(&words[i], &words[i-1])
	}
	for i := len(words) - 2; i >= 0; i-- {
		turn(&words[i], &words[i+1])
	}
}

// apart reports whether two glyphs that follow each other belong to different words by their places.
func apart(a, b box) bool {
	size := math.Max(math.Min(a.height(), b.height()), math.Min(a.width(), b.width()))
	if size <= 0 {
		return false
	}
	gapX := math.Max(b.x0-a.x1, a.x0-b.x1)
	gapY := math.Max(b.y0-a.y1, a.y0-b.y1)
	return gapX > wordGap*size || gapY > wordGap*size
}

// makeWord joins glyphs; false when nothing that can be read is left.
func makeWord(run []glyph) (word, bool) {
	var (
		b   strings.Builder
		w   word
		rtl int
	)
	for i, g := range run {
		switch {
		case g.r == softHyphen && i < len(run)-1:
			continue // a place where the word could have been broken, but was not
		case g.r == softHyphen, g.r == brokenHyphen1, g.r == brokenHyphen2:
			b.WriteByte('-')
		case g.r >= 0xFB00 && g.r <= 0xFB06:
			b.WriteString(ligature(g.r))
		case g.r > unicode.MaxRune, g.r >= 0xD800 && g.r < 0xE000, zeroWidth(g.r):
			continue
		default:
			b.WriteRune(g.r)
			if unicode.In(g.r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana) {
				rtl++
			}
		}
		if w.box == (box{}) {
			w.box = g.box
		} else {
			w.box = w.box.join(g.box)
		}
	}
	if b.Len() == 0 {
		return word{}, false
	}
	w.text = norm.NFC.String(b.String())
	w.rtl = rtl*2 > len(run)
	w.upright = isUpright(run)
	w.single = len(run) == 1
	return w, true
}

// ligature spells out a letter of U+FB00 to U+FB06.
func ligature(r rune) string {
	return [...]string{"ff", "fi", "fl", "ffi", "ffl", "st", "st"}[r-0xFB00]
}

// zeroWidth reports whether a character has no place of its own and carries no meaning in a quote.
func zeroWidth(r rune) bool {
	return r >= 0x200B && r <= 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2060 && r <= 0x2064 || r == 0xFEFF
}

// isUpright reports whether a run of glyphs goes up or down the page.
func isUpright(run []glyph) bool {
	if len(run) < 2 {
		return false
	}
	a, b := run[0].box, run[len(run)-1].box
	dx, dy := math.Abs(b.midX()-a.midX()), math.Abs(b.midY()-a.midY())
	return dy > 2*dx && dy > 0.5*math.Min(a.height(), b.height())
}

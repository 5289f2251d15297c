package grounding

import (
	"math/bits"
	"unicode/utf8"
)

// Pages are asked for quotes that most of them have not. A page therefore keeps one bit for every four bytes in a row that it
// has, in lower case: a quote with four bytes that set no bit is not there, and the text need not be searched.

// gram is four bytes in a row.
type gram uint32

// spread maps a gram to a number of n bits.
func (g gram) spread(n int) uint32 { return uint32(g) * 0x9E3779B1 >> (32 - n) }

// gramsOf lists the grams of a folded text. Those with bytes that are not ASCII are left out: their case is not evened out.
func gramsOf(text string) []gram {
	out := make([]gram, 0, max(len(text)-3, 0))
	eachGram(text, func(g gram) { out = append(out, g) })
	return out
}

// eachGram calls yield with every gram of a text, in order.
func eachGram(text string, yield func(g gram)) {
	var g gram
	n := 0
	for i := range len(text) {
		c := text[i]
		if c >= utf8.RuneSelf {
			n = 0
			continue
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		g = g<<8 | gram(c)
		if n++; n >= 4 {
			yield(g)
		}
	}
}

// setGrams fills the bits of a page.
func (f *folded) setGrams() {
	f.width = max(bits.Len(uint(len(f.text)))+3, 10)
	f.width = min(f.width, 30)
	f.grams = make([]uint64, 1<<(f.width-6))
	eachGram(f.text, func(g gram) {
		at := g.spread(f.width)
		f.grams[at>>6] |= 1 << (at & 63)
	})
}

// mayHave reports false when a text with these grams cannot stand in the page.
func (f *folded) mayHave(grams []gram) bool {
	if f.grams == nil {
		f.setGrams()
	}
	for _, g := range grams {
		if at := g.spread(f.width); f.grams[at>>6]&(1<<(at&63)) == 0 {
			return false
		}
	}
	return true
}

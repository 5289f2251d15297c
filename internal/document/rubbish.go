package document

import (
	"strings"
	"unicode"
)

// Some PDFs carry a text layer that says nothing: fonts that were cut down without telling which letters their shapes are.
// People see words, the layer holds other characters. Such a page counts as one without a text layer, so that it may be read by
// its picture.
const (
	maxPrivate  = 0.4  // share of characters that have no meaning outside of their font
	maxControl  = 0.08 // share of control characters, where there are enough of them to tell
	maxUnmapped = 0.5  // share of characters that the font does not name, in text that is not plausible
	minToJudge  = 40   // characters, or letters, that are needed for a judgement
	minVowels   = 0.22 // share of the letters in text of Latin script, in any language
	maxVowels   = 0.65
	minWordy    = 0.5 // share of letters among characters
	mapSamples  = 200 // characters that are asked about
	vowels      = "aeiouyäöüáéíóúàèìòùâêîôûåæøœãõ"
)

// census counts the characters of a page.
type census struct{ all, private, control, letters, latin, vowels int }

// count takes the census.
func (s *sheet) count() census {
	var c census
	for _, g := range s.glyphs {
		switch r := g.r; {
		case r == ' ', r == '\t', r == '\r', r == '\n', r == 0, r == brokenHyphen1, r == brokenHyphen2, unicode.IsSpace(r), zeroWidth(r):
			continue
		case unicode.IsControl(r):
			c.control++
		case r == unicode.ReplacementChar, unicode.Is(unicode.Co, r), !unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r):
			c.private++
		case unicode.IsLetter(r):
			c.letters++
			if unicode.Is(unicode.Latin, r) {
				c.latin++
				if strings.ContainsRune(vowels, unicode.ToLower(r)) {
					c.vowels++
				}
			}
		}
		c.all++
	}
	return c
}

// rubbish reports whether the text says nothing. unmapped is the share of characters that their fonts do not name.
func (c census) rubbish(unmapped float64) bool {
	all := float64(c.all)
	switch {
	case c.all == 0:
		return false
	case float64(c.private) > maxPrivate*all:
		return true
	case c.all < minToJudge:
		return false
	case float64(c.control) > maxControl*all:
		return true
	}
	return unmapped > maxUnmapped && !c.plausible()
}

// plausible reports whether text could be of a language; that of other scripts than the Latin one could.
func (c census) plausible() bool {
	if c.letters < minToJudge || c.latin*2 < c.letters {
		return float64(c.letters) >= minWordy*float64(c.all)
	}
	share := float64(c.vowels) / float64(c.latin)
	return share >= minVowels && share <= maxVowels && float64(c.letters) >= minWordy*float64(c.all)
}

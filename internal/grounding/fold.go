package grounding

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold brings a text into the form in which quotes are compared: runs of white space are one space, none at the ends;
// soft hyphens and characters of no width are gone; ligatures are letters; curly quotes and dashes are the plain ones; letters
// and their accents are composed. A hyphen between two letters is gone with the white space behind it, so that a word broken
// over two lines equals the whole word. Case, figures and every other character stay.
func Fold(s string) string {
	var f folder
	f.run(s, false)
	return string(f.out)
}

// folded is a text in folded form with the way back.
type folded struct {
	text   string
	origin []int32 // for each byte of text, where its piece starts in the source
	low    string  // text in lower case, once it was needed
	grams  []uint64
	width  int // grams has 2 to the power of width bits
}

// lowered returns the text in lower case, byte for byte at the same places.
func (f *folded) lowered() string {
	if f.low == "" {
		f.low = lower(f.text)
	}
	return f.low
}

// foldPage folds a source text. A text of 2 GiB or more has no folded form.
func foldPage(s string) *folded {
	if len(s) > math.MaxInt32 {
		return &folded{}
	}
	f := folder{out: make([]byte, 0, len(s)), origin: make([]int32, 0, len(s))}
	f.run(s, true)
	return &folded{text: string(f.out), origin: f.origin}
}

// folder builds a folded text in one pass.
type folder struct {
	out    []byte
	origin []int32
	track  bool

	space   int  // where pending white space starts in the source; -1 when there is none
	hyphen  bool // the last byte of out is a hyphen behind a letter or a figure
	before  rune // what stands before that hyphen
	current rune // the last rune of out
}

// run folds s; with track set it notes origins.
func (f *folder) run(s string, track bool) {
	f.track, f.space = track, -1
	for i := 0; i < len(s); {
		n := unit(s[i:])
		f.unit(s[i:i+n], i)
		if i += n; n == 1 && isPlain(s[i-1]) {
			i = f.word(s, i)
		}
	}
}

// word appends the plain letters and figures at i, behind another one, and returns where they end. It does what unit does for each of them,
// and is what most of a text consists of.
func (f *folder) word(s string, i int) int {
	end := i
	for end < len(s) && isPlain(s[end]) && (end+1 == len(s) || s[end+1] < utf8.RuneSelf) {
		end++
	}
	if end == i {
		return i
	}
	f.out = append(f.out, s[i:end]...)
	f.before, f.current = rune(s[end-2]), rune(s[end-1])
	if f.track {
		for at := i; at < end; at++ {
			f.origin = append(f.origin, int32(at)) //nolint:gosec // G115: pages are far shorter
		}
	}
	return end
}

// isPlain reports whether c is a letter or a figure of ASCII.
func isPlain(c byte) bool { return isDigit(c) || isLetter(c) }

// unit is the length of the piece of text that is folded as one: a character with its accents.
func unit(s string) int {
	if s[0] < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		return 1
	}
	if n := norm.NFC.NextBoundaryInString(s, true); n > 0 {
		return n
	}
	return 1
}

// unit folds one piece that starts at the source's byte at.
func (f *folder) unit(piece string, at int) {
	if len(piece) == 1 && piece[0] < utf8.RuneSelf {
		f.rune(rune(piece[0]), at)
		return
	}
	for _, r := range norm.NFC.String(piece) {
		switch {
		case r >= 0xFB00 && r <= 0xFB06:
			for _, l := range ligature(r) {
				f.rune(l, at)
			}
		case r == '…':
			for range 3 {
				f.rune('.', at)
			}
		default:
			f.rune(plain(r), at)
		}
	}
}

// ligature spells out a letter of U+FB00 to U+FB06.
func ligature(r rune) string {
	return [...]string{"ff", "fi", "fl", "ffi", "ffl", "st", "st"}[r-0xFB00]
}

// plain maps the variants of quotes and dashes to one, and what has no width to 0.
func plain(r rune) rune {
	switch r {
	case 0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF:
		return 0
	case '‘', '’', '‚', '‛', '′', 'ʼ':
		return '\''
	case '“', '”', '„', '‟', '″':
		return '"'
	case '‐', '‑', '‒', '–', '—', '―', '−':
		return '-'
	}
	if r >= 0x202A && r <= 0x202E {
		return 0
	}
	return r
}

// rune appends one folded character.
func (f *folder) rune(r rune, at int) {
	switch {
	case r == 0:
		return
	case unicode.IsSpace(r):
		if f.space < 0 {
			f.space = at
		}
		return
	}
	joins := f.hyphen && wordy(r)
	if f.space >= 0 && len(f.out) > 0 && !joins {
		f.put(' ', f.space)
	}
	f.space = -1
	if joins && unicode.IsLetter(r) && unicode.IsLetter(f.before) {
		f.drop()
	}
	f.hyphen = r == '-' && wordy(f.current)
	f.before = f.current
	f.put(r, at)
}

// wordy reports whether a hyphen beside r may be the one of a broken word or number.
func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// put appends r.
func (f *folder) put(r rune, at int) {
	n := len(f.out)
	f.out = utf8.AppendRune(f.out, r)
	f.current = r
	if f.track {
		for range len(f.out) - n {
			f.origin = append(f.origin, int32(at)) //nolint:gosec // G115: pages are far shorter
		}
	}
}

// drop removes the hyphen at the end.
func (f *folder) drop() {
	f.out = f.out[:len(f.out)-1]
	if f.track {
		f.origin = f.origin[:len(f.origin)-1]
	}
}

// oneSpace folds white space alone, for quotes that are shown.
func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

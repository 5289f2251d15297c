package document

import (
	"image"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/stewardhq/steward/internal/document/ocr"
	"github.com/stewardhq/steward/internal/grounding"
)

// Thresholds of what OCR reads.
const (
	leastSure     = 0.30  // a word less sure than this is rubbish
	leastSureLong = 0.10  // the same for a long word
	longWord      = 5     // letters and figures of a long word
	leastSureMark = 0.60  // the same for a word without letters and figures: rulings and dust are read as marks
	minSkewLines  = 3     // lines that must agree before a page counts as skewed
	tiltedPage    = 0.015 // slope from which a picture is straightened and read again, about 1 degree
	minSkewRun    = 6     // length of such a line, in sizes of its font
	maxSkew       = 0.2   // slope, about 11 degrees; more is not a skew
)

// Parts of a font, in its size.
const (
	capHeight   = 0.70
	xHeight     = 0.50
	descent     = 0.21
	lineHeight  = 1.15
	lineDescent = 0.25 // of lineHeight, below the baseline
)

// scan is a page that was read by OCR before its layout is understood.
type scan struct {
	width, height float64     // of the page, in points
	pixels        image.Point // of the picture that was read
	turn          int         // degrees clockwise by which it had to be turned to be read
	tilt          tilt        // by which the picture had been straightened before
}

// scanned is a word on its way from pixels to the layout. Its coordinates are points of the page as it is read, that is turned.
type scanned struct {
	word     word
	ink      box
	line     int
	sure     bool
	size     float64 // of its font; 0 when the word does not tell
	baseline float64
}

// skew is how much the lines of a page rise or fall, as a slope.
func (s *scan) skew(read []ocr.Word) float64 {
	words := s.scanned(read)
	byLine(words, fitLine)
	return skew(words)
}

// layout turns words into a page.
func (s *scan) layout(number int, read []ocr.Word) grounding.Page {
	page := grounding.Page{Number: number, Width: s.width, Height: s.height, Origin: grounding.OriginOCR}
	words := s.scanned(read)
	byLine(words, fitLine)
	words = joinBroken(words)
	straighten(words, skew(words))
	all := make([]word, len(words))
	for i, w := range words {
		all[i] = w.word
	}
	out := &writer{page: &page}
	for _, block := range blocks(rows(all)) {
		out.block(block)
	}
	page.Text = out.text.String()
	return page
}

// scanned drops rubbish and brings words into points.
func (s *scan) scanned(read []ocr.Word) []scanned {
	fx, fy := s.width/float64(s.pixels.X), s.height/float64(s.pixels.Y)
	ux, uy := fx, fy
	if s.turn == 90 || s.turn == 270 {
		ux, uy = fy, fx
	}
	var words []scanned
	for _, w := range read {
		if rubbish(w) {
			continue
		}
		told := scaled(s.tilt.back(w.Box, s.pixels), fx, fy)
		sw := scanned{ink: scaled(ocr.TurnBox(w.Box, s.turn, s.pixels), ux, uy), line: w.Line, sure: w.Confidence >= 0.5}
		sw.word = word{text: norm.NFC.String(w.Text), told: &told, rtl: isRTL(w.Text)}
		sw.measure()
		words = append(words, sw)
	}
	return words
}

// scaled is a box of pixels in points.
func scaled(r image.Rectangle, fx, fy float64) box {
	return box{float64(r.Min.X) * fx, float64(r.Min.Y) * fy, float64(r.Max.X) * fx, float64(r.Max.Y) * fy}
}

// rubbish reports whether a word is not to be believed. A long word of letters and figures is hardly ever made of dust, however
// unsure the program is of it: addresses of mails and codes are in no dictionary.
func rubbish(w ocr.Word) bool {
	wordy, all := 0, 0
	for _, r := range w.Text {
		if all++; unicode.IsLetter(r) || unicode.IsDigit(r) {
			wordy++
		}
	}
	switch {
	case wordy == 0:
		return w.Confidence < leastSureMark
	case wordy >= longWord && wordy*4 >= all*3:
		return w.Confidence < leastSureLong
	}
	return w.Confidence < leastSure
}

// isRTL reports whether a word is written right to left.
func isRTL(s string) bool {
	n := 0
	for _, r := range s {
		if unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana) {
			n++
		}
	}
	return n*2 > utf8.RuneCountInString(s)
}

// measure tells the size of a word's font and its baseline by the parts that its letters have.
func (w *scanned) measure() {
	high, low, flat := false, false, false
	for _, r := range w.word.text {
		switch {
		case strings.ContainsRune("acemnorsuvwxz", r):
			flat = true
		case strings.ContainsRune("gpqyç", r):
			flat, low = true, true
		case strings.ContainsRune("jQ()[]{}|/@$§", r):
			high, low = true, true
		case unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("%&#€£¥!?", r):
			high = true
		case r == ',' || r == ';':
			low = low || flat || high // a comma alone tells nothing
		}
	}
	if !high && !flat {
		return
	}
	tall := xHeight
	if high {
		tall = capHeight
	}
	if low {
		tall += descent
	}
	w.size = w.ink.height() / tall
	w.baseline = w.ink.y1
	if low {
		w.baseline -= descent * w.size
	}
}

// byLine calls fn with the words of each line of the program.
func byLine(words []scanned, fn func([]scanned)) {
	for start := 0; start < len(words); {
		end := start + 1
		for end < len(words) && words[end].line == words[start].line {
			end++
		}
		fn(words[start:end])
		start = end
	}
}

// fitLine gives the words of a line one size and lets those that do not tell learn their baseline from a neighbour. A word of
// clearly another size keeps its own.
func fitLine(line []scanned) {
	var sizes []float64
	for _, w := range line {
		if w.size > 0 {
			sizes = append(sizes, w.size)
		}
	}
	size := median(sizes)
	for i := range line {
		w := &line[i]
		switch {
		case w.size > 0 && size > 0 && w.size > 0.7*size && w.size < 1.4*size:
			w.size = size
		case w.size == 0 && size > 0:
			w.size, w.baseline = size, nearBaseline(line, i)
		case w.size == 0:
			w.size, w.baseline = w.ink.height(), w.ink.y1
		}
	}
}

// Gaps within a line, in sizes of its font.
const (
	noGap   = 0.11 // words that stand closer are one: the program cuts at the wide side of letters such as J and Y
	mailGap = 0.45 // the same behind the @ of an address
)

// joinBroken joins words that the program cut in two.
func joinBroken(words []scanned) []scanned {
	out := words[:0]
	for _, w := range words {
		if n := len(out); n > 0 && belongs(&out[n-1], &w) {
			a := &out[n-1]
			told := a.word.told.join(*w.word.told)
			a.word.text += w.word.text
			a.word.told, a.ink, a.sure = &told, a.ink.join(w.ink), a.sure && w.sure
			continue
		}
		out = append(out, w)
	}
	return out
}

// belongs reports whether b is the rest of the word that a begins.
func belongs(a, b *scanned) bool {
	if a.line != b.line || a.word.rtl || b.word.rtl || a.ink.y1 < b.ink.y0 || b.ink.y1 < a.ink.y0 {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(a.word.text)
	first, _ := utf8.DecodeRuneInString(b.word.text)
	gap, limit := b.ink.x0-a.ink.x1, noGap
	switch {
	case last == '@' && (unicode.IsLower(first) || unicode.IsDigit(first)) && utf8.RuneCountInString(a.word.text) > 1:
		limit = mailGap
	case !unicode.IsLetter(last) && !unicode.IsDigit(last), !unicode.IsLetter(first) && !unicode.IsDigit(first):
		return false
	}
	size := math.Max(a.size, b.size)
	return gap > -0.5*size && gap < limit*size
}

// nearBaseline is the baseline of the nearest word of the line that tells one.
func nearBaseline(line []scanned, i int) float64 {
	for d := 1; d < len(line); d++ {
		for _, j := range [...]int{i - d, i + d} {
			if j >= 0 && j < len(line) && line[j].baseline > 0 {
				return line[j].baseline
			}
		}
	}
	return line[i].ink.y1
}

// skew is the slope of the page's lines, 0 when they do not tell.
func skew(words []scanned) float64 {
	type slope struct{ dy, dx float64 }
	var all []slope
	byLine(words, func(line []scanned) {
		a, b := line[0], line[len(line)-1]
		if dx := b.ink.midX() - a.ink.midX(); a.sure && b.sure && dx > minSkewRun*math.Max(a.size, b.size) {
			all = append(all, slope{b.baseline - a.baseline, dx})
		}
	})
	if len(all) < minSkewLines {
		return 0
	}
	slices.SortFunc(all, func(a, b slope) int { return compare(a.dy/a.dx, b.dy/b.dx) })
	total, half := 0.0, 0.0
	for _, s := range all {
		total += s.dx
	}
	for _, s := range all {
		if half += s.dx; half*2 >= total {
			if k := s.dy / s.dx; math.Abs(k) <= maxSkew {
				return k
			}
			break
		}
	}
	return 0
}

// straighten gives each word the box of its font's line on a page without skew.
func straighten(words []scanned, slope float64) {
	for i := range words {
		w := &words[i]
		base := w.baseline - slope*w.ink.midX()
		shift := slope * w.baseline
		y1 := base + lineDescent*w.size
		w.word.box = box{w.ink.x0 + shift, y1 - lineHeight*w.size, w.ink.x1 + shift, y1}
	}
}

package grounding

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stewardhq/steward"
)

// Verify turns claims into evidence, one for each claim in the order of claims. A claim whose quote stands in the documents
// (see Index.Find) is evidence with the file, the page, the quote as the source has it with white space folded and cut to
// MaxQuote characters at a word, and one box for each line of it. Any other claim is unverified: its path is kept and, of a
// picture, the region that the model named.
//
// Whether the quote supports the value is not looked at: see Index.Ground.
func Verify(docs []Document, claims []Claim) []steward.Evidence {
	return NewIndex(docs).Verify(claims)
}

// Verify turns claims into evidence as the function Verify does.
func (x *Index) Verify(claims []Claim) []steward.Evidence {
	out := make([]steward.Evidence, len(claims))
	for i, c := range claims {
		out[i] = x.Ground(c, Value{})
	}
	return out
}

// Ground turns a claim about a value into evidence. It is verified when the quote stands in the documents and supports the
// value (see Supports). A quote that stands there and says something else leaves the value unverified, wherever else the value may
// stand. A claim without a quote, or with one that stands nowhere, is verified by the value itself, when that stands at one
// place alone (see Locate). What is not verified keeps the region that the model named in a picture, and no quote. Texts of
// more than 16 KiB are not looked for.
func (x *Index) Ground(c Claim, v Value) steward.Evidence {
	if len(v.Text) > maxNeedle {
		return x.unverified(c)
	}
	m, ok := x.findAgain(c)
	switch {
	case ok:
		if m, ok = x.supporting(m, v); ok {
			return x.evidence(c, m)
		}
		if m, ok = x.partOf(c, v); ok {
			return x.evidence(c, m)
		}
	default:
		if m, ok = x.locateAgain(v); ok {
			return x.evidence(c, m)
		}
	}
	return x.unverified(c)
}

// sought is what Find looks for.
type sought struct {
	quote      string
	file, page int
}

// place is what was found, if it was.
type place struct {
	Match
	ok bool
}

// maxSought bounds the quotes whose places are kept.
const maxSought = 1 << 15

// findAgain is Find, which keeps what it found: a claim about a list is held against each value in it.
func (x *Index) findAgain(c Claim) (Match, bool) {
	key := sought{c.Quote, c.FileIndex, c.Page}
	found, known := x.quotes[key]
	if known {
		return found.Match, found.ok
	}
	found.Match, found.ok = x.Find(c.Quote, c.FileIndex, c.Page)
	if x.quotes == nil {
		x.quotes = map[sought]place{}
	}
	if len(x.quotes) < maxSought {
		x.quotes[key] = found
	}
	return found.Match, found.ok
}

// locateAgain is Locate, which keeps the last value: it comes again with each claim about it.
func (x *Index) locateAgain(v Value) (Match, bool) {
	if x.last == nil || x.lastKind != v.Kind || x.lastText != v.Text {
		m, ok := x.Locate(v)
		x.last, x.lastKind, x.lastText = &place{m, ok}, v.Kind, v.Text
	}
	return x.last.Match, x.last.ok
}

// maxNeedle is the longest quote or text that is looked for, in bytes.
const maxNeedle = 16 << 10

// windowBytes is how much of a long quote is looked at to find MaxQuote characters that support a value.
const windowBytes = 8 * MaxQuote

// supporting returns the part of a match that is shown as the quote: all of it, or of a long one the words around the value. false when the
// value does not stand there.
func (x *Index) supporting(m Match, v Value) (Match, bool) {
	page := &x.docs[m.Document].Pages[m.Page]
	known := orderUnknown
	if v.Kind == Text {
		known = x.dateOrder()
	}
	if len(m.Parts) > 0 {
		return x.supportingCell(m, v, known)
	}
	text := page.Text
	if start, end := uncut(text, m.Start, m.End); (start < m.Start || end > m.End) && !supports(Fold(text[start:end]), v, known) {
		return m, false
	}
	if shown := cutAtWord(oneSpace(text[m.Start:m.End])); supports(Fold(shown), v, known) {
		return m, true
	}
	if m.End-m.Start <= MaxQuote || !supports(Fold(text[m.Start:m.End]), v, known) {
		return m, false
	}
	for at := m.Start; at < m.End; { // windows of which each shares two thirds with the next
		end := min(at+windowBytes, m.End)
		for end < m.End && !utf8.RuneStart(text[end]) {
			end++
		}
		w := Match{Document: m.Document, Page: m.Page, Start: at, End: end}
		if shown := cutAtWord(oneSpace(text[at:end])); supports(Fold(shown), v, known) {
			return w, true
		}
		next := strings.IndexByte(text[min(at+MaxQuote/3, m.End):m.End], ' ')
		if next < 0 {
			break
		}
		at = min(at+MaxQuote/3, m.End) + next + 1
	}
	return x.longText(m, v)
}

// supportingCell is supporting for a cell that takes several lines. Of a cell that is too long to be shown, the words around the value must
// stand in one line.
func (x *Index) supportingCell(m Match, v Value, known order) (Match, bool) {
	page := &x.docs[m.Document].Pages[m.Page]
	quote := page.quote(m)
	if shown := cutAtWord(oneSpace(quote)); supports(Fold(shown), v, known) {
		return m, true
	}
	if v.Kind == Text && utf8.RuneCountInString(v.Text) > MaxQuote {
		return m, hasWhole(lower(Fold(quote)), bareText(v.Text))
	}
	for _, s := range m.Parts {
		if supports(Fold(cutAtWord(oneSpace(page.Text[s.Start:s.End]))), v, known) {
			return Match{Document: m.Document, Page: m.Page, Start: s.Start, End: s.End}, true
		}
	}
	return m, false
}

// longText finds a text that is longer than a quote can show.
func (x *Index) longText(m Match, v Value) (Match, bool) {
	if v.Kind != Text || utf8.RuneCountInString(v.Text) <= MaxQuote {
		return m, false
	}
	return x.Find(v.Text, x.docs[m.Document].FileIndex, x.docs[m.Document].Pages[m.Page].Number)
}

// partOf finds a text of which the model quoted a part, as it does when the text is long.
func (x *Index) partOf(c Claim, v Value) (Match, bool) {
	if v.Kind != Text || len(v.Text) <= len(c.Quote) {
		return Match{}, false
	}
	if !hasWhole(lower(Fold(v.Text)), lower(Fold(c.Quote))) {
		return Match{}, false
	}
	m, ok := x.Find(v.Text, c.FileIndex, c.Page)
	if !ok {
		return Match{}, false
	}
	text := x.docs[m.Document].Pages[m.Page].Text
	start, end := uncut(text, m.Start, m.End)
	return m, start == m.Start && end == m.End
}

// evidence is what is shown of a verified claim.
func (x *Index) evidence(c Claim, m Match) steward.Evidence {
	doc := &x.docs[m.Document]
	page := &doc.Pages[m.Page]
	return steward.Evidence{
		Path:       c.Path,
		FileIndex:  doc.FileIndex,
		FileName:   doc.Name,
		Page:       page.Number,
		Quote:      cutAtWord(oneSpace(page.quote(m))),
		Boxes:      page.boxes(m),
		Confidence: share(c.Confidence),
	}
}

// unverified is what is left of a claim that does not hold: its path and, when it is about a picture, the region.
func (x *Index) unverified(c Claim) steward.Evidence {
	e := steward.Evidence{Path: c.Path, Unverified: true}
	if c.Region == nil {
		return e
	}
	for d := range x.docs {
		doc := &x.docs[d]
		if doc.FileIndex != c.FileIndex {
			continue
		}
		for p := range doc.Pages {
			page := &doc.Pages[p]
			if page.Picture == nil || page.Number != c.Page && (c.Page > 0 || len(doc.Pages) > 1) {
				continue
			}
			if box, ok := page.clip(*c.Region); ok {
				e.FileIndex, e.FileName, e.Page, e.Boxes = doc.FileIndex, doc.Name, page.Number, []steward.Box{box}
			}
			return e
		}
	}
	return e
}

// clip brings a region into the page. false when nothing of it is there.
func (p *Page) clip(b steward.Box) (steward.Box, bool) {
	width, height := p.Width, p.Height
	if width <= 0 || height <= 0 {
		width, height = math.MaxFloat64, math.MaxFloat64
	}
	b.X0, b.X1 = max(min(b.X0, b.X1), 0), min(max(b.X0, b.X1), width)
	b.Y0, b.Y1 = max(min(b.Y0, b.Y1), 0), min(max(b.Y0, b.Y1), height)
	return b, b.X0 < b.X1 && b.Y0 < b.Y1 // never for NaN
}

// share brings a model's word for its confidence into 0 to 1.
func share(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, 0), 1)
}

// cutAtWord shortens s to at most MaxQuote characters, at a blank where one is near.
func cutAtWord(s string) string {
	if utf8.RuneCountInString(s) <= MaxQuote {
		return s
	}
	end := 0
	for range MaxQuote {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	if s[end] != ' ' {
		if i := strings.LastIndexByte(s[:end], ' '); i > end/2 {
			end = i
		}
	}
	return strings.TrimRight(s[:end], " ")
}

// Boxes returns the places of the words in the byte range [start,end) of the page's text, one box for each line, in reading
// order. It is nil when positions are unknown.
func (p *Page) Boxes(start, end int) []steward.Box {
	i, _ := slices.BinarySearchFunc(p.Words, start, func(w Word, at int) int {
		if w.End <= at {
			return -1
		}
		return 1
	})
	var boxes []steward.Box
	last := -1 // end of the previous word
	for ; i < len(p.Words) && p.Words[i].Start < end; i++ {
		w := p.Words[i]
		if last >= 0 && last <= w.Start && w.Start <= len(p.Text) && !strings.Contains(p.Text[last:w.Start], "\n") {
			b := &boxes[len(boxes)-1]
			b.X0, b.Y0 = min(b.X0, w.Box.X0), min(b.Y0, w.Box.Y0)
			b.X1, b.Y1 = max(b.X1, w.Box.X1), max(b.Y1, w.Box.Y1)
		} else {
			boxes = append(boxes, w.Box)
		}
		last = w.End
	}
	return boxes
}

// FromText makes a document of a plain text: one page without a number and without positions. Bytes that are not UTF-8 are
// replaced; line ends are "\n".
func FromText(index int, name, text string) Document {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	return Document{FileIndex: index, Name: name, ContentType: "text/plain", Pages: []Page{{Text: text}}}
}

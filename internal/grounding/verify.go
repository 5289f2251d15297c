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
// MaxQuote characters at a word, and one box for each line of it. Any other claim is unverified: only its path is kept.
func Verify(docs []Document, claims []Claim) []steward.Evidence {
	return NewIndex(docs).Verify(claims)
}

// Verify turns claims into evidence as the function Verify does.
func (x *Index) Verify(claims []Claim) []steward.Evidence {
	out := make([]steward.Evidence, len(claims))
	for i, c := range claims {
		out[i] = x.verify(c)
	}
	return out
}

// verify judges one claim.
func (x *Index) verify(c Claim) steward.Evidence {
	m, ok := x.Find(c.Quote, c.FileIndex, c.Page)
	if !ok {
		return steward.Evidence{Path: c.Path, Unverified: true}
	}
	doc := &x.docs[m.Document]
	page := &doc.Pages[m.Page]
	return steward.Evidence{
		Path:       c.Path,
		FileIndex:  doc.FileIndex,
		FileName:   doc.Name,
		Page:       page.Number,
		Quote:      cutAtWord(oneSpace(page.Text[m.Start:m.End]), MaxQuote),
		Boxes:      page.Boxes(m.Start, m.End),
		Confidence: share(c.Confidence),
	}
}

// share brings a model's word for its confidence into 0 to 1.
func share(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, 0), 1)
}

// cutAtWord shortens s to at most n characters, at a blank where one is near.
func cutAtWord(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	end := 0
	for range n {
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

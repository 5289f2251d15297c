package grounding

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Match is where a quote stands.
type Match struct {
	Document int // index into the documents that were searched
	Page     int // index into the document's pages
	Start    int // byte range in the page's text
	End      int

	// Parts are the lines of a quote that a cell of a table holds, in order, when other cells stand between them in the page's text; Start and End
	// are then those of the first and the last one. nil for a quote that stands in the text as it runs.
	Parts []Span
}

// Index finds quotes and values in documents. It folds each page once, when it is first looked at. It must not be used by two
// goroutines at once.
type Index struct {
	docs  []Document
	pages [][]*folded

	cells   map[[2]int]*wrapped // by document and page; nil for pages that have none
	quotes  map[sought]place    // quotes that Ground looked for
	last    *place              // the value that Ground located last, which lastKind and lastText tell; nil for none
	found   *located            // numbers and dates of all pages; nil until they are looked for
	ordered bool                // order is known
	order   order

	lastKind Kind
	lastText string
}

// NewIndex makes an Index of docs, which must not change while it is used.
func NewIndex(docs []Document) *Index {
	x := &Index{docs: docs, pages: make([][]*folded, len(docs))}
	for i := range docs {
		x.pages[i] = make([]*folded, len(docs[i].Pages))
	}
	return x
}

// Find looks for a quote as Index.Find does. Callers with many quotes make one Index.
func Find(docs []Document, quote string, file, page int) (Match, bool) {
	return NewIndex(docs).Find(quote, file, page)
}

// Find returns the place of a quote, compared in folded form (see Fold). The document whose FileIndex is file and its page
// with the number page are searched first, then the rest of that document, then all others. A quote does not match in the
// middle of a word or a number, nor beside a hyphen in it. An empty quote is never found, nor one of more than 16 KiB.
//
// A quote that does not stand in the text as it runs is looked for in the cells of tables that go on in the next line, as far as
// the places of the words tell them; see Match.Parts. It never joins the words of two cells.
func (x *Index) Find(quote string, file, page int) (Match, bool) {
	if len(quote) > maxNeedle {
		return Match{}, false
	}
	for _, q := range spellings(quote) {
		if m, ok := x.find(q, file, page); ok {
			return m, true
		}
	}
	return Match{}, false
}

// spellings are the folded forms of a quote that are tried: as it is, then without the marks that models put around quotes.
func spellings(quote string) []string {
	q := Fold(quote)
	if q == "" {
		return nil
	}
	bare := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(q, "..."), "..."))
	if n := len(bare); n > 2 && bare[0] == bare[n-1] && (bare[0] == '"' || bare[0] == '\'') {
		bare = strings.TrimSpace(bare[1 : n-1])
	}
	if bare == q || bare == "" {
		return []string{q}
	}
	return []string{q, bare}
}

// find searches the pages in the order of the hints. A match that cuts a number at its separator is taken only when there is
// no better one.
func (x *Index) find(q string, file, page int) (Match, bool) {
	var second Match
	have := false
	grams, words := gramsOf(q), wordGrams(q)
	for pass := range 3 {
		for d := range x.docs {
			hinted := x.docs[d].FileIndex == file
			for p := range x.docs[d].Pages {
				if passOf(hinted, x.docs[d].Pages[p].Number == page) != pass {
					continue
				}
				if !x.page(d, p).mayHave(grams) {
					continue
				}
				m, fit := x.inPage(d, p, q)
				if fit == whole {
					return m, true
				}
				if fit == partOfNumber && !have {
					second, have = m, true
				}
			}
		}
		if pass == 0 && !have {
			if m, ok := x.findWrapped(q, words, file, page, pass); ok {
				return m, true
			}
		}
	}
	if !have {
		return x.findWrapped(q, words, file, page, 1, 2)
	}
	return second, have
}

// passOf says in which pass a page is searched: 0 for the hinted page, 1 for the rest of the hinted document, 2 for the others.
func passOf(file, page bool) int {
	switch {
	case file && page:
		return 0
	case file:
		return 1
	}
	return 2
}

// fit says how well a match keeps to the borders of words.
type fit int

const (
	none fit = iota
	partOfNumber
	whole
)

// page returns a page in folded form.
func (x *Index) page(d, p int) *folded {
	f := x.pages[d][p]
	if f == nil {
		f = foldPage(x.docs[d].Pages[p].Text)
		x.pages[d][p] = f
	}
	return f
}

// inPage returns the first whole match in a page, else the first one that cuts a number at its separator.
func (x *Index) inPage(d, p int, q string) (Match, fit) {
	start, end, got := x.page(d, p).find(x.docs[d].Pages[p].Text, q)
	return Match{Document: d, Page: p, Start: start, End: end}, got
}

// span returns the range of the source that the folded bytes [i,j) came from; j is greater than i. false when the range
// begins or ends inside a piece of the source, such as a ligature.
func (f *folded) span(text string, i, j int) (start, end int, ok bool) {
	if i > 0 && f.origin[i-1] == f.origin[i] || j < len(f.origin) && f.origin[j-1] == f.origin[j] {
		return 0, 0, false
	}
	last := int(f.origin[j-1])
	return int(f.origin[i]), last + unit(text[last:]), true
}

// edges judges whether a match begins and ends where words and numbers do.
func edges(text string, start, end int) fit {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	first, _ := utf8.DecodeRuneInString(text[start:])
	last, _ := utf8.DecodeLastRuneInString(text[:end])
	after, _ := utf8.DecodeRuneInString(text[end:])
	switch {
	case sameWord(before, first) || sameWord(last, after):
		return none
	case cutsNumber(text[:start], text[start:]) || cutsNumber(text[:end], text[end:]):
		return partOfNumber
	}
	return whole
}

// parts reports whether the border between left and right lies beside a hyphen that joins two words or figures, as in 1-2: cut off there,
// it would be a minus. One behind a number is a minus unless figures follow at once.
func parts(left, right string) bool {
	last, size := utf8.DecodeLastRuneInString(left)
	first, n := utf8.DecodeRuneInString(right)
	switch {
	case plain(first) == '-' && wordy(last):
		first, _ = utf8.DecodeRuneInString(strings.TrimLeftFunc(right[n:], unicode.IsSpace)) // as Fold joins them
		return wordy(first)
	case plain(last) == '-' && unicode.IsDigit(first):
		before, _ := utf8.DecodeLastRuneInString(left[:len(left)-size])
		return wordy(before)
	}
	return false
}

// sameWord reports whether two neighbouring characters belong to one word. Scripts that put no blanks between words have no
// such edges.
func sameWord(a, b rune) bool {
	if unicode.IsDigit(a) && unicode.IsDigit(b) {
		return true
	}
	if b == '=' && (a == '<' || a == '>') {
		return true
	}
	return unicode.IsLetter(a) && unicode.IsLetter(b) && !unspaced(a) && !unspaced(b)
}

// unspaced reports whether r is of a script written without blanks between words.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// cutsNumber reports whether the border between left and right lies beside a separator with figures on both sides, as
// before 234.50 in 1,234.50.
func cutsNumber(left, right string) bool {
	l, r := len(left), len(right)
	return l >= 2 && r >= 1 && separated(left[l-2], left[l-1], right[0]) ||
		l >= 1 && r >= 2 && separated(left[l-1], right[0], right[1])
}

// longestNumber is how far wholeNumbers goes, in bytes.
const longestNumber = 64

// uncut widens a range to the whole of the numbers, dates and the like that its ends cut, as of 234.50 to 1,234.50. Numbers in a row that are
// none together, such as 3,9.99,29.97, may be cut between each other.
func uncut(text string, start, end int) (from, to int) {
	from, to = start, end
	if a, b := figuresAround(text, start); a < start && (isNumber(text[a:b]) || strings.IndexByte(text[start:min(b, end)], text[start-1]) >= 0) {
		from = a
	}
	if a, b := figuresAround(text, end); b > end && (isNumber(text[a:b]) || strings.IndexByte(text[max(a, start):end], text[end]) >= 0) {
		to = b
	}
	return from, to
}

// figuresAround returns the figures, with the separators among them, on both sides of i, as far as longestNumber; none when i does not part any.
func figuresAround(text string, i int) (from, to int) {
	within := func(at int) bool { return cutsNumber(text[:at], text[at:]) || inNumber(text, at) }
	if i <= 0 || i >= len(text) || !within(i) {
		return i, i
	}
	from, to = i, i
	for from > max(i-longestNumber, 0) && within(from) {
		from--
	}
	for to < min(i+longestNumber, len(text)) && (to == i || within(to)) {
		to++
	}
	return from, to
}

// isNumber reports whether figures with their separators can be read as one number.
func isNumber(text string) bool {
	if text == "" || !isDigit(text[0]) {
		return false
	}
	f := (&numberReader{text: text}).figures(0)
	found := false
	f.readings(func(decimal) { found = true })
	return found && f.end == len(text)
}

// inNumber reports whether i lies between two figures.
func inNumber(text string, i int) bool { return isDigit(text[i-1]) && isDigit(text[i]) }

// separated reports whether a and b are figures and sep parts the figures of one number.
func separated(a, sep, b byte) bool {
	return isDigit(a) && (sep == '.' || sep == ',' || sep == '\'') && isDigit(b)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

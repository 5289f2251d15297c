package document

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/stewardhq/steward/internal/grounding"
)

// Limits of documents that have no fixed pages.
const (
	pageChars    = 6000     // a page of a text that states no pages ends before it has more characters than this
	headingChars = 4000     // such a page ends earlier where a heading begins
	maxTextBytes = 32 << 20 // text of one document
	maxHeadings  = 10_000   // of one document
	maxTitle     = 300      // characters of a heading in the outline
)

// textual is a document that is all text: nothing of it is read after it was opened.
type textual struct {
	kind    Kind
	name    string
	pages   []string // at least one
	outline []Heading
	closed  atomic.Bool
}

// Kind implements Document.
func (d *textual) Kind() Kind { return d.kind }

// PageCount implements Document.
func (d *textual) PageCount() int { return len(d.pages) }

// Page implements Document. Its words have no places.
func (d *textual) Page(ctx context.Context, n int) (grounding.Page, error) {
	if err := ctx.Err(); err != nil {
		return grounding.Page{}, err
	}
	if d.closed.Load() {
		return grounding.Page{}, fmt.Errorf("read page %d of %s: the document is closed", n, d.name)
	}
	if n < 1 || n > len(d.pages) {
		return grounding.Page{}, fmt.Errorf("read page %d of %s: it has %d pages", n, d.name, len(d.pages))
	}
	return grounding.Page{Number: n, Text: d.pages[n-1]}, nil
}

// Picture implements Document: a text has no look of its own.
func (d *textual) Picture(ctx context.Context, n int, _ PictureOptions) (*Image, error) {
	if _, err := d.Page(ctx, n); err != nil {
		return nil, err
	}
	return nil, unsupported(nil, "%s has no pictures of its pages.", d.name)
}

// Outline implements Document.
func (d *textual) Outline(ctx context.Context) ([]Heading, error) { return d.outline, ctx.Err() }

// Close implements Document.
func (d *textual) Close() error {
	d.closed.Store(true)
	return nil
}

// pager lays blocks of text out on pages. Its first error ends the work; later calls do nothing.
type pager struct {
	ctx     context.Context //nolint:containedctx // a pager lives within one call; nil never ends
	name    string
	pages   []string
	outline []Heading
	page    strings.Builder
	chars   int // on the page
	total   int // bytes of all pages
	err     error
}

// done reports whether the work is over because it failed or its context ended.
func (p *pager) done() bool {
	if p.err == nil && p.ctx != nil {
		p.err = p.ctx.Err()
	}
	return p.err != nil
}

// lines adds a block that stays together when it can, with an empty line before it when apart is set.
func (p *pager) lines(block []string, apart bool) {
	if p.done() {
		return
	}
	n := 0
	for _, l := range block {
		n += utf8.RuneCountInString(l) + 1
	}
	if p.chars > 0 && p.chars+n > pageChars {
		p.breakPage()
	}
	if apart && p.chars > 0 && !strings.HasSuffix(p.page.String(), "\n\n") {
		p.put("\n")
	}
	for _, l := range block {
		p.line(l)
	}
}

// line adds one line. One that is longer than a page is cut at blanks.
func (p *pager) line(l string) {
	for !p.done() && longer(l, pageChars) {
		head := cutPiece(l)
		p.fitted(strings.TrimRight(head, " "))
		l = strings.TrimLeft(l[len(head):], " ")
	}
	if p.err == nil {
		p.fitted(l)
	}
}

// longer reports whether s has more than n characters; it looks at no more of s than it must.
func longer(s string, n int) bool {
	return len(s) > n*utf8.UTFMax || len(s) > n && utf8.RuneCountInString(s) > n
}

// fitted adds a line of at most a page.
func (p *pager) fitted(l string) {
	if n := utf8.RuneCountInString(l) + 1; p.chars > 0 && p.chars+n > pageChars {
		p.breakPage()
	}
	p.put(l + "\n")
}

// cutPiece is the beginning of a long line: up to the last end of a sentence, else the last blank, else as much as fits.
func cutPiece(l string) string {
	end := 0
	for range pageChars - 1 {
		_, size := utf8.DecodeRuneInString(l[end:])
		end += size
	}
	if i := strings.LastIndex(l[:end], ". "); i > end/2 {
		return l[:i+1]
	}
	if i := strings.LastIndexByte(l[:end], ' '); i > end/2 {
		return l[:i]
	}
	return l[:end]
}

// put appends text.
func (p *pager) put(s string) {
	if p.err != nil {
		return
	}
	if p.total += len(s); p.total > maxTextBytes {
		p.err = unsupported(nil, "%s has more than %d MiB of text.", p.name, maxTextBytes>>20)
		return
	}
	p.page.WriteString(s)
	p.chars += utf8.RuneCountInString(s)
}

// heading notes a heading that begins with the next block.
func (p *pager) heading(title string, level int) {
	title = strings.Join(strings.Fields(title), " ")
	if title == "" || len(p.outline) == maxHeadings {
		return
	}
	if p.chars > headingChars {
		p.breakPage()
	}
	p.outline = append(p.outline, Heading{Title: firstRunes(title, maxTitle), Level: max(level, 1), Page: len(p.pages) + 1})
}

// firstRunes is the beginning of s, of at most n characters.
func firstRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// breakPage ends the page unless nothing stands on it.
func (p *pager) breakPage() {
	if text := strings.TrimRight(p.page.String(), "\n"); text != "" {
		p.pages = append(p.pages, text+"\n")
	}
	p.page.Reset()
	p.chars = 0
}

// document ends the last page and returns the document. One without any text has one empty page.
func (p *pager) document(kind Kind) (*textual, error) {
	p.breakPage()
	if p.err != nil {
		return nil, p.err
	}
	if len(p.pages) == 0 {
		p.pages = []string{""}
	}
	for i := range p.outline {
		p.outline[i].Page = min(p.outline[i].Page, len(p.pages))
	}
	return &textual{kind: kind, name: p.name, pages: p.pages, outline: p.outline}, nil
}

// errText says that a document has more text than is read.
var errText = fmt.Errorf("it has more than %d MiB of text", maxTextBytes>>20)

// textBudget is how many bytes of text may still be kept of a document besides its pages; below 0 when it is exceeded.
type textBudget int

// take counts n bytes. A nil budget has no end.
func (b *textBudget) take(n int) {
	if b != nil {
		*b -= textBudget(n)
	}
}

// oneLine folds white space, so that what belongs together is not set apart by it.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

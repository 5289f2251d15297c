// Package grounding ties what a model says to where it stands: texts with positions, quotes found in them, evidence that
// code has checked.
//
// A reader (a PDF, a text input) becomes a Document. A model answers with Claims, which are words, not facts. Verify turns
// claims into evidence: a quote that stands in the source, white space folded, is evidence with its page and boxes;
// anything else is marked as unverified and never shown as grounded.
//
//	evidence := grounding.Verify(docs, response.Claims)
//
// Everything here is pure and safe for concurrent use as long as documents are not changed.
package grounding

import "github.com/stewardhq/steward"

// Document is one source text, cut into pages.
type Document struct {
	FileIndex   int    // 0-based position among the inputs' files
	Name        string // file name, or the input's key for plain text
	ContentType string // such as application/pdf or text/plain
	Pages       []Page
}

// Page is the text of one page in reading order. Lines end with "\n"; parts of a line that stand apart on the page (columns,
// table cells) are separated by two or more spaces, so that a table row is one line.
type Page struct {
	Number int     // 1-based; 0 for a text that has no pages
	Text   string  // valid UTF-8
	Width  float64 // points (1/72 inch); 0 when unknown
	Height float64
	Words  []Word // in the order of Text; empty when positions are unknown
}

// Word is a piece of a page's text with its place on the page.
type Word struct {
	Start, End int // byte range in Page.Text
	Box        steward.Box
}

// Claim is a model's word for where a value comes from.
type Claim struct {
	Path       string  `json:"path"`       // JSON Pointer into the output
	FileIndex  int     `json:"file_index"` // as the model names it; only a hint
	Page       int     `json:"page"`       // 1-based; 0 means unknown; only a hint
	Quote      string  `json:"quote"`
	Confidence float64 `json:"confidence"` // 0 to 1
}

// MaxQuote is the longest quote that evidence carries, in characters; longer ones are cut at a word.
const MaxQuote = 300

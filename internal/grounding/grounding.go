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

import (
	"context"

	"github.com/stewardhq/steward"
)

// Document is one source, cut into pages. A picture given as input is a Document with a ContentType of image/* and one page,
// Number 1, which has a Picture, and a Text when OCR read it.
type Document struct {
	FileIndex   int    // 0-based position among the inputs' files
	Name        string // file name, or the input's key for plain text
	ContentType string // such as application/pdf, image/png or text/plain
	Pages       []Page
}

// Page is the text of one page in reading order. Lines end with "\n"; parts of a line that stand apart on the page (columns,
// table cells) are separated by two or more spaces, so that a table row is one line.
type Page struct {
	Number int     // 1-based; 0 for a text that has no pages
	Text   string  // valid UTF-8
	Width  float64 // points (1/72 inch), for a picture pixels at 72 dpi; 0 when unknown
	Height float64
	Words  []Word // in the order of Text; empty when positions are unknown

	Picture *Picture // how the page looks, when it is to be shown to a model; nil when its text is all there is
	Origin  Origin   // where Text comes from
}

// Origin says where the text of a page comes from.
type Origin string

// The origins.
const (
	OriginText Origin = ""    // a text layer or a plain text
	OriginOCR  Origin = "ocr" // read from a picture by OCR
)

// Picture is how a page looks. It holds no bytes: they are made when they are asked for.
type Picture struct {
	ContentType   string // image/png or image/jpeg
	Width, Height int    // pixels
	// Key says what the bytes are, such as a hash of file, page and resolution: equal keys, equal bytes.
	Key string
	// Open returns the bytes. It may be called several times and by several goroutines at once.
	Open func(ctx context.Context) ([]byte, error)
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

	// Region is the model's word for the place in a picture, in the page's own coordinates (see Page.Width); only a hint.
	Region *steward.Box `json:"region,omitempty"`
}

// MaxQuote is the longest quote that evidence carries, in characters; longer ones are cut at a word.
const MaxQuote = 300

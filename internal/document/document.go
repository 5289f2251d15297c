// Package document reads documents into grounding pages: text in reading order, every word with its place on the page,
// how a page looks as a picture, and the outline.
//
// PDFs are read by an engine that runs inside a WebAssembly sandbox, which sees no file system and a bounded memory.
// Nothing of it is loaded before the first PDF is opened, and it is dropped again after some idle time.
//
//	reader := document.Open(document.Options{CacheDir: dir})
//	pdf, err := reader.Open(ctx, "invoice.pdf", file, size, "")
//	page, err := pdf.Page(ctx, 1)
//
// A Reader is safe for concurrent use. A PDF holds one of the reader's few engine instances until it is closed, so
// callers read what they need and close it before doing slow things.
package document

import (
	"context"

	"github.com/stewardhq/steward/internal/grounding"
)

// Kind says what a document is.
type Kind string

// The kinds that can be read.
const (
	KindPDF   Kind = "pdf"
	KindImage Kind = "image"
	KindDOCX  Kind = "docx"
	KindXLSX  Kind = "xlsx"
	KindHTML  Kind = "html"
	KindEML   Kind = "eml"
	KindText  Kind = "text"
	KindCSV   Kind = "csv"
)

// Document is an open document of any kind. Its methods may be called by several goroutines; they may take turns.
type Document interface {
	// Kind says what the document is.
	Kind() Kind

	// PageCount is how many pages there are, at least 1. What has no pages of its own counts as one or is cut into several.
	PageCount() int

	// Page reads page n, counted from 1. A page without text, such as a scan, has the empty text and no error.
	//
	// Errors: *steward.Failure for what cannot be read, is too large or takes too long; ctx's error; an error for n out of
	// range and for a closed document.
	Page(ctx context.Context, n int) (grounding.Page, error)

	// Picture draws page n, counted from 1. Kinds that have no look of their own answer *steward.Failure with
	// FailUnsupportedFile. Other errors are those of Page.
	Picture(ctx context.Context, n int, opts PictureOptions) (*Image, error)

	// Outline returns the document's headings in reading order: what a reader shows beside the pages. It is empty when
	// the document has none.
	Outline(ctx context.Context) ([]Heading, error)

	// Close ends the use of the document. Closing twice is fine.
	Close() error
}

// Formats of pictures.
const (
	FormatPNG  = "png"
	FormatJPEG = "jpeg"
)

// PictureOptions says how a page is drawn. The zero value is ready to use.
type PictureOptions struct {
	DPI      int    // pixels to an inch; 0 means 144, at most 600
	LongEdge int    // most pixels of the longer edge; 0 means 2048, at most 8192; a page that would be larger is drawn smaller
	Format   string // FormatPNG or FormatJPEG; "" means FormatPNG
}

// Image is a picture of a page.
type Image struct {
	ContentType   string // image/png or image/jpeg
	Width, Height int    // pixels
	Bytes         []byte
}

// Heading is an entry of a document's outline.
type Heading struct {
	Title string // valid UTF-8 without line ends, never empty
	Level int    // 1 for the outermost
	Page  int    // counted from 1; 0 when the entry leads nowhere
}

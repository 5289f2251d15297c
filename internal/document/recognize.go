package document

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document/ocr"
	"github.com/stewardhq/steward/internal/grounding"
)

// How pages are drawn to be read by OCR.
const (
	recognizeDPI  = 300
	recognizeEdge = 5000 // most pixels of the longer edge: A3 at 300 dpi
)

// CanRecognize reports whether pages can be read by OCR.
func (r *Reader) CanRecognize() bool { return r.opts.OCR != nil }

// Recognize reads page n of a document, counted from 1, by OCR: whatever text layer it has is not looked at. The page has the
// origin "ocr" and words with boxes in the page's coordinates; a page on which nothing can be read has the empty text. It
// takes some tenths of a second to some seconds, and may be called by several goroutines.
//
// Errors: *steward.Failure with FailUnsupportedFile when OCR is not there, for kinds of documents that have no look of their
// own and for a page that cannot be drawn or read, FailTimeout when reading takes too long; ctx's error.
func (r *Reader) Recognize(ctx context.Context, d Document, n int) (grounding.Page, error) {
	return r.recognize(ctx, d, n, func() error { return nil })
}

// RecognizeOnly is Recognize for a document that nothing else is read of: drawn is called as soon as the page is drawn, which is
// before OCR begins, so that others can open theirs meanwhile; it is not called after a failure before that. Pictures that wait for OCR
// are bounded: while there are twice as many as documents may be open, d waits with its page.
//
// Errors: those of Recognize and of drawn.
func (r *Reader) RecognizeOnly(ctx context.Context, d Document, n int, drawn func() error) (grounding.Page, error) {
	if err := r.scans.Acquire(ctx, 1); err != nil {
		return grounding.Page{}, ctx.Err()
	}
	defer r.scans.Release(1)
	return r.recognize(ctx, d, n, drawn)
}

// recognize reads a page and calls drawn when the document is needed no more.
func (r *Reader) recognize(ctx context.Context, d Document, n int, drawn func() error) (grounding.Page, error) {
	if r.opts.OCR == nil {
		return grounding.Page{}, unsupported(nil, "Page %d is a picture, and OCR is not available to read it.", n)
	}
	page, err := d.Page(ctx, n)
	if err != nil {
		return grounding.Page{}, err
	}
	picture, err := rasterOf(ctx, d, n)
	if err != nil {
		return grounding.Page{}, err
	}
	if err := drawn(); err != nil {
		return grounding.Page{}, err
	}
	s := &scan{width: page.Width, height: page.Height, pixels: picture.gray.Rect.Size()}
	words, err := r.readScan(ctx, s, picture)
	switch {
	case ctx.Err() != nil:
		return grounding.Page{}, ctx.Err()
	case errors.Is(err, ocr.ErrTimeout):
		return grounding.Page{}, &steward.Failure{Code: steward.FailTimeout, Message: fmt.Sprintf("Reading page %d by OCR took too long.", n), Err: err}
	case err != nil:
		return grounding.Page{}, unsupported(err, "Page %d cannot be read by OCR.", n)
	}
	return s.layout(n, words), nil
}

// readScan reads a picture, and a crooked one once more after it was straightened.
func (r *Reader) readScan(ctx context.Context, s *scan, picture *raster) ([]ocr.Word, error) {
	reading, err := r.opts.OCR.Read(ctx, picture.gray, ocr.Params{DPI: picture.dpi})
	if err != nil {
		return nil, err
	}
	s.turn = reading.Turn
	slope := s.skew(reading.Words)
	if math.Abs(slope) < tiltedPage {
		return reading.Words, nil
	}
	again, err := r.opts.OCR.Read(ctx, tilt(slope).straighten(ocr.Flat(picture.gray)), ocr.Params{DPI: picture.dpi, Spent: reading.Took})
	if err != nil {
		return nil, err
	}
	s.turn, s.tilt = again.Turn, tilt(slope)
	return again.Words, nil
}

// raster is a page drawn for OCR.
type raster struct {
	gray *image.Gray
	dpi  int
}

// rasterer is a document that can draw a page for OCR without a detour over a file format.
type rasterer interface {
	raster(ctx context.Context, n int) (*raster, error)
}

// raster implements rasterer.
func (p *PDF) raster(ctx context.Context, n int) (*raster, error) {
	drawn, err := p.draw(ctx, n, PictureOptions{DPI: recognizeDPI, LongEdge: recognizeEdge}.withDefaults())
	if err != nil {
		return nil, err
	}
	return &raster{gray: grayOf(drawn), dpi: recognizeDPI}, nil
}

// rasterOf draws page n.
func rasterOf(ctx context.Context, d Document, n int) (*raster, error) {
	if r, ok := d.(rasterer); ok {
		return r.raster(ctx, n)
	}
	img, err := d.Picture(ctx, n, PictureOptions{DPI: recognizeDPI, LongEdge: recognizeEdge, Format: FormatPNG})
	if err != nil {
		return nil, err
	}
	pixels, err := decodePicture(img.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read page %d by OCR: %w", n, err)
	}
	return &raster{gray: grayOf(pixels), dpi: recognizeDPI}, nil
}

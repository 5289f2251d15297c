package document

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
)

// Limits of pictures.
const (
	defaultDPI    = 144
	maxDPI        = 600
	maxPagePixels = 24 << 20 // of the picture of a page; four bytes each while it is drawn
)

// withDefaults returns the options with every zero filled and every value in range.
func (o PictureOptions) withDefaults() PictureOptions {
	if o.DPI <= 0 {
		o.DPI = defaultDPI
	}
	o.DPI = min(o.DPI, maxDPI)
	if o.LongEdge <= 0 {
		o.LongEdge = defaultEdge
	}
	o.LongEdge = min(o.LongEdge, maxEdge)
	if o.Format == "" {
		o.Format = FormatPNG
	}
	return o
}

// pixels is the size of the picture of a page of width by height points; each at least 1.
func (o PictureOptions) pixels(width, height float64) (w, h int) {
	scale := float64(o.DPI) / 72
	scale = math.Min(scale, float64(o.LongEdge)/math.Max(width, height))
	scale = math.Min(scale, math.Sqrt(maxPagePixels/(width*height)))
	side := func(points float64) int { return max(1, int(math.Round(points*scale))) }
	return side(width), side(height)
}

// Picture draws page n, counted from 1, as a reader shows it: rotated and cropped, with its annotations and filled-in form
// fields, on white.
//
// Errors: those of Page; an error for an unknown format.
func (p *PDF) Picture(ctx context.Context, n int, opts PictureOptions) (*Image, error) {
	opts = opts.withDefaults()
	if opts.Format != FormatPNG && opts.Format != FormatJPEG {
		return nil, fmt.Errorf("draw page %d of %s: no format is called %q", n, p.name, opts.Format)
	}
	drawn, err := p.draw(ctx, n, opts)
	if err != nil {
		return nil, err
	}
	return encode(drawn, opts.Format) // others may use the PDF meanwhile
}

// draw returns the pixels of page n.
func (p *PDF) draw(ctx context.Context, n int, opts PictureOptions) (image.Image, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.turn("draw", n, &p.drawn); err != nil {
		return nil, err
	}
	var drawn image.Image
	err := p.timed(ctx, timeToDraw, func(ctx context.Context) (err error) {
		drawn, err = p.pixels(ctx, n, opts)
		return err
	})
	return drawn, err
}

// Numbers of the engine's interface.
const (
	formatRGBx      = 3    // four bytes a pixel, the last one unused
	withAnnotations = 0x01 // flags of drawing
	redFirst        = 0x10
	white           = 0xFFFFFFFF
)

// pixels draws page n into the sandbox and copies it out.
func (p *PDF) pixels(ctx context.Context, n int, opts PictureOptions) (_ image.Image, err error) {
	page, err := p.load(ctx, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.inst.release("FPDF_ClosePage", page)) }()
	s, err := p.frame(page)
	if err != nil {
		return nil, err
	}
	w, h := opts.pixels(s.width, s.height)
	bitmap, err := p.inst.call(ctx, "FPDFBitmap_CreateEx", uint64(w), uint64(h), formatRGBx, 0, 0) //nolint:gosec // G115: sizes of pictures are bounded above
	if err != nil {
		return nil, err
	}
	if bitmap == 0 {
		return nil, unsupported(nil, "Page %d of %s is too large to be drawn.", n, p.name)
	}
	defer func() { err = errors.Join(err, p.inst.release("FPDFBitmap_Destroy", bitmap)) }()
	if _, err := p.inst.call(ctx, "FPDFBitmap_FillRect", bitmap, 0, 0, uint64(w), uint64(h), white); err != nil { //nolint:gosec // G115: sizes of pictures are bounded above
		return nil, err
	}
	where := []uint64{page, 0, 0, uint64(w), uint64(h), 0, withAnnotations | redFirst} //nolint:gosec // G115: sizes of pictures are bounded above
	if _, err := p.inst.call(ctx, "FPDF_RenderPageBitmap", append([]uint64{bitmap}, where...)...); err != nil {
		return nil, err
	}
	return p.copyPixels(ctx, bitmap, w, h)
}

// copyPixels takes a drawn bitmap out of the sandbox.
func (p *PDF) copyPixels(ctx context.Context, bitmap uint64, w, h int) (image.Image, error) {
	addr, err := p.inst.call(ctx, "FPDFBitmap_GetBuffer", bitmap)
	if err != nil {
		return nil, err
	}
	stride, err := p.inst.call(ctx, "FPDFBitmap_GetStride", bitmap)
	if err != nil {
		return nil, err
	}
	raw, ok := p.inst.mod.Memory().Read(uint32(addr), uint32(stride)*uint32(h)) //nolint:gosec // both fit the sandbox
	if !ok || int(stride) < 4*w {                                               //nolint:gosec // as above
		return nil, errors.New("pdf engine: the bitmap lies outside of its memory")
	}
	return take(raw, int(stride), w, h), nil //nolint:gosec // as above
}

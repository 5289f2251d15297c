package document

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"sync"

	"golang.org/x/image/draw"

	"github.com/stewardhq/steward/internal/grounding"
)

// Limits of pictures.
const (
	maxPixels     = 80_000_000 // of one picture
	decodeBytes   = 640 << 20  // memory that all pictures being decoded may take together
	maxTIFFPages  = 1000       // of one TIFF
	defaultEdge   = 2048       // of PictureOptions.LongEdge
	maxEdge       = 8192       // the same
	jpegQuality   = 90
	smallText     = 1600 // a picture whose longer edge is shorter is enlarged for OCR: its letters are small
	enlarged      = 2    // by so much
	screenDPI     = 150  // what OCR is told of pictures that do not say how large they are
	maxImageBytes = 1 << 30
)

// picture is a document that is a picture, or several ones of a TIFF.
type picture struct {
	name   string
	reader *Reader
	frames []frame

	mu  sync.Mutex
	src io.ReadSeeker // nil once closed
}

// frame is one picture of a file.
type frame struct {
	format        string // png, jpeg, gif, webp, tiff or bmp
	width, height int    // as they are stored
	orientation   int    // as EXIF counts it: 1 to 8
	decoded       int64  // memory of the decoded picture, in bytes
	weight        int64  // memory that decoding takes with it
	lossy         bool   // stored with loss, so that JPEG is the form to hand it on in
	ifd           uint32 // where the frame of a TIFF is described; 0 for other formats
}

// size is the frame's size as it is shown.
func (f *frame) size() (w, h int) {
	if f.orientation >= 5 {
		return f.height, f.width
	}
	return f.width, f.height
}

// openPicture reads the heads of a picture, not its pixels.
func (r *Reader) openPicture(name, format string, src io.ReadSeeker, size int64) (Document, error) {
	if size > maxImageBytes {
		return nil, unsupported(nil, "%s is larger than %d MiB.", name, maxImageBytes>>20)
	}
	p := &picture{name: name, reader: r, src: src}
	frames, err := p.heads(format, size)
	if err != nil {
		return nil, err
	}
	for _, f := range frames {
		if f.width <= 0 || f.height <= 0 || f.width > maxPixels/f.height {
			return nil, unsupported(nil, "%s has %d × %d pixels; at most %d million are read.", name, f.width, f.height, maxPixels/1_000_000)
		}
		if f.weight > decodeBytes {
			return nil, unsupported(nil, "%s takes more than %d MiB of memory to be decoded.", name, decodeBytes>>20)
		}
	}
	p.frames = frames
	return p, nil
}

// Kind implements Document.
func (p *picture) Kind() Kind { return KindImage }

// PageCount implements Document.
func (p *picture) PageCount() int { return len(p.frames) }

// Outline implements Document: a picture has none.
func (p *picture) Outline(context.Context) ([]Heading, error) { return nil, nil }

// Close implements Document.
func (p *picture) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.src = nil
	return nil
}

// Page implements Document: a picture has no text of its own. Its size is its pixels, at 72 to an inch.
func (p *picture) Page(ctx context.Context, n int) (grounding.Page, error) {
	f, err := p.frame(ctx, n)
	if err != nil {
		return grounding.Page{}, err
	}
	w, h := f.size()
	return grounding.Page{Number: n, Width: float64(w), Height: float64(h)}, nil
}

// frame returns the n-th frame, counted from 1.
func (p *picture) frame(ctx context.Context, n int) (*frame, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.src == nil {
		return nil, fmt.Errorf("read page %d of %s: the picture is closed", n, p.name)
	}
	if n < 1 || n > len(p.frames) {
		return nil, fmt.Errorf("read page %d of %s: it has %d pages", n, p.name, len(p.frames))
	}
	return &p.frames[n-1], nil
}

// Picture implements Document. The picture is upright, has white where it was transparent, and carries nothing but its pixels. It
// is never enlarged; PictureOptions.DPI does not matter. Without a format a picture stored with loss is answered as JPEG,
// any other one as PNG.
func (p *picture) Picture(ctx context.Context, n int, opts PictureOptions) (*Image, error) {
	f, err := p.frame(ctx, n)
	if err != nil {
		return nil, err
	}
	edge := opts.LongEdge
	if edge <= 0 {
		edge = defaultEdge
	}
	format := opts.Format
	if format == "" && f.lossy {
		format = FormatJPEG
	}
	var out *Image
	err = p.draw(ctx, f, fit(f.width, f.height, min(edge, maxEdge)), func(pixels image.Image) (err error) {
		out, err = encode(pixels, format)
		return err
	})
	return out, err
}

// raster implements rasterer.
func (p *picture) raster(ctx context.Context, n int) (*raster, error) {
	f, err := p.frame(ctx, n)
	if err != nil {
		return nil, err
	}
	to, dpi := fit(f.width, f.height, recognizeEdge), recognizeDPI
	if max(f.width, f.height) < smallText {
		to, dpi = to.Mul(enlarged), screenDPI*enlarged
	}
	out := &raster{dpi: dpi}
	err = p.draw(ctx, f, to, func(pixels image.Image) error {
		if gray, ok := pixels.(*image.Gray); ok {
			out.gray = gray
		} else {
			out.gray = grayOf(pixels)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// fit is the size of a picture that is made smaller until its longer edge has at most edge pixels and all of it at most maxPagePixels.
func fit(w, h, edge int) image.Point {
	long := max(w, h)
	if many := float64(w) * float64(h); many > maxPagePixels {
		edge = min(edge, int(float64(long)*math.Sqrt(maxPagePixels/many)))
	}
	if long <= edge {
		return image.Pt(w, h)
	}
	return image.Pt(max(1, (w*edge+long/2)/long), max(1, (h*edge+long/2)/long))
}

// draw decodes a frame, scales it and turns it upright, on white, and hands it to use. All of that counts as memory that pictures take, so
// use must not keep the picture longer than it needs.
func (p *picture) draw(ctx context.Context, f *frame, to image.Point, use func(image.Image) error) error {
	weight := f.drawing(to)
	if weight > decodeBytes {
		return unsupported(nil, "%s takes more than %d MiB of memory to be drawn.", p.name, decodeBytes>>20)
	}
	if err := p.reader.decoding.Acquire(ctx, weight); err != nil {
		return err
	}
	defer p.reader.decoding.Release(weight)
	p.mu.Lock()
	pixels, err := p.decode(f)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return use(orient(onWhite(pixels, to), f.orientation).image())
}

// drawing is how much memory it takes at most to draw a frame in a size, in bytes: first it is decoded, then scaled, then turned, and
// at last encoded, which may take as much as the picture twice.
func (f *frame) drawing(to image.Point) int64 {
	out := 4 * int64(to.X) * int64(to.Y)
	return max(f.weight, f.decoded+out+scalingBytes(image.Pt(f.width, f.height), to), 3*out)
}

// encode makes a picture's bytes.
func encode(pixels image.Image, format string) (*Image, error) {
	var b bytes.Buffer
	out := &Image{ContentType: "image/png", Width: pixels.Bounds().Dx(), Height: pixels.Bounds().Dy()}
	var err error
	switch format {
	case FormatPNG, "":
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, pixels)
	case FormatJPEG:
		out.ContentType = "image/jpeg"
		err = jpeg.Encode(&b, pixels, &jpeg.Options{Quality: jpegQuality})
	default:
		return nil, fmt.Errorf("encode picture: unknown format %q", format)
	}
	if err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	out.Bytes = b.Bytes()
	return out, nil
}

// grayOf is an opaque picture in shades of gray.
func grayOf(src image.Image) *image.Gray {
	b := src.Bounds()
	out := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	switch src := src.(type) {
	case *image.Gray:
		draw.Draw(out, out.Rect, src, b.Min, draw.Src)
	case *image.RGBA:
		for y := range b.Dy() {
			grayRow(out.Pix[y*out.Stride:][:b.Dx()], src.Pix[y*src.Stride:])
		}
	case *image.NRGBA:
		for y := range b.Dy() {
			grayRow(out.Pix[y*out.Stride:][:b.Dx()], src.Pix[y*src.Stride:])
		}
	default:
		draw.Draw(out, out.Rect, src, b.Min, draw.Src)
	}
	return out
}

// grayRow weighs the colours of a row of opaque pixels of four bytes as the eye does.
func grayRow(out, row []byte) {
	for x := range out {
		r, g, b := uint32(row[x*4]), uint32(row[x*4+1]), uint32(row[x*4+2])
		out[x] = byte((19595*r + 38470*g + 7471*b + 1<<15) >> 16) //nolint:gosec // G115: the weights add up to 1<<16: at most 255
	}
}

// decodePicture decodes a picture that this program made.
func decodePicture(data []byte) (image.Image, error) {
	img, _, err := image.Decode(bytes.NewReader(data)) // PNG and JPEG, whose packages are imported here
	if err != nil {
		return nil, fmt.Errorf("decode picture: %w", err)
	}
	return img, nil
}

// errBroken is the answer of a decoder that gave up in an unusual way.
var errBroken = errors.New("the decoder failed")

package document

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"github.com/stewardhq/steward"
)

// The formats of pictures.
const (
	formatPNG  = "png"
	formatJPEG = "jpeg"
	formatGIF  = "gif"
	formatWebP = "webp"
	formatTIFF = "tiff"
	formatBMP  = "bmp"
)

// decoder reads one format.
type decoder struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// decoderOf returns the decoder of a format.
func decoderOf(format string) decoder {
	switch format {
	case formatPNG:
		return decoder{png.DecodeConfig, png.Decode}
	case formatJPEG:
		return decoder{jpeg.DecodeConfig, jpeg.Decode}
	case formatGIF:
		return decoder{gif.DecodeConfig, gif.Decode} // of several pictures the first one
	case formatWebP:
		return decoder{webp.DecodeConfig, webp.Decode}
	case formatTIFF:
		return decoder{tiff.DecodeConfig, tiff.Decode}
	}
	return decoder{bmp.DecodeConfig, bmp.Decode}
}

// heads reads what the file says of its frames.
func (p *picture) heads(format string, size int64) ([]frame, error) {
	if format == formatTIFF {
		return p.tiffHeads(size)
	}
	config, err := p.config(&frame{format: format})
	if err != nil {
		return nil, err
	}
	f := frame{format: format, width: config.Width, height: config.Height, orientation: 1, decoded: weigh(format, config)}
	f.weight = decoding(format) * f.decoded
	if format == formatPNG && p.interlaced() {
		f.weight += f.decoded / 2 // its last pass is half of the picture
	}
	meta, err := p.metadata(format)
	if err != nil {
		return nil, err
	}
	f.orientation = meta.orientation
	f.lossy = format == formatJPEG || format == formatWebP
	if meta.progressive {
		f.weight += 12 * int64(f.width) * int64(f.height) // its decoder keeps the coefficients of all colours
	}
	return []frame{f}, nil
}

// interlaced reports whether a PNG is stored in several passes.
func (p *picture) interlaced() bool {
	var method [1]byte
	_, err := (&fileAt{src: p.src}).ReadAt(method[:], 28)
	return err == nil && method[0] != 0
}

// decoding is how many times the memory of a picture its decoder takes. Those of TIFF and WebP may hold it once more,
// as it is unpacked.
func decoding(format string) int64 {
	switch format {
	case formatTIFF, formatWebP:
		return 2
	}
	return 1
}

// weigh is how much memory a decoded picture takes. What a PNG says of its colours comes before it says that one of them is
// transparent, which makes gray pixels coloured ones.
func weigh(format string, c image.Config) int64 {
	pixel := int64(4)
	switch c.ColorModel {
	case color.RGBA64Model, color.NRGBA64Model:
		pixel = 8
	case color.Gray16Model:
		if pixel = 2; format == formatPNG {
			pixel = 8
		}
	case color.GrayModel:
		if pixel = 1; format == formatPNG {
			pixel = 4
		}
	}
	return pixel * int64(c.Width) * int64(c.Height)
}

// config reads the size of a frame.
func (p *picture) config(f *frame) (config image.Config, err error) {
	err = p.guarded(f, func(r io.Reader) (err error) {
		config, err = decoderOf(f.format).config(r)
		return err
	})
	return config, err
}

// decode reads the pixels of a frame. The caller holds mu.
func (p *picture) decode(f *frame) (img image.Image, err error) {
	if p.src == nil {
		return nil, fmt.Errorf("read %s: the picture is closed", p.name)
	}
	err = p.guarded(f, func(r io.Reader) (err error) {
		img, err = decoderOf(f.format).decode(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	if size := img.Bounds().Size(); size.X <= 0 || size.Y <= 0 || size.X > f.width || size.Y > f.height {
		return nil, unsupported(nil, "%s is broken: its size is not the one it states.", p.name)
	}
	return img, nil
}

// guarded hands the file to a decoder and tells what the file is not. Decoders are made for foreign bytes, but one that gives up by a
// panic must cost one file and not the process.
func (p *picture) guarded(f *frame, work func(io.Reader) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = unsupported(fmt.Errorf("%w: %v", errBroken, v), "%s is broken and cannot be read as %s.", p.name, f.format)
		}
	}()
	r := &fileAt{src: p.src}
	if f.ifd != 0 {
		r.patch(4, binaryOrder(r), f.ifd)
	}
	var in io.Reader = io.NewSectionReader(r, 0, maxImageBytes)
	if f.format != formatTIFF { // which is read here and there
		in = bufio.NewReaderSize(in, window)
	}
	if err := work(in); err != nil {
		if r.err != nil {
			return fmt.Errorf("read %s: %w", p.name, r.err)
		}
		return undecodable(p.name, f.format, err)
	}
	return nil
}

// undecodable says why a picture cannot be read.
func undecodable(name, format string, err error) *steward.Failure {
	if errors.As(err, new(jpeg.UnsupportedError)) || errors.As(err, new(png.UnsupportedError)) || errors.As(err, new(tiff.UnsupportedError)) {
		return unsupported(err, "%s is a picture of a kind of %s that cannot be read: %v.", name, format, err)
	}
	if errors.Is(err, bmp.ErrUnsupported) {
		return unsupported(err, "%s is a picture of a kind of %s that cannot be read.", name, format)
	}
	return unsupported(err, "%s is broken and cannot be read as %s.", name, format)
}

// fileAt gives random access to a file, with a few bytes replaced. It remembers the first error of the file.
type fileAt struct {
	src     io.ReadSeeker
	at      int64
	instead []byte
	err     error
}

// ReadAt implements io.ReaderAt.
func (f *fileAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 { // a place that a broken file names is no error of the reader
		return 0, io.EOF
	}
	if _, err := f.src.Seek(off, io.SeekStart); err != nil {
		return 0, f.keep(err)
	}
	n, err := io.ReadFull(f.src, p)
	for i, b := range f.instead {
		if at := f.at + int64(i) - off; at >= 0 && at < int64(n) {
			p[at] = b
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, f.keep(err)
}

// keep remembers an error that is not the end of the file.
func (f *fileAt) keep(err error) error {
	if err != nil && !errors.Is(err, io.EOF) && f.err == nil {
		f.err = err
	}
	return err
}

// patch replaces four bytes.
func (f *fileAt) patch(at int64, order binary.ByteOrder, v uint32) {
	f.at, f.instead = at, make([]byte, 4)
	order.PutUint32(f.instead, v)
}

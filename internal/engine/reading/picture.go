package reading

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/grounding"
)

// What PictureOptions means by zero.
const (
	defaultDPI  = 144
	defaultEdge = 2048
)

// Show gives pages their pictures, to be drawn when a model is shown them. Pages that are printed are drawn as PNG, scans as JPEG,
// photographs as what they are. Kinds of files that have no look stay as they are. The file need not be open then.
func (f *File) Show(pages []grounding.Page, o document.PictureOptions) {
	if !f.HasLook() {
		return
	}
	for i := range pages {
		p := &pages[i]
		opts := f.options(p, o)
		w, h := f.pixels(p, opts)
		number := p.Number
		p.Picture = &grounding.Picture{
			ContentType: "image/" + opts.Format, Width: w, Height: h,
			Key:  fmt.Sprintf("%s page %d, %d dpi, %d pixels, %s", f.SHA256, number, opts.DPI, opts.LongEdge, opts.Format),
			Open: func(ctx context.Context) ([]byte, error) { return f.draw(ctx, number, opts) },
		}
	}
}

// options fills in how a page is drawn.
func (f *File) options(p *grounding.Page, o document.PictureOptions) document.PictureOptions {
	if o.DPI <= 0 {
		o.DPI = defaultDPI
	}
	if o.LongEdge <= 0 {
		o.LongEdge = defaultEdge
	}
	if o.Format == "" {
		o.Format = document.FormatPNG
		scan := f.Kind == document.KindPDF && (p.Text == "" || p.Origin == grounding.OriginOCR)
		if scan || f.Kind == document.KindImage && f.ContentType == "image/jpeg" {
			o.Format = document.FormatJPEG
		}
	}
	return o
}

// pixels is the size of a page's picture.
func (f *File) pixels(p *grounding.Page, o document.PictureOptions) (w, h int) {
	long := math.Max(p.Width, p.Height)
	if long <= 0 {
		return 0, 0
	}
	scale := 1.0 // pictures stay as they are
	if f.Kind == document.KindPDF {
		scale = float64(o.DPI) / 72
	}
	scale = math.Min(scale, float64(o.LongEdge)/long)
	side := func(points float64) int { return max(1, int(math.Round(points*scale))) }
	return side(p.Width), side(p.Height)
}

// draw returns the picture of a page. It opens the file for itself: calls may be made at once, and long after the file was read.
func (f *File) draw(ctx context.Context, n int, o document.PictureOptions) (_ []byte, err error) {
	doc, err := f.openDocument(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, doc.Close()) }()
	image, err := doc.Picture(ctx, n, o)
	if err != nil {
		return nil, err
	}
	return image.Bytes, nil
}

// SavePicture saves the picture of a page as a reference of that name. The file need not be open. A page that was saved by an earlier
// attempt is not drawn again.
func (f *File) SavePicture(ctx context.Context, n int, name steward.ReferenceID, o document.PictureOptions) (answer.Reference, error) {
	o.Format = document.FormatPNG
	body := &lazy{open: func() (io.Reader, error) {
		data, err := f.draw(ctx, n, o)
		return bytes.NewReader(data), err
	}}
	ref, url, err := f.set.run.SaveReference(ctx, name, "page", "image/png", body)
	return answer.Reference{Reference: ref, URL: url}, err
}

// IsPicture reports whether a file is a picture by its content type.
func IsPicture(f steward.File) bool { return strings.HasPrefix(f.ContentType, "image/") }

// Save saves a file as it is as a reference.
func (s *Files) Save(ctx context.Context, f steward.File, name steward.ReferenceID, kind string) (_ answer.Reference, err error) {
	body, err := s.run.OpenFile(ctx, f)
	if err != nil {
		return answer.Reference{}, fmt.Errorf("open %s: %w", f.Name, err)
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	ref, url, err := s.run.SaveReference(ctx, name, kind, f.ContentType, body)
	return answer.Reference{Reference: ref, URL: url}, err
}

// lazy is a reader whose content is made when it is first read.
type lazy struct {
	open func() (io.Reader, error)
	r    io.Reader
}

// Read implements io.Reader.
func (l *lazy) Read(p []byte) (int, error) {
	if l.r == nil {
		r, err := l.open()
		if err != nil {
			return 0, err
		}
		l.r = r
	}
	return l.r.Read(p)
}

// CanSelect reports whether SaveSelection can be called.
func (f *File) CanSelect() bool { return f.Kind == document.KindPDF }

// SaveSelection saves a PDF of some of a PDF's pages as a reference. The file need not be open.
func (f *File) SaveSelection(ctx context.Context, pages []int, name steward.ReferenceID) (_ answer.Reference, err error) {
	var done chan struct{} // closed when the writing has ended
	var end func(error)
	body := &lazy{open: func() (io.Reader, error) {
		r, w := io.Pipe()
		done, end = make(chan struct{}), func(err error) { _ = r.CloseWithError(err) } // never fails
		go func() {
			defer close(done)
			_ = w.CloseWithError(f.writeSelection(ctx, pages, w)) // never fails; the reader is told
		}()
		return r, nil
	}}
	ref, url, err := f.set.run.SaveReference(ctx, name, "selection", "application/pdf", body)
	if done != nil {
		end(errors.New("the reader has gone"))
		<-done
	}
	return answer.Reference{Reference: ref, URL: url}, err
}

// writeSelection writes a PDF of some of the pages.
func (f *File) writeSelection(ctx context.Context, pages []int, w io.Writer) (err error) {
	body, err := f.set.run.OpenFile(ctx, f.File)
	if err != nil {
		return fmt.Errorf("open %s: %w", f.Name, err)
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	from := document.SelectFrom{Name: f.Name, Source: body, SizeBytes: f.SizeBytes, Password: f.set.opts.Password}
	return f.set.reader.SelectPages(ctx, from, pages, w)
}

package document_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	_ "image/jpeg" // registers the format
	_ "image/png"  // registers the format
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/document/documenttest"
)

// draw returns the picture of page n, whose bytes must be what they are said to be.
func draw(t *testing.T, p *document.PDF, n int, opts document.PictureOptions) image.Image {
	t.Helper()
	pic, err := p.Picture(t.Context(), n, opts)
	if err != nil {
		t.Fatalf("draw page %d: %v", n, err)
	}
	img, format, err := image.Decode(bytes.NewReader(pic.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); "image/"+format != pic.ContentType || b.Dx() != pic.Width || b.Dy() != pic.Height {
		t.Errorf("a %s of %v is called %s of %d x %d", format, b, pic.ContentType, pic.Width, pic.Height)
	}
	return img
}

// inked reports whether anything that is not white stands at a place.
func inked(img image.Image, place [4]int) bool {
	for y := place[1]; y < place[3]; y++ {
		for x := place[0]; x < place[2]; x++ {
			if g, ok := color.GrayModel.Convert(img.At(x, y)).(color.Gray); ok && g.Y < 200 {
				return true
			}
		}
	}
	return false
}

func TestPicturesHaveTheAskedSize(t *testing.T) {
	t.Parallel()
	p := open(t, newReader(t, document.Options{}), documenttest.Build(
		documenttest.Sheet{Content: invoice(), Box: "0 0 600 800"}, documenttest.Sheet{Content: invoice(), Box: "0 0 14400 14400"}, documenttest.Sheet{Box: "0 0 3 2000"}))
	tests := []struct {
		name string
		page int
		opts document.PictureOptions
		w, h int
	}{
		{"the default is 144 dpi", 1, document.PictureOptions{}, 1200, 1600},
		{"96 dpi", 1, document.PictureOptions{DPI: 96}, 800, 1067},
		{"the longer edge is capped", 1, document.PictureOptions{LongEdge: 400}, 300, 400},
		{"by 2048 pixels unless said otherwise", 1, document.PictureOptions{DPI: 600}, 1536, 2048},
		{"huge pages too", 2, document.PictureOptions{}, 2048, 2048},
		{"the pixels are capped", 2, document.PictureOptions{DPI: 600, LongEdge: 1 << 20}, 5017, 5017},
		{"narrow pages have a pixel", 3, document.PictureOptions{LongEdge: 100}, 1, 100},
	}
	for _, tt := range tests {
		if b := draw(t, p, tt.page, tt.opts).Bounds(); b.Dx() != tt.w || b.Dy() != tt.h {
			t.Errorf("%s: %d x %d, want %d x %d", tt.name, b.Dx(), b.Dy(), tt.w, tt.h)
		}
	}
}

func TestPicturesShowColoursAndGreys(t *testing.T) {
	t.Parallel()
	p := open(t, newReader(t, document.Options{}), documenttest.Build(
		documenttest.Sheet{Content: "1 0 0 rg 0 0 100 100 re f", Box: "0 0 200 200"}, documenttest.Sheet{Content: "0.5 g 0 0 100 100 re f", Box: "0 0 200 200"}))
	for _, format := range []string{document.FormatPNG, document.FormatJPEG} {
		for n, want := range map[int]color.NRGBA{1: {255, 0, 0, 255}, 2: {128, 128, 128, 255}} {
			img := draw(t, p, n, document.PictureOptions{DPI: 72, Format: format})
			for place, want := range map[image.Point]color.NRGBA{{X: 50, Y: 150}: want, {X: 50, Y: 50}: {255, 255, 255, 255}, {X: 150, Y: 150}: {255, 255, 255, 255}} {
				if got := color.NRGBAModel.Convert(img.At(place.X, place.Y)).(color.NRGBA); !near(got, want) { //nolint:errcheck,forcetypeassert // the model's own
					t.Errorf("%s of page %d at %v: %v, want %v", format, n, place, got, want)
				}
			}
		}
	}
	if _, ok := draw(t, p, 2, document.PictureOptions{}).(*image.Gray); !ok {
		t.Error("a picture without colour is not stored as grey")
	}
}

// near reports whether two colours look the same.
func near(a, b color.NRGBA) bool {
	d := func(x, y uint8) bool { return max(x, y)-min(x, y) <= 3 }
	return d(a.R, b.R) && d(a.G, b.G) && d(a.B, b.B) && a.A == b.A
}

// A box of the text's page, scaled, is where the picture shows the word: however the page is turned and cropped.
func TestPicturesAndBoxesAgree(t *testing.T) {
	t.Parallel()
	content := documenttest.At(100, 700, 20, "Anchor")
	r := newReader(t, document.Options{})
	for name, sheet := range map[string]documenttest.Sheet{
		"upright": {Content: content}, "cropped": {Content: content, Crop: "50 100 545 800"}, "shifted origin": {Content: content, Box: "-10 -20 585 822"},
		"turned over": {Content: content, Rotate: 180}, "turned right": {Content: content, Rotate: 90}, "turned left, cropped": {Content: content, Rotate: 270, Crop: "90 600 545 800"},
	} {
		p := open(t, r, documenttest.Build(sheet))
		page := read(t, p, 1)
		img := draw(t, p, 1, document.PictureOptions{DPI: 144})
		b := wordBox(t, page, "Anchor")
		x0, y0, x1, y1 := int(2*b.X0), int(2*b.Y0), int(2*b.X1), int(2*b.Y1)
		if w, h := img.Bounds().Dx(), img.Bounds().Dy(); w != int(2*page.Width) || h != int(2*page.Height) {
			t.Errorf("%s: %d x %d for a page of %v x %v", name, w, h, page.Width, page.Height)
		}
		if !inked(img, [4]int{x0, y0, x1, y1}) {
			t.Errorf("%s: nothing at %+v", name, b)
		}
		w, h := img.Bounds().Dx(), img.Bounds().Dy()
		if inked(img, [4]int{0, 0, w, y0 - 2}) || inked(img, [4]int{0, y1 + 2, w, h}) || inked(img, [4]int{0, 0, x0 - 2, h}) || inked(img, [4]int{x1 + 2, 0, w, h}) {
			t.Errorf("%s: something stands beside %+v", name, b)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPicturesHaveTheirLimits(t *testing.T) {
	t.Parallel()
	data := documenttest.Build(documenttest.Sheet{Content: invoice(), Box: "0 0 5000 5000"})
	p := open(t, newReader(t, document.Options{MaxPages: 3, MaxMemoryBytes: 32 << 20}), data)
	_, err := p.Picture(t.Context(), 1, document.PictureOptions{LongEdge: 5000})
	wantFailure(t, err, steward.FailUnsupportedFile, "Page 1 of test.pdf is too large to be drawn")
	draw(t, p, 1, document.PictureOptions{LongEdge: 500})
	draw(t, p, 1, document.PictureOptions{LongEdge: 500})
	_, err = p.Picture(t.Context(), 1, document.PictureOptions{LongEdge: 500})
	wantFailure(t, err, steward.FailUnsupportedFile, "more than 3 pages to draw")
	read(t, p, 1) // is counted apart
	for _, n := range []int{0, 2} {
		if _, err := p.Picture(t.Context(), n, document.PictureOptions{}); err == nil {
			t.Errorf("page %d: no error", n)
		}
	}
	if _, err := p.Picture(t.Context(), 1, document.PictureOptions{Format: "gif"}); err == nil || !strings.Contains(err.Error(), "gif") {
		t.Errorf("gif: %v", err)
	}
}

func TestASlowPictureIsInterruptedAndTheReaderGoesOn(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{Instances: 1})
	p := open(t, r, documenttest.Build(documenttest.Sheet{Content: "0.5 g\n" + strings.Repeat("0 0 m 590 840 l 590 0 l 0 840 l f*\n", 200_000)}))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := p.Picture(ctx, 1, document.PictureOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want the context's error", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	draw(t, open(t, r, documenttest.Build(documenttest.Sheet{Content: invoice()})), 1, document.PictureOptions{})
}

func TestPicturesAreDrawnByManyAtOnce(t *testing.T) {
	t.Parallel()
	p := open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{Content: invoice()}, documenttest.Sheet{Content: "1 0 0 rg 0 0 99 99 re f"}))
	results := make(chan error, 16)
	want := [3][]byte{}
	for n := 1; n <= 2; n++ {
		pic, err := p.Picture(t.Context(), n, document.PictureOptions{DPI: 50})
		if err != nil {
			t.Fatal(err)
		}
		want[n] = pic.Bytes
	}
	for i := range cap(results) {
		go func() {
			n := 1 + i%2
			pic, err := p.Picture(t.Context(), n, document.PictureOptions{DPI: 50})
			if err == nil && !bytes.Equal(pic.Bytes, want[n]) {
				err = errors.New("the picture differs")
			}
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

package document_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	paint "image/draw"
	"math"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	scale "golang.org/x/image/draw"
	"golang.org/x/image/math/f64"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/document/documenttest"
	"github.com/stewardhq/steward/internal/document/ocr"
	"github.com/stewardhq/steward/internal/grounding"
)

// recognizer opens a reader that reads pictures.
func recognizer(t testing.TB, languages ...string) *document.Reader {
	t.Helper()
	e, err := ocr.Find(t.Context(), ocr.Options{Languages: languages})
	if err != nil {
		t.Fatalf("run scripts/ocr.sh: %v", err)
	}
	return newReader(t, document.Options{OCR: e})
}

// recognize reads page n by OCR.
func recognize(t testing.TB, r *document.Reader, d document.Document, n int) grounding.Page {
	t.Helper()
	page, err := r.Recognize(t.Context(), d, n)
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, page)
	if page.Number != n || page.Origin != grounding.OriginOCR {
		t.Errorf("page %d of origin %q", page.Number, page.Origin)
	}
	return page
}

// scanned opens a PDF of the corpus.
func scanned(t testing.TB, r *document.Reader, name string) *document.PDF {
	t.Helper()
	data, err := os.ReadFile("../../testdata/corpus/" + name + "/document.pdf")
	if err != nil {
		t.Fatal(err)
	}
	return open(t, r, data)
}

// likeness is 1 for equal texts and 0 for those that have nothing in common: a character that is wrong, lost or added counts
// once. White space is folded.
func likeness(want, got string) float64 {
	a, b := []rune(grounding.Fold(want)), []rune(grounding.Fold(got))
	prev, cur := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range a {
		cur[0] = i + 1
		for j := range b {
			cost := prev[j]
			if a[i] != b[j] {
				cost++
			}
			cur[j+1] = min(cost, prev[j+1]+1, cur[j]+1)
		}
		prev, cur = cur, prev
	}
	return 1 - float64(prev[len(b)])/float64(max(len(a), 1))
}

func TestAScanOfAnInvoiceIsReadLikeItsTextLayer(t *testing.T) {
	t.Parallel()
	r := recognizer(t, "eng", "deu")
	for name, least := range map[string]float64{"invoice-01-colon-us": 0.97, "invoice-03-above-footer": 0.98, "invoice-07-german": 0.95} {
		d := scanned(t, r, name)
		text, scan := read(t, d, 1), recognize(t, r, d, 1)
		if err := d.Close(); err != nil { // there are fewer engines than files
			t.Fatal(err)
		}
		if got := likeness(text.Text, scan.Text); got < least || scan.Width != text.Width || scan.Height != text.Height {
			t.Errorf("%s: %.3f alike, %v × %v\n%s", name, got, scan.Width, scan.Height, scan.Text)
		}
		near, known := 0, map[string]steward.Box{}
		for _, w := range text.Words {
			known[text.Text[w.Start:w.End]] = w.Box
		}
		for _, w := range scan.Words {
			if b, ok := known[scan.Text[w.Start:w.End]]; ok && math.Abs(b.X0-w.Box.X0) < 4 && w.Box.Y0 > b.Y0-4 && w.Box.Y1 < b.Y1+4 {
				near++
			}
		}
		if near*10 < len(scan.Words)*7 {
			t.Errorf("%s: %d of %d words stand where the text layer has them", name, near, len(scan.Words))
		}
	}
}

// drawn is a page as a picture on white, turned clockwise by degrees about its middle.
func drawn(t *testing.T, d document.Document, dpi int, degrees float64) []byte {
	t.Helper()
	out, err := d.Picture(t.Context(), 1, document.PictureOptions{DPI: dpi, LongEdge: 8000})
	if err != nil {
		t.Fatal(err)
	}
	src, _, err := image.Decode(bytes.NewReader(out.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(src.Bounds())
	paint.Draw(img, img.Rect, image.White, image.Point{}, paint.Src)
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	cx, cy := float64(img.Rect.Dx())/2, float64(img.Rect.Dy())/2
	scale.BiLinear.Transform(img, f64.Aff3{cos, -sin, cx - cos*cx + sin*cy, sin, cos, cy - sin*cx - cos*cy}, src, src.Bounds(), scale.Src, nil)
	return encoded(t, "png", img)
}

func TestCrookedAndUpsideDownPicturesAreRead(t *testing.T) {
	t.Parallel()
	r := recognizer(t)
	d := scanned(t, r, "invoice-03-above-footer")
	text := read(t, d, 1)
	for _, degrees := range []float64{0.7, 3, -4, 180} {
		p := openAny(t, r, "scan.png", "", drawn(t, d, 200, degrees))
		scan := recognize(t, r, p, 1)
		if got := likeness(text.Text, scan.Text); got < 0.95 {
			t.Errorf("%v degrees: %.3f alike\n%s", degrees, got, scan.Text)
		}
		for _, w := range scan.Words {
			if w.Box.X0 < 0 || w.Box.Y0 < 0 || w.Box.X1 > scan.Width || w.Box.Y1 > scan.Height {
				t.Errorf("%v degrees: %+v is not on the page", degrees, w)
			}
		}
	}
}

func TestSmallPicturesAreRead(t *testing.T) {
	t.Parallel()
	r := recognizer(t)
	d := scanned(t, r, "invoice-03-above-footer")
	scan := recognize(t, r, openAny(t, r, "small.jpg", "", drawn(t, d, 110, 0)), 1)
	if got := likeness(read(t, d, 1).Text, scan.Text); got < 0.9 || !utf8.ValidString(scan.Text) {
		t.Errorf("%.3f alike\n%s", got, scan.Text)
	}
}

func TestWithoutOCRPicturesAreNotRead(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	d := openAny(t, r, "a.png", "", picture(t, "png", 10, 10))
	_, err := r.Recognize(t.Context(), d, 1)
	if wantFailure(t, err, steward.FailUnsupportedFile, "OCR is not available"); r.CanRecognize() {
		t.Error("it says that it can")
	}
	can := recognizer(t)
	if !can.CanRecognize() {
		t.Error("it says that it cannot")
	}
	if page := recognize(t, can, d, 1); strings.TrimSpace(page.Text) != "" {
		t.Errorf("got %q", page.Text)
	}
	_, err = can.Recognize(t.Context(), openAny(t, can, "a.txt", "", []byte("text")), 1)
	wantFailure(t, err, steward.FailUnsupportedFile, "a.txt has no pictures")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := can.Recognize(ctx, d, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTheDocumentIsLetGoBeforeOCRReads(t *testing.T) {
	t.Parallel()
	path, calls, err := documenttest.FakeOCR(t.TempDir(), "Sandpiper")
	if err != nil {
		t.Fatal(err)
	}
	e, err := ocr.Find(t.Context(), ocr.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t, document.Options{OCR: e, Instances: 1})
	data := special(t, "pdf/empty-text.pdf")
	for range 3 { // as many as may wait, and one more
		d := open(t, r, data)
		page, err := r.RecognizeOnly(t.Context(), d, 1, func() error {
			if err := d.Close(); err != nil {
				return err
			}
			before, err := os.ReadDir(calls)
			for _, c := range before {
				err = errors.Join(err, os.Remove(calls+"/"+c.Name()), errors.New("OCR has read already"))
			}
			return errors.Join(err, open(t, r, data).Close()) // waits for ever while the only instance is lent
		})
		if err != nil || !strings.Contains(page.Text, "Sandpiper") {
			t.Errorf("got %q, %v", page.Text, err)
		}
		list, err := os.ReadDir(calls)
		if err != nil || len(list) == 0 {
			t.Fatalf("%d readings, %v", len(list), err)
		}
		for _, c := range list {
			if err := os.Remove(calls + "/" + c.Name()); err != nil {
				t.Fatal(err)
			}
		}
	}
	fault := errors.New("the disk is gone")
	d := open(t, r, data)
	if _, err := r.RecognizeOnly(t.Context(), d, 1, func() error { return errors.Join(fault, d.Close()) }); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
}

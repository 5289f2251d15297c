package document_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	paint "image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
)

// marked is a white picture whose left upper quarter is red.
func marked(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	paint.Draw(img, img.Rect, image.White, image.Point{}, paint.Src)
	paint.Draw(img, image.Rect(0, 0, (w+1)/2, (h+1)/2), image.NewUniform(color.NRGBA{R: 255, A: 255}), image.Point{}, paint.Src)
	return img
}

// picture makes a file of a marked picture.
func picture(t testing.TB, format string, w, h int) []byte {
	t.Helper()
	return encoded(t, format, marked(w, h))
}

// encoded makes a file of a picture.
func encoded(t testing.TB, format string, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&b, img)
	case "jpeg":
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 95})
	case "gif":
		err = gif.Encode(&b, img, nil)
	case "tiff":
		err = tiff.Encode(&b, img, nil)
	case "bmp":
		err = bmp.Encode(&b, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// shown decodes the picture of a page and checks what it promises.
func shown(t *testing.T, d document.Document, n int, opts document.PictureOptions) image.Image {
	t.Helper()
	out, err := d.Picture(t.Context(), n, opts)
	if err != nil {
		t.Fatal(err)
	}
	img, format, err := image.Decode(bytes.NewReader(out.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	if out.ContentType != "image/"+format || img.Bounds().Size() != image.Pt(out.Width, out.Height) {
		t.Errorf("%s of %d × %d is %s of %v", out.ContentType, out.Width, out.Height, format, img.Bounds())
	}
	return img
}

// redCorner tells which corner of a marked picture is red: 0 left upper, 1 right upper, 2 right lower, 3 left lower; -1 for none.
func redCorner(img image.Image) int {
	b := img.Bounds()
	x, y := b.Dx()/8, b.Dy()/8
	for i, p := range []image.Point{{x, y}, {b.Dx() - 1 - x, y}, {b.Dx() - 1 - x, b.Dy() - 1 - y}, {x, b.Dy() - 1 - y}} {
		if r, g, _, _ := img.At(b.Min.X+p.X, b.Min.Y+p.Y).RGBA(); r > 0xD000 && g < 0x4000 {
			return i
		}
	}
	return -1
}

func TestPicturesOfEveryFormatAreReadAndScaled(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	for _, format := range []string{"png", "jpeg", "gif", "tiff", "bmp"} {
		d := openAny(t, r, "photo", "", picture(t, format, 400, 300))
		page, err := d.Page(t.Context(), 1)
		if err != nil || page.Width != 400 || page.Height != 300 || page.Text != "" || d.PageCount() != 1 || d.Kind() != document.KindImage {
			t.Errorf("%s: %+v, %v", format, page, err)
		}
		full, small := shown(t, d, 1, document.PictureOptions{}), shown(t, d, 1, document.PictureOptions{LongEdge: 100, Format: document.FormatJPEG})
		if full.Bounds().Dx() != 400 || small.Bounds().Size() != image.Pt(100, 75) || redCorner(full) != 0 || redCorner(small) != 0 {
			t.Errorf("%s: %v and %v, red %d and %d", format, full.Bounds(), small.Bounds(), redCorner(full), redCorner(small))
		}
		out, err := d.Picture(t.Context(), 1, document.PictureOptions{})
		if want := map[bool]string{true: "image/jpeg", false: "image/png"}[format == "jpeg"]; err != nil || out.ContentType != want {
			t.Errorf("%s is answered as %s, %v", format, out.ContentType, err)
		}
	}
	for _, name := range []string{"lossy.webp", "lossless.webp"} {
		d := openAny(t, r, name, "", office(t, "../images/"+name))
		if img := shown(t, d, 1, document.PictureOptions{}); img.Bounds().Size() != image.Pt(64, 48) || redCorner(img) != 0 {
			t.Errorf("%s: %v, red %d", name, img.Bounds(), redCorner(img))
		}
	}
}

func TestPicturesAreTurnedAsTheirMetadataAskAndLoseThem(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	plain := picture(t, "jpeg", 64, 32)
	for orientation, corner := range map[int]int{1: 0, 2: 1, 3: 2, 4: 3, 5: 0, 6: 1, 7: 2, 8: 3, 9: 0} {
		exif := []byte("Exif\x00\x00MM\x00\x2A\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00secret place")
		exif[6+18+1] = byte(orientation)
		segment := append([]byte{0xFF, 0xE1, 0, byte(len(exif) + 2)}, exif...)
		d := openAny(t, r, "photo.jpg", "", append(append(append([]byte{}, plain[:2]...), segment...), plain[2:]...))
		page, err := d.Page(t.Context(), 1)
		want := image.Pt(64, 32)
		if orientation >= 5 && orientation <= 8 {
			want = image.Pt(32, 64)
		}
		img := shown(t, d, 1, document.PictureOptions{})
		if err != nil || redCorner(img) != corner || img.Bounds().Size() != want || page.Width != float64(want.X) {
			t.Errorf("orientation %d: corner %d of %v, page %+v, %v", orientation, redCorner(img), img.Bounds(), page, err)
		}
		if out, err := d.Picture(t.Context(), 1, document.PictureOptions{}); err != nil || bytes.Contains(out.Bytes, []byte("secret")) || bytes.Contains(out.Bytes, []byte("Exif")) {
			t.Errorf("metadata are kept, %v", err)
		}
	}
}

func TestTransparentPartsBecomeWhite(t *testing.T) {
	t.Parallel()
	img := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	img.SetNRGBA(0, 0, color.NRGBA{A: 128})
	out := shown(t, openAny(t, newReader(t, document.Options{}), "a.png", "", encoded(t, "png", img)), 1, document.PictureOptions{})
	if r, _, _, a := out.At(4, 4).RGBA(); r != 0xFFFF || a != 0xFFFF {
		t.Errorf("transparent is %x, %x", r, a)
	}
	if r, _, _, _ := out.At(0, 0).RGBA(); r < 0x7000 || r > 0x9000 {
		t.Errorf("half black is %x", r)
	}
}

// pagesOfTIFF joins TIFFs into one of several pages.
func pagesOfTIFF(t testing.TB, files ...[]byte) []byte {
	t.Helper()
	out := append([]byte{}, files[0]...)
	link := func(data []byte) int { // where the place of the next page stands
		at := int(binary.LittleEndian.Uint32(data[4:]))
		return at + 2 + 12*int(binary.LittleEndian.Uint16(data[at:]))
	}
	last := link(out)
	for _, f := range files[1:] {
		base := len(out)
		at := int(binary.LittleEndian.Uint32(f[4:]))
		f = append([]byte{}, f...)
		for i := range int(binary.LittleEndian.Uint16(f[at:])) {
			e := f[at+2+12*i:]
			kind, count := binary.LittleEndian.Uint16(e[2:]), binary.LittleEndian.Uint32(e[4:])
			size := map[uint16]uint32{1: 1, 2: 1, 3: 2, 4: 4, 5: 8}[kind] * count
			if tag := binary.LittleEndian.Uint16(e); size > 4 || tag == 273 {
				binary.LittleEndian.PutUint32(e[8:], binary.LittleEndian.Uint32(e[8:])+uint32(base))
			}
		}
		binary.LittleEndian.PutUint32(out[last:], uint32(base+at))
		out = append(out, f...)
		last = base + link(f)
	}
	return out
}

func TestPagesOfATIFFArePages(t *testing.T) {
	t.Parallel()
	data := pagesOfTIFF(t, picture(t, "tiff", 40, 30), picture(t, "tiff", 20, 50), picture(t, "tiff", 10, 10))
	d := openAny(t, newReader(t, document.Options{}), "fax.tif", "", data)
	if d.PageCount() != 3 {
		t.Fatalf("%d pages", d.PageCount())
	}
	for n, want := range []image.Point{{40, 30}, {20, 50}, {10, 10}} {
		if img := shown(t, d, n+1, document.PictureOptions{}); img.Bounds().Size() != want || redCorner(img) != 0 {
			t.Errorf("page %d: %v, red %d", n+1, img.Bounds(), redCorner(img))
		}
	}
}

func TestPicturesThatAreTooLargeOrBrokenAreRefused(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	large := picture(t, "png", 1, 1)
	binary.BigEndian.PutUint32(large[16:], 100_000)
	binary.BigEndian.PutUint32(large[20:], 100_000)
	binary.BigEndian.PutUint32(large[29:], crc32.ChecksumIEEE(large[12:29]))
	_, err := r.OpenAny(t.Context(), "large.png", "", bytes.NewReader(large), int64(len(large)), "")
	wantFailure(t, err, steward.FailUnsupportedFile, "large.png has 100000 × 100000 pixels; at most 80 million are read")
	for _, format := range []string{"png", "jpeg", "gif", "tiff", "bmp"} {
		data := picture(t, format, 64, 64)
		half := data[:len(data)*2/3]
		d, err := r.OpenAny(t.Context(), "half", "", bytes.NewReader(half), int64(len(half)), "")
		if err == nil {
			_, err = d.Picture(t.Context(), 1, document.PictureOptions{})
		}
		wantFailure(t, err, steward.FailUnsupportedFile, "half is broken")
	}
}

package document_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"math"
	"runtime"
	"testing"

	scale "golang.org/x/image/draw"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
)

// allocated is how many bytes work allocates in all: no less than it ever holds.
func allocated(work func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Not parallel: it measures what the process allocates.
func TestScalingALargePictureTakesLittleMemory(t *testing.T) {
	const edge = 6000
	data := encoded(t, "png", image.NewGray(image.Rect(0, 0, edge, edge)))
	d := openAny(t, newReader(t, document.Options{}), "a.png", "", data)
	for _, to := range []int{2048, 8192} {
		var img image.Image
		got := allocated(func() { img = shown(t, d, 1, document.PictureOptions{LongEdge: to}) })
		if got > 200<<20 { // the kernel's own scaler takes 32 bytes × the new width × the old height
			t.Errorf("edge %d: %d MiB", to, got>>20)
		}
		if b := img.Bounds(); b.Dx() > to || b.Dx() != b.Dy() || b.Dx()*b.Dy() > 24<<20 {
			t.Errorf("edge %d: %v", to, b)
		}
	}
}

func TestScalingIsThatOfTheKernel(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	colour, gray := image.NewRGBA(image.Rect(0, 0, 331, 217)), image.NewGray(image.Rect(0, 0, 331, 217))
	for y := range 217 {
		for x := range 331 {
			v := byte(128 + 127*math.Sin(float64(x*y)/90))
			colour.SetRGBA(x, y, color.RGBA{R: v, G: byte(x), B: byte(y), A: 255})
			gray.SetGray(x, y, color.Gray{Y: v})
		}
	}
	for _, edge := range []int{300, 130, 40, 1} {
		for _, src := range []image.Image{colour, gray} {
			got := shown(t, openAny(t, r, "a.png", "", encoded(t, "png", src)), 1, document.PictureOptions{LongEdge: edge})
			want := image.NewRGBA(got.Bounds())
			scale.CatmullRom.Scale(want, want.Rect, src, src.Bounds(), scale.Src, nil)
			for y := range want.Rect.Dy() {
				for x := range want.Rect.Dx() {
					if a, ok := color.RGBAModel.Convert(got.At(x, y)).(color.RGBA); !ok || apart(a, want.RGBAAt(x, y)) {
						t.Fatalf("edge %d, %T, at %d,%d: %v, not %v", edge, src, x, y, a, want.RGBAAt(x, y))
					}
				}
			}
		}
	}
}

// apart reports whether two colours differ by more than rounding.
func apart(a, b color.RGBA) bool {
	return far(a.R, b.R) || far(a.G, b.G) || far(a.B, b.B) || a.A != b.A
}

// far reports whether two shades differ by more than rounding.
func far(a, b byte) bool { return int(a)-int(b) > 2 || int(b)-int(a) > 2 }

func TestAPictureThatTakesTooMuchMemoryToDecodeIsRefused(t *testing.T) {
	t.Parallel()
	data := encoded(t, "png", image.NewGray16(image.Rect(0, 0, 1, 1)))
	binary.BigEndian.PutUint32(data[16:], 8900)
	binary.BigEndian.PutUint32(data[20:], 8900)
	data[28] = 1 // in several passes, which takes half of the picture once more; a chunk behind this one may make it eight bytes a pixel
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	_, err := newReader(t, document.Options{}).OpenAny(t.Context(), "a.png", "", bytes.NewReader(data), int64(len(data)), "")
	wantFailure(t, err, steward.FailUnsupportedFile, "a.png takes more than 640 MiB of memory to be decoded")
}

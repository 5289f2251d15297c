package document

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
)

// bitmap is an opaque picture of one byte a pixel when it is gray, else of four. Its rows follow each other without a gap.
type bitmap struct {
	pix         []byte
	w, h, depth int
}

// newBitmap makes a picture, which is black or transparent.
func newBitmap(w, h, depth int) *bitmap {
	return &bitmap{pix: make([]byte, w*h*depth), w: w, h: h, depth: depth}
}

// image is the same picture for others; it shares the pixels.
func (b *bitmap) image() image.Image {
	if b.depth == 1 {
		return &image.Gray{Pix: b.pix, Stride: b.w, Rect: image.Rect(0, 0, b.w, b.h)}
	}
	return &image.RGBA{Pix: b.pix, Stride: 4 * b.w, Rect: image.Rect(0, 0, b.w, b.h)}
}

// onWhite scales a picture onto white.
func onWhite(src image.Image, to image.Point) *bitmap {
	gray, isGray := src.(*image.Gray)
	depth := 4
	if isGray {
		depth = 1
	}
	out, size := newBitmap(to.X, to.Y, depth), src.Bounds().Size()
	row := func(pix []byte, y int) { // the pixels of a row of src
		if isGray {
			copy(pix[:size.X], gray.Pix[y*gray.Stride:])
			return
		}
		line := &image.RGBA{Pix: pix, Stride: len(pix), Rect: image.Rect(0, 0, size.X, 1)}
		draw.Draw(line, line.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
		draw.Draw(line, line.Rect, src, src.Bounds().Min.Add(image.Pt(0, y)), draw.Over)
	}
	if size != to {
		resample(out, size, row)
		return out
	}
	for y := range to.Y {
		row(out.pix[y*to.X*depth:][:to.X*depth], y)
	}
	return out
}

// resample fills a picture with one of another size by the Catmull-Rom kernel. It holds only those rows of the source, made as wide as
// the result, that a row of the result is made of: scalingBytes tells how much that is.
func resample(out *bitmap, size image.Point, row func(pix []byte, y int)) {
	colours := min(out.depth, 3)
	across := make([]taps, out.w)
	for x := range across {
		across[x] = tapsOf(x, size.X, out.w)
	}
	raw := make([]byte, size.X*out.depth)
	ring := make([][]float32, ringRows(size.Y, out.h))
	for i := range ring {
		ring[i] = make([]float32, out.w*colours)
	}
	sum := make([]float32, out.w*colours)
	for y, next := 0, 0; y < out.h; y++ {
		down := tapsOf(y, size.Y, out.h)
		for ; next < down.first+len(down.weights); next++ {
			row(raw, next)
			squeeze(ring[next%len(ring)], raw, across, out.depth, colours)
		}
		clear(sum)
		for i, weight := range down.weights {
			for x, v := range ring[(down.first+i)%len(ring)] {
				sum[x] += weight * v
			}
		}
		put(out.pix[y*out.w*out.depth:][:out.w*out.depth], sum, out.depth, colours)
	}
}

// squeeze scales a row.
func squeeze(to []float32, raw []byte, across []taps, depth, colours int) {
	for x, t := range across {
		if colours == 1 {
			var v float32
			for i, weight := range t.weights {
				v += weight * float32(raw[t.first+i])
			}
			to[x] = v
			continue
		}
		var r, g, b float32
		for i, weight := range t.weights {
			px := raw[(t.first+i)*depth:][:3]
			r += weight * float32(px[0])
			g += weight * float32(px[1])
			b += weight * float32(px[2])
		}
		to[3*x], to[3*x+1], to[3*x+2] = r, g, b
	}
}

// put writes a row of sums as pixels.
func put(pix []byte, sum []float32, depth, colours int) {
	for i, v := range sum {
		pix[i/colours*depth+i%colours] = byte(min(max(v+0.5, 0), 255))
	}
	for i := 3; depth == 4 && i < len(pix); i += 4 {
		pix[i] = 0xFF
	}
}

// taps says of which pixels of a line a pixel of the scaled line is made.
type taps struct {
	first   int
	weights []float32 // their sum is 1
}

// reach is how far from its middle a pixel of the scaled line looks, in pixels of the line.
func reach(from, to int) float64 { return 2 * max(float64(from)/float64(to), 1) }

// ringRows is the largest number of taps, with room for rounding.
func ringRows(from, to int) int { return min(from, int(2*reach(from, to))+3) }

// tapsOf computes those of the i-th pixel of a line of from pixels scaled to as many as to.
func tapsOf(i, from, to int) taps {
	far := reach(from, to)
	middle := (float64(i) + 0.5) * float64(from) / float64(to)
	first, end := max(0, int(math.Floor(middle-far))), min(from, int(math.Ceil(middle+far)))
	t := taps{first: first, weights: make([]float32, end-first)}
	var sum float32
	for k := range t.weights {
		t.weights[k] = float32(catmullRom(math.Abs(float64(first+k)+0.5-middle) / far * 2))
		sum += t.weights[k]
	}
	for k := range t.weights {
		t.weights[k] /= sum
	}
	return t
}

// catmullRom is the kernel at a distance of 0 or more.
func catmullRom(d float64) float64 {
	switch {
	case d < 1:
		return (1.5*d-2.5)*d*d + 1
	case d < 2:
		return ((-0.5*d+2.5)*d-4)*d + 2
	}
	return 0
}

// scalingBytes is how much memory scaling takes at most, beside both pictures.
func scalingBytes(size, to image.Point) int64 {
	if size == to {
		return 0
	}
	line := int64(size.X)*4 + int64(to.X)*(32+4*int64(ringRows(size.X, to.X)))
	return line + 12*int64(to.X)*int64(1+ringRows(size.Y, to.Y))
}

// orient turns and mirrors a picture as EXIF asks for.
func orient(src *bitmap, orientation int) *bitmap {
	if orientation < 2 || orientation > 8 {
		return src
	}
	w, h, depth := src.w, src.h, src.depth
	out := newBitmap(w, h, depth)
	if orientation >= 5 {
		out.w, out.h = h, w
	}
	for y := range h {
		for x := range w {
			tx, ty := x, y
			switch orientation {
			case 2:
				tx = w - 1 - x
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				ty = h - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			copy(out.pix[(ty*out.w+tx)*depth:][:depth], src.pix[(y*w+x)*depth:])
		}
	}
	return out
}

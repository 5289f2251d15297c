package document

import (
	"image"
	"math"
)

// tilt is a small turn of a picture about its middle, as the slope that lines had before it. The zero value is none.
type tilt float64

// straighten turns a flat picture so that its lines are level; what comes from outside of it is white.
func (t tilt) straighten(src *image.Gray) *image.Gray {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, w, h))
	sin, cos := math.Sincos(math.Atan(float64(t)))
	cx, cy := float64(w)/2, float64(h)/2
	for y := range h {
		row := out.Pix[y*w : (y+1)*w]
		dy := float64(y) + 0.5 - cy
		fx, fy := cx-cos*cx-sin*dy+0.5*cos-0.5, cy-sin*cx+cos*dy+0.5*sin-0.5
		for x := range row {
			row[x] = between(src, fx, fy)
			fx, fy = fx+cos, fy+sin
		}
	}
	return out
}

// between is the shade of a picture between its pixels.
func between(src *image.Gray, x, y float64) byte {
	x0, y0 := math.Floor(x), math.Floor(y)
	ix, iy := int(x0), int(y0)
	if ix < 0 || iy < 0 || ix+1 >= src.Rect.Dx() || iy+1 >= src.Rect.Dy() {
		return 0xFF
	}
	ax, ay := x-x0, y-y0
	a, b := src.Pix[iy*src.Stride+ix:], src.Pix[(iy+1)*src.Stride+ix:]
	top := float64(a[0])*(1-ax) + float64(a[1])*ax
	low := float64(b[0])*(1-ax) + float64(b[1])*ax
	return byte(top*(1-ay) + low*ay + 0.5)
}

// back brings a box of the straightened picture into the one it was made of, which has the given size.
func (t tilt) back(b image.Rectangle, size image.Point) image.Rectangle {
	if t == 0 {
		return b
	}
	sin, cos := math.Sincos(math.Atan(float64(t)))
	cx, cy := float64(size.X)/2, float64(size.Y)/2
	lo, hi := image.Pt(size.X, size.Y), image.Point{}
	// The middles of the sides: the box around a turned word is taller than the word only by its slope.
	mx, my := float64(b.Min.X+b.Max.X)/2, float64(b.Min.Y+b.Max.Y)/2
	for _, p := range [...][2]float64{{float64(b.Min.X), my}, {float64(b.Max.X), my}, {mx, float64(b.Min.Y)}, {mx, float64(b.Max.Y)}} {
		x, y := p[0]-cx, p[1]-cy
		fx, fy := cx+cos*x-sin*y, cy+sin*x+cos*y
		lo.X, lo.Y = min(lo.X, int(math.Floor(fx))), min(lo.Y, int(math.Floor(fy)))
		hi.X, hi.Y = max(hi.X, int(math.Ceil(fx))), max(hi.Y, int(math.Ceil(fy)))
	}
	return image.Rectangle{Min: lo, Max: hi}.Intersect(image.Rectangle{Max: size})
}

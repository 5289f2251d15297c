package ocr

import "image"

// Turn turns a flat picture (see Flat) clockwise by 90, 180 or 270 degrees.
func Turn(p *image.Gray, degrees int) *image.Gray {
	w, h := p.Rect.Dx(), p.Rect.Dy()
	if degrees == 180 {
		out := image.NewGray(image.Rect(0, 0, w, h))
		for i, v := range p.Pix[:w*h] {
			out.Pix[w*h-1-i] = v
		}
		return out
	}
	out := image.NewGray(image.Rect(0, 0, h, w))
	for y := range h {
		row := p.Pix[y*w : (y+1)*w]
		for x, v := range row {
			if degrees == 90 {
				out.Pix[x*h+h-1-y] = v
			} else {
				out.Pix[(w-1-x)*h+y] = v
			}
		}
	}
	return out
}

// turnBack brings a box of a turned picture into the picture as it was, which has the given size.
func turnBack(b image.Rectangle, degrees int, size image.Point) image.Rectangle {
	switch degrees {
	case 90:
		return image.Rect(b.Min.Y, size.Y-b.Max.X, b.Max.Y, size.Y-b.Min.X)
	case 180:
		return image.Rect(size.X-b.Max.X, size.Y-b.Max.Y, size.X-b.Min.X, size.Y-b.Min.Y)
	case 270:
		return image.Rect(size.X-b.Max.Y, b.Min.X, size.X-b.Min.Y, b.Max.X)
	}
	return b
}

// TurnBox brings a box of a picture of the given size into the picture turned clockwise by 0, 90, 180 or 270 degrees.
func TurnBox(b image.Rectangle, degrees int, size image.Point) image.Rectangle {
	if degrees == 90 || degrees == 270 {
		size.X, size.Y = size.Y, size.X
	}
	return turnBack(b, (360-degrees)%360, size)
}

package document

import "image"

// take copies pixels of four bytes (red, green, blue, unused). A picture without colour becomes a grey one, which is a third
// of the work to encode and to read.
func take(raw []byte, stride, w, h int) image.Image {
	if gray := takeGray(raw, stride, w, h); gray != nil {
		return gray
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		row := img.Pix[y*img.Stride:][:4*w]
		copy(row, raw[y*stride:])
		for x := 3; x < len(row); x += 4 {
			row[x] = 0xFF
		}
	}
	return img
}

// takeGray returns nil when a pixel has a colour.
func takeGray(raw []byte, stride, w, h int) image.Image {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		from, to := raw[y*stride:][:4*w], img.Pix[y*img.Stride:][:w]
		for x := range to {
			px := from[4*x:][:3]
			if px[0] != px[1] || px[1] != px[2] {
				return nil
			}
			to[x] = px[0]
		}
	}
	return img
}

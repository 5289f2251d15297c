package ocr

import (
	"image"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParseTSV(f *testing.F) {
	f.Add([]byte("level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n5\t1\t1\t1\t1\t1\t181\t191\t327\t69\t96.2\tNorthgate\n5\t1\t1\t1\t1\t2\t535\t191\t263\t55\t-1\t \n"))
	f.Add([]byte("5\t1\t1\t1\t1\t1\t9223372036854775807\t-1\t327\t69\tNaN\t\xff\n5\t\t\t\t\t\t1\t1\t2147483647\t2147483647\t1e9\ta b\tc"))
	f.Fuzz(func(t *testing.T, table []byte) {
		bounds := image.Rect(0, 0, 1000, 800)
		words, err := parseTSV(table, bounds)
		if err != nil {
			return
		}
		line := 0
		for _, w := range words {
			if w.Text == "" || !utf8.ValidString(w.Text) || strings.ContainsAny(w.Text, " \t\n") || w.Box.Empty() || !w.Box.In(bounds) {
				t.Fatalf("%+v", w)
			}
			if !(w.Confidence >= 0 && w.Confidence <= 1) || w.Line < line {
				t.Fatalf("%+v behind line %d", w, line)
			}
			line = w.Line
		}
	})
}

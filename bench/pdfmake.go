package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
)

// The pages of the made PDF come in four kinds, in turn.
const (
	pageOfColumns = iota
	pageOfTable
	pageOfChart
	pageOfPhoto
	pageKinds
)

// report is a PDF under way: a report as companies print it, on A4, in an embedded TrueType font.
type report struct {
	pdf *fpdf.Fpdf
	rnd *rand.Rand
}

// makeReport makes a PDF of pages pages. The same number gives the same pages.
func makeReport(pages int) ([]byte, error) {
	r := &report{pdf: fpdf.New("P", "pt", "A4", ""), rnd: rand.New(rand.NewPCG(7, 4))} //nolint:gosec // the same pages every time
	r.pdf.SetAutoPageBreak(false, 0)
	r.pdf.AddUTF8FontFromBytes("body", "", goregular.TTF)
	r.pdf.AddUTF8FontFromBytes("body", "B", gobold.TTF)
	for n := range pages {
		if err := r.page(n); err != nil {
			return nil, fmt.Errorf("make page %d: %w", n+1, err)
		}
	}
	var out bytes.Buffer
	if err := r.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("make PDF: %w", err)
	}
	return out.Bytes(), nil
}

// page draws page n, counted from 0.
func (r *report) page(n int) error {
	r.pdf.AddPage()
	r.pdf.SetFont("body", "B", 15)
	r.pdf.Text(56, 70, fmt.Sprintf("%d. %s", n+1, strings.Title(r.words(5)))) //nolint:staticcheck // plain ASCII words
	r.pdf.SetFont("body", "", 8)
	r.pdf.Text(56, 815, "Annual report of the Cooperative of Harbour Mills")
	r.pdf.Text(500, 815, fmt.Sprintf("Page %d", n+1))
	switch n % pageKinds {
	case pageOfColumns:
		r.prose(56, 100, 230, 700)
		r.prose(310, 100, 230, 700)
	case pageOfTable:
		r.prose(56, 100, 483, 130)
		r.table(56, 250, 40)
	case pageOfChart:
		r.prose(56, 100, 483, 250)
		r.chart(56, 380, 483, 400)
	case pageOfPhoto:
		r.prose(56, 100, 483, 280)
		return r.photo(n, 56, 400, 483, 362)
	}
	return nil
}

// vocabulary is what the prose is made of.
var vocabulary = strings.Fields(`the of and to in for that with this report shows which were during year quarter harbour mill
	flour delivery contract turnover revenue margin carriers vessels insured office storage difficult efficient final profit
	members agreed against between further costs interest liability fifty thousand supplied officers affected flow waffle
	customers received invoices paid account balance statement described under section management board decided average`)

// words returns n words.
func (r *report) words(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = vocabulary[r.rnd.IntN(len(vocabulary))]
	}
	return strings.Join(list, " ")
}

// prose fills a column with sentences, justified.
func (r *report) prose(x, y, w, h float64) {
	r.pdf.SetFont("body", "", 9)
	lines := int(h / 12)
	text := r.words(lines * int(w/20))
	r.pdf.SetXY(x, y)
	for i, line := range r.pdf.SplitText(text, w) {
		if i == lines {
			return
		}
		r.pdf.SetXY(x, y+float64(i)*12)
		r.pdf.CellFormat(w, 12, line, "", 0, "L", false, 0, "")
	}
}

// table draws rows of figures with borders and stripes.
func (r *report) table(x, y float64, rows int) {
	widths := []float64{60, 183, 50, 60, 60, 70}
	r.pdf.SetFont("body", "", 8)
	r.pdf.SetFillColor(232, 238, 244)
	for i := range rows {
		cells := []string{
			fmt.Sprintf("HM-%05d", r.rnd.IntN(99999)), r.words(4), fmt.Sprint(r.rnd.IntN(900)), fmt.Sprintf("%.2f", r.rnd.Float64()*90),
			fmt.Sprintf("%.1f %%", r.rnd.Float64()*20), fmt.Sprintf("%.2f", r.rnd.Float64()*9000),
		}
		r.pdf.SetXY(x, y+float64(i)*13)
		for j, c := range cells {
			align := "R"
			if j < 2 {
				align = "L"
			}
			r.pdf.CellFormat(widths[j], 13, c, "1", 0, align, i%2 == 0, 0, "")
		}
	}
}

// chart draws lines, filled curves and bars: about 900 path segments.
func (r *report) chart(x, y, w, h float64) {
	r.pdf.SetDrawColor(190, 190, 190)
	r.pdf.SetLineWidth(0.5)
	for i := range 11 {
		at := y + h*float64(i)/10
		r.pdf.Line(x, at, x+w, at)
	}
	for i := range 24 {
		tall := h * (0.2 + 0.7*r.rnd.Float64())
		r.pdf.SetFillColor(90+5*i, 130, 190)
		r.pdf.Rect(x+w*float64(i)/24, y+h-tall, w/30, tall, "F")
	}
	for s := range 4 {
		r.pdf.SetDrawColor(200-40*s, 60+30*s, 40*s)
		r.pdf.SetLineWidth(1.2)
		level := h * r.rnd.Float64()
		r.pdf.MoveTo(x, y+level)
		for i := 1; i <= 200; i++ {
			level = math.Min(h, math.Max(0, level+(r.rnd.Float64()-0.5)*h/15))
			r.pdf.LineTo(x+w*float64(i)/200, y+level)
		}
		r.pdf.DrawPath("D")
	}
	r.pdf.SetAlpha(0.4, "Normal")
	r.pdf.SetFillColor(240, 180, 60)
	for range 12 {
		r.pdf.Circle(x+w*r.rnd.Float64(), y+h*r.rnd.Float64(), 8+20*r.rnd.Float64(), "FD")
	}
	r.pdf.SetAlpha(1, "Normal")
}

// photo draws a picture with soft shapes and grain, as cameras make them; every page has its own.
func (r *report) photo(n int, x, y, w, h float64) error {
	const wide, high = 800, 600
	img := image.NewRGBA(image.Rect(0, 0, wide, high))
	a, b, c := 40+60*r.rnd.Float64(), 60+90*r.rnd.Float64(), 6.28*r.rnd.Float64()
	for py := range high {
		for px := range wide {
			u, v := float64(px), float64(py)
			soft := math.Sin(u/a+c) + math.Sin(v/b+u/170) + math.Cos(math.Hypot(u-400, v-300)/70)
			grain := r.rnd.Float64() * 18
			img.SetRGBA(px, py, color.RGBA{uint8(115 + 34*soft + grain), uint8(110 + 28*soft + v/12 + grain), uint8(90 + 20*soft + u/12 + grain), 255})
		}
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 85}); err != nil {
		return fmt.Errorf("encode photo: %w", err)
	}
	name := fmt.Sprintf("photo-%d", n)
	r.pdf.RegisterImageOptionsReader(name, fpdf.ImageOptions{ImageType: "JPG"}, &buf)
	r.pdf.ImageOptions(name, x, y, w, h, false, fpdf.ImageOptions{ImageType: "JPG"}, 0, "")
	return r.pdf.Error()
}

package grounding_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
)

// bit is a piece of a line that stands apart from the others.
type bit struct {
	x, y float64
	text string
}

// wide and tall are the size of a letter of a sheet.
const wide, tall = 5.0, 10.0

// sheet makes a page of bits as a reader does: those of one height are one line.
func sheet(bits ...bit) grounding.Page {
	bits = slices.Clone(bits)
	slices.SortStableFunc(bits, func(a, b bit) int {
		if a.y != b.y {
			return int(a.y*100 - b.y*100)
		}
		return int(a.x*100 - b.x*100)
	})
	p := grounding.Page{Number: 1, Width: 595, Height: 842}
	for i, b := range bits {
		switch {
		case i > 0 && bits[i-1].y == b.y:
			p.Text += "   "
		case i > 0:
			p.Text += "\n"
		}
		x := b.x
		for k, w := range strings.Split(b.text, " ") {
			if k > 0 {
				p.Text += " "
				x += wide
			}
			start := len(p.Text)
			p.Text += w
			end := x + wide*float64(len([]rune(w)))
			p.Words = append(p.Words, grounding.Word{Start: start, End: len(p.Text), Box: steward.Box{X0: x, Y0: b.y, X1: end, Y1: b.y + tall}})
			x = end
		}
	}
	return p
}

func on(p grounding.Page) []grounding.Document {
	return []grounding.Document{{FileIndex: 2, Name: "t.pdf", Pages: []grounding.Page{{Number: 7, Text: "Terms"}, p}}}
}

// order is a table of which two cells take several lines; rows are rowPitch apart, the lines of a cell 12.
func order(rowPitch float64) grounding.Page {
	y := 100 + rowPitch
	return sheet(
		bit{50, 100, "Pos"}, bit{100, 100, "Description"}, bit{300, 100, "Qty"}, bit{400, 100, "Amount"},
		bit{50, y, "1"}, bit{100, y, "Brass cabinet pull, solid, with"}, bit{300, y, "12"}, bit{400, y, "96.00"},
		bit{100, y + 12, "128 mm between the screws, hand"},
		bit{100, y + 24, "polished"},
		bit{50, y + 24 + rowPitch, "2"}, bit{100, y + 24 + rowPitch, "Drawer slide"}, bit{300, y + 24 + rowPitch, "4"}, bit{400, y + 24 + rowPitch, "31.20"},
		bit{50, y + 24 + 2*rowPitch, "3"}, bit{100, y + 24 + 2*rowPitch, "Magnetic catch with counter-"}, bit{300, y + 24 + 2*rowPitch, "4"}, bit{400, y + 24 + 2*rowPitch, "8.00"},
		bit{100, y + 36 + 2*rowPitch, "plate"},
		bit{100, y + 36 + 3*rowPitch, "Total"}, bit{400, y + 36 + 3*rowPitch, "135.20"},
	)
}

func TestAQuoteOfACellThatGoesOnInTheNextLineIsFound(t *testing.T) {
	t.Parallel()
	for _, quote := range []string{
		"Brass cabinet pull, solid, with 128 mm between the screws, hand polished",
		"solid, with 128 mm",
		"Magnetic catch with counterplate",
		"“with counterplate”",
	} {
		for _, page := range []int{0, 1, 7} {
			e := grounding.Verify(on(order(20)), []grounding.Claim{{Path: "/d", Quote: quote, Page: page, FileIndex: 2, Confidence: 0.9}})[0]
			if e.Unverified || e.Page != 1 || e.FileIndex != 2 || e.FileName != "t.pdf" || e.Confidence != 0.9 {
				t.Errorf("%q: %+v", quote, e)
			}
		}
	}
	e := grounding.Verify(on(order(20)), []grounding.Claim{{Quote: "solid, with 128 mm between"}})[0]
	want := []steward.Box{{X0: 100 + 20*wide, Y0: 120, X1: 100 + 31*wide, Y1: 130}, {X0: 100, Y0: 132, X1: 100 + 14*wide, Y1: 142}}
	if e.Quote != "solid, with 128 mm between" || !slices.Equal(e.Boxes, want) {
		t.Errorf("%+v, want the boxes %v", e, want)
	}
	m, ok := grounding.Find(on(order(20)), "with 128 mm", 2, 1)
	text := order(20).Text
	if !ok || len(m.Parts) != 2 || text[m.Parts[0].Start:m.Parts[0].End] != "with" || text[m.Parts[1].Start:m.Parts[1].End] != "128 mm" ||
		m.Start != m.Parts[0].Start || m.End != m.Parts[1].End {
		t.Errorf("%+v, %v", m, ok)
	}
}

func TestTheLinesOfACellAreToldFromRows(t *testing.T) {
	t.Parallel()
	head := []bit{{50, 100, "Part"}, {150, 100, "Name"}, {300, 100, "Stock"}, {400, 100, "Price"}}
	table := func(bits ...bit) grounding.Page { return sheet(append(bits, head...)...) }
	row := func(y float64, cells ...string) []bit {
		var out []bit
		for i, c := range cells {
			if c != "" {
				out = append(out, bit{head[i].x, y, c})
			}
		}
		return out
	}
	tests := []struct {
		name, quote string
		page        grounding.Page
		found       bool
	}{
		{"the words go on, rows as close as lines", "Hinge, brass, for left hand doors", table(append(row(112, "H-1", "Hinge, brass, for left", "4", "2.00"), append(row(124, "", "hand doors"), row(136, "H-2", "Hinge", "1", "3.00")...)...)...), true},
		{"a row of its own, as close as all rows", "Hinge, brass, left Screws", table(append(row(112, "H-1", "Hinge, brass, left", "4", "2.00"), append(row(124, "", "Screws"), row(136, "H-2", "Hinge", "1", "3.00")...)...)...), false},
		{"there was room in the line", "Hinge for doors", table(append(row(120, "H-1", "Hinge", "4", "2.00"), append(row(132, "", "for doors"), row(152, "H-2", "Hinge, brass, left", "1", "3.00")...)...)...), false},
		{"a full row", "Hinge Screw", table(append(row(120, "H-1", "Hinge", "4", "2.00"), row(132, "H-2", "Screw", "5", "3.00")...)...), false},
		{"a cell of another column", "Hinge, brass, left of doors", table(append(row(120, "H-1", "Hinge, brass, left", "4", "2.00"), bit{300, 132, "of doors"})...), false},
		{"not aligned", "Hinge, brass, left hand doors", table(append(row(120, "H-1", "Hinge, brass, left", "4", "2.00"), bit{163, 132, "hand doors"})...), false},
		{"too far below", "Hinge, brass, left hand doors", table(append(row(130, "H-1", "Hinge, brass, left", "4", "2.00"), bit{150, 150, "hand doors"})...), false},
		{"across two columns", "Hinge, brass, left hand doors of every height and width", table(append(row(120, "H-1", "Hinge, brass, left", "4", "2.00"), bit{150, 132, "hand doors of every height and width"})...), false},
		{"a lone sum below amounts", "4 7", table(append(row(120, "H-1", "Hinge, brass, left", "4", "2.00"), bit{300, 132, "7"})...), false},
		{"both of two cells go on", "Hinge, brass, for left hand doors", table(append(row(120, "H-1", "Hinge, brass, for left", "4", "2.00 each"), append(row(132, "", "hand doors", "", "at net"), row(154, "H-2", "Hinge", "1", "3.00")...)...)...), true},
		{"the other one of two cells", "2.00 each at net", table(append(row(120, "H-1", "Hinge, brass, for left", "4", "2.00 each"), append(row(132, "", "hand doors", "", "at net"), row(154, "H-2", "Hinge", "1", "3.00")...)...)...), true},
		{"both, crosswise", "Hinge, brass, for left at net", table(append(row(120, "H-1", "Hinge, brass, for left", "4", "2.00 each"), append(row(132, "", "hand doors", "", "at net"), row(154, "H-2", "Hinge", "1", "3.00")...)...)...), false},
		{"flush right", "Hinge, brass, left hand doors", table(append(row(120, "H-1", "Hinge, brass, left", "4", "2.00"), bit{150 + 8*wide, 132, "hand doors"})...), true},
		{"centred", "Hinge, brass, left hand doors", table(append(row(120, "H-1", "Hinge, brass, left", "4", "2.00"), bit{150 + 4*wide, 132, "hand doors"})...), true},
		{"the row centred beside two lines", "Hinge, brass, left hand doors", table(append(row(126, "H-1", "", "4", "2.00"), bit{150, 120, "Hinge, brass, left"}, bit{150, 132, "hand doors"})...), true},
		{"the row centred beside three lines", "Hinge, brass, left hand doors, with screws", table(append(row(132, "H-1", "hand doors, with", "4", "2.00"), bit{150, 120, "Hinge, brass, left"}, bit{150, 144, "screws"})...), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if m, ok := grounding.Find(on(tt.page), tt.quote, 2, 1); ok != tt.found {
				t.Errorf("%+v, %v in\n%s", m, ok, tt.page.Text)
			}
		})
	}
}

func TestAValueOfACellThatGoesOnIsGroundedByAPartOfItAndByItself(t *testing.T) {
	t.Parallel()
	whole := "Brass cabinet pull, solid, with 128 mm between the screws, hand polished"
	x := grounding.NewIndex(on(order(20)))
	if m, ok := x.Locate(text(whole)); !ok {
		t.Errorf("%+v", m)
	}
	for _, quote := range []string{"Brass cabinet pull, solid, with", whole, "", "stands nowhere"} {
		e := x.Ground(grounding.Claim{Path: "/d", Quote: quote, FileIndex: 2, Page: 1}, text(whole))
		if e.Unverified || e.Quote != whole || len(e.Boxes) != 3 {
			t.Errorf("%q: %+v", quote, e)
		}
	}
	if e := x.Ground(grounding.Claim{Quote: whole}, text("Brass cabinet pull of steel")); !e.Unverified {
		t.Errorf("the quote says something else: %+v", e)
	}
	if e := x.Ground(grounding.Claim{Quote: whole}, number("128")); e.Unverified || e.Quote != whole {
		t.Errorf("%+v", e)
	}
}

// cells draws a table of cells that fill their columns or do not, go on in the next lines or do not, or are empty. Every word is
// there once. Where rows stand no further apart than the lines of a cell, cells begin with a capital, for else nothing tells them apart.
func cells(r *rand.Rand) (grid [][]string, page grounding.Page) {
	columns, rows := 2+r.IntN(5), 2+r.IntN(8)
	padding := max(0, r.Float64()*20-8)
	sparse, letters := r.IntN(2) == 0, 8+r.IntN(16) // that fit into a column
	var bits []bit
	n, y := 0, 50.0
	for range rows {
		line := make([]string, columns)
		high := 1
		for k := range columns {
			if sparse && k > 0 && r.IntN(4) == 0 {
				continue
			}
			words := make([]string, 1+r.IntN(7))
			for w := range words {
				n++
				first := 'A' + rune(r.IntN(26))
				if padding >= 4 && r.IntN(2) == 0 {
					first += 'a' - 'A'
				}
				words[w] = fmt.Sprintf("%c%s%d", first, strings.Repeat("x", r.IntN(4)), n)
			}
			line[k] = strings.Join(words, " ")
			at := 0
			for i, w := 0, words; len(w) > 0; i++ {
				m := 1
				for m < len(w) && len(strings.Join(w[:m+1], " ")) <= letters {
					m++
				}
				bits = append(bits, bit{40 + 150*float64(k), y + 12*float64(i), strings.Join(w[:m], " ")})
				w, at = w[m:], i+1
			}
			high = max(high, at)
		}
		y += 12*float64(high) + padding
		grid = append(grid, line)
	}
	return grid, sheet(bits...)
}

// joinsCells reports the first quote of two cells, one above the other or beside it in another line, that is found in a page.
func joinsCells(grid [][]string, page grounding.Page) string {
	x := grounding.NewIndex([]grounding.Document{{Pages: []grounding.Page{page}}})
	runs := strings.Join(strings.Fields(page.Text), " ")
	for i := range grid {
		for k := range grid[i] {
			for di := -1; di <= 2; di++ {
				for dk := -1; dk <= 1; dk++ {
					if di == 0 && dk == 0 || i+di < 0 || i+di >= len(grid) || k+dk < 0 || k+dk >= len(grid[i]) {
						continue
					}
					a, b := grid[i][k], grid[i+di][k+dk]
					if a == "" || b == "" {
						continue
					}
					last, first := a[strings.LastIndexByte(a, ' ')+1:], strings.Fields(b)[0]
					if strings.Contains(runs, last+" "+first) {
						continue // the text runs so
					}
					for _, quote := range []string{a + " " + b, last + " " + first} {
						if _, ok := x.Find(quote, 0, 1); ok {
							return quote
						}
					}
				}
			}
		}
	}
	return ""
}

func TestNoQuoteJoinsTheWordsOfTwoCells(t *testing.T) {
	t.Parallel()
	found, all := 0, 0
	for seed := range uint64(1500) {
		grid, page := cells(rand.New(rand.NewPCG(seed, 1)))
		if quote := joinsCells(grid, page); quote != "" {
			t.Fatalf("seed %d: %q is found in\n%s", seed, quote, page.Text)
		}
		x := grounding.NewIndex([]grounding.Document{{Pages: []grounding.Page{page}}})
		for _, line := range grid {
			for _, cell := range line {
				if strings.Contains(strings.Join(strings.Fields(page.Text), " "), cell) {
					continue
				}
				all++
				if _, ok := x.Find(cell, 0, 1); ok {
					found++
				}
			}
		}
	}
	if t.Logf("%d of %d cells that take several lines are found", found, all); found < all/20 {
		t.Error("hardly a cell is found")
	}
}

// FuzzNoQuoteJoinsTheWordsOfTwoCells lays tables out at random, then moves words about: what is found must hold in any layout.
func FuzzNoQuoteJoinsTheWordsOfTwoCells(f *testing.F) {
	f.Add(uint64(1), 0.0, 0.0, 0)
	f.Add(uint64(7), -1e308, 1e308, 3)
	f.Fuzz(func(t *testing.T, seed uint64, dx, dy float64, at int) {
		grid, page := cells(rand.New(rand.NewPCG(seed, 2)))
		if dx == 0 && dy == 0 {
			if quote := joinsCells(grid, page); quote != "" {
				t.Fatalf("%q is found in\n%s", quote, page.Text)
			}
			return
		}
		if len(page.Words) == 0 {
			return
		}
		w := &page.Words[int(uint(at)%uint(len(page.Words)))]
		w.Box.X0, w.Box.Y0 = w.Box.X0+dx, w.Box.Y0+dy
		w.Start += at % 7
		docs := []grounding.Document{{Pages: []grounding.Page{page}}}
		e := grounding.Verify(docs, []grounding.Claim{{Quote: grid[0][0] + " " + grid[1][0]}})[0]
		if !e.Unverified && len(e.Boxes) == 0 && w.Start < w.End {
			t.Fatalf("%+v", e)
		}
	})
}

func BenchmarkGround200PagesOfTablesWith1000Claims(b *testing.B) {
	var docs []grounding.Document
	doc := grounding.Document{}
	for n := range 200 {
		var bits []bit
		for i := range 12 {
			y := 60 + 44*float64(i)
			bits = append(bits, bit{40, y, fmt.Sprintf("%d-%d", n, i)}, bit{100, y, fmt.Sprintf("Brass cabinet pull no. %d, with", 100*n+i)},
				bit{100, y + 12, "128 mm between the screws, hand"}, bit{100, y + 24, fmt.Sprintf("polished, of lot %d", i)}, bit{300, y, "12"}, bit{400, y, "96.00"})
		}
		p := sheet(bits...)
		p.Number = n + 1
		doc.Pages = append(doc.Pages, p)
	}
	docs = append(docs, doc)
	var claims []grounding.Claim
	for i := range 1000 {
		n, k := i%200, i/200
		claims = append(claims, grounding.Claim{Page: n + 1, Quote: fmt.Sprintf("Brass cabinet pull no. %d, with 128 mm between the screws, hand polished, of lot %d", 100*n+k, k)})
		if i%10 == 9 { // one in ten stands nowhere
			claims[i].Quote += " and gilded"
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		found := 0
		for _, e := range grounding.Verify(docs, claims) {
			if !e.Unverified {
				found++
			}
		}
		if found != 900 {
			b.Fatalf("%d found", found)
		}
	}
}

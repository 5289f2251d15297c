package pdf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/grounding"
)

func TestBlocksOfOtherColumnsAreTablesOfTheirOwn(t *testing.T) {
	t.Parallel()
	p := grounding.Page{Text: "Bill to        Invoice number      K-7\nAda Lovelace        Date      3 March\nLondon        Due      2 April\n\n" +
		"Pos        Article    Qty   Price\n1        Pencil    3   1.20\n2        Ruler    1   2.00\n\nTotal\n\nName        Sum\n\nAda        1\n\nBen        2\n"}
	var got []string
	for _, f := range tablesOf(&p) {
		got = append(got, fmt.Sprintf("%s %dx%d", f.Name, len(f.Data), len(f.Data[0])))
	}
	if s := strings.Join(got, "; "); s != " 3x3;  3x4; Total 3x2" {
		t.Errorf("tables %s", s)
	}
}

func FuzzTablesHaveRowsOfOneLength(f *testing.F) {
	f.Add("a  b\nc  d\ne  f\n", 3)
	f.Add("Name    Price\nx       1\n\n        2\n  y\nz  3  4\n", 0)
	f.Add("   \n\t a   b\n\u00a0  c\n", 1)
	f.Fuzz(func(t *testing.T, text string, every int) {
		p := grounding.Page{Text: text}
		for i := 0; every > 0 && i < len(text); i += every % 50 { // words that need not lie where the text says
			w := grounding.Word{Start: i, End: min(i+every, len(text))}
			w.Box.X0, w.Box.X1 = float64(i*7%600), float64(i*11%600)
			p.Words = append(p.Words, w)
			if every%50 == 0 {
				break
			}
		}
		for _, table := range tablesOf(&p) {
			if len(table.Data) < 2 {
				t.Fatalf("a table of %d rows", len(table.Data))
			}
			for _, row := range table.Data {
				if len(row) < 2 || len(row) != len(table.Data[0]) {
					t.Fatalf("rows of %d and %d cells", len(table.Data[0]), len(row))
				}
			}
		}
	})
}

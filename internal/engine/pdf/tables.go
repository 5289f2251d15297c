package pdf

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/stewardhq/steward/internal/grounding"
)

// What makes lines a table.
const (
	fewestRows    = 3   // of two columns; of more columns two are enough
	regularRows   = 0.5 // of the rows have as many cells as the table has columns, at least
	mostOverlap   = 0.5 // of the narrower of two columns, at most
	charWidth     = 5.0 // points that a character counts where places are unknown
	mostNameWords = 10
)

// gridCell is a piece of a line that stands apart from its neighbours.
type gridCell struct {
	text   string
	x0, x1 float64
}

// gridLine is a line of a page.
type gridLine struct {
	cells []gridCell
	blank bool
}

// tablesOf finds the tables of a page by its layout: lines whose parts stand below one another. A part that stands alone under a cell goes
// on with it. It is a reading by rules: merged cells and tables without gaps between their columns are not told apart.
func tablesOf(p *grounding.Page) []figure {
	tables := []figure{}
	lines := gridLines(p)
	for i := 0; i < len(lines); {
		rows, next := tableRows(lines, i)
		if rows == nil {
			i++
			continue
		}
		if data := grid(rows); data != nil {
			tables = append(tables, figure{Name: nameAbove(lines, i), Data: data})
			i = next
			continue
		}
		i++
	}
	return tables
}

// gridLines cuts a page's lines at gaps of two blanks and more.
func gridLines(p *grounding.Page) []gridLine {
	var lines []gridLine
	start, word := 0, 0
	for text := range strings.Lines(p.Text) {
		line := gridLine{blank: strings.TrimSpace(text) == ""}
		for at := 0; at < len(text); {
			rest := text[at:]
			at += len(rest) - len(strings.TrimLeft(rest, " "))
			end := strings.Index(text[at:], "  ")
			if end < 0 {
				end = len(text) - at
			}
			piece := strings.TrimSpace(text[at : at+end])
			if piece != "" {
				from := float64(utf8.RuneCountInString(text[:at])) * charWidth
				c := gridCell{text: piece, x0: from, x1: from + float64(utf8.RuneCountInString(piece))*charWidth}
				word = c.locate(p, word, start+at, start+at+end)
				line.cells = append(line.cells, c)
			}
			at += max(end, 1)
		}
		lines = append(lines, line)
		start += len(text)
	}
	return lines
}

// locate takes the place of a cell from the words in a range of the page's text, beginning with the one at index word. It returns the
// index of the first word behind.
func (c *gridCell) locate(p *grounding.Page, word, from, to int) int {
	found := false
	for ; word < len(p.Words) && p.Words[word].Start < to; word++ {
		w := p.Words[word]
		if w.Start < from {
			continue
		}
		if !found {
			c.x0, c.x1, found = w.Box.X0, w.Box.X1, true
		}
		c.x0, c.x1 = math.Min(c.x0, w.Box.X0), math.Max(c.x1, w.Box.X1)
	}
	return word
}

// tableRows returns the rows of cells that begin at line i, and the line behind them; nil when too few follow one another.
func tableRows(lines []gridLine, i int) (rows [][]gridCell, next int) {
	if len(lines[i].cells) < 2 {
		return nil, i
	}
	blanks := 0
	spaced := false // an empty line stands between the first two rows, so it means nothing between others
	for next = i; next < len(lines); next++ {
		l := lines[next]
		switch {
		case l.blank:
			if blanks++; blanks > 1 {
				return enough(rows), next
			}
			continue
		case len(l.cells) >= 2:
			spaced = spaced || blanks > 0 && len(rows) == 1
			if blanks > 0 && !spaced && len(l.cells) != len(rows[len(rows)-1]) {
				return enough(rows), next // another block begins
			}
			rows = append(rows, append([]gridCell{}, l.cells...))
		case blanks == 0 && continues(rows, l.cells[0]) && next+1 < len(lines) && (lines[next+1].blank || len(lines[next+1].cells) >= 2):
			appendTo(rows[len(rows)-1], l.cells[0])
		default:
			return enough(rows), next
		}
		blanks = 0
	}
	return enough(rows), next
}

// enough returns rows when they may be a table.
func enough(rows [][]gridCell) [][]gridCell {
	columns := modal(rows)
	if len(rows) >= fewestRows && columns >= 2 || len(rows) >= 2 && columns >= 3 {
		return rows
	}
	return nil
}

// continues reports whether a line with one cell goes on with a cell of the last row other than the first one, or is as far left as the first.
func continues(rows [][]gridCell, c gridCell) bool {
	if len(rows) == 0 {
		return false
	}
	n := 0
	for _, above := range rows[len(rows)-1] {
		if above.x0 < c.x1 && c.x0 < above.x1 {
			n++
		}
	}
	return n == 1
}

// appendTo adds a line to the cell above it.
func appendTo(row []gridCell, c gridCell) {
	for i := range row {
		if row[i].x0 < c.x1 && c.x0 < row[i].x1 {
			row[i].text += " " + c.text
			return
		}
	}
}

// modal is the most frequent number of cells of a row; the larger of equally frequent ones.
func modal(rows [][]gridCell) int {
	counts := map[int]int{}
	best := 0
	for _, r := range rows {
		n := len(r)
		counts[n]++
		if counts[n] > counts[best] || counts[n] == counts[best] && n > best {
			best = n
		}
	}
	return best
}

// grid puts the cells of rows into columns; nil when they are no columns.
func grid(rows [][]gridCell) [][]string {
	n := modal(rows)
	columns := make([]gridCell, n)
	regular := 0
	for _, r := range rows {
		if len(r) != n {
			continue
		}
		for k, c := range r {
			if regular == 0 {
				columns[k] = c
			}
			columns[k].x0, columns[k].x1 = math.Min(columns[k].x0, c.x0), math.Max(columns[k].x1, c.x1)
		}
		regular++
	}
	if float64(regular) < regularRows*float64(len(rows)) {
		return nil
	}
	for k := 1; k < n; k++ {
		a, b := columns[k-1], columns[k]
		if a.x1-b.x0 > mostOverlap*math.Min(a.x1-a.x0, b.x1-b.x0) {
			return nil
		}
	}
	data := make([][]string, len(rows))
	for i, r := range rows {
		data[i] = make([]string, n)
		for _, c := range r {
			k := columnOf(columns, c)
			data[i][k] = strings.TrimSpace(data[i][k] + " " + c.text)
		}
	}
	return data
}

// columnOf is the column that a cell shares most with, else the nearest one.
func columnOf(columns []gridCell, c gridCell) int {
	best, most := 0, math.Inf(-1)
	for k, col := range columns {
		if shared := math.Min(col.x1, c.x1) - math.Max(col.x0, c.x0); shared > most {
			best, most = k, shared
		}
	}
	return best
}

// nameAbove is the line above a table when it may be its name.
func nameAbove(lines []gridLine, i int) string {
	for k := i - 1; k >= max(0, i-2); k-- {
		if lines[k].blank {
			continue
		}
		if c := lines[k].cells; len(c) == 1 && len(strings.Fields(c[0].text)) <= mostNameWords && !strings.HasSuffix(c[0].text, ".") {
			return strings.TrimRight(lines[k].cells[0].text, ": ")
		}
		break
	}
	return ""
}

package document

import (
	"strings"
	"unicode/utf8"
)

// Limits of tables that are laid out as text.
const (
	widestColumn = 60        // characters to which cells are padded; longer ones push their row apart
	widestPad    = 60        // blanks between two cells
	cellGap      = 2         // blanks that part two cells, at least
	maxColumns   = 16_384    // of a table
	maxCells     = 2_000_000 // of a document, those without text not counted
)

// table is rows of cells that are laid out as text: cells of a column begin below each other, and stand apart by two blanks or
// more, so that an empty cell can be seen.
type table struct{ rows [][]cell }

// cell is a cell of a table that has text.
type cell struct {
	column int32  // counted from 0, below maxColumns
	span   int32  // columns that it takes; 0 counts as 1
	text   string // its lines, set apart by "\n"
}

// textCell is a cell of a text, folded; false when nothing is left.
func textCell(column int, text string) (cell, bool) {
	text = fold(text)
	return cell{column: int32(column), text: text}, text != "" //nolint:gosec // below maxColumns
}

// fold is a cell's text without empty lines and with white space folded.
func fold(text string) string {
	if !strings.ContainsAny(text, "\n\t ") {
		return text
	}
	var lines []string
	for l := range strings.Lines(text) {
		if l = oneLine(l); l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

// onto writes the table to pages; a row stays whole. A row without any text is an empty line.
func (t *table) onto(p *pager) {
	apart := true
	starts := t.starts()
	for _, row := range t.rows {
		if p.done() {
			return
		}
		lines := rowLines(row, starts)
		if len(lines) == 0 {
			apart = true
			continue
		}
		p.lines(lines, apart)
		apart = false
	}
}

// lines is the table as lines, up to the one with which they are more than any document may have.
func (t *table) lines() []string {
	var out []string
	starts, size := t.starts(), 0
	for _, row := range t.rows {
		lines := rowLines(row, starts)
		for _, l := range lines {
			size += len(l) + 1
		}
		out = append(out, lines...)
		if size > maxTextBytes {
			break
		}
	}
	return out
}

// starts is where each column begins.
func (t *table) starts() []int {
	var widths []int
	for _, row := range t.rows {
		for _, c := range row {
			for len(widths) <= int(c.column) {
				widths = append(widths, 0)
			}
			if c.span > 1 {
				continue
			}
			for l := range strings.SplitSeq(c.text, "\n") {
				widths[c.column] = max(widths[c.column], min(utf8.RuneCountInString(l), widestColumn))
			}
		}
	}
	at := 0
	for i, w := range widths {
		widths[i] = at
		if w > 0 {
			at += w + cellGap
		}
	}
	return widths
}

// rowLines lays out one row, up to the line with which it is more than any document may have. Its work grows with the text of the
// row, however many cells it has beside a tall one.
func rowLines(row []cell, starts []int) []string {
	type column struct {
		at    int
		lines []string // that are left
	}
	cells := make([]column, len(row))
	for i, c := range row {
		cells[i] = column{at: starts[c.column], lines: strings.Split(c.text, "\n")}
	}
	var out []string
	for size := 0; len(cells) > 0 && size <= maxTextBytes; {
		var b strings.Builder
		at, first := 0, true
		left := cells[:0]
		for _, c := range cells {
			if l := c.lines[0]; l != "" {
				pad := c.at - at
				if !first {
					pad = max(pad, cellGap)
				}
				pad = min(max(pad, 0), widestPad)
				b.WriteString(strings.Repeat(" ", pad))
				b.WriteString(l)
				at += pad + utf8.RuneCountInString(l)
				first = false
			}
			if c.lines = c.lines[1:]; len(c.lines) > 0 {
				left = append(left, c)
			}
		}
		cells = left
		if b.Len() > 0 {
			out = append(out, b.String())
			size += b.Len() + 1
		}
	}
	return out
}

package document

import (
	"math"
	"slices"
)

// Columns of prose are read one after the other; tables are not. A gutter parts prose when on both sides stand enough
// lines of real sentences that fill their column.
const (
	minColumnRows  = 5    // lines on each side
	minColumnWords = 3.5  // words a line on each side, on average
	minFill        = 0.65 // of the column's width, the median line
	minLetters     = 0.85 // of the characters
	maxBroken      = 0.2  // share of lines that fall into parts
	maxShared      = 0.5  // of the lines of the shorter side, where the sides are out of step
	minShare       = 0.8  // of the lines of a side that is itself two columns
	gutterMargin   = 2    // points free on each side of a gutter's middle
	gutterStep     = 3    // points between the gutters that are tried, at least
	maxGutters     = 300  // gutters tried on a page
	maxColumnRows  = 1000 // a page of more lines is not looked at for columns
	maxNested      = 1    // a side may itself be two columns, whose sides may not
)

// blocks orders rows into blocks that are read one after the other: whole lines, except where columns of prose stand
// side by side.
func blocks(rows []row) [][]row { return split(rows, 4) }

// split finds the longest run of rows with a gutter between prose and reads its left side before its right one. depth bounds
// how often a side is split again.
func split(all []row, depth int) [][]row {
	if len(all) == 0 {
		return nil
	}
	from, to, x, ok := findGutter(all, maxNested)
	if depth == 0 || !ok {
		return [][]row{all}
	}
	left, right := cut(all[from:to], x)
	var out [][]row
	out = append(out, split(all[:from], depth-1)...)
	out = append(out, split(left, depth-1)...)
	out = append(out, split(right, depth-1)...)
	return append(out, split(all[to:], depth-1)...)
}

// findGutter returns the longest run of rows [from,to) that a gutter at x parts into prose. nested bounds how often a side may
// be columns in turn.
func findGutter(all []row, nested int) (from, to int, x float64, ok bool) {
	if len(all) < minColumnRows || len(all) > maxColumnRows {
		return 0, 0, 0, false
	}
	for _, at := range gutters(all) {
		start := 0
		for i := 0; i <= len(all); i++ {
			if i < len(all) && !all[i].covers(at) {
				continue
			}
			if i-start > to-from && prose(all[start:i], at, nested) {
				from, to, x, ok = start, i, at, true
			}
			start = i + 1
		}
	}
	from, to = trim(all, from, to)
	return from, to, x, ok
}

// gutters returns the places where a gutter may be, rising: gaps inside the rows, and where a row that stands in one column only
// begins. They keep away from the edges of the text.
func gutters(all []row) []float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, r := range all {
		lo, hi = math.Min(lo, r.box.x0), math.Max(hi, r.box.x1)
	}
	var places []float64
	add := func(x float64) {
		if x > lo+0.15*(hi-lo) && x < hi-0.15*(hi-lo) {
			places = append(places, x)
		}
	}
	for _, r := range all {
		add(r.box.x0 - 2*gutterMargin)
		for i := 1; i < len(r.parts); i++ {
			add((r.parts[i-1].box.x1 + r.parts[i].box.x0) / 2)
			add(r.parts[i].box.x0 - 2*gutterMargin)
		}
	}
	slices.Sort(places)
	step := math.Max(gutterStep, (hi-lo)/maxGutters)
	var tried []float64
	for _, x := range places {
		if len(tried) == 0 || x-tried[len(tried)-1] >= step {
			tried = append(tried, x)
		}
	}
	return tried
}

// trim takes headings and page numbers off a run of rows: one or two rows that stand away from the others.
func trim(all []row, from, to int) (int, int) {
	away := func(a, b *row) bool { return b.box.y0-a.box.y1 > 1.2*math.Min(a.box.height(), b.box.height()) }
	for k := 2; k > 0; k-- {
		if to-from > minColumnRows+k && away(&all[to-k-1], &all[to-k]) {
			to -= k
		}
		if to-from > minColumnRows+k && away(&all[from+k-1], &all[from+k]) {
			from += k
		}
	}
	return from, to
}

// covers reports whether a part of the row stands at x.
func (r *row) covers(x float64) bool {
	for i := range r.parts {
		if r.parts[i].box.x0 < x+gutterMargin && r.parts[i].box.x1 > x-gutterMargin {
			return true
		}
	}
	return false
}

// cut parts rows at x.
func cut(rows []row, x float64) (left, right []row) {
	for _, r := range rows {
		var l, t []part
		for _, p := range r.parts {
			if p.box.x1 <= x {
				l = append(l, p)
			} else {
				t = append(t, p)
			}
		}
		left, right = addRow(left, l), addRow(right, t)
	}
	return left, right
}

// addRow appends a row of parts unless there are none.
func addRow(rows []row, parts []part) []row {
	if len(parts) == 0 {
		return rows
	}
	b := parts[0].box
	for _, p := range parts {
		b = b.join(p.box)
	}
	return append(rows, row{parts: parts, box: b})
}

// prose reports whether both sides of x are to be read one after the other: columns of running text, or lists beside each other
// whose lines have nothing to do with each other.
func prose(rows []row, x float64, nested int) bool {
	if len(rows) < minColumnRows {
		return false
	}
	left, right := cut(rows, x)
	if outOfStep(left, right, len(rows)) {
		return true
	}
	return wordy(rows) && (isColumn(left) || isColumns(left, nested)) && (isColumn(right) || isColumns(right, nested)) && beside(left, right)
}

// outOfStep reports whether most lines of either side stand between the lines of the other one, as those of a sidebar do. The
// cells of a table share their lines. all is how many lines the sides make together.
func outOfStep(left, right []row, all int) bool {
	if len(left) <= minColumnRows || len(right) <= minColumnRows {
		return false
	}
	shared := float64(len(left) + len(right) - all)
	return shared <= maxShared*float64(min(len(left), len(right))) && beside(left, right)
}

// wordy reports whether the parts of rows are long enough for lines of prose. The cells of a table are not.
func wordy(rows []row) bool {
	words, parts := 0, 0
	for i := range rows {
		parts += len(rows[i].parts)
		for j := range rows[i].parts {
			words += len(rows[i].parts[j].words)
		}
	}
	return float64(words) >= minColumnWords*float64(parts)
}

// isColumns reports whether rows are themselves columns side by side.
func isColumns(rows []row, nested int) bool {
	if nested == 0 {
		return false
	}
	from, to, _, ok := findGutter(rows, nested-1)
	return ok && float64(to-from) >= minShare*float64(len(rows))
}

// beside reports whether two columns stand side by side for most of the shorter one.
func beside(a, b []row) bool {
	a0, a1 := a[0].box.y0, a[len(a)-1].box.y1
	b0, b1 := b[0].box.y0, b[len(b)-1].box.y1
	return math.Min(a1, b1)-math.Max(a0, b0) > 0.5*math.Min(a1-a0, b1-b0)
}

// isColumn reports whether rows are sentences that fill a column.
func isColumn(rows []row) bool {
	if len(rows) < minColumnRows {
		return false
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	words, letters, others, broken := 0, 0, 0, 0
	for _, r := range rows {
		lo, hi = math.Min(lo, r.box.x0), math.Max(hi, r.box.x1)
		for _, p := range r.parts {
			words += len(p.words)
			l, o := p.letters()
			letters, others = letters+l, others+o
		}
		if len(r.parts) > 1 {
			broken++
		}
	}
	fills := make([]float64, len(rows))
	for i, r := range rows {
		fills[i] = r.box.width() / math.Max(1, hi-lo)
	}
	n := float64(len(rows))
	return float64(words)/n >= minColumnWords && median(fills) >= minFill &&
		float64(letters) >= minLetters*float64(letters+others) && float64(broken) <= maxBroken*n
}

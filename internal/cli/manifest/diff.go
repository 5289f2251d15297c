package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// Diff returns what changes from one text to another in the unified form, with three lines around each change; "" when
// nothing does. The names stand behind "---" and "+++".
func Diff(oldName, newName, old, now string) string {
	if old == now {
		return ""
	}
	script := compare(lines(old), lines(now))
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", oldName, newName)
	for _, h := range hunks(script) {
		h.write(&b, script)
	}
	return b.String()
}

// lines splits a text; a last line without an end counts as one with it.
func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// edit is a line that stays (' '), goes ('-') or comes ('+').
type edit struct {
	op   byte
	line string
}

// compare returns a shortest script from a to b, by Myers' greedy algorithm: furthest[k] is how far along a the furthest path
// on diagonal k = x-y has come, and the rows of earlier rounds lead back.
func compare(a, b []string) []edit {
	head := commonPrefix(a, b)
	tail := commonSuffix(a[head:], b[head:])
	am, bm := a[head:len(a)-tail], b[head:len(b)-tail]
	var script []edit
	for _, l := range a[:head] {
		script = append(script, edit{' ', l})
	}
	script = append(script, middle(am, bm)...)
	for _, l := range a[len(a)-tail:] {
		script = append(script, edit{' ', l})
	}
	return script
}

func commonPrefix(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func commonSuffix(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// mostRounds bounds the search: texts that differ in more lines are shown as replaced whole.
const mostRounds = 1000

func middle(a, b []string) []edit {
	off := min(len(a)+len(b), mostRounds) + 1
	furthest := make([]int, 2*off+1)
	var rows [][]int
	for d := range off {
		rows = append(rows, slices.Clone(furthest[off-d:off+d+1]))
		for k := -d; k <= d; k += 2 {
			x := furthest[off+k-1] + 1
			if k == -d || (k != d && furthest[off+k-1] < furthest[off+k+1]) {
				x = furthest[off+k+1]
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			furthest[off+k] = x
			if x >= len(a) && x-k >= len(b) {
				return backtrack(a, b, rows)
			}
		}
	}
	var script []edit
	for _, l := range a {
		script = append(script, edit{'-', l})
	}
	for _, l := range b {
		script = append(script, edit{'+', l})
	}
	return script
}

// backtrack walks from the end to the start through the rows; rows[d] holds the diagonals -d to d before round d.
func backtrack(a, b []string, rows [][]int) []edit {
	var script []edit
	x, y := len(a), len(b)
	for d := len(rows) - 1; d >= 0; d-- {
		row := rows[d]
		at := func(k int) int { return row[k+d] }
		k := x - y
		from := k - 1
		if k == -d || (k != d && at(k-1) < at(k+1)) {
			from = k + 1
		}
		px := 0
		if d > 0 {
			px = at(from)
		}
		py := px - from
		if d == 0 {
			py = 0
		}
		for x > px && y > py {
			x, y = x-1, y-1
			script = append(script, edit{' ', a[x]})
		}
		switch {
		case d == 0:
		case x > px:
			x--
			script = append(script, edit{'-', a[x]})
		case y > py:
			y--
			script = append(script, edit{'+', b[y]})
		}
	}
	slices.Reverse(script)
	return script
}

// hunk is a part of a script with changes, from the edit from up to before the edit to.
type hunk struct{ from, to int }

// around is how many lines stand around a change.
const around = 3

// hunks returns the parts of a script that have changes, with what stands around them; near ones are one.
func hunks(script []edit) []hunk {
	var list []hunk
	for i, e := range script {
		if e.op == ' ' {
			continue
		}
		from, to := max(i-around, 0), min(i+around+1, len(script))
		if n := len(list); n > 0 && from <= list[n-1].to {
			list[n-1].to = to
			continue
		}
		list = append(list, hunk{from, to})
	}
	return list
}

// write writes a hunk with its head.
func (h hunk) write(b *strings.Builder, script []edit) {
	oldAt, newAt := 1, 1
	for _, e := range script[:h.from] {
		oldAt, newAt = oldAt+countOf(e, '-'), newAt+countOf(e, '+')
	}
	oldN, newN := 0, 0
	for _, e := range script[h.from:h.to] {
		oldN, newN = oldN+countOf(e, '-'), newN+countOf(e, '+')
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", span(oldAt, oldN), span(newAt, newN))
	for _, e := range script[h.from:h.to] {
		fmt.Fprintf(b, "%c%s\n", e.op, e.line)
	}
}

// countOf is 1 when the edit's line stands on the side that op changes.
func countOf(e edit, op byte) int {
	if e.op == ' ' || e.op == op {
		return 1
	}
	return 0
}

// span is "start,count" as unified diffs write it: nothing is said of a single line, and an empty side starts a line earlier.
func span(at, n int) string {
	switch n {
	case 0:
		return fmt.Sprintf("%d,0", at-1)
	case 1:
		return fmt.Sprint(at)
	}
	return fmt.Sprintf("%d,%d", at, n)
}

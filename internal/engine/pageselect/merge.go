package pageselect

import (
	"slices"
	"strings"
)

// Range is a run of selected pages, counted from 1, both ends included.
type Range struct {
	Start      int     `json:"start"`
	End        int     `json:"end"`
	Source     Source  `json:"source"`
	Reason     string  `json:"reason"`
	Confidence float64 `json:"confidence"` // 0 to 1
}

// maxReason bounds a joined reason, in bytes.
const maxReason = 500

// Merge makes rising runs of ranges in which no page stands twice: ranges of one source that overlap, touch or are at most gap pages
// apart become one, with the pages between them. A page that several sources name is that of the strongest. Reasons are joined, and
// the lowest confidence counts.
func Merge(ranges []Range, gap int) []Range {
	bySource := map[Source][]Range{}
	for _, r := range ranges {
		bySource[r.Source] = append(bySource[r.Source], r)
	}
	var out []Range
	for _, s := range []Source{PageRange, TOC, Semantic} {
		for _, r := range join(bySource[s], gap) {
			out = append(out, without(r, out)...)
		}
	}
	slices.SortFunc(out, func(a, b Range) int { return a.Start - b.Start })
	return out
}

// join merges ranges of one source.
func join(ranges []Range, gap int) []Range {
	slices.SortStableFunc(ranges, func(a, b Range) int { return a.Start - b.Start })
	var out []Range
	for _, r := range ranges {
		if n := len(out); n > 0 && r.Start <= out[n-1].End+1+gap {
			last := &out[n-1]
			last.End = max(last.End, r.End)
			last.Confidence = min(last.Confidence, r.Confidence)
			if !strings.Contains(last.Reason, r.Reason) && len(last.Reason)+len(r.Reason) < maxReason {
				last.Reason += "; " + r.Reason
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

// without cuts the pages of taken ranges out of r.
func without(r Range, taken []Range) []Range {
	left := []Range{r}
	for _, t := range taken {
		var next []Range
		for _, piece := range left {
			if t.End < piece.Start || t.Start > piece.End {
				next = append(next, piece)
				continue
			}
			if piece.Start < t.Start {
				head := piece
				head.End = t.Start - 1
				next = append(next, head)
			}
			if piece.End > t.End {
				tail := piece
				tail.Start = t.End + 1
				next = append(next, tail)
			}
		}
		left = next
	}
	return left
}

// Pages lists the pages of ranges, rising, each once.
func Pages(ranges []Range) []int {
	pages := []int{}
	for _, r := range ranges {
		for n := r.Start; n <= r.End; n++ {
			pages = append(pages, n)
		}
	}
	slices.Sort(pages)
	return slices.Compact(pages)
}

package builtin

import (
	"context"
	"slices"
	"strings"

	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// maxFreeLines is how many lines an answer without a schema has.
const maxFreeLines = 12

// freeText answers without a schema: the lines that share most words with the instruction, in the order of the documents.
func (m *Model) freeText(ctx context.Context, req *model.Request) (answer, error) {
	src, err := readPages(ctx, req.Documents, m.base.vocab)
	if err != nil {
		return answer{}, err
	}
	wanted := map[string]bool{}
	for _, w := range words(req.Instruction) {
		if len(w) > 3 {
			wanted[stem(w)] = true
		}
	}
	picked := bestRows(src, wanted)
	ans := answer{claims: []grounding.Claim{}}
	var lines []string
	for _, i := range picked {
		r := &src.rows[i]
		c := candidate{page: r.page, start: r.start, end: r.end, qs: r.start, qe: r.end}
		lines = append(lines, fold(r.line()))
		ans.claims = append(ans.claims, grounding.Claim{FileIndex: r.page.file, Page: r.page.number, Quote: c.quote(), Confidence: 0.5})
	}
	ans.value = jsonString(strings.Join(lines, "\n"))
	return ans, nil
}

// bestRows returns the indexes of the rows with most wanted words, in reading order.
func bestRows(src *source, wanted map[string]bool) []int {
	type scored struct{ row, score int }
	var all []scored
	for i := range src.rows {
		n := 0
		for _, w := range words(src.rows[i].line()) {
			if wanted[stem(w)] {
				n++
			}
		}
		if n > 0 {
			all = append(all, scored{i, n})
		}
	}
	if len(all) == 0 {
		for i := range min(maxFreeLines, len(src.rows)) {
			all = append(all, scored{i, 0})
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return b.score - a.score })
	if len(all) > maxFreeLines {
		all = all[:maxFreeLines]
	}
	out := make([]int, len(all))
	for i, s := range all {
		out[i] = s.row
	}
	slices.Sort(out)
	return out
}

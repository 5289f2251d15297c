package pageselect

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/grounding"
)

// What makes a page one that is meant, when no model is asked.
const (
	leastScore  = 0.5  // of a page
	nearBest    = 0.75 // of the best page's score
	headingPart = 0.35 // of the score is how well a heading of the page fits
)

// ByWords finds the pages that a description is about without a model: by a heading that has its words, with the section below it,
// else by the words on the pages, rare ones counting more. It knows no synonyms. Confidences are a rule of thumb: at most 0.9
// for a heading, at most 0.8 for words.
func ByWords(pages []grounding.Page, entries []document.Heading, description string, count int) []Range {
	if found, score := Match(entries, description); len(found) > 0 {
		var out []Range
		for _, i := range found {
			if from, to, ok := Section(entries, i, count); ok {
				out = append(out, Range{
					Start: from, End: to, Source: Semantic, Confidence: round(0.9 * score),
					Reason: fmt.Sprintf("the section %s has the words of %s in its heading", quoted(entries[i].Title), quoted(description)),
				})
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	asked := slices.Compact(slices.Sorted(slices.Values(stems(subject(tokens(description))))))
	scores := scoresOf(pages, asked)
	best := 0.0
	for _, s := range scores {
		best = math.Max(best, s.score)
	}
	var out []Range
	for i, s := range scores {
		if s.score >= leastScore && s.score >= nearBest*best {
			out = append(out, Range{
				Start: pages[i].Number, End: pages[i].Number, Source: Semantic, Confidence: round(0.8 * s.score),
				Reason: "the page has the words " + strings.Join(s.words, ", "),
			})
		}
	}
	return out
}

// pageScore is how well a page fits.
type pageScore struct {
	score float64  // 0 to 1
	words []string // that it has in common with the description
}

// scoresOf judges pages by the stems that are asked for.
func scoresOf(pages []grounding.Page, asked []string) []pageScore {
	counts := make([]map[string]int, len(pages))
	spread := map[string]int{} // pages that have a stem
	headed := make([]float64, len(pages))
	for i := range pages {
		counts[i] = map[string]int{}
		for line := range strings.Lines(pages[i].Text) {
			t := stems(tokens(line))
			for _, s := range t {
				if slices.Contains(asked, s) {
					counts[i][s]++
				}
			}
			if len(t) > 0 && len(t) <= mostWords && couldBeTitle(strings.TrimSpace(line)) {
				share, likeness := overlap(asked, t)
				headed[i] = math.Max(headed[i], share*math.Sqrt(likeness))
			}
		}
		for s := range counts[i] {
			spread[s]++
		}
	}
	total := 0.0
	weight := make(map[string]float64, len(asked))
	for _, s := range asked {
		weight[s] = math.Log(1 + float64(len(pages))/(float64(spread[s])+0.5))
		total += weight[s]
	}
	out := make([]pageScore, len(pages))
	for i := range pages {
		covered := 0.0
		for _, s := range asked {
			if n := counts[i][s]; n > 0 {
				covered += weight[s] * float64(n) / (float64(n) + 0.3)
				out[i].words = append(out[i].words, s)
			}
		}
		if total > 0 {
			out[i].score = math.Min(1, (1-headingPart)*covered/total+headingPart*headed[i])
		}
	}
	return out
}

// round keeps two digits of a confidence.
func round(f float64) float64 { return math.Round(100*math.Min(math.Max(f, 0), 1)) / 100 }

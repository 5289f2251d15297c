package builtin

import (
	"context"

	"github.com/stewardhq/steward/internal/model"
)

// Origin is the evidence of a claim, for the tests that fit confidence.
type Origin struct {
	Path  string
	Kind  string
	Score float64
}

// Origins fills the schema and says for each claim on what it stands.
func (m *Model) Origins(ctx context.Context, req *model.Request) ([]Origin, error) {
	ans, err := m.structured(ctx, req)
	if err != nil {
		return nil, err
	}
	out := make([]Origin, len(ans.claims))
	for i, c := range ans.claims {
		out[i] = Origin{c.Path, viaNames()[ans.origins[i].via], ans.origins[i].score}
	}
	return out, nil
}

// Confidence reads a table of curves and returns the function that it makes.
func Confidence(table string) func(kind string, score float64) float64 {
	cs := readCurves(table)
	return func(kind string, score float64) float64 {
		for v, name := range viaNames() {
			if name == kind {
				return cs.confidence(via(v), score)
			}
		}
		return hundredths(score)
	}
}

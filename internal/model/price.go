package model

import (
	"context"
	"math"

	"github.com/stewardhq/steward"
)

// WithPrice fills Usage.Cost of m's answers from the entry's price. An unknown price leaves the cost unknown (nil), and so
// does an unknown price of cached tokens when there are any. A cost that m set itself is kept. Costs are rounded up to a
// whole micro-dollar.
func WithPrice(m Model, e Entry) Model {
	return Func(func(ctx context.Context, req *Request) (*Response, error) {
		resp, err := m.Generate(ctx, req)
		if err != nil {
			return nil, err
		}
		if resp.Usage.Cost == nil {
			resp.Usage.Cost = e.Price.Cost(resp.Usage)
		}
		return resp, nil
	})
}

// Cost returns what u costs, or nil when that cannot be known. A nil Price knows nothing.
func (p *Price) Cost(u steward.Usage) *steward.MicroUSD {
	if p == nil || p.Input == nil || p.Output == nil {
		return nil
	}
	cached := p.Input
	if u.CachedTokens > 0 {
		cached = p.Cached
	}
	if cached == nil {
		return nil
	}
	// Dollars per million tokens are micro-dollars per token.
	fresh := max(u.InputTokens-u.CachedTokens, 0)
	sum := float64(fresh)**p.Input + float64(u.CachedTokens)**cached + float64(u.OutputTokens)**p.Output
	cost := steward.MicroUSD(math.Ceil(sum - 1e-6))
	return &cost
}

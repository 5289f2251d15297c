package model

import (
	"context"
	"math"

	"github.com/stewardhq/steward"
)

// WithPrice fills Usage.Cost of m's answers, and of failures that used something, from the entry's price. An unknown price leaves the
// cost unknown (nil). A cost that m set itself is kept. Costs are rounded up to a whole micro-dollar.
func WithPrice(m Model, e Entry) Model {
	return Func(func(ctx context.Context, req *Request) (*Response, error) {
		resp, err := m.Generate(ctx, req)
		if err != nil {
			if used := usedBy(err); used != nil && used.Cost == nil {
				priced := *used
				priced.Cost = e.Price.Cost(priced)
				err = withUsage(err, priced)
			}
			return nil, err
		}
		if resp.Usage.Cost == nil {
			resp.Usage.Cost = e.Price.Cost(resp.Usage)
		}
		return resp, nil
	})
}

// Cost returns what u, the usage of one call, costs, or nil when that cannot be known. A nil Price knows nothing. Cached tokens without a price of their own
// cost as much as fresh ones, which they never exceed.
func (p *Price) Cost(u steward.Usage) *steward.MicroUSD {
	p = p.at(u.InputTokens)
	if p == nil || p.Input == nil || p.Output == nil {
		return nil
	}
	cached := p.Input
	if p.Cached != nil {
		cached = p.Cached
	}
	write := p.Input
	if p.CacheWrite != nil {
		write = p.CacheWrite
	}
	// Dollars per million tokens are micro-dollars per token.
	fresh := max(u.InputTokens-u.CachedTokens-u.CacheWriteTokens, 0)
	sum := float64(fresh)**p.Input + float64(u.CachedTokens)**cached + float64(u.CacheWriteTokens)**write + float64(u.OutputTokens)**p.Output
	cost := steward.MicroUSD(math.Ceil(sum - 1e-6))
	return &cost
}

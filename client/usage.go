package client

import (
	"context"
	"iter"
	"net/url"
	"time"

	"github.com/stewardhq/steward"
)

// UsageQuery chooses a part of the organization's books. The zero value is this month, by day.
type UsageQuery struct {
	Page     int                // from 1; 0 means 1
	PageSize int                // at most 1000; 0 means 20
	From, To time.Time          // days in UTC, both included; zero means the first of To's month, and today
	GroupBy  steward.UsageGroup // "" means steward.UsageByDay
	AgentID  steward.AgentID    // "" means every agent
}

// Usage returns one page of what the organization's jobs used, with the totals of all pages and what is left of the budgets.
// Deleted jobs and agents are still in the books.
//
// Errors: steward.Invalid for From behind To and for an unknown GroupBy; NotFound for an agent that the organization never had, and for
// a page beyond the end.
//
// Stability: may change until 1.0.
func (c *Client) Usage(ctx context.Context, p UsageQuery) (*steward.UsageReport, error) {
	q := url.Values{}
	setInt(q, "page", p.Page)
	setInt(q, "page_size", p.PageSize)
	for name, day := range map[string]time.Time{"from": p.From, "to": p.To} {
		if !day.IsZero() {
			q.Set(name, day.UTC().Format(time.DateOnly))
		}
	}
	setText(q, "group_by", string(p.GroupBy))
	setText(q, "agent_id", string(p.AgentID))
	return getOne[steward.UsageReport](ctx, c, "/v1/usage/", q)
}

// UsageRows ranges over the rows of the books that p chooses, page by page from p.Page; a PageSize of 0 means 1000.
//
// Stability: may change until 1.0.
func (c *Client) UsageRows(ctx context.Context, p UsageQuery) iter.Seq2[*steward.UsageRow, error] {
	if p.PageSize == 0 {
		p.PageSize = maxBulk
	}
	return pages(p.Page, func(page int) (*steward.Page[steward.UsageRow], error) {
		p := p
		p.Page = page
		report, err := c.Usage(ctx, p)
		if err != nil {
			return nil, err
		}
		return &report.Page, nil
	})
}

package agents

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// ListParams chooses a page of agents. The filters are those of store.AgentQuery.
type ListParams struct {
	Page, PageSize int    // from 1; 0 means 1 and 20; at most 100 a page
	Order          string // one of store.AgentOrders, '-' in front for descending; "" means -created_at
	Search         string
	Name           string
	EngineClassIDs []string
	NotEngines     []string
	CreatorIDs     []steward.UserID
	Tags           []steward.TagID
	Untagged       bool // agents without tags: besides those of Tags, or alone when there are none
	Created        store.TimeRange
	Updated        store.TimeRange
	MostRecentJob  store.TimeRange
	JobsMin        *int64
	JobsMax        *int64
	Stats          bool // fill job_count and most_recent_job
}

// List returns a page of agents and the number of all that match.
//
// Errors: Invalid naming ordering; NotFound for a page behind the last.
func (s *Service) List(ctx context.Context, p ListParams) ([]steward.Agent, int64, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, 0, err
	}
	orders := store.AgentOrders()
	if p.Order != "" && !slices.Contains(orders, strings.TrimPrefix(p.Order, "-")) {
		return nil, 0, invalid("ordering", "Must be one of "+strings.Join(orders, ", ")+", with '-' in front for descending.")
	}
	page, size := max(p.Page, 1), p.PageSize
	if size <= 0 {
		size = 20
	}
	size = min(size, 100)
	agents, count, err := s.store.ListAgents(ctx, who.OrganizationID, store.AgentQuery{
		Limit: size, Offset: (page - 1) * size, Order: p.Order, Search: p.Search, Name: p.Name,
		EngineClassIDs: p.EngineClassIDs, NotEngines: p.NotEngines, CreatorIDs: p.CreatorIDs, Tags: p.Tags, Untagged: p.Untagged,
		Created: p.Created, Updated: p.Updated, MostRecentJob: p.MostRecentJob, JobsMin: p.JobsMin, JobsMax: p.JobsMax, Stats: p.Stats,
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list agents: %w", err)
	}
	if len(agents) == 0 && page > 1 {
		return nil, 0, &steward.Error{Code: steward.NotFound, Message: "Invalid page."}
	}
	return orEmpty(agents), count, nil
}

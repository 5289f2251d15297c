package agents

import (
	"context"

	"github.com/stewardhq/steward"
)

// Versions returns an agent's versions, newest first, at most 1,000.
//
// Errors: NotFound.
func (s *Service) Versions(ctx context.Context, agent steward.AgentID) ([]steward.Version, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.ListVersions(ctx, p.OrganizationID, agent)
}

package agents

import (
	"context"

	"github.com/stewardhq/steward"
)

// Versions returns an agent's versions, newest first. As long as nothing adds versions to an agent, its current one is its only one.
//
// Errors: NotFound.
func (s *Service) Versions(ctx context.Context, agent steward.AgentID) ([]steward.Version, error) {
	v, err := s.Version(ctx, agent, "")
	if err != nil {
		return nil, err
	}
	return []steward.Version{*v}, nil
}

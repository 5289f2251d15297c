package agents

import (
	"context"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
)

// ForRun returns a version ready for a new run; version "" means the current one. Unlike Resolve it looks at the agent anew: in the
// version's BaseAgent the current version and the cache flags are those of now, and so is the version's name. It asks no permission: callers have done so.
//
// Errors: NotFound, also for a deleted agent or version.
func (s *Service) ForRun(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, *engine.Program, error) {
	now, err := s.store.RunAgent(ctx, org, agent, version)
	if err != nil {
		return nil, nil, err
	}
	kept, prog, err := s.Resolve(ctx, org, agent, now.VersionID)
	if err != nil {
		return nil, nil, err
	}
	v := *kept
	v.VersionName = now.VersionName
	v.BaseAgent.CurrentVersionID, v.BaseAgent.DisableCache, v.BaseAgent.CacheFailedJobs = now.CurrentVersionID, now.DisableCache, now.CacheFailedJobs
	return &v, prog, nil
}

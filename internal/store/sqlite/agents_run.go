package sqlite

import (
	"context"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// RunAgent implements store.Agents.
func (s *Store) RunAgent(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (a store.RunAgent, err error) {
	err = s.read(ctx, "get agent of a run", func(c *conn) error {
		which, args := "v.id = ?", []any{agent, org, version}
		if version == "" {
			which, args = "v.id = a.current_version_id", args[:2]
		}
		found, err := c.first(`SELECT a.current_version_id, v.id, v.version_name, a.disable_cache, a.cache_failed_jobs
			FROM agents a JOIN versions v ON v.agent_id = a.id
			WHERE a.id = ? AND a.organization_id = ? AND `+which+alive, args, func(r row) error {
			a = store.RunAgent{
				CurrentVersionID: steward.VersionID(r.text(0)), VersionID: steward.VersionID(r.text(1)), VersionName: r.text(2),
				DisableCache: r.bool(3), CacheFailedJobs: r.bool(4),
			}
			return nil
		})
		return orNotFound("Agent", found, err)
	})
	return a, err
}

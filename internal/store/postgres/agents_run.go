package postgres

import (
	"context"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// RunAgent implements store.Agents.
func (s *Store) RunAgent(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (a store.RunAgent, err error) {
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(agent)
	versionID, okVersion := toUID(version)
	if !okOrg || !okAgent || (!okVersion && version != "") {
		return a, storerow.NotFound("Agent")
	}
	var current, chosen uid
	err = s.pool.QueryRow(ctx, runAgentSQL, agentID, orgID, versionID).Scan(&current, &chosen, &a.VersionName, &a.DisableCache, &a.CacheFailedJobs)
	if err != nil {
		return a, translate("read agent of a run", notFound("Agent", err))
	}
	a.CurrentVersionID, a.VersionID = fromUID[steward.VersionID](current), fromUID[steward.VersionID](chosen)
	return a, nil
}

const runAgentSQL = `
select a.current_version_id, v.id, v.version_name, a.disable_cache, a.cache_failed_jobs
from agents a
join versions v on v.id = coalesce($3, a.current_version_id) and (v.agent_id = a.id) is true
where a.id = $1 and (a.organization_id = $2) is true` + alive

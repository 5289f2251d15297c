package sqlite

import (
	"context"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// UpdateAgent implements store.AgentEdits.
func (s *Store) UpdateAgent(ctx context.Context, org steward.OrganizationID, id steward.AgentID, ch store.AgentChange) error {
	return s.write(ctx, "update agent", func(t *tx) error {
		a, err := t.agent(org, id)
		if err != nil {
			return err
		}
		if ch.Name == nil && ch.DisableCache == nil && ch.CacheFailedJobs == nil {
			return nil
		}
		if ch.Name != nil {
			a.Name = *ch.Name
			if err := t.checkName(org, id, a.Name); err != nil {
				return err
			}
		}
		if ch.DisableCache != nil {
			a.DisableCache = *ch.DisableCache
		}
		if ch.CacheFailedJobs != nil {
			a.CacheFailedJobs = *ch.CacheFailedJobs
		}
		_, err = t.changeAgents(`UPDATE agents SET name = ?, name_folded = ?, search_folded = ?, disable_cache = ?, cache_failed_jobs = ?,
			updated_at = ? WHERE id = ?`,
			a.Name, storerow.Fold(a.Name), storerow.SearchText(a), a.DisableCache, a.CacheFailedJobs, ch.At, id)
		return err
	})
}

// DeleteAgent implements store.AgentEdits.
func (s *Store) DeleteAgent(ctx context.Context, org steward.OrganizationID, id steward.AgentID, at time.Time) error {
	return s.write(ctx, "delete agent", func(t *tx) error {
		n, err := t.changeAgents("UPDATE agents SET deleted_at = ? WHERE id = ? AND organization_id = ? AND deleted_at = 0", at, id, org)
		if err != nil {
			return err
		}
		if n == 0 {
			return storerow.NotFound("Agent")
		}
		return t.setTags(org, id, nil)
	})
}

// DeletedAgents implements store.AgentEdits.
func (s *Store) DeletedAgents(ctx context.Context, limit int) (list []store.AgentRef, err error) {
	if limit <= 0 {
		return nil, storerow.OutOfRange("limit", "limit must be positive.")
	}
	err = s.read(ctx, "list deleted agents", func(c *conn) error {
		list = []store.AgentRef{}
		return c.query(`SELECT organization_id, id FROM agents a WHERE deleted_at > 0 AND (
			EXISTS (SELECT 1 FROM jobs j WHERE j.status IN (0, 2) AND j.last_chance IN (0, 1)
				AND j.organization_id = a.organization_id AND j.agent_id = a.id)
			OR a.id IN (SELECT agent_id FROM jobs WHERE status = 1 AND cancel_requested = 0)) LIMIT ?`, []any{limit}, func(r row) error {
			list = append(list, store.AgentRef{OrganizationID: steward.OrganizationID(r.text(0)), AgentID: steward.AgentID(r.text(1))})
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// versionOf finds a version that is not deleted, of an agent that is not either.
const versionOf = `v.id = ? AND v.agent_id = ? AND v.organization_id = ? AND v.deleted_at = 0
	AND EXISTS (SELECT 1 FROM agents a WHERE a.id = v.agent_id AND a.deleted_at = 0)`

// UpdateVersion implements store.AgentEdits.
func (s *Store) UpdateVersion(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID, ch store.VersionChange) error {
	return s.write(ctx, "update version", func(t *tx) error {
		var name, description string
		found, err := t.first("SELECT version_name, description FROM versions v WHERE "+versionOf, []any{version, agent, org},
			func(r row) error { name, description = r.text(0), r.text(1); return nil })
		if err := orNotFound("Version", found, err); err != nil {
			return err
		}
		if ch.VersionName != nil {
			name = *ch.VersionName
		}
		if ch.Description != nil {
			description = *ch.Description
		}
		_, err = t.changeAgents("UPDATE versions SET version_name = ?, description = ? WHERE id = ?", name, description, version)
		return err
	})
}

// DeleteVersion implements store.AgentEdits.
func (s *Store) DeleteVersion(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID, at time.Time) error {
	return s.write(ctx, "delete version", func(t *tx) error {
		current := false
		found, err := t.first("SELECT (SELECT current_version_id FROM agents WHERE id = v.agent_id) = v.id FROM versions v WHERE "+versionOf,
			[]any{version, agent, org}, func(r row) error { current = r.bool(0); return nil })
		if err := orNotFound("Version", found, err); err != nil {
			return err
		}
		if current {
			return storerow.CurrentVersion()
		}
		_, err = t.changeAgents("UPDATE versions SET deleted_at = ? WHERE id = ?", at, version)
		return err
	})
}

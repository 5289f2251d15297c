package sqlite

import (
	"context"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// agentColumns are the columns of an agent and its creator in the order of scanAgent, agentTables where they come from.
const (
	agentColumns = `a.id, a.organization_id, a.creator_id, a.created_at, a.updated_at, a.name, a.disable_cache, a.cache_failed_jobs,
		a.engine_class_id, a.engine_name, a.current_version_id,
		u.id, u.email, u.display_name, u.first_name, u.last_name`
	agentWidth  = 16
	agentTables = "agents a LEFT JOIN users u ON u.id = a.creator_id"
)

// scanAgent reads agentColumns. Tags are read by fillTags.
func scanAgent(r row) steward.Agent {
	return steward.Agent{
		ID: steward.AgentID(r.text(0)), OrganizationID: steward.OrganizationID(r.text(1)), Creator: scanInfo(r[11:]),
		CreatedAt: r.time(3), UpdatedAt: r.time(4), Name: r.text(5), DisableCache: r.bool(6), CacheFailedJobs: r.bool(7),
		EngineClassID: r.text(8), EngineName: r.text(9), CurrentVersionID: steward.VersionID(r.text(10)), Tags: []steward.Tag{},
	}
}

// scanInfo reads the five columns of a creator, nil when there is no such user.
func scanInfo(r row) *steward.UserInfo {
	if r.int(0) == 0 {
		return nil
	}
	return &steward.UserInfo{ID: steward.UserID(r.int(0)), Email: r.text(1), DisplayName: r.text(2), FirstName: r.text(3), LastName: r.text(4)}
}

// creatorID returns the number of a creator, 0 for none.
func creatorID(u *steward.UserInfo) steward.UserID {
	if u == nil {
		return 0
	}
	return u.ID
}

// CreateAgent implements store.Agents.
func (s *Store) CreateAgent(ctx context.Context, a steward.Agent, v steward.Version) error {
	raw, err := encodeVersion(&v)
	if err != nil {
		return err
	}
	return s.write(ctx, "create agent", func(t *tx) error {
		if err := t.checkName(a.OrganizationID, a.ID, a.Name); err != nil {
			return err
		}
		_, err = t.change(`INSERT INTO agents (id, organization_id, creator_id, created_at, updated_at, name, name_folded, search_folded,
				disable_cache, cache_failed_jobs, engine_class_id, engine_name, current_version_id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			a.ID, a.OrganizationID, creatorID(a.Creator), a.CreatedAt, a.UpdatedAt, a.Name, storerow.Fold(a.Name), storerow.SearchText(&a),
			a.DisableCache, a.CacheFailedJobs, a.EngineClassID, a.EngineName, v.ID)
		if isUnique(err) {
			return storerow.Conflict("id", "An agent with this id exists already.")
		}
		if err != nil {
			return err
		}
		if err := t.setTags(a.OrganizationID, a.ID, storerow.TagIDs(a.Tags)); err != nil {
			return err
		}
		return t.insertVersion(a.ID, a.OrganizationID, &v, raw)
	})
}

// checkName refuses a name that another agent of the organization has. Errors: Conflict.
func (t *tx) checkName(org steward.OrganizationID, agent steward.AgentID, name string) error {
	taken, err := t.first("SELECT 1 FROM agents WHERE organization_id = ? AND name = ? AND deleted_at = 0 AND id <> ?", []any{org, name, agent}, noRow)
	if err == nil && taken {
		err = storerow.Conflict("name", "An agent of this name exists already.")
	}
	return err
}

// noRow is the scan of a query that only asks whether there is a row.
func noRow(row) error { return nil }

// rawVersion is what a version's row keeps as JSON.
type rawVersion struct{ inputs, actions, warnings string }

func encodeVersion(v *steward.Version) (raw rawVersion, err error) {
	if raw.inputs, err = storerow.List(v.InputDefinitions); err != nil {
		return raw, err
	}
	if raw.actions, err = storerow.List(v.PostActions); err != nil {
		return raw, err
	}
	raw.warnings, err = storerow.List(v.Warnings)
	return raw, err
}

// insertVersion stores a version of an agent.
func (t *tx) insertVersion(agent steward.AgentID, org steward.OrganizationID, v *steward.Version, raw rawVersion) error {
	_, err := t.change(`INSERT INTO versions (id, agent_id, organization_id, version_name, creator_id, created_at, description,
			engine_class_id, engine_name, input_definitions, engine_config, readonly, supports_memory, post_actions, warnings)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		v.ID, agent, org, v.VersionName, creatorID(v.Creator), v.CreatedAt, v.Description, v.EngineClassID, v.EngineName,
		raw.inputs, storerow.Metadata(v.EngineConfig), v.ReadOnly, v.SupportsMemory, raw.actions, raw.warnings)
	if isUnique(err) {
		return storerow.Conflict("id", "A version with this id exists already.")
	}
	return err
}

// Agent implements store.Agents.
func (s *Store) Agent(ctx context.Context, org steward.OrganizationID, id steward.AgentID) (a *steward.Agent, err error) {
	err = s.snapshot(ctx, "get agent", func(c *conn) error {
		if a, err = c.agent(org, id); err != nil {
			return err
		}
		return c.fillStats(a)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// agent reads an agent with its tags. Errors: NotFound.
func (c *conn) agent(org steward.OrganizationID, id steward.AgentID) (*steward.Agent, error) {
	var a steward.Agent
	found, err := c.first("SELECT "+agentColumns+" FROM "+agentTables+" WHERE a.id = ? AND a.organization_id = ? AND a.deleted_at = 0",
		[]any{id, org}, func(r row) error { a = scanAgent(r); return nil })
	if err := orNotFound("Agent", found, err); err != nil {
		return nil, err
	}
	return &a, c.fillTags(&a)
}

// fillStats sets an agent's JobCount and MostRecentJob.
func (c *conn) fillStats(a *steward.Agent) error {
	var count int64
	_, err := c.first("SELECT jobs, newest FROM agent_jobs WHERE agent_id = ?", []any{a.ID}, func(r row) error {
		count, a.MostRecentJob = r.int(0), storerow.TimePtr(r.int(1))
		return nil
	})
	a.JobCount = &count
	return err
}

// CreateVersion implements store.Agents.
func (s *Store) CreateVersion(ctx context.Context, v steward.Version) error {
	raw, err := encodeVersion(&v)
	if err != nil {
		return err
	}
	agent := v.BaseAgent.ID
	return s.write(ctx, "create version", func(t *tx) error {
		n, err := t.changeAgents("UPDATE agents SET current_version_id = ?, updated_at = ? WHERE id = ? AND organization_id = ? AND deleted_at = 0",
			v.ID, v.CreatedAt, agent, v.OrganizationID)
		if err != nil {
			return err
		}
		if n == 0 {
			return storerow.NotFound("Agent")
		}
		return t.insertVersion(agent, v.OrganizationID, &v, raw)
	})
}

// versionColumns are read by scanVersion, versionTables where they come from.
const (
	versionColumns = agentColumns + `, v.id, v.version_name, v.created_at, v.description, v.engine_class_id, v.engine_name,
		v.input_definitions, v.engine_config, v.readonly, v.supports_memory, v.post_actions, v.warnings,
		w.id, w.email, w.display_name, w.first_name, w.last_name`
	versionTables = " FROM " + agentTables + " JOIN versions v ON v.agent_id = a.id LEFT JOIN users w ON w.id = v.creator_id"
)

// alive is the condition that neither an agent nor its version is deleted.
const alive = " AND a.deleted_at = 0 AND v.deleted_at = 0"

// Version implements store.Agents.
func (s *Store) Version(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, error) {
	which, args := "v.id = ?", []any{agent, org, version}
	if version == "" {
		which, args = "v.id = a.current_version_id", args[:2]
	}
	return s.version(ctx, which+alive, args)
}

// PinnedVersion implements store.AgentEdits.
func (s *Store) PinnedVersion(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, error) {
	return s.version(ctx, "v.id = ?", []any{agent, org, version})
}

// version reads the version of an organization's agent that which names. args begin with the agent and the organization.
func (s *Store) version(ctx context.Context, which string, args []any) (v *steward.Version, err error) {
	err = s.snapshot(ctx, "get version", func(c *conn) error {
		found, err := c.first("SELECT "+versionColumns+versionTables+" WHERE a.id = ? AND a.organization_id = ? AND "+which, args,
			func(r row) (err error) { v, err = scanVersion(r); return err })
		if err := orNotFound("Version", found, err); err != nil {
			return err
		}
		return c.fillTags(&v.BaseAgent)
	})
	return v, err
}

// maxVersions is how many versions one list has.
const maxVersions = 1000

// ListVersions implements store.Agents. An agent always has a version, so that none means no agent.
func (s *Store) ListVersions(ctx context.Context, org steward.OrganizationID, agent steward.AgentID) ([]steward.Version, error) {
	var list []steward.Version
	err := s.snapshot(ctx, "list versions", func(c *conn) error {
		list = nil
		err := c.query("SELECT "+versionColumns+versionTables+` WHERE a.id = ? AND a.organization_id = ?`+alive+`
			ORDER BY v.created_at DESC, v.id DESC LIMIT ?`, []any{agent, org, maxVersions}, func(r row) error {
			v, err := scanVersion(r)
			if err != nil {
				return err
			}
			list = append(list, *v)
			return nil
		})
		if err := orNotFound("Agent", len(list) > 0, err); err != nil {
			return err
		}
		agent := list[0].BaseAgent
		err = c.fillTags(&agent)
		for i := range list {
			list[i].BaseAgent.Tags = agent.Tags
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// scanVersion reads an agent, one of its versions and the version's creator.
func scanVersion(r row) (v *steward.Version, err error) {
	a := scanAgent(r)
	r = r[agentWidth:]
	v = &steward.Version{
		ID: steward.VersionID(r.text(0)), Name: a.Name, VersionName: r.text(1), Creator: scanInfo(r[12:]), CreatedAt: r.time(2),
		Description: r.text(3), EngineClassID: r.text(4), EngineName: r.text(5), EngineConfig: storerow.Raw(r.text(7)),
		OrganizationID: a.OrganizationID, ReadOnly: r.bool(8), BaseAgent: a, SupportsMemory: r.bool(9),
	}
	if v.InputDefinitions, err = storerow.ParseList[steward.InputDefinition](r.text(6)); err != nil {
		return nil, err
	}
	if v.PostActions, err = storerow.ParseList[steward.PostAction](r.text(10)); err != nil {
		return nil, err
	}
	v.Warnings, err = storerow.ParseList[string](r.text(11))
	return v, err
}

// CurrentVersionID implements store.Agents.
func (s *Store) CurrentVersionID(ctx context.Context, org steward.OrganizationID, agent steward.AgentID) (id steward.VersionID, err error) {
	err = s.read(ctx, "get current version", func(c *conn) error {
		found, err := c.first("SELECT current_version_id FROM agents WHERE id = ? AND organization_id = ? AND deleted_at = 0", []any{agent, org},
			func(r row) error { id = steward.VersionID(r.text(0)); return nil })
		return orNotFound("Agent", found, err)
	})
	return id, err
}

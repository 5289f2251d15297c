package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// CreateAgent implements store.Agents.
func (s *Store) CreateAgent(ctx context.Context, a steward.Agent, v steward.Version) error {
	v.BaseAgent.ID, v.OrganizationID = a.ID, a.OrganizationID
	return s.inTx(ctx, "create agent", func(tx pgx.Tx) error {
		if err := insertAgent(ctx, tx, a, v.ID); err != nil {
			return err
		}
		if err := setTags(ctx, tx, a.OrganizationID, a.ID, storerow.TagIDs(a.Tags)); err != nil {
			return err
		}
		return insertVersion(ctx, tx, v)
	})
}

func insertAgent(ctx context.Context, tx pgx.Tx, a steward.Agent, version steward.VersionID) error {
	id, err := storeUID("id", a.ID)
	if err != nil {
		return err
	}
	org, err := storeUID("organization_id", a.OrganizationID)
	if err != nil {
		return err
	}
	current, err := storeUID("current_version_id", version)
	if err != nil {
		return err
	}
	if err := storable("name", a.Name, "engine_class_id", a.EngineClassID, "engine_name", a.EngineName); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
insert into agents (id, organization_id, creator_id, created_at, updated_at, name, engine_class_id, engine_name,
    current_version_id, disable_cache, cache_failed_jobs, name_folded, search_folded)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		id, org, creatorID(a.Creator), stamp(a.CreatedAt), stamp(a.UpdatedAt), a.Name, a.EngineClassID, a.EngineName,
		current, a.DisableCache, a.CacheFailedJobs, storerow.Fold(a.Name), storerow.SearchText(&a))
	if isUnique(err) {
		return agentTaken(err)
	}
	return err
}

// agentTaken says which of an agent's unique values is taken.
func agentTaken(err error) error {
	if constraint(err) == "agents_name" {
		return storerow.Conflict("name", "There is an agent of this name already.")
	}
	return storerow.Conflict("id", "There is an agent of this id already.")
}

func creatorID(u *steward.UserInfo) pgtype.Int8 {
	if u == nil {
		return pgtype.Int8{}
	}
	return pgtype.Int8{Int64: int64(u.ID), Valid: u.ID != 0}
}

// CreateVersion implements store.Agents.
func (s *Store) CreateVersion(ctx context.Context, v steward.Version) error {
	agent, okAgent := toUID(v.BaseAgent.ID)
	org, okOrg := toUID(v.OrganizationID)
	if !okAgent || !okOrg {
		return storerow.NotFound("Agent")
	}
	version, err := storeUID("id", v.ID)
	if err != nil {
		return err
	}
	return s.inTx(ctx, "create version", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update agents set current_version_id = $3, updated_at = $4 where id = $1 and (organization_id = $2 and deleted_at is null) is true`,
			agent, org, version, stamp(v.CreatedAt))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return storerow.NotFound("Agent")
		}
		return insertVersion(ctx, tx, v)
	})
}

func insertVersion(ctx context.Context, tx pgx.Tx, v steward.Version) error {
	id, err := storeUID("version_id", v.ID)
	if err != nil {
		return err
	}
	agent, err := storeUID("agent_id", v.BaseAgent.ID)
	if err != nil {
		return err
	}
	org, err := storeUID("organization_id", v.OrganizationID)
	if err != nil {
		return err
	}
	config := storerow.Metadata(v.EngineConfig)
	if err := storable("version_name", v.VersionName, "description", v.Description, "engine_class_id", v.EngineClassID,
		"engine_name", v.EngineName, "engine_config", config); err != nil {
		return err
	}
	inputs, err := storerow.List(v.InputDefinitions)
	if err != nil {
		return err
	}
	actions, err := storerow.List(v.PostActions)
	if err != nil {
		return err
	}
	warnings, err := storerow.List(v.Warnings)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
insert into versions (id, agent_id, organization_id, version_name, description, creator_id, created_at, engine_class_id, engine_name,
    input_definitions, engine_config, read_only, supports_memory, post_actions, warnings)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		id, agent, org, v.VersionName, v.Description, creatorID(v.Creator), stamp(v.CreatedAt), v.EngineClassID, v.EngineName,
		inputs, config, v.ReadOnly, v.SupportsMemory, actions, warnings)
	if isUnique(err) {
		return storerow.Conflict("version_id", "There is a version of this id already.")
	}
	return err
}

// agentColumns are those of agents a and of its creator u. The tags come as a JSON array, by name.
const agentColumns = `a.id, a.organization_id, a.created_at, a.updated_at, a.name, a.engine_class_id, a.engine_name, a.current_version_id,
    a.disable_cache, a.cache_failed_jobs, ` + agentTags + `, ` + userColumns

const agentTags = `(
    select coalesce(json_agg(json_build_object('id', t.id, 'name', t.name, 'color', t.color, 'creator', t.creator_id, 'usage_count', t.usage_count,
        'created_at', to_char(t.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) order by t.name_folded)::text, '[]')
    from agent_tags x cross join lateral (select * from tags where id = x.tag_id limit 1) t where x.agent_id = a.id)`

const userColumns = `u.id, u.email, u.display_name, u.first_name, u.last_name`

// agentStats are two more columns, of the join agentJobs: how many jobs and when the latest was made.
const (
	agentStats = `n.jobs, n.newest`
	agentJobs  = ` left join agent_jobs c on c.agent_id = a.id cross join lateral (
    select coalesce(c.jobs, 0) + coalesce(sum(l.jobs), 0)::bigint as jobs, greatest(c.newest, max(l.newest)) as newest
    from agent_jobs_log l where l.agent_id = a.id) n`
)

// creator holds the columns of a user who may be missing.
type creator struct {
	id                        pgtype.Int8
	email, display, first, nd pgtype.Text
}

func (c *creator) into() []any { return []any{&c.id, &c.email, &c.display, &c.first, &c.nd} }

func (c *creator) info() *steward.UserInfo {
	if !c.id.Valid {
		return nil
	}
	return &steward.UserInfo{
		ID: steward.UserID(c.id.Int64), Email: c.email.String, DisplayName: c.display.String, FirstName: c.first.String, LastName: c.nd.String,
	}
}

// agentRow is where agentColumns are scanned into.
type agentRow struct {
	agent            steward.Agent
	id, org, version uid
	tags             string
	creator          creator
}

func (r *agentRow) into() []any {
	a := &r.agent
	return append([]any{
		&r.id, &r.org, &a.CreatedAt, &a.UpdatedAt, &a.Name, &a.EngineClassID, &a.EngineName, &r.version,
		&a.DisableCache, &a.CacheFailedJobs, &r.tags,
	}, r.creator.into()...)
}

func (r *agentRow) decode() (*steward.Agent, error) {
	a := &r.agent
	a.ID, a.OrganizationID = fromUID[steward.AgentID](r.id), fromUID[steward.OrganizationID](r.org)
	a.CurrentVersionID = fromUID[steward.VersionID](r.version)
	a.Creator = r.creator.info()
	var err error
	a.Tags, err = storerow.ParseList[steward.Tag](r.tags)
	return a, err
}

// scanAgent reads agentColumns, and agentStats behind them when stats is set.
func scanAgent(row pgx.Row, stats bool) (*steward.Agent, error) {
	var r agentRow
	into := r.into()
	var count int64
	var latest pgtype.Timestamptz
	if stats {
		into = append(into, &count, &latest)
	}
	if err := row.Scan(into...); err != nil {
		return nil, err
	}
	if stats {
		r.agent.JobCount, r.agent.MostRecentJob = &count, fromStampPtr(latest)
	}
	return r.decode()
}

// A row is always found by its own id. "is true" keeps the planner from going through all living agents instead, which looks as good
// as long as the table is small.
const agentSQL = `select ` + agentColumns + `,` + agentStats + `
from agents a left join users u on u.id = a.creator_id` + agentJobs + `
where a.id = $1 and (a.organization_id = $2 and a.deleted_at is null) is true`

// Agent implements store.Agents.
func (s *Store) Agent(ctx context.Context, org steward.OrganizationID, id steward.AgentID) (*steward.Agent, error) {
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(id)
	if !okOrg || !okAgent {
		return nil, storerow.NotFound("Agent")
	}
	a, err := scanAgent(s.pool.QueryRow(ctx, agentSQL, agentID, orgID), true)
	if err != nil {
		return nil, translate("read agent", notFound("Agent", err))
	}
	return a, nil
}

// versionColumns are those of versions v, of its creator vu, and of its agent.
const versionColumns = `v.id, v.version_name, v.description, v.created_at, v.engine_class_id, v.engine_name, v.input_definitions, v.engine_config,
    v.read_only, v.supports_memory, v.post_actions, v.warnings, vu.id, vu.email, vu.display_name, vu.first_name, vu.last_name, ` + agentColumns

// versionSQL reads a version of an organization's agent, the current one when $3 is null; alive keeps deleted ones out.
const (
	versionSQL = `select ` + versionColumns + `
from agents a
join versions v on v.id = coalesce($3, a.current_version_id) and (v.agent_id = a.id) is true
left join users u on u.id = a.creator_id
left join users vu on vu.id = v.creator_id
where a.id = $1 and (a.organization_id = $2) is true`
	alive = ` and (a.deleted_at is null and v.deleted_at is null) is true`
)

// Version implements store.Agents.
func (s *Store) Version(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, error) {
	return s.version(ctx, versionSQL+alive, org, agent, version)
}

// PinnedVersion implements store.AgentEdits.
func (s *Store) PinnedVersion(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, error) {
	return s.version(ctx, versionSQL, org, agent, version)
}

func (s *Store) version(ctx context.Context, sql string, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, error) {
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(agent)
	versionID, okVersion := toUID(version)
	if !okOrg || !okAgent || (!okVersion && version != "") {
		return nil, storerow.NotFound("Version")
	}
	v, err := scanVersion(s.pool.QueryRow(ctx, sql, agentID, orgID, versionID))
	if err != nil {
		return nil, translate("read version", notFound("Version", err))
	}
	return v, nil
}

// maxVersions is how many versions one list has.
const maxVersions = 1000

const listVersionsSQL = `select ` + versionColumns + `
from agents a
join versions v on v.agent_id = a.id
left join users u on u.id = a.creator_id
left join users vu on vu.id = v.creator_id
where a.id = $1 and (a.organization_id = $2) is true` + alive + `
order by v.created_at desc, v.id desc limit $3`

// ListVersions implements store.Agents. An agent always has a version, so that none means no agent.
func (s *Store) ListVersions(ctx context.Context, org steward.OrganizationID, agent steward.AgentID) ([]steward.Version, error) {
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(agent)
	if !okOrg || !okAgent {
		return nil, storerow.NotFound("Agent")
	}
	rows, err := s.pool.Query(ctx, listVersionsSQL, agentID, orgID, maxVersions)
	if err != nil {
		return nil, translate("list versions", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (steward.Version, error) {
		v, err := scanVersion(row)
		if err != nil {
			return steward.Version{}, err
		}
		return *v, nil
	})
	if err == nil && len(list) == 0 {
		err = storerow.NotFound("Agent")
	}
	if err != nil {
		return nil, translate("list versions", err)
	}
	return list, nil
}

func scanVersion(row pgx.Row) (*steward.Version, error) {
	var v steward.Version
	var id uid
	var created time.Time
	var inputs, config, actions, warnings string
	var by creator
	var base agentRow
	into := append([]any{
		&id, &v.VersionName, &v.Description, &created, &v.EngineClassID, &v.EngineName, &inputs, &config,
		&v.ReadOnly, &v.SupportsMemory, &actions, &warnings,
	}, by.into()...)
	if err := row.Scan(append(into, base.into()...)...); err != nil {
		return nil, err
	}
	agent, err := base.decode()
	if err != nil {
		return nil, err
	}
	v.ID, v.CreatedAt, v.Creator = fromUID[steward.VersionID](id), created, by.info()
	v.BaseAgent, v.Name, v.OrganizationID = *agent, agent.Name, agent.OrganizationID
	v.EngineConfig = storerow.Raw(config)
	if v.InputDefinitions, err = storerow.ParseList[steward.InputDefinition](inputs); err != nil {
		return nil, err
	}
	if v.PostActions, err = storerow.ParseList[steward.PostAction](actions); err != nil {
		return nil, err
	}
	v.Warnings, err = storerow.ParseList[string](warnings)
	return &v, err
}

// CurrentVersionID implements store.Agents.
func (s *Store) CurrentVersionID(ctx context.Context, org steward.OrganizationID, agent steward.AgentID) (steward.VersionID, error) {
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(agent)
	if !okOrg || !okAgent {
		return "", storerow.NotFound("Agent")
	}
	var id uid
	err := s.pool.QueryRow(ctx, `
select current_version_id from agents where id = $1 and (organization_id = $2 and deleted_at is null) is true`, agentID, orgID).Scan(&id)
	if err != nil {
		return "", translate("read current version", notFound("Agent", err))
	}
	return fromUID[steward.VersionID](id), nil
}

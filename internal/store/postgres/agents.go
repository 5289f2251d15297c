package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// CreateAgent implements store.Agents.
func (s *Store) CreateAgent(ctx context.Context, a steward.Agent, v steward.Version) error {
	v.BaseAgent.ID, v.OrganizationID = a.ID, a.OrganizationID
	return s.inTx(ctx, "create agent", func(tx pgx.Tx) error {
		if err := insertAgent(ctx, tx, a, v.ID); err != nil {
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
	tags, err := storerow.List(a.Tags)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
insert into agents (id, organization_id, creator_id, created_at, updated_at, name, engine_class_id, engine_name,
    current_version_id, disable_cache, cache_failed_jobs, tags, name_folded, search_folded)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		id, org, creatorID(a.Creator), stamp(a.CreatedAt), stamp(a.UpdatedAt), a.Name, a.EngineClassID, a.EngineName,
		current, a.DisableCache, a.CacheFailedJobs, tags, storerow.Fold(a.Name), storerow.SearchText(&a))
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
		tag, err := tx.Exec(ctx, `update agents set current_version_id = $3, updated_at = $4 where id = $1 and (organization_id = $2) is true`,
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

// agentColumns are those of agents a and of its creator u.
const agentColumns = `a.id, a.organization_id, a.created_at, a.updated_at, a.name, a.engine_class_id, a.engine_name, a.current_version_id,
    a.disable_cache, a.cache_failed_jobs, a.tags, ` + userColumns

const userColumns = `u.id, u.email, u.display_name, u.first_name, u.last_name`

// agentStats are two more columns: how many jobs and when the latest was made.
const agentStats = `
    (select count(*) from jobs j where j.agent_id = a.id),
    (select max(latest.created_at) from generate_series(0, 6) st (status) cross join lateral (
        select j.created_at from jobs j where j.agent_id = a.id and j.status = st.status
        order by j.created_at desc limit 1) latest)`

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

const agentSQL = `select ` + agentColumns + `,` + agentStats + `
from agents a left join users u on u.id = a.creator_id where a.id = $1 and (a.organization_id = $2) is true`

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

// orderAgents returns an order clause for AgentQuery.Order.
//
// Errors: Invalid for an order that is not offered.
func orderAgents(order string) (string, error) {
	if order == "" {
		order = "-created_at"
	}
	name, descending := strings.CutPrefix(order, "-")
	switch name {
	case "name", "created_at", "updated_at", "engine_class_id":
	default:
		return "", storerow.OutOfRange("order", "It must be name, created_at, updated_at or engine_class_id, with '-' in front for descending.")
	}
	if descending {
		return " order by a." + name + " desc, a.id desc", nil
	}
	return " order by a." + name + ", a.id", nil
}

// agentFilter returns a where clause for q and its arguments.
func agentFilter(org uid, q store.AgentQuery) (string, []any) {
	where, args := "a.organization_id = $1", []any{org}
	add := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(" and "+condition, len(args))
	}
	if q.Search != "" {
		add("strpos(a.search_folded, $%d) > 0", storerow.Fold(q.Search))
	}
	if q.Name != "" {
		add("strpos(a.name_folded, $%d) > 0", storerow.Fold(q.Name))
	}
	if q.EngineClassID != "" {
		add("a.engine_class_id = $%d", q.EngineClassID)
	}
	return where, args
}

// ListAgents implements store.Agents.
func (s *Store) ListAgents(ctx context.Context, org steward.OrganizationID, q store.AgentQuery) ([]steward.Agent, int64, error) {
	agents := []steward.Agent{}
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	order, err := orderAgents(q.Order)
	if err != nil {
		return nil, 0, err
	}
	orgID, ok := toUID(org)
	unheard := storable("", q.Search, "", q.Name, "", q.EngineClassID) // nothing stored contains such text
	if !ok || unheard != nil {
		return agents, 0, nil //nolint:nilerr // an empty list
	}
	where, args := agentFilter(orgID, q)
	columns := agentColumns
	if q.Stats {
		columns += "," + agentStats
	}
	var count int64
	batch := &pgx.Batch{}
	batch.Queue(`select count(*) from agents a where `+where, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	// The page is cut before the statistics are counted.
	batch.Queue(fmt.Sprintf(`select %s from (select a.* from agents a where %s%s limit $%d offset $%d) a
left join users u on u.id = a.creator_id%s`, columns, where, order, len(args)+1, len(args)+2, order),
		append(args[:len(args):len(args)], limit, q.Offset)...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			a, err := scanAgent(rows, q.Stats)
			if err != nil {
				return err
			}
			agents = append(agents, *a)
		}
		return rows.Err()
	})
	if err := s.snapshot(ctx, "list agents", batch); err != nil {
		return nil, 0, err
	}
	return agents, count, nil
}

// versionColumns are those of versions v, of its creator vu, and of its agent.
const versionColumns = `v.id, v.version_name, v.description, v.created_at, v.engine_class_id, v.engine_name, v.input_definitions, v.engine_config,
    v.read_only, v.supports_memory, v.post_actions, v.warnings, vu.id, vu.email, vu.display_name, vu.first_name, vu.last_name, ` + agentColumns

// Version implements store.Agents.
func (s *Store) Version(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, error) {
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(agent)
	versionID, okVersion := toUID(version)
	if !okOrg || !okAgent || (!okVersion && version != "") {
		return nil, storerow.NotFound("Version")
	}
	v, err := scanVersion(s.pool.QueryRow(ctx, `select `+versionColumns+`
from agents a
join versions v on v.id = coalesce($3, a.current_version_id) and v.agent_id = a.id
left join users u on u.id = a.creator_id
left join users vu on vu.id = v.creator_id
where a.id = $1 and (a.organization_id = $2) is true`, agentID, orgID, versionID))
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
where a.id = $1 and (a.organization_id = $2) is true
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
	err := s.pool.QueryRow(ctx, `select current_version_id from agents where id = $1 and (organization_id = $2) is true`, agentID, orgID).Scan(&id)
	if err != nil {
		return "", translate("read current version", notFound("Agent", err))
	}
	return fromUID[steward.VersionID](id), nil
}

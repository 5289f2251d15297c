package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// lockAgent locks an agent's row and returns what changes of it start from. Errors: NotFound.
func lockAgent(ctx context.Context, tx pgx.Tx, org steward.OrganizationID, id steward.AgentID) (*steward.Agent, error) {
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(id)
	if !okOrg || !okAgent {
		return nil, storerow.NotFound("Agent")
	}
	a := &steward.Agent{ID: id, OrganizationID: org}
	err := tx.QueryRow(ctx, `
select name, engine_class_id, engine_name, disable_cache, cache_failed_jobs from agents
where id = $1 and (organization_id = $2 and deleted_at is null) is true for update`, agentID, orgID).Scan(
		&a.Name, &a.EngineClassID, &a.EngineName, &a.DisableCache, &a.CacheFailedJobs)
	return a, notFound("Agent", err)
}

// UpdateAgent implements store.AgentEdits.
func (s *Store) UpdateAgent(ctx context.Context, org steward.OrganizationID, id steward.AgentID, ch store.AgentChange) error {
	return s.inTx(ctx, "update agent", func(tx pgx.Tx) error {
		a, err := lockAgent(ctx, tx, org, id)
		if err != nil {
			return err
		}
		if ch.Name == nil && ch.DisableCache == nil && ch.CacheFailedJobs == nil {
			return nil
		}
		set(&a.Name, ch.Name)
		set(&a.DisableCache, ch.DisableCache)
		set(&a.CacheFailedJobs, ch.CacheFailedJobs)
		if err := storable("name", a.Name); err != nil {
			return err
		}
		agentID, _ := toUID(id) // lockAgent found it
		_, err = tx.Exec(ctx, `
update agents set name = $2, name_folded = $3, search_folded = $4, disable_cache = $5, cache_failed_jobs = $6, updated_at = $7 where id = $1`,
			agentID, a.Name, storerow.Fold(a.Name), storerow.SearchText(a), a.DisableCache, a.CacheFailedJobs, stamp(ch.At))
		if isUnique(err) {
			return agentTaken(err)
		}
		return err
	})
}

// set puts a new value in place when there is one.
func set[T any](value *T, to *T) {
	if to != nil {
		*value = *to
	}
}

// DeleteAgent implements store.AgentEdits.
func (s *Store) DeleteAgent(ctx context.Context, org steward.OrganizationID, id steward.AgentID, at time.Time) error {
	return s.inTx(ctx, "delete agent", func(tx pgx.Tx) error {
		if _, err := lockAgent(ctx, tx, org, id); err != nil {
			return err
		}
		if err := setTags(ctx, tx, org, id, nil); err != nil {
			return err
		}
		agentID, _ := toUID(id) // lockAgent found it
		_, err := tx.Exec(ctx, `update agents set deleted_at = $2 where id = $1`, agentID, stamp(at))
		return err
	})
}

// deletedAgentsSQL looks for an open job of each deleted agent: in its lanes, or at work.
const deletedAgentsSQL = `
select a.organization_id, a.id from agents a where a.deleted_at is not null and (
    (
        select j.id from jobs j
        where j.status <= 2 and j.lease_until is null and not j.last_chance and (not j.cancel_requested) is true
            and j.lane >= uuid_send(a.organization_id) || uuid_send(a.id) and j.lane < uuid_send(a.organization_id) || uuid_send(a.id) || '\xff'::bytea
        order by j.lane, j.run_after, j.id limit 1) is not null
    or (
        select j.id from jobs j
        where j.organization_id = a.organization_id and j.agent_id = a.id and (j.status >= 1 and j.status <= 2) is true
            and (not j.cancel_requested) is true
        limit 1) is not null)
limit $1`

// DeletedAgents implements store.AgentEdits.
func (s *Store) DeletedAgents(ctx context.Context, limit int) ([]store.AgentRef, error) {
	if limit <= 0 {
		return nil, storerow.OutOfRange("limit", "limit must be positive.")
	}
	rows, err := s.pool.Query(ctx, deletedAgentsSQL, limit)
	if err != nil {
		return nil, translate("list deleted agents", err)
	}
	list := []store.AgentRef{}
	var org, agent uid
	_, err = pgx.ForEachRow(rows, []any{&org, &agent}, func() error {
		list = append(list, store.AgentRef{OrganizationID: fromUID[steward.OrganizationID](org), AgentID: fromUID[steward.AgentID](agent)})
		return nil
	})
	return list, translate("list deleted agents", err)
}

// versionKey is a version of an organization's agent in the database's form.
type versionKey struct{ version, agent, org uid }

// keyOf reads the three ids. Errors: NotFound when one is none.
func keyOf(org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (k versionKey, err error) {
	var okVersion, okAgent, okOrg bool
	k.version, okVersion = toUID(version)
	k.agent, okAgent = toUID(agent)
	k.org, okOrg = toUID(org)
	if !okVersion || !okAgent || !okOrg {
		return k, storerow.NotFound("Version")
	}
	return k, nil
}

// lockVersionSQL locks a version that is not deleted, of an agent that is not either, and tells whether it is the current one.
const lockVersionSQL = `
select v.version_name, v.description, a.current_version_id = v.id
from versions v join agents a on a.id = v.agent_id
where v.id = $1 and (v.agent_id = $2) is true and (v.organization_id = $3) is true` + alive + ` for update of v`

// UpdateVersion implements store.AgentEdits.
func (s *Store) UpdateVersion(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID, ch store.VersionChange) error {
	k, err := keyOf(org, agent, version)
	if err != nil {
		return err
	}
	return s.inTx(ctx, "update version", func(tx pgx.Tx) error {
		var name, description string
		var current bool
		if err := tx.QueryRow(ctx, lockVersionSQL, k.version, k.agent, k.org).Scan(&name, &description, &current); err != nil {
			return notFound("Version", err)
		}
		set(&name, ch.VersionName)
		set(&description, ch.Description)
		if err := storable("version_name", name, "description", description); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update versions set version_name = $2, description = $3 where id = $1`, k.version, name, description)
		return err
	})
}

// DeleteVersion implements store.AgentEdits. A version that is not the current one never becomes it again.
func (s *Store) DeleteVersion(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID, at time.Time) error {
	k, err := keyOf(org, agent, version)
	if err != nil {
		return err
	}
	return s.inTx(ctx, "delete version", func(tx pgx.Tx) error {
		var name, description string
		var current bool
		if err := tx.QueryRow(ctx, lockVersionSQL, k.version, k.agent, k.org).Scan(&name, &description, &current); err != nil {
			return notFound("Version", err)
		}
		if current {
			return storerow.CurrentVersion()
		}
		_, err := tx.Exec(ctx, `update versions set deleted_at = $2 where id = $1`, k.version, stamp(at))
		return err
	})
}

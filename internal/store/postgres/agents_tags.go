package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// tagColumns are read by scanTag.
const tagColumns = `t.id, t.name, t.color, t.created_at, t.creator_id, t.usage_count`

func scanTag(row pgx.CollectableRow) (steward.Tag, error) {
	var tag steward.Tag
	var id uid
	var by pgtype.Int8
	var created time.Time
	err := row.Scan(&id, &tag.Name, &tag.Color, &created, &by, &tag.UsageCount)
	tag.ID, tag.CreatedAt = fromUID[steward.TagID](id), created.UTC()
	if by.Valid {
		creator := steward.UserID(by.Int64)
		tag.Creator = &creator
	}
	return tag, err
}

// tagTaken says which of a tag's unique values is taken.
func tagTaken(err error) error {
	if constraint(err) == "tags_name" {
		return storerow.TagTaken()
	}
	return storerow.Conflict("id", "A tag with this id exists already.")
}

// CreateTag implements store.Tags.
func (s *Store) CreateTag(ctx context.Context, org steward.OrganizationID, tag steward.Tag) error {
	id, err := storeUID("id", tag.ID)
	if err != nil {
		return err
	}
	orgID, err := storeUID("organization_id", org)
	if err != nil {
		return err
	}
	if err := storable("name", tag.Name, "color", tag.Color); err != nil {
		return err
	}
	var by pgtype.Int8
	if tag.Creator != nil {
		by = pgtype.Int8{Int64: int64(*tag.Creator), Valid: true}
	}
	return s.inTx(ctx, "create tag", func(tx pgx.Tx) error {
		// One after the other in an organization, so that the limit holds.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1::text, 17))`, string(org)); err != nil {
			return err
		}
		var n int64
		if err := tx.QueryRow(ctx, `select count(*) from tags where organization_id = $1`, orgID).Scan(&n); err != nil {
			return err
		}
		if n >= store.MaxTags {
			return storerow.TooManyTags()
		}
		_, err := tx.Exec(ctx, `insert into tags (id, organization_id, name, name_folded, color, created_at, creator_id) values ($1, $2, $3, $4, $5, $6, $7)`,
			id, orgID, tag.Name, storerow.Fold(tag.Name), tag.Color, stamp(tag.CreatedAt), by)
		if isUnique(err) {
			return tagTaken(err)
		}
		return err
	})
}

// ListTags implements store.Tags.
func (s *Store) ListTags(ctx context.Context, org steward.OrganizationID) ([]steward.Tag, error) {
	orgID, ok := toUID(org)
	if !ok {
		return []steward.Tag{}, nil
	}
	rows, err := s.pool.Query(ctx, `select `+tagColumns+` from tags t where t.organization_id = $1 order by t.name_folded`, orgID)
	if err != nil {
		return nil, translate("list tags", err)
	}
	list, err := pgx.CollectRows(rows, scanTag)
	if err != nil {
		return nil, translate("list tags", err)
	}
	return list, nil
}

// lockTag locks a tag and returns it. Errors: NotFound.
func lockTag(ctx context.Context, tx pgx.Tx, org steward.OrganizationID, id steward.TagID) (tag steward.Tag, key uid, err error) {
	orgID, okOrg := toUID(org)
	key, okTag := toUID(id)
	if !okOrg || !okTag {
		return tag, key, storerow.NotFound("Tag")
	}
	rows, err := tx.Query(ctx, `select `+tagColumns+` from tags t where t.id = $1 and (t.organization_id = $2) is true for update`, key, orgID)
	if err != nil {
		return tag, key, err
	}
	tag, err = pgx.CollectExactlyOneRow(rows, scanTag)
	return tag, key, notFound("Tag", err)
}

// UpdateTag implements store.Tags.
func (s *Store) UpdateTag(ctx context.Context, org steward.OrganizationID, id steward.TagID, ch store.TagChange) (*steward.Tag, error) {
	var tag steward.Tag
	err := s.inTx(ctx, "update tag", func(tx pgx.Tx) error {
		var key uid
		var err error
		if tag, key, err = lockTag(ctx, tx, org, id); err != nil {
			return err
		}
		set(&tag.Name, ch.Name)
		set(&tag.Color, ch.Color)
		if err := storable("name", tag.Name, "color", tag.Color); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update tags set name = $2, name_folded = $3, color = $4 where id = $1`, key, tag.Name, storerow.Fold(tag.Name), tag.Color)
		if isUnique(err) {
			return tagTaken(err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &tag, nil
}

// DeleteTag implements store.Tags.
func (s *Store) DeleteTag(ctx context.Context, org steward.OrganizationID, id steward.TagID) error {
	return s.inTx(ctx, "delete tag", func(tx pgx.Tx) error {
		_, key, err := lockTag(ctx, tx, org, id)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from agent_tags where tag_id = $1`, key); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `delete from tags where id = $1`, key)
		return err
	})
}

// SetAgentTags implements store.Tags.
func (s *Store) SetAgentTags(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, tags []steward.TagID) error {
	return s.inTx(ctx, "set tags of agent", func(tx pgx.Tx) error {
		if _, err := lockAgent(ctx, tx, org, agent); err != nil {
			return err
		}
		return setTags(ctx, tx, org, agent, tags)
	})
}

// setTags replaces the tags of an agent whose row is locked, and keeps the tags' usage. All tags that it touches are locked first, in
// one order, so that two of its kind never wait for each other. Errors: Invalid.
func setTags(ctx context.Context, tx pgx.Tx, org steward.OrganizationID, agent steward.AgentID, wanted []steward.TagID) error {
	orgID, agentID, err := owned(org, agent)
	if err != nil {
		return err
	}
	keep := map[uid]bool{}
	for _, id := range wanted {
		tag, ok := toUID(id)
		if !ok {
			return storerow.UnknownTag(id)
		}
		keep[tag] = true
	}
	rows, err := tx.Query(ctx, `select tag_id from agent_tags where agent_id = $1`, agentID)
	if err != nil {
		return err
	}
	had, err := pgx.CollectRows(rows, pgx.RowTo[uid])
	if err != nil || len(had)+len(keep) == 0 {
		return err
	}
	touched := append(slices.Collect(maps.Keys(keep)), had...)
	if rows, err = tx.Query(ctx, `select id from tags where id = any ($1) and (organization_id = $2) is true order by id for update`, touched, orgID); err != nil {
		return err
	}
	known, err := pgx.CollectRows(rows, pgx.RowTo[uid])
	if err != nil {
		return err
	}
	for tag := range keep {
		if !slices.Contains(known, tag) {
			return storerow.UnknownTag(fromUID[steward.TagID](tag))
		}
	}
	return replaceTags(ctx, tx, agentID, slices.AppendSeq([]uid{}, maps.Keys(keep))) // not nil, which would be null
}

// owned reads the ids of an agent that is to be stored.
func owned(org steward.OrganizationID, agent steward.AgentID) (orgID, agentID uid, err error) {
	if orgID, err = storeUID("organization_id", org); err != nil {
		return orgID, agentID, err
	}
	agentID, err = storeUID("id", agent)
	return orgID, agentID, err
}

// replaceTags writes the difference between what an agent has and what it is to have.
func replaceTags(ctx context.Context, tx pgx.Tx, agent uid, keep []uid) error {
	if _, err := tx.Exec(ctx, `
with gone as (delete from agent_tags where agent_id = $1 and tag_id <> all ($2) returning tag_id)
update tags set usage_count = usage_count - 1 where id in (select tag_id from gone)`, agent, keep); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
with come as (insert into agent_tags (agent_id, tag_id) select $1, id from unnest($2::uuid[]) as k (id) on conflict do nothing returning tag_id)
update tags set usage_count = usage_count + 1 where id in (select tag_id from come)`, agent, keep)
	return err
}

package sqlite

import (
	"context"
	"slices"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// tagColumns are read by scanTag.
const tagColumns = "t.id, t.name, t.color, t.created_at, t.creator_id, t.usage_count"

func scanTag(r row) steward.Tag {
	tag := steward.Tag{ID: steward.TagID(r.text(0)), Name: r.text(1), Color: r.text(2), CreatedAt: r.time(3), UsageCount: r.int(5)}
	if by := steward.UserID(r.int(4)); by != 0 {
		tag.Creator = &by
	}
	return tag
}

// fillTags sets an agent's tags, by name.
func (c *conn) fillTags(a *steward.Agent) error {
	a.Tags = []steward.Tag{}
	return c.query("SELECT "+tagColumns+" FROM agent_tags x JOIN tags t ON t.id = x.tag_id WHERE x.agent_id = ? ORDER BY t.name_folded",
		[]any{a.ID}, func(r row) error { a.Tags = append(a.Tags, scanTag(r)); return nil })
}

// tags returns an organization's tags, by name.
func (c *conn) tags(org steward.OrganizationID) ([]steward.Tag, error) {
	list := []steward.Tag{}
	err := c.query("SELECT "+tagColumns+" FROM tags t WHERE t.organization_id = ? ORDER BY t.name_folded", []any{org},
		func(r row) error { list = append(list, scanTag(r)); return nil })
	return list, err
}

// tag reads one tag. Errors: NotFound.
func (c *conn) tag(org steward.OrganizationID, id steward.TagID) (*steward.Tag, error) {
	var tag steward.Tag
	found, err := c.first("SELECT "+tagColumns+" FROM tags t WHERE t.id = ? AND t.organization_id = ?", []any{id, org},
		func(r row) error { tag = scanTag(r); return nil })
	return &tag, orNotFound("Tag", found, err)
}

// CreateTag implements store.Tags.
func (s *Store) CreateTag(ctx context.Context, org steward.OrganizationID, tag steward.Tag) error {
	var by steward.UserID
	if tag.Creator != nil {
		by = *tag.Creator
	}
	return s.write(ctx, "create tag", func(t *tx) error {
		var n int64
		_, err := t.first("SELECT count(*) FROM tags WHERE organization_id = ?", []any{org}, func(r row) error { n = r.int(0); return nil })
		if err != nil {
			return err
		}
		if n >= store.MaxTags {
			return storerow.TooManyTags()
		}
		if err := t.checkTag(org, tag.ID, tag.Name); err != nil {
			return err
		}
		_, err = t.change("INSERT INTO tags (id, organization_id, name, name_folded, color, created_at, creator_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
			tag.ID, org, tag.Name, storerow.Fold(tag.Name), tag.Color, tag.CreatedAt, by)
		if isUnique(err) {
			return storerow.Conflict("id", "A tag with this id exists already.")
		}
		return err
	})
}

// checkTag refuses a name that another tag of the organization has. Errors: Conflict.
func (t *tx) checkTag(org steward.OrganizationID, id steward.TagID, name string) error {
	taken, err := t.first("SELECT 1 FROM tags WHERE organization_id = ? AND name_folded = ? AND id <> ?", []any{org, storerow.Fold(name), id}, noRow)
	if err == nil && taken {
		err = storerow.TagTaken()
	}
	return err
}

// ListTags implements store.Tags.
func (s *Store) ListTags(ctx context.Context, org steward.OrganizationID) (list []steward.Tag, err error) {
	err = s.read(ctx, "list tags", func(c *conn) (err error) {
		list, err = c.tags(org)
		return err
	})
	return list, err
}

// UpdateTag implements store.Tags.
func (s *Store) UpdateTag(ctx context.Context, org steward.OrganizationID, id steward.TagID, ch store.TagChange) (tag *steward.Tag, err error) {
	err = s.write(ctx, "update tag", func(t *tx) error {
		if tag, err = t.tag(org, id); err != nil {
			return err
		}
		if ch.Name != nil {
			tag.Name = *ch.Name
			if err := t.checkTag(org, id, tag.Name); err != nil {
				return err
			}
		}
		if ch.Color != nil {
			tag.Color = *ch.Color
		}
		_, err = t.change("UPDATE tags SET name = ?, name_folded = ?, color = ? WHERE id = ?", tag.Name, storerow.Fold(tag.Name), tag.Color, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return tag, nil
}

// DeleteTag implements store.Tags.
func (s *Store) DeleteTag(ctx context.Context, org steward.OrganizationID, id steward.TagID) error {
	return s.write(ctx, "delete tag", func(t *tx) error {
		if _, err := t.tag(org, id); err != nil {
			return err
		}
		if _, err := t.change("DELETE FROM agent_tags WHERE tag_id = ?", id); err != nil {
			return err
		}
		_, err := t.change("DELETE FROM tags WHERE id = ?", id)
		return err
	})
}

// SetAgentTags implements store.Tags.
func (s *Store) SetAgentTags(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, tags []steward.TagID) error {
	tags = slices.Clone(tags)
	return s.write(ctx, "set tags of agent", func(t *tx) error {
		if _, err := t.agent(org, agent); err != nil {
			return err
		}
		return t.setTags(org, agent, tags)
	})
}

// setTags replaces an agent's tags and keeps the tags' usage. Errors: Invalid.
func (t *tx) setTags(org steward.OrganizationID, agent steward.AgentID, wanted []steward.TagID) error {
	had := map[steward.TagID]bool{}
	err := t.query("SELECT tag_id FROM agent_tags WHERE agent_id = ?", []any{agent}, func(r row) error { had[steward.TagID(r.text(0))] = true; return nil })
	if err != nil {
		return err
	}
	keep := map[steward.TagID]bool{}
	for _, id := range wanted {
		if keep[id] {
			continue
		}
		keep[id] = true
		if had[id] {
			continue
		}
		n, err := t.change("UPDATE tags SET usage_count = usage_count + 1 WHERE id = ? AND organization_id = ?", id, org)
		if err != nil {
			return err
		}
		if n == 0 {
			return storerow.UnknownTag(id)
		}
		if _, err := t.change("INSERT INTO agent_tags (agent_id, tag_id) VALUES (?, ?)", agent, id); err != nil {
			return err
		}
	}
	for id := range had {
		if keep[id] {
			continue
		}
		if _, err := t.change("DELETE FROM agent_tags WHERE agent_id = ? AND tag_id = ?", agent, id); err != nil {
			return err
		}
		if _, err := t.change("UPDATE tags SET usage_count = usage_count - 1 WHERE id = ?", id); err != nil {
			return err
		}
	}
	return nil
}

package sqlite

import (
	"context"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// ListAgents implements store.Agents. The page's ids are found first, its rows are read one by one.
func (s *Store) ListAgents(ctx context.Context, org steward.OrganizationID, q store.AgentQuery) (agents []steward.Agent, count int64, err error) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	order, err := agentOrder(q.Order)
	if err != nil {
		return nil, 0, err
	}
	err = s.snapshot(ctx, "list agents", func(c *conn) error {
		agents = []steward.Agent{}
		where, args, err := c.agentFilter(org, &q)
		if err != nil {
			return err
		}
		ids, n, err := c.agentPage(where, order, args, limit, q.Offset)
		if err != nil {
			return err
		}
		count = n
		for _, id := range ids {
			a, err := c.agent(org, id)
			if err != nil {
				return err
			}
			if q.Stats {
				err = c.fillStats(a)
			}
			if agents = append(agents, *a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return agents, count, nil
}

// agentPage returns the ids of a page of agents, and how many agents there are on all pages.
func (c *conn) agentPage(where, order string, args []any, limit, offset int) (ids []steward.AgentID, count int64, err error) {
	filtered := where != plainAgents
	what := "a.id, 0" // without filters, page and count are two short walks through an index
	if filtered {
		what = "a.id, count(*) OVER ()" // the filters are applied once
	}
	err = c.query("SELECT "+what+" FROM "+agentListTables(where, order)+" WHERE "+where+" ORDER BY "+order+" LIMIT ? OFFSET ?",
		append(args[:len(args):len(args)], limit, offset), func(r row) error {
			ids, count = append(ids, steward.AgentID(r.text(0))), r.int(1)
			return nil
		})
	if err != nil || (filtered && (count > 0 || offset == 0)) {
		return ids, count, err
	}
	_, err = c.first("SELECT count(*) FROM "+agentListTables(where, "")+" WHERE "+where, args, func(r row) error { count = r.int(0); return nil })
	return ids, count, err
}

// agentOrder returns the order of a list of agents; ties go by id in the same direction, what has no value comes last.
func agentOrder(order string) (string, error) {
	by, descending, err := storerow.AgentOrder(order)
	if err != nil {
		return "", err
	}
	direction := ""
	if descending {
		direction = " DESC"
	}
	column, first := "a."+by, ""
	switch by {
	case "name":
		return column + direction, nil // nobody else has it
	case "job_count":
		column = "coalesce(n.jobs, 0)"
	case "most_recent_job":
		column, first = "n.newest", "n.newest IS NULL, "
	case "creator":
		column, first = "u.display_name", "u.id IS NULL, "
	}
	return first + column + direction + ", a.id" + direction, nil
}

// agentListTables returns the tables that a condition and an order speak of.
func agentListTables(where, order string) string {
	tables := "agents a"
	if strings.Contains(where, "n.") || strings.Contains(order, "n.") {
		tables += " LEFT JOIN agent_jobs n ON n.agent_id = a.id"
	}
	if strings.Contains(order, "u.") {
		tables += " LEFT JOIN users u ON u.id = a.creator_id"
	}
	return tables
}

const (
	plainAgents    = "a.organization_id = ?1 AND a.deleted_at = 0"
	filteredAgents = plainAgents + `
		AND (?2 = '' OR instr(a.name_folded, ?2) > 0)
		AND (?3 = '' OR instr(a.search_folded, ?3) > 0
			OR a.creator_id IN (SELECT value FROM json_each(?4))
			OR a.id IN (SELECT x.agent_id FROM json_each(?5) j CROSS JOIN agent_tags x ON x.tag_id = j.value)
			OR a.id IN (SELECT v.agent_id FROM versions v
				WHERE v.organization_id = ?1 AND v.deleted_at = 0 AND ?6 <> '' AND instr(v.id, ?6) > 0))
		AND (?7 = '[]' OR a.engine_class_id IN (SELECT value FROM json_each(?7)))
		AND (?8 = '[]' OR a.engine_class_id NOT IN (SELECT value FROM json_each(?8)))
		AND (?9 = '[]' OR a.creator_id IN (SELECT value FROM json_each(?9)))
		AND ((?10 = '[]' AND NOT ?11)
			OR a.id IN (SELECT x.agent_id FROM json_each(?10) j CROSS JOIN agent_tags x ON x.tag_id = j.value)
			OR (?11 AND NOT EXISTS (SELECT 1 FROM agent_tags x WHERE x.agent_id = a.id)))
		AND a.created_at BETWEEN ?12 AND ?13 AND a.updated_at BETWEEN ?14 AND ?15
		AND (NOT ?16 OR n.newest BETWEEN ?17 AND ?18)
		AND coalesce(n.jobs, 0) BETWEEN ?19 AND ?20`
)

// agentFilter returns the condition of a list of agents: one text for all lists without filters, and one for all with them, so that
// few statements are prepared whatever callers combine.
func (c *conn) agentFilter(org steward.OrganizationID, q *store.AgentQuery) (where string, args []any, err error) {
	if !storerow.Filtered(q) {
		return plainAgents, []any{org}, nil
	}
	search := storerow.Fold(q.Search)
	creators, tags := []steward.UserID{}, []steward.TagID{}
	if search != "" {
		if creators, err = c.usersLike(org, search); err != nil {
			return "", nil, err
		}
		if tags, err = c.tagsLike(org, search); err != nil {
			return "", nil, err
		}
	}
	createdFrom, createdTo := storerow.MicrosRange(q.Created)
	updatedFrom, updatedTo := storerow.MicrosRange(q.Updated)
	newestFrom, newestTo := storerow.MicrosRange(q.MostRecentJob)
	least, most := storerow.JobRange(q)
	return filteredAgents, []any{
		org, storerow.Fold(q.Name), search, storerow.JSONList(creators), storerow.JSONList(tags), storerow.VersionPart(q.Search),
		storerow.JSONList(q.EngineClassIDs), storerow.JSONList(q.NotEngines), storerow.JSONList(q.CreatorIDs),
		storerow.JSONList(q.Tags), q.Untagged, createdFrom, createdTo, updatedFrom, updatedTo,
		q.MostRecentJob != (store.TimeRange{}), newestFrom, newestTo, least, most,
	}, nil
}

// usersLike returns the organization's users that a folded search finds.
func (c *conn) usersLike(org steward.OrganizationID, folded string) (ids []steward.UserID, err error) {
	err = c.query("SELECT id, email, display_name, first_name, last_name FROM users WHERE organization_id = ?", []any{org}, func(r row) error {
		if u := scanInfo(r); u != nil && storerow.MatchUser(folded, u) {
			ids = append(ids, u.ID)
		}
		return nil
	})
	return ids, err
}

// tagsLike returns the organization's tags whose names contain a folded search.
func (c *conn) tagsLike(org steward.OrganizationID, folded string) (ids []steward.TagID, err error) {
	tags, err := c.tags(org)
	for _, t := range tags {
		if strings.Contains(storerow.Fold(t.Name), folded) {
			ids = append(ids, t.ID)
		}
	}
	return slices.Clip(ids), err
}

package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// ListAgents implements store.Agents. The page's ids are found first, then its rows are read.
func (s *Store) ListAgents(ctx context.Context, org steward.OrganizationID, q store.AgentQuery) (agents []steward.Agent, count int64, err error) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	order, err := orderAgents(q.Order)
	if err != nil {
		return nil, 0, err
	}
	orgID, ok := toUID(org)
	if !ok || !findable(&q) {
		return []steward.Agent{}, 0, nil
	}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, s.pool, options, func(tx pgx.Tx) error {
		agents = []steward.Agent{}
		f, err := filterAgents(ctx, tx, orgID, &q)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `select count(*) from `+f.tables("")+` where `+f.where, f.args...).Scan(&count); err != nil {
			return err
		}
		if int64(q.Offset) >= count {
			return nil
		}
		page := fmt.Sprintf(`select a.id from %s where %s order by %s limit %d offset %d`, f.tables(order), f.where, order, limit, q.Offset)
		agents, err = readAgents(ctx, tx, page, f.args, q.Stats)
		return err
	})
	if err != nil {
		return nil, 0, translate("list agents", err)
	}
	return agents, count, nil
}

// findable reports whether a query's texts can stand in a database at all.
func findable(q *store.AgentQuery) bool {
	texts := []string{"", q.Search, "", q.Name}
	for _, e := range q.EngineClassIDs {
		texts = append(texts, "", e)
	}
	for _, e := range q.NotEngines {
		texts = append(texts, "", e)
	}
	return storable(texts...) == nil
}

// readAgents reads the agents whose ids a query gives, in its order.
func readAgents(ctx context.Context, tx pgx.Tx, page string, args []any, stats bool) ([]steward.Agent, error) {
	rows, err := tx.Query(ctx, page, args...)
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uid])
	if err != nil {
		return nil, err
	}
	sql := listedAgentsSQL
	if stats {
		sql = listedAgentStatsSQL
	}
	if rows, err = tx.Query(ctx, sql, ids); err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (steward.Agent, error) {
		a, err := scanAgent(row, stats)
		if err != nil {
			return steward.Agent{}, err
		}
		return *a, nil
	})
}

const (
	listedAgentsFrom = ` from unnest($1::uuid[]) with ordinality as p (id, place)
cross join lateral (select * from agents where id = p.id limit 1) a left join users u on u.id = a.creator_id`
	listedAgentsSQL     = `select ` + agentColumns + listedAgentsFrom + ` order by p.place`
	listedAgentStatsSQL = `select ` + agentColumns + `,` + agentStats + listedAgentsFrom + agentJobs + ` order by p.place`
)

// orderAgents returns the order of a list of agents; ties go by id in the same direction, what has no value comes last.
func orderAgents(order string) (string, error) {
	by, descending, err := storerow.AgentOrder(order)
	if err != nil {
		return "", err
	}
	direction := ""
	if descending {
		direction = " desc"
	}
	column, last := "a."+by, ""
	switch by {
	case "job_count":
		column = "n.jobs"
	case "most_recent_job":
		column, last = "n.newest", " nulls last"
	case "creator":
		column, last = `u.display_name collate "C"`, " nulls last"
	}
	return column + direction + last + ", a.id" + direction, nil
}

// agentFilter is the condition of a list of agents.
type agentFilter struct {
	where string
	args  []any
}

// add adds a condition, whose arguments stand as %[1]d and so on.
func (f *agentFilter) add(condition string, args ...any) {
	places := make([]any, len(args))
	for i := range args {
		places[i] = len(f.args) + i + 1
	}
	f.args = append(f.args, args...)
	f.where += " and " + fmt.Sprintf(condition, places...)
}

// tables returns the tables that the condition and an order speak of.
func (f *agentFilter) tables(order string) string {
	tables := "agents a"
	if strings.Contains(order, "u.") {
		tables += " left join users u on u.id = a.creator_id"
	}
	if strings.Contains(f.where, "n.") || strings.Contains(order, "n.") {
		tables += agentJobs
	}
	return tables
}

// between adds the ends of a range of times.
func (f *agentFilter) between(column string, r store.TimeRange) {
	from, to := storerow.MicrosRange(r)
	if !r.From.IsZero() {
		f.add(column+" >= $%d", stamp(time.UnixMicro(from)))
	}
	if !r.To.IsZero() {
		f.add(column+" <= $%d", stamp(time.UnixMicro(to)))
	}
}

// filterAgents returns the condition of a query.
func filterAgents(ctx context.Context, tx pgx.Tx, org uid, q *store.AgentQuery) (*agentFilter, error) {
	f := &agentFilter{where: "a.organization_id = $1 and a.deleted_at is null", args: []any{org}}
	if q.Name != "" {
		f.add("strpos(a.name_folded, $%d) > 0", storerow.Fold(q.Name))
	}
	if len(q.EngineClassIDs) > 0 {
		f.add("a.engine_class_id = any ($%d)", q.EngineClassIDs)
	}
	if len(q.NotEngines) > 0 {
		f.add("a.engine_class_id <> all ($%d)", q.NotEngines)
	}
	if len(q.CreatorIDs) > 0 {
		f.add("a.creator_id = any ($%d)", q.CreatorIDs)
	}
	f.tags(q)
	f.between("a.created_at", q.Created)
	f.between("a.updated_at", q.Updated)
	f.between("n.newest", q.MostRecentJob)
	if q.JobsMin != nil {
		f.add("n.jobs >= $%d", *q.JobsMin)
	}
	if q.JobsMax != nil {
		f.add("n.jobs <= $%d", *q.JobsMax)
	}
	if q.Search == "" {
		return f, nil
	}
	return f, f.search(ctx, tx, org, q.Search)
}

const (
	hasTag = "exists (select from agent_tags x where x.agent_id = a.id and x.tag_id = any ($%d))"
	noTag  = "not exists (select from agent_tags x where x.agent_id = a.id)"
)

func (f *agentFilter) tags(q *store.AgentQuery) {
	ids := []uid{}
	for _, id := range q.Tags {
		if tag, ok := toUID(id); ok {
			ids = append(ids, tag)
		}
	}
	switch {
	case len(q.Tags) > 0 && q.Untagged:
		f.add("("+hasTag+" or "+noTag+")", ids)
	case len(q.Tags) > 0:
		f.add(hasTag, ids)
	case q.Untagged:
		f.where += " and " + noTag
	}
}

// search adds a search, after it has found out which creators and tags it means.
func (f *agentFilter) search(ctx context.Context, tx pgx.Tx, org uid, search string) error {
	folded := storerow.Fold(search)
	rows, err := tx.Query(ctx, `select `+userColumns+` from users u where u.organization_id = $1`, org)
	if err != nil {
		return err
	}
	creators := []int64{}
	var c creator
	if _, err = pgx.ForEachRow(rows, c.into(), func() error {
		if u := c.info(); u != nil && storerow.MatchUser(folded, u) {
			creators = append(creators, int64(u.ID))
		}
		return nil
	}); err != nil {
		return err
	}
	// Tags are few, and their folded names can be searched in place.
	f.add(`(strpos(a.search_folded, $%[1]d) > 0 or a.creator_id = any ($%[2]d)
    or exists (select from agent_tags x join tags t on t.id = x.tag_id where x.agent_id = a.id and strpos(t.name_folded, $%[1]d) > 0)
    or a.id in (select v.agent_id from versions v where v.organization_id = $1 and v.deleted_at is null
        and $%[3]d <> '' and strpos(v.id::text, $%[3]d) > 0))`, folded, creators, storerow.VersionPart(search))
	return nil
}

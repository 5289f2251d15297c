package sqlite

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// ListJobs implements store.Jobs.
func (s *Store) ListJobs(ctx context.Context, org steward.OrganizationID, q store.JobQuery) (jobs []steward.Job, count int64, err error) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	var rows []storerow.Job
	err = s.snapshot(ctx, "list jobs", func(c *conn) error {
		counts, err := c.countJobs(org, q.AgentID)
		if err != nil {
			return err
		}
		if count = counts.of(q.Status); int64(q.Offset) >= count {
			return nil
		}
		page, err := c.pageOfJobs(org, q, limit, counts)
		if err != nil {
			return err
		}
		for _, e := range page {
			_, err := c.first("SELECT "+headColumns+" FROM jobs WHERE seq = ?", []any{e.seq}, func(r row) error {
				rows = append(rows, scanHead(r))
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	jobs = make([]steward.Job, 0, len(rows))
	for i := range rows {
		j, err := rows[i].Decode()
		if err != nil {
			return nil, 0, failed("list jobs", err)
		}
		j.Inputs, j.Outputs, j.References = nil, nil, nil
		jobs = append(jobs, *j)
	}
	return jobs, count, nil
}

// jobCounts is how many jobs there are in each status.
type jobCounts map[steward.Status]int64

// of returns how many jobs a filter matches; an empty one matches all.
func (n jobCounts) of(statuses []steward.Status) (sum int64) {
	for s, jobs := range n {
		if len(statuses) == 0 || slices.Contains(statuses, s) {
			sum += jobs
		}
	}
	return sum
}

// countJobs returns the counters of an agent, or of all agents of the organization.
func (c *conn) countJobs(org steward.OrganizationID, agent steward.AgentID) (jobCounts, error) {
	query, args := "SELECT status, jobs FROM job_counts WHERE organization_id = ?", []any{org}
	if agent != "" {
		query, args = query+" AND agent_id = ?", append(args, agent)
	}
	counts := jobCounts{}
	err := c.query(query, args, func(r row) error {
		counts[steward.Status(r.int(0))] += r.int(1)
		return nil
	})
	return counts, err
}

// listed is a job's place in a list.
type listed struct {
	seq       int64
	createdAt int64
	id        string
}

// newestFirst orders lists: newest first, ties by id in the same direction.
func newestFirst(a, b listed) int {
	return cmp.Or(cmp.Compare(b.createdAt, a.createdAt), strings.Compare(b.id, a.id))
}

// pageOfJobs returns the places of one page. Each status has an index that holds its jobs in order, or, for jobs that have
// not ended, holds only those; the heads of these lists are merged.
func (c *conn) pageOfJobs(org steward.OrganizationID, q store.JobQuery, limit int, counts jobCounts) ([]listed, error) {
	parts := conditions(q.Status, counts, int64(q.Offset+limit))
	if len(parts) == 1 {
		return c.places(parts[0], org, q.AgentID, limit, q.Offset)
	}
	var all []listed
	for _, where := range parts {
		some, err := c.places(where, org, q.AgentID, q.Offset+limit, 0)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, newestFirst)
	return all[min(q.Offset, len(all)):min(q.Offset+limit, len(all))], nil
}

// condition is a part of a list that one index answers: by agent, and for all agents of an organization.
type condition struct {
	status  string // SQL, "" for all
	byAgent string // index
	byOrg   string
}

// whereAll returns the condition of a list without filter.
func whereAll() condition { return condition{"", "jobs_by_agent", "jobs_by_organization"} }

// conditions splits a filter into parts, of which the first want jobs are to be read. Statuses that do not exist are no
// part; each other stands once.
func conditions(statuses []steward.Status, counts jobCounts, want int64) []condition {
	if len(statuses) == 0 {
		return []condition{whereAll()}
	}
	var list []condition
	for s := steward.StatusPending; s <= steward.StatusCached; s++ {
		if slices.Contains(statuses, s) {
			list = append(list, conditionOf(s, counts, want))
		}
	}
	return list
}

// conditionOf returns the condition of one status. Queued jobs have an index that holds only them, but in another order.
// When there are so many that it is cheaper to look for them among all jobs, newest first, that is done.
func conditionOf(s steward.Status, counts jobCounts, want int64) condition {
	number := string(rune('0' + int(s)))
	switch n := counts[s]; {
	case s.Terminal():
		return condition{" AND status >= 3 AND status = " + number, "jobs_ended_by_agent", "jobs_ended_by_organization"}
	case s == steward.StatusStarted:
		return condition{" AND status = 1", "jobs_running", "jobs_running"}
	case n > 0 && want*counts.of(nil)/n < n:
		all := whereAll()
		return condition{" AND status = " + number, all.byAgent, all.byOrg}
	default:
		return condition{" AND status IN (0, 2) AND last_chance IN (0, 1) AND status = " + number, "jobs_ready", "jobs_ready"}
	}
}

// places returns the places of the jobs of one condition, in order.
func (c *conn) places(where condition, org steward.OrganizationID, agent steward.AgentID, limit, offset int) ([]listed, error) {
	index, filter, args := where.byOrg, "organization_id = ?", []any{org}
	if agent != "" {
		index, filter, args = where.byAgent, filter+" AND agent_id = ?", append(args, agent)
	}
	var list []listed
	err := c.query("SELECT seq, created_at, id FROM jobs INDEXED BY "+index+" WHERE "+filter+where.status+
		" ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?", append(args, limit, offset), func(r row) error {
		list = append(list, listed{r.int(0), r.int(1), r.text(2)})
		return nil
	})
	return list, err
}

package sqlite

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
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
		var page joblist.Page
		if q.AgentID == "" {
			page, err = c.pageOfAll(org, q, limit)
		} else {
			page, err = c.pageOfAgent(org, &q, limit)
		}
		if err != nil {
			return err
		}
		count = page.Count
		for _, seq := range page.Seqs {
			_, err := c.first("SELECT "+listColumns+" FROM jobs WHERE seq = ?", []any{seq}, func(r row) error {
				rows = append(rows, scanListed(r))
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
		j, err := decodeListed(&rows[i])
		if err != nil {
			return nil, 0, failed("list jobs", err)
		}
		jobs = append(jobs, *j)
	}
	return jobs, count, nil
}

// scanListed reads listColumns. The verdict stands in the place of the outputs.
func scanListed(r row) storerow.Job {
	j := scanHead(r)
	j.Inputs, j.Outputs = r.text(headWidth), r.text(headWidth+1)
	scanTail(&j, r[headWidth+2:])
	return j
}

// decodeListed decodes a job of a list. One whose inputs cannot be read is listed without them.
func decodeListed(raw *storerow.Job) (*steward.Job, error) {
	verdict := raw.Outputs
	raw.Outputs = ""
	j, err := raw.Decode()
	if err != nil {
		raw.Inputs = ""
		if j, err = raw.Decode(); err != nil {
			return nil, err
		}
	}
	j.Verdict, j.Outputs, j.References = verdict, nil, nil
	return j, nil
}

// pageOfAgent finds a page of an agent's jobs.
func (c *conn) pageOfAgent(org steward.OrganizationID, q *store.JobQuery, limit int) (joblist.Page, error) {
	l := laneLists{conn: c, lane: lane{string(org), string(q.AgentID)}}
	alive, err := agentsSeen{}.alive(c, l.lane.agent)
	if err != nil {
		return joblist.Page{}, err
	}
	found, err := c.laneNumber(l.lane, &l.number)
	if err != nil {
		return joblist.Page{}, err
	}
	if !found || !alive {
		l.number = 0 // the lane of nobody: the list is empty, but the query is checked all the same
	}
	return joblist.List(&l, q, limit)
}

// pageOfAll finds a page of the jobs of all agents of an organization.
func (c *conn) pageOfAll(org steward.OrganizationID, q store.JobQuery, limit int) (joblist.Page, error) {
	counts, err := c.countJobs(org)
	if err != nil {
		return joblist.Page{}, err
	}
	page := joblist.Page{Count: counts.of(q.Status)}
	if int64(q.Offset) >= page.Count {
		return page, nil
	}
	places, err := c.pageOfJobs(org, q, limit, counts)
	for _, p := range places {
		page.Seqs = append(page.Seqs, p.seq)
	}
	return page, err
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

// countJobs returns the counters of all agents of an organization that are not deleted.
func (c *conn) countJobs(org steward.OrganizationID) (jobCounts, error) {
	counts := jobCounts{}
	err := c.query("SELECT status, sum(jobs) FROM job_counts WHERE organization_id = ? AND "+ofLiving+" GROUP BY status", []any{org},
		func(r row) error {
			counts[steward.Status(r.int(0))] += r.int(1)
			return nil
		})
	return counts, err
}

// ofLiving is the condition that a row is of an agent that is not deleted.
const ofLiving = "agent_id NOT IN (SELECT id FROM agents INDEXED BY agents_deleted WHERE deleted_at > 0)"

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

// pageOfJobs returns the places of one page: the heads of the lists that make it up, merged.
func (c *conn) pageOfJobs(org steward.OrganizationID, q store.JobQuery, limit int, counts jobCounts) ([]listed, error) {
	if len(q.Status) == 0 {
		return c.places(condition{"", "jobs_by_organization"}, org, limit, q.Offset)
	}
	want := q.Offset + limit
	all, err := c.endedPlaces(org, q.Status, want)
	if err != nil {
		return nil, err
	}
	for s := steward.StatusPending; !s.Terminal(); s++ {
		if !slices.Contains(q.Status, s) {
			continue
		}
		some, err := c.places(conditionOf(s, counts, int64(want)), org, want, 0)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, newestFirst)
	return all[min(q.Offset, len(all)):min(want, len(all))], nil
}

// endedPlaces returns the places of the newest jobs that ended with one of statuses. The sets of all agents' jobs say which they
// are; the order comes from a walk over all jobs of the organization or, when that would be longer, from the rows.
func (c *conn) endedPlaces(org steward.OrganizationID, statuses []steward.Status, want int) ([]listed, error) {
	set := new(joblist.Set)
	for s := steward.StatusSuccess; s <= steward.StatusCached; s++ {
		if !slices.Contains(statuses, s) {
			continue
		}
		err := c.query("SELECT b.chunk, b.bits FROM job_lanes l CROSS JOIN job_bits b ON b.lane = l.id AND b.term = ? WHERE l.organization_id = ? AND l."+ofLiving,
			[]any{joblist.StatusTerm(s), org}, func(r row) error { return set.Merge(r.int(0), r.blob(1)) })
		if err != nil {
			return nil, err
		}
	}
	seqs, enough := []int64(nil), false
	n := set.Len()
	steps, last := 3*n, int64(0)
	err := c.query("SELECT seq, created_at FROM jobs INDEXED BY jobs_by_organization WHERE organization_id = ? ORDER BY created_at DESC", []any{org},
		func(r row) error {
			seq, created := r.int(0), r.int(1)
			if enough = len(seqs) == n || len(seqs) >= want && created != last; enough || steps <= 0 {
				return errStop
			}
			steps--
			if set.Has(seq) {
				seqs, last = append(seqs, seq), created
			}
			return nil
		})
	if err != nil && !errors.Is(err, errStop) {
		return nil, err
	}
	if len(seqs) < n && !enough {
		seqs = set.Numbers()
	}
	return c.placesOf(seqs)
}

// placesOf returns the places of jobs, in any order.
func (c *conn) placesOf(seqs []int64) (list []listed, err error) {
	text, err := numbers(seqs)
	if err != nil {
		return nil, err
	}
	err = c.query("SELECT j.seq, j.created_at, j.id FROM json_each(?) n CROSS JOIN jobs j ON j.seq = n.value", []any{text}, func(r row) error {
		list = append(list, listed{r.int(0), r.int(1), r.text(2)})
		return nil
	})
	return list, err
}

// condition is a part of a list that one index answers.
type condition struct {
	status string // SQL, "" for all
	index  string
}

// conditionOf returns the condition of the status of open jobs. Queued jobs have an index that holds only them, but in another order.
// When there are so many that it is cheaper to look for them among all jobs, newest first, that is done.
func conditionOf(s steward.Status, counts jobCounts, want int64) condition {
	number := string(rune('0' + int(s)))
	switch n := counts[s]; {
	case s == steward.StatusStarted:
		return condition{" AND status = 1", "jobs_running"}
	case n > 0 && want*counts.of(nil)/n < n:
		return condition{" AND status = " + number, "jobs_by_organization"}
	default:
		return condition{" AND status IN (0, 2) AND last_chance IN (0, 1) AND status = " + number, "jobs_ready"}
	}
}

// places returns the places of the jobs of one condition, in order.
func (c *conn) places(where condition, org steward.OrganizationID, limit, offset int) ([]listed, error) {
	var list []listed
	err := c.query("SELECT seq, created_at, id FROM jobs INDEXED BY "+where.index+" WHERE organization_id = ? AND "+ofLiving+where.status+
		" ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?", []any{org, limit, offset}, func(r row) error {
		list = append(list, listed{r.int(0), r.int(1), r.text(2)})
		return nil
	})
	return list, err
}

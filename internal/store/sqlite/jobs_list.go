package sqlite

import (
	"cmp"
	"context"
	"math"
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
			page, err = c.pageOfAll(org, &q, limit)
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

// pageOfAll finds a page of the jobs of all agents of an organization that are not deleted: it merges the heads of their lists. Nobody
// pays for that when jobs are stored, so it takes longer the more agents there are.
func (c *conn) pageOfAll(org steward.OrganizationID, q *store.JobQuery, limit int) (joblist.Page, error) {
	lists, err := c.livingLists(org)
	if err != nil {
		return joblist.Page{}, err
	}
	var page joblist.Page
	for i := range lists {
		found, err := joblist.List(&lists[i], &store.JobQuery{Status: q.Status, Offset: math.MaxInt}, 0) // only counts
		if err != nil {
			return joblist.Page{}, err
		}
		page.Count += found.Count
	}
	if int64(q.Offset) >= page.Count {
		return page, nil
	}
	want := int(min(page.Count, int64(q.Offset)+int64(limit)))
	var heads []int64
	for i := range lists {
		found, err := joblist.List(&lists[i], &store.JobQuery{Status: q.Status}, want)
		if err != nil {
			return joblist.Page{}, err
		}
		heads = append(heads, found.Seqs...)
	}
	places, err := c.placesOf(heads)
	if err != nil {
		return joblist.Page{}, err
	}
	slices.SortFunc(places, newestFirst)
	for _, p := range places[min(q.Offset, len(places)):min(want, len(places))] {
		page.Seqs = append(page.Seqs, p.seq)
	}
	return page, nil
}

// livingLists returns the lists of the agents of an organization that are not deleted.
func (c *conn) livingLists(org steward.OrganizationID) (lists []laneLists, err error) {
	err = c.query("SELECT id, agent_id FROM job_lanes WHERE organization_id = ? AND "+ofLiving, []any{org}, func(r row) error {
		lists = append(lists, laneLists{conn: c, lane: lane{string(org), r.text(1)}, number: r.int(0)})
		return nil
	})
	return lists, err
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

package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// listedJobsSQL reads the rows of a page.
const listedJobsSQL = `
select ` + listedColumns + `, shown_verdict from unnest($1::bigint[]) with ordinality as g (job_seq, ord)
cross join lateral (select id as job_id from job_list where seq = g.job_seq limit 1) l
cross join lateral (select * from jobs where id = l.job_id limit 1) j
left join lateral (select verdict as shown_verdict from job_ends where seq = g.job_seq limit 1) e on true
order by g.ord`

// ListJobs implements store.Jobs.
func (s *Store) ListJobs(ctx context.Context, org steward.OrganizationID, q store.JobQuery) ([]steward.Job, int64, error) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(q.AgentID)
	jobs, count := []steward.Job{}, int64(0)
	if !okOrg || (!okAgent && q.AgentID != "") {
		return jobs, 0, nil
	}
	asked := q
	if !okAgent {
		asked = store.JobQuery{Status: q.Status, Offset: q.Offset}
	}
	err = s.seen(ctx, "list jobs", func(tx pgx.Tx) error {
		src := &listSource{ctx: ctx, tx: tx, org: orgID, agent: agentID, order: asked.Order, cache: &s.lists}
		page, err := joblist.List(src, &asked, limit)
		if err != nil || len(page.Seqs) == 0 {
			count = page.Count
			return err
		}
		count = page.Count
		rows, err := tx.Query(ctx, listedJobsSQL, page.Seqs)
		if err != nil {
			return err
		}
		jobs, err = scanListed(rows)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return jobs, count, nil
}

// scanListed reads listedColumns and the verdict.
func scanListed(rows pgx.Rows) ([]steward.Job, error) {
	defer rows.Close()
	jobs := []steward.Job{}
	for rows.Next() {
		var r jobRow
		var verdict *string
		if err := rows.Scan(append(r.into(), &verdict)...); err != nil {
			return nil, err
		}
		job, err := r.decode()
		if err != nil { // inputs that cannot be read are not shown; the job is
			r.row.Inputs = ""
			job, err = r.decode()
		}
		if err != nil {
			return nil, err
		}
		if verdict != nil {
			job.Verdict = *verdict
		}
		jobs = append(jobs, *job)
	}
	return jobs, rows.Err()
}

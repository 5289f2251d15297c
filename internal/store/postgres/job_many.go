package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// maxMany is how many jobs one call reads.
const maxMany = 1000

// Each id is looked up by itself, so that the plan is the same for one and for a thousand.
const (
	statusesSQL = `
select ` + manyStatusColumns + ` from unnest($1::uuid[]) with ordinality as g (wanted, ord)
cross join lateral (select * from jobs where id = g.wanted and (organization_id = $2) is true` + ofLiving + ` limit 1) j
order by g.ord`
	resultsSQL = `
select ` + resultColumns + ` from unnest($1::uuid[]) with ordinality as g (wanted, ord)
cross join lateral (select * from jobs where id = g.wanted and (organization_id = $2) is true` + ofLiving + ` limit 1) j
order by g.ord`
)

// JobStatuses implements store.Jobs.
func (s *Store) JobStatuses(ctx context.Context, org steward.OrganizationID, ids []steward.JobID) ([]store.JobStatus, error) {
	list := make([]store.JobStatus, 0, len(ids))
	err := s.many(ctx, "read job statuses", statusesSQL, org, ids, func(row pgx.Row) error {
		st, err := scanStatus(row)
		st.Cost = nil // not asked for
		list = append(list, st)
		return err
	})
	return list, err
}

// JobResults implements store.Jobs.
func (s *Store) JobResults(ctx context.Context, org steward.OrganizationID, ids []steward.JobID) ([]steward.Job, error) {
	list := make([]steward.Job, 0, len(ids))
	err := s.many(ctx, "read job results", resultsSQL, org, ids, func(row pgx.Row) error {
		job, err := scanJob(row)
		if err == nil {
			list = append(list, *job)
		}
		return err
	})
	return list, err
}

// scanJob reads jobColumns, or those that stand in for them.
func scanJob(row pgx.Row) (*steward.Job, error) {
	var r jobRow
	if err := row.Scan(r.into()...); err != nil {
		return nil, err
	}
	return r.decode()
}

// many runs a query that answers one row for each job of an organization. Errors: Invalid for too many; NotFound.
func (s *Store) many(ctx context.Context, op, sql string, org steward.OrganizationID, ids []steward.JobID, each func(row pgx.Row) error) error {
	if len(ids) > maxMany {
		return storerow.OutOfRange("job_ids", fmt.Sprintf("At most %d jobs can be read at once.", maxMany))
	}
	if len(ids) == 0 {
		return nil
	}
	orgID, ok := toUID(org)
	wanted := make([]uid, len(ids))
	for i := range ids {
		if !ok {
			break
		}
		wanted[i], ok = toUID(ids[i])
	}
	if !ok {
		return storerow.NotFound("Job")
	}
	rows, err := s.pool.Query(ctx, sql, wanted, orgID)
	if err != nil {
		return translate(op, err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		if err := each(rows); err != nil {
			return translate(op, err)
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return translate(op, err)
	}
	if n != len(ids) {
		return storerow.NotFound("Job")
	}
	return nil
}

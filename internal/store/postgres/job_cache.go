package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

const (
	// findResultsSQL answers the places in the arguments whose key has a result, and the job that it is of. That job keeps its
	// data until the transaction ends.
	findResultsSQL = `
select g.ord, j.id
from unnest($1::bytea[], $2::uuid[], $3::timestamptz[], $4::boolean[]) with ordinality as g (key, organization_id, now, failed_too, ord)
cross join lateral (
    select job_id from job_cache c
    where c.key = g.key and c.organization_id = g.organization_id and c.expires_at > g.now and (not c.failed or g.failed_too) limit 1) c
cross join lateral (select id from jobs where id = c.job_id and (data_deleted_at is null) is true for key share) j`
	holdBlobsSQL = `
insert into job_blobs (job_id, sha256)
select g.job_id, b.sha256 from unnest($1::uuid[], $2::uuid[]) as g (job_id, source)
cross join lateral (select sha256 from job_blobs where job_id = g.source) b`
	// holdArtifactsSQL copies what evidence in the outputs names. Keys name the job as well.
	holdArtifactsSQL = `
insert into artifacts (job_id, key, result, metadata, input, usage)
select g.job_id, replace(a.key, g.source::text, g.job_id::text), a.result, a.metadata, a.input, a.usage
from unnest($1::uuid[], $2::uuid[]) as g (job_id, source)
cross join lateral (select * from artifacts where job_id = g.source) a`
	forgetResultsSQL = `
delete from job_cache c using (
    select key, organization_id from job_cache where expires_at <= $1 order by expires_at limit $2 for update skip locked) old
where c.key = old.key and c.organization_id = old.organization_id`
)

// findResults finds the results that answer jobs of the calls.
func (b *submitTx) findResults(ctx context.Context) error {
	var asking []*newRow
	for _, c := range b.calls {
		for i := range c.jobs {
			if r := &c.jobs[i]; r.asksCache() {
				r.source = uid{}
				asking = append(asking, r)
			}
		}
	}
	if len(asking) == 0 {
		return nil
	}
	n := len(asking)
	keys, orgs, nows, failed := make([][]byte, n), make([]uid, n), make([]pgtype.Timestamptz, n), make([]bool, n)
	for i, r := range asking {
		keys[i], orgs[i], nows[i], failed[i] = r.job.Cache.Key[:], r.org, r.createdAt, r.job.Cache.ReadFailure
	}
	rows, err := b.tx.Query(ctx, findResultsSQL, keys, orgs, nows, failed)
	if err != nil {
		return err
	}
	var ord int
	var source uid
	_, err = pgx.ForEachRow(rows, []any{&ord, &source}, func() error {
		asking[ord-1].source = source
		return nil
	})
	return err
}

// holdResults makes jobs that were answered from the cache hold what their results refer to, and clears away a few entries that
// have expired.
func (b *submitTx) holdResults(ctx context.Context, rows []*newRow) error {
	var jobs, sources []uid
	var now pgtype.Timestamptz
	asking := 0
	for _, r := range rows {
		if r.source.Valid {
			jobs, sources = append(jobs, r.id), append(sources, r.source)
		}
		if r.asksCache() {
			asking++
			if r.createdAt.Time.After(now.Time) {
				now = r.createdAt
			}
		}
	}
	if asking == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	if len(jobs) > 0 {
		batch.Queue(holdBlobsSQL, jobs, sources)
		batch.Queue(holdArtifactsSQL, jobs, sources)
	}
	batch.Queue(forgetResultsSQL, now, 2*asking)
	return b.tx.SendBatch(ctx, batch).Close()
}

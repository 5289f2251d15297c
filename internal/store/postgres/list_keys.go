package postgres

import (
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
)

// keysSQL looks at no more rows than it must: $2 says that something about the ends is asked for, $3 that versions are. Open jobs have the
// time of their last change in jobs alone.
const keysSQL = `
select g.seq, coalesce(e.id, l.id), coalesce(l.version_name, ''), coalesce(e.created_at, l.created_at), coalesce(e.status, o.status, 0),
    coalesce(e.ended_at, o.updated_at), e.cost, e.duration
from unnest($1::bigint[]) as g (seq)
left join lateral (
    select id, created_at, status, ended_at, cost, duration from job_ends where seq = case when $2::boolean then g.seq end limit 1) e on true
left join lateral (
    select id, version_name, created_at from job_list where seq = case when e.id is null or $3::boolean then g.seq end limit 1) l on true
left join lateral (
    select status, updated_at from jobs where id = case when $2::boolean and e.id is null then l.id end limit 1) o on true
where coalesce(e.id, l.id) is not null`

// Keys implements joblist.Source.
func (l *listSource) Keys(seqs []int64) ([]joblist.Keys, error) {
	rows, err := l.tx.Query(l.ctx, keysSQL, seqs, l.orders(store.ByStatus, store.ByUpdated, store.ByCost, store.ByDuration), l.orders(store.ByVersionName))
	if err != nil {
		return nil, err
	}
	list := make([]joblist.Keys, 0, len(seqs))
	var id uid
	var created, updated pgtype.Timestamptz
	var cost, duration pgtype.Int8
	var k joblist.Keys
	_, err = pgx.ForEachRow(rows, []any{&k.Seq, &id, &k.VersionName, &created, &k.Status, &updated, &cost, &duration}, func() error {
		k.ID, k.Created, k.Updated = fromUID[string](id), micros(created), micros(updated)
		k.Cost, k.Duration = orNone(cost), orNone(duration)
		list = append(list, k)
		return nil
	})
	return list, err
}

// orders reports whether the list is ordered by one of some keys.
func (l *listSource) orders(keys ...store.JobOrderKey) bool {
	return slices.ContainsFunc(l.order, func(o store.JobOrder) bool { return slices.Contains(keys, o.By) })
}

// orNone is a value, or joblist.None for null.
func orNone(v pgtype.Int8) int64 {
	if !v.Valid {
		return joblist.None
	}
	return v.Int64
}

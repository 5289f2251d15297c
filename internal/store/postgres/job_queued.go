package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
)

// Each half is answered by an index of its own.
const queuedSQL = `
select substr(lane, 1, 16), count(*) from jobs where status <= 2 and lease_until is null and not last_chance group by 1
union all
select substr(lane, 1, 16), count(*) from jobs where status <= 2 and lease_until is null and last_chance group by 1`

// CountQueued implements store.Queue.
func (s *Store) CountQueued(ctx context.Context) (map[steward.OrganizationID]int64, error) {
	counts := map[steward.OrganizationID]int64{}
	rows, err := s.pool.Query(ctx, queuedSQL)
	if err != nil {
		return nil, translate("count queued jobs", err)
	}
	var org []byte
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&org, &n}, func() error {
		counts[fromUID[steward.OrganizationID](uid{Bytes: [16]byte(org), Valid: true})] += n
		return nil
	})
	if err != nil {
		return nil, translate("count queued jobs", err)
	}
	return counts, nil
}

package sqlite

import (
	"context"

	"github.com/stewardhq/steward"
)

// CountQueued implements store.Queue.
func (s *Store) CountQueued(ctx context.Context) (map[steward.OrganizationID]int64, error) {
	counts := map[steward.OrganizationID]int64{}
	err := s.read(ctx, "count queued jobs", func(c *conn) error {
		clear(counts)
		return c.query(`SELECT organization_id, count(*) FROM jobs INDEXED BY jobs_ready WHERE status IN (0, 2)
			GROUP BY last_chance, organization_id`, nil, func(r row) error {
			counts[steward.OrganizationID(r.text(0))] += r.int(1)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

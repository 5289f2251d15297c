package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// noAgent stands in the books for what was used outside of jobs.
func noAgent() uid { return uid{Valid: true} }

// Book implements store.Books.
func (s *Store) Book(ctx context.Context, org steward.OrganizationID, b store.Booking) error {
	id, err := storeUID("organization_id", org)
	if err != nil {
		return err
	}
	if err := storable("model", b.Model, "provider", b.Provider); err != nil {
		return err
	}
	return s.inTx(ctx, "book usage", func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		key := usageKey{agentKey{id, noAgent()}, b.At.UTC().Truncate(24 * time.Hour), b.Model, b.Provider, noBatch()}
		queueUsage(batch, map[usageKey]*steward.Tally{key: &b.Tally})
		return tx.SendBatch(ctx, batch).Close()
	})
}

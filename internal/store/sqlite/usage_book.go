package sqlite

import (
	"context"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// Book implements store.Books.
func (s *Store) Book(ctx context.Context, org steward.OrganizationID, b store.Booking) error {
	return s.write(ctx, "book usage", func(t *tx) error {
		t.wrote = true
		t.used = append(t.used, usageNote{
			usageKey{lane: lane{organization: string(org)}, day: storerow.Day(b.At), model: b.Model, provider: b.Provider}, b.Tally,
		})
		return nil
	})
}

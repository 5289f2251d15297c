package sqlite

import (
	"bytes"
	"context"
	"time"

	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// expireSQL clears away creations that have expired.
const expireSQL = `DELETE FROM creations WHERE rowid IN (SELECT rowid FROM creations WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`

// BeginCreation implements store.Creations.
func (s *Store) BeginCreation(ctx context.Context, c store.Creation, now time.Time) (first store.Creation, known bool, err error) {
	err = s.write(ctx, "begin creation", func(t *tx) error {
		first = c
		known, err = t.first(`SELECT object_id, sealed, expires_at FROM creations
			WHERE organization_id = ? AND kind = ? AND key = ? AND expires_at > ?`, []any{c.OrganizationID, c.Kind, c.Key, now},
			func(r row) error {
				first.ObjectID, first.Sealed, first.ExpiresAt = r.text(0), bytes.Clone(r.blob(1)), r.time(2)
				return nil
			})
		if err != nil || known {
			return err
		}
		if err := t.noteCreation(&c); err != nil {
			return err
		}
		_, err := t.change(expireSQL, now, 2)
		return err
	})
	return first, known, err
}

// noteCreation writes a creation in place of what stands under its key.
func (t *tx) noteCreation(c *store.Creation) error {
	_, err := t.change(`INSERT OR REPLACE INTO creations (organization_id, kind, key, object_id, sealed, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
		c.OrganizationID, c.Kind, c.Key, c.ObjectID, c.Sealed, c.ExpiresAt)
	return err
}

// EndCreation implements store.Creations.
func (s *Store) EndCreation(ctx context.Context, c store.Creation) error {
	return s.write(ctx, "end creation", func(t *tx) error { return t.noteCreation(&c) })
}

// DropCreation implements store.Creations.
func (s *Store) DropCreation(ctx context.Context, c store.Creation) error {
	return s.write(ctx, "drop creation", func(t *tx) error {
		_, err := t.change("DELETE FROM creations WHERE organization_id = ? AND kind = ? AND key = ? AND object_id = ?",
			c.OrganizationID, c.Kind, c.Key, c.ObjectID)
		return err
	})
}

// ExpireCreations implements store.Creations.
func (s *Store) ExpireCreations(ctx context.Context, now time.Time, limit int) (n int, err error) {
	if limit <= 0 {
		return 0, storerow.OutOfRange("limit", "limit must be positive.")
	}
	err = s.write(ctx, "expire creations", func(t *tx) error {
		gone, err := t.change(expireSQL, now, limit)
		n = int(gone)
		return err
	})
	if err != nil {
		return 0, err // what was deleted is there again
	}
	return n, nil
}

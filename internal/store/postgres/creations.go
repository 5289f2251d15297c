package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

const (
	// beginCreationSQL notes a creation unless one that has not expired is noted. It waits for others at the same key.
	beginCreationSQL = `
insert into creations as c (organization_id, kind, key, object_id, sealed, expires_at) values ($1, $2, $3, $4, $5, $6)
on conflict (organization_id, kind, key) do update
set object_id = excluded.object_id, sealed = excluded.sealed, expires_at = excluded.expires_at where c.expires_at <= $7`
	findCreationSQL = `select object_id::text, sealed, expires_at from creations where organization_id = $1 and kind = $2 and key = $3`
	endCreationSQL  = `
insert into creations (organization_id, kind, key, object_id, sealed, expires_at) values ($1, $2, $3, $4, $5, $6)
on conflict (organization_id, kind, key) do update
set object_id = excluded.object_id, sealed = excluded.sealed, expires_at = excluded.expires_at`
	dropCreationSQL    = `delete from creations where organization_id = $1 and kind = $2 and key = $3 and object_id = $4`
	expireCreationsSQL = `
delete from creations c using (
    select organization_id, kind, key from creations where expires_at <= $1 order by expires_at limit $2 for update skip locked) old
where c.organization_id = old.organization_id and c.kind = old.kind and c.key = old.key`
)

// creationArgs are the arguments of endCreationSQL.
func creationArgs(c *store.Creation) ([]any, error) {
	org, err := storeUID("organization_id", c.OrganizationID)
	if err != nil {
		return nil, err
	}
	object, err := storeUID("object_id", c.ObjectID)
	if err != nil {
		return nil, err
	}
	if err := storable("kind", c.Kind, storerow.FieldIdempotencyKey, c.Key); err != nil {
		return nil, err
	}
	return []any{org, c.Kind, c.Key, object, c.Sealed, stamp(c.ExpiresAt)}, nil
}

// BeginCreation implements store.Creations.
func (s *Store) BeginCreation(ctx context.Context, c store.Creation, now time.Time) (first store.Creation, known bool, err error) {
	args, err := creationArgs(&c)
	if err != nil {
		return first, false, err
	}
	err = s.inTx(ctx, "begin creation", func(tx pgx.Tx) error {
		first, known = c, false
		tag, err := tx.Exec(ctx, beginCreationSQL, append(args, stamp(now))...)
		if err != nil {
			return err
		}
		if tag.RowsAffected() > 0 {
			_, err = tx.Exec(ctx, expireCreationsSQL, stamp(now), 2)
			return err
		}
		known = true
		err = tx.QueryRow(ctx, findCreationSQL, args[:3]...).Scan(&first.ObjectID, &first.Sealed, &first.ExpiresAt)
		if errors.Is(err, pgx.ErrNoRows) { // dropped in between
			return storerow.Unavailable(err)
		}
		return err
	})
	first.ExpiresAt = first.ExpiresAt.UTC()
	return first, known, err
}

// EndCreation implements store.Creations.
func (s *Store) EndCreation(ctx context.Context, c store.Creation) error {
	args, err := creationArgs(&c)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, "end creation", endCreationSQL, args...)
	return translate("end creation", err)
}

// DropCreation implements store.Creations.
func (s *Store) DropCreation(ctx context.Context, c store.Creation) error {
	args, err := creationArgs(&c)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, "drop creation", dropCreationSQL, args[:4]...)
	return translate("drop creation", err)
}

// ExpireCreations implements store.Creations.
func (s *Store) ExpireCreations(ctx context.Context, now time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, storerow.OutOfRange("limit", "limit must be positive.")
	}
	n, err := s.change(ctx, "expire creations", expireCreationsSQL, stamp(now), limit)
	return int(n), translate("expire creations", err)
}

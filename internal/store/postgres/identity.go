package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

const insertUserSQL = `
insert into users (organization_id, email, first_name, last_name, display_name, date_joined,
    is_staff, is_superuser, is_active, is_first_login, is_email_verified, is_mfa_enabled)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
returning id`

// Bootstrap implements store.Identity.
func (s *Store) Bootstrap(ctx context.Context, org steward.Organization, user steward.User, key store.KeyRecord) (steward.UserID, error) {
	orgID, err := storeUID("organization_id", org.ID)
	if err != nil {
		return 0, err
	}
	if err := storable("name", org.Name, "email", user.Email, "first_name", user.FirstName, "last_name", user.LastName,
		"display_name", user.DisplayName); err != nil {
		return 0, err
	}
	err = s.inTx(ctx, "bootstrap", func(tx pgx.Tx) error {
		// The lock makes a second Bootstrap wait and then find the first one's organization.
		if _, err := tx.Exec(ctx, `lock table organizations in share row exclusive mode`); err != nil {
			return err
		}
		var taken bool
		if err := tx.QueryRow(ctx, `select exists (select from organizations)`).Scan(&taken); err != nil {
			return err
		}
		if taken {
			return storerow.Conflict("", "There is an organization already.")
		}
		if _, err := tx.Exec(ctx, `insert into organizations (id, name, created_at) values ($1, $2, $3)`,
			orgID, org.Name, stamp(org.CreatedAt)); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, insertUserSQL, orgID, user.Email, user.FirstName, user.LastName, user.DisplayName, stamp(user.DateJoined),
			user.IsStaff, user.IsSuperuser, user.IsActive, user.IsFirstLogin, user.IsEmailVerified, user.IsMFAEnabled).Scan(&user.ID); err != nil {
			return err
		}
		key.OrganizationID, key.UserID = org.ID, user.ID
		return insertKey(ctx, tx, key)
	})
	if err != nil {
		return 0, err
	}
	return user.ID, nil
}

// Organization implements store.Identity.
func (s *Store) Organization(ctx context.Context, id steward.OrganizationID) (*steward.Organization, error) {
	orgID, ok := toUID(id)
	if !ok {
		return nil, storerow.NotFound("Organization")
	}
	org := steward.Organization{ID: id}
	err := s.pool.QueryRow(ctx, `select name, created_at from organizations where id = $1`, orgID).Scan(&org.Name, &org.CreatedAt)
	if err != nil {
		return nil, translate("read organization", notFound("Organization", err))
	}
	return &org, nil
}

// User implements store.Identity.
func (s *Store) User(ctx context.Context, org steward.OrganizationID, id steward.UserID) (*steward.User, error) {
	orgID, ok := toUID(org)
	if !ok {
		return nil, storerow.NotFound("User")
	}
	u := steward.User{ID: id, OrganizationID: org}
	err := s.pool.QueryRow(ctx, `
select email, first_name, last_name, display_name, date_joined,
    is_staff, is_superuser, is_active, is_first_login, is_email_verified, is_mfa_enabled
from users where (organization_id = $1) is true and id = $2`, orgID, int64(id)).Scan(
		&u.Email, &u.FirstName, &u.LastName, &u.DisplayName, &u.DateJoined,
		&u.IsStaff, &u.IsSuperuser, &u.IsActive, &u.IsFirstLogin, &u.IsEmailVerified, &u.IsMFAEnabled)
	if err != nil {
		return nil, translate("read user", notFound("User", err))
	}
	return &u, nil
}

const keyColumns = `id, organization_id, user_id, name, prefix, scopes, created_at, expires_at, last_used_at, revoked_at`

// CreateKey implements store.Identity.
func (s *Store) CreateKey(ctx context.Context, key store.KeyRecord) error {
	return s.inTx(ctx, "create key", func(tx pgx.Tx) error { return insertKey(ctx, tx, key) })
}

func insertKey(ctx context.Context, tx pgx.Tx, k store.KeyRecord) error {
	id, err := storeUID("id", k.ID)
	if err != nil {
		return err
	}
	org, err := storeUID("organization_id", k.OrganizationID)
	if err != nil {
		return err
	}
	if err := storable("name", k.Name, "prefix", k.Prefix); err != nil {
		return err
	}
	scopes, err := storerow.List(k.Scopes)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `insert into keys (hash, `+keyColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		k.Hash[:], id, org, int64(k.UserID), k.Name, k.Prefix, scopes, stamp(k.CreatedAt), stampPtr(k.ExpiresAt), stampPtr(k.LastUsedAt), stampPtr(k.RevokedAt))
	if isUnique(err) {
		return storerow.Conflict("", "There is a key of this id or prefix already.")
	}
	return err
}

// scanKey reads keyColumns, behind them more.
func scanKey(row pgx.Row, k *steward.Key, more ...any) error {
	var id, org uid
	var scopes string
	var created, expires, used, revoked pgtype.Timestamptz
	into := append([]any{&id, &org, &k.UserID, &k.Name, &k.Prefix, &scopes, &created, &expires, &used, &revoked}, more...)
	if err := row.Scan(into...); err != nil {
		return err
	}
	k.ID, k.OrganizationID = fromUID[steward.KeyID](id), fromUID[steward.OrganizationID](org)
	k.CreatedAt, k.ExpiresAt, k.LastUsedAt, k.RevokedAt = fromStamp(created), fromStampPtr(expires), fromStampPtr(used), fromStampPtr(revoked)
	var err error
	k.Scopes, err = storerow.ParseList[steward.Scope](scopes)
	return err
}

// KeyByPrefix implements store.Identity.
func (s *Store) KeyByPrefix(ctx context.Context, prefix string) (*store.KeyRecord, error) {
	if storable("prefix", prefix) != nil {
		return nil, storerow.NotFound("Key")
	}
	var k store.KeyRecord
	var hash []byte
	if err := scanKey(s.pool.QueryRow(ctx, `select `+keyColumns+`, hash from keys where prefix = $1`, prefix), &k.Key, &hash); err != nil {
		return nil, translate("read key", notFound("Key", err))
	}
	copy(k.Hash[:], hash)
	return &k, nil
}

// maxKeys bounds what ListKeys returns.
const maxKeys = 1000

// ListKeys implements store.Identity.
func (s *Store) ListKeys(ctx context.Context, org steward.OrganizationID) ([]steward.Key, error) {
	keys := []steward.Key{}
	orgID, ok := toUID(org)
	if !ok {
		return keys, nil
	}
	rows, err := s.pool.Query(ctx, `select `+keyColumns+` from keys where organization_id = $1 order by created_at desc, id desc limit $2`, orgID, maxKeys)
	if err != nil {
		return nil, translate("list keys", err)
	}
	defer rows.Close()
	for rows.Next() {
		var k steward.Key
		if err := scanKey(rows, &k); err != nil {
			return nil, translate("list keys", err)
		}
		keys = append(keys, k)
	}
	return keys, translate("list keys", rows.Err())
}

// RevokeKey implements store.Identity.
func (s *Store) RevokeKey(ctx context.Context, org steward.OrganizationID, id steward.KeyID, at time.Time) error {
	orgID, okOrg := toUID(org)
	keyID, okKey := toUID(id)
	if !okOrg || !okKey {
		return storerow.NotFound("Key")
	}
	revoked, err := s.change(ctx, "revoke key", `update keys set revoked_at = coalesce(revoked_at, $3) where (organization_id = $1) is true and id = $2`, orgID, keyID, stamp(at))
	if err != nil {
		return translate("revoke key", err)
	}
	if revoked == 0 {
		return storerow.NotFound("Key")
	}
	return nil
}

// TouchKeys implements store.Identity. An earlier time never replaces a later one.
func (s *Store) TouchKeys(ctx context.Context, used map[steward.KeyID]time.Time) error {
	var ids []uid
	var times []pgtype.Timestamptz
	for id, at := range used {
		if keyID, ok := toUID(id); ok {
			ids = append(ids, keyID)
			times = append(times, stamp(at))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	// The rows are locked in the order of their ids, so that two processes never wait for each other.
	_, err := s.change(ctx, "touch keys", `
with given as (select * from unnest($1::uuid[], $2::timestamptz[]) as g (id, used_at)),
held as (select id from keys where id = any ($1) order by id for update)
update keys k set last_used_at = greatest(k.last_used_at, g.used_at)
from held h, given g where k.id = h.id and g.id = h.id`, ids, times)
	return translate("touch keys", err)
}

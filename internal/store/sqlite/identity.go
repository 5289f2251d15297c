package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// maxKeys is how many keys ListKeys returns at most.
const maxKeys = 1000

// Bootstrap implements store.Identity.
func (s *Store) Bootstrap(ctx context.Context, org steward.Organization, user steward.User, key store.KeyRecord) (steward.UserID, error) {
	scopes, err := storerow.List(key.Scopes)
	if err != nil {
		return 0, err
	}
	err = s.write(ctx, "bootstrap", func(t *tx) error {
		exists, err := t.first("SELECT 1 FROM organizations LIMIT 1", nil, noRow)
		if err != nil {
			return err
		}
		if exists {
			return storerow.Conflict("", "An organization exists already.")
		}
		if _, err := t.change("INSERT INTO organizations (id, name, created_at) VALUES (?, ?, ?)", org.ID, org.Name, org.CreatedAt); err != nil {
			return err
		}
		t.wrote = true
		_, err = t.first(`INSERT INTO users (organization_id, email, first_name, last_name, display_name, date_joined,
				is_staff, is_superuser, is_active, is_first_login, is_email_verified, is_mfa_enabled)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			[]any{org.ID, user.Email, user.FirstName, user.LastName, user.DisplayName, user.DateJoined,
				user.IsStaff, user.IsSuperuser, user.IsActive, user.IsFirstLogin, user.IsEmailVerified, user.IsMFAEnabled},
			func(r row) error { user.ID = steward.UserID(r.int(0)); return nil })
		if err != nil {
			return err
		}
		key.OrganizationID, key.UserID = org.ID, user.ID
		return t.insertKey(&key, scopes)
	})
	return user.ID, err
}

// insertKey stores a key.
func (t *tx) insertKey(k *store.KeyRecord, scopes string) error {
	_, err := t.change(`INSERT INTO keys (id, organization_id, user_id, name, prefix, hash, scopes, created_at, expires_at, last_used_at, revoked_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		k.ID, k.OrganizationID, k.UserID, k.Name, k.Prefix, k.Hash[:], scopes, k.CreatedAt,
		storerow.MicrosPtr(k.ExpiresAt), storerow.MicrosPtr(k.LastUsedAt), storerow.MicrosPtr(k.RevokedAt))
	if isUnique(err) {
		return storerow.Conflict("prefix", "A key with this id or prefix exists already.")
	}
	return err
}

// Organization implements store.Identity.
func (s *Store) Organization(ctx context.Context, id steward.OrganizationID) (*steward.Organization, error) {
	o := &steward.Organization{ID: id}
	err := s.read(ctx, "get organization", func(c *conn) error {
		found, err := c.first("SELECT name, created_at FROM organizations WHERE id = ?", []any{id},
			func(r row) error { o.Name, o.CreatedAt = r.text(0), r.time(1); return nil })
		return orNotFound("Organization", found, err)
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// User implements store.Identity.
func (s *Store) User(ctx context.Context, org steward.OrganizationID, id steward.UserID) (*steward.User, error) {
	u := &steward.User{ID: id, OrganizationID: org}
	err := s.read(ctx, "get user", func(c *conn) error {
		found, err := c.first(`SELECT email, first_name, last_name, display_name, date_joined,
				is_staff, is_superuser, is_active, is_first_login, is_email_verified, is_mfa_enabled
			FROM users WHERE id = ? AND organization_id = ?`, []any{id, org}, func(r row) error {
			u.Email, u.FirstName, u.LastName, u.DisplayName, u.DateJoined = r.text(0), r.text(1), r.text(2), r.text(3), r.time(4)
			u.IsStaff, u.IsSuperuser, u.IsActive = r.bool(5), r.bool(6), r.bool(7)
			u.IsFirstLogin, u.IsEmailVerified, u.IsMFAEnabled = r.bool(8), r.bool(9), r.bool(10)
			return nil
		})
		return orNotFound("User", found, err)
	})
	if err != nil {
		return nil, err
	}
	return u, nil
}

// CreateKey implements store.Identity.
func (s *Store) CreateKey(ctx context.Context, key store.KeyRecord) error {
	scopes, err := storerow.List(key.Scopes)
	if err != nil {
		return err
	}
	return s.write(ctx, "create key", func(t *tx) error { return t.insertKey(&key, scopes) })
}

// keyColumns are the columns of a key in the order of scanKey.
const keyColumns = "id, organization_id, user_id, name, prefix, hash, scopes, created_at, expires_at, last_used_at, revoked_at"

// scanKey reads keyColumns.
func scanKey(r row) (k store.KeyRecord, err error) {
	k.Key = steward.Key{
		ID: steward.KeyID(r.text(0)), OrganizationID: steward.OrganizationID(r.text(1)), UserID: steward.UserID(r.int(2)),
		Name: r.text(3), Prefix: r.text(4), CreatedAt: r.time(7),
		ExpiresAt: storerow.TimePtr(r.int(8)), LastUsedAt: storerow.TimePtr(r.int(9)), RevokedAt: storerow.TimePtr(r.int(10)),
	}
	if n := copy(k.Hash[:], r.blob(5)); n != len(k.Hash) {
		return k, fmt.Errorf("key %s has a hash of %d bytes", k.ID, n)
	}
	k.Scopes, err = storerow.ParseList[steward.Scope](r.text(6))
	return k, err
}

// KeyByPrefix implements store.Identity.
func (s *Store) KeyByPrefix(ctx context.Context, prefix string) (*store.KeyRecord, error) {
	var k store.KeyRecord
	err := s.read(ctx, "find key", func(c *conn) error {
		found, err := c.first("SELECT "+keyColumns+" FROM keys WHERE prefix = ?", []any{prefix},
			func(r row) (err error) { k, err = scanKey(r); return err })
		return orNotFound("Key", found, err)
	})
	if err != nil {
		return nil, err
	}
	return &k, nil
}

// ListKeys implements store.Identity.
func (s *Store) ListKeys(ctx context.Context, org steward.OrganizationID) ([]steward.Key, error) {
	keys := []steward.Key{}
	err := s.read(ctx, "list keys", func(c *conn) error {
		return c.query("SELECT "+keyColumns+" FROM keys WHERE organization_id = ? ORDER BY created_at DESC, id DESC LIMIT ?",
			[]any{org, maxKeys}, func(r row) error {
				k, err := scanKey(r)
				keys = append(keys, k.Key)
				return err
			})
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// RevokeKey implements store.Identity.
func (s *Store) RevokeKey(ctx context.Context, org steward.OrganizationID, id steward.KeyID, at time.Time) error {
	return s.write(ctx, "revoke key", func(t *tx) error {
		n, err := t.change("UPDATE keys SET revoked_at = iif(revoked_at = 0, ?, revoked_at) WHERE id = ? AND organization_id = ?", at, id, org)
		if err == nil && n == 0 {
			err = storerow.NotFound("Key")
		}
		return err
	})
}

// TouchKeys implements store.Identity. A time earlier than the recorded one changes nothing.
func (s *Store) TouchKeys(ctx context.Context, used map[steward.KeyID]time.Time) error {
	if len(used) == 0 {
		return nil
	}
	return s.write(ctx, "touch keys", func(t *tx) error {
		for id, at := range used {
			if _, err := t.change("UPDATE keys SET last_used_at = max(last_used_at, ?) WHERE id = ?", at, id); err != nil {
				return err
			}
		}
		return nil
	})
}

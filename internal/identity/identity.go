// Package identity knows who asks: organizations, users and API keys.
//
// A key belongs to one user of one organization and carries scopes. Its token is shown once; the database keeps a prefix to
// find it by and a hash to check it with.
package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/store"
)

// Service answers who a token belongs to and manages keys. Safe for concurrent use.
type Service struct {
	store store.Identity
	clock clock.Clock
	log   *slog.Logger

	mu      sync.Mutex
	cache   map[string]cached    // by prefix
	unknown map[string]time.Time // prefixes that no key had a moment ago; apart, so that guessing drives no key out of the cache
	epoch   int                  // goes up with every revocation: what was read before one is not kept
	used    map[steward.KeyID]time.Time
}

// cached is a key record as it was read a moment ago.
type cached struct {
	key  store.KeyRecord
	read time.Time
}

const (
	// cacheFor is how long another process may still accept a key that this one revoked. In one process a revocation
	// takes effect at once.
	cacheFor = 2 * time.Second
	// cacheSize bounds the cache; beyond it everything is read anew.
	cacheSize = 10_000
	// flushEvery is how precise last_used_at is.
	flushEvery = time.Minute
)

// New returns a Service. A nil logger means slog.Default().
func New(s store.Identity, c clock.Clock, log *slog.Logger) *Service {
	if log == nil {
		log = slog.Default()
	}
	return &Service{store: s, clock: c, log: log, cache: map[string]cached{}, unknown: map[string]time.Time{}, used: map[steward.KeyID]time.Time{}}
}

// errKey is the one answer to every token that does not work, so that answers tell nothing about keys.
func errKey() error {
	return &steward.Error{Code: steward.Unauthenticated, Message: "Invalid API key."}
}

// Authenticate returns the principal of a token as it stands behind "Bearer ".
//
// Errors: Unauthenticated for a token that is malformed, unknown, revoked or expired.
func (s *Service) Authenticate(ctx context.Context, token string) (*steward.Principal, error) {
	prefix, ok := parseToken(token)
	if !ok {
		return nil, errKey()
	}
	now := s.clock.Now()
	key, err := s.lookUp(ctx, prefix, now)
	if err != nil && steward.CodeOf(err) != steward.NotFound {
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	// A key that is not there has a hash of zeros, which no token has: the same work is done for it as for any other, so that the
	// time of an answer tells nothing either.
	hash := sha256.Sum256([]byte(token))
	switch {
	case subtle.ConstantTimeCompare(hash[:], key.Hash[:]) != 1,
		key.RevokedAt != nil,
		key.ExpiresAt != nil && !now.Before(*key.ExpiresAt):
		return nil, errKey()
	}
	s.touch(key.ID, now)
	return &steward.Principal{OrganizationID: key.OrganizationID, UserID: key.UserID, KeyID: key.ID, Scopes: key.Scopes}, nil
}

// lookUp finds a key by prefix, in the cache when it was read a moment ago. With NotFound comes a record of zeros.
func (s *Service) lookUp(ctx context.Context, prefix string, now time.Time) (store.KeyRecord, error) {
	s.mu.Lock()
	c, ok := s.cache[prefix]
	missed, missing := s.unknown[prefix]
	epoch := s.epoch
	s.mu.Unlock()
	if ok && now.Sub(c.read) < cacheFor {
		return c.key, nil
	}
	if missing && now.Sub(missed) < cacheFor {
		return store.KeyRecord{}, &steward.Error{Code: steward.NotFound}
	}
	key, err := s.store.KeyByPrefix(ctx, prefix)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.miss(prefix, now, err)
		return store.KeyRecord{}, err
	}
	delete(s.unknown, prefix)
	if len(s.cache) >= cacheSize {
		clear(s.cache)
	}
	if s.epoch == epoch {
		s.cache[prefix] = cached{key: *key, read: now}
	}
	return *key, nil
}

// miss remembers, under the lock, that no key has a prefix.
func (s *Service) miss(prefix string, now time.Time, err error) {
	if steward.CodeOf(err) != steward.NotFound {
		return
	}
	if len(s.unknown) >= cacheSize {
		clear(s.unknown)
	}
	s.unknown[prefix] = now
}

func (s *Service) touch(id steward.KeyID, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[id] = now
}

// Run writes down when keys were last used, every minute and once more when ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			s.flush(last)
			return nil
		}
	}
}

func (s *Service) flush(ctx context.Context) {
	s.mu.Lock()
	used := s.used
	s.used = map[steward.KeyID]time.Time{}
	s.mu.Unlock()
	if len(used) == 0 {
		return
	}
	if err := s.store.TouchKeys(ctx, used); err != nil {
		s.log.WarnContext(ctx, "last use of keys not stored", "error", err)
	}
}

// CurrentUser returns the user of the principal's key.
func (s *Service) CurrentUser(ctx context.Context) (*steward.User, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.User(ctx, p.OrganizationID, p.UserID)
}

// CreateKeyParams describes a new key.
type CreateKeyParams struct {
	Name      string          // 1 to 200 characters
	Scopes    []steward.Scope // at least one; none that the creating key lacks
	ExpiresAt *time.Time      // nil means never; must lie in the future
}

// CreateKey makes a key for the principal's user and returns its token, which is not kept and cannot be shown again.
//
// Errors: Denied without ScopeAdmin; Invalid naming name, scopes or expires_at.
func (s *Service) CreateKey(ctx context.Context, p CreateKeyParams) (*steward.Key, string, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeAdmin)
	if err != nil {
		return nil, "", err
	}
	now := s.clock.Now()
	if err := p.check(now); err != nil {
		return nil, "", err
	}
	rec, token, err := newKey(who.OrganizationID, who.UserID, p, now)
	if err != nil {
		return nil, "", err
	}
	if err := s.store.CreateKey(ctx, rec); err != nil {
		return nil, "", fmt.Errorf("create key: %w", err)
	}
	return &rec.Key, token, nil
}

// scopeNames lists all scopes for a message.
func scopeNames() string {
	names := make([]string, 0, len(steward.Scopes()))
	for _, s := range steward.Scopes() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func (p *CreateKeyParams) check(now time.Time) error {
	p.Name = strings.TrimSpace(p.Name)
	if n := len([]rune(p.Name)); n < 1 || n > 200 {
		return &steward.Error{Code: steward.Invalid, Field: "name", Message: "must have 1 to 200 characters."}
	}
	if len(p.Scopes) == 0 {
		return &steward.Error{Code: steward.Invalid, Field: "scopes", Message: "must name at least one scope."}
	}
	for _, sc := range p.Scopes {
		if !slices.Contains(steward.Scopes(), sc) {
			return &steward.Error{Code: steward.Invalid, Field: "scopes", Message: "must be of " + scopeNames() + "."}
		}
	}
	if p.ExpiresAt != nil && !p.ExpiresAt.After(now) {
		return &steward.Error{Code: steward.Invalid, Field: "expires_at", Message: "must lie in the future."}
	}
	return nil
}

// ListKeys returns the organization's keys, newest first. Errors: Denied without ScopeAdmin.
func (s *Service) ListKeys(ctx context.Context) ([]steward.Key, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeAdmin)
	if err != nil {
		return nil, err
	}
	return s.store.ListKeys(ctx, p.OrganizationID)
}

// RevokeKey ends a key at once, also the one that asks. Revoking twice is harmless.
//
// Errors: Denied without ScopeAdmin; NotFound.
func (s *Service) RevokeKey(ctx context.Context, id steward.KeyID) error {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeAdmin)
	if err != nil {
		return err
	}
	if err := s.store.RevokeKey(ctx, p.OrganizationID, id, s.clock.Now()); err != nil {
		return fmt.Errorf("revoke key: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	for prefix, c := range s.cache {
		if c.key.ID == id {
			delete(s.cache, prefix)
		}
	}
	return nil
}

// First is what the first start of an installation makes.
type First struct {
	Organization steward.Organization
	Token        string // of a key with ScopeAdmin; shown once
	Key          steward.Key
}

// Bootstrap makes the first organization with an owner and a key. It returns nil when the installation has one already. keep is
// called with what will be made before it is stored, so that the token is safe somewhere whatever happens then; its error
// ends the attempt. keep may be nil.
func (s *Service) Bootstrap(ctx context.Context, keep func(*First) error) (*First, error) {
	now := s.clock.Now()
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make organization id: %w", err)
	}
	org := steward.Organization{ID: steward.OrganizationID(id.String()), Name: "My organization", CreatedAt: now}
	owner := steward.User{
		OrganizationID: org.ID, Email: "owner@steward.example.com", FirstName: "Steward", LastName: "Owner", DisplayName: "Owner",
		DateJoined: now, IsStaff: true, IsSuperuser: true, IsActive: true, IsFirstLogin: true,
	}
	rec, token, err := newKey(org.ID, 0, CreateKeyParams{Name: "first key", Scopes: []steward.Scope{steward.ScopeAdmin}}, now)
	if err != nil {
		return nil, err
	}
	first := &First{Organization: org, Token: token, Key: rec.Key}
	if keep != nil {
		if err := keep(first); err != nil {
			return nil, err
		}
	}
	user, err := s.store.Bootstrap(ctx, org, owner, rec)
	if steward.CodeOf(err) == steward.Conflict {
		return nil, nil //nolint:nilnil // documented: nothing was to be made
	}
	if err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	first.Key.UserID = user
	return first, nil
}

// newKey makes a key and its token.
func newKey(org steward.OrganizationID, user steward.UserID, p CreateKeyParams, now time.Time) (store.KeyRecord, string, error) {
	token, err := newToken()
	if err != nil {
		return store.KeyRecord{}, "", err
	}
	prefix, ok := parseToken(token)
	if !ok {
		return store.KeyRecord{}, "", errors.New("a new token does not parse")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return store.KeyRecord{}, "", fmt.Errorf("make key id: %w", err)
	}
	return store.KeyRecord{
		Key: steward.Key{
			ID: steward.KeyID(id.String()), OrganizationID: org, UserID: user, Name: p.Name, Prefix: prefix,
			Scopes: slices.Clone(p.Scopes), CreatedAt: now, ExpiresAt: p.ExpiresAt,
		},
		Hash: sha256.Sum256([]byte(token)),
	}, token, nil
}

package identity_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/identity"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// open returns a service on a new database with its first key.
func open(t *testing.T) (*identity.Service, *clock.Fake, string, context.Context) {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "steward.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	now := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	s := identity.New(st, now, nil)
	first, err := s.Bootstrap(t.Context(), nil)
	if err != nil || first == nil {
		t.Fatalf("Bootstrap = %v, %v", first, err)
	}
	p, err := s.Authenticate(t.Context(), first.Token)
	if err != nil {
		t.Fatal(err)
	}
	return s, now, first.Token, steward.WithPrincipal(t.Context(), p)
}

func TestTheFirstStartMakesAnOrganizationOnce(t *testing.T) {
	t.Parallel()
	s, _, token, ctx := open(t)
	again, err := s.Bootstrap(ctx, nil)
	if err != nil || again != nil {
		t.Fatalf("second Bootstrap = %v, %v", again, err)
	}
	u, err := s.CurrentUser(ctx)
	if err != nil || u.ID == 0 || !strings.Contains(u.Email, "@") || !u.IsActive {
		t.Errorf("user %+v, %v", u, err)
	}
	keys, err := s.ListKeys(ctx)
	if err != nil || len(keys) != 1 || !strings.HasPrefix(token, keys[0].Prefix) || keys[0].Prefix == token {
		t.Errorf("keys %+v, %v", keys, err)
	}
}

func TestTokensThatDoNotWork(t *testing.T) {
	t.Parallel()
	s, _, token, _ := open(t)
	flip := func(s string, i int) string {
		c := byte('a')
		if s[i] == c {
			c = 'b'
		}
		return s[:i] + string(c) + s[i+1:]
	}
	for _, bad := range []string{"", "x", "Bearer " + token, token + "a", token[:len(token)-1], flip(token, 5), flip(token, 20), strings.ToUpper(token), strings.Repeat("a", 1<<20)} {
		if _, err := s.Authenticate(t.Context(), bad); steward.CodeOf(err) != steward.Unauthenticated {
			t.Errorf("Authenticate(%.40q) = %v", bad, err)
		}
	}
}

func TestKeysExpireAndAreRevokedAtOnce(t *testing.T) {
	t.Parallel()
	s, now, _, ctx := open(t)
	at := now.Now().Add(time.Hour)
	expiring, token1, err := s.CreateKey(ctx, identity.CreateKeyParams{Name: "ci", Scopes: []steward.Scope{steward.ScopeRun}, ExpiresAt: &at})
	if err != nil {
		t.Fatal(err)
	}
	revoked, token2, err := s.CreateKey(ctx, identity.CreateKeyParams{Name: "old", Scopes: []steward.Scope{steward.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Authenticate(ctx, token1)
	if err != nil || p.KeyID != expiring.ID || !p.Allows(steward.ScopeRun) || !p.Allows(steward.ScopeRead) || p.Allows(steward.ScopeWrite) {
		t.Fatalf("principal %+v, %v", p, err)
	}
	if _, err := s.Authenticate(ctx, token2); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeKey(ctx, revoked.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(ctx, token2); steward.CodeOf(err) != steward.Unauthenticated {
		t.Errorf("a revoked key: %v", err)
	}
	now.Advance(time.Hour)
	if _, err := s.Authenticate(ctx, token1); steward.CodeOf(err) != steward.Unauthenticated {
		t.Errorf("an expired key: %v", err)
	}
	if err := s.RevokeKey(ctx, "00000000-0000-7000-8000-000000000000"); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("revoking an unknown key: %v", err)
	}
}

func TestNewKeysAreChecked(t *testing.T) {
	t.Parallel()
	s, now, _, ctx := open(t)
	past := now.Now()
	for name, p := range map[string]identity.CreateKeyParams{
		"no name":       {Scopes: []steward.Scope{steward.ScopeRun}},
		"long name":     {Name: strings.Repeat("x", 201), Scopes: []steward.Scope{steward.ScopeRun}},
		"no scope":      {Name: "x"},
		"unknown scope": {Name: "x", Scopes: []steward.Scope{"root"}},
		"expired":       {Name: "x", Scopes: []steward.Scope{steward.ScopeRun}, ExpiresAt: &past},
	} {
		if _, _, err := s.CreateKey(ctx, p); steward.CodeOf(err) != steward.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := steward.PrincipalFrom(ctx, steward.ScopeAdmin)
	if err != nil {
		t.Fatal(err)
	}
	low := steward.WithPrincipal(ctx, &steward.Principal{OrganizationID: p.OrganizationID, UserID: p.UserID, Scopes: []steward.Scope{steward.ScopeRun, steward.ScopeWrite}})
	if _, _, err := s.CreateKey(low, identity.CreateKeyParams{Name: "x", Scopes: []steward.Scope{steward.ScopeAdmin}}); steward.CodeOf(err) != steward.Denied {
		t.Errorf("a key without admin made one with it: %v", err)
	}
}

func TestTheLastUseIsStored(t *testing.T) {
	t.Parallel()
	s, now, token, ctx := open(t)
	now.Advance(time.Minute)
	if _, err := s.Authenticate(ctx, token); err != nil {
		t.Fatal(err)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Run(stopped); err != nil { // stores once more when it ends
		t.Fatal(err)
	}
	keys, err := s.ListKeys(ctx)
	if err != nil || keys[0].LastUsedAt == nil || !keys[0].LastUsedAt.Equal(now.Now()) {
		t.Errorf("keys %+v, %v", keys, err)
	}
}

package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// owner returns what the first start of a server stores.
func owner() (steward.Organization, steward.User, store.KeyRecord) {
	org := steward.Organization{ID: newID[steward.OrganizationID](), Name: "Ünit & Co", CreatedAt: now()}
	user := steward.User{
		OrganizationID: org.ID, Email: "owner@example.com", FirstName: "Ada", LastName: "Łovelace", DisplayName: "Ada Ł.",
		DateJoined: now(), IsStaff: true, IsSuperuser: true, IsActive: true, IsFirstLogin: true, IsEmailVerified: true,
	}
	key := store.KeyRecord{
		Key: steward.Key{
			ID: newID[steward.KeyID](), OrganizationID: org.ID, Name: "first", Prefix: "stw_first", CreatedAt: now(),
			Scopes: []steward.Scope{steward.ScopeAdmin},
		},
		Hash: [32]byte{1, 2, 3, 31: 255},
	}
	return org, user, key
}

// bootstrapped stores owner and returns it with the user's number filled in.
func bootstrapped(t *testing.T, s store.Store) (steward.Organization, steward.User, store.KeyRecord) {
	t.Helper()
	org, user, key := owner()
	id, err := s.Bootstrap(t.Context(), org, user, key)
	must(t, "Bootstrap", err)
	user.ID, key.UserID = id, id
	return org, user, key
}

// Identity tests organizations, users and keys.
func Identity(t *testing.T, open Open) {
	each(t, open, map[string]func(t *testing.T, s store.Store){
		"answers a ping": func(t *testing.T, s store.Store) { must(t, "Ping", s.Ping(t.Context())) },
		"refuses everything once the context has ended": func(t *testing.T, s store.Store) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			org, user, key := owner()
			if _, err := s.Bootstrap(ctx, org, user, key); err == nil {
				t.Error("Bootstrap worked with a context that had ended")
			}
			if _, err := s.Organization(t.Context(), org.ID); steward.CodeOf(err) != steward.NotFound {
				t.Errorf("the organization: got error %v, want NotFound", err)
			}
		},
		"bootstrap stores organization, user and key":          bootstrapStores,
		"bootstrap works once, also when called at once":       bootstrapOnce,
		"keys are found by prefix and listed newest first":     keysListed,
		"a key's prefix and id are unique":                     keysUnique,
		"revoking keeps the first time":                        keysRevoked,
		"the last use of keys is recorded and never goes back": keysTouched,
		"rows of another organization are not found":           identityForeign,
	})
}

// each runs tests in parallel, each with a store of its own.
func each(t *testing.T, open Open, tests map[string]func(t *testing.T, s store.Store)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func bootstrapStores(t *testing.T, s store.Store) {
	org, user, key := bootstrapped(t, s)
	if user.ID <= 0 {
		t.Errorf("user id: got %d, want a positive number", user.ID)
	}
	gotOrg, err := s.Organization(t.Context(), org.ID)
	must(t, "Organization", err)
	same(t, "organization", *gotOrg, org)
	gotUser, err := s.User(t.Context(), org.ID, user.ID)
	must(t, "User", err)
	same(t, "user", *gotUser, user)
	gotKey, err := s.KeyByPrefix(t.Context(), key.Prefix)
	must(t, "KeyByPrefix", err)
	same(t, "key", *gotKey, key)
}

func bootstrapOnce(t *testing.T, s store.Store) {
	const callers = 8
	errs := make(chan error, callers)
	for range callers {
		go func() {
			org, user, key := owner()
			_, err := s.Bootstrap(t.Context(), org, user, key)
			errs <- err
		}()
	}
	worked := 0
	for range callers {
		if err := <-errs; err == nil {
			worked++
		} else {
			code(t, "a later Bootstrap", err, steward.Conflict)
		}
	}
	want(t, "calls that worked", worked, 1)
}

// addKey stores a key like first with another id, prefix and time.
func addKey(t *testing.T, s store.Store, first store.KeyRecord, prefix string, created time.Time) store.KeyRecord {
	t.Helper()
	k := first
	k.ID, k.Prefix, k.Name, k.CreatedAt = newID[steward.KeyID](), prefix, "key "+prefix, created
	must(t, "CreateKey", s.CreateKey(t.Context(), k))
	return k
}

func keysListed(t *testing.T, s store.Store) {
	org, _, first := bootstrapped(t, s)
	expires := after(3600)
	full := first
	full.ID, full.Prefix, full.CreatedAt, full.ExpiresAt = newID[steward.KeyID](), "stw_full", after(1), &expires
	full.Scopes = []steward.Scope{steward.ScopeRun, steward.ScopeRead}
	must(t, "CreateKey", s.CreateKey(t.Context(), full))
	older := addKey(t, s, first, "stw_older", after(-1))
	twinA := addKey(t, s, first, "stw_twin_a", after(2))
	twinB := addKey(t, s, first, "stw_twin_b", after(2))

	got, err := s.KeyByPrefix(t.Context(), "stw_full")
	must(t, "KeyByPrefix", err)
	same(t, "key", *got, full)
	list, err := s.ListKeys(t.Context(), org.ID)
	must(t, "ListKeys", err)
	same(t, "keys", list, []steward.Key{twinB.Key, twinA.Key, full.Key, first.Key, older.Key})
	_, err = s.KeyByPrefix(t.Context(), "stw_")
	code(t, "part of a prefix", err, steward.NotFound)
}

func keysUnique(t *testing.T, s store.Store) {
	org, _, first := bootstrapped(t, s)
	twin := first
	twin.ID = newID[steward.KeyID]()
	code(t, "a prefix that is taken", s.CreateKey(t.Context(), twin), steward.Conflict)
	twin = first
	twin.Prefix = "stw_other"
	code(t, "an id that is taken", s.CreateKey(t.Context(), twin), steward.Conflict)
	list, err := s.ListKeys(t.Context(), org.ID)
	must(t, "ListKeys", err)
	want(t, "keys", len(list), 1)
}

func keysRevoked(t *testing.T, s store.Store) {
	org, _, key := bootstrapped(t, s)
	must(t, "RevokeKey", s.RevokeKey(t.Context(), org.ID, key.ID, after(5)))
	must(t, "RevokeKey again", s.RevokeKey(t.Context(), org.ID, key.ID, after(9)))
	got, err := s.KeyByPrefix(t.Context(), key.Prefix)
	must(t, "KeyByPrefix of a revoked key", err)
	if got.RevokedAt == nil || !got.RevokedAt.Equal(after(5)) {
		t.Errorf("revoked at: got %v, want %v", got.RevokedAt, after(5))
	}
	list, err := s.ListKeys(t.Context(), org.ID)
	must(t, "ListKeys", err)
	want(t, "keys listed, revoked ones included", len(list), 1)
	code(t, "an unknown key", s.RevokeKey(t.Context(), org.ID, newID[steward.KeyID](), now()), steward.NotFound)
}

func keysTouched(t *testing.T, s store.Store) {
	_, _, key := bootstrapped(t, s)
	must(t, "TouchKeys of none", s.TouchKeys(t.Context(), nil))
	must(t, "TouchKeys", s.TouchKeys(t.Context(), map[steward.KeyID]time.Time{key.ID: after(60), newID[steward.KeyID](): after(60)}))
	must(t, "TouchKeys with an earlier time", s.TouchKeys(t.Context(), map[steward.KeyID]time.Time{key.ID: after(30)}))
	got, err := s.KeyByPrefix(t.Context(), key.Prefix)
	must(t, "KeyByPrefix", err)
	if got.LastUsedAt == nil || !got.LastUsedAt.Equal(after(60)) {
		t.Errorf("last used at: got %v, want %v", got.LastUsedAt, after(60))
	}
}

func identityForeign(t *testing.T, s store.Store) {
	_, user, key := bootstrapped(t, s)
	other := newID[steward.OrganizationID]()
	_, err := s.Organization(t.Context(), other)
	code(t, "Organization", err, steward.NotFound)
	_, err = s.User(t.Context(), other, user.ID)
	code(t, "User", err, steward.NotFound)
	code(t, "RevokeKey", s.RevokeKey(t.Context(), other, key.ID, now()), steward.NotFound)
	list, err := s.ListKeys(t.Context(), other)
	must(t, "ListKeys", err)
	if list == nil || len(list) != 0 {
		t.Errorf("keys of a foreign organization: got %v, want an empty list", list)
	}
	got, err := s.KeyByPrefix(t.Context(), key.Prefix)
	must(t, "KeyByPrefix", err)
	if got.RevokedAt != nil {
		t.Error("a foreign organization revoked the key")
	}
}

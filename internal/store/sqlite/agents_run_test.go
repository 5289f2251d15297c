package sqlite_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// runnable makes an agent "a" of "o" with the version "v1".
func runnable(t *testing.T, s *sqlite.Store) {
	t.Helper()
	err := s.CreateAgent(t.Context(), steward.Agent{ID: "a", OrganizationID: "o", Name: "Reader"}, steward.Version{ID: "v1", VersionName: "first"})
	if err != nil {
		t.Fatalf("CreateAgent: %v", err)
	}
}

func TestRunsSeeEveryChangeOfTheirAgentAtOnce(t *testing.T) {
	t.Parallel()
	s, ctx := open(t, newPath(t)), t.Context()
	runnable(t, s)
	current := store.RunAgent{CurrentVersionID: "v1", VersionID: "v1", VersionName: "first"}
	check := func(after string, version steward.VersionID, want store.RunAgent) {
		t.Helper()
		for range 2 { // the second time it is known
			got, err := s.RunAgent(ctx, "o", "a", version)
			if err != nil || got != want {
				t.Errorf("after %s: got %+v (%v), want %+v", after, got, err, want)
			}
		}
	}
	gone := func(after string, version steward.VersionID) {
		t.Helper()
		if got, err := s.RunAgent(ctx, "o", "a", version); steward.CodeOf(err) != steward.NotFound {
			t.Errorf("after %s: got %+v (%v), want NotFound", after, got, err)
		}
	}
	change := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("change: %v", err)
		}
	}
	check("creation", "", current)
	if _, err := s.RunAgent(ctx, "other", "a", ""); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("of another organization: %v, want NotFound", err)
	}

	yes := true
	change(s.UpdateAgent(ctx, "o", "a", store.AgentChange{DisableCache: &yes}))
	current.DisableCache = true
	check("an edit", "", current)

	change(s.CreateVersion(ctx, steward.Version{ID: "v2", OrganizationID: "o", VersionName: "second", BaseAgent: steward.Agent{ID: "a"}}))
	current.CurrentVersionID, current.VersionID, current.VersionName = "v2", "v2", "second"
	check("a new version", "", current)

	first := store.RunAgent{CurrentVersionID: "v2", VersionID: "v1", VersionName: "first", DisableCache: true}
	check("a new version, asked for the old", "v1", first)
	name := "renamed"
	change(s.UpdateVersion(ctx, "o", "a", "v1", store.VersionChange{VersionName: &name}))
	first.VersionName = name
	check("a new name", "v1", first)

	change(s.DeleteVersion(ctx, "o", "a", "v1", time.Now()))
	gone("the deletion of the version", "v1")
	check("the deletion of the other version", "", current)
	change(s.DeleteAgent(ctx, "o", "a", time.Now()))
	gone("the deletion of the agent", "")
}

func TestRunsSeeWhatAnotherProcessChangedAfterTheNextCommit(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, other, ctx := open(t, path), open(t, path), t.Context()
	runnable(t, s)
	before, err := s.RunAgent(ctx, "o", "a", "")
	if err != nil {
		t.Fatalf("RunAgent: %v", err)
	}
	yes := true
	err = errors.Join(other.UpdateAgent(ctx, "o", "a", store.AgentChange{DisableCache: &yes}),
		s.TouchKeys(ctx, map[steward.KeyID]time.Time{"k": time.Now()})) // a commit of any kind
	if err != nil {
		t.Fatal(err)
	}
	after, err := s.RunAgent(ctx, "o", "a", "")
	if err != nil || before.DisableCache || !after.DisableCache {
		t.Errorf("got %+v, then %+v (%v)", before, after, err)
	}
}

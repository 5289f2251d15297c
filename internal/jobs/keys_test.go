package jobs_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
)

// keyed is a house with an agent, its version, and a run of it.
func keyed(t *testing.T) (h *house, version steward.VersionID, run func(key string, of steward.VersionID, text string) (steward.JobID, error)) {
	t.Helper()
	h = openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}})
	agent := h.agent("a", "Steps0Engine", `{}`)
	version, err := h.store.CurrentVersionID(h.ctx, h.org(), agent)
	if err != nil {
		t.Fatal(err)
	}
	return h, version, func(key string, of steward.VersionID, text string) (steward.JobID, error) {
		return h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: agent, VersionID: of, IdempotencyKey: key, Inputs: []jobs.RawInput{{Key: "text", Text: text}}})
	}
}

func (h *house) org() steward.OrganizationID {
	h.t.Helper()
	p, err := steward.PrincipalFrom(h.ctx, steward.ScopeRead)
	if err != nil {
		h.t.Fatal(err)
	}
	return p.OrganizationID
}

func TestAKeyThatLooksLikeAVersionsIsNotTheVersions(t *testing.T) {
	t.Parallel()
	_, version, run := keyed(t)
	v := string(version)
	jobOf := map[[2]string]steward.JobID{}
	seen := map[steward.JobID][2]string{}
	all := [][2]string{{v, "k"}, {"", v + "/k"}, {"", "/" + v + "/k"}, {"", "//" + v + "/k"}, {"", "k"}, {"", "/k"}, {v, v + "/k"}, {"", v + "/" + v + "/k"}, {"", v}}
	for _, k := range all {
		id, err := run(k[1], steward.VersionID(k[0]), "x")
		if err != nil {
			t.Fatalf("%q: %v", k, err)
		}
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q are one key", k, other)
		}
		jobOf[k], seen[id] = id, k
	}
	for k, id := range jobOf {
		if again, err := run(k[1], steward.VersionID(k[0]), "x"); err != nil || again != id {
			t.Errorf("%q again: %s, %v, want %s", k, again, err, id)
		}
		if _, err := run(k[1], steward.VersionID(k[0]), "other"); steward.CodeOf(err) != steward.Invalid {
			t.Errorf("%q with other inputs: %v", k, err)
		}
	}
	if n := len(jobOf); n != 9 {
		t.Errorf("%d jobs", n)
	}
}

func TestKeysThatEarlierReleasesStoredStillWork(t *testing.T) {
	t.Parallel()
	for name, old := range map[string]struct {
		key     func(v string) string // as it was sent
		version bool                  // to a version
	}{
		"of a version":                            {func(string) string { return "k" }, true},
		"of no version":                           {func(string) string { return "k" }, false},
		"of no version, that looks like one":      {func(v string) string { return v + "/k" }, false},
		"of no version, that begins with a slash": {func(string) string { return "/k" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, version, run := keyed(t)
			of, stored := steward.VersionID(""), old.key(string(version))
			if old.version {
				of, stored = version, string(version)+"/"+stored
			}
			// The hash of a request to no version is what earlier releases wrote for both.
			like, err := run("like", "", "x")
			if err != nil {
				t.Fatal(err)
			}
			job, err := h.jobs.Get(h.ctx, like)
			if err != nil {
				t.Fatal(err)
			}
			_, hash, ok, err := h.store.FindIdempotent(h.ctx, h.org(), job.AgentID, "like", time.Now())
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			first := store.NewJob{
				ID: steward.JobID(uuid.NewString()), OrganizationID: h.org(), AgentID: job.AgentID, VersionID: version, VersionName: "version 1", EngineClassID: "Steps0Engine",
				CreatorID: job.CreatorID, CreatedAt: time.Now(), Timeout: time.Hour, IdempotencyKey: stored, IdempotencyTo: time.Now().Add(time.Hour), RequestHash: hash,
			}
			if _, err := h.store.Submit(h.ctx, []store.NewJob{first}); err != nil {
				t.Fatal(err)
			}
			if again, err := run(old.key(string(version)), of, "x"); err != nil || again != first.ID {
				t.Errorf("again: %s, %v, want %s", again, err, first.ID)
			}
		})
	}
}

package sqlite_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

func claimAll(t *testing.T, s store.Queue, at time.Time) []store.Claimed {
	t.Helper()
	got, err := s.Claim(t.Context(), store.ClaimRequest{Worker: store.Worker{Node: "n", Incarnation: "i"}, Now: at, Max: 100, Lease: time.Minute})
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	return got
}

func TestAnUnreadableJobFailsAlone(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	jobs := make([]store.NewJob, 4)
	for i := range jobs {
		jobs[i] = benchJob(benchOrg, benchAgent)
	}
	if _, err := s.Submit(t.Context(), jobs); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	db := raw(t, path)
	execute(t, db, `UPDATE jobs SET inputs = '[{"broken' WHERE id = ?`, string(jobs[1].ID))
	execute(t, db, `UPDATE jobs SET events = '[no', progress = '{' WHERE id = ?`, string(jobs[2].ID))
	if got := claimAll(t, s, time.Now()); len(got) != 2 || got[0].JobID != jobs[0].ID || got[1].JobID != jobs[3].ID {
		t.Errorf("claimed %d jobs (%+v), want the two that can be read", len(got), got)
	}
	for _, j := range jobs[1:3] {
		st, err := s.JobStatus(t.Context(), benchOrg, j.ID)
		if err != nil || st.Status != steward.StatusFailure || st.Failure == nil || st.Failure.Code != steward.FailInternal ||
			st.Failure.Message != "The job's record cannot be read." {
			t.Errorf("status: got %+v, %v, want FAILURE with code internal", st, err)
		}
	}
	list, count, err := s.ListJobs(t.Context(), benchOrg, store.JobQuery{})
	if err != nil || count != 4 || len(list) != 4 {
		t.Errorf("ListJobs: got %d of %d jobs, %v, want 4", len(list), count, err)
	}
}

// Thousands of lanes whose jobs are all for later cost a claim nothing. With a walk over them these claims took seconds.
func TestClaimsDoNotWalkOverDelayedLanes(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "steward.db"))
	const lanes, claims = 5000, 30
	now := time.Now()
	for range lanes / 1000 {
		jobs := make([]store.NewJob, 1000)
		for i := range jobs {
			jobs[i] = benchJob(steward.OrganizationID(uuid.NewString()), benchAgent)
			jobs[i].RunAfter = now.Add(time.Minute)
		}
		if _, err := s.Submit(t.Context(), jobs); err != nil {
			t.Fatalf("Submit: %v", err)
		}
	}
	var spent time.Duration
	for i := range claims {
		due := benchJob(steward.OrganizationID(uuid.NewString()), benchAgent)
		if i%2 == 0 {
			if _, err := s.Submit(t.Context(), []store.NewJob{due}); err != nil {
				t.Fatalf("Submit: %v", err)
			}
		}
		start := time.Now()
		got := claimAll(t, s, time.Now().Add(time.Second))
		if _, ok, err := s.NextReady(t.Context()); err != nil || !ok {
			t.Fatalf("NextReady: got %v, %v", ok, err)
		}
		spent += time.Since(start)
		if want := 1 - i%2; len(got) != want || want == 1 && got[0].JobID != due.ID {
			t.Fatalf("claim %d: got %d jobs, want %d", i, len(got), want)
		}
	}
	t.Logf("%d claims and looks ahead over %d delayed lanes: %v", claims, lanes, spent)
	if spent > time.Second {
		t.Errorf("%d claims over %d delayed lanes took %v, want far less than a second", claims, lanes, spent)
	}
}

func TestADamagedPartOfAListHarmsNoOther(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	var out bytes.Buffer
	s, err := sqlite.Open(t.Context(), path, &sqlite.Options{Logger: slog.New(slog.NewTextHandler(&out, nil))})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	other := steward.AgentID(uuid.NewString())
	submit := func() {
		t.Helper()
		jobs := []store.NewJob{benchJob(benchOrg, benchAgent), benchJob(benchOrg, benchAgent), benchJob(benchOrg, other)}
		jobs[0].VersionName = "broken"
		if _, err := s.Submit(t.Context(), jobs); err != nil {
			t.Fatalf("Submit: %v", err)
		}
		for _, c := range claimAll(t, s, time.Now()) {
			if err := s.Finish(t.Context(), c.Lease, store.Outcome{Status: steward.StatusSuccess, At: time.Now(), Usage: steward.Free()}); err != nil {
				t.Fatalf("Finish: %v", err)
			}
		}
	}
	submit()
	db := raw(t, path)
	execute(t, db, `UPDATE job_bits SET bits = x'01' WHERE term = 'vbroken'`)
	execute(t, db, `UPDATE job_codes SET codes = x'01'`)
	submit()
	for a, want := range map[steward.AgentID]int64{benchAgent: 4, other: 2} {
		_, n, err := s.ListJobs(t.Context(), benchOrg, store.JobQuery{AgentID: a, Status: []steward.Status{steward.StatusSuccess}})
		if err != nil || n != want {
			t.Errorf("ListJobs: got %d jobs (%v), want %d", n, err, want)
		}
	}
	if _, _, err := s.ListJobs(t.Context(), benchOrg, store.JobQuery{AgentID: benchAgent, VersionNames: []string{"broken"}}); err == nil {
		t.Error("a damaged set was listed")
	}
	execute(t, db, `UPDATE job_chunks SET bits = x'01' WHERE lane = (SELECT id FROM job_lanes WHERE agent_id = ?)`, string(other))
	submit()
	_, n, err := s.ListJobs(t.Context(), benchOrg, store.JobQuery{AgentID: benchAgent})
	if err != nil || n != 6 {
		t.Errorf("ListJobs: got %d jobs (%v), want 6", n, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if !bytes.Contains(out.Bytes(), []byte("damaged")) {
		t.Errorf("logged %q, want that something is damaged", out.String())
	}
	out.Reset()
	execute(t, db, `INSERT INTO job_lists_missing (next, last) SELECT 1, max(seq) FROM jobs`) // as a migration has them made anew
	if s, err = sqlite.Open(t.Context(), path, &sqlite.Options{Logger: slog.New(slog.NewTextHandler(&out, nil))}); err != nil {
		t.Fatalf("Open, with lists that are made anew: %v", err)
	}
	if _, n, err := s.ListJobs(t.Context(), benchOrg, store.JobQuery{AgentID: benchAgent}); err != nil || n != 6 {
		t.Errorf("ListJobs: got %d jobs (%v), want 6", n, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if !bytes.Contains(out.Bytes(), []byte("steward verify")) {
		t.Errorf("logged %q, want what to do about damaged lists", out.String())
	}
}

package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// oldJobs is how many jobs the old database has: more than one step of the fill covers.
const oldJobs = 2500

// oldDatabase makes a database as the first version left it, with jobs of all statuses of two agents, and returns its path.
func oldDatabase(t *testing.T) string {
	t.Helper()
	path := newPath(t)
	content, err := os.ReadFile("testdata/schema_0001.sql")
	if err != nil {
		t.Fatalf("ReadFile: %v", err)
	}
	db := raw(t, path)
	execute(t, db, string(content))
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	for i := range oldJobs {
		if err := oldJob(t.Context(), tx, i); err != nil {
			t.Fatalf("store an old job: %v", err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	return path
}

// oldJob stores the ith job: every seventh has the same status, every tenth is of another agent.
func oldJob(ctx context.Context, tx *sql.Tx, i int) error {
	status, agent := steward.Status(i%7), benchAgent
	if i%10 == 9 {
		agent = "01890000-0000-7000-8000-00000000000f"
	}
	created := millionStart().Add(time.Duration(i) * time.Second).UnixMicro()
	started, ended, usage, outputs := int64(0), int64(0), "", "[]"
	if status != steward.StatusPending && status != steward.StatusCached {
		started = created + 10
	}
	if status.Terminal() {
		ended, usage = created+10+int64(i), fmt.Sprintf(`{"input_tokens":1,"output_tokens":1,"cost_micro_usd":%d}`, i%50)
	}
	if status == steward.StatusSuccess {
		outputs = `[{"key":"k","data_type":"t","value":"{\"verdict\":\"fine\"}"}]`
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO jobs (id, organization_id, agent_id, provider, status, run_after, deadline, created_at, updated_at,
			started_at, ended_at, version_id, version_name, engine_class_id, creator_id, usage, events, metadata, outputs, inputs)
		VALUES (?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, 'v', ?, 'e', 1, ?, '[{"timestamp":"2026-01-01T00:00:00Z","status_code":0}]', ?, ?, ?)`,
		fmt.Sprintf("01890000-0000-7000-8000-%012d", i), string(benchOrg), string(agent), int(status), created, created+1e12, created, max(created, ended),
		started, ended, fmt.Sprint("version ", i%3), usage, fmt.Sprintf(`{"n":%d}`, i%4), outputs,
		fmt.Sprintf(`[{"key":"text","data_type":"text/plain","value":"Invoice No. %d"}]`, i)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO job_counts (organization_id, agent_id, status, jobs) VALUES (?, ?, ?, 1)
		ON CONFLICT DO UPDATE SET jobs = jobs + 1`, string(benchOrg), string(agent), int(status))
	return err
}

// oldCount returns how many jobs of benchAgent in an old database a condition holds for.
func oldCount(holds func(i int) bool) (n int64) {
	for i := range oldJobs {
		if i%10 != 9 && holds(i) {
			n++
		}
	}
	return n
}

func TestJobsOfAnOlderVersionAreInTheLists(t *testing.T) {
	t.Parallel()
	s := open(t, oldDatabase(t))
	for what, c := range map[string]struct {
		query store.JobQuery
		count int64
	}{
		"all":     {store.JobQuery{}, oldCount(func(int) bool { return true })},
		"success": {store.JobQuery{Status: []steward.Status{3}}, oldCount(func(i int) bool { return i%7 == 3 })},
		"pending": {store.JobQuery{Status: []steward.Status{0}}, oldCount(func(i int) bool { return i%7 == 0 })},
		"running": {store.JobQuery{Status: []steward.Status{1}}, oldCount(func(i int) bool { return i%7 == 1 })},
		"waiting": {store.JobQuery{Status: []steward.Status{2}}, oldCount(func(i int) bool { return i%7 == 2 })},
		"version": {store.JobQuery{VersionNames: []string{"version 1"}}, oldCount(func(i int) bool { return i%3 == 1 })},
		"label":   {store.JobQuery{Metadata: []store.Label{{Key: "n", Value: "2"}}}, oldCount(func(i int) bool { return i%4 == 2 })},
		"verdict": {store.JobQuery{Verdicts: []string{"fine"}}, oldCount(func(i int) bool { return i%7 == 3 })},
		"search":  {store.JobQuery{Search: "invoice no. 2"}, oldCount(func(i int) bool { return fmt.Sprint(i)[0] == '2' })},
		"range": {store.JobQuery{CreatedFrom: millionStart().Add(100 * time.Second), CreatedTo: millionStart().Add(2000 * time.Second)},
			oldCount(func(i int) bool { return 100 <= i && i <= 2000 })},
	} {
		c.query.AgentID = benchAgent
		if _, count, err := s.ListJobs(t.Context(), benchOrg, c.query); err != nil || count != c.count {
			t.Errorf("%s: got %d (%v), want %d", what, count, err, c.count)
		}
	}
	first := func(by store.JobOrderKey) steward.Job {
		jobs, _, err := s.ListJobs(t.Context(), benchOrg, store.JobQuery{AgentID: benchAgent, Order: []store.JobOrder{{By: by, Descending: true}}})
		if err != nil || len(jobs) != 20 {
			t.Fatalf("by %s: got %d jobs (%v)", by, len(jobs), err)
		}
		return jobs[0]
	}
	if got := first(store.ByDuration); got.ID != "01890000-0000-7000-8000-000000002497" {
		t.Errorf("the longest: got %s", got.ID)
	}
	if got := first(store.ByCost); *got.Usage.Cost != 48 { // 49 are all of the other agent
		t.Errorf("the dearest: got %d", *got.Usage.Cost)
	}
	if got := first(store.ByUpdated); got.ID != "01890000-0000-7000-8000-000000002498" {
		t.Errorf("the last one changed: got %s", got.ID)
	}
	jobs, _, err := s.ListJobs(t.Context(), benchOrg, store.JobQuery{AgentID: benchAgent, Status: []steward.Status{3}})
	if err != nil || jobs[0].Verdict != "fine" {
		t.Errorf("verdict: got %+v (%v)", jobs, err)
	}
}

func TestJobsOfAnOlderVersionAreInTheListOfTheirOrganization(t *testing.T) {
	t.Parallel()
	s := open(t, oldDatabase(t))
	for _, status := range [][]steward.Status{nil, {3, 5}, {1, 2}} {
		var want []int // newest first
		for i := oldJobs - 1; i >= 0; i-- {
			if status == nil || slices.Contains(status, steward.Status(i%7)) {
				want = append(want, i)
			}
		}
		for _, offset := range []int{0, 10, len(want) - 5, len(want), math.MaxInt} {
			jobs, count, err := s.ListJobs(t.Context(), benchOrg, store.JobQuery{Status: status, Offset: offset})
			page := want[min(offset, len(want)):min(len(want), min(offset, len(want))+20)]
			if err != nil || count != int64(len(want)) || len(jobs) != len(page) {
				t.Fatalf("status %v from %d: got %d of %d jobs (%v), want %d of %d", status, offset, len(jobs), count, err, len(page), len(want))
			}
			for i, j := range jobs {
				if id := fmt.Sprintf("01890000-0000-7000-8000-%012d", page[i]); string(j.ID) != id {
					t.Errorf("status %v from %d: job %d is %s, want %s", status, offset, i, j.ID, id)
				}
			}
		}
	}
}

func TestAnUpgradedDatabaseGoesOn(t *testing.T) {
	t.Parallel()
	s := open(t, oldDatabase(t))
	if _, err := s.Submit(t.Context(), []store.NewJob{benchJob(benchOrg, benchAgent)}); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	n, err := s.CancelOpen(t.Context(), benchOrg, store.OpenFilter{Agent: benchAgent}, time.Now(), 1000)
	want := oldCount(func(i int) bool { return i%7 < 3 }) + 1
	if err != nil || int64(n) != want {
		t.Errorf("CancelOpen: got %d (%v), want %d", n, err, want)
	}
	_, count, err := s.ListJobs(t.Context(), benchOrg, store.JobQuery{AgentID: benchAgent, Status: []steward.Status{steward.StatusCancelled}})
	if cancelled := oldCount(func(i int) bool { return i%7 == 0 || i%7 == 2 || i%7 == 5 }) + 1; err != nil || count != cancelled {
		t.Errorf("cancelled jobs: got %d (%v), want %d", count, err, cancelled)
	}
	p, err := s.Purge(t.Context(), benchOrg, "01890000-0000-7000-8000-000000000003", time.Now())
	if err != nil || !p.Had || p.Outputs != 1 {
		t.Errorf("Purge of an old job: got %+v (%v)", p, err)
	}
}

package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/storetest"
)

// folded is a store whose lists are always of what is folded.
type folded struct{ *postgres.Store }

func (f folded) ListJobs(ctx context.Context, org steward.OrganizationID, q store.JobQuery) ([]steward.Job, int64, error) {
	if err := f.FoldNow(ctx); err != nil {
		return nil, 0, err
	}
	return f.Store.ListJobs(ctx, org, q)
}

// What was just stored and what is folded already give the same lists. The other tests mostly see the first.
func TestFoldedListsAnswerTheSame(t *testing.T) {
	t.Parallel()
	foldedStore := func(t *testing.T) store.Store { return folded{open(t, pgtest.Database(t))} }
	for name, run := range map[string]func(t *testing.T, open storetest.Open){
		"lists": storetest.JobLists, "queries": storetest.JobQueries, "cache": storetest.Cache, "purge": storetest.Purge,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, foldedStore)
		})
	}
}

// Jobs of other agents stand between those of one, so that few of an agent's jobs are in each chunk and there are many chunks.
func TestListsOverManyChunks(t *testing.T) {
	t.Parallel()
	storetest.JobQueries(t, func(t *testing.T) store.Store {
		url := pgtest.Empty(t)
		if err := postgres.Migrate(t.Context(), url); err != nil {
			t.Fatalf("Migrate: %v", err)
		}
		exec(t, url, "alter sequence job_seq increment by 41")
		return folded{open(t, url)}
	})
}

func listed(t *testing.T, s store.Store, org steward.OrganizationID, q store.JobQuery) ([]steward.JobID, int64) {
	t.Helper()
	jobs, count, err := s.ListJobs(t.Context(), org, q)
	if err != nil {
		t.Fatalf("ListJobs: %v", err)
	}
	var ids []steward.JobID
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids, count
}

func TestAProcessListsWhatAnotherHasStored(t *testing.T) {
	t.Parallel()
	a, b, _ := two(t)
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	for n := int64(1); n <= 40; n++ {
		submit(t, a, org, agent, 1)
		leases := claim(t, b, 1, store.Limits{})
		if err := b.Finish(t.Context(), leases[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: start()}); err != nil {
			t.Fatalf("Finish: %v", err)
		}
		for _, s := range []*postgres.Store{a, b} {
			for _, q := range []store.JobQuery{{AgentID: agent}, {AgentID: agent, Status: []steward.Status{steward.StatusSuccess}}, {}} {
				if _, count := listed(t, s, org, q); count != n {
					t.Fatalf("%+v: got %d jobs, want %d", q, count, n)
				}
			}
		}
		if n%10 == 0 { // both fold, in turns
			if err := b.FoldNow(t.Context()); err != nil {
				t.Fatalf("FoldNow: %v", err)
			}
		}
	}
}

func TestListsAreFoldedWithoutBeingAsked(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Database(t))
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	submit(t, s, org, agent, 10)
	deadline := time.Now().Add(time.Minute)
	for n := 0; n == 0; {
		var err error
		if n, err = s.FoldedChunks(t.Context()); err != nil {
			t.Fatalf("FoldedChunks: %v", err)
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was folded within a minute")
		}
	}
}

// The numbers of transactions begin anew when a database is restored on another server.
func TestListsSurviveAMoveToAnotherServer(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	old := submit(t, s, org, agent, 3)
	if err := s.FoldNow(t.Context()); err != nil {
		t.Fatalf("FoldNow: %v", err)
	}
	exec(t, url, "update job_lists set folded = '900000000000000'")
	all := slices.Concat(old, submit(t, s, org, agent, 2))
	if err := s.FoldNow(t.Context()); err != nil {
		t.Fatalf("FoldNow: %v", err)
	}
	slices.Reverse(all)
	if got, count := listed(t, s, org, store.JobQuery{AgentID: agent}); count != 5 || !slices.Equal(got, all) {
		t.Errorf("got %d jobs %v, want %v", count, got, all)
	}
}

// oldJobSQL stores a job as the first released schema has it.
const oldJobSQL = `
insert into jobs (id, organization_id, agent_id, version_id, lane, creator_id, created_at, updated_at, started_at, ended_at, run_after, deadline,
    status, delayed, version_name, engine_class_id, metadata, inputs, outputs, refs, events, failure, usage)
values ($1, $2::uuid, $3::uuid, $1, uuid_send($2::uuid) || uuid_send($3::uuid), 1, $4, $4, $5, $6, $4, $4::timestamptz + interval '1 hour', $7, false,
    $8, 'TestEngine', $9, $10, $11, '[]', '[{"timestamp":"2026-03-01T12:00:00Z","status_code":0}]', '', $12)`

func TestJobsStoredBeforeThereWereListsAreListed(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	if err := postgres.MigrateTo(t.Context(), url, 1); err != nil {
		t.Fatalf("MigrateTo: %v", err)
	}
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	const n = 2500 // more than are taken over at once
	var all []steward.JobID
	var rows [][]any
	for i := range n {
		id := newID[steward.JobID]()
		all = append(all, id)
		created := start().Add(time.Duration(i) * time.Second)
		ended, status, output, usage := any(nil), 0, "", ""
		if i < n-10 {
			ended, status = created.Add(time.Duration(i%7)*time.Second), 3+i%3
			usage = fmt.Sprintf(`{"input_tokens":1,"output_tokens":1,"cost_micro_usd":%d}`, i%50)
		}
		if status == 3 {
			output = `[{"key":"output","data_type":"application/json","value":"{\"verdict\":\"approve\"}"}]`
		}
		rows = append(rows, []any{
			string(id), string(org), string(agent), created, created, ended, status, []string{"first", "second"}[i%2],
			fmt.Sprintf(`{"team":"t%d"}`, i%5), fmt.Sprintf(`[{"key":"text","data_type":"text/plain","value":"Text number %d"}]`, i), output, usage,
		})
	}
	// Not in the order of their age.
	slices.Reverse(rows)
	execMany(t, url, oldJobSQL, rows)
	s := open(t, url)
	checkUpgraded(t, s, org, agent, all)
	if err := s.FoldNow(t.Context()); err != nil {
		t.Fatalf("FoldNow: %v", err)
	}
	checkUpgraded(t, s, org, agent, all)

	// Old jobs go on like new ones.
	waiting := all[n-10:]
	leases, err := s.Claim(t.Context(), store.ClaimRequest{
		Worker: store.Worker{Node: "n", Incarnation: "i"}, Now: start().Add(n * time.Second), Max: 100, Lease: time.Minute,
	})
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	if len(leases) != len(waiting) {
		t.Fatalf("claimed %d jobs, want %d", len(leases), len(waiting))
	}
	for _, l := range leases {
		if err := s.Finish(t.Context(), l.Lease, store.Outcome{Status: steward.StatusSuccess, At: start().Add(24 * time.Hour)}); err != nil {
			t.Fatalf("Finish: %v", err)
		}
	}
	if _, count := listed(t, s, org, store.JobQuery{AgentID: agent, Status: []steward.Status{steward.StatusPending}}); count != 0 {
		t.Errorf("waiting jobs: got %d, want none", count)
	}
	fresh := submit(t, s, org, agent, 1)
	if got, count := listed(t, s, org, store.JobQuery{AgentID: agent, Newest: 1}); count != 1 || got[0] != fresh[0] {
		t.Errorf("newest job: got %v, want the one stored after the upgrade", got)
	}
	if p, err := s.Purge(t.Context(), org, all[0], start()); err != nil || !p.Had {
		t.Errorf("Purge: got %+v, %v, want that there was something", p, err)
	}
	again := open(t, url)
	if _, count := listed(t, again, org, store.JobQuery{AgentID: agent}); count != n+1 {
		t.Errorf("jobs after opening again: got %d, want %d", count, n+1)
	}
}

// checkUpgraded looks for the jobs of the upgrade test in lists.
func checkUpgraded(t *testing.T, s *postgres.Store, org steward.OrganizationID, agent steward.AgentID, all []steward.JobID) {
	t.Helper()
	n := int64(len(all))
	ended := n - 10
	for what, q := range map[string]struct {
		store.JobQuery
		count int64
	}{
		"all":       {store.JobQuery{}, n},
		"waiting":   {store.JobQuery{Status: []steward.Status{steward.StatusPending}}, 10},
		"succeeded": {store.JobQuery{Status: []steward.Status{steward.StatusSuccess}}, (ended + 2) / 3},
		"verdict":   {store.JobQuery{Verdicts: []string{"approve"}}, (ended + 2) / 3},
		"version":   {store.JobQuery{VersionNames: []string{"second"}}, n / 2},
		"label":     {store.JobQuery{Metadata: []store.Label{{Key: "team", Value: "t3"}}}, n / 5},
		"text":      {store.JobQuery{Inputs: "number 1234"}, 1},
		"range":     {store.JobQuery{CreatedFrom: start().Add(100 * time.Second), CreatedTo: start().Add(199 * time.Second)}, 100},
	} {
		q.AgentID = agent
		if _, count := listed(t, s, org, q.JobQuery); count != q.count {
			t.Errorf("%s: got %d jobs, want %d", what, count, q.count)
		}
	}
	newest := slices.Clone(all[n-20:])
	slices.Reverse(newest)
	if got, _ := listed(t, s, org, store.JobQuery{AgentID: agent}); !slices.Equal(got, newest) {
		t.Errorf("first page: got %v, want %v", got, newest)
	}
	jobs, _, err := s.ListJobs(t.Context(), org, store.JobQuery{AgentID: agent, Limit: 1, Order: []store.JobOrder{{By: store.ByCost, Descending: true}}})
	if err != nil || len(jobs) != 1 || jobs[0].Usage.Cost == nil || *jobs[0].Usage.Cost != 49 {
		t.Errorf("the dearest job: got %+v, %v, want one of 49", jobs, err)
	}
}

package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
)

// counted runs a query for one number.
func counted(t *testing.T, url, sql string, args ...any) (n int) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }() // nothing was written
	if err := c.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func foldNow(t *testing.T, s *postgres.Store) {
	t.Helper()
	if err := s.FoldNow(t.Context()); err != nil {
		t.Fatalf("FoldNow: %v", err)
	}
}

// finishAll ends jobs that wait.
func finishAll(t *testing.T, s *postgres.Store, n int) {
	t.Helper()
	for _, l := range claim(t, s, n, store.Limits{}) {
		if err := s.Finish(t.Context(), l.Lease, store.Outcome{Status: steward.StatusSuccess, At: start(), Usage: steward.Free()}); err != nil {
			t.Fatalf("Finish: %v", err)
		}
	}
}

const unfoldedSQL = `
select (select count(*) from job_list where xid >= (select folded from job_lists)) + (select count(*) from job_ends where xid >= (select folded from job_lists))`

// On a server whose numbers of transactions are lower, no row may be left that every list has to read.
func TestRowsOfHigherNumbersAreFoldedAfterAMove(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	for range 5 {
		submit(t, s, org, agent, 1000)
	}
	finishAll(t, s, 100)
	foldNow(t, s)
	exec(t, url, `update job_list set xid = (xid::text::bigint + 900000000000)::text::xid8`)
	exec(t, url, `update job_ends set xid = (xid::text::bigint + 900000000000)::text::xid8`)
	exec(t, url, `update job_lists set folded = '900000000000'`)
	submit(t, s, org, agent, 3)
	foldNow(t, s)
	if n := counted(t, url, unfoldedSQL); n != 0 {
		t.Errorf("%d rows are not folded, want none", n)
	}
	for what, q := range map[string]struct {
		store.JobQuery
		count int64
	}{
		"all": {store.JobQuery{}, 5003}, "ended": {store.JobQuery{Status: []steward.Status{steward.StatusSuccess}}, 100},
	} {
		q.AgentID = agent
		if _, got := listed(t, s, org, q.JobQuery); got != q.count {
			t.Errorf("%s: got %d jobs, want %d", what, got, q.count)
		}
	}
}

// A process lives on when the database is replaced by one that lacks the last folds, whose numbers are then given again.
func TestListsSurviveTheLossOfFolds(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t) // as tables are made
	s := open(t, url)
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	submit(t, s, org, agent, 1000)
	foldNow(t, s)
	tables := []string{"jobs", "job_list", "job_bits", "job_spans", "job_folds", "job_lists"}
	for _, table := range tables {
		exec(t, url, "create table old_"+table+" as table "+table)
	}
	submit(t, s, org, agent, 500)
	foldNow(t, s)
	if _, n := listed(t, s, org, store.JobQuery{AgentID: agent}); n != 1500 {
		t.Fatalf("before: got %d jobs, want 1500", n)
	}
	restore := "begin;"
	for _, table := range tables {
		restore += "delete from " + table + "; insert into " + table + " table old_" + table + ";"
	}
	exec(t, url, restore+"commit")
	for range 3 { // as many folds and more, of others
		submit(t, s, newID[steward.OrganizationID](), agent, 1)
		foldNow(t, s)
	}
	for range 2 {
		if ids, n := listed(t, s, org, store.JobQuery{AgentID: agent}); n != 1000 || len(ids) != 20 {
			t.Errorf("after: got %d jobs, %d on the page, want 1000 and 20", n, len(ids))
		}
	}
}

const deletedAgentSQL = `
insert into agents (id, organization_id, created_at, updated_at, name, engine_class_id, engine_name, current_version_id, disable_cache,
    cache_failed_jobs, name_folded, search_folded, deleted_at)
values ($2, $1, now(), now(), $2::uuid::text, '', '', $2, false, false, '', '', now())`

// deletedAgents makes agents that are deleted already.
func deletedAgents(t *testing.T, url string, org steward.OrganizationID, agents ...steward.AgentID) {
	t.Helper()
	var rows [][]any
	for _, a := range agents {
		rows = append(rows, []any{string(org), string(a)})
	}
	execMany(t, url, deletedAgentSQL, rows)
}

func TestListsOfDeletedAgentsGoWhateverThePieces(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	org, agents := newID[steward.OrganizationID](), []steward.AgentID{newID[steward.AgentID](), newID[steward.AgentID]()}
	for _, a := range agents {
		submit(t, s, org, a, 10)
	}
	finishAll(t, s, 20)
	foldNow(t, s)
	deletedAgents(t, url, org, agents...)
	for _, want := range []int{10, 10, 0} { // no piece is smaller than was asked for, but the last
		if n, _, err := s.PurgeDeleted(t.Context(), start(), 10); err != nil || n != want {
			t.Fatalf("PurgeDeleted: got %d, %v, want %d", n, err, want)
		}
	}
	if n := counted(t, url, "select count(*) from job_bits where term > '' and lane <> $1", string(org)); n != 0 {
		t.Errorf("%d sets are left, want none", n)
	}
	if n := counted(t, url, "select count(*) from job_columns"); n != 0 {
		t.Errorf("%d columns are left, want none", n)
	}
	if _, n := listed(t, s, org, store.JobQuery{}); n != 0 {
		t.Errorf("listed %d jobs of deleted agents", n)
	}
}

func TestJobsOfManyDeletedAgentsAreLeftOut(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	org, kept := newID[steward.OrganizationID](), newID[steward.AgentID]()
	gone := make([]steward.AgentID, 300)
	for i := range gone {
		gone[i] = newID[steward.AgentID]()
		if i < 6 {
			submit(t, s, org, gone[i], 2)
		}
		if i == 2 { // some are folded, others are not
			foldNow(t, s)
		}
	}
	want := submit(t, s, org, kept, 3)
	deletedAgents(t, url, org, gone...)
	slices.Reverse(want)
	if got, n := listed(t, s, org, store.JobQuery{}); n != 3 || !slices.Equal(got, want) {
		t.Errorf("got %d jobs %v, want %v", n, got, want)
	}
}

// openWithLog is open with what it logs.
func openWithLog(t *testing.T, url string) (*postgres.Store, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	s, err := postgres.Open(t.Context(), url, &postgres.Options{Clock: asTold, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s, &out
}

func TestADamagedPartOfAListHarmsNoOther(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s, out := openWithLog(t, url)
	org, agent, other := newID[steward.OrganizationID](), newID[steward.AgentID](), newID[steward.AgentID]()
	j := newJob(org, agent)
	j.VersionName = "broken"
	if _, err := s.Submit(t.Context(), []store.NewJob{j, newJob(org, agent)}); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	finishAll(t, s, 2)
	foldNow(t, s)
	exec(t, url, `update job_bits set bits = '\x01' where term = 'vbroken'`)
	exec(t, url, `update job_columns set codes = '\x01'`)
	j.ID = newID[steward.JobID]()
	if _, err := s.Submit(t.Context(), []store.NewJob{j, newJob(org, agent), newJob(org, other)}); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	finishAll(t, s, 3)
	foldNow(t, s)
	if n := counted(t, url, unfoldedSQL); n != 0 {
		t.Errorf("%d rows are not folded, want none", n)
	}
	for a, want := range map[steward.AgentID]int64{agent: 4, other: 1} {
		if _, n := listed(t, s, org, store.JobQuery{AgentID: a, Status: []steward.Status{steward.StatusSuccess}}); n != want {
			t.Errorf("got %d jobs, want %d", n, want)
		}
	}
	if _, n := listed(t, s, org, store.JobQuery{AgentID: other, Order: []store.JobOrder{{By: store.ByCost}}}); n != 1 {
		t.Errorf("got %d jobs by cost, want 1", n)
	}
	if _, _, err := s.ListJobs(t.Context(), org, store.JobQuery{AgentID: agent, VersionNames: []string{"broken"}}); err == nil {
		t.Error("a damaged set was listed")
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if !bytes.Contains(out.Bytes(), []byte("damaged")) {
		t.Errorf("logged %q, want that something is damaged", out)
	}
}

// Jobs of many labels of their own are folded few at a time.
func TestFoldsAreBoundedByTheTermsOfJobs(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	s := open(t, url)
	lock, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	if _, err := lock.Exec(t.Context(), "select pg_advisory_lock($1::bigint)", postgres.FoldLock); err != nil {
		t.Fatalf("lock: %v", err)
	}
	const calls, each = 8, 500
	for c := range calls {
		jobs := make([]store.NewJob, each)
		for i := range jobs {
			jobs[i] = newJob(org, agent)
			jobs[i].Metadata = manyLabels(c*each + i)
		}
		if _, err := s.Submit(t.Context(), jobs); err != nil {
			t.Fatalf("Submit: %v", err)
		}
	}
	before := counted(t, url, "select folds from job_lists")
	if err := lock.Close(t.Context()); err != nil {
		t.Fatalf("close: %v", err)
	}
	foldNow(t, s)
	if folds := counted(t, url, "select folds from job_lists") - before; folds < 2 {
		t.Errorf("%d labels were folded in %d transactions, want some", calls*each*64, folds)
	}
	for _, n := range []int{0, calls*each - 1} {
		q := store.JobQuery{AgentID: agent, Metadata: []store.Label{{Key: "10", Value: fmt.Sprint(n)}}}
		if _, count := listed(t, s, org, q); count != 1 {
			t.Errorf("label of job %d: got %d jobs, want 1", n, count)
		}
	}
}

// manyLabels is metadata of 300 members that no other job has.
func manyLabels(n int) []byte {
	m := []byte(`{"0":0`)
	for l := range 300 {
		m = fmt.Appendf(m, `,"%d":%d`, l+1, n)
	}
	return append(m, '}')
}

func TestManyVersionsAreListedAsFewAre(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	var all []steward.JobID
	put := func(from, n int) {
		jobs := make([]store.NewJob, n)
		for i := range jobs {
			jobs[i] = newJob(org, agent)
			jobs[i].VersionName = fmt.Sprintf("version %05d", from+i)
			all = append(all, jobs[i].ID)
		}
		if _, err := s.Submit(t.Context(), jobs); err != nil {
			t.Fatalf("Submit: %v", err)
		}
	}
	check := func(what string) {
		t.Helper()
		n := len(all)
		if _, count := listed(t, s, org, store.JobQuery{AgentID: agent, Search: "version"}); count != int64(n) {
			t.Errorf("%s: found %d jobs, want %d", what, count, n)
		}
		q := store.JobQuery{AgentID: agent, Offset: n - 10, Order: []store.JobOrder{{By: store.ByVersionName}}}
		if got, _ := listed(t, s, org, q); !slices.Equal(got, all[n-10:]) {
			t.Errorf("%s: last page by version: got %v, want %v", what, got, all[n-10:])
		}
		names := []string{"version 00000", "version 00001", fmt.Sprintf("version %05d", n-1), "no version\x00"}
		if _, count := listed(t, s, org, store.JobQuery{AgentID: agent, VersionNames: names}); count != 3 {
			t.Errorf("%s: got %d jobs of three versions", what, count)
		}
	}
	put(0, 900)
	put(900, 600)
	check("not folded")
	foldNow(t, s)
	check("folded")
	check("kept")
	put(1500, 5)
	check("some not folded")
	foldNow(t, s)
	check("changed")
}

// Nobody reads what others have stored while an open transaction, be it of another database, keeps the folder waiting.
func TestAnOpenTransactionElsewhereIsTold(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	var lag postgres.FoldLag
	for _, step := range []struct {
		after time.Duration
		left  bool
		to    uint64
		want  time.Duration
	}{
		{0, true, 7, 0}, {time.Minute, true, 7, 0}, {3 * time.Minute, true, 7, 3 * time.Minute}, {4 * time.Minute, true, 7, 0},
		{14 * time.Minute, true, 7, 14 * time.Minute}, {15 * time.Minute, true, 8, 0}, {16 * time.Minute, false, 8, 0},
		{17 * time.Minute, true, 8, 0}, {19 * time.Minute, true, 0, 0}, {29 * time.Minute, true, 0, 0},
	} {
		if got := lag.Look(begin.Add(step.after), step.left, step.to); got != step.want {
			t.Errorf("after %v: got %v, want %v", step.after, got, step.want)
		}
	}
}

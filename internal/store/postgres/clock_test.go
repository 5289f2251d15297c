package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
)

// machine opens a store as it runs in production: leases go by the database's clock.
func machine(t *testing.T, url string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, &postgres.Options{MaxConns: 3})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// claimBy claims on a machine whose clock is wrong by off.
func claimBy(t *testing.T, s store.Store, off, lease time.Duration) []store.Claimed {
	t.Helper()
	got, err := s.Claim(t.Context(), store.ClaimRequest{
		Worker: store.Worker{Node: "n", Incarnation: "i"}, Now: time.Now().Add(off), Max: 10, Lease: lease,
	})
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	return got
}

func TestMachinesWithWrongClocksKeepEachOthersLeases(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	slow, right, fast := machine(t, url), machine(t, url), machine(t, url)
	const hour = time.Hour
	job := newJob(newID[steward.OrganizationID](), newID[steward.AgentID]())
	job.CreatedAt, job.Timeout = time.Now().Add(-2*hour), 24*hour
	if _, err := right.Submit(t.Context(), jobsOf(job)); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	first := claimBy(t, slow, -hour, time.Minute) // by its own clock the lease would have ended long ago
	if len(first) != 1 {
		t.Fatalf("claimed %d jobs, want 1", len(first))
	}
	for _, off := range []time.Duration{0, hour} {
		if got := claimBy(t, fast, off, time.Minute); len(got) != 0 {
			t.Errorf("a machine %v ahead took a job whose lease lasts", off)
		}
	}
	renewed, err := slow.RenewLeases(t.Context(), []store.LeaseRenewal{{Lease: first[0].Lease}}, time.Now().Add(-hour), time.Minute)
	if err != nil || renewed[0].Lost {
		t.Fatalf("RenewLeases: got %+v, %v", renewed, err)
	}
	if got := claimBy(t, fast, hour, time.Minute); len(got) != 0 {
		t.Error("a machine ahead took a job whose renewed lease lasts")
	}
	at, ok, err := fast.NextReady(t.Context())
	if wait := time.Until(at.Add(-hour)); err != nil || !ok || wait < 50*time.Second || wait > time.Minute {
		t.Errorf("NextReady of the machine ahead: got %v, %v, in %v; want within the minute of the lease, by its own clock", ok, err, wait)
	}
}

func TestALeaseEndsByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	fast, slow := machine(t, url), machine(t, url)
	const hour = time.Hour
	job := newJob(newID[steward.OrganizationID](), newID[steward.AgentID]())
	job.CreatedAt, job.Timeout = time.Now().Add(-2*hour), 24*hour
	if _, err := fast.Submit(t.Context(), jobsOf(job)); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	if got := claimBy(t, fast, hour, time.Second); len(got) != 1 { // by its own clock the lease would last an hour
		t.Fatalf("claimed %d jobs, want 1", len(got))
	}
	for end := time.Now().Add(20 * time.Second); ; {
		if got := claimBy(t, slow, -hour, time.Minute); len(got) == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the lease did not end")
		}
	}
}

func TestConnectionsDoNotTakeTheDatabasesDefaults(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatalf("ParseConfig: %v", err)
	}
	for _, setting := range []string{"synchronous_commit = off", "default_transaction_isolation = 'serializable'"} {
		exec(t, url, "alter database "+pgx.Identifier{cfg.Database}.Sanitize()+" set "+setting)
	}
	ours, err := postgres.ConnConfig(url)
	if err != nil {
		t.Fatalf("ConnConfig: %v", err)
	}
	c, err := pgx.ConnectConfig(t.Context(), ours)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer func() {
		if err := c.Close(t.Context()); err != nil {
			t.Errorf("close connection: %v", err)
		}
	}()
	var commit, isolation string
	if err := c.QueryRow(t.Context(), "select current_setting('synchronous_commit'), current_setting('transaction_isolation')").Scan(&commit, &isolation); err != nil {
		t.Fatalf("read settings: %v", err)
	}
	if commit != "on" || !strings.EqualFold(isolation, "read committed") {
		t.Errorf("settings: got synchronous_commit %s and isolation %s, want on and read committed", commit, isolation)
	}
}

func TestAnUnreadableJobFailsAlone(t *testing.T) {
	t.Parallel()
	s, _, url := two(t)
	org := newID[steward.OrganizationID]()
	ids := submit(t, s, org, newID[steward.AgentID](), 4)
	exec(t, url, "update jobs set inputs = '[{\"broken' where id = $1", string(ids[1]))
	exec(t, url, "update jobs set events = '[no', progress = '{' where id = $1", string(ids[2]))
	if got := claim(t, s, 10, store.Limits{}); len(got) != 2 || got[0].JobID != ids[0] || got[1].JobID != ids[3] {
		t.Errorf("claimed %d jobs (%+v), want the two that can be read", len(got), got)
	}
	for _, id := range ids[1:3] {
		st, err := s.JobStatus(t.Context(), org, id)
		if err != nil || st.Status != steward.StatusFailure || st.Failure == nil || st.Failure.Code != steward.FailInternal ||
			st.Failure.Message != "The job's record cannot be read." {
			t.Errorf("status: got %+v, %v, want FAILURE with code internal", st, err)
		}
	}
	if jobs, count, err := s.ListJobs(t.Context(), org, store.JobQuery{}); err != nil || count != 4 || len(jobs) != 4 {
		t.Errorf("ListJobs: got %d of %d jobs, %v, want 4", len(jobs), count, err)
	}
}

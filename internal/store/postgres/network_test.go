package postgres_test

import (
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/crashtest/toxic"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
)

// badNetwork opens a store with a network of its own to a new database. direct is the database's own URL.
func badNetwork(t *testing.T, query string) (s *postgres.Store, p *toxic.Proxy, direct string) {
	t.Helper()
	direct = pgtest.Database(t)
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := pgx.ParseConfig(direct)
	if err != nil {
		t.Fatal(err)
	}
	_, to := pgconn.NetworkAddress(cfg.Host, cfg.Port)
	if p, err = toxic.ListenPostgres(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	host, port, err := net.SplitHostPort(p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("host", host)
	q.Set("port", port)
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = "", q.Encode()+query // the host of the query counts
	return open(t, u.String()), p, direct
}

// stored returns how many jobs the database has.
func stored(t *testing.T, direct string) (n int) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), direct)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer func() { _ = c.Close(t.Context()) }() // it has served its purpose
	if err := c.QueryRow(t.Context(), "select count(*) from jobs").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestASubmissionWhoseCommitIsCutOffIsStoredOnce(t *testing.T) {
	t.Parallel()
	s, p, direct := badNetwork(t, "")
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	want := 0
	for _, arrives := range []bool{true, false} {
		for _, key := range []string{"", "key"} {
			j := newJob(org, agent)
			if key != "" {
				j.IdempotencyKey, j.IdempotencyTo = string(j.ID), start().Add(time.Hour)
			}
			met := p.Met()
			p.CutAtCommit(1, arrives)
			healed := time.AfterFunc(200*time.Millisecond, p.Heal) // while it is tried again
			got, err := s.Submit(t.Context(), jobsOf(j))
			if healed.Stop() {
				p.Heal()
				if !arrives { // what is stored is found by reading, which nothing cuts
					t.Errorf("key %q: the answer came before the network was good", key)
				}
			}
			if p.Met() == met {
				t.Errorf("arrives %v, key %q: no commit was cut", arrives, key)
			}
			if err != nil || len(got) != 1 || got[0].ID != j.ID || got[0].Replayed {
				t.Errorf("arrives %v, key %q: got %+v, %v, want the job", arrives, key, got, err)
			}
			want++
			if n := stored(t, direct); n != want {
				t.Errorf("arrives %v, key %q: %d jobs are stored, want %d", arrives, key, n, want)
			}
			if key == "" {
				continue
			}
			again := j
			again.ID = newID[steward.JobID]()
			got, err = s.Submit(t.Context(), jobsOf(again))
			if err != nil || got[0].ID != j.ID || !got[0].Replayed {
				t.Errorf("arrives %v: the same key answers %+v, %v, want the first job", arrives, got, err)
			}
		}
	}
}

func TestAClaimWhoseCommitIsCutOffIsMadeOnce(t *testing.T) {
	t.Parallel()
	for _, arrives := range []bool{true, false} {
		s, p, _ := badNetwork(t, "")
		submit(t, s, newID[steward.OrganizationID](), newID[steward.AgentID](), 3)
		worker := store.Worker{Node: "n", Incarnation: "i"}
		p.CutAtCommit(1, arrives)
		_, err := s.Claim(t.Context(), store.ClaimRequest{Worker: worker, Now: start(), Max: 1, Lease: time.Minute})
		if steward.CodeOf(err) != steward.Unavailable {
			t.Errorf("arrives %v: got %v, want Unavailable", arrives, err)
		}
		p.Heal()
		want := 0
		if arrives {
			want = 1
		}
		n, err := s.Disown(t.Context(), worker, nil)
		for end := time.Now().Add(20 * time.Second); steward.CodeOf(err) == steward.Unavailable && time.Now().Before(end); {
			n, err = s.Disown(t.Context(), worker, nil) // over connections that were not cut yet
		}
		if err != nil || n != want {
			t.Errorf("arrives %v: %d jobs were claimed, %v, want %d", arrives, n, err, want)
		}
		got := claim(t, s, 3, store.Limits{})
		for end := time.Now().Add(20 * time.Second); len(got) < 3 && time.Now().Before(end); {
			got = append(got, claim(t, s, 3, store.Limits{})...) // the database may not have seen the end of the connection that locks one
		}
		if len(got) != 3 || got[0].Job.Crashes+got[1].Job.Crashes+got[2].Job.Crashes != 0 {
			t.Errorf("arrives %v: claimed afterwards: %+v, want all three without a crash", arrives, got)
		}
	}
}

func TestASilentDatabaseIsUnavailableSoon(t *testing.T) {
	t.Parallel()
	s, p, _ := badNetwork(t, "")
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	id := submit(t, s, org, agent, 1)[0]
	p.Blackhole()
	if err := s.Ping(t.Context()); steward.CodeOf(err) != steward.Unavailable {
		t.Errorf("Ping: got %v, want Unavailable", err)
	}
	calls := map[string]func() error{
		"Submit":    func() error { _, err := s.Submit(t.Context(), jobsOf(newJob(org, agent))); return err },
		"JobStatus": func() error { _, err := s.JobStatus(t.Context(), org, id); return err },
		"Claim": func() error {
			_, err := s.Claim(t.Context(), store.ClaimRequest{Worker: store.Worker{Node: "n", Incarnation: "i"}, Now: start(), Max: 1, Lease: time.Minute})
			return err
		},
	}
	for what, call := range calls {
		began := time.Now()
		if err := call(); steward.CodeOf(err) != steward.Unavailable {
			t.Errorf("%s: got %v, want Unavailable", what, err)
		}
		if took := time.Since(began); took > 20*time.Second { // 10 s for the first, 2 s for the others, and the machine may be busy
			t.Errorf("%s was refused after %v", what, took)
		}
	}
	quickest := time.Hour
	for range 5 { // the machine may be busy
		began := time.Now()
		if err := calls["JobStatus"](); steward.CodeOf(err) != steward.Unavailable {
			t.Errorf("a call while the database is known to be away: got %v, want Unavailable", err)
		}
		if quickest = min(quickest, time.Since(began)); quickest < 4*time.Second {
			break
		}
	}
	if quickest >= 4*time.Second {
		t.Errorf("a call while the database is known to be away took %v, want 2 s", quickest)
	}
	p.Heal()
	for end := time.Now().Add(20 * time.Second); s.Ping(t.Context()) != nil; {
		if time.Now().After(end) {
			t.Fatal("the database does not come back")
		}
	}
	if _, err := s.Submit(t.Context(), jobsOf(newJob(org, agent))); err != nil {
		t.Errorf("Submit after the network was good again: %v", err)
	}
}

func TestALockIsWaitedForAWhileOnly(t *testing.T) {
	t.Parallel()
	s, _, direct := badNetwork(t, "&lock_timeout=100ms")
	c, err := pgx.Connect(t.Context(), direct)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }() // ends the lock
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "lock table jobs in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	if _, err := s.Submit(t.Context(), jobsOf(newJob(org, agent))); steward.CodeOf(err) != steward.Unavailable {
		t.Errorf("Submit while the table is locked: got %v, want Unavailable", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	submit(t, s, org, agent, 1)
}

package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, pgtest.Database(t)) })
}

// open opens a store on a database, as one process does, and closes it when the test ends.
func open(t *testing.T, url string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, &postgres.Options{MaxConns: 6, Clock: asTold})
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

// asTold is a clock for leases that follows the times of the tests.
func asTold(caller time.Time) time.Time { return caller }

// two opens two stores on one new database, as two processes do.
func two(t *testing.T) (a, b *postgres.Store, url string) {
	t.Helper()
	url = pgtest.Database(t)
	return open(t, url), open(t, url), url
}

// exec runs a statement behind the store's back.
func exec(t *testing.T, url, sql string, args ...any) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer func() {
		if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close connection: %v", err)
		}
	}()
	if _, err := c.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// execMany runs a statement with many rows of arguments behind the store's back, in one transaction.
func execMany(t *testing.T, url, sql string, rows [][]any) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer func() {
		if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close connection: %v", err)
		}
	}()
	batch := &pgx.Batch{}
	for _, args := range rows {
		batch.Queue(sql, args...)
	}
	if err := c.SendBatch(t.Context(), batch).Close(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// start is when these tests take place.
func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func newID[T steward.UUID]() T { return T(uuid.Must(uuid.NewV7()).String()) }

// newJob returns a job of an organization's agent.
func newJob(org steward.OrganizationID, agent steward.AgentID) store.NewJob {
	return store.NewJob{
		ID: newID[steward.JobID](), OrganizationID: org, AgentID: agent, VersionID: newID[steward.VersionID](),
		EngineClassID: "TestEngine", CreatedAt: start(), Timeout: time.Hour,
	}
}

// submit queues n jobs of one agent and returns their ids.
func submit(t *testing.T, s store.Store, org steward.OrganizationID, agent steward.AgentID, n int) []steward.JobID {
	t.Helper()
	var ids []steward.JobID
	for n > 0 {
		jobs := make([]store.NewJob, min(n, 1000))
		for i := range jobs {
			jobs[i] = newJob(org, agent)
			ids = append(ids, jobs[i].ID)
		}
		if _, err := s.Submit(t.Context(), jobs); err != nil {
			t.Fatalf("Submit: %v", err)
		}
		n -= len(jobs)
	}
	return ids
}

// claim claims up to most jobs.
func claim(t *testing.T, s store.Store, most int, limits store.Limits) []store.Claimed {
	t.Helper()
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{
		Worker: store.Worker{Node: "n", Incarnation: "i"}, Now: start(), Max: most, Lease: time.Minute, Limits: limits,
	})
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	return claimed
}

// awaitReady fails the test unless Ready speaks.
func awaitReady(t *testing.T, s store.Store, what string) {
	t.Helper()
	select {
	case <-s.Ready():
	case <-time.After(20 * time.Second):
		t.Fatalf("no signal after %s", what)
	}
}

// drained empties Ready, so that the next value is a new one.
func drained(s store.Store) {
	select {
	case <-s.Ready():
	default:
	}
}

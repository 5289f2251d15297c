package postgres_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
)

func TestProcessesThatStartAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := postgres.Open(t.Context(), url, &postgres.Options{MaxConns: 2})
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			if err := s.Ping(t.Context()); err != nil {
				t.Errorf("Ping: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestADatabaseOfANewerProgramIsRefused(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	if err := postgres.Migrate(t.Context(), url); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	exec(t, url, "insert into goose_db_version (version_id, is_applied) values (99999, true)")
	_, err := postgres.Open(t.Context(), url, nil)
	if steward.CodeOf(err) != steward.Conflict || !strings.Contains(err.Error(), "99999") {
		t.Errorf("Open: got %v, want Conflict that names the version", err)
	}
}

func TestABadURLIsInvalidAndNotRepeated(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://someone:sesame@host:notaport/db", nil)
	if steward.CodeOf(err) != steward.Invalid {
		t.Errorf("Open: got %v, want Invalid", err)
	}
	if err != nil && strings.Contains(err.Error(), "sesame") {
		t.Errorf("Open: the error repeats the password: %v", err)
	}
}

func TestADatabaseThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://steward@127.0.0.1:1/steward?connect_timeout=5", nil)
	if steward.CodeOf(err) != steward.Unavailable {
		t.Errorf("Open: got %v, want Unavailable", err)
	}
}

func TestAClosedStoreRefusesWrites(t *testing.T) {
	t.Parallel()
	s, err := postgres.Open(t.Context(), pgtest.Database(t), nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	_, err = s.Submit(context.Background(), jobsOf(newJob(newID[steward.OrganizationID](), newID[steward.AgentID]())))
	if steward.CodeOf(err) != steward.Unavailable {
		t.Errorf("Submit: got %v, want Unavailable", err)
	}
}

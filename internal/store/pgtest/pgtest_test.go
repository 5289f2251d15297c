package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward/internal/store/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

func count(t *testing.T, c *pgx.Conn, query string) (n int) {
	t.Helper()
	if err := c.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestDatabasesOfOneTimeAreNotShared(t *testing.T) {
	t.Parallel()
	if a, b := pgtest.Database(t), pgtest.Database(t); a == b {
		t.Errorf("two databases in use at once have the same URL %s", a)
	}
}

func TestADatabaseHasTheSchemaAndNoRowsEveryTime(t *testing.T) {
	t.Parallel()
	for range 3 {
		t.Run("", func(t *testing.T) {
			c := connect(t, pgtest.Database(t))
			if n := count(t, c, "select count(*) from organizations"); n != 0 {
				t.Errorf("organizations: got %d, want none", n)
			}
			if _, err := c.Exec(t.Context(), "insert into organizations values (gen_random_uuid(), 'left behind', now())"); err != nil {
				t.Fatalf("insert: %v", err)
			}
		})
	}
}

func TestAnEmptyDatabaseHasNoTables(t *testing.T) {
	t.Parallel()
	c := connect(t, pgtest.Empty(t))
	if n := count(t, c, "select count(*) from pg_tables where schemaname = 'public'"); n != 0 {
		t.Errorf("tables: got %d, want none", n)
	}
}

func TestTheServerKeepsWhatItAcknowledges(t *testing.T) {
	t.Parallel()
	c := connect(t, pgtest.Empty(t))
	var fsync, commit string
	if err := c.QueryRow(t.Context(), "select current_setting('fsync'), current_setting('synchronous_commit')").Scan(&fsync, &commit); err != nil {
		t.Fatalf("read settings: %v", err)
	}
	if fsync != "on" || commit != "on" {
		t.Errorf("fsync %s, synchronous_commit %s: want both on", fsync, commit)
	}
}

package postgres_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
)

// The plans of an empty database are the ones that matter: connections keep them while the tables grow.
func TestPlansOfAnEmptyDatabaseServeAFullOne(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	if err := postgres.Migrate(t.Context(), url); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	statements := postgres.Statements()
	for name, want := range map[string]string{
		"release expired":     "jobs_leased jobs_pkey",
		"count running":       "jobs_leased",
		"lanes":               "jobs_claimable",
		"candidates":          "jobs_claimable",
		"start":               "jobs_pkey",
		"end":                 "jobs_pkey",
		"record steps":        "jobs_pkey",
		"finish":              "jobs_pkey",
		"renew leases":        "jobs_pkey",
		"take back":           "jobs_leased jobs_pkey",
		"next ready":          "jobs_delayed jobs_leased jobs_overdue",
		"overdue":             "jobs_overdue",
		"cancelled":           "jobs_cancelled",
		"last chance":         "jobs_last_chance",
		"park":                "jobs_pkey",
		"usage of steps":      "steps_pkey",
		"list versions":       "agents_pkey users_pkey versions_agent",
		"known key":           "idempotency_keys_pkey",
		"read job":            "jobs_pkey",
		"read status":         "jobs_pkey",
		"read steps":          "steps_pkey",
		"list agent's jobs":   "jobs_of_agent jobs_pkey",
		"list all jobs":       "jobs_of_organization jobs_pkey",
		"count agent's jobs":  "jobs_of_agent",
		"count all jobs":      "jobs_of_organization",
		"agent":               "agents_pkey jobs_of_agent users_pkey",
		"look for known keys": "idempotency_keys_pkey",
		"forget old keys":     "idempotency_keys_expiry idempotency_keys_pkey",
		"expired uploads":     "files_expiry",
		"blobs left behind":   "blobs_dying blobs_pkey",
		"drop uploads":        "files_pkey",
		"mourn blobs":         "blobs_pkey files_blob job_blobs_blob",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := explain(t, url, statements[name])
			if got := indexes(plan); got != want {
				t.Errorf("indexes used: got %q, want %q\n%s", got, want, strings.Join(plan, "\n"))
			}
		})
	}
}

// explain returns the generic plan of a statement, on a connection like those of a Store.
func explain(t *testing.T, url, sql string) []string {
	t.Helper()
	cfg, err := postgres.ConnConfig(url)
	if err != nil {
		t.Fatalf("ConnConfig: %v", err)
	}
	c, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer func() {
		if err := c.Close(t.Context()); err != nil {
			t.Errorf("close connection: %v", err)
		}
	}()
	args := strings.TrimSuffix(strings.Repeat("null,", params(sql)), ",")
	if args != "" {
		args = "(" + args + ")"
	}
	if _, err := c.Exec(t.Context(), "set plan_cache_mode = force_generic_plan; prepare p as "+sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("prepare: %v", err)
	}
	rows, err := c.Query(t.Context(), "explain execute p"+args, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatalf("explain: %v", err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("explain: %v", err)
	}
	return lines
}

// params returns how many parameters a statement has.
func params(sql string) int {
	most := 0
	for _, m := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(sql, -1) {
		n := 0
		fmt.Sscan(m[1], &n) //nolint:errcheck,gosec // digits
		most = max(most, n)
	}
	return most
}

// indexes returns the indexes that a plan uses, each once, in order; "scan of" a table that is read without one.
func indexes(plan []string) string {
	scan := regexp.MustCompile(`(Seq Scan|Index Scan|Index Only Scan) (using (\w+) )?on (\w+)`)
	bits := regexp.MustCompile(`Bitmap Index Scan on (\w+)`)
	used := map[string]bool{}
	for _, line := range plan {
		if m := bits.FindStringSubmatch(line); m != nil {
			used[m[1]] = true
		} else if m := scan.FindStringSubmatch(line); m != nil && m[3] != "" {
			used[m[3]] = true
		} else if m != nil {
			used["scan of "+m[4]] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(used)), " ")
}

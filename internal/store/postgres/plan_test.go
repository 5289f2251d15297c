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
		"list versions":       "agent_tags_pkey agents_pkey tags_pkey users_pkey versions_agent",
		"run agent":           "agents_pkey versions_pkey",
		"version":             "agent_tags_pkey agents_pkey tags_pkey users_pkey versions_pkey",
		"pinned version":      "agent_tags_pkey agents_pkey tags_pkey users_pkey versions_pkey",
		"lock version":        "agents_pkey versions_pkey",
		"deleted agents":      "agents_deleted jobs_claimable jobs_working",
		"page of agents":      "agent_jobs_log_agent agent_jobs_pkey agent_tags_pkey agents_pkey tags_pkey users_pkey",
		"kept files":          "files_kept",
		"files of data set":   "files_dataset",
		"known key":           "idempotency_keys_pkey",
		"read job":            "agents_pkey jobs_pkey",
		"read status":         "agents_pkey jobs_pkey",
		"read steps":          "model_calls_pkey steps_pkey",
		"agent":               "agent_jobs_log_agent agent_jobs_pkey agent_tags_pkey agents_pkey tags_pkey users_pkey",
		"look for known keys": "idempotency_keys_pkey",
		"forget old keys":     "idempotency_keys_expiry idempotency_keys_pkey",
		"expired uploads":     "files_expiry",
		"blobs left behind":   "blobs_dying blobs_pkey",
		"drop uploads":        "files_pkey",
		"mourn blobs":         "blobs_pkey files_blob job_blobs_blob",
		"insert jobs":         "job_ends_pkey jobs_pkey",
		"find results":        "job_cache_pkey jobs_pkey",
		"forget results":      "job_cache_expiry job_cache_pkey",
		"hold blobs":          "job_blobs_pkey",
		"hold artifacts":      "artifacts_pkey",
		"lock batches":        "agents_pkey batches_pkey",
		"known items":         "jobs_batch_item",
		"read statuses":       "agents_pkey jobs_pkey",
		"read results":        "agents_pkey jobs_pkey",
		"open of agent":       "jobs_claimable jobs_working",
		"open of batch":       "jobs_batch_open",
		"lock open":           "jobs_pkey",
		"cancel":              "jobs_pkey",
		"batch":               "agents_pkey batches_pkey",
		"agent's batches":     "agents_pkey batches_of_agent",
		"all batches":         "agents_pkey batches_of_organization",
		"count items":         "jobs_batch_item",
		"done batches":        "batches_to_complete jobs_batch_open",
		"still done":          "batches_pkey jobs_batch_open",
		"items":               "jobs_batch_item",
		"count matching":      "jobs_batch_item",
		"retryable":           "jobs_batch_item jobs_pkey",
		"retry":               "job_files_pkey job_list_pkey jobs_pkey",
		"lock purged":         "jobs_pkey",
		"empty job":           "jobs_pkey",
		"empty list":          "job_list_pkey",
		"empty ends":          "job_ends_pkey",
		"drop results":        "job_cache_pkey jobs_pkey",
		"leave files":         "job_files_pkey",
		"leave blobs":         "job_blobs_pkey",
		"drop files":          "files_pkey job_files_file",
		"deleted jobs":        "agents_deleted job_ends_ended",
		"forget bits":         "job_bits_pkey",
		"forget columns":      "job_columns_pkey",
		"done lanes":          "agents_deleted job_bits_pkey job_columns_pkey job_ends_ended",
		"leave out":           "job_bits_pkey",
		"postings":            "job_bits_pkey",
		"changed postings":    "job_bits_pkey",
		"next fold":           "job_folds_pkey job_lists_pkey",
		"state of the fold":   "job_ends_unfolded job_list_unfolded job_lists_pkey",
		"stray jobs":          "job_list_unfolded",
		"stray ends":          "job_ends_unfolded",
		"home jobs":           "job_list_pkey",
		"home ends":           "job_ends_pkey",
		"fresh jobs":          "job_list_fresh job_lists_pkey",
		"fresh ends":          "job_ends_fresh job_lists_pkey",
		"spans":               "job_spans_pkey",
		"posting":             "job_bits_pkey",
		"versions of jobs":    "job_bits_pkey",
		"working":             "jobs_working",
		"find":                "jobs_pkey",
		"created in":          "job_list_pkey",
		"matching in":         "job_list_pkey",
		"matching of":         "job_list_pkey",
		"column":              "job_columns_pkey",
		"changed columns":     "job_columns_pkey",
		"changed bits":        "job_bits_pkey",
		"folds":               "job_folds_pkey job_lists_pkey",
		"agents left out":     "agents_deleted agents_pkey",
		"created of":          "job_list_pkey",
		"walk ended up":       "job_ends_ended",
		"walk ended down":     "job_ends_ended",
		"walk ids up":         "jobs_pkey",
		"walk ids down":       "jobs_pkey",
		"keys":                "job_ends_pkey job_list_pkey jobs_pkey",
		"listed jobs":         "job_ends_pkey job_list_pkey jobs_pkey",
		"new rows":            "job_list_unfolded",
		"new ends":            "job_ends_unfolded",
		"unfolded":            "job_ends_unfolded job_list_unfolded",
		"some bits":           "job_bits_pkey",
		"some columns":        "job_columns_pkey",
		"unlisted":            "jobs_pkey",
		"books":               "usage_news_pkey usage_pkey",
		"fold usage":          "usage_news_pkey",
		"held":                "holds_of_organization jobs_pkey",
		"dead holds":          "holds_of_organization jobs_pkey",
		"forgettable":         "jobs_pkey model_calls_to_forget",
		"lock forgettable":    "jobs_pkey",
		"forget outputs":      "model_calls_to_forget steps_pkey",
		"let go":              "job_blobs_pkey jobs_pkey model_calls_to_forget steps_pkey",
		"forgotten":           "model_calls_to_forget",
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
		fmt.Sscan(m[1], &n) //nolint:errcheck // digits
		most = max(most, n)
	}
	return most
}

// indexes returns the indexes that a plan uses, each once, in order; "scan of" a table that is read without one.
func indexes(plan []string) string {
	scan := regexp.MustCompile(`(Seq Scan|Index Scan|Index Only Scan)(?: Backward)? (using (\w+) )?on (\w+)`)
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

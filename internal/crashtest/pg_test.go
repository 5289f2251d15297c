package crashtest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/crashtest"
	"github.com/stewardhq/steward/internal/store/pgtest"
)

// fail runs scenarios of a database that fails.
func fail(t *testing.T, only ...string) *crashtest.DatabaseReport {
	t.Helper()
	server, err := pgtest.Server()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	report, _, err := crashtest.Faults(t.Context(), crashtest.DatabaseOptions{
		Seed: uint64(envInt(t, "STEWARD_CRASH_SEED", 1)), Only: only, Server: server, Folder: folder, Cache: apptest.CacheFolder(), Builds: builds,
		Slack:    10 * time.Second, // other tests run beside this one
		Progress: func(s *crashtest.Scene) { printJSON(t, s) },
	})
	if err != nil {
		for _, name := range []string{"api-1", "worker-1"} {
			log, _ := os.ReadFile(filepath.Join(folder, name+".log")) // there may be none
			t.Logf("%s:\n%s", name, log[max(0, len(log)-4000):])
		}
		t.Fatal(err)
	}
	printJSON(t, report)
	return report
}

func printJSON(t *testing.T, v any) {
	t.Helper()
	line, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(line))
}

// Some of the scenarios; make pgfaults runs them all.
func TestDatabaseThatFailsUnderLoad(t *testing.T) { //nolint:paralleltest // it measures times
	r := fail(t, "restart_immediate", "worker_cut", "commit_answer_lost")
	for _, f := range r.FirstFaults {
		t.Error(f)
	}
}

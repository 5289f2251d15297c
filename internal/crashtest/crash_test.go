package crashtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/crashtest"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
	"github.com/stewardhq/steward/internal/store/pgtest"
)

var builds []string //nolint:gochecknoglobals // made once for all tests

func TestMain(m *testing.M) {
	os.Exit(withBuilds(m))
}

// withBuilds makes the builds of the server for all tests.
func withBuilds(m *testing.M) int {
	folder, err := os.MkdirTemp("", "steward-builds")
	if err == nil {
		defer func() { _ = os.RemoveAll(folder) }() // it is a temporary one
		builds, err = crashtest.Builds(context.Background(), folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// envInt reads a parameter of the test: STEWARD_CRASH_ROUNDS, STEWARD_CRASH_SEED.
func envInt(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a number above 0", name, v)
	}
	return n
}

func kill(t *testing.T, o crashtest.Options) (*crashtest.Report, *oracle.World) {
	t.Helper()
	o.Folder, o.Cache = t.TempDir(), apptest.CacheFolder()
	o.Builds = builds
	if o.Seed == 0 {
		o.Seed = uint64(envInt(t, "STEWARD_CRASH_SEED", 1))
	}
	report, world, err := crashtest.Run(t.Context(), o)
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(o.Folder, "main.log")) // there may be none
		t.Fatalf("%v\n%s", err, log)
	}
	line, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(line))
	return report, world
}

// keepsItsWord wants a run without faults. That little was at stake is one of them, unless the run is a short one.
func keepsItsWord(t *testing.T, r *crashtest.Report) {
	t.Helper()
	for _, f := range r.FirstFaults {
		t.Error(f)
	}
	if r.ResumeP99MS > 1000 {
		t.Errorf("the first step after a restart took %.0f ms at the 99th percentile, want at most 1000", r.ResumeP99MS)
	}
}

func TestKillUnderLoad(t *testing.T) { //nolint:paralleltest // it measures times
	r, _ := kill(t, crashtest.Options{Rounds: envInt(t, "STEWARD_CRASH_ROUNDS", 25)})
	keepsItsWord(t, r)
}

func TestKillUnderLoadOnPostgreSQL(t *testing.T) { //nolint:paralleltest // it measures times
	r, _ := kill(t, crashtest.Options{Rounds: envInt(t, "STEWARD_CRASH_ROUNDS", 25), Database: pgtest.Database(t)})
	keepsItsWord(t, r)
}

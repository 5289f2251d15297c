package crashtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/crashtest"
	"github.com/stewardhq/steward/internal/failpoint"
)

// some are points of each kind; make failpoints sweeps all.
func some() []string {
	return []string{
		"secret.place.after", "app.credentials.before",
		"sqlite.commit.before(submit jobs)", "sqlite.commit.after(submit jobs)", "sqlite.commit.after(record step)", "sqlite.commit.before(finish job)",
		"sqlite.commit.after(record deliveries)", "sqlite.commit.after(reserve file)", "blob.sync.after", "blob.rename.after", "model.send.after", "webhooks.send.after",
		"jobs.handover.before", "sqlite.close.after",
	}
}

func TestKillAtFailpoints(t *testing.T) { //nolint:paralleltest // it takes both cores
	armed, err := crashtest.ArmedBuild(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("are in no normal build", func(t *testing.T) {
		for path, want := range map[string]bool{armed: true, builds[0]: false} {
			program, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range failpoint.Points() {
				if got := bytes.Contains(program, []byte(p.Name)); got != want && !strings.HasPrefix(p.File, "internal/backup/disk_") {
					t.Errorf("%s: has %s: %v, want %v", path, p.Name, got, want)
				}
			}
		}
	})
	r, err := crashtest.Sweep(t.Context(), crashtest.SweepOptions{
		Seed:   uint64(envInt(t, "STEWARD_CRASH_SEED", 1)),
		Folder: t.TempDir(), Cache: apptest.CacheFolder(), Builds: builds, Armed: armed, Points: some(), Once: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(line))
	for _, f := range r.FirstFaults {
		t.Error(f)
	}
	if r.Points != len(some()) || r.Crashes < r.Points || len(r.Unreached) > 0 || r.Acknowledged < 3*r.Points {
		t.Errorf("there was not much at stake: %+v", r)
	}
}

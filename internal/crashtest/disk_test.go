package crashtest_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stewardhq/steward/internal/crashtest"
)

// The program has mounts of its own, which a test's process has not.
func TestDiskFaults(t *testing.T) { //nolint:paralleltest // it measures times
	program := filepath.Join(t.TempDir(), "diskfaults")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./diskfaults").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const scenarios = 5
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, "-builds", builds[0], "-only", "full,sync_log,replaced,log_damaged,file_damaged")
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, &said)
	}
	t.Logf("%s", out)
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != scenarios+1 {
		t.Fatalf("%d lines, want one for each of %d scenarios and one for all", len(lines), scenarios)
	}
	var r crashtest.DiskReport
	if err := json.Unmarshal(lines[scenarios], &r); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.FirstFaults {
		t.Error(f)
	}
	if r.Scenarios != scenarios || r.Lost+r.RepeatedSteps+r.DoubledEffects+r.Faults > 0 {
		t.Errorf("%+v", r)
	}
}

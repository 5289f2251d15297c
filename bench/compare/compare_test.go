package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/bench/compare/wire"
	"github.com/stewardhq/steward/internal/crashtest/effects"
)

// done makes a list of effects from words such as "a1": step 1 of job a.
func done(words ...string) []effects.Effect {
	var list []effects.Effect
	for _, w := range words {
		list = append(list, effects.Effect{Kind: effects.Step, Job: steward.JobID(w[:1]), Step: w[1:]})
	}
	return list
}

func TestStepsThatWereDoneAgainAreCounted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		list []effects.Effect
		want counts
	}{
		{"nothing is done again", done("a1", "b1", "a2", "b2", "b3", "a3"), counts{}},
		{"the killed step is", done("a1", "a2", "a2", "a3"), counts{redone: 1}},
		{"a recorded step is", done("a1", "a2", "a1", "a2", "a3"), counts{repeated: 1, redone: 1}},
		{"jobs count for themselves", done("a1", "a2", "b1", "b2", "b1"), counts{repeated: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := judge(tt.list); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestAClosedGateHoldsTheSecondStepsOnly(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	socket := filepath.Join("/tmp", "steward-compare-test-"+filepath.Base(filepath.Dir(folder))+".sock") // those of t.TempDir are too long
	r, err := openRecorder(t.Context(), filepath.Join(folder, "effects.jsonl"), socket)
	if err != nil {
		t.Fatalf("open recorder: %v", err)
	}
	r.hold()
	s := wire.StepperTo(socket)
	if _, err := s.Do(t.Context(), "a", 1); err != nil {
		t.Fatalf("step 1: %v", err)
	}
	passed := make(chan error, 1)
	go func() {
		_, err := s.Do(t.Context(), "a", 2)
		passed <- err
	}()
	if _, err := r.await(t.Context(), 0, time.Minute, func(list []effects.Effect) bool { return inHeldStep(list) == 1 }); err != nil {
		t.Fatalf("step 2 is not in the log: %v", err)
	}
	for range 20 { // others come and go meanwhile
		if _, err := s.Do(t.Context(), "b", 1); err != nil {
			t.Fatalf("step 1 of another job: %v", err)
		}
	}
	select {
	case err := <-passed:
		t.Fatalf("step 2 passed a closed gate: %v", err)
	default:
	}
	r.release()
	if err := <-passed; err != nil {
		t.Errorf("step 2: %v", err)
	}
	if err := r.close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestFiguresAreMediansAndCountsAreSums(t *testing.T) {
	t.Parallel()
	var r report
	for _, v := range []float64{30, 10, 26} {
		r.add("x", figures{{"throughput64", v}, {"worker_kill.redone", v}})
	}
	var out, table bytes.Buffer
	if err := r.print(&out, []string{"x"}); err != nil {
		t.Fatalf("print: %v", err)
	}
	want := `{"name":"compare.throughput64","system":"x","value":26,"unit":"jobs/s","runs":[30,10,26]}
{"name":"compare.worker_kill.redone","system":"x","value":66,"unit":"steps","runs":[30,10,26]}
`
	if out.String() != want {
		t.Errorf("lines: got\n%swant\n%s", out.String(), want)
	}
	if err := r.table(&table, []string{"x", "y"}); err != nil {
		t.Fatalf("table: %v", err)
	}
	if text := table.String(); !strings.Contains(text, "| 26.0") || !strings.Contains(text, "| 66") || !strings.Contains(text, "| y") {
		t.Errorf("table: got\n%swant the median, the sum and a row of dashes", text)
	}
}

func TestAKindStandsForItsSystems(t *testing.T) {
	t.Parallel()
	for only, want := range map[string][]string{
		"steward":        {"steward-sqlite", "steward-postgres"},
		"river, restate": {"river", "restate"},
		"temporal":       {"temporal", "temporal-local"},
	} {
		list, err := choose(only)
		if err != nil {
			t.Errorf("%s: %v", only, err)
		}
		var got []string
		for _, s := range list {
			got = append(got, s.name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", only, got, want)
		}
	}
	if _, err := choose("nosuch"); err == nil {
		t.Error("an unknown name: got no error")
	}
}

func TestChildrenAreFoundUntilTheyAreGone(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "600") //nolint:noctx // killed below
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pids, err := children(os.Getpid())
	if err != nil || !slices.Contains(pids, cmd.Process.Pid) || !anyAlive([]int{cmd.Process.Pid}) {
		t.Errorf("got %v (%v), want %d among them, alive", pids, err, cmd.Process.Pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("a killed process ended well")
	}
	if anyAlive([]int{cmd.Process.Pid}) {
		t.Error("it still counts as alive")
	}
}

// The whole way with very little work: the figures mean nothing, the lines must be there.
func TestStewardIsMeasured(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	if code := run(t.Context(), []string{"-only", "steward-sqlite", "-seconds", "0.1", "-repeats", "1", "-jobs", "10"}, &out, &log); code != 0 {
		t.Fatalf("exit code: got %d, want 0: %s", code, log.String())
	}
	got := map[string]float64{}
	for text := range strings.Lines(out.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("line %q: %v", text, err)
		}
		got[l.Name] = l.Value
	}
	for _, name := range []string{"throughput64", "latency1_p50", "latency64_p99", "worker_kill.first", "worker_kill.all"} {
		if got["compare."+name] <= 0 {
			t.Errorf("%s: got %v, want more than 0", name, got["compare."+name])
		}
	}
	for name, want := range map[string]float64{"unfinished": 0, "repeated": 0, "redone": 10} {
		if v, ok := got["compare.worker_kill."+name]; !ok || v != want {
			t.Errorf("%s: got %v (%v), want %v", name, v, ok, want)
		}
	}
}

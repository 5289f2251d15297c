package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// Benchmarks start their own program again, which is this one here.
func TestMain(m *testing.M) {
	if done, err := doTask(context.Background()); done {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestListPrintsEveryNameOnce(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	if code := run(t.Context(), []string{"-list"}, &out, &log); code != 0 {
		t.Fatalf("exit code: got %d, want 0: %s", code, log.String())
	}
	seen := map[string]bool{}
	for _, name := range strings.Fields(out.String()) {
		if seen[name] {
			t.Errorf("%s is listed twice", name)
		}
		seen[name] = true
	}
	if len(seen) != len(benchmarks()) {
		t.Errorf("names: got %d, want %d", len(seen), len(benchmarks()))
	}
}

func TestAnUnknownNameIsRefused(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	if code := run(t.Context(), []string{"-only", "jobs.nostep.sqlite,nosuch"}, &out, &log); code != 2 {
		t.Errorf("exit code: got %d, want 2", code)
	}
	if out.Len() != 0 || !strings.Contains(log.String(), "nosuch") {
		t.Errorf("got %q on stdout and %q on stderr, want nothing and the name", out.String(), log.String())
	}
}

// Every benchmark runs with very little work: the figures mean nothing, the lines must be whole.
func TestEachBenchmarkPrintsOneLine(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	if code := run(t.Context(), []string{"-scale", "0.001", "-dir", t.TempDir()}, &out, &log); code != 0 {
		t.Fatalf("exit code: got %d, want 0: %s", code, log.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(benchmarks()) {
		t.Fatalf("lines: got %d, want %d:\n%s", len(lines), len(benchmarks()), out.String())
	}
	for i, b := range benchmarks() {
		var r result
		if err := json.Unmarshal([]byte(lines[i]), &r); err != nil {
			t.Errorf("line %q: %v", lines[i], err)
			continue
		}
		if r.Name != b.name || r.Value <= 0 || r.Unit == "" {
			t.Errorf("line %q: want a value and a unit of %s", lines[i], b.name)
		}
		if strings.HasPrefix(b.name, "jobs.") && (r.Reference != "river" || r.ReferenceValue == nil || r.Ratio == nil) {
			t.Errorf("line %q: want a reference", lines[i])
		}
	}
}

func TestFiguresKeepFourDigits(t *testing.T) {
	t.Parallel()
	for in, want := range map[float64]float64{8123.456: 8123, 44123.4: 44120, 0.0123456: 0.01235, 0: 0} {
		if got := round(in); got != want {
			t.Errorf("round(%v): got %v, want %v", in, got, want)
		}
	}
}

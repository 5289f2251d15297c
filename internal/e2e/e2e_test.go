// Package e2e starts the real program as a child process and looks at it from outside: over HTTP, over raw connections,
// through /proc and through what it leaves on disk.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// world is what all tests share: building the program and compiling the PDF engine take seconds.
type world struct {
	binary string // the program
	cache  string // of compiled code, filled by the first server that reads a PDF
}

var shared world //nolint:gochecknoglobals // see world

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run builds the program as "make build" does and runs the tests. STEWARD_E2E_BINARY names one that is built already.
func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "steward-e2e-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	shared = world{binary: os.Getenv("STEWARD_E2E_BINARY"), cache: filepath.Join(dir, "cache")}
	if shared.binary == "" {
		shared.binary = filepath.Join(dir, "steward")
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", shared.binary, "../../cmd/steward")
		if out, err := build.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build the program: %w\n%s", err, out)
		}
	}
	return m.Run(), nil
}

// patience is how long a condition may take to hold on a busy machine.
const patience = 30 * time.Second

// until polls a condition until it holds.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	within(t, patience, what, ok)
}

// within is until with a patience of its own.
func within(t *testing.T, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v until %s", patience, what)
		}
		<-tick.C
	}
}

// testdata returns a file of the repository's test data.
func testdata(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

//go:build failpoints

package failpoint

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// child is what a process of the test is told to do.
const child = "FAILPOINT_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(child); path != "" {
		for range 5 {
			if err := Hit("blob.sync.before"); err != nil {
				os.Exit(3)
			}
			Pass("blob.sync.after")
			HitOf("sqlite.commit.before", "claim jobs") //nolint:errcheck // as above
			f, _ := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			_, _ = f.WriteString("x")
			_ = f.Close()
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// run has a process pass the points five times, and returns how often it did and how it ended.
func run(t *testing.T, spec string) (times int, state *os.ProcessState) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "times")
	cmd := exec.Command(os.Args[0]) //nolint:noctx // it ends by itself
	cmd.Env = append(os.Environ(), child+"="+path, Variable+"="+spec)
	_ = cmd.Run() // how it ended is looked at
	text, _ := os.ReadFile(path)
	return len(text), cmd.ProcessState
}

func TestAPointKillsAtItsHit(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]int{
		"blob.sync.before=kill": 0, "blob.sync.after=kill@3": 2, "sqlite.commit.before(claim jobs)=kill@2": 1,
		"sqlite.commit.before=kill@5-": 4, "blob.rename.after=kill;\nblob.sync.after=kill@2": 1,
	} {
		times, state := run(t, spec)
		ws, ok := state.Sys().(syscall.WaitStatus)
		if times != want || !ok || ws.Signal() != syscall.SIGKILL {
			t.Errorf("%s: killed after %d times (%v), want %d", spec, times, state, want)
		}
	}
}

func TestAPointThatIsNotComeToDoesNothing(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{"", "blob.sync.before=kill@6", "blob.rename.before=kill", "sqlite.commit.before(renew leases)=kill"} {
		if times, state := run(t, spec); times != 5 || !state.Success() {
			t.Errorf("%q: %d times, %v", spec, times, state)
		}
	}
}

func TestAnUnknownPointEndsTheProgram(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{
		"blob.sync=kill", "blob.sync.before", "blob.sync.before=kill@0", "blob.sync.before=kill@x", "blob.sync.before=error()", "blob.sync.before=error(EIO",
		"blob.sync.after=error(EIO)", "blob.sync.before=hold(x)", "blob.sync.before=sleep", "sqlite.commit.before(what)=kill", "blob.sync.before=kill(1)",
	} {
		if times, state := run(t, spec); times != 0 || state.ExitCode() != 2 {
			t.Errorf("%q: %d times, %v", spec, times, state)
		}
	}
}

// These share the points of the process.
func TestPointsFailAndHold(t *testing.T) { //nolint:paralleltest // as above
	defer func() {
		if err := Arm(""); err != nil {
			t.Error(err)
		}
	}()
	if err := Arm("blob.sync.before=error(EIO)@2-; blob.rename.before=error(ENOSPC)@1; blob.mkdir.before=error(no such luck)"); err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, syscall.EIO, syscall.EIO} {
		if err := Hit("blob.sync.before"); !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("hit %d: %v, want %v", i+1, err, want)
		}
	}
	if err := Hit("blob.rename.before"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the first hit: %v", err)
	}
	if err := Hit("blob.rename.before"); err != nil {
		t.Errorf("the second hit: %v", err)
	}
	if err := Hit("blob.mkdir.before"); err == nil || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("a text: %v", err)
	}
}

func TestAPointHoldsUntilSomethingElseIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &armed{all: map[string]int{}, next: make(chan struct{})}
		if err := a.arm("blob.sync.before=hold"); err != nil {
			t.Fatal(err)
		}
		held := make(chan error, 1)
		go func() { held <- a.hit("blob.sync.before", "") }()
		synctest.Wait()
		if a.all["blob.sync.before"] != 1 || len(held) != 0 {
			t.Fatalf("not held: %d hits", a.all["blob.sync.before"])
		}
		if err := a.arm("blob.sync.before=hold(1h)"); err != nil {
			t.Fatal(err)
		}
		if err := <-held; err != nil {
			t.Errorf("released: %v", err)
		}
		began := time.Now()
		if err := a.hit("blob.sync.before", ""); err != nil || time.Since(began) != time.Hour {
			t.Errorf("held for %v: %v, want an hour", time.Since(began), err)
		}
	})
}

func TestARunningProcessIsToldByAFile(t *testing.T) { //nolint:paralleltest // as above
	path := filepath.Join(t.TempDir(), "points")
	a := &armed{all: map[string]int{}, next: make(chan struct{})}
	go a.watch(path)
	tell := func(text string) {
		t.Helper()
		a.mu.Lock()
		told := a.next
		a.mu.Unlock()
		if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
		<-told
	}
	tell("blob.sync.before=error(EIO)")
	if err := a.hit("blob.sync.before", ""); !errors.Is(err, syscall.EIO) {
		t.Errorf("told: %v", err)
	}
	tell("")
	if err := a.hit("blob.sync.before", ""); err != nil {
		t.Errorf("told nothing: %v", err)
	}
}

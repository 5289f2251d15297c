package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// childPath names the database for the process that TestNothingAcknowledgedIsLostByKill starts and kills.
const childPath = "STEWARD_TEST_SQLITE_CHILD"

// TestNothingAcknowledgedIsLostByKill kills a process that submits, claims, records and finishes jobs as fast as it can,
// and looks for everything that it said was stored.
func TestNothingAcknowledgedIsLostByKill(t *testing.T) {
	if path := os.Getenv(childPath); path != "" {
		workUntilKilled(path)
		return
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "steward.db")
	for round := range 5 {
		said := killAfter(t, path, 200*(round+1))
		s, err := sqlite.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatalf("Open after the kill: %v", err)
		}
		n := checkSaid(t, s, said)
		if n < 100 {
			t.Errorf("round %d: only %d acknowledgements", round, n)
		}
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
}

// killAfter runs this test in a process of its own, kills it after it said so many lines, and returns all that it said.
func killAfter(t *testing.T, path string, lines int) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestNothingAcknowledgedIsLostByKill$")
	cmd.Env = append(os.Environ(), childPath+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("Start: %v", err)
	}
	var said []string
	scan := bufio.NewScanner(out)
	for scan.Scan() {
		said = append(said, scan.Text())
		if len(said) == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Errorf("Kill: %v", err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the process ended by itself")
	}
	return said
}

// workUntilKilled submits and runs jobs and says on standard output what was acknowledged, a line each.
func workUntilKilled(path string) {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var mu sync.Mutex
	say := func(what string, id steward.JobID, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			what = "error " + what + " " + err.Error()
		}
		fmt.Println(what, id) // one write to a pipe: whole, and read by the parent even after the kill
	}
	for range 8 {
		go func() {
			for {
				j := benchJob(benchOrg, benchAgent)
				_, err := s.Submit(ctx, []store.NewJob{j})
				say("submitted", j.ID, err)
			}
		}()
	}
	worker := store.Worker{Node: "n", Incarnation: fmt.Sprint(os.Getpid())}
	if _, err := s.TakeBack(ctx, worker); err != nil {
		say("TakeBack", "", err)
	}
	for {
		claimed, err := s.Claim(ctx, store.ClaimRequest{Worker: worker, Now: time.Now(), Max: 10, Lease: time.Minute, MaxCrashes: 100})
		if err != nil {
			say("claim", "", err)
		}
		var wg sync.WaitGroup
		for _, c := range claimed {
			wg.Go(func() {
				err := s.RecordStep(ctx, c.Lease, steward.Step{Name: fmt.Sprint("attempt ", c.Job.Attempt), Output: []byte("1")})
				say("recorded", c.JobID, err)
				say("finished", c.JobID, s.Finish(ctx, c.Lease, store.Outcome{Status: steward.StatusSuccess, At: time.Now()}))
			})
		}
		wg.Wait()
	}
}

// checkSaid looks up everything that a killed process acknowledged and returns how much that was.
func checkSaid(t *testing.T, s *sqlite.Store, said []string) int {
	t.Helper()
	for _, line := range said {
		what, id, _ := strings.Cut(line, " ")
		job, err := s.Job(t.Context(), benchOrg, steward.JobID(id))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		switch what {
		case "submitted":
		case "recorded":
			steps, err := s.Steps(t.Context(), benchOrg, job.ID)
			if err != nil || len(steps) == 0 {
				t.Errorf("%s: got %d steps (%v)", line, len(steps), err)
			}
		case "finished":
			if job.Status != steward.StatusSuccess {
				t.Errorf("%s: got status %v", line, job.Status)
			}
		default:
			t.Errorf("the process said: %s", line)
		}
	}
	return len(said)
}

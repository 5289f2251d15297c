package sqlite_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// spenderPath names the database for the process that TestTheBooksBalanceAfterAKill starts and kills.
const spenderPath = "STEWARD_TEST_SQLITE_SPENDER"

// TestTheBooksBalanceAfterAKill kills a process that records steps of models as fast as it can, half of them refused, and holds the books
// against the steps that are there: before their jobs are purged and after that.
func TestTheBooksBalanceAfterAKill(t *testing.T) {
	if path := os.Getenv(spenderPath); path != "" {
		spendUntilKilled(path)
		return
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "steward.db")
	for round := range 4 {
		killSpender(t, path, 150*(round+1))
		s, err := sqlite.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatalf("Open after the kill: %v", err)
		}
		steps, ids := stepTally(t, s)
		page, err := s.Usage(t.Context(), benchOrg, store.UsageQuery{Group: steward.UsageByModel})
		if err != nil || page.Totals != steps || steps.Calls < 100 || steps.UnpricedCalls == 0 {
			t.Errorf("round %d: the books say %+v (%v), the steps %+v", round, page, err, steps)
		}
		for _, id := range ids {
			_, err := s.Purge(t.Context(), benchOrg, id, time.Now())
			if c := steward.CodeOf(err); err != nil && c != steward.Conflict { // an open job
				t.Errorf("Purge: %v", err)
			}
		}
		if again, err := s.Usage(t.Context(), benchOrg, store.UsageQuery{}); err != nil || again.Totals != page.Totals {
			t.Errorf("round %d: after the purge the books say %+v (%v), want %+v", round, again, err, page.Totals)
		}
		if err := errors.Join(s.Close(), os.Remove(path)); err != nil {
			t.Fatalf("Close: %v", err)
		}
		for _, rest := range []string{"-wal", "-shm"} {
			_ = os.Remove(path + rest) // gone with the last connection, as a rule
		}
	}
}

// killSpender runs the test in a process of its own and kills it after it said so many lines.
func killSpender(t *testing.T, path string, lines int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheBooksBalanceAfterAKill$")
	cmd.Env = append(os.Environ(), spenderPath+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("Start: %v", err)
	}
	n := 0
	for scan := bufio.NewScanner(out); scan.Scan(); {
		if line := scan.Text(); line != "recorded" {
			t.Errorf("the process said: %s", line)
		}
		if n++; n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Errorf("Kill: %v", err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the process ended by itself")
	}
}

// spendUntilKilled records steps of many jobs at once and says on standard output what was acknowledged.
func spendUntilKilled(path string) {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	worker := store.Worker{Node: "n", Incarnation: fmt.Sprint(os.Getpid())}
	for {
		jobs := make([]store.NewJob, 16)
		for i := range jobs {
			jobs[i] = benchJob(benchOrg, benchAgent)
		}
		if _, err := s.Submit(ctx, jobs); err != nil {
			fmt.Println("error", err)
		}
		claimed, err := s.Claim(ctx, store.ClaimRequest{Worker: worker, Now: time.Now(), Max: len(jobs), Lease: time.Minute})
		if err != nil {
			fmt.Println("error", err)
		}
		done := make(chan error, len(claimed))
		for _, c := range claimed {
			go func() { done <- spendSome(ctx, s, c) }()
		}
		for range claimed {
			if err := <-done; err != nil {
				fmt.Println("error", err)
			}
		}
	}
}

// spendSome records steps of a job, each twice, of which the second is refused, and ends every second job.
func spendSome(ctx context.Context, s *sqlite.Store, c store.Claimed) error {
	for i := range 5 {
		step := steward.Step{
			Name: fmt.Sprint(i), Kind: steward.StepModel, Output: json.RawMessage(`"an answer"`), StartedAt: time.Now(), EndedAt: time.Now(),
			Model: fmt.Sprint("m-", i%2), Provider: "p", OutputHash: "h", ForgetOutput: true, Usage: steward.Usage{InputTokens: 7, CachedTokens: 3, OutputTokens: 2},
		}
		if i > 0 {
			cost := steward.MicroUSD(i)
			step.Usage.Cost = &cost
		}
		if err := s.RecordStep(ctx, c.Lease, step); err != nil {
			return err
		}
		fmt.Println("recorded")
		if err := s.RecordStep(ctx, c.Lease, step); steward.CodeOf(err) != steward.Conflict {
			return fmt.Errorf("the same step again: %w", err)
		}
	}
	if c.JobID[len(c.JobID)-1]%2 == 0 {
		return nil
	}
	return s.Finish(ctx, c.Lease, store.Outcome{Status: steward.StatusSuccess, At: time.Now()})
}

// stepTally adds up the steps of all jobs and returns their ids.
func stepTally(t *testing.T, s *sqlite.Store) (sum steward.Tally, ids []steward.JobID) {
	t.Helper()
	for {
		jobs, _, err := s.ListJobs(t.Context(), benchOrg, store.JobQuery{AgentID: benchAgent, Limit: 1000, Offset: len(ids)})
		if err != nil {
			t.Fatal(err)
		}
		for i := range jobs {
			steps, err := s.Steps(t.Context(), benchOrg, jobs[i].ID)
			if err != nil {
				t.Fatal(err)
			}
			for k := range steps {
				if tally, ok := steward.TallyOf(&steps[k]); ok {
					sum.Add(tally)
				}
			}
			ids = append(ids, jobs[i].ID)
		}
		if len(jobs) < 1000 {
			return sum, ids
		}
	}
}

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app/apptest"
)

// TestABatchSurvivesTheDeathOfItsCommand kills the command several times on its way, on a real server: every item is run once.
func TestABatchSurvivesTheDeathOfItsCommand(t *testing.T) {
	t.Parallel()
	const items = 3000
	s := apptest.Start(t)
	c, err := client.New(&client.Options{DataFolder: s.Folder})
	if err != nil {
		t.Fatal(err)
	}
	agent, err := c.CreateAgent(t.Context(), client.AgentCreate{
		Name: "totals", EngineClassID: "MultimodalExtractionEngine",
		EngineConfig:     json.RawMessage(`{"text": "${text}", "output_schema": {"type": "object", "properties": {"total": {"type": "number"}}}}`),
		InputDefinitions: []steward.InputDefinition{{Key: "text", DataType: "text/plain", Description: "The text"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, out := filepath.Join(dir, "items.jsonl"), filepath.Join(dir, "results.jsonl")
	var lines bytes.Buffer
	for i := range items {
		fmt.Fprintf(&lines, "{\"text\": \"Total: %d\"}\n", i+1)
	}
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	command := func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "steward", "run", "totals", "--batch", file, "--out", out, "--chunk", "50", "--data", s.Folder)
		cmd.Stderr = t.Output()
		return cmd
	}
	for _, after := range []int64{1, 700, 1600} { // killed when the server has so many items, and before it has the rest
		killWhen(t, command(t.Context()), func() bool {
			page, err := c.ListBatches(t.Context(), client.BatchList{})
			if err != nil {
				t.Fatal(err)
			}
			return len(page.Results) > 0 && page.Results[0].Received >= after
		})
	}
	if err := command(t.Context()).Run(); err != nil {
		t.Fatalf("the last command: %v", err)
	}
	page, err := c.ListJobs(t.Context(), agent.ID, client.JobList{Newest: -1})
	if err != nil || page.Count != items {
		t.Errorf("the agent has %d jobs, want %d; %v", page.Count, items, err)
	}
	batches, err := c.ListBatches(t.Context(), client.BatchList{})
	if err != nil || batches.Count != 1 || batches.Results[0].Counts.Success != items {
		t.Errorf("batches %+v, %v", batches, err)
	}
	wantTotals(t, out, items)
}

// killWhen starts a command and kills it as soon as a condition holds. A command that has ended by then has nothing to be killed.
func killWhen(t *testing.T, cmd *exec.Cmd, ready func() bool) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !ready(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("the command did not come that far")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Errorf("the command had ended before it was killed: %v", err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the command had ended before it was killed")
	}
}

// wantTotals checks that the results are those of the items, in order, each once.
func wantTotals(t *testing.T, path string, items int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	jobs := map[steward.JobID]bool{}
	dec := json.NewDecoder(f)
	for i := range items {
		var row struct {
			Index   int
			JobID   steward.JobID `json:"job_id"`
			Outputs struct{ Output struct{ Total int } }
		}
		if err := dec.Decode(&row); err != nil {
			t.Fatalf("result %d: %v", i, err)
		}
		if row.Index != i || row.Outputs.Output.Total != i+1 || jobs[row.JobID] {
			t.Fatalf("result %d = %+v", i, row)
		}
		jobs[row.JobID] = true
	}
	if dec.More() {
		t.Error("there are more results than items")
	}
}

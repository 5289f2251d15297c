package sqlite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// BenchmarkRun measures whole runs through the store alone: 64 callers submit one job at a time, one dispatcher claims for
// 128 workers, each records its steps and finishes its job. Everything is on disk before it is acknowledged.
func BenchmarkRun(b *testing.B) {
	for _, steps := range []int{0, 3} {
		b.Run(fmt.Sprintf("steps=%d", steps), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "steward.db"))
			b.ReportAllocs()
			b.ResetTimer()
			runJobs(b, s, b.N, steps)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

// benchJob returns a small job of one of a few agents.
func benchJob(org steward.OrganizationID, agent steward.AgentID) store.NewJob {
	return store.NewJob{
		ID: steward.JobID(uuid.Must(uuid.NewV7()).String()), OrganizationID: org, AgentID: agent, VersionID: "01890000-0000-7000-8000-000000000003",
		VersionName: "v1", EngineClassID: "MultimodalExtractionEngine", CreatedAt: time.Now().UTC(), Timeout: time.Hour,
		Inputs: []steward.Input{{Key: "text", DataType: "text/plain", Value: "Total: 12.50 EUR"}},
	}
}

const (
	benchOrg   = steward.OrganizationID("01890000-0000-7000-8000-000000000001")
	benchAgent = steward.AgentID("01890000-0000-7000-8000-000000000002")
)

// runJobs submits n jobs and runs them to their end.
func runJobs(b *testing.B, s *sqlite.Store, n, steps int) {
	const submitters, workers = 64, 128
	ctx := context.Background()
	var wg sync.WaitGroup
	var left, done atomic.Int64
	left.Store(int64(n))
	for range submitters {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := s.Submit(ctx, []store.NewJob{benchJob(benchOrg, benchAgent)}); err != nil {
					b.Errorf("Submit: %v", err)
				}
			}
		})
	}
	work := make(chan store.Claimed)
	free := make(chan struct{}, workers)
	for range workers {
		free <- struct{}{}
		wg.Go(func() {
			for c := range work {
				if err := runJob(ctx, s, c, steps); err != nil {
					b.Errorf("run: %v", err)
				}
				done.Add(1)
				free <- struct{}{}
			}
		})
	}
	req := store.ClaimRequest{Worker: store.Worker{Node: "n", Incarnation: "i"}, Lease: 15 * time.Second}
	for started := 0; started < n; {
		<-free
		req.Max = 1 + drain(free)
		req.Now = time.Now().UTC()
		claimed, err := s.Claim(ctx, req)
		if err != nil {
			b.Fatalf("Claim: %v", err)
		}
		for range req.Max - len(claimed) {
			free <- struct{}{}
		}
		for _, c := range claimed {
			work <- c
		}
		if started += len(claimed); len(claimed) == 0 {
			<-s.Ready()
		}
	}
	close(work)
	wg.Wait()
}

// drain takes what is in a channel and returns how much it was.
func drain(c chan struct{}) (n int) {
	for {
		select {
		case <-c:
			n++
		default:
			return n
		}
	}
}

// runJob records the steps of a claimed job and finishes it.
func runJob(ctx context.Context, s *sqlite.Store, c store.Claimed, steps int) error {
	for i := range steps {
		now := time.Now().UTC()
		err := s.RecordStep(ctx, c.Lease, steward.Step{
			Name: fmt.Sprintf("step[%d]", i), Kind: steward.StepCompute, Attempt: c.Job.Attempt, StartedAt: now, EndedAt: now,
			Output: json.RawMessage(`{"value": "12.50"}`), Usage: steward.Free(),
		})
		if err != nil {
			return err
		}
	}
	return s.Finish(ctx, c.Lease, store.Outcome{
		Status: steward.StatusSuccess, At: time.Now().UTC(), Outputs: []steward.Datum{{Key: "output", Value: `{"total":"12.50"}`}}, Usage: steward.Free(),
	})
}

// BenchmarkSubmit measures single durable submits by 64 callers, with an idempotency key each.
func BenchmarkSubmit(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "steward.db"))
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			j := benchJob(benchOrg, benchAgent)
			j.IdempotencyKey, j.IdempotencyTo = string(j.ID), j.CreatedAt.Add(time.Hour)
			if _, err := s.Submit(b.Context(), []store.NewJob{j}); err != nil {
				b.Errorf("Submit: %v", err)
			}
		}
	})
}

// BenchmarkSubmitAlone measures the submit of a lonely caller: no batching helps, and none may delay it.
func BenchmarkSubmitAlone(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "steward.db"))
	for b.Loop() {
		if _, err := s.Submit(b.Context(), []store.NewJob{benchJob(benchOrg, benchAgent)}); err != nil {
			b.Fatalf("Submit: %v", err)
		}
	}
}

// BenchmarkJobStatus measures the poll of a job among 10,000, by many callers.
func BenchmarkJobStatus(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "steward.db"))
	ids := fillStore(b, s, 10, 1, 1000)
	b.ReportAllocs()
	b.ResetTimer()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := s.JobStatus(b.Context(), benchOrg, ids[i*7919%len(ids)]); err != nil {
				b.Errorf("JobStatus: %v", err)
			}
		}
	})
}

// BenchmarkListJobs measures the first page of an agent's 20,000 jobs, with and without a status that none of them has.
func BenchmarkListJobs(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "steward.db"))
	fillStore(b, s, 20, 1, 1000)
	for name, q := range map[string]store.JobQuery{
		"all": {AgentID: benchAgent}, "none": {AgentID: benchAgent, Status: []steward.Status{steward.StatusFailure}},
		"queued": {AgentID: benchAgent, Status: []steward.Status{steward.StatusPending}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.ListJobs(b.Context(), benchOrg, q); err != nil {
					b.Fatalf("ListJobs: %v", err)
				}
			}
		})
	}
}

// BenchmarkClaimManyLanes measures the claim of one job from 1,000 agents with 10 jobs each, in 1 and in 500 organizations.
func BenchmarkClaimManyLanes(b *testing.B) {
	for _, organizations := range []int{1, 500} {
		b.Run(fmt.Sprintf("organizations=%d", organizations), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "steward.db"))
			fillStore(b, s, 10, 1000, organizations)
			req := store.ClaimRequest{Now: time.Now().Add(time.Second), Max: 1, Lease: time.Hour}
			for b.Loop() {
				if _, err := s.Claim(b.Context(), req); err != nil {
					b.Fatalf("Claim: %v", err)
				}
			}
		})
	}
}

// fillStore submits calls times 1,000 jobs, spread over agents in organizations, and returns the ids. A single agent is
// benchAgent of benchOrg.
func fillStore(b *testing.B, s *sqlite.Store, calls, agents, organizations int) (ids []steward.JobID) {
	b.Helper()
	for range calls {
		jobs := make([]store.NewJob, 1000)
		for i := range jobs {
			org, agent := benchOrg, benchAgent
			if agents > 1 {
				org, agent = steward.OrganizationID(fmt.Sprint("org-", i%organizations)), steward.AgentID(fmt.Sprint("agent-", i%agents))
			}
			jobs[i] = benchJob(org, agent)
			ids = append(ids, jobs[i].ID)
		}
		if _, err := s.Submit(b.Context(), jobs); err != nil {
			b.Fatalf("Submit: %v", err)
		}
	}
	return ids
}

package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/postgres"
)

func jobsOf(jobs ...store.NewJob) []store.NewJob { return jobs }

func TestTwoProcessesNeverClaimTheSameJob(t *testing.T) {
	t.Parallel()
	a, b, _ := two(t)
	org := newID[steward.OrganizationID]()
	wanted := map[steward.JobID]int{}
	for range 3 {
		for _, id := range submit(t, a, org, newID[steward.AgentID](), 100) {
			wanted[id] = 0
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, s := range []*postgres.Store{a, b, a, b} {
		wg.Go(func() {
			for {
				claimed := claim(t, s, 7, store.Limits{})
				mu.Lock()
				for _, c := range claimed {
					wanted[c.JobID]++
				}
				left := 0
				for _, n := range wanted {
					if n == 0 {
						left++
					}
				}
				mu.Unlock()
				if left == 0 {
					return
				}
			}
		})
	}
	wg.Wait()
	for id, n := range wanted {
		if n != 1 {
			t.Errorf("job %s was claimed %d times, want once", id, n)
		}
	}
}

func TestLimitsHoldOverAllProcesses(t *testing.T) {
	t.Parallel()
	a, b, _ := two(t)
	org := newID[steward.OrganizationID]()
	agent := newID[steward.AgentID]()
	submit(t, a, org, agent, 50)
	submit(t, a, org, newID[steward.AgentID](), 50)
	limits := store.Limits{PerOrganization: 8, PerAgent: 5}
	var mu sync.Mutex
	var claimed []store.Claimed
	var wg sync.WaitGroup
	for _, s := range []*postgres.Store{a, b, a, b} {
		wg.Go(func() {
			for range 5 {
				got := claim(t, s, 3, limits)
				mu.Lock()
				claimed = append(claimed, got...)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(claimed) != limits.PerOrganization {
		t.Errorf("claimed jobs: got %d, want the limit of %d", len(claimed), limits.PerOrganization)
	}
	perAgent := map[steward.AgentID]int{}
	for _, c := range claimed {
		perAgent[c.Job.AgentID]++
	}
	for id, n := range perAgent {
		if n > limits.PerAgent {
			t.Errorf("jobs of agent %s: got %d, want at most %d", id, n, limits.PerAgent)
		}
	}
}

func TestAnotherProcessIsWokenBySubmitRetryHandOverAndTakeBack(t *testing.T) {
	t.Parallel()
	a, b, _ := two(t)
	awaitReady(t, b, "the listener stood")
	drained(b)
	submit(t, a, newID[steward.OrganizationID](), newID[steward.AgentID](), 3)
	awaitReady(t, b, "Submit")
	leases := claim(t, a, 3, store.Limits{})

	if err := a.Finish(t.Context(), leases[0].Lease, store.Outcome{Status: steward.StatusRetry, At: start(), RunAfter: start().Add(time.Second)}); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	awaitReady(t, b, "a retry")
	if err := a.HandOver(t.Context(), []store.Lease{leases[1].Lease}); err != nil {
		t.Fatalf("HandOver: %v", err)
	}
	awaitReady(t, b, "HandOver")
	if n, err := a.TakeBack(t.Context(), store.Worker{Node: "n", Incarnation: "later"}); n != 1 || err != nil {
		t.Fatalf("TakeBack: got %d, %v, want 1", n, err)
	}
	awaitReady(t, b, "TakeBack")
}

func TestTheListenerComesBackAfterItsConnectionBroke(t *testing.T) {
	t.Parallel()
	a, b, url := two(t)
	awaitReady(t, b, "the listener stood")
	exec(t, url, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'")
	// The new connection signals once, for what may have been missed.
	awaitReady(t, b, "the listener stood again")
	drained(b)
	submit(t, a, newID[steward.OrganizationID](), newID[steward.AgentID](), 1)
	awaitReady(t, b, "Submit")
}

func TestAStoreOutlivesItsConnections(t *testing.T) {
	t.Parallel()
	a, _, url := two(t)
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	first := submit(t, a, org, agent, 1)[0]
	exec(t, url, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
	// Connections that broke are found out one by one; each may cost one Unavailable.
	for try := 0; ; try++ {
		_, err := a.JobStatus(t.Context(), org, first)
		if err == nil {
			break
		}
		if steward.CodeOf(err) != steward.Unavailable || try == 20 {
			t.Fatalf("JobStatus: got %v, want Unavailable until the connections are replaced", err)
		}
	}
	for try := 0; ; try++ {
		_, err := a.Submit(t.Context(), jobsOf(newJob(org, agent)))
		if err == nil {
			break
		}
		if steward.CodeOf(err) != steward.Unavailable || try == 20 {
			t.Fatalf("Submit: got %v, want Unavailable until the connections are replaced", err)
		}
	}
}

func TestOneIdempotencyKeyInManyProcessesMakesOneJob(t *testing.T) {
	t.Parallel()
	a, b, _ := two(t)
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	for round := range 10 {
		var mu sync.Mutex
		answers := map[steward.JobID]int{}
		fresh := 0
		var wg sync.WaitGroup
		for _, s := range []*postgres.Store{a, b, a, b} {
			wg.Go(func() {
				j := newJob(org, agent)
				j.IdempotencyKey, j.IdempotencyTo = fmt.Sprint("key", round), start().Add(time.Hour)
				got, err := s.Submit(t.Context(), jobsOf(j))
				if err != nil {
					t.Errorf("Submit: %v", err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				answers[got[0].ID]++
				if !got[0].Replayed {
					fresh++
				}
			})
		}
		wg.Wait()
		if len(answers) != 1 || fresh != 1 {
			t.Errorf("round %d: got %d jobs, %d of them new, want one", round, len(answers), fresh)
		}
	}
}

func TestOneBootstrapOfManyWins(t *testing.T) {
	t.Parallel()
	a, b, _ := two(t)
	var mu sync.Mutex
	won := 0
	var wg sync.WaitGroup
	for _, s := range []*postgres.Store{a, b, a, b} {
		wg.Go(func() {
			org := steward.Organization{ID: newID[steward.OrganizationID](), Name: "o", CreatedAt: start()}
			key := store.KeyRecord{Key: steward.Key{ID: newID[steward.KeyID](), Prefix: string(newID[steward.KeyID]()), CreatedAt: start()}}
			_, err := s.Bootstrap(t.Context(), org, steward.User{Email: "o@example.com", DateJoined: start()}, key)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case steward.CodeOf(err) != steward.Conflict:
				t.Errorf("Bootstrap: got %v, want Conflict", err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("organizations made: got %d, want 1", won)
	}
}

func TestALateWorkerIsHarmlessInAnotherProcess(t *testing.T) {
	t.Parallel()
	a, b, _ := two(t)
	org := newID[steward.OrganizationID]()
	id := submit(t, a, org, newID[steward.AgentID](), 1)[0]
	late := claim(t, a, 1, store.Limits{})[0].Lease
	taken, err := b.Claim(t.Context(), store.ClaimRequest{
		Worker: store.Worker{Node: "other", Incarnation: "i"}, Now: start().Add(2 * time.Minute), Max: 1, Lease: time.Minute,
	})
	if err != nil || len(taken) != 1 || taken[0].JobID != id || !taken[0].Resumed || taken[0].Job.Crashes != 1 {
		t.Fatalf("Claim after the lease: got %+v, %v, want the job resumed with one crash", taken, err)
	}
	step := steward.Step{JobID: id, Name: "s", Kind: steward.StepCompute, StartedAt: start(), EndedAt: start(), Usage: steward.Free()}
	for what, err := range map[string]error{
		"RecordStep":   a.RecordStep(t.Context(), late, step),
		"SaveArtifact": a.SaveArtifact(t.Context(), late, steward.Artifact{Key: "k"}),
		"Finish":       a.Finish(t.Context(), late, store.Outcome{Status: steward.StatusSuccess, At: start()}),
	} {
		if steward.CodeOf(err) != steward.Conflict {
			t.Errorf("%s with a lost lease: got %v, want Conflict", what, err)
		}
	}
	if err := b.RecordStep(t.Context(), taken[0].Lease, step); err != nil {
		t.Errorf("RecordStep with the new lease: %v", err)
	}
}

func TestWritersOfTheSameJobsDoNotBlockEachOther(t *testing.T) {
	t.Parallel()
	a, _, _ := two(t)
	org := newID[steward.OrganizationID]()
	submit(t, a, org, newID[steward.AgentID](), 60)
	claimed := claim(t, a, 60, store.Limits{})
	cost := steward.MicroUSD(10)
	var wg sync.WaitGroup
	for i, c := range claimed {
		wg.Go(func() {
			for n := range 3 {
				st := steward.Step{
					JobID: c.JobID, Name: fmt.Sprint("s", n), Kind: steward.StepModel, StartedAt: start(), EndedAt: start(), Usage: steward.Usage{Cost: &cost},
				}
				if err := a.RecordStep(t.Context(), c.Lease, st); err != nil {
					t.Errorf("RecordStep: %v", err)
				}
			}
			if err := a.Finish(t.Context(), c.Lease, store.Outcome{Status: steward.StatusSuccess, At: start()}); err != nil {
				t.Errorf("Finish: %v", err)
			}
		})
		if i%6 == 0 {
			wg.Go(func() {
				renewals := make([]store.LeaseRenewal, len(claimed))
				for k := range claimed { // against the order of the other writers
					renewals[k].Lease = claimed[len(claimed)-1-k].Lease
				}
				if _, err := a.RenewLeases(t.Context(), renewals, start(), time.Hour); err != nil {
					t.Errorf("RenewLeases: %v", err)
				}
			})
		}
	}
	wg.Wait()
	spent, err := a.Spent(t.Context(), org, "", start())
	if want := steward.MicroUSD(60 * 3 * 10); err != nil || spent != want {
		t.Errorf("Spent: got %d, %v, want %d", spent, err, want)
	}
}

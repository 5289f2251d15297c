package netfaults

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/poll"
	"github.com/stewardhq/steward/internal/crashtest/toxic"
)

// jobsEach is how many jobs a scenario runs at once.
const jobsEach = 3

// patience is how long a job without a limit of its own may take under a fault that passes.
const patience = 40 * time.Second

// late is how much later than its limit a job may end: the busy machine's time, not the server's.
const late = 3 * time.Second

// fault is what is wrong with a network, and when that ends.
type fault struct {
	begin func(p *toxic.Proxy)
	ends  func(requests int, since time.Duration) bool // nil: it never does
}

// after is a fault's end by time, and afterTwoRequests one by how many requests came through.
func after(d time.Duration) func(int, time.Duration) bool {
	return func(_ int, since time.Duration) bool { return since >= d }
}

// afterTwoRequests leaves time for the answers to meet the fault.
func afterTwoRequests() func(int, time.Duration) bool {
	met := time.Duration(-1)
	return func(requests int, since time.Duration) bool {
		if requests >= 2 && met < 0 {
			met = since
		}
		return met >= 0 && since >= met+short/2
	}
}

// play puts a fault in force until ctx ends or it does.
func (f *fault) play(ctx context.Context, p *toxic.Proxy, requests func() int) (stop func()) {
	if f.begin != nil {
		f.begin(p)
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(done)
		if f.ends == nil {
			return
		}
		if poll.Until(ctx, patience, "the fault ends", func() (bool, error) { return f.ends(requests(), time.Since(began)), nil }) == nil {
			p.Heal()
		}
	}()
	return func() { cancel(); <-done }
}

// plan says what to run and how that has to end.
type plan struct {
	agent   steward.AgentID
	inputs  func(n int) client.Inputs
	jobs    int
	limit   time.Duration // of each job; 0 means none
	fails   []steward.FailureCode
	answers func(n int) []string // parts of what the n-th job answers when it succeeds
}

// run runs the jobs of a scenario to their ends.
func (s *stage) run(ctx context.Context, p *plan) (r *Result, ids []steward.JobID, faults []string, err error) {
	r = &Result{Jobs: p.jobs, Most: patience.Seconds()}
	if p.limit > 0 {
		r.Most = (p.limit + late).Seconds()
	}
	began := time.Now()
	for n := range p.jobs {
		id, err := s.client.Run(ctx, p.agent, client.RunParams{Inputs: p.inputs(n), SkipCache: true, Timeout: p.limit})
		if err != nil {
			return nil, nil, nil, fmt.Errorf("start job: %w", err)
		}
		ids = append(ids, id)
	}
	for n, id := range ids {
		left := time.Duration(r.Most*float64(time.Second)) - time.Since(began)
		got, err := s.client.Wait(ctx, id, &client.WaitOptions{First: 10 * time.Millisecond, Max: 100 * time.Millisecond, Timeout: max(left, time.Millisecond)})
		if errors.Is(err, client.ErrWaitTimeout) {
			s.mu.Lock()
			s.hanging++
			s.mu.Unlock()
			faults = append(faults, fmt.Sprintf("job %s has not ended after %.0f s", id, time.Since(began).Seconds()))
			continue
		}
		if err != nil {
			return nil, nil, nil, fmt.Errorf("wait for job: %w", err)
		}
		faults = append(faults, r.add(p, n, got)...)
	}
	r.Seconds = math.Round(time.Since(began).Seconds()*1000) / 1000
	r.CostUSD, err = s.spent(ctx, p.agent)
	return r, ids, faults, err
}

// add counts the n-th job and compares its end with how it has to end.
func (r *Result) add(p *plan, n int, got *client.JobResult) (faults []string) {
	if !got.Succeeded() {
		r.Failed++
		if !slices.Contains(p.fails, got.FailureCode) {
			faults = append(faults, fmt.Sprintf("job %s ended as %v with %s: %s", got.JobID, got.Status, got.FailureCode, got.ErrorMessage))
		}
		return faults
	}
	r.Succeeded++
	if len(p.fails) > 0 {
		return append(faults, fmt.Sprintf("job %s succeeded, which it could not: %+v", got.JobID, got.Outputs))
	}
	for _, want := range p.answers(n) {
		if len(got.Outputs) == 0 || !strings.Contains(got.Outputs[0].Value, want) {
			faults = append(faults, fmt.Sprintf("job %s answers %+v, want %s", got.JobID, got.Outputs, want))
		}
	}
	return faults
}

// spent is what an agent's jobs cost, as the books say.
func (s *stage) spent(ctx context.Context, agent steward.AgentID) (usd float64, err error) {
	for row, err := range s.client.UsageRows(ctx, client.UsageQuery{GroupBy: steward.UsageByAgent, AgentID: agent, From: time.Now().AddDate(0, 0, -1)}) {
		if err != nil {
			return 0, fmt.Errorf("read the books: %w", err)
		}
		usd += float64(row.Cost) / 1e6
	}
	return usd, nil
}

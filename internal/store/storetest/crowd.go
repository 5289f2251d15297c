package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Crowd tests many callers at once.
func Crowd(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"every job of a crowd runs once and ends":         crowdRuns,
		"a refused write does no harm to its neighbours":  crowdNeighbours,
		"readers see a job and its count change together": crowdReaders,
	})
}

// crowdRuns has submitters and workers at it together. Each job is claimed exactly once, for no lease runs out.
func crowdRuns(f *fixture) {
	const submitters, each, workers = 8, 25, 6
	var submitting, working sync.WaitGroup
	var finished atomic.Int64
	for range submitters {
		submitting.Go(func() {
			for range each {
				j := f.job()
				if _, err := f.Submit(f.ctx(), []store.NewJob{j}); err != nil {
					f.t.Errorf("Submit: %v", err)
				}
			}
		})
	}
	var mu sync.Mutex
	claims := map[steward.JobID]int{}
	deadline := time.Now().Add(time.Minute)
	for w := range workers {
		working.Go(func() {
			req := f.request(now())
			req.Max, req.Worker.Incarnation = 7, fmt.Sprint(w)
			for finished.Load() < submitters*each && time.Now().Before(deadline) {
				claimed, err := f.Claim(f.ctx(), req)
				if err != nil {
					f.t.Errorf("Claim: %v", err)
					return
				}
				for _, c := range claimed {
					mu.Lock()
					claims[c.JobID]++
					mu.Unlock()
					if err := f.RecordStep(f.ctx(), c.Lease, step("a")); err != nil {
						f.t.Errorf("RecordStep: %v", err)
					}
					if err := f.Finish(f.ctx(), c.Lease, store.Outcome{Status: steward.StatusSuccess, At: after(1)}); err != nil {
						f.t.Errorf("Finish: %v", err)
					}
					finished.Add(1)
				}
			}
		})
	}
	submitting.Wait()
	working.Wait()
	want(f.t, "jobs that ran", len(claims), submitters*each)
	for id, n := range claims {
		if n != 1 {
			f.t.Errorf("job %s was claimed %d times", id, n)
		}
	}
	_, count := f.list(store.JobQuery{AgentID: f.agent, Status: []steward.Status{steward.StatusSuccess}})
	want(f.t, "jobs that succeeded", count, submitters*each)
	_, count = f.list(store.JobQuery{AgentID: f.agent})
	want(f.t, "jobs", count, submitters*each)
}

// crowdNeighbours mixes good writes with ones that fail before and after their first change.
func crowdNeighbours(f *fixture) {
	taken := f.submitted()
	const callers = 24
	good := make([]steward.JobID, callers)
	var wg sync.WaitGroup
	for i := range callers {
		j, bad, half := f.job(), f.job(), f.job()
		good[i], bad.ID = j.ID, taken
		wg.Go(func() {
			if _, err := f.Submit(f.ctx(), []store.NewJob{j}); err != nil {
				f.t.Errorf("a good Submit: %v", err)
			}
		})
		wg.Go(func() {
			_, err := f.Submit(f.ctx(), []store.NewJob{half, bad}) // fails after its first job was written
			code(f.t, "a Submit that fails half-way", err, steward.Conflict)
		})
		wg.Go(func() {
			err := f.Finish(f.ctx(), store.Lease{JobID: j.ID, Fence: 99}, store.Outcome{Status: steward.StatusSuccess, At: now()})
			code(f.t, "a Finish without lease", err, steward.Conflict)
		})
	}
	wg.Wait()
	for _, id := range good {
		want(f.t, "status", f.get(id).Status, steward.StatusPending)
	}
	_, count := f.list(store.JobQuery{AgentID: f.agent})
	want(f.t, "jobs", count, callers+1)
	want(f.t, "claimed", len(f.claimAt(now())), callers+1)
}

// crowdReaders reads lists while jobs are added and ended.
func crowdReaders(f *fixture) {
	const jobs = 60
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range jobs {
			if _, err := f.Submit(f.ctx(), []store.NewJob{f.job()}); err != nil {
				f.t.Errorf("Submit: %v", err)
				return
			}
		}
	}()
	for last := int64(0); ; {
		list, count, err := f.ListJobs(f.ctx(), f.org, store.JobQuery{AgentID: f.agent, Limit: 1000})
		if err != nil {
			f.t.Fatalf("ListJobs: %v", err)
		}
		if int64(len(list)) != count || count < last {
			f.t.Fatalf("a list of %d jobs says count %d, after %d", len(list), count, last)
		}
		last = count
		if count == jobs {
			break
		}
		select {
		case <-done:
			if count, err := f.countAll(); err != nil || count != jobs {
				f.t.Fatalf("%d jobs are listed in the end, want %d (%v)", count, jobs, err)
			}
		default:
		}
	}
	<-done
}

// countAll returns the number of the agent's jobs.
func (f *fixture) countAll() (int64, error) {
	_, count, err := f.ListJobs(f.ctx(), f.org, store.JobQuery{AgentID: f.agent, Limit: 1})
	return count, err
}

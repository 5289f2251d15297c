package wire

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Length is how long a load lasts: until the time is over and so many jobs have ended, but no longer than mostTimes the time and a minute.
type Length struct {
	Time time.Duration
	Jobs int
}

func (l Length) over(since time.Time, jobs int64) bool {
	took := time.Since(since)
	return took >= l.Time && (jobs >= int64(l.Jobs) || took >= mostTimes*l.Time+time.Minute)
}

const mostTimes = 5

// Load keeps a number of jobs in flight for a while: as many callers, each of which starts its next job when its last one has ended.
// The answer counts the jobs that ended, with the time from each one's submission to its end as its caller saw it.
//
// Errors: the first error of a job, which ends the load.
func Load(ctx context.Context, length Length, inFlight int, run func(context.Context) error) (Answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([][]int64, inFlight)
	var ended atomic.Int64
	begun := time.Now()
	var callers sync.WaitGroup
	for i := range inFlight {
		callers.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				if err := run(ctx); err != nil {
					cancel(err)
					return
				}
				took[i] = append(took[i], time.Since(start).Microseconds())
				if length.over(begun, ended.Add(1)) {
					return
				}
			}
		})
	}
	callers.Wait()
	a := Answer{Seconds: time.Since(begun).Seconds()}
	for _, list := range took {
		a.LatenciesUS = append(a.LatenciesUS, list...)
	}
	a.Count = len(a.LatenciesUS)
	return a, context.Cause(ctx)
}

// atOnce is how many jobs are submitted at once.
const atOnce = 32

// each calls fn for every job, several at once, and returns the first error.
func each(ctx context.Context, jobs []string, fn func(ctx context.Context, job string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, atOnce)
	var under sync.WaitGroup
	for _, job := range jobs {
		slots <- struct{}{}
		under.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			if err := fn(ctx, job); err != nil {
				cancel(err)
			}
		})
	}
	under.Wait()
	return context.Cause(ctx)
}

// Until calls try every few milliseconds until it succeeds, and returns its last error when it has not within limit.
func Until(ctx context.Context, limit time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// callers is how many goroutines submit at once in the throughput benchmarks.
const callers = 64

// each calls fn n times from many goroutines at once, each waiting for its call to end. The first error ends it.
func each(ctx context.Context, n, goroutines int, fn func(ctx context.Context, worker int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for worker := range goroutines {
		wg.Go(func() {
			for next.Add(1) <= int64(n) && ctx.Err() == nil {
				if err := fn(ctx, worker); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// tally counts what has been finished.
type tally struct {
	mu    sync.Mutex
	count int
	want  int
	done  chan struct{}
}

// expect starts a new count; the channel is closed when n more are finished.
func (t *tally) expect(n int) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count, t.want, t.done = 0, n, make(chan struct{})
	return t.done
}

// add counts one.
func (t *tally) add() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count++
	if t.count == t.want {
		close(t.done)
	}
}

// patience bounds the wait for submitted jobs to end.
const patience = 2 * time.Minute

// throughput submits n jobs from many callers, waits until all have ended and returns the jobs per second. A tenth as many
// go before, uncounted.
func throughput(ctx context.Context, n int, finished *tally, submit func(ctx context.Context, worker int) error) (float64, error) {
	rate := 0.0
	for _, n := range []int{n / 10, n} {
		done := finished.expect(n)
		start := time.Now()
		if err := each(ctx, n, callers, submit); err != nil {
			return 0, fmt.Errorf("submit: %w", err)
		}
		select {
		case <-done:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(patience):
			return 0, fmt.Errorf("jobs did not end within %v", patience)
		}
		rate = float64(n) / time.Since(start).Seconds()
	}
	return rate, nil
}

// percentile returns the value below which a share of the durations lies. It sorts them.
func percentile(list []time.Duration, share float64) time.Duration {
	slices.Sort(list)
	return list[min(int(share*float64(len(list))), len(list)-1)]
}

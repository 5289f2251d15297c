package loadtest

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stewardhq/steward/internal/crashtest/poll"
)

// times are durations of calls, gathered by many goroutines.
type times struct {
	mu  sync.Mutex
	all []time.Duration
}

func (t *times) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, d)
}

// at returns the shortest duration that a share of them are at most as long as (the nearest rank); 0 when there are none.
func (t *times) at(share float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == 0 {
		return 0
	}
	slices.Sort(t.all)
	rank := int(math.Ceil(share * float64(len(t.all))))
	return t.all[min(max(rank, 1), len(t.all))-1]
}

func (t *times) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// each calls fn once for each of n clients, all at once, and waits for them. The first error ends the context of the others.
func each(ctx context.Context, n int, fn func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := fn(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// flatOut has clients call fn one time after the other for a while, and returns how many calls were made in a second.
func flatOut(ctx context.Context, clients int, d time.Duration, fn func(ctx context.Context, client int) error) (float64, error) {
	began := time.Now()
	end := began.Add(d)
	var calls atomic.Int64
	err := each(ctx, clients, func(ctx context.Context, i int) error {
		for time.Now().Before(end) && ctx.Err() == nil {
			if err := fn(ctx, i); err != nil {
				return err
			}
			calls.Add(1)
		}
		return nil
	})
	return float64(calls.Load()) / time.Since(began).Seconds(), err
}

// atRate has clients call fn so many times a second for a while, whether or not earlier calls have been answered, as long as there are
// clients that wait for none. due is when the call should have been made: what is late counts from there. It returns how many calls
// were made in a second.
func atRate(ctx context.Context, clients int, rate float64, d time.Duration, fn func(ctx context.Context, client int, due time.Time) error) (float64, error) {
	began := time.Now()
	end := began.Add(d)
	var next, calls atomic.Int64
	err := each(ctx, clients, func(ctx context.Context, i int) error {
		for {
			due := began.Add(time.Duration(float64(next.Add(1)-1) / rate * float64(time.Second)))
			if !due.Before(end) || !time.Now().Before(end) || !sleepUntil(ctx, due) {
				return nil
			}
			if err := fn(ctx, i, due); err != nil {
				return err
			}
			calls.Add(1)
		}
	})
	return float64(calls.Load()) / time.Since(began).Seconds(), err
}

// sleepUntil waits for a time. It returns false when ctx ended before.
func sleepUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	return poll.Sleep(ctx, wait)
}

// crew is a number of connections.
type crew []*conn

// hire opens n connections, a hundred at a time, and makes a request on each: a server soon gives up connections on which nothing ever came.
func hire(ctx context.Context, addr string, n int) (crew, error) {
	all := make(crew, n)
	var next atomic.Int64
	err := each(ctx, min(n, 100), func(ctx context.Context, _ int) error {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			c, err := dial(ctx, addr)
			if err != nil {
				return err
			}
			all[i] = c
			if _, err := c.do([]byte("GET /healthz HTTP/1.1\r\nHost: load\r\n\r\n"), patience); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		all.close()
		return nil, err
	}
	return all, nil
}

func (c crew) close() {
	for _, one := range c {
		if one != nil {
			one.close()
		}
	}
}

// series is a quantity over time.
type series struct {
	at    []float64 // seconds
	value []float64
}

func (s *series) add(at time.Duration, value float64) {
	s.at = append(s.at, at.Seconds())
	s.value = append(s.value, value)
}

// trend returns by how much a quantity grows in a second and its mean, by the least squares of its second half.
func (s *series) trend() (slope, mean float64) {
	from := len(s.at) / 2
	at, value := s.at[from:], s.value[from:]
	n := float64(len(at))
	if n < 2 {
		return 0, 0
	}
	var sumX, sumY, sumXX, sumXY float64
	for i := range at {
		sumX += at[i]
		sumY += value[i]
		sumXX += at[i] * at[i]
		sumXY += at[i] * value[i]
	}
	if spread := n*sumXX - sumX*sumX; spread > 0 {
		slope = (n*sumXY - sumX*sumY) / spread
	}
	return slope, sumY / n
}

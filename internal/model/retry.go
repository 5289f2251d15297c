package model

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/stewardhq/steward"
)

// RetryOptions tunes WithRetry. The zero value is ready to use.
type RetryOptions struct {
	Attempts int           // calls in all, the first included; 0 means 3
	Backoff  time.Duration // wait before the second call, four times that before the third; 0 means 500ms
	MaxWait  time.Duration // a longer wait is left to the job; 0 means 10s
}

func (o RetryOptions) filled() RetryOptions {
	if o.Attempts <= 0 {
		o.Attempts = 3
	}
	if o.Backoff <= 0 {
		o.Backoff = 500 * time.Millisecond
	}
	if o.MaxWait <= 0 {
		o.MaxWait = 10 * time.Second
	}
	return o
}

// WithRetry calls m again after a Transient *steward.Failure, a few times and after short waits: a hiccup then costs no
// attempt of the job. It waits as long as the provider asked for in RetryAfter, else a growing time with jitter. A wait
// longer than MaxWait, or longer than ctx allows, is not made here: the failure is returned at once, RetryAfter included,
// and the job, which frees its worker while it waits, comes back later.
//
// What failed calls used is added to the usage of the answer, or of the failure that is returned.
//
// Everything else (refusals, bad requests, missing keys, cancellation) is returned as it is.
func WithRetry(m Model, o RetryOptions) Model {
	o = o.filled()
	return Func(func(ctx context.Context, req *Request) (*Response, error) {
		backoff := o.Backoff
		var spent spending
		for attempt := 1; ; attempt++ {
			resp, err := m.Generate(ctx, req)
			if err == nil {
				return spent.answer(resp), nil
			}
			err = spent.failure(err)
			wait, again := retryWait(ctx, err, backoff, o.MaxWait)
			if !again || attempt == o.Attempts {
				return nil, err
			}
			if !sleep(ctx, wait) {
				return nil, err
			}
			backoff *= 4
		}
	})
}

// retryWait says how long to wait before the next call, and whether there should be one.
func retryWait(ctx context.Context, err error, backoff, limit time.Duration) (time.Duration, bool) {
	var f *steward.Failure
	if ctx.Err() != nil || !errors.As(err, &f) || !f.Transient {
		return 0, false
	}
	wait := f.RetryAfter
	if wait <= 0 {
		wait = backoff + time.Duration(rand.Int64N(int64(backoff)/4+1)) //nolint:gosec // G404: a wait is no secret; jitter keeps equal callers apart
	}
	if wait > limit {
		return 0, false
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return 0, false
	}
	return wait, true
}

// sleep waits for d and reports whether it did, which it does not when ctx ends.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

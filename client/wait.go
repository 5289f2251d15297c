package client

import (
	"context"
	"errors"
	"time"

	"github.com/stewardhq/steward"
)

// WaitOptions tunes Wait. The zero value is ready to use.
type WaitOptions struct {
	Timeout  time.Duration    // 0 means 2 h
	First    time.Duration    // wait between the first looks, which grows; 0 means 50 ms
	Max      time.Duration    // longest wait between looks; 0 means 2 s
	OnStatus func(*JobStatus) // called after every look, from the same goroutine; may be nil
}

// ErrWaitTimeout is returned by Wait when the job has not ended in time. The job goes on.
var ErrWaitTimeout = errors.New("the job has not ended in time; it goes on")

// maxOutage is how long Wait bears a server that does not answer, such as one that is being restarted: the job outlives it.
const maxOutage = time.Minute

// Wait returns the result of a job when it has ended, however it ended: look at Succeeded. A server that goes away while the
// job is waited for has a minute to come back. nil opts is fine.
//
// Errors: ErrWaitTimeout; the cause of ctx's end; those of JobStatus and JobResult.
func (c *Client) Wait(ctx context.Context, id steward.JobID, opts *WaitOptions) (*JobResult, error) {
	o := opts.filled()
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, ErrWaitTimeout)
	defer cancel()
	r, err := c.wait(ctx, id, o)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return r, err
}

// filled returns a copy with defaults; o may be nil.
func (o *WaitOptions) filled() WaitOptions {
	var out WaitOptions
	if o != nil {
		out = *o
	}
	if out.Timeout <= 0 {
		out.Timeout = 2 * time.Hour
	}
	if out.First <= 0 {
		out.First = 50 * time.Millisecond
	}
	if out.Max <= 0 {
		out.Max = 2 * time.Second
	}
	return out
}

func (c *Client) wait(ctx context.Context, id steward.JobID, o WaitOptions) (*JobResult, error) {
	var answered time.Time // when the server last said something
	for pause := min(o.First, o.Max); ; pause = min(pause+pause/2, o.Max) {
		st, err := c.JobStatus(ctx, id)
		switch {
		case err == nil:
			answered = time.Now()
			if o.OnStatus != nil {
				o.OnStatus(st)
			}
			if !st.Status.Terminal() {
				break
			}
			r, err := c.JobResult(ctx, id)
			if err == nil || !outage(err) {
				return r, err
			}
		case !outage(err) || answered.IsZero() || time.Since(answered) > maxOutage:
			return nil, err
		}
		if !sleep(ctx, pause) {
			return nil, context.Cause(ctx)
		}
	}
}

// outage reports whether err says that no server is there for the moment.
func outage(err error) bool {
	switch steward.CodeOf(err) {
	case steward.Unavailable, steward.Timeout, steward.RateLimited:
		return true
	}
	return false
}

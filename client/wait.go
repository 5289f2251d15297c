package client

import (
	"context"
	"errors"
	"time"

	"github.com/stewardhq/steward"
)

// WaitOptions tunes Wait and WaitMany. The zero value is ready to use. The functions are called from the goroutine that waits; each
// may be nil.
type WaitOptions struct {
	Timeout    time.Duration             // 0 means 2 h
	First      time.Duration             // wait between the first looks, which grows; 0 means 50 ms
	Max        time.Duration             // longest wait between looks; 0 means 2 s
	OnStatus   func(*JobStatus)          // told after every look about every job that was open
	OnResult   func(*JobResult)          // told once about every job that has ended
	OnProgress func(steward.BatchCounts) // told after every look how many jobs stand where
}

// ErrWaitTimeout is returned by Wait, WaitMany and WaitBatch when the time is up. The jobs go on.
var ErrWaitTimeout = errors.New("not ended in time; the work goes on")

// maxOutage is how long a wait bears a server that does not answer, such as one that is being restarted: jobs outlive it.
const maxOutage = time.Minute

// Wait returns the result of a job when it has ended, however it ended: look at Succeeded. A server that goes away while the
// job is waited for has a minute to come back. nil opts is fine.
//
// Errors: ErrWaitTimeout; the cause of ctx's end; those of JobStatus and JobResult.
//
// Stability: may change until 1.0.
func (c *Client) Wait(ctx context.Context, id steward.JobID, opts *WaitOptions) (*JobResult, error) {
	o := opts.filled()
	var r *JobResult
	err := o.poll(ctx, func(ctx context.Context) (again bool, err error) {
		st, err := c.JobStatus(ctx, id)
		if err != nil {
			return false, err
		}
		o.tell(st)
		if !st.Status.Terminal() {
			return true, nil
		}
		r, err = c.JobResult(ctx, id)
		return err != nil, err
	})
	if err != nil {
		return nil, err
	}
	if o.OnResult != nil {
		o.OnResult(r)
	}
	return r, nil
}

// tell tells about the only job of a wait.
func (o *WaitOptions) tell(st *JobStatus) {
	if o.OnStatus != nil {
		o.OnStatus(st)
	}
	if o.OnProgress != nil {
		var counts steward.BatchCounts
		counts.Add(st.Status, 1)
		o.OnProgress(counts)
	}
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

// poll calls look until it says that nothing is left to wait for, with waits between that grow and are no shorter than the looks
// themselves, so that a wait for very many jobs does not keep the server busy. A server that has answered once may then be away for
// maxOutage. A look that says again beside an error had an answer before it failed.
//
// Errors: ErrWaitTimeout; the cause of ctx's end; those of look.
func (o *WaitOptions) poll(ctx context.Context, look func(context.Context) (again bool, err error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, ErrWaitTimeout)
	defer cancel()
	var answered time.Time // when the server last said something
	for pause := min(o.First, o.Max); ; pause = min(pause+pause/2, o.Max) {
		begun := time.Now()
		again, err := look(ctx)
		if again {
			answered = time.Now()
		}
		switch {
		case err == nil && !again:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
		case !outage(err) || answered.IsZero() || time.Since(answered) > maxOutage:
			return err
		}
		if !sleep(ctx, max(pause, time.Since(begun))) {
			return context.Cause(ctx)
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

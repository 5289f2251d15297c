package model

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stewardhq/steward"
)

// Breaker stops asking a provider that does not answer: after a few faults in a row calls fail at once, for a while, instead of
// waiting for one timeout each. Then one call is let through to try; when it is answered the breaker closes, else the while
// doubles. A rate limit is no fault: the provider is there. It is safe for concurrent use.
type Breaker struct {
	name    string
	options BreakerOptions

	mu     sync.Mutex
	faults int           // in a row
	until  time.Time     // open before it; zero when closed
	pause  time.Duration // of the current opening
	trying bool          // a call is under way that tries whether the provider is back
}

// BreakerOptions tunes a Breaker. The zero value is ready to use.
type BreakerOptions struct {
	Faults   int           // in a row that open it; 0 means 5, below 0 means that it never opens
	Pause    time.Duration // how long it stays open at first; 0 means 10 s
	MaxPause time.Duration // how long at most; 0 means 2 minutes
}

func (o BreakerOptions) filled() BreakerOptions {
	if o.Faults == 0 {
		o.Faults = 5
	}
	if o.Pause <= 0 {
		o.Pause = 10 * time.Second
	}
	if o.MaxPause <= 0 {
		o.MaxPause = 2 * time.Minute
	}
	return o
}

// NewBreaker returns a closed breaker for the provider of that name.
func NewBreaker(name string, o BreakerOptions) *Breaker {
	return &Breaker{name: name, options: o.filled()}
}

// WithBreaker makes every call of m go through b.
//
// Errors, besides m's: *steward.Failure with FailModelUnavailable, Transient and Held, while b is open.
func WithBreaker(m Model, b *Breaker) Model {
	return Func(func(ctx context.Context, req *Request) (*Response, error) {
		trial, err := b.begin()
		if err != nil {
			return nil, err
		}
		settled := false
		defer func() {
			if !settled { // a panic says nothing about the provider
				b.end(trial, unsaid)
			}
		}()
		resp, err := m.Generate(ctx, req)
		settled = true
		b.end(trial, verdictOf(ctx, err))
		return resp, err
	})
}

// verdict is what a call says about its provider.
type verdict int

const (
	unsaid  verdict = iota // nothing: the call was given up from here, or never left
	present                // it answers, if only that it will not
	absent                 // it does not, or not sensibly
)

func verdictOf(ctx context.Context, err error) verdict {
	var f *steward.Failure
	switch {
	case err == nil:
		return present
	case ctx.Err() != nil:
		return unsaid
	case !errors.As(err, &f), f.Held:
		return unsaid
	case f.Transient && f.RetryAfter == 0:
		return absent
	}
	return present // it refused, or said when to come back
}

// begin lets a call pass, as the one that tries whether the provider is back when trial is true.
func (b *Breaker) begin() (trial bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return false, nil
	}
	left := time.Until(b.until)
	if left <= 0 && !b.trying {
		b.trying = true
		return true, nil
	}
	if left <= 0 { // until the one that tries is answered
		left = b.options.Pause
	}
	return false, &steward.Failure{
		Code: steward.FailModelUnavailable, Transient: true, Held: true, RetryAfter: left,
		Message: fmt.Sprintf("The model provider %q has not answered for a while and is not asked before %s.", b.name, time.Now().Add(left).UTC().Format(time.TimeOnly)+" UTC"),
	}
}

// end takes over what a call said.
func (b *Breaker) end(trial bool, v verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if trial {
		b.trying = false
	}
	switch v {
	case present:
		b.faults, b.until, b.pause = 0, time.Time{}, 0
	case absent:
		b.faults++
		open := !b.until.IsZero()
		if b.options.Faults > 0 && (trial && open || !open && b.faults >= b.options.Faults) {
			b.pause = min(max(2*b.pause, b.options.Pause), b.options.MaxPause)
			b.until = time.Now().Add(b.pause)
		}
	case unsaid:
	}
}

// Package poll waits for what processes outside of a test come to, and tell nobody.
package poll

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrLate is in the error of an Until whose time is up.
var ErrLate = errors.New("waited too long")

// Until asks ok until it says true or fails, for patience at most. what names the condition in the error.
//
// Errors: that of ok; one with ErrLate when the time is up; the cause of ctx's end.
func Until(ctx context.Context, patience time.Duration, what string, ok func() (bool, error)) error {
	return Every(ctx, 2*time.Millisecond, patience, what, ok)
}

// Every is Until with a time between two looks, for looks that cost something.
func Every(ctx context.Context, every, patience time.Duration, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrLate)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited %v until %s: %w", patience, what, context.Cause(ctx))
		}
	}
}

// Sleep waits for a time. It returns false when ctx ended meanwhile.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package jobs

import (
	"context"
	"errors"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// newHeld returns an attempt of a job as the worker makes it after a claim.
func newHeld(ctx context.Context, id string) *attempt {
	a := &attempt{lease: store.Lease{JobID: steward.JobID(id)}}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	return a
}

func TestACancelBetweenAJobsClaimAndItsBeginInterruptsIt(t *testing.T) {
	t.Parallel()
	h := newHub()
	a := newHeld(t.Context(), "claimed")
	h.cancel("claimed", true, errCancelled)
	h.started(a)
	if cause := context.Cause(a.ctx); !errors.Is(cause, errCancelled) {
		t.Fatalf("got cause %v, want %v", cause, errCancelled)
	}
	h.ended(a)
	again := newHeld(t.Context(), "claimed")
	if h.started(again); again.ctx.Err() != nil {
		t.Error("one cancel interrupted two attempts")
	}
}

func TestACancelOfAQueuedJobLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	h := newHub()
	h.cancel("queued", false, errCancelled)
	a := newHeld(t.Context(), "queued")
	if h.started(a); a.ctx.Err() != nil {
		t.Error("the attempt was interrupted, want it to run")
	}
}

func TestCancelsOfOtherProcessesJobsTakeBoundedMemory(t *testing.T) {
	t.Parallel()
	h := newHub()
	for i := range 3 * maxEarly {
		h.cancel(steward.JobID(string(rune(i+1))), true, errCancelled)
	}
	if n := len(h.early); n > maxEarly {
		t.Errorf("got %d remembered cancels, want at most %d", n, maxEarly)
	}
}

package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestEachCallsExactlyOften(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	if err := each(t.Context(), 1000, 7, func(context.Context, int) error { calls.Add(1); return nil }); err != nil {
		t.Fatalf("each: %v", err)
	}
	if calls.Load() != 1000 {
		t.Errorf("calls: got %d, want 1000", calls.Load())
	}
}

func TestEachStopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var calls atomic.Int64
	err := each(t.Context(), 1_000_000, 4, func(context.Context, int) error {
		if calls.Add(1) == 10 {
			return broken
		}
		return nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("each: got %v, want %v", err, broken)
	}
	if calls.Load() == 1_000_000 {
		t.Error("each went on to the end")
	}
}

func TestTheTallyEndsWithTheLastOne(t *testing.T) {
	t.Parallel()
	var finished tally
	done := finished.expect(3)
	for n := range 3 {
		select {
		case <-done:
			t.Fatalf("done after %d of 3", n)
		default:
		}
		finished.add()
	}
	select {
	case <-done:
	default:
		t.Error("not done after 3 of 3")
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	var list []time.Duration
	for i := range 100 {
		list = append(list, time.Duration(100-i))
	}
	for share, want := range map[float64]time.Duration{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if got := percentile(list, share); got != want {
			t.Errorf("percentile %v: got %d, want %d", share, got, want)
		}
	}
}

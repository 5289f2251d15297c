package reading_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stewardhq/steward/internal/engine/reading"
)

func TestAPanicIsAFailureAndEndsNothingElse(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	err := reading.Each(3, 1, func(i int) error {
		calls.Add(1)
		if i == 1 {
			panic("out of ideas")
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "panic: out of ideas") || calls.Load() != 2 {
		t.Errorf("got %v after %d calls", err, calls.Load())
	}
}

func TestTheFirstFailureIsReturnedAndNoneIsBegunAfterIt(t *testing.T) {
	t.Parallel()
	fault := errors.New("fault")
	var calls atomic.Int64
	err := reading.Each(10, 1, func(i int) error {
		calls.Add(1)
		if i == 2 {
			return fault
		}
		return nil
	})
	if !errors.Is(err, fault) || calls.Load() != 3 {
		t.Errorf("got %v after %d calls", err, calls.Load())
	}
	if err := reading.Each(0, 1, func(int) error { return fault }); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
}

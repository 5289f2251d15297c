package e2e

import (
	"slices"
	"testing"
	"time"
)

// readyLimit is how long a server may take from the start of its process to its first answer.
const readyLimit = 300 * time.Millisecond

func TestIsReadySoonAfterAStartOnAnExistingFolder(t *testing.T) { //nolint:paralleltest // it measures times
	s := start(t, options{})
	agent := s.textAgent("reader", nil) // a folder with something in it
	s.wait(s.post(asyncPath(agent), formType, "text=Invoice+number:+7").submitted())
	s.stop()

	// A busy machine makes single starts slow; the median of one undisturbed round is what a user sees.
	var all []time.Duration
	for range 5 {
		var round []time.Duration
		for range 5 {
			round = append(round, s.boot())
			s.kill()
		}
		slices.Sort(round)
		all = append(all, round[2])
		t.Logf("ready after %v (fastest) to %v, median %v", round[0], round[4], round[2])
		if round[2] <= readyLimit {
			return
		}
	}
	t.Errorf("medians of five starts each: %v, want one of at most %v", all, readyLimit)
}

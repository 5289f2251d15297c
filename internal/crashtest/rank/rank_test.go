package rank_test

import (
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/crashtest/rank"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, percent, want int }{
		{0, 99, 0}, {1, 1, 1}, {1, 50, 1}, {1, 99, 1}, {2, 50, 1}, {2, 51, 2}, {3, 50, 2},
		{50, 50, 25}, {50, 99, 50}, // the worst of fifty
		{99, 99, 99}, {100, 99, 99}, {101, 99, 100}, {200, 99, 198}, {200, 100, 200},
	} {
		sorted := make([]time.Duration, c.n)
		for i := range sorted {
			sorted[i] = time.Duration(i + 1)
		}
		if got := rank.Of(sorted, c.percent); got != time.Duration(c.want) {
			t.Errorf("percentile %d of %d is the value %d, want %d", c.percent, c.n, got, c.want)
		}
	}
}

// Package rank picks percentiles out of what was measured.
package rank

import "time"

// Of returns the nearest-rank percentile of durations that are sorted: the smallest one that percent of all do not exceed, which was measured
// itself. percent is 1 to 100, and 100 the largest. Of none it is 0.
func Of(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}

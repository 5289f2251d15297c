//go:build !failpoints

package failpoint_test

import (
	"errors"
	"testing"

	"github.com/stewardhq/steward/internal/failpoint"
)

func TestABuildWithoutFailpointsSaysSo(t *testing.T) {
	t.Parallel()
	if err := failpoint.Arm("blob.sync.before=kill"); !errors.Is(err, failpoint.ErrNone) {
		t.Errorf("Arm: %v", err)
	}
	if err := failpoint.Hit("blob.sync.before"); err != nil {
		t.Errorf("Hit: %v", err)
	}
}

// BenchmarkHit shows that a point takes no time in a normal build.
func BenchmarkHit(b *testing.B) {
	for b.Loop() {
		if err := failpoint.Hit("blob.sync.before"); err != nil {
			b.Fatal(err)
		}
	}
}

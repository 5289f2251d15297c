package steward_test

import (
	"strings"
	"testing"

	"github.com/stewardhq/steward"
)

func TestStepsOfFailedCallsAreKnownByTheirNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"extract": false, "extract.failed[0]": true, "extract.failed[12]": true, ".failed[0]": true, "extract.failed[0].failed[1]": true,
		"extract.failed[]": false, "extract.failed[x]": false, "extract.failed[0].retry[1]": false, "extract.failed[0": false, "": false,
	} {
		if got := (&steward.Step{Name: name}).Failed(); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
	for _, base := range []string{"extract", strings.Repeat("é", 150), ""} {
		name := steward.FailedStep(base, 7, 200)
		if s := (&steward.Step{Name: name}); !s.Failed() || len(name) > 200 || !strings.HasSuffix(name, ".failed[7]") || strings.ContainsRune(name, 0xFFFD) {
			t.Errorf("%q becomes %q", base, name)
		}
	}
}

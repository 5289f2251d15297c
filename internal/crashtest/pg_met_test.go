package crashtest

import (
	"slices"
	"testing"
)

func TestAFaultOfTheDatabaseHasToMeetSomething(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(s *scene)
		want []string
	}{
		{"each part met something", func(s *scene) { s.meets("a", 0); s.meets("a", 2); s.meets("b", 1) }, nil},
		{"a part met nothing", func(s *scene) { s.meets("a", 1); s.meets("b", 0) }, []string{"x: the fault met nothing: b"}},
		{"nothing was counted", func(*scene) {}, []string{"x: nobody looked whether the fault met anything"}},
	}
	for _, tt := range tests {
		s := &scene{Scene: &Scene{Name: "x"}}
		tt.do(s)
		if s.metAll(); !slices.Equal(s.Faults, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, s.Faults, tt.want)
		}
	}
}

func TestASceneHasToHaveSomethingAtStake(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		scene  Scene
		lost   int
		faults int
	}{
		{"jobs enough", Scene{Acknowledged: leastJobs}, 0, 0},
		{"too few jobs", Scene{Acknowledged: leastJobs - 1}, 0, 1},
		{"a lost process without a takeover", Scene{Acknowledged: leastJobs}, 1, 1},
		{"a lost process whose jobs went on", Scene{Acknowledged: leastJobs, Takeovers: 1}, 1, 0},
	}
	for _, tt := range tests {
		s := &scene{Scene: &tt.scene, lost: make([]lostProcess, tt.lost)}
		if s.atStake(); len(s.Faults) != tt.faults {
			t.Errorf("%s: got %q, want %d faults", tt.name, s.Faults, tt.faults)
		}
	}
}

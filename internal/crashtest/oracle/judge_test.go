package oracle_test

import (
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/crashtest/effects"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
)

// at is a moment of a test, in seconds.
func at(s int) time.Time { return time.Date(2024, 1, 1, 0, 0, s, 0, time.UTC) }

// did is an effect of the one step of the one job.
func did(s, pid, attempt int) effects.Effect {
	return effects.Effect{Kind: effects.Step, At: at(s), Job: "job", Step: "step", PID: pid, Attempt: attempt}
}

// The step was recorded in attempt 2, at second 30.
func TestWhoMayDoAStepAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                   string
		effects                []effects.Effect
		pauses                 []oracle.Pause
		cuts                   []oracle.Cut
		repeated, redone, late int
	}{
		{name: "a kill came between", effects: []effects.Effect{did(10, 1, 1), did(20, 2, 2)}, redone: 1},
		{name: "nothing came between", effects: []effects.Effect{did(10, 1, 1), did(20, 1, 2)}, redone: 1, repeated: 1},
		{name: "a cut came between", effects: []effects.Effect{did(10, 1, 1), did(20, 1, 2)}, cuts: []oracle.Cut{{From: at(12), To: at(13)}}, redone: 1},
		{name: "a cut had been over", effects: []effects.Effect{did(10, 1, 1), did(20, 1, 2)}, cuts: []oracle.Cut{{From: at(5), To: at(9)}}, redone: 1, repeated: 1},
		{name: "a cut came afterwards", effects: []effects.Effect{did(10, 1, 1), did(20, 1, 2)}, cuts: []oracle.Cut{{From: at(25), To: at(40)}}, redone: 1, repeated: 1},
		{name: "a pause came between", effects: []effects.Effect{did(10, 1, 1), did(20, 1, 2)}, pauses: []oracle.Pause{{From: at(15), To: at(16), PID: 1}}, redone: 1},
		{
			name: "a pause of another process came between", effects: []effects.Effect{did(10, 1, 1), did(20, 1, 2)},
			pauses: []oracle.Pause{{From: at(15), To: at(16), PID: 3}}, redone: 1, repeated: 1,
		},
		{name: "a woken process was late", effects: []effects.Effect{did(20, 2, 2), did(40, 1, 1)}, pauses: []oracle.Pause{{From: at(39), To: at(41), PID: 1}}, late: 1},
		{
			name: "another one than the woken process was late", effects: []effects.Effect{did(20, 2, 2), did(40, 1, 1)},
			pauses: []oracle.Pause{{From: at(39), To: at(41), PID: 2}}, repeated: 1,
		},
		{name: "the process was too late", effects: []effects.Effect{did(20, 2, 2), did(42, 1, 1)}, pauses: []oracle.Pause{{From: at(39), To: at(41), PID: 1}}, repeated: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &oracle.World{Effects: c.effects}
			w.Told.Pauses, w.Told.Cuts = c.pauses, c.cuts
			w.Told.Agents = map[steward.AgentID]oracle.Agent{"agent": {Steps: []string{"step"}}}
			j := oracle.Job{Steps: []steward.Step{{Name: "step", Attempt: 2, StartedAt: at(19), EndedAt: at(30)}}}
			j.ID, j.AgentID = "job", "agent"
			w.Jobs = []oracle.Job{j}
			v := oracle.Judge(w)
			if v.RepeatedSteps != c.repeated || v.RedoneUnrecorded != c.redone || v.LateSteps != c.late {
				t.Errorf("repeated %d, redone %d, late %d, want %d, %d, %d", v.RepeatedSteps, v.RedoneUnrecorded, v.LateSteps, c.repeated, c.redone, c.late)
			}
		})
	}
}

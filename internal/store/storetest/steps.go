package storetest

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Steps tests the journal, artifacts and spending.
func Steps(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"steps come back as recorded, in their order":     stepsStored,
		"steps survive the attempt that did them":         stepsSurvive,
		"a step's name is taken once":                     stepsOnce,
		"recorded by many at once, each is stored once":   stepsConcurrent,
		"an artifact is stored and replaced":              artifacts,
		"spending adds up by agent, organization and day": spent,
	})
}

// step returns a step without cost.
func step(name string) steward.Step {
	return steward.Step{Name: name, Kind: steward.StepCompute, Output: json.RawMessage(`{"ok":true}`), Attempt: 1, StartedAt: now(), EndedAt: after(1)}
}

// record records a step.
func (f *fixture) record(l store.Lease, s steward.Step) {
	f.t.Helper()
	must(f.t, "RecordStep", f.RecordStep(f.ctx(), l, s))
}

func stepsStored(f *fixture) {
	l := f.started()
	cost := steward.MicroUSD(150)
	long, err := json.Marshal(strings.Repeat("0123456789 \x00é", 100_000))
	must(f.t, "Marshal", err)
	all := []steward.Step{
		{Name: "z", Kind: steward.StepModel, InputHash: "ab", Output: json.RawMessage(`{"b": [1, null], "a": 1e400}`), Attempt: 1, StartedAt: now(),
			EndedAt: after(2), Usage: steward.Usage{InputTokens: 1, CachedTokens: 2, OutputTokens: 3, ReasoningTokens: 4, Cost: &cost}, Model: "m-1"},
		{Name: "file[0].batch[2].é", Kind: steward.StepDocument, Output: long, Attempt: 1, StartedAt: now(), EndedAt: after(1), Usage: steward.Free()},
		{Name: "a", Kind: steward.StepFetch, Output: json.RawMessage("null"), Attempt: 1, StartedAt: now().Add(time.Microsecond), EndedAt: now().Add(2 * time.Microsecond)},
	}
	for i := range all {
		f.record(l, all[i])
		all[i].JobID = l.JobID
	}
	loaded, err := f.LoadSteps(f.ctx(), l)
	must(f.t, "LoadSteps", err)
	same(f.t, "loaded steps", loaded, all)
	listed, err := f.Steps(f.ctx(), f.org, l.JobID)
	must(f.t, "Steps", err)
	same(f.t, "listed steps", listed, all)
}

func stepsSurvive(f *fixture) {
	l := f.started()
	other := f.started()
	f.record(l, step("a"))
	f.record(other, step("a"))
	var again store.Lease
	for _, c := range f.claimAt(after(20)) {
		if c.JobID == l.JobID {
			again = c.Lease
		}
	}
	f.record(again, step("b"))
	loaded, err := f.LoadSteps(f.ctx(), again)
	must(f.t, "LoadSteps", err)
	if len(loaded) != 2 || loaded[0].Name != "a" || loaded[1].Name != "b" {
		f.t.Errorf("steps: got %+v, want a and b", loaded)
	}
	f.finish(again, store.Outcome{Status: steward.StatusSuccess, At: after(21)})
	listed, err := f.Steps(f.ctx(), f.org, l.JobID)
	must(f.t, "Steps of an ended job", err)
	want(f.t, "steps", len(listed), 2)
	none, err := f.Steps(f.ctx(), f.org, f.submitted())
	must(f.t, "Steps of a new job", err)
	want(f.t, "steps of a new job", len(none), 0)
	_, err = f.Steps(f.ctx(), f.org, newID[steward.JobID]())
	code(f.t, "an unknown job", err, steward.NotFound)
}

func stepsOnce(f *fixture) {
	l := f.started()
	f.record(l, step("a"))
	twin := step("a")
	cost := steward.MicroUSD(5)
	twin.Output, twin.Usage.Cost = json.RawMessage("2"), &cost
	err := f.RecordStep(f.ctx(), l, twin)
	code(f.t, "a name that is taken", err, steward.Conflict)
	want(f.t, "a name that is taken is a lost lease", errors.Is(err, store.ErrLeaseLost), false)
	listed, err := f.Steps(f.ctx(), f.org, l.JobID)
	must(f.t, "Steps", err)
	want(f.t, "steps", len(listed), 1)
	want(f.t, "output", string(listed[0].Output), `{"ok":true}`)
	sum, err := f.Spent(f.ctx(), f.org, "", now())
	must(f.t, "Spent", err)
	want(f.t, "spent by the refused step", sum, 0)
}

func stepsConcurrent(f *fixture) {
	const jobs, callers = 8, 4
	f.fill(f.org, f.agent, jobs)
	var wg sync.WaitGroup
	var mu sync.Mutex
	stored := map[steward.JobID]int{}
	for _, c := range f.claimAt(now()) {
		for range callers {
			wg.Go(func() {
				err := f.RecordStep(f.ctx(), c.Lease, step("same"))
				if err != nil {
					code(f.t, "a name taken at once", err, steward.Conflict)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				stored[c.JobID]++
			})
		}
	}
	wg.Wait()
	want(f.t, "jobs with a step", len(stored), jobs)
	for id, n := range stored {
		want(f.t, "steps that were acknowledged", n, 1)
		listed, err := f.Steps(f.ctx(), f.org, id)
		must(f.t, "Steps", err)
		want(f.t, "steps that were stored", len(listed), 1)
	}
}

func artifacts(f *fixture) {
	l := f.started()
	full := steward.Artifact{
		Key: "agent-job-x/extraction_1.json", Result: json.RawMessage(`{"é": [1, 2]}`), Metadata: json.RawMessage(`{"a":1}`),
		Input: json.RawMessage(`"in"`), Usage: json.RawMessage(`null`),
	}
	must(f.t, "SaveArtifact", f.SaveArtifact(f.ctx(), l, full))
	got, err := f.Artifact(f.ctx(), f.org, l.JobID, full.Key)
	must(f.t, "Artifact", err)
	same(f.t, "artifact", *got, full)
	bare := steward.Artifact{Key: full.Key, Result: json.RawMessage("2")}
	must(f.t, "SaveArtifact again", f.SaveArtifact(f.ctx(), l, bare))
	got, err = f.Artifact(f.ctx(), f.org, l.JobID, full.Key)
	must(f.t, "Artifact", err)
	same(f.t, "replaced artifact", *got, bare)
	_, err = f.Artifact(f.ctx(), f.org, l.JobID, "agent-job-x/")
	code(f.t, "an unknown key", err, steward.NotFound)
	_, err = f.Artifact(f.ctx(), f.org, newID[steward.JobID](), full.Key)
	code(f.t, "an unknown job", err, steward.NotFound)
}

func spent(f *fixture) {
	second := newID[steward.AgentID]()
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	pay := func(agent steward.AgentID, org steward.OrganizationID, at time.Time, amounts ...steward.MicroUSD) {
		f.t.Helper()
		j := f.jobOf(org, agent)
		f.submit(j)
		l := f.claimOne(j.ID, now())
		for i, amount := range amounts {
			s := step(string(rune('a' + i)))
			s.EndedAt, s.Usage.Cost = at, &amount
			f.record(l, s)
		}
		s := step("unknown price")
		s.EndedAt = at
		f.record(l, s)
		f.finish(l, store.Outcome{Status: steward.StatusFailure, At: now(), Failure: fault()})
	}
	pay(f.agent, f.org, day.Add(-time.Microsecond), 1)
	pay(f.agent, f.org, day, 10, 20)
	pay(f.agent, f.org, day.Add(24*time.Hour-time.Microsecond), 40)
	pay(second, f.org, day.Add(24*time.Hour), 100)
	pay(second, newID[steward.OrganizationID](), day, 1000)
	for _, c := range []struct {
		what  string
		agent steward.AgentID
		since time.Time
		want  steward.MicroUSD
	}{
		{"an agent since a day", f.agent, day, 70},
		{"an agent since a time of that day", f.agent, day.Add(23 * time.Hour), 70},
		{"an agent since the day before", f.agent, day.Add(-time.Hour), 71},
		{"an agent since the day after", f.agent, day.Add(24 * time.Hour), 0},
		{"an organization", "", day.Add(-time.Hour), 171},
		{"the other agent", second, day, 100},
	} {
		got, err := f.Spent(f.ctx(), f.org, c.agent, c.since)
		must(f.t, "Spent", err)
		want(f.t, c.what, got, c.want)
	}
}

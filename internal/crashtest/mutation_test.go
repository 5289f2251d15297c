package crashtest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/crashtest"
	"github.com/stewardhq/steward/internal/crashtest/effects"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
	"github.com/stewardhq/steward/internal/engine/enginetest"
)

func TestALostJobIsNoticed(t *testing.T) { //nolint:paralleltest // it takes both cores
	r, _ := kill(t, crashtest.Options{Rounds: 2, Fault: crashtest.LoseJob})
	if r.Lost == 0 || r.Faults == 0 {
		t.Errorf("not noticed: %+v", r)
	}
}

func TestWrongEnginesAreNoticed(t *testing.T) { //nolint:paralleltest // it takes both cores
	for _, fault := range enginetest.CrashFaults() {
		t.Run(fault, func(t *testing.T) {
			r, _ := kill(t, crashtest.Options{Rounds: 4, Fault: fault})
			caught := map[string]int{"repeat_step": r.RepeatedSteps, "double_effect": r.DoubledEffects}
			if caught[fault] == 0 || r.Faults == 0 {
				t.Errorf("not noticed: %+v", r)
			}
		})
	}
}

// mutation is a way in which the world can be wrong after a run that was right.
type mutation struct {
	name string
	say  string // part of a fault that must be found
	do   func(w *oracle.World)
}

// job returns a job that fits.
func job(w *oracle.World, ok func(j *oracle.Job, a oracle.Agent) bool) *oracle.Job {
	i := slices.IndexFunc(w.Jobs, func(j oracle.Job) bool { return ok(&j, w.Told.Agents[j.AgentID]) })
	return &w.Jobs[i]
}

// of chooses successful jobs of an agent whose data is there.
func of(name string) func(j *oracle.Job, a oracle.Agent) bool {
	return func(j *oracle.Job, a oracle.Agent) bool {
		return a.Name == name && j.Status == steward.StatusSuccess && j.DataDeletedAt.IsZero()
	}
}

func deleted(j *oracle.Job, _ oracle.Agent) bool { return !j.DataDeletedAt.IsZero() }

// effect returns an effect that fits.
func effect(w *oracle.World, ok func(e *effects.Effect) bool) effects.Effect {
	i := slices.IndexFunc(w.Effects, func(e effects.Effect) bool { return ok(&e) })
	return w.Effects[i]
}

// step chooses effects of a step, and kind those of a kind.
func step(name string) func(e *effects.Effect) bool {
	return func(e *effects.Effect) bool { return e.Kind == effects.Step && e.Step == name }
}

func kind(k effects.Kind) func(e *effects.Effect) bool {
	return func(e *effects.Effect) bool { return e.Kind == k && !e.Known }
}

// isThere reports whether a job is one of an agent that was not deleted. Only its end is told once: batches that were resumed end several times.
func isThere(w *oracle.World, id steward.JobID) bool {
	return slices.ContainsFunc(w.Jobs, func(j oracle.Job) bool { return j.ID == id })
}

func drop(w *oracle.World, id steward.JobID) {
	w.Jobs = slices.DeleteFunc(w.Jobs, func(j oracle.Job) bool { return j.ID == id })
}

// again appends an effect once more, at the end of all.
func again(w *oracle.World, e effects.Effect, change func(e *effects.Effect)) {
	e.Seq, e.At = int64(len(w.Effects)+1), w.Effects[len(w.Effects)-1].At.Add(time.Hour)
	change(&e)
	w.Effects = append(w.Effects, e)
}

func same(*effects.Effect) {}

// before puts an effect once more into the log, at its own place.
func before(w *oracle.World, e effects.Effect, change func(e *effects.Effect)) {
	i := slices.Index(w.Effects, e)
	change(&e)
	w.Effects = slices.Insert(w.Effects, i, e)
}

// wakes has another process be woken for all the time that again puts effects into.
func wakes(w *oracle.World) {
	end := w.Effects[len(w.Effects)-1].At
	w.Told.Pauses = []oracle.Pause{{From: end.Add(time.Minute), To: end.Add(2 * time.Hour), PID: -1, Installation: "second"}}
}

func lostThings() []mutation {
	return []mutation{
		{"a job is gone", "acknowledged and is not there", func(w *oracle.World) { drop(w, job(w, of("plain")).ID) }},
		{"a job never ends", "is STARTED at the end", func(w *oracle.World) { job(w, of("plain")).Status = steward.StatusStarted }},
		{"a job fails", "ended as FAILURE", func(w *oracle.World) { job(w, of("plain")).Status = steward.StatusFailure }},
		{"nobody cancelled it", "ended as CANCELLED", func(w *oracle.World) { job(w, of("plain")).Status = steward.StatusCancelled }},
		{"a cancelled job succeeds", "ended as SUCCESS", func(w *oracle.World) {
			job(w, func(_ *oracle.Job, a oracle.Agent) bool { return a.Name == "hold" }).Status = steward.StatusSuccess
		}},
		{"an answer is another", "without faults it is", func(w *oracle.World) {
			job(w, of("plain")).Outputs = []steward.Datum{{Value: `{"value":"other"}`}}
		}},
		{"pages are missing in an answer", "without faults it is", func(w *oracle.World) {
			job(w, of("pdf")).Outputs = []steward.Datum{{Value: `{"codes":[]}`}}
		}},
		{"an item of a batch is gone", "was acknowledged as job", func(w *oracle.World) { drop(w, job(w, of("batch")).ID) }},
		{"a batch is gone", "was acknowledged and is not there", func(w *oracle.World) { w.Batches = w.Batches[1:] }},
		{"a part of a call is gone", "jobs of one call", func(w *oracle.World) {
			drop(w, job(w, func(j *oracle.Job, _ oracle.Agent) bool { return strings.HasPrefix(j.Text, "many") }).ID)
		}},
		{"a record of a step is gone", "has no record of step[1]", func(w *oracle.World) {
			j := job(w, of("plain"))
			j.Steps = slices.Delete(slices.Clone(j.Steps), 1, 2)
		}},
		{"an event did not come", "was not told of the end", func(w *oracle.World) {
			e := effect(w, func(e *effects.Effect) bool { return kind(effects.Hook)(e) && isThere(w, e.Job) })
			w.Effects = slices.DeleteFunc(w.Effects, func(o effects.Effect) bool { return o.Key == e.Key })
		}},
		{"a delivery is gone", "was not told of the end", func(w *oracle.World) {
			i := slices.IndexFunc(w.Deliveries, func(d oracle.Delivery) bool { return isThere(w, d.Job) })
			w.Deliveries = slices.Delete(slices.Clone(w.Deliveries), i, i+1)
		}},
		{"a batch is not completed", "is not completed", func(w *oracle.World) {
			i := slices.IndexFunc(w.Batches, func(b steward.Batch) bool { return b.CancelledAt == nil })
			w.Batches[i].CompletedAt = nil
		}},
		{"a change was not made", "without its change", func(w *oracle.World) {
			w.Effects = slices.DeleteFunc(w.Effects, func(e effects.Effect) bool { return e.Kind == effects.Keyed })
		}},
		{"a history ends twice", "its history is", func(w *oracle.World) {
			j := job(w, of("plain"))
			j.Events = append(slices.Clone(j.Events), j.Events[len(j.Events)-1])
		}},
	}
}

func repeatedThings() []mutation {
	return []mutation{
		{"a recorded step is done in a later attempt", "was done again in attempt", func(w *oracle.World) {
			again(w, effect(w, step("step[2]")), func(e *effects.Effect) { e.Attempt += 99 })
		}},
		{"a step is done twice in an attempt", "was done twice in attempt", func(w *oracle.World) { again(w, effect(w, step("step[2]")), same) }},
		{"a recorded step is done again while another process wakes", "was done again in attempt", func(w *oracle.World) {
			wakes(w)
			again(w, effect(w, step("step[2]")), func(e *effects.Effect) { e.Attempt += 99 })
		}},
		{"a step is done in two attempts of one process", "which nothing interrupted", func(w *oracle.World) {
			before(w, effect(w, step("step[2]")), func(e *effects.Effect) { e.Attempt-- })
		}},
		{"an early step is done after a late one", "was begun", func(w *oracle.World) {
			again(w, effect(w, func(e *effects.Effect) bool { return e.Job == job(w, of("plain")).ID && e.Step == "step[0]" }), func(e *effects.Effect) { e.Attempt = 0 })
		}},
		{"an answered question is asked again", "which extract has an answer to", func(w *oracle.World) {
			text := job(w, of("model")).Text
			again(w, effect(w, func(e *effects.Effect) bool { return e.Kind == effects.Model && e.Key == text }), same)
		}},
		{"an answered question is asked again while another process wakes", "which extract has an answer to", func(w *oracle.World) {
			wakes(w)
			text := job(w, of("model")).Text
			again(w, effect(w, func(e *effects.Effect) bool { return e.Kind == effects.Model && e.Key == text }), same)
		}},
		{"a question is asked twice in an attempt", "twice while extract was done once", func(w *oracle.World) {
			text := job(w, of("model")).Text
			e := effect(w, func(e *effects.Effect) bool { return e.Kind == effects.Model && e.Key == text })
			before(w, e, func(e *effects.Effect) {
				s := job(w, of("model")).Steps
				e.At = s[slices.IndexFunc(s, func(s steward.Step) bool { return s.Name == "extract" })].EndedAt
			})
		}},
		{"a question is asked more often than it was tried", "times before attempt", func(w *oracle.World) {
			j := job(w, of("model"))
			s := j.Steps[slices.IndexFunc(j.Steps, func(s steward.Step) bool { return s.Name == "extract" })]
			for range s.Attempt {
				e := effect(w, func(e *effects.Effect) bool { return e.Kind == effects.Model && e.Key == j.Text })
				before(w, e, func(e *effects.Effect) { e.At = s.StartedAt.Add(-time.Second) })
			}
		}},
		{"an event tells of another end", "says that job", func(w *oracle.World) {
			e := effect(w, func(e *effects.Effect) bool { return kind(effects.Hook)(e) && isThere(w, e.Job) })
			w.Effects[slices.Index(w.Effects, e)].Note = steward.StatusPending.String()
		}},
		{"a record of what nobody did", "in which nobody did it", func(w *oracle.World) {
			e := effect(w, step("step[2]"))
			w.Effects = slices.DeleteFunc(w.Effects, func(o effects.Effect) bool { return o.Job == e.Job && o.Step == e.Step })
		}},
		{"a change is made under another key", "made its change under the keys", func(w *oracle.World) {
			again(w, effect(w, kind(effects.Keyed)), func(e *effects.Effect) { e.Key += "x" })
		}},
		{"a change is made twice", "was made twice", func(w *oracle.World) { again(w, effect(w, kind(effects.Keyed)), same) }},
		{"a delivered event is sent again", "was sent after its delivery was recorded", func(w *oracle.World) {
			again(w, effect(w, kind(effects.Hook)), same)
		}},
		{"an event comes under two ids", "has the deliveries", func(w *oracle.World) {
			d := w.Deliveries[0]
			d.ID = "another"
			w.Deliveries = append(w.Deliveries, d)
		}},
		{"a key starts two jobs", "was sent under one key", func(w *oracle.World) {
			j := *job(w, of("keyed"))
			j.ID = "another"
			w.Jobs = append(w.Jobs, j)
		}},
		{"an item of a batch is two jobs", "is the jobs", func(w *oracle.World) {
			j := *job(w, of("batch"))
			j.ID = "another"
			w.Jobs = append(w.Jobs, j)
		}},
	}
}

func wrongBooks() []mutation {
	// inBooks changes what the books say of an agent.
	inBooks := func(agent string, change func(t *steward.Tally)) func(w *oracle.World) {
		return func(w *oracle.World) {
			id := job(w, of(agent)).AgentID
			t := w.Usage[id]
			change(&t)
			w.Usage[id] = t
		}
	}
	return []mutation{
		{"a job costs too much", "its steps", func(w *oracle.World) { job(w, of("plain")).Usage.Cost = new(steward.MicroUSD) }},
		{"a job's price is not known", "its steps", func(w *oracle.World) { job(w, of("plain")).Usage.Cost = nil }},
		{"a run uses more than without faults", "without faults it is", func(w *oracle.World) {
			j := job(w, of("plain"))
			j.Usage.InputTokens++
		}},
		{"the books have a call too many", "the books of agent", inBooks("plain", func(t *steward.Tally) { t.Calls++ })},
		{"the books lack a call of deleted data", "the books of agent", inBooks("save", func(t *steward.Tally) { t.Calls-- })},
		{"a job whose data was deleted used more than without faults", "without faults it is", func(w *oracle.World) { job(w, deleted).Usage.InputTokens++ }},
		{"data is gone that nobody deleted", "nobody had it deleted", func(w *oracle.World) {
			j := job(w, of("plain"))
			j.DataDeletedAt, j.Outputs, j.Steps, j.Text = time.Now(), nil, nil, ""
		}},
		{"the books lack money", "the books of agent", inBooks("model", func(t *steward.Tally) { t.Cost -= 2 })},
		{"a batch counts wrongly", "its jobs are", func(w *oracle.World) { w.Batches[0].Counts.Success++ }},
		{"a list lacks a job", "not in that list", func(w *oracle.World) {
			id := job(w, of("plain")).AgentID
			w.Lists[id] = w.Lists[id][1:]
		}},
		{"a list has a job twice", "which is another", func(w *oracle.World) {
			id := job(w, of("plain")).AgentID
			w.Lists[id] = append(slices.Clone(w.Lists[id]), w.Lists[id][0])
		}},
		{"deleted data is back", "was deleted, and it has", func(w *oracle.World) { job(w, deleted).Outputs = []steward.Datum{{Value: "back"}} }},
		{"a deletion is forgotten", "was deleted, and it has", func(w *oracle.World) { job(w, deleted).DataDeletedAt = time.Time{} }},
	}
}

func wrongFiles() []mutation {
	return []mutation{
		{"a file is gone", "bytes of", func(w *oracle.World) { delete(w.Bytes, w.Blobs[0].SHA256) }},
		{"a file is cut", "bytes of", func(w *oracle.World) { w.Bytes[w.Blobs[0].SHA256]-- }},
		{"a file belongs to nothing", "belong to nothing", func(w *oracle.World) { w.Bytes["orphan"] = 1 }},
		{"a temporary file is left", "belong to nothing", func(w *oracle.World) { w.Strays = append(w.Strays, "tmp/1") }},
		{"nobody holds a file", "nobody holds it", func(w *oracle.World) { w.Blobs[0].Holders = 0 }},
		{"a file is dying for ever", "dying true", func(w *oracle.World) { w.Blobs[0].Dying = true }},
		{"a file has no record", "belong to nothing", func(w *oracle.World) { w.Blobs = w.Blobs[1:] }},
		{"a reference leads nowhere", "names the file", func(w *oracle.World) { job(w, of("save")).Filed = []string{"nowhere"} }},
	}
}

// aTold changes a copy of what was told of one thing.
func aTold[T any](list *[]T, ok func(*T) bool, change func(*T)) {
	*list = slices.Clone(*list)
	i := slices.IndexFunc(*list, func(v T) bool { return ok(&v) })
	change(&(*list)[i])
}

func anyOf[T any](*T) bool { return true }

func wrongRest() []mutation {
	kept := func(f *oracle.ToldFile) bool { return !f.MayBeDeleted }
	removed := func(f *oracle.ToldFile) bool { return f.Deleted }
	return []mutation{
		{"a job of a deleted agent runs", "at the end of it all", func(w *oracle.World) { w.Gone[0].Status = steward.StatusStarted }},
		{"a job of a deleted agent keeps its data", "still has its data", func(w *oracle.World) { w.Gone[0].Emptied = false }},
		{"a job of a deleted agent keeps a step", "still has its data", func(w *oracle.World) { w.Gone[0].Left = 1 }},
		{"a job of a deleted agent can be read", "of a deleted agent can be read", func(w *oracle.World) { w.Gone[0].Reachable = true }},
		{"a job of a deleted agent is gone", "of a deleted agent was acknowledged and is not there", func(w *oracle.World) {
			i := slices.IndexFunc(w.Gone, func(g oracle.GoneJob) bool { return slices.Contains(w.Told.Gone[g.Agent].Jobs, g.ID) })
			w.Gone = slices.Delete(w.Gone, i, i+1)
		}},
		{"an agent is not deleted", "deletion was acknowledged", func(w *oracle.World) { job(w, of("plain")).AgentID = w.Gone[0].Agent }},
		{"a stored file is gone", "was acknowledged and is not there", func(w *oracle.World) {
			i := slices.IndexFunc(w.Told.Files, func(f oracle.ToldFile) bool { return kept(&f) })
			w.Stored = slices.DeleteFunc(w.Stored, func(f oracle.Stored) bool { return f.ID == w.Told.Files[i].ID })
		}},
		{"a stored file has other bytes", "has the content", func(w *oracle.World) { aTold(&w.Told.Files, kept, func(f *oracle.ToldFile) { f.SHA256 = "other" }) }},
		{"a deleted file is back", "was deleted and is there", func(w *oracle.World) {
			i := slices.IndexFunc(w.Told.Files, func(f oracle.ToldFile) bool { return removed(&f) })
			w.Stored = append(w.Stored, oracle.Stored{ID: w.Told.Files[i].ID})
		}},
		{"a saved file has other bytes", "without faults it is one file", func(w *oracle.World) {
			j := job(w, of("save"))
			j.References = slices.Clone(j.References)
			j.References[0].SHA256 = "other"
		}},
		{"a saved file is gone", "without faults it is one file", func(w *oracle.World) { job(w, of("save")).References = nil }},
		{"a budget is not kept", "its dearest step", func(w *oracle.World) {
			cost := steward.MicroUSD(45)
			job(w, limited).Usage.Cost = &cost
		}},
		{"a budget ends nothing", "which costs more than it may", func(w *oracle.World) { job(w, limited).Failure = nil }},
		{"a resumed item did not run", "and resumed, and is", func(w *oracle.World) {
			i := slices.IndexFunc(w.Told.Batches, func(b oracle.ToldBatch) bool { return b.Resumed })
			w.Jobs = slices.DeleteFunc(w.Jobs, func(j oracle.Job) bool { return j.Batch == w.Told.Batches[i].ID && j.BatchIndex == 0 })
		}},
		{"the job of a resumed item is gone", "was job", func(w *oracle.World) {
			drop(w, replaced(w))
		}},
		{"a backup lacks a job", "is not in it", func(w *oracle.World) {
			aTold(&w.Told.Backups, anyOf, func(b *oracle.ToldBackup) {
				b.Has = maps.Clone(b.Has)
				delete(b.Has, b.Before[0])
			})
		}},
		{"a backup is damaged", "backup 0: a page", func(w *oracle.World) {
			aTold(&w.Told.Backups, anyOf, func(b *oracle.ToldBackup) { b.Findings = []string{"a page"} })
		}},
	}
}

func limited(j *oracle.Job, a oracle.Agent) bool {
	return a.Limit > 0 && j.Status == steward.StatusFailure
}

// replaced returns a job of an item in whose place a resume put another one.
func replaced(w *oracle.World) steward.JobID {
	for _, b := range w.Told.Batches {
		for _, id := range b.IDs {
			i := slices.IndexFunc(w.Jobs, func(j oracle.Job) bool { return j.ID == id })
			if b.Resumed && i >= 0 && w.Jobs[i].Batch == "" {
				return id
			}
		}
	}
	return ""
}

// clone copies a world as far as mutations change it.
func clone(w *oracle.World) *oracle.World {
	c := *w
	c.Effects, c.Jobs, c.Batches, c.Deliveries = slices.Clone(w.Effects), slices.Clone(w.Jobs), slices.Clone(w.Batches), slices.Clone(w.Deliveries)
	c.Blobs, c.Strays, c.Gone, c.Stored = slices.Clone(w.Blobs), slices.Clone(w.Strays), slices.Clone(w.Gone), slices.Clone(w.Stored)
	c.Usage, c.Lists, c.Bytes = maps.Clone(w.Usage), maps.Clone(w.Lists), maps.Clone(w.Bytes)
	return &c
}

func TestTheOracleNoticesEachBrokenPromise(t *testing.T) { //nolint:paralleltest // it takes both cores
	r, world := kill(t, crashtest.Options{Rounds: 15, Seed: 3})
	if r.Faults > 0 {
		t.Fatalf("the world is wrong already: %q", r.FirstFaults)
	}
	for _, m := range slices.Concat(lostThings(), repeatedThings(), wrongBooks(), wrongFiles(), wrongRest()) {
		t.Run(m.name, func(t *testing.T) {
			w := clone(world)
			m.do(w)
			v := oracle.Judge(w)
			if !slices.ContainsFunc(v.Faults, func(f string) bool { return strings.Contains(f, m.say) }) {
				t.Errorf("no fault says %q; the first of %d others: %q", m.say, len(v.Faults), v.Faults[:min(3, len(v.Faults))])
			}
		})
	}
	if v := oracle.Judge(clone(world)); len(v.Faults) > 0 {
		t.Errorf("a mutation has changed the world of others: %q", v.Faults)
	}
}

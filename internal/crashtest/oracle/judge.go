package oracle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/crashtest/effects"
)

// Judge compares what is known. Each broken promise is a line of Faults.
func Judge(w *World) *Verdict {
	j := &judge{World: w, v: &Verdict{}, jobs: make(map[steward.JobID]*Job, len(w.Jobs)), told: map[steward.JobID]*ToldJob{}}
	for i := range w.Jobs {
		j.jobs[w.Jobs[i].ID] = &w.Jobs[i]
	}
	for i := range w.Told.Jobs {
		j.told[w.Told.Jobs[i].ID] = &w.Told.Jobs[i]
	}
	j.acknowledged()
	j.ends()
	j.uniqueness()
	j.steps()
	j.modelCalls()
	j.keyed()
	j.batches()
	j.events()
	j.books()
	j.lists()
	j.files()
	j.gone()
	j.stored()
	j.limited()
	j.backups()
	return j.v
}

type judge struct {
	*World
	v    *Verdict
	jobs map[steward.JobID]*Job
	told map[steward.JobID]*ToldJob
}

func (j *judge) fault(format string, args ...any) {
	j.v.Faults = append(j.v.Faults, fmt.Sprintf(format, args...))
}

func (j *judge) lost(format string, args ...any) {
	j.v.Lost++
	j.fault("lost: "+format, args...)
}

func (j *judge) doubled(format string, args ...any) {
	j.v.DoubledEffects++
	j.fault("doubled: "+format, args...)
}

// acknowledged looks for the jobs that clients were told of.
func (j *judge) acknowledged() {
	ids := map[steward.JobID]bool{}
	for _, t := range j.Told.Jobs {
		ids[t.ID] = true
		switch job := j.jobs[t.ID]; {
		case job == nil:
			j.lost("job %s (%s) was acknowledged and is not there", t.ID, t.Text)
		case job.AgentID != t.Agent || job.Text != t.Text && job.DataDeletedAt.IsZero():
			j.lost("job %s was acknowledged for %q and is one for %q", t.ID, t.Text, job.Text)
		}
	}
	j.v.Acknowledged = len(ids)
}

// ends looks at how jobs ended and what they answered.
func (j *judge) ends() {
	for i := range j.Jobs {
		job := &j.Jobs[i]
		if job.Attempt > 1 {
			j.v.Resumed++
		}
		if !job.Status.Terminal() {
			j.lost("job %s is %v at the end of it all", job.ID, job.Status)
			continue
		}
		agent, known := j.Told.Agents[job.AgentID]
		if !known {
			j.fault("job %s has an agent that nobody made", job.ID)
			continue
		}
		t := j.told[job.ID]
		switch {
		case job.Status == steward.StatusCancelled && j.cancelled(job, t):
		case !slices.Contains(agent.Ends, job.Status):
			j.lost("job %s of %s ended as %v: %+v", job.ID, agent.Name, job.Status, job.Failure)
		}
		j.ended(job)
		j.answer(job, &agent, t)
	}
}

// cancelled reports whether somebody asked for a job's end.
func (j *judge) cancelled(job *Job, t *ToldJob) bool {
	if t != nil && t.Cancelled || j.wasResumed(job.ID) || slices.Contains(j.Told.Agents[job.AgentID].Ends, steward.StatusCancelled) {
		return true
	}
	i := slices.IndexFunc(j.Told.Batches, func(b ToldBatch) bool { return b.ID == job.Batch })
	return i >= 0 && j.Told.Batches[i].Cancelled
}

// ended looks at the history of a job: it ends once, and with its status.
func (j *judge) ended(job *Job) {
	ends := 0
	for _, e := range job.Events {
		if e.StatusCode.Terminal() {
			ends++
		}
	}
	if n := len(job.Events); ends != 1 || job.Events[n-1].StatusCode != job.Status || job.EndedAt.IsZero() {
		j.fault("job %s is %v and its history is %+v", job.ID, job.Status, job.Events)
	}
}

// answer looks at what a job says.
func (j *judge) answer(job *Job, agent *Agent, t *ToldJob) {
	deleted := t != nil && t.Deleted
	if !deleted && !job.DataDeletedAt.IsZero() {
		j.lost("the data of job %s of %s is gone, and nobody had it deleted", job.ID, agent.Name)
		return
	}
	if deleted {
		if job.DataDeletedAt.IsZero() || len(job.Outputs) > 0 || len(job.References) > 0 || len(job.Steps) > 0 || job.Text != "" {
			j.fault("the data of job %s was deleted, and it has %d outputs, %d references, %d steps and the input %q",
				job.ID, len(job.Outputs), len(job.References), len(job.Steps), job.Text)
		}
		return
	}
	if !job.Status.Succeeded() || agent.Value == nil {
		return
	}
	if job.Status == steward.StatusCached && j.jobs[job.CachedFrom] == nil {
		j.fault("job %s was answered from job %s, which is not there", job.ID, job.CachedFrom)
	}
	if len(job.Outputs) != 1 {
		j.fault("job %s of %s has %d outputs", job.ID, agent.Name, len(job.Outputs))
		return
	}
	got := job.Outputs[0].Value
	if agent.Answer != nil {
		got = agent.Answer(got)
	}
	if want := agent.Value(job.Text); got != want {
		j.fault("job %s of %s answers %s, without faults it is %s", job.ID, agent.Name, got, want)
	}
	j.saved(job, agent)
}

// uniqueness looks for jobs that were made twice or in part.
func (j *judge) uniqueness() {
	count := map[string]int{}
	for i := range j.Jobs {
		count[j.Jobs[i].Text]++
	}
	for _, t := range j.Told.Jobs {
		if job := j.jobs[t.ID]; job != nil && job.Text == "" {
			count[t.Text]++
		}
	}
	for _, text := range j.Told.Once {
		if n := count[text]; n > 1 {
			j.doubled("%d jobs were made for %q, which was sent under one key", n, text)
		}
	}
	for _, m := range j.Told.Many {
		n := 0
		for _, text := range m.Texts {
			n += count[text]
		}
		switch {
		case m.Acked && n < len(m.Texts), n > 0 && n < len(m.Texts):
			j.lost("%d of the %d jobs of one call are there: %q", n, len(m.Texts), m.Texts[0])
		case n > len(m.Texts):
			j.doubled("%d jobs were made of a call for %d: %q", n, len(m.Texts), m.Texts[0])
		}
	}
}

// place is a step of a job.
type place struct {
	job  steward.JobID
	step string
}

// steps compares what engines did with what is recorded.
func (j *judge) steps() {
	done := map[place][]*effects.Effect{}
	latest := map[steward.JobID]string{} // of steps that are done one after the other, the last that was begun
	for i := range j.Effects {
		e := &j.Effects[i]
		if e.Kind != effects.Step {
			continue
		}
		if j.jobs[e.Job] == nil {
			if slices.ContainsFunc(j.Gone, func(g GoneJob) bool { return g.ID == e.Job }) {
				continue // with its agent
			}
			j.fault("a step was done for job %s, which is not there", e.Job)
			continue
		}
		if before := latest[e.Job]; before != "" && j.order(e.Job, e.Step) < j.order(e.Job, before) {
			j.again(e, fmt.Sprintf("after %s was begun", before))
		} else {
			latest[e.Job] = e.Step
		}
		p := place{e.Job, e.Step}
		for _, other := range done[p] {
			switch {
			case other.Attempt == e.Attempt:
				j.repeated("%s of job %s was done twice in attempt %d", e.Step, e.Job, e.Attempt)
			case other.PID == e.PID && !j.interrupted(other, e):
				j.repeated("%s of job %s was done in attempts %d and %d of one process, which nothing interrupted", e.Step, e.Job, other.Attempt, e.Attempt)
			}
		}
		done[p] = append(done[p], e)
	}
	for i := range j.Jobs {
		j.recorded(&j.Jobs[i], done)
	}
}

// order is a step's place in its run.
func (j *judge) order(job steward.JobID, step string) int {
	return slices.Index(j.Told.Agents[j.jobs[job].AgentID].Steps, step)
}

func (j *judge) repeated(format string, args ...any) {
	j.v.RepeatedSteps++
	j.fault("repeated: "+format, args...)
}

// interrupted reports whether something came between two steps of a process that can have cost it the record of the first.
func (j *judge) interrupted(first, second *effects.Effect) bool {
	return slices.ContainsFunc(j.Told.Cuts, func(c Cut) bool { return c.From.Before(second.At) && c.To.After(first.At) }) ||
		slices.ContainsFunc(j.Told.Pauses, func(p Pause) bool { return p.PID == first.PID && p.From.After(first.At) && p.From.Before(second.At) })
}

// late reports whether the process that did something had just been woken, and may have lost the job to another one while it was stopped.
func (j *judge) late(e *effects.Effect) bool {
	return slices.ContainsFunc(j.Told.Pauses, func(p Pause) bool {
		own := e.PID == p.PID
		if e.Kind == effects.Model {
			own = e.Note == p.Installation
		}
		return own && e.At.After(p.From) && e.At.Before(p.To)
	})
}

// again counts a step that was done although it had been recorded: by a process that had lost the job while it was stopped, or wrongly.
func (j *judge) again(e *effects.Effect, when string) {
	if j.late(e) {
		j.v.LateSteps++
		return
	}
	j.repeated("%s%s of job %s was done again in attempt %d, %s", e.Step, e.Key, e.Job, e.Attempt, when)
}

// recorded compares the recorded steps of a job with what was seen.
func (j *judge) recorded(job *Job, done map[place][]*effects.Effect) {
	agent := j.Told.Agents[job.AgentID]
	names := map[string]bool{}
	for i := range job.Steps {
		s := &job.Steps[i]
		if names[s.Name] {
			j.fault("job %s has two records of %s", job.ID, s.Name)
		}
		names[s.Name] = true
		if !slices.Contains(agent.Steps, s.Name) {
			continue
		}
		j.v.Steps++
		seen := false
		for _, e := range done[place{job.ID, s.Name}] {
			switch {
			case e.Attempt == s.Attempt:
				seen = true
			case e.Attempt > s.Attempt:
				j.again(e, fmt.Sprintf("recorded in attempt %d", s.Attempt))
			case e.At.After(s.EndedAt):
				j.again(e, fmt.Sprintf("recorded in attempt %d at %v", s.Attempt, s.EndedAt))
			default:
				j.v.RedoneUnrecorded++
			}
		}
		if !seen {
			j.fault("job %s has a record of %s in attempt %d, in which nobody did it", job.ID, s.Name, s.Attempt)
		}
	}
	if job.Status != steward.StatusSuccess {
		return
	}
	if used := job.Usage; agent.Steps != nil && (used.Cost == nil || agent.Used.Cost != nil && *used.Cost != *agent.Used.Cost || used.InputTokens != agent.Used.InputTokens) {
		j.fault("job %s of %s used %+v, without faults it is %+v", job.ID, agent.Name, used, agent.Used)
	}
	if !job.DataDeletedAt.IsZero() {
		return // its steps are gone
	}
	for _, name := range agent.Steps {
		if !names[name] {
			j.fault("job %s of %s has no record of %s", job.ID, agent.Name, name)
		}
	}
}

// modelCalls compares the questions that providers got with what is recorded.
func (j *judge) modelCalls() {
	calls := map[string][]*effects.Effect{}
	for i := range j.Effects {
		if e := &j.Effects[i]; e.Kind == effects.Model {
			j.v.ModelCalls++
			calls[e.Key] = append(calls[e.Key], e)
		}
	}
	for i := range j.Jobs {
		job := &j.Jobs[i]
		agent := j.Told.Agents[job.AgentID]
		if agent.Markers == nil || !job.DataDeletedAt.IsZero() || job.Status != steward.StatusSuccess {
			continue
		}
		for _, m := range agent.Markers(job.Text) {
			at := slices.IndexFunc(job.Steps, func(s steward.Step) bool { return s.Name == m.Step })
			if at < 0 {
				j.fault("job %s has no record of %s, only of %v", job.ID, m.Step, stepNames(job))
				continue
			}
			j.asked(job, &job.Steps[at], calls[m.Key])
		}
	}
}

// asked compares the record of a model call with the questions that the provider got: one in the attempt that recorded it, and one at most in
// each attempt before.
func (j *judge) asked(job *Job, s *steward.Step, calls []*effects.Effect) {
	seen, before := false, 0
	for _, e := range calls {
		switch {
		case e.At.After(s.EndedAt):
			j.again(e, "which "+s.Name+" has an answer to")
		case e.At.Before(s.StartedAt):
			before++
		case seen:
			j.again(e, "twice while "+s.Name+" was done once")
		default:
			seen = true
		}
	}
	j.v.RedoneUnrecorded += before
	if before > s.Attempt-1 {
		j.repeated("the provider was asked about %s of job %s %d times before attempt %d", s.Name, job.ID, before, s.Attempt)
	}
	if !seen {
		j.fault("job %s has a record of %s, which no provider was asked", job.ID, s.Name)
	}
}

func stepNames(job *Job) []string {
	names := make([]string, len(job.Steps))
	for i := range job.Steps {
		names[i] = job.Steps[i].Name
	}
	return names
}

// keyed looks at changes in the world: one for each job that makes one.
func (j *judge) keyed() {
	keys := map[place]string{}
	owner := map[string]place{}
	applied := map[string]int{}
	for i := range j.Effects {
		e := &j.Effects[i]
		if e.Kind != effects.Keyed {
			continue
		}
		p := place{e.Job, e.Step}
		if before, ok := keys[p]; ok && before != e.Key {
			j.doubled("job %s made its change under the keys %q and %q", e.Job, before, e.Key)
		}
		if before, ok := owner[e.Key]; ok && before != p {
			j.fault("jobs %s and %s made changes under the same key", before.job, e.Job)
		}
		keys[p], owner[e.Key] = e.Key, p
		if e.Known {
			j.v.KeyedAgain++
			continue
		}
		j.v.KeyedEffects++
		if applied[e.Key]++; applied[e.Key] > 1 {
			j.doubled("the change %q was made twice", e.Key)
		}
	}
	for i := range j.Jobs {
		job := &j.Jobs[i]
		step := j.Told.Agents[job.AgentID].Keyed
		if _, made := keys[place{job.ID, step}]; step != "" && job.Status == steward.StatusSuccess && !made {
			j.fault("job %s succeeded without its change in the world", job.ID)
		}
	}
}

// short cuts a list of names for a message.
func short(names []string) string {
	if len(names) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), len(names)-5)
	}
	return strings.Join(names, ", ")
}

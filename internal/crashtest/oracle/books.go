package oracle

import (
	"maps"
	"slices"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/crashtest/effects"
)

// batches compares batches with their items.
func (j *judge) batches() {
	type index struct {
		batch steward.BatchID
		at    int64
	}
	items := map[index]*Job{}
	counts := map[steward.BatchID]*steward.BatchCounts{}
	for i := range j.Jobs {
		job := &j.Jobs[i]
		if job.Batch == "" {
			continue
		}
		at := index{job.Batch, job.BatchIndex}
		if other := items[at]; other != nil {
			j.doubled("item %d of batch %s is the jobs %s and %s", job.BatchIndex, job.Batch, other.ID, job.ID)
		}
		items[at] = job
		if counts[job.Batch] == nil {
			counts[job.Batch] = &steward.BatchCounts{}
		}
		counts[job.Batch].Add(job.Status, 1)
	}
	rows := map[steward.BatchID]*steward.Batch{}
	for i := range j.Batches {
		b := &j.Batches[i]
		rows[b.ID] = b
		var want steward.BatchCounts
		if counts[b.ID] != nil {
			want = *counts[b.ID]
		}
		if b.Counts != want || b.Received != want.Total() {
			j.fault("batch %s counts %+v and has received %d, its jobs are %+v", b.ID, b.Counts, b.Received, want)
		}
		if b.ClosedAt != nil && b.CompletedAt == nil && b.CancelledAt == nil {
			j.fault("batch %s is closed, its jobs have ended and it is not completed", b.ID)
		}
	}
	for i := range j.Told.Batches {
		t := &j.Told.Batches[i]
		b := rows[t.ID]
		if b == nil {
			j.lost("batch %s was acknowledged and is not there", t.ID)
			continue
		}
		if t.Closed && b.ClosedAt == nil || t.Cancelled && b.CancelledAt == nil {
			j.fault("batch %s was closed (cancelled %v) and is %+v", t.ID, t.Cancelled, b)
		}
		for at, id := range t.IDs {
			job := items[index{t.ID, at}]
			if t.Resumed {
				j.resumed(t, at, id, job)
			} else if job == nil || job.ID != id || job.Text != t.Texts[at] {
				j.lost("item %d of batch %s was acknowledged as job %s and is %+v", at, t.ID, id, job)
			}
		}
		for at := range items {
			if at.batch == t.ID && at.at >= int64(len(t.Texts)) {
				j.fault("batch %s has an item %d, which nobody sent", t.ID, at.at)
			}
		}
	}
}

// events compares what webhooks were sent with what has ended.
func (j *judge) events() {
	type about struct {
		hook  steward.WebhookID
		job   steward.JobID
		batch steward.BatchID
	}
	rows := map[steward.DeliveryID]*Delivery{}
	one := map[about]*Delivery{}
	for i := range j.Deliveries {
		d := &j.Deliveries[i]
		rows[d.ID] = d
		a := about{d.Webhook, d.Job, d.Batch}
		if other := one[a]; other != nil && !j.completedTwice(d.Batch) {
			j.doubled("webhook %s has the deliveries %s and %s of job %s%s", d.Webhook, other.ID, d.ID, d.Job, d.Batch)
		}
		one[a] = d
		if !d.Delivered {
			j.fault("delivery %s of job %s%s did not come to its end", d.ID, d.Job, d.Batch)
		}
	}
	came, statuses := map[string]int{}, j.statuses()
	for i := range j.Effects {
		e := &j.Effects[i]
		if e.Kind != effects.Hook {
			continue
		}
		if came[e.Key]++; came[e.Key] > 1 {
			j.v.Redelivered++
		} else {
			j.v.Events++
		}
		d := rows[steward.DeliveryID(e.Key)]
		if status, there := statuses[e.Job]; there && e.Note != status.String() {
			j.fault("event %s says that job %s is %s, and it is %v", e.Key, e.Job, e.Note, status)
		}
		switch {
		case d == nil && j.completedTwice(e.Batch): // killed before the record; and then the batch was resumed, and there was nothing to tell any more
		case d == nil:
			j.fault("a receiver was sent event %s of job %s%s, which is not in the database", e.Key, e.Job, e.Batch)
		case d.Job != e.Job || d.Batch != e.Batch:
			j.fault("event %s came for job %s%s and is of job %s%s", e.Key, e.Job, e.Batch, d.Job, d.Batch)
		case d.Delivered && e.At.After(d.EndedAt):
			j.doubled("event %s of job %s%s was sent after its delivery was recorded", e.Key, e.Job, e.Batch)
		}
	}
	told := func(hook steward.WebhookID, job steward.JobID, batch steward.BatchID) {
		d := one[about{hook, job, batch}]
		if d == nil || came[string(d.ID)] == 0 {
			j.lost("webhook %s was not told of the end of job %s%s", hook, job, batch)
		}
	}
	for hook, agents := range j.Told.Hooks {
		for i := range j.Jobs {
			if job := &j.Jobs[i]; slices.Contains(agents, job.AgentID) && job.Status.Terminal() && job.Status != steward.StatusCached {
				told(hook, job.ID, "")
			}
		}
		for i := range j.Batches {
			if b := &j.Batches[i]; slices.Contains(agents, b.AgentID) && b.CompletedAt != nil {
				told(hook, "", b.ID)
			}
		}
	}
}

// statuses are those of all jobs, also of deleted agents.
func (j *judge) statuses() map[steward.JobID]steward.Status {
	all := make(map[steward.JobID]steward.Status, len(j.Jobs)+len(j.Gone))
	for i := range j.Jobs {
		all[j.Jobs[i].ID] = j.Jobs[i].Status
	}
	for i := range j.Gone {
		all[j.Gone[i].ID] = j.Gone[i].Status
	}
	return all
}

// completedTwice reports whether a batch may have been completed, and told of, more than once: whenever all its items had ended before it was resumed.
func (j *judge) completedTwice(id steward.BatchID) bool {
	return slices.ContainsFunc(j.Told.Batches, func(t ToldBatch) bool { return t.ID == id && t.Resumed })
}

// books compares what jobs used with what their steps did, and both with the books.
func (j *judge) books() {
	type sums struct {
		tally  steward.Tally
		purged bool
	}
	total := map[steward.AgentID]*sums{}
	for i := range j.Jobs {
		job := &j.Jobs[i]
		s := total[job.AgentID]
		if s == nil {
			s = &sums{}
			total[job.AgentID] = s
		}
		used := steward.Free()
		for n := range job.Steps {
			used = used.Add(job.Steps[n].Usage)
			if t, ok := steward.TallyOf(&job.Steps[n]); ok {
				t.InputTokens, t.CachedTokens, t.CacheWriteTokens, t.OutputTokens, t.ReasoningTokens, t.Cost = 0, 0, 0, 0, 0, 0
				s.tally.Add(t)
			}
		}
		if !job.DataDeletedAt.IsZero() {
			used = job.Usage // the steps are gone
			if steps := j.Told.Agents[job.AgentID].Steps; steps != nil && job.Status == steward.StatusSuccess {
				s.tally.Calls += int64(len(steps)) // each of which costs something
			} else {
				s.purged = true
			}
		}
		if job.Status == steward.StatusCached {
			used = steward.Free()
		}
		switch {
		case job.Usage.Cost == nil || used.Cost == nil:
			if job.Usage.Cost != used.Cost {
				j.fault("job %s (%v) costs %v, its steps %v", job.ID, job.Status, job.Usage, used)
			}
		case *job.Usage.Cost != *used.Cost || job.Usage.InputTokens != used.InputTokens || job.Usage.OutputTokens != used.OutputTokens:
			j.fault("job %s (%v) used %d µUSD, %d and %d tokens, its steps %d µUSD, %d and %d tokens", job.ID, job.Status,
				*job.Usage.Cost, job.Usage.InputTokens, job.Usage.OutputTokens, *used.Cost, used.InputTokens, used.OutputTokens)
		}
		s.tally.InputTokens += used.InputTokens
		s.tally.OutputTokens += used.OutputTokens
		if used.Cost != nil {
			s.tally.Cost += *used.Cost
		}
	}
	for agent, s := range total {
		got := j.Usage[agent]
		if s.purged {
			s.tally.Calls = max(s.tally.Calls, got.Calls) // of steps that are gone nobody knows
		}
		if got.Cost != s.tally.Cost || got.InputTokens != s.tally.InputTokens || got.OutputTokens != s.tally.OutputTokens || got.Calls != s.tally.Calls {
			j.fault("the books of agent %s say %+v, its jobs %+v", j.Told.Agents[agent].Name, got, s.tally)
		}
	}
}

// lists compares what lists answer with the jobs that there are.
func (j *judge) lists() {
	for _, m := range j.Miscounts {
		j.fault("%s", m)
	}
	rows := map[steward.AgentID]map[Listed]int{}
	for i := range j.Jobs {
		job := &j.Jobs[i]
		if rows[job.AgentID] == nil {
			rows[job.AgentID] = map[Listed]int{}
		}
		rows[job.AgentID][Listed{job.ID, job.Status}]++
	}
	for agent, listed := range j.Lists {
		for _, l := range listed {
			if rows[agent][l]--; rows[agent][l] != 0 {
				j.fault("agent %s: the list of %v has job %s, which is another", j.Told.Agents[agent].Name, l.Status, l.ID)
			}
		}
	}
	for agent, left := range rows {
		for l, n := range left {
			if n > 0 {
				j.fault("agent %s: job %s is %v and not in that list", j.Told.Agents[agent].Name, l.ID, l.Status)
			}
		}
	}
}

// files compares what the database knows of files with what there is.
func (j *judge) files() {
	known := map[string]*Blob{}
	for i := range j.Blobs {
		b := &j.Blobs[i]
		known[b.SHA256] = b
		size, there := j.Bytes[b.SHA256]
		switch {
		case b.Holders == 0:
			j.fault("file %s: nobody holds it, and it was not deleted", b.SHA256)
		case !b.Settled || b.Dying:
			j.fault("file %s: held by %d, settled %v, dying %v", b.SHA256, b.Holders, b.Settled, b.Dying)
		case !there || size != b.Bytes:
			j.fault("file %s: %d bytes of %d are there", b.SHA256, size, b.Bytes)
		}
	}
	var orphans []string
	for _, sha := range slices.Sorted(maps.Keys(j.Bytes)) {
		if known[sha] == nil {
			orphans = append(orphans, sha)
		}
	}
	if len(orphans)+len(j.Strays) > 0 {
		j.fault("%d files belong to nothing: %s", len(orphans)+len(j.Strays), short(append(orphans, j.Strays...)))
	}
	for i := range j.Jobs {
		for _, sha := range j.Jobs[i].Filed {
			if known[sha] == nil {
				j.fault("job %s names the file %s, which is not there", j.Jobs[i].ID, sha)
			}
		}
	}
}

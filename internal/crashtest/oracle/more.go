package oracle

import (
	"slices"

	"github.com/stewardhq/steward"
)

// ToldGone is an agent that a client deletes.
type ToldGone struct {
	Jobs    []steward.JobID // that were acknowledged
	Deleted bool            // the deletion was acknowledged
}

// ToldFile is a stored file that was acknowledged.
type ToldFile struct {
	ID           steward.FileID
	SHA256       string
	MayBeDeleted bool // somebody asked for it
	Deleted      bool // and was answered
}

// ToldBackup is a backup that was made while clients worked and servers were killed.
type ToldBackup struct {
	Before   []steward.JobID        // jobs that were acknowledged before it was begun
	Has      map[steward.JobID]bool // jobs in what was restored from it
	Findings []string               // of the checks of the backup and of what was restored
}

// GoneJob is a job of a deleted agent in the database.
type GoneJob struct {
	ID        steward.JobID
	Agent     steward.AgentID
	Status    steward.Status
	Emptied   bool // its data was deleted
	Left      int  // steps, and files that it holds
	Reachable bool // it can be read as if its agent were there
}

// Stored is a stored file in the database.
type Stored struct {
	ID     steward.FileID
	SHA256 string
}

// gone looks at what deleted agents left behind.
func (j *judge) gone() {
	for i := range j.Gone {
		job := &j.Gone[i]
		if _, told := j.Told.Gone[job.Agent]; !told {
			continue
		}
		switch {
		case !job.Status.Terminal():
			j.fault("job %s of a deleted agent is %v at the end of it all", job.ID, job.Status)
		case !job.Emptied || job.Left > 0:
			j.fault("job %s of a deleted agent still has its data: emptied %v, %d steps and files", job.ID, job.Emptied, job.Left)
		case job.Reachable:
			j.fault("job %s of a deleted agent can be read", job.ID)
		}
	}
	statuses := j.statuses()
	for agent, g := range j.Told.Gone {
		for _, id := range g.Jobs {
			if _, there := statuses[id]; !there {
				j.lost("job %s of a deleted agent was acknowledged and is not there", id)
			}
		}
		if !g.Deleted {
			continue
		}
		j.v.AgentsDeleted++
		for i := range j.Jobs {
			if j.Jobs[i].AgentID == agent {
				j.fault("job %s can be read, and its agent's deletion was acknowledged", j.Jobs[i].ID)
			}
		}
	}
}

// stored compares stored files with what clients were told.
func (j *judge) stored() {
	there := map[steward.FileID]string{}
	for _, f := range j.Stored {
		there[f.ID] = f.SHA256
	}
	for _, f := range j.Told.Files {
		j.v.StoredFiles++
		sha, ok := there[f.ID]
		switch {
		case f.Deleted && ok:
			j.fault("stored file %s was deleted and is there", f.ID)
		case !f.MayBeDeleted && !ok:
			j.lost("stored file %s was acknowledged and is not there", f.ID)
		case ok && sha != f.SHA256:
			j.lost("stored file %s has the content %s, not %s", f.ID, sha, f.SHA256)
		}
		if _, bytes := j.Bytes[f.SHA256]; ok && !bytes {
			j.lost("stored file %s has no bytes", f.ID)
		}
	}
}

// saved looks at what a successful job saved.
func (j *judge) saved(job *Job, agent *Agent) {
	if agent.Saves == nil {
		return
	}
	want := agent.Saves(job.Text)
	if len(job.References) != 1 || job.References[0].SHA256 != want {
		j.fault("job %s of %s saved %+v, without faults it is one file with the content %s", job.ID, agent.Name, job.References, want)
		return
	}
	j.v.References++
}

// limited looks at jobs whose agent may spend so much on each.
func (j *judge) limited() {
	for i := range j.Jobs {
		job := &j.Jobs[i]
		agent := j.Told.Agents[job.AgentID]
		if agent.Limit == 0 || job.Status == steward.StatusCancelled {
			continue
		}
		j.v.CostLimited++
		if job.Failure == nil || job.Failure.Code != steward.FailCostLimit {
			j.fault("job %s of %s, which costs more than it may, ended with %+v", job.ID, agent.Name, job.Failure)
		}
		if cost := job.Usage.Cost; cost == nil || *cost < agent.Limit || *cost > agent.Limit+agent.Dearest {
			j.fault("job %s of %s may cost %d µUSD, its dearest step %d, and cost %+v", job.ID, agent.Name, agent.Limit, agent.Dearest, job.Usage)
		}
	}
}

// backups looks at what was restored from backups.
func (j *judge) backups() {
	for n, b := range j.Told.Backups {
		j.v.Backups++
		for _, f := range b.Findings {
			j.fault("backup %d: %s", n, f)
		}
		for _, id := range b.Before {
			if !b.Has[id] {
				j.lost("job %s was acknowledged before backup %d was begun, and is not in it", id, n)
			}
		}
	}
}

// resumed looks at an item of a batch that was cancelled and resumed: in the place of its job, if that was cancelled, is another one, and it succeeded.
func (j *judge) resumed(t *ToldBatch, at int64, first steward.JobID, now *Job) {
	if now == nil || now.Text != t.Texts[at] || now.Status != steward.StatusSuccess {
		j.lost("item %d of batch %s was acknowledged as job %s and resumed, and is %+v", at, t.ID, first, now)
		return
	}
	if now.ID == first {
		return
	}
	j.v.ItemsResumed++
	if old := j.jobs[first]; old == nil || old.Status != steward.StatusCancelled || old.Batch != "" {
		j.lost("item %d of batch %s was job %s, which is %+v, and is job %s", at, t.ID, first, old, now.ID)
	}
}

// wasResumed reports whether a job was an item of a batch that was cancelled and resumed.
func (j *judge) wasResumed(id steward.JobID) bool {
	return slices.ContainsFunc(j.Told.Batches, func(t ToldBatch) bool {
		if !t.Resumed {
			return false
		}
		for _, item := range t.IDs {
			if item == id {
				return true
			}
		}
		return false
	})
}

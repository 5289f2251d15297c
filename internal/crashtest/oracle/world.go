// Package oracle says whether a server that was killed, stopped and restarted kept its word. It compares three things: what clients
// were told, what observers outside of the server saw it do, and what is in its database and its files afterwards.
//
// It knows nothing of how the server works, only what is promised:
//
//	v := oracle.Judge(&world)
//	if len(v.Faults) > 0 { … }
package oracle

import (
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/crashtest/effects"
)

// World is everything that is known after a run: of the clients, the observers, the database and the files. Jobs have all ended.
type World struct {
	Told    Told
	Effects []effects.Effect

	Jobs       []Job
	Batches    []steward.Batch
	Deliveries []Delivery
	Usage      map[steward.AgentID]steward.Tally
	Lists      map[steward.AgentID][]Listed // what lists answer, by agent
	Miscounts  []string                     // lists whose counts are not what they have
	Blobs      []Blob
	Bytes      map[string]int64 // files in the store by SHA-256, as computed from what is in them, with their size
	Gone       []GoneJob        // of deleted agents
	Stored     []Stored
	Strays     []string // other files, such as temporary ones and those whose name is not that of their content
}

// Told is what clients were told, and what they know about what they asked for.
type Told struct {
	Jobs    []ToldJob
	Once    []string // texts of which there may be one job at most: they were sent under one idempotency key, again and again
	Many    []ToldMany
	Batches []ToldBatch
	Agents  map[steward.AgentID]Agent
	Hooks   map[steward.WebhookID][]steward.AgentID // webhooks and the agents that they are linked to, in all of the run
	Pauses  []Pause
	Cuts    []Cut
	Gone    map[steward.AgentID]ToldGone // agents that were deleted; they are not among Agents
	Files   []ToldFile
	Backups []ToldBackup
}

// Agent is what is known about the jobs of an agent.
type Agent struct {
	Name    string
	Ends    []steward.Status           // how its jobs may end, when nobody cancels them
	Value   func(text string) string   // its answer to a text; nil when it is not looked at
	Answer  func(output string) string // what of an output is compared with it; nil means all
	Steps   []string                   // the steps that a successful job of it has, all of them told to the observer; nil when they are not looked at
	Used    steward.Usage              // of a successful job; looked at when Steps are
	Keyed   string                     // the step that makes a change in the world; "" when there is none
	Markers func(text string) []Marker // what its model calls are known by; nil when it makes none
	Saves   func(text string) string   // the SHA-256 of the one file that a successful job saves; nil when it is not looked at
	Limit   steward.MicroUSD           // what each of its jobs may cost, and costs at least; 0 when there is no limit
	Dearest steward.MicroUSD           // by how much a job may go beyond: its dearest step
}

// Marker is what a model call is known by, and the step that makes it.
type Marker struct{ Key, Step string }

// ToldJob is a job that was acknowledged.
type ToldJob struct {
	ID        steward.JobID
	Agent     steward.AgentID
	Text      string
	Cancelled bool // its cancel was acknowledged before it can have ended
	Deleted   bool // the deletion of its data was acknowledged
}

// ToldMany is a call that starts many jobs at once.
type ToldMany struct {
	Texts []string
	Acked bool
}

// ToldBatch is a batch that was acknowledged.
type ToldBatch struct {
	ID        steward.BatchID
	Agent     steward.AgentID
	Texts     []string                // by index, as far as they were sent
	IDs       map[int64]steward.JobID // by index, as far as they were acknowledged
	Closed    bool
	Cancelled bool
	Resumed   bool // it was cancelled, and resumed until all items had succeeded
}

// Pause is a time in which a process may have gone on that had lost its jobs to another one, after it was stopped and woken.
type Pause struct {
	From, To     time.Time // from the moment when it was woken
	PID          int
	Installation string // of the process; model providers know it by that
}

// Cut is a time in which the database or the disk failed: a process that lives on may do again then what it could not record.
type Cut struct{ From, To time.Time }

// Job is a job in the database.
type Job struct {
	steward.Job
	Text  string // of its input
	Steps []steward.Step
	Filed []string // hashes of files that its steps and references name
}

// Listed is a job as lists have it.
type Listed struct {
	ID     steward.JobID
	Status steward.Status // that the list was asked for
}

// Delivery is an event on its way, or at its goal.
type Delivery struct {
	ID        steward.DeliveryID
	Webhook   steward.WebhookID
	Job       steward.JobID
	Batch     steward.BatchID
	Delivered bool
	EndedAt   time.Time
}

// Blob is a stored content in the database.
type Blob struct {
	SHA256  string
	Bytes   int64
	Settled bool
	Dying   bool
	Holders int // jobs and files that refer to it
}

// Verdict is what Judge found.
type Verdict struct {
	Acknowledged     int // jobs
	Lost             int // of those: not there, not ended, or ended otherwise than they had to
	Resumed          int // jobs that were started more than once
	Steps            int // recorded ones that an observer saw
	RepeatedSteps    int // done after they were recorded
	RedoneUnrecorded int // done again because a kill came before the record
	LateSteps        int // done by a process that was stopped until others had its job, and not recorded by it
	ModelCalls       int
	Events           int // that receivers took
	Redelivered      int // events that came again under their id, because a kill came before the record
	KeyedEffects     int
	KeyedAgain       int // attempts at a change that were known by their key
	AgentsDeleted    int
	StoredFiles      int // that clients were told of
	References       int // saved files of jobs that were compared
	CostLimited      int // jobs that their budget ended
	ItemsResumed     int // items of batches that run as another job after a resume
	Backups          int // made during kills, restored and verified
	DoubledEffects   int // changes made twice, jobs made twice, events under two ids or sent after their delivery was recorded
	Faults           []string
}

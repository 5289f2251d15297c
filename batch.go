package steward

import (
	"encoding/json"
	"time"
)

// Batch is many jobs of one agent version that are sent in pieces, watched together and ended by one event.
// Items are numbered by the sender; sending an item again changes nothing, so an interrupted sender just goes on.
type Batch struct {
	ID             BatchID         `json:"id"`
	OrganizationID OrganizationID  `json:"organization_id"`
	AgentID        AgentID         `json:"agent_id"`
	VersionID      VersionID       `json:"agent_version_id"` // current when the batch was made; all its jobs run on it
	VersionName    string          `json:"agent_version_name"`
	CreatorID      UserID          `json:"creator_id"`
	Name           string          `json:"name"`     // for people; "" is fine
	Metadata       json.RawMessage `json:"metadata"` // a JSON object that every job of the batch gets
	State          BatchState      `json:"state"`
	CreatedAt      time.Time       `json:"created_at"`
	ClosedAt       *time.Time      `json:"closed_at"`    // no more items are taken from then on
	CancelledAt    *time.Time      `json:"cancelled_at"` // somebody asked for its end; a resume takes that back
	CompletedAt    *time.Time      `json:"completed_at"` // closed, and all its jobs have ended
	Received       int64           `json:"received"`     // items stored so far
	NextIndex      int64           `json:"next_index"`   // one more than the highest number among them; 0 when there are none
	Counts         BatchCounts     `json:"counts"`
	Usage          *Tally          `json:"usage,omitempty"` // of all its jobs so far, those of repeated items included; only where one batch is asked for
}

// BatchCounts is how many items of a batch stand where.
type BatchCounts struct {
	Pending   int64 `json:"pending"`
	Started   int64 `json:"started"`
	Retry     int64 `json:"retry"`
	Success   int64 `json:"success"`
	Failure   int64 `json:"failure"`
	Cancelled int64 `json:"cancelled"`
	Cached    int64 `json:"cached"`
}

// Add counts n items of a status.
func (c *BatchCounts) Add(s Status, n int64) {
	switch s {
	case StatusPending:
		c.Pending += n
	case StatusStarted:
		c.Started += n
	case StatusRetry:
		c.Retry += n
	case StatusSuccess:
		c.Success += n
	case StatusFailure:
		c.Failure += n
	case StatusCancelled:
		c.Cancelled += n
	case StatusCached:
		c.Cached += n
	}
}

// Total returns the number of items.
func (c BatchCounts) Total() int64 { return c.Ended() + c.Pending + c.Started + c.Retry }

// Ended returns how many items have ended.
func (c BatchCounts) Ended() int64 { return c.Success + c.Failure + c.Cancelled + c.Cached }

// BatchState says where a batch stands.
type BatchState string

// The states of a batch.
const (
	BatchOpen      BatchState = "open"      // takes items; those that came are being run
	BatchRunning   BatchState = "running"   // closed; jobs are left to end
	BatchCancelled BatchState = "cancelled" // cancelled; jobs may be left to end
	BatchCompleted BatchState = "completed" // closed and ended
)

// StateOf returns the state that a batch's times tell.
func (b *Batch) StateOf() BatchState {
	switch {
	case b.CancelledAt != nil:
		return BatchCancelled
	case b.CompletedAt != nil:
		return BatchCompleted
	case b.ClosedAt != nil:
		return BatchRunning
	}
	return BatchOpen
}

// BatchItem is one item of a batch: where its job stands.
type BatchItem struct {
	Index        int64       `json:"index"`
	JobID        JobID       `json:"job_id"`
	Status       Status      `json:"status"`
	CreatedAt    time.Time   `json:"created_at"`
	EndedAt      *time.Time  `json:"ended_at"`
	ErrorMessage string      `json:"error_message,omitempty"` // for retry and failure
	FailureCode  FailureCode `json:"failure_code,omitempty"`
}

package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/stewardhq/steward"
)

// JobStatus is where a job stands.
type JobStatus struct {
	JobID         steward.JobID     `json:"id"`
	Status        steward.Status    `json:"status"`
	Timestamp     float64           `json:"timestamp"`     // seconds since 1970 of the last change
	ErrorMessage  string            `json:"error_message"` // for retry and failure
	CreatedAt     time.Time         `json:"created_at"`
	LastUpdatedAt time.Time         `json:"last_updated_at"`
	StartedAt     *time.Time        `json:"started_at"`
	EndedAt       *time.Time        `json:"ended_at"`
	Progress      *steward.Progress `json:"progress"` // nil when the engine says nothing
	Cost          *float64          `json:"cost"`     // US dollars so far; nil when a price is unknown; JobStatuses does not tell it
}

func jobPath(id steward.JobID, rest string) string {
	return "/v1/agents/jobs/" + url.PathEscape(string(id)) + "/" + rest
}

// JobStatus returns where a job stands. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) JobStatus(ctx context.Context, id steward.JobID) (*JobStatus, error) {
	st, err := getOne[JobStatus](ctx, c, jobPath(id, "status/"), nil)
	if err != nil {
		return nil, err
	}
	st.JobID = id
	return st, nil
}

// JobResult returns the result of a job that has ended. Errors: steward.NotFound, also while it is open.
//
// Stability: may change until 1.0.
func (c *Client) JobResult(ctx context.Context, id steward.JobID) (*JobResult, error) {
	r, err := getOne[JobResult](ctx, c, jobPath(id, "result/"), nil)
	if err != nil {
		return nil, err
	}
	r.JobID = id
	return r, nil
}

// JobSteps returns what a job did, step by step. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) JobSteps(ctx context.Context, id steward.JobID) ([]steward.Step, error) {
	var answer struct {
		Results []steward.Step `json:"results"`
	}
	if err := c.get(ctx, jobPath(id, "steps/"), nil, &answer); err != nil {
		return nil, err
	}
	return answer.Results, nil
}

// JobStepsInFull is JobSteps with long outputs and prompts in full, which are left out there. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) JobStepsInFull(ctx context.Context, id steward.JobID) ([]steward.Step, error) {
	answer, err := getOne[steward.Page[steward.Step]](ctx, c, jobPath(id, "steps/"), url.Values{"full": {"true"}})
	if err != nil {
		return nil, err
	}
	return answer.Results, nil
}

// Artifact returns the result of a tool that a job's output names by key. Errors: steward.NotFound; Denied or NotFound for a key
// of another job.
//
// Stability: may change until 1.0.
func (c *Client) Artifact(ctx context.Context, id steward.JobID, key string) (json.RawMessage, error) {
	var answer struct {
		Result json.RawMessage `json:"result"`
	}
	if err := c.get(ctx, jobPath(id, "artifacts/result/"), url.Values{"artifact_key": {key}}, &answer); err != nil {
		return nil, err
	}
	return answer.Result, nil
}

// CancelJob asks for the end of a job; one that has ended stays as it is. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) CancelJob(ctx context.Context, id steward.JobID) error {
	return c.put(ctx, http.MethodPost, jobPath(id, "cancel/"), nil, nil, always)
}

// Cancelled tells what CancelAllJobs did.
type Cancelled struct {
	TaskID        *string `json:"task_id"`        // nil: the work is done with the answer
	TargetedCount int64   `json:"targeted_count"` // jobs that were open
	Note          string  `json:"note"`
}

// CancelAllJobs asks for the end of all open jobs of an agent. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) CancelAllJobs(ctx context.Context, agent steward.AgentID) (*Cancelled, error) {
	return putOne[Cancelled](ctx, c, http.MethodPost, agentPath(agent, "jobs/cancel-all/"), nil, always)
}

// DataDeletion tells what DeleteJobData removed. All zero means that nothing was left.
type DataDeletion struct {
	Status                string   `json:"status"` // success or partial_success
	DeletedCount          int64    `json:"deleted_count"`
	FailedCount           int64    `json:"failed_count"`
	OutputsSanitized      bool     `json:"outputs_sanitized"`
	ArtifactsDeletedCount int64    `json:"artifacts_deleted_count"`
	ArtifactsFailedCount  int64    `json:"artifacts_failed_count"`
	Errors                []string `json:"errors"`
}

// DeleteJobData deletes what an ended job knows: uploads, outputs, saved files, artifacts and steps. Status, times, cost and metadata
// stay. A second call finds nothing. Errors: steward.Invalid while the job is open; NotFound.
//
// Stability: may change until 1.0.
func (c *Client) DeleteJobData(ctx context.Context, id steward.JobID) (*DataDeletion, error) {
	return putOne[DataDeletion](ctx, c, http.MethodPost, jobPath(id, "delete-data/"), nil, always)
}

// Resent tells what ResendWebhook did.
type Resent struct {
	Status string `json:"status"`
	Queued int64  `json:"queued"` // deliveries; 0 means that no active webhook wants the job
}

// ResendWebhook tells an agent's webhooks again that a job has ended; webhook "" means all that are active. The job is not run again.
// Errors: steward.Invalid while the job is open; NotFound.
//
// Stability: may change until 1.0.
func (c *Client) ResendWebhook(ctx context.Context, id steward.JobID, webhook steward.WebhookID) (*Resent, error) {
	in := map[string]steward.WebhookID{}
	if webhook != "" {
		in["webhook_id"] = webhook
	}
	return putOne[Resent](ctx, c, http.MethodPost, jobPath(id, "webhook/resend/"), in, ifRefused)
}

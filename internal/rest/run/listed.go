package run

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stewardhq/steward"
)

// listedJob is a job as lists show it.
type listedJob struct {
	ID               steward.JobID         `json:"id"`
	AgentVersionName string                `json:"agent_version_name"`
	StatusEvents     []steward.StatusEvent `json:"status_events"`
	StatusCode       steward.Status        `json:"status_code"`
	CreatedAt        time.Time             `json:"created_at"`
	LastUpdatedAt    time.Time             `json:"last_updated_at"`
	DurationMS       *int64                `json:"duration_ms" doc:"From creation to the end; null while the job is open."`
	JobInputs        []jobInput            `json:"job_inputs,omitempty"`
	Metadata         map[string]string     `json:"metadata" doc:"Values that are no strings stand as their JSON text."`
	UIFields         map[string]any        `json:"ui_fields"`
	Evaluation       *struct{}             `json:"evaluation" doc:"Always null in this version."`
	FeedbackReview   *struct{}             `json:"feedback_review" doc:"Always null in this version."`
	Creator          *steward.UserInfo     `json:"creator" doc:"null unless the caller is the creator."`
	Progress         *steward.Progress     `json:"progress"`
	Cost             *float64              `json:"cost" doc:"US dollars; null when a price is unknown."`
}

// listed makes a row of a list. The creator is shown when it is the asking user.
func listed(job *steward.Job, user *steward.User) (listedJob, error) {
	metadata, err := stringValues(job.Metadata)
	if err != nil {
		return listedJob{}, fmt.Errorf("metadata of job %s: %w", job.ID, err)
	}
	row := listedJob{
		ID: job.ID, AgentVersionName: job.VersionName, StatusEvents: orEmpty(job.Events), StatusCode: job.Status,
		CreatedAt: job.CreatedAt.UTC(), LastUpdatedAt: job.UpdatedAt.UTC(), DurationMS: duration(job),
		Metadata: metadata, UIFields: map[string]any{}, Progress: job.Progress,
		Cost: dollars(job.Usage.Cost),
	}
	if user != nil && user.ID == job.CreatorID {
		info := user.Info()
		row.Creator = presentUser(&info)
	}
	return row, nil
}

// duration is the time from creation to the last event that is not CACHED; nil while the job is open.
func duration(job *steward.Job) *int64 {
	if !job.Status.Terminal() {
		return nil
	}
	end := job.EndedAt
	for i := len(job.Events) - 1; i >= 0; i-- {
		if job.Events[i].StatusCode != steward.StatusCached {
			end = job.Events[i].Timestamp
			break
		}
	}
	ms := max(end.Sub(job.CreatedAt).Milliseconds(), 0)
	return &ms
}

// stringValues turns metadata into strings, because clients decode nothing else in lists.
func stringValues(raw json.RawMessage) (map[string]string, error) {
	out := map[string]string{}
	if len(raw) == 0 {
		return out, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	for key, value := range members {
		var s string
		if json.Unmarshal(value, &s) != nil || string(value) == "null" {
			s = string(value)
		}
		out[key] = s
	}
	return out, nil
}

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
	DurationMS       *int64                `json:"duration_ms" doc:"From the first start to the end; null while the job is open, and when it never started."`
	JobInputs        []jobInput            `json:"job_inputs" doc:"Long values are shortened to 500 characters."`
	Metadata         map[string]string     `json:"metadata" doc:"Values that are no strings stand as their JSON text."`
	UIFields         map[string]any        `json:"ui_fields"`
	Evaluation       *struct{}             `json:"evaluation" doc:"Always null in this version."`
	FeedbackReview   *struct{}             `json:"feedback_review" doc:"Always null in this version."`
	ReviewState      string                `json:"review_state" doc:"Always unreviewed in this version."`
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
		JobInputs: listedInputs(job.Inputs), Metadata: metadata, UIFields: map[string]any{}, Progress: job.Progress,
		Cost: dollars(job.Usage.Cost), ReviewState: "unreviewed", // newer clients take nothing but their own words here
	}
	if job.Verdict != "" {
		row.UIFields["verdict"] = job.Verdict
	}
	if user != nil && user.ID == job.CreatorID {
		info := user.Info()
		row.Creator = presentUser(&info)
	}
	return row, nil
}

// maxListedValue is how many characters of an input a list shows.
const maxListedValue = 500

// listedInputs lists a job's inputs, one element for each file, with short values.
func listedInputs(inputs []steward.Input) []jobInput {
	list := make([]jobInput, 0, len(inputs))
	for i := range inputs {
		in := &inputs[i]
		list = appendInputs(list, in, shorten(in.Value))
	}
	return list
}

// appendInputs appends an input: its value, or its files.
func appendInputs(list []jobInput, in *steward.Input, value string) []jobInput {
	one := jobInput{Key: in.Key, Description: in.Description, DataType: in.DataType, Value: value}
	if len(in.Files) == 0 {
		return append(list, one)
	}
	for _, file := range in.Files {
		one.Value, one.FileName = string(file.ID), file.Name
		if file.SourceURL != "" {
			one.Value = file.SourceURL
		}
		list = append(list, one)
	}
	return list
}

// shorten cuts a text to what lists show.
func shorten(s string) string {
	if len(s) <= maxListedValue {
		return s
	}
	n := 0
	for i := range s {
		if n == maxListedValue {
			return s[:i]
		}
		n++
	}
	return s
}

// duration is the time from the first start to the last event that is not CACHED, as lists order by it; nil while the job is open and
// when it never started.
func duration(job *steward.Job) *int64 {
	if !job.Status.Terminal() || job.StartedAt.IsZero() {
		return nil
	}
	end := job.EndedAt
	for i := len(job.Events) - 1; i >= 0; i-- {
		if job.Events[i].StatusCode != steward.StatusCached {
			end = job.Events[i].Timestamp
			break
		}
	}
	ms := max(end.Sub(job.StartedAt).Milliseconds(), 0)
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

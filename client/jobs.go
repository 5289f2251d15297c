package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// JobStatus is where a job stands.
type JobStatus struct {
	Status        steward.Status    `json:"status"`
	Timestamp     float64           `json:"timestamp"` // seconds since 1970 of the last change
	ErrorMessage  string            `json:"error_message"`
	CreatedAt     time.Time         `json:"created_at"`
	LastUpdatedAt time.Time         `json:"last_updated_at"`
	StartedAt     *time.Time        `json:"started_at"`
	EndedAt       *time.Time        `json:"ended_at"`
	Progress      *steward.Progress `json:"progress"`
}

// JobInput is an input as a job shows it.
type JobInput struct {
	Key         string `json:"key"`
	Description string `json:"description"`
	DataType    string `json:"data_type"`
	Value       string `json:"value"` // text, a stored file's id or a URL
	FileName    string `json:"file_name"`
}

// JobResult is what became of a job.
type JobResult struct {
	JobID          steward.JobID       `json:"-"`
	AgentID        steward.AgentID     `json:"agent_id"`
	AgentVersionID steward.VersionID   `json:"agent_version_id"`
	Inputs         []JobInput          `json:"inputs"`
	Outputs        []steward.Datum     `json:"outputs"`
	InputTokens    *int64              `json:"input_tokens"`
	OutputTokens   *int64              `json:"output_tokens"`
	Status         steward.Status      `json:"status"`
	ErrorMessage   string              `json:"error_message"`
	FailureCode    steward.FailureCode `json:"failure_code,omitempty"` // why the job failed; "" unless it did
	Cost           *float64            `json:"cost"`                   // US dollars; nil when a price is unknown
	CreatedAt      time.Time           `json:"created_at"`
	EndedAt        *time.Time          `json:"ended_at"`
	Metadata       json.RawMessage     `json:"metadata"`   // the JSON object that the job was started with
	Saved          []SavedFile         `json:"references"` // files that the job saved; DownloadReference reads one
}

// SavedFile is a file that a job saved for its readers, such as a page image, with where it can be read.
type SavedFile struct {
	steward.Reference
	URL string `json:"url"`
}

// Succeeded reports whether there are outputs.
func (r *JobResult) Succeeded() bool { return r.Status.Succeeded() }

// Decode reads the value of the output with the given key ("output" for most engines) as JSON into v.
func (r *JobResult) Decode(key string, v any) error {
	for _, out := range r.Outputs {
		if out.Key == key {
			if err := json.Unmarshal([]byte(out.Value), v); err != nil {
				return fmt.Errorf("output %s: %w", key, err)
			}
			return nil
		}
	}
	return fmt.Errorf("job %s has no output %q", r.JobID, key)
}

// References returns the ids of the files that the job saved.
func (r *JobResult) References() []steward.ReferenceID {
	ids := make([]steward.ReferenceID, len(r.Saved))
	for i, f := range r.Saved {
		ids[i] = f.ResourceID
	}
	return ids
}

func jobPath(id steward.JobID, rest string) string {
	return "/v1/agents/jobs/" + url.PathEscape(string(id)) + "/" + rest
}

// JobStatus returns where a job stands. Errors: steward.NotFound.
func (c *Client) JobStatus(ctx context.Context, id steward.JobID) (*JobStatus, error) {
	var st JobStatus
	if err := c.get(ctx, jobPath(id, "status/"), nil, &st); err != nil {
		return nil, err
	}
	return &st, nil
}

// JobResult returns the result of a job that has ended. Errors: steward.NotFound, also while it is open.
func (c *Client) JobResult(ctx context.Context, id steward.JobID) (*JobResult, error) {
	var r JobResult
	if err := c.get(ctx, jobPath(id, "result/"), nil, &r); err != nil {
		return nil, err
	}
	r.JobID = id
	return &r, nil
}

// JobSteps returns what a job did, step by step.
func (c *Client) JobSteps(ctx context.Context, id steward.JobID) ([]steward.Step, error) {
	var answer struct {
		Results []steward.Step `json:"results"`
	}
	if err := c.get(ctx, jobPath(id, "steps/"), nil, &answer); err != nil {
		return nil, err
	}
	return answer.Results, nil
}

// CancelJob asks for the end of a job; one that has ended stays as it is. Errors: steward.NotFound.
func (c *Client) CancelJob(ctx context.Context, id steward.JobID) error {
	return c.call(ctx, &request{method: http.MethodPost, path: jobPath(id, "cancel/"), repeat: always}, nil)
}

// DownloadReference writes a file that a job saved to w and returns how much it wrote. Errors: steward.NotFound; those of w; a
// download that breaks off is not taken up again.
func (c *Client) DownloadReference(ctx context.Context, id steward.JobID, ref steward.ReferenceID, w io.Writer) (n int64, err error) {
	path := jobPath(id, "references/"+url.PathEscape(string(ref))+"/")
	err = c.send(ctx, &request{method: http.MethodGet, path: path, repeat: always, slow: true}, func(body io.Reader) (err error) {
		n, err = io.Copy(w, body)
		return err
	})
	return n, err
}

// Job is a job in a list.
type Job struct {
	ID               steward.JobID         `json:"id"`
	AgentVersionName *string               `json:"agent_version_name"`
	StatusEvents     []steward.StatusEvent `json:"status_events"`
	StatusCode       steward.Status        `json:"status_code"`
	CreatedAt        time.Time             `json:"created_at"`
	LastUpdatedAt    time.Time             `json:"last_updated_at"`
	DurationMS       *int64                `json:"duration_ms"` // from creation to the end; nil while the job is open
	Metadata         map[string]string     `json:"metadata"`    // values that are no strings stand as their JSON text
	Progress         *steward.Progress     `json:"progress"`
	Cost             *float64              `json:"cost"` // US dollars; nil when a price is unknown
}

// JobList chooses jobs of an agent, newest first.
type JobList struct {
	Page     int // from 1; 0 means 1
	PageSize int // 0 means 20
	Status   []steward.Status
}

// ListJobs returns one page of an agent's jobs.
func (c *Client) ListJobs(ctx context.Context, agent steward.AgentID, p JobList) (*steward.Page[Job], error) {
	q := url.Values{}
	setInt(q, "page", p.Page)
	setInt(q, "page_size", p.PageSize)
	codes := make([]string, len(p.Status))
	for i, s := range p.Status {
		codes[i] = strconv.Itoa(int(s))
	}
	setText(q, "status_code", strings.Join(codes, ","))
	var page steward.Page[Job]
	if err := c.get(ctx, "/v1/agents/"+url.PathEscape(string(agent))+"/jobs/", q, &page); err != nil {
		return nil, err
	}
	return &page, nil
}

// Jobs ranges over all jobs of an agent that p chooses. It ends after its first error and starts over with every range.
func (c *Client) Jobs(ctx context.Context, agent steward.AgentID, p JobList) iter.Seq2[*Job, error] {
	return pages(p.Page, func(page int) (*steward.Page[Job], error) {
		p := p
		p.Page = page
		return c.ListJobs(ctx, agent, p)
	})
}

package client

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

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
	JobID            steward.JobID       `json:"-"`
	AgentID          steward.AgentID     `json:"agent_id"`
	AgentVersionID   steward.VersionID   `json:"agent_version_id"`
	Inputs           []JobInput          `json:"inputs"`
	Outputs          []steward.Datum     `json:"outputs"`
	CorrectedOutputs []steward.Datum     `json:"corrected_outputs,omitempty"` // by people; empty when there are none
	InputTokens      *int64              `json:"input_tokens"`
	OutputTokens     *int64              `json:"output_tokens"`
	Status           steward.Status      `json:"status"`
	ErrorMessage     string              `json:"error_message"`
	FailureCode      steward.FailureCode `json:"failure_code,omitempty"` // why the job failed; "" unless it did
	Cost             *float64            `json:"cost"`                   // US dollars; nil when a price is unknown
	CreatedAt        time.Time           `json:"created_at"`
	StartedAt        *time.Time          `json:"started_at"`
	EndedAt          *time.Time          `json:"ended_at"`
	Metadata         json.RawMessage     `json:"metadata"`    // the JSON object that the job was started with
	CachedFrom       steward.JobID       `json:"cached_from"` // for a job answered from the cache: the job whose outputs these are
	TraceURL         string              `json:"trace_url"`   // where the job's steps can be read
	Saved            []SavedFile         `json:"references"`  // files that the job saved; DownloadReference reads one
}

// SavedFile is a file that a job saved for its readers, such as a page image, with where it can be read.
type SavedFile struct {
	steward.Reference
	URL string `json:"url"`
}

// Succeeded reports whether there are outputs.
//
// Stability: may change until 1.0.
func (r *JobResult) Succeeded() bool { return r.Status.Succeeded() }

// Failed reports whether the job failed; ErrorMessage and FailureCode say why.
//
// Stability: may change until 1.0.
func (r *JobResult) Failed() bool { return r.Status == steward.StatusFailure }

// Cancelled reports whether the job was cancelled.
//
// Stability: may change until 1.0.
func (r *JobResult) Cancelled() bool { return r.Status == steward.StatusCancelled }

// Output returns the output with a key ("output" for most engines), and whether there is one.
//
// Stability: may change until 1.0.
func (r *JobResult) Output(key string) (steward.Datum, bool) {
	for _, out := range r.Outputs {
		if out.Key == key {
			return out, true
		}
	}
	return steward.Datum{}, false
}

// Decode reads the value of the output with the given key ("output" for most engines) as JSON into v.
//
// Stability: may change until 1.0.
func (r *JobResult) Decode(key string, v any) error {
	out, ok := r.Output(key)
	if !ok {
		return fmt.Errorf("job %s has no output %q", r.JobID, key)
	}
	if err := json.Unmarshal([]byte(out.Value), v); err != nil {
		return fmt.Errorf("output %s: %w", key, err)
	}
	return nil
}

// References returns the ids of the files that the job saved. For a result of JobResults they are those that its outputs name.
//
// Stability: may change until 1.0.
func (r *JobResult) References() []steward.ReferenceID {
	ids := make([]steward.ReferenceID, len(r.Saved))
	for i, f := range r.Saved {
		ids[i] = f.ResourceID
	}
	if len(ids) > 0 {
		return ids
	}
	for _, out := range r.Outputs {
		for _, id := range named(out.Value) {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// named returns the ids of the saved files that an output's own list of references names.
func named(value string) (ids []steward.ReferenceID) {
	var out struct {
		References []json.RawMessage `json:"references"`
	}
	if json.Unmarshal([]byte(value), &out) != nil {
		return nil // an output that is no object names none
	}
	for _, raw := range out.References {
		var url string
		if json.Unmarshal(raw, &url) != nil {
			continue // what is no text is no URL
		}
		const before = "/references/"
		at := strings.LastIndex(url, before)
		if at < 0 {
			continue
		}
		id, _, _ := strings.Cut(strings.TrimSuffix(url[at+len(before):], "/"), "?")
		if id != "" && !strings.Contains(id, "/") {
			ids = append(ids, steward.ReferenceID(id))
		}
	}
	return ids
}

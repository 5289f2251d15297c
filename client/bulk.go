package client

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/stewardhq/steward"
)

// maxBulk is how many jobs the server takes in one request.
const maxBulk = 1000

// JobStatuses returns where jobs stand, in the order of ids, of which there may be any number; an id may stand twice.
// Errors: steward.NotFound when one of them does not exist.
//
// Stability: may change until 1.0.
func (c *Client) JobStatuses(ctx context.Context, ids []steward.JobID) ([]JobStatus, error) {
	out := make([]JobStatus, 0, len(ids))
	for chunk := range slices.Chunk(ids, maxBulk) {
		list, err := readBulk[bulkStatus](ctx, c, "/v1/agents/jobs/statuses/", chunk)
		if err != nil {
			return nil, err
		}
		for i := range list {
			st, err := list[i].status()
			if err != nil {
				return nil, err
			}
			out = append(out, st)
		}
	}
	return out, nil
}

// JobResults returns the results of jobs, in the order of ids, of which there may be any number. A job that has not ended has a
// status and no outputs. Saved and TraceURL are not told; JobResult tells them.
// Errors: steward.NotFound when one of them does not exist.
//
// Stability: may change until 1.0.
func (c *Client) JobResults(ctx context.Context, ids []steward.JobID) ([]JobResult, error) {
	out := make([]JobResult, 0, len(ids))
	for chunk := range slices.Chunk(ids, maxBulk) {
		list, err := readBulk[bulkResult](ctx, c, "/v1/agents/jobs/results/", chunk)
		if err != nil {
			return nil, err
		}
		for i := range list {
			r, err := list[i].result()
			if err != nil {
				return nil, err
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// bulkItem is an element of a bulk answer.
type bulkItem interface{ id() steward.JobID }

// readBulk asks for at most maxBulk jobs and returns the answers in the order of ids.
func readBulk[T bulkItem](ctx context.Context, c *Client, path string, ids []steward.JobID) ([]T, error) {
	r := &request{method: http.MethodPost, path: path, repeat: always}
	if err := r.setJSON(map[string]any{"job_ids": ids}); err != nil {
		return nil, err
	}
	var list []T
	if err := c.call(ctx, r, &list); err != nil {
		return nil, err
	}
	at := make(map[steward.JobID]int, len(list))
	for i, item := range list {
		at[item.id()] = i
	}
	out := make([]T, len(ids))
	for i, id := range ids {
		// The server answers in canonical form and in order; ids of another spelling are found by their place.
		n, ok := at[canonical(id)]
		if !ok {
			return nil, fmt.Errorf("%s: %w", path, unknownJob(id))
		}
		out[i] = list[n]
	}
	return out, nil
}

// canonical folds the spelling of an id; one that is none stays as it is.
func canonical(id steward.JobID) steward.JobID {
	if out, err := steward.ParseID[steward.JobID]("", string(id)); err == nil {
		return out
	}
	return id
}

func unknownJob(id steward.JobID) error {
	return &steward.Error{Code: steward.NotFound, Message: fmt.Sprintf("the server knows nothing about job %s", id)}
}

// bulkStatus is an element of the answer about statuses.
type bulkStatus struct {
	JobStatus
	Code *steward.Status `json:"status"`
}

func (b bulkStatus) id() steward.JobID { return b.JobID }

// status returns what the answer says. Errors: steward.NotFound when it says nothing.
func (b bulkStatus) status() (JobStatus, error) {
	if b.Code == nil {
		return JobStatus{}, unknownJob(b.JobID)
	}
	st := b.JobStatus
	st.Status = *b.Code
	return st, nil
}

// bulkResult is an element of the answer about results.
type bulkResult struct {
	JobResult
	ID     steward.JobID   `json:"id"`
	Code   *steward.Status `json:"status"`
	Result []steward.Datum `json:"result"`
}

func (b bulkResult) id() steward.JobID { return b.ID }

// result returns what the answer says. Errors: steward.NotFound when it says nothing.
func (b bulkResult) result() (JobResult, error) {
	if b.Code == nil {
		return JobResult{}, unknownJob(b.ID)
	}
	r := b.JobResult
	r.JobID, r.Status, r.Outputs = b.ID, *b.Code, b.Result
	return r, nil
}

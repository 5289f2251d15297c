package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/stewardhq/steward"
)

// RunManyParams is what belongs to all runs of RunMany. The zero value is ready to use.
type RunManyParams struct {
	Metadata   map[string]any // of every job
	SkipCache  bool           // do not answer from earlier equal runs
	Timeout    time.Duration  // of each job; 0 means the server's default
	ChunkDelay time.Duration  // between requests; 0 means as the client is configured, below 0 none
	OnProgress func(sent int) // called after every request with how many jobs there are so far, from the same goroutine; may be nil
}

// SubmitError is the failure of a RunMany that has started jobs.
type SubmitError struct {
	Submitted []steward.JobID // of the first inputs, in their order
	Err       error           // why the next ones were not started; Unavailable, Timeout and Internal leave open whether the next 1000 were
}

// Error says how far it came, and why no further.
func (e *SubmitError) Error() string {
	return fmt.Sprintf("after %d jobs: %v", len(e.Submitted), e.Err)
}

// Unwrap returns the cause.
func (e *SubmitError) Unwrap() error { return e.Err }

// RunMany starts a job of the agent's current version for each of inputs, of which there may be any number, and returns their ids in
// the same order. They are sent 1000 at a time; the server starts all of a request or none. Files whose content has to be sent are
// uploaded before the request that names them, and live as long as their jobs; that is for inputs that are files: unlike Run, give a text
// input its text. For work that has to go on after an interruption, use a batch.
//
// Errors: *SubmitError as soon as there are jobs; those of Run.
//
// Stability: may change until 1.0.
func (c *Client) RunMany(ctx context.Context, agent steward.AgentID, inputs []Inputs, p RunManyParams) ([]steward.JobID, error) {
	body := map[string]any{}
	if p.Metadata != nil {
		body[fieldMetadata] = p.Metadata
	}
	if p.Timeout > 0 {
		body[fieldTimeout] = p.Timeout.Seconds()
	}
	ids := make([]steward.JobID, 0, len(inputs))
	s := sender{c: c, delay: p.ChunkDelay}
	err := s.each(ctx, inputs, func(items []json.RawMessage) error {
		r := &request{method: http.MethodPost, path: runPath(agent, "async/many/"), header: skipCache(p.SkipCache)}
		body["inputs"] = items
		if err := r.setJSON(body); err != nil {
			return err
		}
		var started []steward.JobID
		if err := c.call(ctx, r, &started); err != nil {
			return err
		}
		ids = append(ids, started...)
		if len(started) != len(items) {
			return fmt.Errorf("the server started %d jobs for %d inputs", len(started), len(items))
		}
		if p.OnProgress != nil {
			p.OnProgress(len(ids))
		}
		return nil
	})
	if err != nil && len(ids) > 0 {
		return ids, &SubmitError{Submitted: ids, Err: err}
	}
	return ids, err
}

// maxItemsBytes is how long the items of one request become together, unless a single one is longer.
const maxItemsBytes = 8 << 20

// sender cuts items into requests.
type sender struct {
	c     *Client
	delay time.Duration // as in RunManyParams
}

// each has send send the items in their order, as their JSON, as many at a time as fit a request.
func (s *sender) each(ctx context.Context, inputs []Inputs, send func([]json.RawMessage) error) error {
	delay := s.delay
	if delay == 0 {
		delay = s.c.chunkDelay
	}
	sent := false
	for at := 0; at < len(inputs); at += maxBulk {
		items, err := s.c.encodeItems(ctx, at, inputs[at:min(at+maxBulk, len(inputs))])
		if err != nil {
			return err
		}
		for len(items) > 0 {
			if sent && delay > 0 && !sleep(ctx, delay) {
				return context.Cause(ctx)
			}
			n := fitting(items)
			if err := send(items[:n]); err != nil {
				return err
			}
			items, sent = items[n:], true
		}
	}
	return nil
}

// fitting returns how many of items go into one request, at least one.
func fitting(items []json.RawMessage) int {
	size := 0
	for i, item := range items {
		if size += len(item); size > maxItemsBytes && i > 0 {
			return i
		}
	}
	return len(items)
}

// encodeItems returns the JSON of each of inputs, with their files uploaded. first is the number of the first one, for errors.
func (c *Client) encodeItems(ctx context.Context, first int, inputs []Inputs) ([]json.RawMessage, error) {
	up := uploader{c: c, byPath: map[sameFile]*pending{}}
	fields := make([]map[string]any, len(inputs))
	for i, in := range inputs {
		var err error
		if fields[i], err = up.take(in); err != nil {
			return nil, fmt.Errorf("item %d: %w", first+i, err)
		}
	}
	if err := up.run(ctx); err != nil {
		return nil, err
	}
	items := make([]json.RawMessage, len(inputs))
	for i := range fields {
		text, err := json.Marshal(fields[i])
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", first+i, &inputError{"inputs", err})
		}
		items[i] = text
	}
	return items, nil
}

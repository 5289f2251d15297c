package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// BatchCreate describes a new batch. The zero value is ready to use.
type BatchCreate struct {
	Name           string         `json:"name,omitempty"`     // for people
	Metadata       map[string]any `json:"metadata,omitempty"` // of every job
	IdempotencyKey string         `json:"-"`                  // "" means a fresh one, so that the call's own tries make one batch only
}

func batchPath(id steward.BatchID, rest string) string {
	return "/v1/batches/" + url.PathEscape(string(id)) + "/" + rest
}

// CreateBatch makes a batch of jobs of the agent's current version. With an idempotency key that was used before it returns the first
// batch, so that a sender which was interrupted finds its own again.
//
// Errors: steward.NotFound; Invalid, also for an idempotency key that was used with other content.
//
// Stability: may change until 1.0.
func (c *Client) CreateBatch(ctx context.Context, agent steward.AgentID, p BatchCreate) (*steward.Batch, error) {
	r := &request{method: http.MethodPost, path: agentPath(agent, "batches/"), header: http.Header{}, repeat: always}
	r.header.Set("Idempotency-Key", c.keyFor(p.IdempotencyKey))
	if err := r.setJSON(p); err != nil {
		return nil, err
	}
	b := new(steward.Batch)
	if err := c.call(ctx, r, b); err != nil {
		return nil, err
	}
	return b, nil
}

// Batch returns a batch with its counts. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) Batch(ctx context.Context, id steward.BatchID) (*steward.Batch, error) {
	return getOne[steward.Batch](ctx, c, batchPath(id, ""), nil)
}

// BatchList chooses batches. The zero value is all of them, newest first.
type BatchList struct {
	Page     int // from 1; 0 means 1
	PageSize int // at most 100; 0 means 20
	AgentID  steward.AgentID
}

// ListBatches returns one page of batches. Errors: steward.NotFound for a page beyond the end.
//
// Stability: may change until 1.0.
func (c *Client) ListBatches(ctx context.Context, p BatchList) (*steward.Page[steward.Batch], error) {
	q := url.Values{}
	setInt(q, "page", p.Page)
	setInt(q, "page_size", p.PageSize)
	setText(q, "agent_id", string(p.AgentID))
	return getOne[steward.Page[steward.Batch]](ctx, c, "/v1/batches/", q)
}

// Batches ranges over all batches that p chooses, page by page from p.Page.
//
// Stability: may change until 1.0.
func (c *Client) Batches(ctx context.Context, p BatchList) iter.Seq2[*steward.Batch, error] {
	return pages(p.Page, func(page int) (*steward.Page[steward.Batch], error) {
		p := p
		p.Page = page
		return c.ListBatches(ctx, p)
	})
}

// BatchSendOptions tunes SendBatchItems. The zero value is ready to use.
type BatchSendOptions struct {
	SkipCache  bool                // do not answer from earlier equal runs
	ChunkDelay time.Duration       // between requests; 0 means as the client is configured, below 0 none
	OnProgress func(BatchProgress) // called after every request, from the same goroutine; may be nil
}

// BatchProgress is how far SendBatchItems has come.
type BatchProgress struct {
	JobIDs    []steward.JobID `json:"job_ids"`    // of the items sent by this call, in their order
	Received  int64           `json:"received"`   // items of the whole batch that the server has
	NextIndex int64           `json:"next_index"` // one more than the highest index that the server has
}

// SendBatchItems adds items to a batch; the first one gets the index start, the others follow. They are sent 1000 at a time, and
// repeated after any passing fault: an item that is there already with the same content is answered with its job. So a sender that
// was interrupted may send everything again, or go on at the batch's NextIndex. An item that cannot be run becomes a failed job.
//
// Files whose content has to be sent are uploaded first, as by RunMany, and are another content each time: go on behind what is there.
//
// Errors: those of the first request that failed, with what was sent before it in the result, which is never nil; steward.Conflict for a
// batch that takes no more items, and for an index that is there with other content. nil opts is fine.
//
// Stability: may change until 1.0.
func (c *Client) SendBatchItems(ctx context.Context, id steward.BatchID, start int64, items []Inputs, opts *BatchSendOptions) (*BatchProgress, error) {
	var o BatchSendOptions
	if opts != nil {
		o = *opts
	}
	sent := &BatchProgress{JobIDs: make([]steward.JobID, 0, len(items))}
	s := sender{c: c, delay: o.ChunkDelay}
	err := s.each(ctx, items, func(chunk []json.RawMessage) error {
		r := &request{method: http.MethodPost, path: batchPath(id, "items/"), header: skipCache(o.SkipCache), repeat: always}
		if err := r.setJSON(map[string]any{"start": start + int64(len(sent.JobIDs)), "inputs": chunk}); err != nil {
			return err
		}
		var answer BatchProgress
		if err := c.call(ctx, r, &answer); err != nil {
			return err
		}
		if len(answer.JobIDs) != len(chunk) {
			return fmt.Errorf("the server has %d jobs for %d items", len(answer.JobIDs), len(chunk))
		}
		sent.JobIDs, sent.Received, sent.NextIndex = append(sent.JobIDs, answer.JobIDs...), answer.Received, answer.NextIndex
		if o.OnProgress != nil {
			o.OnProgress(*sent)
		}
		return nil
	})
	return sent, err
}

// CloseBatch says that no more items come, so that the batch can be completed. Closing twice changes nothing. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) CloseBatch(ctx context.Context, id steward.BatchID) (*steward.Batch, error) {
	return putOne[steward.Batch](ctx, c, http.MethodPost, batchPath(id, "close/"), nil, always)
}

// CancelBatch closes a batch and asks for the end of its open jobs. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) CancelBatch(ctx context.Context, id steward.BatchID) (*steward.Batch, error) {
	return putOne[steward.Batch](ctx, c, http.MethodPost, batchPath(id, "cancel/"), nil, always)
}

// ResumeBatch runs the items again that ended as one of statuses: steward.StatusFailure, steward.StatusCancelled; none means both. Each
// gets a new job in its place. It is repeated after passing faults; an item that failed again in the meantime is then run once more.
// Errors: steward.NotFound; Invalid for another status.
//
// Stability: may change until 1.0.
func (c *Client) ResumeBatch(ctx context.Context, id steward.BatchID, statuses ...steward.Status) (*steward.Batch, error) {
	in := map[string]any{}
	if len(statuses) > 0 {
		in["status_code"] = statuses
	}
	return putOne[steward.Batch](ctx, c, http.MethodPost, batchPath(id, "resume/"), in, always)
}

// BatchItemList chooses items of a batch. The zero value is all of them.
type BatchItemList struct {
	Page     int // from 1; 0 means 1
	PageSize int // at most 1000; 0 means 20
	Status   []steward.Status
	From     int64 // only items of this index and higher
}

// ListBatchItems returns one page of a batch's items, by rising index. Errors: steward.NotFound, also for a page beyond the end.
//
// Stability: may change until 1.0.
func (c *Client) ListBatchItems(ctx context.Context, id steward.BatchID, p BatchItemList) (*steward.Page[steward.BatchItem], error) {
	q := url.Values{}
	setInt(q, "page", p.Page)
	setInt(q, "page_size", p.PageSize)
	codes := make([]string, len(p.Status))
	for i, s := range p.Status {
		codes[i] = strconv.Itoa(int(s))
	}
	setText(q, "status_code", strings.Join(codes, ","))
	if p.From > 0 {
		q.Set("from", strconv.FormatInt(p.From, 10))
	}
	return getOne[steward.Page[steward.BatchItem]](ctx, c, batchPath(id, "items/"), q)
}

// BatchItems ranges over a batch's items that p chooses, by rising index, from p.From; p.Page is not looked at, and a PageSize of 0 means
// 1000. Items whose status changes meanwhile make no other repeat or vanish.
//
// Stability: may change until 1.0.
func (c *Client) BatchItems(ctx context.Context, id steward.BatchID, p BatchItemList) iter.Seq2[*steward.BatchItem, error] {
	p.Page = 0
	if p.PageSize == 0 {
		p.PageSize = maxBulk
	}
	return func(yield func(*steward.BatchItem, error) bool) {
		for p := p; ; {
			page, err := c.ListBatchItems(ctx, id, p)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Results {
				p.From = page.Results[i].Index + 1
				if !yield(&page.Results[i], nil) {
					return
				}
			}
			if page.Next == nil || len(page.Results) == 0 {
				return
			}
		}
	}
}

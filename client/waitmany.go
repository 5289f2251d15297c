package client

import (
	"context"
	"time"

	"github.com/stewardhq/steward"
)

// WaitMany waits until all jobs have ended, however they ended, and returns their results in the order of ids, of which there may be any
// number; an id may stand twice. Results come as jobs end: see WaitOptions.OnResult. They are those of JobResults. nil opts is fine.
//
// Errors: those of Wait. The results of jobs that have ended until then are returned with it, nil in the place of the others.
//
// Stability: may change until 1.0.
func (c *Client) WaitMany(ctx context.Context, ids []steward.JobID, opts *WaitOptions) ([]*JobResult, error) {
	o := opts.filled()
	w := manyWait{c: c, o: &o, places: make(map[steward.JobID][]int, len(ids)), results: make([]*JobResult, len(ids))}
	for i, id := range ids {
		id = canonical(id)
		if w.places[id] == nil {
			w.open = append(w.open, id)
		}
		w.places[id] = append(w.places[id], i)
	}
	if len(w.open) == 0 {
		return w.results, nil
	}
	err := o.poll(ctx, w.look)
	return w.results, err
}

// manyWait is a wait for many jobs.
type manyWait struct {
	c       *Client
	o       *WaitOptions
	places  map[steward.JobID][]int // where the result of a job goes
	results []*JobResult
	open    []steward.JobID     // jobs without a result
	ended   steward.BatchCounts // jobs with one
}

// look asks about the open jobs, 1000 at a time, and fetches the results of those that have ended.
func (w *manyWait) look(ctx context.Context) (again bool, err error) {
	counts, left := w.ended, w.open[:0:0]
	for at := 0; at < len(w.open); at += maxBulk {
		chunk := w.open[at:min(at+maxBulk, len(w.open))]
		statuses, err := w.c.JobStatuses(ctx, chunk)
		if err != nil {
			w.open = append(left, w.open[at:]...)
			return at > 0, err
		}
		var done []steward.JobID
		for i := range statuses {
			counts.Add(statuses[i].Status, 1)
			if w.o.OnStatus != nil {
				w.o.OnStatus(&statuses[i])
			}
			if statuses[i].Status.Terminal() {
				done = append(done, chunk[i])
			} else {
				left = append(left, chunk[i])
			}
		}
		if err := w.fetch(ctx, done); err != nil {
			w.open = append(append(left, done...), w.open[at+len(chunk):]...)
			return true, err
		}
	}
	w.open = left
	if w.o.OnProgress != nil {
		w.o.OnProgress(counts)
	}
	return len(left) > 0, nil
}

// fetch takes the results of jobs that have ended.
func (w *manyWait) fetch(ctx context.Context, done []steward.JobID) error {
	if len(done) == 0 {
		return nil
	}
	list, err := w.c.JobResults(ctx, done)
	if err != nil {
		return err
	}
	for i := range list {
		w.ended.Add(list[i].Status, 1)
		for _, at := range w.places[done[i]] {
			w.results[at] = &list[i]
		}
		if w.o.OnResult != nil {
			w.o.OnResult(&list[i])
		}
	}
	return nil
}

// BatchWaitOptions tunes WaitBatch. The zero value is ready to use.
type BatchWaitOptions struct {
	Timeout    time.Duration        // 0 means 24 h
	First      time.Duration        // wait between the first looks, which grows; 0 means 50 ms
	Max        time.Duration        // longest wait between looks; 0 means 2 s
	OnProgress func(*steward.Batch) // told after every look, from the goroutine that waits; may be nil
}

// WaitBatch waits until a batch is completed: closed, and all its jobs ended, however they ended. One that nobody closes is never
// completed. A server that goes away meanwhile has a minute to come back. nil opts is fine.
//
// Errors: ErrWaitTimeout; the cause of ctx's end; those of Batch.
//
// Stability: may change until 1.0.
func (c *Client) WaitBatch(ctx context.Context, id steward.BatchID, opts *BatchWaitOptions) (*steward.Batch, error) {
	var o BatchWaitOptions
	if opts != nil {
		o = *opts
	}
	if o.Timeout <= 0 {
		o.Timeout = 24 * time.Hour
	}
	w := (&WaitOptions{Timeout: o.Timeout, First: o.First, Max: o.Max}).filled()
	var b *steward.Batch
	err := w.poll(ctx, func(ctx context.Context) (again bool, err error) {
		if b, err = c.Batch(ctx, id); err != nil {
			return false, err
		}
		if o.OnProgress != nil {
			o.OnProgress(b)
		}
		return b.CompletedAt == nil, nil
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

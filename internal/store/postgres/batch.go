package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/stewardhq/steward"
)

// maxBatch bounds the weight of the calls that share one transaction.
const maxBatch = 2000

// batchTimeout bounds one transaction of a batch. Its callers' contexts do not: they are many.
const batchTimeout = time.Minute

// batcher gathers the calls of many goroutines into transactions. One transaction runs at a time: it takes what is queued
// when it starts, and each caller is answered after its commit. An idle batcher runs a single call at once.
type batcher[T any] struct {
	max    int
	weight func(T) int
	run    func(ctx context.Context, calls []T) []error

	mu      sync.Mutex
	queue   []*waiting[T]
	closing bool
	wake    chan struct{}
	done    chan struct{}
}

// waiting is a call in the queue and where its caller waits.
type waiting[T any] struct {
	ctx    context.Context
	call   T
	answer chan error
}

// newBatcher returns a running batcher. run does the calls in one transaction and returns an error for each, or nil when
// all went well. weight is at least 1; a call heavier than max goes alone.
func newBatcher[T any](maxWeight int, weight func(T) int, run func(ctx context.Context, calls []T) []error) *batcher[T] {
	b := &batcher[T]{max: maxWeight, weight: weight, run: run, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.loop()
	return b
}

// do queues a call and waits for its transaction. When ctx ends first the call may or may not have been done.
func (b *batcher[T]) do(ctx context.Context, call T) error {
	w := &waiting[T]{ctx: ctx, call: call, answer: make(chan error, 1)}
	b.mu.Lock()
	if b.closing {
		b.mu.Unlock()
		return &steward.Error{Code: steward.Unavailable, Message: "The server is shutting down."}
	}
	b.queue = append(b.queue, w)
	b.mu.Unlock()
	b.signal()
	select {
	case err := <-w.answer:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close lets queued calls finish and stops the batcher.
func (b *batcher[T]) close() {
	b.mu.Lock()
	b.closing = true
	b.mu.Unlock()
	b.signal()
	<-b.done
}

func (b *batcher[T]) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *batcher[T]) loop() {
	defer close(b.done)
	for {
		batch, closing := b.take()
		if len(batch) > 0 {
			b.answer(batch)
			continue
		}
		if closing {
			return
		}
		<-b.wake
	}
}

// take cuts a batch off the queue, without the calls whose callers have gone.
func (b *batcher[T]) take() (batch []*waiting[T], closing bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	weight, n := 0, 0
	for _, w := range b.queue {
		if w.ctx.Err() != nil {
			n++
			continue
		}
		weight += b.weight(w.call)
		if len(batch) > 0 && weight > b.max {
			break
		}
		batch = append(batch, w)
		n++
	}
	if n == len(b.queue) {
		b.queue = nil
	} else {
		b.queue = b.queue[n:]
	}
	return batch, b.closing
}

// answer runs a batch and tells each caller. One call that the database refuses fails the whole transaction, so that the
// others are tried again one by one.
func (b *batcher[T]) answer(batch []*waiting[T]) {
	calls := make([]T, len(batch))
	for i, w := range batch {
		calls[i] = w.call
	}
	errs := b.attempt(calls)
	for i, w := range batch {
		err := at(errs, i)
		if len(batch) > 1 && refusedData(err) {
			err = at(b.attempt(calls[i:i+1]), 0)
		}
		w.answer <- err
	}
}

func (b *batcher[T]) attempt(calls []T) []error {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	return b.run(ctx, calls)
}

// at returns the i-th error of a batch; nil errs means that all went well.
func at(errs []error, i int) error {
	if errs == nil {
		return nil
	}
	return errs[i]
}

// all returns err for each of n calls, and nil for no error.
func all(n int, err error) []error {
	if err == nil {
		return nil
	}
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

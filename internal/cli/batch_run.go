package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/cli/itemfile"
)

// batchOptions are the options of run --batch.
type batchOptions struct {
	source, out, name, inputKey, idemKey string
	chunk                                int
	skipBad, skipCache, async            bool
	metadata                             map[string]any
	common                               client.Inputs // texts that every item has
	asText                               bool          // the files of a folder are sent as texts
}

// batchRun sends a batch and fetches its results.
type batchRun struct {
	g   *global
	c   *client.Client
	o   *batchOptions
	src *itemfile.Source // nil when only results are fetched
	id  steward.BatchID
	bar *bar

	gaps bool // indices that are missing stay so: whoever sent the items has left them out
}

// batchInterrupted is the end of a command by a signal while a batch was sent or waited for.
type batchInterrupted struct {
	id   steward.BatchID
	sent bool // nothing is left to be sent
}

// Error implements error.
func (e *batchInterrupted) Error() string {
	if !e.sent {
		return fmt.Sprintf("interrupted; batch %s has not all its items yet", e.id)
	}
	return fmt.Sprintf("interrupted; batch %s goes on", e.id)
}

// runBatch is steward run AGENT --batch.
func runBatch(ctx context.Context, g *global, agent string, o *batchOptions) (err error) {
	if err := o.checkOut(); err != nil {
		return err
	}
	src, err := g.openSource(ctx, o.source, o.skipBad)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	c, id, err := g.agent(ctx, agent)
	if err != nil {
		return err
	}
	v, err := c.AgentVersion(ctx, id, "")
	if err != nil {
		return err
	}
	if src.IsFolder() {
		if o.inputKey, err = folderKey(v, o.inputKey); err != nil {
			return err
		}
		if o.asText = isText(v, o.inputKey); o.asText {
			if err := checkTexts(ctx, src); err != nil {
				return err
			}
		}
	} else if o.inputKey != "" {
		return usagef("--input-key is for a folder; JSON lines and CSV name their inputs themselves")
	}
	key, err := batchKey(src, v, o)
	if err != nil {
		return err
	}
	b, err := c.CreateBatch(ctx, id, client.BatchCreate{Name: o.name, Metadata: o.metadata, IdempotencyKey: key})
	if err != nil {
		return err
	}
	r := &batchRun{g: g, c: c, o: o, src: src, id: b.ID}
	return r.run(ctx, b)
}

// run sends what is missing and, unless it is asynchronous, fetches the results meanwhile.
func (r *batchRun) run(ctx context.Context, b *steward.Batch) error {
	if err := r.announce(b); err != nil {
		return err
	}
	r.bar = newBar(r.g.err, r.src.Count(), r.g.json)
	defer r.bar.end()
	r.bar.sent.Store(b.Received)
	work, workCtx := errgroup.WithContext(ctx)
	work.Go(func() error { return r.send(workCtx, b) })
	if !r.o.async {
		work.Go(func() error { return r.collect(workCtx, r.src.Count()) })
	}
	err := work.Wait()
	r.bar.end()
	switch {
	case err != nil && ctx.Err() != nil:
		return &batchInterrupted{r.id, r.bar.sent.Load() >= r.src.Count()}
	case err != nil:
		return fmt.Errorf("batch %s: %w", r.id, err)
	}
	if !r.o.async {
		err := r.finish(ctx, r.id)
		if err != nil && ctx.Err() != nil {
			return &batchInterrupted{r.id, true}
		}
		return err
	}
	if r.g.json {
		return r.g.printJSON(map[string]any{"batch_id": r.id})
	}
	if err := r.g.notef("Sent: %s. Results: steward batches watch %s --out FILE", many(r.src.Count(), "item"), r.id); err != nil {
		return err
	}
	return r.g.printf("%s\n", r.id)
}

// announce says which batch it is. Errors: a batch that takes no more items although some are missing.
func (r *batchRun) announce(b *steward.Batch) error {
	missing := r.src.Count() - b.Received
	what := filepath.Base(r.o.source)
	switch {
	case missing > 0 && b.CancelledAt != nil:
		return usagef("batch %s of these items was cancelled before all were sent; for a new one give --idempotency-key", b.ID)
	case missing > 0 && b.ClosedAt != nil:
		return usagef("batch %s of these items was closed before all were sent; for a new one give --idempotency-key", b.ID)
	case b.Received == 0:
		return r.g.notef("Batch %s: %s of %s.", b.ID, many(r.src.Count(), "item"), what)
	case missing > 0:
		return r.g.notef("Batch %s goes on: %d of %s of %s were sent before.", b.ID, b.Received, many(r.src.Count(), "item"), what)
	}
	return r.g.notef("Batch %s has %s of %s from before.", b.ID, many(b.Received, "item"), what)
}

// finish tells how the items ended. Errors: errJobFailed when some ended without success.
func (r *batchRun) finish(ctx context.Context, id steward.BatchID) error {
	b, err := r.completed(ctx, id)
	if err != nil {
		return err
	}
	n := b.Counts
	if r.g.json {
		err = r.g.printJSON(batchJSON{Batch: b, Results: r.o.out})
	} else {
		text := fmt.Sprintf("%s: %d succeeded", many(n.Total(), "item"), n.Success+n.Cached)
		for _, part := range []struct {
			n    int64
			what string
		}{{n.Cached, "of them from the cache"}, {n.Failure, "failed"}, {n.Cancelled, "cancelled"}} {
			if part.n > 0 {
				text += fmt.Sprintf(", %d %s", part.n, part.what)
			}
		}
		if r.o.out != "" {
			text += ". Results: " + r.o.out
		}
		err = r.g.notef("%s", text)
	}
	if err == nil && n.Failure+n.Cancelled > 0 {
		if err := r.g.notef("Run those without success again: steward batches resume %s", id); err != nil {
			return err
		}
		return errJobFailed
	}
	return err
}

// completed returns a batch whose items have all ended. The server says that it is completed soon after the last one's end.
func (r *batchRun) completed(ctx context.Context, id steward.BatchID) (b *steward.Batch, err error) {
	for until := time.Now().Add(longestClosing); ; {
		err := r.bear(ctx, func() (err error) {
			b, err = r.c.Batch(ctx, id)
			return err
		})
		if err != nil || b.State != steward.BatchRunning || time.Now().After(until) {
			return b, err
		}
		if !wait(ctx, firstLook) {
			return nil, context.Cause(ctx)
		}
	}
}

// batchJSON is a batch with the file of its results.
type batchJSON struct {
	*steward.Batch
	Results string `json:"results_file,omitempty"`
}

const (
	longestOutage  = 10 * time.Minute // how long a server may be away
	longestClosing = 10 * time.Second // how long it may take to say that a batch is completed
	shortestPause  = 200 * time.Millisecond
	longestPause   = 5 * time.Second
)

// bear repeats a call, which must be harmless to repeat, while the server is away or asks for patience.
func (r *batchRun) bear(ctx context.Context, call func() error) error {
	var since time.Time
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		err := call()
		switch steward.CodeOf(err) {
		case steward.Unavailable, steward.Timeout, steward.RateLimited:
		default:
			return err
		}
		switch {
		case since.IsZero():
			since = time.Now()
			r.bar.say("the server does not answer; trying again for 10 minutes")
		case time.Since(since) > longestOutage:
			return err
		}
		if !wait(ctx, pause) {
			return err
		}
	}
}

// wait waits, and reports whether ctx still goes on.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

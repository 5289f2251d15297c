package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newBatches(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use: "batches", Short: "Look at batches of jobs, wait for them, cancel and resume them",
		Long: "Look at batches of jobs, wait for them, cancel and resume them. A batch is begun with: steward run AGENT --batch FILE --out RESULTS",
	}
	cmd.AddCommand(newBatchesList(g), newBatchesWatch(g), newBatchesItems(g), newBatchesResume(g),
		batchCommand(g, "get", "Show a batch, as JSON", (*global).batchesGet),
		batchCommand(g, "close", "Say that no more items come, so that the batch can be completed", (*global).batchesClose),
		batchCommand(g, "cancel", "Close a batch and ask for the end of its open jobs", (*global).batchesCancel))
	return asGroup(cmd)
}

// batchCommand is a command about one batch.
func batchCommand(g *global, verb, short string, run func(*global, context.Context, *client.Client, steward.BatchID) error) *cobra.Command {
	cmd := idCommand(g, verb+" BATCH", "BATCH", short, run)
	g.completeArgs(cmd, (*completer).batches)
	return cmd
}

func newBatchesList(g *global) *cobra.Command {
	var agent string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List batches, newest first", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return runBatchesList(cmd.Context(), g, agent, limit) },
	}
	cmd.Flags().StringVar(&agent, "agent", "", "Only those of this agent, by name or id")
	limitFlag(cmd.Flags(), &limit, 50)
	g.completeFlag(cmd, "agent", (*completer).agents)
	return cmd
}

func runBatchesList(ctx context.Context, g *global, agent string, limit int) error {
	c, err := g.client()
	if err != nil {
		return err
	}
	p := client.BatchList{PageSize: pageSize(limit)}
	if agent != "" {
		if p.AgentID, err = findAgent(ctx, c, agent); err != nil {
			return err
		}
	}
	list, err := collect(c.Batches(ctx, p), limit)
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(list)
	}
	return table(g.out, "BATCH\tNAME\tSTATE\tITEMS\tENDED\tFAILED\tCREATED", func(row func(...any)) {
		for _, b := range list {
			row(b.ID, cut(b.Name, 40), b.State, b.Received, b.Counts.Ended(), b.Counts.Failure+b.Counts.Cancelled, minute(b.CreatedAt))
		}
	})
}

func (g *global) batchesGet(ctx context.Context, c *client.Client, id steward.BatchID) error {
	b, err := c.Batch(ctx, id)
	if err != nil {
		return err
	}
	return g.printJSON(b)
}

func (g *global) batchesClose(ctx context.Context, c *client.Client, id steward.BatchID) error {
	b, err := c.CloseBatch(ctx, id)
	if err != nil {
		return err
	}
	return g.printBatch(b, fmt.Sprintf("Batch %s takes no more items; it has %s.", id, many(b.Received, "item")))
}

func (g *global) batchesCancel(ctx context.Context, c *client.Client, id steward.BatchID) error {
	b, err := c.CancelBatch(ctx, id)
	if err != nil {
		return err
	}
	open := b.Counts.Total() - b.Counts.Ended()
	return g.printBatch(b, fmt.Sprintf("Batch %s is cancelled; still to end: %s. Take it back with: steward batches resume %s", id, many(open, "job"), id))
}

// printBatch prints a batch for programs, or a line for people.
func (g *global) printBatch(b *steward.Batch, text string) error {
	if g.json {
		return g.printJSON(b)
	}
	return g.notef("%s", text)
}

func newBatchesResume(g *global) *cobra.Command {
	var status string
	cmd := batchCommand(g, "resume", "Run the items of a batch again that failed or were cancelled", func(g *global, ctx context.Context, c *client.Client, id steward.BatchID) error {
		codes, err := statusesFlag(status)
		if err != nil {
			return err
		}
		before, err := c.Batch(ctx, id)
		if err != nil {
			return err
		}
		b, err := c.ResumeBatch(ctx, id, codes...)
		if err != nil {
			return err
		}
		if unmoved(before, b) {
			return g.printBatch(b, fmt.Sprintf("No item of batch %s runs again: those that were refused, or whose data was deleted, stay as they are.", id))
		}
		return g.printBatch(b, fmt.Sprintf("Asked for another run of %s. Watch: steward batches watch %s", many(chosen(before.Counts, codes), "item"), id))
	})
	cmd.Flags().StringVar(&status, "status", "", "Only those of this status: failure or cancelled (default: both)")
	completeFixed(cmd, "status", "failure", "cancelled")
	return cmd
}

// unmoved reports whether a batch that had ended is as it was: resuming it found nothing to run.
func unmoved(before, after *steward.Batch) bool {
	same := func(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }
	return (before.CancelledAt != nil || before.CompletedAt != nil) &&
		same(before.CancelledAt, after.CancelledAt) && same(before.CompletedAt, after.CompletedAt)
}

// chosen is how many items resume is about.
func chosen(n steward.BatchCounts, codes []steward.Status) (sum int64) {
	if len(codes) == 0 || slices.Contains(codes, steward.StatusFailure) {
		sum += n.Failure
	}
	if len(codes) == 0 || slices.Contains(codes, steward.StatusCancelled) {
		sum += n.Cancelled
	}
	return sum
}

func newBatchesItems(g *global) *cobra.Command {
	var status string
	var limit int
	p := client.BatchItemList{}
	cmd := batchCommand(g, "items", "List the items of a batch by their index", func(g *global, ctx context.Context, c *client.Client, id steward.BatchID) error {
		var err error
		if p.Status, err = statusesFlag(status); err != nil {
			return err
		}
		if p.From < 0 {
			return usagef("--from must not be negative")
		}
		if limit > 0 {
			p.PageSize = min(limit, itemsAtOnce)
		}
		list, err := collect(c.BatchItems(ctx, id, p), limit)
		if err != nil {
			return err
		}
		if g.json {
			return g.printJSON(list)
		}
		return table(g.out, "INDEX\tJOB\tSTATUS\tENDED\tERROR", func(row func(...any)) {
			for _, it := range list {
				ended := ""
				if it.EndedAt != nil {
					ended = second(*it.EndedAt)
				}
				row(it.Index, it.JobID, it.Status, ended, cut(it.ErrorMessage, 60))
			}
		})
	})
	cmd.Flags().StringVar(&status, "status", "", "Only these, with commas between: pending, started, retry, success, failure, cancelled, cached")
	cmd.Flags().Int64Var(&p.From, "from", 0, "Only those of this index and higher")
	limitFlag(cmd.Flags(), &limit, 50)
	hideDefaults(cmd.Flags(), "from")
	flagWords(cmd, "status", statuses)
	return cmd
}

func newBatchesWatch(g *global) *cobra.Command {
	var out string
	cmd := batchCommand(g, "watch", "Wait until a batch is completed, and write its results", func(g *global, ctx context.Context, c *client.Client, id steward.BatchID) error {
		return runBatchesWatch(ctx, g, c, id, out)
	})
	cmd.Long = "Wait until a batch is completed. With --out, write its results as JSON lines, in order of index. An interrupt (Ctrl-C) ends the waiting, not the batch.\n\n" + exitCodesHelp
	cmd.Flags().StringVarP(&out, "out", "o", "", "File of the results; one that is there is replaced when all are there")
	return cmd
}

func runBatchesWatch(ctx context.Context, g *global, c *client.Client, id steward.BatchID, out string) error {
	r := &batchRun{g: g, c: c, o: &batchOptions{out: out}, id: id}
	err := r.follow(ctx)
	if err == nil {
		err = r.finish(ctx, id)
		if ctx.Err() == nil {
			return err
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return &batchInterrupted{id, true}
	case err != nil:
		return fmt.Errorf("batch %s: %w", id, err)
	}
	return nil
}

// errOpen is the error of a batch that may still get items.
var errOpen = errors.New("it may still get items: send them all, or say that there are no more with steward batches close")

// follow writes the results of a batch that has all its items.
func (r *batchRun) follow(ctx context.Context) error {
	b, err := r.c.Batch(ctx, r.id)
	if err != nil {
		return err
	}
	if b.ClosedAt == nil {
		return errOpen
	}
	r.bar = newBar(r.g.err, b.Received, r.g.json)
	defer r.bar.end()
	r.bar.show(b)
	r.gaps = true
	return r.collect(ctx, b.Received)
}

package agents

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/stewardhq/steward/internal/store"
)

// SweepStore is the part of the database that a Sweeper works on.
type SweepStore interface {
	Store
	// PurgeDeleted deletes what ended jobs of deleted agents know; see store.Jobs.
	PurgeDeleted(ctx context.Context, at time.Time, limit int) (n int, dying []string, err error)
}

// Blobs deletes bytes. Package files implements it.
type Blobs interface {
	// Bury deletes the bytes of blobs that the store called dying, and returns how many are gone; the rest is deleted later.
	Bury(ctx context.Context, dying []string) (gone int, err error)
}

// Sweeper ends what deleted agents leave behind: it cancels their open jobs and deletes what their ended jobs know. It works after each
// deletion and from time to time; what a crash or an error left undone, the next sweep does. Several processes may sweep one store.
type Sweeper struct {
	service *Service
	store   SweepStore
	blobs   Blobs
	opts    SweeperOptions
}

// SweeperOptions tunes a Sweeper. The zero value is ready to use.
type SweeperOptions struct {
	Every  time.Duration // wait between two sweeps; 0 means 1 min
	Logger *slog.Logger  // nil means slog.Default()
}

// NewSweeper returns a Sweeper that works after the deletions of a service.
func NewSweeper(s *Service, st SweepStore, blobs Blobs, opts SweeperOptions) *Sweeper {
	if opts.Every == 0 {
		opts.Every = time.Minute
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	return &Sweeper{service: s, store: st, blobs: blobs, opts: opts}
}

// Run sweeps until ctx ends. It returns nil; failures are logged and tried again at the next sweep.
func (w *Sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(w.opts.Every)
	defer tick.Stop()
	for {
		done, err := w.Sweep(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			w.opts.Logger.WarnContext(ctx, "sweep of deleted agents not finished", slog.Any("error", err), slog.Int("jobs", done.Purged))
		case done != Swept{}:
			w.opts.Logger.InfoContext(ctx, "jobs of deleted agents ended", slog.Int("cancelled", done.Cancelled), slog.Int("purged", done.Purged))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-w.service.deleted:
		}
	}
}

// Swept says what a sweep did, in jobs.
type Swept struct {
	Cancelled int // asked to end
	Purged    int // emptied
}

const (
	sweepAgents = 100 // deleted agents looked at together
	sweepJobs   = 200 // jobs emptied in one transaction: others wait for it
)

// Sweep does what is to be done now.
func (w *Sweeper) Sweep(ctx context.Context) (done Swept, err error) {
	if done.Cancelled, err = w.cancel(ctx); err != nil {
		return done, fmt.Errorf("cancel jobs of deleted agents: %w", err)
	}
	for {
		n, dying, err := w.store.PurgeDeleted(ctx, w.service.clock.Now(), sweepJobs)
		if err != nil {
			return done, fmt.Errorf("delete data of deleted agents: %w", err)
		}
		done.Purged += n
		_, err = w.blobs.Bury(ctx, dying)
		if err != nil {
			return done, fmt.Errorf("delete files of deleted agents: %w", err)
		}
		if n == 0 {
			return done, nil
		}
	}
}

// cancel asks all open jobs of deleted agents to end.
func (w *Sweeper) cancel(ctx context.Context) (total int, err error) {
	for {
		refs, err := w.store.DeletedAgents(ctx, sweepAgents)
		if err != nil || len(refs) == 0 {
			return total, err
		}
		before := total
		for _, ref := range refs {
			n, err := w.cancelAgent(ctx, ref)
			if total += n; err != nil {
				return total, err
			}
		}
		if total == before { // somebody else is at it
			return total, nil
		}
	}
}

func (w *Sweeper) cancelAgent(ctx context.Context, ref store.AgentRef) (total int, err error) {
	for {
		n, err := w.store.CancelOpen(ctx, ref.OrganizationID, store.OpenFilter{Agent: ref.AgentID}, w.service.clock.Now(), cancelSlice)
		if total += n; err != nil || n < cancelSlice {
			return total, errors.Join(err, ctx.Err())
		}
	}
}

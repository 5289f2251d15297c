package webhooks

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
)

// recorder stores results, as many as there are at a time in one transaction.
type recorder struct {
	s       *Service
	results chan store.DeliveryResult
}

func newRecorder(s *Service) *recorder {
	return &recorder{s: s, results: make(chan store.DeliveryResult, inTotal)}
}

// maxRecord is how many results go together.
const maxRecord = 500

// run stores results until their channel is closed. When ctx has ended, what cannot be stored is not tried again.
func (r *recorder) run(ctx context.Context) {
	for first := range r.results {
		batch := append(make([]store.DeliveryResult, 0, len(r.results)+1), first)
		for len(batch) < maxRecord {
			select {
			case next, open := <-r.results:
				if open {
					batch = append(batch, next)
					continue
				}
			default:
			}
			break
		}
		r.storePatiently(ctx, batch)
	}
}

// storePatiently tries for a while, and as long as it takes on a full disk. What is lost in the end is sent again when its lease is over: at
// least once.
func (r *recorder) storePatiently(ctx context.Context, batch []store.DeliveryResult) {
	const tries = 6
	pause := 100 * time.Millisecond
	for try := 1; ; try++ {
		err := r.store(context.WithoutCancel(ctx), batch)
		if err == nil {
			return
		}
		r.s.log.WarnContext(ctx, "results of events not stored", slog.Int("results", len(batch)), slog.Int("try", try), slog.Any("error", err))
		if try == tries || steward.CodeOf(err) != steward.Unavailable || errors.Is(err, disk.ErrFailed) || ctx.Err() != nil {
			return
		}
		if errors.Is(err, disk.ErrNoRoom) {
			try--
			pause = min(pause, time.Second)
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
		}
	}
}

// store stores results, and logs which webhooks turned inactive by it.
func (r *recorder) store(ctx context.Context, batch []store.DeliveryResult) error {
	if err := failpoint.Hit("webhooks.record.before"); err != nil {
		return err
	}
	disabled, err := r.s.store.RecordDeliveries(ctx, batch, store.DisableRule{Failures: maxFailures, Reason: reasonFailures})
	failpoint.Pass("webhooks.record.after")
	for _, id := range disabled {
		r.s.log.WarnContext(ctx, "webhook made inactive", slog.String("webhook_id", string(id)))
	}
	return err
}

// How long deliveries are kept after their end, and pending ones of inactive webhooks after they were due.
const (
	keepDelivered = 7 * 24 * time.Hour
	keepFailed    = 30 * 24 * time.Hour
	keepPaused    = 30 * 24 * time.Hour

	sweepEvery = time.Hour
	sweepBatch = 500
)

// sweepAll sweeps at once and then every hour until ctx ends.
func (d *Deliverer) sweepAll(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if _, err := d.Sweep(ctx); err != nil && ctx.Err() == nil {
			d.s.log.WarnContext(ctx, "old deliveries not swept", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Sweep deletes deliveries that are old, and those of deleted webhooks, and returns how many.
func (d *Deliverer) Sweep(ctx context.Context) (total int, err error) {
	for {
		now := d.s.clock.Now()
		n, err := d.s.store.SweepDeliveries(ctx, store.DeliverySweep{
			DeliveredBefore: now.Add(-keepDelivered), FailedBefore: now.Add(-keepFailed), PausedBefore: now.Add(-keepPaused), Limit: sweepBatch,
		})
		total += n
		if err != nil || n < sweepBatch {
			return total, err
		}
	}
}

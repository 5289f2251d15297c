package files

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// sweepBatch is how many uploads are dropped in one transaction.
const sweepBatch = 500

// Run drops expired uploads, and what crashes left of deletions, at once and then every SweepEvery until ctx ends. It returns nil.
// Failures are logged and tried again at the next sweep. Several processes may run it on one store.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(s.opts.SweepEvery)
	defer tick.Stop()
	for {
		n, err := s.Sweep(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.opts.Logger.WarnContext(ctx, "sweep of expired files not finished", slog.Any("error", err), slog.Int("deleted", n))
		case n > 0:
			s.opts.Logger.InfoContext(ctx, "expired files deleted", slog.Int("deleted", n))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep drops what has expired by now, and what deletions had to leave, and returns how many blobs were deleted.
func (s *Service) Sweep(ctx context.Context) (deleted int, err error) {
	if err := s.bucket.Tidy(); err != nil {
		return 0, err
	}
	for {
		n, more, err := s.sweepOnce(ctx)
		deleted += n
		if !more || err != nil {
			return deleted, err
		}
	}
}

// sweepOnce sweeps one batch. more reports that it was full: uploads whose content lives on are dropped without a deletion.
func (s *Service) sweepOnce(ctx context.Context) (deleted int, more bool, err error) {
	dropped, dying, err := s.store.ReleaseExpired(ctx, s.opts.Clock.Now(), sweepBatch)
	if err != nil {
		return 0, false, fmt.Errorf("release expired files: %w", err)
	}
	if err := s.bury(ctx, dying); err != nil {
		return 0, false, err
	}
	return len(dying), dropped >= sweepBatch || len(dying) >= sweepBatch, nil
}

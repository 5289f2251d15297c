package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is where processes tell each other that jobs may have become claimable.
const channel = "steward_ready"

// notifySQL wakes the workers of every process when its transaction commits.
const notifySQL = `select pg_notify('` + channel + `', '')`

// Waits between attempts to connect the listener again.
const (
	firstReconnect = 50 * time.Millisecond
	lastReconnect  = 5 * time.Second
)

// Ready implements store.Queue.
func (s *Store) Ready() <-chan struct{} { return s.ready }

// wake signals Ready in this process.
func (s *Store) wake() {
	select {
	case s.ready <- struct{}{}:
	default: // one is pending already
	}
}

// listen feeds Ready from other processes until ctx ends, over a connection of its own that it replaces when it breaks.
// Between two connections notifications are lost, so it signals once after each connect.
func (s *Store) listen(ctx context.Context, cfg *pgx.ConnConfig) {
	wait := firstReconnect
	for ctx.Err() == nil {
		connected, err := s.listenOnce(ctx, cfg)
		if ctx.Err() != nil {
			return
		}
		if connected {
			wait = firstReconnect
		}
		s.log.WarnContext(ctx, "listening for jobs was interrupted", "error", err, "retry_in", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, lastReconnect)
	}
}

// listenOnce listens over one connection until it breaks. connected is false when it never stood.
func (s *Store) listenOnce(ctx context.Context, cfg *pgx.ConnConfig) (connected bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return false, err
	}
	defer func() {
		// The connection is given up whatever the server says to it.
		_ = conn.Close(context.WithoutCancel(ctx))
	}()
	if _, err := conn.Exec(ctx, "listen "+channel); err != nil {
		return false, err
	}
	for {
		s.wake()
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return true, err
		}
	}
}

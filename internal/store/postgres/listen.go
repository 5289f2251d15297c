package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// channel is where processes tell each other that jobs may have become claimable.
const channel = "steward_ready"

// notifySQL wakes the workers of every process when its transaction commits.
const notifySQL = `select pg_notify('` + channel + `', '')`

// Waits between attempts to connect the listener again, give or take a half.
const (
	firstReconnect = 50 * time.Millisecond
	lastReconnect  = 2 * time.Second
)

// pulseEvery is how often the listener asks whether the database is still there when nothing is heard of it.
const pulseEvery = time.Second

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
// Between two connections notifications are lost, so it signals once after each connect. It is also what knows whether the database is away.
func (s *Store) listen(ctx context.Context, cfg *pgx.ConnConfig) {
	wait := firstReconnect
	for ctx.Err() == nil {
		connected, err := s.listenOnce(ctx, cfg)
		if ctx.Err() != nil {
			return
		}
		s.away.Store(true)
		if connected {
			wait = firstReconnect
		}
		s.log.WarnContext(ctx, "listening for jobs was interrupted", "error", err, "retry_in", wait)
		select {
		case <-ctx.Done():
		case <-time.After(jitter(wait)):
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
	asking, answered := context.WithTimeout(ctx, pingTimeout)
	_, err = conn.Exec(asking, "listen "+channel)
	answered()
	if err != nil {
		return false, err
	}
	s.away.Store(false)
	s.wake()
	for {
		heard, err := s.hear(ctx, conn)
		if err != nil {
			return true, err
		}
		if heard {
			s.wake()
		}
	}
}

// hear waits for a notification. When none comes for a while it asks the database whether it is still there, because a cut network says nothing.
func (s *Store) hear(ctx context.Context, conn *pgx.Conn) (heard bool, err error) {
	wait, cancel := context.WithTimeout(ctx, pulseEvery)
	defer cancel()
	_, err = conn.WaitForNotification(wait)
	if err == nil {
		return true, nil
	}
	if ctx.Err() != nil || !pgconn.Timeout(err) {
		return false, err
	}
	ping, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return false, conn.Ping(ping)
}

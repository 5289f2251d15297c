package postgres

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// How long the database may take. Nobody waits for it without end: a network can swallow questions and answers without a word.
const (
	connectTimeout = 5 * time.Second  // for a connection, when the URL does not say
	answerTimeout  = 10 * time.Second // for a connection of the pool, and for a statement
	awayTimeout    = 2 * time.Second  // the same, while the database is known to be away
	workTimeout    = 5 * time.Minute  // for a statement of background work, see patient
	pingTimeout    = 2 * time.Second
)

// What the database is told about connections, unless the URL says something else.
const (
	// lockTimeout bounds the wait for a lock that somebody else holds; then the call fails and may be repeated.
	lockTimeout = "5s"
	// idleTimeout ends the transaction of a process that hangs in it, or whose network is cut: the rows that it locked are needed by others.
	idleTimeout = "5s"
	// Connections of machines that are gone are found out after a minute, and not after hours, as there are only so many of them.
	keepaliveIdle, keepaliveInterval, keepaliveCount = "30", "10", "3"
)

// setPatience sets what a connection waits for.
func setPatience(cfg *pgxpool.Config) {
	params := cfg.ConnConfig.RuntimeParams
	for name, value := range map[string]string{
		"lock_timeout": lockTimeout, "idle_in_transaction_session_timeout": idleTimeout,
		"tcp_keepalives_idle": keepaliveIdle, "tcp_keepalives_interval": keepaliveInterval, "tcp_keepalives_count": keepaliveCount,
	} {
		if params[name] == "" {
			params[name] = value
		}
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
}

// limiter bounds what connections of the pool wait for. It implements pgx's tracers, whose contexts are those of the calls.
type limiter struct{ s *Store }

// Contexts carry how to end the limit of a call, and that it is one of background work.
type (
	limitKey struct{}
	workKey  struct{}
)

// patient returns a context for background work, which may take longer than what somebody waits for.
func patient(ctx context.Context) context.Context { return context.WithValue(ctx, workKey{}, true) }

func (l limiter) begin(ctx context.Context) context.Context {
	most := answerTimeout
	switch {
	case ctx.Value(workKey{}) != nil:
		most = workTimeout
	case l.s.away.Load():
		most = awayTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	return context.WithValue(ctx, limitKey{}, cancel)
}

func (limiter) end(ctx context.Context) {
	if cancel, ok := ctx.Value(limitKey{}).(context.CancelFunc); ok {
		cancel()
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (l limiter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return l.begin(ctx)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (l limiter) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) { l.end(ctx) }

// TraceBatchStart implements pgx.BatchTracer.
func (l limiter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return l.begin(ctx)
}

// TraceBatchQuery implements pgx.BatchTracer.
func (limiter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (l limiter) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) { l.end(ctx) }

// TraceAcquireStart implements pgxpool.AcquireTracer.
func (l limiter) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	return l.begin(ctx)
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (l limiter) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireEndData) {
	l.end(ctx)
}

// jitter returns a time around d, so that processes which lost the database together do not all come back at the same moment.
func jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Int64N(int64(d))) //nolint:gosec // it needs no secrecy
}

// Package postgres keeps Steward's records in PostgreSQL, for installations of more than one process or machine.
//
//	s, err := postgres.Open(ctx, "postgres://steward@db.internal/steward", nil)
//
// It implements store.Store; several processes may share one database. The writes of many callers (Submit, RecordStep,
// Finish) are gathered into one statement and one commit: while a commit is on its way to disk the next callers queue up and
// go together. Claims take rows with FOR UPDATE SKIP LOCKED, so that workers do not wait for each other; only claims with
// limits take turns, over an advisory lock, because a limit is a sum over rows of all workers.
// NOTIFY wakes the workers of other processes.
package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// Options tunes a Store. The zero value is ready to use.
type Options struct {
	MaxConns int          // connections besides the listening one; 0 means what the URL says (pool_max_conns), or 16
	Logger   *slog.Logger // nil means slog.Default()
	// Clock is for tests: it returns the time by which leases are granted and judged, given the caller's. nil means the clock
	// of the database, so that machines whose clocks differ agree on every lease.
	Clock func(caller time.Time) time.Time
}

// Store is an open database. Safe for concurrent use.
type Store struct {
	pool      *pgxpool.Pool
	log       *slog.Logger
	submit    *batcher[*submission]
	steps     *batcher[*stepRecord]
	finish    *batcher[*finishing]
	turns     turns
	clock     func(caller time.Time) time.Time // nil means the database's
	claimedAt storerow.Latest                  // Now of the claims
	away      atomic.Bool                      // the database did not answer when it was asked last
	ahead     atomic.Int64                     // how far the clock of leases was ahead of Now at the latest claim, in microseconds

	lists listCache // of what lists are made of

	ready  chan struct{}
	stop   context.CancelFunc
	closed sync.Once
	wg     sync.WaitGroup
}

var _ store.Store = (*Store)(nil)

// Open connects to the database that url names and brings its schema up to date. nil opts is fine.
//
// Errors: Invalid for the URL; Conflict when the database is of a newer program; Unavailable when it cannot be reached.
func Open(ctx context.Context, url string, opts *Options) (*Store, error) {
	o := withDefaults(opts)
	cfg, err := poolConfig(url, o)
	if err != nil {
		return nil, err
	}
	if err := Migrate(ctx, url); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s := &Store{log: o.Logger, clock: o.Clock, ready: make(chan struct{}, 1)}
	listener := cfg.ConnConfig.Copy() // which waits as long as nothing is to be heard
	cfg.ConnConfig.Tracer = limiter{s}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, translate("open database", err)
	}
	s.pool = pool
	if err := s.fillLists(patient(ctx)); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	s.submit = newBatcher(maxBatch, submissionWeight, s.submitBatch)
	s.steps = newBatcher(maxBatch, stepWeight, s.stepBatch)
	s.finish = newBatcher(maxBatch, finishWeight, s.finishBatch)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.wg.Go(func() { s.listen(background, listener) })
	s.wg.Go(func() { s.fold(patient(background)) })
	s.wg.Go(func() { s.foldBooks(patient(background)) })
	return s, nil
}

func withDefaults(opts *Options) Options {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// poolConfig says how connections are made.
func poolConfig(url string, o Options) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, badURL(err)
	}
	if named, err := pgx.ParseConfig(url); err == nil && named.RuntimeParams["pool_max_conns"] == "" {
		cfg.MaxConns = 16
	}
	if o.MaxConns > 0 {
		cfg.MaxConns = int32(min(o.MaxConns, 10_000))
	}
	params := cfg.ConnConfig.RuntimeParams
	setGround(params)
	// Every query has its index. Plans are kept for the life of a connection, and one that was made while the tables were
	// small must not scan them when they are large.
	params["enable_seqscan"] = "off"
	params["enable_hashjoin"] = "off"
	params["enable_mergejoin"] = "off"
	params["jit"] = "off"
	setPatience(cfg)
	cfg.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		c.TypeMap().RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
		})
		return nil
	}
	return cfg, nil
}

// setGround sets what every connection relies on, whatever the role, the database or the URL say.
func setGround(params map[string]string) {
	params["application_name"] = "steward"
	params["timezone"] = "UTC"
	params["synchronous_commit"] = "on"
	params["default_transaction_isolation"] = "read committed"
}

// leaseTime returns the time by which leases are measured, null for the database's clock.
func (s *Store) leaseTime(caller time.Time) pgtype.Timestamptz {
	if s.clock == nil {
		return pgtype.Timestamptz{}
	}
	return stamp(s.clock(caller))
}

// Ping reports whether the database answers, and soon.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return translate("ping", s.pool.Ping(ctx))
}

// Close waits for running writes and closes the connections. The Store must not be used afterwards.
func (s *Store) Close() error {
	s.closed.Do(func() {
		s.submit.close()
		s.steps.close()
		s.finish.close()
		s.stop()
		s.wg.Wait()
		s.pool.Close()
	})
	return nil
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// retry runs fn again when the database broke it off to resolve a deadlock, and when it was never sent.
func retry(fn func() error) error {
	for try := 1; ; try++ {
		err := fn()
		if err == nil || try >= maxTries || !repeatable(err) {
			return err
		}
	}
}

// inTx runs fn in a transaction and commits it. See retry.
func (s *Store) inTx(ctx context.Context, op string, fn func(tx pgx.Tx) error) error {
	return translate(op, retry(func() error {
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if err := fn(tx); err != nil {
				return err
			}
			return failpoint.HitOf("postgres.commit.before", op)
		})
		if err == nil {
			failpoint.PassOf("postgres.commit.after", op)
		}
		return err
	}))
}

// single runs fn, which sends a statement that is a transaction of its own.
func single(op string, fn func() error) error {
	if err := failpoint.HitOf("postgres.statement.before", op); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err
	}
	failpoint.PassOf("postgres.statement.after", op)
	return nil
}

// change runs a statement that is a transaction of its own, and returns how many rows it changed.
func (s *Store) change(ctx context.Context, op, sql string, args ...any) (rows int64, err error) {
	err = single(op, func() error {
		tag, err := s.pool.Exec(ctx, sql, args...)
		rows = tag.RowsAffected()
		return err
	})
	return rows, err
}

// snapshot runs queries that see one state of the database.
func (s *Store) snapshot(ctx context.Context, op string, batch *pgx.Batch) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return translate(op, pgx.BeginTxFunc(ctx, s.pool, options, func(tx pgx.Tx) error {
		return tx.SendBatch(ctx, batch).Close()
	}))
}

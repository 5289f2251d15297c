// Command riverpg measures River on PostgreSQL: the reference of the benchmark jobs.nostep.postgres.
//
//	riverpg -url postgres://… -jobs 20000
//
// Its callers insert no-op jobs one by one, each durable before the next, while its workers run them. It prints how many jobs
// a second went all the way, as a bare number. It is a module of its own because the River that runs on SQLite is an older one.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "riverpg:", err)
		os.Exit(1)
	}
}

// args are the arguments of a job that does nothing.
type args struct{}

// Kind implements river.JobArgs.
func (args) Kind() string { return "noop" }

// worker does nothing and counts.
type worker struct {
	river.WorkerDefaults[args]
}

// Work implements river.Worker.
func (worker) Work(context.Context, *river.Job[args]) error { return nil }

func run(ctx context.Context) error {
	url := flag.String("url", "", "database, empty")
	jobs := flag.Int("jobs", 20_000, "jobs to run")
	callers := flag.Int("callers", 64, "goroutines that insert")
	workers := flag.Int("workers", 128, "jobs worked on at once")
	flag.Parse()
	pool, err := connect(ctx, *url)
	if err != nil {
		return err
	}
	defer pool.Close()
	registry := river.NewWorkers()
	river.AddWorker(registry, &worker{})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: *workers}},
		Workers:           registry,
		FetchCooldown:     time.Millisecond,
		FetchPollInterval: 50 * time.Millisecond,
		Logger:            slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	if err := client.Start(ctx); err != nil {
		return fmt.Errorf("start client: %w", err)
	}
	insert := func(ctx context.Context) error {
		_, err := client.Insert(ctx, args{}, nil)
		return err
	}
	events, cancel := client.SubscribeConfig(&river.SubscribeConfig{Kinds: []river.EventKind{river.EventKindJobCompleted}, ChanSize: *jobs * 2})
	defer cancel()
	if _, err := measure(ctx, *jobs/10, *callers, insert, events); err != nil { // warm up
		return err
	}
	rate, err := measure(ctx, *jobs, *callers, insert, events)
	if err != nil {
		return err
	}
	fmt.Printf("%.1f\n", rate)
	return client.Stop(ctx)
}

// connect opens the database and brings it to River's schema.
func connect(ctx context.Context, url string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read database URL: %w", err)
	}
	cfg.MaxConns = 32
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	migrator, err := rivermigrate.New[pgx.Tx](riverpgxv5.New(pool), nil)
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return pool, nil
}

// measure inserts n jobs from many callers, waits until all are completed and returns the jobs per second.
func measure(ctx context.Context, n, callers int, insert func(context.Context) error, events <-chan *river.Event) (float64, error) {
	var next atomic.Int64
	var failed atomic.Value
	var wg sync.WaitGroup
	start := time.Now()
	for range callers {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				if err := insert(ctx); err != nil {
					failed.CompareAndSwap(nil, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err, ok := failed.Load().(error); ok {
		return 0, fmt.Errorf("insert job: %w", err)
	}
	for range n {
		select {
		case <-events:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(time.Minute):
			return 0, fmt.Errorf("jobs got lost: %d were inserted", n)
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// Command river is River on PostgreSQL for the comparison: jobs of three steps.
//
// Its steps are River's resumable ones with a checkpoint of their own (ResumableSetStepTx), since the checkpoints that River writes by
// itself are written when an attempt ends, so a kill takes them along. The last step ends the job in the transaction that
// records it (JobCompleteTx), so that its end is known at once: River's own completions and their events come in batches, every 50 ms.
//
// Roles: work (a client that works and inserts), drive (a client that only inserts).
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/stewardhq/steward/bench/compare/wire"
)

func main() { wire.Main(start) }

// Settings.
const (
	maxWorkers  = 128
	connections = 32
	// A job that its worker left is found by its age alone: River does not know which clients live. The default is an hour. As it has to be
	// longer than any job may take, these are as short as the steps of this comparison allow.
	jobTimeout  = 9 * time.Second
	rescueAfter = 10 * time.Second
)

// args are the arguments of a job.
type args struct {
	Job string `json:"job,omitempty"` // key; "" means that the steps tell nobody
}

// Kind implements river.JobArgs.
func (args) Kind() string { return "steps" }

// worker does the steps.
type worker struct {
	river.WorkerDefaults[args]
	house   *house
	stepper *wire.Stepper
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, job *river.Job[args]) error {
	for n := 1; n <= wire.Steps; n++ {
		river.ResumableStep(ctx, "step"+strconv.Itoa(n), nil, func(ctx context.Context) error { return w.step(ctx, job, n) })
	}
	return nil
}

// step does one step and records it with its value.
func (w *worker) step(ctx context.Context, job *river.Job[args], n int) error {
	value, err := w.stepper.Do(ctx, job.Args.Job, n)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, w.house.pool, func(tx pgx.Tx) error {
		if n == wire.Steps {
			if err := river.RecordOutput(ctx, value); err != nil {
				return err
			}
			_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
			return err
		}
		_, err := river.ResumableSetStepTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
	if err == nil && n == wire.Steps {
		close(w.house.wait(job.ID))
	}
	return err
}

func start(ctx context.Context, role string) (*wire.Program, func(), error) {
	pool, err := connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	h := &house{pool: pool, waiting: map[int64]chan struct{}{}, ids: map[string]int64{}}
	switch role {
	case "work":
		err = h.work(ctx)
	case "drive":
		h.client, err = river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: quiet()})
	default:
		err = fmt.Errorf("no role %q", role)
	}
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return &wire.Program{Run: h.run, Submit: h.submit, Ended: h.ended}, pool.Close, nil
}

// connect opens the database and brings it to River's schema.
func connect(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(os.Getenv(wire.EnvDatabase))
	if err != nil {
		return nil, fmt.Errorf("read database URL: %w", err)
	}
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: quiet()})
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return pool, nil
}

// quiet keeps what River reports out of the way, but for errors.
func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// house is a client and the callers that wait for the ends of jobs.
type house struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]

	mu      sync.Mutex
	waiting map[int64]chan struct{} // by job; closed when it has ended
	ids     map[string]int64        // of jobs that were submitted under a key
}

// work starts a client that works.
func (h *house) work(ctx context.Context) error {
	registry := river.NewWorkers()
	river.AddWorker(registry, &worker{house: h, stepper: wire.NewStepper()})
	client, err := river.NewClient(riverpgxv5.New(h.pool), &river.Config{
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxWorkers}},
		Workers: registry,
		// "Throughput is limited by this value", says its documentation; this is the least that it may be.
		FetchCooldown:        river.FetchCooldownMin,
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		Logger:               quiet(),
	})
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	h.client = client
	return client.Start(ctx)
}

// wait returns what is closed when a job has ended. It is asked twice, by the one who waits and by the job's end, in any order.
func (h *house) wait(id int64) chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.waiting[id]; c != nil {
		delete(h.waiting, id)
		return c
	}
	c := make(chan struct{})
	h.waiting[id] = c
	return c
}

func (h *house) run(ctx context.Context) error {
	job, err := h.client.Insert(ctx, args{}, nil)
	if err != nil {
		return err
	}
	select {
	case <-h.wait(job.Job.ID):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Minute):
		return fmt.Errorf("job %d did not end within a minute", job.Job.ID)
	}
}

func (h *house) submit(ctx context.Context, job string) error {
	inserted, err := h.client.Insert(ctx, args{Job: job}, nil)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids[job] = inserted.Job.ID
	return nil
}

func (h *house) ended(ctx context.Context, jobs []string) (n int, err error) {
	ids := make([]int64, 0, len(jobs))
	h.mu.Lock()
	for _, job := range jobs {
		ids = append(ids, h.ids[job])
	}
	h.mu.Unlock()
	return n, h.pool.QueryRow(ctx, `SELECT count(*) FROM river_job WHERE state = 'completed' AND id = ANY($1)`, ids).Scan(&n)
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver that riversqlite runs on here
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

// riverArgs are the arguments of a job for River.
type riverArgs struct {
	Text string `json:"text"`
}

// Kind implements river.JobArgs.
func (riverArgs) Kind() string { return "steps" }

// riverWorker records steps in a table of its own, each in a small transaction.
type riverWorker struct {
	river.WorkerDefaults[riverArgs]
	db    *sql.DB
	steps int
}

// Work implements river.Worker.
func (w *riverWorker) Work(ctx context.Context, job *river.Job[riverArgs]) error {
	for i := range w.steps {
		_, err := w.db.ExecContext(ctx, `UPDATE bench_jobs SET step = ?, output = '"ok"' WHERE id = ?`, i+1, job.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// riverSQLite measures River on SQLite with the same work: jobs inserted one by one by many callers, as many steps recorded
// by the worker as small transactions. River runs on one connection, as its documentation asks for on SQLite.
func riverSQLite(ctx context.Context, env *env, steps, n int) (rate float64, err error) {
	dir, remove, err := env.folder("river")
	if err != nil {
		return 0, err
	}
	defer remove()
	db, err := openSQLite(ctx, filepath.Join(dir, "river.db"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	migrator, err := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: quietLog()})
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	if _, err := db.ExecContext(ctx, `CREATE TABLE bench_jobs (id INTEGER PRIMARY KEY, step INTEGER NOT NULL DEFAULT 0, output TEXT)`); err != nil {
		return 0, fmt.Errorf("make table: %w", err)
	}
	return riverRate(ctx, db, steps, n)
}

func riverRate(ctx context.Context, db *sql.DB, steps, n int) (float64, error) {
	registry := river.NewWorkers()
	river.AddWorker(registry, &riverWorker{db: db, steps: steps})
	client, err := river.NewClient(riversqlite.New(db), &river.Config{
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
		Workers:           registry,
		FetchCooldown:     time.Millisecond,
		FetchPollInterval: 10 * time.Millisecond,
		Logger:            quietLog(),
	})
	if err != nil {
		return 0, fmt.Errorf("make client: %w", err)
	}
	if err := client.Start(ctx); err != nil {
		return 0, fmt.Errorf("start client: %w", err)
	}
	var finished tally
	events, cancel := client.SubscribeConfig(&river.SubscribeConfig{Kinds: []river.EventKind{river.EventKindJobCompleted}, ChanSize: 2 * n})
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		for range events {
			finished.add()
		}
	}()
	rate, err := throughput(ctx, n, &finished, func(ctx context.Context, _ int) error {
		_, err := client.Insert(ctx, riverArgs{Text: "hello"}, nil)
		return err
	})
	cancel()
	<-counted
	return rate, errors.Join(err, client.Stop(ctx))
}

// openSQLite opens a database with the pragmas of Steward's own, WAL and fsync on every commit, on one connection with a cache of
// statements, which is how River does best here.
func openSQLite(ctx context.Context, path string) (*sql.DB, error) {
	pragmas := url.Values{
		"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_busy_timeout": {"10000"}, "_txlock": {"immediate"}, "_cache_size": {"-16000"}, "_stmt_cache_size": {"100"},
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?"+pragmas.Encode())
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "PRAGMA wal_autocheckpoint = 4000"); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), db.Close())
	}
	return db, nil
}

// riverPostgres measures River on PostgreSQL with the program in riverpg, which needs a newer River than SQLite does.
func riverPostgres(ctx context.Context, url string, n int) (float64, error) {
	dir, err := benchDir()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, "go", "run", ".", "-url", url, "-jobs", strconv.Itoa(n), "-callers", strconv.Itoa(callers), "-workers", strconv.Itoa(workers))
	cmd.Dir, cmd.Stderr = filepath.Join(dir, "riverpg"), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("river: %w", err)
	}
	rate, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		return 0, fmt.Errorf("river: %w", err)
	}
	return rate, nil
}

// benchDir finds the folder of this program's source from the working folder: it is the folder itself, or bench below it.
func benchDir() (string, error) {
	for _, dir := range []string{".", "bench"} {
		if _, err := os.Stat(filepath.Join(dir, "riverpg", "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("run it in the project's folder or in bench")
}

// quietLog keeps what other programs report out of the way, but for errors.
func quietLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

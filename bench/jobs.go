package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// withHouse runs fn with a job service over a store and closes both.
func withHouse(ctx context.Context, s store.Store, e *stepEngine, fn func(h *house) error) (err error) {
	defer func() { err = errors.Join(err, s.Close()) }()
	h, err := openHouse(ctx, s, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	return fn(h)
}

// withSQLite runs fn with a job service over a new SQLite database.
func withSQLite(ctx context.Context, env *env, e *stepEngine, fn func(h *house) error) error {
	dir, remove, err := env.folder("jobs")
	if err != nil {
		return err
	}
	defer remove()
	s, err := sqlite.Open(ctx, filepath.Join(dir, "steward.db"), nil)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	return withHouse(ctx, s, e, fn)
}

func noStepSQLite(ctx context.Context, env *env) (result, error) {
	return stepsSQLite(ctx, env, 0, 40_000, 8_000)
}

func threeStepSQLite(ctx context.Context, env *env) (result, error) {
	return stepsSQLite(ctx, env, 3, 20_000, 3_000)
}

// stepsSQLite measures jobs of a number of steps on SQLite: ours, River's, and a bare claim loop.
func stepsSQLite(ctx context.Context, env *env, steps, jobs, riverJobs int) (result, error) {
	r := result{Unit: "1/s"}
	err := withSQLite(ctx, env, &stepEngine{id: "StepEngine", steps: steps}, func(h *house) error {
		rate, err := h.rate(env.count(jobs))
		r.Value = round(rate)
		return err
	})
	if err != nil {
		return r, err
	}
	rate, err := riverSQLite(ctx, env, steps, env.count(riverJobs))
	if err != nil {
		return r, fmt.Errorf("river: %w", err)
	}
	r.compare("river", rate)
	if rate, err = claimLoop(ctx, env, env.count(200_000)); err != nil {
		return r, fmt.Errorf("claim loop: %w", err)
	}
	r.bound("claim loop", rate)
	return r, nil
}

func noStepPostgres(ctx context.Context, env *env) (result, error) {
	r := result{Unit: "1/s"}
	err := withPostgres(ctx, func(url string) error {
		s, err := postgres.Open(ctx, url, &postgres.Options{Logger: env.log})
		if err != nil {
			return fmt.Errorf("open store: %w", err)
		}
		return withHouse(ctx, s, &stepEngine{id: "StepEngine"}, func(h *house) error {
			rate, err := h.rate(env.count(40_000))
			r.Value = round(rate)
			return err
		})
	})
	if err != nil {
		return r, err
	}
	return r, withPostgres(ctx, func(url string) error {
		rate, err := riverPostgres(ctx, url, env.count(8_000))
		r.compare("river", rate)
		return err
	})
}

// inFlight is how many jobs are between submission and end in start.p99.sqlite.
const inFlight = 100

// startSQLite measures how long a job waits from the call of Submit to the first line of its engine.
func startSQLite(ctx context.Context, env *env) (result, error) {
	r := result{Unit: "ms"}
	var mu sync.Mutex
	var waits []time.Duration
	ended := make(chan struct{}, inFlight)
	e := &stepEngine{id: "StepEngine", started: func(run *engine.Run) {
		now := time.Now()
		var at stamped
		if err := json.Unmarshal(run.Job.Metadata, &at); err != nil {
			panic("a benchmark's own metadata: " + err.Error())
		}
		mu.Lock()
		waits = append(waits, now.Sub(time.Unix(0, at.At)))
		mu.Unlock()
		ended <- struct{}{}
	}}
	n := env.count(20_000)
	err := withSQLite(ctx, env, e, func(h *house) error {
		done := h.finished.expect(n)
		if err := each(ctx, n, inFlight, func(ctx context.Context, _ int) error {
			if err := h.submit(stampNow()); err != nil {
				return err
			}
			// One job started for each that was submitted: inFlight jobs are under way all the time.
			select {
			case <-ended:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}); err != nil {
			return err
		}
		<-done
		return nil
	})
	if err != nil {
		return r, err
	}
	waits = waits[len(waits)/10:] // the first tenth warms up
	r.Value = round(float64(percentile(waits, 0.99)) / float64(time.Millisecond))
	env.log.Info("start", "p50", percentile(waits, 0.5), "p90", percentile(waits, 0.9), "max", waits[len(waits)-1])
	return r, nil
}

// Command dbos is DBOS Transact on PostgreSQL for the comparison: workflows of three steps, started and awaited in the process that
// runs them, as its documentation begins with. Its queues would put a poll between start and first step.
//
// Roles: work (runs workflows), drive (looks at them).
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stewardhq/steward/bench/compare/wire"
)

func main() { wire.Main(start) }

// Settings.
const (
	application = "compare"
	connections = 32 // its own pool would have 20
	// Without it the version is a hash of the program, and a workflow is taken up again by the same version only.
	version = "compare-1"
	grace   = 5 * time.Second
)

func start(ctx context.Context, role string) (*wire.Program, func(), error) {
	config, err := pgxpool.ParseConfig(os.Getenv(wire.EnvDatabase))
	if err != nil {
		return nil, nil, fmt.Errorf("read database URL: %w", err)
	}
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, nil, fmt.Errorf("open database: %w", err)
	}
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	switch role {
	case "work":
		return work(ctx, pool, quiet)
	case "drive":
		return drive(ctx, pool, quiet)
	}
	return nil, nil, fmt.Errorf("no role %q", role)
}

// work runs workflows, and takes up those that an earlier process of the same id left, which is all processes that are given none.
func work(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) (*wire.Program, func(), error) {
	c, err := dbos.NewContext(ctx, dbos.Config{AppName: application, SystemDBPool: pool, ApplicationVersion: version, Logger: log})
	if err != nil {
		return nil, nil, err
	}
	stepper := wire.NewStepper()
	steps := func(ctx dbos.Context, job string) (string, error) {
		value := ""
		for n := 1; n <= wire.Steps; n++ {
			var err error
			if value, err = dbos.RunAsStep(ctx, func(ctx context.Context) (string, error) { return stepper.Do(ctx, job, n) }); err != nil {
				return "", err
			}
		}
		return value, nil
	}
	dbos.RegisterWorkflow(c, steps, dbos.WithWorkflowName("steps"))
	if err := dbos.Launch(c); err != nil {
		return nil, nil, err
	}
	p := &wire.Program{
		Run: func(context.Context) error {
			h, err := dbos.RunWorkflow(c, steps, "")
			if err != nil {
				return err
			}
			_, err = h.GetResult()
			return err
		},
		Submit: func(_ context.Context, job string) error {
			_, err := dbos.RunWorkflow(c, steps, job, dbos.WithWorkflowID(job))
			return err
		},
	}
	return p, func() { _ = dbos.Shutdown(c, grace) }, nil // nothing is running any more
}

// drive looks at workflows.
func drive(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) (*wire.Program, func(), error) {
	c, err := dbos.NewClient(ctx, dbos.ClientConfig{AppName: application, SystemDBPool: pool, Logger: log})
	if err != nil {
		return nil, nil, err
	}
	ended := func(_ context.Context, jobs []string) (int, error) {
		list, err := dbos.ListWorkflows(c, dbos.WithFilterWorkflowIDs(jobs...), dbos.WithFilterStatus(dbos.WorkflowStatusSuccess),
			dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(false))
		return len(list), err
	}
	return &wire.Program{Ended: ended}, func() { _ = dbos.Shutdown(c, grace) }, nil // nothing is running any more
}

// Command server is a Steward server for crash tests: the real one, with an engine beside its own that tells an observer outside
// of the process what it did.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/backup"
	"github.com/stewardhq/steward/internal/crashtest/effects"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
)

// build tells builds apart (-ldflags "-X main.build=…").
var build = "a" //nolint:gochecknoglobals // set by the linker

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "crash server:", err)
		code := 1
		if errors.Is(err, app.ErrDiskFailed) {
			code = app.ExitDiskFailed
		}
		os.Exit(code) //nolint:gocritic // the signal handler dies with the process
	}
}

func run(ctx context.Context) (err error) {
	data := flag.String("data", "", "data folder, with the configuration in steward.yaml")
	socket := flag.String("effects", "", "unix socket to tell effects to")
	fault := flag.String("fault", "", "be wrong on purpose: see enginetest.CrashFaults")
	target := flag.String("backup", "", "do not serve: take a backup of the data folder, to this path")
	from := flag.String("restore", "", "do not serve: put the backup at this path into the data folder")
	flag.Parse()
	if *from != "" {
		_, err := backup.Restore(ctx, backup.RestoreParams{Path: *from, Data: *data})
		return err
	}
	sender := effects.NewSender(*socket)
	pid := os.Getpid()
	tell := func(ctx context.Context, run *engine.Run, step, key string) error {
		e := effects.Effect{Kind: effects.Step, Job: run.Job.ID, Step: step, Attempt: run.Job.Attempt, PID: pid, Key: key}
		if key != "" {
			e.Kind = effects.Keyed
		}
		_, err := sender.Send(ctx, e)
		return err
	}
	config, err := app.Load(app.LoadParams{Getenv: func(string) string { return "" }, Override: func(c *app.Config) { c.Data = *data }})
	if err != nil {
		return err
	}
	if *target != "" {
		_, err := backup.Create(ctx, backup.CreateParams{Target: *target, Program: build, Source: backup.Source{
			Data: config.Data, Database: config.Database, Files: config.Files, SecretKey: config.SecretKeyFile,
		}})
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := app.Open(ctx, config, app.Options{
		Version: build, Logger: log, Engines: []engine.Engine{enginetest.Crash{Effect: tell, Fault: *fault}},
		Getenv: func(string) string { return "" },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Serve(ctx)
}

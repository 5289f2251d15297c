// Command server is a Steward server for crash tests: the real one, with an engine of three steps that tells an observer
// outside the process what it did.
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
		os.Exit(1) //nolint:gocritic // the signal handler dies with the process
	}
}

func run(ctx context.Context) (err error) {
	data := flag.String("data", "", "data folder")
	listen := flag.String("listen", "", "host:port")
	effects := flag.String("effects", "", "file that the engine appends its effects to")
	database := flag.String("database", "", "postgres:// URL; SQLite otherwise")
	flag.Parse()
	rec, err := enginetest.OpenRecorder(*effects)
	if err != nil {
		return err
	}
	config := app.Defaults()
	config.Data, config.Listen, config.Database = *data, *listen, *database
	// Kills come faster here than a job on a busy machine gets through its first step, and three of them would make it poison. What
	// poison means has tests of its own.
	config.Workers.MaxCrashes = 1000
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := app.Open(ctx, config, app.Options{
		Version: build, Logger: log, Engines: []engine.Engine{enginetest.Steps{N: 3, Effect: rec.Record}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Serve(ctx)
}

// Command sweep kills a Steward server at each of its failpoints and says whether it kept its word. Its standard output is one JSON line.
//
//	go run ./internal/crashtest/sweep -seed 1
//	go run ./internal/crashtest/sweep -only blob.
//	STEWARD_TEST_POSTGRES_URL=postgres://… go run ./internal/crashtest/sweep -database postgres
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stewardhq/steward/internal/crashtest"
	"github.com/stewardhq/steward/internal/crashtest/program"
)

func main() { program.Main("sweep", run) }

func run(ctx context.Context) (err error) {
	seed := flag.Uint64("seed", 1, "of what clients do and of which later hit kills")
	only := flag.String("only", "", "sweep the points whose names begin so")
	database := flag.String("database", "sqlite", "sqlite or postgres, on the server that STEWARD_TEST_POSTGRES_URL names")
	once := flag.Bool("once", false, "at the first hit of each point alone, not at a later one as well")
	keep := flag.String("keep", "", "folder to leave worlds with faults in; a temporary one that is deleted otherwise")
	built := flag.String("built", "", "folder with the servers of an earlier sweep (its -keep), which are used again instead of building them")
	flag.Parse()
	folder, drop, err := program.Folder(*keep, "sweep")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	o := crashtest.SweepOptions{Seed: *seed, Only: *only, Once: *once, Folder: folder, Cache: crashtest.CacheFolder(), Progress: func(text string) { fmt.Fprintln(os.Stderr, text) }}
	switch *database {
	case "sqlite":
	case "postgres":
		o.Database = func(ctx context.Context) (string, func(), error) {
			return crashtest.Database(ctx, os.Getenv("STEWARD_TEST_POSTGRES_URL"))
		}
	default:
		return fmt.Errorf("-database %q: must be sqlite or postgres", *database)
	}
	if err := servers(ctx, &o, *built); err != nil {
		return err
	}
	report, err := crashtest.Sweep(ctx, o)
	if err != nil {
		return err
	}
	return program.Finish(report, report.Faults)
}

// servers builds the servers, or takes those that are there.
func servers(ctx context.Context, o *crashtest.SweepOptions, built string) (err error) {
	if built != "" {
		o.Builds = []string{filepath.Join(built, "server-a"), filepath.Join(built, "server-b")}
		o.Armed = filepath.Join(built, "server-armed")
		return nil
	}
	if o.Builds, err = crashtest.Builds(ctx, o.Folder); err != nil {
		return err
	}
	o.Armed, err = crashtest.ArmedBuild(ctx, o.Folder)
	return err
}

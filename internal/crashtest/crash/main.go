// Command crash kills a Steward server under load, again and again, and says whether it kept its word. Its standard output is one JSON line.
//
//	go run ./internal/crashtest/crash -rounds 50 -seed 1
//	STEWARD_TEST_POSTGRES_URL=postgres://… go run ./internal/crashtest/crash -rounds 50 -seed 1 -database postgres
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/stewardhq/steward/internal/crashtest"
	"github.com/stewardhq/steward/internal/crashtest/program"
)

func main() { program.Main("crash", run) }

func run(ctx context.Context) (err error) {
	rounds := flag.Int("rounds", 50, "how often to kill")
	seed := flag.Uint64("seed", 1, "of what clients do and of the moments of the kills")
	database := flag.String("database", "sqlite", "sqlite or postgres, on the server that STEWARD_TEST_POSTGRES_URL names")
	keep := flag.String("keep", "", "folder to leave everything in; a temporary one that is deleted otherwise")
	flag.Parse()
	if *rounds < 1 {
		return fmt.Errorf("-rounds %d: must be at least 1", *rounds)
	}
	folder, drop, err := program.Folder(*keep, "crash")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	o := crashtest.Options{Rounds: *rounds, Seed: *seed, Folder: folder, Cache: crashtest.CacheFolder(), Progress: func(n int) {
		if n%50 == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d rounds\n", n, *rounds)
		}
	}}
	if o.Builds, err = crashtest.Builds(ctx, folder); err != nil {
		return err
	}
	switch *database {
	case "sqlite":
	case "postgres":
		url, drop, err := crashtest.Database(ctx, os.Getenv("STEWARD_TEST_POSTGRES_URL"))
		if err != nil {
			return err
		}
		defer drop()
		o.Database = url
	default:
		return fmt.Errorf("-database %q: must be sqlite or postgres", *database)
	}
	report, _, err := crashtest.Run(ctx, o)
	if err != nil {
		return err
	}
	return program.Finish(report, report.Faults)
}

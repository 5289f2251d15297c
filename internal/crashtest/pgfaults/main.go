// Command pgfaults lets a PostgreSQL server, and the network to it, fail under two servers that answer requests and two that work, in one way
// after the other, and says whether they kept their word. Its standard output is one JSON line a scenario, and one for all.
//
//	STEWARD_TEST_POSTGRES_URL=postgres://… go run ./internal/crashtest/pgfaults -seed 1
//	STEWARD_TEST_POSTGRES_URL=postgres://… go run ./internal/crashtest/pgfaults -only worker_cut,api_cut
//
// The server of the URL lends its programs only: the one that fails is another.
package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"strings"
	"time"

	"github.com/stewardhq/steward/internal/crashtest"
	"github.com/stewardhq/steward/internal/crashtest/program"
)

func main() { program.Main("pgfaults", run) }

func run(ctx context.Context) (err error) {
	seed := flag.Uint64("seed", 1, "of what clients do")
	only := flag.String("only", "", "scenarios, separated by commas; all when empty: "+strings.Join(crashtest.ScenarioNames(), ", "))
	fault := flag.String("fault", "", "be wrong on purpose, to show that this is noticed")
	slack := flag.Duration("slack", time.Second, "what a busy machine may add to all that has to come soon")
	keep := flag.String("keep", "", "folder to leave everything in; a temporary one that is deleted otherwise")
	flag.Parse()
	folder, drop, err := program.Folder(*keep, "pgfaults")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	o := crashtest.DatabaseOptions{
		Seed: *seed, Server: os.Getenv("STEWARD_TEST_POSTGRES_URL"), Folder: folder, Cache: crashtest.CacheFolder(), Fault: *fault, Slack: *slack,
		Progress: func(s *crashtest.Scene) { program.Print(s) },
	}
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	if o.Builds, err = crashtest.Builds(ctx, folder); err != nil {
		return err
	}
	report, _, err := crashtest.Faults(ctx, o)
	if err != nil {
		return err
	}
	return program.Finish(report, report.Faults)
}

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
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stewardhq/steward/internal/crashtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "pgfaults:", err)
		os.Exit(1) //nolint:gocritic // the signal handler dies with the process
	}
}

func run(ctx context.Context) (err error) {
	seed := flag.Uint64("seed", 1, "of what clients do")
	only := flag.String("only", "", "scenarios, separated by commas; all when empty: "+strings.Join(crashtest.ScenarioNames(), ", "))
	fault := flag.String("fault", "", "be wrong on purpose, to show that this is noticed")
	slack := flag.Duration("slack", time.Second, "what a busy machine may add to all that has to come soon")
	keep := flag.String("keep", "", "folder to leave everything in; a temporary one that is deleted otherwise")
	flag.Parse()
	folder := *keep
	if folder == "" {
		if folder, err = os.MkdirTemp("", "steward-pgfaults"); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	} else if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	o := crashtest.DatabaseOptions{
		Seed: *seed, Server: os.Getenv("STEWARD_TEST_POSTGRES_URL"), Folder: folder, Cache: cacheFolder(), Fault: *fault, Slack: *slack,
		Progress: func(s *crashtest.Scene) { printLine(s) },
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
	printLine(report)
	if report.Faults > 0 {
		return fmt.Errorf("%d faults", report.Faults)
	}
	return nil
}

func printLine(v any) {
	line, err := json.Marshal(v)
	if err != nil {
		line = []byte(err.Error()) // of numbers and texts: it cannot happen
	}
	fmt.Println(string(line))
}

// cacheFolder is where the program keeps the compiled PDF engine for its user.
func cacheFolder() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "steward")
}

// Command crash kills a Steward server under load, again and again, and says whether it kept its word. Its standard output is one JSON line.
//
//	go run ./internal/crashtest/crash -rounds 50 -seed 1
//	STEWARD_TEST_POSTGRES_URL=postgres://… go run ./internal/crashtest/crash -rounds 50 -seed 1 -database postgres
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
	"syscall"

	"github.com/stewardhq/steward/internal/crashtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1) //nolint:gocritic // the signal handler dies with the process
	}
}

func run(ctx context.Context) (err error) {
	rounds := flag.Int("rounds", 50, "how often to kill")
	seed := flag.Uint64("seed", 1, "of what clients do and of the moments of the kills")
	database := flag.String("database", "sqlite", "sqlite or postgres, on the server that STEWARD_TEST_POSTGRES_URL names")
	keep := flag.String("keep", "", "folder to leave everything in; a temporary one that is deleted otherwise")
	flag.Parse()
	folder := *keep
	if folder == "" {
		if folder, err = os.MkdirTemp("", "steward-crash"); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	} else if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	o := crashtest.Options{Rounds: *rounds, Seed: *seed, Folder: folder, Cache: cacheFolder(), Progress: func(n int) {
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
	line, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	fmt.Println(string(line))
	if report.Faults > 0 {
		return fmt.Errorf("%d faults", report.Faults)
	}
	return nil
}

// cacheFolder is where the program keeps the compiled PDF engine for its user.
func cacheFolder() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "steward")
}

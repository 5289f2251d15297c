// Command sweep kills a Steward server at each of its failpoints and says whether it kept its word. Its standard output is one JSON line.
//
//	go run ./internal/crashtest/sweep -seed 1
//	go run ./internal/crashtest/sweep -only blob.
//	STEWARD_TEST_POSTGRES_URL=postgres://… go run ./internal/crashtest/sweep -database postgres
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
		fmt.Fprintln(os.Stderr, "sweep:", err)
		os.Exit(1) //nolint:gocritic // the signal handler dies with the process
	}
}

func run(ctx context.Context) (err error) {
	seed := flag.Uint64("seed", 1, "of what clients do and of which later hit kills")
	only := flag.String("only", "", "sweep the points whose names begin so")
	database := flag.String("database", "sqlite", "sqlite or postgres, on the server that STEWARD_TEST_POSTGRES_URL names")
	once := flag.Bool("once", false, "at the first hit of each point alone, not at a later one as well")
	keep := flag.String("keep", "", "folder to leave worlds with faults in; a temporary one that is deleted otherwise")
	built := flag.String("built", "", "folder with the servers of an earlier sweep (its -keep), which are used again instead of building them")
	flag.Parse()
	folder := *keep
	if folder == "" {
		if folder, err = os.MkdirTemp("", "steward-sweep"); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	} else if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	o := crashtest.SweepOptions{Seed: *seed, Only: *only, Once: *once, Folder: folder, Cache: cacheFolder(), Progress: func(text string) { fmt.Fprintln(os.Stderr, text) }}
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

// cacheFolder is where the program keeps the compiled PDF engine for its user.
func cacheFolder() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "steward")
}

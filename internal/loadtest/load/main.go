// Command load puts a Steward server under load and says whether it stood it: one JSON line on standard output for each scenario.
//
//	go run ./internal/loadtest/load
//	go run ./internal/loadtest/load -only pollers,overload -scale 0.1
//	go run ./internal/loadtest/load -only soak -duration 1h
//	STEWARD_TEST_POSTGRES_URL=postgres://… go run ./internal/loadtest/load -database postgres
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/stewardhq/steward/internal/crashtest"
	"github.com/stewardhq/steward/internal/crashtest/program"
	"github.com/stewardhq/steward/internal/loadtest"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == loadtest.ServeArg {
		os.Exit(loadtest.Serve(os.Args[2:]))
	}
	program.Main("load", run)
}

func run(ctx context.Context) (err error) {
	only := flag.String("only", "", "scenarios, separated by commas; all when empty: "+strings.Join(loadtest.Names(), ", "))
	scale := flag.Float64("scale", 1, "of the numbers of clients, jobs and uploads, and of the times")
	duration := flag.Duration("duration", 0, "of the soak; 0 means an hour times the scale")
	seed := flag.Uint64("seed", 1, "of what clients do")
	database := flag.String("database", "sqlite", "sqlite or postgres, on the server that STEWARD_TEST_POSTGRES_URL names")
	dir := flag.String("dir", "", "folder for databases and files; a temporary one that is deleted otherwise")
	lenient := flag.Bool("lenient", false, "look at no threshold of times, on a machine that is busy besides")
	flag.Parse()
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	folder, err := os.MkdirTemp(*dir, "steward-load")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	o := loadtest.Options{
		Scale: *scale, Duration: *duration, Seed: *seed, Folder: folder, Cache: crashtest.CacheFolder(), Program: self, Lenient: *lenient,
		Progress: func(text string) { fmt.Fprintln(os.Stderr, time.Now().Format(time.TimeOnly), text) },
	}
	if *database != "sqlite" && *database != "postgres" {
		return fmt.Errorf("-database %q: must be sqlite or postgres", *database)
	}
	names := loadtest.Names()
	if *only != "" {
		names = strings.Split(*only, ",")
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, one(ctx, strings.TrimSpace(name), o, *database == "postgres"))
	}
	return errors.Join(errs...)
}

// one runs a scenario on a database of its own and prints its line.
func one(ctx context.Context, name string, o loadtest.Options, postgres bool) error {
	if postgres {
		url, drop, err := crashtest.Database(ctx, os.Getenv("STEWARD_TEST_POSTGRES_URL"))
		if err != nil {
			return err
		}
		defer drop()
		o.Database = url
	}
	o.Progress(name)
	line, err := loadtest.Run(ctx, name, o)
	if err != nil {
		return err
	}
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode line: %w", err)
	}
	fmt.Println(string(text))
	if len(line.Broken) > 0 {
		return fmt.Errorf("%s: %s", name, strings.Join(line.Broken, "; "))
	}
	return nil
}

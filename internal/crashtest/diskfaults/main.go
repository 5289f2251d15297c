// Command diskfaults runs a Steward server on a small disk of its own that is filled, fails and is tampered with, and says whether it
// kept its word. Its standard output is one JSON line for each scenario and one for all of them.
//
//	go run ./internal/crashtest/diskfaults -seed 1
//	go run ./internal/crashtest/diskfaults -only full,sync_log
//
// It takes Linux, strace, and root or user namespaces, for mounts that only it sees.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/stewardhq/steward/internal/crashtest"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
	"github.com/stewardhq/steward/internal/crashtest/program"
)

func main() {
	done, code, err := crashtest.Mountable()
	if err == nil && !done {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = run(ctx)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "diskfaults:", err)
		code = 1
	}
	os.Exit(code)
}

func run(ctx context.Context) (err error) {
	seed := flag.Uint64("seed", 1, "of what clients do")
	only := flag.String("only", "", "names of scenarios, with commas between; all otherwise")
	builds := flag.String("builds", "", "servers to use, with commas between; they are built otherwise")
	keep := flag.String("keep", "", "folder to leave everything in; a temporary one that is deleted otherwise")
	flag.Parse()
	folder, drop, err := program.Folder(*keep, "disk")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	o := crashtest.DiskOptions{Seed: *seed, Folder: folder, Cache: crashtest.CacheFolder(), Progress: func(s *crashtest.DiskScene) { program.Print(s) }}
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	if *builds != "" {
		o.Builds = strings.Split(*builds, ",")
	} else if o.Builds, err = crashtest.Builds(ctx, folder); err != nil {
		return err
	}
	report, world, err := crashtest.DiskFaults(ctx, o)
	if err != nil {
		return err
	}
	if report.Faults > 0 {
		for _, f := range oracle.Judge(world).Faults {
			fmt.Fprintln(os.Stderr, f)
		}
	}
	return program.Finish(report, report.Faults)
}

// Command run makes the network bad between a server and those that it depends on. Its standard output is one JSON line for each
// scenario and one for all of them.
//
//	go run ./internal/crashtest/netfaults/run
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/stewardhq/steward/internal/crashtest/netfaults"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "netfaults:", err)
		os.Exit(1) //nolint:gocritic // the signal handler dies with the process
	}
}

func run(ctx context.Context) (err error) {
	short := flag.Bool("short", false, "leave out the scenarios that wait for time-outs of 10 s and more")
	only := flag.String("only", "", "a scenario's name")
	flag.Parse()
	folder, err := os.MkdirTemp("", "steward-netfaults")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	report, err := netfaults.Run(ctx, netfaults.Options{Folder: folder, Long: !*short, Only: *only, Each: func(r netfaults.Result) { printLine(r) }})
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
		panic(err) // plain structs always encode
	}
	fmt.Println(string(line))
}

// Command run makes the network bad between a server and those that it depends on. Its standard output is one JSON line for each
// scenario and one for all of them.
//
//	go run ./internal/crashtest/netfaults/run
package main

import (
	"context"
	"errors"
	"flag"

	"github.com/stewardhq/steward/internal/crashtest/netfaults"
	"github.com/stewardhq/steward/internal/crashtest/program"
)

func main() { program.Main("netfaults", run) }

func run(ctx context.Context) (err error) {
	short := flag.Bool("short", false, "leave out the scenarios that wait for time-outs of 10 s and more")
	only := flag.String("only", "", "a scenario's name")
	flag.Parse()
	folder, drop, err := program.Folder("", "netfaults")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	report, err := netfaults.Run(ctx, netfaults.Options{Folder: folder, Long: !*short, Only: *only, Each: func(r netfaults.Result) { program.Print(r) }})
	if err != nil {
		return err
	}
	return program.Finish(report, report.Faults)
}

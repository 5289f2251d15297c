// Package program is what the programs around the crash tests have in common: they can be interrupted, work in a folder that goes with them,
// and print lines of JSON.
package program

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Main runs a program of that name until it has ended, or is interrupted, and exits with 1 after an error.
func Main(name string, run func(ctx context.Context) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// Folder makes the folder keep, which stays, or when that is "" a temporary one, which drop deletes.
func Folder(keep, name string) (folder string, drop func() error, err error) {
	if keep != "" {
		if err := os.MkdirAll(keep, 0o700); err != nil {
			return "", nil, fmt.Errorf("make folder: %w", err)
		}
		return keep, func() error { return nil }, nil
	}
	if folder, err = os.MkdirTemp("", "steward-"+name); err != nil {
		return "", nil, fmt.Errorf("make folder: %w", err)
	}
	return folder, func() error { return os.RemoveAll(folder) }, nil
}

// Print writes a line of JSON to standard output. v is a plain struct or map, which always encodes.
func Print(v any) {
	line, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

// Finish prints a report, and fails when it counts faults.
func Finish(report any, faults int) error {
	Print(report)
	if faults > 0 {
		return fmt.Errorf("%d faults", faults)
	}
	return nil
}

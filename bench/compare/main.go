// Command compare runs the same job of three durable steps on Steward and on other systems that keep jobs, on this machine and in one go:
//
//	compare                              all
//	compare -only steward-sqlite,river   some
//	compare -list                        their names
//
// It measures how many jobs go through in a second with 64 in flight, how long one takes from its submission to its end (with 1 and with
// 64 in flight), and how long it takes after a kill -9 in the middle of the second step of a hundred jobs, of the process that works and
// of the server that it works for, until the first of them goes on and until all have ended. What steps were done is counted by a
// log outside of all these processes, each line of which is on disk before the step goes on.
//
// It prints one JSON object a line on standard output, one for each figure; progress and a table for people go to standard error:
//
//	{"name":"compare.throughput64","system":"river","value":1204,"unit":"jobs/s","runs":[1180,1204,1251]}
//
// Figures are medians of the repetitions, in which the systems take turns; counts (lost, repeated, redone) are sums. Each system's program
// stands in a folder of its own, where its settings are explained; what they have in common is in package wire. Everything that is acknowledged is on disk, in all
// of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options say what is measured.
type options struct {
	systems  []system
	seconds  float64 // of each load with many jobs in flight; that with one takes 0.4 of it
	repeats  int
	jobs     int           // that a kill interrupts
	patience time.Duration // for jobs to end after a kill
	folder   string        // for databases, on the disk whose fsync counts; "" means the one for temporary files
}

// run is the program. It returns the exit code: 0, 1 when something could not be measured, 2 for bad arguments.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	log := slog.New(slog.NewTextHandler(stderr, nil))
	o, list, err := parse(args, stderr)
	if err != nil {
		log.Error("bad arguments", "error", err)
		return 2
	}
	if list {
		for _, s := range o.systems {
			_, err = fmt.Fprintln(stdout, s.name)
		}
	} else {
		err = measure(ctx, o, log, stdout, stderr)
	}
	if err != nil {
		log.Error("not measured", "error", err)
		return 1
	}
	return 0
}

// parse reads the arguments.
func parse(args []string, stderr io.Writer) (o options, list bool, err error) {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "systems to run, separated by commas; a name's first part (steward) stands for all of its kind")
	flags.BoolVar(&list, "list", false, "print the names and stop")
	flags.Float64Var(&o.seconds, "seconds", 4, "length of each load")
	flags.IntVar(&o.repeats, "repeats", 3, "repetitions")
	flags.IntVar(&o.jobs, "jobs", 100, "jobs that each kill interrupts")
	flags.DurationVar(&o.patience, "patience", time.Minute, "how long jobs may take to end after a kill")
	flags.StringVar(&o.folder, "dir", "", "folder for databases; empty means the one for temporary files")
	if err := flags.Parse(args); err != nil {
		return o, false, err
	}
	if flags.NArg() > 0 || o.seconds <= 0 || o.repeats < 1 || o.jobs < 1 {
		return o, false, errors.New("want flags only, and numbers above 0")
	}
	o.systems, err = choose(*only)
	return o, list, err
}

// choose returns the systems of a list of names.
func choose(only string) ([]system, error) {
	known := systems()
	if only == "" {
		return known, nil
	}
	var chosen []system
	for name := range strings.SplitSeq(only, ",") {
		name = strings.TrimSpace(name)
		n := len(chosen)
		for _, s := range known {
			if s.name == name || strings.HasPrefix(s.name, name+"-") {
				chosen = append(chosen, s)
			}
		}
		if len(chosen) == n {
			return nil, errors.New("no system is called " + name + "; see -list")
		}
	}
	return chosen, nil
}

// measure sets everything up, measures, and prints.
func measure(ctx context.Context, o options, log *slog.Logger, stdout, stderr io.Writer) (err error) {
	w, err := openWorkshop(ctx, o, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	begun := time.Now()
	var all report
	var failed []error
	for n := range o.repeats {
		for i := range o.systems {
			s := o.systems[(i+n)%len(o.systems)] // none is always the first
			start := time.Now()
			figures, err := w.round(ctx, s, n)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				log.Error("system failed", "system", s.name, "repetition", n+1, "error", err)
				failed = append(failed, fmt.Errorf("%s: %w", s.name, err))
			}
			all.add(s.name, figures)
			log.Info("measured", "system", s.name, "repetition", n+1, "took", time.Since(start).Round(time.Millisecond))
		}
	}
	log.Info("all measured", "took", time.Since(begun).Round(time.Second))
	names := make([]string, 0, len(o.systems))
	for _, s := range o.systems {
		names = append(names, s.name)
	}
	failed = append(failed, all.print(stdout, names), all.table(stderr, names))
	return errors.Join(failed...)
}

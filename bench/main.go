// Command bench measures what Steward's users wait for, each figure beside a reference and a limit of the same machine.
//
//	bench                                    everything
//	bench -only jobs.nostep.sqlite,http.status.sqlite
//	bench -list                              the names
//
// It prints one JSON object a line on standard output and nothing else; progress goes to standard error:
//
//	{"name":"jobs.nostep.sqlite","value":8123,"unit":"1/s","reference":"river","reference_value":2100,"ratio":3.9,"limit":"claim loop","limit_value":44000}
//
// ratio is value by reference_value. Fields about a reference or a limit are there when one was measured, in the same run.
// Every write that is measured is durable: fsync on every commit, for the reference as well.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	if done, err := doTask(ctx); done {
		stop()
		if err != nil {
			slog.Error("task failed", "error", err)
			os.Exit(1)
		}
		return
	}
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// result is one line of output.
type result struct {
	Name           string   `json:"name"`
	Value          float64  `json:"value"`
	Unit           string   `json:"unit"`
	Reference      string   `json:"reference,omitempty"`
	ReferenceValue *float64 `json:"reference_value,omitempty"`
	Ratio          *float64 `json:"ratio,omitempty"`
	Limit          string   `json:"limit,omitempty"`
	LimitValue     *float64 `json:"limit_value,omitempty"`
}

// compare adds a reference.
func (r *result) compare(name string, value float64) {
	value = round(value)
	r.Reference, r.ReferenceValue = name, &value
	if value > 0 {
		ratio := math.Round(r.Value/value*100) / 100
		r.Ratio = &ratio
	}
}

// bound adds a limit.
func (r *result) bound(name string, value float64) {
	value = round(value)
	r.Limit, r.LimitValue = name, &value
}

// round keeps four significant digits.
func round(v float64) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// benchmark measures one figure.
type benchmark struct {
	name string
	run  func(ctx context.Context, e *env) (result, error)
}

// env is what benchmarks share.
type env struct {
	dir   string  // for databases; on the disk whose fsync counts
	scale float64 // of the amount of work
	log   *slog.Logger
}

// count scales a number of jobs or calls.
func (e *env) count(n int) int { return max(int(float64(n)*e.scale), 100) }

// folder makes a new folder for one database.
func (e *env) folder(name string) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp(e.dir, "steward-bench-"+name+"-")
	if err != nil {
		return "", nil, fmt.Errorf("make folder: %w", err)
	}
	return dir, func() {
		if err := os.RemoveAll(dir); err != nil {
			e.log.Warn("folder not removed", "error", err)
		}
	}, nil
}

func benchmarks() []benchmark {
	return []benchmark{
		{"jobs.nostep.sqlite", noStepSQLite},
		{"jobs.threestep.sqlite", threeStepSQLite},
		{"jobs.nostep.postgres", noStepPostgres},
		{"start.p99.sqlite", startSQLite},
		{"http.create.sqlite", httpCreateSQLite},
		{"http.status.sqlite", httpStatusSQLite},
		{"http.runmany1000.sqlite", httpRunManySQLite},
		{"http.statuses1000.sqlite", httpStatusesSQLite},
		{"http.joblist.p99.sqlite", httpJobListSQLite},
		{"http.joblist.p99.postgres", httpJobListPostgres},
		{"webhooks.deliveries.sqlite", webhookDeliveriesSQLite},
		{"pdf.text200", pdfText200},
		{"pdf.images200", pdfImages200},
		{"pdf.images200.memory", pdfImages200Memory},
		{"pdf.images10x200.memory", pdfImages10x200Memory},
		{"model.overhead", modelOverhead},
		{"model.waiting1000", modelWaiting},
	}
}

// run is the program. It returns the exit code: 0, 1 when a benchmark failed, 2 for bad arguments.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	log := slog.New(slog.NewTextHandler(stderr, nil))
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "names to run, separated by commas; empty means all")
	list := flags.Bool("list", false, "print the names and stop")
	dir := flags.String("dir", "", "folder for databases; empty means the one for temporary files")
	profile := flags.String("cpuprofile", "", "write a CPU profile of this program to a file")
	scale := flags.Float64("scale", 1, "how much work, for quick looks: figures of less than 1 are rough")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	chosen, err := choose(*only)
	if err != nil {
		log.Error("bad arguments", "error", err)
		return 2
	}
	if *list {
		return printNames(stdout, log, chosen)
	}
	if *profile != "" {
		stop, err := startProfile(*profile)
		if err != nil {
			log.Error("bad arguments", "error", err)
			return 2
		}
		defer stop()
	}
	return measureAll(ctx, &env{dir: *dir, scale: *scale, log: log}, chosen, stdout)
}

// printNames prints the names of benchmarks, one a line.
func printNames(stdout io.Writer, log *slog.Logger, list []benchmark) int {
	for _, b := range list {
		if _, err := io.WriteString(stdout, b.name+"\n"); err != nil {
			log.Error("names not printed", "error", err)
			return 1
		}
	}
	return 0
}

// measureAll runs benchmarks and prints a line for each that succeeds.
func measureAll(ctx context.Context, e *env, chosen []benchmark, stdout io.Writer) int {
	code, log := 0, e.log
	for _, b := range chosen {
		start := time.Now()
		r, err := b.run(ctx, e)
		if err != nil {
			log.Error("benchmark failed", "name", b.name, "error", err)
			code = 1
			continue
		}
		log.Info("measured", "name", b.name, "took", time.Since(start).Round(time.Millisecond))
		r.Name = b.name
		if err := json.NewEncoder(stdout).Encode(r); err != nil {
			log.Error("result not printed", "error", err)
			return 1
		}
	}
	return code
}

// choose returns the benchmarks of a list of names.
func choose(only string) ([]benchmark, error) {
	known := benchmarks()
	if only == "" {
		return known, nil
	}
	var chosen []benchmark
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(known, func(b benchmark) bool { return b.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, errors.New("no benchmark is called " + name + "; see -list")
		}
		chosen = append(chosen, known[i])
	}
	return chosen, nil
}

// startProfile profiles this program until stop is called.
func startProfile(path string) (stop func(), err error) {
	f, err := os.Create(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, fmt.Errorf("write profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("start profile: %w", err), f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // the profile was written by the line above; a failure shows when it is read
	}, nil
}

// Package loadtest puts a Steward server under load, in a process of its own, and says whether it stood it.
//
//	line, err := loadtest.Run(ctx, "pollers", loadtest.Options{Scale: 1, Seed: 1, Folder: folder, Program: program})
//
// Each scenario starts a server with its default configuration, unless it says otherwise, measures, and compares with its thresholds. The
// clients are in the process of the test and share the machine with the server: what they cost comes off what is measured.
//
// The program that Options name is one whose main calls Serve when its first argument is ServeArg.
package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Options says how to test.
type Options struct {
	Scale    float64       // of the numbers of clients, jobs and uploads: 1 is the full form
	Duration time.Duration // of the soak; 0 means an hour times Scale
	Seed     uint64        // of what clients do
	Database string        // URL of an empty PostgreSQL database; "" means SQLite
	Folder   string        // for everything that is written
	Cache    string        // where the compiled PDF engine is kept; "" means a folder of each server
	Program  string        // starts itself as the server; see Serve

	// Lenient does not look at thresholds of times, for machines that do other things besides: what must never happen is looked at.
	Lenient bool

	Progress func(text string) // may be nil
}

// count scales a number, to at least least.
func (o *Options) count(n, least int) int { return max(int(float64(n)*o.Scale), least) }

// span scales a time, to at least least.
func (o *Options) span(d, least time.Duration) time.Duration {
	return max(time.Duration(float64(d)*o.Scale), least)
}

func (o *Options) say(format string, args ...any) {
	if o.Progress != nil {
		o.Progress(fmt.Sprintf(format, args...))
	}
}

// Line is what a scenario found. It is printed as one line: its figures beside the fields.
type Line struct {
	Name     string
	Database string
	Seed     uint64
	Seconds  float64
	Figures  map[string]float64
	Broken   []string // thresholds that were not kept

	lenient bool
}

// MarshalJSON implements json.Marshaler. Figures come in the order of their names.
func (l *Line) MarshalJSON() ([]byte, error) {
	head, err := json.Marshal(struct {
		Name     string  `json:"name"`
		Database string  `json:"database"`
		Seed     uint64  `json:"seed"`
		Seconds  float64 `json:"seconds"`
		OK       bool    `json:"ok"`
	}{l.Name, l.Database, l.Seed, round(l.Seconds), len(l.Broken) == 0})
	if err != nil {
		return nil, err
	}
	b := head[:len(head)-1]
	for _, name := range slices.Sorted(maps.Keys(l.Figures)) {
		value, err := json.Marshal(round(l.Figures[name]))
		if err != nil {
			return nil, fmt.Errorf("figure %s: %w", name, err)
		}
		b = fmt.Appendf(b, ",%q:%s", name, value)
	}
	if len(l.Broken) > 0 {
		broken, err := json.Marshal(l.Broken)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"broken":`...), broken...)
	}
	return append(b, '}'), nil
}

// round keeps four significant digits, and all of whole numbers.
func round(v float64) float64 {
	if v == math.Trunc(v) || math.IsNaN(v) || math.IsInf(v, 0) {
		return v
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// set notes a figure.
func (l *Line) set(name string, value float64) { l.Figures[name] = value }

// ms notes a time in milliseconds.
func (l *Line) ms(name string, d time.Duration) { l.set(name, float64(d.Microseconds())/1000) }

// mb notes bytes in millions of them, as is usual.
func (l *Line) mb(name string, bytes int64) { l.set(name, float64(bytes)/1e6) }

// want notes that something must never happen, or always.
func (l *Line) want(ok bool, format string, args ...any) {
	if !ok {
		l.Broken = append(l.Broken, fmt.Sprintf(format, args...))
	}
}

// most notes a threshold of a figure that depends on how fast the machine is, and on what else it does.
func (l *Line) most(name string, limit float64) {
	l.want(l.lenient || l.Figures[name] <= limit, "%s is %v, want at most %v", name, round(l.Figures[name]), limit)
}

// least is most the other way round.
func (l *Line) least(name string, limit float64) {
	l.want(l.lenient || l.Figures[name] >= limit, "%s is %v, want at least %v", name, round(l.Figures[name]), limit)
}

// scenario measures one thing.
type scenario func(ctx context.Context, o *Options, l *Line) error

func scenarios() map[string]scenario {
	return map[string]scenario{
		"pollers": pollers, "uploads": uploads, "million": million, "soak": soak, "slow": slow, "overload": overload,
	}
}

// Names lists the scenarios, in the order in which they are run.
func Names() []string { return []string{"pollers", "uploads", "million", "soak", "slow", "overload"} }

// Run runs a scenario. An error means that it could not be carried out; whether the thresholds were kept, the line says.
func Run(ctx context.Context, name string, o Options) (*Line, error) {
	run, known := scenarios()[name]
	if !known {
		return nil, fmt.Errorf("no scenario is called %q; there are %v", name, Names())
	}
	if o.Scale <= 0 {
		return nil, errors.New("the scale must be above 0")
	}
	l := &Line{Name: "load." + name, Database: "sqlite", Seed: o.Seed, Figures: map[string]float64{}, lenient: o.Lenient}
	if o.Database != "" {
		l.Database = "postgres"
	}
	began := time.Now()
	if err := run(ctx, &o, l); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	l.Seconds = time.Since(began).Seconds()
	return l, nil
}

// withServer runs fn against a new server, and stops it well afterwards.
func withServer(ctx context.Context, o *Options, name string, config object, fn func(p *process) error) error {
	return withServerIn(ctx, o, name, nil, config, fn)
}

// withServerIn is withServer for a server that has variables in its environment besides the test's own.
func withServerIn(ctx context.Context, o *Options, name string, env []string, config object, fn func(p *process) error) (err error) {
	p, err := newProcess(ctx, o, name, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.end()) }()
	p.env = env
	if err := p.start(ctx); err != nil {
		return err
	}
	if err := fn(p); err != nil {
		return errors.Join(err, p.words())
	}
	return p.stop()
}

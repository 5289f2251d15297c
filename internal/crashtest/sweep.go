package crashtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/effects"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
	"github.com/stewardhq/steward/internal/failpoint"
)

// SweepOptions says which failpoints to sweep, and how.
type SweepOptions struct {
	Seed     uint64                                                         // of what clients do and of which later hit kills
	Database func(ctx context.Context) (url string, drop func(), err error) // makes an empty PostgreSQL database; nil means SQLite
	Folder   string                                                         // for everything that is written
	Builds   []string                                                       // see Builds
	Armed    string                                                         // see ArmedBuild
	Cache    string                                                         // see Options
	Only     string                                                         // points whose names begin so; "" means all
	Points   []string                                                       // these points alone; nil means all
	Once     bool                                                           // at their first hit alone, not at a later one as well
	Progress func(text string)
}

// SweepReport is what a sweep found. It is printed as one line.
type SweepReport struct {
	Name           string   `json:"name"`
	Database       string   `json:"database"`
	Seed           uint64   `json:"seed"`
	Points         int      `json:"points"`
	Crashes        int      `json:"crashes"`
	Worlds         int      `json:"worlds"`
	Acknowledged   int      `json:"acknowledged"`
	Resumed        int      `json:"resumed_jobs"`
	Lost           int      `json:"lost"`
	RepeatedSteps  int      `json:"repeated_steps"`
	DoubledEffects int      `json:"doubled_effects"`
	Unreached      []string `json:"unreached"` // points that nothing came to; each is a fault as well
	Excepted       []string `json:"excepted"`  // points that are not swept, for reasons that are listed with them
	Seconds        float64  `json:"seconds"`
	Faults         int      `json:"faults"`
	FirstFaults    []string `json:"first_faults,omitempty"`
}

// crash is a point that kills a process.
type crash struct {
	point string
	hit   int // from the time at which the point is armed
	route route
}

func (c *crash) String() string { return fmt.Sprintf("%s@%d", c.point, c.hit) }

func (c *crash) spec() string { return fmt.Sprintf("%s=kill@%d; %s", c.point, c.hit, c.route.also) }

// chainLength is how many crashes one world goes through before it is judged.
const chainLength = 12

// sweep is a sweep under way.
type sweep struct {
	o      SweepOptions
	report SweepReport
	worlds int
}

// Sweep kills a server at each failpoint, has one without faults go on, and has the oracle judge what is left. Crashes of one kind follow
// one another in one world; when the judge finds something there, each is done once more alone, to tell which it was.
func Sweep(ctx context.Context, o SweepOptions) (*SweepReport, error) {
	if o.Cache == "" {
		o.Cache = filepath.Join(o.Folder, "cache")
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	s := &sweep{o: o, report: SweepReport{Name: "failpoints", Database: "sqlite", Seed: o.Seed, Unreached: []string{}, Excepted: []string{}}}
	if o.Database != nil {
		s.report.Database = "postgres"
	}
	began := time.Now()
	chains, err := s.plan()
	if err != nil {
		return nil, err
	}
	for i, chain := range chains {
		o.Progress(fmt.Sprintf("%d of %d worlds: %s …", i+1, len(chains), chain[0].point))
		if err := s.chain(ctx, chain); err != nil {
			return nil, err
		}
	}
	s.report.Worlds = s.worlds
	s.report.Faults = len(s.report.FirstFaults)
	s.report.FirstFaults = s.report.FirstFaults[:min(len(s.report.FirstFaults), 20)]
	s.report.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	return &s.report, nil
}

// plan lists the crashes, in chains that share a world.
func (s *sweep) plan() (chains [][]crash, err error) {
	random := rand.New(rand.NewPCG(s.o.Seed, 2)) //nolint:gosec // a repeatable test
	of := map[way][]crash{}
	for _, name := range s.names() {
		r := routeOf(name, s.report.Database)
		if r.way == never {
			s.report.Excepted = append(s.report.Excepted, name)
			continue
		}
		s.report.Points++
		hits := []int{1}
		switch {
		case s.o.Once, r.once:
		case r.hits > 0:
			for n := 2; n <= r.hits; n++ {
				hits = append(hits, n)
			}
		case r.way == atWork:
			hits = append(hits, 2+random.IntN(3))
		}
		for _, n := range hits {
			of[r.way] = append(of[r.way], crash{name, n, r})
		}
	}
	if s.report.Points == 0 {
		return nil, fmt.Errorf("there is no failpoint for %s that begins with %q", s.report.Database, s.o.Only)
	}
	for _, w := range []way{atFirst, atStart, atWork, atStop, atBackup, atRestore} {
		list := of[w]
		// In another order with another seed: what a crash leaves behind meets another one.
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for chunk := range slices.Chunk(list, chainLength) {
			chains = append(chains, chunk)
		}
	}
	return chains, nil
}

// names lists the points of the database that are asked for.
func (s *sweep) names() (names []string) {
	other := map[string]string{"sqlite": "postgres.", "postgres": "sqlite."}[s.report.Database]
	for _, name := range failpoint.Names() {
		if strings.HasPrefix(name, other) || !strings.HasPrefix(name, s.o.Only) || s.o.Points != nil && !slices.Contains(s.o.Points, name) {
			continue
		}
		names = append(names, name)
	}
	return names
}

// chain crashes in one world, and once more alone when something is wrong.
func (s *sweep) chain(ctx context.Context, chain []crash) error {
	faults, err := s.world(ctx, chain)
	if err != nil || len(faults) == 0 {
		return err
	}
	s.o.Progress(fmt.Sprintf("%d faults, the first: %s", len(faults), faults[0]))
	alone := 0
	if len(chain) > 1 {
		for i := range chain {
			s.o.Progress("once more alone: " + chain[i].String())
			own, err := s.world(ctx, chain[i:i+1])
			if err != nil {
				return err
			}
			alone += len(own)
			s.found(own, chain[i:i+1])
		}
	}
	if alone == 0 {
		s.found(faults, chain)
	}
	return nil
}

// found notes faults.
func (s *sweep) found(faults []string, chain []crash) {
	names := make([]string, len(chain))
	for i := range chain {
		names[i] = chain[i].String()
	}
	for _, f := range faults {
		s.report.FirstFaults = append(s.report.FirstFaults, strings.Join(names, ", ")+": "+f)
	}
}

// budget is more than all jobs of a world cost: with a budget, model calls hold money while they are under way.
const budget = 1000

// world goes through crashes in a world of their own and returns what is wrong in it afterwards.
func (s *sweep) world(ctx context.Context, chain []crash) (faults []string, err error) {
	s.worlds++
	o := Options{Seed: s.o.Seed, Folder: filepath.Join(s.o.Folder, fmt.Sprintf("world-%d", s.worlds)), Builds: s.o.Builds, Cache: s.o.Cache, Budget: budget}
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of a world: %w", err)
	}
	if s.o.Database != nil {
		url, drop, err := s.o.Database(ctx)
		if err != nil {
			return nil, err
		}
		defer drop()
		o.Database = url
	}
	w := &crashWorld{
		run:    &run{o: o, backups: &backups{}, random: rand.New(rand.NewPCG(s.o.Seed, uint64(s.worlds)))}, //nolint:gosec // a repeatable test
		armed:  s.o.Armed,
		report: &s.report,
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	defer w.release() // nothing, when it was released before
	err = w.all(ctx, chain)
	if err != nil && ctx.Err() == nil {
		// A server that does not start any more, for one: it is what the test looks for.
		text, _ := os.ReadFile(filepath.Join(o.Folder, "main.log")) // there may be none
		w.faults = append(w.faults, fmt.Sprintf("%v\n%s", err, text[max(0, len(text)-2000):]))
		err = nil
	}
	if err == nil && len(w.faults) == 0 {
		err = os.RemoveAll(o.Folder) // a world that is as it should be is of no further use
	}
	return w.faults, err
}

// crashWorld is a world in which processes are killed at failpoints.
type crashWorld struct {
	*run
	armed    string
	report   *SweepReport
	settings *settings
	rounds   int
	faults   []string
	after    []func() error // undo what a crash needed
}

func (w *crashWorld) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// release undoes what crashes needed.
func (w *crashWorld) release() {
	for _, undo := range w.after {
		if err := undo(); err != nil {
			w.fault("%v", err)
		}
	}
	w.after = nil
}

// all goes through a chain, all of one way.
func (w *crashWorld) all(ctx context.Context, chain []crash) error {
	switch chain[0].route.way {
	case atFirst:
		return w.firsts(ctx, chain)
	case atRestore:
		return w.restores(ctx, chain)
	}
	if err := w.prepare(ctx); err != nil {
		return err
	}
	w.settings = newSettings(w.load.client)
	defer w.settings.close()
	for i := range chain {
		one := w.crash
		if chain[i].route.way == atBackup {
			one = w.backup
		}
		if err := one(ctx, &chain[i]); err != nil {
			return fmt.Errorf("%s: %w", &chain[i], err)
		}
	}
	return w.judge(ctx)
}

// judge lets a server without faults do all that is left, and has everything looked at.
func (w *crashWorld) judge(ctx context.Context) error {
	if err := w.main.start(w.o.Builds[0]); err != nil {
		return err
	}
	if err := w.main.ready(ctx); err != nil {
		return err
	}
	if err := w.settings.finish(ctx); err != nil {
		return err
	}
	w.faults = append(w.faults, w.settings.faults...)
	if err := w.main.stop(); err != nil {
		return err
	}
	if err := w.finish(ctx); err != nil {
		return err
	}
	world, err := w.world(ctx)
	if err != nil {
		return err
	}
	world.Strays = append(world.Strays, w.strays()...)
	r := w.run.report(world)
	w.report.Acknowledged += r.Acknowledged
	w.report.Resumed += r.Resumed
	w.report.Lost += r.Lost
	w.report.RepeatedSteps += r.RepeatedSteps
	w.report.DoubledEffects += r.DoubledEffects
	w.faults = append(w.faults, r.FirstFaults...)
	return nil
}

// strays lists the files that nobody needs in the data folder and beside the secret key.
func (w *crashWorld) strays() (all []string) {
	for folder, known := range map[string][]string{
		w.main.folder: {"steward.yaml", "steward.db", "steward.db-wal", "steward.db-shm", "steward.db-mark", "lock", "node", "credentials.json", "cache", "tmp", "files"},
		w.o.Folder:    {"main", "second", "files", "cache", "main.log", "second.log", "catalogue.json", "secret.key", "effects.jsonl", pointsFile, pointsFile + failpoint.Seen, "backups"},
	} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			w.fault("%v", err)
		}
		for _, e := range entries {
			if !slices.Contains(known, e.Name()) {
				all = append(all, filepath.Join(folder, e.Name()))
			}
		}
	}
	return all
}

// pointsFile is where a process that runs is told its failpoints, in the folder of its world.
const pointsFile = "failpoints"

// Times of a sweep.
const (
	reach  = 25 * time.Second // in which the work of clients comes to a point
	starts = 20 * time.Second // in which a start comes to one
)

// crash has a server die at a point.
func (w *crashWorld) crash(ctx context.Context, c *crash) error {
	defer w.release()
	if c.route.before != nil {
		after, err := c.route.before(ctx, w)
		if err != nil {
			return err
		}
		if after != nil {
			w.after = append(w.after, after)
		}
	}
	file := filepath.Join(w.o.Folder, pointsFile)
	w.main.env = []string{failpoint.FileVariable + "=" + file}
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.RemoveAll(file+failpoint.Seen)); err != nil {
		return fmt.Errorf("disarm failpoints: %w", err)
	}
	if c.route.way == atStart {
		w.main.env = append(w.main.env, failpoint.Variable+"="+c.spec())
	}
	if err := w.main.start(w.armed); err != nil {
		return err
	}
	w.main.env = nil
	died := w.main.watch()
	if c.route.way == atStart {
		return w.dead(ctx, c, died, starts)
	}
	if err := w.main.ready(ctx); err != nil {
		return err
	}
	if c.route.way != atStop {
		if err := arm(ctx, file, c.spec(), died); err != nil {
			return err
		}
	}
	work, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.work(work)
	}()
	defer func() { stop(); <-done }()
	if c.route.way == atStop {
		// A job that is running when the server stops, and for longer than it has.
		o, err := w.holdOne(ctx)
		if err != nil {
			return err
		}
		defer w.load.later(o)
		if err := arm(ctx, file, c.spec(), died); err != nil {
			return err
		}
		if err := w.main.terminate(); err != nil {
			return err
		}
	}
	return w.dead(ctx, c, died, reach)
}

// arm tells a process its failpoints: the file is replaced whole. It returns when the process has read it, or died of it.
func arm(ctx context.Context, file, spec string, died <-chan error) error {
	if err := os.WriteFile(file+".new", []byte(spec), 0o600); err != nil {
		return fmt.Errorf("arm failpoints: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("arm failpoints: %w", err)
	}
	return until(ctx, "failpoints are armed", func() (bool, error) {
		seen, err := os.ReadFile(file + failpoint.Seen) //nolint:gosec // G304: a file of the test
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return string(seen) == spec || len(died) > 0, err
	})
}

// mostCut is how much clients leave to be done again before they wait for a server.
const mostCut = 40

// work has clients work until ctx ends.
func (w *crashWorld) work(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.settings.run(ctx)
	}()
	for ctx.Err() == nil {
		if w.load.waiting() > mostCut { // nobody is there to answer
			w.load.again(ctx)
			w.nap(ctx, 5*time.Millisecond)
			continue
		}
		w.rounds++
		w.load.run(ctx, w.o.Seed, uint64(w.rounds)) //nolint:gosec // a small number
	}
	<-done
}

// holdOne has a job run that does not end by itself, and returns what cancels it.
func (w *crashWorld) holdOne(ctx context.Context) (*op, error) {
	l := w.load
	text, seq := l.text("hold"), w.latest()
	l.once(text)
	var id steward.JobID
	if err := l.start(ctx, l.agents.hold, text, client.Inputs{"text": text}, &id); err != nil {
		return nil, fmt.Errorf("start a job that is held: %w", err)
	}
	err := until(ctx, "a held job runs", func() (bool, error) {
		more, _ := w.log.After(seq)
		seq += int64(len(more))
		return slices.ContainsFunc(more, func(e effects.Effect) bool { return e.Job == id }), nil
	})
	return &op{name: "cancel", do: func(ctx context.Context) error {
		l.mark(id, func(t *oracle.ToldJob) { t.Cancelled = true }) // from here on it may be
		return l.client.CancelJob(ctx, id)
	}}, err
}

// dead waits until a process was killed at its point.
func (w *crashWorld) dead(ctx context.Context, c *crash, died <-chan error, patience time.Duration) error {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case err := <-died:
		w.main.cmd = nil
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != -1 {
			if c.route.way == atStop && err == nil {
				return w.missed(c)
			}
			return fmt.Errorf("the server ended by itself: %w", err)
		}
		w.report.Crashes++
		return nil
	case <-t.C:
	case <-ctx.Done():
	}
	killed := w.main.cmd.Process.Kill()
	<-died //nolint:errcheck // it was killed; there is no good end
	w.main.cmd = nil
	return cmp.Or(ctx.Err(), killed, w.missed(c))
}

// missed notes a point that nothing came to.
func (w *crashWorld) missed(c *crash) error {
	if !slices.Contains(w.report.Unreached, c.String()) {
		w.report.Unreached = append(w.report.Unreached, c.String())
		w.report.FirstFaults = append(w.report.FirstFaults, c.String()+": nothing came to it")
	}
	return nil
}

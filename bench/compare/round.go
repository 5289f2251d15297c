package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/stewardhq/steward/bench/compare/wire"
	"github.com/stewardhq/steward/internal/crashtest/effects"
)

// site is one system while it is measured.
type site struct {
	w      *workshop
	s      system
	name   string // of this round, unique
	env    []string
	log    *os.File
	server *process // nil when it has none of its own
	worker *process
	driver *process
}

// Limits of what is not measured.
const (
	startLimit = time.Minute
	stepLimit  = 30 * time.Second // for all jobs to come to the held step
)

// round measures one system once, on a new database.
func (w *workshop) round(ctx context.Context, s system, n int) (figures figures, err error) {
	site, err := w.openSite(ctx, s, fmt.Sprintf("%s_%d", s.name, n+1))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, site.close(ctx, err != nil)) }()
	if figures, err = site.loads(ctx); err != nil || s.noKills {
		return figures, err
	}
	killed, err := site.interrupt(ctx, "worker_kill", site.killWorker)
	figures = append(figures, killed...)
	if err != nil || s.server == "" && !s.postgres {
		return figures, err // the worker is all there is
	}
	again := site.killServer
	if s.postgres {
		again = site.killPostgres
	}
	killed, err = site.interrupt(ctx, "server_kill", again)
	return append(figures, killed...), err
}

// openSite starts a system.
func (w *workshop) openSite(ctx context.Context, s system, name string) (_ *site, err error) {
	folder := filepath.Join(w.folder, name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	port, err := freePorts(ctx)
	if err != nil {
		return nil, err
	}
	site := &site{w: w, s: s, name: name}
	database := ""
	if s.postgres {
		if database, err = w.postgres.database(ctx, name); err != nil {
			return nil, err
		}
	}
	site.env = []string{
		wire.EnvFolder + "=" + folder, wire.EnvDatabase + "=" + database, wire.EnvEffects + "=" + w.socket, wire.EnvPort + "=" + strconv.Itoa(port),
		wire.EnvServer + "=" + w.programs[s.program+"/server"], wire.EnvVariant + "=" + s.variant,
	}
	if site.log, err = os.Create(filepath.Join(folder, "log")); err != nil { //nolint:gosec // own folder
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, site.close(ctx, true))
		}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, errors.New("the system did not start in time"))
	defer cancel()
	if s.server != "" {
		if site.server, err = site.start(s.server); err != nil {
			return nil, err
		}
	}
	if site.worker, err = site.start(s.worker); err != nil {
		return nil, err
	}
	if s.worker == "work" {
		if err := site.worker.waitReady(ctx); err != nil {
			return nil, err
		}
	}
	if site.driver, err = site.start("drive"); err != nil {
		return nil, err
	}
	return site, site.driver.waitReady(ctx)
}

func (t *site) start(role string) (*process, error) {
	return startProcess(t.w.programs[t.s.program], role, t.env, t.log)
}

// close ends the system's processes. Their log is shown when they failed.
func (t *site) close(ctx context.Context, failed bool) error {
	for _, p := range []*process{t.driver, t.worker, t.server} {
		p.kill()
	}
	folder := filepath.Dir(t.log.Name())
	var err error
	if t.s.postgres { // nothing of it is to be looked after while the next one is measured
		err = t.w.postgres.drop(context.WithoutCancel(ctx), t.name)
	}
	if text, rerr := os.ReadFile(t.log.Name()); failed && rerr == nil {
		fmt.Fprintf(os.Stderr, "end of the log of %s:\n%s\n", t.s.name, text[max(0, len(text)-4000):])
	}
	return errors.Join(err, t.log.Close(), os.RemoveAll(folder))
}

// freePorts returns a port after which nine more were free a moment ago.
func freePorts(ctx context.Context) (int, error) {
	for range 100 {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		first := l.Addr().(*net.TCPAddr).Port
		free := first < 65_000
		for i := 1; i < 10 && free; i++ {
			next, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first+i)))
			if free = err == nil; free {
				free = next.Close() == nil
			}
		}
		if err := l.Close(); err != nil {
			return 0, err
		}
		if free {
			return first, nil
		}
	}
	return 0, errors.New("find ten free ports")
}

// many is how many jobs are in flight under load.
const many = 64

// loads measures throughput and latency.
func (t *site) loads(ctx context.Context) (figures, error) {
	by := t.driver
	if t.s.loadInWorker {
		by = t.worker
	}
	t.w.log.Info("load", "system", t.s.name)
	if _, err := by.ask(ctx, wire.Request{Op: wire.OpLoad, InFlight: many, Seconds: t.w.o.seconds / 4, AtLeast: 2 * many}); err != nil { // warms up
		return nil, err
	}
	full, err := by.ask(ctx, wire.Request{Op: wire.OpLoad, InFlight: many, Seconds: t.w.o.seconds, AtLeast: 10 * many})
	if err != nil {
		return nil, err
	}
	one, err := by.ask(ctx, wire.Request{Op: wire.OpLoad, InFlight: 1, Seconds: t.w.o.seconds * 0.4, AtLeast: enoughForP99})
	if err != nil {
		return nil, err
	}
	list := figures{{"throughput64", float64(full.Count) / full.Seconds}, {"jobs64", float64(full.Count)}, {"jobs1", float64(one.Count)}}
	return append(append(list, latencies("latency1", one.LatenciesUS)...), latencies("latency64", full.LatenciesUS)...), nil
}

// enoughForP99 is how many jobs a p99 needs at least; without them there is none.
const enoughForP99 = 100

// latencies are the figures of latencies.
func latencies(name string, us []int64) figures {
	f := figures{{name + "_p50", percentile(us, 0.5)}}
	if len(us) >= enoughForP99 {
		f = append(f, figure{name + "_p99", percentile(us, 0.99)})
	}
	return f
}

// percentile returns the value that a share of the latencies does not exceed (nearest rank), in milliseconds. It sorts them.
func percentile(us []int64, share float64) float64 {
	if len(us) == 0 {
		return 0
	}
	slices.Sort(us)
	return float64(us[max(int(math.Ceil(share*float64(len(us))))-1, 0)]) / 1000
}

// interrupt starts jobs, lets all of them come to the middle of their second step, has kill end a process and start it again, and
// measures from the new start.
func (t *site) interrupt(ctx context.Context, name string, kill func(ctx context.Context) (restart time.Time, err error)) (figures, error) {
	t.w.log.Info(name, "system", t.s.name)
	jobs := make([]string, t.w.o.jobs)
	for i := range jobs {
		jobs[i] = fmt.Sprintf("%s.%s.%d", t.name, name, i)
	}
	r := t.w.recorder
	first := r.last()
	r.hold()
	defer r.release()
	by := t.driver
	if t.s.submitInWorker {
		by = t.worker
	}
	if _, err := by.ask(ctx, wire.Request{Op: wire.OpSubmit, Jobs: jobs}); err != nil {
		return nil, err
	}
	if _, err := r.await(ctx, first, stepLimit, func(list []effects.Effect) bool { return inHeldStep(list) == len(jobs) }); err != nil {
		return nil, fmt.Errorf("%s: before the kill: %w", name, err)
	}
	atKill := r.last()
	restart, err := kill(ctx)
	if err != nil {
		return nil, err
	}
	ended, all, err := t.awaitEnd(ctx, jobs, restart)
	if err != nil {
		return nil, err
	}
	list, _ := r.log.After(first)
	found := judge(list)
	f := figures{
		{name + ".unfinished", float64(len(jobs) - ended)}, {name + ".repeated", float64(found.repeated)}, {name + ".redone", float64(found.redone)},
	}
	if after, _ := r.log.After(atKill); len(after) > 0 {
		f = append(f, figure{name + ".first", ms(after[0].At.Sub(restart))})
	}
	if ended == len(jobs) {
		f = append(f, figure{name + ".all", ms(all)})
	}
	return f, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// inHeldStep counts the jobs that have begun the held step.
func inHeldStep(list []effects.Effect) int {
	jobs := map[string]bool{}
	for _, e := range list {
		if e.Step == heldStep {
			jobs[string(e.Job)] = true
		}
	}
	return len(jobs)
}

// lookEvery is the time between two questions whether all jobs have ended.
const lookEvery = 20 * time.Millisecond

// awaitEnd waits until all jobs have ended, or patience has; it returns how many had, and when the last of them.
func (t *site) awaitEnd(ctx context.Context, jobs []string, restart time.Time) (ended int, took time.Duration, err error) {
	late := time.After(t.w.o.patience)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		ask, cancel := context.WithTimeout(ctx, 5*time.Second)
		a, err := t.driver.ask(ask, wire.Request{Op: wire.OpEnded, Jobs: jobs})
		cancel()
		if err == nil { // otherwise the server may not be back yet
			ended = a.Count
		}
		if ended == len(jobs) {
			return ended, time.Since(restart), nil
		}
		select {
		case <-tick.C:
		case <-late:
			t.w.log.Warn("jobs have not ended", "system", t.s.name, "ended", ended, "of", len(jobs), "last_error", err)
			return ended, 0, nil
		case <-ctx.Done():
			return ended, 0, context.Cause(ctx)
		}
	}
}

// killWorker kills the process that works and starts it again.
func (t *site) killWorker(context.Context) (restart time.Time, err error) {
	t.worker.kill()
	t.w.recorder.release()
	restart = time.Now()
	t.worker, err = t.start(t.s.worker)
	return restart, err
}

// killServer kills the server and starts it again. The held steps go on when it is dead, as the workers do not know.
func (t *site) killServer(context.Context) (restart time.Time, err error) {
	t.server.kill()
	t.w.recorder.release()
	restart = time.Now()
	t.server, err = t.start(t.s.server)
	return restart, err
}

// killPostgres is killServer where the server is PostgreSQL.
func (t *site) killPostgres(ctx context.Context) (restart time.Time, err error) {
	if err := t.w.postgres.kill(); err != nil {
		return restart, err
	}
	t.w.recorder.release()
	restart = time.Now()
	return restart, t.w.postgres.start(ctx)
}

package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stewardhq/steward/internal/crashtest/poll"
)

const (
	soakClients = 64
	soakShare   = 0.7 // of what the server does when it is asked without a pause
	soakSamples = 120
)

// soak has a server work at seven tenths of what it can do, for an hour, and looks whether it grows: of what it takes of the machine, the second half
// is drawn through by a line, whose rise must be small.
func soak(ctx context.Context, o *Options, l *Line) error {
	d := o.Duration
	if d == 0 {
		d = o.span(time.Hour, 3*time.Second)
	}
	return withServer(ctx, o, "soak", nil, func(p *process) error {
		m, err := newMix(ctx, p, o.Seed)
		if err != nil {
			return err
		}
		defer m.crew.close()
		warm := min(max(d/10, time.Second), 10*time.Second)
		capacity, err := flatOut(ctx, soakClients, warm, func(_ context.Context, i int) error { return m.one(i, time.Now()) })
		if err != nil {
			return err
		}
		l.set("capacity_per_second", capacity)
		o.say("%.0f calls a second; %v at %.0f %%", capacity, d, 100*soakShare)
		m.reset()
		if err := m.drained(ctx); err != nil {
			return err
		}
		watch := startWatch(ctx, p, max(d/soakSamples, min(time.Second, d/20))) // each look has the server collect its garbage
		rate, err := atRate(ctx, soakClients, soakShare*capacity, d, func(_ context.Context, i int, due time.Time) error { return m.one(i, due) })
		seen, werr := watch()
		if err := errors.Join(err, werr); err != nil {
			return err
		}
		l.set("calls_per_second", rate)
		l.set("calls", float64(m.took.count()))
		l.set("refused", float64(m.refused.Load()))
		l.ms("p50_ms", m.took.at(0.5))
		l.ms("p99_ms", m.took.at(0.99))
		l.set("jobs", float64(m.runs.Load()))
		l.least("calls_per_second", 0.9*soakShare*capacity)
		l.want(o.Lenient || float64(m.refused.Load()) <= float64(m.took.count())/1000, "%d of %d calls were refused", m.refused.Load(), m.took.count())
		seen.judge(l, d)
		return m.drained(ctx)
	})
}

// mix is what clients do in the soak: of twenty calls two start a run, twelve ask for a status, four for a result, one for a list, and one
// deletes a job's data.
type mix struct {
	p       *process
	agent   string
	crew    crew
	random  []*rand.Rand // of each client
	start   []byte
	list    []byte
	took    *times
	refused atomic.Int64
	runs    atomic.Int64

	mu   sync.Mutex
	jobs []string // the latest, in a ring
	next int
}

// knownJobs is how many jobs clients ask about.
const knownJobs = 1000

func newMix(ctx context.Context, p *process, seed uint64) (*mix, error) {
	agent, err := p.agent(ctx, "mix", object{"steps": 1})
	if err != nil {
		return nil, err
	}
	m := &mix{
		p: p, agent: agent, took: &times{},
		start: p.request(http.MethodPost, "/v1/agents/run/"+agent+"/async/", `{"text":"Total: 12.50 EUR"}`),
		list:  p.request(http.MethodGet, "/v1/agents/"+agent+"/jobs/?status_code=3", ""),
	}
	if m.crew, err = hire(ctx, p.addr, soakClients); err != nil {
		return nil, err
	}
	for i := range soakClients {
		m.random = append(m.random, rand.New(rand.NewPCG(seed, uint64(i)))) //nolint:gosec // a repeatable test
	}
	for i := range soakClients { // there is something to ask about
		if err := m.run(i, time.Now()); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *mix) reset() {
	m.took = &times{}
	m.refused.Store(0)
	m.runs.Store(0)
}

// one makes one call.
func (m *mix) one(client int, due time.Time) error {
	switch n := m.random[client].IntN(20); {
	case n < 2:
		return m.run(client, due)
	case n < 14:
		return m.call(client, due, m.p.request(http.MethodGet, m.path(client)+"status/", ""), http.StatusOK)
	case n < 18:
		return m.call(client, due, m.p.request(http.MethodGet, m.path(client)+"result/", ""), http.StatusOK, http.StatusNotFound)
	case n < 19:
		return m.call(client, due, m.list, http.StatusOK)
	}
	return m.call(client, due, m.p.request(http.MethodPost, m.path(client)+"delete-data/", ""), http.StatusOK, http.StatusBadRequest)
}

// path is that of a job.
func (m *mix) path(client int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return "/v1/agents/jobs/" + m.jobs[m.random[client].IntN(len(m.jobs))] + "/"
}

// call makes a request and wants one of some answers.
func (m *mix) call(client int, due time.Time, request []byte, want ...int) error {
	a, err := m.crew[client].do(request, patience)
	if err != nil {
		return err
	}
	if a.refused() {
		m.refused.Add(1)
		return nil
	}
	for _, status := range want {
		if a.status == status {
			m.took.add(time.Since(due))
			return nil
		}
	}
	return fmt.Errorf("%.60s: %d: %.200s", request, a.status, a.body)
}

// run starts a run.
func (m *mix) run(client int, due time.Time) error {
	if err := m.call(client, due, m.start, http.StatusOK); err != nil {
		return err
	}
	var id string
	if err := json.Unmarshal(m.crew[client].body, &id); err != nil {
		return nil // it was refused
	}
	m.runs.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.jobs) < knownJobs {
		m.jobs = append(m.jobs, id)
		return nil
	}
	m.jobs[m.next%knownJobs] = id
	m.next++
	return nil
}

// drained waits until all runs have ended.
func (m *mix) drained(ctx context.Context) error {
	return until(ctx, "all runs have ended", 50*time.Millisecond, func() (bool, error) {
		var page struct{ Count int }
		err := m.p.call(ctx, http.MethodGet, "/v1/agents/"+m.agent+"/jobs/?status_code=0,1,2&page_size=1", "", http.StatusOK, &page)
		return page.Count == 0, err
	})
}

// watched is what a server took of its machine over time.
type watched struct {
	rss, heap, files, goroutines series
}

// startWatch looks at a server at intervals until the returned function is called.
func startWatch(ctx context.Context, p *process, every time.Duration) (stop func() (*watched, error)) {
	ctx, cancel := context.WithCancel(ctx)
	w, done := &watched{}, make(chan error, 1)
	began := time.Now()
	go func() {
		for poll.Sleep(ctx, every) {
			v, err := p.vitals(ctx, true)
			if ctx.Err() != nil {
				break
			}
			if err != nil {
				done <- err
				return
			}
			at := time.Since(began)
			w.rss.add(at, float64(v.RSS))
			w.heap.add(at, float64(v.HeapBytes))
			w.files.add(at, float64(v.Files))
			w.goroutines.add(at, float64(v.Goroutines))
		}
		done <- nil
	}()
	return func() (*watched, error) {
		cancel()
		return w, <-done
	}
}

// judge compares the growth in the second half with what may be noise: a twentieth of the mean, and a little.
func (w *watched) judge(l *Line, d time.Duration) {
	for _, s := range []struct {
		name   string
		series *series
		unit   float64
		little float64 // of the unit
	}{
		{"rss_mb", &w.rss, 1e6, 16}, {"heap_mb", &w.heap, 1e6, 8}, {"open_files", &w.files, 1, 8}, {"goroutines", &w.goroutines, 1, 32},
	} {
		slope, mean := s.series.trend()
		grown := slope * d.Seconds() / 2 / s.unit
		mean /= s.unit
		l.set(s.name, mean)
		l.set(s.name+"_grown", grown)
		l.want(grown <= 0.05*mean+s.little, "%s grew by %.4g in the second half, at a mean of %.4g", s.name, grown, mean)
	}
}

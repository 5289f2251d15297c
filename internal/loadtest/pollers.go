package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stewardhq/steward/internal/crashtest/poll"
)

// waitLimit is how long a client of the scenario waits for its run: longer than the scenario takes.
const waitLimit = 30 * time.Minute

// pollers has ten thousand clients wait for the ends of their runs, each on a connection of its own: first in synchronous runs, which the
// server answers when the run has ended, then asking for the status every two seconds.
func pollers(ctx context.Context, o *Options, l *Line) error {
	n := o.count(10_000, 100)
	config := object{"workers": object{"sync_timeout": waitLimit.String()}}
	l.set("clients", float64(n))
	return withServer(ctx, o, "pollers", config, func(p *process) error {
		if err := waiters(ctx, o, l, p, n); err != nil {
			return err
		}
		return askers(ctx, o, l, p, n)
	})
}

// waiters measures clients that wait in synchronous runs.
func waiters(ctx context.Context, o *Options, l *Line, p *process, n int) error {
	agent, err := p.agent(ctx, "hold", object{"hold": true})
	if err != nil {
		return err
	}
	before, err := p.vitals(ctx, true)
	if err != nil {
		return err
	}
	all, err := hire(ctx, p.addr, n)
	if err != nil {
		return err
	}
	defer all.close()
	told := &told{late: &times{}}
	request := p.request(http.MethodPost, "/v1/agents/run/"+agent+"/", `{"text":"wait"}`)
	done := make(chan error, 1)
	go func() {
		done <- each(ctx, n, func(ctx context.Context, i int) error { return told.wait(ctx, all[i], request) })
	}()
	if err := p.queued(ctx, agent, n, done); err != nil {
		return err
	}
	o.say("%d clients wait", n)
	if err := idle(ctx, o, l, p, n, &before); err != nil {
		return err
	}
	if err := letGo(ctx, o, l, p, told, n, done); err != nil {
		return err
	}
	l.want(told.answered.Load() == int64(n), "%d of %d clients were told", told.answered.Load(), n)
	return nil
}

// queued waits until the server knows of n jobs of an agent.
func (p *process) queued(ctx context.Context, agent string, n int, failed <-chan error) error {
	return until(ctx, fmt.Sprintf("%d runs are queued", n), 100*time.Millisecond, func() (bool, error) {
		select {
		case err := <-failed:
			return false, errors.Join(errors.New("clients stopped waiting"), err)
		default:
		}
		var page struct{ Count int }
		err := p.call(ctx, http.MethodGet, "/v1/agents/"+agent+"/jobs/?page_size=1", "", http.StatusOK, &page)
		return page.Count == n, err
	})
}

// idle measures what waiting clients cost while nothing happens.
func idle(ctx context.Context, o *Options, l *Line, p *process, n int, before *vitals) error {
	from, err := p.vitals(ctx, true)
	if err != nil {
		return err
	}
	wall := time.Now()
	if !poll.Sleep(ctx, o.span(20*time.Second, time.Second)) {
		return ctx.Err()
	}
	to, err := p.vitals(ctx, false)
	if err != nil {
		return err
	}
	l.set("idle_cpu_percent", 100*(to.CPU-from.CPU).Seconds()/time.Since(wall).Seconds())
	l.set("kb_per_client", float64(from.RSS-before.RSS)/1e3/float64(n))
	l.set("goroutines_per_client", float64(from.Goroutines-before.Goroutines)/float64(n))
	l.mb("rss_mb", from.RSS)
	l.set("open_files", float64(from.Files))
	l.most("idle_cpu_percent", 10)
	l.most("kb_per_client", 100)
	return nil
}

// trickle is how many runs a second end at first.
const trickle = 200

// letGo lets the runs end, some one by one and the rest at once, and measures how soon their clients know.
func letGo(ctx context.Context, o *Options, l *Line, p *process, told *told, n int, done <-chan error) error {
	some := min(n/2, o.count(2000, 40))
	for range some {
		if err := p.ask(ctx, http.MethodPost, "/release?n=1", nil); err != nil {
			return err
		}
		if !poll.Sleep(ctx, time.Second/trickle) {
			return ctx.Err()
		}
	}
	err := until(ctx, "the first clients are told", 5*time.Millisecond, func() (bool, error) { return told.answered.Load() >= int64(some), nil })
	if err != nil {
		return err
	}
	slow := told.turn()
	l.ms("told_p50_ms", slow.at(0.5))
	l.ms("told_p99_ms", slow.at(0.99))
	l.most("told_p99_ms", 100)
	began := time.Now()
	if err := p.ask(ctx, http.MethodPost, "/release?n=all", nil); err != nil {
		return err
	}
	if err := <-done; err != nil {
		return err
	}
	l.ms("told_rush_p99_ms", told.turn().at(0.99))
	l.set("rush_per_second", float64(n-some)/time.Since(began).Seconds())
	return nil
}

// told is when clients learned of the ends of their runs.
type told struct {
	answered atomic.Int64

	mu   sync.Mutex
	late *times
}

// turn returns what was gathered, and begins anew.
func (t *told) turn() *times {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.late
	t.late = &times{}
	return before
}

// wait posts a synchronous run and waits for its outputs, which tell when it was done. What is refused is asked again when the server
// said.
func (t *told) wait(ctx context.Context, c *conn, request []byte) error {
	defer context.AfterFunc(ctx, c.close)() // ends the wait
	for {
		a, err := c.do(request, waitLimit)
		now := time.Now()
		switch {
		case err != nil:
			return err
		case a.refused():
			if !poll.Sleep(ctx, time.Duration(a.retryAfter)*time.Second) {
				return ctx.Err()
			}
			continue
		case a.status != http.StatusOK:
			return fmt.Errorf("run: %d: %.200s", a.status, a.body)
		}
		at, err := doneAt(a.body)
		if err != nil {
			return err
		}
		t.mu.Lock()
		t.late.add(now.Sub(at))
		t.mu.Unlock()
		t.answered.Add(1)
		return nil
	}
}

// doneAt reads when a run was done.
func doneAt(outputs []byte) (time.Time, error) {
	var list []struct{ Value string }
	var value struct {
		At int64 `json:"at"`
	}
	if err := json.Unmarshal(outputs, &list); err != nil || len(list) == 0 {
		return time.Time{}, fmt.Errorf("outputs %.200s: %w", outputs, err)
	}
	if err := json.Unmarshal([]byte(list[0].Value), &value); err != nil {
		return time.Time{}, fmt.Errorf("outputs %.200s: %w", outputs, err)
	}
	return time.Unix(0, value.At), nil
}

// askers measures clients that ask for the status of an open job every two seconds.
func askers(ctx context.Context, o *Options, l *Line, p *process, n int) error {
	agent, err := p.agent(ctx, "plain", object{"steps": 1})
	if err != nil {
		return err
	}
	var job string
	if err := p.call(ctx, http.MethodPost, "/v1/agents/run/"+agent+"/async/", `{"text":"ask"}`, http.StatusOK, &job); err != nil {
		return err
	}
	all, err := hire(ctx, p.addr, n)
	if err != nil {
		return err
	}
	defer all.close()
	from, err := p.vitals(ctx, false)
	if err != nil {
		return err
	}
	const every = 2 * time.Second
	request := p.request(http.MethodGet, "/v1/agents/jobs/"+job+"/status/", "")
	var took times
	var refused atomic.Int64
	wall := time.Now()
	rounds := max(int(o.span(20*time.Second, 2*time.Second)/every), 1)
	err = each(ctx, n, func(ctx context.Context, i int) error {
		first := wall.Add(every * time.Duration(i) / time.Duration(n))
		for round := range rounds {
			due := first.Add(time.Duration(round) * every)
			if !sleepUntil(ctx, due) {
				return ctx.Err()
			}
			a, err := all[i].do(request, patience)
			switch {
			case err != nil:
				return err
			case a.refused():
				refused.Add(1)
			case a.status != http.StatusOK:
				return errors.New("status: " + strconv.Itoa(a.status))
			default:
				took.add(time.Since(due))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	to, err := p.vitals(ctx, false)
	if err != nil {
		return err
	}
	l.set("asking_per_second", float64(n*rounds)/time.Since(wall).Seconds())
	l.set("asking_cpu_percent", 100*(to.CPU-from.CPU).Seconds()/time.Since(wall).Seconds())
	l.ms("asking_p99_ms", took.at(0.99))
	l.set("asking_refused", float64(refused.Load()))
	l.most("asking_p99_ms", 100)
	l.most("asking_refused", 0)
	return nil
}

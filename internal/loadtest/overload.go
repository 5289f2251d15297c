package loadtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	overloadFactor  = 3
	overloadClients = 2000 // connections, so that many calls can wait at once
	overloadKeys    = 8    // so that the rate of a key is not what refuses
	leastOverload   = 2    // times the capacity: less is no overload
	fewClients      = 12   // to begin with when the capacity is looked for
	growth          = 1.05 // less is none
)

// overload asks for three times of what the server can do, or as much of that as the clients manage: twice at least. What it accepts must be
// answered about as fast as ever, the rest refused at once with a time to come back, and it must be well again as soon as it is over.
func overload(ctx context.Context, o *Options, l *Line) error {
	// The server has half of the processors and the clients have the others, so that they can ask for more than it can do, and take nothing
	// from it when they do.
	procs := max(runtime.NumCPU()/2, 1)
	l.set("server_processors", float64(procs))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(runtime.NumCPU()-procs, 1)))
	return withServerIn(ctx, o, "overload", []string{"GOMAXPROCS=" + strconv.Itoa(procs)}, nil, func(p *process) error {
		agent, err := p.agent(ctx, "overload", object{"steps": 0})
		if err != nil {
			return err
		}
		keys, err := p.keys(ctx, overloadKeys)
		if err != nil {
			return err
		}
		f := &flood{}
		for _, key := range keys {
			f.requests = append(f.requests, p.requestAs(key, http.MethodPost, "/v1/agents/run/"+agent+"/async/", `{"text":"Total: 12.50 EUR"}`))
		}
		if f.crew, err = hire(ctx, p.addr, overloadClients); err != nil {
			return err
		}
		defer f.crew.close()
		return f.measure(ctx, o, l)
	})
}

// flood is many clients that start runs.
type flood struct {
	requests [][]byte
	crew     crew

	took    *times // of what was accepted
	refused atomic.Int64
	hasty   atomic.Int64 // refused without a time to come back
	said    *times       // how long refusals took
}

func (f *flood) measure(ctx context.Context, o *Options, l *Line) error {
	d := o.span(20*time.Second, 1500*time.Millisecond)
	accepted, clients, err := f.capacity(ctx, d/4)
	if err != nil {
		return err
	}
	l.set("capacity_per_second", accepted)
	l.set("capacity_clients", float64(clients))
	f.begin()
	if _, err := atRate(ctx, min(48, len(f.crew)), accepted/10, d/2, func(_ context.Context, i int, _ time.Time) error { return f.one(i) }); err != nil {
		return err
	}
	calm := f.took.at(0.99)
	l.ms("calm_p50_ms", f.took.at(0.5))
	l.ms("calm_p99_ms", calm)
	f.begin()
	o.say("%.0f runs a second; now %d times as many", accepted, overloadFactor)
	began := time.Now()
	offered, err := atRate(ctx, len(f.crew), overloadFactor*accepted, d, func(_ context.Context, i int, _ time.Time) error { return f.one(i) })
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	l.set("offered_per_second", offered)
	l.set("offered_ratio", offered/accepted)
	l.set("accepted_per_second", float64(f.took.count())/took)
	l.set("accepted_share", float64(f.took.count())/float64(f.took.count()+int(f.refused.Load())))
	l.set("refused", float64(f.refused.Load()))
	l.ms("accepted_p50_ms", f.took.at(0.5))
	l.ms("accepted_p99_ms", f.took.at(0.99))
	l.ms("refused_p99_ms", f.said.at(0.99))
	l.want(f.hasty.Load() == 0, "%d refusals named no time to come back", f.hasty.Load())
	l.least("offered_ratio", leastOverload)
	l.want(f.refused.Load() > 0, "nothing was refused")
	l.most("accepted_p99_ms", max(20*calm.Seconds()*1000, 500))
	l.least("accepted_per_second", accepted/3)
	return f.recover(ctx, l, calm)
}

// capacity has more and more clients ask without a pause until no more is accepted of it. It returns the most that was accepted in a second,
// and of how many clients.
func (f *flood) capacity(ctx context.Context, d time.Duration) (most float64, clients int, err error) {
	same := 0 // steps without growth: one may be chance
	for n := fewClients; n <= len(f.crew); n *= 2 {
		f.begin()
		began := time.Now()
		if _, err := flatOut(ctx, n, d, func(_ context.Context, i int) error { return f.one(i) }); err != nil {
			return 0, 0, err
		}
		rate := float64(f.took.count()) / time.Since(began).Seconds()
		if rate > growth*most {
			same = 0
		} else if same++; same == 2 {
			break
		}
		if rate > most {
			most, clients = rate, n
		}
	}
	return most, clients, nil
}

// recover measures how soon calls are answered as they were before.
func (f *flood) recover(ctx context.Context, l *Line, calm time.Duration) error {
	began := time.Now()
	const inARow = 10
	well := 0
	err := until(ctx, "the server is well again", time.Millisecond, func() (bool, error) {
		f.begin()
		if err := f.one(0); err != nil {
			return false, err
		}
		if well++; f.took.count() == 0 || f.took.at(1) > max(2*calm, 20*time.Millisecond) {
			well = 0
		}
		return well == inARow, nil
	})
	l.ms("recovery_ms", time.Since(began))
	l.most("recovery_ms", 5000)
	return err
}

func (f *flood) begin() {
	f.took, f.said = &times{}, &times{}
	f.refused.Store(0)
}

// one starts one run.
func (f *flood) one(client int) error {
	began := time.Now()
	a, err := f.crew[client].do(f.requests[client%len(f.requests)], patience)
	took := time.Since(began)
	switch {
	case err != nil:
		return err
	case a.closing:
		return errors.New("the server closed a connection")
	case a.status == http.StatusOK:
		f.took.add(took)
		return nil
	case a.status == http.StatusTooManyRequests, a.status == http.StatusServiceUnavailable:
		if a.retryAfter == 0 {
			f.hasty.Add(1)
		}
		f.refused.Add(1)
		f.said.add(took)
		return nil
	}
	return fmt.Errorf("%d: %.200s", a.status, a.body)
}

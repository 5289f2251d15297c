package crashtest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// balancer hands requests to several servers in turn, as a load balancer does: those that are not ready get none.
type balancer struct {
	transport *http.Transport

	mu    sync.Mutex
	addrs []string
	ready map[string]bool
	turn  int
	seen  []exchange
	wg    sync.WaitGroup
	stop  context.CancelFunc
}

// exchange is a request and its answer.
type exchange struct {
	began   time.Time
	took    time.Duration
	submits bool // it starts one job
	status  int  // 0: no answer came
	patient bool // it says when to come again
}

// balancerHost stands for all servers in URLs.
const balancerHost = "http://servers"

// lookEvery is how often the balancer asks servers whether they are ready, and how long it waits for the answer.
const (
	lookEvery = 200 * time.Millisecond
	lookFor   = time.Second
)

// newBalancer returns a balancer for servers, none of which has to run yet.
func newBalancer(addrs ...string) *balancer {
	ctx, stop := context.WithCancel(context.Background())
	b := &balancer{
		// A connection of its own for each request: a killed server must not be asked through one that it left behind.
		transport: &http.Transport{DisableKeepAlives: true}, addrs: addrs, ready: map[string]bool{}, stop: stop,
	}
	for _, a := range addrs {
		b.wg.Go(func() { b.look(ctx, a) })
	}
	return b
}

func (b *balancer) close() {
	b.stop()
	b.wg.Wait()
}

// look keeps asking a server whether it is ready.
func (b *balancer) look(ctx context.Context, addr string) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		ok := b.isReady(ctx, addr)
		b.mu.Lock()
		b.ready[addr] = ok
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (b *balancer) isReady(ctx context.Context, addr string) bool {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := b.transport.RoundTrip(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// pick returns the server whose turn it is. When none is ready, all are asked.
func (b *balancer) pick() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.addrs {
		b.turn++
		if addr := b.addrs[b.turn%len(b.addrs)]; b.ready[addr] {
			return addr
		}
	}
	return b.addrs[b.turn%len(b.addrs)]
}

// RoundTrip implements http.RoundTripper.
func (b *balancer) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.URL.Host = b.pick()
	e := exchange{began: time.Now(), submits: req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/async/")}
	resp, err := b.transport.RoundTrip(out)
	e.took = time.Since(e.began)
	if err == nil {
		e.status, e.patient = resp.StatusCode, resp.Header.Get("Retry-After") != ""
	}
	b.mu.Lock()
	b.seen = append(b.seen, e)
	b.mu.Unlock()
	return resp, err
}

// since returns the exchanges that began after a time.
func (b *balancer) since(t time.Time) (list []exchange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.seen {
		if e.began.After(t) {
			list = append(list, e)
		}
	}
	return list
}

// Package toxic stands between a client and a server and makes the network between them bad: slow, cut, silent.
//
//	p, err := toxic.Listen(ctx, server)
//	…            // the client connects to p.Addr()
//	p.Blackhole()
//	p.Heal()
//
// What happens to the bytes is the work of toxiproxy's toxics; the connections are this package's own, so that a connection can also be cut at
// a message of PostgreSQL's protocol.
package toxic

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// Proxy hands the bytes of connections on to a server, and back. One fault is in force at a time; a new one takes the place of the one before,
// also for connections that stand. Safe for concurrent use.
type Proxy struct {
	upstream string
	listener net.Listener
	framed   bool         // chunks are whole messages of PostgreSQL's protocol
	met      atomic.Int64 // see Met

	mu     sync.Mutex
	now    fault
	pairs  map[*pair]struct{}
	closed bool
	wg     sync.WaitGroup
}

// fault says what happens to the bytes of a connection. A nil function leaves a direction alone.
type fault struct {
	ask    func(p *pair) toxics.Toxic // on the way to the server
	answer func(p *pair) toxics.Toxic // on the way back
	all    bool                       // all bytes that come on such a way meet it
	loses  bool                       // bytes are lost: connections that stand when the fault ends are closed
	refuse bool                       // new connections are closed at once
	reset  bool                       // connections end with a reset
}

// Listen returns a proxy to a server (host:port, or the path of a unix socket) on an address of this machine.
func Listen(ctx context.Context, upstream string) (*Proxy, error) {
	return listen(ctx, upstream, false)
}

// ListenPostgres is Listen for a PostgreSQL server whose clients do not encrypt: Mute and CutAtCommit work.
func ListenPostgres(ctx context.Context, upstream string) (*Proxy, error) {
	return listen(ctx, upstream, true)
}

func listen(ctx context.Context, upstream string, framed bool) (*Proxy, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a bad network: %w", err)
	}
	p := &Proxy{upstream: upstream, listener: l, framed: framed, pairs: map[*pair]struct{}{}}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where clients connect (host:port).
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Met returns how often faults met something since the proxy began to listen: bytes that were slowed down, swallowed or held, connections that
// were cut, reset or refused, notifications that were kept. The count is whole when the fault has ended.
func (p *Proxy) Met() int64 { return p.met.Load() }

// Slow delays what the server answers by latency, give or take jitter.
func (p *Proxy) Slow(latency, jitter time.Duration) {
	t := &toxics.LatencyToxic{Latency: latency.Milliseconds(), Jitter: jitter.Milliseconds()}
	p.set(fault{answer: always(t), all: true})
}

// Trickle lets answers come at a number of KiB a second.
func (p *Proxy) Trickle(kib int64) {
	p.set(fault{answer: always(&toxics.BandwidthToxic{Rate: kib}), all: true})
}

// Blackhole swallows every byte, both ways, and tells neither side that the other has closed. Connections that stand at its end have lost
// bytes, and are closed then.
func (p *Proxy) Blackhole() {
	swallow := func(c *pair) toxics.Toxic { return silence{c} }
	p.set(fault{ask: swallow, answer: swallow, all: true, loses: true})
}

// Hold keeps every byte, both ways, and delivers it when the fault ends, as a network does that was cut for a while.
func (p *Proxy) Hold() {
	keep := func(c *pair) toxics.Toxic { return hold{c} }
	p.set(fault{ask: keep, answer: keep, all: true})
}

// Reset ends all connections with a reset, and new ones at their first byte.
func (p *Proxy) Reset() {
	now := always(&toxics.ResetToxic{})
	p.set(fault{ask: now, answer: now, reset: true})
	p.closeAll()
}

// Refuse closes all connections, and new ones at once.
func (p *Proxy) Refuse() {
	p.set(fault{refuse: true})
	p.closeAll()
}

// CutAfter closes each connection after so many more bytes of answers, which may be in the middle of one.
func (p *Proxy) CutAfter(bytes int64) {
	p.set(fault{answer: func(c *pair) toxics.Toxic { return &limit{pair: c, left: bytes} }})
}

// CutQuestionAfter closes each connection after so many more bytes of what is sent to the server.
func (p *Proxy) CutQuestionAfter(bytes int64) {
	p.set(fault{ask: func(c *pair) toxics.Toxic { return &limit{pair: c, left: bytes, ask: true} }})
}

// Heal ends the fault.
func (p *Proxy) Heal() { p.set(fault{}) }

// Close closes all connections and returns when nothing runs any more.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	p.Heal()
	p.closeAll()
	p.wg.Wait()
	return err
}

// Connections returns how many stand.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

// always makes a fault of a toxic that keeps no state of its own.
func always(t toxics.Toxic) func(*pair) toxics.Toxic {
	return func(*pair) toxics.Toxic { return t }
}

// set puts a fault in force.
func (p *Proxy) set(f fault) {
	p.mu.Lock()
	lost := p.now.loses
	p.now = f
	pairs := p.list()
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range pairs {
		if lost {
			c.close()
			continue
		}
		wg.Go(c.change)
	}
	wg.Wait()
}

// list is called with the lock.
func (p *Proxy) list() []*pair {
	pairs := make([]*pair, 0, len(p.pairs))
	for c := range p.pairs {
		pairs = append(pairs, c)
	}
	return pairs
}

func (p *Proxy) closeAll() {
	p.mu.Lock()
	pairs := p.list()
	p.mu.Unlock()
	for _, c := range pairs {
		c.close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.wg.Go(func() { p.connect(client) })
	}
}

// dialTimeout bounds the wait for a server.
const dialTimeout = 5 * time.Second

// connect serves a client until its connection ends.
func (p *Proxy) connect(client net.Conn) {
	p.mu.Lock()
	refuse := p.now.refuse || p.closed
	p.mu.Unlock()
	if refuse {
		p.met.Add(1)
		_ = client.Close() // as it is meant
		return
	}
	network := "tcp"
	if strings.HasPrefix(p.upstream, "/") {
		network = "unix"
	}
	server, err := net.DialTimeout(network, p.upstream, dialTimeout) //nolint:noctx // bounded
	if err != nil {
		_ = client.Close() // the server is away, and so is this
		return
	}
	c := newPair(p, client, server)
	p.mu.Lock()
	p.pairs[c] = struct{}{}
	gone := p.closed || p.now.refuse
	p.mu.Unlock()
	if gone {
		c.close()
	}
	c.run()
	p.mu.Lock()
	delete(p.pairs, c)
	p.mu.Unlock()
}

// hold keeps bytes until it is interrupted.
type hold struct{ pair *pair }

// Pipe implements toxics.Toxic.
func (t hold) Pipe(stub *toxics.ToxicStub) {
	select {
	case <-stub.Interrupt:
	case <-t.pair.done:
		stub.Close()
	}
}

// silence swallows bytes, the end of a connection included.
type silence struct{ pair *pair }

// Pipe implements toxics.Toxic.
func (t silence) Pipe(stub *toxics.ToxicStub) {
	in := stub.Input
	for {
		select {
		case <-stub.Interrupt:
			return
		case <-t.pair.done:
			stub.Close()
			return
		case c := <-in:
			if c == nil {
				in = nil
			}
		}
	}
}

// limit closes a connection after so many bytes.
type limit struct {
	pair *pair
	left int64
	ask  bool // they are sent to the server
}

// Pipe implements toxics.Toxic.
func (t *limit) Pipe(stub *toxics.ToxicStub) {
	pass(stub, func(data []byte) (out []byte, end bool) {
		if t.ask {
			t.pair.see(data)
		}
		out = data[:min(t.left, int64(len(data)))]
		t.left -= int64(len(out))
		if t.left > 0 {
			return out, false
		}
		t.pair.proxy.met.Add(1)
		return out, true
	})
}

// pass hands chunks on while each says so; it returns when it was interrupted or the stub is closed.
func pass(stub *toxics.ToxicStub, each func(data []byte) (out []byte, end bool)) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			out, end := each(c.Data)
			if len(out) > 0 {
				stub.Output <- &stream.StreamChunk{Data: out, Timestamp: c.Timestamp}
			}
			if end {
				stub.Close()
				return
			}
		}
	}
}

package toxic

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// pair is a client's connection and the one to the server.
type pair struct {
	proxy          *Proxy
	client, server net.Conn
	asks, answers  *link
	doomed         atomic.Bool // the next answer is not to arrive; see CutAtCommit
	session        session     // what the client does; only the toxic of its questions looks at it

	closing sync.Once
	done    chan struct{}
}

// link is one direction of a pair.
type link struct {
	pair     *pair
	from, to net.Conn
	stub     *toxics.ToxicStub
	in, out  chan *stream.StreamChunk
	toxic    func(f *fault) func(*pair) toxics.Toxic
	eof      atomic.Bool // it ended where it comes from

	piped chan struct{} // closed when no toxic runs any more
}

// chunks is how many chunks a direction keeps while they are delayed.
const chunks = 1024

func newPair(p *Proxy, client, server net.Conn) *pair {
	c := &pair{proxy: p, client: client, server: server, done: make(chan struct{})}
	c.asks = newLink(c, client, server, func(f *fault) func(*pair) toxics.Toxic { return f.ask })
	c.answers = newLink(c, server, client, func(f *fault) func(*pair) toxics.Toxic { return f.answer })
	return c
}

func newLink(c *pair, from, to net.Conn, toxic func(f *fault) func(*pair) toxics.Toxic) *link {
	l := &link{pair: c, from: from, to: to, in: make(chan *stream.StreamChunk, chunks), out: make(chan *stream.StreamChunk), toxic: toxic, piped: make(chan struct{})}
	l.stub = toxics.NewToxicStub(l.in, l.out)
	return l
}

// see follows what a client of PostgreSQL sends.
func (c *pair) see(data []byte) {
	if !c.proxy.framed {
		return
	}
	for n := 0; ; {
		m, ok := next(data, n)
		if !ok {
			return
		}
		c.session.commits(&m)
		n = m.to
	}
}

// watch passes on what a client sends, and follows it.
type watch struct{ pair *pair }

// Pipe implements toxics.Toxic.
func (t watch) Pipe(stub *toxics.ToxicStub) {
	pass(stub, func(data []byte) (out []byte, end bool) {
		t.pair.see(data)
		return data, false
	})
}

// run returns when both directions have ended.
func (c *pair) run() {
	var wg sync.WaitGroup
	for _, l := range []*link{c.asks, c.answers} {
		wg.Go(l.read)
		wg.Go(l.pipe)
		wg.Go(l.write)
	}
	wg.Wait()
	c.close()
}

// change lets both directions look at the fault again.
func (c *pair) change() {
	var wg sync.WaitGroup
	wg.Go(c.asks.interrupt)
	wg.Go(c.answers.interrupt)
	wg.Wait()
}

// close ends both connections.
func (c *pair) close() {
	c.closing.Do(func() {
		c.proxy.mu.Lock()
		reset := c.proxy.now.reset
		if reset || c.proxy.now.refuse {
			c.proxy.met.Add(1)
		}
		c.proxy.mu.Unlock()
		for _, conn := range []net.Conn{c.client, c.server} {
			if tcp, ok := conn.(*net.TCPConn); ok && reset {
				_ = tcp.SetLinger(0) // without it the end is a gentler one
			}
			_ = conn.Close() // it is given up
		}
		close(c.done)
	})
}

// read takes bytes from where they come from.
func (l *link) read() {
	defer close(l.in)
	var pending []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := l.from.Read(buf)
		pending = append(pending, buf[:n]...)
		whole := len(pending)
		if l.pair.proxy.framed && err == nil {
			whole = wholeMessages(pending)
		}
		if whole > 0 && !l.push(pending[:whole:whole]) {
			return
		}
		pending = append([]byte(nil), pending[whole:]...)
		if err != nil {
			l.eof.Store(true)
			return
		}
	}
}

func (l *link) push(data []byte) bool {
	p := l.pair.proxy
	p.mu.Lock()
	if p.now.all && l.toxic(&p.now) != nil {
		p.met.Add(int64(len(data)))
	}
	p.mu.Unlock()
	select {
	case l.in <- &stream.StreamChunk{Data: data, Timestamp: time.Now()}:
		return true
	case <-l.pair.done:
		return false
	}
}

// pipe runs the toxic that is in force, until one of them or the end of the input closes the stub.
func (l *link) pipe() {
	defer close(l.piped)
	for {
		p := l.pair.proxy
		p.mu.Lock()
		now := p.now
		p.mu.Unlock()
		var t toxics.Toxic = &toxics.NoopToxic{}
		if made := l.toxic(&now); made != nil {
			t = made(l.pair)
		} else if l == l.pair.asks {
			t = watch{l.pair}
		}
		t.Pipe(l.stub)
		if l.stub.Closed() {
			return
		}
	}
}

// interrupt makes pipe look for the toxic in force again.
func (l *link) interrupt() {
	select {
	case l.stub.Interrupt <- struct{}{}:
	case <-l.piped:
	}
}

// write hands on what comes out of the toxic.
func (l *link) write() {
	failed := false
	for c := range l.out {
		if failed {
			continue // toxics wait for somebody to take it
		}
		if _, err := l.to.Write(c.Data); err != nil {
			failed = true
			l.pair.close()
		}
	}
	if half, ok := l.to.(interface{ CloseWrite() error }); ok && l.eof.Load() && !failed {
		_ = half.CloseWrite() // the other direction may go on; it may be gone too
		return
	}
	l.pair.close()
}

package rest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// CrowdOptions says how many connections a listener takes.
type CrowdOptions struct {
	Most int // at once; 0 means no limit

	// Plain says that clients speak HTTP without TLS: those that are one too many can be told.
	Plain bool
}

const (
	// crowdRetry is what clients are told to wait that are one too many, in seconds.
	crowdRetry = 1
	// farewell is how long a connection that was refused stays, so that its client gets to read why.
	farewell = 500 * time.Millisecond
	// maxFarewells is how many stay at once. Each is one file more than Most.
	maxFarewells = 128
	crowdBody    = `{"detail":"The server has too many connections."}`
)

// Crowd wraps the result of Listener so that there are at most so many connections at once: what a process may open is needed for
// its database and its files too, and a server that cannot open them can do nothing for anybody. One too many is answered 503 at once.
func Crowd(l net.Listener, o CrowdOptions) net.Listener {
	if o.Most <= 0 {
		return l
	}
	return &crowd{Listener: l, o: o}
}

type crowd struct {
	net.Listener
	o         CrowdOptions
	open      atomic.Int64
	farewells sync.WaitGroup
	leaving   atomic.Int64
}

// Accept implements net.Listener.
func (l *crowd) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= int64(l.o.Most) {
			return l.count(c), nil
		}
		l.open.Add(-1)
		l.refuse(c)
	}
}

// Close implements net.Listener.
func (l *crowd) Close() error {
	err := l.Listener.Close()
	l.farewells.Wait()
	return err
}

// count has a connection counted until it is closed.
func (l *crowd) count(c net.Conn) net.Conn {
	if own, is := c.(*conn); is { // which keeps all that a TCP connection can do
		own.closed = func() { l.open.Add(-1) }
		return own
	}
	return &countedConn{Conn: c, closed: func() { l.open.Add(-1) }}
}

// countedConn is a connection of another kind that is counted.
type countedConn struct {
	net.Conn
	once   sync.Once
	closed func()
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}

// refuse ends a connection that is one too many.
func (l *crowd) refuse(c net.Conn) {
	if !l.o.Plain || l.leaving.Add(1) > maxFarewells {
		if l.o.Plain {
			l.leaving.Add(-1)
		}
		_ = c.Close() // nobody was let in
		return
	}
	l.farewells.Go(func() {
		defer l.leaving.Add(-1)
		_ = goodbye(c) // a client that does not want to know
	})
}

// goodbye tells a client that it is one too many. What it sends is read for a while: a connection that is closed with something unread
// takes the answer with it.
func goodbye(c net.Conn) (err error) {
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := c.SetDeadline(time.Now().Add(farewell)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: %d\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		crowdRetry, len(crowdBody), crowdBody)
	if err != nil {
		return err
	}
	if half, can := c.(interface{ CloseWrite() error }); can {
		if err := half.CloseWrite(); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, io.LimitReader(c, 1<<20))
	return err
}

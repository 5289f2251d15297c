package effects

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// answer is what a Listener says to one effect.
type answer struct {
	Known bool   `json:"known,omitempty"`
	Error string `json:"error,omitempty"`
}

// Listener takes effects from other processes into a Log.
type Listener struct {
	log      *Log
	listener net.Listener

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	wg    sync.WaitGroup
}

// Listen listens on a unix socket, whose path may have about 100 bytes.
func Listen(ctx context.Context, log *Log, path string) (*Listener, error) {
	n, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for effects: %w", err)
	}
	l := &Listener{log: log, listener: n, conns: map[net.Conn]struct{}{}}
	l.wg.Go(l.accept)
	return l, nil
}

func (l *Listener) accept() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return // closed
		}
		l.mu.Lock()
		l.conns[c] = struct{}{}
		l.mu.Unlock()
		l.wg.Go(func() {
			l.serve(c)
			_ = c.Close() // its other side is gone
			l.mu.Lock()
			delete(l.conns, c)
			l.mu.Unlock()
		})
	}
}

func (l *Listener) serve(c net.Conn) {
	out := json.NewEncoder(c)
	for in := bufio.NewScanner(c); in.Scan(); {
		var e Effect
		var a answer
		err := json.Unmarshal(in.Bytes(), &e)
		if err == nil {
			a.Known, err = l.log.Append(e)
		}
		if err != nil {
			a.Error = err.Error()
		}
		if out.Encode(a) != nil {
			return // the one who did it was killed
		}
	}
}

// Close stops to listen and returns when all is written that came.
func (l *Listener) Close() error {
	err := l.listener.Close()
	l.mu.Lock()
	for c := range l.conns {
		_ = c.Close() // ends its reader
	}
	l.mu.Unlock()
	l.wg.Wait()
	return err
}

// Sender writes effects to a Listener. Safe for concurrent use.
type Sender struct {
	path string
	idle chan net.Conn
}

// NewSender returns a sender to the socket of a Listener.
func NewSender(path string) *Sender { return &Sender{path: path, idle: make(chan net.Conn, 64)} }

// sendTimeout bounds the wait for a log that is busy.
const sendTimeout = 30 * time.Second

// Send returns when an effect is on disk; known is as in Log.Append. The end of ctx does not cut it off: what is done is done.
func (s *Sender) Send(ctx context.Context, e Effect) (known bool, err error) {
	var c net.Conn
	select {
	case c = <-s.idle:
	default:
		if c, err = (&net.Dialer{}).DialContext(context.WithoutCancel(ctx), "unix", s.path); err != nil {
			return false, fmt.Errorf("send effect: %w", err)
		}
	}
	a, err := exchange(c, e)
	if err != nil {
		return false, errors.Join(fmt.Errorf("send effect: %w", err), c.Close())
	}
	select {
	case s.idle <- c:
	default:
		_ = c.Close() // there are enough
	}
	if a.Error != "" {
		return false, fmt.Errorf("send effect: %s", a.Error)
	}
	return a.Known, nil
}

func exchange(c net.Conn, e Effect) (a answer, err error) {
	if err := c.SetDeadline(time.Now().Add(sendTimeout)); err != nil {
		return a, err
	}
	line, err := json.Marshal(e)
	if err != nil {
		return a, err
	}
	if _, err := c.Write(append(line, '\n')); err != nil {
		return a, err
	}
	text, err := bufio.NewReader(c).ReadBytes('\n')
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(text, &a)
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/stewardhq/steward/internal/crashtest/effects"
)

// heldStep is the step in whose middle processes are killed.
const heldStep = "2"

// recorder is the log of effects with a gate: while it is closed, those who tell of the held step get no answer.
type recorder struct {
	log      *effects.Log
	listener net.Listener
	wg       sync.WaitGroup

	mu    sync.Mutex
	open  chan struct{} // closed while the gate is open
	conns map[net.Conn]struct{}
}

// openRecorder makes a log in a new file and listens on a unix socket.
func openRecorder(ctx context.Context, path, socket string) (*recorder, error) {
	log, err := effects.Open(path)
	if err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		_ = log.Close() // nothing is in it
		return nil, fmt.Errorf("listen for effects: %w", err)
	}
	r := &recorder{log: log, listener: l, open: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(r.open)
	r.wg.Go(r.accept)
	return r, nil
}

func (r *recorder) accept() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		r.mu.Lock()
		r.conns[c] = struct{}{}
		r.mu.Unlock()
		r.wg.Go(func() {
			r.serve(c)
			_ = c.Close() // its other side is gone
			r.mu.Lock()
			delete(r.conns, c)
			r.mu.Unlock()
		})
	}
}

// serve answers each effect when it is on disk and the gate lets it pass.
func (r *recorder) serve(c net.Conn) {
	out := json.NewEncoder(c)
	for in := bufio.NewScanner(c); in.Scan(); {
		var e effects.Effect
		var a struct {
			Error string `json:"error,omitempty"`
		}
		err := json.Unmarshal(in.Bytes(), &e)
		if err == nil {
			gate := r.gate() // that which stood when it came
			if _, err = r.log.Append(e); err == nil && e.Step == heldStep {
				<-gate
			}
		}
		if err != nil {
			a.Error = err.Error()
		}
		if out.Encode(a) != nil {
			return // the one who did it was killed
		}
	}
}

func (r *recorder) gate() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open
}

// hold closes the gate.
func (r *recorder) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = make(chan struct{})
}

// release opens the gate.
func (r *recorder) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.open:
	default:
		close(r.open)
	}
}

// await returns the effects after seq as soon as enough says so.
func (r *recorder) await(ctx context.Context, seq int64, limit time.Duration, enough func([]effects.Effect) bool) ([]effects.Effect, error) {
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		list, more := r.log.After(seq)
		if enough(list) {
			return list, nil
		}
		select {
		case <-more:
		case <-late.C:
			return list, fmt.Errorf("only %d steps were done within %v", len(list), limit)
		case <-ctx.Done():
			return list, context.Cause(ctx)
		}
	}
}

// last is the number of the newest effect.
func (r *recorder) last() int64 {
	list, _ := r.log.After(0)
	return int64(len(list))
}

// close ends the log. Nobody may use it any more.
func (r *recorder) close() error {
	r.release()
	err := r.listener.Close()
	r.mu.Lock()
	for c := range r.conns {
		_ = c.Close() // ends its reader
	}
	r.mu.Unlock()
	r.wg.Wait()
	if err != nil {
		return err
	}
	return r.log.Close()
}

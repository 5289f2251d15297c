package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"

	"github.com/stewardhq/steward/bench/compare/wire"
)

// process is a running program of a system.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ready chan struct{} // closed when it said so
	ended chan struct{} // closed when it has ended

	mu      sync.Mutex
	last    int // id of a request
	pending map[int]chan wire.Answer
}

// startProcess starts a program in a role. What it says that is no answer goes to log.
func startProcess(path, role string, env []string, log io.Writer) (*process, error) {
	p := &process{cmd: exec.Command(path, role), ready: make(chan struct{}), ended: make(chan struct{}), pending: map[int]chan wire.Answer{}} //nolint:gosec,noctx // own arguments; killed by its owner
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), env...), log
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s %s: %w", path, role, err)
	}
	go p.read(out, log)
	return p, nil
}

// read hands answers to those who wait for them, until the process ends.
func (p *process) read(out io.Reader, log io.Writer) {
	defer close(p.ended)
	d := json.NewDecoder(out)
	for {
		var a wire.Answer
		if err := d.Decode(&a); err != nil {
			// Servers that are not ours write their log there, which is no JSON.
			_, _ = io.Copy(log, io.MultiReader(d.Buffered(), out)) // a log for who looks into a failure
			_ = p.cmd.Wait()                                       // it was killed; there is no good end
			return
		}
		if a.Op == wire.OpReady {
			close(p.ready)
			continue
		}
		p.mu.Lock()
		waiting := p.pending[a.ID]
		delete(p.pending, a.ID)
		p.mu.Unlock()
		if waiting != nil {
			waiting <- a
		}
	}
}

var errEnded = errors.New("the program ended; see its log")

// waitReady returns when the program is ready.
func (p *process) waitReady(ctx context.Context) error {
	select {
	case <-p.ready:
		return nil
	case <-p.ended:
		return errEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ask sends a request and returns the answer.
func (p *process) ask(ctx context.Context, r wire.Request) (wire.Answer, error) {
	answer := make(chan wire.Answer, 1)
	p.mu.Lock()
	p.last++
	r.ID = p.last
	p.pending[r.ID] = answer
	line, err := json.Marshal(r)
	if err == nil {
		_, err = p.stdin.Write(append(line, '\n'))
	}
	p.mu.Unlock()
	if err != nil {
		return wire.Answer{}, fmt.Errorf("%s: %w", r.Op, err)
	}
	select {
	case a := <-answer:
		if a.Error != "" {
			return a, fmt.Errorf("%s: %s", r.Op, a.Error)
		}
		return a, nil
	case <-p.ended:
		return wire.Answer{}, fmt.Errorf("%s: %w", r.Op, errEnded)
	case <-ctx.Done():
		return wire.Answer{}, fmt.Errorf("%s: %w", r.Op, context.Cause(ctx))
	}
}

// kill ends the process without a warning and returns when it is gone. It may be nil, or have ended.
func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

package wire

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
)

// Steps is how many steps a job has.
const Steps = 3

// Effect is one step that was done, as the log of effects knows it.
type Effect struct {
	Kind string `json:"kind"` // "step"
	Job  string `json:"job"`
	Step string `json:"step"` // from "1"
	PID  int    `json:"pid"`
}

// Stepper does the steps of jobs. Safe for concurrent use.
type Stepper struct {
	socket string
	mu     sync.Mutex
	idle   []*told
}

// told is a connection to the log of effects.
type told struct {
	net net.Conn
	in  *bufio.Reader
}

// NewStepper returns one that tells the log of effects that the environment names.
func NewStepper() *Stepper { return StepperTo(os.Getenv(EnvEffects)) }

// StepperTo returns one that tells the log of effects behind a unix socket.
func StepperTo(socket string) *Stepper { return &Stepper{socket: socket} }

// Do is step n, from 1, of a job: it returns a small value. For a job with a key it tells the log of effects first, and returns when the
// log answers, which is when the effect is on disk and the comparison wants the step to go on.
func (s *Stepper) Do(ctx context.Context, job string, n int) (string, error) {
	if job != "" {
		if err := s.tell(ctx, Effect{Kind: "step", Job: job, Step: strconv.Itoa(n), PID: os.Getpid()}); err != nil {
			return "", fmt.Errorf("tell effect: %w", err)
		}
	}
	return "ok", nil
}

func (s *Stepper) tell(ctx context.Context, e Effect) error {
	c, err := s.connection(ctx)
	if err != nil {
		return err
	}
	if err := c.exchange(e); err != nil {
		return errors.Join(err, c.net.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, c)
	return nil
}

// connection returns one that nobody uses.
func (s *Stepper) connection(ctx context.Context) (*told, error) {
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		defer s.mu.Unlock()
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return c, nil
	}
	s.mu.Unlock()
	// What is done is done: the end of the step's context does not keep it from the log.
	c, err := (&net.Dialer{}).DialContext(context.WithoutCancel(ctx), "unix", s.socket)
	if err != nil {
		return nil, err
	}
	return &told{net: c, in: bufio.NewReader(c)}, nil
}

func (c *told) exchange(e Effect) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := c.net.Write(append(line, '\n')); err != nil {
		return err
	}
	text, err := c.in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var a struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	return nil
}

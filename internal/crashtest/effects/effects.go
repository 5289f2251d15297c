// Package effects keeps what a server under test did, outside of its process: a log that is on disk line by line before the one
// who did something is answered, and a unix socket through which other processes write to it.
//
// The log is also the receiver of keyed effects: it applies the first of a key and knows the others.
package effects

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/stewardhq/steward"
)

// Kind says what was done.
type Kind string

// The kinds of effects.
const (
	Step  Kind = "step"  // an engine did a step
	Keyed Kind = "keyed" // an engine changed something in the world, under a key
	Model Kind = "model" // a model provider was asked; Key is the marker that the question holds
	Hook  Kind = "hook"  // a webhook receiver took an event; Key is the delivery's id
)

// Effect is one line of the log.
type Effect struct {
	Seq     int64           `json:"seq"` // from 1, in the order of the log
	At      time.Time       `json:"at"`  // when it came to the log
	Kind    Kind            `json:"kind"`
	Job     steward.JobID   `json:"job,omitempty"`
	Batch   steward.BatchID `json:"batch,omitempty"`
	Step    string          `json:"step,omitempty"`
	Attempt int             `json:"attempt,omitempty"`
	PID     int             `json:"pid,omitempty"` // of the process that did it
	Key     string          `json:"key,omitempty"`
	Note    string          `json:"note,omitempty"`
	Known   bool            `json:"known,omitempty"` // its key was there before: it changed nothing
}

// Log appends effects to a file. Safe for concurrent use. Make it with Open.
type Log struct {
	file *os.File

	mu      sync.Mutex
	seq     int64
	keys    map[string]bool
	all     []Effect
	waiting []chan error // of lines that are written and not on disk yet
	wake    chan struct{}
	grown   chan struct{} // closed and replaced when there is more
	ended   bool
	done    chan struct{}
}

// Open makes a log in a new file.
func Open(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the test names the file
	if err != nil {
		return nil, fmt.Errorf("open effects: %w", err)
	}
	l := &Log{file: f, keys: map[string]bool{}, wake: make(chan struct{}, 1), grown: make(chan struct{}), done: make(chan struct{})}
	go l.sync()
	return l, nil
}

// Append numbers an effect, writes it and returns when it is on disk. known reports that a keyed effect of its key was there before.
func (l *Log) Append(e Effect) (known bool, err error) {
	answer := make(chan error, 1)
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return false, os.ErrClosed
	}
	l.seq++
	e.Seq, e.At = l.seq, time.Now().UTC().Truncate(time.Microsecond)
	if e.Kind == Keyed {
		e.Known = l.keys[e.Key]
		l.keys[e.Key] = true
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err != nil {
		l.mu.Unlock()
		return false, fmt.Errorf("append effect: %w", err)
	}
	l.all = append(l.all, e)
	l.waiting = append(l.waiting, answer)
	close(l.grown)
	l.grown = make(chan struct{})
	select {
	case l.wake <- struct{}{}:
	default:
	}
	l.mu.Unlock()
	return e.Known, <-answer
}

// sync puts lines on disk, all that have come meanwhile at once.
func (l *Log) sync() {
	defer close(l.done)
	for range l.wake {
		l.mu.Lock()
		waiting := l.waiting
		l.waiting = nil
		l.mu.Unlock()
		if len(waiting) == 0 {
			continue
		}
		err := l.file.Sync()
		for _, w := range waiting {
			w <- err
		}
	}
}

// After returns the effects with a number above seq, and a channel that is closed when there are more.
func (l *Log) After(seq int64) ([]Effect, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[min(seq, int64(len(l.all))):], l.grown
}

// Close ends the log. Nobody may append any more.
func (l *Log) Close() error {
	l.mu.Lock()
	l.ended = true
	close(l.wake) // what is in it is still read, so whoever waits is answered
	l.mu.Unlock()
	<-l.done
	return l.file.Close()
}

// Read returns the effects of a file. A last line that is not whole was never answered for, and is left out.
func Read(path string) ([]Effect, error) {
	f, err := os.Open(path) //nolint:gosec // the test names the file
	if err != nil {
		return nil, fmt.Errorf("read effects: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	var all []Effect
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read effects: %w", err)
		}
		var e Effect
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("read effect %d: %w", len(all)+1, err)
		}
		all = append(all, e)
	}
}

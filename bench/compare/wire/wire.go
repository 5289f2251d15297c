// Package wire is what the compared systems' programs have in common: the lines of JSON that the comparison speaks with them, the
// load that they are put under, and what each step of a job does.
//
// A program reads requests from standard input and answers each with one line on standard output, in any order; it says Ready first:
//
//	{"op":"ready"}
//	> {"id":1,"op":"load","in_flight":64,"seconds":5,"at_least":640}
//	{"id":1,"op":"load","count":20311,"seconds":5.004,"latencies_us":[…]}
//	> {"id":2,"op":"submit","jobs":["a","b"]}        starts jobs whose steps tell the log of effects; answers when all are acknowledged
//	{"id":2,"op":"submit","count":2}
//	> {"id":3,"op":"ended","jobs":["a","b"]}         how many of these jobs have ended well
//	{"id":3,"op":"ended","count":1}
//
// An answer with an error says why in "error". The program ends when its standard input does.
package wire

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// The operations.
const (
	OpReady  = "ready"
	OpLoad   = "load"
	OpSubmit = "submit"
	OpEnded  = "ended"
)

// Request is one line to a program.
type Request struct {
	ID       int      `json:"id"`
	Op       string   `json:"op"`
	InFlight int      `json:"in_flight,omitempty"`
	Seconds  float64  `json:"seconds,omitempty"`
	AtLeast  int      `json:"at_least,omitempty"` // jobs, however long they take
	Jobs     []string `json:"jobs,omitempty"`     // keys that the comparison made up
}

// Answer is one line from a program.
type Answer struct {
	ID          int     `json:"id"`
	Op          string  `json:"op"`
	Count       int     `json:"count"`
	Seconds     float64 `json:"seconds,omitempty"`
	LatenciesUS []int64 `json:"latencies_us,omitempty"`
	Error       string  `json:"error,omitempty"`
}

// Environment variables that a program is started with.
const (
	EnvFolder   = "COMPARE_FOLDER"   // for everything that it writes
	EnvDatabase = "COMPARE_DATABASE" // URL of a PostgreSQL database; "" when the system needs none
	EnvEffects  = "COMPARE_EFFECTS"  // unix socket of the log of effects
	EnvPort     = "COMPARE_PORT"     // first of ten ports that the system may listen on
	EnvServer   = "COMPARE_SERVER"   // the system's own server program, if it is not PostgreSQL
	EnvVariant  = "COMPARE_VARIANT"  // what else to do differently; "" means nothing
)

// Program is how one system does what is asked of it. A function may be nil in a role that is never asked for it. All are called
// from many goroutines at once.
type Program struct {
	Run    func(ctx context.Context) error                             // one job whose steps tell nobody, from its submission to its end
	Submit func(ctx context.Context, job string) error                 // starts a job under a key; returns when it is acknowledged
	Ended  func(ctx context.Context, jobs []string) (n int, err error) // how many of these jobs have ended well
}

// Serve says that the program is ready and answers requests until in ends, then waits for those that it is still busy with.
func Serve(ctx context.Context, p Program, in io.Reader, out io.Writer) error {
	s := server{program: p, out: json.NewEncoder(out)}
	s.answer(Answer{Op: OpReady})
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	var busy sync.WaitGroup
	for lines.Scan() {
		var r Request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		busy.Go(func() {
			a, err := s.do(ctx, r)
			a.ID, a.Op = r.ID, r.Op
			if err != nil {
				a.Error = err.Error()
			}
			s.answer(a)
		})
	}
	busy.Wait()
	return errors.Join(lines.Err(), s.err)
}

// server writes answers one by one.
type server struct {
	program Program
	mu      sync.Mutex
	out     *json.Encoder
	err     error // of writing
}

func (s *server) answer(a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = s.out.Encode(a)
	}
}

var errUnknown = errors.New("this role of the program does not do that")

func (s *server) do(ctx context.Context, r Request) (Answer, error) {
	switch {
	case r.Op == OpLoad && s.program.Run != nil:
		return Load(ctx, Length{time.Duration(r.Seconds * float64(time.Second)), r.AtLeast}, r.InFlight, s.program.Run)
	case r.Op == OpSubmit && s.program.Submit != nil:
		return Answer{Count: len(r.Jobs)}, each(ctx, r.Jobs, s.program.Submit)
	case r.Op == OpEnded && s.program.Ended != nil:
		n, err := s.program.Ended(ctx, r.Jobs)
		return Answer{Count: n}, err
	}
	return Answer{}, errUnknown
}

// Main is the main function of a program: it calls start with the role, its first argument, and serves what start returns. A start
// that has no program to serve returns only when all is over.
func Main(start func(ctx context.Context, role string) (p *Program, stop func(), err error)) {
	if err := run(start); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(start func(ctx context.Context, role string) (*Program, func(), error)) error {
	if len(os.Args) != 2 {
		return errors.New("want the role as the only argument; make compare starts this program")
	}
	ctx := context.Background()
	p, stop, err := start(ctx, os.Args[1])
	if err != nil || p == nil {
		return err
	}
	defer stop()
	return Serve(ctx, *p, os.Stdin, os.Stdout)
}

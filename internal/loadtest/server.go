package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
)

// ServeArg is the first argument of a program that is to be the server: the programs of this package start themselves with it.
const ServeArg = "serve-for-load"

// engineID is the engine whose runs do what a test wants: a number of steps, and a wait until they are let go.
const engineID = "LoadEngine"

// Serve is the server: the real one, with an engine beside its own, and a socket on which it tells how it is. It returns the exit code.
func Serve(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { // a test that was killed leaves no server behind
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := serve(ctx, args); err != nil {
		fmt.Fprintln(os.Stderr, "server under load:", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet(ServeArg, flag.ContinueOnError)
	data := flags.String("data", "", "data folder, with the configuration in steward.yaml")
	socket := flags.String("control", "", "unix socket to listen on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c := newControl()
	stopControl, err := c.listen(ctx, *socket)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopControl()) }()
	config, err := app.Load(app.LoadParams{Getenv: func(string) string { return "" }, Override: func(o *app.Config) { o.Data = *data }})
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := app.Open(ctx, config, app.Options{Version: "load", Logger: log, Engines: []engine.Engine{c.engine()}, Getenv: func(string) string { return "" }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Serve(ctx)
}

// control is what a test can have the server do and tell.
type control struct {
	mu      sync.Mutex
	permits int           // runs that may go on
	open    bool          // all may
	changed chan struct{} // closed when one of them changes
	holding int
}

func newControl() *control { return &control{changed: make(chan struct{})} }

// listen answers on a unix socket until the returned function is called.
func (c *control) listen(ctx context.Context, socket string) (stop func() error, err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("listen for control: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", c.stats)
	mux.HandleFunc("POST /release", c.release)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	return func() error {
		err := server.Close()
		if serr := <-done; !errors.Is(serr, http.ErrServerClosed) {
			err = errors.Join(err, serr)
		}
		return err
	}, nil
}

// inside is what a server tells of itself.
type inside struct {
	Goroutines int   `json:"goroutines"`
	HeapBytes  int64 `json:"heap_bytes"` // alive after a collection
	Holding    int   `json:"holding"`    // runs that wait to be let go
}

func (c *control) stats(w http.ResponseWriter, _ *http.Request) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.mu.Lock()
	in := inside{Goroutines: runtime.NumGoroutine(), HeapBytes: int64(m.HeapAlloc), Holding: c.holding} //nolint:gosec // far below the limit
	c.mu.Unlock()
	_ = json.NewEncoder(w).Encode(in) // the test asks again
}

// release lets n runs go, or all of them.
func (c *control) release(_ http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = c.open || err != nil
	c.permits += n
	close(c.changed)
	c.changed = make(chan struct{})
}

// hold waits until the caller is let go.
func (c *control) hold(ctx context.Context) error {
	c.mu.Lock()
	c.holding++
	for !c.open && c.permits == 0 {
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		c.mu.Lock()
		if ctx.Err() != nil {
			break
		}
	}
	c.holding--
	if !c.open && c.permits > 0 {
		c.permits--
	}
	c.mu.Unlock()
	return context.Cause(ctx)
}

// engine is the engine of the tests. Its outputs tell when the run was done.
func (c *control) engine() engine.Engine {
	params := []engine.Param{
		{Name: "text", Kind: engine.KindText, Bindable: true, Description: "Any text."},
		{Name: "steps", Kind: engine.KindInteger, Default: 1, Description: "How many steps."},
		{Name: "hold", Kind: engine.KindBoolean, Default: false, Description: "Wait until the run is let go."},
	}
	return enginetest.Func{ID: engineID, Config: params, Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		for i := range run.Config.Int("steps") {
			spec := engine.StepSpec{Name: "step[" + strconv.Itoa(i) + "]", Kind: steward.StepCompute}
			if _, err := engine.Do(ctx, run, spec, func(context.Context) (string, error) { return "ok", nil }); err != nil {
				return nil, err
			}
		}
		if run.Config.Bool("hold") {
			if err := c.hold(ctx); err != nil {
				return nil, err
			}
		}
		return enginetest.Output(map[string]int64{"at": time.Now().UnixNano()})
	}}
}

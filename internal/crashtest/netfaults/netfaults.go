// Package netfaults makes the network bad between a server and those that it depends on: model providers, receivers of webhooks, and
// hosts whose files are inputs. Each scenario is one fault at one of them; what is looked at is that no job outlives its limit,
// that nothing is doubled, that budgets hold, and that what a fault took is given back.
//
//	report, err := netfaults.Run(ctx, netfaults.Options{Folder: folder, Each: print})
//
// The server is a real one in the process, so that its goroutines and file handles can be counted; the network is package toxic.
package netfaults

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver sqlite3
	"github.com/rs/zerolog"

	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/crashtest/poll"
)

// Options says what to test.
type Options struct {
	Folder string       // for everything that is written
	Long   bool         // also the scenarios that wait for time-outs of 10 s and more
	Only   string       // a scenario's name; "" means all
	Each   func(Result) // told of each scenario when it is over, one at a time; may be nil
}

// Result is what a scenario came to. It is printed as one line.
type Result struct {
	Name      string   `json:"name"`
	Scenario  string   `json:"scenario"`
	Jobs      int      `json:"jobs"`
	Succeeded int      `json:"succeeded"`
	Failed    int      `json:"failed"`
	Requests  int      `json:"requests"` // that came through to the other side whole
	Again     int      `json:"again"`    // of them, those that had come before: their answers were lost
	CostUSD   float64  `json:"cost_usd"` // in the books
	Seconds   float64  `json:"seconds"`  // until the last job had ended
	Most      float64  `json:"most_seconds"`
	Faults    int      `json:"faults"`
	What      []string `json:"what,omitempty"`
}

// Report adds the scenarios up. It is printed as the last line.
type Report struct {
	Name       string   `json:"name"`
	Scenarios  int      `json:"scenarios"`
	Jobs       int      `json:"jobs"`
	Hanging    int      `json:"hanging"`    // jobs that outlived their limit
	Doubled    int      `json:"doubled"`    // events under two ids, jobs that were told twice
	Goroutines [2]int   `json:"goroutines"` // before and after
	Handles    [2]int   `json:"handles"`
	Seconds    float64  `json:"seconds"`
	Faults     int      `json:"faults"`
	What       []string `json:"what,omitempty"`
}

// scenario is one fault at one of the others.
type scenario interface {
	name() string
	long() bool                                                    // waits for a long time-out
	open(ctx context.Context) error                                // what lives outside of the server
	configure(c *app.Config, models *[]map[string]any)             // the server
	play(ctx context.Context, s *stage) (*Result, []string, error) // faults that were seen
	close() error
}

// stage is the server that scenarios play on.
type stage struct {
	client *client.Client
	db     *sql.DB // of the server

	mu      sync.Mutex
	hanging int
	doubled int
}

// Run plays the scenarios, all at once, and adds them up. An error means that the test could not be carried out.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxiproxy tells of each chunk otherwise
	began := time.Now()
	report := &Report{Name: "netfaults"}
	var all []scenario
	for _, s := range scenarios() {
		if (o.Long || !s.long()) && (o.Only == "" || s.name() == o.Only) {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no scenario is called %q, only %s", o.Only, strings.Join(names(o.Long), "; "))
	}
	report.Goroutines[0], report.Handles[0] = runtime.NumGoroutine(), handles()
	if err := play(ctx, o, all, report); err != nil {
		return nil, err
	}
	report.settle(ctx)
	report.Scenarios, report.Faults = len(all), len(report.What)
	report.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	return report, nil
}

// names lists the scenarios.
func names(long bool) (list []string) {
	for _, s := range scenarios() {
		if long || !s.long() {
			list = append(list, s.name())
		}
	}
	return list
}

// play opens everything, plays, and closes everything.
func play(ctx context.Context, o Options, all []scenario, report *Report) (err error) {
	defer func() {
		for _, s := range all {
			err = errors.Join(err, s.close())
		}
	}()
	for _, s := range all {
		if err := s.open(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name(), err)
		}
	}
	server, err := serve(ctx, o.Folder, all)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	st := &stage{}
	if st.client, err = client.New(&client.Options{APIKey: server.APIKey, BaseURL: server.BaseURL(), Timeout: 20 * time.Second}); err != nil {
		return err
	}
	defer st.client.Close()
	if st.db, err = sql.Open("sqlite3", "file:"+filepath.Join(o.Folder, "data", "steward.db")+"?_busy_timeout=10000"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.db.Close()) }()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, s := range all {
		wg.Go(func() {
			r, faults, perr := s.play(ctx, st)
			mu.Lock()
			defer mu.Unlock()
			if perr != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", s.name(), perr))
				return
			}
			r.Name, r.Scenario, r.Faults, r.What = "netfaults", s.name(), len(faults), faults
			report.Jobs += r.Jobs
			for _, f := range faults {
				report.What = append(report.What, s.name()+": "+f)
			}
			if o.Each != nil {
				o.Each(*r)
			}
		})
	}
	wg.Wait()
	report.Hanging, report.Doubled = st.hanging, st.doubled
	return err
}

// serve starts the server.
func serve(ctx context.Context, folder string, all []scenario) (*apptest.Server, error) {
	data := filepath.Join(folder, "data")
	var models []map[string]any
	catalogue := filepath.Join(folder, "catalogue.json")
	change := func(c *app.Config) {
		c.OCR, c.Models.Detect, c.Fetch.Allow = app.OCROff, app.DetectOff, []string{"127.0.0.1"}
		c.Models.Providers, c.Models.Catalogue = map[string]app.ProviderConfig{}, catalogue
		for _, s := range all {
			s.configure(c, &models)
		}
	}
	change(&app.Config{}) // for the models
	text, err := json.Marshal(map[string]any{"models": models})
	if err != nil {
		return nil, fmt.Errorf("encode catalogue: %w", err)
	}
	if err := errors.Join(os.MkdirAll(data, 0o700), os.WriteFile(catalogue, text, 0o600)); err != nil {
		return nil, fmt.Errorf("write catalogue: %w", err)
	}
	return apptest.OpenWith(ctx, data, change)
}

// slack is how many goroutines and handles may be left: those of the runtime, of package testing and of finalizers come and go.
const slack = 5

// settle waits until what was taken is given back, and says what is not.
func (r *Report) settle(ctx context.Context) {
	err := poll.Until(ctx, 15*time.Second, "goroutines and handles are given back", func() (bool, error) {
		r.Goroutines[1], r.Handles[1] = runtime.NumGoroutine(), handles()
		return r.Goroutines[1] <= r.Goroutines[0]+slack && r.Handles[1] <= r.Handles[0]+slack, nil
	})
	if err != nil {
		r.What = append(r.What, fmt.Sprintf("%d goroutines and %d handles are left of %d and %d before", r.Goroutines[1], r.Handles[1], r.Goroutines[0], r.Handles[0]))
	}
	slices.Sort(r.What)
}

// handles counts the open files of the process; 0 where nobody can tell.
func handles() int {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(open)
}

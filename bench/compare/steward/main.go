// Command steward is Steward for the comparison: the whole server with an engine of three steps, and a client that speaks HTTP to
// it through the Go SDK.
//
// Roles: serve (API and worker in one process, as "steward serve" runs them), drive (the client).
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/bench/compare/wire"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/engine"
)

func main() { wire.Main(start) }

// concurrency is how many jobs run at once. The default of 64 is meant for jobs that work; those of the comparison wait.
const concurrency = 128

// classID is the id of the engine.
const classID = "CompareEngine"

func start(ctx context.Context, role string) (*wire.Program, func(), error) {
	switch role {
	case "serve":
		return nil, nil, serve(ctx)
	case "drive":
		d := &driver{ids: map[string]steward.JobID{}}
		if err := wire.Until(ctx, time.Minute, d.connect); err != nil {
			return nil, nil, err
		}
		return &wire.Program{Run: d.run, Submit: d.submit, Ended: d.ended}, func() {}, nil
	}
	return nil, nil, fmt.Errorf("no role %q", role)
}

// folder is the server's data folder.
func folder() string { return filepath.Join(os.Getenv(wire.EnvFolder), "data") }

// serve is the server, until it is told to stop.
func serve(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	config, err := app.Load(app.LoadParams{Getenv: func(string) string { return "" }, Override: func(c *app.Config) {
		c.Data, c.Database = folder(), os.Getenv(wire.EnvDatabase)
		c.Listen = net.JoinHostPort("127.0.0.1", os.Getenv(wire.EnvPort))
		c.Workers.Concurrency = concurrency
		c.OCR, c.Models.Detect = app.OCROff, app.DetectOff // nobody reads pictures or asks models
	}})
	if err != nil {
		return err
	}
	s, err := app.Open(ctx, config, app.Options{
		Version: "compare", Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Engines: []engine.Engine{steps{wire.NewStepper()}}, Getenv: func(string) string { return "" },
	})
	if err != nil {
		return err
	}
	if err := s.Serve(ctx); err != nil {
		return err
	}
	return s.Close()
}

// steps is an engine that does the steps of the comparison.
type steps struct{ stepper *wire.Stepper }

// Type implements engine.Engine.
func (steps) Type() steward.EngineType {
	return steward.EngineType{
		ClassID: classID, EngineClassID: classID, ID: classID, DisplayName: "Compare", Name: classID, Summary: "Three steps.", Description: "Three steps.",
		Categories: []string{}, DefaultInputDefinitions: []steward.InputDefinition{{Key: "job", DataType: "text/plain", Description: "Key"}}, Outputs: []steward.Datum{},
	}
}

// Params implements engine.Engine.
func (steps) Params() []engine.Param {
	return []engine.Param{{Name: "job", Kind: engine.KindText, Bindable: true, Description: "Key."}}
}

// Run implements engine.Engine.
func (e steps) Run(ctx context.Context, run *engine.Run) (*engine.Result, error) {
	job := run.Config.String("job")
	if job == silent {
		job = ""
	}
	for n := 1; n <= wire.Steps; n++ {
		spec := engine.StepSpec{Name: "step[" + strconv.Itoa(n) + "]", Kind: steward.StepCompute}
		if _, err := engine.Do(ctx, run, spec, func(ctx context.Context) (string, error) { return e.stepper.Do(ctx, job, n) }); err != nil {
			return nil, err
		}
	}
	return &engine.Result{Outputs: []steward.Datum{{Key: "output", DataType: "text/plain", Value: "ok"}}}, nil
}

// silent is the key of jobs whose steps tell nobody.
const silent = "-"

// driver is a client of the server.
type driver struct {
	client *client.Client
	agent  steward.AgentID

	mu  sync.Mutex
	ids map[string]steward.JobID // of jobs that were submitted
}

// connect waits for the server and makes the agent.
func (d *driver) connect(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(folder(), app.CredentialsFile))
	if err != nil {
		return err
	}
	var c app.Credentials
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	transport := &http.Transport{MaxIdleConns: 2 * concurrency, MaxIdleConnsPerHost: 2 * concurrency}
	d.client, err = client.New(&client.Options{BaseURL: c.BaseURL, APIKey: c.APIKey, HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		return err
	}
	agent, err := d.client.CreateAgent(ctx, client.AgentCreate{Name: "compare", EngineClassID: classID})
	if err != nil {
		return err
	}
	d.agent = agent.ID
	return nil
}

// run asks for a run and its outputs in one call.
func (d *driver) run(ctx context.Context) error {
	_, err := d.client.RunSync(ctx, d.agent, client.RunParams{Inputs: client.Inputs{"job": silent}, SkipCache: true})
	return err
}

func (d *driver) submit(ctx context.Context, job string) error {
	id, err := d.client.Run(ctx, d.agent, client.RunParams{Inputs: client.Inputs{"job": job}, IdempotencyKey: job, SkipCache: true})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ids[job] = id
	return nil
}

func (d *driver) ended(ctx context.Context, jobs []string) (n int, err error) {
	ids := make([]steward.JobID, 0, len(jobs))
	d.mu.Lock()
	for _, job := range jobs {
		ids = append(ids, d.ids[job])
	}
	d.mu.Unlock()
	list, err := d.client.With(client.CallOptions{MaxRetries: -1}).JobStatuses(ctx, ids) // it is asked again soon
	for i := range list {
		if list[i].Status == steward.StatusSuccess {
			n++
		}
	}
	return n, err
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/engine"
)

// connections is how many clients ask at once in the HTTP benchmarks.
const connections = 64

// server is a whole Steward server in this process, with its API key, one organization and one agent.
type server struct {
	addr         string
	key          string
	organization string
	agent        string
	house        *app.Server
	conns        []*conn
}

// withServer runs fn against a new server that has an agent whose engine does nothing. change, which may be nil, sets up the
// server in another way than the defaults: on SQLite, running jobs as they come in.
func withServer(ctx context.Context, env *env, change func(*app.Config), fn func(ctx context.Context, s *server) error) (err error) {
	dir, remove, err := env.folder("http")
	if err != nil {
		return err
	}
	defer remove()
	c := app.Defaults()
	c.Data, c.Listen = filepath.Join(dir, "data"), "127.0.0.1:0"
	c.Requests.PerKey = 0 // all clients have one key
	if change != nil {
		change(&c)
	}
	var s server
	house, err := app.Open(ctx, c, app.Options{
		Logger: quietLog(), Getenv: func(string) string { return "" }, Engines: []engine.Engine{&stepEngine{id: "StepEngine"}},
		OnFirst: func(c app.Credentials) { s.key, s.organization = c.APIKey, c.OrganizationID },
	})
	if err != nil {
		return fmt.Errorf("open server: %w", err)
	}
	s.house = house
	defer func() { err = errors.Join(err, house.Close()) }()
	running, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- house.Serve(running) }()
	defer func() {
		for _, c := range s.conns {
			err = errors.Join(err, c.close())
		}
		stop()
		err = errors.Join(err, <-stopped)
	}()
	u, err := url.Parse(house.BaseURL())
	if err != nil {
		return err
	}
	s.addr = u.Host
	if err := s.prepare(ctx); err != nil {
		return err
	}
	return fn(ctx, &s)
}

// prepare opens the connections and makes the agent.
func (s *server) prepare(ctx context.Context) error {
	for range connections {
		c, err := dial(ctx, s.addr)
		if err != nil {
			return err
		}
		s.conns = append(s.conns, c)
	}
	var agent struct {
		ID string `json:"id"`
	}
	body := `{"name":"bench","engine_class_id":"StepEngine","input_definitions":[{"key":"text","data_type":"text/plain"}],"engine_config":{}}`
	if err := s.call(0, s.request(http.MethodPost, "/v1/agents/", body), http.StatusCreated, &agent); err != nil {
		return fmt.Errorf("create agent: %w", err)
	}
	s.agent = agent.ID
	// Every run counts: equal inputs are not answered from earlier results.
	if err := s.call(0, s.request(http.MethodPatch, "/v1/agents/"+s.agent+"/", `{"disable_cache":true}`), http.StatusOK, nil); err != nil {
		return fmt.Errorf("turn off the agent's cache: %w", err)
	}
	return nil
}

// redial puts a new connection in the first one's place.
func (s *server) redial(ctx context.Context) error {
	c, err := dial(ctx, s.addr)
	if err != nil {
		return err
	}
	err = s.conns[0].close()
	s.conns[0] = c
	return err
}

// request encodes a request once, so that it costs a write afterwards.
func (s *server) request(method, path, body string) []byte {
	head := method + " " + path + " HTTP/1.1\r\nHost: " + s.addr + "\r\nAuthorization: Bearer " + s.key + "\r\nAccept: application/json\r\n"
	if body != "" {
		head += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return []byte(head + "\r\n" + body)
}

// call sends a request over connection i and decodes the answer into v unless it is nil.
func (s *server) call(i int, request []byte, want int, v any) error {
	status, body, err := s.conns[i].do(request)
	if err != nil {
		return err
	}
	if status != want {
		return fmt.Errorf("status %d: %.200s", status, body)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(body, v)
}

// rate sends n requests over all connections and returns how many were answered in a second. A tenth as many go before,
// uncounted.
func (s *server) rate(ctx context.Context, n, want int, request []byte) (float64, error) {
	rate := 0.0
	for _, n := range []int{n / 10, n} {
		start := time.Now()
		err := each(ctx, n, connections, func(_ context.Context, worker int) error { return s.call(worker, request, want, nil) })
		if err != nil {
			return 0, err
		}
		rate = float64(n) / time.Since(start).Seconds()
	}
	return rate, nil
}

func (s *server) createRequest() []byte {
	return s.request(http.MethodPost, "/v1/agents/run/"+s.agent+"/async/", `{"text":"Total: 12.50 EUR"}`)
}

// httpCreateSQLite measures single durable creates. The server runs the jobs as well while they come in, as a server does.
func httpCreateSQLite(ctx context.Context, env *env) (result, error) {
	r := result{Unit: "1/s"}
	err := withServer(ctx, env, nil, func(ctx context.Context, s *server) error {
		rate, err := s.rate(ctx, env.count(20_000), http.StatusOK, s.createRequest())
		r.Value = round(rate)
		return err
	})
	return r, err
}

// httpStatusSQLite measures polls of jobs that have ended.
func httpStatusSQLite(ctx context.Context, env *env) (result, error) {
	r := result{Unit: "1/s"}
	err := withServer(ctx, env, nil, func(ctx context.Context, s *server) error {
		var id string
		if err := s.call(0, s.createRequest(), http.StatusOK, &id); err != nil {
			return fmt.Errorf("create job: %w", err)
		}
		rate, err := s.rate(ctx, env.count(60_000), http.StatusOK, s.request(http.MethodGet, "/v1/agents/jobs/"+id+"/status/", ""))
		r.Value = round(rate)
		return err
	})
	return r, err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stewardhq/steward/internal/app"
)

// webhookDeliveriesSQLite measures from the submission of jobs to the arrival of the event of each at a receiver on this
// machine: the server takes the jobs in, runs them and sends signed events, all at once.
func webhookDeliveriesSQLite(ctx context.Context, env *env) (result, error) {
	r := result{Unit: "1/s"}
	err := withReceiver(ctx, func(ctx context.Context, receiver *receiver) error {
		allow := func(c *app.Config) { c.Fetch.Allow = []string{"127.0.0.1"} }
		return withServer(ctx, env, allow, func(ctx context.Context, s *server) error {
			if err := s.subscribe(receiver.url); err != nil {
				return err
			}
			n := max(env.count(10_000)/bulk, 1) * bulk
			for _, n := range []int{bulk, n} {
				done := receiver.events.expect(n)
				start := time.Now()
				for range n / bulk {
					if err := s.call(0, s.runManyRequest(), http.StatusOK, nil); err != nil {
						return fmt.Errorf("create jobs: %w", err)
					}
				}
				select {
				case <-done:
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-time.After(patience):
					return fmt.Errorf("events did not arrive within %v", patience)
				}
				r.Value = round(float64(n) / time.Since(start).Seconds())
			}
			return nil
		})
	})
	return r, err
}

// subscribe makes a webhook of the agent.
func (s *server) subscribe(url string) error {
	var hook struct {
		ID string `json:"id"`
	}
	body := `{"name":"bench","url":` + strconv.Quote(url) + `,"events":["job_completed"]}`
	if err := s.call(0, s.request(http.MethodPost, "/v1/webhooks/", body), http.StatusCreated, &hook); err != nil {
		return fmt.Errorf("create webhook: %w", err)
	}
	link := s.request(http.MethodPost, "/v1/webhooks/"+hook.ID+"/agents/", `{"agent_ids":["`+s.agent+`"]}`)
	if err := s.call(0, link, http.StatusCreated, nil); err != nil {
		return fmt.Errorf("link webhook: %w", err)
	}
	return nil
}

// receiver is where events arrive.
type receiver struct {
	url    string
	events tally
}

// ServeHTTP counts a signed event.
func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) == 0 || !strings.HasPrefix(r.Header.Get("Webhook-Signature"), "v1,") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	rc.events.add()
	w.WriteHeader(http.StatusNoContent)
}

// withReceiver runs fn with a receiver.
func withReceiver(ctx context.Context, fn func(ctx context.Context, r *receiver) error) (err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	rc := &receiver{url: "http://" + l.Addr().String() + "/hook"}
	server := &http.Server{Handler: rc, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	defer func() {
		err = errors.Join(err, server.Close())
		if serr := <-stopped; !errors.Is(serr, http.ErrServerClosed) {
			err = errors.Join(err, serr)
		}
	}()
	return fn(ctx, rc)
}

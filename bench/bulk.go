package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/stewardhq/steward/internal/app"
)

// bulk is how many jobs one call is about.
const bulk = 1000

// runManyRequest encodes a call that starts bulk runs.
func (s *server) runManyRequest() []byte {
	var b bytes.Buffer
	b.WriteString(`{"inputs":[`)
	for i := range bulk {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"text":"Total: 12.50 EUR, invoice ` + strconv.Itoa(i) + `"}`)
	}
	b.WriteString(`],"metadata":{"case":"bench"}}`)
	return s.request(http.MethodPost, "/v1/agents/run/"+s.agent+"/async/many/", b.String())
}

// httpRunManySQLite measures calls that accept 1,000 jobs each, durably, from one client after the other and from several at
// once. The server does not run the jobs: what is measured is how fast they are taken in.
func httpRunManySQLite(ctx context.Context, env *env) (result, error) {
	r := result{Unit: "1/s"}
	err := withServer(ctx, env, acceptOnly, func(ctx context.Context, s *server) error {
		request, n := s.runManyRequest(), max(env.count(20_000)/bulk*10, 4)
		for _, n := range []int{max(n/10, 2), n} {
			start := time.Now()
			err := each(ctx, n, 4, func(_ context.Context, worker int) error {
				var ids []string
				if err := s.call(worker, request, http.StatusOK, &ids); err != nil {
					return err
				}
				if len(ids) != bulk {
					return fmt.Errorf("got %d ids, want %d", len(ids), bulk)
				}
				return nil
			})
			if err != nil {
				return err
			}
			r.Value = round(float64(n) / time.Since(start).Seconds())
		}
		return nil
	})
	return r, err
}

// acceptOnly sets up a server that takes jobs in and runs none.
func acceptOnly(c *app.Config) { c.Roles = []string{"api"} }

// httpStatusesSQLite measures polls of 1,000 jobs at once.
func httpStatusesSQLite(ctx context.Context, env *env) (result, error) {
	r := result{Unit: "1/s"}
	err := withServer(ctx, env, acceptOnly, func(ctx context.Context, s *server) error {
		var ids []string
		if err := s.call(0, s.runManyRequest(), http.StatusOK, &ids); err != nil {
			return fmt.Errorf("create jobs: %w", err)
		}
		body, err := json.Marshal(map[string]any{"job_ids": ids})
		if err != nil {
			return err
		}
		rate, err := s.rate(ctx, max(env.count(100_000)/100, 20), http.StatusOK, s.request(http.MethodPost, "/v1/agents/jobs/statuses/", string(body)))
		r.Value = round(rate)
		return err
	})
	return r, err
}

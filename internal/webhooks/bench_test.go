package webhooks_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/webhooks"
)

// BenchmarkDeliveries measures how fast an outbox of b.N events about one job empties into receivers of this machine.
func BenchmarkDeliveries(b *testing.B) {
	for name, receivers := range map[string]int{"one receiver": 1, "eight receivers": 8} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			w.sender = webhooks.NewDeliverer(w.Service, nil)
			done := make(chan struct{}, b.N+receivers)
			for range receivers {
				server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
					rw.WriteHeader(http.StatusNoContent)
					done <- struct{}{}
				}))
				b.Cleanup(server.Close)
				w.hook(server.URL, nil)
			}
			job := w.job(nil)
			for n := receivers; n < b.N; n += receivers {
				if _, err := w.store.ResendJob(b.Context(), w.org, job, "", w.clock.Now()); err != nil {
					b.Fatal(err)
				}
			}
			want := max(b.N/receivers, 1) * receivers
			ctx, stop := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			b.ReportAllocs()
			b.ResetTimer()
			go func() { ended <- w.sender.Run(ctx) }()
			for range want {
				<-done
			}
			b.StopTimer()
			b.ReportMetric(float64(want)/b.Elapsed().Seconds(), "events/s")
			stop()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkLook measures a look at a database that has nothing to send.
func BenchmarkLook(b *testing.B) {
	w := newWorld(b)
	for range 20 {
		if _, err := w.Create(w.admin(), webhooks.CreateParams{Name: "n", URL: "https://example.com/", Events: steward.EventTypes()}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		due, err := w.store.DueWebhooks(b.Context(), w.clock.Now())
		if err != nil || len(due) != 0 {
			b.Fatal(due, err)
		}
	}
}

package client_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stewardhq/steward/client"
)

// seen is a request as a scripted server got it.
type seen struct {
	method, path string
	header       http.Header
	body         string
}

// script answers the first request with its first handler, and so on; the last one answers all that follow.
type script struct {
	mu       sync.Mutex
	handlers []http.HandlerFunc
	requests []seen
}

func newScript(handlers ...http.HandlerFunc) *script { return &script{handlers: handlers} }

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, seen{r.Method, r.URL.RequestURI(), r.Header.Clone(), string(body)})
	h := s.handlers[min(n, len(s.handlers)-1)]
	s.mu.Unlock()
	h(w, r)
}

// RoundTrip implements http.RoundTripper without a network, so that a test can run on synthetic time.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	rec := &recorder{ResponseRecorder: httptest.NewRecorder()}
	s.ServeHTTP(rec, r)
	_ = r.Body.Close() // as a transport does
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if rec.broken != nil {
		return nil, rec.broken
	}
	return rec.Result(), nil
}

// recorder can also stand for a connection that breaks.
type recorder struct {
	*httptest.ResponseRecorder
	broken error
}

// all returns what was asked so far.
func (s *script) all() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.requests...)
}

// status answers with a status, a body, and headers as pairs of name and value.
func status(code int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body) // the client is there
	}
}

// broken stands for a connection that fails with err.
func broken(err error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if rec, ok := w.(*recorder); ok {
			rec.broken = err
		}
	}
}

// newTo returns a client of a handler behind a real listener.
func newTo(t *testing.T, h http.Handler, opts client.Options) *client.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	opts.BaseURL, opts.APIKey = srv.URL, "key"
	return newClient(t, opts)
}

// newVia returns a client that speaks to a round tripper instead of a network.
func newVia(t *testing.T, rt http.RoundTripper, opts client.Options) *client.Client {
	t.Helper()
	opts.BaseURL, opts.APIKey, opts.HTTPClient = "http://server.test", "key", &http.Client{Transport: rt}
	return newClient(t, opts)
}

func newClient(t *testing.T, opts client.Options) *client.Client {
	t.Helper()
	c, err := client.New(&opts)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c
}

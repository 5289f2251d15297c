package rest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// server is what stands around all operations: request ids, panics, the access log.
type server struct {
	next http.Handler
	log  *slog.Logger
}

// requestIDHeader is on every answer.
const requestIDHeader = "X-Request-Id"

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h[requestIDHeader] = []string{requestID(r.Header.Get(requestIDHeader))}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Cache-Control"] = []string{"no-store"} // what depends on a key is for nobody's shelf; files say otherwise
	rec := &recorder{ResponseWriter: &awakeAnswer{ResponseWriter: w, idle: answerIdle}}
	logged := s.log.Enabled(r.Context(), slog.LevelDebug)
	var start time.Time
	if logged {
		start = time.Now()
	}
	defer func() {
		if v := recover(); v != nil {
			s.recovered(rec, r, v)
		}
		if logged {
			s.access(rec, r, time.Since(start))
		}
	}()
	if r.Body != nil && r.Body != http.NoBody {
		// In a copy: net/http looks at its own request's body, by type, to find out whether the client waits for "100 Continue"
		// and what is left to be read.
		r = r.WithContext(r.Context())
		r.Body = &awakeBody{ReadCloser: r.Body, conn: http.NewResponseController(w), idle: bodyIdle}
	}
	s.next.ServeHTTP(rec, r)
}

// recovered answers a panic with 500, or breaks the connection when the answer has begun.
func (s *server) recovered(rec *recorder, r *http.Request, v any) {
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it like this
		panic(v)
	}
	s.log.ErrorContext(r.Context(), "panic in a handler",
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("request_id", rec.Header().Get(requestIDHeader)),
		slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
	if rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	h := rec.Header()
	for name := range h {
		if name != requestIDHeader && name != "X-Content-Type-Options" && name != "Cache-Control" {
			h.Del(name)
		}
	}
	h.Set("Content-Type", "application/json")
	rec.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(rec, `{"detail":"Internal server error."}`) // a client that is gone cannot be told
}

func (s *server) access(rec *recorder, r *http.Request, took time.Duration) {
	s.log.LogAttrs(r.Context(), slog.LevelDebug, "request",
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes), slog.Float64("duration_ms", float64(took.Microseconds())/1e3),
		slog.String("request_id", rec.Header().Get(requestIDHeader)))
}

// maxRequestID is the longest id that is taken over from a client.
const maxRequestID = 128

// requestID keeps a client's id when it is sane (visible ASCII, not too long) and makes one otherwise.
func requestID(given string) string {
	if given == "" || len(given) > maxRequestID {
		return newRequestID()
	}
	for i := range len(given) {
		if given[i] <= ' ' || given[i] > '~' {
			return newRequestID()
		}
	}
	return given
}

func newRequestID() string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails
	var id [4 + 2*len(random)]byte
	copy(id[:], "req-")
	hex.Encode(id[4:], random[:])
	return string(id[:])
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 && status >= http.StatusOK {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (rec *recorder) Write(p []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	n, err := rec.ResponseWriter.Write(p)
	rec.bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that files go out without a copy where the system can do that.
func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	n, err := io.Copy(rec.ResponseWriter, src)
	rec.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

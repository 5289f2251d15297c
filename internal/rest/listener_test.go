package rest_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/rest"
)

// TestWhatIsNoRequestIsAnsweredInJSON looks at what net/http answers on its own, and that all else passes untouched.
func TestWhatIsNoRequestIsAnsweredInJSON(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain := "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 not an error"
	server := &http.Server{
		ReadHeaderTimeout: time.Minute, MaxHeaderBytes: 4 << 10,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, plain) // a test's answer
		}),
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(rest.Listener(l)) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	for request, want := range map[string]struct {
		status int
		detail string
	}{
		"hello\r\n\r\n":                     {400, "Bad Request."},
		"GET / HTTP/1.1\r\n\r\n":            {400, "Bad Request: missing required Host header."},
		"GET / HTTP/3.0\r\nHost: a\r\n\r\n": {505, "HTTP Version Not Supported: unsupported protocol version."},
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n":       {431, "Request Header Fields Too Large."},
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: rot13\r\n\r\n":                    {501, "Unsupported transfer encoding."},
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-A-Handler-Answers: it\r\n\r\n": {400, ""},
	} {
		conn, err := (&net.Dialer{Timeout: time.Minute}).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want.status {
			t.Errorf("%.40q: %d %v", request, resp.StatusCode, err)
		}
		var answer struct{ Detail string }
		switch err := json.Unmarshal(body, &answer); {
		case want.detail == "" && string(body) != plain:
			t.Errorf("a handler's answer became %q", body)
		case want.detail != "" && (err != nil || answer.Detail != want.detail || resp.Header.Get("Content-Type") != jsonType):
			t.Errorf("%.40q: %s %q", request, resp.Header.Get("Content-Type"), body)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

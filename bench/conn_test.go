package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// echo is a server that answers with the request's body, in one piece or in chunks.
func echo(t *testing.T) (addr string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read body: %v", err)
		}
		if r.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
		}
		for part := range strings.SplitSeq(string(body), "|") {
			if _, err := io.WriteString(w, part); err != nil {
				t.Errorf("write body: %v", err)
			}
			if strings.Contains(string(body), "|") {
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Errorf("flush: %v", err)
				}
			}
		}
	}))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

func TestAConnectionCarriesManyCalls(t *testing.T) {
	t.Parallel()
	s := &server{addr: echo(t), key: "k"}
	c, err := dial(t.Context(), s.addr)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	long := strings.Repeat("0123456789", 5000)
	for _, test := range []struct {
		name, path, body, want string
		status                 int
	}{
		{"a short body", "/", "hello", "hello", http.StatusOK},
		{"no body", "/", "", "", http.StatusOK},
		{"chunks", "/", "one|two|" + long, "onetwo" + long, http.StatusOK},
		{"another status", "/missing", "gone", "gone", http.StatusNotFound},
		{"a long body", "/", long, long, http.StatusOK},
	} {
		status, body, err := c.do(s.request(http.MethodPost, test.path, test.body))
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if status != test.status || string(body) != test.want {
			t.Errorf("%s: got %d and %d bytes, want %d and %d bytes", test.name, status, len(body), test.status, len(test.want))
		}
	}
}

func TestAnAnswerThatIsNoHTTPIsAnError(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"", "SSH-2.0-x\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"} {
		ours, theirs := net.Pipe()
		go func() {
			buf := make([]byte, 1024)
			if _, err := theirs.Read(buf); err != nil {
				t.Errorf("read request: %v", err)
			}
			if _, err := io.WriteString(theirs, answer); err != nil {
				t.Errorf("write answer: %v", err)
			}
			if err := theirs.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}()
		c := newConn(ours)
		if status, _, err := c.do([]byte("GET / HTTP/1.1\r\n\r\n")); err == nil {
			t.Errorf("answer %q: got status %d, want an error", answer, status)
		}
	}
}

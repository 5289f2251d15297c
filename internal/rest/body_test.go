package rest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

func TestAStalledBodyIsGivenUpAndASlowOneIsNot(t *testing.T) {
	t.Parallel()
	got := make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := &awakeBody{ReadCloser: r.Body, conn: http.NewResponseController(w), idle: 2 * time.Second}
		_, err := io.Copy(io.Discard, body)
		got <- err
	}))
	defer srv.Close()
	send := func(pieces int) error {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // the answer does not matter
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		tick := time.NewTicker(300 * time.Millisecond) // slower than fast, faster than idle
		defer tick.Stop()
		for range pieces {
			<-tick.C
			if _, err := io.WriteString(conn, "x"); err != nil {
				t.Fatal(err)
			}
		}
		return <-got
	}
	if err := send(8); err != nil {
		t.Errorf("a slow body: %v", err)
	}
	if err := send(3); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stalled body: %v, want a deadline", err)
	}
}

func TestABodyThatIsHeldInMemoryHasAnEnd(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	defer func() { _, _ = client.Close(), server.Close() }() // nothing was written
	body := &awakeBody{ReadCloser: server, conn: http.NewResponseController(deadlines{server}), idle: time.Minute}
	body.Until(time.Now().Add(50 * time.Millisecond))
	go func() { // a byte now and then, for as long as somebody reads
		for {
			if _, err := io.WriteString(client, "x"); err != nil {
				return
			}
		}
	}()
	if _, err := io.Copy(io.Discard, body); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a body without end: %v, want a deadline", err)
	}
}

// deadlines is an answer whose connection has deadlines.
type deadlines struct{ net.Conn }

func (deadlines) Header() http.Header { return http.Header{} }
func (deadlines) WriteHeader(int)     {}

package rest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// TestAStalledAnswerIsGivenUpAndASlowOneIsNot sends more than the system's buffers hold, so that a client that reads nothing stops it.
func TestAStalledAnswerIsGivenUpAndASlowOneIsNot(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	file, err := os.Create(t.TempDir() + "/large")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() }) // only read
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for name, send := range map[string]func(w http.ResponseWriter) error{
		"written": func(w http.ResponseWriter) error { _, err := w.Write(make([]byte, size)); return err },
		"copied": func(w http.ResponseWriter) error {
			_, err := io.CopyN(w, io.NewSectionReader(file, 0, size), size)
			return err
		},
		"a file": func(w http.ResponseWriter) error {
			own, err := os.Open(file.Name())
			if err != nil {
				return err
			}
			defer func() { _ = own.Close() }() // only read
			_, err = io.CopyN(w, own, size)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := make(chan error, 1)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "67108864")
				got <- send(&recorder{ResponseWriter: &awakeAnswer{ResponseWriter: w, idle: 3 * time.Second}})
			}))
			defer srv.Close()
			ask := func() net.Conn {
				conn, err := net.Dial("tcp", srv.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				return conn
			}
			slow := ask()
			defer func() { _ = slow.Close() }() // the answer is read
			r, pause := bufio.NewReader(slow), time.NewTicker(20*time.Millisecond)
			defer pause.Stop()
			var total int64
			var err error
			for err == nil { // slower than the server, faster than a stall
				var n int64
				n, err = io.CopyN(io.Discard, r, 4<<20)
				total += n
				<-pause.C
			}
			if err := <-got; err != nil || total < size {
				t.Errorf("a slow client got %d bytes: %v", total, err)
			}
			stalled := ask()
			defer func() { _ = stalled.Close() }() // it is broken
			if err := <-got; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a stalled client: %v, want a deadline", err)
			}
		})
	}
}

// TestPiecesAddUp sends what ends before its bound, at it, and behind it.
func TestPiecesAddUp(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{0, 1, answerPiece - 1, answerPiece, answerPiece + 1, 3*answerPiece + 7} {
		text := strings.Repeat("x", int(size))
		for name, send := range map[string]func(a *awakeAnswer) (int64, error){
			"written":   func(a *awakeAnswer) (int64, error) { n, err := a.Write([]byte(text)); return int64(n), err },
			"bounded":   func(a *awakeAnswer) (int64, error) { return io.Copy(a, io.LimitReader(strings.NewReader(text), size)) },
			"unbounded": func(a *awakeAnswer) (int64, error) { return a.ReadFrom(strings.NewReader(text)) },
			"short": func(a *awakeAnswer) (int64, error) {
				return a.ReadFrom(io.LimitReader(strings.NewReader(text), 2*size+1))
			},
		} {
			w := httptest.NewRecorder()
			n, err := send(&awakeAnswer{ResponseWriter: w, idle: time.Minute})
			if err != nil || n != size || w.Body.String() != text {
				t.Errorf("%s, %d bytes: %d, %v", name, size, n, err)
			}
		}
	}
}

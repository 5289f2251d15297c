package rest

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// bodyIdle is how long a client may send nothing while its body is awaited. A slow upload is fine, a stalled one is not.
const bodyIdle = 30 * time.Second

// awakeBody is a request's body whose connection is given up when nothing comes for a while.
type awakeBody struct {
	io.ReadCloser
	conn *http.ResponseController
	idle time.Duration
	end  time.Time // of the whole body; zero: it may take as long as it goes on

	stalled bool
}

// Until bounds the whole body.
func (b *awakeBody) Until(end time.Time) { b.end = end }

// deadline is that of the next piece.
func (b *awakeBody) deadline() time.Time {
	next := time.Now().Add(b.idle)
	if !b.end.IsZero() && b.end.Before(next) {
		return b.end
	}
	return next
}

// Read implements io.Reader. The deadline is taken away at the body's end, since work that follows may take long.
func (b *awakeBody) Read(p []byte) (int, error) {
	_ = b.conn.SetReadDeadline(b.deadline()) // not every connection has deadlines; those of tests do not
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.stalled = true // the deadline stays: the server would wait for the rest of the body before it answers
	case err != nil:
		_ = b.conn.SetReadDeadline(time.Time{}) // as above
	}
	return n, err
}

// Close implements io.Closer.
func (b *awakeBody) Close() error {
	if !b.stalled {
		_ = b.conn.SetReadDeadline(time.Time{}) // as above
	}
	return b.ReadCloser.Close()
}

package rest

import (
	"io"
	"net/http"
	"time"
)

// bodyIdle is how long a client may send nothing while its body is awaited. A slow upload is fine, a stalled one is not.
const bodyIdle = 30 * time.Second

// awakeBody is a request's body whose connection is given up when nothing comes for a while.
type awakeBody struct {
	io.ReadCloser
	conn *http.ResponseController
	idle time.Duration
}

// Read implements io.Reader. The deadline is taken away at the body's end, since work that follows may take long.
func (b *awakeBody) Read(p []byte) (int, error) {
	_ = b.conn.SetReadDeadline(time.Now().Add(b.idle)) // not every connection has deadlines; those of tests do not
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		_ = b.conn.SetReadDeadline(time.Time{}) // as above
	}
	return n, err
}

// Close implements io.Closer.
func (b *awakeBody) Close() error {
	_ = b.conn.SetReadDeadline(time.Time{}) // as above
	return b.ReadCloser.Close()
}

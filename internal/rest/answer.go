package rest

import (
	"io"
	"net/http"
	"time"
)

const (
	// answerIdle is how long a client may take to accept one piece of its answer. A slow download is fine, a stalled one is not.
	answerIdle = 30 * time.Second
	// answerPiece is how much is sent under one deadline: 64 KiB in 30 seconds is slower than any line.
	answerPiece = 64 << 10
	// answerFresh is the part of that time after which a deadline is set anew.
	answerFresh = answerIdle / 32
)

// awakeAnswer writes an answer piece by piece, and gives its connection up when the client takes nothing for a while.
type awakeAnswer struct {
	http.ResponseWriter
	idle time.Duration

	set time.Time // when the deadline was set last
}

// Write implements http.ResponseWriter.
func (a *awakeAnswer) Write(p []byte) (int, error) {
	n := 0
	for {
		a.extend()
		m, err := a.ResponseWriter.Write(p[n:min(len(p), n+answerPiece)])
		n += m
		if err != nil || n >= len(p) {
			return n, err
		}
	}
}

// ReadFrom implements io.ReaderFrom. Pieces of files go out without a copy where the system can do that.
func (a *awakeAnswer) ReadFrom(src io.Reader) (int64, error) {
	whole, bounded := src.(*io.LimitedReader)
	if !bounded {
		whole = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	var n int64
	for whole.N > 0 {
		a.extend()
		// One bound around the file, not two: that is what the system's own copying looks for.
		piece := &io.LimitedReader{R: whole.R, N: min(whole.N, answerPiece)}
		m, err := io.Copy(a.ResponseWriter, piece)
		n += m
		whole.N -= m
		if err != nil || piece.N > 0 { // piece.N > 0: the source has ended
			return n, err
		}
	}
	return n, nil
}

// extend gives the next piece its time. net/http takes the deadline away behind each answer.
func (a *awakeAnswer) extend() {
	now := time.Now()
	if now.Sub(a.set) < min(answerFresh, a.idle/32) {
		return
	}
	a.set = now
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(now.Add(a.idle)) // not every connection has deadlines; those of tests do not
}

// Unwrap lets http.ResponseController reach the connection.
func (a *awakeAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

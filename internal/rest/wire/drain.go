package wire

import (
	"io"
	"net/http"
	"time"
)

// What is read of a body that nobody wants, so that a client which is still sending gets to read its answer: a connection
// that is closed before it was read empty takes the answer with it.
const (
	drainBytes = 64 << 20
	drainTime  = 5 * time.Second
	maxDrained = 512 << 20 // a body of more than that does not come to its end in any case
)

// Drain reads what a client still sends, for a bounded while, and throws it away. What a client has not begun to send because it
// waits for "100 Continue" is not asked for: to that end call it before an answer, and with a body that was begun.
func Drain(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 || r.ContentLength > maxDrained {
		return
	}
	body := r.Body
	r.Body = http.NoBody // once is enough
	conn := http.NewResponseController(w)
	end := time.Now().Add(drainTime)
	// Not every writer knows deadlines; without one the bound on the bytes has to do.
	stop := time.AfterFunc(drainTime, func() { _ = conn.SetReadDeadline(time.Now()) })
	defer stop.Stop()
	_, _ = io.CopyN(io.Discard, &untilTime{body, end}, drainBytes) // what comes is of no interest, nor how it ends
}

// maxDrains is how many large bodies are thrown away at once. The clients of more of them may not get to read why they are refused.
const (
	maxDrains  = 64
	largeDrain = 256 << 10
)

// drainSome is drainUnasked, unless many large bodies are being thrown away already.
func (a *API) drainSome(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength >= 0 && r.ContentLength <= largeDrain {
		drainUnasked(w, r)
		return
	}
	defer a.drains.Add(-1)
	if a.drains.Add(1) > maxDrains {
		w.Header().Set("Connection", "close")
		return
	}
	drainUnasked(w, r)
}

// drainUnasked is Drain for a body that may not have been begun.
func drainUnasked(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Expect") == "" && r.Context().Err() == nil {
		Drain(w, r)
	}
}

// untilTime ends a reader at a time.
type untilTime struct {
	io.Reader
	end time.Time
}

// Read implements io.Reader.
func (u *untilTime) Read(p []byte) (int, error) {
	if time.Now().After(u.end) {
		return 0, io.EOF
	}
	return u.Reader.Read(p)
}

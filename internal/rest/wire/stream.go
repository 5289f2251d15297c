package wire

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
)

// streamFrom is how much of an answer is gathered before the first byte is sent.
const streamFrom = 64 << 10

// Stream answers with a JSON document that fn writes piece by piece, compressed when the client asked for it. What fn writes is held
// until there is enough of it, so that an error at the start, or of a short document, can still be answered. An error later breaks
// the connection, which alone tells the client that the document is not whole.
func (a *API) Stream(w http.ResponseWriter, r *http.Request, fn func(w io.Writer) error) error {
	s := &stream{api: a, w: w, r: r}
	err := fn(s)
	if !s.begun {
		if err == nil {
			a.send(w, r, http.StatusOK, s.held.Bytes())
		}
		return err
	}
	if err == nil {
		err = s.finish()
	}
	if s.gzip != nil {
		a.gzips.Put(s.gzip)
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// stream is an answer that is being written.
type stream struct {
	api   *API
	w     http.ResponseWriter
	r     *http.Request
	held  bytes.Buffer
	gzip  *gzip.Writer // nil when the client did not ask for it
	begun bool
}

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	s.held.Write(p)
	if s.held.Len() < streamFrom {
		return len(p), nil
	}
	return len(p), s.flush()
}

// flush sends what is held.
func (s *stream) flush() error {
	if !s.begun {
		s.begin()
	}
	var out io.Writer = s.w
	if s.gzip != nil {
		out = s.gzip
	}
	_, err := s.held.WriteTo(out)
	return err
}

// begin sends the headers.
func (s *stream) begin() {
	s.begun = true
	Yield(s.r)
	h := s.w.Header()
	h.Set("Content-Type", contentJSON)
	h.Add("Vary", "Accept-Encoding")
	if acceptsGzip(s.r.Header) {
		h.Set("Content-Encoding", "gzip")
		s.gzip = s.api.gzipWriter(s.w)
	}
	s.w.WriteHeader(http.StatusOK)
}

// finish sends the rest.
func (s *stream) finish() error {
	if err := s.flush(); err != nil {
		return err
	}
	if s.gzip == nil {
		return nil
	}
	return s.gzip.Close()
}

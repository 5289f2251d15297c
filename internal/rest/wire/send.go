package wire

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// gzipFrom is the size of a body from which compression pays.
const gzipFrom = 2 << 10

// contentJSON is the media type of every answer but downloads and pages.
const contentJSON = "application/json"

// JSON answers with v as a JSON document. The error is that v cannot be encoded; nothing is written then.
func (a *API) JSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	a.send(w, r, status, body)
	return nil
}

// Encode is JSON as answers have it: without the escaping of <, > and &, which is for HTML alone.
func Encode(v any) ([]byte, error) { return encode(v) }

// AppendString appends a JSON string.
func AppendString(b []byte, s string) []byte { return append(b, quote(s)...) }

// RawJSON answers with a document that is encoded already.
func (a *API) RawJSON(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	a.send(w, r, status, body)
}

// HTML answers with a page.
func (a *API) HTML(w http.ResponseWriter, r *http.Request, page []byte) {
	a.sendAs(w, r, http.StatusOK, "text/html; charset=utf-8", page)
}

// NoContent answers 204.
func (a *API) NoContent(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }

func (a *API) send(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	a.sendAs(w, r, status, contentJSON, body)
}

// sendAs writes a whole answer, compressed when it is worth it and the client asked for it.
func (a *API) sendAs(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if len(body) >= gzipFrom {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header) {
			body = a.compress(body)
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	Yield(r)
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // G705: JSON, or a page that was escaped; all of it with nosniff; a client that is gone cannot be told
}

// compress returns body in gzip form.
func (a *API) compress(body []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(body) / 3)
	z := a.gzipWriter(&b)
	defer a.gzips.Put(z)
	_, _ = z.Write(body) // a bytes.Buffer takes everything
	_ = z.Close()        // likewise
	return b.Bytes()
}

// gzipWriter returns a compressor of the pool, which the caller gives back. It favours speed: answers are compressed while somebody waits.
func (a *API) gzipWriter(w io.Writer) *gzip.Writer {
	z, ok := a.gzips.Get().(*gzip.Writer)
	if !ok {
		z, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // cannot fail: the level is one
	}
	z.Reset(w)
	return z
}

// acceptsGzip reads Accept-Encoding: gzip or * is named and not refused with q=0.
func acceptsGzip(h http.Header) bool {
	for _, line := range h["Accept-Encoding"] {
		for item := range strings.SplitSeq(line, ",") {
			coding, params, _ := strings.Cut(strings.TrimSpace(item), ";")
			if !strings.EqualFold(coding, "gzip") && coding != "*" {
				continue
			}
			return !refused(params)
		}
	}
	return false
}

// refused reports whether parameters hold a quality of zero.
func refused(params string) bool {
	value, is := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
	if !is {
		return false
	}
	q, err := strconv.ParseFloat(value, 64)
	return err != nil || q <= 0
}

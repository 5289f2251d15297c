package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/stewardhq/steward"
)

// repeat says which faults of a call may be met with another try.
type repeat int

const (
	ifRefused repeat = iota // only when the server did nothing: it said 429 or 503
	ifLimited               // only after 429: a 503 may come from a server that stopped in the middle
	always                  // after any passing fault: doing it twice is doing it once
)

// request is one call before it is sent.
type request struct {
	method string
	path   string // with a leading slash
	query  url.Values
	header http.Header
	body   content // nil means none
	ctype  string
	repeat repeat
	slow   bool // no time limit but the context's
	gone   bool // NotFound means that it is done, when an earlier try may have done it
}

// content is the body of a request.
type content interface {
	// open returns the bytes from the start. Reading ends with ctx.
	open(ctx context.Context) (io.ReadCloser, error)
	size() int64 // bytes; -1 when unknown
	again() bool // whether open gives the same bytes once more
}

// jsonContent is an encoded JSON value.
type jsonContent []byte

func (c jsonContent) size() int64 { return int64(len(c)) }
func (c jsonContent) again() bool { return true }

func (c jsonContent) open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(c)), nil
}

// setJSON makes v the body of the request.
func (r *request) setJSON(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	r.body, r.ctype = jsonContent(text), "application/json"
	return nil
}

// get fetches a JSON document.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.call(ctx, &request{method: http.MethodGet, path: path, query: query, repeat: always}, out)
}

// put sends a JSON document, or nothing when in is nil.
func (c *Client) put(ctx context.Context, method, path string, in, out any, again repeat) error {
	r := &request{method: method, path: path, repeat: again}
	if in != nil {
		if err := r.setJSON(in); err != nil {
			return err
		}
	}
	return c.call(ctx, r, out)
}

// remove deletes what is at a path.
func (c *Client) remove(ctx context.Context, path string) error {
	return c.call(ctx, &request{method: http.MethodDelete, path: path, repeat: always, gone: true}, nil)
}

// call sends a request and decodes the answer into out, which may be nil.
func (c *Client) call(ctx context.Context, r *request, out any) error {
	var answer []byte
	err := c.send(ctx, r, func(resp *http.Response) (err error) {
		if answer, err = io.ReadAll(resp.Body); err != nil {
			return unanswered(ctx, err)
		}
		return nil
	})
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: decode answer: %w", r.method, r.path, err)
	}
	return nil
}

// send sends a request, again after passing faults, and has use read the answer when its status is below 300. An error of use
// is met like one of the connection when it is Unavailable or Timeout, and ends the call otherwise.
func (c *Client) send(ctx context.Context, r *request, use func(*http.Response) error) error {
	id := c.requestID
	if id == "" {
		id = "steward-" + rand.Text()
	}
	maybe := false // an earlier try may have done it
	for try := 0; ; try++ {
		err := c.once(ctx, r, id, try, use)
		if err == nil || r.gone && maybe && IsNotFound(err) {
			return nil
		}
		if ctx.Err() != nil || try >= c.retries || !r.mayRepeat(err) {
			return err
		}
		var said *Error
		maybe = maybe || !errors.As(err, &said) || said.StatusCode >= http.StatusInternalServerError
		wait := c.backoff(try, err)
		if end, ok := ctx.Deadline(); ok && time.Until(end) < wait {
			return err // there is no time for another try
		}
		c.log.DebugContext(ctx, "retrying", "method", r.method, "path", r.path, "request_id", id, "try", try+1, "wait", wait, "error", err)
		if !sleep(ctx, wait) {
			return fmt.Errorf("%w; before that: %w", context.Cause(ctx), err)
		}
	}
}

// sleep waits, and reports whether it did so to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// once makes one try.
func (c *Client) once(ctx context.Context, r *request, id string, try int, use func(*http.Response) error) error {
	limit := c.timeout
	if r.slow {
		limit = c.slow
	}
	var cancel context.CancelFunc
	if limit > 0 {
		ctx, cancel = context.WithTimeout(ctx, limit)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	defer cancel()
	resp, err := c.do(ctx, r, id, try)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	defer func() { _ = resp.Body.Close() }() // nothing was written; nothing to lose
	if resp.StatusCode >= http.StatusMultipleChoices {
		return readError(r, resp, id)
	}
	if err := use(resp); err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	return nil
}

// do speaks HTTP.
func (c *Client) do(ctx context.Context, r *request, id string, try int) (*http.Response, error) {
	req, err := c.newRequest(ctx, r, id)
	if err != nil {
		return nil, err
	}
	if c.before != nil {
		if err := c.before(req); err != nil {
			if req.Body != nil {
				_ = req.Body.Close() // it was not sent
			}
			return nil, &ownError{err}
		}
	}
	begun := time.Now()
	resp, err := c.http.Do(req)
	if c.after != nil {
		c.after(Exchange{Request: req, Response: resp, Err: err, Try: try + 1, Took: time.Since(begun)})
	}
	if err != nil {
		return nil, unanswered(ctx, err)
	}
	return resp, nil
}

// newRequest makes the HTTP request of one try.
func (c *Client) newRequest(ctx context.Context, r *request, id string) (*http.Request, error) {
	u := c.base + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, nil)
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		if req.Body, err = r.body.open(ctx); err != nil {
			return nil, err
		}
		if req.ContentLength = r.body.size(); req.ContentLength == 0 {
			req.Body = http.NoBody
		}
		if r.body.again() {
			req.GetBody = func() (io.ReadCloser, error) { return r.body.open(ctx) }
		}
	}
	for _, header := range []http.Header{c.header, r.header} {
		for name, values := range header {
			req.Header[name] = slices.Clone(values)
		}
	}
	if r.ctype != "" {
		req.Header.Set("Content-Type", r.ctype)
	}
	req.Header.Set("X-Request-Id", id)
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("User-Agent", c.userAgent)
	return req, nil
}

// ownError is an error of the caller's own hook or writer, so trying again does not help.
type ownError struct{ error }

// Unwrap returns what the caller's code returned.
func (e *ownError) Unwrap() error { return e.error }

// unanswered puts an error of the transport in the words of the root package. The end of the caller's context stays what it
// is to errors.Is.
func unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err() // whatever broke because of it
	}
	var in *inputError
	if errors.As(err, &in) {
		return in // the caller's own file, not the network
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // method and path are named already
	}
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return &steward.Error{Code: steward.Timeout, Message: "the server did not answer in time", Err: err}
	}
	return &steward.Error{Code: steward.Unavailable, Message: "the server could not be reached", Err: err}
}

// mayRepeat reports whether a request may be sent again after err.
func (r *request) mayRepeat(err error) bool {
	if r.body != nil && !r.body.again() {
		return false
	}
	if in, own := (*inputError)(nil), (*ownError)(nil); errors.As(err, &in) || errors.As(err, &own) {
		return false
	}
	var e *Error
	if !errors.As(err, &e) {
		code := steward.CodeOf(err)
		return r.repeat == always && (code == steward.Unavailable || code == steward.Timeout)
	}
	switch e.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		return r.repeat != ifLimited
	case http.StatusNotImplemented:
		return false
	case http.StatusRequestTimeout:
		return r.repeat == always
	}
	return r.repeat == always && e.StatusCode >= http.StatusInternalServerError
}

// The waits between tries, when nothing else is configured: doubling from firstWait to maxWait with a fifth of jitter, longer when
// the server asks for it.
const (
	firstWait     = 200 * time.Millisecond
	maxWait       = 2 * time.Second
	maxRetryAfter = time.Minute
)

// backoff returns how long to wait after try number try, from 0.
func (c *Client) backoff(try int, err error) time.Duration {
	wait := min(c.firstWait<<min(try, 10), c.maxWait)
	wait += time.Duration((mrand.Float64() - 0.5) * 0.4 * float64(wait)) //nolint:gosec // jitter needs no secrecy
	var e *Error
	if errors.As(err, &e) {
		wait = max(wait, min(e.RetryAfter, maxRetryAfter))
	}
	return wait
}

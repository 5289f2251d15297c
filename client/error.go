package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// Error is an answer of the server that says no. errors.As also finds a *steward.Error in it, so steward.CodeOf works.
type Error struct {
	StatusCode int
	Message    string        // what the server said, in one text
	Body       []byte        // the answer as it came, at most 64 KiB
	RequestID  string        // names the request in the server's log
	RetryAfter time.Duration // 0 when the server did not say
	Method     string
	Path       string
}

// Error returns the status and the message.
func (e *Error) Error() string {
	return fmt.Sprintf("%s %s: %d: %s", e.Method, e.Path, e.StatusCode, e.Message)
}

// Unwrap returns the error in the words of the root package.
func (e *Error) Unwrap() error {
	return &steward.Error{Code: codeOf(e.StatusCode), Message: e.Message, RetryAfter: e.RetryAfter}
}

func codeOf(status int) steward.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return steward.Invalid
	case http.StatusUnauthorized:
		return steward.Unauthenticated
	case http.StatusPaymentRequired:
		return steward.NoCredit
	case http.StatusForbidden:
		return steward.Denied
	case http.StatusNotFound:
		return steward.NotFound
	case http.StatusConflict:
		return steward.Conflict
	case http.StatusRequestEntityTooLarge:
		return steward.TooLarge
	case http.StatusUnsupportedMediaType, http.StatusNotImplemented:
		return steward.Unsupported
	case http.StatusRequestedRangeNotSatisfiable:
		return steward.OutOfRange
	case http.StatusTooManyRequests:
		return steward.RateLimited
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		return steward.Unavailable
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return steward.Timeout
	}
	return steward.Internal
}

// maxErrorBody is how much of an error's body is read.
const maxErrorBody = 64 << 10

// readError makes an Error of an answer and closes its body.
func readError(r *request, resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	_ = resp.Body.Close() // read as far as wanted
	e := &Error{
		StatusCode: resp.StatusCode, Body: body, RequestID: resp.Header.Get("X-Request-Id"),
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()), Method: r.method, Path: r.path,
	}
	if e.Message = errorMessage(body); e.Message == "" {
		e.Message = http.StatusText(resp.StatusCode)
	}
	if err != nil {
		return errors.Join(e, err)
	}
	return e
}

// errorMessage finds the words in an error's body: detail, error or message of an object, a list of texts, or the texts of
// an object of fields.
func errorMessage(body []byte) string {
	var list []string
	if json.Unmarshal(body, &list) == nil {
		return strings.Join(list, "; ")
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return strings.TrimSpace(string(body[:min(len(body), 200)]))
	}
	for _, key := range []string{"detail", "error", "message"} {
		var text string
		if json.Unmarshal(fields[key], &text) == nil && text != "" {
			return text
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var text string
		if json.Unmarshal(fields[name], &list) == nil {
			parts = append(parts, name+": "+strings.Join(list, "; "))
		} else if json.Unmarshal(fields[name], &text) == nil {
			parts = append(parts, name+": "+text)
		}
	}
	return strings.Join(parts, "; ")
}

// retryAfter reads the header, in seconds or as a date.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}

// The waits between tries: doubling from firstWait to maxWait with a fifth of jitter, longer when the server asks for it.
const (
	firstWait     = 200 * time.Millisecond
	maxWait       = 2 * time.Second
	maxRetryAfter = time.Minute
)

// backoff says whether to try again and when. A request that is not safe is repeated only when the server refused it before
// doing anything (429, 503).
func (c *Client) backoff(r *request, try int, err error) (wait time.Duration, again bool) {
	if try >= c.retries || r.once {
		return 0, false
	}
	var e *Error
	asked := time.Duration(0)
	if errors.As(err, &e) {
		refused := e.StatusCode == http.StatusTooManyRequests || e.StatusCode == http.StatusServiceUnavailable
		passing := refused || e.StatusCode == http.StatusRequestTimeout || e.StatusCode >= 500 && e.StatusCode != http.StatusNotImplemented
		if !passing || (!r.safe && !refused) {
			return 0, false
		}
		asked = min(e.RetryAfter, maxRetryAfter)
	} else if !r.safe {
		return 0, false
	}
	wait = min(firstWait<<min(try, 10), maxWait)
	wait += time.Duration((rand.Float64() - 0.5) * 0.4 * float64(wait)) //nolint:gosec // jitter needs no secrecy
	return max(wait, asked), true
}

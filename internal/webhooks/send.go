package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
)

const (
	maxExcerpt = 500      // bytes of a refusal's text that are kept
	maxDrain   = 64 << 10 // bytes of an answer that are read so that its connection can be used again
)

// attempt is what came of one request.
type attempt struct {
	began      time.Time
	took       time.Duration
	status     int // 0 when there was no answer
	excerpt    string
	retryAfter time.Duration // 0 when the answer named none
	err        error         // why there was no answer
}

// ok reports whether the receiver took the event.
func (a *attempt) ok() bool { return a.status >= 200 && a.status <= 299 }

// problem says in a sentence why an attempt failed, "" when it did not. It holds neither URL nor header.
func (a *attempt) problem() string {
	var f *steward.Failure
	switch {
	case a.ok():
		return ""
	case a.status != 0:
		return fmt.Sprintf("The receiver answered %d.", a.status)
	case errors.As(a.err, &f):
		return f.Message
	}
	return "The event could not be sent."
}

// send makes one attempt to deliver body to a webhook. An error means that there was no attempt: a secret cannot be opened, or ctx ended.
func (s *Service) send(ctx context.Context, w *store.WebhookRecord, id steward.DeliveryID, body []byte) (*attempt, error) {
	now := s.clock.Now()
	keys, err := s.vault.openKeys(w, now)
	if err != nil {
		return nil, err
	}
	headers, err := s.vault.openHeaders(w)
	if err != nil {
		return nil, err
	}
	header := make(http.Header, len(headers)+8)
	for name, value := range headers {
		header.Set(name, value)
	}
	header.Set("Content-Type", "application/json")
	sign(header, keys, id, now, body)
	a := &attempt{began: now}
	watch := time.Now() // measures only; the clock of the schedule may stand still
	a.err = s.post(ctx, w.URL, header, body, a)
	a.took = time.Since(watch)
	if ctx.Err() != nil && a.status == 0 {
		return nil, fmt.Errorf("send event: %w", context.Cause(ctx))
	}
	return a, nil
}

// post makes the request and notes the answer. Errors: those of package safehttp.
func (s *Service) post(ctx context.Context, url string, header http.Header, body []byte, a *attempt) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header = header
	if err := failpoint.Hit("webhooks.send.before"); err != nil {
		return err
	}
	res, err := s.web.Do(req)
	if err != nil {
		return err
	}
	failpoint.Pass("webhooks.send.after")
	a.read(res, a.began)
	_ = res.Body.Close() // whatever it says, the answer's status stands
	return nil
}

// read takes from an answer what matters.
func (a *attempt) read(res *http.Response, now time.Time) {
	a.status = res.StatusCode
	if !a.ok() {
		a.retryAfter = retryAfter(res.Header.Get("Retry-After"), now)
		// What breaks off is kept as far as it came.
		raw, _ := io.ReadAll(io.LimitReader(res.Body, maxExcerpt))
		a.excerpt = printable(string(raw))
	}
	_, _ = io.CopyN(io.Discard, res.Body, maxDrain) // only so that the connection can be used again
}

// printable makes a foreign text fit to be stored and shown.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// maxRetryAfter is the longest wait that a receiver can ask for.
const maxRetryAfter = time.Hour

// retryAfter reads the header of that name: seconds or a date. 0 means none.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseInt(strings.TrimSpace(header), 10, 64); err == nil {
		wait = time.Duration(min(max(seconds, 0), int64(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

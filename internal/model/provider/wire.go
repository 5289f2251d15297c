package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stewardhq/steward/internal/model"
)

// maxAnswer bounds what a provider may answer to one call, in bytes.
const maxAnswer = 64 << 20

// exchange is one call as it went over the wire. The client libraries neither pass on every field that a provider knows nor
// everything that it answered; the transport fills both gaps.
type exchange struct {
	patch func(body map[string]any) // changes the request's JSON before it is sent; nil leaves it as it is

	sent       bool
	status     int // 0 when no answer came
	retryAfter time.Duration
	body       []byte // the answer, whole
	tooLong    bool   // the answer was longer than maxAnswer
}

type exchangeKey struct{}

// withExchange returns a context whose HTTP call is described by x.
func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// transport sends a provider's calls. It decides which headers leave the house: client libraries look into the environment for
// keys and headers of their own, which must not reach a provider that they are not meant for.
type transport struct {
	base http.RoundTripper
	kind model.Kind
	auth http.Header // the provider's credentials and configured headers
}

// newTransport returns the transport for a provider's configuration.
func newTransport(base http.RoundTripper, p *model.ProviderConfig) *transport {
	if base == nil {
		base = http.DefaultTransport
	}
	auth := http.Header{}
	for name, value := range p.Headers {
		auth.Set(name, value)
	}
	if p.APIKey != "" {
		switch p.Kind {
		case model.KindAnthropic:
			auth.Set("X-Api-Key", p.APIKey)
		case model.KindGoogle:
			auth.Set("X-Goog-Api-Key", p.APIKey)
		case model.KindAzure:
			auth.Set("Api-Key", p.APIKey)
		case model.KindBedrock: // signed by the client library
		default:
			auth.Set("Authorization", "Bearer "+p.APIKey)
		}
	}
	return &transport{base: base, kind: p.Kind, auth: auth}
}

// passed lists the headers of the client libraries that providers need. Anything else they add stays here.
func passed() []string {
	return []string{"Accept", "Content-Type", "User-Agent", "Anthropic-Version", "Anthropic-Beta"}
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, errors.New("provider call outside of an exchange")
	}
	out := req.Clone(req.Context())
	if t.kind != model.KindBedrock { // its headers are part of its signature
		out.Header = http.Header{}
		for _, name := range passed() {
			if values := req.Header.Values(name); len(values) > 0 {
				out.Header[name] = values
			}
		}
	}
	for name, values := range t.auth {
		out.Header[name] = values
	}
	if x.patch != nil {
		if err := patchBody(out, x.patch); err != nil {
			return nil, err
		}
	}
	x.sent = true
	resp, err := t.base.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	return resp, x.read(resp)
}

func patchBody(req *http.Request, patch func(map[string]any)) error {
	if req.Body == nil {
		return nil
	}
	dec := json.NewDecoder(req.Body)
	dec.UseNumber()
	var body map[string]any
	err := dec.Decode(&body)
	if closeErr := req.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("read the provider call's body: %w", err)
	}
	patch(body)
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the provider call's body: %w", err)
	}
	req.Body = io.NopCloser(bytes.NewReader(data))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	req.ContentLength = int64(len(data))
	return nil
}

// read takes the whole answer in, within bounds, and gives the client library a copy to read.
func (x *exchange) read(resp *http.Response) error {
	x.status = resp.StatusCode
	x.retryAfter = retryAfter(resp.Header, time.Now())
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		x.status = 0 // a broken answer is a broken connection, whatever it began with
		return fmt.Errorf("read the provider's answer: %w", err)
	}
	if len(data) > maxAnswer {
		x.tooLong = true
		return fmt.Errorf("the provider's answer is longer than %d bytes", maxAnswer)
	}
	x.body = data
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return nil
}

// retryAfter reads the provider's wish for when to call again; 0 when it has none. Wishes of more than a day are cut to one.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const day = 24 * time.Hour
	if ms, err := strconv.ParseFloat(strings.TrimSpace(h.Get("Retry-After-Ms")), 64); err == nil && ms > 0 {
		return min(time.Duration(min(ms, 1e9)*float64(time.Millisecond)), day)
	}
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds > 0) {
			return 0
		}
		return min(time.Duration(min(seconds, 1e6)*float64(time.Second)), day)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), day)
	}
	return 0
}

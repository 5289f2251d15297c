package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/stewardhq/steward/internal/model"
)

// exchange is one call as it went over the wire. The client libraries neither pass on every field that a provider knows nor
// everything that it answered; the transport fills both gaps.
type exchange struct {
	patch    func(body map[string]any) // changes the request's JSON before it is sent; nil leaves it as it is
	inserts  []insert                  // take the places of their marks in the request's JSON
	pictures []*picture                // those among the inserts

	sent       bool
	sentBytes  int64 // of the request's JSON, pictures included
	status     int   // 0 when no answer came
	retryAfter time.Duration
	body       []byte // the answer, whole
	begun      bool   // an answer of 200 began, which costs something even when it cannot be used
	part       []byte // what came of an answer that broke off
	fault      error  // why there is no whole answer: one of the faults below; nil when the reason is another
}

// The faults of an answer that the transport itself gives up on.
var (
	errTooLong  = errors.New("the answer is too long")
	errNoAnswer = errors.New("no answer, or no more of it, came in time")
	errSilent   = errors.New("the answer fell silent")
)

type exchangeKey struct{}

// withExchange returns a context whose HTTP call is described by x.
func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// transport sends a provider's calls. It decides which headers leave the house: client libraries look into the environment for
// keys and headers of their own, which must not reach a provider that they are not meant for. It takes each answer in whole,
// within bounds of size and time.
type transport struct {
	opts  Options
	kind  model.Kind
	model string      // the provider's name for the model that is asked
	auth  http.Header // the provider's credentials and configured headers
	rates model.RateObserver
}

// newTransport returns the transport for a provider's configuration.
func newTransport(o Options, p *model.ProviderConfig, remoteID string) *transport {
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
	return &transport{opts: o, kind: p.Kind, model: remoteID, auth: auth, rates: p.Rates}
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
	ctx, cancel := context.WithCancelCause(req.Context())
	defer cancel(nil)
	out := req.Clone(ctx)
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
	if err := x.write(out); err != nil {
		return nil, err
	}
	x.sent, x.sentBytes = true, max(out.ContentLength, 0)
	watch := time.AfterFunc(t.opts.HeaderTimeout, func() { cancel(errNoAnswer) })
	defer watch.Stop()
	resp, err := t.opts.Base.RoundTrip(out)
	if err != nil {
		return nil, x.broken(ctx, err)
	}
	t.observe(resp)
	if err := x.read(resp, t.opts, func() { watch.Reset(t.opts.IdleTimeout) }); err != nil {
		return nil, x.broken(ctx, err)
	}
	if t.kind == model.KindGoogle {
		x.body = withUsageMetadata(x.body)
		resp.Body = io.NopCloser(bytes.NewReader(x.body))
	}
	resp.ContentLength = int64(len(x.body))
	return resp, nil
}

func (t *transport) observe(resp *http.Response) {
	if t.rates == nil {
		return
	}
	info := rateInfo(resp.Header, resp.StatusCode, t.opts.Now())
	info.Model = t.model
	if info.Known() {
		t.rates.ObserveRate(info)
	}
}

// broken notes why no whole answer came.
func (x *exchange) broken(ctx context.Context, err error) error {
	x.begun = x.status == http.StatusOK
	x.status = 0 // a broken answer is a broken connection, whatever it began with
	switch cause := context.Cause(ctx); {
	case errors.Is(err, errTooLong):
		x.fault = errTooLong
	case errors.Is(cause, errNoAnswer) && x.body != nil:
		x.fault = errSilent
	case errors.Is(cause, errNoAnswer):
		x.fault = errNoAnswer
	}
	x.body = nil
	return fmt.Errorf("call the provider: %w", err)
}

// write puts what the client library left out into the request's body.
func (x *exchange) write(req *http.Request) error {
	if req.Body == nil || (x.patch == nil && len(x.inserts) == 0) {
		return nil
	}
	data, err := io.ReadAll(req.Body)
	if closeErr := req.Body.Close(); err == nil {
		err = closeErr
	}
	if err == nil && x.patch != nil {
		data, err = patched(data, x.patch)
	}
	if err != nil {
		return fmt.Errorf("write the provider call's body: %w", err)
	}
	body, err := splice(data, x.inserts)
	if err != nil {
		return err
	}
	req.Body, req.ContentLength = body.open(), body.size
	req.GetBody = func() (io.ReadCloser, error) { return body.open(), nil }
	return nil
}

// patched changes a JSON object.
func patched(data []byte, patch func(map[string]any)) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var body map[string]any
	if err := dec.Decode(&body); err != nil {
		return nil, err
	}
	patch(body)
	return json.Marshal(body)
}

// read takes the whole answer in, within bounds, and gives the client library a copy to read. alive is called for each piece
// that comes.
func (x *exchange) read(resp *http.Response, o Options, alive func()) error {
	x.status = resp.StatusCode
	x.retryAfter = retryAfter(resp.Header, o.Now())
	x.body = []byte{}
	alive()
	var b bytes.Buffer
	b.Grow(int(min(max(resp.ContentLength, 4<<10), 1<<20)))
	err := copyAnswer(&b, resp.Body, o.MaxAnswerBytes, alive)
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		x.part = b.Bytes()
		return fmt.Errorf("read the provider's answer: %w", err)
	}
	x.body = b.Bytes()
	resp.Body = io.NopCloser(bytes.NewReader(x.body))
	return nil
}

// copyAnswer copies at most limit bytes; more is errTooLong. White space before the first other byte, by which gateways keep a
// connection open, counts but is not kept.
func copyAnswer(to *bytes.Buffer, from io.Reader, limit int64, alive func()) error {
	piece := make([]byte, 16<<10)
	for total := int64(0); ; {
		n, err := from.Read(piece)
		if n > 0 {
			alive()
		}
		if total += int64(n); total > limit {
			return errTooLong
		}
		got := piece[:n]
		if to.Len() == 0 {
			got = bytes.TrimLeft(got, " \t\r\n")
		}
		to.Write(got) // a Buffer never fails to write
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// withUsageMetadata gives an answer of Gemini the counts that the client library cannot do without.
func withUsageMetadata(body []byte) []byte {
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil || answer == nil {
		return body // no object: a stream, or nothing that can be mended
	}
	if counts, ok := answer["usageMetadata"]; ok && !bytes.Equal(counts, []byte("null")) {
		return body
	}
	answer["usageMetadata"] = json.RawMessage("{}")
	out, err := json.Marshal(answer)
	if err != nil {
		return body
	}
	return out
}

// Package provider connects language models over the network: it renders requests, calls a provider through charm.land/fantasy,
// and turns what comes back into answers and failures.
//
//	registry, err := model.NewRegistry(model.Config{Dial: provider.Dialer(nil), …})
//
// Structured output is asked for in the strictest way that the model and the schema allow: the provider's strict mode, else its
// JSON mode with the schema in the prompt, else the prompt alone. What comes back is mended (see RepairJSON) but not judged:
// package model validates.
//
// Keys and configured headers go to the provider they belong to and nowhere else, neither into errors nor into logs.
package provider

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"charm.land/fantasy"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// Dialer returns the function by which a model.Registry connects. base carries every call; nil means a transport of the package's
// own.
func Dialer(base http.RoundTripper) model.Dialer { return DialerWith(Options{Base: base}) }

// DialerWith is Dialer with options.
func DialerWith(o Options) model.Dialer {
	o = o.filled()
	return func(name string, p model.ProviderConfig, e model.Entry) (model.Model, error) {
		c := &client{
			name:     name,
			opts:     o,
			config:   p,
			entry:    e,
			remoteID: e.RemoteID(name),
			secrets:  secretsOf(&p),
			refused:  refusals{now: o.Now},
			fronts:   prefixes{now: o.Now},
		}
		httpClient := &http.Client{
			Transport: newTransport(o, &p, c.remoteID),
			// A redirect would carry the key and the documents to an address that nobody configured.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		remote, err := open(c, httpClient)
		if err != nil {
			return nil, &steward.Failure{
				Code:    steward.FailInvalidConfig,
				Message: fmt.Sprintf("The model provider %q cannot be used: %s.", name, c.scrub(err.Error())),
			}
		}
		c.remote = remote
		return c, nil
	}
}

// secretsOf lists what must never be shown, longest first so that a secret within another leaves nothing behind.
func secretsOf(p *model.ProviderConfig) []string {
	secrets := []string{p.APIKey}
	for _, value := range p.Headers {
		secrets = append(secrets, value, strings.TrimPrefix(value, "Bearer "))
	}
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return len(s) < 4 })
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	return secrets
}

// client asks one provider for one model. It is safe for concurrent use.
type client struct {
	name     string // the provider's name in the configuration
	opts     Options
	config   model.ProviderConfig
	entry    model.Entry
	remoteID string
	secrets  []string
	remote   fantasy.LanguageModel
	refused  refusals
	fronts   prefixes
	shapes   shapes
}

// Generate implements model.Model. A way of asking for structured output that the server refuses is left for the next weaker one,
// which is remembered.
//
// Errors: *steward.Failure, Transient with RetryAfter for 408, 409, 429, 5xx, network faults and answers that do not come or do not
// end in time; those of a page's Picture.Open; ctx.Err().
func (c *client) Generate(ctx context.Context, req *model.Request) (*model.Response, error) {
	pages, warnings, err := c.shown(req)
	if err != nil {
		return nil, err
	}
	regions := slices.ContainsFunc(pages, func(p *grounding.Page) bool { return !hasText(p) })
	a := &ask{regions: regions && req.Evidence, docs: hashDocs(req.Documents)}
	if len(req.Schema) > 0 {
		if a.shape, err = c.shapes.of(req, c.config.Kind, &c.entry, a.regions); err != nil {
			return nil, err
		}
		a.mode = a.first
	}
	if c.config.Kind != model.KindBedrock { // whose requests are signed before the transport sees them
		a.marks = rand.Text()
	}
	if a.pictures, err = c.openPictures(ctx, pages); err != nil {
		return nil, err
	}
	resp, err := c.descend(ctx, req, a)
	if err != nil {
		return nil, err
	}
	resp.Warnings = append(warnings, resp.Warnings...)
	return resp, nil
}

// descend asks, and asks again in a weaker mode as long as the server refuses the mode.
func (c *client) descend(ctx context.Context, req *model.Request, a *ask) (*model.Response, error) {
	if a.shape != nil {
		a.mode = c.refused.start(c.config.Kind, a.mode, a.hash)
	}
	for {
		x := &exchange{}
		resp, err := c.ask(ctx, req, a, x)
		if err == nil {
			return resp, nil
		}
		text := string(x.body[:min(len(x.body), maxRefusalText)])
		if refusesPrefixKey(x.status, text) && c.refused.takesPrefixKey() {
			c.refused.refusedPrefixKey()
			continue
		}
		next, lower := weaker(c.config.Kind, a.mode)
		if a.shape == nil || !lower || !refusesMode(x.status, text) || isContextOverflow(x.status, text) {
			return nil, err
		}
		c.refused.learn(next, a.hash, namesSchema.MatchString(text))
		a.mode = next
	}
}

// maxRefusalText is how much of a refusing answer is looked at, in bytes.
const maxRefusalText = 8 << 10

// ask makes one call.
func (c *client) ask(ctx context.Context, req *model.Request, a *ask, x *exchange) (*model.Response, error) {
	prefix := prefixOf(req, a)
	a.keep = prefix != "" && c.isClaude() && c.fronts.again(prefix)
	call := fantasy.Call{
		Prompt:          promptOf(req, &c.entry, c.config.Kind, a),
		MaxOutputTokens: c.outputLimit(req.MaxOutputTokens),
		Temperature:     c.temperature(req),
		ProviderOptions: c.options(req, a),
	}
	limit := call.MaxOutputTokens
	x.patch, x.inserts, x.pictures = c.patch(req, a, prefix), a.inserts, a.pictures
	resp, err := c.call(ctx, x, call)
	usage, warning := c.usage(resp, x, limit)
	var out *model.Response
	if words, refused := refusalIn(x.body); refused { // some libraries take it for a fault, others for an empty answer
		out = c.refusal(words)
	} else if err != nil {
		return nil, c.charged(c.failure(ctx, x, err), x, limit)
	} else if out, err = c.response(resp, a, req); err != nil {
		return nil, withUsage(err, usage)
	}
	out.Usage = usage
	if warning != "" {
		out.Warnings, out.UsageWarning = append(out.Warnings, warning), warning
	}
	return out, nil
}

// call asks the provider within the time of a call. The libraries below take some malformed answers for well-formed ones; a fault
// there is this call's fault, not the process's.
func (c *client) call(ctx context.Context, x *exchange, call fantasy.Call) (resp *fantasy.Response, err error) {
	ctx, cancel := context.WithTimeout(withExchange(ctx, x), c.opts.Timeout)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			resp, err = nil, errors.New("the answer has an unknown form")
		}
	}()
	if err := failpoint.Hit("model.send.before"); err != nil {
		return nil, err
	}
	if c.mustStream(call) {
		resp, err = stream(ctx, c.remote, call)
	} else {
		resp, err = c.remote.Generate(ctx, call)
	}
	failpoint.Pass("model.send.after")
	return resp, err
}

// maxAnswerText bounds what a model says in one answer, in bytes. On the wire a stream of it is many times as long.
const maxAnswerText = 4 << 20

func (c *client) response(resp *fantasy.Response, a *ask, req *model.Request) (*model.Response, error) {
	text := textIn(resp)
	if len(text) > maxAnswerText {
		return nil, c.fail(steward.FailProviderError, "sent an answer that is too long", "")
	}
	finish := finishOf(resp.FinishReason)
	if finish == model.FinishRefusal {
		return c.refusal(text), nil
	}
	if text == "" && (resp.FinishReason == fantasy.FinishReasonError || resp.FinishReason == fantasy.FinishReasonOther) {
		return nil, c.passing("broke off without an answer")
	}
	value, claims, err := answerOf(text, a, req)
	if err != nil {
		return nil, err
	}
	out := &model.Response{Value: value, Claims: claims, Model: c.entry.ID, Finish: finish}
	if finish == model.FinishLength && a.shape != nil && a.wrapped && hasResult(text) {
		out.Finish = model.FinishStop
		out.Warnings = []string{"The model was cut at its output limit while it gave its evidence; the answer itself is whole."}
	}
	return out, nil
}

// refusal is the answer of a model that declined, with its words when it gave any.
func (c *client) refusal(words string) *model.Response {
	value, err := json.Marshal(strings.ToValidUTF8(words, "\uFFFD"))
	if err != nil {
		value = json.RawMessage(`""`)
	}
	return &model.Response{Value: value, Model: c.entry.ID, Finish: model.FinishRefusal}
}

func textIn(resp *fantasy.Response) string {
	var b strings.Builder
	for _, part := range resp.Content {
		if text, ok := fantasy.AsContentType[fantasy.TextContent](part); ok {
			b.WriteString(text.Text)
		}
	}
	return b.String()
}

func finishOf(reason fantasy.FinishReason) model.Finish {
	switch reason {
	case fantasy.FinishReasonLength:
		return model.FinishLength
	case fantasy.FinishReasonContentFilter:
		return model.FinishRefusal
	}
	return model.FinishStop
}

// temperature is the request's, unless the model has none. Claude models take none while they think.
func (c *client) temperature(req *model.Request) *float64 {
	if !c.entry.SupportsTemperature {
		return nil
	}
	if c.isClaude() && c.effort(req) != "" {
		return nil
	}
	return req.Temperature
}

func (c *client) effort(req *model.Request) string {
	if !c.entry.SupportsReasoningEffort {
		return ""
	}
	return req.ReasoningEffort
}

func (c *client) isClaude() bool {
	return c.config.Kind == model.KindAnthropic || c.config.Kind == model.KindBedrock
}

// maxUnstreamed is the longest answer, in tokens, that Claude models give in one piece; longer ones come as a stream.
const maxUnstreamed = 21000

// outputLimit is what the request asks for within what the model can; nil leaves it to the provider.
func (c *client) outputLimit(asked int64) *int64 {
	limit := asked
	if limit <= 0 {
		if !c.isClaude() {
			return nil
		}
		limit = maxUnstreamed // Claude models want a number
	}
	if most := c.entry.MaxOutputTokens; most > 0 {
		limit = min(limit, most)
	}
	return &limit
}

func (c *client) mustStream(call fantasy.Call) bool {
	if c.opts.Stream {
		return true
	}
	return c.isClaude() && call.MaxOutputTokens != nil && *call.MaxOutputTokens > maxUnstreamed
}

// stream collects a streamed answer.
func stream(ctx context.Context, remote fantasy.LanguageModel, call fantasy.Call) (*fantasy.Response, error) {
	parts, err := remote.Stream(ctx, call)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	resp := &fantasy.Response{}
	finished := false
	for part := range parts {
		switch part.Type {
		case fantasy.StreamPartTypeError:
			return nil, part.Error
		case fantasy.StreamPartTypeTextDelta:
			text.WriteString(part.Delta)
		case fantasy.StreamPartTypeFinish:
			resp.Usage, resp.FinishReason, finished = part.Usage, part.FinishReason, true
		}
	}
	if !finished {
		return nil, errors.New("the stream ended before the answer did")
	}
	resp.Content = fantasy.ResponseContent{fantasy.TextContent{Text: text.String()}}
	return resp, nil
}

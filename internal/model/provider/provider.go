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
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"charm.land/fantasy"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

// callTimeout bounds one call: a provider that says nothing for so long will not answer.
const callTimeout = 15 * time.Minute

// Dialer returns the function by which a model.Registry connects. base carries every call; nil means http.DefaultTransport.
func Dialer(base http.RoundTripper) model.Dialer {
	return func(name string, p model.ProviderConfig, e model.Entry) (model.Model, error) {
		c := &client{
			name:     name,
			config:   p,
			entry:    e,
			remoteID: e.RemoteID(name),
			secrets:  secretsOf(&p),
		}
		httpClient := &http.Client{
			Transport: newTransport(base, &p),
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
	config   model.ProviderConfig
	entry    model.Entry
	remoteID string
	secrets  []string
	remote   fantasy.LanguageModel
}

// Generate implements model.Model.
//
// Errors: *steward.Failure, Transient with RetryAfter for 408, 409, 429, 5xx and network faults; ctx.Err().
func (c *client) Generate(ctx context.Context, req *model.Request) (*model.Response, error) {
	a, err := askOf(req, c.config.Kind, &c.entry)
	if err != nil {
		return nil, err
	}
	prompt, err := promptOf(req, &c.entry, a)
	if err != nil {
		return nil, err
	}
	call := fantasy.Call{
		Prompt:          prompt,
		MaxOutputTokens: c.outputLimit(req.MaxOutputTokens),
		Temperature:     c.temperature(req),
		ProviderOptions: c.options(req, a),
	}
	x := &exchange{patch: c.patch(a)}
	resp, err := c.call(ctx, x, call)
	if words, refused := refusalIn(x.body); refused { // some libraries take it for a fault, others for an empty answer
		return c.refused(words, resp), nil
	}
	if err != nil {
		return nil, c.failure(ctx, x, err)
	}
	return c.response(resp, a, req)
}

// call asks the provider within callTimeout. The libraries below take some malformed answers for well-formed ones; a fault
// there is this call's fault, not the process's.
func (c *client) call(ctx context.Context, x *exchange, call fantasy.Call) (resp *fantasy.Response, err error) {
	ctx, cancel := context.WithTimeout(withExchange(ctx, x), callTimeout)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			resp, err = nil, errors.New("the answer has an unknown form")
		}
	}()
	if c.mustStream(call) {
		return stream(ctx, c.remote, call)
	}
	return c.remote.Generate(ctx, call)
}

func (c *client) response(resp *fantasy.Response, a *ask, req *model.Request) (*model.Response, error) {
	text := textIn(resp)
	finish := finishOf(resp.FinishReason)
	if finish == model.FinishRefusal {
		return c.refused(text, resp), nil
	}
	if text == "" && (resp.FinishReason == fantasy.FinishReasonError || resp.FinishReason == fantasy.FinishReasonOther) {
		f := c.fail(steward.FailProviderError, "broke off without an answer", "")
		f.Transient = true
		return nil, f
	}
	value, claims, err := answerOf(text, a, req)
	if err != nil {
		return nil, err
	}
	return &model.Response{Value: value, Claims: claims, Usage: c.usage(resp), Model: c.entry.ID, Finish: finish}, nil
}

// refused is the answer of a model that declined, with its words when it gave any. resp may be nil.
func (c *client) refused(words string, resp *fantasy.Response) *model.Response {
	value, err := json.Marshal(strings.ToValidUTF8(words, "\uFFFD"))
	if err != nil {
		value = json.RawMessage(`""`)
	}
	return &model.Response{Value: value, Usage: c.usage(resp), Model: c.entry.ID, Finish: model.FinishRefusal}
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

// usage counts tokens in one way for all providers: input includes what came from the cache, output what was reasoned.
func (c *client) usage(resp *fantasy.Response) steward.Usage {
	if resp == nil {
		return steward.Usage{}
	}
	u := steward.Usage{
		InputTokens:     resp.Usage.InputTokens + resp.Usage.CacheReadTokens + resp.Usage.CacheCreationTokens,
		CachedTokens:    resp.Usage.CacheReadTokens,
		OutputTokens:    resp.Usage.OutputTokens,
		ReasoningTokens: resp.Usage.ReasoningTokens,
	}
	if c.config.Kind == model.KindGoogle { // counts the cache within its input, and thoughts apart from its output
		u.InputTokens = resp.Usage.InputTokens
		u.OutputTokens += resp.Usage.ReasoningTokens
	}
	return u
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

package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"charm.land/fantasy"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

// failure says in the house's words why a call failed. Nothing of what the client library knows about the request, which
// holds the key and the documents, is kept; the provider's own sentence is, with every secret taken out.
//
// ctx is the caller's: when it has ended, that is the reason.
func (c *client) failure(ctx context.Context, x *exchange, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := c.scrub(providerText(x, err))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return c.passing(fmt.Sprintf("did not end its answer within %s", c.opts.Timeout))
	case !x.sent:
		return c.unsent(text)
	case errors.Is(x.fault, errTooLong):
		return c.fail(steward.FailProviderError, "sent an answer that is too long", "")
	case errors.Is(x.fault, errNoAnswer):
		return c.passing("did not answer in time")
	case errors.Is(x.fault, errSilent):
		return c.passing("fell silent in the middle of its answer")
	case x.status == 0:
		f := c.fail(steward.FailProviderError, "could not be reached, or broke off", "")
		f.Transient = true
		f.Err = errors.New(text)
		return f
	}
	return c.failureOf(x, text)
}

// unsent is a call that never left: a configuration that the client library refuses, or credentials that it could not get.
func (c *client) unsent(text string) error {
	if c.config.Kind == model.KindBedrock {
		f := c.fail(steward.FailProviderNotConfigured, "cannot be called without usable AWS credentials and a region", "")
		f.Held, f.Err = true, errors.New(text)
		return f
	}
	f := c.fail(steward.FailProviderError, "cannot be asked this way", text)
	f.Held = true
	return f
}

// failureOf sorts an answer that is not what was asked for.
func (c *client) failureOf(x *exchange, text string) error {
	switch status := x.status; {
	case isContextOverflow(status, text):
		return &steward.Failure{
			Code:    steward.FailContextOverflow,
			Message: fmt.Sprintf("The documents are too long for the model %q. Give it fewer pages at once.", c.entry.ID),
			Err:     errors.New(text),
		}
	case status == http.StatusBadRequest && isFiltered(text):
		return &steward.Failure{
			Code: steward.FailModelRefused, Message: "The model's content filter refused the request.", Err: errors.New(text),
		}
	case status == http.StatusUnauthorized, status == http.StatusBadRequest && namesBadKey(text):
		return c.fail(steward.FailProviderNotConfigured, "refused the API key", "")
	case status == http.StatusForbidden:
		return c.fail(steward.FailProviderError, "does not allow this call (403)", "")
	case status == http.StatusNotFound, isUnknownModel(text):
		f := c.fail(steward.FailModelUnavailable, fmt.Sprintf("has no model %q", c.remoteID), "")
		f.Err = errors.New(text)
		return f
	case status == http.StatusTooManyRequests && isOutOfQuota(text), status == http.StatusBadRequest && isOutOfQuota(text), status == http.StatusPaymentRequired:
		return c.fail(steward.FailProviderError, "has no credit left for this key", "")
	case isPassing(status, text):
		f := c.fail(steward.FailProviderError, passingWords(status), text)
		if status == http.StatusOK { // the library's words may quote the answer
			f = c.fail(steward.FailProviderError, passingWords(status), "")
		}
		f.Transient = true
		f.RetryAfter = x.retryAfter
		if f.RetryAfter == 0 && x.retryable() {
			f.RetryAfter = retryDelay(x.body)
		}
		return f
	}
	f := c.fail(steward.FailProviderError, fmt.Sprintf("refused the request (%d)", x.status), text)
	if x.status == http.StatusBadRequest && text != "" { // it is about what the caller asked for, such as a schema
		f.Message = strings.TrimSuffix(f.Message, ".") + ": " + strings.TrimRight(shorten(text), ". ") + "."
	}
	return f
}

// shorten cuts a provider's words for a message.
func shorten(text string) string {
	const most = 300
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func (c *client) fail(code steward.FailureCode, what, text string) *steward.Failure {
	f := &steward.Failure{Code: code, Message: fmt.Sprintf("The model provider %q %s.", c.name, what)}
	if text != "" {
		f.Err = errors.New(text) // a provider's words can quote keys and documents: they are for operators
	}
	return f
}

// passing is a fault that may be gone at the next call.
func (c *client) passing(what string) *steward.Failure {
	f := c.fail(steward.FailProviderError, what, "")
	f.Transient = true
	return f
}

// isPassing reports whether the same call may work later. An answer of 200 that the library could not read is one of those.
func isPassing(status int, text string) bool {
	return status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooManyRequests ||
		status >= http.StatusInternalServerError || status == http.StatusOK ||
		strings.Contains(text, "overloaded")
}

func passingWords(status int) string {
	switch status {
	case http.StatusTooManyRequests:
		return "is limiting the rate of calls (429)"
	case http.StatusOK:
		return "sent an answer that cannot be read"
	}
	return fmt.Sprintf("has a passing fault (%d)", status)
}

var contextOverflow = regexp.MustCompile(`(?i)context_length_exceeded|maximum context length|prompt is too long|` +
	`input token count.*exceeds|exceeds? the (available )?context|context window|input is too long|maximum prompt length|too many (input )?tokens|request_too_large`)

func isContextOverflow(status int, text string) bool {
	return status == http.StatusRequestEntityTooLarge ||
		(status >= 400 && status != http.StatusTooManyRequests && contextOverflow.MatchString(text))
}

func isFiltered(text string) bool {
	return strings.Contains(text, "content_filter") || strings.Contains(text, "content management policy") ||
		strings.Contains(text, "content filtering policy")
}

func isUnknownModel(text string) bool {
	return strings.Contains(text, "model_not_found") || strings.Contains(text, "DeploymentNotFound")
}

func isOutOfQuota(text string) bool {
	return strings.Contains(text, "insufficient_quota") || strings.Contains(text, "credit balance is too low")
}

// namesBadKey finds the words of providers that answer 400 to a wrong key.
func namesBadKey(text string) bool {
	return strings.Contains(text, "API key not valid") || strings.Contains(text, "Incorrect API key")
}

func (x *exchange) retryable() bool {
	return x.status == http.StatusTooManyRequests || x.status == http.StatusServiceUnavailable
}

// retryDelay reads the wait that Gemini asks for in the body of its error; 0 when there is none.
func retryDelay(body []byte) time.Duration {
	var answer struct {
		Error struct {
			Details []struct {
				RetryDelay string `json:"retryDelay"`
			} `json:"details"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0
	}
	for _, detail := range answer.Error.Details {
		if d, err := time.ParseDuration(detail.RetryDelay); err == nil && d > 0 {
			return min(d, 24*time.Hour)
		}
	}
	return 0
}

// providerText is the provider's own sentence: its code and message when its answer has the usual form, else what the library
// made of the fault.
func providerText(x *exchange, err error) string {
	if x.status >= 400 {
		if text := errorText(x.body); text != "" {
			return text
		}
	}
	var perr *fantasy.ProviderError
	if errors.As(err, &perr) {
		return firstLine(string(x.body), perr.Message)
	}
	return firstLine(err.Error())
}

// errorText reads an error's body: {"error": {code, type, status, message}} or {"error": text} or {code, type, message}.
func errorText(body []byte) string {
	type words struct {
		Code    any    `json:"code"`
		Type    any    `json:"type"`
		Status  string `json:"status"`
		Message string `json:"message"`
	}
	var answer struct {
		words
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return ""
	}
	var inner words
	var said string
	if err := json.Unmarshal(answer.Error, &inner); err != nil {
		inner = answer.words
		_ = json.Unmarshal(answer.Error, &said) // neither an object nor a text: there are no words
	}
	var parts []string
	for _, part := range []string{textOf(inner.Code), textOf(inner.Type), inner.Status} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Trim(strings.TrimSpace(strings.Join(parts, " ")+": "+inner.Message+said), ": ")
}

func textOf(v any) string {
	s, _ := v.(string) // a number repeats the status
	return s
}

func firstLine(texts ...string) string {
	for _, text := range texts {
		if text = strings.TrimSpace(text); text != "" {
			line, _, _ := strings.Cut(text, "\n")
			return line
		}
	}
	return ""
}

// keyLike matches what looks like a credential, whoever's it is.
var keyLike = regexp.MustCompile(`(?i)\b(sk|key|xai|gsk|AIza)[-_][A-Za-z0-9_*.\-]{8,}|Bearer\s+\S+|AIza[A-Za-z0-9_\-]{10,}|AKIA[A-Z0-9]{12,}`)

// maxText is how much of a provider's sentence is kept, in bytes.
const maxText = 300

// scrub takes the provider's secrets, and anything that looks like one, out of a text, and cuts it.
func (c *client) scrub(text string) string {
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, "[secret]")
	}
	text = keyLike.ReplaceAllString(text, "[secret]")
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

package provider

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stewardhq/steward/internal/model"
)

// statusOverloaded is what Anthropic answers when it has no room for anybody.
const statusOverloaded = 529

// rateInfo reads what an answer's headers say about limits: X-RateLimit-* as OpenAI, Azure, xAI and many gateways write them,
// Anthropic-RateLimit-*, and Retry-After in its forms.
func rateInfo(h http.Header, status int, now time.Time) model.RateInfo {
	info := model.RateInfo{
		RequestsLimit: -1, RequestsLeft: -1, TokensLimit: -1, TokensLeft: -1,
		Limited:    status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == statusOverloaded,
		RetryAfter: retryAfter(h, now),
	}
	requests := tightest(
		windowOf(h, "X-Ratelimit-%s-Requests", now),
		windowOf(h, "Anthropic-Ratelimit-Requests-%s", now),
		windowOf(h, "X-Ratelimit-%s", now), // OpenRouter
	)
	tokens := tightest(
		windowOf(h, "X-Ratelimit-%s-Tokens", now),
		windowOf(h, "Anthropic-Ratelimit-Tokens-%s", now),
		windowOf(h, "Anthropic-Ratelimit-Input-Tokens-%s", now),
		windowOf(h, "Anthropic-Ratelimit-Output-Tokens-%s", now),
	)
	info.RequestsLimit, info.RequestsLeft, info.RequestsReset = requests.limit, requests.left, requests.reset
	info.TokensLimit, info.TokensLeft, info.TokensReset = tokens.limit, tokens.left, tokens.reset
	return info
}

// window is one limit and what is left of it; -1 means unknown.
type window struct {
	limit, left int64
	reset       time.Time
}

func windowOf(h http.Header, name string, now time.Time) window {
	get := func(part string) string { return strings.TrimSpace(h.Get(strings.Replace(name, "%s", part, 1))) }
	return window{limit: countOf(get("Limit")), left: countOf(get("Remaining")), reset: resetOf(get("Reset"), now)}
}

// tightest returns the window of which the smallest share is left, of those that say anything.
func tightest(list ...window) window {
	best := window{limit: -1, left: -1}
	for _, w := range list {
		switch {
		case w.limit < 0 && w.left < 0:
		case best.limit < 0 && best.left < 0, w.share() < best.share():
			best = w
		}
	}
	return best
}

// share is how much of the window is left, from 0 to 1; 1 when that is unknown.
func (w window) share() float64 {
	if w.left < 0 || w.limit <= 0 {
		return 1
	}
	return float64(w.left) / float64(w.limit)
}

// countOf reads a number of zero or more; -1 for anything else.
func countOf(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// longestReset bounds how far ahead a reset is believed to be.
const longestReset = 31 * 24 * time.Hour

// resetOf reads when a limit is whole again: a duration such as 6m0s or 20ms, a time as in RFC 3339, seconds from now, or seconds
// or milliseconds of the Unix epoch. Anything else is the zero time.
func resetOf(text string, now time.Time) time.Time {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return resetAt(at.UTC(), now)
	}
	if d, err := time.ParseDuration(text); err == nil {
		return resetAt(now.Add(d), now)
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0) || n > 1e15 {
		return time.Time{}
	}
	switch {
	case n >= 1e12:
		return resetAt(time.UnixMilli(int64(n)).UTC(), now)
	case n >= 1e9:
		return resetAt(time.Unix(int64(n), 0).UTC(), now)
	}
	return resetAt(now.Add(time.Duration(min(n, longestReset.Seconds())*float64(time.Second))), now)
}

// resetAt keeps a reset within what can be meant.
func resetAt(at, now time.Time) time.Time {
	if at.Before(now) {
		return now
	}
	if last := now.Add(longestReset); at.After(last) {
		return last
	}
	return at
}

// retryAfter reads the provider's wish for when to call again; 0 when it has none. Wishes of more than a day are cut to one.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const day = 24 * time.Hour
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, err := strconv.ParseFloat(strings.TrimSpace(h.Get(name)), 64); err == nil && ms > 0 {
			return min(time.Duration(min(ms, 1e9)*float64(time.Millisecond)), day)
		}
	}
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds > 0) {
			return 0
		}
		return min(time.Duration(min(seconds, 1e6)*float64(time.Second)), day)
	}
	if d, err := time.ParseDuration(text); err == nil { // not of the standard, and sent all the same: "200ms", "1m30s"
		return min(max(d, 0), day)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), day)
	}
	return 0
}

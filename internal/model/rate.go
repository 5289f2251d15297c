package model

import "time"

// RateInfo is what one answer of a provider said about its limits. Numbers that were not said are -1, times are zero. Providers
// count requests and tokens apart, most of them per key and model.
type RateInfo struct {
	Model string // the provider's own name for the model that was asked

	RequestsLimit, RequestsLeft int64     // per window, -1 unknown; Left is 0 or more
	TokensLimit, TokensLeft     int64     // the tightest of those that the provider counts: all, input, output
	RequestsReset, TokensReset  time.Time // when the whole limit is there again; zero means unknown

	Limited    bool          // this answer was refused for its rate (429), or the provider is overloaded (503, 529)
	RetryAfter time.Duration // the provider's wish for when to call again; 0 means none, at most a day
}

// Known reports whether the answer said anything about limits.
func (r RateInfo) Known() bool {
	return r.RequestsLimit >= 0 || r.RequestsLeft >= 0 || r.TokensLimit >= 0 || r.TokensLeft >= 0 || r.Limited || r.RetryAfter > 0
}

// RateObserver is told what providers say about their limits. ProviderConfig.Rates takes one: the registry sets it before it
// dials, so that one observer hears all the models of one provider and key.
type RateObserver interface {
	// ObserveRate is called once for each answer that says something (see RateInfo.Known), errors included, as soon as the
	// answer's headers are there. It may be called by many goroutines at once and must not block.
	ObserveRate(RateInfo)
}

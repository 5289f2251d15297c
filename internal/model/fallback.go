package model

import (
	"context"
	"errors"

	"github.com/stewardhq/steward"
)

// WithFallback asks the next model when one cannot answer: its provider is away, overloaded, or does not take the key. What a
// model answers, a refusal or a wrong shape included, is an answer, and a request that is too long for one is not shortened by
// asking another. Response.Model says who answered, Response.Others what those used that could not. The failure of the first
// model is returned when none can, with what all of them used (see SpentBy).
func WithFallback(chain ...Model) Model {
	if len(chain) == 1 {
		return chain[0]
	}
	return Func(func(ctx context.Context, req *Request) (*Response, error) {
		var first error
		var spent spending
		for _, m := range chain {
			resp, err := m.Generate(ctx, req)
			if err == nil {
				return spent.answer(resp), nil
			}
			err = spent.failure(err)
			if first == nil {
				first = err
			}
			if ctx.Err() != nil || !replaceable(err) {
				return nil, err
			}
		}
		return nil, spent.on(first)
	})
}

// replaceable reports whether another model may do what failed here.
func replaceable(err error) bool {
	var f *steward.Failure
	if !errors.As(err, &f) {
		return false
	}
	switch f.Code {
	case steward.FailModelUnavailable, steward.FailProviderError, steward.FailProviderNotConfigured:
		return true
	}
	return f.Transient
}

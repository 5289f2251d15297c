package model

import "context"

// Limiter bounds the calls that are under way at one provider. It is safe for concurrent use and first come, first served.
type Limiter struct{ slots chan struct{} }

// NewLimiter allows n calls at once; n below 1 means no limit.
func NewLimiter(n int) *Limiter {
	if n < 1 {
		return &Limiter{}
	}
	return &Limiter{slots: make(chan struct{}, n)}
}

// Acquire waits for a slot and returns the function that gives it back, to be called once.
//
// Errors: ctx.Err() when ctx ends first.
func (l *Limiter) Acquire(ctx context.Context) (release func(), err error) {
	if l == nil || l.slots == nil {
		return func() {}, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case l.slots <- struct{}{}:
		return func() { <-l.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// WithConcurrency makes every call of m hold a slot of l. Models of one provider share a Limiter. Put WithRetry around it,
// not inside, so that a call that waits for its next try holds no slot.
func WithConcurrency(m Model, l *Limiter) Model {
	return Func(func(ctx context.Context, req *Request) (*Response, error) {
		release, err := l.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer release()
		return m.Generate(ctx, req)
	})
}

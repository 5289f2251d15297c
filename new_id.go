package steward

import "context"

type newIDKey struct{}

// WithNewID returns a context in which what is created gets this id, a UUID, instead of a fresh one. A create that may have been made
// before is made again so: there can be only one of an id.
func WithNewID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, newIDKey{}, id)
}

// NewIDFrom returns the id that what is created gets; "" means a fresh one.
func NewIDFrom(ctx context.Context) string {
	id, _ := ctx.Value(newIDKey{}).(string)
	return id
}

package client

import (
	"context"
	"net/http"
)

// createOne creates something. All tries carry the same idempotency key, so they make one.
func createOne[T any](ctx context.Context, c *Client, path string, in any) (*T, error) {
	r := &request{method: http.MethodPost, path: path, header: http.Header{}, repeat: always}
	r.header.Set("Idempotency-Key", c.keyFor(""))
	if err := r.setJSON(in); err != nil {
		return nil, err
	}
	out := new(T)
	if err := c.call(ctx, r, out); err != nil {
		return nil, err
	}
	return out, nil
}

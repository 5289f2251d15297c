package run

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/once"
	"github.com/stewardhq/steward/internal/rest/wire"
)

// OnceService keeps creates that are repeated from being made twice. Package once implements it.
type OnceService interface {
	Do(ctx context.Context, p once.Params, c once.Create) (answer []byte, first bool, err error)
}

// createKey documents the header of a create. more is said behind it.
func createKey(more string) []*huma.Param {
	return []*huma.Param{wire.HeaderParam(wire.IdempotencyHeader, fmt.Sprintf(
		"At most %d characters. The same key within 24 hours answers what the first one answered, and makes nothing; with other content it is refused.%s", once.MaxKey, more))}
}

// creation is a create that may come under an idempotency key. T is what the wire shows.
type creation[T any] struct {
	scope   steward.Scope
	kind    string // see once.Params
	lasts   time.Duration
	content any // all that the caller asks for; JSON-encodable
	make    func(ctx context.Context) (id string, made T, err error)
	find    func(ctx context.Context, id string) (T, error)
}

// create makes what a request asks for and answers 201 with it.
func create[T any](f *family, w http.ResponseWriter, r *http.Request, c creation[T]) error {
	key := r.Header.Get(wire.IdempotencyHeader)
	if key == "" || f.Once == nil {
		_, made, err := c.make(r.Context())
		if err != nil {
			return err
		}
		return f.api.JSON(w, r, http.StatusCreated, made)
	}
	answer, _, err := f.once(r.Context(), key, "", c.erased())
	if err != nil {
		return err
	}
	f.api.RawJSON(w, r, http.StatusCreated, answer)
	return nil
}

// erased is c for any type.
func (c *creation[T]) erased() creation[any] {
	return creation[any]{
		scope: c.scope, kind: c.kind, content: c.content, lasts: c.lasts,
		make: func(ctx context.Context) (string, any, error) { return c.make(ctx) },
		find: func(ctx context.Context, id string) (any, error) { return c.find(ctx, id) },
	}
}

// once makes something under a key. id is what it has already; "" means that it gets one.
func (f *family) once(ctx context.Context, key, id string, c creation[any]) (answer []byte, first bool, err error) {
	content, err := json.Marshal(c.content)
	if err != nil {
		return nil, false, fmt.Errorf("encode request: %w", err)
	}
	return f.Once.Do(ctx, once.Params{Scope: c.scope, Kind: c.kind, Key: key, Hash: sha256.Sum256(content), ID: id, Lasts: c.lasts}, once.Create{
		Make: func(ctx context.Context) (string, []byte, error) {
			id, made, err := c.make(ctx)
			if err != nil {
				return "", nil, err
			}
			body, err := wire.Encode(made)
			return id, body, err
		},
		Find: func(ctx context.Context, id string) ([]byte, error) {
			made, err := c.find(ctx, id)
			if err != nil {
				return nil, err
			}
			return wire.Encode(made)
		},
	})
}

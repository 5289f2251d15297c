package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/stewardhq/steward"
)

// KeyCreate describes a new API key.
type KeyCreate struct {
	Name      string          `json:"name"`
	Scopes    []steward.Scope `json:"scopes"`
	ExpiresAt *time.Time      `json:"expires_at,omitempty"` // nil means never
}

// NewKey is a key with its token, which the server shows only once.
type NewKey struct {
	steward.Key
	Token string `json:"token"`
}

// CreateKey makes a key for the same user. Errors: steward.Denied unless the client's key has the scope admin.
//
// Stability: may change until 1.0.
func (c *Client) CreateKey(ctx context.Context, p KeyCreate) (*NewKey, error) {
	return putOne[NewKey](ctx, c, http.MethodPost, "/v1/keys/", p, ifRefused)
}

// ListKeys returns the organization's keys, newest first.
//
// Stability: may change until 1.0.
func (c *Client) ListKeys(ctx context.Context) ([]steward.Key, error) {
	var answer struct {
		Results []steward.Key `json:"results"`
	}
	if err := c.get(ctx, "/v1/keys/", nil, &answer); err != nil {
		return nil, err
	}
	return answer.Results, nil
}

// RevokeKey ends a key at once. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) RevokeKey(ctx context.Context, id steward.KeyID) error {
	return c.remove(ctx, "/v1/keys/"+url.PathEscape(string(id))+"/")
}

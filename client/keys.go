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
func (c *Client) CreateKey(ctx context.Context, p KeyCreate) (*NewKey, error) {
	var k NewKey
	if err := c.post(ctx, "/v1/keys/", p, &k); err != nil {
		return nil, err
	}
	return &k, nil
}

// ListKeys returns the organization's keys, newest first.
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
func (c *Client) RevokeKey(ctx context.Context, id steward.KeyID) error {
	return c.call(ctx, &request{method: http.MethodDelete, path: "/v1/keys/" + url.PathEscape(string(id)) + "/", repeat: always}, nil)
}

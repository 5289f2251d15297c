package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/stewardhq/steward"
)

// EngineTypes lists the kinds of work that agents can do.
//
// Stability: may change until 1.0.
func (c *Client) EngineTypes(ctx context.Context) ([]steward.EngineType, error) {
	var answer struct {
		Engines []steward.EngineType `json:"engines"`
	}
	if err := c.get(ctx, "/v1/agents/types/", nil, &answer); err != nil {
		return nil, err
	}
	return answer.Engines, nil
}

// Models lists the language models that agents can name. capability image, audio or video keeps those that read the medium.
// Errors: steward.Invalid for another capability.
//
// Stability: may change until 1.0.
func (c *Client) Models(ctx context.Context, capability string) ([]steward.LanguageModel, error) {
	var answer struct {
		Models []steward.LanguageModel `json:"models"`
	}
	q := url.Values{}
	setText(q, "capability", capability)
	if err := c.get(ctx, "/v1/agents/models/", q, &answer); err != nil {
		return nil, err
	}
	return answer.Models, nil
}

// TestModel asks a model one small question whose answer is known and tells how it went; "" means the server's default. That the
// model fails is no error but part of the result. It costs what a short call costs, which is in the organization's usage, and is not
// repeated when the connection breaks.
// Errors: steward.Denied without the scope admin; NoCredit when the organization's budget is used up; Invalid for an unknown model;
// Conflict while another test runs.
//
// Stability: may change until 1.0.
func (c *Client) TestModel(ctx context.Context, model string) (*steward.ModelTest, error) {
	return putOne[steward.ModelTest](ctx, c, http.MethodPost, "/v1/agents/models/test/", map[string]string{"model": model}, ifRefused)
}

// Me returns the user of the client's key.
//
// Stability: may change until 1.0.
func (c *Client) Me(ctx context.Context) (*steward.User, error) {
	return getOne[steward.User](ctx, c, "/v1/users/current_user/", nil)
}

package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/stewardhq/steward"
)

// TagCreate describes a new tag.
type TagCreate struct {
	Name  string `json:"name"`            // 1 to 50 characters, unique in the organization
	Color string `json:"color,omitempty"` // blue, green, purple, orange, red, yellow, gray or pink; "" means the server's choice
}

// TagUpdate changes a tag. What is nil stays as it is.
type TagUpdate struct {
	Name  *string `json:"name,omitempty"`
	Color *string `json:"color,omitempty"`
}

const tagsPath = "/v1/agents/tags/"

func tagPath(id steward.TagID) string { return tagsPath + url.PathEscape(string(id)) + "/" }

// ListTags returns the organization's tags.
//
// Stability: may change until 1.0.
func (c *Client) ListTags(ctx context.Context) ([]steward.Tag, error) {
	return getList[steward.Tag](ctx, c, tagsPath)
}

// CreateTag stores a tag. Errors: steward.Invalid naming the field, also for a name that is taken.
//
// Stability: may change until 1.0.
func (c *Client) CreateTag(ctx context.Context, p TagCreate) (*steward.Tag, error) {
	return createOne[steward.Tag](ctx, c, tagsPath, p)
}

// UpdateTag changes a tag wherever it is used. Errors: steward.Invalid naming the field; NotFound.
//
// Stability: may change until 1.0.
func (c *Client) UpdateTag(ctx context.Context, id steward.TagID, p TagUpdate) (*steward.Tag, error) {
	return putOne[steward.Tag](ctx, c, http.MethodPatch, tagPath(id), p, always)
}

// DeleteTag deletes a tag, and takes it off all agents. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) DeleteTag(ctx context.Context, id steward.TagID) error {
	return c.remove(ctx, tagPath(id))
}

// SetAgentTags gives an agent these tags and no others. Errors: steward.NotFound for the agent, Invalid for a tag that is none.
//
// Stability: may change until 1.0.
func (c *Client) SetAgentTags(ctx context.Context, agent steward.AgentID, tags ...steward.TagID) (*steward.Agent, error) {
	if tags == nil {
		tags = []steward.TagID{} // null would not be a list
	}
	in := map[string]any{"tag_ids": tags}
	return putOne[steward.Agent](ctx, c, http.MethodPut, agentPath(agent, "tags/"), in, always)
}

package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/stewardhq/steward"
)

// VersionCreate describes a new version of an agent. What is nil is taken over from the current version.
type VersionCreate struct {
	VersionName      string                    `json:"version_name,omitempty"` // "" means "unnamed version"
	Description      string                    `json:"description,omitempty"`
	InputDefinitions []steward.InputDefinition `json:"input_definitions"`      // empty but not nil: none, unless the configuration refers to some
	EngineConfig     any                       `json:"engine_config"`          // anything that encodes as a JSON object
	PostActions      []steward.PostAction      `json:"post_actions,omitempty"` // not offered yet
}

// VersionUpdate changes what can be changed of a version. What is nil stays as it is.
type VersionUpdate struct {
	VersionName *string `json:"version_name,omitempty"`
	Description *string `json:"description,omitempty"`
}

// versionPath is the path of a version; "" means the current one.
func versionPath(agent steward.AgentID, version steward.VersionID) string {
	which := "current"
	if version != "" {
		which = url.PathEscape(string(version))
	}
	return agentPath(agent, "versions/"+which+"/")
}

// ListVersions returns all versions of an agent, newest first. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) ListVersions(ctx context.Context, agent steward.AgentID) ([]steward.Version, error) {
	var list []steward.Version
	if err := c.get(ctx, agentPath(agent, "versions/"), nil, &list); err != nil {
		return nil, err
	}
	return list, nil
}

// VersionList cuts the list of an agent's versions, newest first.
type VersionList struct {
	Page     int // from 1; 0 means 1
	PageSize int // at most 100; 0 means 20
}

// ListVersionPage returns one page of an agent's versions. Errors: steward.NotFound, also for a page beyond the end.
//
// Stability: may change until 1.0.
func (c *Client) ListVersionPage(ctx context.Context, agent steward.AgentID, p VersionList) (*steward.Page[steward.Version], error) {
	q := url.Values{}
	setInt(q, "page", max(p.Page, 1)) // its presence is what makes the answer a page
	setInt(q, "page_size", p.PageSize)
	return getOne[steward.Page[steward.Version]](ctx, c, agentPath(agent, "versions/"), q)
}

// Versions ranges over an agent's versions, page by page from p.Page.
//
// Stability: may change until 1.0.
func (c *Client) Versions(ctx context.Context, agent steward.AgentID, p VersionList) iter.Seq2[*steward.Version, error] {
	return pages(p.Page, func(page int) (*steward.Page[steward.Version], error) {
		p := p
		p.Page = page
		return c.ListVersionPage(ctx, agent, p)
	})
}

// AgentVersion returns a version of an agent; version "" means the current one. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) AgentVersion(ctx context.Context, agent steward.AgentID, version steward.VersionID) (*steward.Version, error) {
	return getOne[steward.Version](ctx, c, versionPath(agent, version), url.Values{"get_supports_eval": {"true"}})
}

// CreateVersion stores a version of an agent, which becomes the current one. It is repeated after passing faults under one idempotency
// key, so it makes one. Errors: steward.Invalid naming the field; NotFound.
//
// Stability: may change until 1.0.
func (c *Client) CreateVersion(ctx context.Context, agent steward.AgentID, p VersionCreate) (*steward.Version, error) {
	return createOne[steward.Version](ctx, c, agentPath(agent, "versions/"), p)
}

// UpdateVersion changes the name and the description of a version; nothing else of it can be changed.
// Errors: steward.Invalid naming the field; NotFound.
//
// Stability: may change until 1.0.
func (c *Client) UpdateVersion(ctx context.Context, agent steward.AgentID, version steward.VersionID, p VersionUpdate) error {
	return c.put(ctx, http.MethodPatch, versionPath(agent, version), p, nil, always)
}

// ReplaceVersion is UpdateVersion by PUT: the server decides what becomes of what is nil. Errors: those of UpdateVersion.
//
// Stability: may change until 1.0.
func (c *Client) ReplaceVersion(ctx context.Context, agent steward.AgentID, version steward.VersionID, p VersionUpdate) error {
	return c.put(ctx, http.MethodPut, versionPath(agent, version), p, nil, always)
}

// DeleteVersion deletes a version that is not the current one; its jobs can still be read.
// Errors: steward.Invalid for the current version; NotFound.
//
// Stability: may change until 1.0.
func (c *Client) DeleteVersion(ctx context.Context, agent steward.AgentID, version steward.VersionID) error {
	if version == "" {
		return &steward.Error{Code: steward.Invalid, Field: "version", Message: "the current version cannot be deleted"}
	}
	return c.remove(ctx, versionPath(agent, version))
}

package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/stewardhq/steward"
)

// WebhookCreate describes a new webhook.
type WebhookCreate struct {
	Name          string              `json:"name"`
	URL           string              `json:"url"`
	Secret        string              `json:"secret,omitempty"` // "" has the server make one; the answer shows it, and no later one does
	Headers       map[string]string   `json:"headers,omitempty"`
	Events        []steward.EventType `json:"events,omitempty"` // nil means job_completed
	IsActive      *bool               `json:"is_active,omitempty"`
	Alerts        []string            `json:"alerts,omitempty"` // UUIDs that the server keeps and does nothing with
	IncludeInputs bool                `json:"include_inputs,omitempty"`
	NotifyCached  bool                `json:"notify_cached,omitempty"` // jobs answered from the cache count too
}

// WebhookUpdate changes a webhook. What is nil stays as it is.
type WebhookUpdate struct {
	Name          *string              `json:"name,omitempty"`
	URL           *string              `json:"url,omitempty"`
	Secret        *string              `json:"secret,omitempty"`  // not ""; events are signed with the old one as well for a day
	Headers       *map[string]string   `json:"headers,omitempty"` // in place of all
	Events        *[]steward.EventType `json:"events,omitempty"`
	IsActive      *bool                `json:"is_active,omitempty"` // true takes back a deactivation by the server as well
	Alerts        *[]string            `json:"alerts,omitempty"`
	IncludeInputs *bool                `json:"include_inputs,omitempty"`
	NotifyCached  *bool                `json:"notify_cached,omitempty"`
}

const webhooksPath = "/v1/webhooks/"

func webhookPath(id steward.WebhookID, rest string) string {
	return webhooksPath + url.PathEscape(string(id)) + "/" + rest
}

// CreateWebhook stores a webhook. The answer is the only one that shows its secret, besides those of RotateWebhookSecret.
// It is repeated after passing faults under one idempotency key, so it makes one. It hears of nothing until LinkWebhook. Errors: steward.Invalid naming the field.
//
// Stability: may change until 1.0.
func (c *Client) CreateWebhook(ctx context.Context, p WebhookCreate) (*steward.Webhook, error) {
	if p.Events == nil {
		p.Events = []steward.EventType{steward.EventJobCompleted}
	}
	return createOne[steward.Webhook](ctx, c, webhooksPath, p)
}

// Webhook returns a webhook. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) Webhook(ctx context.Context, id steward.WebhookID) (*steward.Webhook, error) {
	return getOne[steward.Webhook](ctx, c, webhookPath(id, ""), nil)
}

// WebhookList cuts a list of webhooks, or of the agents of one.
type WebhookList struct {
	Page     int // from 1; 0 means 1
	PageSize int // at most 100; 0 means 20
}

// ListWebhooks returns one page of webhooks. Errors: steward.NotFound for a page beyond the end.
//
// Stability: may change until 1.0.
func (c *Client) ListWebhooks(ctx context.Context, p WebhookList) (*steward.Page[steward.Webhook], error) {
	q := url.Values{}
	setInt(q, "page", p.Page)
	setInt(q, "page_size", p.PageSize)
	return getOne[steward.Page[steward.Webhook]](ctx, c, webhooksPath, q)
}

// Webhooks ranges over all webhooks, page by page from p.Page.
//
// Stability: may change until 1.0.
func (c *Client) Webhooks(ctx context.Context, p WebhookList) iter.Seq2[*steward.Webhook, error] {
	return pages(p.Page, func(page int) (*steward.Page[steward.Webhook], error) {
		p := p
		p.Page = page
		return c.ListWebhooks(ctx, p)
	})
}

// UpdateWebhook changes a webhook. Errors: steward.Invalid naming the field; NotFound.
//
// Stability: may change until 1.0.
func (c *Client) UpdateWebhook(ctx context.Context, id steward.WebhookID, p WebhookUpdate) (*steward.Webhook, error) {
	return putOne[steward.Webhook](ctx, c, http.MethodPatch, webhookPath(id, ""), p, always)
}

// ReplaceWebhook gives a webhook a whole new description, under the same id. Errors: steward.Invalid naming the field; NotFound.
//
// Stability: may change until 1.0.
func (c *Client) ReplaceWebhook(ctx context.Context, id steward.WebhookID, p WebhookCreate) (*steward.Webhook, error) {
	return putOne[steward.Webhook](ctx, c, http.MethodPut, webhookPath(id, ""), p, always)
}

// DeleteWebhook deletes a webhook with what it still had to hear. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) DeleteWebhook(ctx context.Context, id steward.WebhookID) error {
	return c.remove(ctx, webhookPath(id, ""))
}

// LinkWebhook has a webhook hear of agents, of which there is at least one. Linking twice changes nothing.
// Errors: steward.NotFound, also for an agent.
//
// Stability: may change until 1.0.
func (c *Client) LinkWebhook(ctx context.Context, id steward.WebhookID, agents ...steward.AgentID) (*steward.Webhook, error) {
	in := map[string]any{"agent_ids": agents}
	return putOne[steward.Webhook](ctx, c, http.MethodPost, webhookPath(id, "agents/"), in, always)
}

// ListWebhookAgents returns one page of the agents that a webhook hears of, by name. Errors: steward.NotFound, also for a page beyond
// the end.
//
// Stability: may change until 1.0.
func (c *Client) ListWebhookAgents(ctx context.Context, id steward.WebhookID, p WebhookList) (*steward.Page[steward.WebhookAgent], error) {
	q := url.Values{}
	setInt(q, "page", p.Page)
	setInt(q, "page_size", p.PageSize)
	return getOne[steward.Page[steward.WebhookAgent]](ctx, c, webhookPath(id, "agents/"), q)
}

// WebhookAgents ranges over the agents that a webhook hears of, page by page from p.Page.
//
// Stability: may change until 1.0.
func (c *Client) WebhookAgents(ctx context.Context, id steward.WebhookID, p WebhookList) iter.Seq2[*steward.WebhookAgent, error] {
	return pages(p.Page, func(page int) (*steward.Page[steward.WebhookAgent], error) {
		p := p
		p.Page = page
		return c.ListWebhookAgents(ctx, id, p)
	})
}

// UnlinkWebhook has a webhook hear no more of an agent. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) UnlinkWebhook(ctx context.Context, id steward.WebhookID, agent steward.AgentID) error {
	return c.remove(ctx, webhookPath(id, "agents/"+url.PathEscape(string(agent))+"/"))
}

// RotateWebhookSecret gives a webhook a new secret, which the answer shows. Events are signed with the old one as well for a day, so
// that receivers can follow: VerifyWebhook takes both. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) RotateWebhookSecret(ctx context.Context, id steward.WebhookID) (*steward.Webhook, error) {
	return putOne[steward.Webhook](ctx, c, http.MethodPost, webhookPath(id, "rotate-secret/"), nil, ifRefused)
}

// TestWebhook sends a webhook a sample of an agent's events and says how that went; a receiver that does not take it is no error.
// Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) TestWebhook(ctx context.Context, agent steward.AgentID, id steward.WebhookID) (*steward.DeliveryReport, error) {
	path := agentPath(agent, "webhooks/"+url.PathEscape(string(id))+"/test/")
	return putOne[steward.DeliveryReport](ctx, c, http.MethodPost, path, nil, ifRefused)
}

// DeliveryList chooses deliveries of a webhook. The zero value is all of them, newest first.
type DeliveryList struct {
	Page     int                    // from 1; 0 means 1
	PageSize int                    // at most 100; 0 means 20
	Status   steward.DeliveryStatus // "" means any
}

// ListDeliveries returns one page of a webhook's deliveries.
//
// Errors: steward.Invalid for an unknown status; NotFound, also for a page beyond the end.
//
// Stability: may change until 1.0.
func (c *Client) ListDeliveries(ctx context.Context, id steward.WebhookID, p DeliveryList) (*steward.Page[steward.Delivery], error) {
	q := url.Values{}
	setInt(q, "page", p.Page)
	setInt(q, "page_size", p.PageSize)
	setText(q, "status", string(p.Status))
	return getOne[steward.Page[steward.Delivery]](ctx, c, webhookPath(id, "deliveries/"), q)
}

// Deliveries ranges over all deliveries of a webhook that p chooses, page by page from p.Page.
//
// Stability: may change until 1.0.
func (c *Client) Deliveries(ctx context.Context, id steward.WebhookID, p DeliveryList) iter.Seq2[*steward.Delivery, error] {
	return pages(p.Page, func(page int) (*steward.Page[steward.Delivery], error) {
		p := p
		p.Page = page
		return c.ListDeliveries(ctx, id, p)
	})
}

// Delivery returns a delivery of a webhook. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) Delivery(ctx context.Context, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error) {
	return getOne[steward.Delivery](ctx, c, webhookPath(webhook, "deliveries/"+url.PathEscape(string(id))+"/"), nil)
}

// ReplayDelivery has a delivery made again, at once. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) ReplayDelivery(ctx context.Context, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error) {
	path := webhookPath(webhook, "deliveries/"+url.PathEscape(string(id))+"/replay/")
	return putOne[steward.Delivery](ctx, c, http.MethodPost, path, nil, ifRefused)
}

package run

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/rest/admit"
	"github.com/stewardhq/steward/internal/rest/wire"
	"github.com/stewardhq/steward/internal/webhooks"
)

// WebhookService keeps webhooks and what was sent to them. Package webhooks implements it.
type WebhookService interface {
	Create(ctx context.Context, p webhooks.CreateParams) (*steward.Webhook, error)
	Get(ctx context.Context, id steward.WebhookID) (*steward.Webhook, error)
	List(ctx context.Context, page, size int) ([]steward.Webhook, int64, error)
	Update(ctx context.Context, id steward.WebhookID, p webhooks.UpdateParams) (*steward.Webhook, error)
	RotateSecret(ctx context.Context, id steward.WebhookID) (*steward.Webhook, error)
	Shown(ctx context.Context, id steward.WebhookID) (*steward.Webhook, error)
	Delete(ctx context.Context, id steward.WebhookID) error
	Link(ctx context.Context, id steward.WebhookID, agents []steward.AgentID) (*steward.Webhook, error)
	Unlink(ctx context.Context, id steward.WebhookID, agent steward.AgentID) error
	Agents(ctx context.Context, id steward.WebhookID, page, size int) ([]steward.WebhookAgent, int64, error)
	DeliveryService
}

// DeliveryService is what a WebhookService does with what is sent.
type DeliveryService interface {
	Deliveries(ctx context.Context, id steward.WebhookID, statuses []steward.DeliveryStatus, page, size int) ([]steward.Delivery, int64, error)
	Delivery(ctx context.Context, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error)
	Replay(ctx context.Context, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error)
	Test(ctx context.Context, agent steward.AgentID, webhook steward.WebhookID) (*steward.DeliveryReport, error)
	Resend(ctx context.Context, job steward.JobID, webhook steward.WebhookID) (int, error)
}

const (
	pathWebhooks   = "/webhooks/"
	pathDeliveries = "{webhook_id}/deliveries/"

	fieldAgentIDs  = "agent_ids"
	fieldWebhookID = "webhook_id"
)

// registerWebhooks adds the operations of webhooks. Those on webhooks themselves are there twice, as the family's clients know them
// without the version in front.
func (f *family) registerWebhooks() {
	for _, spelling := range []struct{ prefix, suffix, note string }{
		{"/v1", "", ""},
		{"", "_unversioned", " The same as under /v1."},
	} {
		for _, op := range f.webhookOperations() {
			op.Path, op.ID, op.Tag = spelling.prefix+pathWebhooks+op.Path, op.ID+spelling.suffix, tagWebhooks
			op.Description = strings.TrimSpace(op.Description + spelling.note)
			f.api.Handle(op.Operation, op.handler)
		}
	}
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathAgent + "webhooks/{webhook_id}/test/", ID: "webhooks_test", Cost: admit.Waiter, Tag: tagWebhooks,
		Summary:     "Send a sample event",
		Description: "Sends a sample of the agent's event at once, linked or not, active or not, and says how it went. Nothing is stored.",
		Errors:      []int{http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable},
		Responses:   map[string]*huma.Response{"200": wire.JSONResponse("How it went", wire.SchemaOf[steward.DeliveryReport](f.api, "DeliveryReport"))},
	}, f.testWebhook)
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathJob + "webhook/resend/", ID: "agents_jobs_webhook_resend", Tag: tagJobs,
		Summary: "Send a job's event again",
		Description: "Queues new deliveries for every active webhook that is linked to the job's agent, or for one. The job stays as it is. " +
			"queued 0 means that there is no such webhook.",
		Errors: bodyErrors(http.StatusForbidden, http.StatusNotFound),
		Body: optional(jsonBody(&huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{
			fieldWebhookID: {Type: huma.TypeString, Format: "uuid", Nullable: true, Description: "Only this one."},
		}})),
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("Queued", wire.SchemaOf[resent](f.api, "WebhookResend"))},
	}, f.resend)
}

// webhookOperation is an operation whose Path stands behind that of webhooks.
type webhookOperation struct {
	wire.Operation
	handler wire.Handler
}

// webhookOperations lists the operations on webhooks.
func (f *family) webhookOperations() []webhookOperation {
	one := wire.SchemaOf[steward.Webhook](f.api, "Webhook")
	ok := map[string]*huma.Response{"200": wire.JSONResponse("The webhook", one)}
	made := map[string]*huma.Response{"201": wire.JSONResponse("The webhook", one)}
	change := []int{http.StatusForbidden, http.StatusNotFound}
	const id = "{webhook_id}/"
	ops := []webhookOperation{
		{wire.Operation{
			Method: http.MethodGet, ID: "webhooks_list", Summary: "List webhooks", Description: "One page, the newest first.",
			Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound}, Params: pageParams(),
			Responses: map[string]*huma.Response{"200": wire.JSONResponse("A page", wire.SchemaOf[steward.Page[steward.Webhook]](f.api, "WebhookPage"))},
		}, f.listWebhooks},
		{wire.Operation{
			Method: http.MethodPost, ID: "webhooks_create", Summary: "Create a webhook", Status: http.StatusCreated,
			Description: "It hears nothing until it is linked to agents. The answer shows its secret, this once: keep it to check signatures with.",
			Errors:      bodyErrors(http.StatusForbidden, http.StatusConflict), Body: formBody(webhookSchema("name", "url", "events")), Responses: made,
			Params: createKey(" Each API key has keys of its own, so that nobody else is shown the secret."),
		}, f.createWebhook},
		{wire.Operation{
			Method: http.MethodGet, Path: id, ID: "webhooks_retrieve", Summary: "Get a webhook", Errors: change, Responses: ok,
		}, f.getWebhook},
		{wire.Operation{
			Method: http.MethodPut, Path: id, ID: "webhooks_replace", Summary: "Replace a webhook",
			Description: "What is absent gets its default, but for the secret, which stays.",
			Errors:      bodyErrors(change...), Body: formBody(webhookSchema("name", "url", "events")), Responses: ok,
		}, f.replaceWebhook},
		{wire.Operation{
			Method: http.MethodPatch, Path: id, ID: "webhooks_update", Summary: "Change a webhook",
			Description: "What is absent stays. With is_active true, failures are counted anew. A new secret does not end the old one for 24 hours.",
			Errors:      bodyErrors(change...), Body: optional(formBody(webhookSchema())), Responses: ok,
		}, f.updateWebhook},
		{wire.Operation{
			Method: http.MethodDelete, Path: id, ID: "webhooks_delete", Summary: "Delete a webhook",
			Description: "What is on its way is not sent any more.", Status: http.StatusNoContent, Errors: change,
		}, f.deleteWebhook},
		{wire.Operation{
			Method: http.MethodPost, Path: id + "rotate-secret/", ID: "webhooks_rotate_secret", Summary: "Give a webhook a new secret",
			Description: "The answer shows it, this once. The old secret signs too for 24 hours.", Errors: change, Responses: ok,
		}, f.rotateSecret},
	}
	return append(append(ops, f.linkOperations(made)...), f.deliveryOperations()...)
}

// linkOperations lists those on the agents of a webhook.
func (f *family) linkOperations(made map[string]*huma.Response) []webhookOperation {
	const agents = "{webhook_id}/agents/"
	errs := []int{http.StatusForbidden, http.StatusNotFound}
	return []webhookOperation{
		{wire.Operation{
			Method: http.MethodGet, Path: agents, ID: "webhooks_agents_list", Summary: "List a webhook's agents", Description: "One page, by name.",
			Errors: append(errs, http.StatusBadRequest), Params: pageParams(),
			Responses: map[string]*huma.Response{
				"200": wire.JSONResponse("A page", wire.SchemaOf[steward.Page[steward.WebhookAgent]](f.api, "WebhookAgentPage")),
			},
		}, f.listWebhookAgents},
		{wire.Operation{
			Method: http.MethodPost, Path: agents, ID: "webhooks_agents_create", Summary: "Link a webhook to agents", Status: http.StatusCreated,
			Description: "All or none; links that are there stay.", Errors: bodyErrors(errs...),
			Body: jsonBody(&huma.Schema{
				Type: huma.TypeObject, Required: []string{fieldAgentIDs}, AdditionalProperties: true, Properties: map[string]*huma.Schema{
					fieldAgentIDs: {Type: huma.TypeArray, MinItems: ptr(1), MaxItems: ptr(webhooks.MaxLinks), Items: &huma.Schema{Type: huma.TypeString, Format: "uuid"}},
				},
			}),
			Responses: made,
		}, f.linkWebhook},
		{wire.Operation{
			Method: http.MethodDelete, Path: agents + "{agent_id}/", ID: "webhooks_agents_delete", Summary: "Remove a webhook's link to an agent",
			Description: "What is on its way is still sent.", Status: http.StatusNoContent, Errors: errs,
		}, f.unlinkWebhook},
	}
}

// deliveryOperations lists those on what is sent to a webhook.
func (f *family) deliveryOperations() []webhookOperation {
	errs := []int{http.StatusForbidden, http.StatusNotFound}
	one := map[string]*huma.Response{"200": wire.JSONResponse("The delivery", wire.SchemaOf[steward.Delivery](f.api, "Delivery"))}
	return []webhookOperation{
		{wire.Operation{
			Method: http.MethodGet, Path: pathDeliveries, ID: "webhooks_deliveries_list", Summary: "List deliveries to a webhook",
			Description: "One page, the newest first.", Errors: append(errs, http.StatusBadRequest),
			Params: append(pageParams(), wire.QueryParam("status", huma.TypeString, "Statuses, separated by commas: pending, delivered, failed.")),
			Responses: map[string]*huma.Response{
				"200": wire.JSONResponse("A page", wire.SchemaOf[steward.Page[steward.Delivery]](f.api, "DeliveryPage")),
			},
		}, f.listDeliveries},
		{wire.Operation{
			Method: http.MethodGet, Path: pathDeliveries + "{delivery_id}/", ID: "webhooks_deliveries_retrieve", Summary: "Get a delivery",
			Errors: errs, Responses: one,
		}, f.getDelivery},
		{wire.Operation{
			Method: http.MethodPost, Path: pathDeliveries + "{delivery_id}/replay/", ID: "webhooks_deliveries_replay", Summary: "Send a delivery again",
			Description: "Under the same id, as if no attempt had been made.", Errors: append(errs, http.StatusConflict), Responses: one,
		}, f.replayDelivery},
	}
}

// pageParams documents a page's parameters of a plain handler.
func pageParams() []*huma.Param {
	return []*huma.Param{
		wire.QueryParam("page", huma.TypeInteger, "Number of the page, from 1."),
		wire.QueryParam("page_size", huma.TypeInteger, "Rows on a page: 1 to 100, 20 when absent; more counts as 100."),
	}
}

// webhookSchema documents the body of a webhook.
func webhookSchema(required ...string) *huma.Schema {
	text := func(most int, doc string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, MinLength: ptr(1), MaxLength: ptr(most), Description: doc}
	}
	flag := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeBoolean, Description: doc} }
	events := []any{}
	for _, e := range steward.EventTypes() {
		events = append(events, e)
	}
	return &huma.Schema{Type: huma.TypeObject, Required: required, AdditionalProperties: true, Properties: map[string]*huma.Schema{
		"name":           text(255, ""),
		"url":            text(500, "http or https, of a host on the public internet unless the server's operator allows others."),
		"secret":         text(255, "What signatures are made with: whsec_ and base64, or any text. One is made when it is absent."),
		"headers":        {Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: huma.TypeString}, Description: "Sent with every event; 20 at most."},
		"events":         {Type: huma.TypeArray, MinItems: ptr(1), Items: &huma.Schema{Type: huma.TypeString, Enum: events}},
		"is_active":      flag("true when absent."),
		"alerts":         {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Format: "uuid"}, Description: "Kept for the caller."},
		"include_inputs": flag("Events show the job's inputs."),
		"notify_cached":  flag("Jobs that were answered from the cache are told as well."),
	}}
}

// presentWebhook makes a webhook fit for the wire.
func presentWebhook(w steward.Webhook) steward.Webhook {
	w.CreatedAt, w.UpdatedAt = w.CreatedAt.UTC(), w.UpdatedAt.UTC()
	w.Events, w.Alerts, w.AgentIDs = orEmpty(w.Events), orEmpty(w.Alerts), orEmpty(w.AgentIDs)
	if w.Headers == nil {
		w.Headers = map[string]string{}
	}
	return w
}

// readWebhook reads a body of a create, replace or change. What is absent is nil.
func readWebhook(w http.ResponseWriter, r *http.Request, need bool) (p webhooks.UpdateParams, err error) {
	d, err := readChange(w, r)
	if err != nil {
		return p, err
	}
	for _, field := range []string{"name", "url"} {
		if need && !d.Has(field) {
			d.Required(field) // says that it is missing
		}
	}
	p.Name, p.URL, p.Secret = optionalName(d, "name"), optionalName(d, "url"), optionalName(d, "secret")
	p.Active, p.IncludeInputs, p.NotifyCached = optionalBool(d, "is_active"), optionalBool(d, "include_inputs"), optionalBool(d, "notify_cached")
	if headers := d.StringMap("headers"); headers != nil {
		p.Headers = &headers
	}
	if alerts := d.Strings("alerts"); alerts != nil {
		p.Alerts = &alerts
	}
	if names := d.Strings("events"); names != nil {
		events := make([]steward.EventType, len(names))
		for i, name := range names {
			events[i] = steward.EventType(name)
		}
		p.Events = &events
	} else if need && d.Err() == nil {
		return p, wire.Invalid("events", "This field is required.")
	}
	return p, d.Err()
}

func (f *family) createWebhook(w http.ResponseWriter, r *http.Request) error {
	p, err := readWebhook(w, r, true)
	if err != nil {
		return err
	}
	who, err := steward.PrincipalFrom(r.Context(), steward.ScopeWrite)
	if err != nil {
		return err
	}
	c := webhooks.CreateParams{
		Name: *p.Name, URL: *p.URL, Secret: orZero(p.Secret), Headers: orZero(p.Headers), Events: *p.Events, Inactive: p.Active != nil && !*p.Active,
		Alerts: orZero(p.Alerts), IncludeInputs: orZero(p.IncludeInputs), NotifyCached: orZero(p.NotifyCached),
	}
	// The answer shows the secret. Under the same key it is shown again to the API key that made it, and to no other.
	return create(f, w, r, creation[steward.Webhook]{
		scope: steward.ScopeWrite, kind: "webhook/" + string(who.KeyID), content: c,
		make: func(ctx context.Context) (string, steward.Webhook, error) {
			hook, err := f.Webhooks.Create(ctx, c)
			if err != nil {
				return "", steward.Webhook{}, err
			}
			return string(hook.ID), presentWebhook(*hook), nil
		},
		find: func(ctx context.Context, id string) (steward.Webhook, error) {
			hook, err := f.Webhooks.Shown(ctx, steward.WebhookID(id))
			if err != nil {
				return steward.Webhook{}, err
			}
			return presentWebhook(*hook), nil
		},
	})
}

// orZero is what p points to, the zero value when it is nil.
func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func (f *family) replaceWebhook(w http.ResponseWriter, r *http.Request) error {
	p, err := readWebhook(w, r, true)
	if err != nil {
		return err
	}
	if p.Active == nil {
		p.Active = ptr(true)
	}
	p.Headers, p.Alerts = ptr(orZero(p.Headers)), ptr(orZero(p.Alerts))
	p.IncludeInputs, p.NotifyCached = ptr(orZero(p.IncludeInputs)), ptr(orZero(p.NotifyCached))
	return f.changeWebhook(w, r, p)
}

func (f *family) updateWebhook(w http.ResponseWriter, r *http.Request) error {
	p, err := readWebhook(w, r, false)
	if err != nil {
		return err
	}
	return f.changeWebhook(w, r, p)
}

func (f *family) changeWebhook(w http.ResponseWriter, r *http.Request, p webhooks.UpdateParams) error {
	return f.webhookCall(func(ctx context.Context, id steward.WebhookID) (*steward.Webhook, error) {
		return f.Webhooks.Update(ctx, id, p)
	})(w, r)
}

// webhookCall answers with the webhook that call returns for the one in the path.
func (f *family) webhookCall(call func(ctx context.Context, id steward.WebhookID) (*steward.Webhook, error)) wire.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := wire.PathID[steward.WebhookID](r, fieldWebhookID)
		if err != nil {
			return err
		}
		hook, err := call(r.Context(), id)
		if err != nil {
			return err
		}
		return f.api.JSON(w, r, http.StatusOK, presentWebhook(*hook))
	}
}

func (f *family) getWebhook(w http.ResponseWriter, r *http.Request) error {
	return f.webhookCall(f.Webhooks.Get)(w, r)
}

func (f *family) rotateSecret(w http.ResponseWriter, r *http.Request) error {
	return f.webhookCall(f.Webhooks.RotateSecret)(w, r)
}

func (f *family) deleteWebhook(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.WebhookID](r, fieldWebhookID)
	if err != nil {
		return err
	}
	if err := f.Webhooks.Delete(r.Context(), id); err != nil {
		return err
	}
	f.api.NoContent(w)
	return nil
}

func (f *family) listWebhooks(w http.ResponseWriter, r *http.Request) error {
	return listPage(f, w, r, presentWebhook, f.Webhooks.List)
}

// listPage answers with a page of what list returns.
func listPage[T any](f *family, w http.ResponseWriter, r *http.Request, present func(T) T,
	list func(ctx context.Context, page, size int) ([]T, int64, error),
) error {
	page := wire.NewPage(r)
	number, size, err := page.Window()
	if err != nil {
		return err
	}
	rows, count, err := list(r.Context(), number, size)
	if err != nil {
		return err
	}
	envelope, err := wire.Envelope(f.api, page, each(rows, present), count)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, envelope)
}

func (f *family) listWebhookAgents(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.WebhookID](r, fieldWebhookID)
	if err != nil {
		return err
	}
	present := func(a steward.WebhookAgent) steward.WebhookAgent { a.LinkedAt = a.LinkedAt.UTC(); return a }
	return listPage(f, w, r, present, func(ctx context.Context, page, size int) ([]steward.WebhookAgent, int64, error) {
		return f.Webhooks.Agents(ctx, id, page, size)
	})
}

func (f *family) linkWebhook(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.WebhookID](r, fieldWebhookID)
	if err != nil {
		return err
	}
	d, err := readChange(w, r)
	if err != nil {
		return err
	}
	names := d.Strings(fieldAgentIDs)
	if err := d.Err(); err != nil {
		return err
	}
	agents := make([]steward.AgentID, len(names))
	for i, name := range names {
		if agents[i], err = steward.ParseID[steward.AgentID](fieldAgentIDs, name); err != nil {
			return err
		}
	}
	hook, err := f.Webhooks.Link(r.Context(), id, agents)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusCreated, presentWebhook(*hook))
}

func (f *family) unlinkWebhook(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.WebhookID](r, fieldWebhookID)
	if err != nil {
		return err
	}
	agent, err := wire.PathID[steward.AgentID](r, "agent_id")
	if err != nil {
		return err
	}
	if err := f.Webhooks.Unlink(r.Context(), id, agent); err != nil {
		return err
	}
	f.api.NoContent(w)
	return nil
}

package rest_test

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/files"
	"github.com/stewardhq/steward/internal/secret"
	"github.com/stewardhq/steward/internal/store/sqlite"
	"github.com/stewardhq/steward/internal/webhooks"
)

// Ids of the fakes' webhooks.
const (
	webhookID  = "0190a000-0000-7000-8000-000000000006"
	deliveryID = "0190a000-0000-7000-8000-000000000007"
)

// hookFakes is a webhook service with one webhook.
type hookFakes struct{ *fakes }

func testWebhook() *steward.Webhook {
	return &steward.Webhook{
		ID: webhookID, Name: "Hook", URL: "https://example.com/hook", IsActive: true, HasSecret: true, CreatedAt: when(), UpdatedAt: when(),
		Events: []steward.EventType{steward.EventJobCompleted}, AgentIDs: []steward.AgentID{agentID}, Headers: map[string]string{"X-Token": "t"},
	}
}

func testDelivery() *steward.Delivery {
	job, status, took, at := steward.JobID(jobID), 503, int64(12), when()
	text := "The receiver answered 503."
	return &steward.Delivery{
		ID: deliveryID, WebhookID: webhookID, Type: steward.EventJobCompleted, AgentID: agentID, JobID: &job, Status: steward.DeliveryPending,
		Attempts: 1, CreatedAt: at, NextAttemptAt: &at, LastAttemptAt: &at, ResponseStatus: &status, ResponseBody: "busy", DurationMS: &took, Error: &text,
	}
}

// known fails for other ids than those of the fakes.
func known(id steward.WebhookID) error {
	if id != webhookID {
		return notFound()
	}
	return nil
}

func (f hookFakes) Create(ctx context.Context, p webhooks.CreateParams) (*steward.Webhook, error) {
	if _, err := steward.PrincipalFrom(ctx, steward.ScopeWrite); err != nil {
		return nil, err
	}
	w := testWebhook()
	w.Name, w.URL, w.Events, w.Headers, w.IsActive, w.AgentIDs = p.Name, p.URL, p.Events, p.Headers, !p.Inactive, nil
	w.Alerts, w.IncludeInputs, w.NotifyCached, w.Secret = p.Alerts, p.IncludeInputs, p.NotifyCached, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	return w, nil
}

func (f hookFakes) Get(_ context.Context, id steward.WebhookID) (*steward.Webhook, error) {
	return testWebhook(), known(id)
}

func (f hookFakes) List(context.Context, int, int) ([]steward.Webhook, int64, error) {
	return []steward.Webhook{*testWebhook()}, 1, nil
}

func (f hookFakes) Update(_ context.Context, id steward.WebhookID, p webhooks.UpdateParams) (*steward.Webhook, error) {
	w := testWebhook()
	if p.Name != nil {
		w.Name = *p.Name
	}
	if p.Active != nil {
		w.IsActive = *p.Active
	}
	if p.Headers != nil {
		w.Headers = *p.Headers
	}
	return w, known(id)
}

func (f hookFakes) RotateSecret(_ context.Context, id steward.WebhookID) (*steward.Webhook, error) {
	w := testWebhook()
	w.Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	return w, known(id)
}

func (f hookFakes) Shown(ctx context.Context, id steward.WebhookID) (*steward.Webhook, error) {
	return f.RotateSecret(ctx, id)
}

func (f hookFakes) Delete(_ context.Context, id steward.WebhookID) error { return known(id) }

func (f hookFakes) Link(_ context.Context, id steward.WebhookID, agents []steward.AgentID) (*steward.Webhook, error) {
	w := testWebhook()
	w.AgentIDs = agents
	return w, known(id)
}

func (f hookFakes) Unlink(_ context.Context, id steward.WebhookID, agent steward.AgentID) error {
	if agent != agentID {
		return notFound()
	}
	return known(id)
}

func (f hookFakes) Agents(_ context.Context, id steward.WebhookID, _, _ int) ([]steward.WebhookAgent, int64, error) {
	return []steward.WebhookAgent{{ID: agentID, Name: "Invoices", LinkedAt: when()}}, 1, known(id)
}

func (f hookFakes) Deliveries(_ context.Context, id steward.WebhookID, statuses []steward.DeliveryStatus, _, _ int) ([]steward.Delivery, int64, error) {
	for _, s := range statuses {
		if s != steward.DeliveryPending && s != steward.DeliveryFailed {
			return nil, 0, &steward.Error{Code: steward.Invalid, Field: "status", Message: "Must be pending, delivered or failed."}
		}
	}
	return []steward.Delivery{*testDelivery()}, 1, known(id)
}

func (f hookFakes) Delivery(_ context.Context, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error) {
	if id != deliveryID {
		return nil, notFound()
	}
	return testDelivery(), known(webhook)
}

func (f hookFakes) Replay(ctx context.Context, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error) {
	return f.Delivery(ctx, webhook, id)
}

func (f hookFakes) Test(_ context.Context, agent steward.AgentID, webhook steward.WebhookID) (*steward.DeliveryReport, error) {
	if agent != agentID {
		return nil, notFound()
	}
	status := 204
	return &steward.DeliveryReport{
		Success: true, DeliveryID: deliveryID, WebhookID: webhookID, AgentID: agentID, ResponseStatus: &status, DurationMS: 12,
	}, known(webhook)
}

func (f hookFakes) Resend(_ context.Context, job steward.JobID, webhook steward.WebhookID) (int, error) {
	switch {
	case job == otherOrg: // stands for a job that runs
		return 0, &steward.Error{Code: steward.Conflict, Message: "The job has not ended yet."}
	case job != jobID:
		return 0, notFound()
	case webhook == "":
		return 2, nil
	case webhook == agentID: // stands for one that is inactive
		return 0, nil
	}
	return 1, known(webhook)
}

// hooks is the real service, which may send to this machine, with a deliverer that runs as long as the test.
func (x *house) hooks(dir string, st *sqlite.Store, fileService *files.Service, log *slog.Logger) *webhooks.Service {
	box, err := secret.Open(filepath.Join(dir, "secret.key"))
	ok(x.t, err)
	web, err := webhooks.NewClient(nil, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "Steward-Webhooks/test")
	ok(x.t, err)
	s := webhooks.New(st, box, web, fileService, clock.System{}, &webhooks.Options{Logger: log})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- webhooks.NewDeliverer(s, nil).Run(ctx) }()
	x.t.Cleanup(func() {
		stop()
		ok(x.t, <-ended)
	})
	return s
}

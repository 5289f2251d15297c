package webhooks

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Deliveries returns a page of a webhook's deliveries, newest first, and how many match. No status means all.
//
// Errors: NotFound; Invalid naming status.
func (s *Service) Deliveries(ctx context.Context, id steward.WebhookID, statuses []steward.DeliveryStatus, page, size int) (
	[]steward.Delivery, int64, error,
) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, 0, err
	}
	for _, st := range statuses {
		switch st {
		case steward.DeliveryPending, steward.DeliveryDelivered, steward.DeliveryFailed:
		default:
			return nil, 0, invalid("status", "Must be pending, delivered or failed.")
		}
	}
	limit, offset := window(page, size)
	return s.store.ListDeliveries(ctx, who.OrganizationID, id, store.DeliveryQuery{Status: statuses, Limit: limit, Offset: offset})
}

// Delivery returns one delivery of a webhook. Errors: NotFound.
func (s *Service) Delivery(ctx context.Context, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.Delivery(ctx, who.OrganizationID, webhook, id)
}

// Replay sends a delivery again, under the same id, as if no attempt had been made.
//
// Errors: NotFound; Conflict when the webhook is inactive; Denied without ScopeWrite.
func (s *Service) Replay(ctx context.Context, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	d, err := s.store.ReplayDelivery(ctx, who.OrganizationID, webhook, id, s.clock.Now())
	if err != nil {
		return nil, fmt.Errorf("replay delivery: %w", err)
	}
	s.Wake()
	return d, nil
}

// Resend tells an ended job again, as new deliveries, to one webhook or ("") to all that are active and linked to its agent. It
// returns to how many; the job stays as it is.
//
// Errors: NotFound for the job or the webhook; Conflict while the job is open; Denied without ScopeRun.
func (s *Service) Resend(ctx context.Context, job steward.JobID, webhook steward.WebhookID) (int, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return 0, err
	}
	if _, err := s.store.JobStatus(ctx, who.OrganizationID, job); err != nil { // knows which jobs cannot be reached any more
		return 0, err
	}
	n, err := s.store.ResendJob(ctx, who.OrganizationID, job, webhook, s.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("resend webhooks: %w", err)
	}
	s.Wake()
	return n, nil
}

// Test sends a sample of an agent's event to a webhook at once, whether or not they are linked or the webhook is active, and says how
// it went. Nothing is stored.
//
// Errors: NotFound; Unavailable when too many samples are being sent, or when this process has another secret key; Denied without ScopeWrite.
func (s *Service) Test(ctx context.Context, agent steward.AgentID, webhook steward.WebhookID) (*steward.DeliveryReport, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	w, err := s.store.Webhook(ctx, who.OrganizationID, webhook)
	if err != nil {
		return nil, err
	}
	v, err := s.store.Version(ctx, who.OrganizationID, agent, "")
	if err != nil {
		return nil, err
	}
	if err := s.vault.fits(ctx); err != nil {
		return nil, err
	}
	select {
	case s.samples <- struct{}{}:
		defer func() { <-s.samples }()
	default:
		return nil, &steward.Error{Code: steward.Unavailable, Message: "Too many samples are being sent; try again.", RetryAfter: time.Second}
	}
	e, err := s.sample(w, v)
	if err != nil {
		return nil, err
	}
	body, err := encodeEvent(e)
	if err != nil {
		return nil, err
	}
	a, err := s.send(ctx, w, e.ID, body)
	if err != nil {
		return nil, fmt.Errorf("send sample: %w", err)
	}
	report := &steward.DeliveryReport{
		Success: a.ok(), DeliveryID: e.ID, WebhookID: webhook, AgentID: agent, ResponseBody: a.excerpt, DurationMS: a.took.Milliseconds(),
	}
	if a.status != 0 {
		report.ResponseStatus = &a.status
	}
	if problem := a.problem(); problem != "" {
		report.Error = &problem
	}
	return report, nil
}

// sample makes an event of the first kind that a webhook asks for.
func (s *Service) sample(w *store.WebhookRecord, v *steward.Version) (*steward.Event, error) {
	ids := make([]string, 2)
	for i := range ids {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make sample: %w", err)
		}
		ids[i] = id.String()
	}
	now := s.clock.Now()
	began := now.Add(-2 * time.Second)
	e := &steward.Event{
		ID: steward.DeliveryID(ids[0]), Type: steward.EventJobCompleted, Timestamp: now, OrganizationID: w.OrganizationID, Test: true,
		Agent: steward.EventAgent{ID: v.BaseAgent.ID, Name: v.BaseAgent.Name}, AgentVersion: steward.EventVersion{ID: v.ID, Name: v.VersionName},
	}
	if len(w.Events) > 0 && w.Events[0] == steward.EventBatchCompleted {
		e.Type = steward.EventBatchCompleted
		e.Batch = &steward.Batch{
			ID: steward.BatchID(ids[1]), OrganizationID: w.OrganizationID, AgentID: v.BaseAgent.ID, VersionID: v.ID, VersionName: v.VersionName,
			Name: "Sample", Metadata: json.RawMessage("{}"), State: steward.BatchCompleted, CreatedAt: began, ClosedAt: &now, CompletedAt: &now,
			Received: 1, NextIndex: 1, Counts: steward.BatchCounts{Success: 1},
		}
		return e, nil
	}
	e.Job = eventJob(&steward.Job{
		ID: steward.JobID(ids[1]), Status: steward.StatusSuccess, CreatedAt: began, EndedAt: now, Usage: steward.Free(),
		Outputs: []steward.Datum{{
			Key: "output", Description: "A sample", DataType: "application/json", Value: `{"sample":true}`,
		}},
	})
	e.Job.ResultURL = s.baseURL + "/v1/agents/jobs/" + ids[1] + "/result/"
	return e, nil
}

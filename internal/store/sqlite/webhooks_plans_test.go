package sqlite

import (
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// useWebhooks calls every method of store.Webhooks, so that their statements are looked at.
func useWebhooks(t *testing.T, s *Store) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	fine := func(err error) {
		t.Helper()
		if c := steward.CodeOf(err); c == steward.Internal || c == steward.Unavailable {
			t.Errorf("unexpected error: %v", err)
		}
	}
	w := store.WebhookRecord{OrganizationID: "o", SealedSecret: []byte{1}}
	w.ID, w.IsActive, w.Events = "hook", true, steward.EventTypes()
	fine(s.CreateWebhook(ctx, w, 10))
	fine(s.LinkWebhook(ctx, "o", "hook", []steward.AgentID{"a"}, now, 10))
	_, err := s.Webhook(ctx, "o", "hook")
	fine(err)
	_, _, err = s.ListWebhooks(ctx, "o", 10, 0)
	fine(err)
	_, err = s.UpdateWebhook(ctx, "o", "hook", func(*store.WebhookRecord) error { return nil })
	fine(err)
	_, _, err = s.WebhookAgents(ctx, "o", "hook", 10, 0)
	fine(err)
	for _, statuses := range [][]steward.DeliveryStatus{nil, {steward.DeliveryFailed}, {steward.DeliveryPending, steward.DeliveryFailed}} {
		_, _, err = s.ListDeliveries(ctx, "o", "hook", store.DeliveryQuery{Status: statuses})
		fine(err)
	}
	_, err = s.Delivery(ctx, "o", "hook", "d")
	fine(err)
	_, err = s.ReplayDelivery(ctx, "o", "hook", "d", now)
	fine(err)
	_, err = s.ResendJob(ctx, "o", "j", "", now)
	fine(err)
	_, err = s.DueWebhooks(ctx, now)
	fine(err)
	_, err = s.ClaimDeliveries(ctx, now, now.Add(time.Minute), []store.DeliveryTake{{Webhook: "hook", Max: 1}})
	fine(err)
	var results []store.DeliveryResult
	for v := store.DeliveryDone; v <= store.DeliveryDropped; v++ {
		results = append(results, store.DeliveryResult{ID: "d", Webhook: "hook", Verdict: v, At: now})
	}
	_, err = s.RecordDeliveries(ctx, results, store.DisableRule{Failures: 1})
	fine(err)
	_, err = s.SweepDeliveries(ctx, store.DeliverySweep{Limit: 1})
	fine(err)
	_, err = s.KeepSecretProof(ctx, []byte{1})
	fine(err)
	_, err = s.SecretProof(ctx)
	fine(err)
	fine(s.UnlinkWebhook(ctx, "o", "hook", "a"))
	fine(s.DeleteWebhook(ctx, "o", "hook"))
}

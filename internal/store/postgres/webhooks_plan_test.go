package postgres_test

import (
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
)

func TestPlansOfWebhooksServeAFullOutbox(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	if err := postgres.Migrate(t.Context(), url); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	statements := postgres.WebhookStatements()
	for name, want := range map[string]string{
		"due webhooks":      "webhook_deliveries_due webhooks_pkey",
		"claim deliveries":  "agents_pkey webhook_deliveries_due webhook_deliveries_pkey",
		"record deliveries": "webhook_deliveries_id_key",
		"count deliveries":  "webhook_deliveries_listed",
		"list deliveries":   "webhook_deliveries_listed webhook_deliveries_pkey",
		"resend":            "webhook_agents_pkey webhooks_pkey",
		"sweep delivered":   "webhook_deliveries_delivered webhook_deliveries_pkey",
		"sweep failed":      "webhook_deliveries_failed webhook_deliveries_pkey",
		"sweep paused":      "webhook_deliveries_due webhook_deliveries_pkey webhooks_inactive",
		"sweep deleted":     "deleted_webhooks_pkey webhook_deliveries_listed webhook_deliveries_pkey",
		"forget deleted":    "scan of deleted_webhooks webhook_deliveries_listed", // as many rows as webhooks were just deleted
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := explain(t, url, statements[name])
			if got := indexes(plan); got != want {
				t.Errorf("indexes used: got %q, want %q\n%s", got, want, strings.Join(plan, "\n"))
			}
		})
	}
}

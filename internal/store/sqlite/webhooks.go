package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// webhookColumns are those of webhooks w, in the order of scanWebhook.
const webhookColumns = `w.seq, w.id, w.organization_id, w.name, w.url, w.on_job, w.on_batch, w.is_active, w.alerts, w.include_inputs,
	w.notify_cached, w.failure_count, w.failed_at, w.disabled_reason, w.created_at, w.updated_at, w.secret, w.old_secret,
	w.old_secret_until, w.headers`

// webhookRow is a webhook with its row's number.
type webhookRow struct {
	store.WebhookRecord
	seq int64
}

// scanWebhook reads webhookColumns. The links are read apart.
func scanWebhook(r row) (*webhookRow, error) {
	w := &webhookRow{seq: r.int(0)}
	w.ID, w.OrganizationID = steward.WebhookID(r.text(1)), steward.OrganizationID(r.text(2))
	w.Name, w.URL = r.text(3), r.text(4)
	w.Events = storerow.WebhookEvents(r.bool(5), r.bool(6))
	w.IsActive, w.IncludeInputs, w.NotifyCached, w.HasSecret = r.bool(7), r.bool(9), r.bool(10), true
	w.FailureCount, w.FailedAt, w.DisabledReason = int(r.int(11)), r.time(12), storerow.Optional(r.text(13))
	w.CreatedAt, w.UpdatedAt = r.time(14), r.time(15)
	w.SealedSecret, w.SealedOldSecret, w.OldSecretUntil = slices.Clone(r.blob(16)), slices.Clone(r.blob(17)), r.time(18)
	w.SealedHeaders = slices.Clone(r.blob(19))
	w.AgentIDs = []steward.AgentID{}
	var err error
	w.Alerts, err = storerow.ParseList[string](r.text(8))
	return w, err
}

// webhook reads a webhook of an organization without its links.
func (c *conn) webhook(org steward.OrganizationID, id steward.WebhookID) (w *webhookRow, err error) {
	found, err := c.first("SELECT "+webhookColumns+" FROM webhooks w WHERE w.id = ? AND w.organization_id = ?", []any{string(id), org},
		func(r row) (err error) { w, err = scanWebhook(r); return err })
	if err == nil && !found {
		err = storerow.NotFound("Webhook")
	}
	return w, err
}

// links fills in a webhook's agents.
func (c *conn) links(w *webhookRow) error {
	return c.query("SELECT agent_id FROM webhook_agents WHERE webhook_seq = ? ORDER BY agent_id", []any{w.seq}, func(r row) error {
		w.AgentIDs = append(w.AgentIDs, steward.AgentID(r.text(0)))
		return nil
	})
}

// CreateWebhook implements store.Webhooks.
func (s *Store) CreateWebhook(ctx context.Context, w store.WebhookRecord, limit int) error {
	alerts, err := json.Marshal(w.Alerts)
	if err != nil {
		return fmt.Errorf("encode alerts: %w", err)
	}
	onJob, onBatch := storerow.EventColumns(w.Events)
	return s.write(ctx, "create webhook", func(t *tx) error {
		var n int64
		_, err := t.first("SELECT count(*) FROM webhooks WHERE organization_id = ?", []any{w.OrganizationID},
			func(r row) error { n = r.int(0); return nil })
		if err != nil {
			return err
		}
		if n >= int64(limit) {
			return storerow.Conflict("", fmt.Sprintf("An organization can have %d webhooks.", limit))
		}
		_, err = t.change(`INSERT INTO webhooks (id, organization_id, name, url, on_job, on_batch, is_active, alerts, include_inputs, notify_cached,
				failure_count, failed_at, disabled_reason, created_at, updated_at, secret, old_secret, old_secret_until, headers)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			string(w.ID), w.OrganizationID, w.Name, w.URL, onJob, onBatch, w.IsActive, string(alerts), w.IncludeInputs, w.NotifyCached,
			w.FailureCount, w.FailedAt, storerow.Text(w.DisabledReason), w.CreatedAt, w.UpdatedAt, w.SealedSecret, w.SealedOldSecret,
			w.OldSecretUntil, w.SealedHeaders)
		if isUnique(err) {
			return storerow.Conflict("id", "There is a webhook of this id already.")
		}
		return err
	})
}

// Webhook implements store.Webhooks.
func (s *Store) Webhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID) (*store.WebhookRecord, error) {
	var w *webhookRow
	err := s.snapshot(ctx, "read webhook", func(c *conn) (err error) {
		if w, err = c.webhook(org, id); err != nil {
			return err
		}
		return c.links(w)
	})
	if err != nil {
		return nil, err
	}
	return &w.WebhookRecord, nil
}

// ListWebhooks implements store.Webhooks.
func (s *Store) ListWebhooks(ctx context.Context, org steward.OrganizationID, limit, offset int) (page []store.WebhookRecord, count int64, err error) {
	if limit, err = storerow.Limit(limit, offset); err != nil {
		return nil, 0, err
	}
	err = s.snapshot(ctx, "list webhooks", func(c *conn) error {
		_, err := c.first("SELECT count(*) FROM webhooks WHERE organization_id = ?", []any{org}, func(r row) error { count = r.int(0); return nil })
		if err != nil {
			return err
		}
		var rows []*webhookRow
		err = c.query("SELECT "+webhookColumns+` FROM webhooks w WHERE w.organization_id = ?
			ORDER BY w.created_at DESC, w.id DESC LIMIT ? OFFSET ?`, []any{org, limit, offset}, func(r row) error {
			w, err := scanWebhook(r)
			rows = append(rows, w)
			return err
		})
		page = make([]store.WebhookRecord, 0, len(rows))
		for _, w := range rows {
			if err := c.links(w); err != nil {
				return err
			}
			page = append(page, w.WebhookRecord)
		}
		return err
	})
	return page, count, err
}

// UpdateWebhook implements store.Webhooks.
func (s *Store) UpdateWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID,
	change func(w *store.WebhookRecord) error,
) (*store.WebhookRecord, error) {
	var w *webhookRow
	err := s.write(ctx, "update webhook", func(t *tx) (err error) {
		if w, err = t.webhook(org, id); err != nil {
			return err
		}
		if err := t.links(w); err != nil {
			return err
		}
		if err := change(&w.WebhookRecord); err != nil {
			return err
		}
		alerts, err := json.Marshal(w.Alerts)
		if err != nil {
			return fmt.Errorf("encode alerts: %w", err)
		}
		onJob, onBatch := storerow.EventColumns(w.Events)
		_, err = t.change(`UPDATE webhooks SET name = ?, url = ?, on_job = ?, on_batch = ?, is_active = ?, alerts = ?, include_inputs = ?,
				notify_cached = ?, failure_count = ?, failed_at = ?, disabled_reason = ?, updated_at = ?, secret = ?, old_secret = ?,
				old_secret_until = ?, headers = ?
			WHERE seq = ?`,
			w.Name, w.URL, onJob, onBatch, w.IsActive, string(alerts), w.IncludeInputs,
			w.NotifyCached, w.FailureCount, w.FailedAt, storerow.Text(w.DisabledReason), w.UpdatedAt, w.SealedSecret, w.SealedOldSecret,
			w.OldSecretUntil, w.SealedHeaders, w.seq)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &w.WebhookRecord, nil
}

// DeleteWebhook implements store.Webhooks. The deliveries are swept later: there may be very many.
func (s *Store) DeleteWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID) error {
	return s.write(ctx, "delete webhook", func(t *tx) error {
		w, err := t.webhook(org, id)
		if err != nil {
			return err
		}
		for _, statement := range []string{
			"DELETE FROM webhook_agents WHERE webhook_seq = ?",
			"DELETE FROM webhooks WHERE seq = ?",
			"INSERT INTO deleted_webhooks (seq) VALUES (?)",
		} {
			if _, err := t.change(statement, w.seq); err != nil {
				return err
			}
		}
		return nil
	})
}

// LinkWebhook implements store.Webhooks.
func (s *Store) LinkWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, agents []steward.AgentID, at time.Time, limit int) error {
	return s.write(ctx, "link webhook", func(t *tx) error {
		w, err := t.webhook(org, id)
		if err != nil {
			return err
		}
		for _, a := range agents { // all are looked at before the first is written
			if err := t.ownAgent(org, a); err != nil {
				return err
			}
		}
		for _, a := range agents {
			_, err := t.change("INSERT OR IGNORE INTO webhook_agents (agent_id, webhook_seq, linked_at) VALUES (?, ?, ?)", a, w.seq, at)
			if err != nil {
				return err
			}
		}
		n, err := t.countLinks(w.seq)
		if err == nil && n > int64(limit) {
			err = storerow.Conflict("agent_ids", fmt.Sprintf("A webhook can be linked to %d agents.", limit))
		}
		return err
	})
}

// ownAgent fails for an agent that the organization does not have.
func (c *conn) ownAgent(org steward.OrganizationID, id steward.AgentID) error {
	found, err := c.first("SELECT 1 FROM agents WHERE id = ? AND organization_id = ? AND deleted_at = 0", []any{id, org}, func(row) error { return nil })
	if err == nil && !found {
		err = storerow.UnknownAgent()
	}
	return err
}

func (c *conn) countLinks(webhook int64) (n int64, err error) {
	_, err = c.first("SELECT count(*) FROM webhook_agents WHERE webhook_seq = ?", []any{webhook}, func(r row) error { n = r.int(0); return nil })
	return n, err
}

// UnlinkWebhook implements store.Webhooks.
func (s *Store) UnlinkWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, agent steward.AgentID) error {
	return s.write(ctx, "unlink webhook", func(t *tx) error {
		w, err := t.webhook(org, id)
		if err != nil {
			return err
		}
		n, err := t.change("DELETE FROM webhook_agents WHERE agent_id = ? AND webhook_seq = ?", agent, w.seq)
		if err == nil && n == 0 {
			err = storerow.NotFound("Link")
		}
		return err
	})
}

// WebhookAgents implements store.Webhooks.
func (s *Store) WebhookAgents(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, limit, offset int) (
	page []steward.WebhookAgent, count int64, err error,
) {
	if limit, err = storerow.Limit(limit, offset); err != nil {
		return nil, 0, err
	}
	err = s.snapshot(ctx, "list webhook's agents", func(c *conn) error {
		w, err := c.webhook(org, id)
		if err != nil {
			return err
		}
		if count, err = c.countLinks(w.seq); err != nil {
			return err
		}
		page = []steward.WebhookAgent{}
		return c.query(`SELECT a.id, a.name, l.linked_at FROM webhook_agents l CROSS JOIN agents a ON a.id = l.agent_id
			WHERE l.webhook_seq = ? ORDER BY a.name, a.id LIMIT ? OFFSET ?`, []any{w.seq, limit, offset}, func(r row) error {
			page = append(page, steward.WebhookAgent{ID: steward.AgentID(r.text(0)), Name: r.text(1), LinkedAt: r.time(2)})
			return nil
		})
	})
	return page, count, err
}

// SecretProof implements store.Webhooks.
func (s *Store) SecretProof(ctx context.Context) (sealed []byte, err error) {
	err = s.read(ctx, "read proof of the secret key", func(c *conn) error {
		sealed, err = c.secretProof()
		return err
	})
	return sealed, err
}

func (c *conn) secretProof() (sealed []byte, err error) {
	_, err = c.first("SELECT sealed FROM secret_proof WHERE id = 1", nil, func(r row) error { sealed = slices.Clone(r.blob(0)); return nil })
	return sealed, err
}

// KeepSecretProof implements store.Webhooks.
func (s *Store) KeepSecretProof(ctx context.Context, sealed []byte) (kept []byte, err error) {
	err = s.write(ctx, "keep proof of the secret key", func(t *tx) (err error) {
		if _, err = t.change("INSERT OR IGNORE INTO secret_proof (id, sealed) VALUES (1, ?)", sealed); err != nil {
			return err
		}
		kept, err = t.secretProof()
		return err
	})
	return kept, err
}

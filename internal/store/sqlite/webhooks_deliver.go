package sqlite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// deliveryColumns are those of deliveries d, in the order of scanDelivery.
const deliveryColumns = `d.id, d.agent_id, d.job_id, d.batch_id, d.status, d.attempts, d.created_at, d.due_at, d.attempted_at, d.ended_at,
	d.response_status, d.duration_ms, d.response_body, d.error`

func scanDelivery(r row, webhook steward.WebhookID) steward.Delivery {
	d := storerow.Delivery{
		ID: r.text(0), Webhook: string(webhook), Agent: r.text(1), Job: r.text(2), Batch: r.text(3), Status: r.int(4), Attempts: r.int(5),
		CreatedAt: r.int(6), DueAt: r.int(7), AttemptedAt: r.int(8), EndedAt: r.int(9), ResponseStatus: r.int(10), DurationMS: r.int(11),
		ResponseBody: r.text(12), Error: r.text(13),
	}
	return d.Decode()
}

// newDeliveryID is an expression for an id of version 7, made of a time in microseconds that stands in its two places.
const newDeliveryID = `printf('%08x-%04x-7%03x-%04x-%s', ? / 1000 >> 16, ? / 1000 & 65535, random() & 4095, random() & 16383 | 32768,
	lower(hex(randomblob(6))))`

// ListDeliveries implements store.Webhooks.
func (s *Store) ListDeliveries(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, q store.DeliveryQuery) (
	page []steward.Delivery, count int64, err error,
) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	statuses := storerow.DeliveryRows(q.Status)
	page = []steward.Delivery{}
	err = s.snapshot(ctx, "list deliveries", func(c *conn) error {
		w, err := c.webhook(org, id)
		if err != nil {
			return err
		}
		// Each status is one run of the index; the newest of each are merged.
		var merged []string
		var args []any
		for _, st := range statuses {
			_, err := c.first("SELECT count(*) FROM webhook_deliveries WHERE webhook_seq = ? AND status = ?", []any{w.seq, st},
				func(r row) error { count += r.int(0); return nil })
			if err != nil {
				return err
			}
			merged = append(merged, `SELECT * FROM (SELECT seq FROM webhook_deliveries WHERE webhook_seq = ? AND status = ? ORDER BY seq DESC LIMIT ?)`)
			args = append(args, w.seq, st, limit+q.Offset)
		}
		if len(merged) == 0 {
			return nil
		}
		return c.query("SELECT "+deliveryColumns+" FROM ("+strings.Join(merged, " UNION ALL ")+` ORDER BY seq DESC LIMIT ? OFFSET ?) found
			CROSS JOIN webhook_deliveries d ON d.seq = found.seq`, append(args, limit, q.Offset), func(r row) error {
			page = append(page, scanDelivery(r, id))
			return nil
		})
	})
	return page, count, err
}

// Delivery implements store.Webhooks.
func (s *Store) Delivery(ctx context.Context, org steward.OrganizationID, webhook steward.WebhookID, id steward.DeliveryID) (
	d *steward.Delivery, err error,
) {
	err = s.snapshot(ctx, "read delivery", func(c *conn) error {
		w, err := c.webhook(org, webhook)
		if err != nil {
			return err
		}
		d, err = c.delivery(w, id)
		return err
	})
	return d, err
}

// delivery reads one delivery of a webhook.
func (c *conn) delivery(w *webhookRow, id steward.DeliveryID) (d *steward.Delivery, err error) {
	found, err := c.first("SELECT "+deliveryColumns+" FROM webhook_deliveries d WHERE d.id = ? AND d.webhook_seq = ?", []any{string(id), w.seq},
		func(r row) error {
			read := scanDelivery(r, w.ID)
			d = &read
			return nil
		})
	if err == nil && !found {
		err = storerow.NotFound("Delivery")
	}
	return d, err
}

// ReplayDelivery implements store.Webhooks.
func (s *Store) ReplayDelivery(ctx context.Context, org steward.OrganizationID, webhook steward.WebhookID, id steward.DeliveryID, at time.Time) (
	d *steward.Delivery, err error,
) {
	err = s.write(ctx, "replay delivery", func(t *tx) error {
		w, err := t.webhook(org, webhook)
		if err != nil {
			return err
		}
		if _, err := t.delivery(w, id); err != nil {
			return err
		}
		if !w.IsActive {
			return storerow.WebhookInactive()
		}
		_, err = t.change(`UPDATE webhook_deliveries SET status = 0, due_at = ?, attempts = 0, ended_at = 0, fence = fence + 1 WHERE id = ?`, at, string(id))
		if err != nil {
			return err
		}
		d, err = t.delivery(w, id)
		return err
	})
	return d, err
}

// ResendJob implements store.Webhooks.
func (s *Store) ResendJob(ctx context.Context, org steward.OrganizationID, job steward.JobID, webhook steward.WebhookID, at time.Time) (n int, err error) {
	err = s.write(ctx, "resend webhooks", func(t *tx) error {
		var agent steward.AgentID
		var status steward.Status
		found, err := t.first("SELECT agent_id, status FROM jobs WHERE id = ? AND organization_id = ?", []any{job, org}, func(r row) error {
			agent, status = steward.AgentID(r.text(0)), steward.Status(r.int(1))
			return nil
		})
		switch {
		case err != nil:
			return err
		case !found:
			return storerow.NotFound("Job")
		case !status.Terminal():
			return storerow.JobNotEnded()
		}
		only := int64(0) // numbers of rows begin with 1
		if webhook != "" {
			w, err := t.webhook(org, webhook)
			if err != nil {
				return err
			}
			only = w.seq
		}
		us := storerow.Micros(at)
		added, err := t.change(`INSERT INTO webhook_deliveries (id, webhook_seq, agent_id, job_id, due_at, created_at)
			SELECT `+newDeliveryID+`, w.seq, l.agent_id, ?, ?, ?
			FROM webhook_agents l CROSS JOIN webhooks w ON w.seq = l.webhook_seq
			WHERE l.agent_id = ? AND w.is_active AND w.on_job AND ? IN (0, w.seq)`, us, us, job, us, us, agent, only)
		n = int(added)
		return err
	})
	return n, err
}

// DueWebhooks implements store.Webhooks. It jumps from webhook to webhook over the index of what is pending.
func (s *Store) DueWebhooks(ctx context.Context, now time.Time) ([]store.DueWebhook, error) {
	due := []store.DueWebhook{}
	err := s.read(ctx, "look for due deliveries", func(c *conn) error {
		return c.query(`WITH RECURSIVE pending (seq) AS (
				SELECT min(webhook_seq) FROM webhook_deliveries WHERE status = 0
				UNION ALL
				SELECT (SELECT min(webhook_seq) FROM webhook_deliveries WHERE status = 0 AND webhook_seq > pending.seq)
				FROM pending WHERE pending.seq IS NOT NULL)
			SELECT w.id, w.failure_count, w.failed_at FROM pending CROSS JOIN webhooks w ON w.seq = pending.seq
			WHERE w.is_active AND EXISTS (
				SELECT 1 FROM webhook_deliveries d WHERE d.webhook_seq = w.seq AND d.status = 0 AND d.due_at <= ?)
			LIMIT 10000`, []any{now}, func(r row) error {
			due = append(due, store.DueWebhook{ID: steward.WebhookID(r.text(0)), FailureCount: int(r.int(1)), FailedAt: r.time(2)})
			return nil
		})
	})
	return due, err
}

// ClaimDeliveries implements store.Webhooks.
func (s *Store) ClaimDeliveries(ctx context.Context, now, until time.Time, takes []store.DeliveryTake) ([]store.ClaimedDelivery, error) {
	if !until.After(now) {
		return nil, storerow.OutOfRange("until", "until must be after now.")
	}
	var claimed []store.ClaimedDelivery
	err := s.write(ctx, "claim deliveries", func(t *tx) error {
		claimed = []store.ClaimedDelivery{}
		for _, take := range takes {
			w, err := t.activeWebhook(take.Webhook)
			if err != nil {
				return err
			}
			if w == nil {
				continue
			}
			first := len(claimed)
			if claimed, err = t.due(claimed, w, now, take.Max); err != nil {
				return err
			}
			for i := first; i < len(claimed); i++ {
				claimed[i].Fence++
				_, err := t.change("UPDATE webhook_deliveries SET due_at = ?, fence = ? WHERE id = ?", until, claimed[i].Fence, string(claimed[i].ID))
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// activeWebhook reads a webhook of any organization; nil when it is gone or inactive.
func (c *conn) activeWebhook(id steward.WebhookID) (w *webhookRow, err error) {
	_, err = c.first("SELECT "+webhookColumns+" FROM webhooks w WHERE w.id = ? AND w.is_active", []any{string(id)},
		func(r row) (err error) { w, err = scanWebhook(r); return err })
	return w, err
}

// due appends what of a webhook is due to list.
func (c *conn) due(list []store.ClaimedDelivery, w *webhookRow, now time.Time, limit int) ([]store.ClaimedDelivery, error) {
	err := c.query("SELECT "+deliveryColumns+`, d.fence, a.name
		FROM webhook_deliveries d LEFT JOIN agents a ON a.id = d.agent_id
		WHERE d.webhook_seq = ? AND d.status = 0 AND d.due_at <= ? ORDER BY d.due_at LIMIT ?`, []any{w.seq, now, limit}, func(r row) error {
		list = append(list, store.ClaimedDelivery{
			Delivery: scanDelivery(r, w.ID), Fence: r.int(14), OrganizationID: w.OrganizationID, AgentName: r.text(15), Webhook: &w.WebhookRecord,
		})
		return nil
	})
	return list, err
}

// RecordDeliveries implements store.Webhooks.
func (s *Store) RecordDeliveries(ctx context.Context, results []store.DeliveryResult, rule store.DisableRule) ([]steward.WebhookID, error) {
	if len(results) > 1000 {
		return nil, storerow.OutOfRange("results", "At most 1000 results are recorded at once.")
	}
	var disabled []steward.WebhookID
	err := s.write(ctx, "record deliveries", func(t *tx) error {
		disabled = nil
		stored := make([]bool, len(results))
		for i := range results {
			n, err := t.record(&results[i])
			if err != nil {
				return err
			}
			stored[i] = n > 0
		}
		for _, tally := range storerow.Tallies(results, func(i int) bool { return stored[i] }) {
			turned, err := t.tally(tally, rule)
			if err != nil {
				return err
			}
			if turned {
				disabled = append(disabled, tally.Webhook)
			}
		}
		return nil
	})
	return disabled, err
}

// record stores one result. It answers 0 when the claim is outdated.
func (t *tx) record(r *store.DeliveryResult) (int64, error) {
	const holds = " WHERE id = ? AND fence = ? AND status = 0"
	switch r.Verdict {
	case store.DeliveryReleased:
		return t.change("UPDATE webhook_deliveries SET due_at = ?, fence = fence + 1"+holds, r.NextAt, string(r.ID), r.Fence)
	case store.DeliveryDropped:
		return t.change("DELETE FROM webhook_deliveries"+holds, string(r.ID), r.Fence)
	case store.DeliveryDone, store.DeliveryRetry, store.DeliveryGivenUp:
	default:
		return 0, fmt.Errorf("unknown verdict %d", r.Verdict)
	}
	status, due, ended := storerow.RowPending, r.NextAt, time.Time{}
	if r.Verdict != store.DeliveryRetry {
		status, due, ended = storerow.RowDelivered, r.At, r.At
	}
	if r.Verdict == store.DeliveryGivenUp {
		status = storerow.RowFailed
	}
	return t.change(`UPDATE webhook_deliveries SET status = ?, due_at = ?, ended_at = ?, fence = fence + 1, attempts = attempts + 1, attempted_at = ?,
			duration_ms = ?, response_status = ?, response_body = ?, error = ?`+holds,
		status, due, ended, r.StartedAt, r.Duration.Milliseconds(), r.Response, r.Body, r.Error, string(r.ID), r.Fence)
}

// tally brings a webhook's count of failures up to date and reports whether it turned inactive.
func (t *tx) tally(sum storerow.Tally, rule store.DisableRule) (bool, error) {
	id := string(sum.Webhook)
	if sum.Reset {
		if _, err := t.change("UPDATE webhooks SET failure_count = 0, failed_at = 0 WHERE id = ? AND failure_count > 0", id); err != nil {
			return false, err
		}
	}
	if sum.Failures > 0 {
		_, err := t.change("UPDATE webhooks SET failure_count = failure_count + ?, failed_at = ? WHERE id = ?", sum.Failures, sum.FailedAt, id)
		if err != nil {
			return false, err
		}
	}
	if sum.Disable != "" {
		n, err := t.change("UPDATE webhooks SET is_active = 0, disabled_reason = ? WHERE id = ? AND is_active", sum.Disable, id)
		return n > 0, err
	}
	if sum.Failures == 0 || rule.Failures == 0 {
		return false, nil
	}
	n, err := t.change("UPDATE webhooks SET is_active = 0, disabled_reason = ? WHERE id = ? AND is_active AND failure_count >= ?",
		rule.Reason, id, rule.Failures)
	return n > 0, err
}

// SweepDeliveries implements store.Webhooks.
func (s *Store) SweepDeliveries(ctx context.Context, sweep store.DeliverySweep) (int, error) {
	if err := storerow.CheckSweep(sweep); err != nil {
		return 0, err
	}
	var total int64
	err := s.write(ctx, "sweep deliveries", func(t *tx) error {
		total = 0
		for _, kind := range []struct {
			query string
			args  []any
		}{
			{`DELETE FROM webhook_deliveries WHERE seq IN (
				SELECT seq FROM webhook_deliveries WHERE status = 1 AND ended_at < ? ORDER BY ended_at LIMIT ?)`,
				[]any{sweep.DeliveredBefore, sweep.Limit}},
			{`DELETE FROM webhook_deliveries WHERE seq IN (
				SELECT seq FROM webhook_deliveries WHERE status = 2 AND ended_at < ? ORDER BY ended_at LIMIT ?)`,
				[]any{sweep.FailedBefore, sweep.Limit}},
			{`DELETE FROM webhook_deliveries WHERE seq IN (
				SELECT d.seq FROM webhooks w INDEXED BY webhooks_inactive CROSS JOIN webhook_deliveries d
					ON d.webhook_seq = w.seq AND d.status = 0 AND d.due_at < ?
				WHERE w.is_active = 0 LIMIT ?)`,
				[]any{sweep.PausedBefore, sweep.Limit}},
			{`DELETE FROM webhook_deliveries WHERE seq IN (
				SELECT d.seq FROM deleted_webhooks CROSS JOIN webhook_deliveries d INDEXED BY webhook_deliveries_listed
					ON d.webhook_seq = deleted_webhooks.seq LIMIT ?)`, []any{sweep.Limit}},
		} {
			n, err := t.change(kind.query, kind.args...)
			if err != nil {
				return err
			}
			total += n
		}
		_, err := t.change(`DELETE FROM deleted_webhooks
			WHERE NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_seq = deleted_webhooks.seq)`)
		return err
	})
	return int(total), err
}

package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// webhookColumns are those of webhooks w, in the order of webhookRow.into.
const webhookColumns = `w.id, w.organization_id, w.name, w.url, w.on_job, w.on_batch, w.is_active, w.alerts, w.include_inputs,
    w.notify_cached, w.failure_count, w.failed_at, w.disabled_reason, w.created_at, w.updated_at, w.secret, w.old_secret,
    w.old_secret_until, w.headers`

// webhookRow is where webhookColumns are scanned into.
type webhookRow struct {
	record          store.WebhookRecord
	id, org         uid
	onJob, onBatch  bool
	alerts          string
	failedAt, until pgtype.Timestamptz
	reason          string
}

func (r *webhookRow) into() []any {
	w := &r.record
	return []any{
		&r.id, &r.org, &w.Name, &w.URL, &r.onJob, &r.onBatch, &w.IsActive, &r.alerts, &w.IncludeInputs,
		&w.NotifyCached, &w.FailureCount, &r.failedAt, &r.reason, &w.CreatedAt, &w.UpdatedAt, &w.SealedSecret, &w.SealedOldSecret,
		&r.until, &w.SealedHeaders,
	}
}

// decode returns the webhook without its links.
func (r *webhookRow) decode() (*store.WebhookRecord, error) {
	w := &r.record
	w.ID, w.OrganizationID = fromUID[steward.WebhookID](r.id), fromUID[steward.OrganizationID](r.org)
	w.Events = storerow.WebhookEvents(r.onJob, r.onBatch)
	w.FailedAt, w.OldSecretUntil = fromStamp(r.failedAt), fromStamp(r.until)
	w.DisabledReason, w.HasSecret, w.AgentIDs = storerow.Optional(r.reason), true, []steward.AgentID{}
	var err error
	w.Alerts, err = storerow.ParseList[string](r.alerts)
	return w, err
}

func scanWebhook(row pgx.Row) (*store.WebhookRecord, error) {
	var r webhookRow
	if err := row.Scan(r.into()...); err != nil {
		return nil, err
	}
	return r.decode()
}

// rower is a pool or a transaction that reads.
type rower interface {
	querier
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// readWebhook reads a webhook of an organization without its links. lock is "" or a locking clause.
func readWebhook(ctx context.Context, db rower, org steward.OrganizationID, id steward.WebhookID, lock string) (*store.WebhookRecord, error) {
	orgID, okOrg := toUID(org)
	webhookID, okWebhook := toUID(id)
	if !okOrg || !okWebhook {
		return nil, storerow.NotFound("Webhook")
	}
	w, err := scanWebhook(db.QueryRow(ctx, "select "+webhookColumns+" from webhooks w where w.id = $1 and (w.organization_id = $2) is true "+lock,
		webhookID, orgID))
	return w, notFound("Webhook", err)
}

// readLinks fills in the agents of webhooks.
func readLinks(ctx context.Context, db querier, list []*store.WebhookRecord) error {
	ids := make([]uid, len(list))
	by := make(map[uid]*store.WebhookRecord, len(list))
	for i, w := range list {
		ids[i], _ = toUID(w.ID) // it was read from the database
		by[ids[i]] = w
	}
	rows, err := db.Query(ctx, "select webhook_id, agent_id from webhook_agents where webhook_id = any ($1) order by webhook_id, agent_id", ids)
	if err != nil {
		return err
	}
	var webhook, agent uid
	_, err = pgx.ForEachRow(rows, []any{&webhook, &agent}, func() error {
		by[webhook].AgentIDs = append(by[webhook].AgentIDs, fromUID[steward.AgentID](agent))
		return nil
	})
	return err
}

// CreateWebhook implements store.Webhooks. Creations of one organization take turns, so that the limit is kept.
func (s *Store) CreateWebhook(ctx context.Context, w store.WebhookRecord, limit int) error {
	id, err := storeUID("id", w.ID)
	if err != nil {
		return err
	}
	org, err := storeUID("organization_id", w.OrganizationID)
	if err != nil {
		return err
	}
	alerts, err := encodeWebhook(&w)
	if err != nil {
		return err
	}
	onJob, onBatch := storerow.EventColumns(w.Events)
	return s.inTx(ctx, "create webhook", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtextextended('webhooks of ' || $1::uuid, 0))", org); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, "select count(*) from webhooks where organization_id = $1", org).Scan(&n); err != nil {
			return err
		}
		if n >= limit {
			return storerow.Conflict("", fmt.Sprintf("An organization can have %d webhooks.", limit))
		}
		_, err := tx.Exec(ctx, `
insert into webhooks (id, organization_id, name, url, on_job, on_batch, is_active, alerts, include_inputs, notify_cached, failure_count,
    failed_at, disabled_reason, created_at, updated_at, secret, old_secret, old_secret_until, headers)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
			id, org, w.Name, w.URL, onJob, onBatch, w.IsActive, alerts, w.IncludeInputs, w.NotifyCached, w.FailureCount,
			stamp(w.FailedAt), storerow.Text(w.DisabledReason), stamp(w.CreatedAt), stamp(w.UpdatedAt), w.SealedSecret, w.SealedOldSecret,
			stamp(w.OldSecretUntil), w.SealedHeaders)
		if isUnique(err) {
			return storerow.Conflict("id", "There is a webhook of this id already.")
		}
		return err
	})
}

// encodeWebhook checks what is text and encodes the alerts. Errors: Invalid.
func encodeWebhook(w *store.WebhookRecord) (alerts string, err error) {
	raw, err := json.Marshal(w.Alerts)
	if err != nil {
		return "", fmt.Errorf("encode alerts: %w", err)
	}
	return string(raw), storable("name", w.Name, "url", w.URL, "alerts", string(raw), "disabled_reason", storerow.Text(w.DisabledReason))
}

// Webhook implements store.Webhooks.
func (s *Store) Webhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID) (*store.WebhookRecord, error) {
	w, err := readWebhook(ctx, s.pool, org, id, "")
	if err == nil {
		err = readLinks(ctx, s.pool, []*store.WebhookRecord{w})
	}
	if err != nil {
		return nil, translate("read webhook", err)
	}
	return w, nil
}

// ListWebhooks implements store.Webhooks.
func (s *Store) ListWebhooks(ctx context.Context, org steward.OrganizationID, limit, offset int) (page []store.WebhookRecord, count int64, err error) {
	if limit, err = storerow.Limit(limit, offset); err != nil {
		return nil, 0, err
	}
	page = []store.WebhookRecord{}
	orgID, ok := toUID(org)
	if !ok {
		return page, 0, nil
	}
	var list []*store.WebhookRecord
	batch := &pgx.Batch{}
	batch.Queue("select count(*) from webhooks where organization_id = $1", orgID).QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	batch.Queue("select "+webhookColumns+` from webhooks w where w.organization_id = $1 order by w.created_at desc, w.id desc limit $2 offset $3`,
		orgID, limit, offset).Query(func(rows pgx.Rows) (err error) {
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*store.WebhookRecord, error) { return scanWebhook(row) })
		return err
	})
	if err := s.snapshot(ctx, "list webhooks", batch); err != nil {
		return nil, 0, err
	}
	if err := readLinks(ctx, s.pool, list); err != nil {
		return nil, 0, translate("list webhooks", err)
	}
	for _, w := range list {
		page = append(page, *w)
	}
	return page, count, nil
}

// UpdateWebhook implements store.Webhooks.
func (s *Store) UpdateWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID,
	change func(w *store.WebhookRecord) error,
) (w *store.WebhookRecord, err error) {
	err = s.inTx(ctx, "update webhook", func(tx pgx.Tx) (err error) {
		if w, err = readWebhook(ctx, tx, org, id, "for no key update"); err != nil {
			return err
		}
		if err := readLinks(ctx, tx, []*store.WebhookRecord{w}); err != nil {
			return err
		}
		if err := change(w); err != nil {
			return err
		}
		alerts, err := encodeWebhook(w)
		if err != nil {
			return err
		}
		onJob, onBatch := storerow.EventColumns(w.Events)
		rowID, _ := toUID(id) // the row was found by it
		_, err = tx.Exec(ctx, `
update webhooks set name = $2, url = $3, on_job = $4, on_batch = $5, is_active = $6, alerts = $7, include_inputs = $8, notify_cached = $9,
    failure_count = $10, failed_at = $11, disabled_reason = $12, updated_at = $13, secret = $14, old_secret = $15, old_secret_until = $16,
    headers = $17
where id = $1`,
			rowID, w.Name, w.URL, onJob, onBatch, w.IsActive, alerts, w.IncludeInputs, w.NotifyCached,
			w.FailureCount, stamp(w.FailedAt), storerow.Text(w.DisabledReason), stamp(w.UpdatedAt), w.SealedSecret, w.SealedOldSecret,
			stamp(w.OldSecretUntil), w.SealedHeaders)
		return err
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// DeleteWebhook implements store.Webhooks. The deliveries are swept later: there may be very many.
func (s *Store) DeleteWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID) error {
	return s.inTx(ctx, "delete webhook", func(tx pgx.Tx) error {
		if _, err := readWebhook(ctx, tx, org, id, "for update"); err != nil {
			return err
		}
		rowID, _ := toUID(id) // the row was found by it
		for _, statement := range []string{
			"delete from webhook_agents where webhook_id = $1",
			"delete from webhooks where id = $1",
			"insert into deleted_webhooks (id) values ($1)",
		} {
			if _, err := tx.Exec(ctx, statement, rowID); err != nil {
				return err
			}
		}
		return nil
	})
}

// LinkWebhook implements store.Webhooks.
func (s *Store) LinkWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, agents []steward.AgentID, at time.Time, limit int) error {
	agentIDs := make([]uid, len(agents))
	for i, a := range agents {
		var ok bool
		if agentIDs[i], ok = toUID(a); !ok {
			return storerow.UnknownAgent()
		}
	}
	return s.inTx(ctx, "link webhook", func(tx pgx.Tx) error {
		if _, err := readWebhook(ctx, tx, org, id, "for no key update"); err != nil {
			return err
		}
		orgID, _ := toUID(org) // the row was found by them
		rowID, _ := toUID(id)
		var missing bool
		err := tx.QueryRow(ctx, `select exists (select from unnest($1::uuid[]) g (id) where not exists (
			select from agents a where a.id = g.id and (a.organization_id = $2) is true and a.deleted_at is null))`, agentIDs, orgID).Scan(&missing)
		if err != nil {
			return err
		}
		if missing {
			return storerow.UnknownAgent()
		}
		_, err = tx.Exec(ctx, `insert into webhook_agents (agent_id, webhook_id, linked_at) select g.id, $2, $3 from unnest($1::uuid[]) g (id)
			on conflict do nothing`, agentIDs, rowID, stamp(at))
		if err != nil {
			return err
		}
		n, err := countLinks(ctx, tx, rowID)
		if err == nil && n > int64(limit) {
			err = storerow.Conflict("agent_ids", fmt.Sprintf("A webhook can be linked to %d agents.", limit))
		}
		return err
	})
}

func countLinks(ctx context.Context, db rower, webhook uid) (n int64, err error) {
	err = db.QueryRow(ctx, "select count(*) from webhook_agents where webhook_id = $1", webhook).Scan(&n)
	return n, err
}

// UnlinkWebhook implements store.Webhooks.
func (s *Store) UnlinkWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, agent steward.AgentID) error {
	return s.inTx(ctx, "unlink webhook", func(tx pgx.Tx) error {
		if _, err := readWebhook(ctx, tx, org, id, ""); err != nil {
			return err
		}
		agentID, ok := toUID(agent)
		if !ok {
			return storerow.NotFound("Link")
		}
		rowID, _ := toUID(id) // the row was found by it
		tag, err := tx.Exec(ctx, "delete from webhook_agents where agent_id = $1 and webhook_id = $2", agentID, rowID)
		if err == nil && tag.RowsAffected() == 0 {
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
	if _, err := readWebhook(ctx, s.pool, org, id, ""); err != nil {
		return nil, 0, translate("list webhook's agents", err)
	}
	rowID, _ := toUID(id) // the row was found by it
	page = []steward.WebhookAgent{}
	batch := &pgx.Batch{}
	batch.Queue("select count(*) from webhook_agents where webhook_id = $1", rowID).QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	batch.Queue(`select a.id, a.name, l.linked_at from webhook_agents l join agents a on a.id = l.agent_id
		where l.webhook_id = $1 order by a.name, a.id limit $2 offset $3`, rowID, limit, offset).Query(func(rows pgx.Rows) error {
		var agent uid
		var one steward.WebhookAgent
		_, err := pgx.ForEachRow(rows, []any{&agent, &one.Name, &one.LinkedAt}, func() error {
			one.ID, one.LinkedAt = fromUID[steward.AgentID](agent), one.LinkedAt.UTC()
			page = append(page, one)
			return nil
		})
		return err
	})
	return page, count, s.snapshot(ctx, "list webhook's agents", batch)
}

// SecretProof implements store.Webhooks.
func (s *Store) SecretProof(ctx context.Context) (sealed []byte, err error) {
	err = s.pool.QueryRow(ctx, "select (select sealed from secret_proof where id = 1)").Scan(&sealed)
	return sealed, translate("read proof of the secret key", err)
}

// KeepSecretProof implements store.Webhooks.
func (s *Store) KeepSecretProof(ctx context.Context, sealed []byte) (kept []byte, err error) {
	err = s.inTx(ctx, "keep proof of the secret key", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "insert into secret_proof (id, sealed) values (1, $1) on conflict do nothing", sealed); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "select sealed from secret_proof where id = 1").Scan(&kept)
	})
	return kept, err
}

package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// deliveryColumns are those of deliveries d, in the order of deliveryRow.into.
const deliveryColumns = `d.id, d.agent_id, d.job_id, d.batch_id, d.status, d.attempts, d.created_at, d.due_at, d.attempted_at, d.ended_at,
    d.response_status, d.duration_ms, d.response_body, d.error`

// deliveryRow is where deliveryColumns are scanned into.
type deliveryRow struct {
	storerow.Delivery
	id, agent, job, batch          uid
	created, due, attempted, ended pgtype.Timestamptz
}

func (r *deliveryRow) into() []any {
	return []any{
		&r.id, &r.agent, &r.job, &r.batch, &r.Status, &r.Attempts, &r.created, &r.due, &r.attempted, &r.ended,
		&r.ResponseStatus, &r.DurationMS, &r.ResponseBody, &r.Error,
	}
}

func (r *deliveryRow) decode(webhook steward.WebhookID) steward.Delivery {
	d := r.Delivery
	d.ID, d.Webhook, d.Agent = fromUID[string](r.id), string(webhook), fromUID[string](r.agent)
	d.Job, d.Batch = fromUID[string](r.job), fromUID[string](r.batch)
	d.CreatedAt, d.DueAt, d.AttemptedAt, d.EndedAt = micros(r.created), micros(r.due), micros(r.attempted), micros(r.ended)
	return d.Decode()
}

// countDeliveriesSQL counts a webhook's deliveries of some statuses.
const countDeliveriesSQL = `select coalesce(sum(n), 0)::bigint from unnest($2::smallint[]) st (status) cross join lateral (
    select count(*) as n from webhook_deliveries d where d.status = st.status and d.webhook_id = $1) counted`

// listDeliveriesSQL reads a page of them. Each status is one run of the index; the newest of each are merged.
const listDeliveriesSQL = `select ` + deliveryColumns + ` from (
        select found.seq from unnest($2::smallint[]) st (status) cross join lateral (
            select d.seq from webhook_deliveries d where d.status = st.status and d.webhook_id = $1 order by d.seq desc limit $3) found
        order by found.seq desc limit $4 offset $5) page
    join webhook_deliveries d on d.seq = page.seq order by d.seq desc`

// ListDeliveries implements store.Webhooks.
func (s *Store) ListDeliveries(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, q store.DeliveryQuery) (
	page []steward.Delivery, count int64, err error,
) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	if _, err := readWebhook(ctx, s.pool, org, id, ""); err != nil {
		return nil, 0, translate("list deliveries", err)
	}
	webhook, _ := toUID(id) // the row was found by it
	statuses := storerow.DeliveryRows(q.Status)
	page = []steward.Delivery{}
	batch := &pgx.Batch{}
	batch.Queue(countDeliveriesSQL, webhook, statuses).QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	batch.Queue(listDeliveriesSQL, webhook, statuses, limit+q.Offset, limit, q.Offset).
		Query(func(rows pgx.Rows) error {
			var r deliveryRow
			_, err := pgx.ForEachRow(rows, r.into(), func() error { page = append(page, r.decode(id)); return nil })
			return err
		})
	return page, count, s.snapshot(ctx, "list deliveries", batch)
}

// Delivery implements store.Webhooks.
func (s *Store) Delivery(ctx context.Context, org steward.OrganizationID, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error) {
	if _, err := readWebhook(ctx, s.pool, org, webhook, ""); err != nil {
		return nil, translate("read delivery", err)
	}
	d, err := readDelivery(ctx, s.pool, webhook, id)
	if err != nil {
		return nil, translate("read delivery", err)
	}
	return d, nil
}

// readDelivery reads one delivery of a webhook that is known to be there.
func readDelivery(ctx context.Context, db rower, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error) {
	webhookID, okWebhook := toUID(webhook)
	deliveryID, okDelivery := toUID(id)
	if !okWebhook || !okDelivery {
		return nil, storerow.NotFound("Delivery")
	}
	var r deliveryRow
	err := db.QueryRow(ctx, "select "+deliveryColumns+" from webhook_deliveries d where d.id = $1 and (d.webhook_id = $2) is true", deliveryID, webhookID).
		Scan(r.into()...)
	if err != nil {
		return nil, notFound("Delivery", err)
	}
	d := r.decode(webhook)
	return &d, nil
}

// ReplayDelivery implements store.Webhooks.
func (s *Store) ReplayDelivery(ctx context.Context, org steward.OrganizationID, webhook steward.WebhookID, id steward.DeliveryID, at time.Time) (
	d *steward.Delivery, err error,
) {
	err = s.inTx(ctx, "replay delivery", func(tx pgx.Tx) error {
		w, err := readWebhook(ctx, tx, org, webhook, "")
		if err != nil {
			return err
		}
		if _, err := readDelivery(ctx, tx, webhook, id); err != nil {
			return err
		}
		if !w.IsActive {
			return storerow.WebhookInactive()
		}
		deliveryID, _ := toUID(id) // the row was found by it
		_, err = tx.Exec(ctx, `update webhook_deliveries set status = 0, due_at = $2, attempts = 0, ended_at = null, fence = fence + 1 where id = $1`,
			deliveryID, stamp(at))
		if err != nil {
			return err
		}
		d, err = readDelivery(ctx, tx, webhook, id)
		return err
	})
	return d, err
}

// resendSQL stores deliveries about a job for the webhooks of its agent, or for one of them.
const resendSQL = `
insert into webhook_deliveries (id, webhook_id, agent_id, job_id, due_at, created_at)
select new_id($3), w.id, l.agent_id, $1, $3, $3
from webhook_agents l join webhooks w on w.id = l.webhook_id
where l.agent_id = $2 and w.is_active and w.on_job and ($4::uuid is null or w.id = $4)`

// ResendJob implements store.Webhooks.
func (s *Store) ResendJob(ctx context.Context, org steward.OrganizationID, job steward.JobID, webhook steward.WebhookID, at time.Time) (n int, err error) {
	orgID, okOrg := toUID(org)
	jobID, okJob := toUID(job)
	if !okOrg || !okJob {
		return 0, storerow.NotFound("Job")
	}
	err = s.inTx(ctx, "resend webhooks", func(tx pgx.Tx) error {
		var agent, only uid
		var status int
		err := tx.QueryRow(ctx, "select agent_id, status from jobs where id = $1 and (organization_id = $2) is true", jobID, orgID).Scan(&agent, &status)
		if err != nil {
			return notFound("Job", err)
		}
		if !steward.Status(status).Terminal() {
			return storerow.JobNotEnded()
		}
		if webhook != "" {
			if _, err := readWebhook(ctx, tx, org, webhook, ""); err != nil {
				return err
			}
			only, _ = toUID(webhook) // the row was found by it
		}
		tag, err := tx.Exec(ctx, resendSQL, jobID, agent, stamp(at), only)
		n = int(tag.RowsAffected())
		return err
	})
	return n, err
}

// dueWebhooksSQL hops from webhook to webhook over the index of what is pending.
const dueWebhooksSQL = `
with recursive hop as (
    (select d.webhook_id from webhook_deliveries d where d.status = 0 order by d.webhook_id, d.due_at limit 1)
    union all
    select next.webhook_id from hop cross join lateral (
        select d.webhook_id from webhook_deliveries d where d.status = 0 and d.webhook_id > hop.webhook_id order by d.webhook_id, d.due_at limit 1) next
)
select w.id, w.failure_count, w.failed_at from hop join webhooks w on w.id = hop.webhook_id
where w.is_active and exists (select from webhook_deliveries d where d.status = 0 and d.webhook_id = hop.webhook_id and d.due_at <= $1)
limit 10000`

// DueWebhooks implements store.Webhooks.
func (s *Store) DueWebhooks(ctx context.Context, now time.Time) ([]store.DueWebhook, error) {
	rows, err := s.pool.Query(ctx, dueWebhooksSQL, stamp(now))
	if err != nil {
		return nil, translate("look for due deliveries", err)
	}
	due := []store.DueWebhook{}
	var id uid
	var failures int
	var failedAt pgtype.Timestamptz
	_, err = pgx.ForEachRow(rows, []any{&id, &failures, &failedAt}, func() error {
		due = append(due, store.DueWebhook{ID: fromUID[steward.WebhookID](id), FailureCount: failures, FailedAt: fromStamp(failedAt)})
		return nil
	})
	return due, translate("look for due deliveries", err)
}

// claimDeliveriesSQL takes what is due of each of the webhooks $1, at most $2 of each, leaving out what another process is taking.
const claimDeliveriesSQL = `
with taken as materialized (
    select found.seq from unnest($1::uuid[], $2::integer[]) as g (webhook, most) cross join lateral (
        select d.seq from webhook_deliveries d where d.status = 0 and d.webhook_id = g.webhook and d.due_at <= $3
        order by d.due_at limit g.most for no key update skip locked) found
)
update webhook_deliveries d set due_at = $4, fence = d.fence + 1 from taken where d.seq = taken.seq
returning ` + deliveryColumns + `, d.fence, d.webhook_id, (select a.name from agents a where a.id = d.agent_id)`

// ClaimDeliveries implements store.Webhooks.
func (s *Store) ClaimDeliveries(ctx context.Context, now, until time.Time, takes []store.DeliveryTake) (claimed []store.ClaimedDelivery, err error) {
	if !until.After(now) {
		return nil, storerow.OutOfRange("until", "until must be after now.")
	}
	err = s.inTx(ctx, "claim deliveries", func(tx pgx.Tx) error {
		claimed = []store.ClaimedDelivery{}
		hooks, ids, most, err := activeWebhooks(ctx, tx, takes)
		if err != nil || len(ids) == 0 {
			return err
		}
		rows, err := tx.Query(ctx, claimDeliveriesSQL, ids, most, stamp(now), stamp(until))
		if err != nil {
			return err
		}
		var r deliveryRow
		var fence int64
		var webhook uid
		var name pgtype.Text
		_, err = pgx.ForEachRow(rows, append(r.into(), &fence, &webhook, &name), func() error {
			w := hooks[webhook]
			claimed = append(claimed, store.ClaimedDelivery{
				Delivery: r.decode(w.ID), Fence: fence, OrganizationID: w.OrganizationID, AgentName: name.String, Webhook: w,
			})
			return nil
		})
		slices.SortFunc(claimed, func(a, b store.ClaimedDelivery) int { return a.CreatedAt.Compare(b.CreatedAt) })
		return err
	})
	return claimed, err
}

// activeWebhooks reads the webhooks of takes that are there and active.
func activeWebhooks(ctx context.Context, tx pgx.Tx, takes []store.DeliveryTake) (hooks map[uid]*store.WebhookRecord, ids []uid, most []int, err error) {
	wanted := make([]uid, 0, len(takes))
	limits := map[uid]int{}
	for _, take := range takes {
		if id, ok := toUID(take.Webhook); ok {
			wanted = append(wanted, id)
			limits[id] = take.Max
		}
	}
	rows, err := tx.Query(ctx, "select "+webhookColumns+" from webhooks w where w.id = any ($1) and w.is_active", wanted)
	if err != nil {
		return nil, nil, nil, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*store.WebhookRecord, error) { return scanWebhook(row) })
	if err != nil {
		return nil, nil, nil, err
	}
	hooks = make(map[uid]*store.WebhookRecord, len(list))
	for _, w := range list {
		id, _ := toUID(w.ID) // it was read from the database
		hooks[id] = w
		ids, most = append(ids, id), append(most, limits[id])
	}
	return hooks, ids, most, nil
}

// recordDeliveriesSQL stores the results of attempts whose claims hold and answers their places in the arguments. Rows are locked in
// the order of their ids.
const recordDeliveriesSQL = `
with held as materialized (
    select g.* from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::bigint[],
        $8::integer[], $9::text[], $10::text[], $11::integer[]) with ordinality
        as g (delivery_id, delivery_fence, new_status, due, ended, started, took, response, body, problem, tries, ord)
    cross join lateral (
        select from webhook_deliveries where id = g.delivery_id and fence = g.delivery_fence and status = 0 for no key update) d)
update webhook_deliveries d set status = h.new_status, due_at = h.due, ended_at = h.ended, fence = d.fence + 1, attempts = d.attempts + h.tries,
    attempted_at = case when h.tries > 0 then h.started else d.attempted_at end,
    duration_ms = case when h.tries > 0 then h.took else d.duration_ms end,
    response_status = case when h.tries > 0 then h.response else d.response_status end,
    response_body = case when h.tries > 0 then h.body else d.response_body end,
    error = case when h.tries > 0 then h.problem else d.error end
from held h where d.id = h.delivery_id
returning h.ord`

// RecordDeliveries implements store.Webhooks.
func (s *Store) RecordDeliveries(ctx context.Context, results []store.DeliveryResult, rule store.DisableRule) (disabled []steward.WebhookID, err error) {
	if len(results) > 1000 {
		return nil, storerow.OutOfRange("results", "At most 1000 results are recorded at once.")
	}
	// In the order of ids: two processes may hold outdated claims of the same rows.
	results = slices.Clone(results)
	slices.SortStableFunc(results, func(a, b store.DeliveryResult) int {
		if a.ID != b.ID {
			if a.ID < b.ID {
				return -1
			}
			return 1
		}
		return 0
	})
	err = s.inTx(ctx, "record deliveries", func(tx pgx.Tx) error {
		disabled = nil
		stored := make([]bool, len(results))
		if err := recordResults(ctx, tx, results, stored); err != nil {
			return err
		}
		// Successes and failures count in the order in which they came.
		order := make([]int, len(results))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return results[a].At.Compare(results[b].At) })
		inTime := make([]store.DeliveryResult, len(results))
		for to, from := range order {
			inTime[to] = results[from]
		}
		for _, sum := range storerow.Tallies(inTime, func(i int) bool { return stored[order[i]] }) {
			turned, err := tally(ctx, tx, sum, rule)
			if err != nil {
				return err
			}
			if turned {
				disabled = append(disabled, sum.Webhook)
			}
		}
		return nil
	})
	return disabled, err
}

// resultArgs are the arguments of recordDeliveriesSQL.
type resultArgs struct {
	ids                    []uid
	fences                 []int64
	statuses               []int16
	due, ended, started    []pgtype.Timestamptz
	took                   []int64
	responses, tries, from []int
	bodies, problems       []string
}

func (a *resultArgs) add(i int, id uid, r *store.DeliveryResult) {
	status, due, ended, tries := storerow.RowPending, r.NextAt, time.Time{}, 1
	switch r.Verdict {
	case store.DeliveryDone:
		status, due, ended = storerow.RowDelivered, r.At, r.At
	case store.DeliveryGivenUp:
		status, due, ended = storerow.RowFailed, r.At, r.At
	case store.DeliveryReleased:
		tries = 0
	case store.DeliveryRetry, store.DeliveryDropped:
	}
	a.ids, a.fences, a.statuses = append(a.ids, id), append(a.fences, r.Fence), append(a.statuses, int16(status))
	a.due, a.ended, a.started = append(a.due, stamp(due)), append(a.ended, stamp(ended)), append(a.started, stamp(r.StartedAt))
	a.took, a.responses, a.tries = append(a.took, r.Duration.Milliseconds()), append(a.responses, r.Response), append(a.tries, tries)
	a.bodies, a.problems = append(a.bodies, r.Body), append(a.problems, r.Error)
	a.from = append(a.from, i)
}

// recordResults stores results, ordered by id, and notes in stored which of them counted.
func recordResults(ctx context.Context, tx pgx.Tx, results []store.DeliveryResult, stored []bool) error {
	var a resultArgs
	for i := range results {
		r := &results[i]
		id, ok := toUID(r.ID)
		if !ok {
			continue
		}
		if r.Verdict != store.DeliveryDropped {
			a.add(i, id, r)
			continue
		}
		tag, err := tx.Exec(ctx, "delete from webhook_deliveries where id = $1 and fence = $2 and status = 0", id, r.Fence)
		if err != nil {
			return err
		}
		stored[i] = tag.RowsAffected() > 0
	}
	rows, err := tx.Query(ctx, recordDeliveriesSQL, a.ids, a.fences, a.statuses, a.due, a.ended, a.started, a.took, a.responses, a.bodies, a.problems, a.tries)
	if err != nil {
		return err
	}
	var ord int
	_, err = pgx.ForEachRow(rows, []any{&ord}, func() error { stored[a.from[ord-1]] = true; return nil })
	return err
}

// tally brings a webhook's count of failures up to date and reports whether it turned inactive.
func tally(ctx context.Context, tx pgx.Tx, sum storerow.Tally, rule store.DisableRule) (bool, error) {
	id, ok := toUID(sum.Webhook)
	if !ok {
		return false, fmt.Errorf("webhook %q is no id", sum.Webhook)
	}
	if sum.Reset {
		if _, err := tx.Exec(ctx, "update webhooks set failure_count = 0, failed_at = null where id = $1 and failure_count > 0", id); err != nil {
			return false, err
		}
	}
	if sum.Failures > 0 {
		_, err := tx.Exec(ctx, "update webhooks set failure_count = failure_count + $2, failed_at = $3 where id = $1", id, sum.Failures, stamp(sum.FailedAt))
		if err != nil {
			return false, err
		}
	}
	if sum.Disable != "" {
		tag, err := tx.Exec(ctx, "update webhooks set is_active = false, disabled_reason = $2 where id = $1 and is_active", id, sum.Disable)
		return tag.RowsAffected() > 0, err
	}
	if sum.Failures == 0 || rule.Failures == 0 {
		return false, nil
	}
	tag, err := tx.Exec(ctx, "update webhooks set is_active = false, disabled_reason = $2 where id = $1 and is_active and failure_count >= $3",
		id, rule.Reason, rule.Failures)
	return tag.RowsAffected() > 0, err
}

// What SweepDeliveries runs: each deletes at most so many rows and leaves alone what another process is deleting.
const (
	sweepDeliveredSQL = `delete from webhook_deliveries where seq = any (array(
    select seq from webhook_deliveries where status = 1 and ended_at < $1 order by ended_at limit $2 for update skip locked))`
	sweepFailedSQL = `delete from webhook_deliveries where seq = any (array(
    select seq from webhook_deliveries where status = 2 and ended_at < $1 order by ended_at limit $2 for update skip locked))`
	sweepPausedSQL = `delete from webhook_deliveries where seq = any (array(
    select found.seq from webhooks w cross join lateral (
        select d.seq from webhook_deliveries d where d.status = 0 and d.webhook_id = w.id and d.due_at < $1
        order by d.due_at limit $2 for update skip locked) found
    where not w.is_active limit $2))`
	sweepDeletedSQL = `delete from webhook_deliveries where seq = any (array(
    select found.seq from deleted_webhooks w cross join unnest(array[0, 1, 2]::smallint[]) st (status) cross join lateral (
        select d.seq from webhook_deliveries d where d.status = st.status and d.webhook_id = w.id
        order by d.seq limit $1 for update skip locked) found
    limit $1))`
	forgetDeletedSQL = `delete from deleted_webhooks w where not exists (
    select from unnest(array[0, 1, 2]::smallint[]) st (status)
    where exists (select from webhook_deliveries d where d.status = st.status and d.webhook_id = w.id))`
)

// SweepDeliveries implements store.Webhooks.
func (s *Store) SweepDeliveries(ctx context.Context, sweep store.DeliverySweep) (total int, err error) {
	if err := storerow.CheckSweep(sweep); err != nil {
		return 0, err
	}
	for _, kind := range []struct {
		query string
		args  []any
	}{
		{sweepDeliveredSQL, []any{stamp(sweep.DeliveredBefore), sweep.Limit}},
		{sweepFailedSQL, []any{stamp(sweep.FailedBefore), sweep.Limit}},
		{sweepPausedSQL, []any{stamp(sweep.PausedBefore), sweep.Limit}},
		{sweepDeletedSQL, []any{sweep.Limit}},
	} {
		n, err := s.change(ctx, "sweep deliveries", kind.query, kind.args...)
		if err != nil {
			return total, translate("sweep deliveries", err)
		}
		total += int(n)
	}
	_, err = s.change(ctx, "forget deleted webhooks", forgetDeletedSQL)
	return total, translate("sweep deliveries", err)
}

package postgres

import (
	"bytes"
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

const (
	// insertBatchSQL stores a batch unless its idempotency key is taken.
	insertBatchSQL = `
insert into batches (id, organization_id, agent_id, version_id, version_name, creator_id, name, metadata, created_at, idempotency_key, request_hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (idempotency_key, agent_id, organization_id) where idempotency_key is not null do nothing`
	batchOfKeySQL = `
select id, request_hash from batches where idempotency_key = $1 and agent_id = $2 and organization_id = $3`
)

// CreateBatch implements store.Batches. Batches are never removed, so that a key that is taken stays so.
func (s *Store) CreateBatch(ctx context.Context, b store.NewBatch) (id steward.BatchID, replayed bool, err error) {
	if err := storerow.CheckNewBatch(&b); err != nil {
		return "", false, err
	}
	args, err := batchColumnsOf(&b)
	if err != nil {
		return "", false, err
	}
	made, err := s.change(ctx, "create batch", insertBatchSQL, args...)
	if isUnique(err) {
		return "", false, storerow.Conflict("id", "A batch with this id exists already.")
	}
	if err != nil {
		return "", false, translate("create batch", err)
	}
	if made > 0 {
		return b.ID, false, nil
	}
	var first uid
	var hash []byte
	err = s.pool.QueryRow(ctx, batchOfKeySQL, b.IdempotencyKey, args[2], args[1]).Scan(&first, &hash)
	if err != nil {
		return "", false, translate("find batch", err)
	}
	if !bytes.Equal(hash, b.RequestHash[:]) {
		return "", false, storerow.KeyReused()
	}
	return fromUID[steward.BatchID](first), true, nil
}

// batchColumnsOf returns the arguments of insertBatchSQL.
func batchColumnsOf(b *store.NewBatch) ([]any, error) {
	id, err := storeUID("id", b.ID)
	if err != nil {
		return nil, err
	}
	org, err := storeUID("organization_id", b.OrganizationID)
	if err != nil {
		return nil, err
	}
	agent, err := storeUID("agent_id", b.AgentID)
	if err != nil {
		return nil, err
	}
	version, known := toUID(b.VersionID)
	if !known && b.VersionID != "" {
		return nil, storerow.OutOfRange("version_id", "Not a valid UUID.")
	}
	metadata := storerow.Metadata(b.Metadata)
	if err := storable("version_name", b.VersionName, "name", b.Name, "metadata", metadata, storerow.FieldIdempotencyKey, b.IdempotencyKey); err != nil {
		return nil, err
	}
	key := pgtype.Text{String: b.IdempotencyKey, Valid: b.IdempotencyKey != ""}
	return []any{
		id, org, agent, version, b.VersionName, int64(b.CreatorID), b.Name, metadata, stamp(b.CreatedAt), key, b.RequestHash[:],
	}, nil
}

const (
	batchColumns = `b.id, b.organization_id, b.agent_id, b.version_id, b.version_name, b.creator_id, b.name, b.metadata, b.created_at,
    b.closed_at, b.cancelled_at, b.completed_at, b.counts`
	batchSQL      = `select ` + batchColumns + ` from batches b where b.id = $1 and (b.organization_id = $2) is true` + ofLiving
	listBatches   = `select ` + batchColumns + ` from batches b where `
	countBatches  = `select count(*) from batches b where `
	ofOneAgent    = `b.agent_id = $2 and (b.organization_id = $1) is true` + ofLiving
	ofAllAgents   = `b.organization_id = $1 and $2::uuid is null` + ofLiving
	newestBatches = ` order by b.created_at desc, b.id desc limit $3 offset $4`

	// countItemsSQL counts the items of batches by status. The index jobs_batch_item has all that it needs.
	countItemsSQL = `
select g.ord, c.status, c.n, c.last from unnest($1::uuid[]) with ordinality as g (batch_id, ord)
cross join lateral (select status, count(*) as n, max(batch_index) as last from jobs j where j.batch_id = g.batch_id group by status) c`
)

// Batch implements store.Batches.
func (s *Store) Batch(ctx context.Context, org steward.OrganizationID, id steward.BatchID) (*steward.Batch, error) {
	orgID, okOrg := toUID(org)
	batchID, ok := toUID(id)
	if !okOrg || !ok {
		return nil, storerow.NotFound("Batch")
	}
	var list []steward.Batch
	err := s.seen(ctx, "read batch", func(tx pgx.Tx) (err error) {
		list, err = readBatches(ctx, tx, batchSQL, batchID, orgID)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, storerow.NotFound("Batch")
	}
	return &list[0], nil
}

// ListBatches implements store.Batches.
func (s *Store) ListBatches(ctx context.Context, org steward.OrganizationID, q store.BatchQuery) (batches []steward.Batch, count int64, err error) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(q.AgentID)
	if !okOrg || (!okAgent && q.AgentID != "") {
		return []steward.Batch{}, 0, nil
	}
	of := ofAllAgents
	if okAgent {
		of = ofOneAgent
	}
	err = s.seen(ctx, "list batches", func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, countBatches+of, orgID, agentID).Scan(&count); err != nil {
			return err
		}
		batches, err = readBatches(ctx, tx, listBatches+of+newestBatches, orgID, agentID, limit, q.Offset)
		return err
	})
	return batches, count, err
}

// seen runs queries that see one state of the database.
func (s *Store) seen(ctx context.Context, op string, fn func(tx pgx.Tx) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return translate(op, pgx.BeginTxFunc(ctx, s.pool, options, fn))
}

// readBatches runs a query for batchColumns and counts the items of the batches.
func readBatches(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]steward.Batch, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []steward.Batch{}
	var live []uid  // batches whose items are to be counted
	var where []int // and their places
	for rows.Next() {
		b, counted, err := scanBatch(rows)
		if err != nil {
			return nil, err
		}
		if !counted {
			id, _ := toUID(b.ID)
			live, where = append(live, id), append(where, len(list))
		}
		list = append(list, *b)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list, countItems(ctx, tx, live, func(i int) *steward.Batch { return &list[where[i]] })
}

// countItems counts the items of batches; at returns the one to fill for a place in ids.
func countItems(ctx context.Context, tx pgx.Tx, ids []uid, at func(i int) *steward.Batch) error {
	if len(ids) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, countItemsSQL, ids)
	if err != nil {
		return err
	}
	var ord int
	var status steward.Status
	var n, last int64
	_, err = pgx.ForEachRow(rows, []any{&ord, &status, &n, &last}, func() error {
		b := at(ord - 1)
		b.Counts.Add(status, n)
		b.Received += n
		b.NextIndex = max(b.NextIndex, last+1)
		return nil
	})
	return err
}

// finalCounts is what a completed batch remembers of its items.
type finalCounts struct {
	Counts    steward.BatchCounts `json:"counts"`
	NextIndex int64               `json:"next_index"`
}

// scanBatch reads batchColumns. counted is false when the items are to be counted.
func scanBatch(row pgx.Row) (b *steward.Batch, counted bool, err error) {
	b = &steward.Batch{}
	var id, org, agent, version uid
	var created, closed, cancelled, completed pgtype.Timestamptz
	var metadata, counts string
	if err := row.Scan(&id, &org, &agent, &version, &b.VersionName, &b.CreatorID, &b.Name, &metadata, &created,
		&closed, &cancelled, &completed, &counts); err != nil {
		return nil, false, err
	}
	b.ID, b.OrganizationID = fromUID[steward.BatchID](id), fromUID[steward.OrganizationID](org)
	b.AgentID, b.VersionID = fromUID[steward.AgentID](agent), fromUID[steward.VersionID](version)
	b.Metadata, b.CreatedAt = storerow.Raw(metadata), fromStamp(created)
	b.ClosedAt, b.CancelledAt, b.CompletedAt = fromStampPtr(closed), fromStampPtr(cancelled), fromStampPtr(completed)
	b.State = b.StateOf()
	final, err := storerow.ParseObject[finalCounts](counts)
	if err != nil || final == nil {
		return b, false, err
	}
	b.Counts, b.Received, b.NextIndex = final.Counts, final.Counts.Total(), final.NextIndex
	return b, true, nil
}

// CloseBatch implements store.Batches.
func (s *Store) CloseBatch(ctx context.Context, org steward.OrganizationID, id steward.BatchID, at time.Time) error {
	return s.changeBatch(ctx, "close batch", `
update batches set closed_at = coalesce(closed_at, $3) where id = $1 and (organization_id = $2) is true`+ofLiving, org, id, stamp(at))
}

// CancelBatch implements store.Batches.
func (s *Store) CancelBatch(ctx context.Context, org steward.OrganizationID, id steward.BatchID, at time.Time) error {
	return s.changeBatch(ctx, "cancel batch", `
update batches set closed_at = coalesce(closed_at, $3), cancelled_at = coalesce(cancelled_at, $3)
where id = $1 and (organization_id = $2) is true`+ofLiving, org, id, stamp(at))
}

func (s *Store) changeBatch(ctx context.Context, op, sql string, org steward.OrganizationID, id steward.BatchID, at pgtype.Timestamptz) error {
	orgID, okOrg := toUID(org)
	batchID, ok := toUID(id)
	if !okOrg || !ok {
		return storerow.NotFound("Batch")
	}
	return s.inTx(ctx, op, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, batchID, orgID, at)
		if err == nil && tag.RowsAffected() == 0 {
			err = storerow.NotFound("Batch")
		}
		return err
	})
}

const (
	doneBatchesSQL = `
select id from batches b
where b.closed_at is not null and b.completed_at is null
    and not exists (select from jobs j where j.batch_id = b.id and (j.status <= 2) is true)
order by b.closed_at limit $1 for no key update skip locked`
	// stillDoneSQL looks again behind the lock: items may have been queued again meanwhile.
	stillDoneSQL = `
select id from batches b
where b.id = any ($1) and (b.completed_at is null) is true
    and not exists (select from jobs j where j.batch_id = b.id and (j.status <= 2) is true)`
	completeBatchSQL = `update batches set completed_at = $2, counts = $3 where id = $1`
)

// CompleteBatches implements store.Batches.
func (s *Store) CompleteBatches(ctx context.Context, at time.Time, limit int) ([]steward.BatchID, error) {
	if limit <= 0 {
		return nil, storerow.OutOfRange("limit", "limit must be positive.")
	}
	var done []steward.BatchID
	err := s.inTx(ctx, "complete batches", func(tx pgx.Tx) error {
		done = nil
		rows, err := tx.Query(ctx, doneBatchesSQL, limit)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uid])
		if err != nil || len(ids) == 0 {
			return err
		}
		if rows, err = tx.Query(ctx, stillDoneSQL, ids); err != nil {
			return err
		}
		if ids, err = pgx.CollectRows(rows, pgx.RowTo[uid]); err != nil {
			return err
		}
		for _, id := range ids {
			done = append(done, fromUID[steward.BatchID](id))
		}
		return complete(ctx, tx, ids, at)
	})
	return done, err
}

// complete marks locked batches as completed and remembers what became of their items.
func complete(ctx context.Context, tx pgx.Tx, ids []uid, at time.Time) error {
	counted := make([]steward.Batch, len(ids))
	if err := countItems(ctx, tx, ids, func(i int) *steward.Batch { return &counted[i] }); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	for i, id := range ids {
		final, err := storerow.Object(&finalCounts{counted[i].Counts, counted[i].NextIndex})
		if err != nil {
			return err
		}
		batch.Queue(completeBatchSQL, id, stamp(at), final)
	}
	return tx.SendBatch(ctx, batch).Close()
}

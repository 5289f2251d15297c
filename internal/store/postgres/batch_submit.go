package postgres

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// orgBatch is a batch of an organization.
type orgBatch struct{ org, batch [16]byte }

// itemKey is an item of a batch.
type itemKey struct {
	batch [16]byte
	index int64
}

// knownItem is the job of an item.
type knownItem struct {
	job  steward.JobID
	hash []byte
}

const (
	// lockBatchesSQL answers whether batches take new items, and keeps that so until the transaction ends.
	lockBatchesSQL = `
select id, organization_id, closed_at is null from batches where id = any ($1)` + ofLiving + ` order by id for share`
	knownItemsSQL = `
select g.batch_id, g.batch_index, j.id, j.batch_hash
from unnest($1::uuid[], $2::bigint[]) as g (batch_id, batch_index)
cross join lateral (select id, batch_hash from jobs j where j.batch_id = g.batch_id and j.batch_index = g.batch_index limit 1) j`
)

// lockBatches reads the batches of the calls' jobs, and which of their items are stored already.
func (b *submitTx) lockBatches(ctx context.Context) error {
	b.batches, b.items = map[orgBatch]bool{}, map[itemKey]knownItem{}
	var ids []uid
	var indexes []int64
	for _, c := range b.calls {
		for i := range c.jobs {
			if r := &c.jobs[i]; r.job.Batch != nil {
				ids, indexes = append(ids, r.batch), append(indexes, r.job.Batch.Index)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := b.tx.Query(ctx, lockBatchesSQL, ids)
	if err != nil {
		return err
	}
	var batch, org, job uid
	var open bool
	if _, err = pgx.ForEachRow(rows, []any{&batch, &org, &open}, func() error {
		b.batches[orgBatch{org.Bytes, batch.Bytes}] = open
		return nil
	}); err != nil {
		return err
	}
	// Read behind the lock: what another process stored meanwhile is seen.
	if rows, err = b.tx.Query(ctx, knownItemsSQL, ids, indexes); err != nil {
		return err
	}
	var index int64
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&batch, &index, &job, &hash}, func() error {
		b.items[itemKey{batch.Bytes, index}] = knownItem{fromUID[steward.JobID](job), bytes.Clone(hash)}
		return nil
	})
	return err
}

// knownItem returns the job that is stored as a row's item, "" when there is none; the row's own is noted then.
func (r *newRow) knownItem(b *submitTx, items map[itemKey]knownItem) (steward.JobID, error) {
	open, ok := b.batches[orgBatch{r.org.Bytes, r.batch.Bytes}]
	if !ok {
		return "", storerow.NotFound("Batch")
	}
	place := r.job.Batch
	k := itemKey{r.batch.Bytes, place.Index}
	first, ok := items[k]
	if !ok {
		first, ok = b.items[k]
	}
	switch {
	case ok && !bytes.Equal(first.hash, place.Hash[:]):
		return "", storerow.ItemChanged(place.Index)
	case ok:
		return first.job, nil
	case !open:
		return "", storerow.BatchClosed()
	}
	items[k] = knownItem{r.job.ID, place.Hash[:]}
	return "", nil
}

// itemRace turns the violation of a batch's items, which another process stored meanwhile, into errRace.
func itemRace(err error) error {
	if constraint(err) == "jobs_batch_item" {
		return errRace
	}
	return err
}

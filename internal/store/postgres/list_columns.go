package postgres

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
)

const (
	columnSQL = `select block, codes from job_columns where lane = $1 and key = $2`
	// changedColumnsSQL is columnSQL for some blocks.
	changedColumnsSQL = `
select g.block, c.codes from unnest($3::bigint[]) as g (block)
cross join lateral (select codes from job_columns where lane = $1 and key = $2 and block = g.block limit 1) c`
)

// Column implements joblist.Source.
func (l *listSource) Column(by store.JobOrderKey) (*joblist.Column, error) {
	col, err := l.storedColumn(by)
	if err != nil || len(l.ends) == 0 {
		return col, err
	}
	col = col.Clone()
	for i := range l.ends {
		if v := l.ends[i].value(by); v != joblist.None {
			col.Set(l.ends[i].seq, v)
		}
	}
	return col, nil
}

// ColumnIn implements joblist.Ranged. The column is at hand as a whole.
func (l *listSource) ColumnIn(by store.JobOrderKey, _, _ int64) (*joblist.Column, error) {
	return l.Column(by)
}

// storedColumn returns the codes as far as they are folded. The column is shared: it must not be changed.
func (l *listSource) storedColumn(by store.JobOrderKey) (*joblist.Column, error) {
	key := cacheKey{era: l.era, lane: l.lane(), kind: keptColumn, name: string(by)}
	known, ok := cached[*joblist.Column](l.cache, key, l.fold)
	changed := l.spans.changedSince(known.fold)
	if ok && len(changed) == 0 {
		return known.value, nil
	}
	col := &joblist.Column{}
	var err error
	if ok {
		col = known.value.Clone()
		err = l.mergeCodes(col, changedColumnsSQL, key.lane, string(by), blocksOf(changed))
	} else {
		err = l.mergeCodes(col, columnSQL, key.lane, string(by))
	}
	if err == nil {
		l.cache.put(key, l.fold, col, codesSize*int64(len(l.spans)))
	}
	return col, err
}

// blocksOf returns the blocks of chunks.
func blocksOf(chunks []int64) []int64 {
	const each = joblist.ChunkSize / joblist.BlockSize
	var blocks []int64
	for _, c := range chunks {
		for i := range int64(each) {
			blocks = append(blocks, c*each+i)
		}
	}
	return blocks
}

// mergeCodes adds the blocks that a query answers to a column.
func (l *listSource) mergeCodes(col *joblist.Column, sql string, args ...any) error {
	rows, err := l.tx.Query(l.ctx, sql, args...)
	if err != nil {
		return err
	}
	var block int64
	var codes pgtype.DriverBytes
	_, err = pgx.ForEachRow(rows, []any{&block, &codes}, func() error { return col.Merge(block, codes) })
	return err
}

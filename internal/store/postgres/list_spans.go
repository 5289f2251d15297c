package postgres

import (
	"cmp"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward/internal/store/joblist"
)

// spanList gathers the spans of chunks.
type spanList map[int64]*span

func (s spanList) read(rows pgx.Rows) error {
	for rows.Next() {
		var chunk int64
		sp := &span{}
		if err := rows.Scan(&chunk, &sp.fold, &sp.createdFrom, &sp.createdTo, &sp.endedFrom, &sp.endedTo, &sp.idFrom, &sp.idTo); err != nil {
			return err
		}
		if sp.createdFrom.InfinityModifier != pgtype.Finite { // only an end was folded so far
			sp.createdFrom, sp.createdTo, sp.idFrom, sp.idTo = pgtype.Timestamptz{}, pgtype.Timestamptz{}, uid{}, uid{}
		}
		s[chunk] = sp
	}
	return rows.Err()
}

// changedSince returns the chunks that were changed after a fold.
func (s spanList) changedSince(fold int64) (chunks []int64) {
	for chunk, sp := range s {
		if sp.fold > fold {
			chunks = append(chunks, chunk)
		}
	}
	return chunks
}

// at returns the span of a job's chunk.
func (s spanList) at(seq int64) *span {
	chunk, _ := joblist.ChunkOf(seq)
	if s[chunk] == nil {
		s[chunk] = &span{}
	}
	return s[chunk]
}

// spans returns those of chunks that have jobs, by rising chunk.
func (s spanList) spans() []joblist.Span {
	list := make([]joblist.Span, 0, len(s))
	for chunk, sp := range s {
		if !sp.createdFrom.Valid {
			continue
		}
		list = append(list, joblist.Span{
			Chunk: chunk, CreatedFrom: micros(sp.createdFrom), CreatedTo: micros(sp.createdTo),
			EndedFrom: micros(sp.endedFrom), EndedTo: micros(sp.endedTo), IDFrom: fromUID[string](sp.idFrom), IDTo: fromUID[string](sp.idTo),
		})
	}
	slices.SortFunc(list, func(a, b joblist.Span) int { return cmp.Compare(a.Chunk, b.Chunk) })
	return list
}

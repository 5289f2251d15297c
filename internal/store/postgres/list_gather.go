package postgres

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
)

// allTerm is the term of every job.
const allTerm = ""

// gathering is what some jobs add to the lists of their lanes: of their agents, and of their organizations, where all agents are
// listed together. Whoever stores it holds foldLock.
type gathering struct {
	bits    map[bitsKey][]int16
	spans   map[spanKey]*span
	columns map[columnKey][]codedPlace
	damaged int // rows that could not be read and were left as they are
}

// laneOf returns the lane of an organization's agent, or of all its agents for null.
func laneOf(org, agent uid) uid {
	if !agent.Valid {
		return org
	}
	sum := sha256.Sum256(append(org.Bytes[:], agent.Bytes[:]...))
	return uid{Bytes: [16]byte(sum[:16]), Valid: true}
}

// bitsKey names a row of job_bits.
type bitsKey struct {
	lane  uid
	term  string
	chunk int64
}

// spanKey names a row of job_spans.
type spanKey struct {
	lane  uid
	chunk int64
}

// span is the range of what the jobs of a chunk have.
type span struct {
	fold                                       int64              // when it was changed last, as it was read
	createdFrom, createdTo, endedFrom, endedTo pgtype.Timestamptz // null for none
	idFrom, idTo                               uid                // null for none
}

// columnKey names a row of job_columns.
type columnKey struct {
	lane  uid
	by    store.JobOrderKey
	block int64
}

// codedPlace is a value in a block.
type codedPlace struct {
	place int
	value int64
}

func newGathering() *gathering {
	return &gathering{bits: map[bitsKey][]int16{}, spans: map[spanKey]*span{}, columns: map[columnKey][]codedPlace{}}
}

// add gives a job a term.
func (g *gathering) add(lane uid, term string, seq int64) {
	chunk, place := joblist.ChunkOf(seq)
	k := bitsKey{lane, term, chunk}
	g.bits[k] = append(g.bits[k], int16(place)) //nolint:gosec // below joblist.ChunkSize
}

func (g *gathering) addJob(j *foldedJob) {
	agent := laneOf(j.org, j.agent)
	for _, term := range j.terms() {
		g.add(agent, term, j.seq)
	}
	g.add(j.org, allTerm, j.seq)
	for _, lane := range [...]uid{agent, j.org} {
		g.span(lane, j.seq).created(j.created, j.id)
	}
}

func (g *gathering) addEnd(e *foldedEnd) {
	agent := laneOf(e.org, e.agent)
	for _, term := range e.terms() {
		g.add(agent, term, e.seq)
	}
	g.add(e.org, joblist.StatusTerm(e.status), e.seq)
	for _, lane := range [...]uid{agent, e.org} {
		g.span(lane, e.seq).ended(e.ended)
	}
	for _, by := range [...]store.JobOrderKey{store.ByCost, store.ByDuration} {
		if v := e.value(by); v != joblist.None {
			block, place := joblist.BlockOf(e.seq)
			k := columnKey{agent, by, block}
			g.columns[k] = append(g.columns[k], codedPlace{place, v})
		}
	}
}

// span returns the span of a job's chunk in a lane.
func (g *gathering) span(lane uid, seq int64) *span {
	chunk, _ := joblist.ChunkOf(seq)
	k := spanKey{lane, chunk}
	if g.spans[k] == nil {
		g.spans[k] = &span{}
	}
	return g.spans[k]
}

// created widens a span by a job.
func (s *span) created(at pgtype.Timestamptz, id uid) {
	if !s.idFrom.Valid || compareUID(id, s.idFrom) < 0 {
		s.idFrom = id
	}
	if !s.idTo.Valid || compareUID(id, s.idTo) > 0 {
		s.idTo = id
	}
	widen(&s.createdFrom, &s.createdTo, at)
}

// ended widens a span by the end of a job.
func (s *span) ended(at pgtype.Timestamptz) { widen(&s.endedFrom, &s.endedTo, at) }

func widen(from, to *pgtype.Timestamptz, at pgtype.Timestamptz) {
	if !from.Valid || at.Time.Before(from.Time) {
		*from = at
	}
	if !to.Valid || at.Time.After(to.Time) {
		*to = at
	}
}

// store adds everything to what is stored. Rows that are damaged stay as they are, and are counted.
func (g *gathering) store(ctx context.Context, tx pgx.Tx) error {
	if err := g.storeBits(ctx, tx); err != nil {
		return err
	}
	if err := g.storeColumns(ctx, tx); err != nil {
		return err
	}
	return g.storeSpans(ctx, tx)
}

const (
	someBitsSQL = `
select g.ord, b.bits from unnest($1::uuid[], $2::text[], $3::bigint[]) with ordinality as g (lane, term, chunk, ord)
cross join lateral (select bits from job_bits b where b.lane = g.lane and b.term = g.term and b.chunk = g.chunk limit 1) b`
	storeBitsSQL = `
insert into job_bits (lane, term, chunk, bits) select * from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bytea[])
on conflict (lane, term, chunk) do update set bits = excluded.bits`
)

// storeBits adds the terms.
func (g *gathering) storeBits(ctx context.Context, tx pgx.Tx) error {
	keys := slices.SortedFunc(maps.Keys(g.bits), func(a, b bitsKey) int {
		return cmp.Or(compareUID(a.lane, b.lane), strings.Compare(a.term, b.term), cmp.Compare(a.chunk, b.chunk))
	})
	n := len(keys)
	if n == 0 {
		return nil
	}
	lanes, terms, chunks, sets := make([]uid, n), make([]string, n), make([]int64, n), make([][]byte, n)
	for i, k := range keys {
		lanes[i], terms[i], chunks[i] = k.lane, k.term, k.chunk
	}
	if err := existing(ctx, tx, someBitsSQL, []any{lanes, terms, chunks}, sets); err != nil {
		return err
	}
	for i, k := range keys {
		var b joblist.Bits
		if b.Merge(sets[i]) != nil { // whoever reads it is told; all others need not suffer
			g.damaged++
			continue
		}
		for _, place := range g.bits[k] {
			b.Add(int(place))
		}
		sets[i] = joblist.AppendBits(nil, &b)
	}
	_, err := tx.Exec(ctx, storeBitsSQL, lanes, terms, chunks, sets)
	return err
}

// existing runs a query for places in its arguments and the bytes stored for them.
func existing(ctx context.Context, tx pgx.Tx, sql string, args []any, into [][]byte) error {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	var ord int
	var stored pgtype.DriverBytes
	_, err = pgx.ForEachRow(rows, []any{&ord, &stored}, func() error {
		into[ord-1] = bytes.Clone(stored)
		return nil
	})
	return err
}

const (
	someColumnsSQL = `
select g.ord, c.codes from unnest($1::uuid[], $2::text[], $3::bigint[]) with ordinality as g (lane, key, block, ord)
cross join lateral (select codes from job_columns c where c.lane = g.lane and c.key = g.key and c.block = g.block limit 1) c`
	storeColumnsSQL = `
insert into job_columns (lane, key, block, codes) select * from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bytea[])
on conflict (lane, key, block) do update set codes = excluded.codes`
)

// storeColumns adds the values that jobs are ordered by.
func (g *gathering) storeColumns(ctx context.Context, tx pgx.Tx) error {
	keys := slices.SortedFunc(maps.Keys(g.columns), func(a, b columnKey) int {
		return cmp.Or(compareUID(a.lane, b.lane), strings.Compare(string(a.by), string(b.by)), cmp.Compare(a.block, b.block))
	})
	n := len(keys)
	if n == 0 {
		return nil
	}
	lanes, names, blocks, codes := make([]uid, n), make([]string, n), make([]int64, n), make([][]byte, n)
	for i, k := range keys {
		lanes[i], names[i], blocks[i] = k.lane, string(k.by), k.block
	}
	if err := existing(ctx, tx, someColumnsSQL, []any{lanes, names, blocks}, codes); err != nil {
		return err
	}
	for i, k := range keys {
		b := new(joblist.Block)
		if b.Merge(codes[i]) != nil {
			g.damaged++
			continue
		}
		for _, c := range g.columns[k] {
			b.Set(c.place, c.value)
		}
		codes[i] = joblist.AppendBlock(nil, b)
	}
	_, err := tx.Exec(ctx, storeColumnsSQL, lanes, names, blocks, codes)
	return err
}

// nextFoldSQL counts a fold and forgets those that are long past: who has read nothing since then reads all anew.
const nextFoldSQL = `
with next as (update job_lists set folds = folds + 1 where one returning folds),
old as (delete from job_folds where fold < (select folds from next) - 20000)
insert into job_folds (fold) select folds from next on conflict (fold) do update set id = excluded.id returning fold`

// storeSpansSQL widens the spans of chunks. A job is never folded after its end, but its end may be folded with it.
const storeSpansSQL = `
insert into job_spans as s (lane, chunk, fold, created_from, created_to, ended_from, ended_to, id_from, id_to)
select g.lane, g.chunk, $9, coalesce(g.created_from, 'infinity'), coalesce(g.created_to, '-infinity'), g.ended_from, g.ended_to,
    coalesce(g.id_from, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), coalesce(g.id_to, '00000000-0000-0000-0000-000000000000')
from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::uuid[], $8::uuid[])
    as g (lane, chunk, created_from, created_to, ended_from, ended_to, id_from, id_to)
on conflict (lane, chunk) do update set fold = excluded.fold,
    created_from = least(s.created_from, excluded.created_from), created_to = greatest(s.created_to, excluded.created_to),
    ended_from = least(s.ended_from, excluded.ended_from), ended_to = greatest(s.ended_to, excluded.ended_to),
    id_from = least(s.id_from, excluded.id_from), id_to = greatest(s.id_to, excluded.id_to)`

// storeSpans widens the spans.
func (g *gathering) storeSpans(ctx context.Context, tx pgx.Tx) error {
	keys := slices.SortedFunc(maps.Keys(g.spans), func(a, b spanKey) int {
		return cmp.Or(compareUID(a.lane, b.lane), cmp.Compare(a.chunk, b.chunk))
	})
	n := len(keys)
	if n == 0 {
		return nil
	}
	lanes, chunks, idFrom, idTo := make([]uid, n), make([]int64, n), make([]uid, n), make([]uid, n)
	var times [4][]pgtype.Timestamptz
	for i, k := range keys {
		s := g.spans[k]
		lanes[i], chunks[i], idFrom[i], idTo[i] = k.lane, k.chunk, s.idFrom, s.idTo
		for t, at := range [...]pgtype.Timestamptz{s.createdFrom, s.createdTo, s.endedFrom, s.endedTo} {
			times[t] = append(times[t], at)
		}
	}
	var fold int64
	if err := tx.QueryRow(ctx, nextFoldSQL).Scan(&fold); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, storeSpansSQL, lanes, chunks, times[0], times[1], times[2], times[3], idFrom, idTo, fold)
	return err
}

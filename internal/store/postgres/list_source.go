package postgres

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
)

// listSource is what a transaction sees of the jobs of an agent, or of all agents of an organization: what is folded, and the rows
// that are not. It implements joblist.Source.
type listSource struct {
	ctx   context.Context //nolint:containedctx // the source lives as long as one call
	tx    pgx.Tx
	org   uid
	agent uid // null for all of the organization; then only ended statuses have terms
	order []store.JobOrder
	cache *listCache

	fold     int64 // how often rows were folded
	spans    spanList
	chunks   []joblist.Span
	jobs     []foldedJob // that are not folded
	ends     []foldedEnd
	postings map[string]*joblist.Set // with what is not folded
}

var _ joblist.Source = (*listSource)(nil)

// lane returns where the jobs are listed.
func (l *listSource) lane() uid { return laneOf(l.org, l.agent) }

const (
	freshJobsSQL = `
select seq, organization_id, agent_id, id, created_at, version_name, labels from job_list
where xid >= coalesce((select folded from job_lists where one), '0') and (organization_id = $1 and ($2::uuid is null or agent_id = $2)) is true`
	freshEndsSQL = `
select seq, organization_id, agent_id, ended_at, status, verdict_term, cost, duration from job_ends
where xid >= coalesce((select folded from job_lists where one), '0') and (organization_id = $1 and ($2::uuid is null or agent_id = $2)) is true`
	spansSQL = `
select chunk, fold, created_from, created_to, ended_from, ended_to, id_from, id_to from job_spans where lane = $1`
	foldsSQL   = `select coalesce((select folds from job_lists where one), 0)`
	postingSQL = `select chunk, bits from job_bits where lane = $1 and term = $2`
	// changedBitsSQL is postingSQL for some chunks.
	changedBitsSQL = `
select g.chunk, b.bits from unnest($3::bigint[]) as g (chunk)
cross join lateral (select bits from job_bits where lane = $1 and term = $2 and chunk = g.chunk limit 1) b`
	// leftOutSQL answers the deleted agents of an organization, or the one that is asked for when it is deleted.
	leftOutSQL = `
select id from agents a where (a.deleted_at is not null) is true and a.id = $2
union all
select id from agents a where a.deleted_at is not null and (a.organization_id = $1 and $2::uuid is null) is true`
)

// All implements joblist.Source. It reads in addition what is not folded, which all other methods need.
func (l *listSource) All() (*joblist.Set, []joblist.Span, error) {
	l.postings, l.spans = map[string]*joblist.Set{}, spanList{}
	l.jobs, l.ends, l.chunks = nil, nil, nil
	var deleted []uid
	batch := &pgx.Batch{}
	batch.Queue(leftOutSQL, l.org, l.agent).Query(func(rows pgx.Rows) (err error) {
		deleted, err = pgx.CollectRows(rows, pgx.RowTo[uid])
		return err
	})
	batch.Queue(foldsSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&l.fold) })
	batch.Queue(spansSQL, l.lane()).Query(l.spans.read)
	batch.Queue(freshJobsSQL, l.org, l.agent).Query(l.readJobs)
	batch.Queue(freshEndsSQL, l.org, l.agent).Query(l.readEnds)
	if err := l.tx.SendBatch(l.ctx, batch).Close(); err != nil {
		return nil, nil, err
	}
	all, err := l.stored(allTerm)
	if err != nil {
		return nil, nil, err
	}
	all = all.Clone()
	for i := range l.jobs {
		j := &l.jobs[i]
		all.Add(j.seq)
		l.spans.at(j.seq).created(j.created, j.id)
	}
	for i := range l.ends {
		l.spans.at(l.ends[i].seq).ended(l.ends[i].ended)
	}
	l.chunks = l.spans.spans()
	return all, l.chunks, l.leaveOut(all, deleted)
}

// leaveOut removes the jobs of deleted agents.
func (l *listSource) leaveOut(all *joblist.Set, deleted []uid) error {
	for _, agent := range deleted {
		gone := &joblist.Set{}
		rows, err := l.tx.Query(l.ctx, postingSQL, laneOf(l.org, agent), allTerm)
		if err != nil {
			return err
		}
		if err := mergeBits(rows, gone); err != nil {
			return err
		}
		for i := range l.jobs {
			if l.jobs[i].agent == agent {
				gone.Add(l.jobs[i].seq)
			}
		}
		all.AndNot(gone)
	}
	return nil
}

// mergeBits adds chunks to a set.
func mergeBits(rows pgx.Rows, set *joblist.Set) error {
	var chunk int64
	var bits pgtype.DriverBytes
	_, err := pgx.ForEachRow(rows, []any{&chunk, &bits}, func() error { return set.Merge(chunk, bits) })
	return err
}

func (l *listSource) readJobs(rows pgx.Rows) error {
	for rows.Next() {
		var j foldedJob
		if err := rows.Scan(&j.seq, &j.org, &j.agent, &j.id, &j.created, &j.version, &j.labels); err != nil {
			return err
		}
		l.jobs = append(l.jobs, j)
	}
	return rows.Err()
}

func (l *listSource) readEnds(rows pgx.Rows) error {
	for rows.Next() {
		var e foldedEnd
		if err := rows.Scan(&e.seq, &e.org, &e.agent, &e.ended, &e.status, &e.verdictTerm, &e.cost, &e.duration); err != nil {
			return err
		}
		l.ends = append(l.ends, e)
	}
	return rows.Err()
}

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

// Posting implements joblist.Source.
func (l *listSource) Posting(term string) (*joblist.Set, error) {
	if set := l.postings[term]; set != nil {
		return set.Clone(), nil
	}
	if storable("", term) != nil {
		return &joblist.Set{}, nil //nolint:nilerr // nothing stored contains such text
	}
	folded, err := l.stored(term)
	if err != nil {
		return nil, err
	}
	set := folded.Clone()
	for i := range l.jobs {
		if slices.Contains(l.jobs[i].terms(), term) {
			set.Add(l.jobs[i].seq)
		}
	}
	for i := range l.ends {
		if slices.Contains(l.ends[i].terms(), term) {
			set.Add(l.ends[i].seq)
		}
	}
	l.postings[term] = set
	return set.Clone(), nil
}

// stored returns the jobs that have a term as far as they are folded. The set is shared: it must not be changed.
func (l *listSource) stored(term string) (*joblist.Set, error) {
	key := cacheKey{lane: l.lane(), name: term}
	if known, ok := cached[*joblist.Set](l.cache, key, l.fold); ok {
		changed := l.spans.changedSince(known.fold)
		if len(changed) == 0 {
			return known.value, nil
		}
		set := known.value.Clone()
		if err := l.mergeBits(set, changedBitsSQL, key.lane, term, changed); err != nil {
			return nil, err
		}
		l.cache.put(key, l.fold, set, bitsSize*int64(len(l.spans)))
		return set, nil
	}
	set := &joblist.Set{}
	if err := l.mergeBits(set, postingSQL, key.lane, term); err != nil {
		return nil, err
	}
	if set.Len() >= worthKeeping {
		l.cache.put(key, l.fold, set, bitsSize*int64(len(l.spans)))
	}
	return set, nil
}

// mergeBits adds the chunks that a query answers to a set.
func (l *listSource) mergeBits(set *joblist.Set, sql string, args ...any) error {
	rows, err := l.tx.Query(l.ctx, sql, args...)
	if err != nil {
		return err
	}
	return mergeBits(rows, set)
}

// versionTermsSQL hops over the terms of versions: one look-up for each.
const versionTermsSQL = `
with recursive hop as (
    (select term from job_bits where lane = $1 and term >= $2 and term < $3 order by term limit 1)
    union all
    select next.term from hop cross join lateral (
        select b.term from job_bits b where b.lane = $1 and b.term > hop.term and b.term < $3 order by b.term limit 1) next
)
select term from hop`

// Versions implements joblist.Source.
func (l *listSource) Versions() ([]string, error) {
	after := string(rune(joblist.VersionPrefix[0] + 1))
	terms, err := collect[string](l.ctx, l.tx, versionTermsSQL, l.lane(), joblist.VersionPrefix, after)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range terms {
		names = append(names, t[len(joblist.VersionPrefix):])
	}
	for i := range l.jobs {
		names = append(names, l.jobs[i].version)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

const workingSQL = `
select seq, status from jobs
where organization_id = $1 and (status >= 1 and status <= 2) is true and ($2::uuid is null or agent_id = $2)`

// Open implements joblist.Source.
func (l *listSource) Open() (started, retry *joblist.Set, err error) {
	rows, err := l.tx.Query(l.ctx, workingSQL, l.org, l.agent)
	if err != nil {
		return nil, nil, err
	}
	started, retry = &joblist.Set{}, &joblist.Set{}
	var seq int64
	var status steward.Status
	_, err = pgx.ForEachRow(rows, []any{&seq, &status}, func() error {
		if status == steward.StatusStarted {
			started.Add(seq)
		} else {
			retry.Add(seq)
		}
		return nil
	})
	return started, retry, err
}

const findSQL = `select seq from jobs where id = $1 and (organization_id = $2 and ($3::uuid is null or agent_id = $3)) is true`

// Find implements joblist.Source.
func (l *listSource) Find(id steward.JobID) (seq int64, ok bool, err error) {
	job, ok := toUID(id)
	if !ok {
		return 0, false, nil
	}
	err = l.tx.QueryRow(l.ctx, findSQL, job, l.org, l.agent).Scan(&seq)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	return seq, err == nil, err
}

const createdInSQL = `
select seq from job_list where seq >= $1 and seq < $2 and (created_at >= $3 and created_at <= $4) is true`

// CreatedIn implements joblist.Source.
func (l *listSource) CreatedIn(chunk, from, to int64) (*joblist.Set, error) {
	return l.set(createdInSQL, chunk*joblist.ChunkSize, (chunk+1)*joblist.ChunkSize, stampOf(from), stampOf(to))
}

// set runs a query for the numbers of jobs.
func (l *listSource) set(sql string, args ...any) (*joblist.Set, error) {
	rows, err := l.tx.Query(l.ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	set := &joblist.Set{}
	var seq int64
	_, err = pgx.ForEachRow(rows, []any{&seq}, func() error {
		set.Add(seq)
		return nil
	})
	return set, err
}

// Times outside of this range, in microseconds, are beyond all that is stored.
const (
	firstTime = -62_135_596_800_000_000 // year 1
	lastTime  = 253_402_300_799_999_999 // year 9999
)

// stampOf is a time in microseconds for a timestamptz.
func stampOf(us int64) pgtype.Timestamptz {
	switch {
	case us < firstTime:
		return pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
	case us > lastTime:
		return pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	}
	return pgtype.Timestamptz{Time: timeOf(us), Valid: true}
}

// Jobs that are many in a range of numbers are read by the range, others one by one. $3 of the first tells which of the range are meant.
const (
	matchingInSQL = `
select seq from job_list
where seq >= $1 and seq <= $2 and get_bit($3::bytea, (seq - $1)::integer) = 1 and (strpos(inputs, $4) > 0 or $5 and strpos(id::text, $4) > 0)`
	matchingOfSQL = `
select seq from job_list
where seq = any ($1::bigint[]) and (strpos(inputs, $2) > 0 or $3 and strpos(id::text, $2) > 0)`
)

// crowded is how many numbers may be passed over for each that is wanted.
const crowded = 12

// Matching implements joblist.Source.
func (l *listSource) Matching(among *joblist.Set, text string, ids bool) (*joblist.Set, error) {
	if storable("", text) != nil {
		return &joblist.Set{}, nil //nolint:nilerr // nothing stored contains such text
	}
	seqs := among.Numbers()
	if len(seqs) == 0 {
		return &joblist.Set{}, nil
	}
	first, last := seqs[0], seqs[len(seqs)-1]
	if last-first >= crowded*int64(len(seqs)) {
		return l.set(matchingOfSQL, seqs, text, ids)
	}
	wanted := make([]byte, (last-first)/8+1)
	for _, seq := range seqs {
		wanted[(seq-first)/8] |= 1 << ((seq - first) % 8)
	}
	return l.set(matchingInSQL, first, last, wanted, text, ids)
}

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

// storedColumn returns the codes as far as they are folded. The column is shared: it must not be changed.
func (l *listSource) storedColumn(by store.JobOrderKey) (*joblist.Column, error) {
	key := cacheKey{lane: l.lane(), name: string(by), column: true}
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

// Walks go over an index, beginning at a place (inclusive).
const (
	walkEndedUpSQL = `
select ended_at, seq from job_ends where agent_id = $1 and (ended_at, seq) >= ($2, $3) and (organization_id = $5) is true order by ended_at, seq limit $4`
	walkEndedDownSQL = `
select ended_at, seq from job_ends where agent_id = $1 and (ended_at, seq) <= ($2, $3) and (organization_id = $5) is true order by ended_at desc, seq desc limit $4`
	walkIDUpSQL   = `select id, seq from jobs where id > $1 order by id limit $2`
	walkIDDownSQL = `select id, seq from jobs where id < $1 order by id desc limit $2`
	walkFromIDSQL = `select id, seq from jobs where id = $1`
)

// How many steps a walk reads at once: few at first, as most are short.
const (
	firstSteps = 256
	mostSteps  = 4096
)

// Walk implements joblist.Source.
func (l *listSource) Walk(key joblist.WalkKey, descending bool, bound joblist.Bound, each func(at joblist.Bound, seq int64) bool) error {
	switch {
	case key == joblist.WalkID:
		return l.walkIDs(descending, bound.ID, each)
	case key == joblist.WalkCreated:
		w := chunkWalk{source: l, descending: descending, from: bound.Time, each: each}
		return w.run()
	case descending:
		return l.walkEnded(walkEndedDownSQL, math.MaxInt64, -1, bound.Time, each)
	}
	return l.walkEnded(walkEndedUpSQL, 0, 1, bound.Time, each)
}

// walkEnded walks in the order of ends. next is the number to begin with at the time from, step leads to the one behind.
func (l *listSource) walkEnded(sql string, next, step, from int64, each func(at joblist.Bound, seq int64) bool) error {
	at := stampOf(from)
	for n := firstSteps; ; n = min(2*n, mostSteps) {
		rows, err := l.tx.Query(l.ctx, sql, l.agent, at, next, n, l.org)
		if err != nil {
			return err
		}
		got, goOn := 0, true
		var seq int64
		if _, err := pgx.ForEachRow(rows, []any{&at, &seq}, func() error {
			got++
			goOn = goOn && each(joblist.Bound{Time: micros(at)}, seq)
			return nil
		}); err != nil {
			return err
		}
		if !goOn || got < n {
			return nil
		}
		next = seq + step
	}
}

// walkIDs walks in the order of ids.
func (l *listSource) walkIDs(descending bool, from string, each func(at joblist.Bound, seq int64) bool) error {
	sql := walkIDUpSQL
	if descending {
		sql = walkIDDownSQL
	}
	id, ok := toUID(from)
	if !ok {
		return errors.New("walk begins at what is no id")
	}
	for n := 1; ; n = min(max(2*n, firstSteps), mostSteps) {
		var rows pgx.Rows
		var err error
		if n == 1 {
			rows, err = l.tx.Query(l.ctx, walkFromIDSQL, id)
		} else {
			rows, err = l.tx.Query(l.ctx, sql, id, n)
		}
		if err != nil {
			return err
		}
		got, goOn := 0, true
		var seq int64
		if _, err := pgx.ForEachRow(rows, []any{&id, &seq}, func() error {
			got++
			goOn = goOn && each(joblist.Bound{ID: fromUID[string](id)}, seq)
			return nil
		}); err != nil {
			return err
		}
		if !goOn || (n > 1 && got < n) {
			return nil
		}
	}
}

// keysSQL looks at no more rows than it must: $2 says that something about the ends is asked for, $3 that versions are. Open jobs have the
// time of their last change in jobs alone.
const keysSQL = `
select g.seq, coalesce(e.id, l.id), coalesce(l.version_name, ''), coalesce(e.created_at, l.created_at), coalesce(e.status, o.status, 0),
    coalesce(e.ended_at, o.updated_at), e.cost, e.duration
from unnest($1::bigint[]) as g (seq)
left join lateral (
    select id, created_at, status, ended_at, cost, duration from job_ends where seq = case when $2::boolean then g.seq end limit 1) e on true
left join lateral (
    select id, version_name, created_at from job_list where seq = case when e.id is null or $3::boolean then g.seq end limit 1) l on true
left join lateral (
    select status, updated_at from jobs where id = case when $2::boolean and e.id is null then l.id end limit 1) o on true
where coalesce(e.id, l.id) is not null`

// Keys implements joblist.Source.
func (l *listSource) Keys(seqs []int64) ([]joblist.Keys, error) {
	rows, err := l.tx.Query(l.ctx, keysSQL, seqs, l.orders(store.ByStatus, store.ByUpdated, store.ByCost, store.ByDuration), l.orders(store.ByVersionName))
	if err != nil {
		return nil, err
	}
	list := make([]joblist.Keys, 0, len(seqs))
	var id uid
	var created, updated pgtype.Timestamptz
	var cost, duration pgtype.Int8
	var k joblist.Keys
	_, err = pgx.ForEachRow(rows, []any{&k.Seq, &id, &k.VersionName, &created, &k.Status, &updated, &cost, &duration}, func() error {
		k.ID, k.Created, k.Updated = fromUID[string](id), micros(created), micros(updated)
		k.Cost, k.Duration = orNone(cost), orNone(duration)
		list = append(list, k)
		return nil
	})
	return list, err
}

// orders reports whether the list is ordered by one of some keys.
func (l *listSource) orders(keys ...store.JobOrderKey) bool {
	return slices.ContainsFunc(l.order, func(o store.JobOrder) bool { return slices.Contains(keys, o.By) })
}

// orNone is a value, or joblist.None for null.
func orNone(v pgtype.Int8) int64 {
	if !v.Valid {
		return joblist.None
	}
	return v.Int64
}

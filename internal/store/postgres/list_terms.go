package postgres

import (
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/joblist"
)

const (
	postingSQL = `select chunk, bits from job_bits where lane = $1 and term = $2`
	// changedBitsSQL is postingSQL for some chunks.
	changedBitsSQL = `
select g.chunk, b.bits from unnest($3::bigint[]) as g (chunk)
cross join lateral (select bits from job_bits where lane = $1 and term = $2 and chunk = g.chunk limit 1) b`
)

// Posting implements joblist.Source.
func (l *listSource) Posting(term string) (*joblist.Set, error) {
	set, err := l.posting(term)
	if err != nil {
		return nil, err
	}
	return set.Clone(), nil
}

// wideRange is from how many chunks on a set is copied as a whole.
const wideRange = 64

// PostingIn implements joblist.Ranged.
func (l *listSource) PostingIn(term string, first, last int64) (*joblist.Set, error) {
	set, err := l.posting(term)
	if err != nil {
		return nil, err
	}
	if last-first >= wideRange {
		return set.Clone(), nil
	}
	return chunksOf(set, func(chunk int64) bool { return chunk >= first && chunk <= last })
}

// chunksOf copies some chunks of a set.
func chunksOf(set *joblist.Set, wanted func(chunk int64) bool) (*joblist.Set, error) {
	some := &joblist.Set{}
	var encoded []byte
	for chunk, bits := range set.Chunks() {
		if !wanted(chunk) {
			continue
		}
		encoded = joblist.AppendBits(encoded[:0], bits)
		if err := some.Merge(chunk, encoded); err != nil {
			return nil, err
		}
	}
	return some, nil
}

// posting returns the jobs that have a term. The set may be shared: it must not be changed.
func (l *listSource) posting(term string) (*joblist.Set, error) {
	if set := l.postings[term]; set != nil {
		return set, nil
	}
	if storable("", term) != nil {
		return &joblist.Set{}, nil //nolint:nilerr // nothing stored contains such text
	}
	set, err := l.stored(term)
	if err != nil {
		return nil, err
	}
	if fresh := l.freshWith(term); len(fresh) > 0 {
		set = set.Clone()
		for _, seq := range fresh {
			set.Add(seq)
		}
	}
	l.postings[term] = set
	return set, nil
}

// freshWith returns the jobs that have a term as far as that is not folded.
func (l *listSource) freshWith(term string) (seqs []int64) {
	for i := range l.jobs {
		if slices.Contains(l.jobs[i].terms(), term) {
			seqs = append(seqs, l.jobs[i].seq)
		}
	}
	for i := range l.ends {
		if slices.Contains(l.ends[i].terms(), term) {
			seqs = append(seqs, l.ends[i].seq)
		}
	}
	return seqs
}

// termKey names the set of a term in the cache.
func (l *listSource) termKey(term string) cacheKey {
	return cacheKey{era: l.era, lane: l.lane(), kind: keptTerm, name: term}
}

// stored returns the jobs that have a term as far as they are folded. The set is shared: it must not be changed.
func (l *listSource) stored(term string) (*joblist.Set, error) {
	key := l.termKey(term)
	if known, ok := cached[*joblist.Set](l.cache, key, l.fold); ok {
		changed := l.spans.changedSince(known.fold)
		if len(changed) == 0 {
			return known.value, nil
		}
		set := known.value.Clone()
		if err := l.mergeBits(set, changedBitsSQL, key.lane, term, changed); err != nil {
			return nil, err
		}
		l.cache.put(key, l.fold, set, sizeOf(set))
		return set, nil
	}
	set := &joblist.Set{}
	if err := l.mergeBits(set, postingSQL, key.lane, term); err != nil {
		return nil, err
	}
	l.cache.put(key, l.fold, set, sizeOf(set))
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

// mergeBits adds chunks to a set.
func mergeBits(rows pgx.Rows, set *joblist.Set) error {
	var chunk int64
	var bits pgtype.DriverBytes
	_, err := pgx.ForEachRow(rows, []any{&chunk, &bits}, func() error { return set.Merge(chunk, bits) })
	return err
}

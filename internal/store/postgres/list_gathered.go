package postgres

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward/internal/store/joblist"
)

const (
	// postingsSQL is postingSQL for some terms, changedPostingsSQL for some chunks of them. "offset 0" keeps the look-ups one by one.
	postingsSQL = `
select g.term, b.chunk, b.bits from unnest($2::text[]) as g (term)
cross join lateral (select chunk, bits from job_bits where lane = $1 and term = g.term offset 0) b`
	changedPostingsSQL = `
select g.term, c.chunk, b.bits from unnest($2::text[]) as g (term) cross join unnest($3::bigint[]) as c (chunk)
cross join lateral (select bits from job_bits where lane = $1 and term = g.term and chunk = c.chunk limit 1) b`
)

// PostingsIn implements joblist.Gathered. The sets are at hand as a whole.
func (l *listSource) PostingsIn(terms []string, _, _ int64) ([]*joblist.Set, error) {
	g := gathered{source: l, sets: map[string]*joblist.Set{}}
	if err := g.read(terms); err != nil {
		return nil, err
	}
	for i := range l.jobs {
		g.fresh(l.jobs[i].seq, l.jobs[i].terms())
	}
	for i := range l.ends {
		g.fresh(l.ends[i].seq, l.ends[i].terms())
	}
	sets := make([]*joblist.Set, len(terms))
	for i, t := range terms {
		if set := l.postings[t]; set != nil {
			sets[i] = set
			continue
		}
		if sets[i] = g.sets[t]; sets[i] == nil {
			sets[i] = &joblist.Set{} // nothing stored contains such text
		}
		l.postings[t] = sets[i]
	}
	return sets, nil
}

// gathered are the sets of many terms. They are shared, but for those that have jobs which are not folded.
type gathered struct {
	source *listSource
	sets   map[string]*joblist.Set
	own    map[string]bool // those that are not shared
}

// read reads what is folded of terms that are not known yet.
func (g *gathered) read(terms []string) error {
	l := g.source
	var missing, stale []string
	oldest := l.fold
	for _, t := range terms {
		if l.postings[t] != nil || g.sets[t] != nil || storable("", t) != nil {
			continue
		}
		known, ok := cached[*joblist.Set](l.cache, l.termKey(t), l.fold)
		switch {
		case !ok:
			missing = append(missing, t)
			g.sets[t] = &joblist.Set{}
		case len(l.spans.changedSince(known.fold)) > 0:
			stale, oldest = append(stale, t), min(oldest, known.fold)
			g.sets[t] = known.value.Clone()
		default:
			g.sets[t] = known.value
		}
	}
	if err := g.merge(missing, postingsSQL, l.lane(), missing); err != nil {
		return err
	}
	return g.merge(stale, changedPostingsSQL, l.lane(), stale, l.spans.changedSince(oldest))
}

// merge adds what a query answers to the sets of some terms, and keeps them.
func (g *gathered) merge(terms []string, sql string, args ...any) error {
	if len(terms) == 0 {
		return nil
	}
	l := g.source
	rows, err := l.tx.Query(l.ctx, sql, args...)
	if err != nil {
		return err
	}
	var term string
	var chunk int64
	var bits pgtype.DriverBytes
	if _, err := pgx.ForEachRow(rows, []any{&term, &chunk, &bits}, func() error { return g.sets[term].Merge(chunk, bits) }); err != nil {
		return err
	}
	for _, t := range terms {
		l.cache.put(l.termKey(t), l.fold, g.sets[t], sizeOf(g.sets[t]))
	}
	return nil
}

// fresh adds a job that is not folded.
func (g *gathered) fresh(seq int64, terms []string) {
	for _, t := range terms {
		if g.sets[t] == nil {
			continue
		}
		if !g.own[t] {
			if g.own == nil {
				g.own = map[string]bool{}
			}
			g.own[t], g.sets[t] = true, g.sets[t].Clone()
		}
		g.sets[t].Add(seq)
	}
}

package joblist

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// Page is what List found.
type Page struct {
	Seqs  []int64 // the numbers of the page's jobs, in order; at most the limit
	Count int64   // how many jobs match
}

// List finds the page that a query asks for. Its agent is that of the source; its limit is taken as it stands.
//
// Errors: Invalid for an order that does not exist; what the source returns, with the operation in front.
func List(src Source, q *store.JobQuery, limit int) (Page, error) {
	order, err := checkOrder(q.Order)
	if err != nil {
		return Page{}, err
	}
	l := &lister{src: src, createdFrom: storerow.Micros(q.CreatedFrom), createdTo: endOfTime}
	if !q.CreatedTo.IsZero() {
		l.createdTo = storerow.Micros(q.CreatedTo)
	}
	if l.all, l.spans, err = src.All(); err != nil {
		return Page{}, fmt.Errorf("read the list of all jobs: %w", err)
	}
	set, err := l.matching(q)
	if err != nil {
		return Page{}, fmt.Errorf("filter jobs: %w", err)
	}
	p := Page{Count: int64(set.Len())}
	if int64(q.Offset) >= p.Count {
		return p, nil
	}
	if p.Seqs, err = l.page(set, order, q.Offset, limit); err != nil {
		return Page{}, fmt.Errorf("order jobs: %w", err)
	}
	return p, nil
}

// maxOrder is how many keys an order may have.
const maxOrder = 4

// checkOrder returns the whole order of a list: that of the query, then newest first, then by id. Errors: Invalid.
func checkOrder(asked []store.JobOrder) ([]store.JobOrder, error) {
	if len(asked) > maxOrder {
		return nil, storerow.OutOfRange("ordering", "Jobs can be ordered by at most 4 keys.")
	}
	order := make([]store.JobOrder, 0, len(asked)+2)
	for _, o := range asked {
		switch o.By {
		case store.ByID, store.ByVersionName, store.ByStatus, store.ByCreated, store.ByUpdated, store.ByCost, store.ByDuration:
		default:
			return nil, storerow.OutOfRange("ordering", "Jobs cannot be ordered by that.")
		}
		order = addOrder(order, o)
	}
	order = addOrder(order, store.JobOrder{By: store.ByCreated, Descending: true})
	return addOrder(order, store.JobOrder{By: store.ByID, Descending: true}), nil
}

// addOrder appends a key unless it stands there already: the second time it would order nothing. Nor does anything behind ids.
func addOrder(order []store.JobOrder, o store.JobOrder) []store.JobOrder {
	if slices.ContainsFunc(order, func(p store.JobOrder) bool { return p.By == o.By || p.By == store.ByID }) {
		return order
	}
	return append(order, o)
}

// Ranged is what a Source may offer besides, so that no more is read than a narrow set needs. Chunks are first to last, inclusive.
type Ranged interface {
	// PostingIn is Posting within chunks. Jobs of other chunks may be there or not.
	PostingIn(term string, first, last int64) (*Set, error)
	// ColumnIn is Column within chunks. Codes of other chunks may be there or not.
	ColumnIn(by store.JobOrderKey, first, last int64) (*Column, error)
}

// Gathered is what a Ranged Source may offer besides, so that many terms cost no more than one.
type Gathered interface {
	// PostingsIn is PostingIn for each of some terms, in their order. The sets are not changed.
	PostingsIn(terms []string, first, last int64) ([]*Set, error)
}

// Streamed is what a Source may offer besides, so that it need not hold a column.
type Streamed interface {
	// EachBlock calls each with the blocks of a column in chunks first to last, inclusive, in any order: the number of the block and
	// what AppendBlock wrote. Blocks without codes may be left out; encoded need be valid only during the call. It ends with the
	// first error of each, which it returns.
	EachBlock(by store.JobOrderKey, first, last int64, each func(number int64, encoded []byte) error) error
}

// posting returns the jobs that have a term, as far as they matter for a set.
func (l *lister) posting(term string, within *Set) (*Set, error) {
	if len(within.chunks) == 0 {
		return new(Set), nil
	}
	r, ok := l.src.(Ranged)
	if !ok {
		return l.src.Posting(term)
	}
	first, last := within.ends()
	known, ok := l.postings[term]
	if !ok || first < known.first || last > known.last {
		set, err := r.PostingIn(term, first, last)
		if err != nil {
			return nil, err
		}
		if l.postings == nil {
			l.postings = map[string]posting{}
		}
		known = posting{set, first, last}
		l.postings[term] = known
	}
	return known.set.Clone(), nil
}

// gather asks for the jobs of some terms in one go, as far as they matter for a set and the source can, so that posting has them at hand.
func (l *lister) gather(terms []string, within *Set) error {
	src, ok := l.src.(Gathered)
	if !ok || len(within.chunks) == 0 {
		return nil
	}
	first, last := within.ends()
	var unknown []string
	for _, t := range terms {
		if known, ok := l.postings[t]; !ok || first < known.first || last > known.last {
			unknown = append(unknown, t)
		}
	}
	if len(unknown) < 2 {
		return nil
	}
	sets, err := src.PostingsIn(unknown, first, last)
	if err != nil {
		return err
	}
	if l.postings == nil {
		l.postings = map[string]posting{}
	}
	for i, t := range unknown {
		l.postings[t] = posting{sets[i], first, last}
	}
	return nil
}

// column returns the codes of a column, as far as they matter for a set.
func (l *lister) column(by store.JobOrderKey, within *Set) (*Column, error) {
	if r, ok := l.src.(Ranged); ok && len(within.chunks) > 0 {
		first, last := within.ends()
		return r.ColumnIn(by, first, last)
	}
	return l.src.Column(by)
}

// lister is one call of List.
type lister struct {
	src   Source
	all   *Set
	spans []Span

	createdFrom, createdTo int64              // what the filters leave was created then, in microseconds
	working                *workingSets       // once asked for
	postings               map[string]posting // of a Ranged source, those that were asked for
}

// posting is the jobs that have a term in chunks first to last.
type posting struct {
	set         *Set
	first, last int64
}

// workingSets are the jobs that are neither queued for the first time nor ended.
type workingSets struct{ started, retry *Set }

// matching returns the jobs that the filters of a query leave.
func (l *lister) matching(q *store.JobQuery) (*Set, error) {
	set := l.all.Clone()
	steps := []func(*Set, *store.JobQuery) (*Set, error){
		l.byID, l.byStatus, l.byVersion, l.byVerdict, l.byMetadata, l.byCreation, l.byText,
	}
	for _, step := range steps {
		if len(set.chunks) == 0 {
			return set, nil
		}
		var err error
		if set, err = step(set, q); err != nil {
			return nil, err
		}
	}
	if q.Newest > 0 {
		set.KeepNewest(q.Newest)
	}
	return set, nil
}

// byID keeps one job when the query names it.
func (l *lister) byID(set *Set, q *store.JobQuery) (*Set, error) {
	if q.JobID == "" {
		return set, nil
	}
	seq, ok, err := l.src.Find(q.JobID)
	if err != nil {
		return nil, err
	}
	one := new(Set)
	if ok && set.Has(seq) {
		one.Add(seq)
	}
	return one, nil
}

// byStatus keeps the jobs of the query's statuses.
func (l *lister) byStatus(set *Set, q *store.JobQuery) (*Set, error) {
	if len(q.Status) == 0 {
		return set, nil
	}
	wanted := new(Set)
	for s := steward.StatusPending; s <= steward.StatusCached; s++ {
		if !slices.Contains(q.Status, s) {
			continue
		}
		some, err := l.ofStatus(s, set)
		if err != nil {
			return nil, err
		}
		wanted.Or(some)
	}
	set.And(wanted)
	return set, nil
}

// ofStatus returns the jobs of a status, as far as they matter for a set.
func (l *lister) ofStatus(s steward.Status, within *Set) (*Set, error) {
	if s.Terminal() {
		return l.posting(StatusTerm(s), within)
	}
	w, err := l.workingSets()
	if err != nil {
		return nil, err
	}
	switch s {
	case steward.StatusStarted:
		return w.started.Clone(), nil
	case steward.StatusRetry:
		return w.retry.Clone(), nil
	}
	ended, err := l.ended(within)
	if err != nil {
		return nil, err
	}
	pending := within.Clone()
	pending.AndNot(ended)
	pending.AndNot(w.started)
	pending.AndNot(w.retry)
	return pending, nil
}

// ended returns the jobs that have ended, as far as they matter for a set.
func (l *lister) ended(within *Set) (*Set, error) { return l.union(endedTerms(), within) }

// endedTerms returns the terms of the ended statuses.
func endedTerms() (terms []string) {
	for s := steward.StatusSuccess; s <= steward.StatusCached; s++ {
		terms = append(terms, StatusTerm(s))
	}
	return terms
}

// workingSets returns the jobs that run or wait for another try.
func (l *lister) workingSets() (*workingSets, error) {
	if l.working == nil {
		started, retry, err := l.src.Open()
		if err != nil {
			return nil, err
		}
		l.working = &workingSets{started, retry}
	}
	return l.working, nil
}

// union returns the jobs that have any of some terms, as far as they matter for a set.
func (l *lister) union(terms []string, within *Set) (*Set, error) {
	if err := l.gather(terms, within); err != nil {
		return nil, err
	}
	all := new(Set)
	for _, t := range terms {
		some, err := l.posting(t, within)
		if err != nil {
			return nil, err
		}
		all.Or(some)
	}
	return all, nil
}

// byVersion keeps the jobs of the query's versions.
func (l *lister) byVersion(set *Set, q *store.JobQuery) (*Set, error) {
	return l.anyOf(set, q.VersionNames, VersionTerm)
}

// byVerdict keeps the jobs with one of the query's verdicts. Terms are never taken back, so jobs whose data was deleted still have theirs.
func (l *lister) byVerdict(set *Set, q *store.JobQuery) (*Set, error) {
	if len(q.Verdicts) > 0 {
		gone, err := l.posting(PurgedTerm, set)
		if err != nil {
			return nil, err
		}
		set.AndNot(gone)
	}
	return l.anyOf(set, q.Verdicts, VerdictTerm)
}

// anyOf keeps the jobs that have any of some values; none keeps all.
func (l *lister) anyOf(set *Set, values []string, term func(string) string) (*Set, error) {
	if len(values) == 0 {
		return set, nil
	}
	terms := make([]string, len(values))
	for i, v := range values {
		terms[i] = term(v)
	}
	wanted, err := l.union(terms, set)
	if err != nil {
		return nil, err
	}
	set.And(wanted)
	return set, nil
}

// byMetadata keeps the jobs that have all of the query's labels and none of those that it excludes.
func (l *lister) byMetadata(set *Set, q *store.JobQuery) (*Set, error) {
	for _, label := range q.Metadata {
		with, err := l.posting(LabelTerm(label), set)
		if err != nil {
			return nil, err
		}
		set.And(with)
	}
	for _, label := range q.NotMetadata {
		with, err := l.posting(LabelTerm(label), set)
		if err != nil {
			return nil, err
		}
		set.AndNot(with)
	}
	return set, nil
}

// byCreation keeps the jobs that were created in the query's range. Only chunks at its ends are looked into.
func (l *lister) byCreation(set *Set, q *store.JobQuery) (*Set, error) {
	if q.CreatedFrom.IsZero() && q.CreatedTo.IsZero() {
		return set, nil
	}
	from, to := l.createdFrom, l.createdTo
	inside := new(Set)
	for i := range l.spans {
		sp := &l.spans[i]
		at, found := set.at(sp.Chunk)
		switch {
		case !found || sp.CreatedTo < from || sp.CreatedFrom > to:
		case sp.CreatedFrom >= from && sp.CreatedTo <= to:
			inside.chunks = append(inside.chunks, set.chunks[at])
		default:
			some, err := l.src.CreatedIn(sp.Chunk, max(from, sp.CreatedFrom), min(to, sp.CreatedTo))
			if err != nil {
				return nil, err
			}
			part := &Set{chunks: []chunk{set.chunks[at]}}
			part.And(some) // which may have jobs of other chunks
			inside.chunks = append(inside.chunks, part.chunks...)
		}
	}
	return inside, nil
}

// endOfTime is later than all times, in microseconds.
const endOfTime = int64(^uint64(0) >> 1)

// byText keeps the jobs in which the query's texts occur, among the newest of the set.
func (l *lister) byText(set *Set, q *store.JobQuery) (*Set, error) {
	if q.Search == "" && q.Inputs == "" {
		return set, nil
	}
	set.KeepNewest(store.SearchWindow)
	if text := storerow.Fold(q.Inputs); text != "" {
		found, err := l.src.Matching(set, text, false)
		if err != nil {
			return nil, err
		}
		set.And(found)
	}
	if text := storerow.Fold(q.Search); text != "" && len(set.chunks) > 0 {
		found, err := l.src.Matching(set, text, true)
		if err != nil {
			return nil, err
		}
		versions, err := l.versionsWith(text, set)
		if err != nil {
			return nil, err
		}
		found.Or(versions)
		set.And(found)
	}
	return set, nil
}

// versionsWith returns the jobs of versions in whose names a folded text occurs, as far as they matter for a set.
func (l *lister) versionsWith(text string, within *Set) (*Set, error) {
	names, err := l.src.Versions()
	if err != nil {
		return nil, err
	}
	var terms []string
	for _, name := range names {
		if strings.Contains(storerow.Fold(name), text) {
			terms = append(terms, VersionTerm(name))
		}
	}
	return l.union(terms, within)
}

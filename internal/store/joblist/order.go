package joblist

import (
	"cmp"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// few is how many jobs are so few that their keys are fetched and sorted, without further thought.
const few = 1000

// page returns the jobs of a set from the place skip on in an order, at most take. The order ends with the ids, so it is total.
func (l *lister) page(set *Set, order []store.JobOrder, skip, take int) ([]int64, error) {
	n := set.Len()
	if skip >= n || take <= 0 {
		return nil, nil
	}
	if n <= few {
		return l.sorted(l.fewer(set, order[0], skip+take).Numbers(), order, skip, take)
	}
	switch by, rest := order[0], order[1:]; by.By {
	case store.ByStatus:
		return l.byStatusGroups(set, by.Descending, rest, skip, take)
	case store.ByVersionName:
		return l.byVersionGroups(set, by.Descending, rest, skip, take)
	case store.ByCost, store.ByDuration:
		return l.byCode(set, order, skip, take)
	case store.ByUpdated:
		return l.byUpdate(set, order, skip, take)
	case store.ByID:
		return l.byWalk(set, WalkID, order, skip, take)
	default:
		return l.byWalk(set, WalkCreated, order, skip, take)
	}
}

// worthSpans is how many more jobs than are needed must be there to look at spans before keys are fetched.
const worthSpans = 50

// fewer leaves out jobs of a small set that cannot be among the first ones.
func (l *lister) fewer(set *Set, by store.JobOrder, need int) *Set {
	if by.By != store.ByCreated || set.Len() < need+worthSpans {
		return set
	}
	left, _ := l.candidates(set, WalkCreated, by.Descending, need)
	return left
}

// sorted fetches the keys of jobs and cuts the page out of them.
func (l *lister) sorted(seqs []int64, order []store.JobOrder, skip, take int) ([]int64, error) {
	if skip >= len(seqs) || take <= 0 {
		return nil, nil
	}
	if len(seqs) == 1 {
		return seqs, nil
	}
	keys, err := l.src.Keys(seqs)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(keys, func(a, b Keys) int { return compare(&a, &b, order) })
	keys = keys[min(skip, len(keys)):min(skip+take, len(keys))]
	page := make([]int64, len(keys))
	for i := range keys {
		page[i] = keys[i].Seq
	}
	return page, nil
}

// compare compares two jobs as an order says. Jobs without value come last in both directions.
func compare(a, b *Keys, order []store.JobOrder) int {
	for _, o := range order {
		if c := compareBy(a, b, o); c != 0 {
			return c
		}
	}
	return cmp.Compare(b.Seq, a.Seq) // equal ids do not exist
}

func compareBy(a, b *Keys, o store.JobOrder) int {
	c := 0
	switch o.By {
	case store.ByID:
		c = strings.Compare(a.ID, b.ID)
	case store.ByVersionName:
		c = strings.Compare(a.VersionName, b.VersionName)
	case store.ByStatus:
		c = cmp.Compare(a.Status, b.Status)
	case store.ByCreated:
		c = cmp.Compare(a.Created, b.Created)
	case store.ByUpdated:
		c = cmp.Compare(a.Updated, b.Updated)
	case store.ByCost:
		return compareValues(a.Cost, b.Cost, o.Descending)
	case store.ByDuration:
		return compareValues(a.Duration, b.Duration, o.Descending)
	}
	if o.Descending {
		return -c
	}
	return c
}

// compareValues compares values that may be None.
func compareValues(a, b int64, descending bool) int {
	switch {
	case a == b:
		return 0
	case a == None:
		return 1
	case b == None:
		return -1
	case descending:
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

// groups goes through parts of a set, one behind the other, until the page is full. next returns the jobs of the next group,
// nil behind the last.
func (l *lister) groups(set *Set, rest []store.JobOrder, skip, take int, next func() (*Set, error)) (page []int64, err error) {
	for take > 0 {
		group, err := next()
		if err != nil {
			return nil, err
		}
		if group == nil {
			break
		}
		group.And(set)
		n := group.Len()
		if skip >= n {
			skip -= n
			continue
		}
		some, err := l.page(group, rest, skip, take)
		if err != nil {
			return nil, err
		}
		page, skip, take = append(page, some...), 0, take-len(some)
	}
	return page, nil
}

// byStatusGroups orders by status.
func (l *lister) byStatusGroups(set *Set, descending bool, rest []store.JobOrder, skip, take int) ([]int64, error) {
	statuses := []steward.Status{}
	for s := steward.StatusPending; s <= steward.StatusCached; s++ {
		statuses = append(statuses, s)
	}
	if descending {
		slices.Reverse(statuses)
	}
	return l.groups(set, rest, skip, take, func() (*Set, error) {
		if len(statuses) == 0 {
			return nil, nil
		}
		s := statuses[0]
		statuses = statuses[1:]
		return l.ofStatus(s, set)
	})
}

// byVersionGroups orders by the name of the version.
func (l *lister) byVersionGroups(set *Set, descending bool, rest []store.JobOrder, skip, take int) ([]int64, error) {
	names, err := l.src.Versions()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	if descending {
		slices.Reverse(names)
	}
	next, gathered, atOnce := 0, 0, 1
	return l.groups(set, rest, skip, take, func() (*Set, error) {
		if next == len(names) {
			return nil, nil
		}
		if next == gathered { // few pages need more than the first
			gathered = min(next+atOnce, len(names))
			atOnce = min(8*atOnce, mostGathered)
			if err := l.gather(versionTerms(names[next:gathered]), set); err != nil {
				return nil, err
			}
		}
		next++
		return l.posting(VersionTerm(names[next-1]), set)
	})
}

// mostGathered is how many groups are asked for at once.
const mostGathered = 512

// versionTerms returns the terms of versions' names.
func versionTerms(names []string) []string {
	terms := make([]string, len(names))
	for i, name := range names {
		terms[i] = VersionTerm(name)
	}
	return terms
}

// byCode orders by cost or duration: those with a value by their codes, then those without.
func (l *lister) byCode(set *Set, order []store.JobOrder, skip, take int) ([]int64, error) {
	if skip+take > maxBest {
		return l.byCounts(set, order, skip, take)
	}
	b := newBest(set, order[0].Descending, skip+take)
	if err := l.codes(order[0].By, set, b.add); err != nil {
		return nil, err
	}
	b.finish()
	page, err := l.lowest(b, order, skip)
	if err != nil {
		return nil, err
	}
	var more []int64
	skip, take = max(0, skip-len(b.low)), take-len(page)
	if b.limited() {
		ties, code := b.last()
		more, err = l.class(ties, code, order, skip, take)
	} else {
		more, err = l.page(b.others(), order[1:], skip, take)
	}
	return append(page, more...), err
}

// lowest returns the jobs before the limit, in order, from the place skip on. Only those whose code others have too need a look.
func (l *lister) lowest(b *best, order []store.JobOrder, skip int) ([]int64, error) {
	if skip >= len(b.low) {
		return nil, nil
	}
	page := make([]int64, 0, b.need-skip)
	if from, to := b.class(skip); from < skip {
		// What stands before the page may be much more than the page.
		equal := new(Set)
		for _, e := range b.low[from:to] {
			equal.Add(b.seq(e))
		}
		some, err := l.class(equal, b.code(turnedOf(b.low[from])), order, skip-from, to-skip)
		if err != nil {
			return nil, err
		}
		page, skip = append(page, some...), to
	}
	var shared []int64
	for i := skip; i < len(b.low); {
		from, to := b.class(i)
		for ; i < to && to-from > 1; i++ {
			shared = append(shared, b.seq(b.low[i]))
		}
		i = to
	}
	shared, err := l.sorted(shared, order, 0, len(shared))
	if err != nil {
		return nil, err
	}
	for i := skip; i < len(b.low); {
		from, to := b.class(i)
		if n := to - from; n > 1 {
			page, shared = append(page, shared[:n]...), shared[n:]
		} else {
			page = append(page, b.seq(b.low[i]))
		}
		i = to
	}
	return page, nil
}

// codes calls visit with the codes of the jobs of a set, block by block, and of others: part says which block of the chunk at a place
// in the set. Blocks without codes may be left out. The codes are valid only during the call.
func (l *lister) codes(by store.JobOrderKey, set *Set, visit func(chunk, part int, codes *Block)) error {
	src, ok := l.src.(Streamed)
	if !ok {
		col, err := l.column(by, set)
		if err == nil {
			col.each(set, visit)
		}
		return err
	}
	var sparse Block
	each := func(number int64, encoded []byte) error {
		chunk, found := set.at(number / blocksPerChunk)
		if !found {
			return nil
		}
		codes := &sparse
		if len(encoded) == denseBlockLen {
			codes = (*Block)(encoded)
		} else {
			sparse = Block{}
			if err := sparse.Merge(encoded); err != nil {
				return err
			}
		}
		visit(chunk, int(number%blocksPerChunk), codes)
		return nil
	}
	for first, last := range set.runs() {
		if err := src.EachBlock(by, first, last, each); err != nil {
			return err
		}
	}
	return nil
}

// byCounts is byCode for pages that lie far behind.
func (l *lister) byCounts(set *Set, order []store.JobOrder, skip, take int) (page []int64, err error) {
	col, err := l.column(order[0].By, set)
	if err != nil {
		return nil, err
	}
	r := newRanks(col.of(set, set.Len()), order[0].Descending)
	if skip < r.valued {
		if page, err = l.coded(set, r, order, skip, min(take, r.valued-skip)); err != nil {
			return nil, err
		}
	}
	if len(page) == take {
		return page, nil
	}
	more, err := l.page(r.only(set, noCode), order[1:], max(0, skip-r.valued), take-len(page))
	return append(page, more...), err
}

// coded cuts a page out of the jobs that have a code; there are at least skip+take of them.
func (l *lister) coded(set *Set, r *ranks, order []store.JobOrder, skip, take int) ([]int64, error) {
	// The page begins in the class of jobs with code first and ends in that with code last.
	first, before := r.find(skip)
	last, _ := r.find(skip + take - 1)
	if first == last {
		return l.class(r.only(set, first), first, order, skip-before, take)
	}
	heads, tails, between := r.parts(set, first, last)
	page, err := l.class(heads, first, order, skip-before, take)
	if err != nil {
		return page, err
	}
	middle, err := l.sorted(between, order, 0, take-len(page))
	if err != nil {
		return nil, err
	}
	page = append(page, middle...)
	end, err := l.class(tails, last, order, 0, take-len(page))
	return append(page, end...), err
}

// class cuts a page out of jobs of one code: they are equal when it is exact, otherwise they differ by little.
func (l *lister) class(set *Set, code uint32, order []store.JobOrder, skip, take int) ([]int64, error) {
	if exactCode(code) {
		return l.page(set, order[1:], skip, take)
	}
	return l.sorted(set.Numbers(), order, skip, take)
}

// byUpdate orders by the last change: ended jobs by their end, queued ones by their creation, the others by their rows.
func (l *lister) byUpdate(set *Set, order []store.JobOrder, skip, take int) ([]int64, error) {
	w, err := l.workingSets()
	if err != nil {
		return nil, err
	}
	ended, err := l.ended(set)
	if err != nil {
		return nil, err
	}
	open := set.Clone()
	open.AndNot(ended)
	ended.And(set)
	working := w.started.Clone()
	working.Or(w.retry.Clone())
	working.And(open)
	open.AndNot(working)
	if open.Len() == 0 && working.Len() == 0 {
		return l.byWalk(ended, WalkEnded, order, skip, take)
	}
	// Each kind gives its first ones; the page lies among them.
	heads := working.Numbers()
	for _, part := range []struct {
		set *Set
		key WalkKey
	}{{ended, WalkEnded}, {open, WalkCreated}} {
		some, err := l.byWalk(part.set, part.key, order, 0, skip+take)
		if err != nil {
			return nil, err
		}
		heads = append(heads, some...)
	}
	return l.sorted(heads, order, skip, take)
}

// stepsPerFetch is how many steps of a walk cost as much as to fetch the keys of one job.
const stepsPerFetch = 3

// byWalk orders by a key that goes up with the numbers, more or less. order[0] is the key, or what it stands for. Chunks whose spans
// say that they cannot be part of the page are not looked at. If few jobs are left their keys are fetched; otherwise the source walks
// over its index, which is short as the jobs are dense; if it becomes long, the keys of all that are left are fetched after all.
func (l *lister) byWalk(set *Set, key WalkKey, order []store.JobOrder, skip, take int) ([]int64, error) {
	if n := set.Len(); skip >= n || take <= 0 {
		return nil, nil
	} else if n <= few {
		return l.sorted(set.Numbers(), order, skip, take)
	}
	descending := order[0].Descending
	left, bound := l.candidates(set, key, descending, skip+take)
	n := left.Len()
	if n <= few {
		return l.sorted(left.Numbers(), order, skip, take)
	}
	w := walk{set: left, size: n, need: skip + take, steps: max(4*few, stepsPerFetch*n)}
	if err := l.src.Walk(key, descending, bound, w.visit); err != nil {
		return nil, err
	}
	if !w.enough {
		return l.sorted(left.Numbers(), order, skip, take)
	}
	return l.untie(&w, order, skip, take)
}

// walk collects the members of a set that a walk comes by.
type walk struct {
	set    *Set
	size   int // of the set
	need   int
	steps  int // left before it is given up
	seqs   []int64
	runs   []int // where in seqs each run of equal bounds begins
	at     Bound
	enough bool
}

// visit takes one job and reports whether to go on. The walk ends behind the run in which the last job needed stands.
func (w *walk) visit(at Bound, seq int64) bool {
	w.steps--
	same := len(w.seqs) > 0 && at == w.at
	if len(w.seqs) >= w.need && !same {
		w.enough = true
		return false
	}
	if w.set.Has(seq) {
		if !same {
			w.runs = append(w.runs, len(w.seqs))
		}
		w.seqs, w.at = append(w.seqs, seq), at
		if len(w.seqs) == w.size {
			w.enough = true
			return false
		}
	}
	return w.steps > 0
}

// untie cuts the page out of what a walk collected. Jobs that are equal by its key are ordered by what follows.
func (l *lister) untie(w *walk, order []store.JobOrder, skip, take int) (page []int64, err error) {
	for i, begin := range w.runs {
		end := len(w.seqs)
		if i+1 < len(w.runs) {
			end = w.runs[i+1]
		}
		if end <= skip || begin >= skip+take {
			continue
		}
		run := w.seqs[begin:end]
		if len(run) > 1 {
			tied := new(Set)
			for _, seq := range run {
				tied.Add(seq)
			}
			run, err = l.page(tied, order[1:], max(0, skip-begin), skip+take-max(skip, begin))
			if err != nil {
				return nil, err
			}
		}
		page = append(page, run...)
	}
	return page, nil
}

// candidates returns the jobs of a set among which its first need ones are, going by the spans of the chunks alone, and where a
// walk to find them begins.
func (l *lister) candidates(set *Set, key WalkKey, descending bool, need int) (*Set, Bound) {
	type part struct {
		chunk       chunk
		first, last Bound // in the direction of the order
	}
	parts := make([]part, 0, len(set.chunks))
	for i := range l.spans {
		sp := &l.spans[i]
		at, found := set.at(sp.Chunk)
		if !found {
			continue
		}
		p := part{chunk: set.chunks[at]}
		if p.first, p.last = l.bounds(sp, key); descending {
			p.first, p.last = p.last, p.first
		}
		parts = append(parts, p)
	}
	before := func(a, b Bound) int {
		c := cmp.Or(cmp.Compare(a.Time, b.Time), strings.Compare(a.ID, b.ID))
		if descending {
			return -c
		}
		return c
	}
	slices.SortFunc(parts, func(a, b part) int { return before(a.first, b.first) })
	// The first chunks that hold enough reach as far as limit; chunks that begin behind it hold none of the first.
	left, taken := new(Set), 0
	var limit Bound
	for _, p := range parts {
		if taken >= need && before(limit, p.first) < 0 {
			break
		}
		if taken < need && (taken == 0 || before(limit, p.last) < 0) {
			limit = p.last
		}
		taken += p.chunk.bits.Len()
		left.chunks = append(left.chunks, p.chunk)
	}
	slices.SortFunc(left.chunks, func(a, b chunk) int { return cmp.Compare(a.number, b.number) })
	return left, parts[0].first
}

// bounds returns where the jobs of a chunk that the filters leave stand by a key.
func (l *lister) bounds(sp *Span, key WalkKey) (from, to Bound) {
	switch key {
	case WalkID:
		return Bound{ID: sp.IDFrom}, Bound{ID: sp.IDTo}
	case WalkEnded:
		return Bound{Time: sp.EndedFrom}, Bound{Time: sp.EndedTo}
	default:
		return Bound{Time: max(sp.CreatedFrom, l.createdFrom)}, Bound{Time: min(sp.CreatedTo, l.createdTo)}
	}
}

package postgres

import (
	"crypto/sha256"
	"strings"

	"github.com/stewardhq/steward/internal/store/joblist"
)

// searched is what a search has found so far. A text changes only when the data of its job are deleted, which job_spans tells.
type searched struct {
	looked *joblist.Set // the jobs that were looked into
	found  *joblist.Set // those among them in which the text occurs
}

// Matching implements joblist.Source. Only jobs that no search for the same text has looked into yet are looked into.
func (l *listSource) Matching(among *joblist.Set, text string, ids bool) (*joblist.Set, error) {
	if storable("", text) != nil {
		return &joblist.Set{}, nil //nolint:nilerr // nothing stored contains such text
	}
	ids = ids && partOfID(text)
	digest := sha256.Sum256([]byte(text)) // what people search for is not kept
	key := cacheKey{era: l.era, lane: l.lane(), kind: keptTexts, name: string(digest[:])}
	if ids {
		key.kind = keptTextsOrID
	}
	known, err := l.searched(key)
	if err != nil {
		return nil, err
	}
	left := among.Clone()
	left.AndNot(known.looked)
	if seqs := left.Numbers(); len(seqs) > 0 {
		found, err := l.search(seqs, text, ids)
		if err != nil {
			return nil, err
		}
		found.Or(known.found.Clone())
		left.Or(known.looked.Clone())
		known = &searched{looked: left, found: found}
		l.cache.put(key, l.fold, known, sizeOf(left)+sizeOf(found))
	}
	return known.found.Clone(), nil
}

// searched returns what is known of a search, without the chunks that were changed since. It must not be changed.
func (l *listSource) searched(key cacheKey) (*searched, error) {
	known, ok := cached[*searched](l.cache, key, l.fold)
	if !ok {
		return &searched{looked: &joblist.Set{}, found: &joblist.Set{}}, nil
	}
	unchanged := func(chunk int64) bool { return l.spans[chunk] == nil || l.spans[chunk].fold <= known.fold }
	for chunk := range known.value.looked.Chunks() {
		if unchanged(chunk) {
			continue
		}
		looked, err := chunksOf(known.value.looked, unchanged)
		if err != nil {
			return nil, err
		}
		found, err := chunksOf(known.value.found, unchanged)
		return &searched{looked, found}, err
	}
	return known.value, nil
}

// partOfID reports whether a text may occur in an id.
func partOfID(text string) bool {
	const idLen = 36
	return len(text) <= idLen && strings.Trim(text, "0123456789abcdef-") == ""
}

// Searches answer a 1 or a 0 for each job that they look into, in the order of the numbers: so many rows would cost more than the search.
// A text occurs in another if that does not end where the first part before it ends; strpos would count the characters before it.
// Jobs that are many in a range of numbers are read by the range: the bits of $3 tell which of it are meant.
const (
	occursSQL     = `octet_length(split_part(inputs, $1, 1)) < octet_length(inputs) or $2 and strpos(id::text, $1) > 0`
	matchingInSQL = `
select coalesce(string_agg(case when ` + occursSQL + ` then '1' else '0' end, ''), '') from (
    select id, inputs from job_list where seq >= $4 and seq <= $5 and get_bit($3::bytea, (seq - $4)::integer) = 1 order by seq) l`
	matchingOfSQL = `
select coalesce(string_agg(case when ` + occursSQL + ` then '1' else '0' end, ''), '') from unnest($3::bigint[]) as g (seq)
left join lateral (select id, inputs from job_list where seq = g.seq limit 1) l on true`
)

// crowded is how many numbers may be passed over for each that is wanted.
const crowded = 12

// search returns those of some jobs in which a text occurs. Their numbers rise.
func (l *listSource) search(seqs []int64, text string, ids bool) (*joblist.Set, error) {
	first, last := seqs[0], seqs[len(seqs)-1]
	var marks string
	if last-first < crowded*int64(len(seqs)) {
		wanted := make([]byte, (last-first)/8+1)
		for _, seq := range seqs {
			wanted[(seq-first)/8] |= 1 << ((seq - first) % 8)
		}
		if err := l.tx.QueryRow(l.ctx, matchingInSQL, text, ids, wanted, first, last).Scan(&marks); err != nil {
			return nil, err
		}
	}
	if len(marks) != len(seqs) { // they lie far apart, or some have no row any more
		if err := l.tx.QueryRow(l.ctx, matchingOfSQL, text, ids, seqs).Scan(&marks); err != nil {
			return nil, err
		}
	}
	found := &joblist.Set{}
	for i, seq := range seqs {
		if marks[i] == '1' {
			found.Add(seq)
		}
	}
	return found, nil
}

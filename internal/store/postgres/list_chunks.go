package postgres

import (
	"cmp"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward/internal/store/joblist"
)

// createdOfSQL reads when the jobs of a chunk were created.
const createdOfSQL = `
select created_at, seq from job_list
where seq >= $1 and seq < $2 and (organization_id = $3 and ($4::uuid is null or agent_id = $4)) is true`

// chunkWalk walks over jobs in the order of their creation, chunk by chunk. That needs no index: numbers go up with times, but for
// jobs that were stored at the same moment, so that hardly ever more than two chunks are held.
type chunkWalk struct {
	source     *listSource
	descending bool
	from       int64 // microseconds
	each       func(at joblist.Bound, seq int64) bool

	left []joblist.Span // chunks not read yet, the first first
	held []heldJob      // jobs that were read and not yet walked over
}

// heldJob is a job of a chunk.
type heldJob struct {
	at  int64 // microseconds
	seq int64
}

// compare says which of two times comes first.
func (w *chunkWalk) compare(a, b int64) int {
	if w.descending {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

// ends returns the times at which the jobs of a chunk begin and end in the direction of the walk.
func (w *chunkWalk) ends(s *joblist.Span) (first, last int64) {
	if w.descending {
		return s.CreatedTo, s.CreatedFrom
	}
	return s.CreatedFrom, s.CreatedTo
}

func (w *chunkWalk) run() error {
	for _, s := range w.source.chunks {
		if _, last := w.ends(&s); w.compare(last, w.from) >= 0 {
			w.left = append(w.left, s)
		}
	}
	slices.SortFunc(w.left, func(a, b joblist.Span) int {
		first, _ := w.ends(&a)
		other, _ := w.ends(&b)
		return w.compare(first, other)
	})
	for len(w.left) > 0 {
		if err := w.read(); err != nil {
			return err
		}
		if !w.step() {
			return nil
		}
	}
	return nil
}

// read reads the next chunk.
func (w *chunkWalk) read() error {
	first := w.left[0].Chunk * joblist.ChunkSize
	w.left = w.left[1:]
	l := w.source
	rows, err := l.tx.Query(l.ctx, createdOfSQL, first, first+joblist.ChunkSize, l.org, l.agent)
	if err != nil {
		return err
	}
	var at pgtype.Timestamptz
	var seq int64
	if _, err := pgx.ForEachRow(rows, []any{&at, &seq}, func() error {
		if us := micros(at); w.compare(us, w.from) >= 0 {
			w.held = append(w.held, heldJob{us, seq})
		}
		return nil
	}); err != nil {
		return err
	}
	slices.SortFunc(w.held, func(a, b heldJob) int { return cmp.Or(w.compare(a.at, b.at), cmp.Compare(b.seq, a.seq)) })
	return nil
}

// step walks over the jobs that come before all chunks that were not read, and reports whether to go on.
func (w *chunkWalk) step() bool {
	n := 0
	for ; n < len(w.held); n++ {
		j := w.held[n]
		if len(w.left) > 0 {
			if first, _ := w.ends(&w.left[0]); w.compare(j.at, first) >= 0 {
				break
			}
		}
		if !w.each(joblist.Bound{Time: j.at}, j.seq) {
			return false
		}
	}
	w.held = append(w.held[:0], w.held[n:]...)
	return true
}

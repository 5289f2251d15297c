package sqlite

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// The lists of jobs (package joblist) are brought up to date once for all operations of a commit: operations only note what
// changed, and the end of the transaction folds the notes into few rows, however many jobs there are in them.

// listNote says that a job was stored, has ended, or both.
type listNote struct {
	lane    lane
	seq     int64
	id      string // "" for a job of which neither is true: it only has new terms
	terms   []string
	stored  bool
	text    string         // of a stored job, that lists are searched for
	created int64          // microseconds, of a stored job
	ended   int64          // microseconds, 0 unless the job has ended
	status  steward.Status // of an ended job
	// cost and duration of an ended job; joblist.None for none.
	cost     int64
	duration int64
}

// storedNote is the note of a new job.
func storedNote(l lane, seq int64, id steward.JobID, created time.Time, terms []string, text string) listNote {
	return listNote{
		lane: l, seq: seq, terms: terms, stored: true, text: text, id: string(id), created: storerow.Micros(created),
		cost: joblist.None, duration: joblist.None,
	}
}

// end adds to a note that the job has ended. Times are microseconds; cost is joblist.None for none.
func (n *listNote) end(s steward.Status, endedAt, startedAt, cost int64, terms []string) {
	n.status, n.ended, n.cost, n.duration = s, endedAt, cost, joblist.DurationOf(startedAt, endedAt)
	n.terms = append(n.terms, terms...)
}

// costOf returns the cost in encoded usage, as costOfUsage does in SQL. What cannot be read has none; no usage costs nothing.
func costOf(usage string) int64 {
	u, err := storerow.ParseUsage(usage)
	if err != nil {
		return joblist.None
	}
	return joblist.CostOf(u)
}

// costOfUsage is costOf of the usage of a job j. To decode all of it takes longer than to look the job up.
const costOfUsage = `CASE WHEN j.usage = '' THEN 0 WHEN NOT json_valid(j.usage) THEN -1 ELSE coalesce(max(0, j.usage ->> '$.cost_micro_usd'), -1) END`

// endOfJob is what is noted when a job ends that was stored before.
type endOfJob struct {
	lane      lane
	seq       int64
	id        string
	status    steward.Status
	at        time.Time
	startedAt int64 // microseconds, 0 for never
	cost      int64 // joblist.None for none
	terms     []string
}

// ended notes that a job has ended.
func (t *tx) ended(e *endOfJob) {
	n := listNote{lane: e.lane, seq: e.seq, id: e.id}
	n.end(e.status, storerow.Micros(e.at), e.startedAt, e.cost, e.terms)
	t.lists = append(t.lists, n)
}

// ends names places of a kind of range. They widen the range that is stored.
type ends struct{ from, to int64 }

func (e *ends) widen(v int64) {
	if e.from == 0 || v < e.from {
		e.from = v
	}
	e.to = max(e.to, v)
}

// chunkNote is what changes in a chunk of a lane.
type chunkNote struct {
	bits           joblist.Bits
	created, ended ends
	idFrom, idTo   string
}

// laneChunk names a chunk of a lane, laneTerm the part of a term in it, laneBlock a block of codes.
type (
	laneChunk struct{ lane, chunk int64 }
	laneTerm  struct {
		laneChunk
		term string
	}
)

// fold is the sum of all notes of a commit.
type fold struct {
	chunks map[laneChunk]*chunkNote
	terms  map[laneTerm][]int16     // places: most terms have few
	blocks map[int64]*joblist.Block // by place
}

// Columns of codes.
const (
	costColumn     = 0
	durationColumn = 1
)

// blocksEnd is behind the numbers of all blocks that a key has room for: those of 4 billion times 1024 jobs.
const blocksEnd = int64(1) << 32

// codePlace returns the key of a block of codes.
func codePlace(lane, column, block int64) int64 { return (lane*2+column)*blocksEnd + block }

// writeLists folds the notes of the commit into the lists.
func (t *tx) writeLists(lanes *laneNames) error {
	if len(t.lists) == 0 {
		return nil
	}
	f := fold{map[laneChunk]*chunkNote{}, map[laneTerm][]int16{}, map[int64]*joblist.Block{}}
	made := map[lane]int64{} // in this transaction
	for i := range t.lists {
		n := &t.lists[i]
		number, err := lanes.of(t.conn, n.lane, made)
		if err != nil {
			return fmt.Errorf("name lane: %w", err)
		}
		f.add(number, n)
	}
	for at, n := range f.chunks {
		if err := t.mergeChunk(at, n); err != nil {
			return fmt.Errorf("merge chunk: %w", err)
		}
	}
	for at, places := range f.terms {
		if err := t.mergeTerm(at, places); err != nil {
			return fmt.Errorf("merge term: %w", err)
		}
	}
	for place, b := range f.blocks {
		if err := t.mergeCodes(place, b); err != nil {
			return fmt.Errorf("merge codes: %w", err)
		}
	}
	if err := t.writeTexts(); err != nil {
		return fmt.Errorf("store texts: %w", err)
	}
	return nil
}

// textsAtOnce is how many texts one statement stores at most: it takes half as long as one statement for each. A power of two.
const textsAtOnce = 32

// writeTexts stores what lists are searched for, of the jobs that the commit stored.
func (t *tx) writeTexts() error {
	args := make([]any, 0, 3*textsAtOnce)
	for i := range t.lists {
		if n := &t.lists[i]; n.stored {
			args = append(args, n.seq, n.id, n.text)
		}
		if len(args) < cap(args) {
			continue
		}
		if err := t.insertTexts(args); err != nil {
			return err
		}
		args = args[:0]
	}
	return t.insertTexts(args)
}

// insertTexts stores at most textsAtOnce texts, three arguments each, by statements for as many of them as a power of two, so that
// there are few statements.
func (t *tx) insertTexts(args []any) error {
	for n := textsAtOnce; n > 0; n /= 2 {
		if len(args) < 3*n {
			continue
		}
		if _, err := t.exec("INSERT INTO job_texts (seq, id, text) VALUES (?, ?, ?)"+strings.Repeat(", (?, ?, ?)", n-1)+" ON CONFLICT DO NOTHING", args[:3*n]...); err != nil {
			return err
		}
		args = args[3*n:]
	}
	return nil
}

// add adds one note.
func (f *fold) add(lane int64, n *listNote) {
	chunk, place := joblist.ChunkOf(n.seq)
	at := laneChunk{lane, chunk}
	c := f.chunks[at]
	if c == nil {
		c = &chunkNote{}
		f.chunks[at] = c
	}
	if n.stored {
		c.bits.Add(place)
		c.created.widen(n.created)
		if c.idFrom == "" || n.id < c.idFrom {
			c.idFrom = n.id
		}
		c.idTo = max(c.idTo, n.id)
	}
	if n.ended != 0 {
		c.ended.widen(n.ended)
		f.code(lane, costColumn, n.seq, n.cost)
		f.code(lane, durationColumn, n.seq, n.duration)
	}
	for _, term := range n.terms {
		key := laneTerm{at, term}
		f.terms[key] = append(f.terms[key], int16(place)) //nolint:gosec // below joblist.ChunkSize
	}
}

// code adds the code of a value, if there is one.
func (f *fold) code(lane, column, seq, value int64) {
	if value == joblist.None {
		return
	}
	block, place := joblist.BlockOf(seq)
	key := codePlace(lane, column, block)
	b := f.blocks[key]
	if b == nil {
		b = new(joblist.Block)
		f.blocks[key] = b
	}
	b.Set(place, value)
}

// mergeChunk widens a chunk of a lane.
func (t *tx) mergeChunk(at laneChunk, n *chunkNote) error {
	_, err := t.first(`SELECT bits, created_from, created_to, ended_from, ended_to, id_from, id_to FROM job_chunks WHERE lane = ? AND chunk = ?`,
		[]any{at.lane, at.chunk}, func(r row) error {
			for _, v := range []int64{r.int(1), r.int(2)} {
				n.created.widen(v)
			}
			if r.int(4) != 0 {
				n.ended.widen(r.int(3))
				n.ended.widen(r.int(4))
			}
			if n.idFrom == "" || r.text(5) < n.idFrom {
				n.idFrom = r.text(5)
			}
			n.idTo = max(n.idTo, r.text(6))
			return n.bits.Merge(r.blob(0))
		})
	if err != nil {
		return t.leave(err)
	}
	_, err = t.exec(`INSERT INTO job_chunks (lane, chunk, bits, created_from, created_to, ended_from, ended_to, id_from, id_to)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET bits = excluded.bits, created_from = excluded.created_from,
			created_to = excluded.created_to, ended_from = excluded.ended_from, ended_to = excluded.ended_to,
			id_from = excluded.id_from, id_to = excluded.id_to`,
		at.lane, at.chunk, joblist.AppendBits(nil, &n.bits), n.created.from, n.created.to, n.ended.from, n.ended.to, n.idFrom, n.idTo)
	return err
}

// leave counts a damaged part of a list, which stays as it is: whoever reads it is told, all others need not suffer.
func (t *tx) leave(err error) error {
	if !errors.Is(err, joblist.ErrDamaged) {
		return err
	}
	t.damaged++
	return nil
}

// mergeTerm adds the jobs at some places to those that have a term.
func (t *tx) mergeTerm(at laneTerm, places []int16) error {
	var bits joblist.Bits
	_, err := t.first("SELECT bits FROM job_bits WHERE lane = ? AND term = ? AND chunk = ?", []any{at.lane, at.term, at.chunk},
		func(r row) error { return bits.Merge(r.blob(0)) })
	if err != nil {
		return t.leave(err)
	}
	for _, place := range places {
		bits.Add(int(place))
	}
	_, err = t.exec(`INSERT INTO job_bits (lane, term, chunk, bits) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET bits = excluded.bits`,
		at.lane, at.term, at.chunk, joblist.AppendBits(nil, &bits))
	return err
}

// mergeCodes adds codes to a block. A job's codes are set once, so that it does not matter which of two wins.
func (t *tx) mergeCodes(place int64, b *joblist.Block) error {
	_, err := t.first("SELECT codes FROM job_codes WHERE place = ?", []any{place}, func(r row) error { return b.Merge(r.blob(0)) })
	if err != nil {
		return t.leave(err)
	}
	_, err = t.exec("INSERT INTO job_codes (place, codes) VALUES (?, ?) ON CONFLICT DO UPDATE SET codes = excluded.codes",
		place, joblist.AppendBlock(nil, b))
	return err
}

// laneNames remembers the numbers of lanes. It belongs to the writer.
type laneNames struct{ numbers map[lane]int64 }

// maxLaneNames bounds the memory of laneNames.
const maxLaneNames = 10_000

// of returns the number of a lane, which it makes if there is none. Those that it made are only noted in made, as the transaction
// may still fail.
func (n *laneNames) of(c *conn, l lane, made map[lane]int64) (number int64, err error) {
	number, known := n.numbers[l]
	if !known {
		number, known = made[l]
	}
	if known {
		return number, nil
	}
	found, err := c.laneNumber(l, &number)
	if err != nil {
		return 0, err
	}
	if found {
		if n.numbers == nil || len(n.numbers) >= maxLaneNames {
			n.numbers = map[lane]int64{}
		}
		n.numbers[l] = number
		return number, nil
	}
	_, err = c.first("INSERT INTO job_lanes (organization_id, agent_id) VALUES (?, ?) RETURNING id", []any{l.organization, l.agent},
		func(r row) error { number = r.int(0); return nil })
	made[l] = number
	return number, err
}

// laneNumber reads the number of a lane.
func (c *conn) laneNumber(l lane, number *int64) (found bool, err error) {
	return c.first("SELECT id FROM job_lanes WHERE organization_id = ? AND agent_id = ?", []any{l.organization, l.agent},
		func(r row) error { *number = r.int(0); return nil })
}

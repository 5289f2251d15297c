package sqlite

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
)

// laneLists are the lists of a lane as a reader sees them in a snapshot. It implements joblist.Source.
type laneLists struct {
	*conn
	lane   lane
	number int64
}

// All implements joblist.Source.
func (l *laneLists) All() (*joblist.Set, []joblist.Span, error) {
	set, spans := new(joblist.Set), []joblist.Span(nil)
	err := l.query(`SELECT chunk, bits, created_from, created_to, ended_from, ended_to, id_from, id_to FROM job_chunks
		WHERE lane = ? ORDER BY chunk`, []any{l.number}, func(r row) error {
		spans = append(spans, joblist.Span{
			Chunk: r.int(0), CreatedFrom: r.int(2), CreatedTo: r.int(3), EndedFrom: r.int(4), EndedTo: r.int(5),
			IDFrom: r.text(6), IDTo: r.text(7),
		})
		return set.Merge(r.int(0), r.blob(1))
	})
	return set, spans, err
}

// Posting implements joblist.Source.
func (l *laneLists) Posting(term string) (*joblist.Set, error) {
	return l.PostingIn(term, 0, math.MaxInt64)
}

// PostingIn implements joblist.Ranged.
func (l *laneLists) PostingIn(term string, first, last int64) (*joblist.Set, error) {
	set := new(joblist.Set)
	err := l.query("SELECT chunk, bits FROM job_bits WHERE lane = ? AND term = ? AND chunk BETWEEN ? AND ? ORDER BY chunk",
		[]any{l.number, term, first, last}, func(r row) error { return set.Merge(r.int(0), r.blob(1)) })
	return set, err
}

// Versions implements joblist.Source. It hops from one name to the next.
func (l *laneLists) Versions() (names []string, err error) {
	for from := joblist.VersionPrefix; ; {
		term := ""
		_, err := l.first("SELECT term FROM job_bits WHERE lane = ? AND term >= ? ORDER BY term, chunk LIMIT 1", []any{l.number, from},
			func(r row) error { term = r.text(0); return nil })
		name, isVersion := strings.CutPrefix(term, joblist.VersionPrefix)
		if err != nil || !isVersion {
			return names, err
		}
		names, from = append(names, name), term+"\x00" // the least text behind it
	}
}

// Open implements joblist.Source.
func (l *laneLists) Open() (started, retry *joblist.Set, err error) {
	started, err = l.set(`SELECT group_concat(seq) FROM jobs INDEXED BY jobs_running
		WHERE status = 1 AND organization_id = ? AND agent_id = ?`, l.lane.organization, l.lane.agent)
	if err != nil {
		return nil, nil, err
	}
	retry, err = l.set(`SELECT group_concat(seq) FROM jobs INDEXED BY jobs_retrying
		WHERE status = 2 AND organization_id = ? AND agent_id = ?`, l.lane.organization, l.lane.agent)
	return started, retry, err
}

// set returns the set of job numbers that a query answers as one text, divided by commas: a row for each would cost more than to
// find them.
func (l *laneLists) set(query string, args ...any) (*joblist.Set, error) {
	set := new(joblist.Set)
	_, err := l.first(query, args, func(r row) error {
		if r.text(0) == "" {
			return nil
		}
		for text := range strings.SplitSeq(r.text(0), ",") {
			seq, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return err
			}
			set.Add(seq)
		}
		return nil
	})
	return set, err
}

// Find implements joblist.Source.
func (l *laneLists) Find(id steward.JobID) (seq int64, ok bool, err error) {
	ok, err = l.first("SELECT seq FROM jobs WHERE id = ?", []any{id}, func(r row) error { seq = r.int(0); return nil })
	return seq, ok, err
}

// CreatedIn implements joblist.Source.
func (l *laneLists) CreatedIn(_, from, to int64) (*joblist.Set, error) {
	return l.set(`SELECT group_concat(seq) FROM jobs INDEXED BY jobs_by_agent
		WHERE organization_id = ? AND agent_id = ? AND created_at BETWEEN ? AND ?`, l.lane.organization, l.lane.agent, from, to)
}

// Matching implements joblist.Source. Numbers that stand close together are looked through from the first to the last; others are
// looked up one by one.
func (l *laneLists) Matching(among *joblist.Set, text string, ids bool) (*joblist.Set, error) {
	occurs := "instr(t.text, ?1) > 0"
	if ids {
		occurs = "(instr(t.text, ?1) > 0 OR instr(t.id, ?1) > 0)"
	}
	found := new(joblist.Set)
	var few []int64
	for chunk, bits := range among.Chunks() {
		some := bits.Numbers(chunk)
		first, last := some[0], some[len(some)-1]
		if int64(len(some))*8 < last-first {
			few = append(few, some...)
			continue
		}
		set, err := l.set("SELECT group_concat(t.seq) FROM job_texts t WHERE t.seq BETWEEN ?2 AND ?3 AND "+occurs, text, first, last)
		if err != nil {
			return nil, err
		}
		found.Or(set)
	}
	if len(few) == 0 {
		return found, nil
	}
	list, err := numbers(few)
	if err != nil {
		return nil, err
	}
	set, err := l.set("SELECT group_concat(t.seq) FROM json_each(?2) n CROSS JOIN job_texts t ON t.seq = n.value WHERE "+occurs, text, list)
	if err != nil {
		return nil, err
	}
	found.Or(set)
	return found, nil
}

// numbers encodes job numbers as a JSON list, which statements take apart.
func numbers(seqs []int64) (string, error) {
	b, err := json.Marshal(seqs)
	return string(b), err
}

// Column implements joblist.Source.
func (l *laneLists) Column(by store.JobOrderKey) (*joblist.Column, error) {
	return l.ColumnIn(by, 0, blocksEnd/blocksPerChunk-1)
}

// blocksPerChunk is how many blocks of codes a chunk has.
const blocksPerChunk = joblist.ChunkSize / joblist.BlockSize

// ColumnIn implements joblist.Ranged.
func (l *laneLists) ColumnIn(by store.JobOrderKey, first, last int64) (*joblist.Column, error) {
	col := new(joblist.Column)
	return col, l.EachBlock(by, first, last, col.Merge)
}

// EachBlock implements joblist.Streamed.
func (l *laneLists) EachBlock(by store.JobOrderKey, first, last int64, each func(number int64, encoded []byte) error) error {
	column := int64(costColumn)
	if by == store.ByDuration {
		column = durationColumn
	}
	begin := codePlace(l.number, column, 0)
	return l.query("SELECT place, codes FROM job_codes WHERE place >= ? AND place < ? ORDER BY place",
		[]any{begin + first*blocksPerChunk, begin + (last+1)*blocksPerChunk},
		func(r row) error { return each(r.int(0)-begin, r.blob(1)) })
}

// Walk implements joblist.Source.
func (l *laneLists) Walk(key joblist.WalkKey, descending bool, bound joblist.Bound, each func(at joblist.Bound, seq int64) bool) error {
	from, order := ">=", ""
	if descending {
		from, order = "<=", " DESC"
	}
	visit := func(at joblist.Bound, seq int64) error {
		if !each(at, seq) {
			return errStop
		}
		return nil
	}
	var err error
	if key == joblist.WalkID {
		err = l.query("SELECT id, seq FROM jobs INDEXED BY sqlite_autoindex_jobs_1 WHERE id "+from+" ? ORDER BY id"+order, []any{bound.ID},
			func(r row) error { return visit(joblist.Bound{ID: r.text(0)}, r.int(1)) })
	} else {
		column, index := "created_at", "jobs_by_agent"
		if key == joblist.WalkEnded {
			column, index = "ended_at", "jobs_by_end"
		}
		where := ""
		if key == joblist.WalkEnded {
			where = "status >= 3 AND "
		}
		err = l.query("SELECT "+column+", seq FROM jobs INDEXED BY "+index+" WHERE "+where+"organization_id = ? AND agent_id = ? AND "+
			column+from+" ? ORDER BY "+column+order, []any{l.lane.organization, l.lane.agent, bound.Time},
			func(r row) error { return visit(joblist.Bound{Time: r.int(0)}, r.int(1)) })
	}
	if err == errStop { //nolint:errorlint // it is returned as it is
		err = nil
	}
	return err
}

// Keys implements joblist.Source.
func (l *laneLists) Keys(seqs []int64) ([]joblist.Keys, error) {
	list, err := numbers(seqs)
	if err != nil {
		return nil, err
	}
	keys := make([]joblist.Keys, 0, len(seqs))
	err = l.query("SELECT "+orderColumns+" FROM json_each(?) n CROSS JOIN jobs j ON j.seq = n.value", []any{list}, func(r row) error {
		k := joblist.Keys{
			Seq: r.int(0), ID: r.text(1), VersionName: r.text(2), Status: steward.Status(r.int(3)), Created: r.int(4), Updated: r.int(5),
			Cost: joblist.None, Duration: joblist.None,
		}
		if k.Status.Terminal() {
			k.Cost, k.Duration = r.int(8), joblist.DurationOf(r.int(6), r.int(7))
		}
		keys = append(keys, k)
		return nil
	})
	return keys, err
}

// orderColumns are read by Keys.
const orderColumns = `j.seq, j.id, j.version_name, j.status, j.created_at, j.updated_at, j.started_at, j.ended_at, ` + costOfUsage

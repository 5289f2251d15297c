package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// listTally is how much the lists of a lane should have.
type listTally struct {
	lane          lane
	chunks, codes int64
	terms         int64 // pairs of job and term
	purged        map[int64]*joblist.Bits
}

// lists makes the lists of all jobs once more, chunk by chunk, and compares them with those that are stored: first that everything is
// there, then, by numbers, that nothing else is.
func (k *checker) lists(ctx context.Context) error {
	var missing, last int64
	_, err := k.first("SELECT next FROM job_lists_missing", nil, func(r row) error { missing = r.int(0); return nil })
	if err != nil {
		return err
	}
	_, err = k.first("SELECT coalesce(max(seq), 0) FROM jobs", nil, func(r row) error { last = r.int(0); return nil })
	if err != nil {
		return err
	}
	if missing > 0 { // the next start of the server goes on with them
		return nil
	}
	tallies := map[int64]*listTally{}
	for chunk := int64(0); chunk*joblist.ChunkSize <= last; chunk++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := k.listsOf(chunk, tallies); err != nil {
			return err
		}
	}
	return k.nothingElse(tallies)
}

// listsOf compares the lists of a chunk of job numbers.
func (k *checker) listsOf(chunk int64, tallies map[int64]*listTally) error {
	f := fold{map[laneChunk]*chunkNote{}, map[laneTerm][]int16{}, map[int64]*joblist.Block{}}
	numbers := map[lane]int64{}
	texts := int64(0)
	err := k.query(`SELECT j.seq, j.organization_id, j.agent_id, j.id, j.created_at, j.version_name, j.metadata, j.status, j.ended_at,
			j.started_at, j.usage, j.outputs, j.inputs, j.data_deleted_at, t.id, t.text
		FROM jobs j LEFT JOIN job_texts t ON t.seq = j.seq WHERE j.seq BETWEEN ? AND ?`,
		[]any{chunk * joblist.ChunkSize, (chunk+1)*joblist.ChunkSize - 1}, func(r row) error {
			at := lane{r.text(1), r.text(2)}
			number, known := numbers[at]
			if !known {
				found, err := k.laneNumber(at, &number)
				if err != nil {
					return err
				}
				if !found {
					k.foundf(checkLists, "Job %s is in no list: its agent %s has none.", r.text(3), at.agent)
					return nil
				}
				numbers[at] = number
			}
			if tallies[number] == nil {
				tallies[number] = &listTally{lane: at, purged: map[int64]*joblist.Bits{}}
			}
			texts++
			k.listed(r, at, number, &f, tallies[number])
			return nil
		})
	if err != nil {
		return err
	}
	if err := k.compareChunks(&f, tallies); err != nil {
		return err
	}
	if err := k.compareTerms(&f, tallies); err != nil {
		return err
	}
	return k.compareCodes(&f, tallies)
}

// listed adds a job to what the lists should have, and compares its text.
func (k *checker) listed(r row, at lane, number int64, f *fold, tally *listTally) {
	inputs, err := storerow.ParseList[steward.Input](r.text(12))
	if err != nil {
		inputs = nil // a damaged record is found by its id alone
		k.foundf(checkLists, "The inputs of job %s cannot be read.", r.text(3))
	}
	purged := r.int(13) != 0
	n := storedNote(at, r.int(0), steward.JobID(r.text(3)), storerow.Time(r.int(4)), joblist.NewTerms(r.text(5), []byte(r.text(6))), joblist.Text(inputs))
	if s := steward.Status(r.int(7)); s.Terminal() {
		outputs, err := storerow.ParseList[steward.Datum](r.text(11))
		if err != nil {
			outputs = nil
			k.foundf(checkLists, "The outputs of job %s cannot be read.", r.text(3))
		}
		n.end(s, r.int(8), r.int(9), costOf(r.text(10)), joblist.EndTerms(s, outputs))
	}
	chunk, place := joblist.ChunkOf(n.seq)
	if purged {
		n.terms, n.text = append(n.terms, joblist.PurgedTerm), ""
		if tally.purged[chunk] == nil {
			tally.purged[chunk] = new(joblist.Bits)
		}
		tally.purged[chunk].Add(place)
	}
	if err == nil && (r.text(14) != n.id || r.text(15) != n.text) {
		k.foundf(checkLists, "A search would not find job %s by its inputs.", n.id)
	}
	f.add(number, &n)
}

// compareChunks looks at who is in the lists at all, and at the ranges that let a list leave chunks out.
func (k *checker) compareChunks(f *fold, tallies map[int64]*listTally) error {
	for at, want := range f.chunks {
		tally := tallies[at.lane]
		tally.chunks++
		var got joblist.Bits
		wrong := "is missing"
		found, err := k.first(`SELECT bits, created_from, created_to, ended_from, ended_to, id_from, id_to FROM job_chunks WHERE lane = ? AND chunk = ?`,
			[]any{at.lane, at.chunk}, func(r row) error {
				narrow := r.int(1) > want.created.from || r.int(2) < want.created.to || r.text(5) > want.idFrom || r.text(6) < want.idTo ||
					(want.ended.to != 0 && (r.int(3) > want.ended.from || r.int(4) < want.ended.to || r.int(3) == 0))
				switch {
				case got.Merge(r.blob(0)) != nil:
					wrong = "cannot be read"
				case got != want.bits:
					wrong = fmt.Sprintf("has %d jobs instead of %d", got.Len(), want.bits.Len())
				case narrow:
					wrong = "has a range that is too narrow"
				default:
					wrong = ""
				}
				return nil
			})
		if err != nil {
			return err
		}
		if wrong != "" || !found {
			k.foundf(checkLists, "Part %d of the list of agent %s %s.", at.chunk, tally.lane.agent, wrong)
		}
	}
	return nil
}

// compareTerms looks at the lists by status, version, label and verdict. The verdicts of jobs whose data was deleted are not known.
func (k *checker) compareTerms(f *fold, tallies map[int64]*listTally) error {
	for at, places := range f.terms {
		tally := tallies[at.lane]
		var want, got joblist.Bits
		for _, place := range places {
			want.Add(int(place))
		}
		tally.terms += int64(want.Len())
		damaged := false
		_, err := k.first("SELECT bits FROM job_bits WHERE lane = ? AND term = ? AND chunk = ?", []any{at.lane, at.term, at.chunk},
			func(r row) error { damaged = got.Merge(r.blob(0)) != nil; return nil })
		if err != nil {
			return err
		}
		dropDeletedVerdicts(at.term, &got, &want, tally.purged[at.chunk])
		switch {
		case damaged:
			k.foundf(checkLists, "Part %d of the list of agent %s by %s cannot be read.", at.chunk, tally.lane.agent, termName(at.term))
		case got != want:
			k.foundf(checkLists, "Part %d of the list of agent %s by %s has %d jobs instead of %d, or others.",
				at.chunk, tally.lane.agent, termName(at.term), got.Len(), want.Len())
		}
	}
	return nil
}

// dropDeletedVerdicts takes those jobs out of a stored list of a verdict that have lost it with their data.
func dropDeletedVerdicts(term string, got, want, purged *joblist.Bits) {
	if purged == nil || !strings.HasPrefix(term, joblist.VerdictPrefix) {
		return
	}
	for i := range got {
		got[i] &^= purged[i] &^ want[i]
	}
}

// termName tells people what a list is by.
func termName(term string) string {
	switch {
	case strings.HasPrefix(term, joblist.VersionPrefix):
		return "version"
	case term == joblist.PurgedTerm:
		return "deleted data"
	case strings.HasPrefix(term, joblist.VerdictPrefix):
		return "verdict"
	case strings.HasPrefix(term, "s"):
		return "status"
	}
	return "metadata"
}

// compareCodes looks at what ended jobs are ordered by.
func (k *checker) compareCodes(f *fold, tallies map[int64]*listTally) error {
	for place, want := range f.blocks {
		laneColumn := place / blocksEnd
		tally := tallies[laneColumn/2]
		tally.codes++
		var got []byte
		_, err := k.first("SELECT codes FROM job_codes WHERE place = ?", []any{place}, func(r row) error { got = bytes.Clone(r.blob(0)); return nil })
		if err != nil {
			return err
		}
		if encoded := joblist.AppendBlock(nil, want); !bytes.Equal(got, encoded) {
			column := "cost"
			if laneColumn%2 == durationColumn {
				column = "duration"
			}
			k.foundf(checkLists, "The order of the jobs of agent %s by %s is not that of the jobs (block %d).", tally.lane.agent, column, place%blocksEnd)
		}
	}
	return nil
}

// nothingElse compares how much is stored of each lane with how much there should be.
func (k *checker) nothingElse(tallies map[int64]*listTally) error {
	got := map[int64]*listTally{}
	of := func(lane int64) *listTally {
		if got[lane] == nil {
			got[lane] = &listTally{}
		}
		return got[lane]
	}
	if err := k.query("SELECT lane, count(*) FROM job_chunks GROUP BY lane", nil, func(r row) error { of(r.int(0)).chunks = r.int(1); return nil }); err != nil {
		return err
	}
	if err := k.query("SELECT place / ? / 2, count(*) FROM job_codes GROUP BY 1", []any{blocksEnd}, func(r row) error { of(r.int(0)).codes = r.int(1); return nil }); err != nil {
		return err
	}
	err := k.query("SELECT lane, term, chunk, bits FROM job_bits", nil, func(r row) error {
		var bits joblist.Bits
		if bits.Merge(r.blob(3)) != nil {
			return nil //nolint:nilerr // a finding, not an error: told already, or the numbers will
		}
		if t := tallies[r.int(0)]; t != nil && t.purged[r.int(2)] != nil && strings.HasPrefix(r.text(1), joblist.VerdictPrefix) {
			dropDeletedVerdicts(r.text(1), &bits, new(joblist.Bits), t.purged[r.int(2)])
		}
		of(r.int(0)).terms += int64(bits.Len())
		return nil
	})
	if err != nil {
		return err
	}
	for number, g := range got {
		want := tallies[number]
		if want == nil {
			want = &listTally{lane: lane{agent: fmt.Sprintf("without jobs (lane %d)", number)}}
		}
		if g.chunks > want.chunks || g.codes > want.codes || g.terms > want.terms {
			k.foundf(checkLists, "The lists of agent %s have entries that no job has: %d terms instead of %d, %d parts instead of %d.",
				want.lane.agent, g.terms, want.terms, g.chunks+g.codes, want.chunks+want.codes)
		}
	}
	var texts int64
	_, err = k.first("SELECT count(*) FROM job_texts t WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.seq = t.seq)", nil,
		func(r row) error { texts = r.int(0); return nil })
	if err == nil && texts > 0 {
		k.foundf(checkLists, "%d texts for searches belong to no job.", texts)
	}
	return err
}

// references looks whether everything that jobs and files name is held for them, and whether blobs are held by nothing.
func (k *checker) references(context.Context) error {
	for _, q := range []struct{ query, format string }{
		{`SELECT j.id, f.value ->> 'sha256' FROM jobs j, json_tree(iif(json_valid(j.inputs), j.inputs, '[]')) f
			WHERE j.data_deleted_at = 0 AND f.type = 'object' AND f.value ->> 'sha256' IS NOT NULL AND f.value ->> 'sha256' <> ''
			AND NOT EXISTS (SELECT 1 FROM blob_jobs b WHERE b.sha256 = f.value ->> 'sha256' AND b.job_seq = j.seq)`,
			"Job %s has an input file that nothing keeps for it (%s)."},
		{`SELECT j.id, f.value ->> 'sha256' FROM jobs j, json_each(iif(json_valid(j.refs), j.refs, '[]')) f
			WHERE j.data_deleted_at = 0 AND f.type = 'object' AND coalesce(f.value ->> 'sha256', '') <> ''
			AND NOT EXISTS (SELECT 1 FROM blob_jobs b WHERE b.sha256 = f.value ->> 'sha256' AND b.job_seq = j.seq)`,
			"Job %s has saved a file that nothing keeps for it (%s)."},
		{`SELECT j.id, b.sha256 FROM blobs b JOIN blob_jobs h ON h.sha256 = b.sha256 JOIN jobs j ON j.seq = h.job_seq WHERE b.state = 2`,
			"Job %s holds a file that is being deleted (%s)."},
		{`SELECT f.id, b.sha256 FROM blobs b JOIN files f ON f.sha256 = b.sha256 WHERE b.state = 2 AND (f.kept = 1 OR f.expires_at > 0)`,
			"File %s is kept, and its bytes are being deleted (%s)."},
		{`SELECT f.id, f.sha256 FROM files f JOIN blobs b ON b.sha256 = f.sha256 WHERE f.size_bytes <> b.size_bytes`,
			"File %s is said to have another length than its bytes (%s)."},
		{`SELECT 'of ' || b.size_bytes || ' bytes', b.sha256 FROM blobs b WHERE b.state = 1
			AND NOT EXISTS (SELECT 1 FROM files f WHERE f.sha256 = b.sha256 AND (f.expires_at <> 0 OR f.kept = 1))
			AND NOT EXISTS (SELECT 1 FROM blob_jobs h WHERE h.sha256 = b.sha256)`,
			"Content %s is kept, and nothing refers to it (%s)."},
	} {
		err := k.query(q.query, nil, func(r row) error {
			k.foundf(checkRefs, q.format, r.text(0), r.text(1))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// maxSubmit is how many jobs one Submit takes.
const maxSubmit = 1000

// queuedJob is a NewJob with its JSON encoded, which is done before the writer is bothered.
type queuedJob struct {
	*store.NewJob
	inputs   string
	events   string // of a queued job
	runAfter time.Time
	files    []steward.File
	terms    []string // of the lists
	text     string   // that lists are searched for
}

// Submit implements store.Jobs.
func (s *Store) Submit(ctx context.Context, jobs []store.NewJob) ([]store.Submitted, error) {
	if len(jobs) > maxSubmit {
		return nil, storerow.OutOfRange("jobs", fmt.Sprintf("At most %d jobs can be submitted at once.", maxSubmit))
	}
	if len(jobs) == 0 {
		return []store.Submitted{}, nil
	}
	queued := make([]queuedJob, len(jobs))
	for i := range jobs {
		var err error
		if queued[i], err = encodeNew(&jobs[i]); err != nil {
			return nil, err
		}
	}
	var out []store.Submitted
	err := s.write(ctx, "submit jobs", func(t *tx) error {
		out = make([]store.Submitted, 0, len(queued))
		for i := range queued {
			sub, err := t.submit(&queued[i])
			if err != nil {
				return err
			}
			out = append(out, sub)
		}
		t.ready = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// encodeNew checks and encodes a job.
func encodeNew(j *store.NewJob) (queuedJob, error) {
	if err := storerow.CheckNew(j); err != nil {
		return queuedJob{}, err
	}
	q := queuedJob{
		NewJob: j, runAfter: j.RunAfter, files: storerow.Files(j.Inputs),
		terms: joblist.NewTerms(j.VersionName, j.Metadata), text: joblist.Text(j.Inputs),
	}
	if q.runAfter.IsZero() {
		q.runAfter = j.CreatedAt
	}
	var err error
	if q.inputs, err = storerow.List(j.Inputs); err != nil {
		return queuedJob{}, err
	}
	event, err := storerow.Event(j.CreatedAt, steward.StatusPending, nil)
	if err != nil {
		return queuedJob{}, err
	}
	q.events = storerow.Events("", event)
	return q, nil
}

// submit stores one job, unless its idempotency key or its place in a batch is known.
func (t *tx) submit(q *queuedJob) (store.Submitted, error) {
	if q.IdempotencyKey != "" {
		first, known, err := t.replay(q)
		if err != nil || known {
			return store.Submitted{ID: first, Replayed: known}, err
		}
	}
	if q.Batch != nil {
		first, known, err := t.item(q)
		if err != nil || known {
			return store.Submitted{ID: first, Replayed: known}, err
		}
	}
	if alive, err := t.seen.alive(t.conn, string(q.AgentID)); err != nil || !alive {
		return store.Submitted{}, orNotFound("Agent", alive, err)
	}
	end, err := t.endOf(q)
	if err != nil {
		return store.Submitted{}, err
	}
	seq, err := t.insertJob(q, end)
	if err != nil {
		return store.Submitted{}, err
	}
	for _, f := range q.files {
		if err := t.takeFile(q.OrganizationID, f.ID, seq); err != nil {
			return store.Submitted{}, err
		}
	}
	if end != nil && end.source != 0 {
		if err := t.shareResult(seq, q.ID, end); err != nil {
			return store.Submitted{}, err
		}
	}
	return store.Submitted{ID: q.ID, Ended: end != nil}, t.remember(q)
}

// bornEnded is the end of a job that ends as soon as it is stored: it was refused, or answered from the cache.
type bornEnded struct {
	status   steward.Status
	outputs  string
	refs     string
	failure  string
	usage    string
	verdict  string
	events   string
	terms    []string
	source   int64         // number of the job whose result it has, 0 for none
	sourceID steward.JobID // and its id
}

// endOf returns how a new job ends at once, nil when it is to be run.
func (t *tx) endOf(q *queuedJob) (*bornEnded, error) {
	end := &bornEnded{status: steward.StatusFailure, outputs: "[]", refs: "[]"}
	switch found, err := t.findResult(q, end); {
	case err != nil:
		return nil, err
	case q.Refused != nil:
		if end.failure, err = storerow.Object(q.Refused); err != nil {
			return nil, err
		}
	case !found:
		return nil, nil
	}
	event, err := storerow.Event(q.CreatedAt, end.status, q.Refused)
	if err != nil {
		return nil, err
	}
	end.events = storerow.Events(q.events, event)
	end.terms = append(end.terms, joblist.StatusTerm(end.status))
	end.usage, err = storerow.Usage(steward.Free())
	return end, err
}

// insertJob stores a job, queued or at its end, and returns its number.
func (t *tx) insertJob(q *queuedJob, end *bornEnded) (seq int64, err error) {
	t.wrote = true
	args := []any{q.ID, q.OrganizationID, q.AgentID, q.Provider, q.runAfter, q.CreatedAt.Add(q.Timeout), q.CreatedAt, q.CreatedAt,
		q.VersionID, q.VersionName, q.EngineClassID, q.CreatorID, storerow.Metadata(q.Metadata), q.inputs, q.events}
	query := insertPlain
	if q.Batch != nil || q.Cache != nil || end != nil {
		query, args = insertSpecial, append(args, q.special(end)...)
		if end != nil {
			args[eventsArg] = end.events
		}
	}
	seq, err = t.insert(query, args...)
	switch {
	case isUnique(err):
		return 0, storerow.Conflict("id", "A job with this id exists already.")
	case err != nil:
		return 0, err
	}
	t.list(q, seq, end)
	return seq, nil
}

// The statements that store a job: one that is only queued, and one that has more to it.
const (
	insertColumns = `INSERT INTO jobs (id, organization_id, agent_id, provider, run_after, deadline, created_at, updated_at,
		version_id, version_name, engine_class_id, creator_id, metadata, inputs, events, status`
	insertValues  = `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, `
	insertPlain   = insertColumns + insertValues + "0)"
	insertSpecial = insertColumns + `, ended_at, outputs, refs, failure, usage, verdict, cached_from, refused,
		batch_id, batch_index, batch_hash, cache_key, cache_ttl` + insertValues + "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	eventsArg = 14
)

// special returns the arguments that insertSpecial has more than insertPlain.
func (q *queuedJob) special(end *bornEnded) []any {
	args := []any{0, 0, "[]", "[]", "", "", "", "", q.Refused != nil}
	if end != nil {
		args = []any{end.status, q.CreatedAt, end.outputs, end.refs, end.failure, end.usage, end.verdict, end.sourceID, q.Refused != nil}
	}
	place := store.BatchPlace{}
	hash := []byte{}
	if q.Batch != nil {
		place, hash = *q.Batch, q.Batch.Hash[:]
	}
	args = append(args, place.ID, place.Index, hash)
	if q.Cache == nil || end != nil {
		return append(args, []byte{}, 0)
	}
	return append(args, q.Cache.Key[:], q.Cache.TTL.Microseconds())
}

// list enters a new job in the lists.
func (t *tx) list(q *queuedJob, seq int64, end *bornEnded) {
	l := lane{string(q.OrganizationID), string(q.AgentID)}
	n := storedNote(l, seq, q.ID, q.CreatedAt, q.terms, q.text)
	if end != nil {
		n.end(end.status, storerow.Micros(q.CreatedAt), 0, costOf(end.usage), end.terms)
	}
	t.lists = append(t.lists, n)
}

// replay looks for an earlier job of the same idempotency key. Errors: Conflict when its request was another one.
func (t *tx) replay(q *queuedJob) (first steward.JobID, known bool, err error) {
	same := false
	known, err = t.first(knownKeySQL, []any{q.OrganizationID, q.AgentID, q.IdempotencyKey, q.CreatedAt}, func(r row) error {
		first, same = steward.JobID(r.text(0)), bytes.Equal(r.blob(1), q.RequestHash[:])
		return nil
	})
	if err == nil && known && !same {
		err = storerow.KeyReused()
	}
	return first, known, err
}

// FindIdempotent implements store.Jobs.
func (s *Store) FindIdempotent(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, key string, now time.Time) (
	id steward.JobID, hash [32]byte, ok bool, err error,
) {
	err = s.read(ctx, "find idempotency key", func(c *conn) (err error) {
		ok, err = c.first(knownKeySQL, []any{org, agent, key, now}, func(r row) error {
			id = steward.JobID(r.text(0))
			copy(hash[:], r.blob(1))
			return nil
		})
		return err
	})
	return id, hash, ok, err
}

// knownKeySQL finds the record of an idempotency key that has not expired.
const knownKeySQL = `SELECT job_id, request_hash FROM idempotency
	WHERE organization_id = ? AND agent_id = ? AND key = ? AND expires_at > ?`

// remember stores a job's idempotency key, in place of an expired one, and clears away a few that have expired.
func (t *tx) remember(q *queuedJob) error {
	if q.IdempotencyKey == "" {
		return nil
	}
	_, err := t.change(`INSERT OR REPLACE INTO idempotency (organization_id, agent_id, key, job_id, request_hash, expires_at)
		VALUES (?, ?, ?, ?, ?, ?)`, q.OrganizationID, q.AgentID, q.IdempotencyKey, q.ID, q.RequestHash[:], q.IdempotencyTo)
	if err != nil {
		return err
	}
	_, err = t.change(`DELETE FROM idempotency WHERE (organization_id, agent_id, key) IN (
		SELECT organization_id, agent_id, key FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT 2)`, q.CreatedAt)
	return err
}

// takeFile turns the upload reference of an organization's file into a reference of a job.
func (t *tx) takeFile(org steward.OrganizationID, id steward.FileID, seq int64) error {
	var sha string
	var expires int64
	found, err := t.first("SELECT sha256, expires_at FROM files WHERE id = ? AND organization_id = ?", []any{id, org},
		func(r row) error { sha, expires = r.text(0), r.int(1); return nil })
	switch {
	case err != nil:
		return err
	case !found:
		return storerow.FileGone(id)
	}
	if expires != 0 {
		if _, err := t.change("UPDATE files SET expires_at = 0 WHERE id = ?", id); err != nil {
			return err
		}
	}
	_, err = t.change("INSERT OR IGNORE INTO blob_jobs (sha256, job_seq) VALUES (?, ?)", sha, seq)
	return err
}

package sqlite

import (
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// findResult looks for a result that answers a new job, and writes it into end.
func (t *tx) findResult(q *queuedJob, end *bornEnded) (found bool, err error) {
	if asks := q.Refused == nil && q.Cache != nil && q.Cache.Read; !asks {
		return false, nil
	}
	return t.first(`SELECT j.seq, j.id, j.outputs, j.refs, j.failure, j.verdict FROM cache c JOIN jobs j ON j.seq = c.job_seq
		WHERE c.key = ? AND c.organization_id = ? AND c.expires_at > ? AND (c.failed = 0 OR ?)`,
		[]any{q.Cache.Key[:], q.OrganizationID, q.CreatedAt, q.Cache.ReadFailure}, func(r row) error {
			end.status, end.source, end.sourceID = steward.StatusCached, r.int(0), steward.JobID(r.text(1))
			end.outputs = strings.ReplaceAll(r.text(2), r.text(1), string(q.ID))
			end.refs, end.failure, end.verdict = r.text(3), r.text(4), r.text(5)
			outputs, err := storerow.ParseList[steward.Datum](end.outputs)
			if v, ok := joblist.Verdict(outputs); ok {
				end.terms = append(end.terms, joblist.VerdictTerm(v))
			}
			return err
		})
}

// shareResult makes a job that was answered from the cache hold the files of its result, and gives it copies of the artifacts, under
// its own id.
func (t *tx) shareResult(seq int64, id steward.JobID, end *bornEnded) error {
	_, err := t.exec("INSERT OR IGNORE INTO blob_jobs (sha256, job_seq) SELECT sha256, ? FROM blob_jobs WHERE job_seq = ?", seq, end.source)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO artifacts (job_seq, key, result, metadata, input, usage)
		SELECT ?, replace(key, ?, ?), result, metadata, input, usage FROM artifacts WHERE job_seq = ?`, seq, end.sourceID, id, end.source)
	return err
}

// cacheFill is the place in the cache that a job's result takes. A ttl of 0 means none.
type cacheFill struct {
	organization string
	key          []byte
	ttl          int64 // microseconds
}

// fillCache makes the result of a job the answer to equal runs, if its end is one that would come again, and clears away a few
// entries that have expired. failure is encoded.
func (t *tx) fillCache(fill cacheFill, seq int64, status steward.Status, failure string, at time.Time) error {
	if fill.ttl <= 0 {
		return nil
	}
	keep := ""
	switch status {
	case steward.StatusSuccess:
	case steward.StatusFailure:
		f, err := storerow.ParseObject[steward.Failure](failure)
		if err != nil || f == nil || !storerow.Lasting(f.Code) {
			return err
		}
		keep = " WHERE failed = 1 OR expires_at <= ?" // a success that has not expired stays
	default:
		return nil
	}
	now := storerow.Micros(at)
	args := []any{fill.key, fill.organization, seq, status == steward.StatusFailure, now + fill.ttl}
	if keep != "" {
		args = append(args, now)
	}
	_, err := t.change(`INSERT INTO cache (key, organization_id, job_seq, failed, expires_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET job_seq = excluded.job_seq, failed = excluded.failed, expires_at = excluded.expires_at`+keep, args...)
	if err != nil {
		return err
	}
	_, err = t.change(`DELETE FROM cache WHERE (key, organization_id) IN (
		SELECT key, organization_id FROM cache INDEXED BY cache_by_expiry WHERE expires_at <= ? ORDER BY expires_at LIMIT 2)`, now)
	return err
}

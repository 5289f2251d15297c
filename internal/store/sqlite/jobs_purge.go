package sqlite

import (
	"context"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// purgedJob is a job whose data is to be deleted.
type purgedJob struct {
	seq      int64
	lane     lane
	status   steward.Status
	deleted  bool // it was already
	inputs   string
	outputs  string
	refs     string
	cacheKey []byte
}

// purgeColumns are read by scanPurged.
const purgeColumns = "seq, organization_id, agent_id, status, data_deleted_at, inputs, outputs, refs, cache_key"

func scanPurged(r row) purgedJob {
	return purgedJob{
		r.int(0), lane{r.text(1), r.text(2)}, steward.Status(r.int(3)), r.int(4) != 0, r.text(5), r.text(6), r.text(7),
		append([]byte{}, r.blob(8)...),
	}
}

// Purge implements store.Jobs.
func (s *Store) Purge(ctx context.Context, org steward.OrganizationID, id steward.JobID, at time.Time) (p store.Purged, err error) {
	err = s.write(ctx, "purge job", func(t *tx) error {
		p = store.Purged{}
		var j purgedJob
		found, err := t.first("SELECT "+purgeColumns+" FROM jobs WHERE id = ? AND organization_id = ?"+notDeleted, []any{id, org},
			func(r row) error { j = scanPurged(r); return nil })
		if err := orNotFound("Job", found, err); err != nil {
			return err
		}
		if !j.status.Terminal() {
			return storerow.JobNotEnded()
		}
		p, err = t.purge(&j, at)
		return err
	})
	if err != nil {
		return store.Purged{}, err
	}
	return p, nil
}

// purge deletes what an ended job knows.
func (t *tx) purge(j *purgedJob, at time.Time) (p store.Purged, err error) {
	if j.deleted {
		return p, nil
	}
	p.Had = true
	p.Outputs = length(j.outputs) + length(j.refs)
	for _, part := range []struct {
		query string
		count *int
	}{
		{"DELETE FROM steps WHERE job_seq = ?", &p.Steps},
		{"DELETE FROM artifacts WHERE job_seq = ?", &p.Artifacts},
	} {
		n, err := t.change(part.query, j.seq)
		if err != nil {
			return p, err
		}
		*part.count = int(n)
	}
	if _, err := t.exec("DELETE FROM model_calls WHERE job_seq = ?", j.seq); err != nil {
		return p, err
	}
	if _, err := t.exec("DELETE FROM cache WHERE key = ? AND organization_id = ? AND job_seq = ?", j.cacheKey, j.lane.organization, j.seq); err != nil {
		return p, err
	}
	if _, err := t.exec("UPDATE job_texts SET text = '' WHERE seq = ?", j.seq); err != nil {
		return p, err
	}
	if err := t.purgeFiles(j, &p, at); err != nil {
		return p, err
	}
	t.lists = append(t.lists, listNote{lane: j.lane, seq: j.seq, terms: []string{joblist.PurgedTerm}})
	_, err = t.exec("UPDATE jobs SET inputs = ?, outputs = '[]', refs = '[]', verdict = '', data_deleted_at = ? WHERE seq = ?",
		storerow.Bare(j.inputs), at, j.seq)
	return p, err
}

// length returns the number of elements of an encoded list, 0 when it cannot be read.
func length(list string) int {
	elements, err := storerow.ParseList[any](list)
	if err != nil {
		return 0
	}
	return len(elements)
}

// purgeFiles lets go of the blobs that a job holds, and drops its uploads that no other job of the organization holds and nobody
// keeps.
func (t *tx) purgeFiles(j *purgedJob, p *store.Purged, at time.Time) error {
	var held []string
	err := t.query("DELETE FROM blob_jobs WHERE job_seq = ? RETURNING sha256", []any{j.seq},
		func(r row) error { held = append(held, r.text(0)); return nil })
	if err != nil {
		return err
	}
	inputs, err := storerow.ParseList[steward.Input](j.inputs)
	if err != nil {
		inputs = nil // a damaged record names no files; what it held is let go all the same
	}
	for _, f := range storerow.Files(inputs) {
		n, err := t.exec(`DELETE FROM files WHERE id = ?1 AND organization_id = ?2 AND expires_at = 0 AND kept = 0 AND NOT EXISTS (
				SELECT 1 FROM blob_jobs b JOIN jobs o ON o.seq = b.job_seq WHERE b.sha256 = files.sha256 AND o.organization_id = ?2)`,
			f.ID, j.lane.organization)
		if err != nil {
			return err
		}
		p.Files += int(n)
	}
	for _, sha := range held {
		if p.Dying, err = t.mourn(p.Dying, sha, at); err != nil {
			return err
		}
	}
	return nil
}

// PurgeDeleted implements store.Jobs. It looks before it writes, as there is nothing to do most times.
func (s *Store) PurgeDeleted(ctx context.Context, at time.Time, limit int) (n int, dying []string, err error) {
	if limit <= 0 {
		return 0, nil, storerow.OutOfRange("limit", "limit must be positive.")
	}
	some := false
	err = s.read(ctx, "purge deleted agents", func(c *conn) error {
		some, err = c.first(deletedLanes+" LIMIT 1", nil, noRow)
		return err
	})
	if err != nil || !some {
		return 0, nil, err
	}
	err = s.write(ctx, "purge deleted agents", func(t *tx) error {
		n, dying = 0, []string{}
		var lanes []laneLists
		err := t.query(deletedLanes, nil, func(r row) error {
			lanes = append(lanes, laneLists{t.conn, lane{r.text(1), r.text(2)}, r.int(0)})
			return nil
		})
		for i := range lanes {
			if err != nil || n >= limit {
				return err
			}
			var purged int
			purged, dying, err = t.purgeLane(&lanes[i], at, limit-n, dying)
			n += purged
		}
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	return n, dying, nil
}

// deletedLanes finds the lanes of deleted agents that have jobs to be purged, or may get such.
const deletedLanes = `SELECT l.id, l.organization_id, l.agent_id FROM agents a INDEXED BY agents_deleted
	CROSS JOIN job_lanes l INDEXED BY job_lanes_by_agent ON l.agent_id = a.id AND l.organization_id = a.organization_id
	WHERE a.deleted_at > 0 AND l.purged = 0`

// purgeLane purges at most limit ended jobs of a deleted agent. When none is left, and none is open, the lane is done with.
func (t *tx) purgeLane(l *laneLists, at time.Time, limit int, dying []string) (n int, all []string, err error) {
	left, open, err := l.unpurged()
	if err != nil {
		return 0, dying, err
	}
	for seq := range left.Each() {
		if n == limit {
			return n, dying, nil
		}
		var j purgedJob
		_, err := t.first("SELECT "+purgeColumns+" FROM jobs WHERE seq = ?", []any{seq}, func(r row) error { j = scanPurged(r); return nil })
		if err != nil {
			return n, dying, err
		}
		if j.deleted {
			continue // in this very transaction
		}
		p, err := t.purge(&j, at)
		if err != nil {
			return n, dying, err
		}
		n, dying = n+1, append(dying, p.Dying...)
	}
	if left.Len() == 0 && !open && len(t.lists) == 0 { // and nothing is changing in this transaction
		_, err = t.change("UPDATE job_lanes SET purged = 1 WHERE id = ?", l.number)
	}
	return n, dying, err
}

// unpurged returns the ended jobs of a lane whose data is there, and whether there are open ones.
func (l *laneLists) unpurged() (left *joblist.Set, open bool, err error) {
	all, _, err := l.All()
	if err != nil {
		return nil, false, err
	}
	left = new(joblist.Set)
	for s := steward.StatusSuccess; s <= steward.StatusCached; s++ {
		ended, err := l.Posting(joblist.StatusTerm(s))
		if err != nil {
			return nil, false, err
		}
		left.Or(ended)
	}
	open = left.Len() < all.Len()
	purged, err := l.Posting(joblist.PurgedTerm)
	if err != nil {
		return nil, false, err
	}
	left.AndNot(purged)
	return left, open, nil
}

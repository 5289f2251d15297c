package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// maxSubmit is how many jobs one Submit takes.
const maxSubmit = 1000

// submission is one call of Submit, encoded by its caller.
type submission struct {
	jobs   []newRow
	result []store.Submitted // filled by the batch
}

// newRow is a job to be stored.
type newRow struct {
	id, org, agent, version       uid
	job                           *store.NewJob
	createdAt, runAfter, deadline pgtype.Timestamptz
	delayed                       bool
	metadata, inputs, events      string
	labels, text                  string // for lists
	failure, usage                string // of a job that ends at once; "" for others
	cachedEvents                  string // in place of events when it is answered from the cache
	files                         []fileUse
	batch                         uid
	source                        uid // the job whose result answers this one, as the running transaction found
}

// fileUse is a stored file that a job takes.
type fileUse struct {
	id   steward.FileID
	file uid
}

// orgFile is a file of an organization.
type orgFile struct{ org, file [16]byte }

// idemKey is the scope of an idempotency key.
type idemKey struct {
	org, agent [16]byte
	key        string
}

func (r *newRow) idemKey() idemKey {
	return idemKey{r.org.Bytes, r.agent.Bytes, r.job.IdempotencyKey}
}

// submissionWeight counts jobs, and 8 KiB of inputs as one more.
func submissionWeight(s *submission) int {
	weight := len(s.jobs)
	for i := range s.jobs {
		weight += (len(s.jobs[i].inputs) + len(s.jobs[i].metadata)) >> 13
	}
	return weight
}

// Submit implements store.Jobs.
func (s *Store) Submit(ctx context.Context, jobs []store.NewJob) ([]store.Submitted, error) {
	if len(jobs) > maxSubmit {
		return nil, storerow.OutOfRange("jobs", fmt.Sprintf("At most %d jobs can be submitted at once.", maxSubmit))
	}
	if len(jobs) == 0 {
		return []store.Submitted{}, nil
	}
	call := &submission{jobs: make([]newRow, len(jobs))}
	for i := range jobs {
		if err := call.jobs[i].encode(&jobs[i]); err != nil {
			return nil, err
		}
	}
	if err := s.submit.do(ctx, call); err != nil {
		return nil, fmt.Errorf("submit jobs: %w", err)
	}
	s.wake()
	return call.result, nil
}

// encode checks a job and brings it into the form of its row. The row keeps no memory that the caller may change.
func (r *newRow) encode(j *store.NewJob) error {
	job := *j
	r.job = &job
	if err := storerow.CheckNew(&job); err != nil {
		return err
	}
	if err := r.encodeIDs(); err != nil {
		return err
	}
	r.metadata = storerow.Metadata(job.Metadata)
	if err := storable("version_name", job.VersionName, "engine_class_id", job.EngineClassID, "provider", job.Provider,
		"metadata", r.metadata, storerow.FieldIdempotencyKey, job.IdempotencyKey); err != nil {
		return err
	}
	var err error
	if r.inputs, err = storerow.List(job.Inputs); err != nil {
		return err
	}
	if err := r.encodeEvents(); err != nil {
		return err
	}
	r.createdAt, r.runAfter, r.deadline = stamp(job.CreatedAt), stamp(job.RunAfter), stamp(job.CreatedAt.Add(job.Timeout))
	if job.RunAfter.IsZero() {
		r.runAfter = r.createdAt
	}
	r.delayed = r.runAfter.Time.After(r.createdAt.Time)
	r.labels, r.text = labelsOf(job.VersionName, job.Metadata), joblist.Text(job.Inputs)
	if job.Batch != nil {
		if r.batch, err = storeUID("batch", job.Batch.ID); err != nil {
			return storerow.NotFound("Batch")
		}
	}
	for _, f := range storerow.Files(job.Inputs) {
		id, ok := toUID(f.ID)
		if !ok {
			return storerow.FileGone(f.ID)
		}
		r.files = append(r.files, fileUse{f.ID, id})
	}
	return nil
}

// encodeEvents encodes what the row says about the job's course.
func (r *newRow) encodeEvents() error {
	job := r.job
	pending, err := storerow.Event(job.CreatedAt, steward.StatusPending, nil)
	if err != nil {
		return err
	}
	r.events = storerow.Events("", pending)
	if job.Refused != nil {
		failed, err := storerow.Event(job.CreatedAt, steward.StatusFailure, job.Refused)
		if err != nil {
			return err
		}
		r.events = storerow.Events("", pending, failed)
		r.failure, err = storerow.Object(job.Refused)
		return err
	}
	if r.asksCache() {
		cached, err := storerow.Event(job.CreatedAt, steward.StatusCached, nil)
		if err != nil {
			return err
		}
		r.cachedEvents = storerow.Events("", pending, cached)
	}
	return nil
}

func (r *newRow) encodeIDs() (err error) {
	if r.id, err = storeUID("id", r.job.ID); err != nil {
		return err
	}
	if r.org, err = storeUID("organization_id", r.job.OrganizationID); err != nil {
		return err
	}
	if r.agent, err = storeUID("agent_id", r.job.AgentID); err != nil {
		return err
	}
	r.version, err = storeUID("version_id", r.job.VersionID)
	return err
}

// submitBatch stores the jobs of many calls in one transaction, each call all or none.
func (s *Store) submitBatch(ctx context.Context, calls []*submission) []error {
	plain := true
	for _, c := range calls {
		for i := range c.jobs {
			plain = plain && c.jobs[i].plain()
		}
	}
	if plain {
		return all(len(calls), jobTaken(len(calls), surely(ctx, func() error { return s.submitPlain(ctx, calls) })))
	}
	var errs []error
	err := surely(ctx, func() error {
		return s.inTx(ctx, "store jobs", func(tx pgx.Tx) error {
			b := submitTx{tx: tx, calls: calls, errs: make([]error, len(calls))}
			errs = b.errs
			return b.run(ctx)
		})
	})
	if err != nil {
		return all(len(calls), jobTaken(len(calls), err))
	}
	return errs
}

// How long a transaction is tried again of which nobody knows whether it was committed, and the wait before the first time.
const (
	surelyFor  = 3 * time.Second
	surelyWait = 20 * time.Millisecond
)

// surely runs a transaction that stores jobs, and finds out what became of it when its connection broke before the answer: it is run again, and
// either stores the jobs now or finds that they are stored, as each has an id of its own. While the first one is still under way the second
// waits for it.
func surely(ctx context.Context, run func() error) error {
	err := run()
	if !unsure(err) {
		return err
	}
	wait := surelyWait
	for end := time.Now().Add(surelyFor); time.Now().Before(end) && ctx.Err() == nil; wait *= 2 {
		time.Sleep(jitter(wait))
		again := run()
		if isUnique(again) && constraint(again) == "jobs_pkey" {
			return nil
		}
		if again == nil || !passing(again) {
			return again
		}
	}
	return err
}

// jobTaken turns the violation of the primary key into Conflict, once the batch is down to the call that caused it.
func jobTaken(calls int, err error) error {
	if calls == 1 && isUnique(err) {
		return storerow.Conflict("id", "A job with this id exists already.")
	}
	return err
}

// submitPlain stores jobs without idempotency keys and files: one message to the database and back.
func (s *Store) submitPlain(ctx context.Context, calls []*submission) error {
	var rows []*newRow
	for _, c := range calls {
		c.result = c.result[:0]
		for i := range c.jobs {
			rows = append(rows, &c.jobs[i])
			c.result = append(c.result, store.Submitted{ID: c.jobs[i].job.ID, Ended: c.jobs[i].ended()})
		}
	}
	return translate("store jobs", retry(func() error {
		batch := &pgx.Batch{}
		batch.Queue(insertJobsSQL, jobColumnsOf(rows)...)
		batch.Queue(notifySQL)
		return single("store plain jobs", func() error { return s.pool.SendBatch(ctx, batch).Close() })
	}))
}

// submitTx is one transaction of submitBatch.
type submitTx struct {
	tx    pgx.Tx
	calls []*submission
	errs  []error // of each call

	known   map[idemKey]knownKey
	gone    map[orgFile]bool
	batches map[orgBatch]bool // those that there are; true for those that take new items
	items   map[itemKey]knownItem
}

// knownKey is what stands behind an idempotency key.
type knownKey struct {
	job  steward.JobID
	hash []byte
}

func (b *submitTx) run(ctx context.Context) error {
	if err := b.look(ctx); err != nil {
		return err
	}
	var rows []*newRow
	for i, c := range b.calls {
		fresh, err := c.resolve(b)
		if err != nil {
			b.errs[i] = err
			continue
		}
		rows = append(rows, fresh...)
	}
	if len(rows) == 0 {
		return nil
	}
	if err := b.rememberKeys(ctx, rows); err != nil {
		return err
	}
	if _, err := b.tx.Exec(ctx, insertJobsSQL, jobColumnsOf(rows)...); err != nil {
		return itemRace(err)
	}
	if err := b.holdFiles(ctx, rows); err != nil {
		return err
	}
	if err := b.holdResults(ctx, rows); err != nil {
		return err
	}
	_, err := b.tx.Exec(ctx, notifySQL)
	return err
}

// look reads what the calls' jobs depend on and locks it as far as it must not change.
func (b *submitTx) look(ctx context.Context) (err error) {
	if b.known, err = b.knownKeys(ctx); err != nil {
		return err
	}
	if err := b.lockBatches(ctx); err != nil {
		return err
	}
	if err := b.findResults(ctx); err != nil {
		return err
	}
	b.gone, err = b.lockFiles(ctx)
	return err
}

// resolve decides about the jobs of one call: which are new, which were submitted before. What is new counts as known for the
// calls behind it, but only when the whole call is accepted.
func (c *submission) resolve(b *submitTx) ([]*newRow, error) {
	c.result = c.result[:0]
	keys, items := map[idemKey]knownKey{}, map[itemKey]knownItem{}
	var fresh []*newRow
	for i := range c.jobs {
		r := &c.jobs[i]
		first, err := r.knownBy(b, keys, items)
		if err != nil {
			return nil, err
		}
		if first != "" {
			c.result = append(c.result, store.Submitted{ID: first, Replayed: first != r.job.ID}) // its own: see surely
			continue
		}
		for _, f := range r.files {
			if b.gone[orgFile{r.org.Bytes, f.file.Bytes}] {
				return nil, storerow.FileGone(f.id)
			}
		}
		c.result = append(c.result, store.Submitted{ID: r.job.ID, Ended: r.ended()})
		fresh = append(fresh, r)
	}
	maps.Copy(b.known, keys)
	maps.Copy(b.items, items)
	return fresh, nil
}

// knownBy returns the earlier job that a new one stands for, "" when it is new indeed; its key and its place in a batch are noted then.
func (r *newRow) knownBy(b *submitTx, keys map[idemKey]knownKey, items map[itemKey]knownItem) (steward.JobID, error) {
	if r.job.IdempotencyKey != "" {
		k := r.idemKey()
		first, ok := keys[k]
		if !ok {
			first, ok = b.known[k]
		}
		if ok && !bytes.Equal(first.hash, r.job.RequestHash[:]) {
			return "", storerow.KeyReused()
		}
		if ok {
			return first.job, nil
		}
		keys[k] = knownKey{r.job.ID, r.job.RequestHash[:]}
	}
	if r.job.Batch == nil {
		return "", nil
	}
	return r.knownItem(b, items)
}

const (
	knownKeysSQL = `
select k.organization_id, k.agent_id, k.key, k.job_id, k.request_hash
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) as g (organization_id, agent_id, key, now)
cross join lateral (
    select * from idempotency_keys k
    where k.organization_id = g.organization_id and k.agent_id = g.agent_id and k.key = g.key and k.expires_at > g.now limit 1) k`
	rememberKeysSQL = `
insert into idempotency_keys as k (organization_id, agent_id, key, job_id, request_hash, expires_at)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bytea[], $6::timestamptz[])
as g (organization_id, agent_id, key, job_id, request_hash, expires_at)
order by 1, 2, 3
on conflict (organization_id, agent_id, key) do update
set job_id = excluded.job_id, request_hash = excluded.request_hash, expires_at = excluded.expires_at
where k.expires_at <= $7`
	forgetKeysSQL = `
delete from idempotency_keys k using (
    select organization_id, agent_id, key from idempotency_keys where expires_at <= $1 order by expires_at limit $2 for update skip locked) old
where k.organization_id = old.organization_id and k.agent_id = old.agent_id and k.key = old.key`
)

const knownKeySQL = `
select job_id, request_hash from idempotency_keys where organization_id = $1 and agent_id = $2 and key = $3 and expires_at > $4`

// FindIdempotent implements store.Jobs.
func (s *Store) FindIdempotent(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, key string, now time.Time) (
	id steward.JobID, hash [32]byte, ok bool, err error,
) {
	orgID, okOrg := toUID(org)
	agentID, okAgent := toUID(agent)
	unheard := storable("", key) // nothing stored contains such text
	if !okOrg || !okAgent || unheard != nil {
		return "", hash, false, nil //nolint:nilerr // no such key
	}
	var job uid
	var stored []byte
	err = s.pool.QueryRow(ctx, knownKeySQL, orgID, agentID, key, stamp(now)).Scan(&job, &stored)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", hash, false, nil
	}
	if err != nil {
		return "", hash, false, translate("find idempotency key", err)
	}
	copy(hash[:], stored)
	return fromUID[steward.JobID](job), hash, true, nil
}

// knownKeys reads the calls' idempotency keys that are in use.
func (b *submitTx) knownKeys(ctx context.Context) (map[idemKey]knownKey, error) {
	var orgs, agents []uid
	var keys []string
	var nows []pgtype.Timestamptz
	for _, c := range b.calls {
		for i := range c.jobs {
			if r := &c.jobs[i]; r.job.IdempotencyKey != "" {
				orgs, agents, keys, nows = append(orgs, r.org), append(agents, r.agent), append(keys, r.job.IdempotencyKey), append(nows, r.createdAt)
			}
		}
	}
	known := map[idemKey]knownKey{}
	if len(keys) == 0 {
		return known, nil
	}
	rows, err := b.tx.Query(ctx, knownKeysSQL, orgs, agents, keys, nows)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var org, agent, job uid
		var key string
		var hash []byte
		if err := rows.Scan(&org, &agent, &key, &job, &hash); err != nil {
			return nil, err
		}
		known[idemKey{org.Bytes, agent.Bytes, key}] = knownKey{fromUID[steward.JobID](job), hash}
	}
	return known, rows.Err()
}

// rememberKeys stores the keys of new jobs, in place of expired ones, and clears away a few that have expired.
func (b *submitTx) rememberKeys(ctx context.Context, rows []*newRow) error {
	var orgs, agents, jobs []uid
	var keys []string
	var hashes [][]byte
	var expire []pgtype.Timestamptz
	var now pgtype.Timestamptz
	for _, r := range rows {
		if r.job.IdempotencyKey == "" {
			continue
		}
		orgs, agents, jobs = append(orgs, r.org), append(agents, r.agent), append(jobs, r.id)
		keys, hashes, expire = append(keys, r.job.IdempotencyKey), append(hashes, r.job.RequestHash[:]), append(expire, stamp(r.job.IdempotencyTo))
		if r.createdAt.Time.After(now.Time) {
			now = r.createdAt
		}
	}
	if len(keys) == 0 {
		return nil
	}
	tag, err := b.tx.Exec(ctx, rememberKeysSQL, orgs, agents, keys, jobs, hashes, expire, now)
	if err != nil {
		return err
	}
	if tag.RowsAffected() != int64(len(keys)) {
		return errRace
	}
	_, err = b.tx.Exec(ctx, forgetKeysSQL, now, 2*len(keys))
	return err
}

// lockFiles returns which of the calls' files are not stored. The others stay locked until the commit, so that no release
// comes between.
func (b *submitTx) lockFiles(ctx context.Context) (gone map[orgFile]bool, err error) {
	var files, orgs []uid
	for _, c := range b.calls {
		for i := range c.jobs {
			for _, f := range c.jobs[i].files {
				files, orgs = append(files, f.file), append(orgs, c.jobs[i].org)
			}
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	gone = map[orgFile]bool{}
	for i, f := range files {
		gone[orgFile{orgs[i].Bytes, f.Bytes}] = true
	}
	rows, err := b.tx.Query(ctx, `
select g.organization_id, held.id
from (select distinct * from unnest($1::uuid[], $2::uuid[]) as g (id, organization_id) order by 1, 2) g
cross join lateral (select f.id from files f where f.id = g.id and (f.organization_id = g.organization_id) is true for no key update) held`, files, orgs)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var org, id uid
		if err := rows.Scan(&org, &id); err != nil {
			return nil, err
		}
		delete(gone, orgFile{org.Bytes, id.Bytes})
	}
	return gone, rows.Err()
}

// holdFiles turns the upload references of the files into references of the new jobs.
func (b *submitTx) holdFiles(ctx context.Context, rows []*newRow) error {
	var jobs, files []uid
	for _, r := range rows {
		for _, f := range r.files {
			jobs, files = append(jobs, r.id), append(files, f.file)
		}
	}
	if len(files) == 0 {
		return nil
	}
	if _, err := b.tx.Exec(ctx, `update files set expires_at = null where id = any ($1) and (expires_at is not null) is true`, files); err != nil {
		return err
	}
	_, err := b.tx.Exec(ctx, `
insert into job_files (job_id, file_id) select * from unnest($1::uuid[], $2::uuid[]) on conflict do nothing`, jobs, files)
	return err
}

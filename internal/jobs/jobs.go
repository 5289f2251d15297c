// Package jobs runs agents: it takes jobs in, has them worked on, and answers what became of them.
//
// A Service is what doors call. A Worker claims queued jobs and runs their engines. Both stand on the same store, in one
// process or in many. A job that was acknowledged is on disk; a step that was recorded is never done again; a process
// that dies is followed up by another, or by itself after a restart.
package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
)

// Store is the part of the database that jobs stand on.
type Store interface {
	store.Jobs
	store.Books
	store.Queue
	store.Batches
}

// Agents finds what is to be run.
type Agents interface {
	// Resolve returns a version ready to run; version "" means the current one. Errors: NotFound.
	Resolve(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, *engine.Program, error)
	// ForRun is Resolve for a new run: the cache flags of the version's BaseAgent are those of now. Errors: NotFound, also for a
	// deleted agent.
	ForRun(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, *engine.Program, error)
	// Exists fails for an agent that the organization does not have. Errors: NotFound.
	Exists(ctx context.Context, org steward.OrganizationID, agent steward.AgentID) error
}

// Files keeps the bytes of inputs, long values and references.
type Files interface {
	// Upload stores a stream under a new file id that a job may take. Errors: TooLarge.
	Upload(ctx context.Context, name, declaredType string, r io.Reader) (steward.File, error)
	// Release drops uploads that no job took.
	Release(ctx context.Context, ids ...steward.FileID) error
	// Open reads a file by its hash.
	Open(ctx context.Context, f steward.File) (io.ReadSeekCloser, error)
	// CheckType refuses a file whose bytes are not what an input takes. Errors: Invalid.
	CheckType(key, dataType string, f steward.File) error
	// Stored returns a file of an organization. Errors: NotFound.
	Stored(ctx context.Context, org steward.OrganizationID, id steward.FileID) (steward.File, error)
	// Bury deletes the bytes of blobs that the store called dying, and returns how many are gone; the rest is deleted later.
	Bury(ctx context.Context, dying []string) (gone int, err error)
	// SaveForJob stores bytes that a running job holds. Errors: Conflict when the lease is lost.
	SaveForJob(ctx context.Context, lease store.Lease, r io.Reader) (sha256 string, sizeBytes int64, err error)
	// HoldForJob makes a running job hold a stored file. Errors: Conflict when the lease is lost; NotFound.
	HoldForJob(ctx context.Context, lease store.Lease, f steward.File) error
	// FetchForJob gets a URL as a file that a running job holds; a picture of at most maxPicture bytes, 0 meaning no limit of its own.
	// Errors: *steward.Failure; Conflict when the lease is lost.
	FetchForJob(ctx context.Context, lease store.Lease, url string, maxPicture int64) (steward.File, error)
}

// Options tunes a Service and its Worker. The zero value is ready to use.
type Options struct {
	Timeout     time.Duration // of a job that names none; 0 means 2 h
	SyncTimeout time.Duration // how long RunSync waits; 0 means 120 s
	Budget      Budget
	Backlog     Backlog
	Models      engine.ModelSource // what TestModel tests; it is needed for nothing else
	StoreTraces bool               // keep what models were asked and what they answered, where a configuration does not say store_traces
	Disk        *disk.Guard        // says whether new work may be taken and anything be written; nil means always
	Logger      *slog.Logger       // nil means slog.Default()
}

// Budget is what may be spent, in days and months of UTC. 0 means no limit.
type Budget struct {
	PerOrganization      steward.MicroUSD // a day
	PerOrganizationMonth steward.MicroUSD
	PerAgent             steward.MicroUSD // a day
	PerAgentMonth        steward.MicroUSD

	// Organizations have budgets of their own, which count instead of the amounts above. Theirs are not looked into any further.
	Organizations map[steward.OrganizationID]Budget
}

// Limits of a run's request.
const (
	MaxFilesPerInput = 20
	MaxJobBytes      = 250 << 20
	MaxTimeout       = 7 * 24 * time.Hour
	MaxMetadata      = 64 << 10
	MaxIdempotency   = 255            // characters of an idempotency key
	idempotencyFor   = 24 * time.Hour // how long a key is remembered
	inlineBytes      = 16 << 10       // longer texts and step outputs are kept as files
)

// Service takes jobs in and tells what became of them. Safe for concurrent use.
type Service struct {
	store  Store
	agents Agents
	files  Files
	clock  clock.Clock
	opts   Options
	log    *slog.Logger
	hub    *hub
	spend  *spendings
	queue  *backlog
	look   *lookout

	testing sync.Mutex // held while a model is tested

	batches *facts        // what never changes about batches
	settled chan struct{} // gets a value when a batch may have come to its end
}

// New returns a Service.
func New(s Store, agents Agents, files Files, c clock.Clock, opts Options) *Service {
	if opts.Timeout == 0 {
		opts.Timeout = 2 * time.Hour
	}
	if opts.SyncTimeout == 0 {
		opts.SyncTimeout = 120 * time.Second
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Disk == nil {
		opts.Disk = disk.NewGuard(disk.Options{Logger: opts.Logger})
	}
	h := newHub()
	return &Service{
		store: s, agents: agents, files: files, clock: c, opts: opts, log: opts.Logger, hub: h,
		queue: &backlog{limits: opts.Backlog, count: s.CountQueued, clock: c}, look: newLookout(s, h),
		spend: newSpendings(s, opts.Budget, c), batches: newFacts(), settled: make(chan struct{}, 1),
	}
}

// RawInput is one field of a run's request. Exactly one of Text, JSON and File counts: File when set, else JSON when set.
type RawInput struct {
	Key  string
	Text string
	JSON json.RawMessage // a value that the caller sent with its JSON type
	File *steward.File   // an upload of this request; keys repeat for several
}

// RunParams is a request to run an agent.
type RunParams struct {
	AgentID        steward.AgentID
	VersionID      steward.VersionID // "" means the current version
	Inputs         []RawInput
	Metadata       json.RawMessage // a JSON object; nil means {}
	IdempotencyKey string          // the same key within 24 h gives the first job; "" means none
	SkipCache      bool            // do not answer from an earlier equal run
	Timeout        time.Duration   // 0 means the default; at most MaxTimeout
	Queued         func()          // called by RunSync when the job is on disk and the wait begins; may be nil
}

// CheckRun reports whether the caller may run a version, before the request's body is read.
//
// Errors: Denied without ScopeRun; NotFound.
func (s *Service) CheckRun(ctx context.Context, agent steward.AgentID, version steward.VersionID) error {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return err
	}
	if version == "" {
		return s.agents.Exists(ctx, p.OrganizationID, agent)
	}
	_, _, err = s.agents.ForRun(ctx, p.OrganizationID, agent, version)
	return err
}

// Submit queues a job and returns its id after the job is on disk. With an idempotency key that was used before it returns the
// first job, whatever has become of budgets, versions and files since. A run that equals an earlier one is answered from the cache: the
// new job has ended as CACHED then. Uploads that came with the request and that no job took are left to the caller.
//
// Errors: Invalid naming the input or field; NotFound; Denied; NoCredit; RateLimited (nothing was stored); Unavailable (nothing was stored, or
// the database went away in the middle: the same idempotency key gives the job if there is one).
func (s *Service) Submit(ctx context.Context, p RunParams) (steward.JobID, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return "", err
	}
	now := s.clock.Now()
	if err := s.checkParams(&p); err != nil {
		return "", err
	}
	if id, ok, err := s.replay(ctx, who.OrganizationID, &p, now); ok || err != nil {
		return id, err
	}
	in, err := s.takeIn(ctx, who, p.AgentID, p.VersionID, now)
	if err != nil {
		return "", err
	}
	if err := s.queue.admit(ctx, who.OrganizationID, 1); err != nil {
		return "", err
	}
	in.timeout, in.metadata, in.skipCache = p.Timeout, p.Metadata, p.SkipCache
	job, err := in.job(ctx, p.Inputs)
	if err != nil {
		s.release(ctx, in.stored)
		return "", err
	}
	if p.IdempotencyKey != "" {
		job.IdempotencyKey, job.IdempotencyTo, job.RequestHash = p.storedKey(), now.Add(idempotencyFor), p.storedHash()
	}
	return s.submit(ctx, job, in.stored)
}

func errKeyReused(cause error) error {
	return &steward.Error{Code: steward.Invalid, Field: steward.InputField, Message: "Idempotency-Key was used before with other inputs or metadata.", Err: cause}
}

// release drops files of this service's own making that no job took.
func (s *Service) release(ctx context.Context, ids []steward.FileID) {
	if len(ids) == 0 {
		return
	}
	if err := s.files.Release(context.WithoutCancel(ctx), ids...); err != nil {
		s.log.WarnContext(ctx, "uploads not released", "error", err)
	}
}

// submit stores the job. The long texts that were stored for it are dropped when it failed or was a repetition.
func (s *Service) submit(ctx context.Context, job store.NewJob, stored []steward.FileID) (steward.JobID, error) {
	failpoint.Pass("jobs.submit.before")
	done, err := s.store.Submit(ctx, []store.NewJob{job})
	failpoint.Pass("jobs.submit.after")
	if err == nil && !done[0].Replayed {
		return done[0].ID, nil
	}
	s.release(ctx, stored)
	if err == nil {
		return done[0].ID, nil
	}
	if isKeyReused(err) {
		return "", errKeyReused(err)
	}
	return "", fmt.Errorf("submit job: %w", err)
}

func (s *Service) checkParams(p *RunParams) (err error) {
	if p.Timeout, err = s.checkLimits(p.Timeout, p.Metadata); err != nil {
		return err
	}
	return checkKey(p.IdempotencyKey)
}

// checkLimits returns a job's time limit, the default for 0. Errors: Invalid naming timeout_seconds or metadata.
func (s *Service) checkLimits(timeout time.Duration, metadata json.RawMessage) (time.Duration, error) {
	switch {
	case timeout < 0 || timeout > MaxTimeout:
		return 0, &steward.Error{Code: steward.Invalid, Field: "timeout_seconds", Message: fmt.Sprintf("must be from 1 to %d.", int(MaxTimeout.Seconds()))}
	case len(metadata) > MaxMetadata:
		return 0, &steward.Error{Code: steward.Invalid, Field: "metadata", Message: fmt.Sprintf("Must not be longer than %d KiB.", MaxMetadata>>10)}
	case timeout == 0:
		return s.opts.Timeout, nil
	}
	return timeout, nil
}

// checkKey refuses an idempotency key that is too long. Errors: Invalid.
func checkKey(key string) error {
	if len(key) > MaxIdempotency {
		return &steward.Error{Code: steward.Invalid, Field: "Idempotency-Key", Message: fmt.Sprintf("must not be longer than %d characters.", MaxIdempotency)}
	}
	return nil
}

// hash identifies what a request asks for, as the caller sent it: files count by content, keys in any order. Fields of one key keep
// theirs, which has a meaning.
func (p *RunParams) hash() [32]byte {
	inputs := slices.Clone(p.Inputs)
	slices.SortStableFunc(inputs, func(a, b RawInput) int { return strings.Compare(a.Key, b.Key) })
	fields := make([]string, len(inputs))
	for i, in := range inputs {
		value := "text " + in.Text
		switch {
		case in.File != nil:
			value = "file " + in.File.SHA256
		case in.JSON != nil:
			value = "json " + string(in.JSON)
		}
		fields[i] = fmt.Sprintf("%d %s %d %s", len(in.Key), in.Key, len(value), value)
	}
	metadata := p.Metadata
	if len(metadata) == 0 {
		metadata = json.RawMessage("{}")
	}
	return sha256.Sum256(fmt.Appendf(nil, "%q %s", fields, metadata))
}

// RunSync submits a job and waits until it has ended. A caller that goes away leaves the job running.
//
// Errors: those of Submit; Timeout after Options.SyncTimeout.
func (s *Service) RunSync(ctx context.Context, p RunParams) (*steward.Job, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return nil, err
	}
	id, err := s.Submit(ctx, p)
	if err != nil {
		return nil, err
	}
	p.Inputs = nil // which may be large, and are on disk
	if p.Queued != nil {
		p.Queued()
	}
	wait, cancel := context.WithTimeout(ctx, s.opts.SyncTimeout)
	defer cancel()
	if err := s.await(wait, who.OrganizationID, id); err != nil {
		if ctx.Err() == nil && wait.Err() != nil {
			return nil, &steward.Error{Code: steward.Timeout, Message: fmt.Sprintf("The run takes longer than %d seconds; job %s goes on.", int(s.opts.SyncTimeout.Seconds()), id)}
		}
		return nil, err
	}
	return s.store.Job(ctx, who.OrganizationID, id)
}

// await returns when a job has ended.
func (s *Service) await(ctx context.Context, org steward.OrganizationID, id steward.JobID) error {
	defer s.look.enter(ctx, org, id)()
	for {
		if ended, err := s.awaitOnce(ctx, org, id); ended || err != nil {
			return err
		}
	}
}

// awaitOnce looks at a job and, when it is open, waits until something may have happened to it.
func (s *Service) awaitOnce(ctx context.Context, org steward.OrganizationID, id steward.JobID) (ended bool, err error) {
	woken, stop := s.hub.watch(id)
	defer stop()
	st, err := s.store.JobStatus(ctx, org, id)
	if err != nil || st.Status.Terminal() {
		return err == nil, err
	}
	select {
	case <-woken:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return false, nil
}

// Package store is where Steward keeps its records: one small contract per noun, two databases behind them.
//
// Packages sqlite and postgres open a Store; package storetest holds the tests that both pass. Errors are *steward.Error
// with the codes named at each method; whatever else happens in a database is Internal, or Unavailable when it may pass.
//
// All methods may be called concurrently. Every write is durable (on disk) before its method returns. Each method is one
// transaction. Methods that take an organization answer NotFound for rows of any other.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/stewardhq/steward"
)

// Store is an open database: the contracts of every noun.
type Store interface {
	Identity
	Agents
	AgentEdits
	Tags
	Jobs
	Books
	Queue
	Batches
	Webhooks
	Files
	KeptFiles
	Creations
	// Ping reports whether the database answers.
	Ping(ctx context.Context) error
	// Close waits for running writes and closes the database. The Store must not be used afterwards.
	Close() error
}

// Identity keeps organizations, users and keys.
type Identity interface {
	// Bootstrap creates the first organization with its first user and key, all or nothing.
	// user.ID is assigned and returned. Errors: Conflict when an organization exists already.
	Bootstrap(ctx context.Context, org steward.Organization, user steward.User, key KeyRecord) (steward.UserID, error)
	// Organization returns one organization. Errors: NotFound.
	Organization(ctx context.Context, id steward.OrganizationID) (*steward.Organization, error)
	// User returns a user of an organization. Errors: NotFound.
	User(ctx context.Context, org steward.OrganizationID, id steward.UserID) (*steward.User, error)
	// CreateKey stores a key. Errors: Conflict when its Prefix or id is taken.
	CreateKey(ctx context.Context, key KeyRecord) error
	// KeyByPrefix finds a key, revoked and expired ones included, by the public first part of its token. Errors: NotFound.
	KeyByPrefix(ctx context.Context, prefix string) (*KeyRecord, error)
	// ListKeys returns the organization's keys, newest first, revoked ones included. At most 1,000.
	ListKeys(ctx context.Context, org steward.OrganizationID) ([]steward.Key, error)
	// RevokeKey marks a key as revoked at the given time; a key already revoked keeps its first time. Errors: NotFound.
	RevokeKey(ctx context.Context, org steward.OrganizationID, id steward.KeyID, at time.Time) error
	// TouchKeys records when keys were last used; unknown ids are ignored.
	TouchKeys(ctx context.Context, used map[steward.KeyID]time.Time) error
}

// KeyRecord is a key with the hash of its token.
type KeyRecord struct {
	steward.Key
	Hash [32]byte // SHA-256 of the whole token; tokens have 192 random bits, so a slow hash adds nothing
}

// Agents keeps agents and their versions.
type Agents interface {
	// CreateAgent stores an agent together with its first version. Agent.CurrentVersionID is the version's id; of its Tags only the
	// ids count. Errors: Conflict with Field "name" when the organization has an agent of that name (compared exactly); Invalid with
	// Field "tag_ids" for a tag that it does not have.
	CreateAgent(ctx context.Context, a steward.Agent, v steward.Version) error
	// Agent returns an agent, its creator filled in, with job_count and most_recent_job. Errors: NotFound.
	Agent(ctx context.Context, org steward.OrganizationID, id steward.AgentID) (*steward.Agent, error)
	// ListAgents returns a page of agents and the number of agents of the whole list.
	// Tags are never nil. Offset beyond the end gives an empty slice.
	ListAgents(ctx context.Context, org steward.OrganizationID, q AgentQuery) (agents []steward.Agent, count int64, err error)
	// CreateVersion stores a version and makes it current. Errors: NotFound for the agent.
	CreateVersion(ctx context.Context, v steward.Version) error
	// Version returns a version with its BaseAgent. version "" means the current one. Errors: NotFound.
	Version(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, error)
	// ListVersions returns an agent's versions with their BaseAgent, newest first. At most 1,000. Errors: NotFound for the agent.
	ListVersions(ctx context.Context, org steward.OrganizationID, agent steward.AgentID) ([]steward.Version, error)
	// CurrentVersionID returns the id of the agent's current version. Errors: NotFound.
	CurrentVersionID(ctx context.Context, org steward.OrganizationID, agent steward.AgentID) (steward.VersionID, error)
	// RunAgent returns what a new run needs to know about its agent and version: the one read that every run makes. version "" means
	// the current one. Errors: NotFound, also for an agent or a version that was deleted.
	RunAgent(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (RunAgent, error)
}

// RunAgent is the part of an agent and of a version that every run reads anew.
type RunAgent struct {
	CurrentVersionID steward.VersionID
	VersionID        steward.VersionID // the one to be run
	VersionName      string            // of VersionID
	DisableCache     bool
	CacheFailedJobs  bool
}

// AgentQuery filters, orders and cuts a list of agents. Filters combine with AND, the values of one filter with OR. The zero value
// is the first 20, newest first.
type AgentQuery struct {
	Limit          int      // 1 to 1000; 0 means 20
	Offset         int      // rows skipped
	Order          string   // one of AgentOrders, '-' in front for descending; "" means -created_at. Ties by id; agents without a value come last.
	Search         string   // part of name, engine, id, creator, a tag's name or a version's id (from SearchVersionID characters on), in any case
	Name           string   // part of the name, in any case
	EngineClassIDs []string // exact; none means all
	NotEngines     []string // exact
	CreatorIDs     []steward.UserID
	Tags           []steward.TagID // one of them
	Untagged       bool            // agents without tags: besides those of Tags, or alone when there are none
	Created        TimeRange
	Updated        TimeRange
	MostRecentJob  TimeRange // agents without jobs are outside of every range
	JobsMin        *int64
	JobsMax        *int64
	Stats          bool // fill JobCount and MostRecentJob
}

// TimeRange is a span of time, both ends included; a zero end is open.
type TimeRange struct{ From, To time.Time }

// AgentOrders returns what agents can be ordered by.
func AgentOrders() []string {
	return []string{"name", "created_at", "updated_at", "most_recent_job", "job_count", "engine_class_id", "creator"}
}

// SearchVersionID is how long a text must be to be searched for in the ids of versions: shorter ones stand in most of them.
const SearchVersionID = 6

// Jobs is the record side of jobs: what callers ask about.
type Jobs interface {
	// Submit stores jobs as queued, all or none, and signals Ready. The jobs' inputs, events and files references are
	// stored with them. A job whose IdempotencyKey was used before in the same scope is not stored; its Submitted names
	// the first one's id and Replayed is true (the first job may be of the same call).
	// Upload references of the jobs' files (see Files) become references of the jobs.
	// The result has one entry per job, in order. At most 1000 jobs a call.
	// Errors: Conflict with Field "Idempotency-Key" when the key was used with another RequestHash.
	Submit(ctx context.Context, jobs []NewJob) ([]Submitted, error)
	// FindIdempotent returns the job that an idempotency key of an organization's agent stands for at a time, and the
	// request hash that was stored with it. ok is false when the key was not used or is forgotten by then.
	FindIdempotent(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, key string, now time.Time) (
		id steward.JobID, hash [32]byte, ok bool, err error)
	// Job returns a job with everything about it. Errors: NotFound.
	Job(ctx context.Context, org steward.OrganizationID, id steward.JobID) (*steward.Job, error)
	// JobStatus returns the few columns that pollers want; it costs one index look-up. Errors: NotFound.
	JobStatus(ctx context.Context, org steward.OrganizationID, id steward.JobID) (*JobStatus, error)
	// JobStatuses returns the statuses of many jobs, in the order of ids; an id may stand twice. At most 1000.
	// Errors: NotFound when one of them is not the organization's.
	JobStatuses(ctx context.Context, org steward.OrganizationID, ids []steward.JobID) ([]JobStatus, error)
	// JobResults returns many jobs with everything about them but their events, in the order of ids. At most 1000.
	// Errors: NotFound when one of them is not the organization's.
	JobResults(ctx context.Context, org steward.OrganizationID, ids []steward.JobID) ([]steward.Job, error)
	// ListJobs returns a page of jobs and how many match. Outputs and References of the jobs are left empty, Verdict is filled.
	// The work is bounded by the page and by what the filters leave, not by how many jobs there are.
	// Errors: Invalid for a limit or an order out of range.
	ListJobs(ctx context.Context, org steward.OrganizationID, q JobQuery) (jobs []steward.Job, count int64, err error)
	// CancelOpen does what Cancel does to at most limit of the open jobs that f chooses and that no cancel was asked for, and
	// returns how many they were; fewer than limit means that none is left. limit is 1 to 1000.
	CancelOpen(ctx context.Context, org steward.OrganizationID, f OpenFilter, at time.Time, limit int) (int, error)
	// Purge deletes what an ended job knows: the values of its inputs, its outputs, references, artifacts and steps, its place
	// in the cache, and its uploads that no other job and no keeper holds. Status, times, usage, metadata and events stay.
	// A second Purge finds nothing. Errors: NotFound; Conflict while the job is open.
	Purge(ctx context.Context, org steward.OrganizationID, id steward.JobID, at time.Time) (Purged, error)
	// PurgeDeleted does what Purge does to at most limit ended jobs of deleted agents, and returns how many they were and what
	// blobs are dying of it. 0 means that none is left for now.
	PurgeDeleted(ctx context.Context, at time.Time, limit int) (n int, dying []string, err error)
	// Cancel asks for a job's end. A queued or retrying job turns CANCELLED at once, a running one is marked, and its
	// worker is told by RenewLeases. It returns the status after the call; a terminal job keeps its own. Errors: NotFound.
	Cancel(ctx context.Context, org steward.OrganizationID, id steward.JobID, at time.Time) (steward.Status, error)
	// Steps returns a job's recorded steps in the order of their recording. Errors: NotFound.
	Steps(ctx context.Context, org steward.OrganizationID, id steward.JobID) ([]steward.Step, error)
	// Artifact returns one artifact of a job. Errors: NotFound.
	Artifact(ctx context.Context, org steward.OrganizationID, id steward.JobID, key string) (*steward.Artifact, error)
}

// NewJob is a job to be queued. Status, Attempt, Events and the like are set by Submit: status PENDING with its event at CreatedAt.
type NewJob struct {
	ID             steward.JobID
	OrganizationID steward.OrganizationID
	AgentID        steward.AgentID
	VersionID      steward.VersionID
	VersionName    string
	EngineClassID  string
	Provider       string // model provider, for its concurrency limit; "" when none
	CreatorID      steward.UserID
	CreatedAt      time.Time
	RunAfter       time.Time     // zero means at once
	Timeout        time.Duration // Deadline is CreatedAt + Timeout
	Metadata       []byte        // JSON object; nil means {}
	Inputs         []steward.Input

	IdempotencyKey string    // "" means none
	IdempotencyTo  time.Time // the key is forgotten after this time
	RequestHash    [32]byte  // of the request's content, compared when the key comes again

	Cache   *CacheUse        // nil: the job neither is answered from the cache nor fills it
	Batch   *BatchPlace      // nil: the job is of no batch
	Refused *steward.Failure // not nil: the job ends as FAILURE at once, without being run
}

// CacheUse says how a job and the cache of results meet.
//
// An entry is the result of an ended job whose data is still there. When the job may read and there is an entry of its key that
// has not expired, Submit stores the job as CACHED, with the outputs, references and failure of the first and the first's id in
// CachedFrom; where the outputs name the first job's id they name the new job's. Its usage is free. Otherwise the job is queued, and
// its own end, when it is a SUCCESS, becomes the entry; a FAILURE becomes one when its code says that it would come again
// (storerow.Lasting) and there is no unexpired success under the key.
type CacheUse struct {
	Key         [32]byte
	Read        bool          // answer from an entry if there is one
	ReadFailure bool          // entries of failed jobs count too
	TTL         time.Duration // how long the job's own result may answer others, from its end on
}

// BatchPlace says which item of a batch a job is.
type BatchPlace struct {
	ID    steward.BatchID
	Index int64    // from 0
	Hash  [32]byte // of the item's content, compared when the item comes again
}

// OpenFilter chooses among an organization's open jobs. One of Agent and Batch is set.
type OpenFilter struct {
	Agent     steward.AgentID
	Batch     steward.BatchID
	CreatedTo time.Time // only jobs created by then; zero means all
}

// Purged is what Purge removed. All zero means that there was nothing left.
type Purged struct {
	Outputs   int  // outputs and references
	Artifacts int  // artifacts
	Steps     int  // steps
	Files     int  // uploads
	Had       bool // there was something to purge: this call was the first
	Dying     []string
}

// Submitted answers one NewJob.
type Submitted struct {
	ID       steward.JobID
	Replayed bool // the idempotency key or the batch item was known; ID is the earlier job
	Ended    bool // the job has ended already: it was answered from the cache or refused
}

// JobStatus is the part of a job that pollers read.
type JobStatus struct {
	ID        steward.JobID
	AgentID   steward.AgentID
	Status    steward.Status
	CreatedAt time.Time
	UpdatedAt time.Time
	StartedAt time.Time // zero until started
	EndedAt   time.Time // zero until terminal
	Failure   *steward.Failure
	Progress  *steward.Progress
	Cost      *steward.MicroUSD // what the job cost so far; nil when unknown. JobStatus fills it, JobStatuses does not
}

// JobQuery filters, orders and cuts a list of jobs. Filters combine with AND, the values of one filter with OR.
// The zero value is the newest 20.
type JobQuery struct {
	AgentID      steward.AgentID // "" means every agent of the organization; then only Status may be set besides
	Status       []steward.Status
	VersionNames []string
	Verdicts     []string
	Metadata     []Label       // all of them
	NotMetadata  []Label       // none of them
	JobID        steward.JobID // exactly this one
	CreatedFrom  time.Time     // inclusive; zero means from the first
	CreatedTo    time.Time     // inclusive; zero means to the last
	Search       string        // part of the id, the version's name or the text of the inputs, in any case; see SearchWindow
	Inputs       string        // part of the text of the inputs, in any case; see SearchWindow
	Newest       int           // of what the filters leave only the newest so many count; 0 means all
	Order        []JobOrder    // first the most important; at most 4; what is left equal goes newest first, then by id
	Limit        int           // 1 to 1000; 0 means 20
	Offset       int
}

// SearchWindow is how many of the newest jobs, of those that the other filters leave, a Search or Inputs filter looks into.
const SearchWindow = 5_000

// Label is a top-level member of a job's metadata. Value is the text of a string and the compact JSON of anything else.
type Label struct{ Key, Value string }

// JobOrder is one key of a list's order. Jobs that have no value come last in both directions.
type JobOrder struct {
	By         JobOrderKey
	Descending bool
}

// JobOrderKey is what jobs are ordered by.
type JobOrderKey string

// The keys of an order.
const (
	ByID          JobOrderKey = "id"
	ByVersionName JobOrderKey = "agent_version_name"
	ByStatus      JobOrderKey = "status_code"
	ByCreated     JobOrderKey = "created_at"
	ByUpdated     JobOrderKey = "last_updated_at"
	ByCost        JobOrderKey = "cost"
	ByDuration    JobOrderKey = "duration" // from the first start to the end; cached jobs have none
)

// Queue is the worker side of jobs: claiming, keeping, recording and ending them.
type Queue interface {
	// Ready returns a channel that gets a value soon after jobs may have become claimable: after Submit and after Finish
	// with StatusRetry, in this process or (PostgreSQL) in any other. Values may be dropped while one is pending; workers
	// also poll. Each call returns the same channel.
	Ready() <-chan struct{}
	// Claim leases at most req.Max ready jobs: PENDING or RETRY whose RunAfter has come, and STARTED ones whose lease ran
	// out. Each becomes STARTED with an event, its Attempt and fencing token go up by one. A job whose lease ran out counts
	// a crash unless it was handed over; one that reaches req.MaxCrashes turns FAILURE with FailPoison instead of being
	// returned, one whose Deadline has passed FAILURE with FailTimeout, one with a cancel request CANCELLED. These ends do not
	// wait for room under the limits, but each claim brings about a bounded number of them.
	// A job that has only one crash left before it counts as poison is handed out only to a request with LastChance, one in
	// a claim; until then it waits as RETRY, its crash counted, and holds up nobody. With MaxCrashes 1 there are none such.
	// A job whose record cannot be read turns FAILURE with FailInternal.
	// Jobs are shared out between organizations first, between an organization's agents second, oldest RunAfter first
	// within an agent. The limits of req are kept over all workers of the database. None ready is an empty slice.
	Claim(ctx context.Context, req ClaimRequest) ([]Claimed, error)
	// NextReady returns the earliest RunAfter or lease end of a job that is not claimable yet, or the earliest Deadline of a
	// queued one, as seen from the latest Claim of this Store: only later times count. ok is false when there is none.
	NextReady(ctx context.Context) (at time.Time, ok bool, err error)
	// CountQueued returns how many jobs of each organization wait to be run: PENDING, RETRY, or left behind without a lease. It looks at all
	// of them. Organizations without any are left out.
	CountQueued(ctx context.Context) (map[steward.OrganizationID]int64, error)
	// RenewLeases makes leases last for another lease from now on and stores progress. The result has one entry per lease,
	// in order. A database that several machines share measures leases by its own clock instead of now.
	RenewLeases(ctx context.Context, leases []LeaseRenewal, now time.Time, lease time.Duration) ([]Renewal, error)
	// RecordStep stores a finished step and adds what it used to the books (see Books). Its name must be new in the job. A step is
	// progress: the job's crashes go back to 0. One that only books a failed call (Step.Failed) is none.
	// Errors: Conflict when the lease is lost (fencing token outdated or job not STARTED; see ErrLeaseLost) or the name is taken.
	RecordStep(ctx context.Context, lease Lease, step steward.Step) error
	// LoadSteps returns the recorded steps of a leased job. Errors: Conflict when the lease is lost.
	LoadSteps(ctx context.Context, lease Lease) ([]steward.Step, error)
	// SaveArtifact stores an artifact under its key, replacing an earlier one. Errors: Conflict when the lease is lost.
	SaveArtifact(ctx context.Context, lease Lease, a steward.Artifact) error
	// Finish ends an attempt: outcome, status event, references and usage in one transaction. With StatusRetry the job is
	// queued again for o.RunAfter. If a cancel was asked for meanwhile, the result is stored all the same for SUCCESS and
	// FAILURE, while RETRY turns into CANCELLED. Errors: Conflict when the lease is lost; nothing is stored then.
	Finish(ctx context.Context, lease Lease, o Outcome) error
	// HandOver gives leases back without a crash being counted: the jobs stay STARTED and are claimable at once.
	// Lost leases are skipped.
	HandOver(ctx context.Context, leases []Lease) error
	// TakeBack makes every job that an earlier incarnation of node held claimable at once (worker.Node == node and
	// another Incarnation), and returns their number. Crashes are counted at their claim.
	TakeBack(ctx context.Context, worker Worker) (int, error)
	// Disown makes jobs claimable at once that worker holds, under its Incarnation, and that are not among known, and returns their
	// number. No crash is counted. It is for a worker that did not get the answer to a claim, which may have been carried out.
	Disown(ctx context.Context, worker Worker, known []Lease) (int, error)
}

// Worker names a process that runs jobs.
type Worker struct {
	Node        string // stable over restarts of one installation
	Incarnation string // new at every start
}

// ClaimRequest is what a worker wants.
type ClaimRequest struct {
	Worker     Worker
	Now        time.Time
	Max        int           // 1 to 1000
	Lease      time.Duration // 1s to 1h
	MaxCrashes int           // 0 means 3
	LastChance bool          // hand out at most one job that has only one crash left before it counts as poison; the worker sets it while it runs none
	Limits     Limits
}

// Limits bounds how many jobs run at once. 0 and absent mean no limit.
type Limits struct {
	PerOrganization int
	PerAgent        int
	PerProvider     map[string]int
}

// ErrLeaseLost is inside (errors.Is) the Conflict of every call whose lease is lost, and inside no other.
var ErrLeaseLost = errors.New("the lease is lost")

// Lease is the right to write about a running job.
type Lease struct {
	JobID steward.JobID
	Fence int64 // goes up with every claim
}

// Claimed is a job that a worker got.
type Claimed struct {
	Lease
	Job     steward.Job // with its inputs
	Resumed bool        // an earlier attempt left the job behind; steps may be recorded
}

// LeaseRenewal keeps one lease and says how far its job is.
type LeaseRenewal struct {
	Lease
	Progress *steward.Progress // nil leaves what is stored
}

// Renewal answers one LeaseRenewal.
type Renewal struct {
	Lost            bool // another worker has the job, or it ended: stop
	CancelRequested bool
}

// Outcome is how an attempt ended.
type Outcome struct {
	Status     steward.Status // SUCCESS, FAILURE, CANCELLED or RETRY
	At         time.Time
	Outputs    []steward.Datum
	References []steward.Reference
	Failure    *steward.Failure // for FAILURE and RETRY
	RunAfter   time.Time        // for RETRY
	Usage      steward.Usage

	// CacheKey says what the run did, as NewJob.Cache does: when that has another key, as after a change of the default model, the result is
	// no entry. nil is not compared.
	CacheKey *[32]byte
}

// Batches keeps batches; their items are jobs (see NewJob.Batch).
type Batches interface {
	// CreateBatch stores a batch. With an idempotency key that was used before in the organization's agent it stores nothing and
	// returns the first batch's id. Errors: Conflict with Field "Idempotency-Key" when the key was used with another RequestHash.
	CreateBatch(ctx context.Context, b NewBatch) (id steward.BatchID, replayed bool, err error)
	// Batch returns a batch with its counts. Errors: NotFound.
	Batch(ctx context.Context, org steward.OrganizationID, id steward.BatchID) (*steward.Batch, error)
	// ListBatches returns an organization's batches with their counts, newest first, and how many match.
	ListBatches(ctx context.Context, org steward.OrganizationID, q BatchQuery) (batches []steward.Batch, count int64, err error)
	// BatchItems returns items of a batch by rising index, and how many match. Errors: NotFound.
	BatchItems(ctx context.Context, org steward.OrganizationID, id steward.BatchID, q ItemQuery) (items []steward.BatchItem, count int64, err error)
	// CloseBatch makes a batch take no more items. Closing twice changes nothing. Errors: NotFound.
	CloseBatch(ctx context.Context, org steward.OrganizationID, id steward.BatchID, at time.Time) error
	// CancelBatch closes a batch and marks it cancelled; its jobs are ended through CancelOpen. Errors: NotFound.
	CancelBatch(ctx context.Context, org steward.OrganizationID, id steward.BatchID, at time.Time) error
	// RetryItems queues at most limit of the batch's items that ended as one of statuses (FAILURE, CANCELLED) again: each as a new
	// job with a new id and the old one's inputs, metadata and version, in the old one's place; the old job stays on record outside of the batch.
	// Items whose data was deleted, that were refused or whose job was made at that time or later are left out, so that calls with one
	// time end even when items fail again at once. The batch is neither cancelled nor completed afterwards when there was one.
	// It returns how many items were queued; fewer than limit means that none is left. limit is 1 to 1000. Errors: NotFound.
	RetryItems(ctx context.Context, org steward.OrganizationID, id steward.BatchID, statuses []steward.Status, at time.Time, limit int) (int, error)
	// CompleteBatches marks closed batches whose jobs have all ended as completed, at most limit, and returns them.
	// A batch is returned by one such call only, whatever processes make them.
	CompleteBatches(ctx context.Context, at time.Time, limit int) ([]steward.BatchID, error)
}

// NewBatch is a batch to be stored.
type NewBatch struct {
	ID             steward.BatchID
	OrganizationID steward.OrganizationID
	AgentID        steward.AgentID
	VersionID      steward.VersionID
	VersionName    string
	CreatorID      steward.UserID
	Name           string
	Metadata       []byte // JSON object; nil means {}
	CreatedAt      time.Time

	IdempotencyKey string // "" means none; remembered as long as the batch
	RequestHash    [32]byte
}

// BatchQuery filters and cuts a list of batches.
type BatchQuery struct {
	AgentID steward.AgentID // "" means every agent
	Limit   int             // 1 to 1000; 0 means 20
	Offset  int
}

// ItemQuery filters and cuts a list of items.
type ItemQuery struct {
	Status []steward.Status // none means all
	From   int64            // only items of this index and higher
	Limit  int              // 1 to 1000; 0 means 20
	Offset int
}

// Files keeps what is known about stored files and who refers to them. The bytes are in the blob store.
//
// A blob is alive while a reference to it exists. An uploader calls Reserve before it puts the bytes in place, a deleter
// deletes bytes only between Release (which marks a blob without references as dying) and Forget. Reserve refuses a dying
// blob, so the two never meet on the same bytes, in whatever process they run.
type Files interface {
	// Reserve records a stored file together with an upload reference that lasts until expires, in one transaction.
	// known is true when the blob's bytes were already in place and Settled.
	// Errors: Unavailable when the blob is being deleted right now (retry soon).
	Reserve(ctx context.Context, f FileRecord, expires time.Time) (known bool, err error)
	// Settle records that the blob's bytes are in place.
	Settle(ctx context.Context, sha256 string) error
	// StoredFile returns a file of an organization. Errors: NotFound.
	StoredFile(ctx context.Context, org steward.OrganizationID, id steward.FileID) (*steward.File, error)
	// Release drops the upload references of files that no job took (and the files' rows), and returns the hashes of blobs that are now
	// without any reference, marked as dying at now. Unknown ids are ignored.
	Release(ctx context.Context, ids []steward.FileID, now time.Time) (dying []string, err error)
	// ReleaseExpired does the same for upload references that expired before now, at most limit, says how many it dropped, and
	// returns in addition blobs that were left dying by a crash, at most limit.
	ReleaseExpired(ctx context.Context, now time.Time, limit int) (dropped int, dying []string, err error)
	// Forget removes dying blobs whose bytes are gone.
	Forget(ctx context.Context, sha256s []string) error
	// RefJob makes a running job hold a blob that it saved (a reference file), recording the blob if it is new.
	// known is as in Reserve. Errors: Conflict when the lease is lost; Unavailable as in Reserve.
	RefJob(ctx context.Context, lease Lease, sha256 string, sizeBytes int64) (known bool, err error)
}

// FileRecord is a stored file with its owner.
type FileRecord struct {
	steward.File
	OrganizationID steward.OrganizationID
	CreatedAt      time.Time
}

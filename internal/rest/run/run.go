// Package run is the run family of the REST door: agents, their versions, jobs, what agents can be made of, and the keys
// that callers hold. Handlers decode, call one service method and encode; the rules stand in the services.
package run

import (
	"context"
	"io"
	"iter"
	"log/slog"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/files"
	"github.com/stewardhq/steward/internal/identity"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest/wire"
	"github.com/stewardhq/steward/internal/store"
)

// AgentService keeps agents and knows what they can be made of. Package agents implements it.
type AgentService interface {
	Create(ctx context.Context, p agents.CreateParams) (*steward.Agent, error)
	Get(ctx context.Context, id steward.AgentID) (*steward.Agent, error)
	List(ctx context.Context, p agents.ListParams) (page []steward.Agent, count int64, err error)
	Update(ctx context.Context, id steward.AgentID, p agents.UpdateParams) (*steward.Agent, error)
	Delete(ctx context.Context, id steward.AgentID) error
	Duplicate(ctx context.Context, id steward.AgentID) (*steward.Version, error)
	VersionService
	TagService
	EngineTypes(ctx context.Context) ([]steward.EngineType, error)
	LanguageModels(ctx context.Context, capability string) ([]steward.LanguageModel, error)
}

// VersionService is what an AgentService does with versions.
type VersionService interface {
	Version(ctx context.Context, agent steward.AgentID, version steward.VersionID) (*steward.Version, error)
	Versions(ctx context.Context, agent steward.AgentID) ([]steward.Version, error)
	CreateVersion(ctx context.Context, agent steward.AgentID, p agents.CreateVersionParams) (*steward.Version, error)
	UpdateVersion(ctx context.Context, agent steward.AgentID, version steward.VersionID, p agents.UpdateVersionParams) error
	DeleteVersion(ctx context.Context, agent steward.AgentID, version steward.VersionID) error
}

// TagService is what an AgentService does with tags.
type TagService interface {
	Tags(ctx context.Context) ([]steward.Tag, error)
	CreateTag(ctx context.Context, p agents.TagParams) (*steward.Tag, error)
	UpdateTag(ctx context.Context, id steward.TagID, p agents.TagParams) (*steward.Tag, error)
	DeleteTag(ctx context.Context, id steward.TagID) error
	SetTags(ctx context.Context, agent steward.AgentID, tags []steward.TagID) (*steward.Agent, error)
}

// JobService runs agents and tells what became of it. Package jobs implements it.
type JobService interface {
	CheckRun(ctx context.Context, agent steward.AgentID, version steward.VersionID) error
	Submit(ctx context.Context, p jobs.RunParams) (steward.JobID, error)
	RunSync(ctx context.Context, p jobs.RunParams) (*steward.Job, error)
	Status(ctx context.Context, id steward.JobID) (*store.JobStatus, error)
	Result(ctx context.Context, id steward.JobID) (*steward.Job, error)
	List(ctx context.Context, p jobs.ListParams) (page []steward.Job, count int64, err error)
	Cancel(ctx context.Context, id steward.JobID) error
	ManyService
	BatchService
	UsageService
	TestModel(ctx context.Context, id string) (*steward.ModelTest, error)
	Steps(ctx context.Context, id steward.JobID) ([]steward.Step, error)
	StepsInFull(ctx context.Context, id steward.JobID) ([]steward.Step, error)
	OpenReference(ctx context.Context, job steward.JobID, ref steward.ReferenceID) (io.ReadSeekCloser, *steward.Reference, error)
	Artifact(ctx context.Context, job steward.JobID, key string) (*steward.Artifact, error)
}

// ManyService is what a JobService does with many jobs in one call.
type ManyService interface {
	RunMany(ctx context.Context, p jobs.ManyParams) ([]steward.JobID, error)
	Statuses(ctx context.Context, ids []steward.JobID) ([]store.JobStatus, error)
	Results(ctx context.Context, ids []steward.JobID) (iter.Seq2[*steward.Job, error], error)
	CancelAll(ctx context.Context, agent steward.AgentID) (int, error)
	DeleteData(ctx context.Context, id steward.JobID) (*jobs.Deletion, error)
}

// BatchService is what a JobService does with batches.
type BatchService interface {
	CreateBatch(ctx context.Context, p jobs.BatchParams) (*steward.Batch, error)
	Batch(ctx context.Context, id steward.BatchID) (*steward.Batch, error)
	ListBatches(ctx context.Context, agent steward.AgentID, page, size int) ([]steward.Batch, int64, error)
	AddItems(ctx context.Context, id steward.BatchID, p jobs.ItemsParams) ([]steward.JobID, error)
	BatchItems(ctx context.Context, id steward.BatchID, q store.ItemQuery, page, size int) ([]steward.BatchItem, int64, error)
	CloseBatch(ctx context.Context, id steward.BatchID) (*steward.Batch, error)
	CancelBatch(ctx context.Context, id steward.BatchID) (*steward.Batch, error)
	ResumeBatch(ctx context.Context, id steward.BatchID, statuses []steward.Status) (*steward.Batch, error)
}

// UserService knows who asks. Package identity implements it.
type UserService interface {
	CurrentUser(ctx context.Context) (*steward.User, error)
}

// KeyService keeps API keys. Package identity implements it.
type KeyService interface {
	CreateKey(ctx context.Context, p identity.CreateKeyParams) (key *steward.Key, token string, err error)
	ListKeys(ctx context.Context) ([]steward.Key, error)
	RevokeKey(ctx context.Context, id steward.KeyID) error
}

// FileService stores what callers send. Package files implements it.
type FileService interface {
	// Upload stores a stream, holding no more than a buffer of it. Errors: TooLarge.
	Upload(ctx context.Context, name, declaredType string, r io.Reader) (steward.File, error)
	// Release drops uploads that no job took; the others stay.
	Release(ctx context.Context, ids ...steward.FileID) error
	// Open reads a stored file. The caller closes it.
	Open(ctx context.Context, f steward.File) (io.ReadSeekCloser, error)
	KeptService
}

// KeptService is what a FileService does with files that callers store for later.
type KeptService interface {
	Keep(ctx context.Context, id steward.FileID, dataset steward.DatasetID) (*store.FileInfo, error)
	Info(ctx context.Context, id steward.FileID) (*store.FileInfo, error)
	List(ctx context.Context, p files.ListParams) (page []store.FileInfo, count int64, err error)
	OpenStored(ctx context.Context, id steward.FileID) (io.ReadSeekCloser, *store.FileInfo, error)
	Delete(ctx context.Context, id steward.FileID) error
}

// Services is what the family calls. All are needed but Once.
type Services struct {
	Agents   AgentService
	Jobs     JobService
	Users    UserService
	Keys     KeyService
	Files    FileService
	Webhooks WebhookService
	Once     OnceService // nil: keys of creates are ignored
	Logger   *slog.Logger
}

// family holds the handlers.
type family struct {
	Services
	api *wire.API
}

// Register adds the family's operations to an API.
func Register(api *wire.API, s Services) {
	f := &family{Services: s, api: api}
	f.registerAgents()
	f.registerVersions()
	f.registerTags()
	f.registerFiles()
	f.registerRuns()
	f.registerMany()
	f.registerJobs()
	f.registerBulk()
	f.registerBatches()
	f.registerUsage()
	f.registerReferences()
	f.registerDiscovery()
	f.registerKeys()
	f.registerWebhooks()
	f.registerNotOffered()
}

// Tags of the document.
const (
	tagAgents    = "Agents"
	tagVersions  = "Versions"
	tagTags      = "Tags"
	tagFiles     = "Files"
	tagRuns      = "Runs"
	tagJobs      = "Jobs"
	tagBatches   = "Batches"
	tagUsage     = "Usage"
	tagWebhooks  = "Webhooks"
	tagDiscovery = "Discovery"
	tagUsers     = "Users and keys"
)

// orEmpty makes a nil list an empty one, which is [] on the wire.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

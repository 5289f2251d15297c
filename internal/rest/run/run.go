// Package run is the run family of the REST door: agents, their versions, jobs, what agents can be made of, and the keys
// that callers hold. Handlers decode, call one service method and encode; the rules stand in the services.
package run

import (
	"context"
	"io"
	"log/slog"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
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
	Version(ctx context.Context, agent steward.AgentID, version steward.VersionID) (*steward.Version, error)
	Versions(ctx context.Context, agent steward.AgentID) ([]steward.Version, error)
	EngineTypes(ctx context.Context) ([]steward.EngineType, error)
	LanguageModels(ctx context.Context, capability string) ([]steward.LanguageModel, error)
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
	Steps(ctx context.Context, id steward.JobID) ([]steward.Step, error)
	OpenReference(ctx context.Context, job steward.JobID, ref steward.ReferenceID) (io.ReadSeekCloser, *steward.Reference, error)
	Artifact(ctx context.Context, job steward.JobID, key string) (*steward.Artifact, error)
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
}

// Services is what the family calls. All are needed.
type Services struct {
	Agents AgentService
	Jobs   JobService
	Users  UserService
	Keys   KeyService
	Files  FileService
	Logger *slog.Logger
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
	f.registerRuns()
	f.registerJobs()
	f.registerReferences()
	f.registerDiscovery()
	f.registerKeys()
	f.registerNotOffered()
}

// Tags of the document.
const (
	tagAgents    = "Agents"
	tagRuns      = "Runs"
	tagJobs      = "Jobs"
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

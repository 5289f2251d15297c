package store

import (
	"context"
	"time"

	"github.com/stewardhq/steward"
)

// AgentEdits changes agents and versions that exist, and ends them.
//
// A deleted agent is gone for every other method: it is in no list, its name is free, its versions and its jobs answer NotFound.
// Its rows stay, so that a run that is under way may end.
type AgentEdits interface {
	// UpdateAgent changes an agent. A change without fields changes nothing, not even UpdatedAt.
	// Errors: NotFound; Conflict with Field "name" when another agent of the organization has the name.
	UpdateAgent(ctx context.Context, org steward.OrganizationID, id steward.AgentID, c AgentChange) error
	// DeleteAgent marks an agent as deleted and takes its tags off. Its jobs are ended through CancelOpen and emptied by
	// PurgeDeleted. Errors: NotFound, also for an agent that is deleted already.
	DeleteAgent(ctx context.Context, org steward.OrganizationID, id steward.AgentID, at time.Time) error
	// DeletedAgents returns at most limit deleted agents that have jobs which are open and were not asked to end. limit is positive.
	DeletedAgents(ctx context.Context, limit int) ([]AgentRef, error)
	// UpdateVersion changes what can be changed about a version. Errors: NotFound.
	UpdateVersion(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID, c VersionChange) error
	// DeleteVersion marks a version as deleted: it is in no list and cannot be run any more. Jobs that run it may end.
	// Errors: NotFound; Conflict for the current version.
	DeleteVersion(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID, at time.Time) error
	// PinnedVersion is Version for a job that was started before: it also finds deleted versions and those of deleted agents.
	// Errors: NotFound.
	PinnedVersion(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, error)
}

// AgentRef names an organization's agent.
type AgentRef struct {
	OrganizationID steward.OrganizationID
	AgentID        steward.AgentID
}

// AgentChange is what becomes of an agent; nil fields stay as they are.
type AgentChange struct {
	Name            *string
	DisableCache    *bool
	CacheFailedJobs *bool
	At              time.Time // the new UpdatedAt
}

// VersionChange is what becomes of a version; nil fields stay as they are.
type VersionChange struct {
	VersionName *string
	Description *string
}

// Tags keeps the labels of an organization's agents.
type Tags interface {
	// CreateTag stores a tag; its UsageCount is ignored. Errors: Conflict with Field "name" when the organization has a tag of that
	// name, compared without regard to case; Conflict with Field "id".
	CreateTag(ctx context.Context, org steward.OrganizationID, t steward.Tag) error
	// ListTags returns all tags of an organization by name. At most MaxTags, as no more are stored.
	ListTags(ctx context.Context, org steward.OrganizationID) ([]steward.Tag, error)
	// UpdateTag changes a tag and returns it; nil fields stay as they are. Errors: NotFound; Conflict as CreateTag.
	UpdateTag(ctx context.Context, org steward.OrganizationID, id steward.TagID, c TagChange) (*steward.Tag, error)
	// DeleteTag removes a tag from the organization and from all agents. Errors: NotFound.
	DeleteTag(ctx context.Context, org steward.OrganizationID, id steward.TagID) error
	// SetAgentTags replaces an agent's tags; an id may stand twice. The agent's UpdatedAt stays, as its configuration does.
	// Errors: NotFound for the agent; Invalid with Field "tag_ids" when a tag is not the organization's.
	SetAgentTags(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, tags []steward.TagID) error
}

// MaxTags is how many tags an organization has at most; CreateTag refuses more as Conflict without a Field.
const MaxTags = 1000

// TagChange is what becomes of a tag.
type TagChange struct {
	Name  *string
	Color *string
}

// KeptFiles keeps files that callers store for later runs. A kept file holds its blob until it is deleted, whatever becomes of the
// jobs that used it.
type KeptFiles interface {
	// KeepFile turns the upload reference of a file into one that does not expire, and files it under a data set ("" means none).
	// Keeping a kept file again changes its data set. Errors: NotFound.
	KeepFile(ctx context.Context, org steward.OrganizationID, id steward.FileID, dataset steward.DatasetID) (*FileInfo, error)
	// FileInfo returns what is known about a file, kept or not. Errors: NotFound.
	FileInfo(ctx context.Context, org steward.OrganizationID, id steward.FileID) (*FileInfo, error)
	// ListFiles returns kept files, newest first, and how many match.
	ListFiles(ctx context.Context, org steward.OrganizationID, q FileQuery) (files []FileInfo, count int64, err error)
	// DeleteFile removes a file that is kept or waits to be taken. Jobs that used it hold its bytes themselves from then on. The
	// result names the blob if it is without any reference now, marked as dying at now.
	// Errors: NotFound; Conflict for a file that only jobs hold.
	DeleteFile(ctx context.Context, org steward.OrganizationID, id steward.FileID, now time.Time) (dying []string, err error)
}

// FileInfo is a stored file with everything that is known about it.
type FileInfo struct {
	FileRecord
	DatasetID steward.DatasetID // "" means none
	Kept      bool              // until it is deleted
	ExpiresAt time.Time         // end of the upload reference; zero for a file that is kept or that a job took
}

// FileQuery filters and cuts a list of kept files.
type FileQuery struct {
	DatasetID steward.DatasetID // "" means all
	Limit     int               // 1 to 1000; 0 means 20
	Offset    int
}

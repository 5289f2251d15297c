package rest_test

import (
	"bytes"
	"context"
	"io"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/files"
	"github.com/stewardhq/steward/internal/store"
)

// tagID is the id of the fakes' tag.
const tagID = "0190a000-0000-7000-8000-000000000007"

func testTag() steward.Tag {
	by := steward.UserID(7)
	return steward.Tag{ID: tagID, Name: "finance", Color: "blue", CreatedAt: when(), Creator: &by, UsageCount: 1}
}

func (f agentFakes) Update(_ context.Context, id steward.AgentID, p agents.UpdateParams) (*steward.Agent, error) {
	if id != agentID {
		return nil, notFound()
	}
	a := testAgent()
	if p.Name != nil {
		a.Name = *p.Name
	}
	if p.DisableCache != nil {
		a.DisableCache = *p.DisableCache
	}
	if p.CacheFailedJobs != nil {
		a.CacheFailedJobs = *p.CacheFailedJobs
	}
	return &a, nil
}

func (f agentFakes) Delete(_ context.Context, id steward.AgentID) error {
	if id != agentID {
		return notFound()
	}
	return nil
}

func (f agentFakes) Duplicate(_ context.Context, id steward.AgentID) (*steward.Version, error) {
	if id != agentID {
		return nil, notFound()
	}
	v := testVersion()
	v.Name = "Invoices (copy)"
	v.BaseAgent.Name = v.Name
	return &v, nil
}

func (f agentFakes) CreateVersion(_ context.Context, agent steward.AgentID, p agents.CreateVersionParams) (*steward.Version, error) {
	if agent != agentID {
		return nil, notFound()
	}
	v := testVersion()
	v.VersionName, v.Description = p.VersionName, p.Description
	return &v, nil
}

func (f agentFakes) UpdateVersion(_ context.Context, agent steward.AgentID, version steward.VersionID, _ agents.UpdateVersionParams) error {
	if agent != agentID || version != versionID {
		return notFound()
	}
	return nil
}

// DeleteVersion knows one version only, which is the current one.
func (f agentFakes) DeleteVersion(_ context.Context, agent steward.AgentID, version steward.VersionID) error {
	if agent != agentID || version != versionID {
		return notFound()
	}
	return &steward.Error{Code: steward.Conflict, Message: "The current version cannot be deleted."}
}

func (f agentFakes) Tags(context.Context) ([]steward.Tag, error) {
	return []steward.Tag{testTag()}, nil
}

func (f agentFakes) CreateTag(_ context.Context, p agents.TagParams) (*steward.Tag, error) {
	t := testTag()
	if p.Name != nil {
		t.Name = *p.Name
	}
	return &t, nil
}

func (f agentFakes) UpdateTag(ctx context.Context, id steward.TagID, p agents.TagParams) (*steward.Tag, error) {
	if id != tagID {
		return nil, notFound()
	}
	return f.CreateTag(ctx, p)
}

func (f agentFakes) DeleteTag(_ context.Context, id steward.TagID) error {
	if id != tagID {
		return notFound()
	}
	return nil
}

func (f agentFakes) SetTags(_ context.Context, agent steward.AgentID, tags []steward.TagID) (*steward.Agent, error) {
	if agent != agentID {
		return nil, notFound()
	}
	a := testAgent()
	for _, id := range tags {
		t := testTag()
		t.ID = id
		a.Tags = append(a.Tags, t)
	}
	return &a, nil
}

// info makes what the door asks for of what the fakes stored.
func (f fileFakes) info(id steward.FileID) (*store.FileInfo, []byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.stored[id]
	if !ok {
		return nil, nil, notFound()
	}
	return &store.FileInfo{FileRecord: store.FileRecord{File: s.file, OrganizationID: orgID, CreatedAt: when()}}, s.content, nil
}

func (f fileFakes) Keep(_ context.Context, id steward.FileID, dataset steward.DatasetID) (*store.FileInfo, error) {
	info, _, err := f.info(id)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stored[id]
	s.taken = true
	f.stored[id] = s
	info.Kept, info.DatasetID = true, dataset
	return info, nil
}

func (f fileFakes) Info(_ context.Context, id steward.FileID) (*store.FileInfo, error) {
	info, _, err := f.info(id)
	return info, err
}

func (f fileFakes) List(context.Context, files.ListParams) ([]store.FileInfo, int64, error) {
	return nil, 0, nil
}

func (f fileFakes) OpenStored(_ context.Context, id steward.FileID) (io.ReadSeekCloser, *store.FileInfo, error) {
	info, content, err := f.info(id)
	if err != nil {
		return nil, nil, err
	}
	return closer{bytes.NewReader(content)}, info, nil
}

func (f fileFakes) Delete(_ context.Context, id steward.FileID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.stored[id]; !ok {
		return notFound()
	}
	delete(f.stored, id)
	return nil
}

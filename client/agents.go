package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/stewardhq/steward"
)

// AgentCreate describes a new agent.
type AgentCreate struct {
	Name             string                    `json:"name"` // unique in the organization
	EngineClassID    string                    `json:"engine_class_id"`
	InputDefinitions []steward.InputDefinition `json:"input_definitions"` // nil: the engine's defaults
	EngineConfig     any                       `json:"engine_config"`     // anything that encodes as a JSON object; nil means {}
	VersionName      string                    `json:"version_name,omitempty"`
	Description      string                    `json:"description,omitempty"`
}

// agentPath is the path of an agent, or of what is below it.
func agentPath(id steward.AgentID, rest string) string {
	return "/v1/agents/" + url.PathEscape(string(id)) + "/" + rest
}

// CreateAgent stores an agent with its first version. It is repeated after passing faults under one idempotency key, so it makes one.
//
// Errors: steward.Invalid naming the field, also for a name that is taken.
//
// Stability: may change until 1.0.
func (c *Client) CreateAgent(ctx context.Context, p AgentCreate) (*steward.Agent, error) {
	return createOne[steward.Agent](ctx, c, "/v1/agents/", p)
}

// Agent returns an agent. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) Agent(ctx context.Context, id steward.AgentID) (*steward.Agent, error) {
	return getOne[steward.Agent](ctx, c, agentPath(id, ""), nil)
}

// AgentList chooses agents: filters combine with AND, the values of one filter with OR. The zero value is all of them, newest
// first. Times are inclusive; zero ones do not filter.
type AgentList struct {
	Page                  int    // from 1; 0 means 1
	PageSize              int    // at most 100; 0 means 20
	Search                string // part of the name, id, engine, creator, a tag or a version's id, in any case
	Name                  string // part of the name, in any case
	EngineClassIDs        []string
	ExcludeEngineClassIDs []string
	CreatorIDs            []steward.UserID
	Tags                  []steward.TagID
	IncludeUntagged       bool // agents without any tag: as well as those of Tags, or alone when Tags is empty
	CreatedFrom           time.Time
	CreatedTo             time.Time
	UpdatedFrom           time.Time
	UpdatedTo             time.Time
	MostRecentJobFrom     time.Time
	MostRecentJobTo       time.Time
	JobCountMin           *int64
	JobCountMax           *int64
	WithoutJobStats       bool   // JobCount and MostRecentJob are left out
	Ordering              string // name, created_at, updated_at, most_recent_job, job_count, engine_class_id, creator; '-' in front for descending
}

func (p AgentList) query() url.Values {
	q := url.Values{}
	setInt(q, "page", p.Page)
	setInt(q, "page_size", p.PageSize)
	setText(q, "search", p.Search)
	setText(q, "name", p.Name)
	for _, id := range p.EngineClassIDs {
		q.Add("engine_class_id", id)
	}
	for _, id := range p.ExcludeEngineClassIDs {
		q.Add("exclude_engine_class_id", id)
	}
	for _, id := range p.CreatorIDs {
		q.Add("creator_id", strconv.FormatInt(int64(id), 10))
	}
	for _, id := range p.Tags {
		q.Add("tags", string(id))
	}
	setTrue(q, "include_untagged", p.IncludeUntagged)
	setTime(q, "created_from", p.CreatedFrom)
	setTime(q, "created_to", p.CreatedTo)
	setTime(q, "updated_from", p.UpdatedFrom)
	setTime(q, "updated_to", p.UpdatedTo)
	setTime(q, "most_recent_job_from", p.MostRecentJobFrom)
	setTime(q, "most_recent_job_to", p.MostRecentJobTo)
	for name, n := range map[string]*int64{"job_count_min": p.JobCountMin, "job_count_max": p.JobCountMax} {
		if n != nil {
			q.Set(name, strconv.FormatInt(*n, 10))
		}
	}
	if p.WithoutJobStats {
		q.Set("include_job_stats", "false")
	}
	setText(q, "ordering", p.Ordering)
	return q
}

// ListAgents returns one page of agents.
//
// Errors: steward.Invalid naming the filter; NotFound for a page beyond the end.
//
// Stability: may change until 1.0.
func (c *Client) ListAgents(ctx context.Context, p AgentList) (*steward.Page[steward.Agent], error) {
	return getOne[steward.Page[steward.Agent]](ctx, c, "/v1/agents/", p.query())
}

// Agents ranges over all agents that p chooses, page by page from p.Page.
//
// Stability: may change until 1.0.
func (c *Client) Agents(ctx context.Context, p AgentList) iter.Seq2[*steward.Agent, error] {
	return pages(p.Page, func(page int) (*steward.Page[steward.Agent], error) {
		p := p
		p.Page = page
		return c.ListAgents(ctx, p)
	})
}

// AgentUpdate changes an agent. What is nil stays as it is.
type AgentUpdate struct {
	Name            *string `json:"name,omitempty"`
	DisableCache    *bool   `json:"disable_cache,omitempty"`     // never answer a run from an earlier equal one
	CacheFailedJobs *bool   `json:"cache_failed_jobs,omitempty"` // failures may answer equal runs as well
}

// UpdateAgent changes an agent's name and flags. Errors: steward.Invalid naming the field, also for a name that is taken; NotFound.
//
// Stability: may change until 1.0.
func (c *Client) UpdateAgent(ctx context.Context, id steward.AgentID, p AgentUpdate) (*steward.Agent, error) {
	return putOne[steward.Agent](ctx, c, http.MethodPatch, agentPath(id, ""), p, always)
}

// ReplaceAgent is UpdateAgent by PUT: the server decides what becomes of what is nil. Errors: those of UpdateAgent.
//
// Stability: may change until 1.0.
func (c *Client) ReplaceAgent(ctx context.Context, id steward.AgentID, p AgentUpdate) (*steward.Agent, error) {
	return putOne[steward.Agent](ctx, c, http.MethodPut, agentPath(id, ""), p, always)
}

// DeleteAgent deletes an agent with its versions. Its open jobs are cancelled, none of its jobs can be read any more, and their data
// is deleted soon after. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) DeleteAgent(ctx context.Context, id steward.AgentID) error {
	return c.remove(ctx, agentPath(id, ""))
}

// DuplicateAgent makes a copy of an agent with the current version as its first, which is returned; its BaseAgent is the copy.
// Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) DuplicateAgent(ctx context.Context, id steward.AgentID) (*steward.Version, error) {
	return putOne[steward.Version](ctx, c, http.MethodPost, agentPath(id, "duplicate/"), nil, ifRefused)
}

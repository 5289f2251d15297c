package client

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"

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

// CreateAgent stores an agent with its first version.
//
// Errors: steward.Invalid naming the field, also for a name that is taken.
func (c *Client) CreateAgent(ctx context.Context, p AgentCreate) (*steward.Agent, error) {
	var a steward.Agent
	if err := c.post(ctx, "/v1/agents/", p, &a); err != nil {
		return nil, err
	}
	return &a, nil
}

// Agent returns an agent. Errors: steward.NotFound.
func (c *Client) Agent(ctx context.Context, id steward.AgentID) (*steward.Agent, error) {
	var a steward.Agent
	if err := c.get(ctx, "/v1/agents/"+url.PathEscape(string(id))+"/", nil, &a); err != nil {
		return nil, err
	}
	return &a, nil
}

// AgentVersion returns a version of an agent; version "" means the current one. Errors: steward.NotFound.
func (c *Client) AgentVersion(ctx context.Context, agent steward.AgentID, version steward.VersionID) (*steward.Version, error) {
	which := "current"
	if version != "" {
		which = string(version)
	}
	var v steward.Version
	if err := c.get(ctx, fmt.Sprintf("/v1/agents/%s/versions/%s/", url.PathEscape(string(agent)), url.PathEscape(which)), nil, &v); err != nil {
		return nil, err
	}
	return &v, nil
}

// AgentList chooses agents. The zero value is all of them, newest first.
type AgentList struct {
	Page          int // from 1; 0 means 1
	PageSize      int // at most 100; 0 means 20
	Search        string
	Name          string
	EngineClassID string
	Ordering      string // name, created_at, updated_at, engine_class_id; '-' in front for descending
}

func (p AgentList) query() url.Values {
	q := url.Values{}
	setInt(q, "page", p.Page)
	setInt(q, "page_size", p.PageSize)
	setText(q, "search", p.Search)
	setText(q, "name", p.Name)
	setText(q, "engine_class_id", p.EngineClassID)
	setText(q, "ordering", p.Ordering)
	return q
}

func setText(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func setInt(q url.Values, name string, n int) {
	if n != 0 {
		q.Set(name, strconv.Itoa(n))
	}
}

// ListAgents returns one page of agents.
func (c *Client) ListAgents(ctx context.Context, p AgentList) (*steward.Page[steward.Agent], error) {
	var page steward.Page[steward.Agent]
	if err := c.get(ctx, "/v1/agents/", p.query(), &page); err != nil {
		return nil, err
	}
	return &page, nil
}

// Agents ranges over all agents that p chooses, page by page from p.Page. It ends after its first error and starts over with
// every range.
func (c *Client) Agents(ctx context.Context, p AgentList) iter.Seq2[*steward.Agent, error] {
	return pages(p.Page, func(page int) (*steward.Page[steward.Agent], error) {
		p := p
		p.Page = page
		return c.ListAgents(ctx, p)
	})
}

// pages ranges over the rows of a list from page first.
func pages[T any](first int, fetch func(page int) (*steward.Page[T], error)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for n := max(first, 1); ; n++ {
			page, err := fetch(n)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Results {
				if !yield(&page.Results[i], nil) {
					return
				}
			}
			if page.Next == nil {
				return
			}
		}
	}
}

// EngineTypes lists the kinds of work that agents can do.
func (c *Client) EngineTypes(ctx context.Context) ([]steward.EngineType, error) {
	var answer struct {
		Engines []steward.EngineType `json:"engines"`
	}
	if err := c.get(ctx, "/v1/agents/types/", nil, &answer); err != nil {
		return nil, err
	}
	return answer.Engines, nil
}

// Models lists the language models that agents can name. capability image, audio or video keeps those that read the medium.
func (c *Client) Models(ctx context.Context, capability string) ([]steward.LanguageModel, error) {
	var answer struct {
		Models []steward.LanguageModel `json:"models"`
	}
	q := url.Values{}
	setText(q, "capability", capability)
	if err := c.get(ctx, "/v1/agents/models/", q, &answer); err != nil {
		return nil, err
	}
	return answer.Models, nil
}

// Me returns the user of the client's key.
func (c *Client) Me(ctx context.Context) (*steward.User, error) {
	var u steward.User
	if err := c.get(ctx, "/v1/users/current_user/", nil, &u); err != nil {
		return nil, err
	}
	return &u, nil
}

// Package agents keeps agents and their versions, and knows what engines and models an agent can be made of.
package agents

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/store"
)

// Models is the catalogue that agents choose from.
type Models interface {
	engine.ModelSource
	// Models lists the models that are not deprecated.
	Models() []steward.LanguageModel
}

// Service holds the rules about agents. Safe for concurrent use.
type Service struct {
	store   store.Agents
	engines *engine.Registry
	models  Models
	clock   clock.Clock

	mu       sync.Mutex
	programs map[steward.VersionID]resolved
	size     int // bytes of configuration in programs
}

// resolved is a version ready to run; versions are immutable, so it never goes stale.
type resolved struct {
	version *steward.Version
	program *engine.Program
}

// What bounds the compiled versions that are kept; beyond it they are compiled anew.
const (
	maxPrograms     = 4096
	maxProgramBytes = 16 << 20 // of configurations; compiled they take a few times as much
)

// New returns a Service.
func New(s store.Agents, engines *engine.Registry, models Models, c clock.Clock) *Service {
	return &Service{store: s, engines: engines, models: models, clock: c, programs: map[steward.VersionID]resolved{}}
}

// CreateParams describes a new agent and its first version.
type CreateParams struct {
	Name             string // 1 to 200 characters, unique in the organization
	EngineClassID    string
	InputDefinitions []steward.InputDefinition // empty: the engine's defaults when the configuration leaves its inputs open
	EngineConfig     json.RawMessage           // a JSON object; nil means {}
	VersionName      string                    // "" means "version 1"
	Description      string
}

// Create stores an agent with its first version, all or nothing.
//
// Errors: Invalid naming the field, also for a name that is taken; Denied without ScopeWrite.
func (s *Service) Create(ctx context.Context, p CreateParams) (*steward.Agent, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	prog, err := engine.Compile(s.engines, s.models, engine.ProgramParams{
		EngineClassID: p.EngineClassID, Definitions: p.InputDefinitions, Config: p.EngineConfig,
	})
	if err != nil {
		return nil, err
	}
	agent, version, err := s.build(who, p, prog)
	if err != nil {
		return nil, err
	}
	if err := s.store.CreateAgent(ctx, agent, version); err != nil {
		if steward.CodeOf(err) == steward.Conflict {
			return nil, &steward.Error{Code: steward.Invalid, Field: "name", Message: "An agent with this name already exists.", Err: err}
		}
		return nil, fmt.Errorf("create agent: %w", err)
	}
	return s.store.Agent(ctx, who.OrganizationID, agent.ID)
}

func (p *CreateParams) check() error {
	p.Name = strings.TrimSpace(p.Name)
	switch {
	case p.Name == "":
		return &steward.Error{Code: steward.Invalid, Field: "name", Message: "This field may not be blank."}
	case utf8.RuneCountInString(p.Name) > 200:
		return &steward.Error{Code: steward.Invalid, Field: "name", Message: "Ensure this field has no more than 200 characters."}
	case strings.ContainsFunc(p.Name, unicode.IsControl):
		return &steward.Error{Code: steward.Invalid, Field: "name", Message: "Control characters are not allowed."}
	case p.EngineClassID == "":
		return &steward.Error{Code: steward.Invalid, Field: "engine_class_id", Message: "This field is required."}
	case utf8.RuneCountInString(p.VersionName) > 200:
		return &steward.Error{Code: steward.Invalid, Field: "version_name", Message: "Ensure this field has no more than 200 characters."}
	case strings.ContainsFunc(p.VersionName, unicode.IsControl):
		return &steward.Error{Code: steward.Invalid, Field: "version_name", Message: "Control characters are not allowed."}
	case strings.ContainsRune(p.Description, 0):
		return &steward.Error{Code: steward.Invalid, Field: "description", Message: "Null characters are not allowed."}
	case len(p.Description) > 10_000:
		return &steward.Error{Code: steward.Invalid, Field: "description", Message: "Ensure this field has no more than 10000 bytes."}
	}
	return nil
}

// build makes the rows of a new agent.
func (s *Service) build(who *steward.Principal, p CreateParams, prog *engine.Program) (steward.Agent, steward.Version, error) {
	agentID, err := uuid.NewV7()
	if err != nil {
		return steward.Agent{}, steward.Version{}, fmt.Errorf("make agent id: %w", err)
	}
	versionID, err := uuid.NewV7()
	if err != nil {
		return steward.Agent{}, steward.Version{}, fmt.Errorf("make version id: %w", err)
	}
	now := s.clock.Now()
	creator := &steward.UserInfo{ID: who.UserID}
	if p.VersionName == "" {
		p.VersionName = "version 1"
	}
	if len(p.EngineConfig) == 0 || string(p.EngineConfig) == "null" {
		p.EngineConfig = json.RawMessage("{}")
	}
	agent := steward.Agent{
		ID: steward.AgentID(agentID.String()), Creator: creator, CreatedAt: now, UpdatedAt: now, Name: p.Name,
		OrganizationID: who.OrganizationID, EngineClassID: p.EngineClassID, EngineName: prog.Type.DisplayName,
		CurrentVersionID: steward.VersionID(versionID.String()), Tags: []steward.Tag{},
	}
	version := steward.Version{
		ID: agent.CurrentVersionID, Name: p.Name, VersionName: p.VersionName, Creator: creator, CreatedAt: now,
		Description: p.Description, EngineClassID: p.EngineClassID, EngineName: agent.EngineName,
		InputDefinitions: prog.Definitions, EngineConfig: p.EngineConfig, OrganizationID: who.OrganizationID,
		BaseAgent: agent, PostActions: []steward.PostAction{}, Warnings: orEmpty(prog.Warnings),
	}
	if version.InputDefinitions == nil {
		version.InputDefinitions = []steward.InputDefinition{}
	}
	return agent, version, nil
}

// orEmpty makes a nil list an empty one, which is [] on the wire.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Get returns an agent. Errors: NotFound.
func (s *Service) Get(ctx context.Context, id steward.AgentID) (*steward.Agent, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.Agent(ctx, p.OrganizationID, id)
}

// ListParams chooses a page of agents.
type ListParams struct {
	Page, PageSize int    // from 1; 0 means 1 and 20; at most 100 a page
	Order          string // see store.AgentQuery
	Search         string
	Name           string
	EngineClassID  string
	Stats          bool // fill job_count and most_recent_job
}

// List returns a page of agents and the number of all that match.
//
// Errors: Invalid naming ordering; NotFound for a page behind the last.
func (s *Service) List(ctx context.Context, p ListParams) ([]steward.Agent, int64, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, 0, err
	}
	if p.Order != "" && !slices.Contains(agentOrders(), strings.TrimPrefix(p.Order, "-")) {
		return nil, 0, &steward.Error{Code: steward.Invalid, Field: "ordering", Message: "must be one of " + strings.Join(agentOrders(), ", ") + ", with '-' in front for descending."}
	}
	page, size := max(p.Page, 1), p.PageSize
	if size <= 0 {
		size = 20
	}
	agents, count, err := s.store.ListAgents(ctx, who.OrganizationID, store.AgentQuery{
		Limit: min(size, 100), Offset: (page - 1) * min(size, 100), Order: p.Order, Search: p.Search, Name: p.Name,
		EngineClassID: p.EngineClassID, Stats: p.Stats,
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list agents: %w", err)
	}
	if len(agents) == 0 && page > 1 {
		return nil, 0, &steward.Error{Code: steward.NotFound, Message: "Invalid page."}
	}
	return orEmpty(agents), count, nil
}

// agentOrders are the orders of a list.
func agentOrders() []string { return []string{"name", "created_at", "updated_at", "engine_class_id"} }

// Version returns a version with its agent; version "" means the current one. Errors: NotFound.
func (s *Service) Version(ctx context.Context, agent steward.AgentID, version steward.VersionID) (*steward.Version, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.Version(ctx, p.OrganizationID, agent, version)
}

// Resolve returns a version ready to run; version "" means the current one. The version's BaseAgent is as it was when the
// version was first resolved. It asks no permission: callers have done so.
//
// Errors: NotFound.
func (s *Service) Resolve(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, *engine.Program, error) {
	if version == "" {
		current, err := s.store.CurrentVersionID(ctx, org, agent)
		if err != nil {
			return nil, nil, err
		}
		version = current
	}
	s.mu.Lock()
	r, ok := s.programs[version]
	s.mu.Unlock()
	if ok && r.version.OrganizationID == org && r.version.BaseAgent.ID == agent {
		return r.version, r.program, nil
	}
	v, err := s.store.Version(ctx, org, agent, version)
	if err != nil {
		return nil, nil, err
	}
	prog, err := engine.Compile(s.engines, s.models, engine.ProgramParams{
		EngineClassID: v.EngineClassID, Definitions: v.InputDefinitions, Config: v.EngineConfig,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("compile version %s: %w", v.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size += len(v.EngineConfig); len(s.programs) >= maxPrograms || s.size > maxProgramBytes {
		clear(s.programs)
		s.size = len(v.EngineConfig)
	}
	s.programs[version] = resolved{v, prog}
	return v, prog, nil
}

// Exists fails for an agent that the organization does not have. It asks no permission. Errors: NotFound.
func (s *Service) Exists(ctx context.Context, org steward.OrganizationID, agent steward.AgentID) error {
	_, err := s.store.CurrentVersionID(ctx, org, agent)
	return err
}

// EngineTypes lists the engines.
func (s *Service) EngineTypes(ctx context.Context) ([]steward.EngineType, error) {
	if _, err := steward.PrincipalFrom(ctx, steward.ScopeRead); err != nil {
		return nil, err
	}
	return s.engines.Types(), nil
}

// LanguageModels lists the models that can be named. capability image, audio or video keeps those that read the medium;
// "" and text keep all.
//
// Errors: Invalid naming capability.
func (s *Service) LanguageModels(ctx context.Context, capability string) ([]steward.LanguageModel, error) {
	if _, err := steward.PrincipalFrom(ctx, steward.ScopeRead); err != nil {
		return nil, err
	}
	switch capability {
	case "", "text", "image", "audio", "video":
	default:
		return nil, &steward.Error{Code: steward.Invalid, Field: "capability", Message: "must be image, audio or video."}
	}
	models := []steward.LanguageModel{}
	for _, m := range s.models.Models() {
		if capability == "" || capability == "text" || slices.Contains(m.Capabilities, capability) {
			models = append(models, m)
		}
	}
	return models, nil
}

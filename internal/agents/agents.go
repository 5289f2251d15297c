// Package agents keeps agents and their versions, and knows what engines and models an agent can be made of.
package agents

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
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

// Store is the part of the database that agents stand on.
type Store interface {
	store.Agents
	store.AgentEdits
	store.Tags
	// CancelOpen asks for the end of open jobs; see store.Jobs.
	CancelOpen(ctx context.Context, org steward.OrganizationID, f store.OpenFilter, at time.Time, limit int) (int, error)
}

// Service holds the rules about agents. Safe for concurrent use.
type Service struct {
	store   Store
	engines *engine.Registry
	models  Models
	clock   clock.Clock

	mu       sync.Mutex
	programs map[steward.VersionID]resolved
	size     int // bytes of configuration in programs

	deleted chan struct{} // gets a value when an agent was deleted: there is work for a Sweeper
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
func New(s Store, engines *engine.Registry, models Models, c clock.Clock) *Service {
	return &Service{
		store: s, engines: engines, models: models, clock: c, programs: map[steward.VersionID]resolved{}, deleted: make(chan struct{}, 1),
	}
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
	prog, err := s.compile(p.EngineClassID, p.InputDefinitions, p.EngineConfig)
	if err != nil {
		return nil, err
	}
	agent, version, err := s.build(ctx, who, p, prog)
	if err != nil {
		return nil, err
	}
	if err := s.store.CreateAgent(ctx, agent, version); err != nil {
		return nil, taken(err, "create agent")
	}
	return s.store.Agent(ctx, who.OrganizationID, agent.ID)
}

func (p *CreateParams) check() error {
	var err error
	if p.Name, err = checkName("name", p.Name); err != nil {
		return err
	}
	if p.EngineClassID == "" {
		return invalid("engine_class_id", "This field is required.")
	}
	if p.VersionName != "" {
		if p.VersionName, err = checkName("version_name", p.VersionName); err != nil {
			return err
		}
	}
	return checkDescription(p.Description)
}

// invalid is the error for a field of a request.
func invalid(field, message string) error {
	return &steward.Error{Code: steward.Invalid, Field: field, Message: message}
}

// checkName returns a name without blanks at its ends. Errors: Invalid for one that is blank, too long or has control characters.
func checkName(field, name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", invalid(field, "This field may not be blank.")
	case utf8.RuneCountInString(name) > maxName:
		return "", invalid(field, fmt.Sprintf("Ensure this field has no more than %d characters.", maxName))
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", invalid(field, "Control characters are not allowed.")
	}
	return name, nil
}

// What names and descriptions may be at most.
const (
	maxName        = 200    // characters
	maxDescription = 10_000 // bytes
)

func checkDescription(text string) error {
	switch {
	case strings.ContainsRune(text, 0):
		return invalid("description", "Null characters are not allowed.")
	case len(text) > maxDescription:
		return invalid("description", fmt.Sprintf("Ensure this field has no more than %d bytes.", maxDescription))
	}
	return nil
}

// compile checks a version's content and makes it ready to run.
//
// Errors: Invalid naming engine_class_id, input_definitions or engine_config.
func (s *Service) compile(engineClassID string, defs []steward.InputDefinition, config json.RawMessage) (*engine.Program, error) {
	prog, err := engine.Compile(s.engines, s.models, engine.ProgramParams{EngineClassID: engineClassID, Definitions: defs, Config: config})
	if err != nil || !prog.Type.PolicyAware {
		return prog, err
	}
	for i, d := range prog.Definitions {
		fixed := func(known steward.InputDefinition) bool { return known.Key == d.Key }
		if !slices.ContainsFunc(prog.Type.DefaultInputDefinitions, fixed) {
			return nil, invalid("input_definitions", fmt.Sprintf("[%d].key %q is not an input of %s, whose inputs are fixed.", i, d.Key, engineClassID))
		}
	}
	return prog, nil
}

// build makes the rows of a new agent.
func (s *Service) build(ctx context.Context, who *steward.Principal, p CreateParams, prog *engine.Program) (steward.Agent, steward.Version, error) {
	agentID, err := newID(ctx, "agent")
	if err != nil {
		return steward.Agent{}, steward.Version{}, err
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
	p.EngineConfig = orObject(p.EngineConfig)
	agent := steward.Agent{
		ID: steward.AgentID(agentID), Creator: creator, CreatedAt: now, UpdatedAt: now, Name: p.Name,
		OrganizationID: who.OrganizationID, EngineClassID: p.EngineClassID, EngineName: prog.Type.DisplayName,
		CurrentVersionID: steward.VersionID(versionID.String()), Tags: []steward.Tag{},
	}
	version := steward.Version{
		ID: agent.CurrentVersionID, Name: p.Name, VersionName: p.VersionName, Creator: creator, CreatedAt: now,
		Description: p.Description, EngineClassID: p.EngineClassID, EngineName: agent.EngineName,
		InputDefinitions: prog.Definitions, EngineConfig: p.EngineConfig, OrganizationID: who.OrganizationID,
		BaseAgent: agent, PostActions: []steward.PostAction{}, Warnings: orEmpty(prog.Warnings),
	}
	version.InputDefinitions = orEmpty(version.InputDefinitions)
	return agent, version, nil
}

// orObject makes a missing configuration an empty one.
func orObject(config json.RawMessage) json.RawMessage {
	if len(config) == 0 || string(config) == "null" {
		return json.RawMessage("{}")
	}
	return config
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

// Version returns a version with its agent; version "" means the current one. Errors: NotFound.
func (s *Service) Version(ctx context.Context, agent steward.AgentID, version steward.VersionID) (*steward.Version, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.Version(ctx, p.OrganizationID, agent, version)
}

// Resolve returns a version ready to run; version "" means the current one. The version's BaseAgent is as it was when the
// version was first resolved. A version that was deleted, or whose agent was, is found all the same: a job that was started before may
// end; new runs go through ForRun. It asks no permission: callers have done so.
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
	v, err := s.store.PinnedVersion(ctx, org, agent, version)
	if err != nil {
		return nil, nil, err
	}
	prog, err := s.compile(v.EngineClassID, v.InputDefinitions, v.EngineConfig)
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

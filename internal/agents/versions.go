package agents

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/store"
)

// Versions returns an agent's versions, newest first, at most 1,000.
//
// Errors: NotFound.
func (s *Service) Versions(ctx context.Context, agent steward.AgentID) ([]steward.Version, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.ListVersions(ctx, p.OrganizationID, agent)
}

// CreateVersionParams describes a new version of an agent. What is not said comes from the current version: not all clients can
// leave a field out, so that an empty list and an empty object may mean the same.
type CreateVersionParams struct {
	VersionName string // "" means "unnamed version"
	Description string
	// InputDefinitions nil: those of the current version. Empty: the same when the new configuration still needs inputs, else none.
	InputDefinitions []steward.InputDefinition
	// EngineConfig nil: that of the current version. Empty: the same when the engine cannot do without a configuration, else {}.
	EngineConfig json.RawMessage
	PostActions  int // how many were sent; any are refused
}

// unnamedVersion is the name of a version that got none.
const unnamedVersion = "unnamed version"

// CreateVersion stores a version of an agent and makes it the current one, all or nothing.
//
// Errors: Invalid naming the field; NotFound; Denied without ScopeWrite.
func (s *Service) CreateVersion(ctx context.Context, agent steward.AgentID, p CreateVersionParams) (*steward.Version, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	current, err := s.store.Version(ctx, who.OrganizationID, agent, "")
	if err != nil {
		return nil, err
	}
	config, prog, err := s.inherit(current, &p)
	if err != nil {
		return nil, err
	}
	id, err := newID(ctx, "version")
	if err != nil {
		return nil, err
	}
	v := *current
	v.ID, v.VersionName, v.Description = steward.VersionID(id), p.VersionName, p.Description
	v.Creator, v.CreatedAt = &steward.UserInfo{ID: who.UserID}, s.clock.Now()
	v.InputDefinitions, v.EngineConfig, v.Warnings = orEmpty(prog.Definitions), config, orEmpty(prog.Warnings)
	if err := s.store.CreateVersion(ctx, v); err != nil {
		return nil, fmt.Errorf("create version: %w", err)
	}
	return s.store.Version(ctx, who.OrganizationID, agent, v.ID)
}

func (p *CreateVersionParams) check() (err error) {
	if p.VersionName == "" {
		p.VersionName = unnamedVersion
	}
	if p.VersionName, err = checkName("version_name", p.VersionName); err != nil {
		return err
	}
	if p.PostActions > 0 {
		return invalid("post_actions", "Post actions are not offered by this version.")
	}
	return checkDescription(p.Description)
}

// inherit fills in from the current version what a new one does not say, and compiles the result.
func (s *Service) inherit(current *steward.Version, p *CreateVersionParams) (json.RawMessage, *engine.Program, error) {
	config, defs := p.EngineConfig, p.InputDefinitions
	if inherits, err := s.inheritsConfig(current, config); err != nil {
		return nil, nil, err
	} else if inherits {
		config = current.EngineConfig
	}
	if len(defs) > 0 {
		prog, err := s.compile(current.EngineClassID, defs, config)
		return config, prog, err
	}
	prog, err := s.compile(current.EngineClassID, current.InputDefinitions, config)
	if err != nil || defs == nil || prog.UsesInputs() {
		return config, prog, err
	}
	prog, err = s.compile(current.EngineClassID, nil, config)
	return config, prog, err
}

// inheritsConfig reports whether a configuration only stands for the current one.
func (s *Service) inheritsConfig(current *steward.Version, config json.RawMessage) (bool, error) {
	if len(config) == 0 || string(config) == "null" {
		return true, nil
	}
	if !isEmptyObject(config) {
		return false, nil
	}
	prog, err := s.compile(current.EngineClassID, current.InputDefinitions, current.EngineConfig)
	if err != nil {
		return false, err
	}
	return prog.RequiresConfig(), nil
}

func isEmptyObject(raw json.RawMessage) bool {
	inner := bytes.TrimSpace(raw)
	return len(inner) >= 2 && inner[0] == '{' && len(bytes.TrimSpace(inner[1:len(inner)-1])) == 0
}

// UpdateVersionParams says what becomes of a version; nil fields stay as they are. Nothing else about a version ever changes.
type UpdateVersionParams struct {
	VersionName *string
	Description *string // not blank
}

// UpdateVersion changes a version's name or description. It does not make it current.
//
// Errors: Invalid naming the field; NotFound; Denied without ScopeWrite.
func (s *Service) UpdateVersion(ctx context.Context, agent steward.AgentID, version steward.VersionID, p UpdateVersionParams) error {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return err
	}
	if p.VersionName != nil {
		name, err := checkName("version_name", *p.VersionName)
		if err != nil {
			return err
		}
		p.VersionName = &name
	}
	if p.Description != nil {
		if err := checkDescription(*p.Description); err != nil {
			return err
		}
	}
	if err := s.store.UpdateVersion(ctx, who.OrganizationID, agent, version, store.VersionChange(p)); err != nil {
		return fmt.Errorf("update version: %w", err)
	}
	return nil
}

// DeleteVersion removes a version: it is not found and cannot be run any more. Its runs stay readable, those under way may end.
//
// Errors: NotFound; Conflict for the current version; Denied without ScopeWrite.
func (s *Service) DeleteVersion(ctx context.Context, agent steward.AgentID, version steward.VersionID) error {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return err
	}
	if err := s.store.DeleteVersion(ctx, who.OrganizationID, agent, version, s.clock.Now()); err != nil {
		return fmt.Errorf("delete version: %w", err)
	}
	return nil
}

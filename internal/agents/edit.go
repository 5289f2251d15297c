package agents

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// UpdateParams says what becomes of an agent; nil fields stay as they are.
type UpdateParams struct {
	Name            *string // 1 to 200 characters, unique in the organization
	DisableCache    *bool
	CacheFailedJobs *bool
}

// Update changes an agent and returns it.
//
// Errors: Invalid naming name; NotFound; Denied without ScopeWrite.
func (s *Service) Update(ctx context.Context, id steward.AgentID, p UpdateParams) (*steward.Agent, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	if p.Name != nil {
		name, err := checkName("name", *p.Name)
		if err != nil {
			return nil, err
		}
		p.Name = &name
	}
	err = s.store.UpdateAgent(ctx, who.OrganizationID, id, store.AgentChange{
		Name: p.Name, DisableCache: p.DisableCache, CacheFailedJobs: p.CacheFailedJobs, At: s.clock.Now(),
	})
	if err != nil {
		return nil, taken(err, "update agent")
	}
	return s.store.Agent(ctx, who.OrganizationID, id)
}

// taken turns the store's word for a name that another agent has into Invalid, and names the operation of other errors.
func taken(err error, operation string) error {
	var e *steward.Error
	if errors.As(err, &e) && e.Code == steward.Conflict && e.Field == "name" {
		return &steward.Error{Code: steward.Invalid, Field: "name", Message: "An agent with this name already exists.", Err: err}
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// What Delete does at once: a thousand jobs a slice. The rest is a Sweeper's.
const (
	cancelSlice  = 1000
	cancelAtOnce = 5
)

// Delete removes an agent for good: its versions and jobs are not found any more, its name is free. Its open jobs are cancelled, and
// what its jobs know is deleted in the background (see Sweeper).
//
// Errors: NotFound; Denied without ScopeWrite.
func (s *Service) Delete(ctx context.Context, id steward.AgentID) error {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	if err := s.store.DeleteAgent(ctx, who.OrganizationID, id, now); err != nil {
		return fmt.Errorf("delete agent: %w", err)
	}
	s.cancelSome(ctx, who.OrganizationID, id, now)
	select {
	case s.deleted <- struct{}{}:
	default: // a sweep is due already
	}
	return nil
}

// cancelSome asks the first open jobs of a deleted agent to end. The agent is deleted already: what goes wrong here is made good by a
// Sweeper, and must not look as if the agent were still there.
func (s *Service) cancelSome(ctx context.Context, org steward.OrganizationID, id steward.AgentID, at time.Time) {
	for range cancelAtOnce {
		n, err := s.store.CancelOpen(ctx, org, store.OpenFilter{Agent: id}, at, cancelSlice)
		if err != nil || n < cancelSlice {
			return
		}
	}
}

// Duplicate makes a new agent of an agent's current version, with its cache flags and tags, and returns that version. The name is the
// agent's with " (copy)" behind it, then " (copy 2)" and so on.
//
// Errors: NotFound; Denied without ScopeWrite.
func (s *Service) Duplicate(ctx context.Context, id steward.AgentID) (*steward.Version, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	source, err := s.store.Version(ctx, who.OrganizationID, id, "")
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		copied, err := s.duplicate(ctx, who, source)
		if err == nil {
			return s.store.Version(ctx, who.OrganizationID, copied, "")
		}
		if steward.CodeOf(err) != steward.Conflict || try == maxDuplicateTries {
			return nil, fmt.Errorf("duplicate agent: %w", err)
		}
		// Somebody took the name between the look and the leap.
	}
}

// maxDuplicateTries bounds how often Duplicate looks for another name.
const maxDuplicateTries = 20

// duplicate stores a copy under the first free name. Errors: Conflict when the name was taken meanwhile.
func (s *Service) duplicate(ctx context.Context, who *steward.Principal, source *steward.Version) (steward.AgentID, error) {
	name, err := s.copyName(ctx, who.OrganizationID, source.Name)
	if err != nil {
		return "", err
	}
	agentID, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make agent id: %w", err)
	}
	versionID, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make version id: %w", err)
	}
	v, a := *source, source.BaseAgent
	now := s.clock.Now()
	a.ID, a.Name, a.CurrentVersionID = steward.AgentID(agentID.String()), name, steward.VersionID(versionID.String())
	a.CreatedAt, a.UpdatedAt, a.Creator = now, now, &steward.UserInfo{ID: who.UserID}
	v.ID, v.Name, v.CreatedAt, v.Creator, v.BaseAgent = a.CurrentVersionID, name, now, a.Creator, a
	return a.ID, s.store.CreateAgent(ctx, a, v)
}

// copyName returns the first name of a copy that no agent has.
func (s *Service) copyName(ctx context.Context, org steward.OrganizationID, name string) (string, error) {
	known := map[string]bool{}
	base := clipRunes(name, maxName-maxCopySuffix) // of the stem that all candidates have in common
	for offset := 0; ; offset += copyPage {
		agents, count, err := s.store.ListAgents(ctx, org, store.AgentQuery{Name: base + " (copy", Limit: copyPage, Offset: offset, Order: "name"})
		if err != nil {
			return "", err
		}
		for _, a := range agents {
			known[a.Name] = true
		}
		if int64(offset+copyPage) >= count {
			break
		}
	}
	candidate := base + " (copy)"
	for n := 2; known[candidate]; n++ {
		candidate = fmt.Sprintf("%s (copy %d)", base, n)
	}
	return candidate, nil
}

const (
	copyPage      = 1000
	maxCopySuffix = len(" (copy 1000000)")
)

// clipRunes cuts a text to at most n characters, without a blank at its end.
func clipRunes(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:n]), " ")
}

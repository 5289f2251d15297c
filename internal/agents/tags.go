package agents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// TagColors returns the colours that a tag can have. The set is closed: clients refuse others.
func TagColors() []string {
	return []string{"blue", "green", "purple", "orange", "red", "yellow", "gray", "pink"}
}

// maxTagName is the longest name of a tag, in characters.
const maxTagName = 50

// maxAgentTags is how many tags an agent can have.
const maxAgentTags = 50

// TagParams says what a tag is, or what becomes of it; nil fields stay as they are.
type TagParams struct {
	Name  *string // 1 to 50 characters, unique in the organization without regard to case
	Color *string // one of TagColors
}

func (p *TagParams) check() error {
	if p.Name != nil {
		name, err := checkName("name", *p.Name)
		if err != nil {
			return err
		}
		if utf8.RuneCountInString(name) > maxTagName {
			return invalid("name", fmt.Sprintf("Ensure this field has no more than %d characters.", maxTagName))
		}
		p.Name = &name
	}
	if p.Color != nil && !slices.Contains(TagColors(), *p.Color) {
		return invalid("color", "Must be one of "+strings.Join(TagColors(), ", ")+".")
	}
	return nil
}

// CreateTag makes a tag. Without a colour it is blue.
//
// Errors: Invalid naming the field; Conflict when the organization has too many; Denied without ScopeWrite.
func (s *Service) CreateTag(ctx context.Context, p TagParams) (*steward.Tag, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	if p.Name == nil {
		return nil, invalid("name", "This field is required.")
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	id, err := newID(ctx, "tag")
	if err != nil {
		return nil, err
	}
	tag := steward.Tag{ID: steward.TagID(id), Name: *p.Name, Color: TagColors()[0], CreatedAt: s.clock.Now()}
	if p.Color != nil {
		tag.Color = *p.Color
	}
	if who.UserID != 0 {
		tag.Creator = &who.UserID
	}
	if err := s.store.CreateTag(ctx, who.OrganizationID, tag); err != nil {
		return nil, tagTaken(err, "create tag")
	}
	return &tag, nil
}

// tagTaken turns the store's word for a name that another tag has into Invalid, and names the operation of other errors.
func tagTaken(err error, operation string) error {
	var e *steward.Error
	if errors.As(err, &e) && e.Code == steward.Conflict && e.Field == "name" {
		return &steward.Error{Code: steward.Invalid, Field: "name", Message: "A tag with this name already exists.", Err: err}
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// Tags returns all tags of the organization by name.
func (s *Service) Tags(ctx context.Context) ([]steward.Tag, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.ListTags(ctx, who.OrganizationID)
}

// UpdateTag changes a tag wherever it is used, and returns it.
//
// Errors: Invalid naming the field; NotFound; Denied without ScopeWrite.
func (s *Service) UpdateTag(ctx context.Context, id steward.TagID, p TagParams) (*steward.Tag, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	tag, err := s.store.UpdateTag(ctx, who.OrganizationID, id, store.TagChange(p))
	if err != nil {
		return nil, tagTaken(err, "update tag")
	}
	return tag, nil
}

// DeleteTag removes a tag from the organization and from all agents.
//
// Errors: NotFound; Denied without ScopeWrite.
func (s *Service) DeleteTag(ctx context.Context, id steward.TagID) error {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return err
	}
	if err := s.store.DeleteTag(ctx, who.OrganizationID, id); err != nil {
		return fmt.Errorf("delete tag: %w", err)
	}
	return nil
}

// SetTags replaces an agent's tags and returns the agent.
//
// Errors: Invalid naming tag_ids; NotFound for the agent; Denied without ScopeWrite.
func (s *Service) SetTags(ctx context.Context, agent steward.AgentID, tags []steward.TagID) (*steward.Agent, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	if len(tags) > maxAgentTags {
		return nil, invalid("tag_ids", fmt.Sprintf("Ensure this field has no more than %d elements.", maxAgentTags))
	}
	if err := s.store.SetAgentTags(ctx, who.OrganizationID, agent, tags); err != nil {
		return nil, fmt.Errorf("set tags: %w", err)
	}
	return s.store.Agent(ctx, who.OrganizationID, agent)
}

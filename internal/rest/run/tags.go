package run

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/rest/wire"
)

const (
	pathTags = "/v1/agents/tags/"
	pathTag  = "/v1/agents/tags/{tag_id}/"
)

// The routes of tags are an extension of the family: its clients read tags and do not change them.
func (f *family) registerTags() {
	tag := wire.SchemaOf[steward.Tag](f.api, "Tag")
	f.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: pathTags, ID: "agents_tags_list", Tag: tagTags, Summary: "List tags",
		Description: "All tags of the organization by name, as a bare array.", Errors: []int{http.StatusForbidden},
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("The tags", wire.SchemaOf[[]steward.Tag](f.api, "Tags"))},
	}, f.listTags)
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathTags, ID: "agents_tags_create", Tag: tagTags, Summary: "Create a tag",
		Status: http.StatusCreated, Errors: bodyErrors(http.StatusForbidden, http.StatusConflict), Params: createKey(""),
		Body:      formBody(tagSchema("name")),
		Responses: map[string]*huma.Response{"201": wire.JSONResponse("The tag", tag)},
	}, f.createTag)
	f.api.Handle(wire.Operation{
		Method: http.MethodPatch, Path: pathTag, ID: "agents_tags_update", Tag: tagTags, Summary: "Change a tag",
		Description: "It changes on all agents that have it.", Errors: bodyErrors(http.StatusForbidden, http.StatusNotFound),
		Body:      optional(formBody(tagSchema())),
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("The tag", tag)},
	}, f.updateTag)
	f.api.Handle(wire.Operation{
		Method: http.MethodDelete, Path: pathTag, ID: "agents_tags_delete", Tag: tagTags, Summary: "Delete a tag",
		Description: "Agents that have it lose it.", Status: http.StatusNoContent, Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, f.deleteTag)
	f.api.Handle(wire.Operation{
		Method: http.MethodPut, Path: pathAgent + "tags/", ID: "agents_tags_set", Tag: tagTags, Summary: "Set an agent's tags",
		Description: "The agent has these tags and no others afterwards.", Errors: bodyErrors(http.StatusForbidden, http.StatusNotFound),
		Body: jsonBody(&huma.Schema{
			Type: huma.TypeObject, Required: []string{fieldTagIDs}, AdditionalProperties: true, Properties: map[string]*huma.Schema{
				fieldTagIDs: {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Format: "uuid"}},
			},
		}),
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("The agent", wire.SchemaOf[steward.Agent](f.api, "Agent"))},
	}, f.setAgentTags)
}

const fieldTagIDs = "tag_ids"

// tagSchema documents the body of a tag.
func tagSchema(required ...string) *huma.Schema {
	colors := []any{}
	for _, c := range agents.TagColors() {
		colors = append(colors, c)
	}
	return &huma.Schema{Type: huma.TypeObject, Required: required, AdditionalProperties: true, Properties: map[string]*huma.Schema{
		"name":  {Type: huma.TypeString, MinLength: ptr(1), MaxLength: ptr(50), Description: "Unique in the organization, in any case."},
		"color": {Type: huma.TypeString, Enum: colors, Description: "blue when absent."},
	}}
}

// presentTag makes a tag fit for the wire.
func presentTag(t steward.Tag) steward.Tag {
	t.CreatedAt = t.CreatedAt.UTC()
	return t
}

func (f *family) listTags(w http.ResponseWriter, r *http.Request) error {
	tags, err := f.Agents.Tags(r.Context())
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, each(tags, presentTag))
}

// tagParams reads the body of a tag.
func tagParams(w http.ResponseWriter, r *http.Request) (agents.TagParams, error) {
	d, err := readChange(w, r)
	if err != nil {
		return agents.TagParams{}, err
	}
	p := agents.TagParams{Name: optionalName(d, "name"), Color: optionalName(d, "color")}
	return p, d.Err()
}

func (f *family) createTag(w http.ResponseWriter, r *http.Request) error {
	p, err := tagParams(w, r)
	if err != nil {
		return err
	}
	return create(f, w, r, creation[steward.Tag]{
		scope: steward.ScopeWrite, kind: "tag", content: p,
		make: func(ctx context.Context) (string, steward.Tag, error) {
			tag, err := f.Agents.CreateTag(ctx, p)
			if err != nil {
				return "", steward.Tag{}, err
			}
			return string(tag.ID), presentTag(*tag), nil
		},
		find: func(ctx context.Context, id string) (steward.Tag, error) {
			tags, err := f.Agents.Tags(ctx)
			if err != nil {
				return steward.Tag{}, err
			}
			for _, tag := range tags {
				if string(tag.ID) == id {
					return presentTag(tag), nil
				}
			}
			return steward.Tag{}, &steward.Error{Code: steward.NotFound, Message: "Tag not found."}
		},
	})
}

func (f *family) updateTag(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.TagID](r, "tag_id")
	if err != nil {
		return err
	}
	p, err := tagParams(w, r)
	if err != nil {
		return err
	}
	tag, err := f.Agents.UpdateTag(r.Context(), id, p)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, presentTag(*tag))
}

func (f *family) deleteTag(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.TagID](r, "tag_id")
	if err != nil {
		return err
	}
	if err := f.Agents.DeleteTag(r.Context(), id); err != nil {
		return err
	}
	f.api.NoContent(w)
	return nil
}

func (f *family) setAgentTags(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.AgentID](r, "agent_id")
	if err != nil {
		return err
	}
	if _, err := steward.PrincipalFrom(r.Context(), steward.ScopeWrite); err != nil {
		return err
	}
	members, err := wire.ReadOwnObject(w, r, wire.MaxBodyBytes)
	if err != nil {
		return err
	}
	tags, err := tagIDs(members)
	if err != nil {
		return err
	}
	agent, err := f.Agents.SetTags(r.Context(), id, tags)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, presentAgent(*agent))
}

// tagIDs reads the list tag_ids of a body: JSON, or in a form its text.
//
// Errors: Invalid, naming tag_ids.
func tagIDs(members []wire.Member) ([]steward.TagID, error) {
	for _, m := range members {
		if m.Key != fieldTagIDs {
			continue
		}
		raw := m.Raw
		if raw == nil {
			raw = json.RawMessage(strings.TrimSpace(m.Text))
		}
		var list []string
		if err := json.Unmarshal(raw, &list); err != nil || list == nil {
			return nil, wire.Invalid(fieldTagIDs, "Expected a list of ids.")
		}
		ids := make([]steward.TagID, len(list))
		for i, s := range list {
			var err error
			if ids[i], err = steward.ParseID[steward.TagID](fieldTagIDs, s); err != nil {
				return nil, err
			}
		}
		return ids, nil
	}
	return nil, wire.Invalid(fieldTagIDs, "This field is required.")
}

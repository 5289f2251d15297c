package run

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/rest/wire"
)

const (
	pathAgents   = "/v1/agents/"
	pathAgent    = "/v1/agents/{agent_id}/"
	pathVersions = "/v1/agents/{agent_id}/versions/"
	pathVersion  = "/v1/agents/{agent_id}/versions/{agent_version_id}/"
)

func (f *family) registerAgents() {
	agent := wire.SchemaOf[steward.Agent](f.api, "Agent")
	f.registerAgentList()
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathAgents, ID: "agents_create", Tag: tagAgents, Summary: "Create an agent",
		Description: "Creates an agent and its first version, both or neither.",
		Status:      http.StatusCreated, Errors: bodyErrors(http.StatusForbidden), Params: createKey(""),
		Body:      formBody(wire.SchemaOf[createAgentBody](f.api, "AgentCreate")),
		Responses: map[string]*huma.Response{"201": wire.JSONResponse("The agent", agent)},
	}, f.createAgent)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: pathAgent, ID: "agents_retrieve", Tag: tagAgents, Summary: "Get an agent",
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, f.getAgent)
	for _, op := range []struct{ method, id, summary string }{
		{http.MethodPut, "agents_replace", "Change an agent"}, {http.MethodPatch, "agents_update", "Change some of an agent"},
	} {
		f.api.Handle(wire.Operation{
			Method: op.method, Path: pathAgent, ID: op.id, Tag: tagAgents, Summary: op.summary,
			Description: "What is absent stays as it is. What an agent does is changed by a new version.",
			Errors:      bodyErrors(http.StatusForbidden, http.StatusNotFound),
			Body:        optional(formBody(wire.SchemaOf[updateAgentBody](f.api, "AgentUpdate"))),
			Responses:   map[string]*huma.Response{"200": wire.JSONResponse("The agent", agent)},
		}, f.updateAgent)
	}
	f.api.Handle(wire.Operation{
		Method: http.MethodDelete, Path: pathAgent, ID: "agents_delete", Tag: tagAgents, Summary: "Delete an agent",
		Description: "Its versions and jobs cannot be found any more, and its name is free. Open jobs are cancelled; the data of all its jobs is deleted soon after.",
		Status:      http.StatusNoContent, Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, f.deleteAgent)
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathAgent + "duplicate/", ID: "agents_duplicate", Tag: tagAgents, Summary: "Duplicate an agent",
		Description: "Makes an agent of the current version, with the same flags and tags and \" (copy)\" behind the name, and answers its version.",
		Status:      http.StatusCreated, Errors: []int{http.StatusForbidden, http.StatusNotFound},
		Responses: map[string]*huma.Response{"201": wire.JSONResponse("The new agent's version", wire.SchemaOf[steward.Version](f.api, "Version"))},
	}, f.duplicateAgent)
}

// bodyErrors are the errors of a call that reads a body, with others.
func bodyErrors(others ...int) []int {
	return append([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}, others...)
}

// output is an answer that is nothing but a body.
type output[T any] struct{ Body T }

func body[T any](v T) *output[T] { return &output[T]{Body: v} }

type agentInput struct {
	AgentID string `path:"agent_id" format:"uuid"`
}

func (f *family) getAgent(ctx context.Context, in *agentInput) (*output[steward.Agent], error) {
	id, err := wire.ID[steward.AgentID](in.AgentID)
	if err != nil {
		return nil, err
	}
	agent, err := f.Agents.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return body(presentAgent(*agent)), nil
}

// createAgentBody documents the body; decodeAgent reads it, in any of three encodings.
type createAgentBody struct {
	Name             string                    `json:"name" minLength:"1" maxLength:"200" doc:"Unique in the organization."`
	EngineClassID    string                    `json:"engine_class_id" doc:"One of the engines that discovery lists."`
	InputDefinitions []steward.InputDefinition `json:"input_definitions,omitempty"`
	EngineConfig     json.RawMessage           `json:"engine_config,omitempty" doc:"A JSON object by the engine's input_schema."`
	VersionName      string                    `json:"version_name,omitempty" minLength:"1"`
	Description      string                    `json:"description,omitempty"`
}

func (f *family) createAgent(w http.ResponseWriter, r *http.Request) error {
	d, err := readChange(w, r)
	if err != nil {
		return err
	}
	p, err := decodeAgent(d)
	if err != nil {
		return err
	}
	return create(f, w, r, creation[steward.Agent]{
		scope: steward.ScopeWrite, kind: "agent", content: p,
		make: func(ctx context.Context) (string, steward.Agent, error) {
			agent, err := f.Agents.Create(ctx, p)
			if err != nil {
				return "", steward.Agent{}, err
			}
			return string(agent.ID), presentAgent(*agent), nil
		},
		find: func(ctx context.Context, id string) (steward.Agent, error) {
			agent, err := f.Agents.Get(ctx, steward.AgentID(id))
			if err != nil {
				return steward.Agent{}, err
			}
			return presentAgent(*agent), nil
		},
	})
}

// decodeAgent reads the body of a create. Unknown keys are ignored; null counts as absent.
func decodeAgent(d *wire.Decoder) (agents.CreateParams, error) {
	var p agents.CreateParams
	p.Name = d.Required("name")
	p.EngineClassID = d.Required("engine_class_id")
	p.VersionName = d.NotBlank("version_name")
	p.Description = d.Text("description")
	p.EngineConfig = d.Object("engine_config")
	p.InputDefinitions = definitions(d)
	return p, d.Err()
}

// definitions reads input_definitions: nil when absent, not nil when it is an empty list.
func definitions(d *wire.Decoder) []steward.InputDefinition {
	if !d.Has("input_definitions") {
		return nil
	}
	list := []steward.InputDefinition{}
	d.List("input_definitions", func(_ int, item *wire.Decoder) {
		list = append(list, steward.InputDefinition{
			Key: item.Required("key"), DataType: item.Required("data_type"), Description: item.Text("description"),
			Example: item.Text("example"), AcceptsMultipleFiles: item.Bool("accepts_multiple_files"),
		})
	})
	return list
}

// updateAgentBody documents the body of a change.
type updateAgentBody struct {
	Name            string `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"Unique in the organization."`
	DisableCache    bool   `json:"disable_cache,omitempty" doc:"true: runs are never answered from earlier ones."`
	CacheFailedJobs bool   `json:"cache_failed_jobs,omitempty" doc:"true: failures that would come again answer equal runs, too."`
}

// readChange reads a body with a change, for a caller who may make it. Only organization_id is looked at here.
func readChange(w http.ResponseWriter, r *http.Request) (*wire.Decoder, error) {
	if _, err := steward.PrincipalFrom(r.Context(), steward.ScopeWrite); err != nil {
		return nil, err
	}
	members, err := wire.ReadOwnObject(w, r, wire.MaxBodyBytes)
	if err != nil {
		return nil, err
	}
	return wire.NewDecoder(members), nil
}

// optionalName, optionalText and optionalBool read a field that may be absent: nil then. A name and a text must not be blank.
func optionalName(d *wire.Decoder, field string) *string {
	if !d.Has(field) {
		return nil
	}
	return ptr(d.NotBlank(field))
}

func optionalBool(d *wire.Decoder, field string) *bool {
	if !d.Has(field) {
		return nil
	}
	return ptr(d.Bool(field))
}

func (f *family) updateAgent(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.AgentID](r, "agent_id")
	if err != nil {
		return err
	}
	d, err := readChange(w, r)
	if err != nil {
		return err
	}
	p := agents.UpdateParams{
		Name: optionalName(d, "name"), DisableCache: optionalBool(d, "disable_cache"), CacheFailedJobs: optionalBool(d, "cache_failed_jobs"),
	}
	if err := d.Err(); err != nil {
		return err
	}
	agent, err := f.Agents.Update(r.Context(), id, p)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, presentAgent(*agent))
}

func (f *family) deleteAgent(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.AgentID](r, "agent_id")
	if err != nil {
		return err
	}
	if err := f.Agents.Delete(r.Context(), id); err != nil {
		return err
	}
	f.api.NoContent(w)
	return nil
}

// duplicateAgent has no body: one client sends a JSON type with nothing behind it, the other not even that.
func (f *family) duplicateAgent(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.AgentID](r, "agent_id")
	if err != nil {
		return err
	}
	version, err := f.Agents.Duplicate(r.Context(), id)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusCreated, presentVersion(*version))
}

// formBody documents a body that may come as JSON, as a form or as multipart.
func formBody(schema *huma.Schema) *huma.RequestBody {
	content := map[string]*huma.MediaType{}
	for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data"} {
		content[kind] = &huma.MediaType{Schema: schema}
	}
	return &huma.RequestBody{Content: content, Required: true}
}

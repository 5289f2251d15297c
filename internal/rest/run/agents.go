package run

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

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
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: pathAgents, ID: "agents_list", Tag: tagAgents, Summary: "List agents",
		Description: "One page of the organization's agents, the newest first unless ordering says otherwise.",
		Errors:      []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, f.listAgents)
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathAgents, ID: "agents_create", Tag: tagAgents, Summary: "Create an agent",
		Description: "Creates an agent and its first version, both or neither.",
		Status:      http.StatusCreated, Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge},
		Body: formBody(wire.SchemaOf[createAgentBody](f.api, "AgentCreate")),
		Responses: map[string]*huma.Response{
			"201": wire.JSONResponse("The agent", wire.SchemaOf[steward.Agent](f.api, "Agent")),
		},
	}, f.createAgent)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: pathAgent, ID: "agents_retrieve", Tag: tagAgents, Summary: "Get an agent",
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, f.getAgent)
	f.registerVersions()
}

func (f *family) registerVersions() {
	f.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: pathVersions, ID: "agents_versions_list", Tag: tagAgents, Summary: "List an agent's versions",
		Description: "All versions, the newest first, as a bare array. With page or page_size in the query, one page in an envelope.",
		Errors:      []int{http.StatusForbidden, http.StatusNotFound},
		Params: []*huma.Param{
			wire.QueryParam("page", huma.TypeInteger, "Asks for an envelope: number of the page, from 1."),
			wire.QueryParam("page_size", huma.TypeInteger, "Asks for an envelope: rows on a page, 1 to 100."),
		},
		Responses: map[string]*huma.Response{
			"200": wire.JSONResponse("The versions", wire.SchemaOf[[]steward.Version](f.api, "Versions")),
		},
	}, f.listVersions)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: "/v1/agents/{agent_id}/versions/current/", ID: "agents_versions_current", Tag: tagAgents,
		Summary: "Get an agent's current version", Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *currentVersionInput) (*output[steward.Version], error) {
		return f.version(ctx, in.AgentID, "", in.SupportsEval)
	})
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: pathVersion, ID: "agents_versions_retrieve", Tag: tagAgents,
		Summary: "Get a version of an agent", Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *versionInput) (*output[steward.Version], error) {
		return f.version(ctx, in.AgentID, in.VersionID, in.SupportsEval)
	})
}

// output is an answer that is nothing but a body.
type output[T any] struct{ Body T }

func body[T any](v T) *output[T] { return &output[T]{Body: v} }

type listAgentsInput struct {
	wire.Page
	Search   string   `query:"search" doc:"Part of the name, the engine or the id, in any case."`
	Name     string   `query:"name" doc:"Part of the name, in any case."`
	Engine   []string `query:"engine_class_id,explode" maxItems:"100" doc:"Only agents of this engine."`
	Ordering string   `query:"ordering" doc:"name, created_at, updated_at or engine_class_id; '-' in front for descending."`

	Stats wire.BoolText `query:"include_job_stats" doc:"false leaves job_count and most_recent_job null. true when absent."`

	refused error
}

// Resolve implements huma.Resolver: the page, and the filters that are not built.
func (in *listAgentsInput) Resolve(ctx huma.Context) []error {
	in.refused = refuseFilters(ctx.URL(),
		"exclude_engine_class_id", "creator_id", "tags", "include_untagged", "created_from", "created_to", "updated_from",
		"updated_to", "most_recent_job_from", "most_recent_job_to", "job_count_min", "job_count_max")
	return in.Page.Resolve(ctx)
}

// refuseFilters names the filters of a query that are not built: to ignore one would answer with rows that were not asked for.
func refuseFilters(u url.URL, names ...string) error {
	var refused wire.FieldErrors
	query := u.Query()
	for _, name := range names {
		if query.Get(name) != "" {
			refused = append(refused, wire.FieldError{Field: name, Message: "This filter is not offered by this version."})
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return refused
}

func (f *family) listAgents(ctx context.Context, in *listAgentsInput) (*output[*steward.Page[steward.Agent]], error) {
	if in.refused != nil {
		return nil, in.refused
	}
	number, size, err := in.Window()
	if err != nil {
		return nil, err
	}
	stats, err := wire.Bool("include_job_stats", string(in.Stats), true)
	if err != nil {
		return nil, err
	}
	if len(in.Engine) > 1 {
		return nil, wire.Invalid("engine_class_id", "Several engines are not offered by this version.")
	}
	p := agents.ListParams{Page: number, PageSize: size, Order: in.Ordering, Search: in.Search, Name: in.Name, Stats: stats}
	if len(in.Engine) == 1 {
		p.EngineClassID = in.Engine[0]
	}
	rows, count, err := f.Agents.List(ctx, p)
	if err != nil {
		return nil, err
	}
	page, err := wire.Envelope(f.api, in.Page, each(rows, presentAgent), count)
	if err != nil {
		return nil, err
	}
	return body(page), nil
}

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
	who, err := steward.PrincipalFrom(r.Context(), steward.ScopeWrite)
	if err != nil {
		return err
	}
	members, err := wire.ReadObject(w, r)
	if err != nil {
		return err
	}
	p, err := decodeAgent(members, who)
	if err != nil {
		return err
	}
	agent, err := f.Agents.Create(r.Context(), p)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusCreated, presentAgent(*agent))
}

// decodeAgent reads the body of a create. Unknown keys are ignored; null counts as absent.
func decodeAgent(members []wire.Member, who *steward.Principal) (agents.CreateParams, error) {
	var p agents.CreateParams
	d := wire.NewDecoder(members)
	if org := d.Text(wire.OrganizationField); org != "" {
		if err := wire.CheckOrganization(who, org); err != nil {
			return p, err
		}
	}
	p.Name = d.Required("name")
	p.EngineClassID = d.Required("engine_class_id")
	p.VersionName = d.NotBlank("version_name")
	p.Description = d.Text("description")
	p.EngineConfig = d.Object("engine_config")
	d.List("input_definitions", func(i int, item *wire.Decoder) {
		p.InputDefinitions = append(p.InputDefinitions, steward.InputDefinition{
			Key: item.Required("key"), DataType: item.Required("data_type"), Description: item.Text("description"),
			Example: item.Text("example"), AcceptsMultipleFiles: item.Bool("accepts_multiple_files"),
		})
	})
	return p, d.Err()
}

type currentVersionInput struct {
	AgentID string `path:"agent_id" format:"uuid"`

	SupportsEval wire.BoolText `query:"get_supports_eval" doc:"true adds supports_eval."`
}

type versionInput struct {
	AgentID   string `path:"agent_id" format:"uuid"`
	VersionID string `path:"agent_version_id" format:"uuid"`

	SupportsEval wire.BoolText `query:"get_supports_eval" doc:"true adds supports_eval."`
}

func (f *family) version(ctx context.Context, agent, version string, supportsEval wire.BoolText) (*output[steward.Version], error) {
	agentID, err := wire.ID[steward.AgentID](agent)
	if err != nil {
		return nil, err
	}
	var versionID steward.VersionID
	if version != "" {
		if versionID, err = wire.ID[steward.VersionID](version); err != nil {
			return nil, err
		}
	}
	wanted, err := wire.Bool("get_supports_eval", string(supportsEval), false)
	if err != nil {
		return nil, err
	}
	v, err := f.Agents.Version(ctx, agentID, versionID)
	if err != nil {
		return nil, err
	}
	if wanted {
		return f.withSupportsEval(ctx, *v)
	}
	return body(presentVersion(*v)), nil
}

// withSupportsEval adds what the version's engine says about evaluation.
func (f *family) withSupportsEval(ctx context.Context, v steward.Version) (*output[steward.Version], error) {
	engines, err := f.Agents.EngineTypes(ctx)
	if err != nil {
		return nil, err
	}
	supports := false
	for _, e := range engines {
		if e.ClassID == v.EngineClassID {
			supports = e.SupportsEval
		}
	}
	v.SupportsEval = &supports
	return body(presentVersion(v)), nil
}

func (f *family) listVersions(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.AgentID](r, "agent_id")
	if err != nil {
		return err
	}
	versions, err := f.Agents.Versions(r.Context(), id)
	if err != nil {
		return err
	}
	versions = each(versions, presentVersion)
	page := wire.NewPage(r)
	if !page.Asked() {
		return f.api.JSON(w, r, http.StatusOK, versions)
	}
	number, size, err := page.Window()
	if err != nil {
		return err
	}
	from := min((number-1)*size, len(versions))
	envelope, err := wire.Envelope(f.api, page, versions[from:min(from+size, len(versions))], int64(len(versions)))
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, envelope)
}

// formBody documents a body that may come as JSON, as a form or as multipart.
func formBody(schema *huma.Schema) *huma.RequestBody {
	content := map[string]*huma.MediaType{}
	for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data"} {
		content[kind] = &huma.MediaType{Schema: schema}
	}
	return &huma.RequestBody{Content: content, Required: true}
}

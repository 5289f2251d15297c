package run

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/rest/wire"
)

func (f *family) registerVersions() {
	version := wire.SchemaOf[steward.Version](f.api, "Version")
	f.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: pathVersions, ID: "agents_versions_list", Tag: tagVersions, Summary: "List an agent's versions",
		Description: "All versions, the newest first, as a bare array. With page or page_size in the query, one page in an envelope.",
		Errors:      []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
		Params: []*huma.Param{
			wire.QueryParam("page", huma.TypeInteger, "Asks for an envelope: number of the page, from 1."),
			wire.QueryParam("page_size", huma.TypeInteger, "Asks for an envelope: rows on a page, 1 to 100."),
		},
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("The versions, or a page of them", &huma.Schema{OneOf: []*huma.Schema{
			wire.SchemaOf[[]steward.Version](f.api, "Versions"), wire.SchemaOf[steward.Page[steward.Version]](f.api, "PageVersion"),
		}})},
	}, f.listVersions)
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathVersions, ID: "agents_versions_create", Tag: tagVersions, Summary: "Create a version",
		Description: "It becomes the current version. What is absent or null comes from the version that was current. An empty engine_config does, too, " +
			"when the engine cannot do without a configuration; an empty input_definitions does when the configuration still needs inputs.",
		Status: http.StatusCreated, Errors: bodyErrors(http.StatusForbidden, http.StatusNotFound), Params: createKey(""),
		Body:      optional(formBody(wire.SchemaOf[createVersionBody](f.api, "VersionCreate"))),
		Responses: map[string]*huma.Response{"201": wire.JSONResponse("The version", version)},
	}, f.createVersion)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: "/v1/agents/{agent_id}/versions/current/", ID: "agents_versions_current", Tag: tagVersions,
		Summary: "Get an agent's current version", Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *currentVersionInput) (*output[steward.Version], error) {
		return f.version(ctx, in.AgentID, "", in.SupportsEval)
	})
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: pathVersion, ID: "agents_versions_retrieve", Tag: tagVersions,
		Summary: "Get a version of an agent", Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *versionInput) (*output[steward.Version], error) {
		return f.version(ctx, in.AgentID, in.VersionID, in.SupportsEval)
	})
	f.registerVersionEdits()
}

func (f *family) registerVersionEdits() {
	for _, op := range []struct{ method, id, summary string }{
		{http.MethodPut, "agents_versions_replace", "Change a version's name and description"},
		{http.MethodPatch, "agents_versions_update", "Change a version's name or description"},
	} {
		f.api.Handle(wire.Operation{
			Method: op.method, Path: pathVersion, ID: op.id, Tag: tagVersions, Summary: op.summary,
			Description: "What is absent stays as it is. Nothing else about a version ever changes; it does not become the current one.",
			Errors:      bodyErrors(http.StatusForbidden, http.StatusNotFound),
			Body:        optional(formBody(wire.SchemaOf[updateVersionBody](f.api, "VersionUpdate"))),
			Responses:   map[string]*huma.Response{"200": wire.JSONResponse("That it was done", wire.SchemaOf[message](f.api, "Message"))},
		}, f.updateVersion)
	}
	f.api.Handle(wire.Operation{
		Method: http.MethodDelete, Path: pathVersion, ID: "agents_versions_delete", Tag: tagVersions, Summary: "Delete a version",
		Description: "Its runs stay readable. The current version cannot be deleted: 400.",
		Status:      http.StatusNoContent, Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, f.deleteVersion)
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

// createVersionBody documents the body of a new version; createVersion reads it, in any of three encodings.
type createVersionBody struct {
	VersionName      string                     `json:"version_name,omitempty" minLength:"1" maxLength:"200" doc:"\"unnamed version\" when absent."`
	Description      *string                    `json:"description,omitempty" nullable:"true"`
	InputDefinitions *[]steward.InputDefinition `json:"input_definitions,omitempty" nullable:"true"`
	EngineConfig     json.RawMessage            `json:"engine_config,omitempty" doc:"A JSON object by the engine's input_schema, or null."`
	PostActions      *[]steward.PostAction      `json:"post_actions,omitempty" nullable:"true" maxItems:"0" doc:"Not offered: any is refused."`
}

func (f *family) createVersion(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.AgentID](r, "agent_id")
	if err != nil {
		return err
	}
	d, err := readChange(w, r)
	if err != nil {
		return err
	}
	p := agents.CreateVersionParams{
		VersionName: d.NotBlank("version_name"), Description: d.Text("description"),
		InputDefinitions: definitions(d), EngineConfig: d.Object("engine_config"),
	}
	d.List("post_actions", func(int, *wire.Decoder) { p.PostActions++ })
	if err := d.Err(); err != nil {
		return err
	}
	return create(f, w, r, creation[steward.Version]{
		scope: steward.ScopeWrite, kind: "version/" + string(id), content: p,
		make: func(ctx context.Context) (string, steward.Version, error) {
			v, err := f.Agents.CreateVersion(ctx, id, p)
			if err != nil {
				return "", steward.Version{}, err
			}
			return string(v.ID), presentVersion(*v), nil
		},
		find: func(ctx context.Context, version string) (steward.Version, error) {
			v, err := f.Agents.Version(ctx, id, steward.VersionID(version))
			if err != nil {
				return steward.Version{}, err
			}
			return presentVersion(*v), nil
		},
	})
}

// versionIDs reads the ids of a path.
func versionIDs(r *http.Request) (agent steward.AgentID, version steward.VersionID, err error) {
	if agent, err = wire.PathID[steward.AgentID](r, "agent_id"); err != nil {
		return agent, version, err
	}
	version, err = wire.PathID[steward.VersionID](r, "agent_version_id")
	return agent, version, err
}

// updateVersionBody documents the body of a change.
type updateVersionBody struct {
	VersionName string `json:"version_name,omitempty" minLength:"1" maxLength:"200"`
	Description string `json:"description,omitempty" minLength:"1"`
}

// message is the answer of a call that has nothing to show.
type message struct {
	Message string `json:"message"`
}

func (f *family) updateVersion(w http.ResponseWriter, r *http.Request) error {
	agent, version, err := versionIDs(r)
	if err != nil {
		return err
	}
	d, err := readChange(w, r)
	if err != nil {
		return err
	}
	p := agents.UpdateVersionParams{VersionName: optionalName(d, "version_name"), Description: optionalName(d, "description")}
	if err := d.Err(); err != nil {
		return err
	}
	if err := f.Agents.UpdateVersion(r.Context(), agent, version, p); err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, message{"Agent version updated successfully."})
}

func (f *family) deleteVersion(w http.ResponseWriter, r *http.Request) error {
	agent, version, err := versionIDs(r)
	if err != nil {
		return err
	}
	if err := f.Agents.DeleteVersion(r.Context(), agent, version); err != nil {
		return refusedAs400(err)
	}
	f.api.NoContent(w)
	return nil
}

// refusedAs400 answers a conflict as the family does for a state that forbids a call: 400 with an error.
func refusedAs400(err error) error {
	var e *steward.Error
	if !errors.As(err, &e) || e.Code != steward.Conflict {
		return err
	}
	return &wire.Detailed{Status: http.StatusBadRequest, Body: map[string]string{"error": e.Message}, Err: err}
}

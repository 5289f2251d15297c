package run

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/rest/admit"
	"github.com/stewardhq/steward/internal/rest/wire"
)

func (f *family) registerDiscovery() {
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: "/v1/agents/types/", ID: "agents_types", Tag: tagDiscovery, Summary: "List engines",
		Description: "The kinds of work that agents can do, each with the JSON Schema of its configuration.",
		Errors:      []int{http.StatusForbidden},
	}, f.engineTypes)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: "/v1/agents/models/", ID: "agents_models", Tag: tagDiscovery, Summary: "List models",
		Description: "The models that a configuration can name.",
		Errors:      []int{http.StatusBadRequest, http.StatusForbidden},
	}, f.models)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodPost, Path: "/v1/agents/models/test/", ID: "agents_models_test", Cost: admit.Waiter, Tag: tagDiscovery, Summary: "Test a model",
		Description: "Asks a model one small question whose answer is known and tells how it went. It costs what a short call costs, which counts " +
			"against the organization's budgets and is in its usage, under no agent; it needs a key with the scope admin. That the model fails is an answer too: see failure.",
		Errors: []int{http.StatusBadRequest, http.StatusPaymentRequired, http.StatusForbidden, http.StatusConflict},
	}, f.testModel)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: "/v1/users/current_user/", ID: "users_current_user", Tag: tagUsers,
		Summary: "Get the user behind the key",
	}, f.currentUser)
}

type engineTypes struct {
	EngineTypes []string             `json:"engine_types"`
	TotalCount  int                  `json:"total_count"`
	Engines     []steward.EngineType `json:"engines"`
}

func (f *family) engineTypes(ctx context.Context, _ *struct{}) (*output[engineTypes], error) {
	engines, err := f.Agents.EngineTypes(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(engines))
	for i, e := range engines {
		ids[i] = e.ClassID
	}
	return body(engineTypes{EngineTypes: ids, TotalCount: len(engines), Engines: each(engines, presentEngine)}), nil
}

type modelsInput struct {
	Capability string `query:"capability" doc:"text, image, audio or video: only models that read the medium." example:"image"`
}

type models struct {
	Models      []steward.LanguageModel `json:"models"`
	TotalCount  int                     `json:"total_count"`
	TenantScope string                  `json:"tenant_scope"`
}

func (f *family) models(ctx context.Context, in *modelsInput) (*output[models], error) {
	list, err := f.Agents.LanguageModels(ctx, in.Capability)
	if err != nil {
		return nil, err
	}
	return body(models{Models: each(list, presentModel), TotalCount: len(list), TenantScope: "all_tenants"}), nil
}

type testModelInput struct {
	Body struct {
		Model string `json:"model,omitempty" doc:"The id or alias of a model; empty means the server's default." example:"builtin"`
	}
}

func (f *family) testModel(ctx context.Context, in *testModelInput) (*output[steward.ModelTest], error) {
	t, err := f.Jobs.TestModel(ctx, in.Body.Model)
	if err != nil {
		return nil, err
	}
	if t.Answer == nil {
		t.Answer = json.RawMessage("null")
	}
	return body(*t), nil
}

func (f *family) currentUser(ctx context.Context, _ *struct{}) (*output[steward.User], error) {
	user, err := f.Users.CurrentUser(ctx)
	if err != nil {
		return nil, err
	}
	return body(presentCurrentUser(*user)), nil
}

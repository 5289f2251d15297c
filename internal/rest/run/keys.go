package run

import (
	"context"
	"net/http"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/identity"
	"github.com/stewardhq/steward/internal/rest/wire"
)

const pathKeys = "/v1/keys/"

func (f *family) registerKeys() {
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: pathKeys, ID: "keys_list", Tag: tagUsers, Summary: "List API keys",
		Description: "All keys of the organization, the newest first, revoked ones included, without their secrets.",
		Errors:      []int{http.StatusForbidden},
	}, f.listKeys)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodPost, Path: pathKeys, ID: "keys_create", Tag: tagUsers, Summary: "Create an API key",
		Description: "The answer holds the token, which is not stored and cannot be shown again.",
		Status:      http.StatusCreated, Errors: []int{http.StatusBadRequest, http.StatusForbidden},
	}, f.createKey)
	f.api.Handle(wire.Operation{
		Method: http.MethodDelete, Path: "/v1/keys/{key_id}/", ID: "keys_revoke", Tag: tagUsers, Summary: "Revoke an API key",
		Status: http.StatusNoContent, Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, f.revokeKey)
}

func (f *family) listKeys(ctx context.Context, _ *struct{}) (*output[steward.Page[steward.Key]], error) {
	keys, err := f.Keys.ListKeys(ctx)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		keys[i].Scopes = orEmpty(keys[i].Scopes)
	}
	return body(steward.Page[steward.Key]{Count: int64(len(keys)), Results: orEmpty(keys)}), nil
}

type createKeyInput struct {
	Body struct {
		Name      string     `json:"name" minLength:"1" maxLength:"200" doc:"What the key is for."`
		Scopes    []string   `json:"scopes" minItems:"1" doc:"read, run, write, admin."`
		ExpiresAt *time.Time `json:"expires_at,omitempty" nullable:"true" doc:"null or absent: never."`
	}
}

// createdKey is a key with its token, which is shown this once.
type createdKey struct {
	steward.Key
	Token string `json:"token"`
}

func (f *family) createKey(ctx context.Context, in *createKeyInput) (*output[createdKey], error) {
	p := identity.CreateKeyParams{Name: in.Body.Name, ExpiresAt: in.Body.ExpiresAt}
	for _, s := range in.Body.Scopes {
		p.Scopes = append(p.Scopes, steward.Scope(s))
	}
	key, token, err := f.Keys.CreateKey(ctx, p)
	if err != nil {
		return nil, err
	}
	out := createdKey{Key: *key, Token: token}
	out.Scopes = orEmpty(out.Scopes)
	return body(out), nil
}

func (f *family) revokeKey(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.KeyID](r, "key_id")
	if err != nil {
		return err
	}
	if err := f.Keys.RevokeKey(r.Context(), id); err != nil {
		return err
	}
	f.api.NoContent(w)
	return nil
}

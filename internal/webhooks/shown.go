package webhooks

import (
	"context"

	"github.com/stewardhq/steward"
)

// Shown returns a webhook with its secret: for the key that created it and was cut off before it was told.
//
// Errors: NotFound; Denied without ScopeWrite.
func (s *Service) Shown(ctx context.Context, id steward.WebhookID) (*steward.Webhook, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	w, err := s.store.Webhook(ctx, who.OrganizationID, id)
	if err != nil {
		return nil, err
	}
	keys, err := s.vault.openKeys(w, s.clock.Now())
	if err != nil {
		return nil, err
	}
	out, err := s.present(ctx, who, w)
	if err != nil {
		return nil, err
	}
	out.Secret = secretText(keys[0])
	return out, nil
}

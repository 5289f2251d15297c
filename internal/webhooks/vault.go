package webhooks

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/secret"
	"github.com/stewardhq/steward/internal/store"
)

// vault seals what is secret about webhooks. Before it seals anything it proves that this process has the key that all processes on
// the database share: else some could not open what others sealed.
type vault struct {
	box    *secret.Box
	store  store.Webhooks
	proved atomic.Bool
}

// proofRow is where the proof of the key stands. It belongs to no organization.
const proofRow = "proof of the key"

// prove makes sure that what is sealed here can be opened by the others.
//
// Errors: Unavailable when this process has another key.
func (v *vault) prove(ctx context.Context) error {
	if v.proved.Load() {
		return nil
	}
	sealed, err := v.box.Seal("", proofRow, []byte(proofRow))
	if err != nil {
		return fmt.Errorf("prove the secret key: %w", err)
	}
	kept, err := v.store.KeepSecretProof(ctx, sealed)
	if err != nil {
		return fmt.Errorf("prove the secret key: %w", err)
	}
	return v.check(kept)
}

// fits reports whether this process can open what was sealed: an error says that it cannot. Before anything was sealed it can.
func (v *vault) fits(ctx context.Context) error {
	if v.proved.Load() {
		return nil
	}
	kept, err := v.store.SecretProof(ctx)
	if err != nil {
		return fmt.Errorf("look at the proof of the secret key: %w", err)
	}
	if kept == nil {
		return nil
	}
	return v.check(kept)
}

func (v *vault) check(kept []byte) error {
	if _, err := v.box.Open("", proofRow, kept); err != nil {
		return &steward.Error{
			Code: steward.Unavailable, RetryAfter: time.Minute, Err: err,
			Message: "This server has another secret key than the one that the database's secrets are sealed with; its operator must give it that key.",
		}
	}
	v.proved.Store(true)
	return nil
}

func secretRow(id steward.WebhookID) string  { return "webhook/" + string(id) + "/secret" }
func headersRow(id steward.WebhookID) string { return "webhook/" + string(id) + "/headers" }

func (v *vault) sealSecret(org steward.OrganizationID, id steward.WebhookID, key []byte) ([]byte, error) {
	return v.box.Seal(org, secretRow(id), key)
}

func (v *vault) sealHeaders(org steward.OrganizationID, id steward.WebhookID, headers map[string]string) ([]byte, error) {
	raw, err := json.Marshal(headers)
	if err != nil {
		return nil, fmt.Errorf("encode headers: %w", err)
	}
	return v.box.Seal(org, headersRow(id), raw)
}

// openHeaders returns a webhook's headers, never nil.
func (v *vault) openHeaders(w *store.WebhookRecord) (map[string]string, error) {
	headers := map[string]string{}
	if w.SealedHeaders == nil {
		return headers, nil
	}
	raw, err := v.box.Open(w.OrganizationID, headersRow(w.ID), w.SealedHeaders)
	if err != nil {
		return nil, fmt.Errorf("open headers of webhook %s: %w", w.ID, err)
	}
	var stored map[string]string
	if err := json.Unmarshal(raw, &stored); err != nil {
		return nil, fmt.Errorf("decode headers of webhook %s: %w", w.ID, err)
	}
	maps.Copy(headers, stored)
	return headers, nil
}

// openKeys returns the keys that sign at a time, the current one first.
func (v *vault) openKeys(w *store.WebhookRecord, now time.Time) ([][]byte, error) {
	current, err := v.box.Open(w.OrganizationID, secretRow(w.ID), w.SealedSecret)
	if err != nil {
		return nil, fmt.Errorf("open secret of webhook %s: %w", w.ID, err)
	}
	keys := [][]byte{current}
	if w.SealedOldSecret == nil || !now.Before(w.OldSecretUntil) {
		return keys, nil
	}
	old, err := v.box.Open(w.OrganizationID, secretRow(w.ID), w.SealedOldSecret)
	if err != nil {
		return nil, fmt.Errorf("open old secret of webhook %s: %w", w.ID, err)
	}
	return append(keys, old), nil
}

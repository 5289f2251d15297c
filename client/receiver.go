package client

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// ErrWebhookSignature is the failure of a request that does not come from the server, or not now: what it says must not be believed.
var ErrWebhookSignature = errors.New("webhook signature")

// webhookTolerance is how far the clocks of sender and receiver may be apart, and how long a request that somebody recorded can be
// used again.
const webhookTolerance = 5 * time.Minute

// VerifyWebhook checks that a request was signed with one of secrets, as Standard Webhooks describes: the headers webhook-id,
// webhook-timestamp and webhook-signature, over the body as it came. While a secret is being changed, give the old and the new one.
// now is the time of the receiver; tolerance is how far the time of the sender may be from it, 0 means 5 minutes.
//
// A request may come more than once: its webhook-id, which is also the event's ID, is then the same.
//
// Errors: ErrWebhookSignature; steward.Invalid for a secret that cannot be used.
//
// Stability: may change until 1.0.
func VerifyWebhook(secrets []string, header http.Header, body []byte, now time.Time, tolerance time.Duration) error {
	keys, err := webhookKeys(secrets)
	if err != nil {
		return err
	}
	return verifyWebhook(keys, header, body, now, tolerance)
}

// ParseWebhook is VerifyWebhook, and returns the event that the body holds.
//
// Errors: those of VerifyWebhook; steward.Invalid for a body that is no event.
//
// Stability: may change until 1.0.
func ParseWebhook(secrets []string, header http.Header, body []byte, now time.Time, tolerance time.Duration) (*steward.Event, error) {
	if err := VerifyWebhook(secrets, header, body, now, tolerance); err != nil {
		return nil, err
	}
	return decodeEvent(body)
}

// decodeEvent reads a body whose signature is good.
func decodeEvent(body []byte) (*steward.Event, error) {
	e := new(steward.Event)
	if err := json.Unmarshal(body, e); err != nil {
		return nil, &steward.Error{Code: steward.Invalid, Message: "the body is no event", Err: err}
	}
	return e, nil
}

// webhookKeys reads secrets: base64 behind "whsec_", or the bytes of any other text.
func webhookKeys(secrets []string) ([][]byte, error) {
	keys := make([][]byte, 0, len(secrets))
	for _, secret := range secrets {
		key := []byte(secret)
		if text, ok := strings.CutPrefix(strings.TrimSpace(secret), "whsec_"); ok {
			var err error
			if key, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "=")); err != nil {
				return nil, &steward.Error{Code: steward.Invalid, Field: "secret", Message: "a secret is not base64 behind whsec_"}
			}
		}
		if len(key) == 0 {
			return nil, &steward.Error{Code: steward.Invalid, Field: "secret", Message: "a secret is empty"}
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, &steward.Error{Code: steward.Invalid, Field: "secret", Message: "there is no secret to check signatures with"}
	}
	return keys, nil
}

func verifyWebhook(keys [][]byte, header http.Header, body []byte, now time.Time, tolerance time.Duration) error {
	if tolerance <= 0 {
		tolerance = webhookTolerance
	}
	id, stamp := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp")
	if id == "" || stamp == "" {
		return fmt.Errorf("%w: the headers webhook-id and webhook-timestamp are missing", ErrWebhookSignature)
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: the timestamp is no number of seconds", ErrWebhookSignature)
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return fmt.Errorf("%w: the timestamp is too far from now", ErrWebhookSignature)
	}
	for _, field := range header.Values("Webhook-Signature") {
		for signature := range strings.FieldsSeq(field) {
			if signedWith(keys, signature, id, stamp, body) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: no signature was made with a known secret", ErrWebhookSignature)
}

// signedWith reports whether signature was made with one of keys. It takes the same time wherever a signature differs.
func signedWith(keys [][]byte, signature, id, stamp string, body []byte) bool {
	text, ok := strings.CutPrefix(signature, "v1,")
	if !ok {
		return false // of a version that this package does not know
	}
	given, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return false // no signature at all
	}
	found := false
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		for _, part := range [...]string{id, ".", stamp, "."} {
			_, _ = io.WriteString(mac, part) // a hash never fails
		}
		_, _ = mac.Write(body) // a hash never fails
		found = hmac.Equal(given, mac.Sum(nil)) || found
	}
	return found
}

// WebhookHandlerOptions tunes a WebhookHandler. The zero value is ready to use.
type WebhookHandlerOptions struct {
	Tolerance time.Duration    // as in VerifyWebhook
	MaxBytes  int64            // longest body; 0 means 4 MiB
	Now       func() time.Time // nil means time.Now; tests set it
	Logger    *slog.Logger     // told what was refused and what the function failed with; nil means silence
}

// WebhookHandler returns a handler that takes the events of webhooks: it reads the body, verifies it as VerifyWebhook does, decodes it and
// calls handle. The handler is safe for concurrent use as far as handle is. nil opts is fine.
//
// It answers 204 when handle returns nil and 500 when it returns an error, so that the server sends the event again later, up to six
// times over some hours; 401 for a wrong signature, 405, 413 and 400 for what is no event. handle should return within 10 seconds, and
// must bear the same event twice: Event.ID tells.
//
// Errors: steward.Invalid for secrets that cannot be used.
//
// Stability: may change until 1.0.
func WebhookHandler(secrets []string, handle func(context.Context, *steward.Event) error, opts *WebhookHandlerOptions) (http.Handler, error) {
	keys, err := webhookKeys(secrets)
	if err != nil {
		return nil, err
	}
	h := &webhookHandler{keys: keys, handle: handle}
	if opts != nil {
		h.opts = *opts
	}
	if h.opts.MaxBytes <= 0 {
		h.opts.MaxBytes = 4 << 20
	}
	if h.opts.Now == nil {
		h.opts.Now = time.Now
	}
	if h.opts.Logger == nil {
		h.opts.Logger = slog.New(slog.DiscardHandler)
	}
	return h, nil
}

type webhookHandler struct {
	keys   [][]byte
	handle func(context.Context, *steward.Event) error
	opts   WebhookHandlerOptions
}

// ServeHTTP implements http.Handler.
func (h *webhookHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, err := h.take(w, r)
	if err != nil {
		h.opts.Logger.WarnContext(r.Context(), "webhook event not taken", "status", status, "webhook_id", r.Header.Get("Webhook-Id"), "error", err)
	}
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	if err == nil {
		w.WriteHeader(status)
		return
	}
	http.Error(w, http.StatusText(status), status) // the reason is for the log only
}

// take deals with one request and returns the status to answer.
func (h *webhookHandler) take(w http.ResponseWriter, r *http.Request) (int, error) {
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, errors.New("not a POST")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.opts.MaxBytes))
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return http.StatusRequestEntityTooLarge, err
	}
	if err != nil {
		return http.StatusBadRequest, err
	}
	if err := verifyWebhook(h.keys, r.Header, body, h.opts.Now(), h.opts.Tolerance); err != nil {
		return http.StatusUnauthorized, err
	}
	event, err := decodeEvent(body)
	if err != nil {
		return http.StatusBadRequest, err
	}
	if err := h.handle(r.Context(), event); err != nil {
		return http.StatusInternalServerError, err
	}
	return http.StatusNoContent, nil
}

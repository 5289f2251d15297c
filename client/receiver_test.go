package client_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// The example of the Standard Webhooks libraries.
const (
	exampleSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	exampleBody   = `{"test": 2432232314}`
	exampleSign   = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func exampleHeader() http.Header {
	h := http.Header{}
	h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	h.Set("webhook-timestamp", "1614265330")
	h.Set("webhook-signature", exampleSign)
	return h
}

func exampleTime() time.Time { return time.Unix(1614265330, 0) }

func TestVerifiesTheExampleOfStandardWebhooks(t *testing.T) {
	t.Parallel()
	if err := client.VerifyWebhook([]string{exampleSecret}, exampleHeader(), []byte(exampleBody), exampleTime(), 0); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotSignedIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(h http.Header, body *string, now *time.Time){
		"another body":       func(_ http.Header, body *string, _ *time.Time) { *body += " " },
		"another id":         func(h http.Header, _ *string, _ *time.Time) { h.Set("webhook-id", "msg_other") },
		"another time":       func(h http.Header, _ *string, _ *time.Time) { h.Set("webhook-timestamp", "1614265331") },
		"no id":              func(h http.Header, _ *string, _ *time.Time) { h.Del("webhook-id") },
		"no time":            func(h http.Header, _ *string, _ *time.Time) { h.Del("webhook-timestamp") },
		"no signature":       func(h http.Header, _ *string, _ *time.Time) { h.Del("webhook-signature") },
		"an empty signature": func(h http.Header, _ *string, _ *time.Time) { h.Set("webhook-signature", "v1,") },
		"a signature of no version": func(h http.Header, _ *string, _ *time.Time) {
			h.Set("webhook-signature", strings.TrimPrefix(exampleSign, "v1,"))
		},
		"an unknown version":       func(h http.Header, _ *string, _ *time.Time) { h.Set("webhook-signature", "v2"+exampleSign[2:]) },
		"half a signature":         func(h http.Header, _ *string, _ *time.Time) { h.Set("webhook-signature", exampleSign[:20]) },
		"a time that is no number": func(h http.Header, _ *string, _ *time.Time) { h.Set("webhook-timestamp", "yesterday") },
		"a time beyond all bounds": func(h http.Header, _ *string, _ *time.Time) { h.Set("webhook-timestamp", "9223372036854775807") },
		"too late":                 func(_ http.Header, _ *string, now *time.Time) { *now = now.Add(5*time.Minute + time.Second) },
		"too early":                func(_ http.Header, _ *string, now *time.Time) { *now = now.Add(-5*time.Minute - time.Second) },
		"the signature of a stranger": func(h http.Header, body *string, _ *time.Time) {
			h.Del("webhook-signature")
			sign(h, []byte("other"), *body)
		},
	} {
		h, body, now := exampleHeader(), exampleBody, exampleTime()
		change(h, &body, &now)
		if err := client.VerifyWebhook([]string{exampleSecret}, h, []byte(body), now, 0); !errors.Is(err, client.ErrWebhookSignature) {
			t.Errorf("%s: %v, want ErrWebhookSignature", name, err)
		}
	}
}

// sign signs a body as the header's id and time say.
func sign(h http.Header, key []byte, body string) {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", h.Get("webhook-id"), h.Get("webhook-timestamp"), body) // a hash never fails
	h.Add("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func TestOneGoodSignatureOfOneKnownSecretIsEnough(t *testing.T) {
	t.Parallel()
	plain := "a secret of the caller's own"
	signed := exampleHeader()
	signed.Del("webhook-signature")
	sign(signed, []byte(plain), exampleBody)
	both := exampleHeader()
	both.Set("webhook-signature", "v2,xyz v1,bm90IHRoaXM= "+exampleSign)
	for name, tt := range map[string]struct {
		secrets []string
		header  http.Header
	}{
		"old and new secret":         {[]string{"whsec_bmV3IG9uZQ==", exampleSecret}, exampleHeader()},
		"several signatures":         {[]string{exampleSecret}, both},
		"a secret that is no base64": {[]string{plain}, signed},
		"spaces around it":           {[]string{" " + exampleSecret + "\n"}, exampleHeader()},
	} {
		if err := client.VerifyWebhook(tt.secrets, tt.header, []byte(exampleBody), exampleTime().Add(-4*time.Minute), 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := client.VerifyWebhook([]string{exampleSecret}, exampleHeader(), []byte(exampleBody), exampleTime().Add(time.Hour), 2*time.Hour); err != nil {
		t.Errorf("a longer tolerance: %v", err)
	}
}

func TestSecretsThatProveNothingAreRefused(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{"none": nil, "empty": {exampleSecret, ""}, "empty behind the prefix": {"whsec_"}, "no base64": {"whsec_!!"}} {
		err := client.VerifyWebhook(secrets, exampleHeader(), []byte(exampleBody), exampleTime(), 0)
		if steward.CodeOf(err) != steward.Invalid || errors.Is(err, client.ErrWebhookSignature) || strings.Contains(err.Error(), "!!") {
			t.Errorf("%s: %v, want invalid", name, err)
		}
		if _, err := client.WebhookHandler(secrets, nil, nil); steward.CodeOf(err) != steward.Invalid {
			t.Errorf("%s: WebhookHandler = %v", name, err)
		}
	}
}

const jobEvent = `{"id":"` + string(sentID) + `","event":"job_completed","timestamp":"2026-01-02T03:04:05Z","organization_id":"` + someID + `","agent":{"id":"` + string(agentID) + `","name":"a"},
	"agent_version":{"id":"` + string(versionID) + `","name":"v"},"job":{"id":"` + string(jobID) + `","status":"succeeded","status_code":3,"cost":0.5,"output":{"total":12.5},"outputs":[],"metadata":{}}}`

// event returns a signed request.
func event(body string, at time.Time, secret []byte) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/hook", strings.NewReader(body))
	r.Header.Set("webhook-id", string(sentID))
	r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	sign(r.Header, secret, body)
	return r
}

func TestTheHandlerTakesEvents(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	key := []byte("key of the test")
	var got *steward.Event
	var fails error
	var log bytes.Buffer
	h, err := client.WebhookHandler([]string{string(key)}, func(_ context.Context, e *steward.Event) error { got = e; return fails }, &client.WebhookHandlerOptions{
		Now: func() time.Time { return now }, MaxBytes: 2000, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	serve := func(r *http.Request) *httptest.ResponseRecorder {
		got = nil
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	if w := serve(event(jobEvent, now, key)); w.Code != 204 || got == nil || got.Type != steward.EventJobCompleted || got.Job.ID != jobID || string(got.Job.Output) != `{"total":12.5}` || got.Agent.Name != "a" {
		t.Errorf("%d, %+v", w.Code, got)
	}
	if w := serve(event(`{"id":"1","event":"batch_completed","batch":{"id":"`+string(batchID)+`","counts":{"success":2}}}`, now, key)); w.Code != 204 || got.Batch.ID != batchID || got.Batch.Counts.Success != 2 {
		t.Errorf("%d, %+v", w.Code, got)
	}
	if w := serve(event(`{"id":"1","event":"something_new"}`, now, key)); w.Code != 204 || got.Type != "something_new" {
		t.Errorf("%d, %+v", w.Code, got)
	}
	for name, tt := range map[string]struct {
		request *http.Request
		status  int
	}{
		"a get":              {httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/hook", nil), 405},
		"no signature":       {httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hook", strings.NewReader(jobEvent)), 401},
		"another's":          {event(jobEvent, now, []byte("stranger")), 401},
		"an old one":         {event(jobEvent, now.Add(-time.Hour), key), 401},
		"too long":           {event(`{"x":"`+strings.Repeat("x", 2000)+`"}`, now, key), 413},
		"no event":           {event(`[]`, now, key), 400},
		"a body that breaks": {httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hook", failing{}), 400},
	} {
		log.Reset()
		if w := serve(tt.request); w.Code != tt.status || got != nil || !strings.Contains(log.String(), "not taken") {
			t.Errorf("%s: %d, %+v, log %q", name, w.Code, got, log.String())
		}
	}
	fails = errors.New("the database of the receiver: password=hunter2")
	if w := serve(event(jobEvent, now, key)); w.Code != 500 || strings.Contains(w.Body.String(), "hunter2") || !strings.Contains(log.String(), "hunter2") {
		t.Errorf("%d %s, want a bare 500 and the reason in the log", w.Code, w.Body)
	}
}

func TestParseWebhookReturnsTheEvent(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := event(jobEvent, now, []byte("k"))
	e, err := client.ParseWebhook([]string{"k"}, r.Header, []byte(jobEvent), now, 0)
	if err != nil || e.ID != sentID || *e.Job.Cost != 0.5 {
		t.Errorf("ParseWebhook = %+v, %v", e, err)
	}
	if _, err := client.ParseWebhook([]string{"x"}, r.Header, []byte(jobEvent), now, 0); !errors.Is(err, client.ErrWebhookSignature) {
		t.Errorf("with another secret: %v", err)
	}
	r = event("nothing", now, []byte("k"))
	if _, err := client.ParseWebhook([]string{"k"}, r.Header, []byte("nothing"), now, 0); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("of no event: %v", err)
	}
}

// FuzzVerifyWebhook: nothing but the one signature is taken for it, whatever the headers hold.
func FuzzVerifyWebhook(f *testing.F) {
	f.Add("msg_1", "1614265330", exampleSign, []byte(exampleBody))
	f.Add("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", exampleSign+" v1,", []byte(exampleBody))
	f.Add("", "", "v1,,,", []byte(nil))
	f.Add("a.b", "-1", "v1 v1, \x00", []byte("\xff"))
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}}
		err := client.VerifyWebhook([]string{exampleSecret}, h, body, exampleTime(), 0)
		key, decodeErr := base64.StdEncoding.DecodeString(strings.TrimPrefix(exampleSecret, "whsec_"))
		if decodeErr != nil {
			t.Fatal(decodeErr)
		}
		mac := hmac.New(sha256.New, key)
		_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body) // a hash never fails
		holds := strings.Contains(signature, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		if err == nil && (!holds || id == "" || stamp == "") {
			t.Errorf("took %q %q %q %q", id, stamp, signature, body)
		}
	})
}

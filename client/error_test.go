package client_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func TestReadsErrorBodiesOfEveryShape(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body, message, field string
	}{
		{"detail", `{"detail": "Not found."}`, "Not found.", ""},
		{"error", `{"error": "taken", "existing": {"id": "1"}}`, "taken", ""},
		{"message", `{"success": false, "message": "no route"}`, "no route", ""},
		{"detail before the others", `{"message": "c", "error": "b", "detail": "a"}`, "a", ""},
		{"an empty detail gives way", `{"detail": "", "error": "b"}`, "b", ""},
		{"detail as a list", `{"detail": ["a", "b"]}`, "a; b", ""},
		{"one field with a list", `{"name": ["This field may not be blank."]}`, "name: This field may not be blank.", "name"},
		{"one field with two complaints", `{"name": ["Too long.", "Not unique."]}`, "name: Too long.; Not unique.", "name"},
		{"one field with a text", `{"organization_id": "Must be a UUID."}`, "organization_id: Must be a UUID.", "organization_id"},
		{"fields in their order", `{"zeta": ["a"], "alpha": "b"}`, "zeta: a; alpha: b", ""},
		{"the whole body", `{"non_field_errors": ["Not JSON."]}`, "Not JSON.", ""},
		{"a bare list", `["Missing input key document"]`, "Missing input key document", ""},
		{"a bare list of two", `["a", "b"]`, "a; b", ""},
		{"a bare text", `"gone fishing"`, "gone fishing", ""},
		{"detail beside a list", `{"detail": "Partly done.", "failed_collections": ["a"]}`, "Partly done.", ""},
		{"values that are no texts", `{"count": 3, "list": [1, 2]}`, "Teapot", ""},
		{"null", `null`, "Teapot", ""},
		{"nothing", ``, "Teapot", ""},
		{"plain text", "  upstream is down \n", "upstream is down", ""},
		{"a page, its beginning", "<html>" + strings.Repeat("é", 400), "<html>" + strings.Repeat("é", 97), ""},
		{"JSON that breaks off", `{"detail": "Not fo`, `{"detail": "Not fo`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(status(http.StatusTeapot, tt.body, "X-Request-Id", "req-1"))
			err := get(t.Context(), newTo(t, s, client.Options{}))
			var e *client.Error
			if !errors.As(err, &e) {
				t.Fatalf("err = %v, want a *client.Error", err)
			}
			if want := strings.ReplaceAll(tt.message, "Teapot", "I'm a teapot"); e.Message != want {
				t.Errorf("Message = %q, want %q", e.Message, want)
			}
			if e.Field != tt.field || e.RequestID != "req-1" || e.StatusCode != http.StatusTeapot || string(e.Body) != tt.body {
				t.Errorf("error = %+v", e)
			}
			if want := "GET /v1/agents/" + someID + "/: 418: " + e.Message; err.Error() != want {
				t.Errorf("Error() = %q, want %q", err, want)
			}
		})
	}
}

func TestErrorsSpeakTheWordsOfTheRootPackage(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]steward.Code{
		400: steward.Invalid, 401: steward.Unauthenticated, 402: steward.NoCredit, 403: steward.Denied, 404: steward.NotFound,
		405: steward.Unsupported, 408: steward.Timeout, 409: steward.Conflict, 413: steward.TooLarge, 415: steward.Unsupported,
		416: steward.OutOfRange, 422: steward.Invalid, 429: steward.RateLimited, 500: steward.Internal, 501: steward.Unsupported,
		502: steward.Unavailable, 503: steward.Unavailable, 504: steward.Timeout,
	} {
		s := newScript(status(code, `{"name": ["Taken."]}`, "Retry-After", "3"))
		err := get(t.Context(), newTo(t, s, client.Options{MaxRetries: -1}))
		var e *steward.Error
		if !errors.As(err, &e) || e.Code != want || steward.CodeOf(err) != want {
			t.Errorf("%d: %v has the code %s, want %s", code, err, steward.CodeOf(err), want)
			continue
		}
		if e.Field != "name" || e.Message != "Taken." || e.RetryAfter != 3*time.Second {
			t.Errorf("%d: %+v", code, e)
		}
	}
}

func TestAFailedRunTellsItsFailure(t *testing.T) {
	t.Parallel()
	s := newScript(status(422, `{"detail":"The model refused.","failure_code":"model_refused","job_id":"`+someID+`"}`))
	err := runSync(t.Context(), newTo(t, s, client.Options{}))
	var e *client.Error
	if !errors.As(err, &e) || e.FailureCode != steward.FailModelRefused || e.JobID != someID {
		t.Fatalf("err = %+v, want the failure and the job", e)
	}
	if f := steward.FailureOf(err); f.Code != steward.FailModelRefused || f.Message != "The model refused." {
		t.Errorf("FailureOf = %+v", f)
	}
}

func FuzzErrorBody(f *testing.F) {
	for _, seed := range []string{
		`{"detail":"x"}`, `["a"]`, `{"a":["b"],"c":"d"}`, `{"a":{"b":1}}`, `null`, `{`, "\xff\xfe", `{"failure_code":1,"job_id":[]}`, `{"a":"b"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newScript(status(http.StatusBadRequest, string(body)))
		err := get(t.Context(), newVia(t, s, client.Options{}))
		var e *client.Error
		if !errors.As(err, &e) {
			t.Fatalf("err = %v", err)
		}
		if e.Message == "" && !strings.Contains(string(body), `"`) {
			t.Errorf("%q: no message", body)
		}
		if !utf8.ValidString(e.Message) || steward.CodeOf(err) != steward.Invalid {
			t.Errorf("%q: message %q", body, e.Message)
		}
	})
}

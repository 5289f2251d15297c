package provider_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

func TestAPaidAnswerThatCannotBeUsedIsCounted(t *testing.T) {
	t.Parallel()
	e := entry(t, "gpt-4.1-2025-04-14")
	counted := `"usage":{"prompt_tokens":120,"completion_tokens":30,"total_tokens":150}`
	for _, test := range []struct {
		name    string
		answer  answer
		in, out int64 // -1 means an estimate above 0
	}{
		{"no choices", answer{body: `{"id":"c","object":"chat.completion","choices":[],` + counted + `}`}, 120, 30},
		{"no JSON", answer{body: `<html>` + strings.Repeat("a gateway's page ", 20)}, -1, -1},
		{"too long", answer{body: chat(strings.Repeat("x", 5<<20), "stop")}, 120, 30},
		{"a refusal of the server", answer{status: http.StatusBadGateway, body: `{}`}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := dial(t, model.KindOpenAI, e, serve(t, test.answer).URL+"/v1").Generate(t.Context(), invoiceRequest())
			if err == nil {
				t.Fatal("it was taken for an answer")
			}
			checkUsed(t, steward.FailureOf(err).Usage, test.in, test.out)
		})
	}
}

func checkUsed(t *testing.T, u *steward.Usage, in, out int64) {
	t.Helper()
	switch {
	case in == 0:
		if u != nil {
			t.Errorf("used %+v, want nothing", u)
		}
	case u == nil:
		t.Error("nothing is counted")
	case in > 0 && (u.InputTokens != in || u.OutputTokens != out), in < 0 && (u.InputTokens <= 0 || u.OutputTokens <= 0):
		t.Errorf("used %+v, want %d and %d", u, in, out)
	}
}

func TestAnAnswerThatBreaksOffIsCounted(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write([]byte(`{"id":"chatcmpl-1","choices":[{"message":{"content":"the beginning`)) // the client sees the fault
	}))
	t.Cleanup(s.Close)
	_, err := dial(t, model.KindOpenAI, entry(t, "gpt-4.1-2025-04-14"), s.URL+"/v1").Generate(t.Context(), invoiceRequest())
	f := steward.FailureOf(err)
	if !f.Transient {
		t.Errorf("got %v", err)
	}
	checkUsed(t, f.Usage, -1, -1)
}

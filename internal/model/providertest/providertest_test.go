package providertest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/model/providertest"
)

func post(t *testing.T, url, body string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Header
}

func TestAScriptIsGivenInOrderAndItsLastReplyAgain(t *testing.T) {
	t.Parallel()
	s := providertest.New(t, providertest.OpenAI,
		providertest.Reply{Fault: providertest.RateLimited, Header: map[string]string{"Retry-After": "7"}},
		providertest.Reply{Text: "first", Limits: &providertest.Limits{Requests: 3, Reset: time.Minute}},
		providertest.Reply{Func: func(r providertest.Request) providertest.Reply {
			return providertest.Reply{Text: "to " + r.PromptText()}
		}})
	status, _, header := post(t, s.URL, `{"messages":[]}`)
	if status != http.StatusTooManyRequests || header.Get("Retry-After") != "7" {
		t.Errorf("got %d, %v", status, header)
	}
	if _, body, header := post(t, s.URL, `{}`); !strings.Contains(body, "first") || header.Get("X-Ratelimit-Reset-Requests") != "1m0s" {
		t.Errorf("got %s, %v", body, header)
	}
	for range 2 {
		if _, body, _ := post(t, s.URL, `{"messages":[{"role":"user","content":"you"}]}`); !strings.Contains(body, "to you") {
			t.Errorf("got %s", body)
		}
	}
	if s.Count() != 4 || s.Open() != 0 || len(s.Requests()) != 4 {
		t.Errorf("%d requests, %d open", s.Count(), s.Open())
	}
}

func TestAReplyWaitsUntilItIsLetGo(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	s := providertest.New(t, providertest.Anthropic, providertest.Reply{Text: "late", Until: gate})
	done := make(chan string)
	go func() {
		resp, err := http.Post(s.URL, "application/json", strings.NewReader(`{}`))
		if err != nil {
			done <- err.Error()
			return
		}
		data, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close() // it was read
		if err != nil {
			done <- err.Error()
			return
		}
		done <- string(data)
	}()
	if !s.Await(1, time.Minute) {
		t.Fatal("no request came")
	}
	close(gate)
	if got := <-done; !strings.Contains(got, "late") {
		t.Errorf("got %s", got)
	}
}

func TestEveryFaultHasAnErrorsStatusOnEveryWire(t *testing.T) {
	t.Parallel()
	for _, w := range providertest.Wires() {
		for _, fault := range providertest.Faults() {
			status, _, body := w.Render(providertest.Reply{Fault: fault}, false)
			if status < 400 || len(body) == 0 {
				t.Errorf("%s, %s: got %d %s", w, fault, status, body)
			}
		}
	}
}

func TestAStreamEndsAsItsWireDoes(t *testing.T) {
	t.Parallel()
	ends := map[providertest.Wire]string{
		providertest.OpenAI: "data: [DONE]", providertest.Responses: "response.completed", providertest.Anthropic: "message_stop",
		providertest.Google: "STOP",
	}
	for w, end := range ends {
		_, kind, body := w.Render(providertest.Reply{Text: "Ünïcödé text"}, true)
		events := strings.Split(strings.TrimSpace(string(body)), "\n\n")
		if kind != "text/event-stream" || !strings.Contains(events[len(events)-1], end) {
			t.Errorf("%s: got %s ending with %s", w, kind, events[len(events)-1])
		}
	}
}

package model_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/model"
)

func TestDetectionFindsModelServersAndLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/models" {
				http.NotFound(w, r)
				return
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body)) // the client may have gone
		}))
		t.Cleanup(s.Close)
		return s.URL + "/v1"
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(hanging.Close)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://192.0.2.1/v1/models", http.StatusFound)
	}))
	t.Cleanup(elsewhere.Close)

	start := time.Now()
	found := model.Detect(t.Context(), map[string]string{
		"ollama":  answer(200, `{"object":"list","data":[{"id":"qwen3:8b","object":"model"},{"id":"gemma3:270m"},{"id":""},{"id":"bad\u0007name"}]}`),
		"website": answer(200, `<html>hello</html>`),
		"other":   answer(200, `{"data":[{"id":"x"}]}`),
		"locked":  answer(401, `{"object":"list","data":[{"id":"x"}]}`),
		"empty":   answer(200, `{"object":"list","data":[]}`),
		"endless": answer(200, `{"object":"list","data":[{"id":"x"},{"id":"`+strings.Repeat("y", 2<<20)+`"}]}`),
		"gone":    gone.URL + "/v1", "hanging": hanging.URL + "/v1", "elsewhere": elsewhere.URL + "/v1",
	})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("detection took %s", took)
	}
	if names := slices.Sorted(maps.Keys(found)); !slices.Equal(names, []string{"ollama"}) {
		t.Fatalf("found %v, want ollama alone", names)
	}
	p := found["ollama"]
	if p.Kind != model.KindOpenAICompat || !p.Free || !slices.Equal(p.Models, []string{"qwen3:8b", "gemma3:270m"}) {
		t.Errorf("got %+v", p)
	}
	if _, err := model.NewRegistry(model.Config{Providers: found, Builtin: &failing{}, Dial: dialed(new(atomic.Int64))}); err != nil {
		t.Errorf("the registry does not take what was found: %v", err)
	}
}

// Package providertest has servers that speak the wire of each model provider, as scripted: answers whole and streamed, structured
// output, tool calls, refusals, usage, rate limits, errors in each provider's own words, and every kind of misbehaviour.
//
//	s := providertest.New(t, providertest.Anthropic, providertest.Reply{Fault: providertest.RateLimited}, providertest.Reply{Text: `{"a":1}`})
//	m, err := provider.Dialer(nil)(s.Name(), s.Config(), s.Entry())
//	…
//	for _, r := range s.Requests() { … }
//
// The replies are given in order, the last one again and again. A server is safe for concurrent use.
package providertest

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/model"
)

// Key is the credential that the servers' configurations carry. It must be seen by the server and nowhere else.
const Key = "sk-test-5f3c9a7b1d2e4f60"

// maxBody bounds what a server reads of one request.
const maxBody = 256 << 20

// Wire names what a server speaks.
type Wire string

// The wires.
const (
	OpenAI     Wire = "openai"    // chat completions
	Responses  Wire = "responses" // OpenAI's newer API
	Anthropic  Wire = "anthropic"
	Google     Wire = "google"
	Azure      Wire = "azure"
	Bedrock    Wire = "bedrock"
	OpenRouter Wire = "openrouter"
	XAI        Wire = "xai"
	Compatible Wire = "compatible" // llama.cpp, vLLM, Ollama
)

// Wires lists every wire.
func Wires() []Wire {
	return []Wire{OpenAI, Responses, Anthropic, Google, Azure, Bedrock, OpenRouter, XAI, Compatible}
}

// Request is a request as a server saw it.
type Request struct {
	Came     time.Time
	Path     string
	Header   http.Header
	Text     string         // the body
	Body     map[string]any // the body, decoded
	Streamed bool           // the answer was asked for as a stream
}

// Server is a provider's server. Its methods are safe for concurrent use.
type Server struct {
	*httptest.Server
	wire Wire

	mu       sync.Mutex
	script   []Reply
	requests []Request
	open     int           // requests that are not answered yet
	changed  chan struct{} // closed when requests or open change
	closing  chan struct{}
	once     sync.Once
}

// New starts a server for a test; it is closed when the test ends.
func New(t testing.TB, w Wire, script ...Reply) *Server {
	t.Helper()
	s := Start(w, script...)
	t.Cleanup(s.Close)
	return s
}

// Start starts a server, which the caller closes. Without a script it answers "{}".
func Start(w Wire, script ...Reply) *Server {
	if len(script) == 0 {
		script = []Reply{{Text: "{}"}}
	}
	s := &Server{wire: w, script: script, changed: make(chan struct{}), closing: make(chan struct{})}
	s.Server = httptest.NewUnstartedServer(s)
	s.Server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // clients go away on purpose
	s.Start()
	return s
}

// Close ends what hangs and stops the server.
func (s *Server) Close() {
	s.once.Do(func() { close(s.closing) })
	s.CloseClientConnections()
	s.Server.Close()
}

// Wire is what the server speaks.
func (s *Server) Wire() Wire { return s.wire }

// Name is the name that a configuration gives the provider.
func (s *Server) Name() string { return s.wire.Name() }

// Config is the configuration by which the server is reached.
func (s *Server) Config() model.ProviderConfig { return s.wire.Config(s.URL) }

// Entry describes the model that the server has: one with every feature, for 1, 0.1 and 4 dollars a million tokens.
func (s *Server) Entry() model.Entry { return s.wire.Entry() }

// Name is the name that a configuration gives such a provider.
func (w Wire) Name() string {
	if w == Responses {
		return string(OpenAI)
	}
	return string(w)
}

// Config is the configuration of such a provider at a URL, which has no path.
func (w Wire) Config(url string) model.ProviderConfig {
	p := model.ProviderConfig{Kind: w.Kind(), APIKey: Key, BaseURL: url}
	switch w {
	case OpenAI, Responses, XAI, Compatible:
		p.BaseURL += "/v1"
	case OpenRouter:
		p.BaseURL += "/api/v1"
	case Bedrock:
		p.Region = "eu-central-1"
	}
	return p
}

// Kind is the provider's kind.
func (w Wire) Kind() model.Kind {
	switch w {
	case Responses:
		return model.KindOpenAI
	case Compatible:
		return model.KindOpenAICompat
	}
	return model.Kind(w)
}

// Entry describes a model of such a provider: one with every feature, for 1, 0.1 and 4 dollars a million tokens.
func (w Wire) Entry() model.Entry {
	dollar, tenth, four := 1.0, 0.1, 4.0
	id := modelID(w)
	return model.Entry{
		ID: id, Providers: []string{w.Name()}, ProviderIDs: map[string]string{w.Name(): id},
		Capabilities: []string{"text", "image"}, ContextWindow: 128000, MaxOutputTokens: 16000,
		SupportsSystemMessage: true, SupportsTemperature: true, SupportsReasoningEffort: true, SupportsJSONOutput: true,
		SupportsJSONSchema: true, ResponsesAPI: w == Responses,
		Price: &model.Price{Input: &dollar, Cached: &tenth, Output: &four},
	}
}

func modelID(w Wire) string {
	switch w {
	case Anthropic:
		return "claude-opus-4-6"
	case Bedrock:
		return "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
	case Google:
		return "gemini-3-flash-preview"
	case XAI:
		return "grok-4"
	case Compatible:
		return "qwen3:8b"
	}
	return "gpt-4.1-2025-04-14"
}

// Requests lists the requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Count is how many requests came.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// Open is how many requests are not answered yet.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// Last returns the newest request.
func (s *Server) Last(t testing.TB) Request {
	t.Helper()
	all := s.Requests()
	if len(all) == 0 {
		t.Fatal("the server was not called")
	}
	return all[len(all)-1]
}

// Await returns when n requests are waiting for their answers, or after a time when they are not. It reports which.
func (s *Server) Await(n int, patience time.Duration) bool {
	limit := time.After(patience)
	for {
		s.mu.Lock()
		open, changed := s.open, s.changed
		s.mu.Unlock()
		if open >= n {
			return true
		}
		select {
		case <-changed:
		case <-limit:
			return false
		}
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the client went away
	}
	req := Request{Came: time.Now(), Path: r.URL.Path, Header: r.Header, Text: string(data)}
	if err := json.Unmarshal(data, &req.Body); err != nil {
		http.Error(w, "the body is no JSON object: "+err.Error(), http.StatusTeapot)
		return
	}
	req.Streamed = req.Body["stream"] == true || strings.Contains(req.Path, "stream")
	reply := s.take(req)
	defer s.leave()
	if reply.Func != nil {
		reply = reply.Func(req)
	}
	if reply.Until != nil {
		select {
		case <-reply.Until:
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		}
	}
	s.answer(w, r, req, reply)
}

// take notes a request and returns its reply.
func (s *Server) take(req Request) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := s.script[min(len(s.requests), len(s.script)-1)]
	s.requests = append(s.requests, req)
	s.open++
	s.tell()
	return reply
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.tell()
}

func (s *Server) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

package provider_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/provider"
	"github.com/stewardhq/steward/internal/model/providertest"
)

// modes lists how structured output was asked for in each request.
func modes(s *providertest.Server) []string {
	var out []string
	for _, r := range s.Requests() {
		kind := "prompt"
		for _, path := range [][]string{{"response_format", "type"}, {"text", "format", "type"}, {"output_config", "format", "type"}} {
			if got, ok := r.At(path...).(string); ok {
				kind = got
			}
		}
		switch {
		case r.At("generationConfig", "responseJsonSchema") != nil:
			kind = "json_schema"
		case r.At("generationConfig", "responseMimeType") != nil:
			kind = "json_object"
		case r.At("response_format", "schema") != nil:
			kind = "object_schema"
		}
		out = append(out, kind)
	}
	return out
}

// refuser refuses modes and answers the others.
func refuser(refuses func(r providertest.Request) bool) providertest.Reply {
	return providertest.Reply{Func: func(r providertest.Request) providertest.Reply {
		if refuses(r) {
			return providertest.Reply{Fault: providertest.RefusedFormat}
		}
		return providertest.Reply{Text: strictAnswer}
	}}
}

func TestAModeThatIsRefusedIsLeftAndRemembered(t *testing.T) {
	t.Parallel()
	want := map[providertest.Wire][]string{
		providertest.Anthropic:  {"json_schema", "prompt", "prompt", "json_schema"},
		providertest.Bedrock:    {"json_schema", "prompt", "prompt", "json_schema"},
		providertest.Compatible: {"json_schema", "object_schema", "object_schema", "json_schema"},
	}
	for _, w := range providertest.Wires() {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t, w, refuser(func(r providertest.Request) bool {
				return r.Schema() != nil && r.At("response_format", "schema") == nil
			}))
			time0 := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			o := patient()
			o.Now = time0.Now
			m := connect(t, s, o)
			for i := range 3 {
				if i == 2 {
					time0.Advance(2 * time.Hour) // servers are updated
				}
				resp, err := m.Generate(t.Context(), invoiceRequest())
				if err != nil {
					t.Fatal(err)
				}
				sameJSON(t, resp.Value, map[bool]string{true: wantValue, false: strictAnswer}[w == providertest.Compatible])
			}
			expected := want[w]
			if expected == nil {
				expected = []string{"json_schema", "json_object", "json_object", "json_schema"}
			}
			if got := modes(s); !reflect.DeepEqual(got[:4], expected) {
				t.Errorf("got %v, want %v", got, expected)
			}
			if last := s.Requests()[1]; !strings.Contains(last.PromptText(), "must match this JSON Schema") {
				t.Error("the weaker mode has no schema in its prompt")
			}
		})
	}
}

func TestASchemaThatIsRefusedIsRememberedAlone(t *testing.T) {
	t.Parallel()
	complaint := `{"error":{"message":"Invalid schema for response_format 'answer': too deep","type":"invalid_request_error","param":"response_format","code":null}}`
	s := serve(t, answer{status: 400, body: complaint}, answer{body: chat(strictAnswer, "stop")})
	m := dial(t, model.KindOpenAI, entry(t, "gpt-4.1"), s.URL)
	other := invoiceRequest()
	other.Schema = json.RawMessage(`{"type":"object","required":["number"],"properties":{"number":{"type":"string"}}}`)
	for _, req := range []*model.Request{invoiceRequest(), invoiceRequest(), other} {
		if _, err := m.Generate(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	var got []any
	for _, c := range s.seen() {
		got = append(got, c.at("response_format", "type"))
	}
	if want := []any{"json_schema", "json_object", "json_object", "json_schema"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestThoughtsAreNoAnswer(t *testing.T) {
	t.Parallel()
	const answer = `{"number":"4711","total":12.50,"buyer":null}`
	tests := map[string]struct {
		text string
		want string
	}{
		"tags":                    {"<think>The number is {\"number\":\"1\",\"total\":1}?</think>\n" + answer, wantValue},
		"an end without a start":  {"Maybe {\"number\":\"1\",\"total\":1}\n</think>" + answer, wantValue},
		"a tag within the answer": {`{"number":"</think>","total":12.50,"buyer":null}`, `{"number":"</think>","total":12.50,"buyer":null}`},
		"thoughts without an end": {"<think>{\"number\":\"1\",\"total\":1}", `""`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t, providertest.Compatible, providertest.Reply{Text: test.text})
			resp, err := connect(t, s, patient()).Generate(t.Context(), invoiceRequest())
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, resp.Value, test.want)
		})
	}
}

func TestWrongUsageNeverCostsTooMuchOrLessThanNothing(t *testing.T) {
	t.Parallel()
	usages := []string{
		`null`, `{}`, `"many"`, `[]`,
		`{"prompt_tokens":-5,"completion_tokens":-7,"total_tokens":-12,"input_tokens":-5,"output_tokens":-7}`,
		`{"prompt_tokens":9000000000000,"completion_tokens":9000000000000,"input_tokens":9000000000000,"output_tokens":9000000000000}`,
		`{"prompt_tokens":120,"completion_tokens":30,"prompt_tokens_details":{"cached_tokens":99999999}}`,
		`{"input_tokens":100,"output_tokens":30,"cache_read_input_tokens":9999999999,"cache_creation_input_tokens":-4}`,
		`{"promptTokenCount":-1,"candidatesTokenCount":2147483647,"thoughtsTokenCount":2147483647,"totalTokenCount":5,"cachedContentTokenCount":2147483647}`,
		`{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807,"total_tokens":1,"prompt_tokens_details":{"cached_tokens":-9223372036854775807}}`,
	}
	everyWire(t, func(t *testing.T, w providertest.Wire, o provider.Options) {
		for _, usage := range usages {
			s := providertest.New(t, w, providertest.Reply{Text: strictAnswer, RawUsage: json.RawMessage(usage)})
			e := s.Entry()
			resp, err := model.WithPrice(connect(t, s, o), e).Generate(t.Context(), invoiceRequest())
			if err != nil {
				if f := steward.FailureOf(err); f.Code != steward.FailProviderError || !f.Transient {
					t.Errorf("%s: got %v", usage, err)
				}
				continue
			}
			u := resp.Usage
			if u.InputTokens < 0 || u.OutputTokens < 0 || u.CachedTokens < 0 || u.CachedTokens > u.InputTokens || u.ReasoningTokens > u.OutputTokens {
				t.Errorf("%s: got %+v", usage, u)
			}
			if *u.Cost <= 0 || *u.Cost > 100_000 { // 16,000 tokens out cost 64,000
				t.Errorf("%s: it costs %d micro-dollars", usage, *u.Cost)
			}
			if plausible := u.InputTokens == 100 && u.OutputTokens == 30; len(resp.Warnings) != 1 && !plausible {
				t.Errorf("%s: got %+v, warnings %q", usage, u, resp.Warnings)
			}
		}
	})
}

func TestWritesIntoTheCacheHaveTheirOwnPrice(t *testing.T) {
	t.Parallel()
	s := providertest.New(t, providertest.Anthropic, providertest.Reply{Text: strictAnswer, Usage: providertest.Usage{Input: 1000, Cached: 200, CacheWrite: 300, Output: 30}})
	e := s.Entry()
	write := 1.25
	e.Price.CacheWrite = &write
	resp, err := model.WithPrice(connect(t, s, patient()), e).Generate(t.Context(), invoiceRequest())
	if err != nil {
		t.Fatal(err)
	}
	if u := resp.Usage; u.InputTokens != 1000 || u.CacheWriteTokens != 300 || *u.Cost != 500+20+375+120 {
		t.Errorf("got %+v, cost %d", u, *u.Cost)
	}
}

func TestAPromptThatIsAskedAboutAgainIsKept(t *testing.T) {
	t.Parallel()
	long := func() *model.Request {
		req := invoiceRequest()
		req.Documents[0].Pages[0].Text = strings.Repeat("Invoice 4711. ", 500)
		return req
	}
	for _, w := range []providertest.Wire{providertest.Anthropic, providertest.Bedrock} {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t, w, providertest.Reply{Text: strictAnswer})
			now := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			o := patient()
			o.Now = now.Now
			m := connect(t, s, o)
			for i := range 4 {
				req := long()
				if i == 1 {
					req.Instruction = "Read it again."
				}
				if i == 3 {
					now.Advance(time.Hour)
				}
				if _, err := m.Generate(t.Context(), req); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := m.Generate(t.Context(), invoiceRequest()); err != nil { // too short
				t.Fatal(err)
			}
			var got []bool
			for _, r := range s.Requests() {
				kept := false
				for _, p := range r.Prompt() {
					if p.Cached && !strings.Contains(p.Text, "end file 1") {
						t.Errorf("the mark stands at %q", p.Text)
					}
					kept = kept || p.Cached
				}
				got = append(got, kept)
			}
			if want := []bool{false, true, true, false, false}; !reflect.DeepEqual(got, want) {
				t.Errorf("kept: got %v, want %v", got, want)
			}
		})
	}
	for _, w := range []providertest.Wire{providertest.OpenAI, providertest.Responses, providertest.Azure} {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t, w, providertest.Reply{Text: strictAnswer})
			m := connect(t, s, patient())
			req := long()
			other := long()
			other.Documents[0].Pages[1].Text = "Total 13.50"
			again := long()
			again.Instruction = "Read it again."
			for _, r := range []*model.Request{req, other, again} {
				if _, err := m.Generate(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			all := s.Requests()
			first, second, third := all[0].Body["prompt_cache_key"], all[1].Body["prompt_cache_key"], all[2].Body["prompt_cache_key"]
			if first == nil || first == second || first != third {
				t.Errorf("keys: got %v, %v, %v; want the first and the third alike", first, second, third)
			}
		})
	}
}

func TestAServerThatDoesNotKnowTheCacheKeyIsAskedWithout(t *testing.T) {
	t.Parallel()
	unknown := `{"error":{"message":"Unrecognized request argument supplied: prompt_cache_key","type":"invalid_request_error","param":null,"code":null}}`
	s := serve(t, answer{status: 400, body: unknown}, answer{body: chat(strictAnswer, "stop")})
	m := dial(t, model.KindOpenAI, entry(t, "gpt-4.1"), s.URL)
	req := invoiceRequest()
	req.Documents[0].Pages[0].Text = strings.Repeat("Invoice 4711. ", 500)
	for range 2 {
		if _, err := m.Generate(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	var keys []bool
	for _, c := range s.seen() {
		keys = append(keys, c.body["prompt_cache_key"] != nil)
	}
	if want := []bool{true, false, false}; !reflect.DeepEqual(keys, want) {
		t.Errorf("keys sent: got %v, want %v", keys, want)
	}
}

// hearer keeps what it is told about limits.
type hearer struct {
	mu    sync.Mutex
	heard []model.RateInfo
}

// ObserveRate implements model.RateObserver.
func (h *hearer) ObserveRate(info model.RateInfo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard = append(h.heard, info)
}

func TestRateLimitsAreHeardOnEveryWire(t *testing.T) {
	t.Parallel()
	limits := &providertest.Limits{Requests: 60, RequestsLeft: 59, Tokens: 150000, TokensLeft: 149000, Reset: 90 * time.Second}
	for _, w := range providertest.Wires() {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t, w, providertest.Reply{Text: strictAnswer, Limits: limits},
				providertest.Reply{Fault: providertest.RateLimited, Header: map[string]string{"Retry-After": "3"}})
			h := &hearer{}
			p := s.Config()
			p.Rates = h
			m := connectAs(t, s, patient(), p, s.Entry())
			for range 2 {
				_, err := m.Generate(t.Context(), invoiceRequest())
				if f := steward.FailureOf(err); err != nil && f.RetryAfter != 3*time.Second {
					t.Errorf("got %v", err)
				}
			}
			if w == providertest.Google || w == providertest.Bedrock { // these tell nothing on success
				if len(h.heard) != 1 || !h.heard[0].Limited || h.heard[0].RetryAfter != 3*time.Second || h.heard[0].RequestsLimit != -1 {
					t.Errorf("got %+v", h.heard)
				}
				return
			}
			if len(h.heard) != 2 {
				t.Fatalf("heard %+v", h.heard)
			}
			got := h.heard[0]
			if got.Model != s.Entry().ID || got.RequestsLimit != 60 || got.RequestsLeft != 59 || got.Limited {
				t.Errorf("got %+v", got)
			}
			if wait := time.Until(got.RequestsReset); wait < 60*time.Second || wait > 91*time.Second {
				t.Errorf("requests are whole again in %s", wait)
			}
			if w != providertest.OpenRouter && (got.TokensLimit != 150000 || got.TokensLeft != 149000 || got.TokensReset.IsZero()) {
				t.Errorf("tokens: got %+v", got)
			}
			if !h.heard[1].Limited || h.heard[1].RetryAfter != 3*time.Second {
				t.Errorf("the refusal: got %+v", h.heard[1])
			}
		})
	}
}

func TestLimitsAreReadInEveryFormAndNonsenseIsNot(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := map[string]struct {
		reset string
		want  time.Time
	}{
		"minutes and seconds": {"6m0s", now.Add(6 * time.Minute)},
		"milliseconds":        {"20ms", now.Add(20 * time.Millisecond)},
		"a time":              {"2026-01-02T03:05:05Z", now.Add(time.Minute)},
		"seconds":             {"12", now.Add(12 * time.Second)},
		"the epoch":           {"1767323105", now.Add(time.Minute)},
		"the epoch in ms":     {"1767323105000", now.Add(time.Minute)},
		"the past":            {"2020-01-01T00:00:00Z", now},
		"a century":           {"2126-01-01T00:00:00Z", now.Add(31 * 24 * time.Hour)},
		"a negative duration": {"-5s", now},
		"text":                {"soon", time.Time{}},
		"not a number":        {"NaN", time.Time{}},
		"nothing":             {"", time.Time{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &hearer{}
			base := roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{"X-Ratelimit-Limit-Requests": {"10"}, "X-Ratelimit-Remaining-Requests": {"-3"},
					"X-Ratelimit-Reset-Requests": {test.reset}}, Body: http.NoBody}, nil
			})
			m, err := provider.DialerWith(provider.Options{Base: base, Now: func() time.Time { return now }})("acme",
				model.ProviderConfig{Kind: model.KindXAI, APIKey: secret, Rates: h}, entry(t, "gpt-4.1"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Generate(t.Context(), invoiceRequest()); err == nil {
				t.Fatal("an empty answer was taken for one")
			}
			if len(h.heard) != 1 || h.heard[0].RequestsLimit != 10 || h.heard[0].RequestsLeft != -1 || !h.heard[0].RequestsReset.Equal(test.want) {
				t.Errorf("got %+v, want a reset at %s", h.heard, test.want)
			}
		})
	}
}

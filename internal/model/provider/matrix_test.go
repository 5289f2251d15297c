package provider_test

import (
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/provider"
	"github.com/stewardhq/steward/internal/model/providertest"
)

// hasty are limits that a test of a hanging server can wait for. Those that it is not about are out of a busy machine's reach.
func hasty(c providertest.Chaos) provider.Options {
	o := patient()
	switch c {
	case providertest.HangsBefore:
		o.HeaderTimeout = 200 * time.Millisecond
	case providertest.HangsInBody:
		o.IdleTimeout = 200 * time.Millisecond
	}
	return o
}

// patient are limits that a busy machine does not reach.
func patient() provider.Options {
	return provider.Options{Timeout: time.Minute, MaxAnswerBytes: 1 << 20}
}

// connect dials a server's model.
func connect(t *testing.T, s *providertest.Server, o provider.Options) model.Model {
	t.Helper()
	return connectAs(t, s, o, s.Config(), s.Entry())
}

func connectAs(t *testing.T, s *providertest.Server, o provider.Options, p model.ProviderConfig, e model.Entry) model.Model {
	t.Helper()
	if o.Base == nil {
		base := &http.Transport{MaxResponseHeaderBytes: 256 << 10}
		t.Cleanup(base.CloseIdleConnections)
		o.Base = base
	}
	m, err := provider.DialerWith(o)(s.Name(), p, e)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// everyWire runs a test for each wire, with whole answers and with streamed ones.
func everyWire(t *testing.T, run func(t *testing.T, w providertest.Wire, o provider.Options)) {
	for _, w := range providertest.Wires() {
		for name, stream := range map[string]bool{"whole": false, "streamed": true} {
			t.Run(string(w)+"/"+name, func(t *testing.T) {
				t.Parallel()
				o := patient()
				o.Stream = stream
				run(t, w, o)
			})
		}
	}
}

func TestEveryWireAnswersWholeAndStreamed(t *testing.T) {
	t.Parallel()
	everyWire(t, func(t *testing.T, w providertest.Wire, o provider.Options) {
		s := providertest.New(t, w, providertest.Reply{Text: strictAnswer, Think: "Let me see: {\"number\":\"0\"}."})
		resp, err := connect(t, s, o).Generate(t.Context(), invoiceRequest())
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, resp.Value, wantValue)
		u := resp.Usage
		if u.InputTokens != 120 || u.CachedTokens != 20 || u.OutputTokens != 30 || len(resp.Warnings) > 0 {
			t.Errorf("got %+v, warnings %v; want 120 in, 20 of them cached, 30 out", u, resp.Warnings)
		}
		if r := s.Last(t); r.Schema() == nil || r.Streamed != o.Stream || !strings.Contains(r.PromptText(), "Total  12.50") {
			t.Errorf("got streamed %t, schema %v", r.Streamed, r.Schema())
		}
	})
}

func TestEveryWireRefusesAndCutsInItsOwnWay(t *testing.T) {
	t.Parallel()
	everyWire(t, func(t *testing.T, w providertest.Wire, o provider.Options) {
		s := providertest.New(t, w, providertest.Reply{Refusal: "I cannot help with that."}, providertest.Reply{Text: "{}", Finish: providertest.Filtered},
			providertest.Reply{Text: `{"number":"4711","total":12.5,"bu`, Finish: providertest.Length}, providertest.Reply{Tool: &providertest.Tool{Name: "search", Arguments: `{"q":"x"}`}})
		m := connect(t, s, o)
		for i, want := range []model.Finish{model.FinishRefusal, model.FinishRefusal, model.FinishLength, model.FinishStop} {
			resp, err := m.Generate(t.Context(), invoiceRequest())
			if err != nil {
				t.Fatalf("answer %d: %v", i, err)
			}
			if resp.Finish != want {
				t.Errorf("answer %d: got %q with %s, want %q", i, resp.Finish, resp.Value, want)
			}
		}
	})
}

func TestEveryWireSortsItsOwnErrors(t *testing.T) {
	t.Parallel()
	type verdict struct {
		code      steward.FailureCode
		transient bool
	}
	want := map[providertest.Fault]verdict{
		providertest.InvalidKey:     {steward.FailProviderNotConfigured, false},
		providertest.Forbidden:      {steward.FailProviderError, false},
		providertest.UnknownModel:   {steward.FailModelUnavailable, false},
		providertest.RateLimited:    {steward.FailProviderError, true},
		providertest.OutOfQuota:     {steward.FailProviderError, false},
		providertest.ContextTooLong: {steward.FailContextOverflow, false},
		providertest.FilteredPrompt: {steward.FailModelRefused, false},
		providertest.RefusedFormat:  {steward.FailProviderError, false},
		providertest.Overloaded:     {steward.FailProviderError, true},
		providertest.ServerError:    {steward.FailProviderError, true},
		providertest.BadGateway:     {steward.FailProviderError, true},
	}
	everyWire(t, func(t *testing.T, w providertest.Wire, o provider.Options) {
		for _, fault := range providertest.Faults() {
			s := providertest.New(t, w, providertest.Reply{Fault: fault})
			_, err := connect(t, s, o).Generate(t.Context(), invoiceRequest())
			got, expected := steward.FailureOf(err), want[fault]
			if w == providertest.Bedrock && fault == providertest.InvalidKey { // says the same as to a forbidden call
				expected = want[providertest.Forbidden]
			}
			if got.Code != expected.code || got.Transient != expected.transient {
				t.Errorf("%s: got %s transient=%t: %v", fault, got.Code, got.Transient, err)
			}
			if fault == providertest.RateLimited && w == providertest.Google && got.RetryAfter != 7*time.Second {
				t.Errorf("got a wait of %s, want the one in the body", got.RetryAfter)
			}
			hidesSecrets(t, err)
		}
	})
}

func TestNoMisbehaviourHangsOrCrashes(t *testing.T) {
	t.Parallel()
	// What is no answer is a failure; a wrong content type alone is forgiven where the client library forgives it.
	everyWire(t, func(t *testing.T, w providertest.Wire, o provider.Options) {
		for _, chaos := range providertest.Chaoses() {
			t.Run(string(chaos), func(t *testing.T) {
				t.Parallel()
				hurried := hasty(chaos)
				hurried.Stream = o.Stream
				s := providertest.New(t, w, providertest.Reply{Text: strictAnswer, Chaos: chaos})
				start := time.Now()
				resp, err := connect(t, s, hurried).Generate(t.Context(), invoiceRequest())
				if took := time.Since(start); took > hurried.Timeout {
					t.Errorf("it took %s", took)
				}
				hidesSecrets(t, err)
				var f *steward.Failure
				switch {
				case err == nil && chaos != providertest.WrongContentType && !harmless(resp):
					t.Errorf("got %s, %+v", resp.Value, resp.Usage)
				case err != nil && !errors.As(err, &f):
					t.Errorf("got %v, want a failure", err)
				case err != nil && strings.HasPrefix(string(chaos), "endless") && f.Transient && chaos != providertest.EndlessWhitespace:
					t.Errorf("got %v, want one for good", err)
				}
			})
		}
	})
}

// harmless reports whether an answer that came of misbehaviour is one that validation refuses.
func harmless(resp *model.Response) bool {
	schema, err := model.CompileSchema(invoiceRequest().Schema)
	return err == nil && (len(schema.Check(resp.Value, false)) > 0 || resp.Finish != model.FinishStop)
}

func TestASilentServerIsLeftInTime(t *testing.T) {
	t.Parallel()
	everyWire(t, func(t *testing.T, w providertest.Wire, o provider.Options) {
		for chaos, says := range map[providertest.Chaos]string{
			providertest.HangsBefore: "did not answer in time",
			providertest.HangsInBody: "fell silent",
		} {
			s := providertest.New(t, w, providertest.Reply{Text: strictAnswer, Chaos: chaos})
			hurried := hasty(chaos)
			hurried.Stream = o.Stream
			_, err := connect(t, s, hurried).Generate(t.Context(), invoiceRequest())
			if f := steward.FailureOf(err); !f.Transient || !strings.Contains(f.Message, says) {
				t.Errorf("%s: got %v, want a transient failure that says %q", chaos, err, says)
			}
		}
	})
}

func TestAnEndlessTrickleEndsWithTheCall(t *testing.T) {
	t.Parallel()
	o := patient()
	o.Timeout, o.MaxAnswerBytes = 300*time.Millisecond, 1<<40
	s := providertest.New(t, providertest.OpenRouter, providertest.Reply{Chaos: providertest.EndlessWhitespace})
	_, err := connect(t, s, o).Generate(t.Context(), invoiceRequest())
	if f := steward.FailureOf(err); !f.Transient || !strings.Contains(f.Message, "did not end its answer within 300ms") {
		t.Errorf("got %v", err)
	}
}

func TestEndlessAnswersStayWithinTheirBound(t *testing.T) {
	for _, chaos := range []providertest.Chaos{providertest.EndlessBytes, providertest.EndlessTokens, providertest.EndlessWhitespace, providertest.GzipBomb} {
		s := providertest.New(t, providertest.OpenAI, providertest.Reply{Text: strictAnswer, Chaos: chaos})
		o := patient()
		o.MaxAnswerBytes = 8 << 20
		m := connect(t, s, o)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := m.Generate(t.Context(), invoiceRequest())
		runtime.ReadMemStats(&after)
		if f := steward.FailureOf(err); !strings.Contains(f.Message, "too long") {
			t.Errorf("%s: got %v", chaos, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 96<<20 {
			t.Errorf("%s: %d MiB were allocated for an answer of at most 8", chaos, grown>>20)
		}
	}
}

func TestNothingIsLeftRunningAfterFaultyCalls(t *testing.T) {
	base := &http.Transport{}
	// Goroutines of closed connections end a moment later and tell nobody: wait until the count has stopped falling.
	settle := func(atMost int) int {
		base.CloseIdleConnections()
		for range 400 {
			if n := runtime.NumGoroutine(); n <= atMost {
				return n
			}
			time.Sleep(5 * time.Millisecond)
		}
		return runtime.NumGoroutine()
	}
	run := func() {
		for _, w := range []providertest.Wire{providertest.OpenAI, providertest.Anthropic, providertest.Google} {
			for _, chaos := range providertest.Chaoses() {
				s := providertest.Start(w, providertest.Reply{Text: strictAnswer, Chaos: chaos})
				o := hasty(chaos)
				o.Base = base
				_, err := connectAs(t, s, o, s.Config(), s.Entry()).Generate(t.Context(), invoiceRequest())
				hidesSecrets(t, err)
				s.Close()
			}
		}
	}
	before := runtime.NumGoroutine()
	run()
	if after := settle(before); after > before {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines before, %d after:\n%s", before, after, buf[:runtime.Stack(buf, true)])
	}
}

func TestAStormOfRateLimitsEndsWithTheLastTry(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]map[string]string{"with Retry-After": {"Retry-After-Ms": "1"}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t, providertest.OpenAI, providertest.Reply{Fault: providertest.RateLimited, Header: header})
			m := model.WithRetry(connect(t, s, patient()), model.RetryOptions{Attempts: 4, Backoff: time.Millisecond})
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if _, err := m.Generate(t.Context(), invoiceRequest()); !steward.FailureOf(err).Transient {
						t.Errorf("got %v", err)
					}
				})
			}
			wg.Wait()
			if n := s.Count(); n != 80 {
				t.Errorf("%d calls, want 20 times 4", n)
			}
		})
	}
}

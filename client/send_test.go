package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

const someID = "01890000-0000-7000-8000-000000000001"

// The calls of the three kinds: repeated after any passing fault, repeated when refused, repeated when limited.
func get(ctx context.Context, c *client.Client) error {
	_, err := c.Agent(ctx, someID)
	return err
}

func create(ctx context.Context, c *client.Client) error {
	_, err := c.CreateAgent(ctx, client.AgentCreate{Name: "a"})
	return err
}

func duplicate(ctx context.Context, c *client.Client) error {
	_, err := c.DuplicateAgent(ctx, someID)
	return err
}

func runSync(ctx context.Context, c *client.Client) error {
	_, err := c.RunSync(ctx, someID, client.RunParams{})
	return err
}

func start(ctx context.Context, c *client.Client) error {
	_, err := c.Run(ctx, someID, client.RunParams{})
	return err
}

func TestRepeatsExactlyTheCallsThatMayBeRepeated(t *testing.T) {
	t.Parallel()
	reset := broken(errors.New("connection reset by peer"))
	for _, tt := range []struct {
		name  string
		call  func(context.Context, *client.Client) error
		fault http.HandlerFunc
		tries int
	}{
		{"get after 500", get, status(500, ""), 4},
		{"get after 502", get, status(502, ""), 4},
		{"get after 503", get, status(503, ""), 4},
		{"get after 504", get, status(504, ""), 4},
		{"get after 408", get, status(408, ""), 4},
		{"get after 429", get, status(429, ""), 4},
		{"get after a broken connection", get, reset, 4},
		{"get not after 501", get, status(501, ""), 1},
		{"get not after 400", get, status(400, ""), 1},
		{"get not after 401", get, status(401, ""), 1},
		{"get not after 404", get, status(404, ""), 1},
		{"get not after a redirect", get, status(302, "", "Location", "/elsewhere"), 1},
		{"create after 429", create, status(429, ""), 4},
		{"create after 503", create, status(503, ""), 4},
		{"create after 500", create, status(500, ""), 4},
		{"create after a broken connection", create, reset, 4},
		{"create not after 400", create, status(400, ""), 1},
		{"duplicate after 429", duplicate, status(429, ""), 4},
		{"duplicate after 503", duplicate, status(503, ""), 4},
		{"duplicate not after 500", duplicate, status(500, ""), 1},
		{"duplicate not after 502", duplicate, status(502, ""), 1},
		{"duplicate not after 408", duplicate, status(408, ""), 1},
		{"duplicate not after a broken connection", duplicate, reset, 1},
		{"run after 500", start, status(500, ""), 4},
		{"run after a broken connection", start, reset, 4},
		{"run not after 402", start, status(402, ""), 1},
		{"run sync after 429", runSync, status(429, ""), 4},
		{"run sync not after 503, which may come in the middle", runSync, status(503, ""), 1},
		{"run sync not after 500", runSync, status(500, ""), 1},
		{"run sync not after 504", runSync, status(504, ""), 1},
		{"run sync not after a broken connection", runSync, reset, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newScript(tt.fault)
				if err := tt.call(t.Context(), newVia(t, s, client.Options{})); err == nil {
					t.Error("no error")
				}
				if got := len(s.all()); got != tt.tries {
					t.Errorf("tried %d times, want %d", got, tt.tries)
				}
			})
		})
	}
}

func TestACallThatWorksAtLastIsNoError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(status(503, ""), broken(io.ErrUnexpectedEOF), status(500, ""), status(200, `{"id":"`+someID+`"}`))
		a, err := newVia(t, s, client.Options{}).Agent(t.Context(), someID)
		if err != nil || a.ID != someID {
			t.Errorf("Agent = %+v, %v", a, err)
		}
	})
}

func TestMaxRetriesCountsExtraTries(t *testing.T) {
	t.Parallel()
	for retries, want := range map[int]int{-1: 1, 0: 4, 1: 2, 6: 7} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(status(500, ""))
			if err := get(t.Context(), newVia(t, s, client.Options{MaxRetries: retries})); err == nil {
				t.Error("no error")
			}
			if got := len(s.all()); got != want {
				t.Errorf("MaxRetries %d: tried %d times, want %d", retries, got, want)
			}
		})
	}
}

func TestWaitsBetweenTriesAsTheServerAsks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		status   int
		after    func(now time.Time) string
		min, max time.Duration
	}{
		{"doubling from 200 ms when it does not say", 503, func(time.Time) string { return "" }, 160 * time.Millisecond, 240 * time.Millisecond},
		{"seconds", 429, func(time.Time) string { return "7" }, 7 * time.Second, 7 * time.Second},
		{"a date", 503, func(now time.Time) string { return now.Add(9 * time.Second).UTC().Format(http.TimeFormat) }, 8 * time.Second, 9 * time.Second},
		{"a date in the past", 503, func(now time.Time) string { return now.Add(-time.Hour).UTC().Format(http.TimeFormat) }, 160 * time.Millisecond, 240 * time.Millisecond},
		{"no number", 503, func(time.Time) string { return "soon" }, 160 * time.Millisecond, 240 * time.Millisecond},
		{"negative seconds", 503, func(time.Time) string { return "-5" }, 160 * time.Millisecond, 240 * time.Millisecond},
		{"an hour, of which a minute is waited", 429, func(time.Time) string { return "3600" }, time.Minute, time.Minute},
		{"more seconds than a duration holds", 429, func(time.Time) string { return "99999999999999" }, time.Minute, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newScript(status(tt.status, "", "Retry-After", tt.after(time.Now())), status(200, "{}"))
				begun := time.Now()
				if err := get(t.Context(), newVia(t, s, client.Options{})); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took < tt.min || took > tt.max {
					t.Errorf("waited %v, want %v to %v", took, tt.min, tt.max)
				}
			})
		})
	}
}

func TestTheWaitsGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		s := newScript(func(w http.ResponseWriter, _ *http.Request) {
			at = append(at, time.Now())
			w.WriteHeader(http.StatusInternalServerError)
		})
		if err := get(t.Context(), newVia(t, s, client.Options{MaxRetries: 6})); err == nil {
			t.Error("no error")
		}
		for i, want := range []time.Duration{200, 400, 800, 1600, 2000, 2000} {
			want *= time.Millisecond
			if got := at[i+1].Sub(at[i]); got < want*8/10 || got > want*12/10 {
				t.Errorf("wait %d is %v, want %v with a fifth of jitter", i, got, want)
			}
		}
	})
}

func TestTheEndOfTheContextEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begun := time.Now()
		err := get(ctx, newVia(t, newScript(status(429, `{"detail":"slow down"}`, "Retry-After", "30")), client.Options{}))
		if took := time.Since(begun); took != time.Second {
			t.Errorf("returned after %v, want 1s", took)
		}
		if !errors.Is(err, context.Canceled) || steward.CodeOf(err) != steward.RateLimited {
			t.Errorf("err = %v, want the cancellation and what was answered before", err)
		}
	})
}

func TestDoesNotWaitForATryThatTheDeadlineForbids(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begun := time.Now()
		err := get(ctx, newVia(t, newScript(status(503, "", "Retry-After", "30")), client.Options{}))
		if steward.CodeOf(err) != steward.Unavailable || time.Since(begun) != 0 {
			t.Errorf("err = %v after %v, want unavailable at once", err, time.Since(begun))
		}
	})
}

// hang is a server that never answers.
type hang struct{ tries int }

func (h *hang) RoundTrip(r *http.Request) (*http.Response, error) {
	h.tries++
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestASilentServerIsATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hang{}
		begun := time.Now()
		err := get(t.Context(), newVia(t, h, client.Options{Timeout: 3 * time.Second, MaxRetries: 1}))
		if steward.CodeOf(err) != steward.Timeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v, want a time-out", err)
		}
		if took := time.Since(begun); h.tries != 2 || took < 6*time.Second || took > 7*time.Second {
			t.Errorf("%d tries in %v, want 2 of 3s", h.tries, took)
		}
	})
}

func TestTheCallersContextEndsACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hang{}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := get(ctx, newVia(t, h, client.Options{})); !errors.Is(err, context.Canceled) || h.tries != 1 {
			t.Errorf("err = %v after %d tries, want the cancellation after 1", err, h.tries)
		}
	})
}

func TestNobodyListening(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	c := newClient(t, client.Options{BaseURL: srv.URL, APIKey: "key", MaxRetries: -1})
	srv.Close()
	err := get(t.Context(), c)
	if steward.CodeOf(err) != steward.Unavailable {
		t.Errorf("CodeOf(%v) = %s, want unavailable", err, steward.CodeOf(err))
	}
	if text := err.Error(); strings.Count(text, "/v1/agents/") != 1 || !strings.Contains(text, "connection refused") {
		t.Errorf("message %q does not name the call once and the reason", text)
	}
}

func TestAnAnswerThatBreaksOffIsAskedForAgain(t *testing.T) {
	t.Parallel()
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"id":`) // the rest never comes
	}
	s := newScript(cut, status(200, `{"id":"`+someID+`"}`))
	a, err := newTo(t, s, client.Options{}).Agent(t.Context(), someID)
	if err != nil || a.ID != someID {
		t.Errorf("Agent = %+v, %v", a, err)
	}
}

func TestAnAnswerThatIsNoJSONIsAnError(t *testing.T) {
	t.Parallel()
	s := newScript(status(200, "<html>hello</html>"))
	if err := get(t.Context(), newTo(t, s, client.Options{})); err == nil || !strings.Contains(err.Error(), "decode answer") {
		t.Errorf("err = %v, want one about decoding", err)
	}
	if n := len(s.all()); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
}

func TestARedirectIsNotFollowedButNamed(t *testing.T) {
	t.Parallel()
	s := newScript(status(301, "", "Location", "https://elsewhere.test/v1/agents/"))
	err := create(t.Context(), newTo(t, s, client.Options{}))
	if err == nil || !strings.Contains(err.Error(), "https://elsewhere.test/v1/agents/") {
		t.Errorf("err = %v, want one that names the other address", err)
	}
	if n := len(s.all()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestEveryRequestCarriesKeyAndAgent(t *testing.T) {
	t.Parallel()
	s := newScript(status(200, "{}"))
	srv := httptest.NewServer(s)
	defer srv.Close()
	c := newClient(t, client.Options{BaseURL: srv.URL + "/", APIKey: " Bearer sk-1\n", UserAgent: "tool/2"})
	if err := get(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	r := s.all()[0]
	if got := r.header.Get("Authorization"); got != "Bearer sk-1" {
		t.Errorf("Authorization = %q", got)
	}
	if got, want := r.header.Get("User-Agent"), "tool/2 steward-go/"+client.Version; got != want {
		t.Errorf("User-Agent = %q, want %q", got, want)
	}
	if r.path != "/v1/agents/"+someID+"/" {
		t.Errorf("path = %q", r.path)
	}
}

func TestIDsCannotLeaveTheirPathSegment(t *testing.T) {
	t.Parallel()
	s := newScript(status(404, ""))
	_, err := newTo(t, s, client.Options{}).Agent(t.Context(), "../keys?x=1#y")
	if !client.IsNotFound(err) {
		t.Errorf("err = %v", err)
	}
	if got, want := s.all()[0].path, "/v1/agents/..%2Fkeys%3Fx=1%23y/"; got != want {
		t.Errorf("path = %q, want %q", got, want)
	}
}

func TestTheLoggerIsToldAboutRetriesWithoutSecrets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		s := newScript(status(503, ""), status(200, "{}"))
		if err := get(t.Context(), newVia(t, s, client.Options{Logger: logger})); err != nil {
			t.Fatal(err)
		}
		if got := log.String(); strings.Count(got, "retrying") != 1 || strings.Contains(got, "key") {
			t.Errorf("log = %q", got)
		}
	})
}

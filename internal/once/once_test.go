package once_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/once"
	"github.com/stewardhq/steward/internal/secret"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

const org = "01890000-0000-7000-8000-000000000001"

// things is what is created here: texts by their ids.
type things struct {
	mu    sync.Mutex
	texts map[string]string
	made  int

	before func() error // called before a thing is made
	after  func() error // called after it
}

// of is the create of a text.
func (w *things) of(text string) once.Create {
	return once.Create{
		Make: func(ctx context.Context) (string, []byte, error) {
			if w.before != nil {
				if err := w.before(); err != nil {
					return "", nil, err
				}
			}
			id := steward.NewIDFrom(ctx)
			w.mu.Lock()
			if _, ok := w.texts[id]; ok {
				w.mu.Unlock()
				return "", nil, errors.New("the id is taken")
			}
			w.texts[id] = text
			w.made++
			w.mu.Unlock()
			if w.after != nil {
				if err := w.after(); err != nil {
					return "", nil, err
				}
			}
			return id, []byte(text + " as " + id), nil
		},
		Find: func(_ context.Context, id string) ([]byte, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if t, ok := w.texts[id]; ok {
				return []byte(t + " as " + id), nil
			}
			return nil, &steward.Error{Code: steward.NotFound, Message: "no such text"}
		},
	}
}

// stopped is a clock that a test sets.
type stopped struct{ at time.Time }

// Now implements clock.Clock.
func (c *stopped) Now() time.Time { return c.at }

// forgetful is a store that loses answers.
type forgetful struct {
	store.Creations
	lost bool
}

// EndCreation implements store.Creations.
func (f *forgetful) EndCreation(ctx context.Context, c store.Creation) error {
	if f.lost {
		return errors.New("disk full")
	}
	return f.Creations.EndCreation(ctx, c)
}

type house struct {
	t     *testing.T
	ctx   context.Context
	store *forgetful
	clock *stopped
	svc   *once.Service
	*things
}

func open(t *testing.T) *house {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "steward.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() }) // nothing is written any more
	h := &house{t: t, store: &forgetful{Creations: st}, clock: &stopped{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, things: &things{texts: map[string]string{}}}
	h.svc = once.New(h.store, box(t), h.clock, nil)
	h.ctx = steward.WithPrincipal(t.Context(), &steward.Principal{OrganizationID: org, Scopes: []steward.Scope{steward.ScopeWrite}})
	return h
}

func box(t *testing.T) *secret.Box {
	t.Helper()
	b, err := secret.Open(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func params(key, text string) once.Params {
	return once.Params{Scope: steward.ScopeWrite, Kind: "text", Key: key, Hash: sha256.Sum256([]byte(text))}
}

func (h *house) do(key, text string) (string, bool, error) {
	answer, first, err := h.svc.Do(h.ctx, params(key, text), h.of(text))
	return string(answer), first, err
}

func (h *house) must(key, text string) (answer string, first bool) {
	h.t.Helper()
	answer, first, err := h.do(key, text)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer, first
}

func TestARepeatedCreateAnswersTheFirst(t *testing.T) {
	t.Parallel()
	h := open(t)
	first, isFirst := h.must("k", "a")
	again, isFirstAgain := h.must("k", "a")
	if first != again || !isFirst || isFirstAgain || h.made != 1 {
		t.Errorf("%q %v, then %q %v; %d made", first, isFirst, again, isFirstAgain, h.made)
	}
	if other, _ := h.must("other", "a"); other == first || h.made != 2 {
		t.Errorf("another key answers %q, %d made", other, h.made)
	}
	for id := range h.texts { // what was answered is answered, whatever became of it
		delete(h.texts, id)
	}
	if again, _ := h.must("k", "a"); again != first {
		t.Errorf("after its end: %q", again)
	}
	h.clock.at = h.clock.at.Add(once.Lasts)
	if late, isFirst := h.must("k", "b"); late == first || !isFirst {
		t.Errorf("a day later: %q, %v", late, isFirst)
	}
}

func TestAKeyMayBeRememberedForAShorterTime(t *testing.T) {
	t.Parallel()
	h := open(t)
	short := func() bool {
		p := params("k", "a")
		p.Lasts = time.Minute
		_, first, err := h.svc.Do(h.ctx, p, h.of("a"))
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	if first, again := short(), short(); !first || again {
		t.Errorf("made %t, then %t", first, again)
	}
	h.clock.at = h.clock.at.Add(time.Minute)
	if !short() {
		t.Error("answered again after its time")
	}
}

func TestWhatAKeyIsRefusedFor(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.must("k", "a")
	var e *steward.Error
	if _, _, err := h.do("k", "b"); !errors.As(err, &e) || e.Code != steward.Invalid || e.Field != steward.InputField {
		t.Errorf("other content: %v", err)
	}
	if _, _, err := h.do(strings.Repeat("k", once.MaxKey+1), "a"); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("a long key: %v", err)
	}
	if _, _, err := h.svc.Do(t.Context(), params("k", "a"), h.of("a")); steward.CodeOf(err) != steward.Unauthenticated {
		t.Errorf("nobody: %v", err)
	}
	if _, _, err := once.New(h.store, box(t), h.clock, nil).Do(h.ctx, params("k", "a"), h.of("a")); steward.CodeOf(err) != steward.Unavailable {
		t.Errorf("with another secret key: %v", err)
	}
	if h.made != 1 {
		t.Errorf("%d made", h.made)
	}
}

func TestARefusedCreateLeavesItsKeyFree(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.before = func() error { return &steward.Error{Code: steward.Invalid, Field: "name", Message: "no"} }
	if _, _, err := h.do("k", "a"); steward.CodeOf(err) != steward.Invalid {
		t.Fatal(err)
	}
	h.before = nil
	if _, first := h.must("k", "b"); !first {
		t.Error("the corrected create is not the first")
	}
}

func TestACreateThatWasCutOffIsFoundOrFinishedAndNeverMadeTwice(t *testing.T) {
	t.Parallel()
	away := &steward.Error{Code: steward.Unavailable, Message: "away"}
	for name, cut := range map[string]func(h *house){
		"before it was made":           func(h *house) { h.before = func() error { return away } },
		"after it was made":            func(h *house) { h.after = func() error { return away } },
		"before its answer was noted":  func(h *house) { h.store.lost = true },
		"when its client had given up": func(h *house) { h.after = func() error { return context.Canceled } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			cut(h)
			_, _, _ = h.do("k", "a") // how it fails does not matter
			h.before, h.after, h.store.lost = nil, nil, false
			first, _ := h.must("k", "a")
			if again, _ := h.must("k", "a"); again != first || h.made != 1 || len(h.texts) != 1 {
				t.Errorf("%q, then %q; %d made", first, again, h.made)
			}
			if _, _, err := h.do("k", "b"); steward.CodeOf(err) != steward.Invalid {
				t.Errorf("other content: %v", err)
			}
		})
	}
}

func TestCreatesAtOnceUnderOneKeyMakeOne(t *testing.T) {
	t.Parallel()
	h := open(t)
	var all sync.WaitGroup
	answers := make([]string, 8)
	for i := range answers {
		all.Go(func() {
			var err error
			if answers[i], _, err = h.do("k", "a"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(slices.Compact(slices.Clone(answers))) != 1 || h.made != 1 {
		t.Errorf("answers %q, %d made", answers, h.made)
	}
}

func TestAnswersAreSealed(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.must("k", "whsec_topsecret")
	c := store.Creation{OrganizationID: org, Kind: "text", Key: "k", ObjectID: "01890000-0000-7000-8000-0000000000a1", ExpiresAt: h.clock.at}
	kept, known, err := h.store.BeginCreation(t.Context(), c, h.clock.at)
	if err != nil || !known || len(kept.Sealed) == 0 {
		t.Fatalf("%+v, %v, %v", kept, known, err)
	}
	for _, plain := range []string{"whsec_topsecret", "d2hzZWNfdG9wc2VjcmV0", "hash"} {
		if bytes.Contains(kept.Sealed, []byte(plain)) {
			t.Errorf("%s stands in the database", plain)
		}
	}
}

func TestKeysThatHaveExpiredAreForgottenInTheBackground(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.must("k", "a")
	h.clock.at = h.clock.at.Add(once.Lasts)
	ctx, cancel := context.WithCancel(t.Context())
	swept := make(chan struct{})
	h.svc = once.New(&counted{Creations: h.store, swept: swept}, box(t), h.clock, nil)
	done := make(chan error, 1)
	go func() { done <- h.svc.Run(ctx) }()
	<-swept
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n, err := h.store.ExpireCreations(t.Context(), h.clock.at, 10); n != 0 || err != nil {
		t.Errorf("%d left, %v", n, err)
	}
}

// counted tells when it has expired something.
type counted struct {
	store.Creations
	swept chan struct{}
}

// ExpireCreations implements store.Creations.
func (c *counted) ExpireCreations(ctx context.Context, now time.Time, limit int) (int, error) {
	n, err := c.Creations.ExpireCreations(ctx, now, limit)
	close(c.swept)
	return n, err
}

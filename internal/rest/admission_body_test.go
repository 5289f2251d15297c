package rest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest/admit"
)

func TestARequestTakesItsTurnWhateverItSaysOfABodyThatNobodyReads(t *testing.T) {
	t.Parallel()
	h, free := busy(t, newFakes(), admit.Options{})
	defer free()
	for _, length := range []int64{-1, 100 << 10, 1 << 40} {
		r := httptest.NewRequest(http.MethodGet, statusPath, strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer "+token)
		r.ContentLength = length
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		refused(t, w, http.StatusServiceUnavailable)
	}
}

// pieces is a body of unknown length.
func pieces(h http.Handler, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, target, io.MultiReader(strings.NewReader(body[:3]), strings.NewReader(body[3:])))
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", jsonType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestWaitingRunsKeepNoRoomForBodies(t *testing.T) {
	t.Parallel()
	f := newFakes()
	waits, end := make(chan struct{}), make(chan struct{})
	f.runSync = func(_ context.Context, p jobs.RunParams) (*steward.Job, error) {
		p.Queued()
		waits <- struct{}{}
		<-end
		return testJob(), nil
	}
	h := doorWith(t, f, &admit.Options{BodyBytes: 16 << 20, Wait: time.Millisecond})
	texts := []string{strings.Repeat("a", 7<<20), strings.Repeat("b", 7<<20), strings.Repeat("c", 7<<20)}
	done := make(chan *httptest.ResponseRecorder, len(texts))
	for _, text := range texts {
		go func() { done <- postJSON(h, runPath, `{"text":"`+text+`"}`) }()
		<-waits
	}
	close(end)
	for range texts {
		want(t, <-done, http.StatusOK, "")
	}
}

func TestASmallBodyOfUnknownLengthNeedsNoRoomForALargeOne(t *testing.T) {
	t.Parallel()
	f := newFakes()
	inside, leave := make(chan struct{}), make(chan struct{})
	f.many.runMany = func(_ context.Context, p jobs.ManyParams) ([]steward.JobID, error) {
		close(inside)
		<-leave
		return numbered(len(p.Items)), nil
	}
	h := doorWith(t, f, &admit.Options{BodyBytes: 16 << 20, Wait: time.Millisecond})
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- postJSON(h, manyPath, `{"inputs":[{"text":"`+strings.Repeat("x", 7<<20)+`"}]}`) }()
	<-inside
	for range 10 {
		want(t, pieces(h, asyncPath, `{"text":"a"}`), http.StatusOK, "")
	}
	want(t, pieces(h, asyncPath, `{"text":`), http.StatusBadRequest, "")
	refused(t, pieces(h, asyncPath, `{"text":"`+strings.Repeat("a", 100<<10)+`"}`), http.StatusTooManyRequests)
	close(leave)
	want(t, <-done, http.StatusOK, "")
	f.many.runMany = nil
	want(t, pieces(h, asyncPath, `{"text":"`+strings.Repeat("a", 100<<10)+`"}`), http.StatusOK, "")
}

func TestTextsOfMultipartBodiesNeedRoomToo(t *testing.T) {
	t.Parallel()
	f := newFakes()
	inside, leave := make(chan struct{}), make(chan struct{})
	f.runSync = func(context.Context, jobs.RunParams) (*steward.Job, error) {
		close(inside)
		<-leave
		return testJob(), nil
	}
	h := doorWith(t, f, &admit.Options{BodyBytes: 16 << 20, Wait: time.Millisecond})
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- multipartCall(h, runPath, field("text", strings.Repeat("x", 6<<20))) }()
	<-inside
	refused(t, multipartCall(h, asyncPath, field("text", strings.Repeat("x", 3<<20))), http.StatusTooManyRequests)
	want(t, multipartCall(h, asyncPath, field("text", strings.Repeat("x", 10<<10))), http.StatusOK, "")
	close(leave)
	want(t, <-done, http.StatusOK, "")
	want(t, multipartCall(h, asyncPath, field("text", strings.Repeat("x", 3<<20))), http.StatusOK, "")
}

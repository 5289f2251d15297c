package rest_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest"
	"github.com/stewardhq/steward/internal/rest/admit"
	"github.com/stewardhq/steward/internal/store"
)

const (
	statusPath = "/v1/agents/jobs/" + jobID + "/status/"
)

// refused checks an answer to a request that was one too many.
func refused(t *testing.T, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	if w.Code != status || w.Header().Get("Retry-After") == "" || !strings.HasPrefix(w.Body.String(), `{"detail":"`) {
		t.Errorf("status %d, Retry-After %q, body %s; want %d with a time to come back", w.Code, w.Header().Get("Retry-After"), w.Body, status)
	}
}

func TestAKeyThatAsksTooOftenIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	h := doorWith(t, newFakes(), &admit.Options{PerKey: admit.Rate{PerSecond: 0.5, Burst: 2}})
	w := call(h, http.MethodGet, statusPath, "")
	want(t, w, http.StatusOK, "")
	if got := w.Header().Get("RateLimit-Policy"); got != `"key";q=2;w=4` {
		t.Errorf("policy %s", got)
	}
	if got := w.Header().Get("RateLimit"); got != `"key";r=1;t=2` {
		t.Errorf("allowance %s", got)
	}
	want(t, call(h, http.MethodGet, statusPath, ""), http.StatusOK, "")
	w = call(h, http.MethodGet, statusPath, "")
	want(t, w, http.StatusTooManyRequests, `{"detail":"Request was throttled. Expected available in 2 seconds."}`)
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q", got)
	}
	want(t, call(h, http.MethodGet, "/healthz", ""), http.StatusOK, "")
	want(t, call(h, http.MethodGet, "/readyz", ""), http.StatusOK, "")
}

// from makes a request with a token from an address.
func from(h http.Handler, address, token, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.RemoteAddr = address
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAnAddressWithoutAValidKeyIsHeldBack(t *testing.T) {
	t.Parallel()
	const here, there = "192.0.2.1:1000", "192.0.2.2:1000"
	h := doorWith(t, newFakes(), &admit.Options{PerAddress: admit.Rate{PerSecond: 0.001, Burst: 3}})
	want(t, from(h, here, token, statusPath), http.StatusOK, "") // its key is known from now on
	for _, bad := range []string{"", "wrong", "wrong"} {
		want(t, from(h, here, bad, statusPath), http.StatusUnauthorized, "")
	}
	refused(t, from(h, here, "wrong", statusPath), http.StatusTooManyRequests)
	refused(t, from(h, here, "", "/openapi.json"), http.StatusTooManyRequests)
	want(t, from(h, here, token, statusPath), http.StatusOK, "")
	want(t, from(h, there, "wrong", statusPath), http.StatusUnauthorized, "")
	want(t, from(h, here, "", "/healthz"), http.StatusOK, "")
}

// busy has a door with one place taken by a request, until the returned function is called.
func busy(t *testing.T, f *fakes, limits admit.Options) (h http.Handler, free func()) {
	t.Helper()
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	f.status = func(context.Context, steward.JobID) (*store.JobStatus, error) {
		f.status = nil
		close(inside)
		<-leave
		return nil, notFound()
	}
	limits.Active, limits.Wait = 1, time.Millisecond
	h = doorWith(t, f, &limits)
	go func() {
		defer close(left)
		call(h, http.MethodGet, statusPath, "")
	}()
	<-inside
	free = func() {
		close(leave)
		<-left
	}
	return h, free
}

// unread is a body that nobody may read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body of a refused request was read before it was refused")
	return 0, io.EOF
}

func TestAFullServerRefusesAndGoesOn(t *testing.T) {
	t.Parallel()
	f := newFakes()
	h, free := busy(t, f, admit.Options{})
	refused(t, call(h, http.MethodGet, statusPath, ""), http.StatusServiceUnavailable)
	refused(t, postJSON(h, asyncPath, `{"text":"a"}`), http.StatusServiceUnavailable)
	refused(t, postForm(h, "/v1/keys/", ""), http.StatusServiceUnavailable)
	if len(f.runs) != 0 {
		t.Error("a refused run was started")
	}
	want(t, call(h, http.MethodGet, "/healthz", ""), http.StatusOK, "")
	want(t, call(h, http.MethodGet, "/v1/usage/", ""), http.StatusOK, "") // heavy ones have places of their own
	free()
	want(t, call(h, http.MethodGet, statusPath, ""), http.StatusOK, "")
	want(t, postJSON(h, asyncPath, `{"text":"a"}`), http.StatusOK, "")
}

func TestLargeBodiesAreRefusedUnreadWhenThereIsNoRoom(t *testing.T) {
	t.Parallel()
	f := newFakes()
	inside, leave := make(chan struct{}), make(chan struct{})
	f.many.runMany = func(_ context.Context, p jobs.ManyParams) ([]steward.JobID, error) {
		close(inside)
		<-leave
		return numbered(len(p.Items)), nil
	}
	h := doorWith(t, f, &admit.Options{BodyBytes: 16 << 20, Wait: time.Millisecond})
	large := `{"inputs":[{"text":"` + strings.Repeat("x", 7<<20) + `"}]}`
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- postJSON(h, manyPath, large) }()
	<-inside
	r := httptest.NewRequest(http.MethodPost, manyPath, unread{t})
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", jsonType)
	r.ContentLength, r.Header["Expect"] = 7<<20, []string{"100-continue"} // nor is it thrown away
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	refused(t, w, http.StatusTooManyRequests) // the first is its organization's, too
	want(t, postJSON(h, asyncPath, `{"text":"`+strings.Repeat("x", 100<<10)+`"}`), http.StatusOK, "")
	close(leave)
	want(t, <-done, http.StatusOK, "")
	f.many.runMany = nil
	want(t, postJSON(h, manyPath, large), http.StatusOK, "")
}

// open sends the beginning of a request to a server.
func open(t *testing.T, srv *httptest.Server, request string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the answer does not matter
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return c
}

func head(method, path string, length int) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", method, path, token, length)
}

// served checks that other clients are served, with one place for all of them.
func served(t *testing.T, h http.Handler) {
	t.Helper()
	want(t, call(h, http.MethodGet, statusPath, ""), http.StatusOK, "")
	want(t, postJSON(h, asyncPath, `{"text":"a"}`), http.StatusOK, "")
}

func TestSlowWritersHoldUpNobody(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1000, 100_000} { // read before the request has its turn, and by its handler
		f := newFakes()
		checked := make(chan struct{}, 1)
		f.checkRun = func(context.Context, steward.AgentID, steward.VersionID) error {
			select {
			case checked <- struct{}{}:
			default:
			}
			return nil
		}
		h := doorWith(t, f, &admit.Options{Active: 1, Wait: time.Millisecond})
		srv := httptest.NewServer(h)
		t.Cleanup(srv.Close)
		body := `{"text":"` + strings.Repeat("x", length-len(`{"text":""}`)) + `"}`
		slow := open(t, srv, head(http.MethodPost, asyncPath, length)+body[:length/2])
		if length > admit.TinyBody {
			<-checked // it is in its handler
		}
		served(t, h)
		if _, err := io.WriteString(slow, body[length/2:]); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(slow), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("a body of %d bytes that came slowly: %+v %v", length, resp, err)
			continue
		}
		_ = resp.Body.Close() // it is not read
	}
}

func TestSlowReadersHoldUpNobody(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.content = bytes.Repeat([]byte("large "), 8<<20)
	f.reference = &steward.Reference{ResourceID: "page-1.txt", ContentType: "text/plain", SizeBytes: int64(len(f.content)), SHA256: "aa"}
	h := doorWith(t, f, &admit.Options{Active: 1, Wait: time.Millisecond})
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	slow := open(t, srv, head(http.MethodGet, "/v1/agents/jobs/"+jobID+"/references/page-1.txt/", 0))
	if _, err := io.ReadFull(slow, make([]byte, 1000)); err != nil { // its answer has begun
		t.Fatal(err)
	}
	served(t, h)
}

func TestAClientThatWaitsForARunHoldsUpNobody(t *testing.T) {
	t.Parallel()
	f := newFakes()
	waits, end := make(chan struct{}), make(chan struct{})
	f.runSync = func(_ context.Context, p jobs.RunParams) (*steward.Job, error) {
		p.Queued()
		close(waits)
		<-end
		return testJob(), nil
	}
	h := doorWith(t, f, &admit.Options{Active: 1, Waiters: 1, Wait: time.Millisecond})
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- postJSON(h, runPath, `{"text":"a"}`) }()
	<-waits
	served(t, h)
	refused(t, postJSON(h, runPath, `{"text":"b"}`), http.StatusServiceUnavailable)
	close(end)
	want(t, <-done, http.StatusOK, "")
	f.runSync = nil
	want(t, postJSON(h, runPath, `{"text":"b"}`), http.StatusOK, "")
}

func TestUploadsHavePlacesOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := doorWith(t, newFakes(), &admit.Options{Uploads: 1, Wait: time.Millisecond})
	body := multipartBody(file("file", "inv.pdf", "application/pdf", "%PDF-1.7"))
	upload := func(body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/v1/files/", body)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	slow, send := io.Pipe()
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- upload(slow) }()
	if _, err := io.WriteString(send, body[:10]); err != nil { // which is being read: it has the place
		t.Fatal(err)
	}
	refused(t, upload(strings.NewReader(body)), http.StatusServiceUnavailable)
	served(t, h)
	if _, err := io.WriteString(send, body[10:]); err != nil {
		t.Fatal(err)
	}
	if err := send.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, <-done, http.StatusCreated, "")
	want(t, upload(strings.NewReader(body)), http.StatusCreated, "")
}

func TestOneConnectionTooManyIsToldAtOnce(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &httptest.Server{Listener: rest.Crowd(rest.Listener(l), rest.CrowdOptions{Most: 2, Plain: true}), Config: &http.Server{Handler: door(t, newFakes()), ReadHeaderTimeout: time.Minute}}
	srv.Start()
	t.Cleanup(srv.Close)
	ask := func(c net.Conn) *http.Response {
		t.Helper()
		if _, err := io.WriteString(c, head(http.MethodGet, statusPath, 0)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.HasPrefix(body, []byte("{")) {
			t.Errorf("%d %s %v", resp.StatusCode, body, err)
		}
		return resp
	}
	first, second := open(t, srv, ""), open(t, srv, "")
	for _, c := range []net.Conn{first, second} {
		if resp := ask(c); resp.StatusCode != http.StatusOK {
			t.Errorf("one of the two: %d", resp.StatusCode)
		}
	}
	if resp := ask(open(t, srv, "")); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "1" || !resp.Close {
		t.Errorf("the third of two: %d %v", resp.StatusCode, resp.Header)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		c := open(t, srv, "")
		if ask(c).StatusCode == http.StatusOK {
			return
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("a place that was left is not given to the next")
		}
	}
}

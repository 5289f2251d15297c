package rest_test

import (
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
)

// part is one part of a multipart body.
type part struct{ disposition, contentType, content string }

func field(name, value string) part {
	return part{disposition: fmt.Sprintf("form-data; name=%q", name), content: value}
}

func file(name, fileName, contentType, content string) part {
	quoted := strings.ReplaceAll(fileName, `\`, `\\`)
	return part{fmt.Sprintf(`form-data; name=%q; filename="%s"`, name, quoted), contentType, content}
}

const boundary = "test-boundary"

// multipartBody writes parts as clients do.
func multipartBody(parts ...part) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: %s\r\n", boundary, p.disposition)
		if p.contentType != "" {
			fmt.Fprintf(&b, "Content-Type: %s\r\n", p.contentType)
		}
		fmt.Fprintf(&b, "\r\n%s\r\n", p.content)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return b.String()
}

func multipartCall(h http.Handler, target string, parts ...part) *httptest.ResponseRecorder {
	return call(h, http.MethodPost, target, multipartBody(parts...), "Content-Type", "multipart/form-data; boundary="+boundary)
}

// watched is a body that notices being read.
type watched struct{ read bool }

func (b *watched) Read([]byte) (int, error) {
	b.read = true
	return 0, io.ErrUnexpectedEOF
}

// send posts a body of unknown length.
func send(h http.Handler, target string, body io.Reader, contentType string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, target, body)
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// sendExpecting is send for a client that sends its body when it is asked for it.
func sendExpecting(h http.Handler, target string, body io.Reader, contentType string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, target, body)
	r.ContentLength = -1
	r.Header.Set("Expect", "100-continue")
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestBodyThatBreaksOffLeavesNothing(t *testing.T) {
	t.Parallel()
	whole := multipartBody(file("document", "a.pdf", "", strings.Repeat("x", 5000)), file("other", "b.pdf", "", strings.Repeat("y", 5000)))
	for _, cut := range []int{0, 10, 60, 100, 3000, 5100, 5200, 8000, len(whole) - 1 - len(boundary)} {
		f := newFakes()
		w := send(door(t, f), asyncPath, io.MultiReader(strings.NewReader(whole[:cut]), &watched{}), "multipart/form-data; boundary="+boundary)
		if w.Code != http.StatusBadRequest {
			t.Errorf("cut at %d: status %d %s", cut, w.Code, w.Body)
		}
		if left, runs := f.left(); left != 0 || runs != 0 {
			t.Errorf("cut at %d: %d files and %d runs stay", cut, left, runs)
		}
	}
}

func TestSmallBodiesOfUnknownLength(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for contentType, whole := range map[string]string{jsonType: `{"a":"b"}`, formType: "a=b"} {
		want(t, send(h, asyncPath, strings.NewReader(whole), contentType), http.StatusOK, "")
		want(t, send(h, asyncPath, io.MultiReader(strings.NewReader(whole), &watched{}), contentType), http.StatusBadRequest,
			`{"detail":"The request body ended early or could not be read."}`)
		want(t, send(h, asyncPath, io.MultiReader(strings.NewReader(whole), io.LimitReader(&noise{}, 17<<20)), contentType),
			http.StatusRequestEntityTooLarge, `{"detail":"The request body is larger than 16777216 bytes."}`)
	}
}

// TestClientThatDisconnectsLeavesNothing cuts a real connection after the first file arrived whole.
func TestClientThatDisconnectsLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.uploaded = make(chan steward.FileID, 2)
	ended := make(chan struct{})
	inner := door(t, f)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		inner.ServeHTTP(w, r)
	}))
	defer srv.Close()
	var dialer net.Dialer
	conn, err := dialer.DialContext(context.Background(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	body := multipartBody(file("document", "a.pdf", "", strings.Repeat("x", 5000)), file("other", "b.pdf", "", strings.Repeat("y", 5000)))
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s",
		asyncPath, token, boundary, len(body), body[:7000])
	if err != nil {
		t.Fatal(err)
	}
	// The first file is stored before the connection goes away.
	select {
	case <-f.uploaded:
	case <-time.After(10 * time.Second):
		t.Fatal("the first file never arrived")
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the handler goes on without its client")
	}
	if left, runs := f.left(); left != 0 || runs != 0 || len(f.released) != 1 {
		t.Errorf("%d files and %d runs stay, %d released", left, runs, len(f.released))
	}
}

// TestRefusalReachesAClientThatIsStillSending sends much more than the server wants over a real connection.
func TestRefusalReachesAClientThatIsStillSending(t *testing.T) {
	t.Parallel()
	f := newFakes()
	srv := httptest.NewServer(door(t, f))
	defer srv.Close()
	body := multipartBody(file("document", "big.pdf", "", strings.Repeat("x", 24<<20)))
	req, err := http.NewRequest(http.MethodPost, srv.URL+asyncPath, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge || string(got) != `{"detail":"The file is larger than 1 MiB."}` {
		t.Errorf("%d %s %v", resp.StatusCode, got, err)
	}
	if left, _ := f.left(); left != 0 {
		t.Errorf("%d files stay", left)
	}
}

// TestAnnouncedSizeOverTheLimitIsRefusedAtOnce never sends the body that it announces.
func TestAnnouncedSizeOverTheLimitIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	f := newFakes()
	h := door(t, f)
	body := &watched{}
	for contentType, size := range map[string]int64{"multipart/form-data; boundary=B": 400 << 20, jsonType: 17 << 20, formType: 17 << 20} {
		r := httptest.NewRequest(http.MethodPost, asyncPath, body)
		r.ContentLength = size
		r.Header.Set("Expect", "100-continue") // it is not asked for what would only be thrown away
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		want(t, w, http.StatusRequestEntityTooLarge, "")
	}
	if body.read {
		t.Error("a body was read that is too large by its own account")
	}
}

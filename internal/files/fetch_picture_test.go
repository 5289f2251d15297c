package files_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stewardhq/steward"
)

func TestTheDownloadOfALongPictureStopsAtItsLimit(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	h := newHouse(t)
	lease := h.running(t)
	var sent atomic.Int64
	begins := map[string]string{"picture": "\x89PNG\r\n\x1a\n", "document": "%PDF-1.7\n"}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, size, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil {
			t.Error(err)
		}
		if r.URL.Query().Has("announced") {
			w.Header().Set("Content-Length", size)
		}
		body := io.LimitReader(io.MultiReader(strings.NewReader(begins[kind]), endless{}), n)
		sent.Store(0)
		for buf := make([]byte, 32<<10); ; {
			n, err := body.Read(buf)
			if err != nil {
				return
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return // the client has hung up
			}
			sent.Add(int64(n))
		}
	}))
	t.Cleanup(srv.Close)
	for path, taken := range map[string]bool{
		"/picture/1048576": true, "/picture/1048576?announced": true, "/picture/100": true, "/picture/3": true, "/picture/0": true,
		"/picture/1048577": false, "/picture/1048577?announced": false, "/picture/90000000": false, "/picture/90000000?announced": false,
		"/document/3000000": true,
	} {
		f, err := h.FetchForJob(t.Context(), lease, srv.URL+path, limit)
		if fail := steward.FailureOf(err); taken && err != nil || !taken && (err == nil || fail.Code != steward.FailUnsupportedFile || !strings.Contains(fail.Message, "larger than 1 MiB")) {
			t.Errorf("%s: %+v, %v, want taken %v", path, f, err, taken)
		}
		// What lies in the buffers of both ends may have been sent beyond it.
		if n := sent.Load(); strings.Contains(path, "90000000") && n > 30<<20 {
			t.Errorf("%s: %d bytes were sent", path, n)
		}
	}
}

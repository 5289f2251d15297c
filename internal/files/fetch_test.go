package files_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/files"
	"github.com/stewardhq/steward/internal/store"
)

// website serves files and faults.
func website(t *testing.T, now func() time.Time) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	page := func(path string, fn http.HandlerFunc) { mux.HandleFunc(path, fn) }
	say := func(w io.Writer, s string) { io.WriteString(w, s) } //nolint:errcheck // the client's side is checked
	page("/docs/in%20voice.pdf", func(w http.ResponseWriter, _ *http.Request) { say(w, "%PDF-1.7") })
	page("/{$}", func(w http.ResponseWriter, _ *http.Request) { say(w, "home") })
	page("/named", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="../../re port.csv"`)
		w.Header().Set("Content-Type", "text/csv")
		say(w, "a,b")
	})
	page("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/named", http.StatusFound) })
	page("/inside", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	})
	page("/big", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("announced") {
			w.Header().Set("Content-Length", fmt.Sprint(files.MaxFileBytes+2))
		}
		io.Copy(w, io.LimitReader(endless{}, files.MaxFileBytes+2)) //nolint:errcheck // the client hangs up
	})
	page("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		say(w, "only this")
	})
	page("/busy", func(w http.ResponseWriter, r *http.Request) {
		after := r.URL.Query().Get("after")
		if after == "date" {
			after = now().Add(90 * time.Second).Format(http.TimeFormat)
		}
		w.Header().Set("Retry-After", after)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	page("/empty", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

func TestFetchURL(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	srv := website(t, h.clock.Now)
	host := strings.TrimPrefix(srv.URL, "http://")
	for path, want := range map[string]steward.File{
		"/docs/in%20voice.pdf?token=x": {Name: "in voice.pdf", ContentType: "application/pdf", SizeBytes: 8},
		"/":                            {Name: strings.Split(host, ":")[0], ContentType: "text/plain", SizeBytes: 4},
		"/named":                       {Name: "re port.csv", ContentType: "text/csv", SizeBytes: 3},
		"/moved":                       {Name: "re port.csv", ContentType: "text/csv", SizeBytes: 3},
	} {
		f, err := h.FetchURL(h.ctx(t), srv.URL+path)
		want.ID, want.SHA256, want.SourceURL = f.ID, f.SHA256, srv.URL+path
		if err != nil || f != want {
			t.Errorf("%s: got %+v, %v, want %+v", path, f, err, want)
		}
		stored, err := h.Stored(t.Context(), h.who.OrganizationID, f.ID)
		if err != nil || stored != f {
			t.Errorf("%s: stored as %+v, %v", path, stored, err)
		}
	}
}

func TestFetchFailures(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	srv := website(t, h.clock.Now)
	cases := map[string]struct {
		code  steward.FailureCode
		again bool
		after time.Duration
	}{
		srv.URL + "/none":                                  {steward.FailFetchBlocked, false, 0},
		srv.URL + "/empty":                                 {steward.FailFetchBlocked, false, 0},
		srv.URL + "/inside":                                {steward.FailFetchBlocked, false, 0},
		srv.URL + "/big":                                   {steward.FailFetchBlocked, false, 0},
		srv.URL + "/big?announced":                         {steward.FailFetchBlocked, false, 0},
		srv.URL + "/cut":                                   {steward.FailFetchTimeout, true, 0},
		srv.URL + "/busy":                                  {steward.FailFetchBlocked, true, 0},
		srv.URL + "/busy?after=7":                          {steward.FailFetchBlocked, true, 7 * time.Second},
		srv.URL + "/busy?after=-7":                         {steward.FailFetchBlocked, true, 0},
		srv.URL + "/busy?after=1e9":                        {steward.FailFetchBlocked, true, 0},
		srv.URL + "/busy?after=date":                       {steward.FailFetchBlocked, true, 90 * time.Second},
		srv.URL + "/busy?after=" + strings.Repeat("9", 12): {steward.FailFetchBlocked, true, time.Hour},
		"http://10.0.0.1/":                                 {steward.FailFetchBlocked, false, 0},
		"file:///etc/hosts":                                {steward.FailFetchBlocked, false, 0},
		"not a URL":                                        {steward.FailFetchBlocked, false, 0},
	}
	lease := h.running(t)
	for url, want := range cases {
		_, err := h.FetchURL(h.ctx(t), url)
		_, jerr := h.FetchForJob(t.Context(), lease, url, 8<<20)
		for _, err := range []error{err, jerr} {
			var f *steward.Failure
			if !errors.As(err, &f) || f.Code != want.code || f.Transient != want.again || (f.RetryAfter-want.after).Abs() > time.Second {
				t.Errorf("%s: got %v, want %+v", url, err, want)
			}
		}
	}
	h.wantNothingLeft(t)
}

func TestFetchForJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	srv := website(t, h.clock.Now)
	lease := h.running(t)
	f, err := h.FetchForJob(t.Context(), lease, srv.URL+"/named", 8<<20)
	want := steward.File{Name: "re port.csv", ContentType: "text/csv", SizeBytes: 3, SHA256: f.SHA256, SourceURL: srv.URL + "/named"}
	if err != nil || f != want {
		t.Fatalf("got %+v, %v, want %+v", f, err, want)
	}
	h.clock.Advance(24 * time.Hour)
	if n, err := h.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("the sweeper took %d, %v", n, err)
	}
	if got, ok := h.content(t, f); !ok || got != "a,b" {
		t.Errorf("got %q, %v", got, ok)
	}
	lost := store.Lease{JobID: lease.JobID, Fence: lease.Fence + 1}
	if _, err := h.FetchForJob(t.Context(), lost, srv.URL+"/", 0); steward.CodeOf(err) != steward.Conflict {
		t.Errorf("lost lease: got %v", err)
	}
	if left := h.onDisk(t); len(left) != 1 {
		t.Errorf("on disk: %v", left)
	}
}

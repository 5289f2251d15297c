package client_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

const content = "0123456789abcdefghijklmnopqrstuvwxyz"

// serveContent answers as a file server does, ranges included.
func serveContent(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader(content))
}

func TestDownloadsAWholeFileOrAPart(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"ranges": serveContent, "no ranges": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, content) }, // the client is there
	} {
		c := newTo(t, newScript(handler), client.Options{})
		for _, tt := range []struct {
			opts *client.DownloadOptions
			want string
		}{
			{nil, content}, {&client.DownloadOptions{}, content}, {&client.DownloadOptions{Offset: 10}, content[10:]}, {&client.DownloadOptions{Length: 3}, "012"},
			{&client.DownloadOptions{Offset: 10, Length: 3}, "abc"}, {&client.DownloadOptions{Offset: 30, Length: 100}, content[30:]},
		} {
			var got bytes.Buffer
			n, err := c.DownloadFile(t.Context(), fileID, &got, tt.opts)
			if err != nil || got.String() != tt.want || n != int64(len(tt.want)) {
				t.Errorf("%s: %+v gives %q (%d), %v, want %q", name, tt.opts, got.String(), n, err, tt.want)
			}
		}
		if n, err := c.DownloadReference(t.Context(), jobID, "a", &bytes.Buffer{}, &client.DownloadOptions{Offset: 99}); steward.CodeOf(err) != steward.OutOfRange || n != 0 {
			t.Errorf("%s: beyond the end: %d, %v", name, n, err)
		}
		for _, opts := range []client.DownloadOptions{{Offset: -1}, {Length: -1}} {
			if _, err := c.DownloadFile(t.Context(), fileID, &bytes.Buffer{}, &opts); steward.CodeOf(err) != steward.Invalid {
				t.Errorf("%s: %+v: %v", name, opts, err)
			}
		}
	}
}

// cutting serves a few bytes of what is asked for and then breaks the connection.
func cutting(most int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from := 0
		if text := r.Header.Get("Range"); text != "" {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(text, "bytes="), "-"))
			if err != nil {
				http.Error(w, text, http.StatusBadRequest)
				return
			}
			from = n
			w.Header().Set("Content-Range", "bytes "+strconv.Itoa(from)+"-35/36")
		}
		w.Header().Set("Content-Length", strconv.Itoa(36-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = io.WriteString(w, content[from:min(from+most, 36)]) // the client is there
	}
}

func TestADownloadThatBreaksIsTakenUpWhereItBroke(t *testing.T) {
	t.Parallel()
	s := newScript(cutting(5))
	c := newTo(t, s, client.Options{RetryWait: 1, MaxRetryWait: 1})
	var got bytes.Buffer
	n, err := c.DownloadReference(t.Context(), jobID, "a.txt", &got, nil)
	if err != nil || got.String() != content || n != 36 || len(s.all()) != 8 {
		t.Errorf("%q (%d) with %d requests, %v", got.String(), n, len(s.all()), err)
	}
	if r := s.all()[7]; r.header.Get("Range") != "bytes=35-" || r.path != "/v1/agents/jobs/"+string(jobID)+"/references/a.txt/" {
		t.Errorf("last request = %+v", r)
	}
	s = newScript(cutting(5))
	if n, err := newTo(t, s, client.Options{MaxRetries: -1}).DownloadFile(t.Context(), fileID, &bytes.Buffer{}, nil); n != 5 || steward.CodeOf(err) != steward.Unavailable || len(s.all()) != 1 {
		t.Errorf("without retries: %d bytes with %d requests, %v", n, len(s.all()), err)
	}
}

func TestADownloadEndsWhenNothingMoreComes(t *testing.T) {
	t.Parallel()
	s := newScript(cutting(5), cutting(0))
	var got bytes.Buffer
	n, err := newTo(t, s, client.Options{RetryWait: 1, MaxRetryWait: 1}).DownloadFile(t.Context(), fileID, &got, nil)
	if n != 5 || got.String() != "01234" || steward.CodeOf(err) != steward.Unavailable || len(s.all()) != 8 {
		t.Errorf("%q with %d requests, %v, want what came and unavailable after 4 tries without progress", got.String(), len(s.all()), err)
	}
}

func TestAWriterThatFailsEndsTheDownload(t *testing.T) {
	t.Parallel()
	s := newScript(serveContent)
	_, err := newTo(t, s, client.Options{}).DownloadFile(t.Context(), fileID, unavailable{}, nil)
	if !errors.Is(err, errFull) || len(s.all()) != 1 {
		t.Errorf("err = %v after %d requests, want the writer's after 1", err, len(s.all()))
	}
}

var errFull = &steward.Error{Code: steward.Unavailable, Message: "looks like a passing fault"}

type unavailable struct{}

func (unavailable) Write([]byte) (int, error) { return 0, errFull }

func TestAnotherPartThanAskedForIsAnError(t *testing.T) {
	t.Parallel()
	s := newScript(status(206, "xyz", "Content-Range", "bytes 0-2/36"))
	var got bytes.Buffer
	if _, err := newTo(t, s, client.Options{}).DownloadFile(t.Context(), fileID, &got, &client.DownloadOptions{Offset: 5}); err == nil || got.Len() != 0 {
		t.Errorf("%q, %v", got.String(), err)
	}
}

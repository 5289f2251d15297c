package rest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
)

// checkAnswer checks that an answer has one of the statuses and is JSON.
func checkAnswer(t *testing.T, w *httptest.ResponseRecorder, allowed ...int) {
	t.Helper()
	if !slices.Contains(allowed, w.Code) {
		t.Errorf("status %d %s", w.Code, w.Body)
	}
	if !json.Valid(w.Body.Bytes()) {
		t.Errorf("the answer is no JSON: %q", w.Body)
	}
}

// checkRun checks what must hold after any run request: nothing stays of a refused one.
func checkRun(t *testing.T, f *fakes, w *httptest.ResponseRecorder) {
	t.Helper()
	checkAnswer(t, w, http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge)
	left, runs := f.left()
	if left != 0 || (runs == 1) != (w.Code == http.StatusOK) {
		t.Errorf("status %d, %d files left, %d runs", w.Code, left, runs)
	}
	if runs == 0 {
		return
	}
	p := f.runs[0]
	if len(p.Metadata) > 0 && (p.Metadata[0] != '{' || !json.Valid(p.Metadata)) {
		t.Errorf("metadata %q", p.Metadata)
	}
	for _, in := range p.Inputs {
		if in.JSON != nil && !json.Valid(in.JSON) {
			t.Errorf("input %q holds %q", in.Key, in.JSON)
		}
		if in.Key == "metadata" || in.Key == "timeout_seconds" || in.Key == "idempotency_key" {
			t.Errorf("%s became an input", in.Key)
		}
	}
}

func FuzzMultipartRun(f *testing.F) {
	whole := multipartBody(field("note", "hello"), file("document", "a.pdf", "application/pdf", "%PDF"), field("metadata", `{"a":1}`))
	f.Add(whole)
	f.Add(whole[:len(whole)-20])
	f.Add(multipartBody(file("unknown", "", "", ""), file("x", `..\..\etc`, "", "y")))
	f.Add(multipartBody(part{`form-data; name*=UTF-8''n%C3%A4me; filename*=UTF-8''%2e%2e%2fa`, "text/plain", "x"}))
	f.Add(multipartBody(part{`attachment`, "multipart/mixed; boundary=x", "--x\r\n\r\n--x--"}))
	f.Add("--" + boundary + "--")
	f.Add("--" + boundary + "\r\n\r\n")
	f.Add("preamble\n--" + boundary + "\nContent-Disposition: form-data; name=a\n\nb\n--" + boundary + "--\n")
	f.Add("")
	fk := newFakes()
	h := door(f, fk)
	f.Fuzz(func(t *testing.T, body string) {
		fk.reset()
		w := call(h, http.MethodPost, asyncPath, body, "Content-Type", "multipart/form-data; boundary="+boundary)
		checkRun(t, fk, w)
	})
}

func FuzzJSONRun(f *testing.F) {
	for _, seed := range []string{
		`{"text":"a","n":1,"l":[1,{"x":null}],"metadata":{"a":1}}`, `{"metadata":"{\"a\":1}"}`, `{"a":1,"a":2}`, `null`, `[]`, ``,
		`{"timeout_seconds":1e3,"idempotency_key":"k"}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, "\xef\xbb\xbf{}", `{"":""}`, `{"a":"\u0000"}`,
		strings.Repeat("[", 300), `{"a":` + strings.Repeat("[", 127) + strings.Repeat("]", 127) + `}`, `{"organization_id":"` + orgID + `"}`,
		`{"Metadata":1,"METADATA":{}}`, `{"a":1}{"b":2}`, `{"a":"\"}"}`,
	} {
		f.Add(seed)
	}
	fk := newFakes()
	h := door(f, fk)
	f.Fuzz(func(t *testing.T, body string) {
		fk.reset()
		checkRun(t, fk, postJSON(h, asyncPath, body))
	})
}

func FuzzFormRun(f *testing.F) {
	for _, seed := range []string{"a=1&b=2", "a=%zz", "%ff=1", "a=%ff", "&&=&=", "metadata=%7B%7D", "timeout_seconds=5", "a=%3Cnil%3E", "a;b=c", "a=+%2B"} {
		f.Add(seed)
	}
	fk := newFakes()
	h := door(f, fk)
	f.Fuzz(func(t *testing.T, body string) {
		fk.reset()
		checkRun(t, fk, postForm(h, asyncPath, body))
	})
}

func FuzzPageQuery(f *testing.F) {
	for _, seed := range []string{
		"", "page=1", "page=0&page_size=-1", "page=99999999999999999999", "page_size=1000", "page=1&page=2", "page=%31", "page=٣", "page=+1",
		"page=1e3", "organization_id=%zz", "include_job_stats=maybe", "engine_class_id=a&engine_class_id=b", "status_code=1,2", ";", "a=%",
	} {
		f.Add(seed)
	}
	h := door(f, newFakes())
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{agentsPath, agentsPath + agentID + "/jobs/", agentsPath + agentID + "/versions/"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.URL.RawQuery = query
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			checkAnswer(t, w, http.StatusOK, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound)
			if w.Code == http.StatusOK {
				checkLinks(t, w)
			}
		}
	})
}

// checkLinks follows the links of a page as far as parsing goes.
func checkLinks(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var page struct{ Next, Previous *string }
	if json.Unmarshal(w.Body.Bytes(), &page) != nil {
		return // a bare array
	}
	for _, link := range []*string{page.Next, page.Previous} {
		if link == nil {
			continue
		}
		if u, err := url.Parse(*link); err != nil || u.Host != "example.com" || u.Query().Get("page") == "" {
			t.Errorf("link %q: %v", *link, err)
		}
	}
}

func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-3", "bytes=-1", "bytes=5-", "bytes=9-1", "bytes=0-1,2-3", "bytes=99-", "bytes=-", "bytes=0-9223372036854775807", "x"} {
		f.Add(seed)
	}
	content := []byte("0123456789")
	fk := newFakes()
	fk.reference, fk.content = &steward.Reference{ResourceID: "a.bin", SizeBytes: 10, SHA256: "abc"}, content
	h := door(f, fk)
	f.Fuzz(func(t *testing.T, header string) {
		w := call(h, http.MethodGet, jobPath+"references/a.bin/", "", "Range", header)
		switch w.Code {
		case http.StatusOK:
			if w.Body.String() != string(content) {
				t.Errorf("whole file is %q", w.Body)
			}
		case http.StatusPartialContent:
			if w.Body.Len() == 0 || !strings.Contains(string(content), w.Body.String()) {
				t.Errorf("range is %q", w.Body)
			}
		case http.StatusRequestedRangeNotSatisfiable:
		default:
			t.Errorf("status %d", w.Code)
		}
	})
}

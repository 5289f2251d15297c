package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
)

const (
	runPath          = "/v1/agents/run/" + agentID + "/"
	asyncPath        = runPath + "async/"
	versionPath      = runPath + "versions/" + versionID + "/"
	versionAsyncPath = versionPath + "async/"
)

// summary writes inputs as text, for comparison.
func summary(inputs []jobs.RawInput) string {
	var parts []string
	for _, in := range inputs {
		switch {
		case in.File != nil:
			parts = append(parts, fmt.Sprintf("%s=file(%s,%d)", in.Key, in.File.Name, in.File.SizeBytes))
		case in.JSON != nil:
			parts = append(parts, fmt.Sprintf("%s=json(%s)", in.Key, in.JSON))
		default:
			parts = append(parts, fmt.Sprintf("%s=%q", in.Key, in.Text))
		}
	}
	return strings.Join(parts, " ")
}

func TestRunsAnswerTheirExactDocuments(t *testing.T) {
	t.Parallel()
	for target, body := range map[string]string{
		asyncPath:        `"` + jobID + `"`,
		versionAsyncPath: `"` + jobID + `"`,
		runPath:          `[{"key":"output","data_type":"application/json","value":"{\"total\":12.5}"}]`,
		versionPath:      `[{"key":"output","data_type":"application/json","value":"{\"total\":12.5}"}]`,
	} {
		f := newFakes()
		want(t, postForm(door(t, f), target, "text=hello"), http.StatusOK, body)
		p := f.lastRun(t)
		if p.AgentID != agentID || (p.VersionID == versionID) != strings.Contains(target, "/versions/") {
			t.Errorf("%s: ran %s %s", target, p.AgentID, p.VersionID)
		}
	}
}

func TestInputsComeInAllEncodings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ contentType, body, inputs string }{
		"form":                   {formType, "text=a+b%26c&n=3&flag=True", `text="a b&c" n="3" flag="True"`},
		"form, repeated":         {formType, "doc=a&doc=b", `doc="a" doc="b"`},
		"form, no value":         {formType, "a&b=", `a="" b=""`},
		"form with charset":      {formType + "; charset=utf-8", "a=%C3%A4", `a="ä"`},
		"json":                   {jsonType, `{"text":"a","n":3,"b":true,"list":["x"],"o":{"k":null}}`, `text="a" n=json(3) b=json(true) list=json(["x"]) o=json({"k":null})`},
		"json with charset":      {jsonType + "; charset=utf-8", `{"a":"ä"}`, `a="ä"`},
		"json, last of equals":   {jsonType, `{"a":"1","b":"2","a":"3"}`, `a="3" b="2"`},
		"json with mark":         {jsonType, "\xef\xbb\xbf{\"a\":\"1\"}", `a="1"`},
		"json, null value":       {jsonType, `{"a":null,"b":"x"}`, `b="x"`},
		"json null":              {jsonType, `null`, ``},
		"no type":                {"", `{"a":"1"}`, `a="1"`},
		"multipart":              {"multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B--\r\n", `a="1"`},
		"multipart without part": {"multipart/form-data; boundary=B", "--B--\r\n", ``},
		"structured text stays":  {formType, "a=%5B%22x%22%5D&b=%5B%27x%27%5D&c=map%5Bk%3Av%5D", `a="[\"x\"]" b="['x']" c="map[k:v]"`},
		"own organization":       {formType, "organization_id=" + orgID + "&a=1", `a="1"`},
		"another organization":   {formType, "organization_id=" + otherOrg, `organization_id="` + otherOrg + `"`},
	} {
		f := newFakes()
		w := call(door(t, f), http.MethodPost, asyncPath, c.body, "Content-Type", c.contentType)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
			continue
		}
		if got := summary(f.lastRun(t).Inputs); got != c.inputs {
			t.Errorf("%s: inputs %s, want %s", name, got, c.inputs)
		}
	}
}

func TestBadBodiesAreNamedAndStartNothing(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	for name, c := range map[string]struct {
		contentType, body string
		status            int
		answer            string
	}{
		"no JSON":              {jsonType, `{"a":`, 400, `{"detail":"JSON parse error: the body is not valid JSON."}`},
		"text behind":          {jsonType, `{"a":1} x`, 400, `{"detail":"JSON parse error: the body is not valid JSON."}`},
		"a list":               {jsonType, `["a"]`, 400, `{"non_field_errors":["Invalid data. Expected a JSON object."]}`},
		"too deep":             {jsonType, `{"a":` + deep + `}`, 400, `{"detail":"JSON parse error: nested more than 128 levels deep."}`},
		"JSON, wrong UTF-8":    {jsonType, "{\"ok\":\"x\",\"text\":\"\xff\"}", 400, `{"text":["The value is not valid UTF-8."]}`},
		"JSON, wrong key":      {jsonType, "{\"\xff\":\"x\"}", 400, `{"non_field_errors":["The body is not valid UTF-8."]}`},
		"form, wrong UTF-8":    {formType, "ok=x&text=%ff", 400, `{"text":["The value is not valid UTF-8."]}`},
		"form, wrong escape":   {formType, "text=%zz", 400, `{"text":["The value is not valid URL encoding."]}`},
		"form, wrong key":      {formType, "%ff=1", 400, `{"non_field_errors":["A field name is not valid URL-encoded UTF-8."]}`},
		"part, wrong UTF-8":    {"multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n\xff\r\n--B--\r\n", 400, `{"text":["The value is not valid UTF-8."]}`},
		"multipart, no end":    {"multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1", 400, `{"detail":"Multipart form parse error."}`},
		"multipart, no border": {"multipart/form-data", "x", 400, `{"detail":"Multipart form parse error: no boundary."}`},
		"other type":           {"text/plain", "x", 415, ""},
		"XML":                  {"application/xml", "<a/>", 415, ""},
		"too many fields":      {formType, strings.Repeat("a=1&", 1001), 413, ""},
		"long text field":      {formType, "a=" + strings.Repeat("x", 8<<20+1), 413, ""},
		"huge JSON":            {jsonType, `{"a":"` + strings.Repeat("x", 16<<20) + `"}`, 413, `{"detail":"The request body is larger than 16777216 bytes."}`},
		"metadata list":        {jsonType, `{"metadata":[1]}`, 400, `{"metadata":["Invalid JSON string."]}`},
		"metadata text":        {formType, "metadata=nonsense", 400, `{"metadata":["Invalid JSON string."]}`},
		"metadata empty":       {formType, "metadata=", 400, `{"metadata":["Invalid JSON string."]}`},
		"metadata number":      {jsonType, `{"metadata":3}`, 400, `{"metadata":["Invalid JSON string."]}`},
		"timeout zero":         {jsonType, `{"timeout_seconds":0}`, 400, `{"timeout_seconds":["Must be a number of seconds above 0, at most 604800."]}`},
		"timeout text":         {formType, "timeout_seconds=soon", 400, `{"timeout_seconds":["Must be a number of seconds above 0, at most 604800."]}`},
		"timeout NaN":          {formType, "timeout_seconds=NaN", 400, ""},
		"timeout endless":      {jsonType, `{"timeout_seconds":1e300}`, 400, ""},
		"key is no text":       {jsonType, `{"idempotency_key":3}`, 400, `{"idempotency_key":["Not a valid string."]}`},
	} {
		f := newFakes()
		w := call(door(t, f), http.MethodPost, asyncPath, c.body, "Content-Type", c.contentType)
		if w.Code != c.status || (c.answer != "" && w.Body.String() != c.answer) {
			t.Errorf("%s: %d %.200s, want %d %s", name, w.Code, w.Body, c.status, c.answer)
		}
		if left, runs := f.left(); left != 0 || runs != 0 {
			t.Errorf("%s: %d files and %d runs stay", name, left, runs)
		}
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ contentType, body, metadata string }{
		"object":        {jsonType, `{"metadata":{"a": 1, "b":"x"}}`, `{"a":1,"b":"x"}`},
		"text of one":   {jsonType, `{"metadata":"{\"a\":1}"}`, `{"a":1}`},
		"form":          {formType, "metadata=%7B%22a%22%3A1%7D", `{"a":1}`},
		"null":          {jsonType, `{"metadata":null}`, ``},
		"text null":     {formType, "metadata=null", ``},
		"absent":        {formType, "a=1", ``},
		"last of equal": {formType, "metadata=%7B%7D&metadata=%7B%22a%22%3A2%7D", `{"a":2}`},
	} {
		f := newFakes()
		want(t, call(door(t, f), http.MethodPost, asyncPath, c.body, "Content-Type", c.contentType), http.StatusOK, "")
		p := f.lastRun(t)
		if string(p.Metadata) != c.metadata {
			t.Errorf("%s: metadata %s, want %s", name, p.Metadata, c.metadata)
		}
		if strings.Contains(summary(p.Inputs), "metadata") {
			t.Errorf("%s: metadata became an input", name)
		}
	}
}

func TestReservedNamesAreNoInputsOnAsyncRunsOnly(t *testing.T) {
	t.Parallel()
	const fields = "timeout_seconds=90&idempotency_key=k1&a=1"
	f := newFakes()
	want(t, postForm(door(t, f), asyncPath, fields), http.StatusOK, "")
	p := f.lastRun(t)
	if summary(p.Inputs) != `a="1"` || p.Timeout != 90*time.Second || p.IdempotencyKey != "k1" {
		t.Errorf("async: %s %v %q", summary(p.Inputs), p.Timeout, p.IdempotencyKey)
	}
	f = newFakes()
	want(t, postForm(door(t, f), runPath, fields, "Idempotency-Key", "ignored"), http.StatusOK, "")
	p = f.lastRun(t)
	if summary(p.Inputs) != `timeout_seconds="90" idempotency_key="k1" a="1"` || p.Timeout != 0 || p.IdempotencyKey != "" {
		t.Errorf("sync: %s %v %q", summary(p.Inputs), p.Timeout, p.IdempotencyKey)
	}
	f = newFakes()
	want(t, postJSON(door(t, f), asyncPath, `{"timeout_seconds":0.5}`), http.StatusOK, "")
	if got := f.lastRun(t).Timeout; got != 500*time.Millisecond {
		t.Errorf("half a second became %v", got)
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	f := newFakes()
	want(t, postForm(door(t, f), asyncPath, "idempotency_key=body", "Idempotency-Key", "header"), http.StatusOK, "")
	if got := f.lastRun(t).IdempotencyKey; got != "header" {
		t.Errorf("key %q", got)
	}
	f = newFakes()
	want(t, postForm(door(t, f), asyncPath, "", "Idempotency-Key", strings.Repeat("k", 255)), http.StatusOK, "")
	f = newFakes()
	want(t, postForm(door(t, f), asyncPath, "", "Idempotency-Key", strings.Repeat("k", 256)), http.StatusBadRequest,
		`{"Idempotency-Key":["Ensure this value has no more than 255 characters."]}`)
}

func TestSkipCacheIsExact(t *testing.T) {
	t.Parallel()
	for value, skip := range map[string]bool{"true": true, "True": false, "1": false, "true,true": false, "": false} {
		f := newFakes()
		want(t, postForm(door(t, f), asyncPath, "a=1", "X-Skip-Cache", value), http.StatusOK, "")
		if got := f.lastRun(t).SkipCache; got != skip {
			t.Errorf("%q: skip %v", value, got)
		}
	}
}

func TestRunIsCheckedBeforeItsBodyIsRead(t *testing.T) {
	t.Parallel()
	f := newFakes()
	h := door(t, f)
	const unknown = "0190a000-0000-7000-8000-0000000000ee"
	body := &watched{}
	for target, status := range map[string]int{
		"/v1/agents/run/" + unknown + "/async/":                          http.StatusNotFound,
		"/v1/agents/run/" + agentID + "/versions/" + unknown + "/async/": http.StatusNotFound,
		"/v1/agents/run/not-a-uuid/async/":                               http.StatusNotFound,
		"/v1/agents/run/" + agentID + "/versions/not-a-uuid/":            http.StatusNotFound,
	} {
		w := sendExpecting(h, target, body, "multipart/form-data; boundary=B")
		want(t, w, status, `{"detail":"Not found."}`)
	}
	f.checkRun = func(context.Context, steward.AgentID, steward.VersionID) error {
		return &steward.Error{Code: steward.NoCredit}
	}
	want(t, sendExpecting(h, asyncPath, body, jsonType), http.StatusPaymentRequired, `{"detail":"Insufficient credits to start a new job"}`)
	f.checkRun, f.scopes = nil, []steward.Scope{steward.ScopeRead}
	want(t, sendExpecting(h, asyncPath, body, jsonType), http.StatusForbidden, "")
	if body.read {
		t.Error("a body was read before the run was checked")
	}
}

func TestSubmitErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		body   string
	}{
		{steward.MissingInput("document"), http.StatusBadRequest, `["Missing input key document"]`},
		{&steward.Error{Code: steward.Invalid, Field: "metadata", Message: "Too long."}, http.StatusBadRequest, `{"metadata":["Too long."]}`},
		{&steward.Error{Code: steward.NoCredit}, http.StatusPaymentRequired, `{"detail":"Insufficient credits to start a new job"}`},
		{&steward.Error{Code: steward.Conflict, Field: "Idempotency-Key", Message: "Other inputs."}, http.StatusConflict, `{"error":"Other inputs."}`},
		{errors.New("disk"), http.StatusInternalServerError, `{"detail":"Internal server error."}`},
	} {
		f := newFakes()
		f.submit = func(context.Context, jobs.RunParams) (steward.JobID, error) { return "", c.err }
		f.runSync = func(context.Context, jobs.RunParams) (*steward.Job, error) { return nil, c.err }
		for _, target := range []string{asyncPath, runPath} {
			want(t, postForm(door(t, f), target, "a=1"), c.status, c.body)
		}
	}
}

func TestFailedSyncRunsTellWhyAndAreNotReplayed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status  steward.Status
		failure *steward.Failure
		code    int
		body    string
	}{
		"encrypted file": {steward.StatusFailure, &steward.Failure{Code: steward.FailFileEncrypted, Message: "inv.pdf is encrypted."}, 400,
			`{"detail":"inv.pdf is encrypted.","failure_code":"file_encrypted","job_id":"` + jobID + `"}`},
		"provider down": {steward.StatusFailure, &steward.Failure{Code: steward.FailModelUnavailable, Message: "The model does not answer."}, 422, ""},
		"cost limit":    {steward.StatusFailure, &steward.Failure{Code: steward.FailCostLimit, Message: "Limit."}, 402, ""},
		"no reason":     {steward.StatusFailure, nil, 422, ""},
		"cancelled": {steward.StatusCancelled, nil, 409,
			`{"detail":"The run was cancelled.","failure_code":"cancelled","job_id":"` + jobID + `"}`},
	} {
		f := newFakes()
		f.runSync = func(context.Context, jobs.RunParams) (*steward.Job, error) {
			job := testJob()
			job.Status, job.Failure, job.Outputs = c.status, c.failure, nil
			return job, nil
		}
		w := postForm(door(t, f), runPath, "a=1")
		if w.Code != c.code || (c.body != "" && w.Body.String() != c.body) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if decode[map[string]any](t, w)["detail"] == "" {
			t.Errorf("%s: no detail", name)
		}
	}
	f := newFakes()
	f.runSync = func(context.Context, jobs.RunParams) (*steward.Job, error) {
		return nil, &steward.Error{Code: steward.Timeout, Message: "The run takes longer than 120 seconds; job x goes on."}
	}
	want(t, postForm(door(t, f), runPath, "a=1"), http.StatusConflict, `{"detail":"The run takes longer than 120 seconds; job x goes on."}`)
}

func TestCachedSyncRunHasOutputs(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.runSync = func(context.Context, jobs.RunParams) (*steward.Job, error) {
		job := testJob()
		job.Status, job.Outputs = steward.StatusCached, nil
		return job, nil
	}
	want(t, postForm(door(t, f), runPath, "a=1"), http.StatusOK, `[]`)
}

func TestUploadsReachTheRun(t *testing.T) {
	t.Parallel()
	f := newFakes()
	w := multipartCall(door(t, f), asyncPath,
		field("note", "hello"),
		file("document", "dir/inv.pdf", "application/pdf", "%PDF-1.7"),
		file("images", `C:\x\a.png`, "image/png", "A"), file("images", "b.png", "", "BB"),
		field("metadata", `{"case":"A-1"}`))
	want(t, w, http.StatusOK, `"`+jobID+`"`)
	p := f.lastRun(t)
	wanted := `note="hello" document=file(inv.pdf,8) images=file(a.png,1) images=file(b.png,2)`
	if got := summary(p.Inputs); got != wanted {
		t.Errorf("inputs %s, want %s", got, wanted)
	}
	if string(p.Metadata) != `{"case":"A-1"}` {
		t.Errorf("metadata %s", p.Metadata)
	}
	if left, _ := f.left(); left != 0 || len(f.released) != 0 {
		t.Errorf("%d uploads left, %d released", left, len(f.released))
	}
}

func TestUploadsThatNoInputTakesAreReleased(t *testing.T) {
	t.Parallel()
	f := newFakes()
	want(t, multipartCall(door(t, f), asyncPath, file("unknown", "x.bin", "", "x"), file("document", "y.pdf", "", "y")), http.StatusOK, "")
	if left, _ := f.left(); left != 0 || len(f.released) != 1 {
		t.Errorf("%d uploads left, %d released, want 0 and 1", left, len(f.released))
	}
}

func TestRefusedMultipartLeavesNothing(t *testing.T) {
	t.Parallel()
	many := make([]part, 65)
	for i := range many {
		many[i] = field("a", "1")
	}
	pages := make([]part, 21)
	for i := range pages {
		pages[i] = file("pages", "p.png", "image/png", "x")
	}
	good := file("document", "inv.pdf", "application/pdf", "%PDF")
	for name, c := range map[string]struct {
		parts  []part
		status int
		body   string
	}{
		"file over the limit": {[]part{good, file("b", "big", "", strings.Repeat("x", 1<<20+1))}, 413, `{"detail":"The file is larger than 1 MiB."}`},
		"too many parts":      {append([]part{good}, many...), 413, `{"detail":"The body has more than 64 parts."}`},
		"too many files":      {pages, 400, `["Input pages accepts at most 20 files"]`},
		"bad metadata":        {[]part{good, field("metadata", "[]")}, 400, `{"metadata":["Invalid JSON string."]}`},
		"metadata as a file":  {[]part{good, file("metadata", "m.json", "", "{}")}, 400, `{"metadata":["Invalid JSON string."]}`},
		"long text":           {[]part{good, field("text", strings.Repeat("x", 8<<20+1))}, 413, `{"detail":"The field \"text\" is larger than 8388608 bytes."}`},
		"much text":           {[]part{good, field("a", strings.Repeat("x", 8<<20)), field("b", strings.Repeat("x", 8<<20)), field("c", "x")}, 413, ""},
		"wrong UTF-8":         {[]part{good, field("text", "\xff")}, 400, `{"text":["The value is not valid UTF-8."]}`},
	} {
		f := newFakes()
		w := multipartCall(door(t, f), asyncPath, c.parts...)
		if w.Code != c.status || (c.body != "" && w.Body.String() != c.body) {
			t.Errorf("%s: %d %.200s", name, w.Code, w.Body)
		}
		if left, runs := f.left(); left != 0 || runs != 0 {
			t.Errorf("%s: %d files and %d runs stay", name, left, runs)
		}
	}
}

func TestFailedSubmitReleasesUploads(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.submit = func(context.Context, jobs.RunParams) (steward.JobID, error) { return "", steward.MissingInput("other") }
	want(t, multipartCall(door(t, f), asyncPath, file("document", "a.pdf", "", "x")), http.StatusBadRequest, `["Missing input key other"]`)
	if left, _ := f.left(); left != 0 || len(f.released) != 1 {
		t.Errorf("%d left, %d released", left, len(f.released))
	}
}

func TestEmptyFileFieldOfAFormIsAbsent(t *testing.T) {
	t.Parallel()
	f := newFakes()
	want(t, multipartCall(door(t, f), asyncPath, file("document", "", "application/octet-stream", ""), field("a", "1")), http.StatusOK, "")
	if got := summary(f.lastRun(t).Inputs); got != `a="1"` {
		t.Errorf("inputs %s", got)
	}
	f = newFakes()
	want(t, multipartCall(door(t, f), asyncPath, file("document", "", "", "content")), http.StatusOK, "")
	if got := summary(f.lastRun(t).Inputs); got != `document=file(upload,7)` {
		t.Errorf("inputs %s", got)
	}
	for _, s := range f.stored {
		if string(s.content) != "content" {
			t.Errorf("stored %q", s.content)
		}
	}
}

func TestResponsesOfRunsDoNotDependOnTheSlash(t *testing.T) {
	t.Parallel()
	for _, target := range []string{runPath, asyncPath, versionPath, versionAsyncPath} {
		f := newFakes()
		h := door(t, f)
		with, without := postForm(h, target, "a=1"), postForm(h, strings.TrimSuffix(target, "/"), "a=1")
		if with.Code != http.StatusOK || without.Code != http.StatusOK || !reflect.DeepEqual(with.Body.Bytes(), without.Body.Bytes()) {
			t.Errorf("%s: %d %s and %d %s", target, with.Code, with.Body, without.Code, without.Body)
		}
	}
}

package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/identity"
	"github.com/stewardhq/steward/internal/store"
)

const jobPath = "/v1/agents/jobs/" + jobID + "/"

func TestStatusOfARetryingJob(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.status = func(context.Context, steward.JobID) (*store.JobStatus, error) {
		return &store.JobStatus{
			ID: jobID, Status: steward.StatusRetry, CreatedAt: when(), UpdatedAt: when().In(time.FixedZone("x", 3600)),
			Failure: &steward.Failure{Code: steward.FailModelUnavailable, Message: "The model is busy.", Transient: true},
		}, nil
	}
	want(t, call(door(t, f), http.MethodGet, jobPath+"status/", ""), http.StatusOK,
		`{"status":2,"timestamp":1768473000.25,"error_message":"The model is busy.","created_at":"2026-01-15T10:30:00.25Z",`+
			`"last_updated_at":"2026-01-15T10:30:00.25Z","started_at":null,"ended_at":null,"progress":null,"cost":null}`)
}

func TestResultOfAFailedJobHasNoOutputsButAReason(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.result = func(context.Context, steward.JobID) (*steward.Job, error) {
		job := testJob()
		job.Status, job.Outputs, job.References, job.Inputs, job.Metadata, job.Usage.Cost = steward.StatusFailure, nil, nil, nil, nil, nil
		job.Failure = &steward.Failure{Code: steward.FailFileEncrypted, Message: "inv.pdf is encrypted."}
		return job, nil
	}
	want(t, call(door(t, f), http.MethodGet, jobPath+"result/", ""), http.StatusOK,
		`{"agent_id":"`+agentID+`","agent_version_id":"`+versionID+`","inputs":[],"outputs":[],"input_tokens":100,"output_tokens":20,`+
			`"status":4,"error_message":"inv.pdf is encrypted.","failure_code":"file_encrypted","cost":null,`+
			`"created_at":"2026-01-15T10:30:00.25Z","started_at":"2026-01-15T10:30:01.25Z","ended_at":"2026-01-15T10:30:02.25Z",`+
			`"data_deleted_at":null,"cached_from":null,"batch_id":null,"trace_url":"http://example.com`+jobPath+`steps/","metadata":{},"references":[]}`)
}

func TestResultOfAnOpenJobIs404(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.result = func(context.Context, steward.JobID) (*steward.Job, error) {
		return nil, &steward.Error{Code: steward.NotFound, Message: "The job has not ended yet."}
	}
	want(t, call(door(t, f), http.MethodGet, jobPath+"result/", ""), http.StatusNotFound, `{"detail":"The job has not ended yet."}`)
}

func TestResultShowsInputs(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.result = func(context.Context, steward.JobID) (*steward.Job, error) {
		job := testJob()
		job.Inputs = []steward.Input{
			{Key: "docs", DataType: "application/pdf", Files: []steward.File{{ID: keyID, Name: "a.pdf"}, {Name: "b.pdf", SourceURL: "https://x.example/b.pdf"}}},
			{Key: "text", DataType: "text/plain", Text: &steward.File{ID: agentID, SHA256: "long"}},
			{Key: "gone", DataType: "text/plain", Text: &steward.File{ID: agentID, SHA256: "gone"}},
			{Key: "data", DataType: "application/json", Value: `{"a":1}`, JSON: true},
		}
		return job, nil
	}
	var got struct {
		Inputs []struct{ Key, Value, File_name string } //nolint:revive // the wire's name
	}
	w := call(door(t, f), http.MethodGet, jobPath+"result/", "")
	want(t, w, http.StatusOK, "")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, in := range got.Inputs {
		lines = append(lines, in.Key+"|"+in.Value+"|"+in.File_name)
	}
	wanted := []string{
		"docs|" + keyID + "|a.pdf", "docs|https://x.example/b.pdf|b.pdf", "text|" + strings.Repeat("long ", 10) + "|", "gone||", `data|{"a":1}|`,
	}
	if !slices.Equal(lines, wanted) {
		t.Errorf("inputs %q, want %q", lines, wanted)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	f := newFakes()
	h := door(t, f)
	w := call(h, http.MethodPost, jobPath+"cancel/", "")
	want(t, w, http.StatusNoContent, "")
	if w.Body.Len() != 0 {
		t.Errorf("204 with a body: %s", w.Body)
	}
	want(t, call(h, http.MethodPost, "/v1/agents/jobs/"+orgID+"/cancel/", ""), http.StatusNotFound, "")
}

func TestSteps(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.steps = func(context.Context, steward.JobID) ([]steward.Step, error) {
		return []steward.Step{{JobID: jobID, Name: "file[0].text", Kind: steward.StepDocument, Attempt: 1, StartedAt: when(), EndedAt: when(), Usage: steward.Free()}}, nil
	}
	want(t, call(door(t, f), http.MethodGet, jobPath+"steps/", ""), http.StatusOK,
		`{"count":1,"next":null,"previous":null,"results":[{"job_id":"`+jobID+`","name":"file[0].text","kind":"document","input_hash":"",`+
			`"output":null,"attempt":1,"started_at":"2026-01-15T10:30:00.25Z","ended_at":"2026-01-15T10:30:00.25Z",`+
			`"usage":{"input_tokens":0,"output_tokens":0,"cost_micro_usd":0}}]}`)
}

func TestArtifact(t *testing.T) {
	t.Parallel()
	f := newFakes()
	h := door(t, f)
	path := jobPath + "artifacts/result/"
	for query, body := range map[string]string{
		"?artifact_key=agent-job-" + jobID + "%2Fextraction_1.json":                  `{"result":{"a":1}}`,
		"?artifact_key=agent-job-" + strings.ToUpper(jobID) + "%2Fextraction_1.json": `{"result":{"a":1}}`,
		"?artifact_key=extraction_1.json":                                            `{"result":{"a":1}}`,
	} {
		want(t, call(h, http.MethodGet, path+query, ""), http.StatusOK, body)
	}
	want(t, call(h, http.MethodGet, path, ""), http.StatusBadRequest, `{"artifact_key":["This field is required."]}`)
	for _, key := range []string{"agent-job-" + orgID + "%2Fextraction_1.json", "agent-job-x%2Fextraction_1.json", "nothing.json"} {
		want(t, call(h, http.MethodGet, path+"?artifact_key="+key, ""), http.StatusNotFound, `{"detail":"Not found."}`)
	}
}

func TestReferenceDownload(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.reference = &steward.Reference{ResourceID: "page-1.html", ContentType: "text/html", SizeBytes: 10, SHA256: "abc"}
	f.content = []byte("0123456789")
	h := door(t, f)
	target := jobPath + "references/page-1.html/"
	w := call(h, http.MethodGet, target, "")
	want(t, w, http.StatusOK, "0123456789")
	for name, value := range map[string]string{
		"Content-Type": "text/html", "Content-Length": "10", "ETag": `"abc"`, "Accept-Ranges": "bytes",
		"Content-Disposition": `attachment; filename="page-1.html"`, "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Error("a saved page may act as a page of this server")
	}
	for _, value := range []string{"true", "True", "1"} {
		got := call(h, http.MethodGet, target+"?download="+value, "").Header().Get("Content-Disposition")
		if got != `attachment; filename="page-1.html"` {
			t.Errorf("download=%s: %q", value, got)
		}
	}
	want(t, call(h, http.MethodGet, target+"?download=perhaps", ""), http.StatusBadRequest, `{"download":["Must be a valid boolean."]}`)
	want(t, call(h, http.MethodGet, target, "", "If-None-Match", `"abc"`), http.StatusNotModified, "")
	want(t, call(h, http.MethodHead, target, ""), http.StatusOK, "")
}

func TestReferenceRanges(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.reference = &steward.Reference{ResourceID: "a.bin", SizeBytes: 10, SHA256: "abc"}
	f.content = []byte("0123456789")
	h := door(t, f)
	target := jobPath + "references/a.bin"
	for header, c := range map[string]struct {
		status     int
		body, span string
	}{
		"bytes=0-3":     {206, "0123", "bytes 0-3/10"},
		"bytes=7-":      {206, "789", "bytes 7-9/10"},
		"bytes=-2":      {206, "89", "bytes 8-9/10"},
		"bytes=-99":     {206, "0123456789", "bytes 0-9/10"},
		"bytes=8-99":    {206, "89", "bytes 8-9/10"},
		"BYTES= 0-0":    {206, "0", "bytes 0-0/10"},
		"bytes=10-":     {416, `{"error":"The range lies outside the file."}`, "bytes */10"},
		"bytes=-0":      {416, `{"error":"The range lies outside the file."}`, "bytes */10"},
		"bytes=0-1,4-5": {200, "0123456789", ""},
		"bytes=5-2":     {200, "0123456789", ""},
		"bytes=a-b":     {200, "0123456789", ""},
		"bytes=+1-2":    {200, "0123456789", ""},
		"lines=1-2":     {200, "0123456789", ""},
		"bytes=":        {200, "0123456789", ""},
	} {
		w := call(h, http.MethodGet, target, "", "Range", header)
		if w.Code != c.status || w.Body.String() != c.body || w.Header().Get("Content-Range") != c.span {
			t.Errorf("%s: %d %q %q, want %+v", header, w.Code, w.Body, w.Header().Get("Content-Range"), c)
		}
	}
	want(t, call(h, http.MethodGet, target, "", "Range", "bytes=0-3", "If-Range", `"old"`), http.StatusOK, "0123456789")
	want(t, call(h, http.MethodGet, target, "", "Range", "bytes=0-3", "If-Range", `"abc"`), http.StatusPartialContent, "0123")
	f.content, f.reference.SizeBytes = []byte{}, 0
	want(t, call(h, http.MethodGet, target, ""), http.StatusOK, "")
	want(t, call(h, http.MethodGet, target, "", "Range", "bytes=0-"), http.StatusRequestedRangeNotSatisfiable, "")
}

func TestReferenceErrors(t *testing.T) {
	t.Parallel()
	f := newFakes()
	h := door(t, f)
	base := jobPath + "references/"
	want(t, call(h, http.MethodGet, base+"missing.png/", ""), http.StatusNotFound, `{"detail":"Not found."}`)
	for _, id := range []string{"a%20b", "a%2Fb", "..", "%2e%2e", "a%3Fb", strings.Repeat("a", 256), "ä"} {
		w := call(h, http.MethodGet, base+id+"/", "")
		if w.Code != http.StatusBadRequest || w.Body.String() != `["Invalid resource id."]` {
			t.Errorf("%s: %d %s", id, w.Code, w.Body)
		}
	}
	f.reference = &steward.Reference{ResourceID: "lost.png", SizeBytes: 3, SHA256: "abc"}
	want(t, call(h, http.MethodGet, base+"lost.png/", ""), http.StatusInternalServerError, `{"error":"The file could not be read."}`)
}

func TestReferenceThatEndsEarlyBreaksTheConnection(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.reference = &steward.Reference{ResourceID: "cut.bin", SizeBytes: 100, SHA256: "abc"}
	f.content = []byte("short")
	h := door(t, f)
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // as net/http does
			t.Errorf("ended with %v", v)
		}
	}()
	call(h, http.MethodGet, jobPath+"references/cut.bin/", "")
	t.Error("a file that is cut off was answered as if it were whole")
}

func TestKeys(t *testing.T) {
	t.Parallel()
	f := newFakes()
	var got identity.CreateKeyParams
	f.createKey = func(_ context.Context, p identity.CreateKeyParams) (*steward.Key, string, error) {
		got = p
		return &steward.Key{ID: keyID, OrganizationID: orgID, UserID: 7, Name: p.Name, Prefix: "sk-abc", CreatedAt: when()}, "sk-abc-secret", nil
	}
	h := door(t, f)
	want(t, call(h, http.MethodGet, "/v1/keys", ""), http.StatusOK, `{"count":0,"next":null,"previous":null,"results":[]}`)
	w := postJSON(h, "/v1/keys/", `{"name":"ci","scopes":["run","read"],"expires_at":"2027-01-01T00:00:00Z","organization_id":"`+orgID+`"}`)
	want(t, w, http.StatusCreated, `{"id":"`+keyID+`","organization_id":"`+orgID+`","user_id":7,"name":"ci","prefix":"sk-abc","scopes":[],`+
		`"created_at":"2026-01-15T10:30:00.25Z","expires_at":null,"last_used_at":null,"revoked_at":null,"token":"sk-abc-secret"}`)
	if got.Name != "ci" || !slices.Equal(got.Scopes, []steward.Scope{"run", "read"}) || got.ExpiresAt.Year() != 2027 {
		t.Errorf("asked for %+v", got)
	}
	want(t, call(h, http.MethodDelete, "/v1/keys/"+keyID+"/", ""), http.StatusNoContent, "")
	want(t, call(h, http.MethodDelete, "/v1/keys/"+orgID+"/", ""), http.StatusNotFound, "")
	f.createKey = func(context.Context, identity.CreateKeyParams) (*steward.Key, string, error) {
		return nil, "", errors.New("disk")
	}
	want(t, postJSON(h, "/v1/keys/", `{"name":"ci","scopes":["run"],"expires_at":null}`), http.StatusInternalServerError, `{"detail":"Internal server error."}`)
}

// TestTypedBodiesAnswerFieldMapsWithoutTheValues guards the errors that the framework makes by itself.
func TestTypedBodiesAnswerFieldMapsWithoutTheValues(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for body, c := range map[string]struct {
		status int
		answer string
	}{
		`{"name":"sk-hush"}`:                                          {400, `{"scopes":["This field is required."]}`},
		`{"name":{"a":"sk-hush"},"scopes":"sk-hush"}`:                 {400, ""},
		`{"name":"","scopes":[]}`:                                     {400, ""},
		`{"name":"x","scopes":["run"],"expires_at":"sk-hush"}`:        {400, ""},
		`{"name":"x","scopes":["run"],"expires_at":"2027-13-45T0:0"}`: {400, ""},
		`{"name":"sk-hush`:                                            {400, `{"non_field_errors":["The body is not valid JSON of the expected form."]}`},
		`"sk-hush"`:                                                   {400, `{"non_field_errors":["The body is not valid JSON of the expected form."]}`},
		`["sk-hush"]`:                                                 {400, ""},
		``:                                                            {400, ""},
		`{"name":"` + strings.Repeat("x", 17<<20) + `"}`:              {413, `{"detail":"The request body is too large."}`},
	} {
		w := postJSON(h, "/v1/keys/", body)
		if w.Code != c.status || (c.answer != "" && w.Body.String() != c.answer) {
			t.Errorf("%.60s: %d %s", body, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "hush") || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%.60s: %v %s", body, w.Header(), w.Body)
		}
	}
	want(t, call(h, http.MethodPost, "/v1/keys/", "x=1", "Content-Type", "text/plain"), http.StatusUnsupportedMediaType, `{"detail":"Unsupported media type."}`)
}

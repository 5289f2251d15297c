package rest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
)

var update = flag.Bool("update", false, "write the transcripts anew") //nolint:gochecknoglobals // flags are

// exchange is one request of a transcript.
type exchange struct {
	method, target, contentType, body string
	header                            []string
}

func get(target string, header ...string) exchange {
	return exchange{method: http.MethodGet, target: target, header: header}
}

func post(target, contentType, body string) exchange {
	return exchange{method: http.MethodPost, target: target, contentType: contentType, body: body}
}

// TestTranscripts compares requests and answers with those in testdata, so that a change of the wire shows in review.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	jobs := "/v1/agents/jobs/" + jobID
	for name, exchanges := range map[string][]exchange{
		"agents": {
			post("/v1/agents/", jsonType, `{"name":"Invoices","engine_class_id":"PDFExtractionEngine","input_definitions":null,"engine_config":{}}`),
			get("/v1/agents/"),
			get("/v1/agents/" + agentID + "/"),
			get("/v1/agents/" + agentID + "/versions/"),
			get("/v1/agents/" + agentID + "/versions/?page=1"),
			get("/v1/agents/" + agentID + "/versions/current/?get_supports_eval=true"),
			get("/v1/agents/" + agentID + "/versions/" + versionID + "/"),
			{method: http.MethodPut, target: "/v1/agents/" + agentID + "/", contentType: jsonType, body: `{"name":"Bills","disable_cache":true}`},
			{method: http.MethodPatch, target: "/v1/agents/" + agentID + "/", contentType: jsonType, body: `{"cache_failed_jobs":true}`},
			post("/v1/agents/"+agentID+"/duplicate/", jsonType, ""),
			{method: http.MethodDelete, target: "/v1/agents/" + agentID + "/"},
		},
		"versions": {
			post("/v1/agents/"+agentID+"/versions/", jsonType, `{"version_name":"next","input_definitions":[],"engine_config":{}}`),
			{method: http.MethodPut, target: "/v1/agents/" + agentID + "/versions/" + versionID + "/", contentType: jsonType, body: `{"version_name":"new"}`},
			{method: http.MethodDelete, target: "/v1/agents/" + agentID + "/versions/" + versionID + "/"},
		},
		"tags": {
			post("/v1/agents/tags/", jsonType, `{"name":"legal","color":"blue"}`),
			get("/v1/agents/tags/"),
			{method: http.MethodPatch, target: "/v1/agents/tags/" + tagID + "/", contentType: jsonType, body: `{"name":"law"}`},
			{method: http.MethodPut, target: "/v1/agents/" + agentID + "/tags/", contentType: jsonType, body: `{"tag_ids":["` + tagID + `"]}`},
			{method: http.MethodDelete, target: "/v1/agents/tags/" + tagID + "/"},
		},
		"files": {
			post("/v1/files/", "multipart/form-data; boundary="+boundary, multipartBody(file("file", "inv.pdf", "application/pdf", "%PDF-1.7"), field("dataset_id", otherOrg))),
			get("/v1/files/0190a000-0000-7000-8000-100000000001/"),
			get("/v1/files/0190a000-0000-7000-8000-100000000001/content/?download=true"),
			get("/v1/files/"),
			{method: http.MethodDelete, target: "/v1/files/0190a000-0000-7000-8000-100000000001/"},
		},
		"runs": {
			post(runPath, formType, "text=hello&metadata=%7B%22case%22%3A%22A-1%22%7D"),
			post(asyncPath, jsonType, `{"text":"hello","metadata":{"case":"A-1"}}`),
			post(versionPath, "multipart/form-data; boundary="+boundary, multipartBody(file("document", "inv.pdf", "application/pdf", "%PDF-1.7"))),
			post(versionAsyncPath, "", ""),
		},
		"jobs": {
			get(jobs + "/status/"),
			get(jobs + "/result/"),
			get(jobs + "/steps/"),
			get(jobs + "/artifacts/result/?artifact_key=agent-job-" + jobID + "%2Fextraction_1.json"),
			get(jobs + "/references/page-1.txt/?download=true"),
			get(jobs+"/references/page-1.txt/", "Range", "bytes=2-4"),
			post(jobs+"/cancel/", jsonType, ""),
			get("/v1/agents/" + agentID + "/jobs/?page_size=1&status_code=3"),
			post(jobs+"/delete-data/", jsonType, ""),
			post("/v1/agents/"+agentID+"/jobs/cancel-all/", jsonType, ""),
		},
		"many": {
			post(asyncPath+"many/", jsonType, `{"inputs":[{"text":"a"},{"text":"b"}],"metadata":{"case":"A-1"}}`),
			post("/v1/agents/jobs/statuses/", jsonType, `{"job_ids":["`+jobID+`"]}`),
			post("/v1/agents/jobs/results/", jsonType, `{"job_ids":["`+jobID+`"]}`),
		},
		"batches": {
			post("/v1/agents/"+agentID+"/batches/", jsonType, `{"name":"Nightly","metadata":{"case":"A-1"}}`),
			get("/v1/batches/?agent_id=" + agentID),
			get("/v1/batches/" + batchID + "/"),
			post("/v1/batches/"+batchID+"/items/", jsonType, `{"start":0,"inputs":[{"text":"a"},{"text":"b"}]}`),
			get("/v1/batches/" + batchID + "/items/?status_code=4,5&from=2&page_size=1000"),
			post("/v1/batches/"+batchID+"/close/", "", ""),
			post("/v1/batches/"+batchID+"/cancel/", "", ""),
			post("/v1/batches/"+batchID+"/resume/", jsonType, `{"status_code":[4]}`),
		},
		"discovery": {
			get("/v1/agents/types/"), get("/v1/agents/models/?capability=text"), get("/v1/users/current_user/"),
		},
		"keys": {
			post("/v1/keys/", jsonType, `{"name":"ci","scopes":["run"]}`),
			get("/v1/keys/"),
			{method: http.MethodDelete, target: "/v1/keys/" + keyID + "/"},
		},
		"errors": {
			get("/v1/agents/", "Authorization", "Bearer nobody"),
			get("/v1/nothing/"),
			get("/v1/agents/not-a-uuid/"),
			{method: http.MethodPatch, target: "/v1/agents/types/"},
			get("/v1/policies/"),
			get("/v1/agents/?organization_id=acme"),
			get("/v1/agents/?organization_id=" + otherOrg),
			get("/v1/agents/?page=2"),
			get("/v1/agents/models/?capability=smell"),
			post("/v1/agents/", jsonType, `{"name":"","engine_config":[]}`),
			post("/v1/keys/", jsonType, `{"name":3}`),
			post(asyncPath, jsonType, `{"metadata":"nonsense"}`),
			post(asyncPath, jsonType, `{"text":`),
			post(asyncPath, "text/csv", `a,b`),
			post(asyncPath+"many/", jsonType, `{"inputs":[]}`),
			post("/v1/agents/jobs/statuses/", jsonType, `{"job_ids":["x"]}`),
			post("/v1/agents/jobs/results/", jsonType, `{"job_ids":["`+otherOrg+`"]}`),
			get("/v1/agents/" + agentID + "/jobs/?ordering=colour"),
			get(jobs + "/references/a%20b/"),
			get(jobs+"/references/page-1.txt/", "Range", "bytes=99-"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes()
			f.reference = &steward.Reference{ResourceID: "page-1.txt", ContentType: "text/plain", SizeBytes: 10, SHA256: "abc", CapturedAt: when()}
			f.content = []byte("0123456789")
			h := door(t, f)
			var b bytes.Buffer
			for _, x := range exchanges {
				record(&b, h, x)
			}
			compare(t, filepath.Join("testdata", "transcripts", name+".txt"), b.Bytes())
		})
	}
}

// shown are the headers that a transcript shows.
func shown() []string {
	return []string{
		"Allow", "Content-Type", "Content-Length", "Content-Disposition", "Content-Range", "Retry-After", "WWW-Authenticate",
	}
}

func record(b *bytes.Buffer, h http.Handler, x exchange) {
	header := x.header
	fmt.Fprintf(b, "> %s %s\n", x.method, x.target)
	if x.contentType != "" {
		header = append(header, "Content-Type", x.contentType)
		fmt.Fprintf(b, "> Content-Type: %s\n", x.contentType)
	}
	for i := 0; i < len(x.header); i += 2 {
		fmt.Fprintf(b, "> %s: %s\n", x.header[i], x.header[i+1])
	}
	if x.body != "" {
		fmt.Fprintf(b, ">\n> %s\n", strings.ReplaceAll(strings.TrimSpace(strings.ReplaceAll(x.body, "\r", "")), "\n", "\n> "))
	}
	w := call(h, x.method, x.target, x.body, header...)
	fmt.Fprintf(b, "< %d\n", w.Code)
	for _, name := range shown() {
		if v := w.Header().Get(name); v != "" {
			fmt.Fprintf(b, "< %s: %s\n", name, v)
		}
	}
	var indented bytes.Buffer
	if json.Indent(&indented, w.Body.Bytes(), "", "  ") != nil {
		indented = *w.Body
	}
	fmt.Fprintf(b, "%s\n\n", bytes.TrimSpace(indented.Bytes()))
}

func compare(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	wanted, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the test with -update to write it)", err)
	}
	if !bytes.Equal(got, wanted) {
		t.Errorf("the wire is not what %s says; got\n%s", path, got)
	}
}

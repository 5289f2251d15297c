package rest_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is as much of an OpenAPI document as the tests look at.
type document struct {
	OpenAPI string
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]struct {
		OperationID string
		Summary     string
		Tags        []string
		Parameters  []struct {
			Name, In string
			Required bool
			Schema   json.RawMessage
		}
		RequestBody *struct{ Content map[string]any }
		Responses   map[string]struct {
			Description string
			Content     map[string]any
		}
		Security *[]map[string][]string
	}
	Components struct {
		Schemas         map[string]struct{ Properties map[string]any }
		SecuritySchemes map[string]struct{ Type, Scheme string }
	}
}

func load(t *testing.T) (document, []byte) {
	t.Helper()
	w := call(door(t, newFakes()), http.MethodGet, "/openapi.json", "")
	want(t, w, http.StatusOK, "")
	return decode[document](t, w), w.Body.Bytes()
}

var pathParam = regexp.MustCompile(`\{([^}]+)\}`)

func TestDocumentIsValidOpenAPI31(t *testing.T) {
	t.Parallel()
	doc, raw := load(t)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || doc.Info.Title == "" || doc.Info.Version != "1.2.3" {
		t.Errorf("head: %s %+v", doc.OpenAPI, doc.Info)
	}
	if s := doc.Components.SecuritySchemes["key"]; s.Type != "http" || s.Scheme != "bearer" {
		t.Errorf("security scheme %+v", s)
	}
	methods := []string{"get", "post", "put", "patch", "delete"}
	ids := map[string]string{}
	for path, item := range doc.Paths {
		if !strings.HasPrefix(path, "/") {
			t.Errorf("path %q has no slash in front", path)
		}
		for method, op := range item {
			name := method + " " + path
			if !slices.Contains(methods, method) {
				t.Errorf("%s: unknown method", name)
			}
			if other, twice := ids[op.OperationID]; twice || op.OperationID == "" {
				t.Errorf("%s: operation id %q is also that of %s", name, op.OperationID, other)
			}
			ids[op.OperationID] = name
			if op.Summary == "" || len(op.Tags) != 1 || len(op.Responses) == 0 {
				t.Errorf("%s: incomplete: %+v", name, op)
			}
			inPath := map[string]bool{}
			seen := map[string]bool{}
			for _, p := range op.Parameters {
				if seen[p.In+p.Name] || len(p.Schema) == 0 || p.Schema[0] != '{' {
					t.Errorf("%s: parameter %s is there twice or without schema", name, p.Name)
				}
				seen[p.In+p.Name] = true
				if p.In == "path" {
					inPath[p.Name] = true
					if !p.Required {
						t.Errorf("%s: path parameter %s is optional", name, p.Name)
					}
				}
			}
			inTemplate := map[string]bool{}
			for _, m := range pathParam.FindAllStringSubmatch(path, -1) {
				inTemplate[m[1]] = true
			}
			if fmt.Sprint(inPath) != fmt.Sprint(inTemplate) {
				t.Errorf("%s: parameters %v, template %v", name, inPath, inTemplate)
			}
			for status, r := range op.Responses {
				if !regexp.MustCompile(`^[1-5][0-9][0-9]$`).MatchString(status) || r.Description == "" {
					t.Errorf("%s: response %q %+v", name, status, r)
				}
			}
			if method == "get" && op.RequestBody != nil {
				t.Errorf("%s: a body on GET", name)
			}
		}
	}
	checkSchemas(t, raw)
}

// checkSchemas walks the whole document: references lead somewhere, types are those of JSON Schema, nothing is in 3.0's words.
func checkSchemas(t *testing.T, raw []byte) {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(raw, &root); err != nil {
		t.Fatal(err)
	}
	types := []string{"object", "array", "string", "number", "integer", "boolean", "null"}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for i, item := range v {
				walk(fmt.Sprintf("%s/%d", at, i), item)
			}
		case map[string]any:
			if ref, is := v["$ref"].(string); is && resolve(root, ref) == nil {
				t.Errorf("%s: %s leads nowhere", at, ref)
			}
			if _, old := v["nullable"].(bool); old {
				t.Errorf("%s: nullable is of OpenAPI 3.0", at)
			}
			if name, is := v["type"].(string); is && strings.Contains(at, "chema") && !strings.HasSuffix(at, "properties") && !slices.Contains(types, name) {
				t.Errorf("%s: type %s", at, name)
			}
			if list, is := v["required"].([]any); is {
				properties, _ := v["properties"].(map[string]any)
				for _, key := range list {
					if _, there := properties[fmt.Sprint(key)]; !there {
						t.Errorf("%s: %v is required and not described", at, key)
					}
				}
			}
			for key, item := range v {
				walk(at+"/"+key, item)
			}
		}
	}
	walk("", root)
}

// resolve follows a local reference.
func resolve(root map[string]any, ref string) any {
	path, local := strings.CutPrefix(ref, "#/")
	if !local {
		return nil
	}
	var v any = root
	for key := range strings.SplitSeq(path, "/") {
		m, is := v.(map[string]any)
		if !is {
			return nil
		}
		v = m[key]
	}
	return v
}

func TestEveryRouteStandsInTheDocument(t *testing.T) {
	t.Parallel()
	doc, _ := load(t)
	h := door(t, newFakes())
	ids := map[string]string{"{agent_id}": agentID, "{agent_version_id}": versionID, "{job_id}": jobID, "{key_id}": keyID, "{resource_id}": "x"}
	fill := func(p string) string { return cmp.Or(ids[p], jobID) } // to the router, any id is as good as another
	// Every method on every documented path is either documented or 405, and what is documented is routed.
	for path, item := range doc.Paths {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			_, documented := item[strings.ToLower(method)]
			w := call(h, method, pathParam.ReplaceAllStringFunc(path, fill), "")
			if routed := w.Code != http.StatusMethodNotAllowed || strings.Contains(w.Body.String(), "is not offered by this version"); routed != documented {
				t.Errorf("%s %s: routed %v, documented %v (status %d)", method, path, routed, documented, w.Code)
			}
		}
	}
	for _, path := range knownRoutes() {
		method, target, _ := strings.Cut(path, " ")
		if _, ok := doc.Paths[target][strings.ToLower(method)]; !ok {
			t.Errorf("%s does not stand in the document", path)
		}
	}
}

// knownRoutes are the calls that clients rely on.
func knownRoutes() []string {
	return strings.Split(strings.TrimSpace(`
GET /v1/agents/
POST /v1/agents/
GET /v1/agents/{agent_id}/
PUT /v1/agents/{agent_id}/
PATCH /v1/agents/{agent_id}/
DELETE /v1/agents/{agent_id}/
POST /v1/agents/{agent_id}/duplicate/
PUT /v1/agents/{agent_id}/tags/
GET /v1/agents/{agent_id}/versions/
POST /v1/agents/{agent_id}/versions/
GET /v1/agents/{agent_id}/versions/current/
GET /v1/agents/{agent_id}/versions/{agent_version_id}/
PUT /v1/agents/{agent_id}/versions/{agent_version_id}/
PATCH /v1/agents/{agent_id}/versions/{agent_version_id}/
DELETE /v1/agents/{agent_id}/versions/{agent_version_id}/
GET /v1/agents/tags/
POST /v1/agents/tags/
PATCH /v1/agents/tags/{tag_id}/
DELETE /v1/agents/tags/{tag_id}/
POST /v1/agents/run/{agent_id}/
POST /v1/agents/run/{agent_id}/async/
POST /v1/agents/run/{agent_id}/async/many/
POST /v1/agents/run/{agent_id}/versions/{agent_version_id}/
POST /v1/agents/run/{agent_id}/versions/{agent_version_id}/async/
GET /v1/agents/jobs/{job_id}/status/
GET /v1/agents/jobs/{job_id}/result/
GET /v1/agents/jobs/{job_id}/references/{resource_id}/
GET /v1/agents/jobs/{job_id}/artifacts/result/
GET /v1/agents/jobs/{job_id}/steps/
POST /v1/agents/jobs/{job_id}/cancel/
POST /v1/agents/jobs/{job_id}/delete-data/
POST /v1/agents/jobs/{job_id}/webhook/resend/
POST /v1/agents/jobs/statuses/
POST /v1/agents/jobs/results/
GET /v1/agents/{agent_id}/jobs/
POST /v1/agents/{agent_id}/jobs/cancel-all/
POST /v1/agents/{agent_id}/batches/
GET /v1/usage/
GET /v1/batches/
GET /v1/batches/{batch_id}/
GET /v1/batches/{batch_id}/items/
POST /v1/batches/{batch_id}/items/
POST /v1/batches/{batch_id}/close/
POST /v1/batches/{batch_id}/cancel/
POST /v1/batches/{batch_id}/resume/
GET /v1/files/
POST /v1/files/
GET /v1/files/{file_id}/
DELETE /v1/files/{file_id}/
GET /v1/files/{file_id}/content/
GET /v1/webhooks/
POST /v1/webhooks/
GET /v1/webhooks/{webhook_id}/
PUT /v1/webhooks/{webhook_id}/
PATCH /v1/webhooks/{webhook_id}/
DELETE /v1/webhooks/{webhook_id}/
GET /v1/webhooks/{webhook_id}/agents/
POST /v1/webhooks/{webhook_id}/agents/
DELETE /v1/webhooks/{webhook_id}/agents/{agent_id}/
POST /v1/webhooks/{webhook_id}/rotate-secret/
GET /v1/webhooks/{webhook_id}/deliveries/
GET /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/
POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay/
POST /v1/agents/{agent_id}/webhooks/{webhook_id}/test/
GET /v1/agents/types/
GET /v1/agents/models/
GET /v1/users/current_user/
GET /v1/keys/
POST /v1/keys/
DELETE /v1/keys/{key_id}/
GET /healthz
GET /readyz
GET /openapi.json
GET /docs`), "\n")
}

func TestEveryOperationTellsWhatMayAlwaysHappen(t *testing.T) {
	t.Parallel()
	doc, _ := load(t)
	for path, item := range doc.Paths {
		for method, op := range item {
			want := []string{"500"}
			if op.Security == nil { // the document's own: a key
				want = append(want, "400", "401", "403", "429", "503")
			}
			if strings.Contains(path, "{") {
				want = append(want, "404")
			}
			if op.RequestBody != nil {
				want = append(want, "413", "415")
			}
			for _, status := range want {
				if _, there := op.Responses[status]; !there {
					t.Errorf("%s %s: %s is not documented", method, path, status)
				}
			}
			succeeds := func(status string) bool { return status[0] == '2' }
			built := !slices.Contains(op.Tags, notOffered)
			if answers := slices.Collect(maps.Keys(op.Responses)); slices.ContainsFunc(answers, succeeds) != built {
				t.Errorf("%s %s: answers %v", method, path, answers)
			}
		}
	}
}

func TestDocumentTellsNullFromList(t *testing.T) {
	t.Parallel()
	doc, raw := load(t)
	for name := range doc.Components.Schemas {
		if strings.HasPrefix(name, "ErrorModel") || strings.HasPrefix(name, "ErrorDetail") {
			t.Errorf("the framework's own %s is left", name)
		}
	}
	if strings.Contains(string(raw), `["array","null"]`) || strings.Contains(string(raw), "problem+json") || strings.Contains(string(raw), `"422":{"content":{"application/problem`) {
		t.Error("the document promises null lists or foreign errors")
	}
	agent := doc.Components.Schemas["Agent"].Properties
	for _, key := range []string{"creator", "job_count", "most_recent_job", "skill_generation_state"} {
		text, err := json.Marshal(agent[key])
		if err != nil || !strings.Contains(string(text), `"null"`) {
			t.Errorf("%s of an agent may be null, the document says %s", key, text)
		}
	}
}

func TestDocsPageStandsAlone(t *testing.T) {
	t.Parallel()
	doc, _ := load(t)
	w := call(door(t, newFakes()), http.MethodGet, "/docs", "")
	want(t, w, http.StatusOK, "")
	page := w.Body.String()
	if w.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("headers %v", w.Header())
	}
	for _, foreign := range []string{"<script", "http://", "https://", "//cdn", "@import", "url("} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page holds %s", foreign)
		}
	}
	for path, item := range doc.Paths {
		for method, op := range item {
			if !strings.Contains(page, `id="`+op.OperationID+`"`) {
				t.Errorf("%s %s is not on the page", method, path)
			}
		}
	}
}

package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/app/apptest"
)

// The tests of this file walk the document that the server serves: a route, a path parameter or a field with an id that is new is
// tested at once, or fails the test because nobody has said how to make such a thing.

// caller calls a server with one key.
type caller struct {
	t        *testing.T
	url, key string
}

// call makes a request; body is JSON, "" means none.
func (c *caller) call(method, path, body string) (status int, answer []byte) {
	c.t.Helper()
	if body == "" {
		return c.send(method, path, "", nil)
	}
	return c.send(method, path, jsonType, strings.NewReader(body))
}

func (c *caller) send(method, path, contentType string, body io.Reader) (status int, answer []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, body)
	ok(c.t, err)
	req.Header.Set("Authorization", "Bearer "+c.key)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	ok(c.t, err)
	answer, err = io.ReadAll(resp.Body)
	ok(c.t, err)
	ok(c.t, resp.Body.Close())
	return resp.StatusCode, answer
}

// must makes a request that has to succeed, and decodes the answer.
func (c *caller) must(method, path, body string, v any) {
	c.t.Helper()
	status, answer := c.call(method, path, body)
	if status/100 != 2 {
		c.t.Fatalf("%s %s %s: %d %s", method, path, body, status, answer)
	}
	if v != nil {
		ok(c.t, json.Unmarshal(answer, v))
	}
}

// makeID makes something and returns its id.
func (c *caller) makeID(path, body string) string {
	c.t.Helper()
	var made struct{ ID string }
	c.must(http.MethodPost, path, body, &made)
	return made.ID
}

// things are one thing of every kind that has an id, of one organization, by the names of path parameters.
func (c *caller) things(name string) map[string]string {
	c.t.Helper()
	in := map[string]string{"resource_id": "page-1.txt"}
	var agent struct {
		ID               string
		CurrentVersionID string `json:"current_version_id"`
	}
	c.must(http.MethodPost, "/v1/agents/", fmt.Sprintf(`{"name":%q,"engine_class_id":"SavingEngine"}`, name), &agent)
	in["agent_id"], in["agent_version_id"] = agent.ID, agent.CurrentVersionID
	in["webhook_id"] = c.makeID("/v1/webhooks/", fmt.Sprintf(`{"name":%q,"url":"https://example.com/hook","events":["job_completed"]}`, name))
	c.must(http.MethodPost, "/v1/webhooks/"+in["webhook_id"]+"/agents/", fmt.Sprintf(`{"agent_ids":[%q]}`, agent.ID), nil)
	var job string
	c.must(http.MethodPost, "/v1/agents/run/"+agent.ID+"/async/", "", &job)
	in["job_id"] = job
	c.ended(job)
	in["delivery_id"] = c.delivery(in["webhook_id"])
	in["batch_id"] = c.makeID("/v1/agents/"+agent.ID+"/batches/", fmt.Sprintf(`{"name":%q}`, name))
	c.must(http.MethodPost, "/v1/batches/"+in["batch_id"]+"/items/", `{"start":0,"inputs":[{}]}`, nil)
	in["tag_id"] = c.makeID("/v1/agents/tags/", fmt.Sprintf(`{"name":%q,"color":"blue"}`, name))
	in["key_id"] = c.makeID("/v1/keys/", fmt.Sprintf(`{"name":%q,"scopes":["read"]}`, name))
	in["file_id"] = c.upload()
	return in
}

// until polls a condition until it holds: jobs end and deliveries appear in the server's own time.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute until %s", what)
		}
	}
}

// ended waits for a job.
func (c *caller) ended(job string) {
	c.t.Helper()
	until(c.t, "the job ends", func() bool {
		var st struct{ Status int }
		c.must(http.MethodGet, "/v1/agents/jobs/"+job+"/status/", "", &st)
		return st.Status >= 3
	})
}

// delivery waits for the first delivery of a webhook.
func (c *caller) delivery(webhook string) string {
	c.t.Helper()
	var page struct{ Results []struct{ ID string } }
	until(c.t, "the webhook has a delivery", func() bool {
		c.must(http.MethodGet, "/v1/webhooks/"+webhook+"/deliveries/", "", &page)
		return len(page.Results) > 0
	})
	return page.Results[0].ID
}

// upload stores a file.
func (c *caller) upload() string {
	c.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "secret.txt")
	ok(c.t, err)
	_, err = part.Write([]byte("a secret of its organization"))
	ok(c.t, err)
	ok(c.t, w.Close())
	status, answer := c.send(http.MethodPost, "/v1/files/", w.FormDataContentType(), &b)
	if status != http.StatusCreated {
		c.t.Fatalf("upload: %d %s", status, answer)
	}
	var made struct {
		ID string `json:"file_id"`
	}
	ok(c.t, json.Unmarshal(answer, &made))
	return made.ID
}

// servedDocument fetches the document of a running server.
func (c *caller) servedDocument() (doc document, raw []byte) {
	c.t.Helper()
	_, raw = c.call(http.MethodGet, "/openapi.json", "")
	ok(c.t, json.Unmarshal(raw, &doc))
	return doc, raw
}

// notOffered tells the operations that answer 405 to everybody.
const notOffered = "Not offered yet"

// eachOperation calls fn for every operation of the document that is built, in a fixed order.
func eachOperation(doc *document, fn func(method, path string)) {
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			if !slices.Contains(doc.Paths[path][method].Tags, notOffered) {
				fn(strings.ToUpper(method), path)
			}
		}
	}
}

// validBody is a body, and a query behind "?", with which an operation passes its own checks, so that what is left to refuse is the id.
func validBody(method, path string, own map[string]string) (query, body string) {
	switch {
	case strings.HasSuffix(path, "/artifacts/result/"):
		return "?artifact_key=x", ""
	case method == http.MethodGet || method == http.MethodDelete:
		return "", ""
	case path == "/v1/keys/":
		return "", `{"name":"made","scopes":["read"]}`
	case strings.HasSuffix(path, "/many/"):
		return "", `{"inputs":[{}]}`
	case strings.HasSuffix(path, "/items/"):
		return "", `{"start":5,"inputs":[{}]}`
	case path == "/v1/agents/{agent_id}/tags/":
		return "", fmt.Sprintf(`{"tag_ids":[%q]}`, own["tag_id"])
	case strings.HasSuffix(path, "/webhooks/{webhook_id}/agents/"):
		return "", fmt.Sprintf(`{"agent_ids":[%q]}`, own["agent_id"])
	case strings.HasSuffix(path, "/webhooks/{webhook_id}/"):
		return "", `{"name":"taken over","url":"https://example.com/theirs","events":["job_completed"]}`
	case strings.HasSuffix(path, "/tags/{tag_id}/"):
		return "", `{"name":"taken over","color":"red"}`
	case path == "/v1/agents/{agent_id}/":
		return "", `{"name":"taken over"}`
	case strings.HasSuffix(path, "/versions/{agent_version_id}/") && !strings.Contains(path, "/run/"):
		return "", `{"version_name":"taken over"}`
	}
	return "", `{}`
}

// twoOrganizations starts a server with two organizations that have one thing of each kind.
func twoOrganizations(t *testing.T) (first, second *caller, of1, of2 map[string]string) {
	t.Helper()
	s := apptest.Start(t)
	token, err := s.SecondOrganization(t.Context())
	ok(t, err)
	first = &caller{t: t, url: s.BaseURL(), key: s.APIKey}
	second = &caller{t: t, url: s.BaseURL(), key: token}
	return first, second, first.things("of the first"), second.things("of the second")
}

// fillPath puts ids into a path. An unknown parameter fails the test.
func fillPath(t *testing.T, path string, ids map[string]string) string {
	t.Helper()
	return pathParam.ReplaceAllStringFunc(path, func(p string) string {
		id, known := ids[strings.Trim(p, "{}")]
		if !known {
			t.Fatalf("%s: the parameter %s is new: make such a thing in things", path, p)
		}
		return id
	})
}

// snapshot reads everything that an organization has by the operations that take an id of its things.
func (c *caller) snapshot(doc *document, own map[string]string) map[string]string {
	c.t.Helper()
	seen := map[string]string{}
	eachOperation(doc, func(method, path string) {
		if method != http.MethodGet || !strings.Contains(path, "{") {
			return
		}
		query, _ := validBody(method, path, own)
		status, answer := c.call(method, fillPath(c.t, path, own)+query, "")
		// Only an artifact is missing: no engine makes any.
		if status != http.StatusOK && !strings.HasSuffix(path, "/artifacts/result/") {
			c.t.Errorf("GET %s of the own organization: %d %s", path, status, answer)
		}
		seen[path] = stable(answer)
	})
	return seen
}

// moving matches what changes by itself: the state of a delivery that is being tried.
var moving = regexp.MustCompile(`"(attempts|attempt_count|next_attempt_at|last_attempt_at|status|updated_at|failure_count|response_status|response_body|error|error_message|duration_ms|last_used_at)":("[^"]*"|[^,}\]]*)`)

func stable(answer []byte) string { return moving.ReplaceAllString(string(answer), "") }

func TestForeignIDsInPathsAreNotFound(t *testing.T) {
	t.Parallel()
	first, second, of1, of2 := twoOrganizations(t)
	doc, _ := first.servedDocument()
	before := first.snapshot(&doc, of1)
	tried := 0
	eachOperation(&doc, func(method, path string) {
		params := pathParam.FindAllStringSubmatch(path, -1)
		if len(params) == 0 {
			return
		}
		query, body := validBody(method, path, of2)
		for _, ids := range mixtures(params, of1, of2) {
			tried++
			status, answer := second.call(method, fillPath(t, path, ids)+query, body)
			if status != http.StatusNotFound {
				t.Errorf("%s %s with %v: %d %s, want 404", method, path, ids, status, answer)
			}
			for _, id := range of1 {
				if id != of1["resource_id"] && bytes.Contains(answer, []byte(id)) {
					t.Errorf("%s %s: the refusal tells %s: %s", method, path, id, answer)
				}
			}
		}
	})
	if tried < 40 {
		t.Errorf("only %d calls were tried: does the document lack routes?", tried)
	}
	for path, now := range first.snapshot(&doc, of1) {
		if now != before[path] {
			t.Errorf("GET %s has changed:\n%s\n%s", path, before[path], now)
		}
	}
}

// mixtures returns the ids to try for a path: all of them foreign, and every one of them alone among own ones.
func mixtures(params [][]string, foreign, own map[string]string) []map[string]string {
	list := []map[string]string{foreign}
	if len(params) < 2 {
		return list
	}
	for _, p := range params {
		if p[1] == "resource_id" { // a name within its job, not an id
			continue
		}
		mixed := maps.Clone(own)
		mixed[p[1]] = foreign[p[1]]
		list = append(list, mixed)
	}
	return list
}

func TestListsHoldNothingForeign(t *testing.T) {
	t.Parallel()
	first, second, of1, _ := twoOrganizations(t)
	doc, _ := first.servedDocument()
	eachOperation(&doc, func(method, path string) {
		if method != http.MethodGet || strings.Contains(path, "{") {
			return
		}
		status, answer := second.call(method, path, "")
		if status != http.StatusOK {
			t.Errorf("GET %s: %d %s", path, status, answer)
		}
		for name, id := range of1 {
			if name != "resource_id" && bytes.Contains(answer, []byte(id)) {
				t.Errorf("GET %s shows the other organization's %s", path, name)
			}
		}
	})
}

// idFields are the fields of queries and bodies that name things, each with the test that holds foreign ones against it. An
// organization's own id is compared with the key's on every call.
var idFields = map[string]func(x *foreignFields){ //nolint:gochecknoglobals // a table
	"job_ids":  (*foreignFields).jobIDs,
	"tag_ids":  (*foreignFields).tagIDs,
	"tags":     (*foreignFields).tags,
	"job_id":   (*foreignFields).jobID,
	"agent_id": (*foreignFields).agentID,

	"agent_ids":       (*foreignFields).agentIDs,
	"webhook_id":      (*foreignFields).webhookID,
	"organization_id": (*foreignFields).organizationID,

	"engine_class_id":         nil, // engines belong to nobody
	"exclude_engine_class_id": nil,
	"creator_id":              nil, // a filter over the own agents
	"dataset_id":              nil, // a label of the caller's
	"id":                      nil, // of what is created
	"connection_id":           nil, // of post actions, which are not offered
}

// foreignFields tries the fields.
type foreignFields struct {
	*testing.T
	first, second *caller
	of1, of2      map[string]string
}

var idName = regexp.MustCompile(`(^|_)ids?$|^tags$`)

func TestForeignIDsInBodiesAndQueriesAreRefused(t *testing.T) {
	t.Parallel()
	first, second, of1, of2 := twoOrganizations(t)
	doc, raw := first.servedDocument()
	for _, name := range idFieldsOf(t, &doc, raw) {
		test, known := idFields[name]
		switch {
		case !known:
			t.Errorf("the field %s is new: say in idFields how a foreign id is refused", name)
		case test != nil:
			t.Run(name, func(t *testing.T) { test(&foreignFields{t, first, second, of1, of2}) }) //nolint:paralleltest // they share the things
		}
	}
	t.Run("inputs", func(t *testing.T) { (&foreignFields{t, first, second, of1, of2}).inputs() }) //nolint:paralleltest // as above
}

// idFieldsOf returns the names of all query parameters and body fields that name things.
func idFieldsOf(t *testing.T, doc *document, raw []byte) []string {
	t.Helper()
	var root map[string]any
	ok(t, json.Unmarshal(raw, &root))
	names := map[string]bool{"organization_id": true} // read on every call, described or not
	var walk func(schema any, depth int)
	walk = func(schema any, depth int) {
		m, is := schema.(map[string]any)
		if !is || depth > 8 {
			return
		}
		if ref, is := m["$ref"].(string); is {
			walk(resolve(root, ref), depth+1)
		}
		properties, _ := m["properties"].(map[string]any)
		for name, p := range properties {
			if idName.MatchString(name) {
				names[name] = true
			}
			walk(p, depth+1)
		}
		walk(m["items"], depth+1)
		for _, kind := range []string{"anyOf", "oneOf", "allOf"} {
			list, _ := m[kind].([]any)
			for _, sub := range list {
				walk(sub, depth+1)
			}
		}
	}
	eachOperation(doc, func(method, path string) {
		op := doc.Paths[path][strings.ToLower(method)]
		for _, p := range op.Parameters {
			if p.In == "query" && idName.MatchString(p.Name) {
				names[p.Name] = true
			}
		}
		if op.RequestBody != nil {
			for _, content := range op.RequestBody.Content {
				m, _ := content.(map[string]any)
				walk(m["schema"], 0)
			}
		}
	})
	return slices.Sorted(maps.Keys(names))
}

// refused makes a call of the second organization that must be answered with one of some statuses.
func (x *foreignFields) refused(method, path, body string, statuses ...int) {
	x.Helper()
	status, answer := x.second.call(method, path, body)
	if !slices.Contains(statuses, status) {
		x.Errorf("%s %s %s: %d %s, want one of %v", method, path, body, status, answer, statuses)
	}
}

// nothing makes a list call of the second organization that must come back empty or be refused.
func (x *foreignFields) nothing(path string) {
	x.Helper()
	status, answer := x.second.call(http.MethodGet, path, "")
	var page struct{ Count int }
	if status == http.StatusOK && (json.Unmarshal(answer, &page) != nil || page.Count != 0) || status >= http.StatusInternalServerError {
		x.Errorf("GET %s: %d %s, want nothing", path, status, answer)
	}
}

func (x *foreignFields) jobIDs() {
	for _, path := range []string{"/v1/agents/jobs/statuses/", "/v1/agents/jobs/results/"} {
		x.refused(http.MethodPost, path, fmt.Sprintf(`{"job_ids":[%q]}`, x.of1["job_id"]), http.StatusNotFound)
		x.refused(http.MethodPost, path, fmt.Sprintf(`{"job_ids":[%q,%q]}`, x.of2["job_id"], x.of1["job_id"]), http.StatusNotFound)
	}
}

func (x *foreignFields) tagIDs() {
	path := "/v1/agents/" + x.of2["agent_id"] + "/tags/"
	x.refused(http.MethodPut, path, fmt.Sprintf(`{"tag_ids":[%q]}`, x.of1["tag_id"]), http.StatusBadRequest, http.StatusNotFound)
	var agent struct{ Tags []any }
	x.second.must(http.MethodGet, "/v1/agents/"+x.of2["agent_id"]+"/", "", &agent)
	if len(agent.Tags) != 0 {
		x.Errorf("the agent has got the tags %v", agent.Tags)
	}
}

func (x *foreignFields) tags() { x.nothing("/v1/agents/?tags=" + x.of1["tag_id"]) }

func (x *foreignFields) jobID() {
	x.nothing("/v1/agents/" + x.of2["agent_id"] + "/jobs/?job_id=" + x.of1["job_id"])
	x.nothing("/v1/agents/" + x.of2["agent_id"] + "/jobs/?search=" + x.of1["job_id"])
}

func (x *foreignFields) agentID() {
	x.nothing("/v1/batches/?agent_id=" + x.of1["agent_id"])
	x.nothing("/v1/agents/?search=" + x.of1["agent_id"])
	x.nothing("/v1/agents/?search=" + x.of1["agent_version_id"])
}

func (x *foreignFields) agentIDs() {
	path := "/v1/webhooks/" + x.of2["webhook_id"] + "/agents/"
	x.refused(http.MethodPost, path, fmt.Sprintf(`{"agent_ids":[%q]}`, x.of1["agent_id"]), http.StatusBadRequest, http.StatusNotFound)
	x.refused(http.MethodPost, path, fmt.Sprintf(`{"agent_ids":[%q,%q]}`, x.of2["agent_id"], x.of1["agent_id"]), http.StatusBadRequest, http.StatusNotFound)
	_, answer := x.second.call(http.MethodGet, path, "")
	if bytes.Contains(answer, []byte(x.of1["agent_id"])) {
		x.Errorf("the webhook is linked to a foreign agent: %s", answer)
	}
}

func (x *foreignFields) webhookID() {
	path := "/v1/agents/jobs/" + x.of2["job_id"] + "/webhook/resend/"
	x.refused(http.MethodPost, path, fmt.Sprintf(`{"webhook_id":%q}`, x.of1["webhook_id"]), http.StatusNotFound)
}

func (x *foreignFields) organizationID() {
	var agent struct {
		OrganizationID string `json:"organization_id"`
	}
	x.first.must(http.MethodGet, "/v1/agents/"+x.of1["agent_id"]+"/", "", &agent)
	query := "?organization_id=" + url.QueryEscape(agent.OrganizationID)
	x.refused(http.MethodGet, "/v1/agents/"+query, "", http.StatusForbidden)
	x.refused(http.MethodGet, "/v1/agents/"+x.of1["agent_id"]+"/"+query, "", http.StatusForbidden)
	x.refused(http.MethodPost, "/v1/agents/run/"+x.of2["agent_id"]+"/async/"+query, "{}", http.StatusForbidden)
	body := fmt.Sprintf(`{"name":"smuggled","engine_class_id":"SavingEngine","organization_id":%q}`, agent.OrganizationID)
	x.refused(http.MethodPost, "/v1/agents/", body, http.StatusForbidden)
}

// inputs tries a foreign stored file as the input of a run, in every call that takes inputs.
func (x *foreignFields) inputs() {
	var agent struct{ ID string }
	x.second.must(http.MethodPost, "/v1/agents/", `{"name":"reader","engine_class_id":"PDFExtractionEngine",
		"input_definitions":[{"key":"pdf_files","data_type":"application/pdf","description":"d"}],
		"engine_config":{"pdf_files":"${pdf_files}","instructions":"Read","output_schema":{"type":"object","properties":{"a":{"type":"string"}}}}}`, &agent)
	run := "/v1/agents/run/" + agent.ID + "/"
	for _, id := range []string{x.of1["file_id"], "file_" + x.of1["file_id"]} {
		item := fmt.Sprintf(`{"pdf_files":%q}`, id)
		x.refused(http.MethodPost, run, item, http.StatusBadRequest)
		x.refused(http.MethodPost, run+"async/", item, http.StatusBadRequest)
		x.refused(http.MethodPost, run+"async/many/", `{"inputs":[`+item+`]}`, http.StatusBadRequest)
		x.refusedItem(agent.ID, item)
	}
}

// refusedItem sends an item of a batch, which fails as a job of its own.
func (x *foreignFields) refusedItem(agent, item string) {
	batch := x.second.makeID("/v1/agents/"+agent+"/batches/", `{}`)
	var sent struct {
		JobIDs []string `json:"job_ids"`
	}
	x.second.must(http.MethodPost, "/v1/batches/"+batch+"/items/", `{"start":0,"inputs":[`+item+`]}`, &sent)
	x.second.ended(sent.JobIDs[0])
	var st struct{ Status int }
	x.second.must(http.MethodGet, "/v1/agents/jobs/"+sent.JobIDs[0]+"/status/", "", &st)
	if st.Status != 4 {
		x.Errorf("an item with a foreign file ends with status %d, want 4", st.Status)
	}
}

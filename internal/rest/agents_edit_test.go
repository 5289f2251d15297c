package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
)

// ask makes a request with a JSON body ("" means none), expects a status and returns the answer.
func (x *house) ask(method, path, body string, status int) []byte {
	x.t.Helper()
	got, answer := x.do(method, path, jsonType, strings.NewReader(body))
	if got != status {
		x.t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, got, answer, status)
	}
	return answer
}

// as decodes an answer.
func as[T any](t *testing.T, answer []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(answer, &v); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	return v
}

// named creates an agent with one text input that its configuration names.
func (x *house) named(name string) steward.Agent {
	x.t.Helper()
	return as[steward.Agent](x.t, x.ask(http.MethodPost, agentsPath, fmt.Sprintf(`{"name":%q,"engine_class_id":"MultimodalExtractionEngine","version_name":"version 1",
		"input_definitions":[{"key":"text","data_type":"text/plain","description":"d"}],
		"engine_config":{"text":"${text}","output_schema":{"type":"object","properties":{"a":{"type":"string"}}}}}`, name), http.StatusCreated))
}

func TestAgentsAreChangedByPutAndPatchAlike(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	a := x.named("one")
	x.named("two")
	path := agentsPath + string(a.ID) + "/"
	for i, method := range []string{http.MethodPatch, http.MethodPut} {
		name := fmt.Sprint("renamed ", i)
		got := as[steward.Agent](t, x.ask(method, path, fmt.Sprintf(`{"name":%q,"organization_id":null,"odd":1}`, name), http.StatusOK))
		if got.Name != name || got.DisableCache || got.Tags == nil || got.CurrentVersionID != a.CurrentVersionID || !got.UpdatedAt.After(a.UpdatedAt) {
			t.Errorf("%s: %+v", method, got)
		}
		got = as[steward.Agent](t, x.ask(method, path, `{"disable_cache":true,"cache_failed_jobs":"True"}`, http.StatusOK))
		if got.Name != name || !got.DisableCache || !got.CacheFailedJobs {
			t.Errorf("%s of the flags: %+v", method, got)
		}
		got = as[steward.Agent](t, x.ask(method, path, `{"disable_cache":false,"name":null,"cache_failed_jobs":null}`, http.StatusOK))
		if got.Name != name || got.DisableCache || !got.CacheFailedJobs {
			t.Errorf("%s with nulls: %+v", method, got)
		}
		x.ask(method, path, "", http.StatusOK)
		for body, answer := range map[string]string{
			`{"name":"two"}`:           `{"name":["An agent with this name already exists."]}`,
			`{"name":" "}`:             `{"name":["This field may not be blank."]}`,
			`{"name":3}`:               `{"name":["Not a valid string."]}`,
			`{"disable_cache":"soon"}`: `{"disable_cache":["Must be a valid boolean."]}`,
		} {
			if got := x.ask(method, path, body, http.StatusBadRequest); string(got) != answer {
				t.Errorf("%s %s: %s, want %s", method, body, got, answer)
			}
		}
		x.ask(method, path, `{"organization_id":"`+otherOrg+`"}`, http.StatusForbidden)
		x.ask(method, agentsPath+otherOrg+"/", `{}`, http.StatusNotFound)
	}
}

// Trap 29: one client sends an empty name when its caller gave none.
func TestTrap29_BlankNamesAreRefused(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	a := x.named("one")
	path := agentsPath + string(a.ID) + "/"
	version := path + "versions/" + string(a.CurrentVersionID) + "/"
	for _, c := range []struct{ path, body, answer string }{
		{path, `{"name":"","disable_cache":true}`, `{"name":["This field may not be blank."]}`},
		{version, `{"version_name":""}`, `{"version_name":["This field may not be blank."]}`},
		{version, `{"version_name":"","description":""}`, `{"version_name":["This field may not be blank."],"description":["This field may not be blank."]}`},
	} {
		if got := x.ask(http.MethodPut, c.path, c.body, http.StatusBadRequest); string(got) != c.answer {
			t.Errorf("%s: %s, want %s", c.body, got, c.answer)
		}
	}
	if got := as[steward.Agent](t, x.ask(http.MethodGet, path, "", http.StatusOK)); got.Name != "one" || got.DisableCache {
		t.Errorf("agent after refused changes: %+v", got)
	}
}

// Trap 10: one client needs a whole version, the other the new agent inside of it. Trap 24: neither sends a body.
func TestTrap10_DuplicateAnswersTheWholeVersion(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	a := x.named("one")
	for i, contentType := range []string{jsonType, ""} {
		status, answer := x.do(http.MethodPost, agentsPath+string(a.ID)+"/duplicate/", contentType, nil)
		if status != http.StatusCreated {
			t.Fatalf("duplicate: %d %s", status, answer)
		}
		v := as[steward.Version](t, answer)
		wanted := []string{"one (copy)", "one (copy 2)"}[i]
		if v.Name != wanted || v.BaseAgent.Name != wanted || v.BaseAgent.CurrentVersionID != v.ID || v.VersionName != "version 1" || len(v.InputDefinitions) != 1 {
			t.Errorf("version %+v", v)
		}
		keys := as[map[string]json.RawMessage](t, answer)
		for _, key := range strings.Fields("id name version_name creator created_at engine_class_id engine_name input_definitions engine_config organization_id readonly base_agent supports_memory post_actions") {
			if len(keys[key]) == 0 {
				t.Errorf("no %s", key)
			}
		}
		if got := as[steward.Agent](t, x.ask(http.MethodGet, agentsPath+string(v.BaseAgent.ID)+"/", "", http.StatusOK)); got.ID == a.ID {
			t.Error("the copy is the original")
		}
	}
	x.ask(http.MethodPost, agentsPath+otherOrg+"/duplicate/", "", http.StatusNotFound)
}

func TestADeletedAgentAnswers404Everywhere(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	a := x.named("one")
	path := agentsPath + string(a.ID) + "/"
	job := as[string](t, x.ask(http.MethodPost, agentsPath+"run/"+string(a.ID)+"/async/", `{"text":"hello"}`, http.StatusOK))
	status, answer := x.do(http.MethodDelete, path, "", nil)
	if status != http.StatusNoContent || len(answer) != 0 {
		t.Fatalf("delete: %d %s", status, answer)
	}
	jobs := agentsPath + "jobs/" + job + "/"
	version := path + "versions/" + string(a.CurrentVersionID) + "/"
	for _, c := range []struct{ method, path, body string }{
		{http.MethodDelete, path, ""}, {http.MethodGet, path, ""}, {http.MethodPatch, path, "{}"}, {http.MethodPost, path + "duplicate/", ""},
		{http.MethodGet, path + "versions/", ""}, {http.MethodPost, path + "versions/", "{}"}, {http.MethodGet, path + "versions/current/", ""},
		{http.MethodGet, version, ""}, {http.MethodPut, version, "{}"}, {http.MethodDelete, version, ""}, {http.MethodPut, path + "tags/", `{"tag_ids":[]}`},
		{http.MethodGet, path + "jobs/", ""}, {http.MethodPost, path + "jobs/cancel-all/", ""}, {http.MethodPost, path + "batches/", "{}"},
		{http.MethodPost, agentsPath + "run/" + string(a.ID) + "/", "{}"}, {http.MethodPost, agentsPath + "run/" + string(a.ID) + "/async/", "{}"},
		{http.MethodPost, agentsPath + "run/" + string(a.ID) + "/async/many/", `{"inputs":[{}]}`},
		{http.MethodPost, agentsPath + "run/" + string(a.ID) + "/versions/" + string(a.CurrentVersionID) + "/async/", "{}"},
		{http.MethodGet, jobs + "status/", ""}, {http.MethodGet, jobs + "result/", ""}, {http.MethodGet, jobs + "steps/", ""},
		{http.MethodGet, jobs + "artifacts/result/?artifact_key=k", ""}, {http.MethodGet, jobs + "references/page-1.png/", ""},
		{http.MethodPost, jobs + "cancel/", ""}, {http.MethodPost, jobs + "delete-data/", ""},
		{http.MethodPost, agentsPath + "jobs/statuses/", `{"job_ids":["` + job + `"]}`}, {http.MethodPost, agentsPath + "jobs/results/", `{"job_ids":["` + job + `"]}`},
	} {
		x.ask(c.method, c.path, c.body, http.StatusNotFound)
	}
	x.named("one") // its name is free
}

// Trap 28: version creates of three clients, which cannot all leave a field out.
func TestTrap28_VersionsInheritWhatClientsCannotLeaveOut(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	a := x.named("one")
	path := agentsPath + string(a.ID) + "/versions/"
	for what, body := range map[string]string{
		"absent": `{"version_name":"next","description":"d"}`, "null": `{"version_name":"next","description":null,"input_definitions":null,"engine_config":null}`,
		"empty": `{"version_name":"next","input_definitions":[],"engine_config":{},"post_actions":[]}`, "nothing": ``,
	} {
		v := as[steward.Version](t, x.ask(http.MethodPost, path, body, http.StatusCreated))
		if len(v.InputDefinitions) != 1 || v.InputDefinitions[0].Key != "text" || !strings.Contains(string(v.EngineConfig), "${text}") || v.BaseAgent.CurrentVersionID != v.ID {
			t.Errorf("%s: %+v", what, v)
		}
		if v.VersionName != "next" && (what != "nothing" || v.VersionName != "unnamed version") {
			t.Errorf("%s: version_name %q", what, v.VersionName)
		}
	}
	constant := `{"input_definitions":[],"engine_config":{"text":"hi","output_schema":{"type":"object","properties":{"b":{"type":"string"}}}}}`
	if v := as[steward.Version](t, x.ask(http.MethodPost, path, constant, http.StatusCreated)); v.InputDefinitions == nil || len(v.InputDefinitions) != 0 {
		t.Errorf("inputs of a constant configuration: %+v", v.InputDefinitions)
	}
	form := url.Values{"version_name": {"of a form"}, "engine_config": {`{"text":"${t}","output_schema":{"type":"object"}}`}, "input_definitions": {`[{"key":"t","data_type":"text/plain"}]`}}
	status, answer := x.do(http.MethodPost, path, formType, strings.NewReader(form.Encode()))
	if v := as[steward.Version](t, answer); status != http.StatusCreated || v.VersionName != "of a form" || v.InputDefinitions[0].Key != "t" {
		t.Errorf("a form: %d %s", status, answer)
	}
	for body, wanted := range map[string]string{
		`{"version_name":""}`:                     `{"version_name":["This field may not be blank."]}`,
		`{"engine_config":[]}`:                    `{"engine_config":["Expected a JSON object."]}`,
		`{"input_definitions":{}}`:                `{"input_definitions":["Expected a list of items."]}`,
		`{"input_definitions":[{"key":"a"}]}`:     `{"input_definitions[0].data_type":["This field is required."]}`,
		`{"post_actions":[{"name":"a"}]}`:         `{"post_actions":["Post actions are not offered by this version."]}`,
		`{"engine_config":{"text":"${nowhere}"}}`: `{"engine_config":["unknown template key nowhere"]}`,
	} {
		if got := x.ask(http.MethodPost, path, body, http.StatusBadRequest); string(got) != wanted {
			t.Errorf("%s: %s, want %s", body, got, wanted)
		}
	}
}

func TestVersionsAreChangedAndDeleted(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	a := x.named("one")
	path := agentsPath + string(a.ID) + "/versions/"
	first := path + string(a.CurrentVersionID) + "/"
	second := as[steward.Version](t, x.ask(http.MethodPost, path, `{}`, http.StatusCreated))
	for _, method := range []string{http.MethodPut, http.MethodPatch} {
		if got := x.ask(method, first, `{"version_name":"`+method+`","description":"new","engine_config":{"ignored":1}}`, http.StatusOK); string(got) != `{"message":"Agent version updated successfully."}` {
			t.Errorf("%s answers %s", method, got)
		}
		v := as[steward.Version](t, x.ask(http.MethodGet, first, "", http.StatusOK))
		if v.VersionName != method || v.Description != "new" || strings.Contains(string(v.EngineConfig), "ignored") || v.BaseAgent.CurrentVersionID != second.ID {
			t.Errorf("version after %s: %+v", method, v)
		}
		x.ask(method, path+otherOrg+"/", `{}`, http.StatusNotFound)
	}
	if got := x.ask(http.MethodDelete, path+string(second.ID)+"/", "", http.StatusBadRequest); string(got) != `{"error":"The current version cannot be deleted."}` {
		t.Errorf("delete of the current version: %s", got)
	}
	x.ask(http.MethodDelete, first, "", http.StatusNoContent)
	x.ask(http.MethodDelete, first, "", http.StatusNotFound)
	x.ask(http.MethodGet, first, "", http.StatusNotFound)
	if list := as[[]steward.Version](t, x.ask(http.MethodGet, path, "", http.StatusOK)); len(list) != 1 || list[0].ID != second.ID {
		t.Errorf("versions left: %+v", list)
	}
}

func TestRunsOfADeletedVersionStayReadable(t *testing.T) {
	t.Parallel()
	x := newHouse(t, true)
	a := x.named("one")
	run := agentsPath + "run/" + string(a.ID) + "/"
	job := as[string](t, x.ask(http.MethodPost, run+"async/", `{"text":"a: one"}`, http.StatusOK))
	x.await(job)
	x.ask(http.MethodPost, agentsPath+string(a.ID)+"/versions/", `{}`, http.StatusCreated)
	x.ask(http.MethodDelete, agentsPath+string(a.ID)+"/versions/"+string(a.CurrentVersionID)+"/", "", http.StatusNoContent)
	result := as[struct {
		AgentVersionID steward.VersionID `json:"agent_version_id"`
		Outputs        []steward.Datum
	}](t, x.ask(http.MethodGet, agentsPath+"jobs/"+job+"/result/", "", http.StatusOK))
	if result.AgentVersionID != a.CurrentVersionID || len(result.Outputs) == 0 {
		t.Errorf("result %+v", result)
	}
	x.ask(http.MethodPost, run+"versions/"+string(a.CurrentVersionID)+"/async/", `{"text":"b"}`, http.StatusNotFound)
}

func TestTagsAreMadeChangedSetAndDeleted(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	a := x.named("one")
	tags, set := agentsPath+"tags/", agentsPath+string(a.ID)+"/tags/"
	if got := x.ask(http.MethodGet, tags, "", http.StatusOK); string(got) != "[]" {
		t.Errorf("no tags: %s", got)
	}
	tag := as[steward.Tag](t, x.ask(http.MethodPost, tags, `{"name":"Finance","color":"green"}`, http.StatusCreated))
	if tag.Name != "Finance" || tag.Color != "green" || tag.Creator == nil || tag.UsageCount != 0 || tag.ID == "" {
		t.Errorf("tag %+v", tag)
	}
	for body, wanted := range map[string]string{
		`{}`:                           `{"name":["This field is required."]}`,
		`{"name":"finance"}`:           `{"name":["A tag with this name already exists."]}`,
		`{"name":" "}`:                 `{"name":["This field may not be blank."]}`,
		`{"name":"x","color":"beige"}`: `{"color":["Must be one of blue, green, purple, orange, red, yellow, gray, pink."]}`,
	} {
		if got := x.ask(http.MethodPost, tags, body, http.StatusBadRequest); string(got) != wanted {
			t.Errorf("%s: %s, want %s", body, got, wanted)
		}
	}
	changed := as[steward.Tag](t, x.ask(http.MethodPatch, tags+string(tag.ID)+"/", `{"color":"pink"}`, http.StatusOK))
	if changed.Color != "pink" || changed.Name != "Finance" {
		t.Errorf("changed tag %+v", changed)
	}
	got := as[steward.Agent](t, x.ask(http.MethodPut, set, `{"tag_ids":["`+strings.ToUpper(string(tag.ID))+`"]}`, http.StatusOK))
	if len(got.Tags) != 1 || got.Tags[0].ID != tag.ID || got.Tags[0].UsageCount != 1 {
		t.Errorf("agent's tags %+v", got.Tags)
	}
	page := as[steward.Page[steward.Agent]](t, x.ask(http.MethodGet, agentsPath+"?tags="+string(tag.ID), "", http.StatusOK))
	if page.Count != 1 || page.Results[0].ID != a.ID {
		t.Errorf("agents with the tag: %+v", page)
	}
	for body, wanted := range map[string]string{
		`{}`:                               `{"tag_ids":["This field is required."]}`,
		`{"tag_ids":null}`:                 `{"tag_ids":["Expected a list of ids."]}`,
		`{"tag_ids":"x"}`:                  `{"tag_ids":["Expected a list of ids."]}`,
		`{"tag_ids":["x"]}`:                `{"tag_ids":["\"x\" is not a valid UUID."]}`,
		`{"tag_ids":["` + otherOrg + `"]}`: `{"tag_ids":["Tag \"` + otherOrg + `\" does not exist."]}`,
	} {
		if got := x.ask(http.MethodPut, set, body, http.StatusBadRequest); string(got) != wanted {
			t.Errorf("%s: %s, want %s", body, got, wanted)
		}
	}
	x.ask(http.MethodPut, agentsPath+otherOrg+"/tags/", `{"tag_ids":[]}`, http.StatusNotFound)
	x.ask(http.MethodDelete, tags+string(tag.ID)+"/", "", http.StatusNoContent)
	x.ask(http.MethodDelete, tags+string(tag.ID)+"/", "", http.StatusNotFound)
	x.ask(http.MethodPatch, tags+string(tag.ID)+"/", `{}`, http.StatusNotFound)
	if got := as[steward.Agent](t, x.ask(http.MethodGet, agentsPath+string(a.ID)+"/", "", http.StatusOK)); got.Tags == nil || len(got.Tags) != 0 {
		t.Errorf("tags after the deletion: %+v", got.Tags)
	}
}

func TestChangesAreRefusedBeforeTheirBodyIsRead(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.scopes = []steward.Scope{steward.ScopeRun}
	h := door(t, f)
	agent := agentsPath + agentID + "/"
	for _, c := range []struct{ method, path string }{
		{http.MethodPut, agent}, {http.MethodPatch, agent}, {http.MethodPost, agent + "versions/"}, {http.MethodPut, agent + "versions/" + versionID + "/"},
		{http.MethodPost, agentsPath + "tags/"}, {http.MethodPatch, agentsPath + "tags/" + tagID + "/"}, {http.MethodPut, agent + "tags/"},
	} {
		want(t, call(h, c.method, c.path, "{", "Content-Type", jsonType), http.StatusForbidden, `{"detail":"This key lacks the scope write."}`)
	}
	f.scopes = []steward.Scope{steward.ScopeRead}
	want(t, multipartCall(h, "/v1/files/", file("file", "a.txt", "", "x")), http.StatusForbidden, `{"detail":"This key lacks the scope run."}`)
}

// Clients raise on a colour that they do not know, on every list that shows it: only those of the closed set get in, by any way.
func TestTrap08_TagsHaveNoUnknownColour(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	tags := agentsPath + "tags/"
	known := []string{"blue", "green", "purple", "orange", "red", "yellow", "gray", "pink"}
	first := ""
	for _, color := range known {
		tag := as[steward.Tag](t, x.ask(http.MethodPost, tags, `{"name":"`+color+`","color":"`+color+`"}`, http.StatusCreated))
		first = string(tag.ID)
	}
	for _, color := range []string{`"beige"`, `"Blue"`, `" blue"`, `1`, `["blue"]`} {
		x.ask(http.MethodPost, tags, `{"name":"other","color":`+color+`}`, http.StatusBadRequest)
		x.ask(http.MethodPatch, tags+first+"/", `{"color":`+color+`}`, http.StatusBadRequest)
	}
	for _, tag := range as[[]steward.Tag](t, x.ask(http.MethodGet, tags, "", http.StatusOK)) {
		if !slices.Contains(known, tag.Color) || tag.Color != tag.Name {
			t.Errorf("tag %+v", tag)
		}
	}
}

// An organization that a body names is compared with the key's by every call but runs, where it may be an input.
func TestABodyThatNamesAnotherOrganizationIsRefused(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	a := x.named("one")
	agent, other := agentsPath+string(a.ID)+"/", `{"organization_id":"0f8fad5b-d9cb-469f-a165-70867728950e"}`
	for method, paths := range map[string][]string{
		http.MethodPost:  {agentsPath, agentsPath + "tags/", agent + "versions/", agent + "batches/", agentsPath + "jobs/statuses/", agentsPath + "jobs/results/", agentsPath + "run/" + string(a.ID) + "/async/many/"},
		http.MethodPatch: {agent},
		http.MethodPut:   {agent, agent + "tags/"},
	} {
		for _, path := range paths {
			x.ask(method, path, other, http.StatusForbidden)
			x.ask(method, path, `{"organization_id":["x"]}`, http.StatusBadRequest)
		}
	}
}

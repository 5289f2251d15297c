package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
)

// The traps of the run family's wire, one test each: what clients out there stumble over.

// reads are all calls that give an object or a list.
func reads() []string {
	return []string{
		agentsPath, agentsPath + agentID + "/", agentsPath + agentID + "/versions/", agentsPath + agentID + "/versions/current/",
		agentsPath + agentID + "/versions/" + versionID + "/", agentsPath + agentID + "/jobs/", jobPath + "result/", jobPath + "steps/",
		agentsPath + "types/", agentsPath + "models/", "/v1/keys/",
	}
}

func TestTrap01_ListsAreNeverNull(t *testing.T) {
	t.Parallel()
	f := newFakes()
	bare := steward.Agent{ID: agentID, CurrentVersionID: versionID}
	f.list = func(context.Context, agents.ListParams) ([]steward.Agent, int64, error) {
		return []steward.Agent{bare}, 1, nil
	}
	f.getAgent = func(context.Context, steward.AgentID) (*steward.Agent, error) { return &bare, nil }
	f.versions = func(context.Context, steward.AgentID) ([]steward.Version, error) {
		return []steward.Version{{ID: versionID, BaseAgent: bare}}, nil
	}
	f.listJobs = func(context.Context, jobs.ListParams) ([]steward.Job, int64, error) {
		return []steward.Job{{ID: jobID}}, 1, nil
	}
	f.result = func(context.Context, steward.JobID) (*steward.Job, error) { return &steward.Job{ID: jobID}, nil }
	h := door(t, f)
	lists := regexp.MustCompile(`"(tags|input_definitions|post_actions|warnings|status_events|results|outputs|inputs|job_inputs|references|` +
		`engines|engine_types|models|aliases|providers|capabilities|categories|default_input_definitions|metadata|ui_fields|engine_config|scopes)":null`)
	for _, target := range reads() {
		w := call(h, http.MethodGet, target, "")
		want(t, w, http.StatusOK, "")
		if found := lists.FindString(w.Body.String()); found != "" || w.Body.String() == "null" {
			t.Errorf("%s answers %s in %s", target, found, w.Body)
		}
	}
}

func TestTrap02_EveryRequiredKeyIsThere(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	agent := "id creator created_at updated_at name disable_cache cache_failed_jobs organization_id engine_class_id engine_name " +
		"current_version_id job_count most_recent_job tags skill_generation_state"
	version := "id name version_name creator created_at description engine_class_id engine_name input_definitions engine_config " +
		"organization_id readonly base_agent supports_memory post_actions"
	user := "id email first_name last_name display_name date_joined is_staff is_superuser is_active is_first_login is_email_verified is_mfa_enabled"
	for target, c := range map[string]struct{ keys, at string }{
		agentsPath + agentID + "/":                            {agent, ""},
		agentsPath + agentID + "/versions/current/":           {version, ""},
		agentsPath + agentID + "/versions/" + versionID + "/": {agent, "base_agent"},
		agentsPath + agentID + "/versions/":                   {version, "0"},
		agentsPath:                                            {agent, "results.0"},
		agentsPath + agentID + "/jobs/":                       {"id agent_version_name status_events status_code created_at last_updated_at duration_ms ui_fields evaluation feedback_review creator", "results.0"},
		jobPath + "result/":                                   {"agent_id agent_version_id inputs outputs input_tokens output_tokens", ""},
		jobPath + "status/":                                   {"status timestamp", ""},
		agentsPath + "types/":                                 {"engine_types total_count engines", ""},
		agentsPath + "models/":                                {"models total_count tenant_scope", ""},
		"/v1/users/current_user/":                             {user, ""},
	} {
		var v any
		if err := json.Unmarshal(call(h, http.MethodGet, target, "").Body.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		object := at(v, c.at)
		for key := range strings.FieldsSeq(c.keys) {
			if _, there := object[key]; !there {
				t.Errorf("%s %s: no %s", target, c.at, key)
			}
		}
	}
}

// at goes down a path of keys and list indexes, such as results.0, and returns the object there, nil when there is none.
func at(v any, path string) map[string]any {
	for step := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case []any:
			if step != "0" || len(in) == 0 {
				return nil
			}
			v = in[0]
		case map[string]any:
			if step != "" {
				v = in[step]
			}
		}
	}
	object, _ := v.(map[string]any)
	return object
}

func TestTrap03_CurrentVersionIsAlwaysThere(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	w := postJSON(h, agentsPath, `{"name":"a","engine_class_id":"b"}`)
	if got := decode[steward.Agent](t, w).CurrentVersionID; got != versionID {
		t.Errorf("current_version_id %q", got)
	}
}

func TestTrap04_EpochInStatusAndTextInEvents(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	status := decode[map[string]any](t, call(h, http.MethodGet, jobPath+"status/", ""))
	if status["timestamp"] != 1768473001.25 {
		t.Errorf("timestamp %v", status["timestamp"])
	}
	list := call(h, http.MethodGet, agentsPath+agentID+"/jobs/", "").Body.String()
	if !strings.Contains(list, `{"timestamp":"2026-01-15T10:30:00.25Z","status_code":0}`) {
		t.Errorf("events %s", list)
	}
}

func TestTrap05_MetadataInListsIsText(t *testing.T) {
	t.Parallel()
	w := call(door(t, newFakes()), http.MethodGet, agentsPath+agentID+"/jobs/", "")
	page := decode[struct {
		Results []struct{ Metadata map[string]string }
	}](t, w)
	wanted := map[string]string{"case": "A-1", "n": "3", "deep": `{"x":null}`, "none": "null"}
	if !maps.Equal(page.Results[0].Metadata, wanted) {
		t.Errorf("metadata %v", page.Results[0].Metadata)
	}
}

func TestTrap06_ValuesAreTextAndConfigsObjects(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	outputs := decode[[]struct{ Value string }](t, postForm(h, runPath, ""))
	if outputs[0].Value != `{"total":12.5}` {
		t.Errorf("value %q", outputs[0].Value)
	}
	version := decode[struct {
		Config map[string]any `json:"engine_config"`
	}](t, call(h, http.MethodGet, agentsPath+agentID+"/versions/current/", ""))
	if version.Config["instruction"] != "Read it" {
		t.Errorf("config %v", version.Config)
	}
}

func TestTrap07_CreatorsHaveAValidAddressOrAreNull(t *testing.T) {
	t.Parallel()
	f := newFakes()
	for _, address := range []string{"", "nobody", "a b@c.example", "Name <a@b.example>"} {
		f.getAgent = func(context.Context, steward.AgentID) (*steward.Agent, error) {
			a := testAgent()
			a.Creator = &steward.UserInfo{ID: 7, Email: address}
			return &a, nil
		}
		a := decode[steward.Agent](t, call(door(t, f), http.MethodGet, agentsPath+agentID+"/", ""))
		if a.Creator != nil {
			t.Errorf("%q: creator %+v", address, a.Creator)
		}
	}
	good := decode[steward.Agent](t, call(door(t, newFakes()), http.MethodGet, agentsPath+agentID+"/", ""))
	if good.Creator == nil || good.Creator.Email != "owner@example.com" {
		t.Errorf("creator %+v", good.Creator)
	}
}

func TestTrap11_VersionsAreABareArrayUnlessAPageIsAskedFor(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	target := agentsPath + agentID + "/versions/"
	if list := decode[[]steward.Version](t, call(h, http.MethodGet, target+"?organization_id="+orgID, "")); len(list) != 1 {
		t.Errorf("%d versions", len(list))
	}
	for _, query := range []string{"?page=1", "?page_size=5", "?page=1&page_size=1"} {
		page := decode[steward.Page[steward.Version]](t, call(h, http.MethodGet, target+query, ""))
		if page.Count != 1 || len(page.Results) != 1 {
			t.Errorf("%s: %+v", query, page)
		}
	}
	want(t, call(h, http.MethodGet, target+"?page=2", ""), http.StatusNotFound, `{"detail":"Invalid page."}`)
}

func TestTrap15_16_StatusesAreExact(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for name, c := range map[string]struct {
		w      *httptest.ResponseRecorder
		status int
	}{
		"create":       {postJSON(h, agentsPath, `{"name":"a","engine_class_id":"b"}`), http.StatusCreated},
		"run":          {postForm(h, runPath, "a=1"), http.StatusOK},
		"run async":    {postForm(h, asyncPath, "a=1"), http.StatusOK},
		"cancel":       {call(h, http.MethodPost, jobPath+"cancel/", ""), http.StatusNoContent},
		"types":        {call(h, http.MethodGet, agentsPath+"types/", ""), http.StatusOK},
		"current user": {call(h, http.MethodGet, "/v1/users/current_user/", ""), http.StatusOK},
	} {
		if c.w.Code != c.status {
			t.Errorf("%s: %d, want %d", name, c.w.Code, c.status)
		}
	}
}

func TestTrap17_SuccessWithABodyIsNeverEmpty(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.runSync = func(context.Context, jobs.RunParams) (*steward.Job, error) {
		return &steward.Job{ID: jobID, Status: steward.StatusSuccess}, nil
	}
	h := door(t, f)
	want(t, postForm(h, runPath, "a=1"), http.StatusOK, "[]")
	for _, target := range reads() {
		if w := call(h, http.MethodGet, target, ""); !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %q", target, w.Body)
		}
	}
}

func TestTrap18_LackOfCreditIs402(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.checkRun = func(context.Context, steward.AgentID, steward.VersionID) error {
		return &steward.Error{Code: steward.NoCredit}
	}
	for _, target := range []string{runPath, asyncPath, versionPath, versionAsyncPath} {
		want(t, postForm(door(t, f), target, "a=1"), http.StatusPaymentRequired, `{"detail":"Insufficient credits to start a new job"}`)
	}
}

func TestTrap20_PageBehindTheLastIs404(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, target := range []string{agentsPath, agentsPath + agentID + "/jobs/"} {
		want(t, call(h, http.MethodGet, target+"?page=2", ""), http.StatusNotFound, `{"detail":"Invalid page."}`)
	}
}

func TestTrap21_ErrorsOfDiscoveryHaveTheBodiesThatClientsParse(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	fields := decode[map[string][]string](t, call(h, http.MethodGet, agentsPath+"models/?capability=smell", ""))
	if len(fields["capability"]) != 1 {
		t.Errorf("400 is no map: %v", fields)
	}
	for _, target := range []string{agentsPath + "types/", agentsPath + "models/", "/v1/users/current_user/"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if w.Code != http.StatusUnauthorized || decode[map[string]string](t, w)["detail"] == "" {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestTrap22_ErrorsHaveOneMessageKey(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, w := range []*httptest.ResponseRecorder{
		call(h, http.MethodGet, "/nope", ""), call(h, http.MethodPut, agentsPath, ""), postJSON(h, asyncPath, "{"),
		call(h, http.MethodGet, jobPath+"references/missing/", ""), call(h, http.MethodGet, "/v1/policies/", ""),
	} {
		body := decode[map[string]any](t, w)
		n := 0
		for _, key := range []string{"detail", "error", "message"} {
			if _, there := body[key]; there {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d message keys in %s", n, w.Body)
		}
	}
}

func TestTrap23_SlashesAreNeverRedirected(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, target := range append(reads(), jobPath+"status/", "/healthz/", "/openapi.json/", "/docs/") {
		for _, spelling := range []string{strings.TrimSuffix(target, "/"), strings.TrimSuffix(target, "/") + "/"} {
			if w := call(h, http.MethodGet, spelling, ""); w.Code != http.StatusOK {
				t.Errorf("%s: %d", spelling, w.Code)
			}
		}
	}
	want(t, postJSON(h, strings.TrimSuffix(agentsPath, "/"), `{"name":"a","engine_class_id":"b"}`), http.StatusCreated, "")
	want(t, call(h, http.MethodPost, strings.TrimSuffix(jobPath, "/")+"/cancel", ""), http.StatusNoContent, "")
}

func TestTrap24_EmptyBodiesAreValidCalls(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"", jsonType, formType, "multipart/form-data; boundary=B", "text/plain"} {
		f := newFakes()
		h := door(t, f)
		want(t, call(h, http.MethodPost, asyncPath, "", "Content-Type", contentType), http.StatusOK, "")
		if n := len(f.lastRun(t).Inputs); n != 0 {
			t.Errorf("%q: %d inputs", contentType, n)
		}
		want(t, call(h, http.MethodPost, jobPath+"cancel/", "", "Content-Type", contentType), http.StatusNoContent, "")
	}
	for _, contentType := range []string{jsonType, formType} { // a body of unknown length that turns out empty
		f := newFakes()
		want(t, send(door(t, f), asyncPath, strings.NewReader(""), contentType), http.StatusOK, "")
	}
}

func TestTrap25_FormValuesInTheDialectsOfClients(t *testing.T) {
	t.Parallel()
	f := newFakes()
	h := door(t, f)
	want(t, postForm(h, asyncPath, "flag=True&other=false&gone=%3Cnil%3E&list=%5Ba+b%5D"), http.StatusOK, "")
	if got := summary(f.lastRun(t).Inputs); got != `flag="True" other="false" list="[a b]"` {
		t.Errorf("inputs %s", got)
	}
	for _, value := range []string{"True", "true", "TRUE"} {
		w := call(h, http.MethodGet, agentsPath+agentID+"/versions/current/?get_supports_eval="+value, "")
		if !strings.Contains(w.Body.String(), `"supports_eval":true`) {
			t.Errorf("%s is not true", value)
		}
	}
}

func TestTrap26_PartsAreFilesByTheirNameNotTheirType(t *testing.T) {
	t.Parallel()
	f := newFakes()
	typed := field("note", "hello")
	typed.contentType = "text/plain; charset=utf-8"
	odd := field("data", "{}")
	odd.contentType = "application/octet-stream"
	want(t, multipartCall(door(t, f), asyncPath, typed, odd, file("table", "t.csv", "text/plain; charset=utf-8", "a,b")), http.StatusOK, "")
	if got := summary(f.lastRun(t).Inputs); got != `note="hello" data="{}" table=file(t.csv,3)` {
		t.Errorf("inputs %s", got)
	}
}

func TestTrap27_UnknownKeysAreTolerated(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	want(t, postJSON(h, agentsPath, `{"name":"a","engine_class_id":"b","organization_id":null,"surprise":{"x":[1]},"input_definitions":[{"key":"k","data_type":"d","new":1}]}`),
		http.StatusCreated, "")
	want(t, postJSON(h, "/v1/keys/", `{"name":"a","scopes":["run"],"surprise":1}`), http.StatusCreated, "")
}

func TestTrap28_NullAndEmptyDefinitionsCountAsNotSet(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"name":"a","engine_class_id":"b","input_definitions":[],"engine_config":{}}`,
		`{"name":"a","engine_class_id":"b","input_definitions":null,"engine_config":null,"version_name":null,"description":null}`,
		`{"name":"a","engine_class_id":"b"}`,
	} {
		f := newFakes()
		f.create = func(_ context.Context, p agents.CreateParams) (*steward.Agent, error) {
			if len(p.InputDefinitions) != 0 || (len(p.EngineConfig) != 0 && string(p.EngineConfig) != "{}") || p.VersionName != "" {
				t.Errorf("%s: %+v", body, p)
			}
			a := testAgent()
			return &a, nil
		}
		want(t, postJSON(door(t, f), agentsPath, body), http.StatusCreated, "")
	}
}

func TestTrap29_BlankNamesAre400(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	want(t, postJSON(h, agentsPath, `{"name":"","engine_class_id":"b"}`), http.StatusBadRequest, `{"name":["This field may not be blank."]}`)
	want(t, postJSON(h, agentsPath, `{"name":"a","engine_class_id":"b","version_name":" "}`), http.StatusBadRequest, `{"version_name":["This field may not be blank."]}`)
}

func TestTrap30_TheKeyAloneDecides(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, header := range [][]string{{}, {"X-Organization-Id", orgID, "X-Roe-Organization-Id", orgID}} {
		want(t, call(h, http.MethodGet, jobPath+"status/", "", header...), http.StatusOK, "")
		want(t, call(h, http.MethodGet, jobPath+"status/?organization_id="+orgID, "", header...), http.StatusOK, "")
	}
}

func TestTrap31_StaticSegmentsWinOverIDs(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for target, key := range map[string]string{
		agentsPath + "types/":                       `"engine_types"`,
		agentsPath + "models/":                      `"tenant_scope"`,
		agentsPath + agentID + "/versions/current/": `"base_agent"`,
		agentsPath + agentID + "/jobs/":             `"results"`,
		jobPath + "status/":                         `"timestamp"`,
	} {
		w := call(h, http.MethodGet, target, "")
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), key) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	want(t, postJSON(h, agentsPath+"jobs/statuses/", `{}`), http.StatusBadRequest, `{"job_ids":["This field is required."]}`)
	want(t, postJSON(h, agentsPath+"jobs/results/", `{}`), http.StatusBadRequest, `{"job_ids":["This field is required."]}`)
	want(t, call(h, http.MethodPatch, agentsPath+"types/", ""), http.StatusMethodNotAllowed, "")
	want(t, call(h, http.MethodGet, agentsPath+"run/", ""), http.StatusNotFound, "")
}

func TestTrap32_IDsInAnySpelling(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, spell := range []func(string) string{
		strings.ToUpper, func(s string) string { return strings.ReplaceAll(s, "-", "") },
	} {
		for _, target := range []string{
			agentsPath + spell(agentID) + "/", agentsPath + spell(agentID) + "/versions/" + spell(versionID) + "/",
			"/v1/agents/jobs/" + spell(jobID) + "/status/",
		} {
			want(t, call(h, http.MethodGet, target, ""), http.StatusOK, "")
		}
	}
	w := call(h, http.MethodGet, agentsPath+strings.ToUpper(agentID)+"/", "")
	if got := decode[steward.Agent](t, w).ID; got != agentID {
		t.Errorf("answered id %s", got)
	}
}

func TestTrap34_CapabilityTextIsNoFilter(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	all, text := call(h, http.MethodGet, agentsPath+"models/", ""), call(h, http.MethodGet, agentsPath+"models/?capability=text", "")
	if all.Body.String() != text.Body.String() || text.Code != http.StatusOK {
		t.Errorf("%d %s", text.Code, text.Body)
	}
}

func TestTrap35_ReferenceURLsNeedNoEscaping(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.reference = &steward.Reference{ResourceID: "page-1.png", ContentType: "image/png", SizeBytes: 4, SHA256: "cd"}
	f.content = []byte("\x89PNG")
	h := door(t, f)
	result := decode[struct{ References []struct{ URL string } }](t, call(h, http.MethodGet, jobPath+"result/", ""))
	const prefix = "http://example.com/v1/agents/jobs/" + jobID + "/references/"
	id, ok := strings.CutPrefix(result.References[0].URL, prefix)
	if !ok || strings.TrimSuffix(id, "/") != "page-1.png" {
		t.Fatalf("url %s", result.References[0].URL)
	}
	want(t, call(h, http.MethodGet, strings.TrimPrefix(result.References[0].URL, "http://example.com"), ""), http.StatusOK, "\x89PNG")
}

func TestTrap36_NothingStaysBehindA5xx(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.submit = func(context.Context, jobs.RunParams) (steward.JobID, error) { return "", errors.New("disk full") }
	want(t, multipartCall(door(t, f), asyncPath, file("document", "a.pdf", "", "x")), http.StatusInternalServerError, "")
	if left, runs := f.left(); left != 0 || runs != 0 {
		t.Errorf("%d files and %d runs stay", left, runs)
	}
}

func TestTrap37_EndOfASyncRunIsNever5xx(t *testing.T) {
	t.Parallel()
	for _, code := range []steward.FailureCode{
		steward.FailTimeout, steward.FailProviderError, steward.FailInternal, steward.FailModelUnavailable, steward.FailPoison,
	} {
		f := newFakes()
		f.runSync = func(context.Context, jobs.RunParams) (*steward.Job, error) {
			return &steward.Job{ID: jobID, Status: steward.StatusFailure, Failure: &steward.Failure{Code: code, Message: "No."}}, nil
		}
		if w := postForm(door(t, f), runPath, ""); w.Code < 400 || w.Code >= 500 || w.Code == 408 || w.Code == 429 {
			t.Errorf("%s: status %d would be replayed", code, w.Code)
		}
	}
	f := newFakes()
	f.runSync = func(context.Context, jobs.RunParams) (*steward.Job, error) {
		return nil, &steward.Error{Code: steward.Timeout}
	}
	if w := postForm(door(t, f), runPath, ""); w.Code != http.StatusConflict {
		t.Errorf("end of the wait: status %d", w.Code)
	}
}

func TestTrap38_RetryAfterIsAFewWholeSeconds(t *testing.T) {
	t.Parallel()
	for _, code := range []steward.Code{steward.RateLimited, steward.Unavailable} {
		for wait, header := range map[time.Duration]string{0: "1", time.Millisecond: "1", 2100 * time.Millisecond: "3", time.Hour: "60"} {
			f := newFakes()
			f.status = func(context.Context, steward.JobID) (*store.JobStatus, error) {
				return nil, &steward.Error{Code: code, RetryAfter: wait}
			}
			if got := call(door(t, f), http.MethodGet, jobPath+"status/", "").Header().Get("Retry-After"); got != header {
				t.Errorf("%s %v: %q, want %q", code, wait, got, header)
			}
		}
	}
}

func TestTrap40_PollsAreNotLimited(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	codes := map[int]int{}
	for range 2000 {
		codes[call(h, http.MethodGet, jobPath+"status/", "").Code]++
	}
	if !slices.Equal(slices.Collect(maps.Keys(codes)), []int{http.StatusOK}) {
		t.Error(fmt.Sprint(codes))
	}
}

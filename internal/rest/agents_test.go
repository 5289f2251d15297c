package rest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/store"
)

const agentsPath = "/v1/agents/"

func TestCreateAgentReadsAllEncodings(t *testing.T) {
	t.Parallel()
	form := url.Values{
		"name": {"Invoices"}, "engine_class_id": {"PDFExtractionEngine"}, "description": {"d"}, "version_name": {"v"},
		"engine_config": {`{"instruction":"Read"}`}, "input_definitions": {`[{"key":"doc","data_type":"application/pdf","description":"x"}]`},
	}
	for name, w := range map[string]func(h http.Handler) int{
		"json": func(h http.Handler) int {
			return postJSON(h, agentsPath, `{"name":"Invoices","engine_class_id":"PDFExtractionEngine","description":"d","version_name":"v",
				"engine_config":{"instruction":"Read"},"input_definitions":[{"key":"doc","data_type":"application/pdf","description":"x"}]}`).Code
		},
		"form": func(h http.Handler) int { return postForm(h, agentsPath, form.Encode()).Code },
		"multipart": func(h http.Handler) int {
			var parts []part
			for key, values := range form {
				parts = append(parts, field(key, values[0]))
			}
			return multipartCall(h, agentsPath, parts...).Code
		},
	} {
		f := newFakes()
		var got agents.CreateParams
		f.create = func(_ context.Context, p agents.CreateParams) (*steward.Agent, error) {
			got = p
			a := testAgent()
			return &a, nil
		}
		if code := w(door(t, f)); code != http.StatusCreated {
			t.Errorf("%s: status %d", name, code)
		}
		if got.Name != "Invoices" || got.EngineClassID != "PDFExtractionEngine" || got.Description != "d" || got.VersionName != "v" ||
			string(got.EngineConfig) != `{"instruction":"Read"}` || len(got.InputDefinitions) != 1 || got.InputDefinitions[0].Key != "doc" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestCreateAgentNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for body, answer := range map[string]string{
		`{}`:                               `{"name":["This field is required."],"engine_class_id":["This field is required."]}`,
		``:                                 `{"name":["This field is required."],"engine_class_id":["This field is required."]}`,
		`{"name":" ","engine_class_id":3}`: `{"name":["This field may not be blank."],"engine_class_id":["Not a valid string."]}`,
		`{"name":"a","engine_class_id":"b","version_name":""}`:                                                                  `{"version_name":["This field may not be blank."]}`,
		`{"name":"a","engine_class_id":"b","engine_config":[]}`:                                                                 `{"engine_config":["Expected a JSON object."]}`,
		`{"name":"a","engine_class_id":"b","input_definitions":{}}`:                                                             `{"input_definitions":["Expected a list of items."]}`,
		`{"name":"a","engine_class_id":"b","input_definitions":[{"key":"k","data_type":1}]}`:                                    `{"input_definitions[0].data_type":["Not a valid string."]}`,
		`{"name":"a","engine_class_id":"b","input_definitions":["x",{"data_type":"text/plain"}]}`:                               `{"input_definitions[0]":["Expected a JSON object."],"input_definitions[1].key":["This field is required."]}`,
		`{"name":"a","engine_class_id":"b","input_definitions":[{"key":"k","data_type":"d","accepts_multiple_files":"maybe"}]}`: `{"input_definitions[0].accepts_multiple_files":["Must be a valid boolean."]}`,
		"{\"name\":\"\xff\"}": `{"name":["The value is not valid UTF-8."]}`,
	} {
		w := postJSON(h, agentsPath, body)
		if w.Code != http.StatusBadRequest || w.Body.String() != answer {
			t.Errorf("%s: %d %s, want %s", body, w.Code, w.Body, answer)
		}
	}
	want(t, postForm(h, agentsPath, "name=a&engine_class_id=b&engine_config=nonsense"), http.StatusBadRequest,
		`{"engine_config":["Value must be valid JSON."]}`)
	want(t, multipartCall(h, agentsPath, file("name", "x.txt", "", "a")), http.StatusBadRequest, `{"name":["A file is not expected here."]}`)
}

func TestCreateAgentNeedsTheScope(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.scopes = []steward.Scope{steward.ScopeRun}
	want(t, postJSON(door(t, f), agentsPath, `{"name":"a","engine_class_id":"b"}`), http.StatusForbidden,
		`{"detail":"This key lacks the scope write."}`)
}

func TestListAgentsPassesItsFilters(t *testing.T) {
	t.Parallel()
	f := newFakes()
	var got agents.ListParams
	f.list = func(_ context.Context, p agents.ListParams) ([]steward.Agent, int64, error) {
		got = p
		return nil, 0, nil
	}
	h := door(t, f)
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		ok(t, err)
		return v
	}
	two, three := int64(2), int64(3)
	for query, wanted := range map[string]agents.ListParams{
		"":                             {Page: 1, PageSize: 20, Stats: true},
		"page_size=1000":               {Page: 1, PageSize: 100, Stats: true},
		"page=1&page_size=5&search=ab": {Page: 1, PageSize: 5, Search: "ab", Stats: true},
		"name=x%20y&ordering=-name":    {Page: 1, PageSize: 20, Name: "x y", Order: "-name", Stats: true},
		"include_job_stats=False&engine_class_id=E":                 {Page: 1, PageSize: 20, EngineClassIDs: []string{"E"}},
		"engine_class_id=A&engine_class_id=B&engine_class_id=":      {Page: 1, PageSize: 20, EngineClassIDs: []string{"A", "B"}, Stats: true},
		"exclude_engine_class_id=A&creator_id=7&creator_id=8":       {Page: 1, PageSize: 20, NotEngines: []string{"A"}, CreatorIDs: []steward.UserID{7, 8}, Stats: true},
		"tags=" + strings.ToUpper(tagID) + "&include_untagged=true": {Page: 1, PageSize: 20, Tags: []steward.TagID{tagID}, Untagged: true, Stats: true},
		"job_count_min=2&job_count_max=3":                           {Page: 1, PageSize: 20, JobsMin: &two, JobsMax: &three, Stats: true},
		// As one client writes times after reading them: with an offset; and as others do: with Z, or without a zone.
		"created_from=2026-01-01T00%3A00%3A00%2B00%3A00&created_to=2026-01-02T03:04:05Z": {Page: 1, PageSize: 20, Stats: true,
			Created: store.TimeRange{From: at("2026-01-01T00:00:00Z"), To: at("2026-01-02T03:04:05Z")}},
		"updated_from=2026-01-01T02:00:00%2B02:00&updated_to=2026-01-02T03:04:05.000006": {Page: 1, PageSize: 20, Stats: true,
			Updated: store.TimeRange{From: at("2026-01-01T00:00:00Z"), To: at("2026-01-02T03:04:05.000006Z")}},
		"most_recent_job_from=2026-01-01T00:00:00&most_recent_job_to=2026-01-01": {Page: 1, PageSize: 20, Stats: true,
			MostRecentJob: store.TimeRange{From: at("2026-01-01T00:00:00Z"), To: at("2026-01-01T23:59:59.999999Z")}},
	} {
		want(t, call(h, http.MethodGet, agentsPath+"?"+query, ""), http.StatusOK, `{"count":0,"next":null,"previous":null,"results":[]}`)
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s: %+v, want %+v", query, got, wanted)
		}
	}
}

func TestListAgentsNamesBadFilters(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	many := strings.Repeat("&creator_id=1", 101)
	const badTime = `"Enter a valid date and time, such as 2026-01-31T12:00:00Z."`
	for query, body := range map[string]string{
		"include_job_stats=maybe":                  `{"include_job_stats":["Must be a valid boolean."]}`,
		"include_untagged=7":                       `{"include_untagged":["Must be a valid boolean."]}`,
		"tags=x":                                   `{"tags":["\"x\" is not a valid UUID."]}`,
		"creator_id=me&job_count_min=2.5":          `{"job_count_min":["A valid integer is required."],"creator_id":["A valid integer is required."]}`,
		"job_count_max=99999999999999999999":       `{"job_count_max":["A valid integer is required."]}`,
		"created_from=yesterday":                   `{"created_from":[` + badTime + `]}`,
		"updated_to=2026-13-01&created_to=2026-02": `{"created_to":[` + badTime + `],"updated_to":[` + badTime + `]}`,
		"most_recent_job_from=1":                   `{"most_recent_job_from":[` + badTime + `]}`,
		"name=%00":                                 `{"name":["Null characters are not allowed."]}`,
		"page=x":                                   `{"page":["A valid integer is required."]}`,
		many[1:]:                                   `{"creator_id":["Ensure this list has no more than 100 values."]}`,
	} {
		want(t, call(h, http.MethodGet, agentsPath+"?"+query, ""), http.StatusBadRequest, body)
	}
	x := newHouse(t, false)
	if status, body := x.do(http.MethodGet, agentsPath+"?ordering=color", "", nil); status != 400 || !strings.HasPrefix(string(body), `{"ordering":["Must be one of name, `) {
		t.Errorf("an unknown order: %d %s", status, body)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.list = func(_ context.Context, p agents.ListParams) ([]steward.Agent, int64, error) {
		return []steward.Agent{testAgent()}, 45, nil
	}
	h := door(t, f)
	type page struct {
		Count          int
		Next, Previous *string
	}
	link := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	const base = "http://example.com/v1/agents/?"
	for query, links := range map[string][2]string{
		"":                   {base + "page=2", ""},
		"page=2&name=a%26b":  {base + "name=a%26b&page=3", base + "name=a%26b&page=1"},
		"page=3":             {"", base + "page=2"},
		"page=9&page_size=5": {"", base + "page=8&page_size=5"},
		"page_size=100":      {"", ""},
	} {
		w := call(h, http.MethodGet, agentsPath+"?"+query, "")
		want(t, w, http.StatusOK, "")
		p := decode[page](t, w)
		if p.Count != 45 || link(p.Next) != links[0] || link(p.Previous) != links[1] {
			t.Errorf("%s: %d %q %q, want %q", query, p.Count, link(p.Next), link(p.Previous), links)
		}
	}
	for query, answer := range map[string]string{
		"page=4":                    `{"detail":"Invalid page."}`,
		"page=0":                    `{"detail":"Invalid page."}`,
		"page=-1":                   `{"detail":"Invalid page."}`,
		"page=999999999":            `{"detail":"Invalid page."}`,
		"page=10&page_size=5":       `{"detail":"Invalid page."}`,
		"page=x":                    `{"page":["A valid integer is required."]}`,
		"page=99999999999999999999": `{"page":["A valid integer is required."]}`,
		"page_size=0":               `{"page_size":["Ensure this value is greater than or equal to 1."]}`,
		"page_size=ten":             `{"page_size":["A valid integer is required."]}`,
	} {
		w := call(h, http.MethodGet, agentsPath+"?"+query, "")
		if w.Body.String() != answer || (w.Code != http.StatusNotFound) == strings.Contains(answer, "detail") {
			t.Errorf("%s: %d %s, want %s", query, w.Code, w.Body, answer)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	base := agentsPath + agentID + "/versions/"
	for _, target := range []string{base + "current/", base + versionID, base + strings.ToUpper(versionID) + "/"} {
		w := call(h, http.MethodGet, target, "")
		want(t, w, http.StatusOK, "")
		v := decode[map[string]json.RawMessage](t, w)
		if string(v["id"]) != `"`+versionID+`"` || v["supports_eval"] != nil || v["base_agent"] == nil {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
	w := call(h, http.MethodGet, base+"current/?get_supports_eval=True", "")
	if string(decode[map[string]json.RawMessage](t, w)["supports_eval"]) != "true" {
		t.Errorf("supports_eval is missing: %s", w.Body)
	}
	for _, target := range []string{base + orgID + "/", agentsPath + orgID + "/versions/current/", base + "latest/", agentsPath + orgID + "/versions/"} {
		want(t, call(h, http.MethodGet, target, ""), http.StatusNotFound, `{"detail":"Not found."}`)
	}
}

func TestDiscoveryAndUser(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	types := decode[struct {
		EngineTypes []string `json:"engine_types"`
		TotalCount  int      `json:"total_count"`
		Engines     []map[string]any
	}](t, call(h, http.MethodGet, agentsPath+"types/", ""))
	if types.TotalCount != 1 || types.EngineTypes[0] != "PDFExtractionEngine" || types.Engines[0]["class_id"] != "PDFExtractionEngine" {
		t.Errorf("types %+v", types)
	}
	for capability, status := range map[string]int{"": 200, "text": 200, "image": 200, "smell": 400} {
		w := call(h, http.MethodGet, agentsPath+"models/?capability="+capability, "")
		if w.Code != status {
			t.Errorf("capability %q: %d %s", capability, w.Code, w.Body)
		}
	}
	user := decode[map[string]any](t, call(h, http.MethodGet, "/v1/users/current_user/", ""))
	if user["id"] != float64(7) || user["email"] != "owner@example.com" || user["date_joined"] != "2026-01-15T10:30:00.25Z" {
		t.Errorf("user %v", user)
	}
}

package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
)

// post makes a JSON request and decodes the answer, whose status must be the given one.
func (x *house) post(path, body string, status int, v any) {
	x.t.Helper()
	got, answer := x.do(http.MethodPost, path, jsonType, strings.NewReader(body))
	if got != status {
		x.t.Fatalf("%s: %d %s", path, got, answer)
	}
	if v != nil {
		ok(x.t, json.Unmarshal(answer, v))
	}
}

// idList returns the body of a question about jobs.
func idList(ids []string) string {
	raw, _ := json.Marshal(map[string]any{"job_ids": ids}) //nolint:errchkjson // strings always encode
	return string(raw)
}

const verdicts = `{"instruction":"Read it","output_schema":{"type":"object","properties":{"verdict":{"type":"string","enum":["approved","rejected"]}}}}`

func TestManyRunsOnTheRealServices(t *testing.T) {
	t.Parallel()
	x := newHouse(t, true)
	a := x.agent("MultimodalExtractionEngine", verdicts)
	list := "/v1/agents/" + string(a.ID) + "/jobs/"
	var ids []string
	x.post("/v1/agents/run/"+string(a.ID)+"/async/many/",
		`{"inputs":[{"text":"Verdict: approved"},{"text":"Verdict: rejected"},{"text":"Verdict: approved, really"}],"metadata":{"case":"A-1","n":3}}`, http.StatusOK, &ids)
	for _, id := range ids {
		x.await(id)
	}
	asked := []string{ids[2], ids[0], strings.ToUpper(ids[1]), ids[0]}
	var statuses, results []struct {
		ID     string
		Status steward.Status
		Result []steward.Datum
	}
	x.post(statusesPath, idList(asked), http.StatusOK, &statuses)
	x.post(resultsPath, idList(asked), http.StatusOK, &results)
	for i := range asked {
		id := strings.ToLower(asked[i])
		if statuses[i].ID != id || results[i].ID != id || statuses[i].Status != steward.StatusSuccess || len(results[i].Result) == 0 {
			t.Errorf("place %d: %+v, %+v", i, statuses[i], results[i])
		}
	}
	x.post(statusesPath, idList([]string{ids[0], otherOrg}), http.StatusNotFound, nil)

	for query, wanted := range map[string][]string{
		"ordering=id":                                   ids,
		"verdict=rejected":                              {ids[1]},
		"metadata=case:A-1,n:3&search=REALLY":           {ids[2]},
		"exclude_metadata=case:A-1":                     {},
		"job_inputs=verdict&ordering=id&limit=2":        {ids[1], ids[2]},
		"job_id=" + strings.ReplaceAll(ids[1], "-", ""): {ids[1]},
		"created_to=2020-01-01":                         {},
		"created_from=2020-01-01T00:00:00%2B00:00&version_name=version+1&status_code=3&ordering=-id": {ids[2], ids[1], ids[0]},
	} {
		var page struct {
			Count   int
			Results []struct {
				ID       string
				UIFields map[string]string        `json:"ui_fields"`
				Inputs   []struct{ Value string } `json:"job_inputs"`
			}
		}
		x.get(list+"?"+query, &page)
		got := []string{}
		for _, r := range page.Results {
			got = append(got, r.ID)
			if r.UIFields["verdict"] == "" || len(r.Inputs) != 1 || !strings.HasPrefix(r.Inputs[0].Value, "Verdict: ") {
				t.Errorf("%s shows %+v", query, r)
			}
		}
		if !slices.Equal(got, wanted) || page.Count != len(wanted) {
			t.Errorf("%s: %d %v, want %v", query, page.Count, got, wanted)
		}
	}

	var hit string
	x.post("/v1/agents/run/"+string(a.ID)+"/async/", `{"text":" Verdict: approved "}`, http.StatusOK, &hit)
	var result struct {
		Status     steward.Status
		CachedFrom string `json:"cached_from"`
		TraceURL   string `json:"trace_url"`
		Cost       float64
	}
	x.get("/v1/agents/jobs/"+hit+"/result/", &result)
	if hit == ids[0] || result.Status != steward.StatusCached || result.CachedFrom != ids[0] || result.TraceURL != x.url+"/v1/agents/jobs/"+hit+"/steps/" || result.Cost != 0 {
		t.Errorf("an equal run %s: %+v", hit, result)
	}

	var deleted struct {
		Status string
		Count  int `json:"deleted_count"`
	}
	x.post("/v1/agents/jobs/"+ids[0]+"/delete-data/", "", http.StatusOK, &deleted)
	if deleted.Status != "success" || deleted.Count == 0 {
		t.Errorf("deleted %+v", deleted)
	}
	x.post("/v1/agents/jobs/"+ids[0]+"/delete-data/", "", http.StatusOK, &deleted)
	if deleted.Count != 0 {
		t.Errorf("deleted again %+v", deleted)
	}
	_, body := x.do(http.MethodGet, "/v1/agents/jobs/"+ids[0]+"/result/", "", nil)
	if !bytes.Contains(body, []byte(`"outputs":[]`)) || !bytes.Contains(body, []byte(`"status":3`)) || bytes.Contains(body, []byte("approved")) {
		t.Errorf("after the deletion %s", body)
	}
}

func TestABatchOnTheRealServices(t *testing.T) {
	t.Parallel()
	x := newHouse(t, true)
	a := x.agent("MultimodalExtractionEngine", extraction)
	var b steward.Batch
	x.post("/v1/agents/"+string(a.ID)+"/batches/", `{"name":"Nightly","metadata":{"case":"A-1"}}`, http.StatusCreated, &b)
	path := "/v1/batches/" + string(b.ID) + "/"
	if b.State != steward.BatchOpen || b.Name != "Nightly" {
		t.Errorf("opened %+v", b)
	}
	var added struct {
		JobIDs    []string `json:"job_ids"`
		Received  int      `json:"received"`
		NextIndex int      `json:"next_index"`
	}
	send := func(start int, texts ...string) {
		var items []string
		for _, s := range texts {
			items = append(items, fmt.Sprintf(`{"text":%q}`, s))
		}
		x.post(path+"items/", fmt.Sprintf(`{"start":%d,"inputs":[%s]}`, start, strings.Join(items, ",")), http.StatusOK, &added)
	}
	send(0, "Invoice Number: INV-1", "Invoice Number: INV-2")
	first := slices.Clone(added.JobIDs)
	send(1, "Invoice Number: INV-2", "")
	if added.Received != 3 || added.NextIndex != 3 || added.JobIDs[0] != first[1] {
		t.Errorf("the second piece %+v", added)
	}
	x.post(path+"items/", `{"start":1,"inputs":[{"text":"other"}]}`, http.StatusConflict, nil)
	for _, id := range append(first, added.JobIDs[1]) {
		x.await(id)
	}
	x.post(path+"close/", "", http.StatusOK, &b)
	x.post(path+"items/", `{"start":9,"inputs":[{"text":"late"}]}`, http.StatusConflict, nil)
	x.get(path, &b)
	if b.ClosedAt == nil || b.Counts != (steward.BatchCounts{Success: 2, Failure: 1}) {
		t.Errorf("closed %+v", b)
	}
	var page steward.Page[steward.BatchItem]
	x.get(path+"items/?status_code=4", &page)
	if page.Count != 1 || page.Results[0].Index != 2 || page.Results[0].ErrorMessage != "Missing input key text" {
		t.Errorf("the refused item %+v", page)
	}
	var batches steward.Page[steward.Batch]
	x.get("/v1/batches/?agent_id="+string(a.ID), &batches)
	if batches.Count != 1 || batches.Results[0].ID != b.ID {
		t.Errorf("batches %+v", batches)
	}
	x.post("/v1/batches/"+otherOrg+"/cancel/", "", http.StatusNotFound, nil)
}

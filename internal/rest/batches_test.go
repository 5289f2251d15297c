package rest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
)

const (
	batchesPath = "/v1/batches/"
	batchPath   = batchesPath + batchID + "/"
	openPath    = agentsPath + agentID + "/batches/"
	batchStart  = `{"id":"` + batchID + `","organization_id":"` + orgID + `","agent_id":"` + agentID + `","agent_version_id":"` + versionID +
		`","agent_version_name":"version 1","creator_id":7,"name":"Nightly","metadata":{},"state":"`
)

func TestOpenABatch(t *testing.T) {
	t.Parallel()
	f := newFakes()
	var got jobs.BatchParams
	f.many.createBatch = func(_ context.Context, p jobs.BatchParams) (*steward.Batch, error) {
		got = p
		return testBatch(), nil
	}
	h := door(t, f)
	w := postJSON(h, openPath, `{"name":"Nightly","metadata":{"case": 1},"organization_id":"`+orgID+`"}`, "Idempotency-Key", "k")
	want(t, w, http.StatusCreated, batchStart+`open","created_at":"2026-01-15T10:30:00.25Z","closed_at":null,"cancelled_at":null,"completed_at":null,`+
		`"received":3,"next_index":5,"counts":{"pending":1,"started":0,"retry":0,"success":2,"failure":0,"cancelled":0,"cached":0}}`)
	if wanted := (jobs.BatchParams{AgentID: agentID, Name: "Nightly", Metadata: json.RawMessage(`{"case":1}`), IdempotencyKey: "k"}); !reflect.DeepEqual(got, wanted) {
		t.Errorf("asked for %+v, want %+v", got, wanted)
	}
	want(t, call(h, http.MethodPost, strings.TrimSuffix(openPath, "/"), ""), http.StatusCreated, "")
	if wanted := (jobs.BatchParams{AgentID: agentID}); !reflect.DeepEqual(got, wanted) {
		t.Errorf("without a body %+v", got)
	}
	want(t, postJSON(h, openPath, `{"name":3}`), http.StatusBadRequest, `{"name":["Not a valid string."]}`)
	want(t, postJSON(h, openPath, `{"metadata":"x"}`), http.StatusBadRequest, `{"metadata":["Invalid JSON string."]}`)
	want(t, postJSON(h, openPath, `{"organization_id":"`+otherOrg+`"}`), http.StatusForbidden, "")
	want(t, postJSON(h, agentsPath+otherOrg+"/batches/", `{}`), http.StatusNotFound, "")
}

func TestBatchesAreReadAndMoved(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, c := range []struct{ method, target, state string }{
		{http.MethodGet, batchPath, "open"}, {http.MethodPost, batchPath + "close/", "running"},
		{http.MethodPost, batchPath + "cancel", "cancelled"}, {http.MethodPost, batchPath + "resume/", "open"},
		{http.MethodGet, batchesPath + strings.ToUpper(batchID), "open"},
	} {
		w := call(h, c.method, c.target, "")
		want(t, w, http.StatusOK, "")
		if !strings.HasPrefix(w.Body.String(), batchStart+c.state+`"`) {
			t.Errorf("%s %s: %s", c.method, c.target, w.Body)
		}
	}
	for _, c := range []struct{ method, action string }{
		{http.MethodGet, ""}, {http.MethodPost, "close/"}, {http.MethodPost, "cancel/"}, {http.MethodPost, "resume/"}, {http.MethodGet, "items/"},
	} {
		if c.action != "resume/" {
			want(t, call(h, c.method, batchesPath+otherOrg+"/"+c.action, ""), http.StatusNotFound, "")
		}
		want(t, call(h, c.method, batchesPath+"x/"+c.action, ""), http.StatusNotFound, "")
	}
	page := decode[steward.Page[json.RawMessage]](t, call(h, http.MethodGet, batchesPath+"?agent_id="+agentID, ""))
	if page.Count != 1 || !strings.HasPrefix(string(page.Results[0]), batchStart) {
		t.Errorf("list %+v", page)
	}
	want(t, call(h, http.MethodGet, batchesPath+"?agent_id=x", ""), http.StatusBadRequest, "")
	want(t, call(h, http.MethodGet, batchesPath+"?agent_id="+otherOrg, ""), http.StatusNotFound, "")
	want(t, call(h, http.MethodGet, batchesPath+"?page=2", ""), http.StatusNotFound, `{"detail":"Invalid page."}`)
}

func TestItemsOfABatch(t *testing.T) {
	t.Parallel()
	f := newFakes()
	var got jobs.ItemsParams
	f.many.addItems = func(_ context.Context, _ steward.BatchID, p jobs.ItemsParams) ([]steward.JobID, error) {
		got = p
		return numbered(len(p.Items)), nil
	}
	h := door(t, f)
	want(t, postJSON(h, batchPath+"items/", `{"start":3,"inputs":[{"text":"a"},{}]}`, "X-Skip-Cache", "true"), http.StatusOK,
		`{"job_ids":["0190a000-0000-7000-8000-200000000000","0190a000-0000-7000-8000-200000000001"],"received":3,"next_index":5}`)
	if got.Start != 3 || len(got.Items) != 2 || summary(got.Items[0]) != `text="a"` || !got.SkipCache {
		t.Errorf("asked for %+v", got)
	}
	for body, answer := range map[string]string{
		`{"inputs":[{}]}`:                          `{"start":["This field is required."]}`,
		`{"start":1.5,"inputs":[{}]}`:              `{"start":["A valid integer is required."]}`,
		`{"start":"x","inputs":[{}]}`:              `{"start":["A valid integer is required."]}`,
		`{"start":0}`:                              `{"inputs":["This field is required."]}`,
		`{"start":0,"inputs":[]}`:                  `{"inputs":["This list may not be empty."]}`,
		`{"start":0,"inputs":` + items(1001) + `}`: `{"inputs":["Ensure this field has no more than 1000 elements."]}`,
	} {
		want(t, postJSON(h, batchPath+"items/", body), http.StatusBadRequest, answer)
	}
	f.many.addItems = func(context.Context, steward.BatchID, jobs.ItemsParams) ([]steward.JobID, error) {
		return nil, &steward.Error{Code: steward.Conflict, Message: "Item 3 was sent before with other content."}
	}
	want(t, postJSON(h, batchPath+"items/", `{"start":3,"inputs":[{}]}`), http.StatusConflict, `{"error":"Item 3 was sent before with other content."}`)
}

func TestListItemsOfABatch(t *testing.T) {
	t.Parallel()
	f := newFakes()
	h := door(t, f)
	want(t, call(h, http.MethodGet, batchPath+"items/", ""), http.StatusOK,
		`{"count":1,"next":null,"previous":null,"results":[{"index":4,"job_id":"`+jobID+`","status":4,"created_at":"2026-01-15T10:30:00.25Z","ended_at":null,`+
			`"error_message":"No.","failure_code":"internal"}]}`)
	var got store.ItemQuery
	var gotPage, gotSize int
	f.many.listItems = func(_ context.Context, _ steward.BatchID, q store.ItemQuery, page, size int) ([]steward.BatchItem, int64, error) {
		got, gotPage, gotSize = q, page, size
		return nil, 2001, nil
	}
	w := call(h, http.MethodGet, batchPath+"items/?status_code=4,5&from=7&page=3&page_size=1000", "")
	want(t, w, http.StatusOK, "")
	if !slices.Equal(got.Status, []steward.Status{4, 5}) || got.From != 7 || gotPage != 3 || gotSize != 1000 {
		t.Errorf("asked for %+v, page %d of %d", got, gotPage, gotSize)
	}
	if !strings.Contains(w.Body.String(), `"next":null,"previous":"http://example.com`+batchPath+`items/?from=7&page=2&page_size=1000&status_code=4%2C5","results":[]`) {
		t.Errorf("links %s", w.Body)
	}
	if call(h, http.MethodGet, batchPath+"items/?page_size=5000", ""); gotSize != 1000 {
		t.Errorf("a page of %d", gotSize)
	}
	for query, field := range map[string]string{"status_code=9": "status_code", "from=x": "from", "from=-1": "from", "page_size=x": "page_size"} {
		w := call(h, http.MethodGet, batchPath+"items/?"+query, "")
		want(t, w, http.StatusBadRequest, "")
		if got := decode[map[string][]string](t, w); len(got[field]) != 1 {
			t.Errorf("%s: %s", query, w.Body)
		}
	}
	want(t, call(h, http.MethodGet, batchPath+"items/?page=4&page_size=1000", ""), http.StatusNotFound, `{"detail":"Invalid page."}`)
}

func TestResumeNamesTheStatuses(t *testing.T) {
	t.Parallel()
	f := newFakes()
	var got []steward.Status
	f.many.resume = func(_ context.Context, _ steward.BatchID, statuses []steward.Status) (*steward.Batch, error) {
		got = statuses
		return testBatch(), nil
	}
	h := door(t, f)
	for body, wanted := range map[string][]steward.Status{
		``: nil, `{}`: nil, `{"status_code":null}`: nil, `{"status_code":[4]}`: {4}, `{"status_code":[5,4]}`: {5, 4},
	} {
		got = []steward.Status{9}
		want(t, postJSON(h, batchPath+"resume/", body), http.StatusOK, "")
		if !slices.Equal(got, wanted) {
			t.Errorf("%s: %v", body, got)
		}
	}
	for _, body := range []string{`{"status_code":4}`, `{"status_code":["x"]}`, `{"status_code":{}}`} {
		want(t, postJSON(h, batchPath+"resume/", body), http.StatusBadRequest, `{"status_code":["Must be a list of 4 (failed) and 5 (cancelled)."]}`)
	}
}

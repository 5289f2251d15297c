package rest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
)

const listPath = agentsPath + agentID + "/jobs/"

func TestListJobs(t *testing.T) {
	t.Parallel()
	f := newFakes()
	open := testJob()
	open.Status, open.EndedAt, open.CreatorID, open.Events, open.Metadata, open.Inputs = steward.StatusStarted, time.Time{}, 99, nil, nil, nil
	cached := testJob()
	cached.Status, cached.Verdict = steward.StatusCached, "approved"
	cached.Events = append(cached.Events, steward.StatusEvent{Timestamp: when().Add(time.Hour), StatusCode: steward.StatusCached})
	f.listJobs = func(context.Context, jobs.ListParams) ([]steward.Job, int64, error) {
		return []steward.Job{*open, *cached}, 2, nil
	}
	h := door(t, f)
	w := call(h, http.MethodGet, listPath, "")
	want(t, w, http.StatusOK, "")
	page := decode[struct{ Results []map[string]json.RawMessage }](t, w)
	for key, values := range map[string][2]string{
		"duration_ms":   {"null", "1000"}, // the CACHED event an hour later does not count
		"status_events": {"[]", ""},
		"metadata":      {"{}", `{"case":"A-1","deep":"{\"x\":null}","n":"3","none":"null"}`},
		"creator":       {"null", `{"id":7,"email":"owner@example.com","display_name":"Ada Owner","first_name":"Ada","last_name":"Owner"}`},
		"job_inputs": {"[]", `[{"key":"document","description":"An invoice","data_type":"application/pdf","value":"0190a000-0000-7000-8000-00000000000a","file_name":"inv.pdf"},` +
			`{"key":"note","description":"","data_type":"text/plain","value":"a <b> & c"}]`},
		"ui_fields":  {"{}", `{"verdict":"approved"}`},
		"evaluation": {"null", "null"},
	} {
		for i, value := range values {
			if value != "" && string(page.Results[i][key]) != value {
				t.Errorf("%s of job %d: %s, want %s", key, i, page.Results[i][key], value)
			}
		}
	}
	f.listJobs = func(context.Context, jobs.ListParams) ([]steward.Job, int64, error) {
		broken := testJob()
		broken.Metadata = json.RawMessage(`[1]`)
		return []steward.Job{*broken}, 1, nil
	}
	want(t, call(h, http.MethodGet, listPath, ""), http.StatusInternalServerError, `{"detail":"Internal server error."}`)
}

func TestListedInputsAreShortened(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.listJobs = func(context.Context, jobs.ListParams) ([]steward.Job, int64, error) {
		job := testJob()
		job.Inputs = []steward.Input{{Key: "text", Value: strings.Repeat("ä", 600)}, {Key: "short", Value: strings.Repeat("ä", 500)}}
		return []steward.Job{*job}, 1, nil
	}
	page := decode[struct {
		Results []struct {
			Inputs []struct{ Value string } `json:"job_inputs"`
		}
	}](t, call(door(t, f), http.MethodGet, listPath, ""))
	for _, in := range page.Results[0].Inputs {
		if in.Value != strings.Repeat("ä", 500) {
			t.Errorf("%d bytes are shown", len(in.Value))
		}
	}
}

// asked returns what a query asks the service for.
func asked(t *testing.T, query string) jobs.ListParams {
	t.Helper()
	f := newFakes()
	var got jobs.ListParams
	f.listJobs = func(_ context.Context, p jobs.ListParams) ([]steward.Job, int64, error) {
		got = p
		return nil, 0, nil
	}
	want(t, call(door(t, f), http.MethodGet, listPath+"?"+query, ""), http.StatusOK, "")
	return got
}

func TestListFiltersReachTheService(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	desc := func(by store.JobOrderKey) store.JobOrder { return store.JobOrder{By: by, Descending: true} }
	for query, wanted := range map[string]store.JobQuery{
		"": {},
		"status_code=3,%204&status_code=6&version_name=version+1&search=+inv+&job_inputs=total": {
			Status: []steward.Status{3, 4, 6}, VersionNames: []string{"version 1"}, Search: "inv", Inputs: "total",
		},
		"version_name=a,+b&verdict=Approve,+with+care&verdict=no": {
			VersionNames: []string{"a, b", "a", "b"}, Verdicts: []string{"Approve, with care", "Approve", "with care", "no"},
		},
		"metadata=case:A-1,+url:http://x&exclude_metadata=team:,n:3": {
			Metadata: []store.Label{{Key: "case", Value: "A-1"}, {Key: "url", Value: "http://x"}}, NotMetadata: []store.Label{{Key: "team"}, {Key: "n", Value: "3"}},
		},
		"job_id=" + strings.ToUpper(strings.ReplaceAll(jobID, "-", "")):            {JobID: jobID},
		"created_from=2026-01-02T12:00:00%2B00:00&created_to=2026-01-02T12:00:00Z": {CreatedFrom: noon, CreatedTo: noon},
		"created_from=2026-01-02T13:00:00+01:00&created_to=2026-01-02+12:00:00":    {CreatedFrom: noon, CreatedTo: noon},
		"created_from=2026-01-02T12:00:00&created_to=2026-01-02":                   {CreatedFrom: noon, CreatedTo: noon.Add(12*time.Hour - time.Microsecond)},
		"created_from=2026-01-02T11:59:59.999999%2B00:00":                          {CreatedFrom: noon.Add(-time.Microsecond)},
		"limit=0": {Newest: -1}, "limit=5": {Newest: 5},
		"ordering=-created_at":                                  {Order: []store.JobOrder{desc(store.ByCreated)}},
		"ordering=status_code,-cost,grader_score,duration,cost": {Order: []store.JobOrder{{By: store.ByStatus}, desc(store.ByCost), {By: store.ByDuration}}},
		"ordering=-id,cost,status_code":                         {Order: []store.JobOrder{desc(store.ByID)}},
		"ordering=agent_version_name,last_updated_at,,":         {Order: []store.JobOrder{{By: store.ByVersionName}, {By: store.ByUpdated}}},
		"status_code=&version_name=&metadata=&search=&job_id=&created_from=&ordering=&verdict=&semantic_string=": {},
	} {
		got := asked(t, query).JobQuery
		wanted.AgentID = agentID
		switch wanted.Newest {
		case 0:
			wanted.Newest = 100_000 // without a word about it
		case -1:
			wanted.Newest = 0
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", query, got, wanted)
		}
	}
	if p := asked(t, "page=1&page_size=7"); p.Page != 1 || p.PageSize != 7 {
		t.Errorf("page %d of %d", p.Page, p.PageSize)
	}
}

func TestBadListFiltersAreNamed(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for query, field := range map[string]string{
		"status_code=7": "status_code", "status_code=3,x": "status_code", "status_code=3,,4": "status_code", "status_code=-1": "status_code",
		"metadata=case": "metadata", "metadata=:x": "metadata", "exclude_metadata=a:b,c": "exclude_metadata",
		"job_id=x": "job_id", "created_from=yesterday": "created_from", "created_to=2026-13-01": "created_to", "created_to=2026-01-01T25:00:00Z": "created_to",
		"limit=x": "limit", "limit=-1": "limit", "limit=1000001": "limit", "page=x": "page", "page_size=0": "page_size",
		"ordering=colour": "ordering", "ordering=--cost": "ordering", "ordering=status_code,cost,duration,created_at,last_updated_at": "ordering",
		"semantic_string=refund": "semantic_string", "search=a%00b": "search", "metadata=a:%ff": "metadata", "verdict=" + strings.Repeat("a,", 100): "verdict",
	} {
		w := call(h, http.MethodGet, listPath+"?"+query, "")
		want(t, w, http.StatusBadRequest, "")
		if got := decode[map[string][]string](t, w); len(got) != 1 || len(got[field]) != 1 || got[field][0] == "" {
			t.Errorf("%s: %s", query, w.Body)
		}
	}
	want(t, call(h, http.MethodGet, agentsPath+"x/jobs/", ""), http.StatusNotFound, "")
}

func TestPagesOfAFilteredListKeepTheFilter(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.listJobs = func(context.Context, jobs.ListParams) ([]steward.Job, int64, error) {
		return []steward.Job{*testJob()}, 3, nil
	}
	page := decode[steward.Page[json.RawMessage]](t, call(door(t, f), http.MethodGet, listPath+"?page=2&page_size=1&verdict=a%2Cb", ""))
	for name, link := range map[string]*string{"1": page.Previous, "3": page.Next} {
		if link == nil {
			t.Fatalf("no link to page %s", name)
		}
		u, err := url.Parse(*link)
		if err != nil || u.Query().Get("verdict") != "a,b" || u.Query().Get("page") != name || !slices.Equal(u.Query()["page_size"], []string{"1"}) {
			t.Errorf("link %s, %v", *link, err)
		}
	}
}

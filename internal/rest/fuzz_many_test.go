package rest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
)

// FuzzManyRun sends any body as one of many items: what reaches the service is whole, and the answer is always JSON.
func FuzzManyRun(f *testing.F) {
	for _, seed := range []string{
		`{"inputs":[{"text":"a"},{}],"metadata":{"a":1}}`, `{"inputs":[{"a":[1,{"b":"]"}]}]}`, `{"inputs":[null]}`, `{"inputs":"[]"}`, `[]`, ``, `{"inputs":[{}`,
		`{"inputs":[{"a":1,"a":2}],"inputs":[]}`, "{\"inputs\":[{\"\xff\":1}]}", `{"inputs":[{"organization_id":"` + orgID + `"}],"timeout_seconds":"1e3"}`, `{"start":1,"inputs":[{}]}`,
	} {
		f.Add(seed)
	}
	fk := newFakes()
	var got [][]jobs.RawInput
	fk.many.runMany = func(_ context.Context, p jobs.ManyParams) ([]steward.JobID, error) {
		got = p.Items
		return numbered(len(p.Items)), nil
	}
	fk.many.addItems = func(_ context.Context, _ steward.BatchID, p jobs.ItemsParams) ([]steward.JobID, error) {
		got = p.Items
		return numbered(len(p.Items)), nil
	}
	h := door(f, fk)
	f.Fuzz(func(t *testing.T, body string) {
		for _, target := range []string{manyPath, batchPath + "items/"} {
			got = nil
			w := postJSON(h, target, body)
			checkAnswer(t, w, http.StatusOK, http.StatusBadRequest, http.StatusForbidden)
			if (w.Code == http.StatusOK) != (len(got) > 0) {
				t.Fatalf("status %d with %d items", w.Code, len(got))
			}
			for _, item := range got {
				for _, in := range item {
					if in.JSON != nil && !json.Valid(in.JSON) || in.Key == "metadata" || in.Key == "timeout_seconds" || in.Key == "idempotency_key" {
						t.Errorf("input %q holds %q", in.Key, in.JSON)
					}
				}
			}
		}
	})
}

// FuzzJobList sends any query: the answer is a page or names what is wrong.
func FuzzJobList(f *testing.F) {
	for _, seed := range []string{
		"status_code=3,4&ordering=-cost", "metadata=a:b,c:d", "created_from=2026-01-01T00:00:00 00:00", "limit=1e3", "ordering=,-,", "job_id=\x00", "page=99999999999999999999", "verdict=%zz",
	} {
		f.Add(seed)
	}
	h := door(f, newFakes())
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return // it is refused before the list sees it
		}
		checkAnswer(t, call(h, http.MethodGet, listPath+"?"+values.Encode(), ""), http.StatusOK, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound)
	})
}

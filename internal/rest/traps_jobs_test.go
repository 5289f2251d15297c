package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
)

// The traps of the wire (see traps_test.go) that concern many runs, many jobs and batches.

const oneJob = `{"job_ids":["` + jobID + `"]}`

func TestTrap01_ListsOfManyAreNeverNull(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.many.results = func(context.Context, []steward.JobID) (iter.Seq2[*steward.Job, error], error) {
		return func(yield func(*steward.Job, error) bool) {
			yield(&steward.Job{ID: jobID, Status: steward.StatusFailure}, nil)
		}, nil
	}
	f.many.deleteData = func(context.Context, steward.JobID) (*jobs.Deletion, error) { return &jobs.Deletion{}, nil }
	f.many.listItems = func(context.Context, steward.BatchID, store.ItemQuery, int, int) ([]steward.BatchItem, int64, error) {
		return nil, 0, nil
	}
	h := door(t, f)
	for body, lists := range map[string][]string{
		postJSON(h, resultsPath, oneJob).Body.String():                     {`"result":[]`, `"inputs":[]`, `"metadata":{}`},
		call(h, http.MethodPost, jobPath+"delete-data/", "").Body.String(): {`"errors":[]`},
		call(h, http.MethodGet, batchPath+"items/", "").Body.String():      {`"results":[]`},
		call(h, http.MethodGet, batchPath, "").Body.String():               {`"metadata":{}`},
	} {
		for _, list := range lists {
			if !strings.Contains(body, list) {
				t.Errorf("no %s in %s", list, body)
			}
		}
	}
}

func TestTrap02_EveryRequiredKeyOfManyIsThere(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for name, c := range map[string]struct {
		w    *httptest.ResponseRecorder
		keys string
		at   string
	}{
		"statuses":    {postJSON(h, statusesPath, oneJob), "id status created_at last_updated_at timestamp error_message", "0"},
		"results":     {postJSON(h, resultsPath, oneJob), "id status result corrected_outputs agent_id agent_version_id cost inputs input_tokens output_tokens", "0"},
		"cancel-all":  {call(h, http.MethodPost, listPath+"cancel-all/", ""), "task_id targeted_count note", ""},
		"delete-data": {call(h, http.MethodPost, jobPath+"delete-data/", ""), "status deleted_count failed_count blob_sanitized artifacts_deleted_count artifacts_failed_count errors outputs_sanitized", ""},
		"job list":    {call(h, http.MethodGet, listPath, ""), "id agent_version_name status_events status_code created_at last_updated_at duration_ms job_inputs metadata ui_fields evaluation feedback_review creator", "results.0"},
	} {
		var v any
		if err := json.Unmarshal(c.w.Body.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		object := at(v, c.at)
		for key := range strings.FieldsSeq(c.keys) {
			if _, there := object[key]; !there {
				t.Errorf("%s: no %s", name, key)
			}
		}
	}
}

func TestTrap04_EpochOfManyStatusesIsANumberAndTimesAreText(t *testing.T) {
	t.Parallel()
	got := decode[[]struct {
		Timestamp float64 `json:"timestamp"`
		CreatedAt string  `json:"created_at"`
	}](t, postJSON(door(t, newFakes()), statusesPath, oneJob))
	if got[0].Timestamp != 1768473001.25 || got[0].CreatedAt != "2026-01-15T10:30:00.25Z" {
		t.Errorf("%+v", got)
	}
}

func TestTrap09_DeleteDataHasTheFlagsOfAllClients(t *testing.T) {
	t.Parallel()
	got := decode[map[string]any](t, call(door(t, newFakes()), http.MethodPost, jobPath+"delete-data/", ""))
	for key, value := range map[string]any{"blob_sanitized": true, "outputs_sanitized": true, "artifacts_deleted_count": 8.0, "artifacts_failed_count": 0.0} {
		if got[key] != value {
			t.Errorf("%s is %v", key, got[key])
		}
	}
}

func TestTrap14_EveryIDIsAnsweredInCanonicalForm(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	spelled := []string{jobID, strings.ToUpper(jobID), strings.ReplaceAll(jobID, "-", ""), jobID}
	body, err := json.Marshal(map[string]any{"job_ids": spelled})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{statusesPath, resultsPath} {
		got := decode[[]struct {
			ID     string          `json:"id"`
			Result json.RawMessage `json:"result"`
		}](t, postJSON(h, target, string(body)))
		if len(got) != len(spelled) {
			t.Fatalf("%s answers %d of %d ids", target, len(got), len(spelled))
		}
		for _, item := range got {
			if item.ID != jobID {
				t.Errorf("%s answers id %s", target, item.ID)
			}
			if target == resultsPath && item.Result[0] != '[' {
				t.Errorf("result %s is no list", item.Result)
			}
		}
	}
}

func TestTrap15_16_StatusesOfManyAreExact(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for name, c := range map[string]struct {
		w      *httptest.ResponseRecorder
		status int
	}{
		"run many":    {postJSON(h, manyPath, `{"inputs":[{}]}`), http.StatusOK},
		"statuses":    {postJSON(h, statusesPath, oneJob), http.StatusOK},
		"results":     {postJSON(h, resultsPath, oneJob), http.StatusOK},
		"cancel-all":  {call(h, http.MethodPost, listPath+"cancel-all/", ""), http.StatusOK},
		"delete-data": {call(h, http.MethodPost, jobPath+"delete-data/", ""), http.StatusOK},
		"open batch":  {postJSON(h, openPath, `{}`), http.StatusCreated},
	} {
		if c.w.Code != c.status {
			t.Errorf("%s: %d, want %d", name, c.w.Code, c.status)
		}
	}
}

func TestTrap17_AnswersAboutManyAreNeverEmpty(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.many.results = func(context.Context, []steward.JobID) (iter.Seq2[*steward.Job, error], error) {
		return func(func(*steward.Job, error) bool) {}, nil
	}
	h := door(t, f)
	for _, w := range []*httptest.ResponseRecorder{
		postJSON(h, manyPath, `{"inputs":[{}]}`), postJSON(h, statusesPath, oneJob), postJSON(h, resultsPath, oneJob),
		call(h, http.MethodPost, listPath+"cancel-all/", ""), call(h, http.MethodPost, jobPath+"delete-data/", ""), call(h, http.MethodPost, batchPath+"close/", ""),
	} {
		if !json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != jsonType {
			t.Errorf("%d %q", w.Code, w.Body)
		}
	}
}

func TestTrap18_LackOfCreditOfManyIs402(t *testing.T) {
	t.Parallel()
	f := newFakes()
	spent := &steward.Error{Code: steward.NoCredit}
	f.many.runMany = func(context.Context, jobs.ManyParams) ([]steward.JobID, error) { return nil, spent }
	f.many.addItems = func(context.Context, steward.BatchID, jobs.ItemsParams) ([]steward.JobID, error) { return nil, spent }
	h := door(t, f)
	const body = `{"detail":"Insufficient credits to start a new job"}`
	want(t, postJSON(h, manyPath, `{"inputs":[{}]}`), http.StatusPaymentRequired, body)
	want(t, postJSON(h, batchPath+"items/", `{"start":0,"inputs":[{}]}`), http.StatusPaymentRequired, body)
}

func TestTrap20_PageBehindTheLastBatchIs404(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, target := range []string{batchesPath, batchPath + "items/"} {
		want(t, call(h, http.MethodGet, target+"?page=2", ""), http.StatusNotFound, `{"detail":"Invalid page."}`)
	}
}

func TestTrap22_ErrorsAboutManyHaveOneMessageKey(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.many.deleteData = func(context.Context, steward.JobID) (*jobs.Deletion, error) {
		return nil, &steward.Error{Code: steward.Conflict}
	}
	f.many.addItems = func(context.Context, steward.BatchID, jobs.ItemsParams) ([]steward.JobID, error) {
		return nil, &steward.Error{Code: steward.Conflict}
	}
	h := door(t, f)
	for _, w := range []*httptest.ResponseRecorder{
		postJSON(h, statusesPath, `{"job_ids":["`+otherOrg+`"]}`), call(h, http.MethodPost, jobPath+"delete-data/", ""),
		postJSON(h, batchPath+"items/", `{"start":0,"inputs":[{}]}`), postJSON(h, manyPath, `{`), call(h, http.MethodGet, batchesPath+otherOrg+"/", ""),
		call(h, http.MethodDelete, batchPath, ""),
	} {
		body := decode[map[string]any](t, w)
		n := 0
		for _, key := range []string{"detail", "error", "message"} {
			if _, there := body[key]; there {
				n++
			}
		}
		if n != 1 || w.Code < 400 {
			t.Errorf("%d message keys in %d %s", n, w.Code, w.Body)
		}
	}
}

func TestTrap23_SlashesOfManyAreNeverRedirected(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for target, body := range map[string]string{
		manyPath: `{"inputs":[{}]}`, statusesPath: oneJob, resultsPath: oneJob, listPath + "cancel-all/": "", jobPath + "delete-data/": "",
		openPath: "", batchPath + "close/": "", batchPath + "items/": `{"start":0,"inputs":[{}]}`,
	} {
		for _, spelling := range []string{target, strings.TrimSuffix(target, "/")} {
			if w := postJSON(h, spelling, body); w.Code != http.StatusOK && w.Code != http.StatusCreated {
				t.Errorf("%s: %d", spelling, w.Code)
			}
		}
	}
}

func TestTrap24_EmptyBodiesOfCallsAboutManyAreValid(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, contentType := range []string{"", jsonType, formType, "text/plain"} {
		for _, target := range []string{listPath + "cancel-all/", jobPath + "delete-data/", jobPath + "cancel/", batchPath + "close/", batchPath + "cancel/", batchPath + "resume/", openPath} {
			if w := call(h, http.MethodPost, target, "", "Content-Type", contentType); w.Code < 200 || w.Code > 204 {
				t.Errorf("%q %s: %d %s", contentType, target, w.Code, w.Body)
			}
		}
	}
}

func TestTrap27_UnknownKeysOfManyAreTolerated(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	want(t, postJSON(h, manyPath, `{"inputs":[{"metadata":{"a":1},"surprise":[]}],"surprise":{"x":1},"metadata":null}`), http.StatusOK, "")
	want(t, postJSON(h, statusesPath, `{"job_ids":["`+jobID+`"],"organization_id":null,"surprise":1}`), http.StatusOK, "")
	want(t, postJSON(h, openPath, `{"surprise":1}`), http.StatusCreated, "")
	want(t, postJSON(h, batchPath+"items/", `{"start":0,"inputs":[{}],"metadata":{}}`), http.StatusOK, "")
}

func TestTrap32_IDsOfManyInAnySpelling(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, spell := range []func(string) string{strings.ToUpper, func(s string) string { return strings.ReplaceAll(s, "-", "") }} {
		want(t, postJSON(h, agentsPath+"run/"+spell(agentID)+"/async/many/", `{"inputs":[{}]}`), http.StatusOK, "")
		want(t, call(h, http.MethodPost, agentsPath+spell(agentID)+"/jobs/cancel-all/", ""), http.StatusOK, "")
		want(t, call(h, http.MethodPost, "/v1/agents/jobs/"+spell(jobID)+"/delete-data/", ""), http.StatusOK, "")
		if got := decode[steward.Batch](t, call(h, http.MethodGet, batchesPath+spell(batchID)+"/", "")).ID; got != batchID {
			t.Errorf("answered id %s", got)
		}
	}
}

func TestTrap36_AManyRunThatIsA5xxStoredNothing(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.many.runMany = func(ctx context.Context, _ jobs.ManyParams) ([]steward.JobID, error) {
		if ctx.Err() != nil {
			t.Error("the end of the connection reaches the service")
		}
		return nil, fmt.Errorf("submit jobs: %w", errors.New("disk full"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest(http.MethodPost, manyPath, strings.NewReader(`{"inputs":[{}]}`)).WithContext(ctx)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", jsonType)
	w := httptest.NewRecorder()
	door(t, f).ServeHTTP(w, r)
	want(t, w, http.StatusInternalServerError, `{"detail":"Internal server error."}`)
}

func TestTrap40_PollsOfManyAreNotLimited(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for range 500 {
		want(t, postJSON(h, statusesPath, oneJob), http.StatusOK, "")
	}
}

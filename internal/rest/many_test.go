package rest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
)

const (
	manyPath     = asyncPath + "many/"
	statusesPath = "/v1/agents/jobs/statuses/"
	resultsPath  = "/v1/agents/jobs/results/"
)

// items returns the JSON of n objects of inputs.
func items(n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(`{"text":"a"},`, n), ",") + "]"
}

func TestRunManyKeepsTypesAndLeavesReservedNamesOut(t *testing.T) {
	t.Parallel()
	f := newFakes()
	var got jobs.ManyParams
	f.many.runMany = func(_ context.Context, p jobs.ManyParams) ([]steward.JobID, error) {
		got = p
		return numbered(len(p.Items)), nil
	}
	h := door(t, f)
	body := `{"inputs": [ {"text":"a","n":1.50,"list":[1, "x"],"gone":null,"metadata":{"own":1},"timeout_seconds":5,"idempotency_key":"k","organization_id":"` + orgID + `"},
		{}, {"text":"\u00e4","text":"b"} ], "metadata":{"case": "A-1"}, "timeout_seconds": 90, "surprise": [1], "organization_id":"` + orgID + `"}`
	want(t, postJSON(h, manyPath, body, "X-Skip-Cache", "true"), http.StatusOK,
		`["0190a000-0000-7000-8000-200000000000","0190a000-0000-7000-8000-200000000001","0190a000-0000-7000-8000-200000000002"]`)
	var lines []string
	for _, in := range got.Items {
		lines = append(lines, summary(in))
	}
	if wanted := []string{`text="a" n=json(1.50) list=json([1, "x"])`, "", `text="b"`}; !reflect.DeepEqual(lines, wanted) {
		t.Errorf("items %q, want %q", lines, wanted)
	}
	if got.AgentID != agentID || string(got.Metadata) != `{"case":"A-1"}` || got.Timeout != 90*time.Second || !got.SkipCache {
		t.Errorf("asked for %+v", got)
	}
	want(t, postForm(h, manyPath, "inputs=%5B%7B%22text%22%3A%22a%22%7D%5D&metadata=%7B%7D"), http.StatusOK, "")
	if len(got.Items) != 1 || got.SkipCache {
		t.Errorf("a form asks for %+v", got)
	}
}

func TestRunManyRefusesWhatIsNoList(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.many.runMany = func(context.Context, jobs.ManyParams) ([]steward.JobID, error) {
		t.Error("a malformed request reaches the service")
		return nil, nil
	}
	h := door(t, f)
	for body, answer := range map[string]string{
		`{}`:                                    `{"inputs":["This field is required."]}`,
		``:                                      `{"inputs":["This field is required."]}`,
		`{"inputs":null}`:                       `{"inputs":["This field is required."]}`,
		`{"inputs":[]}`:                         `{"inputs":["This list may not be empty."]}`,
		`{"inputs":{"a":1}}`:                    `{"inputs":["Expected a list of items."]}`,
		`{"inputs":"[]"}`:                       `{"inputs":["Expected a list of items."]}`,
		`{"inputs":[{},3]}`:                     `{"inputs":["Item 1: expected a JSON object."]}`,
		`{"inputs":` + items(1001) + `}`:        `{"inputs":["Ensure this field has no more than 1000 elements."]}`,
		`{"inputs":[{}],"metadata":3}`:          `{"metadata":["Invalid JSON string."]}`,
		`{"inputs":[{}],"metadata":"[]"}`:       `{"metadata":["Invalid JSON string."]}`,
		`{"inputs":[{}],"timeout_seconds":0}`:   `{"timeout_seconds":["Must be a number of seconds above 0, at most 604800."]}`,
		`{"inputs":[{}],"organization_id":"x"}`: `{"organization_id":"Must be a valid UUID."}`,
	} {
		want(t, postJSON(h, manyPath, body), http.StatusBadRequest, answer)
	}
	want(t, postJSON(h, manyPath, `{"inputs":[{}],"organization_id":"`+otherOrg+`"}`), http.StatusForbidden, "")
	want(t, postJSON(h, manyPath, `{"inputs":[`), http.StatusBadRequest, "")
	want(t, postForm(h, manyPath, "inputs=%5B"), http.StatusBadRequest, `{"inputs":["Value must be valid JSON."]}`)
	want(t, postJSON(h, agentsPath+"run/"+otherOrg+"/async/many/", `{"inputs":[{}]}`), http.StatusNotFound, "")
	want(t, call(h, http.MethodPost, manyPath, "a", "Content-Type", "text/csv"), http.StatusUnsupportedMediaType, "")
}

func TestRunManyTakesAThousandItemsAndManyMegabytes(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	if ids := decode[[]string](t, postJSON(h, manyPath, `{"inputs":`+items(1000)+`}`)); len(ids) != 1000 {
		t.Errorf("%d ids", len(ids))
	}
	long := `{"inputs":[{"text":"` + strings.Repeat("x", 20<<20) + `"}]}`
	want(t, postJSON(h, manyPath, long), http.StatusOK, "")
	r := httptest.NewRequest(http.MethodPost, manyPath, io.MultiReader(strings.NewReader(`{"inputs":[{"text":"`), io.LimitReader(&noise{}, 64<<20)))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", jsonType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	want(t, w, http.StatusRequestEntityTooLarge, `{"detail":"The request body is larger than 67108864 bytes."}`)
}

func TestRunManyAnswersErrorsAsSingleRunsDo(t *testing.T) {
	t.Parallel()
	for err, c := range map[error]struct {
		status int
		body   string
	}{
		&steward.Error{Code: steward.Invalid, Field: steward.InputField, Message: "inputs[2]: Missing input key text"}: {400, `["inputs[2]: Missing input key text"]`},
		&steward.Error{Code: steward.NoCredit}:    {402, `{"detail":"Insufficient credits to start a new job"}`},
		&steward.Error{Code: steward.Unavailable}: {503, ""},
	} {
		f := newFakes()
		f.many.runMany = func(context.Context, jobs.ManyParams) ([]steward.JobID, error) { return nil, err }
		want(t, postJSON(door(t, f), manyPath, `{"inputs":[{}]}`), c.status, c.body)
	}
}

func TestStatusesHaveEveryKeyAndTheFormOfOne(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.many.statuses = func(_ context.Context, ids []steward.JobID) ([]store.JobStatus, error) {
		return []store.JobStatus{
			{ID: ids[0], Status: steward.StatusRetry, CreatedAt: when(), UpdatedAt: when().Add(time.Second).In(time.FixedZone("x", 3600)), StartedAt: when(),
				Failure: &steward.Failure{Code: "internal", Message: "a \"quoted\" <b>\n"}, Progress: &steward.Progress{Done: 1, Total: 3, Message: "page \"1\""}},
			{ID: ids[1], Status: steward.StatusSuccess, CreatedAt: when().Truncate(time.Second), UpdatedAt: when(), EndedAt: when()},
		}, nil
	}
	ids := numbered(2)
	want(t, postJSON(door(t, f), statusesPath, `{"job_ids":["`+string(ids[0])+`","`+string(ids[1])+`"]}`), http.StatusOK,
		`[{"id":"0190a000-0000-7000-8000-200000000000","status":2,"created_at":"2026-01-15T10:30:00.25Z","last_updated_at":"2026-01-15T10:30:01.25Z",`+
			`"timestamp":1768473001.25,"error_message":"a \"quoted\" <b>\n","started_at":"2026-01-15T10:30:00.25Z","ended_at":null,`+
			`"progress":{"done":1,"total":3,"message":"page \"1\""}},`+
			`{"id":"0190a000-0000-7000-8000-200000000001","status":3,"created_at":"2026-01-15T10:30:00Z","last_updated_at":"2026-01-15T10:30:00.25Z",`+
			`"timestamp":1768473000.25,"error_message":null,"started_at":null,"ended_at":"2026-01-15T10:30:00.25Z","progress":null}]`)
}

func TestIDListsAreChecked(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	id := `"` + jobID + `"`
	for _, target := range []string{statusesPath, resultsPath} {
		for body, answer := range map[string]string{
			`{}`:                           `{"job_ids":["This field is required."]}`,
			`{"job_ids":[]}`:               `{"job_ids":["This list may not be empty."]}`,
			`{"job_ids":` + id + `}`:       `{"job_ids":["Expected a list of items."]}`,
			`{"job_ids":[` + id + `,"x"]}`: `{"job_ids":["Item 1: must be a valid UUID."]}`,
			`{"job_ids":[3]}`:              `{"job_ids":["Item 0: must be a valid UUID."]}`,
			`{"job_ids":[null]}`:           `{"job_ids":["Item 0: must be a valid UUID."]}`,
			`{"job_ids":[` + strings.TrimSuffix(strings.Repeat(id+",", 1001), ",") + `]}`: `{"job_ids":["Ensure this field has no more than 1000 elements."]}`,
		} {
			want(t, postJSON(h, target, body), http.StatusBadRequest, answer)
		}
		want(t, postJSON(h, target, `{"job_ids":[`+id+`,"`+otherOrg+`"]}`), http.StatusNotFound, `{"detail":"Not found."}`)
		want(t, postJSON(h, target, `{"job_ids":[`+id+`],"organization_id":"`+otherOrg+`"}`), http.StatusForbidden, "")
	}
}

func TestResultsOfJobsInEveryState(t *testing.T) {
	t.Parallel()
	f := newFakes()
	open := &steward.Job{ID: numbered(4)[0], Status: steward.StatusStarted, CreatedAt: when()}
	failed := testJob()
	failed.Status, failed.Outputs, failed.Failure = steward.StatusFailure, nil, &steward.Failure{Code: steward.FailTimeout, Message: "Too long."}
	cached := testJob()
	cached.Status, cached.CachedFrom = steward.StatusCached, numbered(4)[3]
	f.many.results = func(context.Context, []steward.JobID) (iter.Seq2[*steward.Job, error], error) {
		return func(yield func(*steward.Job, error) bool) {
			for _, job := range []*steward.Job{open, failed, cached} {
				if !yield(job, nil) {
					return
				}
			}
		}, nil
	}
	got := decode[[]map[string]json.RawMessage](t, postJSON(door(t, f), resultsPath, `{"job_ids":["`+jobID+`"]}`))
	if len(got) != 3 {
		t.Fatalf("%d results", len(got))
	}
	for key, values := range map[string][3]string{
		"status":            {"1", "4", "6"},
		"result":            {"null", "[]", `[{"key":"output","data_type":"application/json","value":"{\"total\":12.5}"}]`},
		"corrected_outputs": {"null", "null", "null"},
		"inputs":            {"[]", "", ""},
		"cost":              {"null", "0.00125", ""},
		"error_message":     {"null", `"Too long."`, "null"},
		"cached_from":       {"null", "null", `"0190a000-0000-7000-8000-200000000003"`},
		"input_tokens":      {"0", "100", "100"},
	} {
		for i, value := range values {
			if value != "" && string(got[i][key]) != value {
				t.Errorf("%s of job %d: %s, want %s", key, i, got[i][key], value)
			}
		}
	}
}

// wideJob is a job with a large output.
func wideJob(bytes int) *steward.Job {
	job := testJob()
	job.Outputs[0].Value = strings.Repeat("x", bytes)
	return job
}

// wide returns results of many jobs, the last of which may be an error, and how many were asked for.
func wide(n int, last error) (results func(context.Context, []steward.JobID) (iter.Seq2[*steward.Job, error], error), made *int) {
	made = new(int)
	return func(context.Context, []steward.JobID) (iter.Seq2[*steward.Job, error], error) {
		return func(yield func(*steward.Job, error) bool) {
			for range n {
				*made++
				if !yield(wideJob(10_000), nil) {
					return
				}
			}
			if last != nil {
				yield(nil, last)
			}
		}, nil
	}, made
}

func TestManyResultsAreStreamed(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.many.results, _ = wide(100, nil)
	srv := httptest.NewServer(door(t, f))
	defer srv.Close()
	for _, accept := range []string{"identity", "gzip"} {
		resp := postAccepting(t, srv.URL+resultsPath, `{"job_ids":["`+jobID+`"]}`, accept)
		var body io.Reader = resp.Body
		if accept == "gzip" {
			z, err := gzip.NewReader(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		var got []json.RawMessage
		if err := json.NewDecoder(body).Decode(&got); err != nil || len(got) != 100 || resp.StatusCode != http.StatusOK || resp.ContentLength >= 0 {
			t.Errorf("%s: %d results, %v, status %d, length %d", accept, len(got), err, resp.StatusCode, resp.ContentLength)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

// postAccepting makes a request to a server with an Accept-Encoding of the test's own.
func postAccepting(t *testing.T, target, body, accept string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("Accept-Encoding", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestAnErrorBehindTheBeginningBreaksTheConnection(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.many.results, _ = wide(100, errors.New("disk fault"))
	srv := httptest.NewServer(door(t, f))
	defer srv.Close()
	for _, accept := range []string{"identity", "gzip"} {
		resp := postAccepting(t, srv.URL+resultsPath, `{"job_ids":["`+jobID+`"]}`, accept)
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("%s: a broken answer looks whole", accept)
		}
		_ = resp.Body.Close() // broken already
	}
	f.many.results, _ = wide(1, errors.New("disk fault"))
	want(t, postJSON(door(t, f), resultsPath, `{"job_ids":["`+jobID+`"]}`), http.StatusInternalServerError, `{"detail":"Internal server error."}`)
}

func TestCancelAllAndDeleteData(t *testing.T) {
	t.Parallel()
	f := newFakes()
	h := door(t, f)
	want(t, call(h, http.MethodPost, agentsPath+agentID+"/jobs/cancel-all/", ""), http.StatusOK,
		`{"task_id":null,"targeted_count":3,"note":"Queued jobs are cancelled; running ones end soon."}`)
	f.many.cancelAll = func(context.Context, steward.AgentID) (int, error) { return 0, nil }
	want(t, call(h, http.MethodPost, agentsPath+agentID+"/jobs/cancel-all/", ""), http.StatusOK,
		`{"task_id":null,"targeted_count":0,"note":"The agent has no open jobs."}`)

	want(t, call(h, http.MethodPost, jobPath+"delete-data/", ""), http.StatusOK,
		`{"status":"success","deleted_count":7,"failed_count":0,"blob_sanitized":true,"outputs_sanitized":true,`+
			`"artifacts_deleted_count":8,"artifacts_failed_count":0,"errors":[]}`)
	f.many.deleteData = func(context.Context, steward.JobID) (*jobs.Deletion, error) {
		return &jobs.Deletion{Files: 2, Left: 1, Err: errors.New("open /secret/path: disk fault")}, nil
	}
	want(t, call(h, http.MethodPost, jobPath+"delete-data/", ""), http.StatusOK,
		`{"status":"partial_success","deleted_count":2,"failed_count":1,"blob_sanitized":false,"outputs_sanitized":true,`+
			`"artifacts_deleted_count":0,"artifacts_failed_count":0,"errors":["Some files could not be deleted yet; the server goes on trying."]}`)
	f.many.deleteData = func(context.Context, steward.JobID) (*jobs.Deletion, error) {
		return nil, fmt.Errorf("delete data: %w", &steward.Error{Code: steward.Conflict, Message: "open"})
	}
	want(t, call(h, http.MethodPost, jobPath+"delete-data/", ""), http.StatusBadRequest, `{"error":"The job has not ended yet; cancel it first."}`)
}

func TestAFailureOutOfTheCacheIsAFailureOfTheRun(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.runSync = func(context.Context, jobs.RunParams) (*steward.Job, error) {
		return &steward.Job{ID: jobID, Status: steward.StatusCached, Failure: &steward.Failure{Code: steward.FailFileEncrypted, Message: "Locked."}}, nil
	}
	want(t, postForm(door(t, f), runPath, "a=1"), http.StatusBadRequest, `{"detail":"Locked.","failure_code":"file_encrypted","job_id":"`+jobID+`"}`)
}

// BenchmarkManyDoor is the door's part of calls about 1000 jobs, services faked.
func BenchmarkManyDoor(b *testing.B) {
	f := newFakes()
	ids := numbered(1000)
	f.many.statuses = func(context.Context, []steward.JobID) ([]store.JobStatus, error) {
		list := make([]store.JobStatus, len(ids))
		for i, id := range ids {
			list[i] = store.JobStatus{ID: id, Status: steward.StatusSuccess, CreatedAt: when(), UpdatedAt: when(), StartedAt: when(), EndedAt: when()}
		}
		return list, nil
	}
	h := door(b, f)
	asked, err := json.Marshal(map[string]any{"job_ids": ids})
	if err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]struct{ target, body string }{
		"run":      {manyPath, `{"inputs":` + items(1000) + `}`},
		"statuses": {statusesPath, string(asked)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, c.target, bytes.NewReader([]byte(c.body)))
				r.Header.Set("Authorization", "Bearer "+token)
				r.Header.Set("Content-Type", jsonType)
				w := httptest.NewRecorder()
				if h.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}

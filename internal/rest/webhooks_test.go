package rest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

const hookPath = "/v1/webhooks/" + webhookID + "/"

func TestWebhooksAreServedWithAndWithoutTheVersion(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, prefix := range []string{"/v1", ""} {
		for _, slash := range []string{"/", ""} {
			w := postJSON(h, prefix+"/webhooks"+slash, `{"name":"Hook","url":"https://example.com/","events":["job_completed"]}`)
			want(t, w, http.StatusCreated, "")
			want(t, call(h, http.MethodGet, prefix+"/webhooks/"+webhookID+slash, ""), http.StatusOK, "")
		}
	}
}

func TestTheShapeOfAWebhook(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	w := postJSON(h, "/v1/webhooks/", `{"name":"Hook","url":"https://example.com/","events":["job_completed"],"is_active":"false","alerts":[],"unknown":1}`)
	want(t, w, http.StatusCreated, `{"id":"`+webhookID+`","name":"Hook","url":"https://example.com/","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",`+
		`"headers":{},"events":["job_completed"],"is_active":false,"alerts":[],"include_inputs":false,"notify_cached":false,"has_secret":true,`+
		`"failure_count":0,"disabled_reason":null,"created_at":"2026-01-15T10:30:00.25Z","updated_at":"2026-01-15T10:30:00.25Z","agent_ids":[]}`)
	want(t, call(h, http.MethodGet, hookPath, ""), http.StatusOK, `{"id":"`+webhookID+`","name":"Hook","url":"https://example.com/hook",`+
		`"headers":{"X-Token":"t"},"events":["job_completed"],"is_active":true,"alerts":[],"include_inputs":false,"notify_cached":false,"has_secret":true,`+
		`"failure_count":0,"disabled_reason":null,"created_at":"2026-01-15T10:30:00.25Z","updated_at":"2026-01-15T10:30:00.25Z","agent_ids":["`+agentID+`"]}`)
	page := decode[steward.Page[map[string]any]](t, call(h, http.MethodGet, "/v1/webhooks/?page=1&page_size=5", ""))
	if page.Count != 1 || page.Results[0]["id"] != webhookID || page.Results[0]["secret"] != nil {
		t.Errorf("page: %+v", page)
	}
	want(t, call(h, http.MethodGet, "/v1/webhooks/?page=2", ""), http.StatusNotFound, `{"detail":"Invalid page."}`)
}

func TestBodiesOfWebhooksAreCheckedByField(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for body, answer := range map[string]string{
		`{}`: `{"name":["This field is required."],"url":["This field is required."]}`,
		`{"name":"n","url":"https://example.com/"}`:                                                `{"events":["This field is required."]}`,
		`{"name":"n","url":"https://example.com/","events":null}`:                                  `{"events":["This field is required."]}`,
		`{"name":" ","url":"https://example.com/","events":["job_completed"]}`:                     `{"name":["This field may not be blank."]}`,
		`{"name":"n","url":7,"events":["job_completed"]}`:                                          `{"url":["Not a valid string."]}`,
		`{"name":"n","url":"https://example.com/","events":"job_completed"}`:                       `{"events":["Expected a list of strings."]}`,
		`{"name":"n","url":"https://example.com/","events":[1]}`:                                   `{"events":["Expected a list of strings."]}`,
		`{"name":"n","url":"https://example.com/","events":[null]}`:                                `{"events":["Expected a list of strings."]}`,
		`{"name":"n","url":"https://example.com/","events":["job_completed"],"headers":[]}`:        `{"headers":["Expected a JSON object."]}`,
		`{"name":"n","url":"https://example.com/","events":["job_completed"],"headers":{"a":1}}`:   `{"headers":["Expected an object whose values are strings."]}`,
		`{"name":"n","url":"https://example.com/","events":["job_completed"],"is_active":"maybe"}`: `{"is_active":["Must be a valid boolean."]}`,
		`{"name":"n","url":"https://example.com/","events":["job_completed"],"secret":""}`:         `{"secret":["This field may not be blank."]}`,
	} {
		want(t, postJSON(h, "/v1/webhooks/", body), http.StatusBadRequest, answer)
	}
	want(t, call(h, http.MethodPatch, hookPath, `{"name":""}`, "Content-Type", jsonType), http.StatusBadRequest, `{"name":["This field may not be blank."]}`)
	want(t, call(h, http.MethodPatch, hookPath, `[]`, "Content-Type", jsonType), http.StatusBadRequest, "")
	want(t, call(h, http.MethodPut, hookPath, `{"name":"n"}`, "Content-Type", jsonType), http.StatusBadRequest, `{"url":["This field is required."]}`)
	want(t, postJSON(h, hookPath+"agents/", `{}`), http.StatusCreated, "") // how many is the service's to say
	want(t, postJSON(h, hookPath+"agents/", `{"agent_ids":["x"]}`), http.StatusBadRequest, "")
	want(t, postJSON(h, hookPath+"agents/", `{"agent_ids":"x"}`), http.StatusBadRequest, `{"agent_ids":["Expected a list of strings."]}`)
}

func TestChangesOfWebhooks(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	changed := decode[steward.Webhook](t, call(h, http.MethodPatch, hookPath, `{"name":"Other","is_active":false}`, "Content-Type", jsonType))
	if changed.Name != "Other" || changed.IsActive || changed.Headers["X-Token"] != "t" {
		t.Errorf("after PATCH: %+v", changed)
	}
	replaced := decode[steward.Webhook](t, call(h, http.MethodPut, hookPath, `{"name":"Other","url":"https://example.com/","events":["job_completed"]}`,
		"Content-Type", jsonType))
	if replaced.Name != "Other" || !replaced.IsActive || len(replaced.Headers) != 0 {
		t.Errorf("after PUT: %+v", replaced)
	}
	linked := decode[steward.Webhook](t, postJSON(h, hookPath+"agents/", `{"agent_ids":["`+strings.ToUpper(agentID)+`"]}`))
	if len(linked.AgentIDs) != 1 || linked.AgentIDs[0] != agentID {
		t.Errorf("links: %v", linked.AgentIDs)
	}
	want(t, call(h, http.MethodGet, hookPath+"agents/", ""), http.StatusOK,
		`{"count":1,"next":null,"previous":null,"results":[{"id":"`+agentID+`","name":"Invoices","linked_at":"2026-01-15T10:30:00.25Z"}]}`)
	want(t, call(h, http.MethodDelete, hookPath+"agents/"+agentID+"/", ""), http.StatusNoContent, "")
	want(t, call(h, http.MethodDelete, hookPath, ""), http.StatusNoContent, "")
	if rotated := decode[steward.Webhook](t, postJSON(h, hookPath+"rotate-secret/", "")); !strings.HasPrefix(rotated.Secret, "whsec_") {
		t.Errorf("secret after the rotation: %q", rotated.Secret)
	}
}

func TestDeliveriesOfWebhooks(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	one := `{"id":"` + deliveryID + `","webhook_id":"` + webhookID + `","event":"job_completed","agent_id":"` + agentID + `","job_id":"` + jobID + `",` +
		`"batch_id":null,"status":"pending","attempts":1,"created_at":"2026-01-15T10:30:00.25Z","next_attempt_at":"2026-01-15T10:30:00.25Z",` +
		`"last_attempt_at":"2026-01-15T10:30:00.25Z","ended_at":null,"response_status":503,"response_body":"busy","duration_ms":12,` +
		`"error":"The receiver answered 503."}`
	want(t, call(h, http.MethodGet, hookPath+"deliveries/"+deliveryID+"/", ""), http.StatusOK, one)
	want(t, call(h, http.MethodGet, hookPath+"deliveries/?status=pending,failed", ""), http.StatusOK, `{"count":1,"next":null,"previous":null,"results":[`+one+`]}`)
	want(t, call(h, http.MethodGet, hookPath+"deliveries/?status=lost", ""), http.StatusBadRequest, `{"status":["Must be pending, delivered or failed."]}`)
	want(t, postJSON(h, hookPath+"deliveries/"+deliveryID+"/replay/", ""), http.StatusOK, one)
	want(t, postJSON(h, "/v1/agents/"+agentID+"/webhooks/"+webhookID+"/test/", ""), http.StatusOK,
		`{"success":true,"delivery_id":"`+deliveryID+`","webhook_id":"`+webhookID+`","agent_id":"`+agentID+`","response_status":204,"response_body":"",`+
			`"duration_ms":12,"error":null}`)
}

func TestResendingAJobsEvent(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	path := "/v1/agents/jobs/" + jobID + "/webhook/resend/"
	for body, answer := range map[string]string{
		``:                                   `{"status":"queued","queued":2}`,
		`{}`:                                 `{"status":"queued","queued":2}`,
		`null`:                               `{"status":"queued","queued":2}`,
		`{"webhook_id":null}`:                `{"status":"queued","queued":2}`,
		`{"webhook_id":"` + webhookID + `"}`: `{"status":"queued","queued":1}`,
		`{"webhook_id":"` + agentID + `"}`:   `{"status":"no_active_webhooks","queued":0}`,
	} {
		want(t, postJSON(h, path, body), http.StatusOK, answer)
	}
	want(t, postJSON(h, path, `{"webhook_id":"x"}`), http.StatusBadRequest, "")
	want(t, postJSON(h, path, `{"webhook_id":"`+keyID+`"}`), http.StatusNotFound, "")
	want(t, postJSON(h, "/v1/agents/jobs/"+otherOrg+"/webhook/resend/", ""), http.StatusBadRequest, `{"error":"The job has not ended yet."}`)
	want(t, postJSON(h, "/v1/agents/jobs/"+keyID+"/webhook/resend/", ""), http.StatusNotFound, "")
}

func TestUnknownWebhooksAreNotFound(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	for _, id := range []string{keyID, "not-an-id"} {
		hook := "/v1/webhooks/" + id + "/"
		for _, c := range []struct{ method, target, body string }{
			{http.MethodGet, hook, ""},
			{http.MethodPut, hook, `{"name":"n","url":"https://example.com/","events":["job_completed"]}`},
			{http.MethodPatch, hook, `{}`},
			{http.MethodDelete, hook, ""},
			{http.MethodPost, hook + "rotate-secret/", ""},
			{http.MethodGet, hook + "agents/", ""},
			{http.MethodPost, hook + "agents/", `{"agent_ids":["` + agentID + `"]}`},
			{http.MethodDelete, hook + "agents/" + agentID + "/", ""},
			{http.MethodDelete, hookPath + "agents/" + id + "/", ""},
			{http.MethodGet, hook + "deliveries/", ""},
			{http.MethodGet, hook + "deliveries/" + deliveryID + "/", ""},
			{http.MethodGet, hookPath + "deliveries/" + id + "/", ""},
			{http.MethodPost, hook + "deliveries/" + deliveryID + "/replay/", ""},
			{http.MethodPost, "/v1/agents/" + agentID + "/webhooks/" + id + "/test/", ""},
			{http.MethodPost, "/v1/agents/" + id + "/webhooks/" + webhookID + "/test/", ""},
		} {
			w := call(h, c.method, c.target, c.body, "Content-Type", jsonType)
			if w.Code != http.StatusNotFound {
				t.Errorf("%s %s: %d %s", c.method, c.target, w.Code, w.Body)
			}
		}
	}
}

// TestEventsOfTheRealServer goes from a run to a receiver that checks the signature with the SDK.
func TestEventsOfTheRealServer(t *testing.T) {
	t.Parallel()
	type arrived struct {
		header http.Header
		body   []byte
	}
	events := make(chan arrived, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read event: %v", err)
		}
		events <- arrived{r.Header.Clone(), body}
	}))
	t.Cleanup(receiver.Close)
	x := newHouse(t, true)
	a := x.agent("MultimodalExtractionEngine", extraction)
	post := func(path, body string, status int, v any) {
		t.Helper()
		got, answer := x.do(http.MethodPost, path, jsonType, strings.NewReader(body))
		if got != status {
			t.Fatalf("%s: %d %s", path, got, answer)
		}
		ok(t, json.Unmarshal(answer, v))
	}
	var hook steward.Webhook
	post("/v1/webhooks/", fmt.Sprintf(`{"name":"Hook","url":%q,"events":["job_completed"],"headers":{"X-Token":"t"}}`, receiver.URL), http.StatusCreated, &hook)
	secret := hook.Secret
	post("/v1/webhooks/"+string(hook.ID)+"/agents/", fmt.Sprintf(`{"agent_ids":[%q]}`, a.ID), http.StatusCreated, &hook)
	var job steward.JobID
	post("/v1/agents/run/"+string(a.ID)+"/async/", `{"text":"Invoice number: INV-7"}`, http.StatusOK, &job)
	await := func() arrived {
		t.Helper()
		select {
		case e := <-events:
			return e
		case <-time.After(30 * time.Second):
			t.Fatal("no event came")
			return arrived{}
		}
	}
	got := await()
	if err := client.VerifyWebhook([]string{secret}, got.header, got.body, time.Now(), 0); err != nil {
		t.Errorf("the SDK refuses the signature: %v", err)
	}
	var e steward.Event
	ok(t, json.Unmarshal(got.body, &e))
	if e.Job == nil || e.Job.ID != job || e.Job.Status != "succeeded" || got.header.Get("X-Token") != "t" {
		t.Errorf("event: %s", got.body)
	}
	var report steward.DeliveryReport
	post("/v1/agents/"+string(a.ID)+"/webhooks/"+string(hook.ID)+"/test/", "", http.StatusOK, &report)
	if await(); !report.Success {
		t.Errorf("report: %+v", report)
	}
	var resent struct {
		Queued int `json:"queued"`
	}
	post("/v1/agents/jobs/"+string(job)+"/webhook/resend/", "{}", http.StatusOK, &resent)
	if again := await(); resent.Queued != 1 || again.header.Get("webhook-id") == got.header.Get("webhook-id") {
		t.Errorf("resent %d, id %s", resent.Queued, again.header.Get("webhook-id"))
	}
	status, answer := x.do(http.MethodPost, "/v1/webhooks/", jsonType, strings.NewReader(`{"name":"n","url":"http://10.0.0.1/","events":["job_completed"]}`))
	if status != http.StatusBadRequest || !strings.HasPrefix(string(answer), `{"url":["`) {
		t.Errorf("a private address: %d %s", status, answer)
	}
}

package webhooks_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/webhooks"
)

// mac is HMAC-SHA256 as RFC 2104 writes it down, without the library that the program uses.
func mac(key, text []byte) []byte {
	if len(key) > 64 {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	inner, outer := make([]byte, 64), make([]byte, 64)
	copy(inner, key)
	copy(outer, key)
	for i := range 64 {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	first := sha256.Sum256(append(inner, text...))
	second := sha256.Sum256(append(outer, first[:]...))
	return second[:]
}

// signature is what the header webhook-signature holds for one secret.
func signature(t *testing.T, secret string, c call) string {
	t.Helper()
	text := c.header.Get("webhook-id") + "." + c.header.Get("webhook-timestamp") + "." + string(c.body)
	return "v1," + base64.StdEncoding.EncodeToString(mac(keyBytes(t, secret), []byte(text)))
}

func TestAnEndedJobIsSentSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	hook := w.hook(r.URL+"/hook?x=1", func(p *webhooks.CreateParams) {
		p.Headers = map[string]string{"X-Token": "t0ken", "User-Agent": "mine", "Authorization": "Bearer abc"}
	})
	job := w.job(nil)
	w.clock.Advance(3 * time.Second)
	w.pass(1)
	c := r.one(t)
	d := w.only(hook)
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Token": "t0ken", "User-Agent": "mine", "Authorization": "Bearer abc", "webhook-id": string(d.ID),
		"webhook-timestamp": fmt.Sprint(w.clock.Now().Unix()), "webhook-signature": signature(t, hook.Secret, c),
		"X-Roe-Signature": "sha256=" + hex.EncodeToString(mac(keyBytes(t, hook.Secret), c.body)),
	} {
		if got := c.header.Get(name); got != want {
			t.Errorf("header %s: got %q, want %q", name, got, want)
		}
	}
	if c.method != http.MethodPost || c.host != strings.TrimPrefix(r.URL, "http://") {
		t.Errorf("%s to %s", c.method, c.host)
	}
	want := fmt.Sprintf(`{"id":%q,"event":"job_completed","timestamp":"2026-03-01T12:00:00Z","organization_id":%q,`+
		`"agent":{"id":%q,"name":"Reader"},"agent_version":{"id":%q,"name":"version 1"},`+
		`"job":{"id":%q,"status":"succeeded","status_code":3,"cost":0,"created_at":"2026-03-01T12:00:00Z","completed_at":"2026-03-01T12:00:00Z",`+
		`"output":{"total":12.5,"note":"<b>&"},"outputs":[{"key":"output","data_type":"application/json","value":"{\"total\": 12.5, \"note\": \"<b>&\"}"}],`+
		`"error_message":null,"metadata":{"case":"A-1"},"input_tokens":0,"output_tokens":0,`+
		`"result_url":"https://steward.example.com/v1/agents/jobs/%s/result/"}}`, d.ID, w.org, w.agent.ID, w.agent.CurrentVersionID, job, job)
	if string(c.body) != want {
		t.Errorf("body\n%s\nwant\n%s", c.body, want)
	}
	if d.Status != steward.DeliveryDelivered || d.Attempts != 1 || *d.ResponseStatus != 204 || d.Error != nil || !d.EndedAt.Equal(w.clock.Now()) {
		t.Errorf("delivery: %+v", d)
	}
	w.pass(0)
}

func TestHowJobsAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.hook(r.URL, nil)
	tell := func(edit func(j *store.NewJob, o *store.Outcome)) *steward.EventJob {
		t.Helper()
		before := len(r.all())
		w.job(edit)
		w.pass(1)
		c := r.all()[before]
		return c.event(t).Job
	}
	failed := tell(func(_ *store.NewJob, o *store.Outcome) {
		o.Status, o.Failure, o.Outputs = steward.StatusFailure, &steward.Failure{Code: steward.FailModelRefused, Message: "It will not."}, nil
		o.Usage = steward.Usage{InputTokens: 7, OutputTokens: 3}
	})
	if failed.Status != "failed" || failed.StatusCode != 4 || *failed.ErrorMessage != "It will not." || failed.FailureCode != "model_refused" ||
		failed.Cost != nil || failed.InputTokens != 7 || failed.OutputTokens != 3 || string(failed.Output) != "null" || failed.Outputs == nil {
		t.Errorf("a failed job: %+v", failed)
	}
	cancelled := tell(func(_ *store.NewJob, o *store.Outcome) { o.Status, o.Outputs = steward.StatusCancelled, nil })
	if cancelled.Status != "failed" || cancelled.StatusCode != 5 {
		t.Errorf("a cancelled job: %+v", cancelled)
	}
	cost := steward.MicroUSD(1250)
	text := tell(func(_ *store.NewJob, o *store.Outcome) {
		o.Outputs = []steward.Datum{{Key: "output", DataType: "text/plain", Value: `{"not":"parsed"} "`}}
		o.Usage.Cost = &cost
	})
	if string(text.Output) != `"{\"not\":\"parsed\"} \""` || *text.Cost != 0.00125 {
		t.Errorf("a job with text: output %s, cost %v", text.Output, *text.Cost)
	}
	broken := tell(func(_ *store.NewJob, o *store.Outcome) { o.Outputs[0].Value = `{"cut` })
	if string(broken.Output) != `"{\"cut"` {
		t.Errorf("a job with broken JSON: output %s", broken.Output)
	}
}

func TestInputsAreSentToThoseWhoAskForThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain, curious := newReceiver(t, nil), newReceiver(t, nil)
	w.hook(plain.URL, nil)
	w.hook(curious.URL, func(p *webhooks.CreateParams) { p.IncludeInputs = true })
	kept := func(sha string) *steward.File {
		f := steward.File{ID: newID[steward.FileID](), Name: "t.txt", ContentType: "text/plain", SHA256: sha}
		_, err := w.store.Reserve(t.Context(), store.FileRecord{File: f, OrganizationID: w.org, CreatedAt: start()}, start().Add(time.Hour))
		w.ok(err)
		return &f
	}
	w.files["aa"] = "a long text"
	w.job(func(j *store.NewJob, _ *store.Outcome) {
		j.Inputs = []steward.Input{
			{Key: "note", DataType: "text/plain", Description: "A note", Value: "short"},
			{Key: "story", DataType: "text/plain", Value: "a l…", Text: kept("aa")},
			{Key: "gone", DataType: "text/plain", Value: "…", Text: kept("bb")},
			{Key: "docs", DataType: "application/pdf", Files: []steward.File{
				{Name: "a.pdf", SourceURL: "https://example.com/a.pdf"}, {Name: "b.pdf", SourceURL: "https://example.com/b.pdf"},
			}},
		}
	})
	w.pass(2)
	first := plain.one(t)
	if strings.Contains(string(first.body), "inputs") {
		t.Errorf("inputs that nobody asked for: %s", first.body)
	}
	second := curious.one(t)
	want := []steward.EventInput{
		{Key: "note", Description: "A note", DataType: "text/plain", Value: "short"},
		{Key: "story", DataType: "text/plain", Value: "a long text"},
		{Key: "gone", DataType: "text/plain"},
		{Key: "docs", DataType: "application/pdf", Value: "https://example.com/a.pdf", FileName: "a.pdf"},
		{Key: "docs", DataType: "application/pdf", Value: "https://example.com/b.pdf", FileName: "b.pdf"},
	}
	if got := second.event(t).Job.Inputs; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("inputs\n%v\nwant\n%v", got, want)
	}
}

func TestLongEventsGoWithoutOutputs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.hook(r.URL, func(p *webhooks.CreateParams) { p.IncludeInputs = true })
	w.job(func(j *store.NewJob, o *store.Outcome) {
		j.Inputs = []steward.Input{{Key: "note", DataType: "text/plain", Value: "short"}}
		o.Outputs[0].Value = `"` + strings.Repeat("x", 1<<20) + `"`
	})
	w.pass(1)
	c := r.one(t)
	j := c.event(t).Job
	if !j.Truncated || len(j.Outputs) != 0 || j.Outputs == nil || string(j.Output) != "null" || j.Inputs != nil || !strings.HasSuffix(j.ResultURL, "/result/") {
		t.Errorf("event: %+v", j)
	}
	if string(j.Metadata) != `{"case":"A-1"}` {
		t.Errorf("metadata: %s", j.Metadata)
	}
	w.job(func(j *store.NewJob, _ *store.Outcome) {
		j.Metadata = fmt.Appendf(nil, `{"long":%q}`, strings.Repeat("x", 1<<20))
	})
	w.pass(1)
	c = r.all()[1]
	if len(c.body) > 1<<20 || string(c.event(t).Job.Metadata) != "{}" {
		t.Errorf("%d bytes with long metadata", len(c.body))
	}
}

func TestACompletedBatchIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.hook(r.URL, func(p *webhooks.CreateParams) { p.Events = []steward.EventType{steward.EventBatchCompleted} })
	b := store.NewBatch{
		ID: newID[steward.BatchID](), OrganizationID: w.org, AgentID: w.agent.ID, VersionID: w.agent.CurrentVersionID, VersionName: "version 1",
		Name: "March", CreatedAt: start(),
	}
	_, _, err := w.store.CreateBatch(t.Context(), b)
	w.ok(err)
	w.job(func(j *store.NewJob, _ *store.Outcome) { j.Batch = &store.BatchPlace{ID: b.ID} })
	w.job(func(j *store.NewJob, o *store.Outcome) {
		j.Batch = &store.BatchPlace{ID: b.ID, Index: 1}
		o.Status, o.Outputs, o.Failure = steward.StatusFailure, nil, &steward.Failure{Code: steward.FailInternal, Message: "broken"}
	})
	w.pass(0)
	w.ok(w.store.CloseBatch(t.Context(), w.org, b.ID, start()))
	w.clock.Advance(time.Second)
	done, err := w.store.CompleteBatches(t.Context(), w.clock.Now(), 10)
	w.ok(err)
	if len(done) != 1 {
		t.Fatalf("completed %v", done)
	}
	w.pass(1)
	c := r.one(t)
	e := c.event(t)
	if e.Type != steward.EventBatchCompleted || e.Job != nil || e.Batch.ID != b.ID || e.Batch.Name != "March" || e.Batch.State != steward.BatchCompleted ||
		e.Batch.Counts != (steward.BatchCounts{Success: 1, Failure: 1}) || !e.Timestamp.Equal(w.clock.Now()) ||
		e.Agent.Name != "Reader" || e.AgentVersion.ID != w.agent.CurrentVersionID {
		t.Errorf("event: %s", c.body)
	}
	// One that goes on before its completion was sent is told when it completes again.
	if _, err := w.store.RetryItems(t.Context(), w.org, b.ID, []steward.Status{steward.StatusFailure}, w.clock.Now(), 10); err != nil {
		t.Fatal(err)
	}
	replayed := w.as(w.org, steward.ScopeAdmin)
	list, _, err := w.List(replayed, 1, 1)
	w.ok(err)
	_, err = w.Replay(replayed, list[0].ID, e.ID)
	w.ok(err)
	w.pass(1)
	if n := len(r.all()); n != 1 {
		t.Errorf("%d requests after the batch went on, want no more", n)
	}
}

func TestFailedAttemptsFollowTheSchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "no room\x00 here", http.StatusServiceUnavailable)
	})
	hook := w.hook(r.URL, nil)
	w.job(nil)
	waits := []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}
	for i, wait := range waits {
		w.pass(1)
		d := w.only(hook)
		if d.Status != steward.DeliveryPending || d.Attempts != i+1 || !d.NextAttemptAt.Equal(w.clock.Now().Add(wait)) {
			t.Fatalf("after attempt %d at %v: %+v", i+1, w.clock.Now(), d)
		}
		if *d.Error != "The receiver answered 503." || *d.ResponseStatus != 503 || d.ResponseBody != "no room here\n" {
			t.Errorf("what is known of the failure: %q, %d, %q", *d.Error, *d.ResponseStatus, d.ResponseBody)
		}
		w.clock.Advance(wait - time.Microsecond)
		w.pass(0)
		w.clock.Advance(time.Microsecond)
	}
	w.pass(1)
	if d := w.only(hook); d.Status != steward.DeliveryFailed || d.Attempts != 6 || d.NextAttemptAt != nil || !d.EndedAt.Equal(w.clock.Now()) {
		t.Errorf("after the last attempt: %+v", d)
	}
	w.clock.Advance(1000 * time.Hour)
	w.pass(0)
	ids := map[string]bool{}
	for _, c := range r.all() {
		ids[c.header.Get("webhook-id")] = true
		if want := signature(t, hook.Secret, c); c.header.Get("webhook-signature") != want {
			t.Errorf("signature %s, want %s", c.header.Get("webhook-signature"), want)
		}
	}
	if len(ids) != 1 {
		t.Errorf("%d ids for one event", len(ids))
	}
	if got := w.read(hook).FailureCount; got != 6 {
		t.Errorf("%d failures, want 6", got)
	}
}

func TestJitterSpreadsRetries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, answers(500))
	hook := w.hook(r.URL, nil)
	w.sender = webhooks.NewDeliverer(w.Service, &webhooks.DelivererOptions{Random: func() float64 { return 0.5 }})
	w.job(nil)
	w.pass(1)
	if d := w.only(hook); !d.NextAttemptAt.Equal(w.clock.Now().Add(31500 * time.Millisecond)) {
		t.Errorf("next attempt %v after %v", *d.NextAttemptAt, w.clock.Now())
	}
}

func TestReceiversMayAskForALongerWait(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{"120": 2 * time.Minute, "5": 30 * time.Second, "90000": time.Hour, "nonsense": 30 * time.Second} {
		w := newWorld(t)
		r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", header)
			rw.WriteHeader(http.StatusTooManyRequests)
		})
		hook := w.hook(r.URL, nil)
		w.job(nil)
		w.pass(1)
		if d := w.only(hook); !d.NextAttemptAt.Equal(w.clock.Now().Add(want)) {
			t.Errorf("Retry-After %s: next attempt %v after %v, want %v", header, *d.NextAttemptAt, w.clock.Now(), want)
		}
	}
}

func TestAReceiverThatIsGoneIsAskedNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, answers(http.StatusGone))
	hook := w.hook(r.URL, nil)
	w.job(nil)
	w.job(nil)
	w.pass(2)
	got := w.read(hook)
	if got.IsActive || got.DisabledReason == nil || *got.DisabledReason != "The receiver answered 410 Gone." {
		t.Errorf("webhook: %+v", got)
	}
	w.job(nil)
	w.clock.Advance(24 * time.Hour)
	w.pass(0)
	active := true
	got, err := w.Update(w.admin(), hook.ID, webhooks.UpdateParams{Active: &active})
	w.ok(err)
	if !got.IsActive || got.DisabledReason != nil || got.FailureCount != 0 {
		t.Errorf("after it was made active again: %+v", got)
	}
	if !strings.Contains(w.logs.String(), "webhook made inactive") {
		t.Errorf("log: %s", w.logs)
	}
}

func TestFiftyStraightFailuresMakeAWebhookInactive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, answers(500))
	hook := w.hook(r.URL, nil)
	for range 60 {
		w.job(nil)
	}
	began, attempts := w.clock.Now(), 0
	for w.read(hook).IsActive {
		n, err := w.sender.Pass(t.Context())
		w.ok(err)
		if attempts += n; attempts > 60 {
			t.Fatal("more than 60 attempts, and still active")
		}
		w.clock.Advance(time.Second)
	}
	if attempts < 50 || attempts > 50+15 {
		t.Errorf("%d attempts before it was made inactive, want 50", attempts)
	}
	// Load alone must not disable a webhook whose receiver starts anew.
	if took := w.clock.Now().Sub(began); took < 30*time.Minute {
		t.Errorf("made inactive after %v", took)
	}
	if got := w.read(hook); *got.DisabledReason != "50 attempts in a row failed." || got.FailureCount < 50 {
		t.Errorf("webhook: %+v", got)
	}
	w.clock.Advance(time.Hour)
	w.pass(0)
}

func TestAFailingWebhookIsProbedAndRecovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var status atomic.Int32
	status.Store(http.StatusInternalServerError)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(int(status.Load())) })
	hook := w.hook(r.URL, nil)
	for range 40 {
		w.job(nil)
	}
	w.pass(16) // as many as go at once
	w.clock.Advance(time.Second)
	w.pass(0) // a pause
	w.clock.Advance(time.Minute)
	status.Store(http.StatusOK)
	w.pass(1) // one event tries
	w.pass(16)
	if got := w.read(hook).FailureCount; got != 0 {
		t.Errorf("%d failures after a success", got)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := newReceiver(t, nil)
	r := newReceiver(t, func(rw http.ResponseWriter, req *http.Request) {
		http.Redirect(rw, req, other.URL, http.StatusTemporaryRedirect)
	})
	hook := w.hook(r.URL, nil)
	w.job(nil)
	w.pass(1)
	if len(other.all()) != 0 {
		t.Error("the event went to where the receiver pointed")
	}
	if d := w.only(hook); d.Status != steward.DeliveryPending || d.Error == nil || *d.Error != "The URL redirects, which is not followed." {
		t.Errorf("delivery: %+v", d)
	}
}

func TestAddressesAreCheckedAgainWhenSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	hook := w.hook(r.URL, nil)
	w.job(nil)
	var err error
	w.web, err = webhooks.NewClient(nil, nil, "") // what was allowed is no more
	w.ok(err)
	w.build()
	w.pass(1)
	if len(r.all()) != 0 {
		t.Error("a private address was called")
	}
	d := w.only(hook)
	if d.Error == nil || !strings.Contains(*d.Error, "not on the public internet") || d.ResponseStatus != nil {
		t.Errorf("delivery: %+v", d)
	}
	report, err := w.Test(w.admin(), w.agent.ID, hook.ID)
	w.ok(err)
	if report.Success || !strings.Contains(*report.Error, "not on the public internet") {
		t.Errorf("report: %+v", report)
	}
}

func TestLongAnswersAreNoFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Length", fmt.Sprint(8<<20))
		for range 128 {
			if _, err := rw.Write(make([]byte, 64<<10)); err != nil {
				return // the sender has heard enough
			}
		}
	})
	hook := w.hook(r.URL, nil)
	w.job(nil)
	w.pass(1)
	if d := w.only(hook); d.Status != steward.DeliveryDelivered {
		t.Errorf("delivery: %+v", d)
	}
}

func TestTheOldSecretSignsForADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	hook := w.hook(r.URL, nil)
	fresh, err := w.RotateSecret(w.admin(), hook.ID)
	w.ok(err)
	if fresh.Secret == hook.Secret || len(keyBytes(t, fresh.Secret)) != 32 {
		t.Fatalf("secret after the rotation: %q", fresh.Secret)
	}
	w.clock.Advance(24*time.Hour - time.Second)
	w.job(nil)
	w.pass(1)
	w.clock.Advance(time.Second)
	w.job(nil)
	w.pass(1)
	calls := r.all()
	both := signature(t, fresh.Secret, calls[0]) + " " + signature(t, hook.Secret, calls[0])
	if got := calls[0].header.Get("webhook-signature"); got != both {
		t.Errorf("within the day: %s, want %s", got, both)
	}
	if got, want := calls[1].header.Get("webhook-signature"), signature(t, fresh.Secret, calls[1]); got != want {
		t.Errorf("after the day: %s, want %s", got, want)
	}
	if body := calls[0].header.Get("X-Roe-Signature"); body != "sha256="+hex.EncodeToString(mac(keyBytes(t, fresh.Secret), calls[0].body)) {
		t.Errorf("signature of the body: %s", body)
	}
}

func TestASampleIsSentAtOnceAndNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	hook, err := w.Create(w.admin(), webhooks.CreateParams{Name: "n", URL: r.URL, Inactive: true, Events: []steward.EventType{steward.EventJobCompleted}})
	w.ok(err)
	report, err := w.Test(w.admin(), w.agent.ID, hook.ID)
	w.ok(err)
	c := r.one(t)
	e := c.event(t)
	if !report.Success || *report.ResponseStatus != 204 || report.Error != nil || report.WebhookID != hook.ID || report.AgentID != w.agent.ID {
		t.Errorf("report: %+v", report)
	}
	if !e.Test || e.ID != report.DeliveryID || e.Job.Status != "succeeded" || e.Agent.Name != "Reader" || e.AgentVersion.Name != "version 1" {
		t.Errorf("event: %s", c.body)
	}
	if got, want := c.header.Get("webhook-signature"), signature(t, hook.Secret, c); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if _, count, err := w.Deliveries(w.admin(), hook.ID, nil, 1, 10); err != nil || count != 0 {
		t.Errorf("%d deliveries (%v)", count, err)
	}
	r.Close()
	report, err = w.Test(w.admin(), w.agent.ID, hook.ID)
	w.ok(err)
	if report.Success || report.ResponseStatus != nil || report.Error == nil {
		t.Errorf("report of a closed receiver: %+v", report)
	}
	batches, err := w.Create(w.admin(), webhooks.CreateParams{Name: "n", URL: newReceiver(t, answers(418)).URL, Events: []steward.EventType{steward.EventBatchCompleted}})
	w.ok(err)
	report, err = w.Test(w.admin(), w.agent.ID, batches.ID)
	w.ok(err)
	if report.Success || *report.ResponseStatus != 418 || *report.Error != "The receiver answered 418." {
		t.Errorf("report of a refusal: %+v", report)
	}
}

func TestAReplayGoesUnderTheSameID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	hook := w.hook(r.URL, nil)
	w.job(nil)
	w.pass(1)
	d, err := w.Replay(w.admin(), hook.ID, w.only(hook).ID)
	w.ok(err)
	if d.Status != steward.DeliveryPending {
		t.Errorf("replayed: %+v", d)
	}
	w.pass(1)
	calls := r.all()
	if len(calls) != 2 || calls[0].header.Get("webhook-id") != calls[1].header.Get("webhook-id") {
		t.Errorf("%d requests", len(calls))
	}
	inactive := false
	_, err = w.Update(w.admin(), hook.ID, webhooks.UpdateParams{Active: &inactive})
	w.ok(err)
	_, err = w.Replay(w.admin(), hook.ID, d.ID)
	code(t, "a replay of an inactive webhook", err, steward.Conflict, "")
}

func TestWhatADeadProcessTookIsSentByAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	hook := w.hook(r.URL, nil)
	w.job(nil)
	claimed, err := w.store.ClaimDeliveries(t.Context(), w.clock.Now(), w.clock.Now().Add(time.Minute), []store.DeliveryTake{{Webhook: hook.ID, Max: 1}})
	w.ok(err)
	if len(claimed) != 1 { // and here the process dies
		t.Fatal("nothing was claimed")
	}
	w.clock.Advance(time.Minute - time.Second)
	w.pass(0)
	w.clock.Advance(time.Second)
	w.pass(1)
	if d := w.only(hook); d.Status != steward.DeliveryDelivered || d.Attempts != 1 || d.ID != claimed[0].ID {
		t.Errorf("delivery: %+v", d)
	}
}

// running runs the world's deliverer until the test ends, or stop is called.
func (w *world) running() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	sender := w.sender
	go func() { ended <- sender.Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			w.ok(<-ended)
		}
	}
	w.t.Cleanup(stop)
	return stop
}

// await waits for n answers of a receiver.
func (r *receiver) await(t *testing.T, n int) {
	t.Helper()
	patience := time.NewTimer(30 * time.Second)
	defer patience.Stop()
	for range n {
		select {
		case <-r.got:
		case <-patience.C:
			t.Fatalf("%d requests came, want %d", len(r.all()), n)
		}
	}
}

func TestASlowReceiverHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	slow := newReceiver(t, func(http.ResponseWriter, *http.Request) { <-release })
	fast := newReceiver(t, nil)
	for range 3 {
		w.hook(slow.URL, nil)
	}
	w.hook(fast.URL, nil)
	const jobs = 100
	for range jobs {
		w.job(nil)
	}
	stop := w.running()
	fast.await(t, jobs)
	if n := len(slow.all()); n > 3*16 {
		t.Errorf("%d requests at once to three slow receivers", n)
	}
	close(release)
	stop()
}

func TestRunSendsRecordsAndStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	hook := w.hook(r.URL, nil)
	stop := w.running()
	for range 40 {
		w.job(nil)
	}
	r.await(t, 40)
	stop()
	_, count, err := w.Deliveries(w.admin(), hook.ID, []steward.DeliveryStatus{steward.DeliveryDelivered}, 1, 1)
	w.ok(err)
	if count != 40 {
		t.Errorf("%d recorded as delivered, want 40", count)
	}
}

func TestTwoProcessesShareTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	hook := w.hook(r.URL, nil)
	const jobs = 200
	for range jobs {
		w.job(nil)
	}
	first := w.running()
	w.build() // another service and its deliverer
	second := w.running()
	r.await(t, jobs)
	first()
	second()
	ids := map[string]bool{}
	for _, c := range r.all() {
		ids[c.header.Get("webhook-id")] = true
	}
	_, count, err := w.Deliveries(w.admin(), hook.ID, []steward.DeliveryStatus{steward.DeliveryDelivered}, 1, 1)
	w.ok(err)
	if len(r.all()) != jobs || len(ids) != jobs || count != jobs {
		t.Errorf("%d requests with %d ids, %d recorded, want %d of each", len(r.all()), len(ids), count, jobs)
	}
}

func TestABacklogDoesNotWaitForTheNextLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.hook(r.URL, nil)
	for range 200 {
		w.job(nil)
	}
	w.sender = webhooks.NewDeliverer(w.Service, &webhooks.DelivererOptions{PollEvery: time.Hour})
	w.running()
	r.await(t, 200)
}

func TestWhatIsCutOffAtTheEndIsDueAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began, release := make(chan struct{}), make(chan struct{})
	r := newReceiver(t, func(http.ResponseWriter, *http.Request) { close(began); <-release })
	t.Cleanup(func() { close(release) })
	w.sender = webhooks.NewDeliverer(w.Service, &webhooks.DelivererOptions{Grace: -1, PollEvery: time.Millisecond})
	hook := w.hook(r.URL, nil)
	w.job(nil)
	stop := w.running()
	<-began
	stop()
	d := w.only(hook)
	if d.Status != steward.DeliveryPending || d.Attempts != 0 || !d.NextAttemptAt.Equal(w.clock.Now()) {
		t.Errorf("delivery: %+v", d)
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, answers(500))
	hook := w.hook(r.URL+"/path-with-a-token", func(p *webhooks.CreateParams) { p.Headers = map[string]string{"X-Token": "t0ken-9"} })
	w.job(nil)
	w.pass(1)
	r.Close()
	w.clock.Advance(time.Hour)
	w.pass(1)
	list, _, err := w.Deliveries(w.admin(), hook.ID, nil, 1, 10)
	w.ok(err)
	shown, err := json.Marshal(list)
	w.ok(err)
	for _, plain := range []string{"t0ken-9", "path-with-a-token", hook.Secret, strings.TrimPrefix(hook.Secret, "whsec_")} {
		if strings.Contains(w.logs.String(), plain) || strings.Contains(string(shown), plain) {
			t.Errorf("%q shows in the log or in the deliveries", plain)
		}
	}
}

func TestOldDeliveriesAreSwept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var status atomic.Int32
	status.Store(http.StatusOK)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(int(status.Load())) })
	hook := w.hook(r.URL, nil)
	w.job(nil)
	w.pass(1)
	status.Store(http.StatusGone)
	w.job(nil)
	w.pass(1)
	sweep := func(wait time.Duration, want int) {
		t.Helper()
		w.clock.Advance(wait)
		n, err := w.sender.Sweep(t.Context())
		w.ok(err)
		if n != want {
			t.Errorf("swept %d at %v, want %d", n, w.clock.Now(), want)
		}
	}
	const day = 24 * time.Hour
	sweep(7*day, 0)
	sweep(time.Second, 1)
	sweep(23*day-time.Second, 0)
	sweep(time.Second, 1)
	if _, count, err := w.Deliveries(w.admin(), hook.ID, nil, 1, 1); err != nil || count != 0 {
		t.Errorf("%d deliveries left (%v)", count, err)
	}
}

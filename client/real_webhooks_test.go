package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/app/apptest"
)

// listening is a house that may tell receivers on this machine.
func listening(t *testing.T) *house {
	t.Helper()
	s, err := apptest.OpenWith(t.Context(), t.TempDir(), func(c *app.Config) { c.Fetch.Allow = []string{"127.0.0.0/8"} })
	if err != nil {
		t.Fatalf("start server: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop server: %v", err)
		}
	})
	return &house{newClient(t, client.Options{DataFolder: s.Folder}), s}
}

// later is a handler that is set when the server that it belongs to stands already.
type later struct{ http.Handler }

// receiver starts a receiver of events, makes a webhook for it and links it to agents.
func (h *house) receiver(t *testing.T, events chan<- *steward.Event, refuse func() error, agents ...steward.AgentID) *steward.Webhook {
	t.Helper()
	var l atomic.Pointer[later]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.Load().ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	hook, err := h.CreateWebhook(t.Context(), client.WebhookCreate{Name: "test", URL: srv.URL, Events: steward.EventTypes(), IncludeInputs: true})
	if err != nil {
		t.Fatalf("CreateWebhook: %v", err)
	}
	handler, err := client.WebhookHandler([]string{hook.Secret}, func(_ context.Context, e *steward.Event) error {
		if refuse != nil {
			if err := refuse(); err != nil {
				return err
			}
		}
		events <- e
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Store(&later{handler})
	if linked, err := h.LinkWebhook(t.Context(), hook.ID, agents...); err != nil || !slices.Equal(linked.AgentIDs, agents) {
		t.Fatalf("LinkWebhook = %+v, %v", linked, err)
	}
	return hook
}

// next waits for an event.
func next(t *testing.T, events <-chan *steward.Event) *steward.Event {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(30 * time.Second):
		t.Fatal("no event came")
	}
	return nil
}

// until looks again and again until something holds.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	looks := time.NewTicker(10 * time.Millisecond)
	defer looks.Stop()
	for end := time.Now().Add(30 * time.Second); !holds(); <-looks.C {
		if time.Now().After(end) {
			t.Fatal("it does not come to hold")
		}
	}
}

func TestTheReceiverTakesWhatTheServerSends(t *testing.T) {
	t.Parallel()
	h := listening(t)
	ctx := t.Context()
	agent := h.agent(t, textAgent("totals"))
	events := make(chan *steward.Event, 100)
	hook := h.receiver(t, events, nil, agent)
	job, err := h.Run(ctx, agent, client.RunParams{Inputs: client.Inputs{"text": "Total: 7.50"}, Metadata: map[string]any{"case": 1}})
	if err != nil {
		t.Fatal(err)
	}
	e := next(t, events)
	if e.Type != steward.EventJobCompleted || e.Job == nil || e.Job.ID != job || e.Agent.ID != agent || e.Job.StatusCode != steward.StatusSuccess || string(e.Job.Metadata) != `{"case":1}` || len(e.Job.Inputs) != 1 {
		t.Errorf("event = %+v", e)
	}
	if again, err := h.ResendWebhook(ctx, job, hook.ID); err != nil || again.Queued != 1 {
		t.Errorf("ResendWebhook = %+v, %v", again, err)
	}
	if e := next(t, events); e.Job.ID != job {
		t.Errorf("event = %+v", e)
	}
	report, err := h.TestWebhook(ctx, agent, hook.ID)
	if err != nil || !report.Success || *report.ResponseStatus != http.StatusNoContent {
		t.Errorf("TestWebhook = %+v, %v", report, err)
	}
	if e := next(t, events); !e.Test || e.ID != report.DeliveryID {
		t.Errorf("event = %+v", e)
	}
	batch, err := h.CreateBatch(ctx, agent, client.BatchCreate{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.SendBatchItems(ctx, batch.ID, 0, []client.Inputs{{"text": "Total: 8.50"}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CloseBatch(ctx, batch.ID); err != nil {
		t.Fatal(err)
	}
	for e := next(t, events); e.Batch == nil; e = next(t, events) {
		if e.Job.BatchID != batch.ID {
			t.Errorf("event = %+v", e)
		}
	}
}

func TestDeliveriesTellWhatTheReceiverSaid(t *testing.T) {
	t.Parallel()
	h := listening(t)
	ctx := t.Context()
	agent := h.agent(t, textAgent("totals"))
	events := make(chan *steward.Event, 100)
	var down atomic.Bool
	down.Store(true)
	hook := h.receiver(t, events, func() error {
		if down.Load() {
			return errors.New("down")
		}
		return nil
	}, agent)
	job, err := h.Run(ctx, agent, client.RunParams{Inputs: client.Inputs{"text": "Total: 7.50"}})
	if err != nil {
		t.Fatal(err)
	}
	var d *steward.Delivery
	until(t, func() bool {
		page, err := h.ListDeliveries(ctx, hook.ID, client.DeliveryList{Status: steward.DeliveryPending})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Results) == 1 {
			d = &page.Results[0]
		}
		return d != nil && d.ResponseStatus != nil
	})
	if *d.JobID != job || *d.ResponseStatus != http.StatusInternalServerError || d.NextAttemptAt == nil || d.Attempts != 1 {
		t.Errorf("delivery = %+v", d)
	}
	down.Store(false)
	if again, err := h.ReplayDelivery(ctx, hook.ID, d.ID); err != nil || again.ID != d.ID {
		t.Errorf("ReplayDelivery = %+v, %v", again, err)
	}
	if e := next(t, events); e.ID != d.ID || e.Job.ID != job {
		t.Errorf("event = %+v", e)
	}
	until(t, func() bool {
		if d, err = h.Delivery(ctx, hook.ID, d.ID); err != nil {
			t.Fatal(err)
		}
		return d.Status == steward.DeliveryDelivered
	})
	if n, err := length(h.Deliveries(ctx, hook.ID, client.DeliveryList{})); err != nil || n != 1 {
		t.Errorf("%d deliveries, %v", n, err)
	}
}

func TestTheLifeOfAWebhook(t *testing.T) {
	t.Parallel()
	h := listening(t)
	ctx := t.Context()
	agent := h.agent(t, textAgent("totals"))
	hook, err := h.CreateWebhook(ctx, client.WebhookCreate{Name: "n", URL: "https://hooks.example.com/x", Secret: exampleSecret, Headers: map[string]string{"X-A": "b"}})
	if err != nil || hook.Secret != exampleSecret || !slices.Equal(hook.Events, []steward.EventType{steward.EventJobCompleted}) {
		t.Fatalf("CreateWebhook = %+v, %v", hook, err)
	}
	if got, err := h.Webhook(ctx, hook.ID); err != nil || got.Secret != "" || !got.HasSecret || got.Headers["X-A"] != "b" {
		t.Errorf("Webhook = %+v, %v", got, err)
	}
	if got, err := h.UpdateWebhook(ctx, hook.ID, client.WebhookUpdate{IsActive: ptr(false), NotifyCached: ptr(true)}); err != nil || got.IsActive || !got.NotifyCached || got.Name != "n" {
		t.Errorf("UpdateWebhook = %+v, %v", got, err)
	}
	if got, err := h.ReplaceWebhook(ctx, hook.ID, client.WebhookCreate{Name: "m", URL: "https://hooks.example.com/y", Events: steward.EventTypes()}); err != nil || got.Name != "m" || len(got.Events) != 2 {
		t.Errorf("ReplaceWebhook = %+v, %v", got, err)
	}
	if got, err := h.RotateWebhookSecret(ctx, hook.ID); err != nil || got.Secret == "" || got.Secret == exampleSecret {
		t.Errorf("RotateWebhookSecret = %+v, %v", got, err)
	}
	if _, err := h.LinkWebhook(ctx, hook.ID, agent); err != nil {
		t.Error(err)
	}
	if n, err := length(h.WebhookAgents(ctx, hook.ID, client.WebhookList{})); err != nil || n != 1 {
		t.Errorf("%d agents, %v", n, err)
	}
	if err := h.UnlinkWebhook(ctx, hook.ID, agent); err != nil {
		t.Error(err)
	}
	if n, err := length(h.Webhooks(ctx, client.WebhookList{})); err != nil || n != 1 {
		t.Errorf("%d webhooks, %v", n, err)
	}
	if _, err := h.CreateWebhook(ctx, client.WebhookCreate{Name: "n", URL: "http://169.254.169.254/latest"}); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("an address inside: %v", err)
	}
	if err := h.DeleteWebhook(ctx, hook.ID); err != nil {
		t.Error(err)
	}
	if _, err := h.Webhook(ctx, hook.ID); !client.IsNotFound(err) {
		t.Errorf("a deleted webhook: %v", err)
	}
}

func TestAnotherOrganizationSeesNoneOfIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	agent := h.agent(t, textAgent("totals"))
	job, err := h.Run(ctx, agent, client.RunParams{Inputs: client.Inputs{"text": "Total: 7.50"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Wait(ctx, job, nil); err != nil {
		t.Fatal(err)
	}
	version, err := h.AgentVersion(ctx, agent, "")
	if err != nil {
		t.Fatal(err)
	}
	batch, err := h.CreateBatch(ctx, agent, client.BatchCreate{})
	if err != nil {
		t.Fatal(err)
	}
	tag, err := h.CreateTag(ctx, client.TagCreate{Name: "t"})
	if err != nil {
		t.Fatal(err)
	}
	file, err := h.UploadFile(ctx, client.FileBytes("a", []byte("x")), nil)
	if err != nil {
		t.Fatal(err)
	}
	hook, err := h.CreateWebhook(ctx, client.WebhookCreate{Name: "n", URL: "https://hooks.example.com/x"})
	if err != nil {
		t.Fatal(err)
	}
	o := h.stranger(t)
	own, err := o.CreateAgent(ctx, textAgent("own"))
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"update agent":  func() error { _, err := o.UpdateAgent(ctx, agent, client.AgentUpdate{Name: ptr("x")}); return err },
		"replace agent": func() error { _, err := o.ReplaceAgent(ctx, agent, client.AgentUpdate{Name: ptr("x")}); return err },
		"delete agent":  func() error { return o.DeleteAgent(ctx, agent) },
		"duplicate":     func() error { _, err := o.DuplicateAgent(ctx, agent); return err },
		"versions":      func() error { _, err := o.ListVersions(ctx, agent); return err },
		"new version":   func() error { _, err := o.CreateVersion(ctx, agent, client.VersionCreate{}); return err },
		"update version": func() error {
			return o.UpdateVersion(ctx, agent, version.ID, client.VersionUpdate{VersionName: ptr("x")})
		},
		"other's version": func() error { _, err := o.AgentVersion(ctx, own.ID, version.ID); return err },
		"delete version":  func() error { return o.DeleteVersion(ctx, agent, version.ID) },
		"agent's tags":    func() error { _, err := o.SetAgentTags(ctx, agent); return err },
		"update tag":      func() error { _, err := o.UpdateTag(ctx, tag.ID, client.TagUpdate{Name: ptr("x")}); return err },
		"delete tag":      func() error { return o.DeleteTag(ctx, tag.ID) },
		"run many":        func() error { _, err := o.RunMany(ctx, agent, totals(1), client.RunManyParams{}); return err },
		"statuses":        func() error { _, err := o.JobStatuses(ctx, []steward.JobID{job}); return err },
		"results":         func() error { _, err := o.JobResults(ctx, []steward.JobID{job}); return err },
		"cancel all":      func() error { _, err := o.CancelAllJobs(ctx, agent); return err },
		"delete data":     func() error { _, err := o.DeleteJobData(ctx, job); return err },
		"resend":          func() error { _, err := o.ResendWebhook(ctx, job, ""); return err },
		"artifact":        func() error { _, err := o.Artifact(ctx, job, "agent-job-"+string(job)+"/x"); return err },
		"new batch":       func() error { _, err := o.CreateBatch(ctx, agent, client.BatchCreate{}); return err },
		"batch":           func() error { _, err := o.Batch(ctx, batch.ID); return err },
		"batch items":     func() error { _, err := o.ListBatchItems(ctx, batch.ID, client.BatchItemList{}); return err },
		"send items":      func() error { _, err := o.SendBatchItems(ctx, batch.ID, 0, totals(1), nil); return err },
		"close":           func() error { _, err := o.CloseBatch(ctx, batch.ID); return err },
		"cancel batch":    func() error { _, err := o.CancelBatch(ctx, batch.ID); return err },
		"resume":          func() error { _, err := o.ResumeBatch(ctx, batch.ID); return err },
		"file":            func() error { _, err := o.File(ctx, file.ID); return err },
		"content":         func() error { _, err := o.DownloadFile(ctx, file.ID, &discard{}, nil); return err },
		"delete file":     func() error { return o.DeleteFile(ctx, file.ID) },
		"webhook":         func() error { _, err := o.Webhook(ctx, hook.ID); return err },
		"update webhook": func() error {
			_, err := o.UpdateWebhook(ctx, hook.ID, client.WebhookUpdate{IsActive: ptr(false)})
			return err
		},
		"delete webhook": func() error { return o.DeleteWebhook(ctx, hook.ID) },
		"link":           func() error { _, err := o.LinkWebhook(ctx, hook.ID, own.ID); return err },
		"rotate":         func() error { _, err := o.RotateWebhookSecret(ctx, hook.ID); return err },
		"deliveries":     func() error { _, err := o.ListDeliveries(ctx, hook.ID, client.DeliveryList{}); return err },
		"test webhook":   func() error { _, err := o.TestWebhook(ctx, own.ID, hook.ID); return err },
	} {
		if err := call(); !client.IsNotFound(err) {
			t.Errorf("%s of another organization: %v, want not found", name, err)
		}
	}
	for name, count := range map[string]func() (int, error){
		"batches": func() (int, error) { return length(o.Batches(ctx, client.BatchList{})) }, "files": func() (int, error) { return length(o.Files(ctx, client.FileList{})) },
		"webhooks": func() (int, error) { return length(o.Webhooks(ctx, client.WebhookList{})) }, "tags": func() (int, error) { tags, err := o.ListTags(ctx); return len(tags), err },
	} {
		if n, err := count(); err != nil || n != 0 {
			t.Errorf("%d %s of another organization, %v", n, name, err)
		}
	}
	if _, err := h.with(t, h.server.APIKey).With(client.CallOptions{Header: http.Header{"X-Organization-Id": {someID}}}).Me(ctx); steward.CodeOf(err) != steward.Denied {
		t.Errorf("a foreign organization's id sent along: %v, want denied", err)
	}
}

type discard struct{}

func (*discard) Write(p []byte) (int, error) { return len(p), nil }

package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Webhooks tests webhooks, their links, and the outbox that jobs and batches fill when they end.
func Webhooks(t *testing.T, open Open) {
	tests := map[string]func(h *hookFixture){
		"a webhook is read as it was stored":                              hookStored,
		"a webhook changes, and its change may refuse":                    hookChanges,
		"an organization has at most so many webhooks":                    hookLimit,
		"webhooks are listed newest first, page by page":                  hookPages,
		"webhooks of another organization are not found":                  hookForeign,
		"links go to own agents, all or none":                             hookLinks,
		"a webhook has at most so many links":                             hookLinkLimit,
		"a finished job is told to the webhooks of its agent":             hookFinish,
		"every way to end is told once":                                   hookEveryEnd,
		"a retry is told only by its end":                                 hookRetry,
		"a change of an ended job is not told":                            hookEndedChanges,
		"inactive webhooks and those for other events hear nothing":       hookDeaf,
		"a refused job is told when it is stored":                         hookRefused,
		"a job from the cache is told to those who ask for it":            hookCached,
		"a batch is told when it is completed, each time":                 hookBatch,
		"a claim hides a delivery until its time is up":                   deliveryLease,
		"claims take what was due first, as many as asked for":            deliveryOrder,
		"claims at once never take the same":                              deliveryCrowd,
		"results count only for the latest claim":                         deliveryFence,
		"a retry is due at its time and keeps what happened":              deliveryRetried,
		"a released delivery has had no attempt":                          deliveryReleased,
		"a dropped delivery is gone":                                      deliveryDropped,
		"straight failures make a webhook inactive, successes begin anew": deliveryDisables,
		"a reason makes a webhook inactive at once":                       deliveryDisabledAtOnce,
		"an inactive webhook keeps what is due until it is active":        deliveryPaused,
		"deliveries are listed newest first, by status":                   deliveryList,
		"a replay makes a delivery due again":                             deliveryReplay,
		"a job is sent again to active webhooks of its agent":             deliveryResend,
		"old deliveries are swept, those of deleted webhooks too":         deliverySweep,
		"a deleted agent takes links and pending deliveries along":        hookAgentDeleted,
		"the first proof of the key stays":                                secretProof,
		"arguments out of range are refused":                              hookInvalid,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &hookFixture{fixture: newFixture(t, open)}
			a, _ := created(t, h.Store, h.org, "Reader", now())
			h.agent = a.ID
			test(h)
		})
	}
}

// hookFixture is a fixture whose agent is stored.
type hookFixture struct {
	*fixture
}

// record returns a webhook for job_completed that is not stored.
func (h *hookFixture) record() store.WebhookRecord {
	return store.WebhookRecord{
		Webhook: steward.Webhook{
			ID: newID[steward.WebhookID](), Name: "Häuser ☂", URL: "https://example.com/hook?x=1", Events: []steward.EventType{steward.EventJobCompleted},
			IsActive: true, Alerts: []string{}, HasSecret: true, CreatedAt: now(), UpdatedAt: now(), AgentIDs: []steward.AgentID{},
		},
		OrganizationID: h.org, SealedSecret: []byte{1, 0, 255},
	}
}

// hook stores a webhook, changed by edit, that is linked to the agent.
func (h *hookFixture) hook(edit func(w *store.WebhookRecord)) store.WebhookRecord {
	h.t.Helper()
	w := h.record()
	if edit != nil {
		edit(&w)
	}
	must(h.t, "CreateWebhook", h.CreateWebhook(h.ctx(), w, 100))
	must(h.t, "LinkWebhook", h.LinkWebhook(h.ctx(), h.org, w.ID, []steward.AgentID{h.agent}, now(), 100))
	return w
}

// deliveries returns all deliveries of a webhook, newest first.
func (h *hookFixture) deliveries(w store.WebhookRecord, statuses ...steward.DeliveryStatus) []steward.Delivery {
	h.t.Helper()
	list, count, err := h.ListDeliveries(h.ctx(), h.org, w.ID, store.DeliveryQuery{Status: statuses, Limit: 1000})
	must(h.t, "ListDeliveries", err)
	want(h.t, "count", count, int64(len(list)))
	return list
}

// take claims deliveries of a webhook at a time for a minute.
func (h *hookFixture) take(w store.WebhookRecord, at time.Time, most int) []store.ClaimedDelivery {
	h.t.Helper()
	got, err := h.ClaimDeliveries(h.ctx(), at, at.Add(time.Minute), []store.DeliveryTake{{Webhook: w.ID, Max: most}})
	must(h.t, "ClaimDeliveries", err)
	return got
}

// takeOne claims the only delivery that is due.
func (h *hookFixture) takeOne(w store.WebhookRecord, at time.Time) store.ClaimedDelivery {
	h.t.Helper()
	got := h.take(w, at, 10)
	if len(got) != 1 {
		h.t.Fatalf("claimed %d deliveries, want 1", len(got))
	}
	return got[0]
}

// finished ends one new job of the agent at after(1).
func (h *hookFixture) finished(s steward.Status) steward.JobID {
	h.t.Helper()
	l := h.started()
	o := store.Outcome{Status: s, At: after(1)}
	if s == steward.StatusFailure {
		o.Failure = &steward.Failure{Code: steward.FailInternal, Message: "broken"}
	}
	h.finish(l, o)
	return l.JobID
}

// result is the result of a claim.
func result(d store.ClaimedDelivery, at time.Time, v store.DeliveryVerdict) store.DeliveryResult {
	r := store.DeliveryResult{ID: d.ID, Webhook: d.Webhook.ID, Fence: d.Fence, At: at, Verdict: v, StartedAt: at.Add(-time.Second), Duration: time.Second}
	if v == store.DeliveryRetry || v == store.DeliveryGivenUp {
		r.Response, r.Body, r.Error, r.NextAt = 503, "busy", "The receiver answered 503.", at.Add(30*time.Second)
	}
	if v == store.DeliveryDone {
		r.Response = 204
	}
	return r
}

// recorded records results under the rule that 3 failures are enough.
func (h *hookFixture) recorded(results ...store.DeliveryResult) []steward.WebhookID {
	h.t.Helper()
	disabled, err := h.RecordDeliveries(h.ctx(), results, store.DisableRule{Failures: 3, Reason: "3 attempts failed."})
	must(h.t, "RecordDeliveries", err)
	return disabled
}

// current reads a webhook again.
func (h *hookFixture) current(w store.WebhookRecord) *store.WebhookRecord {
	h.t.Helper()
	got, err := h.Webhook(h.ctx(), h.org, w.ID)
	must(h.t, "Webhook", err)
	return got
}

func hookStored(h *hookFixture) {
	w := h.record()
	reason := "because"
	w.Events, w.Alerts = steward.EventTypes(), []string{"0190a000-0000-7000-8000-000000000001"}
	w.IsActive, w.IncludeInputs, w.NotifyCached, w.FailureCount, w.DisabledReason = false, true, true, 7, &reason
	w.SealedOldSecret, w.OldSecretUntil, w.SealedHeaders, w.FailedAt = []byte{2}, after(10), []byte{3}, after(-5)
	must(h.t, "CreateWebhook", h.CreateWebhook(h.ctx(), w, 100))
	code(h.t, "a second webhook of the id", h.CreateWebhook(h.ctx(), w, 100), steward.Conflict)
	must(h.t, "LinkWebhook", h.LinkWebhook(h.ctx(), h.org, w.ID, []steward.AgentID{h.agent, h.agent}, after(1), 100))
	w.AgentIDs = []steward.AgentID{h.agent}
	same(h.t, "webhook", *h.current(w), w)
	agents, count, err := h.WebhookAgents(h.ctx(), h.org, w.ID, 10, 0)
	must(h.t, "WebhookAgents", err)
	same(h.t, "agents", agents, []steward.WebhookAgent{{ID: h.agent, Name: "Reader", LinkedAt: after(1)}})
	want(h.t, "count", count, 1)
	list, _, err := h.ListWebhooks(h.ctx(), h.org, 10, 0)
	must(h.t, "ListWebhooks", err)
	same(h.t, "list", list, []store.WebhookRecord{w})
	must(h.t, "DeleteWebhook", h.DeleteWebhook(h.ctx(), h.org, w.ID))
	_, err = h.Webhook(h.ctx(), h.org, w.ID)
	code(h.t, "a deleted webhook", err, steward.NotFound)
	h.finished(steward.StatusSuccess) // nobody is told
}

func hookChanges(h *hookFixture) {
	w := h.hook(nil)
	got, err := h.UpdateWebhook(h.ctx(), h.org, w.ID, func(w *store.WebhookRecord) error {
		reason := "gone"
		w.Name, w.URL, w.Events, w.IsActive = "other", "http://other.example/", []steward.EventType{steward.EventBatchCompleted}, false
		w.Alerts, w.IncludeInputs, w.NotifyCached, w.FailureCount, w.FailedAt = []string{"a"}, true, true, 2, after(3)
		w.DisabledReason, w.UpdatedAt, w.SealedSecret, w.SealedOldSecret = &reason, after(4), []byte{9}, []byte{8}
		w.OldSecretUntil, w.SealedHeaders = after(5), []byte{7}
		return nil
	})
	must(h.t, "UpdateWebhook", err)
	want(h.t, "links", fmt.Sprint(got.AgentIDs), fmt.Sprint([]steward.AgentID{h.agent}))
	same(h.t, "what is read", h.current(w), got)
	refused := errors.New("refused")
	_, err = h.UpdateWebhook(h.ctx(), h.org, w.ID, func(w *store.WebhookRecord) error { w.Name = "lost"; return refused })
	if !errors.Is(err, refused) {
		h.t.Errorf("got error %v, want the change's own", err)
	}
	same(h.t, "after a refusal", h.current(w), got)
}

func hookLimit(h *hookFixture) {
	for range 2 {
		must(h.t, "CreateWebhook", h.CreateWebhook(h.ctx(), h.record(), 2))
	}
	code(h.t, "one more", h.CreateWebhook(h.ctx(), h.record(), 2), steward.Conflict)
	other := h.record()
	other.OrganizationID = newID[steward.OrganizationID]()
	must(h.t, "another organization's", h.CreateWebhook(h.ctx(), other, 2))
}

func hookPages(h *hookFixture) {
	var newest []steward.WebhookID
	for i := range 5 {
		w := h.record()
		w.CreatedAt = after(i / 2) // some at the same time
		must(h.t, "CreateWebhook", h.CreateWebhook(h.ctx(), w, 100))
		newest = append(newest, w.ID)
	}
	slices.Reverse(newest)
	var got []steward.WebhookID
	for offset := 0; offset < 6; offset += 2 {
		page, count, err := h.ListWebhooks(h.ctx(), h.org, 2, offset)
		must(h.t, "ListWebhooks", err)
		want(h.t, "count", count, 5)
		for _, w := range page {
			got = append(got, w.ID)
		}
	}
	want(h.t, "all pages", fmt.Sprint(got), fmt.Sprint(newest))
	page, _, err := h.ListWebhooks(h.ctx(), h.org, 2, 6)
	must(h.t, "ListWebhooks behind the end", err)
	want(h.t, "rows behind the end", len(page), 0)
}

func hookForeign(h *hookFixture) {
	w := h.hook(nil)
	h.finished(steward.StatusSuccess)
	delivery := h.deliveries(w)[0]
	for _, id := range []steward.WebhookID{w.ID, newID[steward.WebhookID]()} {
		org := newID[steward.OrganizationID]()
		if id != w.ID {
			org = h.org
		}
		_, err := h.Webhook(h.ctx(), org, id)
		code(h.t, "Webhook", err, steward.NotFound)
		_, err = h.UpdateWebhook(h.ctx(), org, id, func(*store.WebhookRecord) error { h.t.Error("change was called"); return nil })
		code(h.t, "UpdateWebhook", err, steward.NotFound)
		code(h.t, "DeleteWebhook", h.DeleteWebhook(h.ctx(), org, id), steward.NotFound)
		code(h.t, "LinkWebhook", h.LinkWebhook(h.ctx(), org, id, []steward.AgentID{h.agent}, now(), 10), steward.NotFound)
		code(h.t, "UnlinkWebhook", h.UnlinkWebhook(h.ctx(), org, id, h.agent), steward.NotFound)
		_, _, err = h.WebhookAgents(h.ctx(), org, id, 10, 0)
		code(h.t, "WebhookAgents", err, steward.NotFound)
		_, _, err = h.ListDeliveries(h.ctx(), org, id, store.DeliveryQuery{})
		code(h.t, "ListDeliveries", err, steward.NotFound)
		_, err = h.Delivery(h.ctx(), org, id, delivery.ID)
		code(h.t, "Delivery", err, steward.NotFound)
		_, err = h.ReplayDelivery(h.ctx(), org, id, delivery.ID, now())
		code(h.t, "ReplayDelivery", err, steward.NotFound)
		_, err = h.ResendJob(h.ctx(), org, *delivery.JobID, id, now())
		code(h.t, "ResendJob", err, steward.NotFound)
	}
	_, err := h.Delivery(h.ctx(), h.org, h.hook(nil).ID, delivery.ID)
	code(h.t, "a delivery of another webhook", err, steward.NotFound)
	_, err = h.Delivery(h.ctx(), h.org, w.ID, "not an id")
	code(h.t, "no id", err, steward.NotFound)
	_, err = h.ResendJob(h.ctx(), h.org, newID[steward.JobID](), "", now())
	code(h.t, "ResendJob of no job", err, steward.NotFound)
}

func hookLinks(h *hookFixture) {
	w := h.record()
	must(h.t, "CreateWebhook", h.CreateWebhook(h.ctx(), w, 100))
	foreign, _ := created(h.t, h.Store, newID[steward.OrganizationID](), "Foreign", now())
	for _, stranger := range []steward.AgentID{foreign.ID, newID[steward.AgentID](), "no id"} {
		err := h.LinkWebhook(h.ctx(), h.org, w.ID, []steward.AgentID{h.agent, stranger}, now(), 10)
		code(h.t, "a stranger", err, steward.NotFound)
		want(h.t, "field", fieldOf(err), "agent_ids")
	}
	want(h.t, "links", len(h.current(w).AgentIDs), 0)
	must(h.t, "LinkWebhook", h.LinkWebhook(h.ctx(), h.org, w.ID, []steward.AgentID{h.agent}, now(), 10))
	must(h.t, "LinkWebhook again", h.LinkWebhook(h.ctx(), h.org, w.ID, []steward.AgentID{h.agent}, after(9), 10))
	must(h.t, "UnlinkWebhook", h.UnlinkWebhook(h.ctx(), h.org, w.ID, h.agent))
	code(h.t, "UnlinkWebhook again", h.UnlinkWebhook(h.ctx(), h.org, w.ID, h.agent), steward.NotFound)
	h.finished(steward.StatusSuccess)
	want(h.t, "deliveries without a link", len(h.deliveries(w)), 0)
}

func hookLinkLimit(h *hookFixture) {
	w := h.hook(nil)
	b, _ := created(h.t, h.Store, h.org, "B", now())
	c, _ := created(h.t, h.Store, h.org, "C", now())
	err := h.LinkWebhook(h.ctx(), h.org, w.ID, []steward.AgentID{b.ID, c.ID}, now(), 2)
	code(h.t, "too many links", err, steward.Conflict)
	want(h.t, "field", fieldOf(err), "agent_ids")
	want(h.t, "links", len(h.current(w).AgentIDs), 1)
	must(h.t, "as many as allowed", h.LinkWebhook(h.ctx(), h.org, w.ID, []steward.AgentID{b.ID}, now(), 2))
}

func hookFinish(h *hookFixture) {
	first, second := h.hook(nil), h.hook(nil)
	job := h.finished(steward.StatusSuccess)
	for _, w := range []store.WebhookRecord{first, second} {
		list := h.deliveries(w)
		if len(list) != 1 {
			h.t.Fatalf("%d deliveries, want 1", len(list))
		}
		got, due := list[0], after(1)
		if _, err := steward.ParseID[steward.DeliveryID]("id", string(got.ID)); err != nil || got.ID[14] != '7' {
			h.t.Errorf("id %q is not of version 7: %v", got.ID, err)
		}
		same(h.t, "delivery", got, steward.Delivery{
			ID: got.ID, WebhookID: w.ID, Type: steward.EventJobCompleted, AgentID: h.agent, JobID: &job, Status: steward.DeliveryPending,
			CreatedAt: after(1), NextAttemptAt: &due,
		})
		read, err := h.Delivery(h.ctx(), h.org, w.ID, got.ID)
		must(h.t, "Delivery", err)
		same(h.t, "delivery by its id", *read, got)
	}
	if a, b := h.deliveries(first)[0].ID, h.deliveries(second)[0].ID; a == b {
		h.t.Errorf("both webhooks have the delivery %s", a)
	}
}

// hookEveryEnd goes all ways to an end that the contract of jobs names.
func hookEveryEnd(h *hookFixture) {
	w := h.hook(nil)
	ended := map[steward.JobID]bool{}
	for _, s := range []steward.Status{steward.StatusSuccess, steward.StatusFailure, steward.StatusCancelled} {
		ended[h.finished(s)] = true
	}
	queued := h.submitted() // cancelled before its start
	_, err := h.Cancel(h.ctx(), h.org, queued, after(1))
	must(h.t, "Cancel", err)
	ended[queued] = true
	l := h.started() // cancelled instead of a retry
	_, err = h.Cancel(h.ctx(), h.org, l.JobID, after(1))
	must(h.t, "Cancel", err)
	h.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(2), RunAfter: after(3), Failure: &steward.Failure{Message: "again"}})
	ended[l.JobID] = true
	late := h.job() // out of time in the queue
	late.Timeout = time.Second
	h.submit(late)
	h.claimAt(after(60))
	ended[late.ID] = true
	crashing := h.submitted() // poison
	for i := range 3 {
		req := h.request(after(100 + 100*i))
		req.LastChance = true
		h.claim(req)
	}
	h.claim(h.request(after(500)))
	want(h.t, "status of the crashing job", h.get(crashing).Status, steward.StatusFailure)
	ended[crashing] = true

	got := map[steward.JobID]int{}
	for _, d := range h.deliveries(w) {
		got[*d.JobID]++
	}
	for id := range ended {
		want(h.t, "deliveries of a job that ended as "+h.get(id).Status.String(), got[id], 1)
	}
	want(h.t, "jobs that were told", len(got), len(ended))
}

func hookRetry(h *hookFixture) {
	w := h.hook(nil)
	l := h.started()
	h.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(1), RunAfter: after(2), Failure: &steward.Failure{Message: "again"}})
	want(h.t, "deliveries of a retry", len(h.deliveries(w)), 0)
	h.finish(h.claimOne(l.JobID, after(3)), store.Outcome{Status: steward.StatusSuccess, At: after(4)})
	want(h.t, "deliveries of the end", len(h.deliveries(w)), 1)
}

func hookEndedChanges(h *hookFixture) {
	w := h.hook(nil)
	id := h.finished(steward.StatusSuccess)
	other := h.finished(steward.StatusFailure)
	for range 2 {
		_, err := h.Purge(h.ctx(), h.org, id, after(9))
		must(h.t, "Purge", err)
		_, err = h.Cancel(h.ctx(), h.org, other, after(9))
		must(h.t, "Cancel", err)
	}
	want(h.t, "deliveries", len(h.deliveries(w)), 2)
}

func hookDeaf(h *hookFixture) {
	inactive := h.hook(func(w *store.WebhookRecord) { w.IsActive = false })
	batches := h.hook(func(w *store.WebhookRecord) { w.Events = []steward.EventType{steward.EventBatchCompleted} })
	h.finished(steward.StatusSuccess)
	want(h.t, "deliveries of the inactive one", len(h.deliveries(inactive)), 0)
	want(h.t, "deliveries of the one for batches", len(h.deliveries(batches)), 0)
	other, _ := created(h.t, h.Store, h.org, "Other", now())
	w := h.hook(nil)
	h.submit(h.jobOf(h.org, other.ID))
	h.finish(h.claimAt(now())[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: after(1)})
	want(h.t, "deliveries about another agent's job", len(h.deliveries(w)), 0)
}

func hookRefused(h *hookFixture) {
	w := h.hook(nil)
	j := h.job()
	j.Refused = &steward.Failure{Code: steward.FailMissingInput, Message: "nothing came"}
	got, err := h.Submit(h.ctx(), []store.NewJob{j, h.job()})
	must(h.t, "Submit", err)
	want(h.t, "ended", got[0].Ended, true)
	list := h.deliveries(w)
	if len(list) != 1 || *list[0].JobID != j.ID {
		h.t.Fatalf("deliveries: %+v, want one of %s", list, j.ID)
	}
	want(h.t, "time", list[0].CreatedAt, now())
}

func hookCached(h *hookFixture) {
	silent := h.hook(nil)
	curious := h.hook(func(w *store.WebhookRecord) { w.NotifyCached = true })
	first, second := h.job(), h.job()
	use := store.CacheUse{Key: [32]byte{1}, Read: true, TTL: time.Hour}
	first.Cache, second.Cache = &use, &use
	h.submit(first)
	h.finish(h.claimOne(first.ID, now()), store.Outcome{
		Status: steward.StatusSuccess, At: after(1), Outputs: []steward.Datum{{Key: "output", DataType: "text/plain", Value: "x"}},
	})
	second.CreatedAt = after(2)
	got, err := h.Submit(h.ctx(), []store.NewJob{second})
	must(h.t, "Submit", err)
	want(h.t, "answered from the cache", got[0].Ended, true)
	want(h.t, "deliveries of the one that does not care", len(h.deliveries(silent)), 1)
	list := h.deliveries(curious)
	if len(list) != 2 || *list[0].JobID != second.ID {
		h.t.Fatalf("deliveries of the curious one: %+v, want the second job's in front", list)
	}
}

func hookBatch(h *hookFixture) {
	w := h.hook(func(w *store.WebhookRecord) { w.Events = []steward.EventType{steward.EventBatchCompleted} })
	b := store.NewBatch{
		ID: newID[steward.BatchID](), OrganizationID: h.org, AgentID: h.agent, VersionID: newID[steward.VersionID](), VersionName: "v", CreatedAt: now(),
	}
	_, _, err := h.CreateBatch(h.ctx(), b)
	must(h.t, "CreateBatch", err)
	j := h.job()
	j.Batch = &store.BatchPlace{ID: b.ID}
	h.submit(j)
	h.finish(h.claimOne(j.ID, now()), store.Outcome{
		Status: steward.StatusFailure, At: after(1), Failure: &steward.Failure{Code: steward.FailInternal, Message: "broken"},
	})
	must(h.t, "CloseBatch", h.CloseBatch(h.ctx(), h.org, b.ID, after(2)))
	complete := func(seconds int) {
		done, err := h.CompleteBatches(h.ctx(), after(seconds), 10)
		must(h.t, "CompleteBatches", err)
		want(h.t, "completed batches", len(done), 1)
	}
	complete(3)
	due := after(3)
	list := h.deliveries(w)
	if len(list) != 1 {
		h.t.Fatalf("%d deliveries, want 1", len(list))
	}
	same(h.t, "delivery", list[0], steward.Delivery{
		ID: list[0].ID, WebhookID: w.ID, Type: steward.EventBatchCompleted, AgentID: h.agent, BatchID: &b.ID, Status: steward.DeliveryPending,
		CreatedAt: due, NextAttemptAt: &due,
	})
	n, err := h.RetryItems(h.ctx(), h.org, b.ID, []steward.Status{steward.StatusFailure}, after(4), 10)
	must(h.t, "RetryItems", err)
	want(h.t, "retried items", n, 1)
	h.finish(h.claimAt(after(5))[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: after(6)})
	complete(7)
	want(h.t, "deliveries after it was completed again", len(h.deliveries(w)), 2)
}

func deliveryLease(h *hookFixture) {
	w := h.hook(nil)
	job := h.finished(steward.StatusSuccess)
	due, err := h.DueWebhooks(h.ctx(), now())
	must(h.t, "DueWebhooks", err)
	want(h.t, "due before the job ended", len(due), 0)
	due, err = h.DueWebhooks(h.ctx(), after(1))
	must(h.t, "DueWebhooks", err)
	same(h.t, "due", due, []store.DueWebhook{{ID: w.ID}})
	got := h.takeOne(w, after(1))
	want(h.t, "job", *got.JobID, job)
	want(h.t, "organization", got.OrganizationID, h.org)
	want(h.t, "agent's name", got.AgentName, "Reader")
	want(h.t, "webhook's URL", got.Webhook.URL, w.URL)
	want(h.t, "webhook's secret", string(got.Webhook.SealedSecret), string(w.SealedSecret))
	want(h.t, "claimed while it is claimed", len(h.take(w, after(60), 10)), 0)
	due, err = h.DueWebhooks(h.ctx(), after(60))
	must(h.t, "DueWebhooks", err)
	want(h.t, "due while it is claimed", len(due), 0)
	again := h.takeOne(w, after(61))
	want(h.t, "the same delivery", again.ID, got.ID)
	if again.Fence <= got.Fence {
		h.t.Errorf("fence %d after %d", again.Fence, got.Fence)
	}
}

func deliveryOrder(h *hookFixture) {
	w, other := h.hook(nil), h.hook(nil)
	var jobs []steward.JobID
	for i := range 5 {
		id := h.submitted()
		h.finish(h.claimOne(id, after(i)), store.Outcome{Status: steward.StatusSuccess, At: after(10 - i)})
		jobs = append(jobs, id)
	}
	got, err := h.ClaimDeliveries(h.ctx(), after(9), after(100), []store.DeliveryTake{{Webhook: w.ID, Max: 3}, {Webhook: newID[steward.WebhookID](), Max: 3}})
	must(h.t, "ClaimDeliveries", err)
	var order []steward.JobID
	for _, d := range got {
		order = append(order, *d.JobID)
	}
	same(h.t, "first three", order, []steward.JobID{jobs[4], jobs[3], jobs[2]})
	want(h.t, "the rest that is due", *h.takeOne(w, after(9)).JobID, jobs[1])
	want(h.t, "the other webhook's", len(h.take(other, after(20), 10)), 5)
}

func deliveryCrowd(h *hookFixture) {
	first, second := h.hook(nil), h.hook(nil)
	const jobs, callers = 60, 6
	for range jobs {
		h.finished(steward.StatusSuccess)
	}
	var mu sync.Mutex
	got := map[steward.DeliveryID]int{}
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for empty := 0; empty < 3; {
				list, err := h.ClaimDeliveries(h.ctx(), after(1), after(60), []store.DeliveryTake{{Webhook: first.ID, Max: 5}, {Webhook: second.ID, Max: 3}})
				if err != nil {
					h.t.Errorf("ClaimDeliveries: %v", err)
					return
				}
				if len(list) == 0 {
					empty++ // others may hold what is left for a moment
				}
				results := make([]store.DeliveryResult, len(list))
				mu.Lock()
				for i, d := range list {
					got[d.ID]++
					results[i] = result(d, after(2), store.DeliveryDone)
				}
				mu.Unlock()
				if _, err := h.RecordDeliveries(h.ctx(), results, store.DisableRule{Failures: 3}); err != nil {
					h.t.Errorf("RecordDeliveries: %v", err)
				}
			}
		})
	}
	wg.Wait()
	want(h.t, "deliveries that were claimed", len(got), 2*jobs)
	for id, n := range got {
		want(h.t, "claims of "+string(id), n, 1)
	}
	want(h.t, "delivered", len(h.deliveries(first, steward.DeliveryDelivered))+len(h.deliveries(second, steward.DeliveryDelivered)), 2*jobs)
}

func deliveryFence(h *hookFixture) {
	w := h.hook(nil)
	h.finished(steward.StatusSuccess)
	old := h.takeOne(w, after(1))
	fresh := h.takeOne(w, after(61))
	h.recorded(result(old, after(62), store.DeliveryGivenUp), result(old, after(62), store.DeliveryDropped), result(old, after(62), store.DeliveryReleased))
	want(h.t, "failures of an outdated claim", h.current(w).FailureCount, 0)
	h.recorded(result(fresh, after(63), store.DeliveryDone))
	h.recorded(result(fresh, after(64), store.DeliveryRetry))
	d := h.deliveries(w)[0]
	ended, took, status, began := after(63), int64(1000), 204, after(62)
	same(h.t, "delivery", d, steward.Delivery{
		ID: fresh.ID, WebhookID: w.ID, Type: steward.EventJobCompleted, AgentID: h.agent, JobID: fresh.JobID, Status: steward.DeliveryDelivered, Attempts: 1,
		CreatedAt: after(1), LastAttemptAt: &began, EndedAt: &ended, DurationMS: &took, ResponseStatus: &status,
	})
	want(h.t, "failures", h.current(w).FailureCount, 0)
}

func deliveryRetried(h *hookFixture) {
	w := h.hook(nil)
	h.finished(steward.StatusSuccess)
	h.recorded(result(h.takeOne(w, after(1)), after(2), store.DeliveryRetry))
	d := h.deliveries(w)[0]
	want(h.t, "status", d.Status, steward.DeliveryPending)
	want(h.t, "next attempt", *d.NextAttemptAt, after(32))
	want(h.t, "attempts", d.Attempts, 1)
	want(h.t, "error", *d.Error, "The receiver answered 503.")
	want(h.t, "answer", fmt.Sprintf("%d %s", *d.ResponseStatus, d.ResponseBody), "503 busy")
	got := h.current(w)
	want(h.t, "failures", got.FailureCount, 1)
	want(h.t, "time of the failure", got.FailedAt, after(2))
	want(h.t, "claimed early", len(h.take(w, after(31), 1)), 0)
	h.recorded(result(h.takeOne(w, after(32)), after(33), store.DeliveryGivenUp))
	d = h.deliveries(w)[0]
	want(h.t, "status at last", d.Status, steward.DeliveryFailed)
	want(h.t, "attempts at last", d.Attempts, 2)
	want(h.t, "no next attempt", d.NextAttemptAt == nil, true)
	want(h.t, "end", *d.EndedAt, after(33))
	want(h.t, "claimed after the end", len(h.take(w, after(9999), 1)), 0)
}

func deliveryReleased(h *hookFixture) {
	w := h.hook(nil)
	h.finished(steward.StatusSuccess)
	r := result(h.takeOne(w, after(1)), after(2), store.DeliveryReleased)
	r.NextAt = after(2)
	h.recorded(r)
	d := h.takeOne(w, after(2))
	want(h.t, "attempts", d.Attempts, 0)
	want(h.t, "an attempt before", d.LastAttemptAt == nil, true)
	want(h.t, "failures", h.current(w).FailureCount, 0)
}

func deliveryDropped(h *hookFixture) {
	w := h.hook(nil)
	h.finished(steward.StatusSuccess)
	h.recorded(result(h.takeOne(w, after(1)), after(2), store.DeliveryDropped))
	want(h.t, "deliveries", len(h.deliveries(w)), 0)
}

func deliveryDisables(h *hookFixture) {
	w := h.hook(nil)
	for range 7 {
		h.finished(steward.StatusSuccess)
	}
	claimed := h.take(w, after(1), 10)
	want(h.t, "claimed", len(claimed), 7)
	verdicts := []store.DeliveryVerdict{store.DeliveryRetry, store.DeliveryRetry, store.DeliveryDone, store.DeliveryGivenUp, store.DeliveryRetry}
	var results []store.DeliveryResult
	for i, v := range verdicts {
		results = append(results, result(claimed[i], after(2+i), v))
	}
	want(h.t, "disabled", len(h.recorded(results...)), 0)
	got := h.current(w)
	want(h.t, "failures since the success", got.FailureCount, 2)
	want(h.t, "last failure", got.FailedAt, after(6))
	due, err := h.DueWebhooks(h.ctx(), after(100))
	must(h.t, "DueWebhooks", err)
	same(h.t, "due", due, []store.DueWebhook{{ID: w.ID, FailureCount: 2, FailedAt: after(6)}})

	same(h.t, "disabled by the third", h.recorded(result(claimed[5], after(8), store.DeliveryRetry)), []steward.WebhookID{w.ID})
	got = h.current(w)
	want(h.t, "active", got.IsActive, false)
	want(h.t, "reason", *got.DisabledReason, "3 attempts failed.")
	want(h.t, "disabled twice", len(h.recorded(result(claimed[6], after(9), store.DeliveryRetry))), 0)
	h.finished(steward.StatusSuccess)
	want(h.t, "deliveries stored afterwards", len(h.deliveries(w)), 7)
}

func deliveryDisabledAtOnce(h *hookFixture) {
	w := h.hook(nil)
	h.finished(steward.StatusSuccess)
	r := result(h.takeOne(w, after(1)), after(2), store.DeliveryGivenUp)
	r.Disable = "The receiver is gone."
	same(h.t, "disabled", h.recorded(r), []steward.WebhookID{w.ID})
	got := h.current(w)
	want(h.t, "active", got.IsActive, false)
	want(h.t, "reason", *got.DisabledReason, "The receiver is gone.")
}

func deliveryPaused(h *hookFixture) {
	w := h.hook(nil)
	h.finished(steward.StatusSuccess)
	active := func(is bool) {
		_, err := h.UpdateWebhook(h.ctx(), h.org, w.ID, func(w *store.WebhookRecord) error { w.IsActive = is; return nil })
		must(h.t, "UpdateWebhook", err)
	}
	active(false)
	due, err := h.DueWebhooks(h.ctx(), after(100))
	must(h.t, "DueWebhooks", err)
	want(h.t, "due while inactive", len(due), 0)
	want(h.t, "claimed while inactive", len(h.take(w, after(100), 10)), 0)
	_, err = h.ReplayDelivery(h.ctx(), h.org, w.ID, h.deliveries(w)[0].ID, after(100))
	code(h.t, "a replay while inactive", err, steward.Conflict)
	active(true)
	h.takeOne(w, after(100))
}

func deliveryList(h *hookFixture) {
	w := h.hook(nil)
	for i := range 6 {
		id := h.submitted()
		h.finish(h.claimOne(id, after(i)), store.Outcome{Status: steward.StatusSuccess, At: after(i)})
	}
	claimed := h.take(w, after(10), 4)
	h.recorded(
		result(claimed[0], after(11), store.DeliveryDone), result(claimed[1], after(11), store.DeliveryGivenUp),
		result(claimed[2], after(11), store.DeliveryDone), result(claimed[3], after(11), store.DeliveryRetry))
	all := h.deliveries(w)
	want(h.t, "all", len(all), 6)
	if !slices.IsSortedFunc(all, func(a, b steward.Delivery) int { return b.CreatedAt.Compare(a.CreatedAt) }) {
		h.t.Errorf("not newest first: %+v", all)
	}
	want(h.t, "delivered", len(h.deliveries(w, steward.DeliveryDelivered)), 2)
	want(h.t, "failed", len(h.deliveries(w, steward.DeliveryFailed)), 1)
	want(h.t, "pending", len(h.deliveries(w, steward.DeliveryPending)), 3)
	want(h.t, "pending or failed", len(h.deliveries(w, steward.DeliveryPending, steward.DeliveryFailed)), 4)
	var paged []steward.Delivery
	for offset := 0; offset < 8; offset += 2 {
		page, count, err := h.ListDeliveries(h.ctx(), h.org, w.ID, store.DeliveryQuery{Limit: 2, Offset: offset})
		must(h.t, "ListDeliveries", err)
		want(h.t, "count", count, 6)
		paged = append(paged, page...)
	}
	same(h.t, "pages", paged, all)
}

func deliveryReplay(h *hookFixture) {
	w := h.hook(nil)
	h.finished(steward.StatusSuccess)
	first := h.takeOne(w, after(1))
	h.recorded(result(first, after(2), store.DeliveryGivenUp))
	d, err := h.ReplayDelivery(h.ctx(), h.org, w.ID, first.ID, after(50))
	must(h.t, "ReplayDelivery", err)
	want(h.t, "status", d.Status, steward.DeliveryPending)
	want(h.t, "attempts", d.Attempts, 0)
	want(h.t, "due", *d.NextAttemptAt, after(50))
	want(h.t, "end", d.EndedAt == nil, true)
	second := h.takeOne(w, after(50))
	_, err = h.ReplayDelivery(h.ctx(), h.org, w.ID, first.ID, after(51)) // while it is being sent
	must(h.t, "ReplayDelivery", err)
	h.recorded(result(second, after(52), store.DeliveryDone))
	want(h.t, "status after an outdated result", h.deliveries(w)[0].Status, steward.DeliveryPending)
	h.recorded(result(h.takeOne(w, after(52)), after(53), store.DeliveryDone))
	want(h.t, "status at last", h.deliveries(w)[0].Status, steward.DeliveryDelivered)
}

func deliveryResend(h *hookFixture) {
	first, second := h.hook(nil), h.hook(nil)
	inactive := h.hook(func(w *store.WebhookRecord) { w.IsActive = false })
	h.hook(func(w *store.WebhookRecord) { w.Events = []steward.EventType{steward.EventBatchCompleted} })
	open := h.submitted()
	_, err := h.ResendJob(h.ctx(), h.org, open, "", after(1))
	code(h.t, "an open job", err, steward.Conflict)
	h.finish(h.claimOne(open, now()), store.Outcome{Status: steward.StatusSuccess, At: after(1)})
	resend := func(id steward.WebhookID) int {
		n, err := h.ResendJob(h.ctx(), h.org, open, id, after(5))
		must(h.t, "ResendJob", err)
		return n
	}
	want(h.t, "queued for all", resend(""), 2)
	want(h.t, "queued for one", resend(second.ID), 1)
	want(h.t, "queued for an inactive one", resend(inactive.ID), 0)
	want(h.t, "deliveries of the first", len(h.deliveries(first)), 2)
	list := h.deliveries(second)
	want(h.t, "deliveries of the second", len(list), 3)
	want(h.t, "time of the newest", list[0].CreatedAt, after(5))
	want(h.t, "job of the newest", *list[0].JobID, open)
	want(h.t, "claimed", len(h.take(second, after(5), 10)), 3)
}

func deliverySweep(h *hookFixture) {
	w, doomed := h.hook(nil), h.hook(nil)
	paused := h.hook(nil)
	for range 4 {
		h.finished(steward.StatusSuccess)
	}
	claimed := h.take(w, after(1), 10)
	h.recorded(
		result(claimed[0], after(10), store.DeliveryDone), result(claimed[1], after(20), store.DeliveryDone), result(claimed[2], after(10), store.DeliveryGivenUp))
	_, err := h.UpdateWebhook(h.ctx(), h.org, paused.ID, func(w *store.WebhookRecord) error { w.IsActive = false; return nil })
	must(h.t, "UpdateWebhook", err)
	must(h.t, "DeleteWebhook", h.DeleteWebhook(h.ctx(), h.org, doomed.ID))
	sweep := func(s store.DeliverySweep) int {
		n, err := h.SweepDeliveries(h.ctx(), s)
		must(h.t, "SweepDeliveries", err)
		return n
	}
	want(h.t, "swept of the deleted webhook, first part", sweep(store.DeliverySweep{Limit: 3}), 3)
	want(h.t, "swept of the deleted webhook, the rest", sweep(store.DeliverySweep{Limit: 3}), 1)
	want(h.t, "swept when nothing is old", sweep(store.DeliverySweep{DeliveredBefore: after(10), FailedBefore: after(10), PausedBefore: after(1), Limit: 10}), 0)
	want(h.t, "delivered ones", sweep(store.DeliverySweep{DeliveredBefore: after(11), Limit: 10}), 1)
	want(h.t, "failed ones", sweep(store.DeliverySweep{FailedBefore: after(11), Limit: 10}), 1)
	want(h.t, "paused ones", sweep(store.DeliverySweep{PausedBefore: after(2), Limit: 10}), 4)
	want(h.t, "what is left", len(h.deliveries(w)), 2)
	want(h.t, "what is left of the paused one", len(h.deliveries(paused)), 0)
}

func hookAgentDeleted(h *hookFixture) {
	w := h.hook(nil)
	other, _ := created(h.t, h.Store, h.org, "Other", now())
	must(h.t, "LinkWebhook", h.LinkWebhook(h.ctx(), h.org, w.ID, []steward.AgentID{other.ID}, now(), 10))
	h.finished(steward.StatusSuccess)
	h.recorded(result(h.takeOne(w, after(1)), after(2), store.DeliveryDone))
	h.finished(steward.StatusSuccess)
	h.submit(h.jobOf(h.org, other.ID))
	h.finish(h.claimAt(after(1))[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: after(2)})
	running := h.started()
	must(h.t, "DeleteAgent", h.DeleteAgent(h.ctx(), h.org, h.agent, after(3)))
	same(h.t, "links", h.current(w).AgentIDs, []steward.AgentID{other.ID})
	pending := h.deliveries(w, steward.DeliveryPending)
	if len(pending) != 1 || pending[0].AgentID != other.ID {
		h.t.Errorf("pending: %+v, want that of the other agent", pending)
	}
	want(h.t, "delivered ones", len(h.deliveries(w, steward.DeliveryDelivered)), 1)
	h.finish(running, store.Outcome{Status: steward.StatusSuccess, At: after(4)})
	want(h.t, "pending after the end of its last job", len(h.deliveries(w, steward.DeliveryPending)), 1)
	code(h.t, "a link to a deleted agent", h.LinkWebhook(h.ctx(), h.org, w.ID, []steward.AgentID{h.agent}, after(5), 10), steward.NotFound)
}

func secretProof(h *hookFixture) {
	got, err := h.SecretProof(h.ctx())
	must(h.t, "SecretProof", err)
	want(h.t, "proof before the first", len(got), 0)
	for range 2 {
		kept, err := h.KeepSecretProof(h.ctx(), []byte{1, 2, 3})
		must(h.t, "KeepSecretProof", err)
		want(h.t, "kept", string(kept), "\x01\x02\x03")
	}
	kept, err := h.KeepSecretProof(h.ctx(), []byte{4})
	must(h.t, "KeepSecretProof", err)
	want(h.t, "kept after another", string(kept), "\x01\x02\x03")
	got, err = h.SecretProof(h.ctx())
	must(h.t, "SecretProof", err)
	want(h.t, "proof", string(got), "\x01\x02\x03")
}

func hookInvalid(h *hookFixture) {
	w := h.hook(nil)
	_, _, err := h.ListWebhooks(h.ctx(), h.org, 1001, 0)
	code(h.t, "limit of webhooks", err, steward.Invalid)
	_, _, err = h.ListDeliveries(h.ctx(), h.org, w.ID, store.DeliveryQuery{Limit: -1})
	code(h.t, "limit of deliveries", err, steward.Invalid)
	_, _, err = h.WebhookAgents(h.ctx(), h.org, w.ID, 1, -1)
	code(h.t, "offset of agents", err, steward.Invalid)
	_, err = h.ClaimDeliveries(h.ctx(), now(), now(), nil)
	code(h.t, "a claim of no time", err, steward.Invalid)
	_, err = h.RecordDeliveries(h.ctx(), make([]store.DeliveryResult, 1001), store.DisableRule{})
	code(h.t, "too many results", err, steward.Invalid)
	_, err = h.SweepDeliveries(h.ctx(), store.DeliverySweep{})
	code(h.t, "a sweep of nothing", err, steward.Invalid)
	claimed, err := h.ClaimDeliveries(h.ctx(), now(), after(1), nil)
	must(h.t, "a claim of no webhook", err)
	want(h.t, "claimed", len(claimed), 0)
	disabled, err := h.RecordDeliveries(h.ctx(), nil, store.DisableRule{})
	must(h.t, "no results", err)
	want(h.t, "disabled", len(disabled), 0)
}

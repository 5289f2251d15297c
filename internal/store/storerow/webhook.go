package storerow

import (
	"slices"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// WebhookEvents is the list of events that a webhook's two columns stand for.
func WebhookEvents(onJob, onBatch bool) []steward.EventType {
	events := []steward.EventType{}
	if onJob {
		events = append(events, steward.EventJobCompleted)
	}
	if onBatch {
		events = append(events, steward.EventBatchCompleted)
	}
	return events
}

// EventColumns is the inverse of WebhookEvents.
func EventColumns(events []steward.EventType) (onJob, onBatch bool) {
	return slices.Contains(events, steward.EventJobCompleted), slices.Contains(events, steward.EventBatchCompleted)
}

// Optional is a text that may be missing; "" is.
func Optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Text is the inverse of Optional.
func Text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// UnknownAgent is the error for an agent that is to be linked and is not the organization's.
func UnknownAgent() error {
	return &steward.Error{Code: steward.NotFound, Field: "agent_ids", Message: "There is no agent of this id."}
}

// Delivery statuses as rows keep them.
const (
	RowPending int64 = iota
	RowDelivered
	RowFailed
)

// DeliveryRows are the numbers of statuses, all when there are none.
func DeliveryRows(list []steward.DeliveryStatus) []int64 {
	if len(list) == 0 {
		return []int64{RowPending, RowDelivered, RowFailed}
	}
	var rows []int64
	for i, s := range steward.DeliveryStatuses() {
		if slices.Contains(list, s) {
			rows = append(rows, int64(i))
		}
	}
	return rows
}

// Delivery is a delivery's row. Times are microseconds, 0 for none.
type Delivery struct {
	ID, Webhook, Agent, Job, Batch         string
	Status, Attempts                       int64
	CreatedAt, DueAt, AttemptedAt, EndedAt int64
	ResponseStatus, DurationMS             int64
	ResponseBody, Error                    string
}

// Decode returns the delivery.
func (r *Delivery) Decode() steward.Delivery {
	d := steward.Delivery{
		ID: steward.DeliveryID(r.ID), WebhookID: steward.WebhookID(r.Webhook), Type: steward.EventJobCompleted,
		AgentID: steward.AgentID(r.Agent), Status: steward.DeliveryStatuses()[r.Status], Attempts: int(r.Attempts), CreatedAt: Time(r.CreatedAt),
		LastAttemptAt: TimePtr(r.AttemptedAt), EndedAt: TimePtr(r.EndedAt), ResponseBody: r.ResponseBody, Error: Optional(r.Error),
	}
	if r.Job != "" {
		id := steward.JobID(r.Job)
		d.JobID = &id
	}
	if r.Batch != "" {
		id := steward.BatchID(r.Batch)
		d.BatchID, d.Type = &id, steward.EventBatchCompleted
	}
	if r.Status == RowPending {
		d.NextAttemptAt = TimePtr(r.DueAt)
	}
	if r.ResponseStatus != 0 {
		status := int(r.ResponseStatus)
		d.ResponseStatus = &status
	}
	if r.AttemptedAt != 0 {
		d.DurationMS = &r.DurationMS
	}
	return d
}

// Tally is what a number of results do to their webhook.
type Tally struct {
	Webhook  steward.WebhookID
	Reset    bool      // there was a success
	Failures int       // failed attempts behind the last success
	FailedAt time.Time // of the last of them
	Disable  string    // reason for which it turns inactive at once; "" for none
}

// Tallies sums up results by webhook, in the order of the webhooks' ids, so that all who lock them do so in one order.
// stored says which of the results count.
func Tallies(results []store.DeliveryResult, stored func(i int) bool) []Tally {
	by := map[steward.WebhookID]*Tally{}
	for i, r := range results {
		if !stored(i) {
			continue
		}
		t := by[r.Webhook]
		if t == nil {
			t = &Tally{Webhook: r.Webhook}
			by[r.Webhook] = t
		}
		switch r.Verdict {
		case store.DeliveryDone:
			t.Reset, t.Failures, t.FailedAt = true, 0, time.Time{}
		case store.DeliveryRetry, store.DeliveryGivenUp:
			t.Failures, t.FailedAt = t.Failures+1, r.At
		case store.DeliveryReleased, store.DeliveryDropped:
		}
		if r.Disable != "" {
			t.Disable = r.Disable
		}
	}
	list := make([]Tally, 0, len(by))
	for _, t := range by {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b Tally) int {
		switch {
		case a.Webhook < b.Webhook:
			return -1
		case a.Webhook > b.Webhook:
			return 1
		}
		return 0
	})
	return list
}

// CheckSweep reports what is wrong with a sweep. Errors: Invalid.
func CheckSweep(s store.DeliverySweep) error {
	if s.Limit < 1 {
		return OutOfRange("Limit", "Limit must be positive.")
	}
	return nil
}

// WebhookInactive is the error for a delivery of a webhook that sends nothing.
func WebhookInactive() error { return Conflict("", "The webhook is inactive.") }

// JobNotEnded is the error for a job whose end was to be told before it came.
func JobNotEnded() error { return Conflict("", "The job has not ended yet.") }

package steward

import (
	"encoding/json"
	"time"
)

// Webhook is an address that is told when something of its agents has ended. It belongs to an organization.
// The JSON form is the wire's: every key but Secret is always present, lists and maps are never null.
type Webhook struct {
	ID             WebhookID         `json:"id"`
	Name           string            `json:"name"`             // 1 to 255 characters
	URL            string            `json:"url"`              // http or https, at most 500 characters
	Secret         string            `json:"secret,omitempty"` // "whsec_" and base64; only in the answers that make a new one
	Headers        map[string]string `json:"headers"`          // sent with every event; values are hidden from keys that may only read
	Events         []EventType       `json:"events"`
	IsActive       bool              `json:"is_active"` // nothing is sent while it is false
	Alerts         []string          `json:"alerts"`    // UUIDs that the caller keeps here; nothing is done with them
	IncludeInputs  bool              `json:"include_inputs"`
	NotifyCached   bool              `json:"notify_cached"`   // jobs that were answered from the cache count too
	HasSecret      bool              `json:"has_secret"`      // always true: a webhook without a secret of its caller's gets one
	FailureCount   int               `json:"failure_count"`   // attempts that failed since the last one that did not
	DisabledReason *string           `json:"disabled_reason"` // why the server itself made it inactive
	CreatedAt      time.Time         `json:"created_at"`
	UpdatedAt      time.Time         `json:"updated_at"`
	AgentIDs       []AgentID         `json:"agent_ids"` // whose events it is told of
}

// WebhookAgent is an agent that a webhook is linked to.
type WebhookAgent struct {
	ID       AgentID   `json:"id"`
	Name     string    `json:"name"`
	LinkedAt time.Time `json:"linked_at"`
}

// HiddenValue stands in the place of a header's value for those who may not see it.
const HiddenValue = "(hidden)"

// EventType says what has happened.
type EventType string

// The types of events.
const (
	EventJobCompleted   EventType = "job_completed"   // a job has ended, however
	EventBatchCompleted EventType = "batch_completed" // a batch is closed and all its jobs have ended
)

// EventTypes lists every type of event.
func EventTypes() []EventType { return []EventType{EventJobCompleted, EventBatchCompleted} }

// Event is what a webhook is sent. Either Job or Batch is set, by the type.
type Event struct {
	ID             DeliveryID     `json:"id"` // the same in every attempt to deliver it, and in the header webhook-id
	Type           EventType      `json:"event"`
	Timestamp      time.Time      `json:"timestamp"` // when it happened
	OrganizationID OrganizationID `json:"organization_id"`
	Agent          EventAgent     `json:"agent"`
	AgentVersion   EventVersion   `json:"agent_version"`
	Job            *EventJob      `json:"job,omitempty"`
	Batch          *Batch         `json:"batch,omitempty"`
	Test           bool           `json:"test,omitempty"` // a sample that somebody asked for: its job never was
}

// EventAgent names the agent of an event.
type EventAgent struct {
	ID   AgentID `json:"id"`
	Name string  `json:"name"`
}

// EventVersion names the version that an event's job ran on.
type EventVersion struct {
	ID   VersionID `json:"id"`
	Name string    `json:"name"`
}

// EventJob is the job of an event.
type EventJob struct {
	ID           JobID           `json:"id"`
	Status       string          `json:"status"` // succeeded or failed; a cancelled job has failed
	StatusCode   Status          `json:"status_code"`
	Cost         *float64        `json:"cost"` // US dollars; null when a price is unknown
	CreatedAt    time.Time       `json:"created_at"`
	CompletedAt  time.Time       `json:"completed_at"`
	Output       json.RawMessage `json:"output"`  // value of the first output: parsed when it is JSON, a string otherwise; null when there is none
	Outputs      []Datum         `json:"outputs"` // never null
	ErrorMessage *string         `json:"error_message"`
	FailureCode  FailureCode     `json:"failure_code,omitempty"`
	Metadata     json.RawMessage `json:"metadata"` // a JSON object
	InputTokens  int64           `json:"input_tokens"`
	OutputTokens int64           `json:"output_tokens"`
	Inputs       []EventInput    `json:"inputs,omitempty"` // only for webhooks that ask for them
	BatchID      BatchID         `json:"batch_id,omitempty"`
	BatchIndex   *int64          `json:"batch_index,omitempty"`
	CachedFrom   JobID           `json:"cached_from,omitempty"`
	ResultURL    string          `json:"result_url"`          // where the whole result can be read
	Truncated    bool            `json:"truncated,omitempty"` // outputs and inputs were left out because they are too long
}

// EventInput is an input of an event's job. Files stand as their id or the URL they came from, one element each.
type EventInput struct {
	Key         string `json:"key"`
	Description string `json:"description"`
	DataType    string `json:"data_type"`
	Value       string `json:"value"`
	FileName    string `json:"file_name,omitempty"`
}

// Delivery is one event on its way to one webhook.
type Delivery struct {
	ID             DeliveryID     `json:"id"`
	WebhookID      WebhookID      `json:"webhook_id"`
	Type           EventType      `json:"event"`
	AgentID        AgentID        `json:"agent_id"`
	JobID          *JobID         `json:"job_id"`
	BatchID        *BatchID       `json:"batch_id"`
	Status         DeliveryStatus `json:"status"`
	Attempts       int            `json:"attempts"` // finished ones, since it was queued or replayed
	CreatedAt      time.Time      `json:"created_at"`
	NextAttemptAt  *time.Time     `json:"next_attempt_at"` // null unless pending
	LastAttemptAt  *time.Time     `json:"last_attempt_at"`
	EndedAt        *time.Time     `json:"ended_at"`        // when it was delivered or given up
	ResponseStatus *int           `json:"response_status"` // of the last attempt; null when there was no answer
	ResponseBody   string         `json:"response_body"`   // first part of a refusal's text
	DurationMS     *int64         `json:"duration_ms"`     // of the last attempt
	Error          *string        `json:"error"`           // why the last attempt failed
}

// DeliveryStatus is where a delivery stands.
type DeliveryStatus string

// The statuses of a delivery.
const (
	DeliveryPending   DeliveryStatus = "pending"   // an attempt is due, now or later
	DeliveryDelivered DeliveryStatus = "delivered" // the receiver took it
	DeliveryFailed    DeliveryStatus = "failed"    // given up
)

// DeliveryStatuses lists every status of a delivery.
func DeliveryStatuses() []DeliveryStatus {
	return []DeliveryStatus{DeliveryPending, DeliveryDelivered, DeliveryFailed}
}

// DeliveryReport says how the sending of a sample went.
type DeliveryReport struct {
	Success        bool       `json:"success"`
	DeliveryID     DeliveryID `json:"delivery_id"` // the header webhook-id of the sample
	WebhookID      WebhookID  `json:"webhook_id"`
	AgentID        AgentID    `json:"agent_id"`
	ResponseStatus *int       `json:"response_status"` // null when there was no answer
	ResponseBody   string     `json:"response_body"`   // first part of a refusal's text
	DurationMS     int64      `json:"duration_ms"`
	Error          *string    `json:"error"` // why it failed; null when it did not
}

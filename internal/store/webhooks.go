package store

import (
	"context"
	"time"

	"github.com/stewardhq/steward"
)

// Webhooks keeps webhooks, the agents that they are linked to, and the events on their way to them.
//
// Nobody calls it when a job or a batch ends: the database itself stores a delivery for each active webhook of the agent that asks for
// the event, in the very transaction that ends the job (or completes the batch). It does so for every change of status, on whatever
// path, and for jobs that are stored as ended; jobs that are stored as CACHED only for webhooks with NotifyCached.
// An agent that is deleted takes its links and pending deliveries along.
type Webhooks interface {
	// CreateWebhook stores a webhook without links. Errors: Conflict when the organization has limit webhooks, or the id is taken.
	CreateWebhook(ctx context.Context, w WebhookRecord, limit int) error
	// Webhook returns a webhook. Errors: NotFound.
	Webhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID) (*WebhookRecord, error)
	// ListWebhooks returns a page of an organization's webhooks, newest first, and how many there are.
	// limit is 1 to 1000. Offset beyond the end gives an empty slice.
	ListWebhooks(ctx context.Context, org steward.OrganizationID, limit, offset int) (page []WebhookRecord, count int64, err error)
	// UpdateWebhook calls change with a webhook as it is and stores what it leaves, but for id, organization, links and time of
	// creation. change may be called twice and has no other effects; its error is returned and nothing is stored. Errors: NotFound.
	UpdateWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, change func(w *WebhookRecord) error) (*WebhookRecord, error)
	// DeleteWebhook deletes a webhook and its links. Its deliveries cannot be reached any more. Errors: NotFound.
	DeleteWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID) error
	// LinkWebhook links a webhook to agents, all or none; links that are there stay as they are.
	// Errors: NotFound for the webhook, NotFound with Field "agent_ids" for an agent; Conflict when the webhook would have more than
	// limit links.
	LinkWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, agents []steward.AgentID, at time.Time, limit int) error
	// UnlinkWebhook removes a link. What is on its way stays so. Errors: NotFound for the webhook or when there is no link.
	UnlinkWebhook(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, agent steward.AgentID) error
	// WebhookAgents returns a page of a webhook's agents, by name, and how many there are. limit is 1 to 1000. Errors: NotFound.
	WebhookAgents(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, limit, offset int) (
		page []steward.WebhookAgent, count int64, err error)

	// ListDeliveries returns a page of a webhook's deliveries, newest first, and how many match. Errors: NotFound for the webhook.
	ListDeliveries(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, q DeliveryQuery) (
		page []steward.Delivery, count int64, err error)
	// Delivery returns one delivery of a webhook. Errors: NotFound.
	Delivery(ctx context.Context, org steward.OrganizationID, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error)
	// ReplayDelivery makes a delivery pending again, due at once, with no attempt made. An attempt under way does not count any more.
	// Errors: NotFound; Conflict when the webhook is inactive.
	ReplayDelivery(ctx context.Context, org steward.OrganizationID, webhook steward.WebhookID, id steward.DeliveryID, at time.Time) (
		*steward.Delivery, error)
	// ResendJob stores a new delivery about an ended job for each active webhook that is linked to its agent and asks for such events;
	// webhook, unless it is "", chooses one of them. It returns how many that were.
	// Errors: NotFound for the job or the webhook; Conflict while the job is open.
	ResendJob(ctx context.Context, org steward.OrganizationID, job steward.JobID, webhook steward.WebhookID, at time.Time) (int, error)

	// DueWebhooks returns the active webhooks that have a delivery due by now, at most 10,000. It is cheap and meant for polling.
	DueWebhooks(ctx context.Context, now time.Time) ([]DueWebhook, error)
	// ClaimDeliveries takes due deliveries of active webhooks, those due first before others, and makes each due again at until:
	// whoever sends one has to record its result by then. until must be after now. None is an empty slice.
	ClaimDeliveries(ctx context.Context, now, until time.Time, takes []DeliveryTake) ([]ClaimedDelivery, error)
	// RecordDeliveries stores what came of claimed deliveries, and returns the webhooks that turned inactive by it. Results of
	// claims that are outdated (claimed again, replayed or gone) are left out. At most 1000.
	// A success sets the webhook's failure count to 0, a failed attempt adds 1; at rule.Failures an active webhook turns inactive.
	RecordDeliveries(ctx context.Context, results []DeliveryResult, rule DisableRule) (disabled []steward.WebhookID, err error)
	// SweepDeliveries deletes old deliveries, at most s.Limit of each kind, and returns how many they were.
	SweepDeliveries(ctx context.Context, s DeliverySweep) (int, error)

	// SecretProof returns what KeepSecretProof stored first, nil before.
	SecretProof(ctx context.Context) ([]byte, error)
	// KeepSecretProof stores a value that only holders of the right key can open, unless there is one, and returns what is stored:
	// processes that share the database find out whether they share the key.
	KeepSecretProof(ctx context.Context, sealed []byte) (kept []byte, err error)
}

// WebhookRecord is a webhook as it is kept: what is secret about it is sealed, and Secret and Headers of the Webhook are empty.
type WebhookRecord struct {
	steward.Webhook
	OrganizationID  steward.OrganizationID
	SealedSecret    []byte
	SealedOldSecret []byte    // the secret before; nil means none
	OldSecretUntil  time.Time // how long it counts
	SealedHeaders   []byte    // nil means none
	FailedAt        time.Time // time of the last failed attempt; zero when the last one was a success or there was none
}

// DeliveryQuery filters and cuts a list of deliveries.
type DeliveryQuery struct {
	Status []steward.DeliveryStatus // none means all
	Limit  int                      // 1 to 1000; 0 means 20
	Offset int
}

// DueWebhook is a webhook that has something to send.
type DueWebhook struct {
	ID           steward.WebhookID
	FailureCount int
	FailedAt     time.Time // zero when the last attempt was a success
}

// DeliveryTake says how many deliveries of a webhook are wanted.
type DeliveryTake struct {
	Webhook steward.WebhookID
	Max     int // 1 to 1000
}

// ClaimedDelivery is a delivery that somebody is to send.
type ClaimedDelivery struct {
	steward.Delivery
	Fence          int64 // goes up with every claim
	OrganizationID steward.OrganizationID
	AgentName      string
	Webhook        *WebhookRecord // shared by the deliveries of a claim; AgentIDs are left out
}

// DeliveryResult is what came of one claimed delivery.
type DeliveryResult struct {
	ID        steward.DeliveryID
	Webhook   steward.WebhookID
	Fence     int64
	At        time.Time // of the result
	Verdict   DeliveryVerdict
	NextAt    time.Time // for DeliveryRetry and DeliveryReleased: when it is due again
	Response  int       // status of the answer; 0 when there was none
	Body      string    // first part of the answer's text; "" for a success
	Error     string    // why the attempt failed; "" for a success
	Duration  time.Duration
	StartedAt time.Time
	Disable   string // not "": the webhook turns inactive for this reason
}

// DeliveryVerdict says what is to become of a delivery.
type DeliveryVerdict int

// The verdicts.
const (
	DeliveryDone     DeliveryVerdict = iota // the receiver took it
	DeliveryRetry                           // the attempt failed; another follows
	DeliveryGivenUp                         // the attempt failed, and it was the last one
	DeliveryReleased                        // there was no attempt after all
	DeliveryDropped                         // there is nothing to tell any more: the delivery is deleted
)

// DisableRule says when a webhook turns inactive by itself.
type DisableRule struct {
	Failures int    // straight failed attempts; 0 means never
	Reason   string // for people
}

// DeliverySweep says which deliveries are old.
type DeliverySweep struct {
	DeliveredBefore time.Time
	FailedBefore    time.Time
	PausedBefore    time.Time // pending ones of inactive webhooks, by the time they were due
	Limit           int       // at least 1
}

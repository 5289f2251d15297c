// Package webhooks tells addresses outside when jobs and batches have ended.
//
// A Service keeps webhooks and answers for the rules about them. The database itself fills the outbox when something ends (see
// store.Webhooks); a Deliverer empties it:
//
//	s := webhooks.New(db, box, web, files, clock.System{}, &webhooks.Options{BaseURL: url})
//	err := webhooks.NewDeliverer(s, nil).Run(ctx)
//
// An event is sent at least once, in no particular order, signed by the Standard Webhooks scheme. Secrets and header values are
// sealed in the database and never logged.
package webhooks

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/safehttp"
	"github.com/stewardhq/steward/internal/secret"
	"github.com/stewardhq/steward/internal/store"
)

// Store is what the package needs of a database.
type Store interface {
	store.Webhooks
	// JobStatus and the others are those of package store.
	JobStatus(ctx context.Context, org steward.OrganizationID, id steward.JobID) (*store.JobStatus, error)
	Job(ctx context.Context, org steward.OrganizationID, id steward.JobID) (*steward.Job, error)
	Batch(ctx context.Context, org steward.OrganizationID, id steward.BatchID) (*steward.Batch, error)
	Version(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (*steward.Version, error)
}

// Files reads stored files. Package files implements it.
type Files interface {
	// Open reads a stored file. The caller closes it. Errors: NotFound.
	Open(ctx context.Context, f steward.File) (io.ReadSeekCloser, error)
}

// Options tunes a Service. The zero value is ready to use.
type Options struct {
	BaseURL string       // of this server as receivers see it, for links; "" leaves links relative
	Logger  *slog.Logger // nil means slog.Default()
}

// Service holds the rules about webhooks. Safe for concurrent use.
type Service struct {
	store   Store
	vault   *vault
	web     *safehttp.Client
	files   Files
	clock   clock.Clock
	baseURL string
	log     *slog.Logger
	wake    chan struct{}
	samples chan struct{} // holds a value for each sample that is being sent
	making  chan struct{} // holds a value for each event that is being made of its job
}

const (
	maxSamples = 16 // samples that are sent at once; their callers wait for them
	maxMaking  = 4  // events that are made at once: a job may be many times as long as what is sent of it
)

// New returns a Service. web sends the events: see NewClient.
func New(s Store, box *secret.Box, web *safehttp.Client, files Files, c clock.Clock, opts *Options) *Service {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Service{
		store: s, vault: &vault{box: box, store: s}, web: web, files: files, clock: c, baseURL: strings.TrimSuffix(o.BaseURL, "/"), log: o.Logger,
		wake: make(chan struct{}, 1), samples: make(chan struct{}, maxSamples), making: make(chan struct{}, maxMaking),
	}
}

// attemptTimeout bounds an attempt to deliver, from the look-up of the name to the end of the answer.
const attemptTimeout = 10 * time.Second

// NewClient returns a client that sends by the rules of webhooks: no redirects, 10 seconds for each attempt, and only to public
// addresses or those allowed.
//
// Errors: Invalid for hosts and networks that cannot be meant.
func NewClient(hosts []string, networks []netip.Prefix, userAgent string) (*safehttp.Client, error) {
	return safehttp.New(&safehttp.Options{
		AllowHosts: hosts, AllowNetworks: networks, UserAgent: userAgent, Timeout: attemptTimeout, HeaderTimeout: attemptTimeout,
		DialTimeout: attemptTimeout / 2, MaxRedirects: -1, IdlePerHost: perWebhook,
		MaxBytes: 1 << 40, // what is read of an answer is bounded by the reader; a long one is no failure
	})
}

// Limits of an organization's webhooks.
const (
	MaxWebhooks = 100  // of an organization
	MaxLinks    = 1000 // agents of a webhook
)

// CreateParams describes a new webhook.
type CreateParams struct {
	Name          string            // 1 to 255 characters
	URL           string            // http or https, at most 500 characters
	Secret        string            // at most 255 characters; "whsec_" and base64, or any text; "" means that one is made
	Headers       map[string]string // at most 20; sent with every event
	Events        []steward.EventType
	Inactive      bool
	Alerts        []string // UUIDs, at most 100; kept for the caller
	IncludeInputs bool
	NotifyCached  bool
}

// Create stores a webhook that is linked to no agent yet. Secret of the answer is its secret, shown this once.
//
// Errors: Invalid naming the field; Conflict for too many webhooks; Denied without ScopeWrite.
func (s *Service) Create(ctx context.Context, p CreateParams) (*steward.Webhook, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	id := steward.NewIDFrom(ctx)
	if id == "" {
		fresh, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make webhook id: %w", err)
		}
		id = fresh.String()
	}
	now := s.clock.Now()
	w := store.WebhookRecord{OrganizationID: who.OrganizationID}
	w.Webhook = steward.Webhook{
		ID: steward.WebhookID(id), HasSecret: true, CreatedAt: now, UpdatedAt: now, AgentIDs: []steward.AgentID{}, IsActive: !p.Inactive,
		IncludeInputs: p.IncludeInputs, NotifyCached: p.NotifyCached,
	}
	if p.Alerts == nil {
		p.Alerts = []string{}
	}
	key, err := keyOf(p.Secret)
	if err != nil {
		return nil, err
	}
	change := UpdateParams{Name: &p.Name, URL: &p.URL, Events: &p.Events, Alerts: &p.Alerts, Headers: &p.Headers}
	if err := s.prepare(ctx, who.OrganizationID, w.ID, &change); err != nil {
		return nil, err
	}
	if change.sealedSecret, err = s.vault.sealSecret(who.OrganizationID, w.ID, key); err != nil {
		return nil, err
	}
	change.apply(&w, now)
	if err := s.store.CreateWebhook(ctx, w, MaxWebhooks); err != nil {
		return nil, fmt.Errorf("create webhook: %w", err)
	}
	out, err := s.present(ctx, who, &w)
	if err != nil {
		return nil, err
	}
	out.Secret = secretText(key)
	return out, nil
}

// UpdateParams is what becomes of a webhook; nil leaves a field as it is.
type UpdateParams struct {
	Name          *string
	URL           *string
	Secret        *string            // not ""; the old one signs too for 24 hours
	Headers       *map[string]string // replaces all
	Events        *[]steward.EventType
	Active        *bool // true begins anew after failures
	Alerts        *[]string
	IncludeInputs *bool
	NotifyCached  *bool

	sealedSecret, sealedHeaders []byte
}

// Update changes a webhook.
//
// Errors: NotFound; Invalid naming the field; Denied without ScopeWrite.
func (s *Service) Update(ctx context.Context, id steward.WebhookID, p UpdateParams) (*steward.Webhook, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	if _, err := s.store.Webhook(ctx, who.OrganizationID, id); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, who.OrganizationID, id, &p); err != nil {
		return nil, err
	}
	now := s.clock.Now()
	w, err := s.store.UpdateWebhook(ctx, who.OrganizationID, id, func(w *store.WebhookRecord) error {
		p.apply(w, now)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("update webhook: %w", err)
	}
	s.Wake() // it may have turned active
	return s.present(ctx, who, w)
}

// prepare checks a change and seals what is secret of it.
func (s *Service) prepare(ctx context.Context, org steward.OrganizationID, id steward.WebhookID, p *UpdateParams) error {
	if err := p.check(); err != nil {
		return err
	}
	if p.URL != nil {
		if err := s.checkURL(*p.URL); err != nil {
			return err
		}
	}
	if err := s.vault.prove(ctx); err != nil {
		return err
	}
	if p.Secret != nil {
		if *p.Secret == "" {
			return invalid("secret", "This field may not be blank.")
		}
		key, err := keyOf(*p.Secret)
		if err != nil {
			return err
		}
		if p.sealedSecret, err = s.vault.sealSecret(org, id, key); err != nil {
			return err
		}
	}
	if p.Headers != nil && len(*p.Headers) > 0 {
		var err error
		if p.sealedHeaders, err = s.vault.sealHeaders(org, id, *p.Headers); err != nil {
			return err
		}
	}
	return nil
}

// overlap is how long the secret before the current one signs too.
const overlap = 24 * time.Hour

// apply makes the change. It may be called twice.
func (p *UpdateParams) apply(w *store.WebhookRecord, now time.Time) {
	set(&w.Name, p.Name)
	set(&w.URL, p.URL)
	set(&w.Events, p.Events)
	set(&w.Alerts, p.Alerts)
	set(&w.IncludeInputs, p.IncludeInputs)
	set(&w.NotifyCached, p.NotifyCached)
	if p.Active != nil {
		if *p.Active {
			w.FailureCount, w.FailedAt = 0, time.Time{}
		}
		w.IsActive, w.DisabledReason = *p.Active, nil
	}
	if p.Headers != nil {
		w.SealedHeaders = p.sealedHeaders
	}
	if p.sealedSecret != nil {
		if w.SealedSecret != nil {
			w.SealedOldSecret, w.OldSecretUntil = w.SealedSecret, now.Add(overlap)
		}
		w.SealedSecret = p.sealedSecret
	}
	w.UpdatedAt = now
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// RotateSecret gives a webhook a new secret, which Secret of the answer shows this once. The old one signs too for 24 hours.
//
// Errors: NotFound; Denied without ScopeWrite.
func (s *Service) RotateSecret(ctx context.Context, id steward.WebhookID) (*steward.Webhook, error) {
	key, err := keyOf("")
	if err != nil {
		return nil, err
	}
	text := secretText(key)
	w, err := s.Update(ctx, id, UpdateParams{Secret: &text})
	if err != nil {
		return nil, err
	}
	w.Secret = text
	return w, nil
}

// Get returns a webhook. Errors: NotFound.
func (s *Service) Get(ctx context.Context, id steward.WebhookID) (*steward.Webhook, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	w, err := s.store.Webhook(ctx, who.OrganizationID, id)
	if err != nil {
		return nil, err
	}
	return s.present(ctx, who, w)
}

// List returns a page of the organization's webhooks, newest first, and how many there are. page is from 1, size 1 to 100.
func (s *Service) List(ctx context.Context, page, size int) ([]steward.Webhook, int64, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(page, size)
	rows, count, err := s.store.ListWebhooks(ctx, who.OrganizationID, limit, offset)
	if err != nil {
		return nil, 0, fmt.Errorf("list webhooks: %w", err)
	}
	out := make([]steward.Webhook, 0, len(rows))
	for i := range rows {
		w, err := s.present(ctx, who, &rows[i])
		if err != nil {
			return nil, 0, err
		}
		out = append(out, *w)
	}
	return out, count, nil
}

// window turns a page's number and size into a limit and an offset.
func window(page, size int) (limit, offset int) {
	if size <= 0 {
		size = 20
	}
	size = min(size, 100)
	return size, (max(page, 1) - 1) * size
}

// present makes a stored webhook fit for a caller: the values of headers are for those who may write.
func (s *Service) present(ctx context.Context, who *steward.Principal, rec *store.WebhookRecord) (*steward.Webhook, error) {
	w := rec.Webhook
	headers, err := s.vault.openHeaders(rec)
	if err != nil {
		if unfit := s.vault.fits(ctx); unfit != nil {
			return nil, unfit
		}
		return nil, err
	}
	if !who.Allows(steward.ScopeWrite) {
		for name := range headers {
			headers[name] = steward.HiddenValue
		}
	}
	w.Headers = headers
	return &w, nil
}

// Delete deletes a webhook with its links. What is on its way is not sent any more.
//
// Errors: NotFound; Denied without ScopeWrite.
func (s *Service) Delete(ctx context.Context, id steward.WebhookID) error {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return err
	}
	return s.store.DeleteWebhook(ctx, who.OrganizationID, id)
}

// Link links a webhook to agents, all or none, and returns it. Links that are there stay.
//
// Errors: NotFound for the webhook or an agent; Invalid naming agent_ids for none or too many of them; Conflict naming agent_ids when
// the webhook would have more than MaxLinks; Denied without ScopeWrite.
func (s *Service) Link(ctx context.Context, id steward.WebhookID, agents []steward.AgentID) (*steward.Webhook, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return nil, err
	}
	if len(agents) == 0 || len(agents) > MaxLinks {
		return nil, invalid("agent_ids", fmt.Sprintf("Must name 1 to %d agents.", MaxLinks))
	}
	if err := s.store.LinkWebhook(ctx, who.OrganizationID, id, agents, s.clock.Now(), MaxLinks); err != nil {
		return nil, fmt.Errorf("link webhook: %w", err)
	}
	return s.Get(ctx, id)
}

// Unlink removes a link. What is on its way is still sent.
//
// Errors: NotFound for the webhook or when there is no link; Denied without ScopeWrite.
func (s *Service) Unlink(ctx context.Context, id steward.WebhookID, agent steward.AgentID) error {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return err
	}
	return s.store.UnlinkWebhook(ctx, who.OrganizationID, id, agent)
}

// Agents returns a page of the agents that a webhook is linked to, by name, and how many there are. Errors: NotFound.
func (s *Service) Agents(ctx context.Context, id steward.WebhookID, page, size int) ([]steward.WebhookAgent, int64, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(page, size)
	return s.store.WebhookAgents(ctx, who.OrganizationID, id, limit, offset)
}

// Wake makes the deliverer of this process look for what is due.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default: // one is pending already
	}
}

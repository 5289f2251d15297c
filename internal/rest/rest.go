// Package rest is the HTTP door: one handler that serves every family of the API, its OpenAPI document and its pages.
//
//	h, err := rest.New(rest.Options{Agents: agents, Jobs: jobs, …})
//	http.ListenAndServe(addr, h)
//
// Every answer but downloads and pages is JSON, errors and panics included, and carries X-Request-Id. Paths are answered
// with and without a trailing slash and never redirected. The handler is safe for concurrent use and keeps no state.
package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/rest/admit"
	"github.com/stewardhq/steward/internal/rest/run"
	"github.com/stewardhq/steward/internal/rest/wire"
)

// IdentityService knows keys and users. Package identity implements it.
type IdentityService interface {
	wire.Authenticator
	run.UserService
	run.KeyService
}

// Options is what the door stands on. The services must be given.
type Options struct {
	Agents   run.AgentService
	Jobs     run.JobService
	Identity IdentityService
	Files    run.FileService
	Webhooks run.WebhookService
	Once     run.OnceService // nil: idempotency keys of creates are ignored

	// Ready reports whether requests can be served; nil means always.
	Ready func(ctx context.Context) error

	// HealthOnly serves /healthz and /readyz and nothing else, for a process that only works.
	HealthOnly bool

	// Limits says what is let in; nil lets everything in. Its Logger is that of the door.
	Limits *admit.Options

	Logger  *slog.Logger // nil means slog.Default()
	BaseURL string       // http(s) URL of this server as clients see it, for absolute links; "" means as the request says
	Version string       // of the program, in the document; "" means "dev"
}

// New returns the door. The error says which option is missing or malformed.
func New(opts Options) (http.Handler, error) {
	if err := opts.fill(); err != nil {
		return nil, fmt.Errorf("rest: %w", err)
	}
	api := wire.New(wire.Options{
		Title: "Steward", Version: opts.Version, Description: description,
		Auth: opts.Identity, Logger: opts.Logger, BaseURL: opts.BaseURL, Door: opts.door(),
	})
	p := &pages{api: api, ready: opts.Ready}
	p.registerHealth()
	if !opts.HealthOnly {
		run.Register(api, run.Services{
			Agents: opts.Agents, Jobs: opts.Jobs, Users: opts.Identity, Keys: opts.Identity, Files: opts.Files, Webhooks: opts.Webhooks, Once: opts.Once, Logger: opts.Logger,
		})
		p.register()
	}
	api.Finish()
	return &server{next: api, log: opts.Logger}, nil
}

// door returns what requests pass; nil when everything is let in.
func (o *Options) door() *admit.Door {
	if o.Limits == nil {
		return nil
	}
	limits := *o.Limits
	limits.Logger = o.Logger
	return admit.New(limits)
}

const description = "Steward runs AI agents as durable, audited jobs. Every call takes an API key as a bearer token; the key decides " +
	"which organization is spoken of; an organization that a query (organization_id) or a header (X-Organization-Id) names beside it must be " +
	"that one. Paths are answered with and without the trailing slash. Every answer carries X-Request-Id."

// fill checks the options and sets defaults.
func (o *Options) fill() error {
	switch {
	case o.Agents == nil, o.Jobs == nil, o.Identity == nil, o.Files == nil, o.Webhooks == nil:
		return errors.New("a service is missing")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.BaseURL == "" {
		return nil
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("the base URL must be an http or https URL")
	}
	return nil
}

const tagService = "Service"

// pages are the operations that belong to no family.
type pages struct {
	api   *wire.API
	ready func(ctx context.Context) error
}

// registerHealth adds what tells a supervisor how the process is.
func (p *pages) registerHealth() {
	p.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: "/healthz", ID: "healthz", Tag: tagService, Public: true, Cost: admit.Free,
		Summary: "Is the process alive", Responses: map[string]*huma.Response{"200": {Description: "Yes"}},
	}, func(w http.ResponseWriter, r *http.Request) error {
		p.api.RawJSON(w, r, http.StatusOK, []byte(`{"status":"ok"}`))
		return nil
	})
	p.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: "/readyz", ID: "readyz", Tag: tagService, Public: true, Cost: admit.Free,
		Summary: "Can requests be served", Errors: []int{http.StatusServiceUnavailable},
		Responses: map[string]*huma.Response{"200": {Description: "Yes"}},
	}, p.readyz)
}

// register adds the document and its page.
func (p *pages) register() {
	docs := sync.OnceValues(p.render)
	p.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: "/openapi.json", ID: "openapi", Tag: tagService, Public: true,
		Summary: "This document", Responses: map[string]*huma.Response{"200": {Description: "OpenAPI 3.1"}},
	}, func(w http.ResponseWriter, r *http.Request) error {
		raw, err := p.api.Document()
		if err != nil {
			return err
		}
		p.api.RawJSON(w, r, http.StatusOK, raw)
		return nil
	})
	p.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: "/docs", ID: "docs", Tag: tagService, Public: true,
		Summary: "This document as a page", Responses: map[string]*huma.Response{"200": {Description: "HTML"}},
	}, func(w http.ResponseWriter, r *http.Request) error {
		page, err := docs()
		if err != nil {
			return err
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
		p.api.HTML(w, r, page)
		return nil
	})
}

func (p *pages) readyz(w http.ResponseWriter, r *http.Request) error {
	if p.ready != nil {
		if err := p.ready(r.Context()); err != nil {
			if e := (*steward.Error)(nil); errors.As(err, &e) && e.Code == steward.Unavailable && e.Err == nil {
				return err // it says why
			}
			return &steward.Error{Code: steward.Unavailable, Message: "The server is not ready.", Err: err}
		}
	}
	p.api.RawJSON(w, r, http.StatusOK, []byte(`{"status":"ok"}`))
	return nil
}
